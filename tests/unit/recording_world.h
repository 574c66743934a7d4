/* tests/unit/recording_world.h - a recording that writes into memory, and records to feed it. */
#ifndef MU_TESTS_UNIT_RECORDING_WORLD_H
#define MU_TESTS_UNIT_RECORDING_WORLD_H

#include <errno.h>
#include <string.h>

#include "core/id.h"
#include "tests/unit/unit.h"
#include "tools/recording.h"

#define RECORDING_START INT64_C(1700000000000) /* wall time at which it begins */

/* A file in memory. */
struct recording_text {
    char *bytes; /* [capacity], with a NUL */
    size_t used;
    size_t capacity;
    int fails; /* -errno with which it takes no more; 0: it does */
};

struct recording_world {
    struct mu_config config;
    struct mu_recording *recording;
    struct recording_text tickets;
    struct recording_text matches;
    struct mu_msg ticket; /* in hand: see recording_ticket() */
    struct mu_msg match;
};

static inline int recording_take(void *context, const char *line, size_t size)
{
    struct recording_text *text = context;
    assert_true(size > 0 && line[size - 1] == '\n' && memchr(line, '\n', size) == line + size - 1);
    if (text->fails != 0) {
        return text->fails;
    }
    if (text->used + size + 1 > text->capacity) {
        text->capacity = 2 * (text->used + size + 1);
        text->bytes = realloc(text->bytes, text->capacity);
        assert_non_null(text->bytes);
    }
    memcpy(text->bytes + text->used, line, size);
    text->used += size;
    text->bytes[text->used] = '\0';
    return 0;
}

/* modes: bit i records mode i of the default configuration; 0: all. */
static inline struct recording_world *recording_world_create(uint32_t modes, bool keep_ids)
{
    struct recording_world *ret = calloc(1, sizeof *ret);
    assert_non_null(ret);
    mu_config_default(&ret->config);
    const struct mu_recording_options options = {
        .config = &ret->config,
        .modes = modes != 0 ? modes : (1u << ret->config.modes_count) - 1,
        .names = { .off = keep_ids, .key = "a key" },
        .name = "test",
        .version = "1",
        .write_ticket = recording_take,
        .tickets = &ret->tickets,
        .write_match = recording_take,
        .matches = &ret->matches,
    };
    ret->recording = mu_recording_create(&options);
    assert_non_null(ret->recording);
    return ret;
}

static inline void recording_world_destroy(struct recording_world *world)
{
    mu_recording_destroy(world->recording);
    free(world->tickets.bytes);
    free(world->matches.bytes);
    free(world);
}

/* An id that is valid, of a number. */
static inline void recording_id(const char *prefix, uint64_t number, char ret[MU_ID_MAX + 1])
{
    (void)snprintf(ret, MU_ID_MAX + 1, "%s%026llu", prefix, (unsigned long long)number);
}

/* Makes world->ticket: number n, of one player with the same number, who was enqueued so many
 * milliseconds after the start in us-east-1, and may wait for 60 s. */
static inline struct mu_msg_ticket *recording_ticket(struct recording_world *world, uint64_t n,
                                                     const char *mode, int64_t at_ms)
{
    struct mu_msg_ticket *ticket = &world->ticket.ticket;
    memset(ticket, 0, sizeof *ticket);
    recording_id(MU_ID_PREFIX_TICKET, n, ticket->id);
    recording_id(MU_ID_PREFIX_PLAYER, n, ticket->players[0].id);
    (void)snprintf(ticket->mode, sizeof ticket->mode, "%s", mode);
    (void)snprintf(ticket->region, sizeof ticket->region, "us-east-1");
    ticket->version = 1;
    ticket->state = MU_TICKET_QUEUED;
    ticket->players_count = 1;
    ticket->players[0].rating = 1200;
    ticket->players[0].deviation = 80;
    ticket->enqueued_ms = (uint64_t)(RECORDING_START + at_ms);
    ticket->wait_max_ms = 60000;
    return ticket;
}

/* Feeds world->ticket, as it became known so many milliseconds after the start. */
static inline void recording_feed(struct recording_world *world, int64_t at_ms)
{
    assert_int_equal(
        mu_recording_ticket(world->recording, &world->ticket.ticket, RECORDING_START + at_ms), 0);
    mu_recording_check(world->recording);
}

/* A new ticket, fed at once. */
static inline void recording_enqueue(struct recording_world *world, uint64_t n, const char *mode,
                                     int64_t at_ms)
{
    (void)recording_ticket(world, n, mode, at_ms);
    recording_feed(world, at_ms);
}

/* What became of ticket n, which was enqueued as recording_enqueue() does. */
static inline void recording_change(struct recording_world *world, uint64_t n, const char *mode,
                                    int64_t enqueued_ms, enum mu_ticket_state state, int64_t at_ms)
{
    struct mu_msg_ticket *ticket = recording_ticket(world, n, mode, enqueued_ms);
    ticket->version = 2;
    ticket->state = state;
    ticket->ended_ms = (uint64_t)(RECORDING_START + at_ms);
    recording_feed(world, at_ms);
}

/* Begins world->match: number m, FORMED in us-east-1. */
static inline struct mu_msg_match *recording_match(struct recording_world *world, uint64_t m,
                                                   const char *mode, uint32_t teams, int64_t at_ms)
{
    struct mu_msg_match *match = &world->match.match;
    memset(match, 0, sizeof *match);
    recording_id(MU_ID_PREFIX_MATCH, m, match->id);
    match->version = 1;
    match->state = MU_MATCH_FORMED;
    (void)snprintf(match->mode, sizeof match->mode, "%s", mode);
    (void)snprintf(match->region, sizeof match->region, "us-east-1");
    match->teams = teams;
    match->created_ms = (uint64_t)(RECORDING_START + at_ms);
    return match;
}

/* Adds a player of ticket n to world->match. */
static inline void recording_seat(struct recording_world *world, uint64_t n, uint32_t team)
{
    struct mu_msg_match *match = &world->match.match;
    struct mu_msg_match_player *player = &match->players[match->players_count++];
    recording_id(MU_ID_PREFIX_TICKET, n, player->ticket);
    player->team = team;
}

static inline void recording_feed_match(struct recording_world *world)
{
    assert_int_equal(mu_recording_match(world->recording, &world->match.match), 0);
}

static inline void recording_begin(struct recording_world *world)
{
    assert_int_equal(mu_recording_begin(world->recording, RECORDING_START), 0);
}

static inline void recording_advance(struct recording_world *world, int64_t at_ms)
{
    assert_int_equal(mu_recording_advance(world->recording, RECORDING_START + at_ms), 0);
    mu_recording_check(world->recording);
}

static inline void recording_end(struct recording_world *world, int64_t at_ms)
{
    assert_int_equal(mu_recording_end(world->recording, RECORDING_START + at_ms), 0);
    mu_recording_check(world->recording);
}

/* What was written behind the header. */
static inline const char *recording_lines(const struct recording_text *text)
{
    const char *end = text->bytes == NULL ? NULL : strchr(text->bytes, '\n');
    assert_non_null(end);
    return end + 1;
}

#endif /* MU_TESTS_UNIT_RECORDING_WORLD_H */
