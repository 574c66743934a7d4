#include "tools/outcome.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/json_write.h"

#define LINE_BYTES (64 * 1024) /* of a match: 200 ids of 31 bytes take less */

void mu_outcome_init(struct mu_outcome_list *outcome, const char *matcher)
{
    *outcome = (struct mu_outcome_list){ .matches_count = 0 };
    (void)snprintf(outcome->matcher, sizeof outcome->matcher, "%s", matcher);
}

void mu_outcome_release(struct mu_outcome_list *outcome)
{
    free(outcome->matches);
    free(outcome->seats);
    mu_outcome_init(outcome, "");
}

/* The capacity that holds `need`, or 0: too many. */
static uint32_t room(uint32_t capacity, uint64_t need)
{
    uint64_t size = capacity == 0 ? 256 : capacity;
    while (size < need) {
        size *= 2;
    }
    return size > UINT32_MAX ? 0 : (uint32_t)size;
}

/* Makes room for so many more. */
static int reserve(struct mu_outcome_list *outcome, uint64_t matches, uint64_t seats)
{
    uint32_t capacity = room(outcome->matches_capacity, outcome->matches_count + matches);
    if (capacity != outcome->matches_capacity) {
        void *grown =
            capacity == 0 ? NULL : realloc(outcome->matches, capacity * sizeof *outcome->matches);
        if (grown == NULL) {
            return -ENOMEM;
        }
        outcome->matches = grown;
        outcome->matches_capacity = capacity;
    }
    capacity = room(outcome->seats_capacity, outcome->seats_count + seats);
    if (capacity != outcome->seats_capacity) {
        void *grown =
            capacity == 0 ? NULL : realloc(outcome->seats, capacity * sizeof *outcome->seats);
        if (grown == NULL) {
            return -ENOMEM;
        }
        outcome->seats = grown;
        outcome->seats_capacity = capacity;
    }
    return 0;
}

int mu_outcome_append(struct mu_outcome_list *outcome, const struct mu_outcome_match *match,
                      const struct mu_outcome_seat *seats)
{
    int r = reserve(outcome, 1, match->seats_count);
    if (r != 0) {
        return r;
    }
    for (uint32_t i = 0; i < match->seats_count; i++) {
        assert(i == 0 || seats[i - 1].team <= seats[i].team);
        outcome->seats[outcome->seats_count + i] = seats[i];
    }
    outcome->matches[outcome->matches_count] = *match;
    outcome->matches[outcome->matches_count++].seats = outcome->seats_count;
    outcome->seats_count += match->seats_count;
    return 0;
}

/* Where a match stood before sorting is where its seats stand. */
static int by_time(const void *a, const void *b)
{
    const struct mu_outcome_match *x = a;
    const struct mu_outcome_match *y = b;
    if (x->at_s < y->at_s || x->at_s > y->at_s) {
        return x->at_s < y->at_s ? -1 : 1;
    }
    if (x->mode != y->mode) {
        return x->mode < y->mode ? -1 : 1;
    }
    return x->seats < y->seats ? -1 : x->seats > y->seats;
}

void mu_outcome_sort(struct mu_outcome_list *outcome)
{
    if (outcome->matches_count > 0) {
        qsort(outcome->matches, outcome->matches_count, sizeof outcome->matches[0], by_time);
    }
}

/* Writing. */

static void write_id(struct mu_json_writer *writer, const struct mu_workload_ticket *ticket)
{
    if (ticket->id_number) {
        mu_json_raw(writer, ticket->id, strlen(ticket->id));
    } else {
        mu_json_string(writer, ticket->id);
    }
}

static void write_match(struct mu_json_writer *writer, const struct mu_outcome_list *outcome,
                        const struct mu_workload *workload, const struct mu_outcome_match *match)
{
    mu_json_object_begin(writer);
    mu_json_key(writer, "type");
    mu_json_string(writer, "match");
    mu_json_key(writer, "t");
    mu_json_real(writer, match->at_s);
    mu_json_key(writer, "m");
    mu_json_string(writer, workload->modes[match->mode].name);
    mu_json_key(writer, "region");
    mu_json_u64(writer, match->region);
    mu_json_key(writer, "teams");
    mu_json_array_begin(writer);
    for (uint32_t team = 0, i = 0; team < match->teams_count; team++) {
        mu_json_array_begin(writer);
        for (; i < match->seats_count && outcome->seats[match->seats + i].team == team; i++) {
            const struct mu_outcome_seat *seat = &outcome->seats[match->seats + i];
            const struct mu_workload_ticket *ticket = &workload->tickets[seat->ticket];
            uint32_t times = seat->players == ticket->players_count ? 1 : seat->players;
            for (uint32_t k = 0; k < times; k++) {
                write_id(writer, ticket);
            }
        }
        mu_json_array_end(writer);
    }
    mu_json_array_end(writer);
    mu_json_object_end(writer);
}

static void write_header(struct mu_json_writer *writer, const struct mu_outcome_list *outcome,
                         const struct mu_workload *workload, const struct mu_outcome_origin *origin)
{
    const struct {
        const char *key;
        const char *value;
    } texts[] = {
        { "type", "outcome" },          { "format", "mm-outcome/1" },
        { "workload", workload->name }, { "matcher", outcome->matcher },
        { "version", origin->version },
    };
    mu_json_object_begin(writer);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        mu_json_key(writer, texts[i].key);
        mu_json_string(writer, texts[i].value);
    }
    mu_json_key(writer, "rules");
    mu_json_object_begin(writer);
    for (uint32_t i = 0; i < workload->modes_count; i++) {
        char hash[17];
        if (origin->rules[i] != 0) {
            (void)snprintf(hash, sizeof hash, "%016" PRIx64, origin->rules[i]);
            mu_json_key(writer, workload->modes[i].name);
            mu_json_string(writer, hash);
        }
    }
    mu_json_object_end(writer);
    mu_json_key(writer, "seed");
    mu_json_u64(writer, origin->seed);
    mu_json_object_end(writer);
}

int mu_outcome_write(const struct mu_outcome_list *outcome, const struct mu_workload *workload,
                     const struct mu_outcome_origin *origin, FILE *file)
{
    char *line = malloc(LINE_BYTES);
    int r = line == NULL ? -ENOMEM : 0;
    for (uint32_t i = 0; r == 0 && i <= outcome->matches_count; i++) {
        struct mu_json_writer writer;
        mu_json_writer_init(&writer, line, LINE_BYTES);
        if (i == 0) {
            write_header(&writer, outcome, workload, origin);
        } else {
            write_match(&writer, outcome, workload, &outcome->matches[i - 1]);
        }
        assert(!writer.overflow);
        if (fwrite(line, 1, writer.used, file) != writer.used || fputc('\n', file) == EOF) {
            r = -EIO;
        }
    }
    free(line);
    return r;
}
