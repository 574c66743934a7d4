/* The matching engine under rules of documents: every match that comes is judged by plain words
 * (engine_lineup.h); nothing legal is left; nobody is passed over for ever; the order in which
 * tickets come at one time does not matter.
 *
 * usage: test_engine_documents [SEED [STEPS]]   STEPS: of each kind of queue (150) */
#include <string.h>

#include "tests/unit/engine_lineup.h"
#include "tests/unit/engine_world.h"

enum {
    PEOPLE = 4096,   /* tickets that are remembered, by the number in their id */
    PLAYERS_MAX = 9, /* that wait, where each may be on a team of his own */
    FIRST_MS = 20000,
    AGAIN_MS = 1200, /* those who are to be served first are tried again each second */
};

static uint64_t steps = 150;
static struct lineup_ticket people[PEOPLE];
static uint32_t numbers; /* of players, so far */
static const struct lineup_kind *kind;

/* Documents. */

static void begin_document(bool waits)
{
    struct mu_rulebook mode;
    struct mu_rulebook book;
    struct mu_rules_fault fault = { .what = "" };
    char document[4096];
    (void)snprintf(document, sizeof document, "{%s %s",
                   waits ? "\"quality\": {\"waitSeconds\": 60}, \"serveFirstAfterSeconds\": 20,"
                         : "",
                   kind->document);
    config.modes[DUEL].wait_cost_ms = 0;
    assert_int_equal(mu_rules_from_mode(&config, DUEL, &mode), 0);
    config.modes[DUEL] = modes[DUEL];
    if (mu_rules_compile(document, strlen(document), mode.shapes[0], 1, &fault, 1, &book) != 0) {
        fail_msg("%s: %s %s", kind->name, fault.pointer, fault.what);
    }
    mu_rulebook_release(&mode);
    world_begin_book(&book);
}

/* Who it is, by the number in its id. */
static struct lineup_ticket *person_of(const char *id)
{
    uint64_t number = 0;
    assert_int_equal(mu_parse_u64(id + strlen("tkt_") + strspn(id + strlen("tkt_"), "0"), 0,
                                  UINT32_MAX, &number),
                     0);
    return &people[number % PEOPLE];
}

/* A ticket as the engine takes it; its facts are good until the next one. */
static struct mu_engine_ticket ticket_for(struct lineup_ticket *person, int32_t rating,
                                          int64_t since_ms)
{
    static uint64_t block[MU_FACTS_BYTES_MAX / 8];
    static char details[4096];
    char player_ids[LINEUP_PARTY_MAX][32];
    struct mu_facts_player players[LINEUP_PARTY_MAX];
    struct mu_facts_fault fault = { .what = "" };
    struct mu_engine_ticket ticket = ticket_of(rating, person->count, 0);
    struct mu_facts *facts = (struct mu_facts *)(void *)block;
    person->since_ms = since_ms;
    ticket.since_ms = since_ms;
    for (uint32_t i = 0; i < person->count; i++) {
        lineup_player_id(person->number + i, player_ids[i], sizeof player_ids[i]);
        players[i] = (struct mu_facts_player){ .id = player_ids[i], .rating = rating };
    }
    for (uint32_t i = 0; i < LINEUP_REGIONS; i++) {
        ticket.reach_ms[i] = (uint16_t)lineup_reach(person, i);
    }
    lineup_spell(person, details, sizeof details);
    if (mu_facts_read(world.book.shapes[0], &config, players, person->count, details,
                      strlen(details), &fault, facts, sizeof block) != 0) {
        fail_msg("%s in %s", fault.what, details);
    }
    ticket.facts = facts;
    *person_of(ticket.id) = *person;
    return ticket;
}

static void add_ticket(struct mu_engine_ticket ticket)
{
    world_add(ticket);
    world.tickets[world.tickets_count - 1].facts = NULL; /* the pool has its own */
}

static void add_random(void)
{
    struct lineup_ticket person;
    lineup_make(&rng, kind, numbers, &person);
    numbers += person.count;
    int32_t rating = 1000 + (int32_t)mu_rng_below(&rng, 400);
    add_ticket(ticket_for(&person, rating, world.now_ms - (int64_t)mu_rng_below(&rng, 3000)));
}

/* Judging. */

static void judge_document(const struct mu_engine_match *match)
{
    struct lineup lineup = {
        .now_ms = world.now_ms,
        .region = match->region,
        .count = match->count,
    };
    assert_true(match->count <= LINEUP_TICKETS_MAX);
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_engine_member *member = &match->members[i];
        lineup.tickets[i] = person_of(member->ticket->id);
        for (uint32_t k = 0; k < lineup.tickets[i]->count; k++) {
            uint32_t team = member->team == MU_TEAM_SPAN ? member->teams[k] : member->team;
            lineup.teams[i][k] = (uint8_t)team;
        }
    }
    if (!lineup_holds(kind, &lineup)) {
        fail_msg("%s: a match of %u tickets that is none", kind->name, (unsigned)match->count);
    }
}

/* One way to seat those who wait: each unit, a ticket or a player, on a team or (kind->teams)
 * out. */
struct way {
    uint32_t count;
    uint32_t choices[32];
};

/* Fills the lineup from a way.  Returns whether tickets are in or out as a whole, and one is in
 * that has waited so long. */
static bool seat(const struct way *way, int64_t age_min_ms, struct lineup *ret)
{
    uint32_t unit = 0;
    bool old = false;
    ret->count = 0;
    for (uint32_t i = 0; i < world.tickets_count; i++) {
        const struct lineup_ticket *person = person_of(world.tickets[i].id);
        uint32_t in = 0;
        for (uint32_t k = 0; k < person->count; k++) {
            uint32_t choice = way->choices[unit + (kind->spans ? k : 0)];
            in += choice < kind->teams;
            ret->teams[ret->count][k] = (uint8_t)choice;
        }
        unit += kind->spans ? person->count : 1;
        if (in != 0 && in != person->count) {
            return false;
        }
        if (in > 0) {
            old |= ret->now_ms - person->since_ms >= age_min_ms;
            ret->tickets[ret->count++] = person;
        }
    }
    return old;
}

/* Whether those who wait could make a match at that time, in any way, with one that has waited so
 * long. */
static bool anything_left(int64_t now_ms, int64_t age_min_ms)
{
    struct way way = { .count = 0 };
    struct lineup lineup = { .now_ms = now_ms };
    for (uint32_t i = 0; i < world.tickets_count; i++) {
        way.count += kind->spans ? person_of(world.tickets[i].id)->count : 1;
    }
    assert_true(way.count <= 12);
    for (uint32_t at = 0; at < way.count;) {
        bool possible = seat(&way, age_min_ms, &lineup);
        for (uint32_t region = 0; region < LINEUP_REGIONS && possible; region++) {
            lineup.region = region;
            if (lineup_holds(kind, &lineup)) {
                return true;
            }
        }
        for (at = 0; at < way.count && way.choices[at] == kind->teams; at++) {
            way.choices[at] = 0;
        }
        if (at < way.count) {
            way.choices[at]++;
        }
    }
    return false;
}

/* Properties. */

static bool is_room(void)
{
    uint32_t players = 0;
    for (uint32_t i = 0; i < world.tickets_count; i++) {
        players += world.tickets[i].players;
    }
    return world.tickets_count < kind->few &&
           (!kind->spans || players + kind->party_max <= PLAYERS_MAX);
}

/* Where nobody waits for a better match, nothing legal is ever left, and nothing becomes legal
 * before the moment that the pool named. */
static void test_nothing_left(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < lineup_kinds_count; i++) {
        uint32_t matches = 0;
        kind = &lineup_kinds[i];
        begin_document(false);
        for (uint64_t step = 0; step < steps; step++) {
            uint64_t choice = mu_rng_below(&rng, 10);
            int64_t moment = mu_pool_next_moment(world.pool);
            assert_true(moment != INT64_MIN);
            if (choice < 6 && is_room()) {
                add_random();
            } else if (choice < 8 && world.tickets_count > 0) {
                world_cancel((uint32_t)mu_rng_below(&rng, world.tickets_count));
            } else if (moment != MU_NEVER) {
                assert_true(moment > world.now_ms);
                assert_false(anything_left(moment - 1, INT64_MIN));
                world.now_ms = moment;
            }
            matches += world_match_all();
            assert_false(anything_left(world.now_ms, INT64_MIN));
            world_commit();
        }
        (void)fprintf(stderr, "%-7s %u matches\n", kind->name, matches);
        assert_true(matches > steps / 50);
        world_end();
    }
}

/* Where they do, whoever has waited for FIRST_MS is in no legal match any more, soon after it could
 * be made: he was served. */
static void test_nobody_is_passed_over(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < lineup_kinds_count; i++) {
        uint32_t matches = 0;
        kind = &lineup_kinds[i];
        begin_document(true);
        for (uint64_t step = 0; step < steps; step++) {
            uint64_t choice = mu_rng_below(&rng, 10);
            int64_t moment = mu_pool_next_moment(world.pool);
            if (choice < 4 && is_room()) {
                add_random();
            } else if (choice < 5 && world.tickets_count > 0) {
                world_cancel((uint32_t)mu_rng_below(&rng, world.tickets_count));
            } else if (moment != MU_NEVER && moment > world.now_ms) {
                world.now_ms = moment;
            }
            int64_t until_ms = world.now_ms + AGAIN_MS;
            while (world_wait(until_ms)) {
                matches += world.matches_count;
                world_commit();
            }
            assert_false(anything_left(world.now_ms - AGAIN_MS, FIRST_MS));
        }
        (void)fprintf(stderr, "%-7s %u matches, of those who wait\n", kind->name, matches);
        assert_true(matches > steps / 50);
        world_end();
    }
}

/* Spells the matches of these people, who come in some order. */
static void match_in_order(const struct lineup_ticket *crowd, const uint32_t *order, uint32_t count,
                           char *ret, size_t size)
{
    size_t used = 0;
    uint32_t first = ids;
    ret[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        struct lineup_ticket person = crowd[order[i]];
        ids = first + order[i]; /* each has its id whenever it comes */
        add_ticket(ticket_for(&person, 1000 + (int32_t)(person.number * 37 % 400),
                              world.now_ms - (int64_t)(person.number % 7) * 1000));
    }
    ids = first + count;
    (void)world_match_all();
    for (uint32_t i = 0; i < world.matches_count; i++) {
        const struct mu_engine_match *match = &world.matches[i];
        used += (size_t)snprintf(ret + used, size - used, "\n%u:", (unsigned)match->region);
        for (uint32_t k = 0; k < match->count && used < size; k++) {
            const struct mu_engine_member *member = &match->members[k];
            uint32_t team = member->team == MU_TEAM_SPAN ? member->teams[0] : member->team;
            uint32_t number = person_of(member->ticket->id)->number;
            used += (size_t)snprintf(ret + used, size - used, " %u/%u", (unsigned)number,
                                     (unsigned)team);
        }
        assert_true(used < size);
    }
}

/* The same people at the same time, in another order: the same matches. */
static void test_order_of_arrivals(void **state)
{
    (void)state;
    enum { CROWD = 40, ROUNDS = 4, PASSES = 3 };
    static struct lineup_ticket crowd[CROWD];
    static char expected[8192];
    static char found[8192];
    for (uint32_t round = 0; round < ROUNDS * lineup_kinds_count; round++) {
        uint32_t order[CROWD];
        kind = &lineup_kinds[round / ROUNDS];
        uint32_t number = 0;
        for (uint32_t i = 0; i < CROWD; i++) {
            lineup_make(&rng, kind, number, &crowd[i]);
            number += crowd[i].count;
            order[i] = i;
        }
        uint32_t first = ids;
        for (uint32_t pass = 0; pass <= PASSES; pass++) {
            begin_document(round % 2 == 1);
            ids = first;
            match_in_order(crowd, order, CROWD, pass == 0 ? expected : found, sizeof expected);
            if (pass > 0) {
                assert_string_equal(found, expected);
            }
            world_end();
            for (uint32_t i = 0; i < CROWD; i++) {
                uint32_t with = (uint32_t)mu_rng_below(&rng, CROWD);
                uint32_t kept = order[i];
                order[i] = order[with];
                order[with] = kept;
            }
        }
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    if (argc > 2 && mu_parse_u64(argv[2], 50, 100000000, &steps) != 0) {
        (void)fprintf(stderr, "usage: %s [seed [steps]]\n", argv[0]);
        return 64;
    }
    world_judge = judge_document;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_left),
        cmocka_unit_test(test_nobody_is_passed_over),
        cmocka_unit_test(test_order_of_arrivals),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
