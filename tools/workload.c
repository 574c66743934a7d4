#include "tools/workload.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/rules_compile.h"
#include "gateway/json_write.h"

/* Makes room for `need` items in an array that doubles. */
static int reserve(void **items, uint32_t *capacity, uint64_t need, size_t item_bytes)
{
    uint64_t size = *capacity == 0 ? 64 : *capacity;
    while (size < need) {
        size *= 2;
    }
    if (need <= *capacity) {
        return 0;
    }
    void *grown = size > UINT32_MAX ? NULL : realloc(*items, size * item_bytes);
    if (grown == NULL) {
        return -ENOMEM;
    }
    *items = grown;
    *capacity = (uint32_t)size;
    return 0;
}

void mu_workload_init(struct mu_workload *workload)
{
    *workload = (struct mu_workload){
        .name = "workload",
        .bonus_count = MU_TICKET_PLAYERS_MAX + 1,
    };
    struct mu_objective objective;
    mu_objective_default(2, 1, 240000, &objective);
    workload->beta = objective.beta;
    workload->latency_good_ms = objective.latency_good_ms;
    workload->latency_bad_ms = objective.latency_bad_ms;
    memcpy(workload->bonus, objective.party_bonus, sizeof objective.party_bonus);
}

void mu_workload_release(struct mu_workload *workload)
{
    free(workload->tickets);
    free(workload->rtt_ms);
    free(workload->players);
    free(workload->text);
    *workload = (struct mu_workload){ .tickets_count = 0 };
}

int mu_workload_append(struct mu_workload *workload, const struct mu_workload_ticket *ticket)
{
    uint64_t players = (uint64_t)workload->players_count + ticket->players_count;
    uint32_t capacity = workload->tickets_capacity;
    void *tickets = workload->tickets;
    if (workload->tickets_count == MU_WORKLOAD_TICKETS_MAX) {
        return -ENOBUFS;
    }
    int r = reserve(&tickets, &capacity, (uint64_t)workload->tickets_count + 1,
                    sizeof *workload->tickets);
    workload->tickets = tickets;
    if (r == 0 && (capacity != workload->tickets_capacity || workload->rtt_ms == NULL)) {
        double *grown = realloc(workload->rtt_ms, (size_t)capacity * workload->regions_count *
                                                      sizeof *workload->rtt_ms);
        r = grown == NULL ? -ENOMEM : 0;
        workload->rtt_ms = grown == NULL ? workload->rtt_ms : grown;
        /* When this fails the next call tries again, as the old capacity still holds. */
        workload->tickets_capacity = grown == NULL ? workload->tickets_capacity : capacity;
    }
    if (r == 0) {
        void *held = workload->players;
        r = reserve(&held, &workload->players_capacity, players, sizeof *workload->players);
        workload->players = held;
    }
    if (r == 0) {
        workload->tickets[workload->tickets_count] = *ticket;
        workload->tickets[workload->tickets_count++].players = workload->players_count;
        workload->players_count = (uint32_t)players;
    }
    return r;
}

uint32_t mu_workload_text(struct mu_workload *workload, const char *bytes, size_t size)
{
    void *text = workload->text;
    /* Offset 0 means none, so the first byte stays unused. */
    uint64_t at = workload->text_bytes == 0 ? 1 : workload->text_bytes;
    int r = reserve(&text, &workload->text_capacity, at + size + 1, 1);
    workload->text = text;
    if (r != 0) {
        return 0;
    }
    memcpy(workload->text + at, bytes, size);
    workload->text[at + size] = '\0';
    workload->text_bytes = (uint32_t)(at + size + 1);
    return (uint32_t)at;
}

void mu_workload_mode_init(struct mu_workload_mode *mode, const char *name, uint32_t teams,
                           uint32_t team_size, uint32_t teams_min)
{
    *mode = (struct mu_workload_mode){
        .teams = teams,
        .teams_min = teams_min,
        .team_min = team_size,
        .team_max = team_size,
        .players_max = teams * team_size,
        .wait_s = 240,
        .spread = 300,
        .imbalance_weight = teams > 2 ? 0.4 : 1,
    };
    (void)snprintf(mode->name, sizeof mode->name, "%s", name);
}

int32_t mu_workload_mode(const struct mu_workload *workload, const char *name)
{
    for (uint32_t i = 0; i < workload->modes_count; i++) {
        if (strcmp(workload->modes[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

double mu_workload_bonus(const struct mu_workload *workload, uint32_t party)
{
    assert(workload->bonus_count > 0);
    return workload->bonus[party < workload->bonus_count ? party : workload->bonus_count - 1];
}

uint32_t mu_workload_players(const struct mu_workload *workload, uint32_t mode)
{
    uint32_t players = 0;
    for (uint32_t i = 0; i < workload->tickets_count; i++) {
        players += workload->tickets[i].mode == mode ? workload->tickets[i].players_count : 0;
    }
    return players;
}

/* A part of a microsecond is the noise of decimal fractions. */
#define MS_NOISE 1e-3

int64_t mu_workload_arrival_ms(const struct mu_workload_ticket *ticket)
{
    return (int64_t)ceil(ticket->at_s * 1000 - MS_NOISE);
}

int64_t mu_workload_leave_ms(const struct mu_workload_ticket *ticket)
{
    int64_t arrival = mu_workload_arrival_ms(ticket);
    int64_t leave = (int64_t)floor((ticket->at_s + ticket->patience_s) * 1000 + MS_NOISE);
    return leave > arrival ? leave : arrival;
}

int64_t mu_workload_end_ms(const struct mu_workload *workload)
{
    return (int64_t)ceil((workload->duration_s + MU_WORKLOAD_DRAIN_S) * 1000);
}

/* Writing. */

static void put_real(struct mu_json_writer *writer, const char *key, double value)
{
    mu_json_key(writer, key);
    mu_json_real(writer, value);
}

static void write_header(struct mu_json_writer *writer, const struct mu_workload *workload)
{
    mu_json_object_begin(writer);
    mu_json_key(writer, "type");
    mu_json_string(writer, "header");
    mu_json_key(writer, "format");
    mu_json_string(writer, "mm-workload/1");
    mu_json_key(writer, "name");
    mu_json_string(writer, workload->name);
    mu_json_key(writer, "seed");
    mu_json_u64(writer, workload->seed);
    put_real(writer, "duration", workload->duration_s);
    mu_json_key(writer, "tickets");
    mu_json_u64(writer, workload->tickets_count);
    mu_json_key(writer, "regions");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < workload->regions_count; i++) {
        mu_json_string(writer, workload->regions[i]);
    }
    mu_json_array_end(writer);
    mu_json_key(writer, "modes");
    mu_json_object_begin(writer);
    for (uint32_t i = 0; i < workload->modes_count; i++) {
        const struct mu_workload_mode *mode = &workload->modes[i];
        mu_json_key(writer, mode->name);
        mu_json_object_begin(writer);
        put_real(writer, "teams", mode->teams);
        put_real(writer, "team_size", mode->team_max);
        put_real(writer, "min_teams", mode->teams_min);
        if (mode->team_min != mode->team_max) {
            put_real(writer, "team_min", mode->team_min);
        }
        if (mode->players_max != mode->teams * mode->team_max) {
            put_real(writer, "players_max", mode->players_max);
        }
        mu_json_object_end(writer);
    }
    mu_json_object_end(writer);
}

static void write_score(struct mu_json_writer *writer, const struct mu_workload *workload)
{
    mu_json_key(writer, "score");
    mu_json_object_begin(writer);
    put_real(writer, "beta", workload->beta);
    mu_json_key(writer, "party_bonus");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < workload->bonus_count; i++) {
        mu_json_real(writer, workload->bonus[i]);
    }
    mu_json_array_end(writer);
    put_real(writer, "lat_good", workload->latency_good_ms);
    put_real(writer, "lat_bad", workload->latency_bad_ms);
    mu_json_key(writer, "modes");
    mu_json_object_begin(writer);
    for (uint32_t i = 0; i < workload->modes_count; i++) {
        const struct mu_workload_mode *mode = &workload->modes[i];
        mu_json_key(writer, mode->name);
        mu_json_object_begin(writer);
        put_real(writer, "W0", mode->wait_s);
        put_real(writer, "D0", mode->spread);
        put_real(writer, "wI", mode->imbalance_weight);
        mu_json_object_end(writer);
    }
    mu_json_object_end(writer);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

static void write_players(struct mu_json_writer *writer, const struct mu_workload *workload,
                          const struct mu_workload_ticket *ticket)
{
    const struct mu_workload_player *players = workload->players + ticket->players;
    mu_json_key(writer, "r");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        mu_json_real(writer, players[i].rating);
    }
    mu_json_array_end(writer);
    mu_json_key(writer, "s");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        mu_json_real(writer, players[i].deviation);
    }
    mu_json_array_end(writer);
}

static void write_ticket(struct mu_json_writer *writer, const struct mu_workload *workload,
                         uint32_t index)
{
    const struct mu_workload_ticket *ticket = &workload->tickets[index];
    assert(ticket->details_bytes == 0 && !ticket->backfill);
    mu_json_object_begin(writer);
    put_real(writer, "t", ticket->at_s);
    mu_json_key(writer, "id");
    if (ticket->id_number) {
        mu_json_raw(writer, ticket->id, strlen(ticket->id));
    } else {
        mu_json_string(writer, ticket->id);
    }
    mu_json_key(writer, "m");
    mu_json_string(writer, workload->modes[ticket->mode].name);
    write_players(writer, workload, ticket);
    mu_json_key(writer, "rtt");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < workload->regions_count; i++) {
        mu_json_real(writer, mu_workload_rtt(workload, index)[i]);
    }
    mu_json_array_end(writer);
    put_real(writer, "pat", ticket->patience_s);
    mu_json_object_end(writer);
}

int mu_workload_write(const struct mu_workload *workload, FILE *file)
{
    char *line = malloc(MU_WORKLOAD_LINE_MAX);
    int r = line == NULL ? -ENOMEM : 0;
    for (uint32_t i = 0; r == 0 && i <= workload->tickets_count; i++) {
        struct mu_json_writer writer;
        mu_json_writer_init(&writer, line, MU_WORKLOAD_LINE_MAX);
        if (i == 0) {
            write_header(&writer, workload);
            write_score(&writer, workload);
        } else {
            write_ticket(&writer, workload, i - 1);
        }
        if (writer.overflow || fwrite(line, 1, writer.used, file) != writer.used ||
            fputc('\n', file) == EOF) {
            r = -EIO;
        }
    }
    free(line);
    return r;
}
