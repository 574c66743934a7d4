/* What the matching engine costs when all goes wrong, in things that can be counted: tickets tried,
 * neighbours looked at, steps of the composer, bytes.
 *
 * Each pool is tried at two sizes: what a ticket costs may not grow with how many there are. */
#include <string.h>

#include "tests/unit/engine_world.h"

enum {
    FEW = 900,
    MANY = 3600,
    AT_ONCE_MS = 1000, /* they come within so long */
    TAKEN_MAX = 1024,  /* tickets out of one call, about */
};

/* A pool that is hard, and how. */
struct hardship {
    const char *name;
    uint32_t mode;        /* MODES_COUNT: of the document */
    const char *document; /* or NULL */
    uint32_t wait_cost_ms;
    void (*make)(uint32_t i, struct mu_engine_ticket *ret);
    bool hopeless;    /* nothing can come of it */
    uint32_t less;    /* so many times fewer tickets: where one costs much */
    uint32_t looks;   /* a ticket, at most */
    uint32_t anchors; /* tries of a ticket, at most */
    uint32_t steps;   /* a ticket, at most; 0: the composer is not asked */
};

/* Tickets. */

static void identical(uint32_t i, struct mu_engine_ticket *ret)
{
    (void)i;
    *ret = ticket_of(1500, 1, 0);
}

static void identical_parties(uint32_t i, struct mu_engine_ticket *ret)
{
    (void)i;
    *ret = ticket_of(1500, 5, 0);
}

/* Parties as large as a team of eight. */
static void full_parties(uint32_t i, struct mu_engine_ticket *ret)
{
    *ret = ticket_of(1000 + (int32_t)(i * 7919 % 1000), 8, 0);
}

/* Threes that never make five. */
static void threes(uint32_t i, struct mu_engine_ticket *ret)
{
    *ret = ticket_of(1000 + (int32_t)(i * 7919 % 1000), 3, 0);
}

/* All in one region that nobody else is in. */
static void lonely(uint32_t i, struct mu_engine_ticket *ret)
{
    *ret = ticket_of(1500, 1, 0);
    ret->reach_ms[0] = MU_REACH_NONE;
    if (i < config.regions_count) {
        ret->reach_ms[i] = 20;
    }
}

/* As far apart as numbers go, half of them beyond what the index tells apart. */
static void extreme(uint32_t i, struct mu_engine_ticket *ret)
{
    static const int32_t ratings[] = { -1000000, 100, 3000, 1000000 };
    *ret = ticket_of(ratings[i % 4], 1, 0);
}

static void ordinary(uint32_t i, struct mu_engine_ticket *ret)
{
    *ret = ticket_of(1000 + (int32_t)(i * 7919 % 1000), 1, 0);
}

static const char never[] =
    "{\"teams\": [{\"name\": \"t\", \"minPlayers\": 2, \"maxPlayers\": 4, \"quantity\": 2}],"
    "\"rules\": [{\"name\": \"never\", \"type\": \"comparison\", \"operation\": \">\","
    "  \"measurements\": \"sum(count(teams[*].players))\", \"referenceValue\": 20}]}";
static const char rated[] =
    "{\"teams\": [{\"name\": \"t\", \"minPlayers\": 3, \"maxPlayers\": 3, \"quantity\": 2}],"
    "\"rules\": [{\"name\": \"even\", \"type\": \"distance\", \"maxDistance\": 10,"
    "  \"measurements\": \"avg(teams[*].players.rating)\","
    "  \"referenceValue\": \"avg(players.rating)\"}]}";

static const struct hardship hardships[] = {
    { "pairs, all the same", DUEL, NULL, 0, identical, false, 1, 100, 2, 0 },
    { "pairs, all the same, who wait", DUEL, NULL, 240000, identical, false, 1, 400, 5, 0 },
    { "pairs, nobody in reach", DUEL, NULL, 0, extreme, false, 1, 200, 3, 0 },
    { "pairs, alone in a region", DUEL, NULL, 0, lonely, true, 1, 100, 2, 0 },
    { "fives, all the same", FIVES, NULL, 0, identical, false, 1, 400, 2, 0 },
    { "fives, all the same, who wait", FIVES, NULL, 240000, identical, false, 1, 1000, 4, 0 },
    { "fives, full parties", FIVES, NULL, 0, identical_parties, false, 1, 400, 3, 0 },
    { "fives, threes only", FIVES, NULL, 0, threes, true, 1, 400, 2, 2000 },
    { "eights, full parties", EIGHTS, NULL, 0, full_parties, false, 1, 400, 3, 0 },
    { "eights, full parties who wait", EIGHTS, NULL, 240000, full_parties, false, 1, 1000, 4, 0 },
    { "eights, extremes", EIGHTS, NULL, 0, extreme, false, 1, 400, 2, 0 },
    { "two hundred, all the same", HUGE_TEAMS, NULL, 0, identical, false, 1, 1000, 2, 0 },
    { "two hundred, parties of eight", HUGE_TEAMS, NULL, 0, full_parties, true, 10, 4000, 2, 8000 },
    { "two hundred, for all", HUGE_FREE, NULL, 0, extreme, false, 1, 1000, 2, 0 },
    { "a rule nothing holds", MODES_COUNT, never, 0, ordinary, true, 20, 500, 2, 16000 },
    { "a rule, all the same", MODES_COUNT, rated, 0, identical, false, 5, 2500, 2, 2000 },
    { "a rule, extremes", MODES_COUNT, rated, 0, extreme, false, 5, 5000, 2, 20000 },
};

/* Measuring. */

static void begin(const struct hardship *hardship)
{
    struct mu_rulebook mode;
    struct mu_rulebook book;
    struct mu_rules_fault fault = { .what = "" };
    if (hardship->document == NULL) {
        world_begin(hardship->mode, hardship->wait_cost_ms);
        return;
    }
    config.modes[DUEL].wait_cost_ms = 0;
    assert_int_equal(mu_rules_from_mode(&config, DUEL, &mode), 0);
    if (mu_rules_compile(hardship->document, strlen(hardship->document), mode.shapes[0], 1, &fault,
                         1, &book) != 0) {
        fail_msg("%s: %s %s", hardship->name, fault.pointer, fault.what);
    }
    mu_rulebook_release(&mode);
    world_begin_book(&book);
}

/* A ticket with the facts that a document may ask for. */
static void add(const struct hardship *hardship, uint32_t i, int64_t since_ms)
{
    static uint64_t block[MU_FACTS_BYTES_MAX / 8];
    struct mu_engine_ticket ticket;
    hardship->make(i, &ticket);
    ticket.since_ms = since_ms;
    if (hardship->document != NULL) {
        struct mu_facts_player player = { .id = ticket.id, .rating = ticket.rating };
        struct mu_facts *facts = (struct mu_facts *)(void *)block;
        assert_int_equal(mu_facts_read(world.book.shapes[0], &config, &player, 1, "", 0, NULL,
                                       facts, sizeof block),
                         0);
        ticket.facts = facts;
    }
    assert_int_equal(mu_pool_add(world.pool, &ticket, world.now_ms), 0);
}

/* What goes out of the pool. */
struct result {
    uint64_t tickets;
    uint32_t count; /* of ids: not yet removed */
    char ids[TAKEN_MAX + MU_MATCH_PLAYERS_MAX][MU_ID_MAX + 1];
};

static bool take(void *owner, const struct mu_engine_match *match)
{
    struct result *result = owner;
    assert_int_equal(mu_engine_legal(world.book.shapes[match->shape], &config, match->members,
                                     match->count, match->region, world.now_ms, world.candidate,
                                     NULL),
                     MU_ENGINE_LEGAL);
    result->tickets += match->count;
    for (uint32_t i = 0; i < match->count; i++) {
        memcpy(result->ids[result->count++], match->members[i].ticket->id, sizeof result->ids[0]);
    }
    return result->count < TAKEN_MAX;
}

static void match_all(struct result *result)
{
    while (mu_pool_next_moment(world.pool) <= world.now_ms) {
        result->count = 0;
        (void)mu_pool_match(world.pool, world.now_ms, take, result);
        for (uint32_t i = 0; i < result->count; i++) {
            assert_true(mu_pool_remove(world.pool, result->ids[i], MU_LEAVE_MATCHED, world.now_ms));
        }
    }
}

/* What a ticket costs when so many come, all at once (gap_ms 0) or one by one. */
static struct mu_pool_work cost(const struct hardship *hardship, uint32_t count, bool at_once)
{
    static struct result result;
    struct mu_pool_work work;
    memset(&result, 0, sizeof result);
    begin(hardship);
    int64_t start_ms = world.now_ms;
    for (uint32_t i = 0; i < count; i++) {
        int64_t at_ms = start_ms + (int64_t)i * AT_ONCE_MS / count;
        world.now_ms = at_once ? start_ms : at_ms;
        add(hardship, i, world.now_ms);
        if (!at_once) {
            match_all(&result);
        }
    }
    match_all(&result);
    assert_true(hardship->hopeless == (result.tickets == 0));
    mu_pool_work(world.pool, &work);
    world_end();
    return work;
}

static void check_bounds(const struct hardship *hardship, bool at_once)
{
    uint32_t few = FEW / hardship->less;
    uint32_t many = MANY / hardship->less;
    struct mu_pool_work small = cost(hardship, few, at_once);
    struct mu_pool_work large = cost(hardship, many, at_once);
    (void)fprintf(
        stderr, "%-32s %-8s a ticket: tried %.2f %.2f, looks %.1f %.1f, steps %.1f %.1f\n",
        hardship->name, at_once ? "at once" : "one by 1", (double)small.anchors / few,
        (double)large.anchors / many, (double)small.looks / few, (double)large.looks / many,
        (double)small.steps / few, (double)large.steps / many);
    assert_true(large.anchors <= (uint64_t)hardship->anchors * many);
    assert_true(large.looks <= (uint64_t)hardship->looks * many);
    assert_true(large.steps <= (uint64_t)hardship->steps * many);
}

static void test_all_at_once(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof hardships / sizeof hardships[0]; i++) {
        check_bounds(&hardships[i], true);
    }
}

static void test_one_by_one(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof hardships / sizeof hardships[0]; i++) {
        check_bounds(&hardships[i], false);
    }
}

/* A hundred thousand come and go, ten times over: no more bytes than the first time. */
static void test_no_growth(void **state)
{
    (void)state;
    enum { ROUNDS = 10, THERE = 1000, COME = 10000 };
    static const struct hardship kinds[] = {
        { .name = "pairs", .mode = DUEL, .wait_cost_ms = 240000, .make = ordinary },
        { .name = "fives", .mode = FIVES, .make = threes },
        { .name = "rules", .mode = MODES_COUNT, .document = never, .make = ordinary },
    };
    for (uint32_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        size_t bytes = 0;
        begin(&kinds[k]);
        for (uint32_t round = 0; round < ROUNDS; round++) {
            uint32_t first = ids + 1;
            for (uint32_t i = 0; i < COME + THERE; i++) {
                char id[MU_ID_MAX + 1];
                if (i < COME) {
                    add(&kinds[k], i, world.now_ms);
                }
                if (i >= THERE) {
                    (void)snprintf(id, sizeof id, "tkt_%08u", (unsigned)(first + i - THERE));
                    assert_true(mu_pool_remove(world.pool, id, MU_LEAVE_GAVE_UP, world.now_ms));
                }
                world.now_ms++;
            }
            assert_int_equal(mu_pool_count(world.pool), 0);
            assert_true(round == 0 || mu_pool_bytes(world.pool) == bytes);
            bytes = mu_pool_bytes(world.pool);
            mu_pool_check(world.pool);
        }
        (void)fprintf(stderr, "%s: %u came and went, %zu bytes\n", kinds[k].name,
                      (unsigned)(ROUNDS * COME), bytes);
        world_end();
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_at_once),
        cmocka_unit_test(test_one_by_one),
        cmocka_unit_test(test_no_growth),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
