/* tools/outcome_read.c - an outcome from its file. */
#include "tools/outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/map.h"
#include "core/options.h"
#include "gateway/json.h"

/* A file that is being read. */
struct reader {
    const struct mu_workload *workload;
    struct mu_map *ids; /* of the workload's tickets -> index */
    struct mu_json *json;
    struct mu_outcome_list *outcome;
};

bool mu_outcome_is(const char *path)
{
    static const char start[] = "{\"type\":\"outcome\"";
    char head[sizeof start] = "";
    size_t used = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    for (int c = fgetc(file); c != EOF && c != '\n' && used < sizeof start - 1; c = fgetc(file)) {
        if (c != ' ') {
            head[used++] = (char)c;
        }
    }
    (void)fclose(file);
    return memcmp(head, start, sizeof start - 1) == 0;
}

/* The ticket that a node names, UINT32_MAX: there is none. */
static uint32_t ticket_of(const struct reader *reader, uint32_t node)
{
    const struct mu_json_node *value = &reader->json->nodes[node];
    char id[MU_ID_MAX + 1] = "";
    if (value->type == MU_JSON_INTEGER) {
        (void)snprintf(id, sizeof id, "%" PRId64, value->integer);
    } else if (value->type == MU_JSON_STRING && strlen(value->text) <= MU_ID_MAX) {
        (void)snprintf(id, sizeof id, "%s", value->text);
    }
    uint32_t index = mu_map_get(reader->ids, id);
    return index == MU_MAP_NONE ? UINT32_MAX : index;
}

/* A ticket that stands in a match once is there with all its players; one that stands there
 * several times, with one of them each time. */
static void share_out(const struct mu_workload *workload, struct mu_outcome_seat *seats,
                      uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t before = 0;
        uint32_t times = 0;
        if (seats[i].ticket == UINT32_MAX) {
            continue;
        }
        for (uint32_t k = 0; k < count; k++) {
            bool same = seats[k].ticket == seats[i].ticket;
            times += same ? 1 : 0;
            before += same && k < i ? 1 : 0;
        }
        uint32_t players = workload->tickets[seats[i].ticket].players_count;
        bool known = before < players;
        seats[i].first = known ? before : 0;
        seats[i].players = times == 1 ? players : 1;
    }
}

/* Reads "teams".  Returns NULL, or what is wrong. */
static const char *read_teams(const struct reader *reader, uint32_t teams,
                              struct mu_outcome_match *match,
                              struct mu_outcome_seat seats[MU_MATCH_PLAYERS_MAX])
{
    const struct mu_json_node *nodes = reader->json->nodes;
    if (teams == MU_JSON_NONE || nodes[teams].type != MU_JSON_ARRAY ||
        nodes[teams].count > MU_TEAMS_MAX) {
        return "teams must be a list of at most 200 lists";
    }
    for (uint32_t team = nodes[teams].first; team != MU_JSON_NONE; team = nodes[team].next) {
        if (nodes[team].type != MU_JSON_ARRAY ||
            match->seats_count + nodes[team].count > MU_MATCH_PLAYERS_MAX) {
            return "each of teams must be a list of tickets, at most 200 in all";
        }
        for (uint32_t node = nodes[team].first; node != MU_JSON_NONE; node = nodes[node].next) {
            seats[match->seats_count++] = (struct mu_outcome_seat){
                .ticket = ticket_of(reader, node),
                .team = match->teams_count,
            };
        }
        match->teams_count++;
    }
    share_out(reader->workload, seats, match->seats_count);
    return NULL;
}

/* Reads a line.  Returns NULL, or what is wrong; *r is -ENOMEM when there is no memory. */
static const char *read_match(const struct reader *reader, int *r)
{
    const struct mu_json *json = reader->json;
    struct mu_outcome_seat seats[MU_MATCH_PLAYERS_MAX];
    struct mu_outcome_match match = { .mode = UINT32_MAX };
    if (json->nodes[0].type != MU_JSON_OBJECT) {
        return "must be an object";
    }
    uint32_t type = mu_json_member(json, 0, "type");
    uint32_t at = mu_json_member(json, 0, "t");
    uint32_t mode = mu_json_member(json, 0, "m");
    uint32_t region = mu_json_member(json, 0, "region");
    if (type != MU_JSON_NONE && (json->nodes[type].type != MU_JSON_STRING ||
                                 strcmp(json->nodes[type].text, "match") != 0)) {
        return NULL;
    }
    if (at == MU_JSON_NONE ||
        (json->nodes[at].type != MU_JSON_INTEGER && json->nodes[at].type != MU_JSON_REAL)) {
        return "t must be a number";
    }
    if (mode == MU_JSON_NONE || json->nodes[mode].type != MU_JSON_STRING) {
        return "m must be a text";
    }
    if (region == MU_JSON_NONE || json->nodes[region].type != MU_JSON_INTEGER ||
        json->nodes[region].integer < 0 || json->nodes[region].integer > MU_REGIONS_MAX) {
        return "region must be an index";
    }
    int32_t index = mu_workload_mode(reader->workload, json->nodes[mode].text);
    match.mode = index < 0 ? UINT32_MAX : (uint32_t)index;
    match.at_s = json->nodes[at].real;
    match.region = (uint32_t)json->nodes[region].integer;
    const char *what = read_teams(reader, mu_json_member(json, 0, "teams"), &match, seats);
    if (what == NULL) {
        *r = mu_outcome_append(reader->outcome, &match, seats);
    }
    return what;
}

/* Returns NULL, or what is wrong. */
static const char *read_header(const struct reader *reader)
{
    const struct mu_json_node *nodes = reader->json->nodes;
    if (nodes[0].type != MU_JSON_OBJECT) {
        return "must be a header";
    }
    uint32_t node = mu_json_member(reader->json, 0, "matcher");
    if (node != MU_JSON_NONE && nodes[node].type == MU_JSON_STRING) {
        (void)snprintf(reader->outcome->matcher, sizeof reader->outcome->matcher, "%s",
                       nodes[node].text);
    }
    return NULL;
}

/* Returns the number of faults, or -ENOMEM. */
static int read_lines(FILE *file, const char *path, FILE *faults, const struct reader *reader)
{
    char *text = NULL;
    size_t text_bytes = 0;
    uint32_t number = 0;
    int count = 0;
    int r = 0;
    ssize_t size;
    while (r == 0 && (size = getline(&text, &text_bytes, file)) >= 0) {
        struct mu_json_error error;
        const char *what = NULL;
        number++;
        if (mu_json_parse(text, (size_t)size, reader->json, &error) != 0) {
            what = "is not JSON";
        } else if (number == 1) {
            what = read_header(reader);
        } else {
            what = read_match(reader, &r);
        }
        if (what != NULL && count++ < MU_WORKLOAD_FAULTS_MAX) {
            (void)fprintf(faults, "%s:%" PRIu32 ": %s\n", path, number, what);
        }
    }
    free(text);
    return r != 0 ? r : count;
}

int mu_outcome_read(FILE *file, const char *path, FILE *faults, const struct mu_workload *workload,
                    struct mu_outcome_list *ret)
{
    struct reader reader = { .workload = workload, .outcome = ret };
    int r = -ENOMEM;
    mu_outcome_init(ret, path);
    reader.json = malloc(sizeof *reader.json);
    reader.ids = mu_map_create(workload->tickets_count + 1, MU_ID_MAX, 1);
    if (reader.json != NULL && reader.ids != NULL) {
        for (uint32_t i = 0; i < workload->tickets_count; i++) {
            (void)mu_map_put(reader.ids, workload->tickets[i].id, i); /* it has room */
        }
        r = read_lines(file, path, faults, &reader);
    }
    mu_map_destroy(reader.ids);
    free(reader.json);
    return r;
}

int mu_outcome_load(const char *path, const struct mu_workload *workload,
                    struct mu_outcome_list *ret)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return MU_EXIT_UNAVAILABLE;
    }
    int r = mu_outcome_read(file, path, stderr, workload, ret);
    (void)fclose(file);
    return r < 0 ? 1 : r > 0 ? MU_EXIT_DATA : 0;
}
