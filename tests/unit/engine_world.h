/* tests/unit/engine_world.h - what the engine's tests share: modes, tickets that wait, and the
 * matches that came, each checked as it comes. */
#ifndef MU_TESTS_UNIT_ENGINE_WORLD_H
#define MU_TESTS_UNIT_ENGINE_WORLD_H

#include <string.h>

#include "actors/engine.h"
#include "core/actor.h"
#include "tests/unit/unit.h"

enum { TICKETS_MAX = 256, MATCHES_MAX = 256 };

static struct mu_rng rng;
static struct mu_config config;

/* A world. */

enum mode_index { DUEL, TWOS, FIVES, CASUAL, EIGHT, RANGE, HUGE_FREE, HUGE_TEAMS, MODES_COUNT };

static const struct mu_mode modes[MODES_COUNT] = {
    { .name = "duel",
      .teams = 2,
      .team_min = 1,
      .team_max = 1,
      .window_points = 50,
      .window_per_second = 10,
      .window_max = 400,
      .latency_max_ms = 150,
      .wait_max_ms = 300000 },
    { .name = "twos",
      .teams = 2,
      .team_min = 2,
      .team_max = 2,
      .window_points = 100,
      .window_per_second = 10,
      .window_max = 500,
      .latency_max_ms = 150,
      .wait_max_ms = 300000 },
    { .name = "fives",
      .teams = 2,
      .team_min = 5,
      .team_max = 5,
      .window_points = 150,
      .window_per_second = 15,
      .window_max = 900,
      .latency_max_ms = 0,
      .wait_max_ms = 300000 },
    { .name = "casual",
      .teams = 1,
      .team_min = 2,
      .team_max = 10,
      .window_points = 400,
      .window_per_second = 20,
      .window_max = 2900,
      .latency_max_ms = 250,
      .fill_ms = 8000,
      .wait_max_ms = 300000 },
    { .name = "eight",
      .teams = 1,
      .team_min = 8,
      .team_max = 8,
      .window_points = 300,
      .window_per_second = 15,
      .window_max = 1200,
      .latency_max_ms = 200,
      .wait_max_ms = 600000 },
    { .name = "range",
      .teams = 3,
      .team_min = 2,
      .team_max = 4,
      .window_points = 500,
      .window_per_second = 0,
      .window_max = 500,
      .latency_max_ms = 0,
      .fill_ms = 5000,
      .wait_max_ms = 300000 },
    { .name = "huge_free",
      .teams = 1,
      .team_min = 200,
      .team_max = 200,
      .window_points = 2900,
      .window_per_second = 0,
      .window_max = 2900,
      .latency_max_ms = 0,
      .wait_max_ms = 300000 },
    { .name = "huge_teams",
      .teams = 2,
      .team_min = 100,
      .team_max = 100,
      .window_points = 2900,
      .window_per_second = 0,
      .window_max = 2900,
      .latency_max_ms = 0,
      .wait_max_ms = 300000 },
};

/* What a test knows of the tickets that wait, and of the matches that came. */
struct world {
    struct mu_pool *pool;
    uint32_t mode;
    struct mu_engine_ticket tickets[TICKETS_MAX];
    uint32_t tickets_count;
    struct mu_engine_match matches[MATCHES_MAX];
    struct mu_engine_ticket members[MATCHES_MAX][MU_MATCH_PLAYERS_MAX];
    uint32_t matches_count;
    uint32_t matches_max; /* stop behind so many in one call */
    int64_t now_ms;
};

static struct world world;
static uint32_t ids;

static inline int setup(void **state)
{
    (void)state;
    mu_config_default(&config);
    config.modes_count = MODES_COUNT;
    memcpy(config.modes, modes, sizeof modes);
    return 0;
}

static inline void world_begin(uint32_t mode)
{
    mu_pool_destroy(world.pool);
    memset(&world, 0, sizeof world);
    world.mode = mode;
    world.now_ms = 1000000;
    world.matches_max = MATCHES_MAX;
    world.pool = mu_pool_create(&config, mode, MU_POOL_CAPACITY_MAX, 7);
    assert_non_null(world.pool);
}

static inline void world_end(void)
{
    mu_pool_check(world.pool);
    mu_pool_destroy(world.pool);
    world.pool = NULL;
}

/* Of a ticket, without what the compiler puts behind its last field. */
#define TICKET_BYTES                                                                               \
    (offsetof(struct mu_engine_ticket, reach_ms) + MU_REGIONS_MAX * sizeof(uint16_t))

/* A ticket in region 0 at 20 ms. */
static inline struct mu_engine_ticket ticket_of(int32_t rating, uint32_t players, int64_t age_ms)
{
    struct mu_engine_ticket ticket = {
        .version = 1,
        .since_ms = world.now_ms - age_ms,
        .rating = rating,
        .players = players,
    };
    (void)snprintf(ticket.id, sizeof ticket.id, "tkt_%08u", ++ids);
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ticket.reach_ms[i] = MU_REACH_NONE;
    }
    ticket.reach_ms[0] = 20;
    return ticket;
}

static inline struct mu_engine_ticket random_ticket(uint32_t players_max, int32_t spread,
                                                    int64_t age_max_ms)
{
    int32_t rating = 1500 - spread / 2 + (int32_t)mu_rng_below(&rng, (uint64_t)spread + 1);
    uint32_t players = 1;
    if (mu_rng_chance_ppm(&rng, 400000)) {
        players = 1 + (uint32_t)mu_rng_below(&rng, players_max);
    }
    struct mu_engine_ticket ticket =
        ticket_of(rating, players, (int64_t)mu_rng_below(&rng, (uint64_t)age_max_ms + 1));
    for (uint32_t i = 0; i < config.regions_count; i++) {
        ticket.reach_ms[i] = mu_rng_chance_ppm(&rng, 600000)
                                 ? (uint16_t)(10 + mu_rng_below(&rng, 200))
                                 : MU_REACH_NONE;
    }
    ticket.priority = mu_rng_chance_ppm(&rng, 100000) ? (uint32_t)mu_rng_below(&rng, 4) : 0;
    return ticket;
}

static inline void world_add(struct mu_engine_ticket ticket)
{
    assert_true(world.tickets_count < TICKETS_MAX);
    world.tickets[world.tickets_count++] = ticket;
    assert_int_equal(mu_pool_add(world.pool, &ticket), 0);
}

static inline uint32_t world_index(const char *id)
{
    for (uint32_t i = 0; i < world.tickets_count; i++) {
        if (strcmp(world.tickets[i].id, id) == 0) {
            return i;
        }
    }
    return TICKETS_MAX;
}

static inline void world_forget(uint32_t index)
{
    assert_true(index < world.tickets_count);
    world.tickets[index] = world.tickets[--world.tickets_count];
}

/* Every match that comes out is legal, and of tickets that wait. */
static inline bool emitted(void *owner, const struct mu_engine_match *match)
{
    assert_ptr_equal(owner, &world);
    assert_true(world.matches_count < MATCHES_MAX);
    assert_int_equal(mu_engine_legal(&config, world.mode, match->members, match->count,
                                     match->region, world.now_ms),
                     MU_ENGINE_LEGAL);
    assert_true(match->quality >= 0 && match->quality <= 1);
    struct mu_engine_match *kept = &world.matches[world.matches_count];
    *kept = *match;
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_engine_ticket *ticket = match->members[i].ticket;
        uint32_t index = world_index(ticket->id);
        assert_true(index < TICKETS_MAX); /* waits, and is in no match before */
        assert_memory_equal(&world.tickets[index], ticket, TICKET_BYTES);
        world.members[world.matches_count][i] = *ticket;
        kept->members[i].ticket = &world.members[world.matches_count][i];
        world_forget(index);
    }
    world.matches_count++;
    return world.matches_count < world.matches_max;
}

static inline uint32_t world_match(void)
{
    uint32_t before = world.matches_count;
    uint32_t count = mu_pool_match(world.pool, world.now_ms, emitted, &world);
    assert_int_equal(world.matches_count - before, count);
    mu_pool_check(world.pool);
    return count;
}

#endif /* MU_TESTS_UNIT_ENGINE_WORLD_H */
