/* The matching engine's pool: tickets in, out, taken and back; extremes; and documents' rules. */
#include <errno.h>
#include <string.h>

#include "tests/unit/engine_world.h"

enum { MINUTE_MS = 60000 };

static void test_extremes(void **state)
{
    (void)state;
    world_begin(HUGE_FREE, 0);
    world_add(ticket_of(-100000000, 1, 0)); /* the index ends, ratings do not */
    world_add(ticket_of(100000000, 8, 0));
    assert_int_equal(world_match(), 0);
    struct mu_engine_ticket bad = ticket_of(1500, 1, 0);
    bad.players = 0;
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad.players = 9;
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.sum = NAN;
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.since_ms = INT64_MIN;
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.priority = 101;
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.backfill = true; /* and nothing said about its players */
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);
    bad = ticket_of(1500, 1, 0);
    bad.id[0] = '\0';
    assert_int_equal(mu_pool_add(world.pool, &bad, world.now_ms), -EINVAL);

    struct mu_pool *small = mu_pool_create(&config, &world.book, 3, 1);
    for (uint32_t i = 0; i < 4; i++) {
        struct mu_engine_ticket ticket = ticket_of(1500, 1, 0);
        assert_int_equal(mu_pool_add(small, &ticket, world.now_ms), i < 3 ? 0 : -ENOBUFS);
    }
    assert_int_equal(mu_pool_count(small), 3);
    mu_pool_clear(small);
    assert_int_equal(mu_pool_count(small), 0);
    mu_pool_check(small);
    mu_pool_destroy(small);
    mu_pool_destroy(NULL);
    world_end();
}

static void test_identical_and_incompatible(void **state)
{
    (void)state;
    world_begin(DUEL, 0);
    for (uint32_t i = 0; i < 200; i++) {
        world_add(ticket_of(1500, 1, 0));
    }
    assert_int_equal(world_match(), 100);
    for (uint32_t i = 0; i + 1 < 100; i++) {
        assert_true(strcmp(world.matches[i].members[0].ticket->id,
                           world.matches[i + 1].members[0].ticket->id) < 0);
    }
    world_end();
    world_begin(DUEL, 0);
    for (uint32_t i = 0; i < 7; i++) {
        world_add(ticket_of(100 + 401 * (int32_t)i, 1, 0)); /* beyond the widest window */
    }
    assert_int_equal(world_match(), 0);
    assert_int_equal(mu_pool_next_moment(world.pool), MU_NEVER);
    world_end();
}

static void test_taken(void **state)
{
    (void)state;
    world_begin(DUEL, 0);
    struct mu_engine_ticket a = ticket_of(1500, 1, 100);
    struct mu_engine_ticket b = ticket_of(1500, 1, 0);
    world_add(a);
    world_add(b);
    assert_int_equal(world_match(), 1);
    assert_int_equal(mu_pool_taken(world.pool), 2);
    assert_int_equal(world_match(), 0);
    assert_int_equal(mu_pool_next_moment(world.pool), world.now_ms + MU_POOL_TAKEN_MS);
    struct mu_engine_ticket found;
    memset(&found, 0, sizeof found);
    assert_true(mu_pool_find(world.pool, a.id, &found));
    assert_memory_equal(&found, &a, TICKET_BYTES);
    world_add(a); /* free again; b is not */
    assert_int_equal(world_match(), 0);
    assert_int_equal(mu_pool_taken(world.pool), 1);
    world.now_ms += MU_POOL_TAKEN_MS;
    world.tickets[world.tickets_count++] = b;
    assert_int_equal(world_match(), 1); /* nothing was heard of b: both again */
    world_end();
}

static void test_stop_and_go_on(void **state)
{
    (void)state;
    world_begin(DUEL, 0);
    for (uint32_t i = 0; i < 200; i++) {
        world_add(ticket_of(1500, 1, 0));
    }
    for (uint32_t i = 0; i < 100; i++) {
        world.matches_max = world.matches_count + 1;
        assert_true(mu_pool_next_moment(world.pool) == INT64_MIN);
        if (i == 50) { /* things go on meanwhile */
            world_cancel(0);
            world_add(ticket_of(1501, 1, 0));
        }
        assert_int_equal(world_match(), 1);
    }
    assert_int_equal(world.tickets_count, 0);
    (void)world_match();
    assert_true(mu_pool_next_moment(world.pool) > world.now_ms);
    world_end();
}

static bool count_only(void *owner, const struct mu_engine_match *match)
{
    *(uint64_t *)owner += match->count;
    return true;
}

static void test_many_joins_and_leaves(void **state)
{
    (void)state;
    static const uint32_t kinds[] = { 0, 240000 };
    for (uint32_t k = 0; k < 2; k++) {
        uint64_t matched = 0;
        world_begin(TWOS, kinds[k]);
        for (uint32_t round = 0; round < 2; round++) {
            uint32_t first = ids + 1;
            for (uint32_t i = 0; i < 100000; i++) {
                struct mu_engine_ticket ticket =
                    ticket_of(1500, 3, (int64_t)mu_rng_below(&rng, MINUTE_MS)); /* never */
                assert_int_equal(mu_pool_add(world.pool, &ticket, world.now_ms), 0);
            }
            (void)mu_pool_match(world.pool, world.now_ms, count_only, &matched);
            assert_int_equal(matched, 0);
            for (uint32_t i = first; i <= ids; i++) {
                char id[MU_ID_MAX + 1];
                (void)snprintf(id, sizeof id, "tkt_%08u", i);
                assert_true(mu_pool_remove(world.pool, id, MU_LEAVE_GAVE_UP, world.now_ms));
            }
            assert_int_equal(mu_pool_count(world.pool), 0);
        }
        for (uint32_t i = 0; i < 30000; i++) {
            struct mu_engine_ticket ticket = random_ticket(2, 2800, MINUTE_MS);
            ticket.reach_ms[1] = 30;
            assert_int_equal(mu_pool_add(world.pool, &ticket, world.now_ms), 0);
        }
        while (mu_pool_next_moment(world.pool) == INT64_MIN) {
            (void)mu_pool_match(world.pool, world.now_ms, count_only, &matched);
        }
        assert_true(matched > 29000);
        world_end();
    }
}

/* Documents. */

static void world_begin_document(const char *document)
{
    struct mu_rulebook mode;
    struct mu_rulebook book;
    struct mu_rules_fault fault;
    config.modes[DUEL].wait_cost_ms = 0;
    assert_int_equal(mu_rules_from_mode(&config, DUEL, &mode), 0);
    config.modes[DUEL] = modes[DUEL];
    int faults = mu_rules_compile(document, strlen(document), mode.shapes[0], 1, &fault, 1, &book);
    if (faults != 0) {
        fail_msg("%s %s", fault.pointer, fault.what);
    }
    mu_rulebook_release(&mode);
    world_begin_book(&book);
}

/* A ticket that says something about its players; the facts are good until the next one. */
static struct mu_engine_ticket ticket_saying(uint32_t players, int64_t age_ms, const char *details)
{
    static uint64_t block[MU_FACTS_BYTES_MAX / 8];
    struct mu_engine_ticket ticket = ticket_of(1500, players, age_ms);
    struct mu_facts_player list[MU_TICKET_PLAYERS_MAX];
    struct mu_facts_fault fault;
    struct mu_facts *facts = (struct mu_facts *)(void *)block;
    for (uint32_t i = 0; i < players; i++) {
        list[i] = (struct mu_facts_player){ .id = ticket.id, .rating = 1500 };
    }
    int r = mu_facts_read(world.book.shapes[0], &config, list, players, details, strlen(details),
                          &fault, facts, sizeof block);
    if (r != 0) {
        fail_msg("%d %s in %s", r, fault.what, details);
    }
    ticket.facts = facts;
    return ticket;
}

static const char even_teams[] =
    "{\"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\", \"default\": 10}],"
    "\"teams\": [{\"name\": \"t\", \"minPlayers\": 4, \"maxPlayers\": 8, \"quantity\": 2}],"
    "\"rules\": [{\"name\": \"near\", \"type\": \"distance\", \"maxDistance\": 10,"
    "  \"measurements\": [\"avg(teams[*].players.attributes[skill])\"],"
    "  \"referenceValue\": \"avg(flatten(teams[*].players.attributes[skill]))\"}],"
    "\"expansions\": [{\"target\": \"rules[near].maxDistance\", \"steps\":"
    "  [{\"waitTimeSeconds\": 5, \"value\": 50}, {\"waitTimeSeconds\": 15, \"value\": 100}]}]}";

static void add_fours(const char *skill_a, const char *skill_b, int64_t later_ms)
{
    char details[2][256];
    const char *skills[] = { skill_a, skill_b };
    for (uint32_t i = 0; i < 2; i++) {
        (void)snprintf(details[i], sizeof details[i],
                       "[{\"attributes\": {\"skill\": %s}}, {\"attributes\": {\"skill\": %s}},"
                       " {\"attributes\": {\"skill\": %s}}, {\"attributes\": {\"skill\": %s}}]",
                       skills[i], skills[i], skills[i], skills[i]);
        struct mu_engine_ticket ticket = ticket_saying(4, 0, details[i]);
        world_add(ticket);
        world.tickets[world.tickets_count - 1].facts = NULL;
        if (i == 0) {
            (void)world_match();
            world.now_ms += later_ms;
        }
    }
}

/* A match is made when the limits for its newest ticket allow it, to the millisecond. */
static void test_document_expands(void **state)
{
    (void)state;
    static const struct {
        const char *skill;
        int64_t later_ms;
        int64_t matched_ms; /* after the second came */
    } cases[] = { { "0", 0, 0 }, { "100", 0, 5000 }, { "160", 0, 15000 }, { "100", 20000, 5000 } };
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world_begin_document(even_teams);
        add_fours("0", cases[i].skill, cases[i].later_ms);
        int64_t start_ms = world.now_ms;
        assert_true(world_wait(start_ms + MINUTE_MS));
        assert_int_equal(world.now_ms - start_ms, cases[i].matched_ms);
        assert_int_equal(world.matches[0].count, 2);
        world_end();
    }
    world_begin_document(even_teams);
    add_fours("0", "500", 0);
    assert_false(world_wait(world.now_ms + MINUTE_MS));
    world_end();
}

static const char refill[] =
    "{\"algorithm\": {\"backfillPriority\": \"%s\"},"
    "\"teams\": [{\"name\": \"t\", \"minPlayers\": 1, \"maxPlayers\": 2, \"quantity\": 2}]}";

/* A match of three that lacks one; and two who could play it, or each other. */
static uint32_t refill_match(const char *priority, int64_t backfill_age_ms, bool *ret_backfilled)
{
    char document[512];
    (void)snprintf(document, sizeof document, refill, priority);
    world_begin_document(document);
    struct mu_engine_ticket backfill = ticket_saying(
        3, backfill_age_ms, "[{\"team\": \"t_1\"}, {\"team\": \"t_1\"}, {\"team\": \"t_2\"}]");
    backfill.backfill = true;
    world_add(backfill);
    assert_int_equal(world_match(), 0); /* alone it is no match */
    for (uint32_t i = 0; i < 2; i++) {
        world_add(ticket_of(1500, 1, 1000));
    }
    uint32_t count = world_match_all();
    *ret_backfilled = false;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < world.matches[i].count; k++) {
            *ret_backfilled |= world.matches[i].members[k].ticket->backfill;
        }
    }
    uint32_t first = count > 0 ? world.matches[0].count : 0;
    world_end();
    return first;
}

static void test_backfill(void **state)
{
    (void)state;
    bool backfilled = false;
    assert_int_equal(refill_match("high", 0, &backfilled), 2);
    assert_true(backfilled);
    assert_int_equal(refill_match("low", MINUTE_MS, &backfilled), 2);
    assert_false(backfilled); /* the two play each other first */
    (void)refill_match("normal", MINUTE_MS, &backfilled);
    assert_true(backfilled); /* it is the oldest */
    (void)refill_match("normal", 0, &backfilled);
    assert_false(backfilled);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_identical_and_incompatible),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_stop_and_go_on),
        cmocka_unit_test(test_many_joins_and_leaves),
        cmocka_unit_test(test_document_expands),
        cmocka_unit_test(test_backfill),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
