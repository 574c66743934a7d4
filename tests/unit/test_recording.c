/* tests/unit/test_recording.c - recordings: the rules by which tickets and matches become lines. */
#include "tests/unit/recording_world.h"

#include <sodium.h>

#include "tools/workload.h"

#define REST "\"r\":[1200],\"s\":[80],\"rtt\":[0,null,null,null],"

static void test_patience(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, false);
    recording_begin(world);
    recording_enqueue(world, 1, "duel", 1000);
    recording_enqueue(world, 2, "duel", 2000);
    recording_enqueue(world, 3, "ranked", 2500);
    recording_enqueue(world, 4, "duel", 3000);
    recording_change(world, 2, "duel", 2000, MU_TICKET_CANCELLED, 7250);
    recording_change(world, 3, "ranked", 2500, MU_TICKET_EXPIRED, 62500);
    recording_advance(world, 63000);
    assert_string_equal(recording_lines(&world->tickets), ""); /* the first one waits */
    recording_change(world, 1, "duel", 1000, MU_TICKET_MATCHED, 63500);
    recording_advance(world, 64000);
    assert_string_equal(recording_lines(&world->tickets),
                        "{\"t\":1,\"id\":1," REST "\"m\":\"duel\",\"pat\":62.5}\n"
                        "{\"t\":2,\"id\":2," REST "\"m\":\"duel\",\"pat\":5.25}\n"
                        "{\"t\":2.5,\"id\":3," REST "\"m\":\"ranked\",\"pat\":60}\n");
    recording_enqueue(world, 5, "duel", 64500);
    recording_enqueue(world, 6, "duel", 66000); /* after the end */
    mu_recording_gone(world->recording, world->ticket.ticket.id, RECORDING_START + 66500);
    recording_enqueue(world, 7, "duel", 64600);
    mu_recording_gone(world->recording, world->ticket.ticket.id, RECORDING_START + 64700);
    recording_end(world, 65000);
    const char *lines = strstr(recording_lines(&world->tickets), "{\"t\":3,");
    assert_non_null(lines);
    assert_string_equal(lines, "{\"t\":3,\"id\":4," REST "\"m\":\"duel\",\"pat\":62}\n"
                               "{\"t\":64.5,\"id\":5," REST "\"m\":\"duel\",\"pat\":60}\n"
                               "{\"t\":64.6,\"id\":7," REST "\"m\":\"duel\",\"pat\":0.1}\n");
    const struct mu_recording_counts *counts = mu_recording_counts(world->recording);
    const struct mu_recording_mode *duel = &counts->modes[mu_config_mode(&world->config, "duel")];
    assert_int_equal(duel->tickets, 5);
    assert_int_equal(duel->players, 5);
    assert_int_equal(duel->matched, 1);
    assert_int_equal(duel->left, 2);
    assert_int_equal(duel->waiting, 2);
    assert_int_equal(counts->late + counts->cut + counts->returned + counts->unknown, 0);
    recording_world_destroy(world);
}

static void test_the_beginning(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, false);
    recording_enqueue(world, 1, "duel", -40000);
    recording_enqueue(world, 2, "duel", -30000);
    recording_change(world, 2, "duel", -30000, MU_TICKET_MATCHED, -10);
    (void)recording_match(world, 1, "duel", 2, -10);
    recording_seat(world, 2, 0);
    recording_feed_match(world);
    const struct mu_msg_ruleset rules = { .version = 3, .hash = "cafe" };
    assert_int_equal(mu_recording_rules(world->recording, "duel", &rules), 0);
    recording_begin(world);
    (void)recording_match(world, 2, "duel", 2, -5); /* learned late */
    recording_seat(world, 2, 0);
    recording_feed_match(world);
    /* One that ended before, learned late; one that came and went between two looks. */
    recording_change(world, 3, "duel", -100, MU_TICKET_CANCELLED, -50);
    recording_change(world, 4, "duel", -100, MU_TICKET_CANCELLED, 50);
    recording_change(world, 5, "duel", 100, MU_TICKET_MATCHED, 150);
    recording_change(world, 5, "duel", 100, MU_TICKET_MATCHED, 150);
    recording_end(world, 30000);
    assert_non_null(
        strstr(world->tickets.bytes, "\"rules\":{\"duel\":{\"version\":3,\"hash\":\"cafe\"}}"));
    assert_non_null(strstr(world->matches.bytes, "\"rules\":{\"duel\":\"cafe\"}"));
    assert_null(strstr(world->tickets.bytes, "started_ms"));
    assert_string_equal(recording_lines(&world->tickets),
                        "{\"t\":0,\"id\":1," REST "\"m\":\"duel\",\"pat\":30}\n"
                        "{\"t\":0,\"id\":3," REST "\"m\":\"duel\",\"pat\":0.05}\n"
                        "{\"t\":0.1,\"id\":4," REST "\"m\":\"duel\",\"pat\":60}\n");
    assert_string_equal(recording_lines(&world->matches), "");
    recording_world_destroy(world);
}

static void test_header(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(1, true); /* casual: 2 to 10 alone */
    recording_begin(world);
    const char *duration = world->tickets.bytes + mu_recording_duration_at(world->recording);
    assert_memory_equal(duration - strlen("\"duration\":"), "\"duration\":           0,",
                        strlen("\"duration\":           0,"));
    assert_non_null(
        strstr(world->tickets.bytes,
               "\"modes\":{\"casual\":{\"teams\":10,\"team_size\":1,\"min_teams\":2}}"));
    assert_non_null(strstr(world->tickets.bytes, "\"started_ms\":1700000000000"));
    recording_world_destroy(world);
}

/* Details of two players, of whom the first avoids the second and a stranger. */
static void put_details(struct mu_msg_ticket *ticket)
{
    ticket->players_count = 2;
    recording_id(MU_ID_PREFIX_PLAYER, 22, ticket->players[1].id);
    ticket->players[1].rating = 1300;
    (void)snprintf(ticket->details, sizeof ticket->details,
                   "[{\"attributes\":{\"avoid\":[\"%s\",\"ply_x\"],\"who\":\"%s\","
                   "\"met\":{\"%s\":2.5,\"x\":1},\"level\":7},\"latencies\":{\"eu-west-1\":30}},"
                   "{}]",
                   ticket->players[1].id, ticket->players[1].id, ticket->players[1].id);
}

static void test_players_are_told_apart_but_not_named(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, false);
    const struct mu_pseudonyms names = { .key = "a key" };
    char first[MU_ID_MAX + 1];
    char second[MU_ID_MAX + 1];
    char expected[1024];
    recording_begin(world);
    struct mu_msg_ticket *ticket = recording_ticket(world, 21, "team_match", 0);
    put_details(ticket);
    ticket->latency_max_ms = 100;
    ticket->latencies_count = 3;
    ticket->latencies[0] = (struct mu_msg_latency){ .region = "us-west-2", .ms = 101 };
    ticket->latencies[1] = (struct mu_msg_latency){ .region = "eu-west-1", .ms = 30 };
    ticket->latencies[2] = (struct mu_msg_latency){ .region = "mars", .ms = 3 };
    mu_pseudonym_of(&names, ticket->players[0].id, first);
    mu_pseudonym_of(&names, ticket->players[1].id, second);
    recording_feed(world, 0);
    recording_end(world, 1000);
    (void)snprintf(expected, sizeof expected,
                   "{\"t\":0,\"id\":1,\"r\":[1200,1300],\"s\":[80,0],\"rtt\":[null,null,30,null],"
                   "\"players\":[{\"playerId\":\"%s\",\"attributes\":{\"avoid\":[\"%s\",\"ply_x\"],"
                   "\"who\":\"%s\",\"met\":{\"%s\":2.5,\"x\":1},\"level\":7},"
                   "\"latencies\":{\"eu-west-1\":30}},{\"playerId\":\"%s\"}],"
                   "\"m\":\"team_match\",\"pat\":60}\n",
                   first, second, second, second, second);
    assert_string_equal(recording_lines(&world->tickets), expected);
    assert_null(strstr(world->tickets.bytes, "ply_0"));
    assert_null(strstr(world->tickets.bytes, "tkt_"));
    struct mu_workload workload;
    FILE *file = fmemopen(world->tickets.bytes, world->tickets.used, "r");
    assert_non_null(file);
    assert_int_equal(mu_workload_read(file, "recording", stderr, &workload), 0);
    assert_int_equal(fclose(file), 0);
    assert_true(workload.tickets[0].details_bytes > 0);
    assert_string_equal(workload.text + workload.players[1].name, second);
    mu_workload_release(&workload);
    recording_world_destroy(world);
}

static void test_pseudonyms(void **state)
{
    (void)state;
    const struct mu_pseudonyms one = { .key = "a key" };
    const struct mu_pseudonyms other = { .key = "another" };
    char id[MU_ID_MAX + 1];
    char a[MU_ID_MAX + 1];
    char b[MU_ID_MAX + 1];
    recording_id(MU_ID_PREFIX_PLAYER, 1, id);
    mu_pseudonym_of(&one, id, a);
    mu_pseudonym_of(&one, id, b);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), strlen(id));
    assert_int_equal(strncmp(a, "anon", 4), 0);
    mu_pseudonym_of(&other, id, b);
    assert_string_not_equal(a, b);
    recording_id(MU_ID_PREFIX_PLAYER, 2, id);
    mu_pseudonym_of(&one, id, b);
    assert_string_not_equal(a, b);
}

static void test_ids_can_be_kept(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, true);
    recording_begin(world);
    put_details(recording_ticket(world, 21, "team_match", 0));
    recording_feed(world, 0);
    recording_end(world, 1000);
    assert_non_null(strstr(world->tickets.bytes, "\"id\":\"tkt_00000000000000000000000021\""));
    assert_non_null(
        strstr(world->tickets.bytes, "\"playerId\":\"ply_00000000000000000000000021\""));
    assert_non_null(strstr(world->tickets.bytes, "\"avoid\":[\"ply_00000000000000000000000022\""));
    recording_world_destroy(world);
}

/* Ticket 1 is matched, comes back and is matched again; with `seen`, each step is seen. */
static void play_twice(struct recording_world *world, bool seen)
{
    recording_begin(world);
    recording_enqueue(world, 1, "duel", 1000);
    recording_enqueue(world, 2, "duel", 1500);
    recording_enqueue(world, 3, "duel", 1600);
    struct mu_msg_ticket *ticket = &world->ticket.ticket;
    for (uint64_t n = 1; seen && n <= 2; n++) {
        (void)recording_ticket(world, n, "duel", n == 1 ? 1000 : 1500);
        recording_id(MU_ID_PREFIX_MATCH, 1, ticket->match);
        ticket->version = 2;
        ticket->state = MU_TICKET_MATCHED;
        ticket->ended_ms = (uint64_t)RECORDING_START + 2000;
        recording_feed(world, 2100);
    }
    (void)recording_match(world, 1, "duel", 2, 2000);
    recording_seat(world, 1, 0);
    recording_seat(world, 2, 1);
    recording_feed_match(world);
    (void)recording_ticket(world, 2, "duel", 1500);
    ticket->version = 3;
    ticket->state = MU_TICKET_CANCELLED; /* he did not accept */
    ticket->ended_ms = (uint64_t)RECORDING_START + 5000;
    recording_feed(world, 5100);
    (void)recording_ticket(world, 1, "duel", 1000);
    ticket->version = 3;
    ticket->priority = 1;
    recording_feed(world, 5100);
    recording_advance(world, 5200);
    recording_feed_match(world); /* it changed its state */
    for (uint64_t n = 1; n <= 3; n += 2) {
        (void)recording_ticket(world, n, "duel", n == 1 ? 1000 : 1600);
        recording_id(MU_ID_PREFIX_MATCH, 2, ticket->match);
        ticket->version = n == 1 ? 4 : 2;
        ticket->priority = n == 1 ? 1 : 0;
        ticket->state = MU_TICKET_MATCHED;
        ticket->ended_ms = (uint64_t)RECORDING_START + 6000;
        recording_feed(world, 6100);
    }
    (void)recording_match(world, 2, "duel", 2, 6000);
    recording_seat(world, 3, 0);
    recording_seat(world, 1, 1);
    recording_feed_match(world);
    recording_advance(world, 20000);
    recording_end(world, 30000);
}

static void test_a_ticket_comes_back(void **state)
{
    (void)state;
    for (uint32_t seen = 0; seen < 2; seen++) {
        struct recording_world *world = recording_world_create(0, true);
        play_twice(world, seen > 0);
        const char *lines = recording_lines(&world->tickets);
        assert_non_null(strstr(lines, "{\"t\":1,\"id\":\"tkt_00000000000000000000000001\","));
        assert_non_null(strstr(lines, "{\"t\":5.1,\"id\":\"tkt_00000000000000000000000001b\","));
        assert_string_equal(recording_lines(&world->matches),
                            "{\"type\":\"match\",\"t\":2,\"m\":\"duel\",\"region\":0,\"teams\":["
                            "[\"tkt_00000000000000000000000001\"],"
                            "[\"tkt_00000000000000000000000002\"]]}\n"
                            "{\"type\":\"match\",\"t\":6,\"m\":\"duel\",\"region\":0,\"teams\":["
                            "[\"tkt_00000000000000000000000003\"],"
                            "[\"tkt_00000000000000000000000001b\"]]}\n");
        assert_int_equal(mu_recording_counts(world->recording)->returned, 1);
        assert_int_equal(mu_recording_counts(world->recording)->incomplete, 0);
        recording_world_destroy(world);
    }
}

/* Feeds ticket n of ten seconds ago as it is after coming back so often. */
static void feed_stay(struct recording_world *world, uint64_t n, uint64_t version, uint64_t stay,
                      int64_t ended_ms, int64_t at_ms)
{
    struct mu_msg_ticket *ticket = recording_ticket(world, n, "duel", 0);
    ticket->version = version;
    ticket->priority = stay;
    ticket->state = ended_ms > 0 ? MU_TICKET_MATCHED : MU_TICKET_QUEUED;
    ticket->ended_ms = ended_ms > 0 ? (uint64_t)(RECORDING_START + ended_ms) : 0;
    recording_feed(world, at_ms);
}

/* That a ticket came back is learned after the match that took it then was formed. */
static void test_a_return_is_learned_late(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, false);
    recording_begin(world);
    recording_enqueue(world, 1, "duel", 0);
    recording_enqueue(world, 2, "duel", 0);
    recording_enqueue(world, 3, "ranked", 0);
    feed_stay(world, 1, 2, 0, 1000, 1100);
    feed_stay(world, 1, 3, 1, 0, 5100);
    feed_stay(world, 1, 4, 1, 5050, 5110);
    (void)recording_match(world, 1, "duel", 2, 1000);
    recording_seat(world, 1, 0);
    recording_feed_match(world);
    (void)recording_match(world, 2, "duel", 2, 5050);
    recording_seat(world, 1, 0);
    recording_seat(world, 2, 1);
    recording_feed_match(world);
    (void)recording_match(world, 3, "ranked", 2, 5060);
    recording_seat(world, 3, 0);
    recording_feed_match(world);
    recording_end(world, 9000);
    assert_string_equal(
        recording_lines(&world->matches),
        "{\"type\":\"match\",\"t\":1,\"m\":\"duel\",\"region\":0,\"teams\":[[1]]}\n"
        "{\"type\":\"match\",\"t\":5.1,\"m\":\"duel\",\"region\":0,\"teams\":[[4],[2]]}\n"
        "{\"type\":\"match\",\"t\":5.1,\"m\":\"ranked\",\"region\":0,\"teams\":[[3]]}\n");
    recording_world_destroy(world);
}

/* The store counts returns to 100: beyond, each is a new arrival all the same, by a number. */
static void test_a_ticket_comes_back_very_often(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, true);
    recording_begin(world);
    recording_enqueue(world, 1, "duel", 0);
    feed_stay(world, 1, 201, 100, 0, 1000);
    feed_stay(world, 1, 202, 100, 2000, 2000);
    feed_stay(world, 1, 203, 100, 0, 3000);
    recording_end(world, 9000);
    const char *lines = recording_lines(&world->tickets);
    assert_non_null(strstr(lines, "{\"t\":0,\"id\":\"tkt_00000000000000000000000001\","));
    assert_non_null(strstr(lines, "{\"t\":1,\"id\":2,"));
    assert_non_null(strstr(lines, "{\"t\":3,\"id\":3,"));
    assert_int_equal(mu_recording_counts(world->recording)->returned, 2);
    recording_world_destroy(world);
}

/* Two stays of a ticket end at the same moment, and the newer one has the lower slot. */
static void test_stays_are_forgotten_in_any_order(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, false);
    recording_begin(world);
    recording_enqueue(world, 1, "duel", 0);
    recording_enqueue(world, 2, "duel", 0);
    recording_change(world, 1, "duel", 0, MU_TICKET_CANCELLED, 100);
    recording_advance(world, 2000); /* ticket 1 is forgotten */
    feed_stay(world, 2, 4, 1, 3000, 3000);
    recording_advance(world, 4000);
    recording_advance(world, 9000);
    recording_end(world, 9000);
    assert_string_equal(recording_lines(&world->tickets),
                        "{\"t\":0,\"id\":1," REST "\"m\":\"duel\",\"pat\":0.1}\n"
                        "{\"t\":0,\"id\":2," REST "\"m\":\"duel\",\"pat\":60}\n"
                        "{\"t\":3,\"id\":3," REST "\"m\":\"duel\",\"pat\":57}\n");
    recording_world_destroy(world);
}

static void test_several_modes(void **state)
{
    (void)state;
    struct mu_config config;
    mu_config_default(&config);
    uint32_t two = 1u << mu_config_mode(&config, "duel") | 1u << mu_config_mode(&config, "casual");
    struct recording_world *world = recording_world_create(two, false);
    recording_begin(world);
    for (uint64_t n = 1; n <= 5; n++) {
        struct mu_msg_ticket *ticket = recording_ticket(world, n, "ranked", (int64_t)n);
        ticket->others_count = n == 4 ? 0 : 2;
        (void)snprintf(ticket->others[0].id, sizeof ticket->others[0].id, "duel");
        (void)snprintf(ticket->others[1].id, sizeof ticket->others[1].id, "casual");
        recording_feed(world, (int64_t)n);
        ticket->version = 2;
        ticket->state = n == 3 ? MU_TICKET_QUEUED : MU_TICKET_MATCHED;
        ticket->ended_ms = n == 3 ? 0 : (uint64_t)RECORDING_START + 1000;
        recording_feed(world, 1000);
    }
    (void)recording_match(world, 1, "casual", 1, 1000);
    recording_seat(world, 1, 0);
    recording_feed_match(world);
    (void)recording_match(world, 2, "ranked", 1, 1000); /* not recorded: it left */
    recording_seat(world, 2, 0);
    recording_feed_match(world);
    recording_advance(world, 999);
    assert_string_equal(recording_lines(&world->tickets), "");
    recording_advance(world, 1000);
    assert_non_null(strstr(recording_lines(&world->tickets), "\"id\":2,"));
    recording_end(world, 2000);
    /* Ticket 5 was matched, and nobody said in which match. */
    assert_string_equal(recording_lines(&world->tickets),
                        "{\"t\":0.001,\"id\":1," REST "\"m\":\"casual\",\"pat\":60}\n"
                        "{\"t\":0.002,\"id\":2," REST "\"m\":\"duel\",\"pat\":0.998}\n"
                        "{\"t\":0.003,\"id\":3," REST "\"m\":\"duel\",\"pat\":60}\n"
                        "{\"t\":0.005,\"id\":4," REST "\"m\":\"duel\",\"pat\":60}\n");
    assert_string_equal(recording_lines(&world->matches),
                        "{\"type\":\"match\",\"t\":1,\"m\":\"casual\",\"region\":0,"
                        "\"teams\":[[1]]}\n");
    recording_world_destroy(world);
}

static void test_teams(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, false);
    recording_begin(world);
    for (uint64_t n = 1; n <= 4; n++) {
        recording_ticket(world, n, n < 3 ? "casual" : "team_match", 10)->players_count = 3;
        recording_feed(world, 10);
    }
    (void)recording_match(world, 1, "casual", 1, 1000); /* everybody for himself */
    for (uint32_t i = 0; i < 6; i++) {
        recording_seat(world, 1 + i / 3, 0);
    }
    recording_feed_match(world);
    (void)recording_match(world, 2, "team_match", 2, 1100); /* one party on a team, one on two */
    recording_seat(world, 3, 0);
    recording_seat(world, 3, 0);
    recording_seat(world, 3, 0);
    recording_feed_match(world);
    (void)recording_match(world, 3, "team_match", 2, 1200);
    recording_seat(world, 4, 0);
    recording_seat(world, 4, 0);
    recording_seat(world, 4, 1);
    recording_feed_match(world);
    (void)recording_match(world, 4, "team_match", 2, 1300); /* nobody knows ticket 9 */
    recording_seat(world, 9, 0);
    recording_feed_match(world);
    recording_match(world, 5, "team_match", 2, 1400)->custom = true;
    recording_seat(world, 3, 0);
    recording_feed_match(world);
    recording_end(world, 2000);
    assert_string_equal(
        recording_lines(&world->matches),
        "{\"type\":\"match\",\"t\":1,\"m\":\"casual\",\"region\":0,\"teams\":[[1],[1],[1],[2],[2],["
        "2]]}\n"
        "{\"type\":\"match\",\"t\":1.1,\"m\":\"team_match\",\"region\":0,\"teams\":[[3]]}\n"
        "{\"type\":\"match\",\"t\":1.2,\"m\":\"team_match\",\"region\":0,\"teams\":[[4,4],[4]]}\n");
    assert_int_equal(mu_recording_counts(world->recording)->incomplete, 1);
    recording_world_destroy(world);
}

static void test_what_comes_late(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, false);
    recording_begin(world);
    recording_change(world, 1, "duel", 5000, MU_TICKET_CANCELLED, 6000);
    recording_advance(world, 4000);
    assert_string_equal(recording_lines(&world->tickets), ""); /* an earlier one may come yet */
    recording_enqueue(world, 1, "duel", 5000);                 /* how it was before */
    recording_advance(world, 6500);
    recording_enqueue(world, 2, "duel", 4000);
    recording_enqueue(world, 3, "nonsense", 4000);
    recording_advance(world, 7000);
    recording_change(world, 1, "duel", 5000, MU_TICKET_CANCELLED, 6000); /* again */
    recording_end(world, 8000);
    assert_string_equal(recording_lines(&world->tickets),
                        "{\"t\":5,\"id\":1," REST "\"m\":\"duel\",\"pat\":1}\n"
                        "{\"t\":5,\"id\":2," REST "\"m\":\"duel\",\"pat\":59}\n");
    assert_int_equal(mu_recording_counts(world->recording)->late, 1);
    assert_int_equal(mu_recording_counts(world->recording)->unknown, 1);
    recording_world_destroy(world);
}

static void test_a_failed_write_is_told(void **state)
{
    (void)state;
    struct recording_world *world = recording_world_create(0, false);
    recording_begin(world);
    recording_change(world, 1, "duel", 5000, MU_TICKET_CANCELLED, 6000);
    world->tickets.fails = -ENOSPC;
    assert_int_equal(mu_recording_advance(world->recording, RECORDING_START + 9000), -ENOSPC);
    recording_world_destroy(world);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_the_beginning),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_players_are_told_apart_but_not_named),
        cmocka_unit_test(test_pseudonyms),
        cmocka_unit_test(test_ids_can_be_kept),
        cmocka_unit_test(test_a_ticket_comes_back),
        cmocka_unit_test(test_a_return_is_learned_late),
        cmocka_unit_test(test_a_ticket_comes_back_very_often),
        cmocka_unit_test(test_stays_are_forgotten_in_any_order),
        cmocka_unit_test(test_several_modes),
        cmocka_unit_test(test_teams),
        cmocka_unit_test(test_what_comes_late),
        cmocka_unit_test(test_a_failed_write_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
