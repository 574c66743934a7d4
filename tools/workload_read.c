/* tools/workload_read.c - a workload from its file, line by line, with every fault. */
#include "tools/workload.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/options.h"
#include "tools/workload_line.h"

void mu_line_fault(struct mu_line *line, const char *format, ...)
{
    va_list arguments;
    if (line->faults_count++ >= MU_WORKLOAD_FAULTS_MAX) {
        return;
    }
    (void)fprintf(line->faults, "%s:%" PRIu32 ": ", line->path, line->number);
    va_start(arguments, format);
    (void)vfprintf(line->faults, format, arguments);
    va_end(arguments);
    (void)fputc('\n', line->faults);
}

bool mu_line_number(struct mu_line *line, uint32_t node, const char *name, double min, double max,
                    double *ret)
{
    const struct mu_json_node *value = &line->json->nodes[node];
    if (value->type != MU_JSON_INTEGER && value->type != MU_JSON_REAL) {
        mu_line_fault(line, "%s must be a number", name);
        return false;
    }
    if (value->real < min || value->real > max) {
        mu_line_fault(line, "%s is %.15g, must be %.15g to %.15g", name, value->real, min, max);
        return false;
    }
    *ret = value->real;
    return true;
}

bool mu_line_whole(struct mu_line *line, uint32_t node, const char *name, uint32_t max,
                   uint32_t *ret)
{
    double value = 0;
    if (line->json->nodes[node].type != MU_JSON_INTEGER) {
        mu_line_fault(line, "%s must be a whole number", name);
        return false;
    }
    if (!mu_line_number(line, node, name, 1, max, &value)) {
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

bool mu_line_name(struct mu_line *line, uint32_t node, const char *name, char ret[MU_ID_MAX + 1])
{
    const struct mu_json_node *value = &line->json->nodes[node];
    size_t size = value->type == MU_JSON_STRING ? strlen(value->text) : 0;
    if (size == 0 || size > MU_ID_MAX) {
        mu_line_fault(line, "%s must be a text of 1 to %d bytes", name, MU_ID_MAX);
        return false;
    }
    memcpy(ret, value->text, size + 1);
    return true;
}

bool mu_line_is(struct mu_line *line, uint32_t node, enum mu_json_type type, const char *name)
{
    if (line->json->nodes[node].type == type) {
        return true;
    }
    mu_line_fault(line, "%s must be %s", name,
                  type == MU_JSON_ARRAY    ? "a list"
                  : type == MU_JSON_OBJECT ? "an object"
                                           : "a text");
    return false;
}

/* The member of that name if it is there and of that type; what is wrong is a fault. */
static uint32_t member(struct mu_line *line, uint32_t object, const char *name,
                       enum mu_json_type type, bool needed)
{
    uint32_t node = mu_json_member(line->json, object, name);
    if (node == MU_JSON_NONE) {
        if (needed) {
            mu_line_fault(line, "\"%s\" is missing", name);
        }
        return MU_JSON_NONE;
    }
    return mu_line_is(line, node, type, name) ? node : MU_JSON_NONE;
}

static void read_text(struct mu_line *line, const char *name, const char *wanted)
{
    uint32_t node = member(line, 0, name, MU_JSON_STRING, true);
    if (node != MU_JSON_NONE && strcmp(line->json->nodes[node].text, wanted) != 0) {
        mu_line_fault(line, "%s is \"%s\", must be \"%s\"", name, line->json->nodes[node].text,
                      wanted);
    }
}

static void read_regions(struct mu_line *line, struct mu_workload *workload)
{
    uint32_t list = member(line, 0, "regions", MU_JSON_ARRAY, false);
    if (list == MU_JSON_NONE) {
        (void)snprintf(workload->regions[0], sizeof workload->regions[0], "anywhere");
        workload->regions_count = 1;
        return;
    }
    if (line->json->nodes[list].count < 1 || line->json->nodes[list].count > MU_REGIONS_MAX) {
        mu_line_fault(line, "regions must be 1 to %d names", MU_REGIONS_MAX);
        workload->regions_count = 1;
        return;
    }
    for (uint32_t node = line->json->nodes[list].first; node != MU_JSON_NONE;
         node = line->json->nodes[node].next) {
        char *region = workload->regions[workload->regions_count++];
        (void)mu_line_name(line, node, "each of regions", region);
        for (uint32_t i = 0; i + 1 < workload->regions_count; i++) {
            if (region[0] != '\0' && strcmp(workload->regions[i], region) == 0) {
                mu_line_fault(line, "regions has \"%s\" twice", region);
            }
        }
    }
}

static void read_mode(struct mu_line *line, struct mu_workload *workload, uint32_t node)
{
    const char *name = line->json->nodes[node].key;
    uint32_t teams = 0;
    uint32_t size = 0;
    uint32_t teams_min = 0;
    uint32_t team_min = 0;
    uint32_t players_max = 0;
    char what[96];
    const struct {
        const char *name;
        uint32_t *ret;
        bool needed;
    } members[] = {
        { "teams", &teams, true },
        { "team_size", &size, true },
        { "min_teams", &teams_min, false },
        { "team_min", &team_min, false },
        { "players_max", &players_max, false },
    };
    if (strlen(name) == 0 || strlen(name) > MU_ID_MAX || workload->modes_count == MU_MODES_MAX) {
        mu_line_fault(line, "modes: at most %d, each with a name of 1 to %d bytes", MU_MODES_MAX,
                      MU_ID_MAX);
        return;
    }
    (void)snprintf(what, sizeof what, "modes.%s", name);
    if (!mu_line_is(line, node, MU_JSON_OBJECT, what)) {
        return;
    }
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        uint32_t value = mu_json_member(line->json, node, members[i].name);
        (void)snprintf(what, sizeof what, "modes.%s.%s", name, members[i].name);
        if (value != MU_JSON_NONE) {
            (void)mu_line_whole(line, value, what, MU_MATCH_PLAYERS_MAX, members[i].ret);
        } else if (members[i].needed) {
            mu_line_fault(line, "%s is missing", what);
        }
    }
    teams_min = teams_min == 0 ? teams : teams_min;
    players_max = players_max == 0 ? teams * size : players_max;
    if (players_max > MU_MATCH_PLAYERS_MAX || players_max > teams * size || teams_min > teams ||
        team_min > size) {
        mu_line_fault(line,
                      "modes.%s: at most %d players a match, min_teams at most teams, team_min at "
                      "most team_size, players_max at most all of them",
                      name, MU_MATCH_PLAYERS_MAX);
    }
    struct mu_workload_mode *mode = &workload->modes[workload->modes_count++];
    mu_workload_mode_init(mode, name, teams, size, teams_min);
    mode->team_min = team_min == 0 ? size : team_min;
    mode->players_max = players_max;
}

static void read_modes(struct mu_line *line, struct mu_workload *workload)
{
    uint32_t modes = member(line, 0, "modes", MU_JSON_OBJECT, false);
    if (modes == MU_JSON_NONE) {
        return;
    }
    for (uint32_t node = line->json->nodes[modes].first; node != MU_JSON_NONE;
         node = line->json->nodes[node].next) {
        read_mode(line, workload, node);
    }
    if (line->json->nodes[modes].count == 0) {
        mu_line_fault(line, "modes is empty");
    }
}

/* A number of an object that may be missing. */
static void read_number(struct mu_line *line, uint32_t object, const char *name, double min,
                        double *ret)
{
    uint32_t node = mu_json_member(line->json, object, name);
    if (node != MU_JSON_NONE) {
        (void)mu_line_number(line, node, name, min, 1e6, ret);
    }
}

static void read_bonus(struct mu_line *line, uint32_t score, struct mu_workload *workload)
{
    uint32_t list = member(line, score, "party_bonus", MU_JSON_ARRAY, false);
    if (list == MU_JSON_NONE) {
        return;
    }
    if (line->json->nodes[list].count < 1 ||
        line->json->nodes[list].count > MU_WORKLOAD_BONUS_MAX) {
        mu_line_fault(line, "party_bonus must be 1 to %d numbers", MU_WORKLOAD_BONUS_MAX);
        return;
    }
    workload->bonus_count = 0;
    for (uint32_t node = line->json->nodes[list].first; node != MU_JSON_NONE;
         node = line->json->nodes[node].next) {
        (void)mu_line_number(line, node, "each of party_bonus", -1000, 1000,
                             &workload->bonus[workload->bonus_count++]);
    }
}

static void read_score(struct mu_line *line, struct mu_workload *workload)
{
    uint32_t score = member(line, 0, "score", MU_JSON_OBJECT, false);
    if (score == MU_JSON_NONE) {
        return;
    }
    read_number(line, score, "beta", 1, &workload->beta);
    read_bonus(line, score, workload);
    read_number(line, score, "lat_good", 0, &workload->latency_good_ms);
    read_number(line, score, "lat_bad", 1, &workload->latency_bad_ms);
    if (workload->latency_bad_ms <= workload->latency_good_ms) {
        mu_line_fault(line, "lat_bad must be above lat_good");
    }
    uint32_t modes = member(line, score, "modes", MU_JSON_OBJECT, false);
    for (uint32_t i = 0; modes != MU_JSON_NONE && i < workload->modes_count; i++) {
        struct mu_workload_mode *mode = &workload->modes[i];
        uint32_t node = mu_json_member(line->json, modes, mode->name);
        if (node == MU_JSON_NONE) {
            mu_line_fault(line, "score.modes has no \"%s\"", mode->name);
            continue;
        }
        if (!mu_line_is(line, node, MU_JSON_OBJECT, "each of score.modes")) {
            continue;
        }
        mode->judged = true;
        read_number(line, node, "W0", 1, &mode->wait_s);
        read_number(line, node, "D0", 1, &mode->spread);
        read_number(line, node, "wI", 0, &mode->imbalance_weight);
        if (mode->imbalance_weight > 1) {
            mu_line_fault(line, "score.modes.%s.wI must be 0 to 1", mode->name);
        }
    }
}

static void read_header(struct mu_line *line, struct mu_workload *workload)
{
    const struct mu_json_node *root = &line->json->nodes[0];
    workload->regions_count = 0;
    if (root->type != MU_JSON_OBJECT) {
        mu_line_fault(line, "must be a header, {\"type\":\"header\",...}");
        workload->regions_count = 1;
        return;
    }
    read_text(line, "type", "header");
    read_text(line, "format", "mm-workload/1");
    uint32_t name = member(line, 0, "name", MU_JSON_STRING, false);
    if (name != MU_JSON_NONE) {
        (void)snprintf(workload->name, sizeof workload->name, "%s", line->json->nodes[name].text);
    }
    uint32_t seed = mu_json_member(line->json, 0, "seed");
    if (seed != MU_JSON_NONE && line->json->nodes[seed].type == MU_JSON_INTEGER) {
        workload->seed = (uint64_t)line->json->nodes[seed].integer;
    }
    read_number(line, 0, "duration", 0, &workload->duration_s);
    read_regions(line, workload);
    read_modes(line, workload);
    read_score(line, workload);
}

/* Reads line after line; `line` has all but number and json's content. */
static int read_lines(FILE *file, struct mu_line *line, struct mu_workload *workload)
{
    char *text = NULL;
    size_t text_bytes = 0;
    int r = 0;
    for (;;) {
        struct mu_json_error error;
        ssize_t size = getline(&text, &text_bytes, file);
        if (size < 0 || r != 0) {
            break;
        }
        line->number++;
        int parsed = (size_t)size > MU_WORKLOAD_LINE_MAX
                         ? -E2BIG
                         : mu_json_parse(text, (size_t)size, line->json, &error);
        if (parsed == -E2BIG) {
            mu_line_fault(line, "is too large");
        } else if (parsed != 0) {
            mu_line_fault(line, "is not JSON: column %d: %s", error.column, error.detail);
        } else if (line->number == 1) {
            read_header(line, workload);
        } else {
            r = mu_line_ticket(line, workload);
        }
        if (line->number == 1 && line->faults_count > 0) {
            /* What the tickets are judged by is not known. */
            break;
        }
    }
    free(text);
    return r;
}

int mu_workload_read(FILE *file, const char *path, FILE *faults, struct mu_workload *ret)
{
    struct mu_line line = { .path = path, .faults = faults };
    mu_workload_init(ret);
    line.json = malloc(sizeof *line.json);
    line.ids = mu_map_create(MU_WORKLOAD_IDS_FIRST, MU_ID_MAX, 1);
    line.ids_capacity = MU_WORKLOAD_IDS_FIRST;
    int r = line.json == NULL || line.ids == NULL ? -ENOMEM : read_lines(file, &line, ret);
    if (r == 0 && line.number == 0) {
        line.number = 1;
        mu_line_fault(&line, "is empty, must begin with a header");
    }
    if (line.faults_count > MU_WORKLOAD_FAULTS_MAX) {
        (void)fprintf(faults, "%s: and %" PRIu32 " more faults\n", path,
                      line.faults_count - MU_WORKLOAD_FAULTS_MAX);
    }
    if (r == 0 && ret->tickets_count > 0) {
        double last = ret->tickets[ret->tickets_count - 1].at_s;
        ret->duration_s = ret->duration_s > last ? ret->duration_s : last;
        mu_line_patience(ret);
    }
    mu_map_destroy(line.ids);
    free(line.json);
    return r != 0 ? r : (int)line.faults_count;
}

int mu_workload_load(const char *path, struct mu_workload *ret)
{
    mu_workload_init(ret);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return MU_EXIT_UNAVAILABLE;
    }
    int r = mu_workload_read(file, path, stderr, ret);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (r < 0) {
        (void)fprintf(stderr, "%s: out of memory\n", path);
        return 1;
    }
    if (failed) {
        (void)fprintf(stderr, "%s: cannot be read to its end\n", path);
        return MU_EXIT_UNAVAILABLE;
    }
    return r > 0 ? MU_EXIT_DATA : 0;
}
