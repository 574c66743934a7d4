#include "tools/workload_line.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "actors/facts.h"
#include "gateway/json_write.h"

#define RATING_MAX    1e5 /* points, either way: what is not a slip */
#define DEVIATION_MAX 1e4
#define RTT_MAX       65534 /* ms; what fits the engine's reach */
#define TIME_MAX      1e7   /* s: four months */

/* A ticket that is being read; its players and round trips are written when it is appended. */
struct draft {
    struct mu_workload_ticket ticket;
    uint32_t members[12]; /* nodes, by enum field */
    struct mu_workload_player players[MU_MATCH_PLAYERS_MAX];
    double rtt_ms[MU_REGIONS_MAX];
};

enum field {
    FIELD_T,
    FIELD_ID,
    FIELD_M,
    FIELD_R,
    FIELD_S,
    FIELD_RTT,
    FIELD_PAT,
    FIELD_PLAYERS,
    FIELD_BACKFILL,
    FIELD_PARTY, /* who came together; a ticket is one party, so nothing depends on it */
    FIELD_TYPE,
    FIELDS_COUNT,
};

static const char *const field_names[FIELDS_COUNT] = {
    [FIELD_T] = "t",
    [FIELD_ID] = "id",
    [FIELD_M] = "m",
    [FIELD_R] = "r",
    [FIELD_S] = "s",
    [FIELD_RTT] = "rtt",
    [FIELD_PAT] = "pat",
    [FIELD_PLAYERS] = "players",
    [FIELD_BACKFILL] = "backfill",
    [FIELD_PARTY] = "party",
    [FIELD_TYPE] = "type",
};

/* Finds the members, and those that are unknown. */
static void find_members(struct mu_line *line, struct draft *draft)
{
    for (uint32_t i = 0; i < FIELDS_COUNT; i++) {
        draft->members[i] = MU_JSON_NONE;
    }
    for (uint32_t node = line->json->nodes[0].first; node != MU_JSON_NONE;
         node = line->json->nodes[node].next) {
        uint32_t field = 0;
        while (field < FIELDS_COUNT &&
               strcmp(field_names[field], line->json->nodes[node].key) != 0) {
            field++;
        }
        if (field == FIELDS_COUNT) {
            mu_line_fault(line, "unknown member \"%.60s\"", line->json->nodes[node].key);
        } else {
            draft->members[field] = node;
        }
    }
}

static void read_id(struct mu_line *line, struct draft *draft)
{
    uint32_t node = draft->members[FIELD_ID];
    struct mu_workload_ticket *ticket = &draft->ticket;
    if (node == MU_JSON_NONE) {
        mu_line_fault(line, "\"id\" is missing");
        return;
    }
    const struct mu_json_node *value = &line->json->nodes[node];
    if (value->type == MU_JSON_INTEGER) {
        ticket->id_number = true;
        (void)snprintf(ticket->id, sizeof ticket->id, "%" PRId64, value->integer);
    } else if (value->type == MU_JSON_STRING && value->text[0] != '\0' &&
               strlen(value->text) <= MU_ID_MAX) {
        (void)snprintf(ticket->id, sizeof ticket->id, "%s", value->text);
    } else {
        mu_line_fault(line, "id must be a whole number or a text of 1 to %d bytes", MU_ID_MAX);
        return;
    }
    if (mu_map_get(line->ids, ticket->id) != MU_MAP_NONE) {
        mu_line_fault(line, "id %s is there twice", ticket->id);
    }
}

static void read_time(struct mu_line *line, const struct mu_workload *workload, struct draft *draft)
{
    struct mu_workload_ticket *ticket = &draft->ticket;
    uint32_t node = draft->members[FIELD_T];
    if (node == MU_JSON_NONE) {
        mu_line_fault(line, "\"t\" is missing");
    } else if (mu_line_number(line, node, "t", 0, TIME_MAX, &ticket->at_s) &&
               workload->tickets_count > 0 &&
               ticket->at_s < workload->tickets[workload->tickets_count - 1].at_s) {
        mu_line_fault(line, "t is %.15g, before that of the ticket above", ticket->at_s);
    }
    ticket->patience_s = INFINITY;
    if (draft->members[FIELD_PAT] != MU_JSON_NONE) {
        (void)mu_line_number(line, draft->members[FIELD_PAT], "pat", 0, TIME_MAX,
                             &ticket->patience_s);
    }
}

/* A header without modes: each name is one. */
static int32_t add_mode(struct mu_line *line, struct mu_workload *workload, const char *name)
{
    if (workload->modes_count == MU_MODES_MAX) {
        mu_line_fault(line, "m: there are more than %d modes", MU_MODES_MAX);
        return -1;
    }
    mu_workload_mode_init(&workload->modes[workload->modes_count], name, 0, 0, 0);
    return (int32_t)workload->modes_count++;
}

static void read_mode(struct mu_line *line, struct mu_workload *workload, struct draft *draft)
{
    char name[MU_ID_MAX + 1] = "queue";
    uint32_t node = draft->members[FIELD_M];
    bool open = workload->modes_count == 0 || workload->modes[0].teams == 0;
    if (node == MU_JSON_NONE && !open) {
        mu_line_fault(line, "\"m\" is missing");
        return;
    }
    if (node != MU_JSON_NONE && !mu_line_name(line, node, "m", name)) {
        return;
    }
    int32_t mode = mu_workload_mode(workload, name);
    if (mode < 0 && open) {
        mode = add_mode(line, workload, name);
    } else if (mode < 0) {
        mu_line_fault(line, "m is \"%s\", which is not in the header's modes", name);
    }
    draft->ticket.mode = mode < 0 ? 0 : (uint32_t)mode;
}

/* A list of numbers with a bound on their count; returns the count. */
static uint32_t read_list(struct mu_line *line, struct draft *draft, enum field field, double max,
                          double ret[MU_MATCH_PLAYERS_MAX])
{
    const char *name = field_names[field];
    char what[24];
    uint32_t list = draft->members[field];
    uint32_t count = 0;
    if (list == MU_JSON_NONE || !mu_line_is(line, list, MU_JSON_ARRAY, name)) {
        return 0;
    }
    if (line->json->nodes[list].count < 1 || line->json->nodes[list].count > MU_MATCH_PLAYERS_MAX) {
        mu_line_fault(line, "%s must have 1 to %d numbers", name, MU_MATCH_PLAYERS_MAX);
        return 0;
    }
    for (uint32_t node = line->json->nodes[list].first; node != MU_JSON_NONE;
         node = line->json->nodes[node].next) {
        (void)snprintf(what, sizeof what, "%s[%" PRIu32 "]", name, count);
        (void)mu_line_number(line, node, what, field == FIELD_S ? 0 : -max, max, &ret[count++]);
    }
    return count;
}

/* Ratings and deviations, and how many players there are. */
static void read_ratings(struct mu_line *line, struct draft *draft)
{
    double ratings[MU_MATCH_PLAYERS_MAX] = { 0 };
    double deviations[MU_MATCH_PLAYERS_MAX] = { 0 };
    uint32_t list = draft->members[FIELD_PLAYERS];
    uint32_t count = read_list(line, draft, FIELD_R, RATING_MAX, ratings);
    uint32_t deviations_count = read_list(line, draft, FIELD_S, DEVIATION_MAX, deviations);
    uint32_t players = 0;
    bool rated = draft->members[FIELD_R] != MU_JSON_NONE;
    if (list != MU_JSON_NONE && mu_line_is(line, list, MU_JSON_ARRAY, "players")) {
        players = line->json->nodes[list].count;
        if (players < 1 || players > MU_MATCH_PLAYERS_MAX) {
            mu_line_fault(line, "players must be 1 to %d", MU_MATCH_PLAYERS_MAX);
            players = 0;
        }
    }
    if (!rated && list == MU_JSON_NONE) {
        mu_line_fault(line, "needs \"r\" or \"players\"");
    }
    if (rated && players > 0 && count > 0 && players != count) {
        mu_line_fault(line, "r is of %" PRIu32 " players, players has %" PRIu32, count, players);
    }
    players = rated ? count : players;
    if (draft->members[FIELD_S] != MU_JSON_NONE && players > 0 && deviations_count != players &&
        deviations_count > 0) {
        mu_line_fault(line, "s is of %" PRIu32 " players, there are %" PRIu32, deviations_count,
                      players);
    }
    for (uint32_t i = 0; i < players; i++) {
        draft->players[i] = (struct mu_workload_player){
            .rating = rated ? ratings[i] : MU_WORKLOAD_RATING,
            .deviation = deviations[i],
        };
    }
    draft->ticket.players_count = players;
}

static void read_rtt(struct mu_line *line, const struct mu_workload *workload, struct draft *draft)
{
    uint32_t list = draft->members[FIELD_RTT];
    for (uint32_t i = 0; i < workload->regions_count; i++) {
        draft->rtt_ms[i] = 0;
    }
    if (list == MU_JSON_NONE || !mu_line_is(line, list, MU_JSON_ARRAY, "rtt")) {
        return;
    }
    draft->ticket.measured = true;
    if (line->json->nodes[list].count != workload->regions_count) {
        mu_line_fault(line, "rtt has %" PRIu32 " numbers, there are %" PRIu32 " regions",
                      line->json->nodes[list].count, workload->regions_count);
        return;
    }
    uint32_t index = 0;
    for (uint32_t node = line->json->nodes[list].first; node != MU_JSON_NONE;
         node = line->json->nodes[node].next, index++) {
        char what[24];
        (void)snprintf(what, sizeof what, "rtt[%" PRIu32 "]", index);
        if (line->json->nodes[node].type == MU_JSON_NULL) {
            draft->rtt_ms[index] = INFINITY;
        } else {
            (void)mu_line_number(line, node, what, 0, RTT_MAX, &draft->rtt_ms[index]);
        }
    }
}

/* Takes a player's round trips into those of the ticket: the worst counts. */
static void read_latencies(struct mu_line *line, const struct mu_workload *workload, uint32_t node,
                           struct draft *draft)
{
    double own[MU_REGIONS_MAX];
    for (uint32_t i = 0; i < workload->regions_count; i++) {
        own[i] = INFINITY;
    }
    for (uint32_t value = line->json->nodes[node].first; value != MU_JSON_NONE;
         value = line->json->nodes[value].next) {
        const char *region = line->json->nodes[value].key;
        uint32_t index = 0;
        while (index < workload->regions_count && strcmp(workload->regions[index], region) != 0) {
            index++;
        }
        if (index == workload->regions_count) {
            mu_line_fault(line, "latencies: \"%.60s\" is not in the header's regions", region);
        } else {
            (void)mu_line_number(line, value, "each of latencies", 0, RTT_MAX, &own[index]);
        }
    }
    for (uint32_t i = 0; draft->members[FIELD_RTT] == MU_JSON_NONE && i < workload->regions_count;
         i++) {
        draft->rtt_ms[i] = own[i] > draft->rtt_ms[i] ? own[i] : draft->rtt_ms[i];
    }
    draft->ticket.measured = true;
}

static void write_scalar(struct mu_json_writer *writer, const struct mu_json_node *node)
{
    switch (node->type) {
    case MU_JSON_NULL: mu_json_null(writer); break;
    case MU_JSON_FALSE: mu_json_bool(writer, false); break;
    case MU_JSON_TRUE: mu_json_bool(writer, true); break;
    case MU_JSON_INTEGER: mu_json_i64(writer, node->integer); break;
    case MU_JSON_REAL: mu_json_real(writer, node->real); break;
    case MU_JSON_STRING: mu_json_string(writer, node->text); break;
    case MU_JSON_ARRAY: mu_json_array_begin(writer); break;
    case MU_JSON_OBJECT: mu_json_object_begin(writer); break;
    }
}

static void write_end(struct mu_json_writer *writer, const struct mu_json_node *node)
{
    if (node->type == MU_JSON_ARRAY) {
        mu_json_array_end(writer);
    } else {
        mu_json_object_end(writer);
    }
}

/* Writes a value with all that is in it.  Depth is bounded by the parser. */
static void write_value(struct mu_json_writer *writer, const struct mu_json *json, uint32_t root)
{
    uint32_t open[MU_JSON_DEPTH_MAX + 1];
    uint32_t depth = 0;
    uint32_t at = root;
    for (;;) {
        const struct mu_json_node *node = &json->nodes[at];
        if (at != root && node->key != NULL) {
            mu_json_key(writer, node->key);
        }
        write_scalar(writer, node);
        if (node->type == MU_JSON_ARRAY || node->type == MU_JSON_OBJECT) {
            if (node->first != MU_JSON_NONE) {
                assert(depth <= MU_JSON_DEPTH_MAX);
                open[depth++] = at;
                at = node->first;
                continue;
            }
            write_end(writer, node);
        }
        while (depth > 0 && json->nodes[at].next == MU_JSON_NONE) {
            at = open[--depth];
            write_end(writer, &json->nodes[at]);
        }
        if (depth == 0) {
            return;
        }
        at = json->nodes[at].next;
    }
}

/* One of "players": into the details that the rules read, and his id. */
static void read_player(struct mu_line *line, struct mu_workload *workload, uint32_t object,
                        struct draft *draft, struct mu_json_writer *writer)
{
    if (!mu_line_is(line, object, MU_JSON_OBJECT, "each of players")) {
        return;
    }
    struct mu_workload_player *player = &draft->players[draft->ticket.players_count];
    mu_json_object_begin(writer);
    for (uint32_t node = line->json->nodes[object].first; node != MU_JSON_NONE;
         node = line->json->nodes[node].next) {
        const struct mu_json_node *value = &line->json->nodes[node];
        if (strcmp(value->key, "playerId") == 0) {
            char name[MU_ID_MAX + 1];
            if (mu_line_name(line, node, "playerId", name)) {
                player->name = mu_workload_text(workload, name, strlen(name));
            }
            continue;
        }
        if (strcmp(value->key, "latencies") == 0) {
            if (mu_line_is(line, node, MU_JSON_OBJECT, "latencies")) {
                read_latencies(line, workload, node, draft);
            }
        } else if (strcmp(value->key, "attributes") == 0) {
            (void)mu_line_is(line, node, MU_JSON_OBJECT, "attributes");
        } else if (strcmp(value->key, "team") == 0) {
            (void)mu_line_is(line, node, MU_JSON_STRING, "team");
        } else {
            mu_line_fault(line, "unknown member \"%.60s\" of players", value->key);
        }
        mu_json_key(writer, value->key);
        write_value(writer, line->json, node);
    }
    mu_json_object_end(writer);
}

static int read_players(struct mu_line *line, struct mu_workload *workload, struct draft *draft)
{
    char details[MU_DETAILS_MAX + 1];
    struct mu_json_writer writer;
    uint32_t list = draft->members[FIELD_PLAYERS];
    uint32_t count = draft->ticket.players_count;
    if (list == MU_JSON_NONE || count == 0 || line->json->nodes[list].count != count) {
        return 0;
    }
    mu_json_writer_init(&writer, details, MU_DETAILS_MAX);
    mu_json_array_begin(&writer);
    draft->ticket.players_count = 0;
    for (uint32_t node = line->json->nodes[list].first; node != MU_JSON_NONE;
         node = line->json->nodes[node].next) {
        read_player(line, workload, node, draft, &writer);
        draft->ticket.players_count++;
    }
    mu_json_array_end(&writer);
    if (writer.overflow) {
        mu_line_fault(line, "players take more than %d bytes", MU_DETAILS_MAX);
        return 0;
    }
    draft->ticket.details = mu_workload_text(workload, details, writer.used);
    draft->ticket.details_bytes = (uint32_t)writer.used;
    return draft->ticket.details == 0 ? -ENOMEM : 0;
}

/* Notes the id under which a ticket stands; the map grows. */
static int note_id(struct mu_line *line, const struct mu_workload *workload)
{
    uint32_t last = workload->tickets_count - 1;
    if (mu_map_count(line->ids) == line->ids_capacity) {
        struct mu_map *grown = mu_map_create(2 * line->ids_capacity, MU_ID_MAX, 1);
        if (grown == NULL) {
            return -ENOMEM;
        }
        mu_map_destroy(line->ids);
        line->ids = grown;
        line->ids_capacity *= 2;
        for (uint32_t i = 0; i < last; i++) {
            (void)mu_map_put(grown, workload->tickets[i].id, i); /* it has room, ids are valid */
        }
    }
    return mu_map_put(line->ids, workload->tickets[last].id, last);
}

static int append(struct mu_line *line, struct mu_workload *workload, const struct draft *draft)
{
    int r = mu_workload_append(workload, &draft->ticket);
    if (r == -ENOBUFS) {
        mu_line_fault(line, "is one ticket too many: at most %u", MU_WORKLOAD_TICKETS_MAX);
        return 0;
    }
    if (r != 0) {
        return r;
    }
    uint32_t index = workload->tickets_count - 1;
    memcpy(workload->players + workload->tickets[index].players, draft->players,
           draft->ticket.players_count * sizeof draft->players[0]);
    memcpy(workload->rtt_ms + (size_t)index * workload->regions_count, draft->rtt_ms,
           workload->regions_count * sizeof draft->rtt_ms[0]);
    return note_id(line, workload);
}

int mu_line_ticket(struct mu_line *line, struct mu_workload *workload)
{
    struct draft draft = { .ticket = { .mode = 0 } };
    uint32_t faults_before = line->faults_count;
    if (line->json->nodes[0].type != MU_JSON_OBJECT) {
        mu_line_fault(line, "must be an object");
        return 0;
    }
    find_members(line, &draft);
    if (draft.members[FIELD_TYPE] != MU_JSON_NONE &&
        mu_line_is(line, draft.members[FIELD_TYPE], MU_JSON_STRING, "type") &&
        strcmp(line->json->nodes[draft.members[FIELD_TYPE]].text, "ticket") != 0) {
        mu_line_fault(line, "type must be \"ticket\"");
    }
    read_id(line, &draft);
    read_time(line, workload, &draft);
    read_mode(line, workload, &draft);
    read_ratings(line, &draft);
    read_rtt(line, workload, &draft);
    int r = read_players(line, workload, &draft);
    uint32_t backfill = draft.members[FIELD_BACKFILL];
    if (backfill != MU_JSON_NONE) {
        enum mu_json_type type = line->json->nodes[backfill].type;
        draft.ticket.backfill = type == MU_JSON_TRUE;
        if (type != MU_JSON_TRUE && type != MU_JSON_FALSE) {
            mu_line_fault(line, "backfill must be true or false");
        }
    }
    if (!draft.ticket.backfill && draft.ticket.players_count > MU_TICKET_PLAYERS_MAX) {
        mu_line_fault(line, "a party has at most %d players", MU_TICKET_PLAYERS_MAX);
    }
    return r != 0 || line->faults_count > faults_before ? r : append(line, workload, &draft);
}

void mu_line_patience(struct mu_workload *workload)
{
    for (uint32_t i = 0; i < workload->tickets_count; i++) {
        struct mu_workload_ticket *ticket = &workload->tickets[i];
        if (isinf(ticket->patience_s)) {
            ticket->patience_s = workload->duration_s + MU_WORKLOAD_DRAIN_S - ticket->at_s;
        }
    }
}
