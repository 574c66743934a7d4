/* tests/unit/engine_world.h - what the engine's tests share: modes, tickets that wait, and the
 * matches that came, each checked as it comes. */
#ifndef MU_TESTS_UNIT_ENGINE_WORLD_H
#define MU_TESTS_UNIT_ENGINE_WORLD_H

#include <math.h>
#include <string.h>

#include "actors/engine.h"
#include "actors/rules_compile.h"
#include "core/actor.h"
#include "tests/unit/unit.h"

enum { TICKETS_MAX = 400, MATCHES_MAX = 256 };

static struct mu_rng rng;
static struct mu_config config;

/* A world. */

enum mode_index {
    DUEL,
    TWOS,
    FIVES,
    EIGHTS,
    CASUAL,
    EIGHT,
    RANGE,
    TRIOS,
    HUGE_FREE,
    HUGE_TEAMS,
    MODES_COUNT
};

#define SIZES(teams_n, teams_least, least, most)                                                   \
    .teams = (teams_n), .teams_min = (teams_least), .team_min = (least), .team_max = (most),       \
    .wait_max_ms = 600000

static const struct mu_mode modes[MODES_COUNT] = {
    { .name = "duel",
      SIZES(2, 2, 1, 1),
      .window_points = 50,
      .window_per_second = 10,
      .window_max = 400,
      .latency_max_ms = 150 },
    { .name = "twos",
      SIZES(2, 2, 2, 2),
      .window_points = 300,
      .window_max = 300,
      .latency_max_ms = 150 },
    { .name = "fives", SIZES(2, 2, 5, 5), .window_points = 400, .window_max = 400 },
    { .name = "eights", SIZES(2, 2, 8, 8), .window_points = 2900, .window_max = 2900 },
    { .name = "casual",
      SIZES(1, 1, 2, 10),
      .window_points = 600,
      .window_max = 600,
      .latency_max_ms = 250,
      .fill_ms = 8000 },
    { .name = "eight",
      SIZES(1, 1, 8, 8),
      .window_points = 700,
      .window_max = 700,
      .latency_max_ms = 200 },
    { .name = "range",
      SIZES(3, 3, 2, 4),
      .window_points = 500,
      .window_max = 500,
      .fill_ms = 5000 },
    { .name = "trios", SIZES(20, 14, 3, 3), .window_points = 2900, .window_max = 2900 },
    { .name = "huge_free", SIZES(1, 1, 200, 200), .window_points = 2900, .window_max = 2900 },
    { .name = "huge_teams", SIZES(2, 2, 100, 100), .window_points = 2900, .window_max = 2900 },
};

/* What a test knows of the tickets that wait, and of the matches that came. */
struct world {
    struct mu_pool *pool;
    struct mu_rulebook book;
    struct mu_candidate *candidate;
    uint32_t mode;
    struct mu_mode settings; /* of the mode */
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

/* Called for each match that comes; NULL: nobody judges but the engine. */
static void (*world_judge)(const struct mu_engine_match *match);

static inline int setup(void **state)
{
    (void)state;
    mu_config_default(&config);
    config.modes_count = MODES_COUNT;
    memcpy(config.modes, modes, sizeof modes);
    return 0;
}

static inline void world_end(void)
{
    mu_pool_check(world.pool);
    mu_pool_destroy(world.pool);
    mu_rulebook_release(&world.book);
    mu_candidate_destroy(world.candidate);
    world.pool = NULL;
}

/* A world of these rules, which it takes. */
static inline void world_begin_book(const struct mu_rulebook *book)
{
    memset(&world, 0, sizeof world);
    world.book = *book;
    world.now_ms = 1000000;
    world.matches_max = MATCHES_MAX;
    world.pool = mu_pool_create(&config, &world.book, MU_POOL_CAPACITY_MAX, 7);
    world.candidate = mu_candidate_create();
    assert_non_null(world.pool);
    assert_non_null(world.candidate);
}

/* A world of a mode; wait_cost_ms 0: every legal match at once. */
static inline void world_begin(uint32_t mode, uint32_t wait_cost_ms)
{
    struct mu_rulebook book;
    config.modes[mode].wait_cost_ms = wait_cost_ms;
    if (config.modes[mode].serve_first_ms == 0) {
        config.modes[mode].serve_first_ms = 480000;
    }
    assert_int_equal(mu_rules_from_mode(&config, mode, &book), 0);
    world_begin_book(&book);
    world.mode = mode;
    world.settings = config.modes[mode];
}

/* Of a ticket, without what the compiler puts behind its last array. */
#define TICKET_BYTES                                                                               \
    (offsetof(struct mu_engine_ticket, reach_ms) + MU_REGIONS_MAX * sizeof(uint16_t))

/* A ticket in region 0 at 20 ms whose players all have that rating. */
static inline struct mu_engine_ticket ticket_of(int32_t rating, uint32_t players, int64_t age_ms)
{
    struct mu_engine_ticket ticket;
    int32_t ratings[MU_TICKET_PLAYERS_MAX];
    static const int32_t certain[MU_TICKET_PLAYERS_MAX];
    memset(&ticket, 0, sizeof ticket);
    for (uint32_t i = 0; i < players; i++) {
        ratings[i] = rating;
    }
    ticket.version = 1;
    ticket.since_ms = world.now_ms - age_ms;
    ticket.players = players;
    mu_engine_ticket_rate(&ticket, &world.book.shapes[0]->objective, ratings, certain, players);
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
    assert_int_equal(mu_pool_add(world.pool, &ticket, world.now_ms), 0);
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

/* A ticket gives up. */
static inline void world_cancel(uint32_t index)
{
    assert_true(
        mu_pool_remove(world.pool, world.tickets[index].id, MU_LEAVE_GAVE_UP, world.now_ms));
    assert_false(
        mu_pool_remove(world.pool, world.tickets[index].id, MU_LEAVE_GAVE_UP, world.now_ms));
    world_forget(index);
}

static inline enum mu_engine_fault legal(const struct mu_engine_member *members, uint32_t count,
                                         uint32_t region, int64_t now_ms)
{
    return mu_engine_legal(world.book.shapes[0], &config, members, count, region, now_ms,
                           world.candidate, NULL);
}

/* Every match that comes out is legal, and of tickets that wait. */
static inline bool emitted(void *owner, const struct mu_engine_match *match)
{
    assert_ptr_equal(owner, &world);
    assert_true(world.matches_count < MATCHES_MAX);
    assert_true(match->shape < world.book.shapes_count);
    assert_int_equal(mu_engine_legal(world.book.shapes[match->shape], &config, match->members,
                                     match->count, match->region, world.now_ms, world.candidate,
                                     NULL),
                     MU_ENGINE_LEGAL);
    assert_true(match->quality >= 0 && match->quality <= 1);
    if (world_judge != NULL) {
        world_judge(match);
    }
    struct mu_engine_match *kept = &world.matches[world.matches_count];
    *kept = *match;
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_engine_ticket *ticket = match->members[i].ticket;
        uint32_t index = world_index(ticket->id);
        assert_true(index < TICKETS_MAX); /* waits, and is in no match before */
        assert_memory_equal(world.tickets[index].reach_ms, ticket->reach_ms,
                            sizeof ticket->reach_ms);
        assert_true(world.tickets[index].since_ms == ticket->since_ms);
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

/* As world_match(), and on, while the pool says that it is not done. */
static inline uint32_t world_match_all(void)
{
    uint32_t count = world_match();
    while (mu_pool_next_moment(world.pool) == INT64_MIN) {
        count += world_match();
    }
    return count;
}

/* Lets all moments pass until a match comes, `until` at the latest.  Returns whether one came, with
 * the time in world.now_ms. */
static inline bool world_wait(int64_t until_ms)
{
    while (world_match_all() == 0) {
        int64_t moment = mu_pool_next_moment(world.pool);
        assert_true(moment > world.now_ms);
        if (moment > until_ms) {
            world.now_ms = until_ms;
            return false;
        }
        world.now_ms = moment;
    }
    return true;
}

/* The store has taken the matches: their tickets are gone. */
static inline void world_commit(void)
{
    for (uint32_t k = 0; k < world.matches_count; k++) {
        for (uint32_t m = 0; m < world.matches[k].count; m++) {
            assert_true(
                mu_pool_remove(world.pool, world.members[k][m].id, MU_LEAVE_MATCHED, world.now_ms));
        }
    }
    world.matches_count = 0;
}

#endif /* MU_TESTS_UNIT_ENGINE_WORLD_H */
