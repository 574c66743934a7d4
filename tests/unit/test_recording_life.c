/* tests/unit/test_recording_life.c - recordings of queues that live: read without a fault, scored
 * without an error, replayed alike twice; what the header says of rule sets; queues that are too
 * large. */
#include "tests/unit/recording_world.h"

#include <sodium.h>

#include "tools/simulation.h"

static uint64_t seed;

/* More tickets wait than can be followed: the oldest are written, and nothing is lost. */
static void test_the_bound_of_tickets(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, false);
    const uint64_t more = 1000;
    recording_begin(world);
    for (uint64_t n = 1; n <= MU_RECORDING_TICKETS_MAX + more; n++) {
        (void)recording_ticket(world, n, "duel", (int64_t)n);
        assert_int_equal(mu_recording_ticket(world->recording, &world->ticket.ticket,
                                             RECORDING_START + (int64_t)n),
                         0);
    }
    mu_recording_check(world->recording);
    assert_int_equal(mu_recording_counts(world->recording)->cut, more);
    recording_end(world, MU_RECORDING_TICKETS_MAX + (int64_t)more);
    struct mu_workload workload;
    FILE *file = fmemopen(world->tickets.bytes, world->tickets.used, "r");
    assert_non_null(file);
    assert_int_equal(mu_workload_read(file, "recording", stderr, &workload), 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(workload.tickets_count, MU_RECORDING_TICKETS_MAX + more);
    mu_workload_release(&workload);
    recording_world_destroy(world);
}

static void test_the_bound_of_bytes(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, false);
    uint64_t fit = MU_RECORDING_BYTES_MAX / 8000;
    recording_begin(world);
    for (uint64_t n = 1; n <= fit; n++) {
        struct mu_msg_ticket *ticket = recording_ticket(world, n, "duel", (int64_t)n);
        int at = snprintf(ticket->details, sizeof ticket->details, "[{\"attributes\":{\"x\":[");
        while (at < 8000) {
            at +=
                snprintf(ticket->details + at, sizeof ticket->details - (size_t)at, "\"%.200s\",",
                         "012345678901234567890123456789012345678901234567890123456789012345678901"
                         "012345678901234567890123456789012345678901234567890123456789012345678901"
                         "0123456789012345678901234567890123456789012345678901234567890123456789");
        }
        (void)snprintf(ticket->details + at - 1, sizeof ticket->details - (size_t)at, "]}}]");
        assert_int_equal(mu_recording_ticket(world->recording, ticket, RECORDING_START), 0);
    }
    mu_recording_check(world->recording);
    assert_in_range(mu_recording_counts(world->recording)->cut, 1, fit / 4);
    recording_world_destroy(world);
}

/* A queue of duels that lives: what a store would say of it, seen every few hundred ms. */
enum { LIFE_TICKETS = 300, LIFE_MS = 120000, LIFE_LOOK_MS = 250 };

struct life {
    struct mu_rng rng;
    struct recording_world *world;
    struct mu_msg_ticket tickets[LIFE_TICKETS];
    bool dirty[LIFE_TICKETS];
    uint32_t count;
    uint64_t matches;
};

static void life_match(struct life *life, uint32_t a, uint32_t b, int64_t at_ms)
{
    const uint32_t both[] = { a, b };
    (void)recording_match(life->world, ++life->matches, "duel", 2, at_ms);
    for (uint32_t i = 0; i < 2; i++) {
        struct mu_msg_ticket *ticket = &life->tickets[both[i]];
        recording_seat(life->world, both[i] + 1, i);
        ticket->version++;
        ticket->state = MU_TICKET_MATCHED;
        ticket->ended_ms = (uint64_t)(RECORDING_START + at_ms);
        memcpy(ticket->match, life->world->match.match.id, sizeof ticket->match);
        life->dirty[both[i]] = true;
    }
    recording_feed_match(life->world);
}

/* Something happens to a ticket. */
static void life_turn(struct life *life, uint32_t n, int64_t at_ms)
{
    struct mu_msg_ticket *ticket = &life->tickets[n];
    uint32_t other = (uint32_t)mu_rng_below(&life->rng, life->count);
    bool mates = other != n && ticket->state == MU_TICKET_QUEUED &&
                 life->tickets[other].state == MU_TICKET_QUEUED;
    if (mates && mu_rng_chance_ppm(&life->rng, 700000)) {
        life_match(life, n, other, at_ms);
    } else if (ticket->state == MU_TICKET_QUEUED && mu_rng_chance_ppm(&life->rng, 300000)) {
        ticket->version++;
        ticket->state = MU_TICKET_CANCELLED;
        ticket->ended_ms = (uint64_t)(RECORDING_START + at_ms);
        life->dirty[n] = true;
    } else if (ticket->state == MU_TICKET_MATCHED && mu_rng_chance_ppm(&life->rng, 400000)) {
        ticket->version++;
        ticket->state = MU_TICKET_QUEUED;
        ticket->priority++;
        ticket->ended_ms = 0;
        ticket->match[0] = '\0';
        life->dirty[n] = true;
    }
}

static void life_look(struct life *life, int64_t at_ms)
{
    for (uint32_t i = 0; i < life->count; i++) {
        if (life->dirty[i]) {
            life->dirty[i] = false;
            life->world->ticket.ticket = life->tickets[i];
            recording_feed(life->world, at_ms);
        }
    }
    recording_advance(life->world, at_ms - 1000);
}

static void live(struct life *life)
{
    int64_t look_ms = 0;
    for (int64_t at_ms = -5000; at_ms < LIFE_MS; at_ms += 10) {
        if (at_ms == 0) {
            life_look(life, at_ms);
            recording_begin(life->world);
        }
        if (life->count < LIFE_TICKETS && mu_rng_chance_ppm(&life->rng, 30000)) {
            uint32_t n = life->count++;
            life->tickets[n] = *recording_ticket(life->world, n + 1, "duel", at_ms);
            life->tickets[n].players[0].rating = 1000 + (int64_t)mu_rng_below(&life->rng, 400);
            life->dirty[n] = true;
        }
        if (life->count > 0 && mu_rng_chance_ppm(&life->rng, 50000)) {
            life_turn(life, (uint32_t)mu_rng_below(&life->rng, life->count), at_ms);
        }
        if (at_ms >= look_ms) {
            look_ms = at_ms + (int64_t)mu_rng_below(&life->rng, 2 * LIFE_LOOK_MS);
            life_look(life, at_ms);
        }
    }
    life_look(life, LIFE_MS);
    recording_end(life->world, LIFE_MS);
}

/* Replays by the header (config NULL) or by a configuration, and returns the outcome as text, to be
 * freed. */
static char *replay(struct mu_workload *workload, const struct mu_config *config, uint64_t of_seed,
                    size_t *ret_size)
{
    struct mu_simulation *run = calloc(1, sizeof *run);
    const struct mu_rules_source source = { .config = config };
    char *text = NULL;
    assert_non_null(run);
    FILE *file = open_memstream(&text, ret_size);
    assert_non_null(file);
    assert_int_equal(
        mu_simulation_run(workload, (1u << workload->modes_count) - 1, &source, of_seed, NULL, run),
        0);
    assert_int_equal(run->score.errors, 0);
    assert_true(run->outcome.matches_count > 0);
    assert_int_equal(mu_outcome_write(&run->outcome, workload, &run->origin, file), 0);
    assert_int_equal(fclose(file), 0);
    mu_simulation_release(run);
    free(run);
    return text;
}

/* What was recorded of any life is read without a fault; the cluster's matches are scored without
 * an error; replays are the same byte for byte, with another seed but for its name. */
static void test_a_recording_is_replayed(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20; i++) {
        struct life *life = calloc(1, sizeof *life);
        struct mu_workload workload;
        struct mu_outcome_list outcome;
        struct mu_score score;
        size_t sizes[3];
        assert_non_null(life);
        life->rng.state = seed + i;
        life->world = recording_world_create(0, i % 2 == 0);
        live(life);
        const struct recording_world *world = life->world;
        assert_int_equal(mu_recording_counts(world->recording)->incomplete, 0);
        FILE *file = fmemopen(world->tickets.bytes, world->tickets.used, "r");
        assert_non_null(file);
        assert_int_equal(mu_workload_read(file, "recording", stderr, &workload), 0);
        assert_int_equal(fclose(file), 0);
        file = fmemopen(world->matches.bytes, world->matches.used, "r");
        assert_non_null(file);
        assert_int_equal(mu_outcome_read(file, "live", stderr, &workload, &outcome), 0);
        assert_int_equal(fclose(file), 0);
        assert_true(outcome.matches_count > 10);
        assert_int_equal(mu_score(&workload, &outcome, UINT32_MAX, &score), 0);
        for (uint32_t k = 0; k < score.errors && k < MU_SCORE_ERRORS_SHOWN; k++) {
            (void)fprintf(stderr, "%s\n", score.error_texts[k]);
        }
        assert_int_equal(score.errors, 0);
        const struct mu_config *config = i % 4 < 2 ? NULL : &world->config;
        char *one = replay(&workload, config, 1, &sizes[0]);
        char *two = replay(&workload, config, 1, &sizes[1]);
        char *other = replay(&workload, config, 77, &sizes[2]);
        assert_int_equal(sizes[0], sizes[1]);
        assert_memory_equal(one, two, sizes[0]);
        assert_string_equal(strchr(one, '\n'), strchr(other, '\n'));
        free(one);
        free(two);
        free(other);
        mu_outcome_release(&outcome);
        mu_workload_release(&workload);
        recording_world_destroy(life->world);
        free(life);
    }
}

/* The rule set that holds at the beginning says what a match is, later ones do not. */
static void test_header_of_rule_sets(void **state)
{
    (void)state;
    static const char unequal[] =
        "{\"teams\": [{\"name\": \"hunters\", \"minPlayers\": 2, \"maxPlayers\": 4},"
        " {\"name\": \"prey\", \"minPlayers\": 1, \"maxPlayers\": 1}],"
        " \"quality\": {\"spread\": 123}}";
    static const char pairs[] = "{\"teams\": [{\"name\": \"side\", \"minPlayers\": 1, "
                                "\"maxPlayers\": 2, \"quantity\": 2}]}";
    static const char unknown[] = "{\"teems\": []}";
    const struct {
        const char *mode;
        const char *text;
        uint64_t version;
    } steps[] = {
        { "duel", pairs, 1 },   { "duel", unequal, 2 },   { "ranked", unequal, 1 },
        { "ranked", pairs, 2 }, { "ranked", unknown, 3 }, { "nonsense", pairs, 1 },
        { "casual", pairs, 1 },
    };
    struct recording_world *world = recording_world_create(0, false);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const struct mu_msg_ruleset rules = {
            .version = steps[i].version,
            .text = { (const uint8_t *)steps[i].text, (uint32_t)strlen(steps[i].text) },
            .hash = "cafe",
        };
        assert_int_equal(mu_recording_rules(world->recording, steps[i].mode, &rules), 0);
    }
    assert_int_equal(mu_recording_rules(world->recording, "casual", NULL), 0);
    recording_begin(world);
    assert_int_equal(mu_recording_rules(world->recording, "ranked", NULL), 0);
    const char *header = world->tickets.bytes;
    assert_non_null(strstr(header, "\"duel\":{\"teams\":2,\"team_size\":4,\"min_teams\":2,"
                                   "\"team_min\":1,\"players_max\":5}"));
    /* Nobody understands version 3, so the one before it goes on. */
    assert_non_null(strstr(header, "\"ranked\":{\"teams\":2,\"team_size\":2,\"min_teams\":2,"
                                   "\"team_min\":1}"));
    assert_non_null(strstr(header, "\"casual\":{\"teams\":10,\"team_size\":1,\"min_teams\":2}"));
    assert_non_null(strstr(header, "\"duel\":{\"W0\":240,\"D0\":123,"));
    assert_null(strstr(header, "\"casual\":{\"version\""));
    assert_int_equal(mu_recording_counts(world->recording)->rules, 1);
    recording_end(world, 1000);
    recording_world_destroy(world);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_recording_is_replayed),
        cmocka_unit_test(test_header_of_rule_sets),
        cmocka_unit_test(test_the_bound_of_tickets),
        cmocka_unit_test(test_the_bound_of_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
