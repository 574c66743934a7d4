/* The lobby actor under whatever comes: random records, answers, errors, presence and time.
 * lobby_host checks every invariant after each step; in the end nothing may be left over. */
#include "tests/unit/lobby_host.h"

#include <string.h>

#include "core/counters.h"

enum { STEPS = 4000, MATCHES = 12, SERVERS = 4, ROOMS = 4, PLAYERS = 8 };

static struct lobby_host host;
static struct mu_msg record;
static struct mu_rng rng;
static uint64_t versions[3][16];

static uint32_t pick(uint32_t count)
{
    return (uint32_t)mu_rng_below(&rng, count);
}

static void make_id(char ret[MU_ID_MAX + 1], const char *prefix, uint32_t number)
{
    (void)snprintf(ret, MU_ID_MAX + 1, "%s01%024u", prefix, number);
}

/* Sometimes an older version than the one before: what is late must not count. */
static uint64_t next_version(uint64_t *version)
{
    return pick(5) == 0 && *version > 2 ? *version - 1 : ++*version;
}

static void random_match(uint32_t number)
{
    static const char *const modes[] = { "ranked", "casual", "gone" };
    record.op = MU_OP_MATCH;
    record.match = (struct mu_msg_match){
        .version = next_version(&versions[0][number]),
        .state = (enum mu_match_state)(1 + pick(6)),
        .started_ms = (uint64_t)host.wall_ms - pick(7200000),
        .reach_count = 1,
        .reach = { { .region = pick(4), .ms = pick(300) } },
    };
    make_id(record.match.id, "mch_", number);
    make_id(record.match.server.id, "srv_", pick(SERVERS));
    (void)snprintf(record.match.mode, sizeof record.match.mode, "%s", modes[pick(3)]);
    (void)snprintf(record.match.region, sizeof record.match.region, "%s",
                   pick(2) == 0 ? "us-east-1" : "eu-west-1");
}

static void random_server(uint32_t number)
{
    record.op = MU_OP_SERVER;
    record.server = (struct mu_msg_server){
        .version = next_version(&versions[1][number]),
        .state = (enum mu_server_state)(1 + pick(3)),
        .slots = pick(6),
        .used = pick(4),
        .modes_count = pick(2),
        .modes = { { .id = "ranked" } },
    };
    make_id(record.server.id, "srv_", number);
    (void)snprintf(record.server.region, sizeof record.server.region, "%s",
                   pick(2) == 0 ? "us-east-1" : "eu-west-1");
}

static void random_room(uint32_t number)
{
    record.op = MU_OP_LOBBY;
    record.lobby = (struct mu_msg_lobby){
        .version = next_version(&versions[2][number]),
        .state = (enum mu_lobby_state)(1 + pick(4) / 2),
        .members_count = pick(5),
    };
    make_id(record.lobby.id, "lob_", number);
    (void)snprintf(record.lobby.mode, sizeof record.lobby.mode, "casual");
    (void)snprintf(record.lobby.region, sizeof record.lobby.region, "eu-west-1");
    for (uint32_t i = 0; i < record.lobby.members_count; i++) {
        record.lobby.members[i] = (struct mu_msg_lobby_member){ .rating = 1200 };
        make_id(record.lobby.members[i].id, "ply_", pick(PLAYERS));
    }
}

static void random_record(void)
{
    switch (pick(3)) {
    case 0: random_match(pick(MATCHES)); break;
    case 1: random_server(pick(SERVERS)); break;
    case 2: random_room(pick(ROOMS)); break;
    default: fail();
    }
}

static void push_record(bool absent)
{
    const char *id = record.op == MU_OP_LOBBY   ? record.lobby.id
                     : record.op == MU_OP_MATCH ? record.match.id
                                                : record.server.id;
    enum mu_table table = record.op == MU_OP_LOBBY   ? MU_TABLE_LOBBY
                          : record.op == MU_OP_MATCH ? MU_TABLE_MATCH
                                                     : MU_TABLE_SERVER;
    lobby_host_push(&host, table, id, absent ? NULL : &record);
}

static void random_presence(void)
{
    struct mu_msg_presence *presence = &host.msg.presence;
    host.msg.op = MU_OP_PRESENCE;
    presence->reset = pick(10) == 0;
    presence->joined_count = pick(3);
    presence->left_count = pick(3);
    for (uint32_t i = 0; i < 2; i++) {
        make_id(presence->joined[i].id, "ply_", pick(PLAYERS));
        make_id(presence->left[i].id, "ply_", pick(PLAYERS));
    }
    lobby_host_event(&host, 1 + pick(80));
}

static void random_request(void)
{
    char id[MU_ID_MAX + 1];
    char player[MU_ID_MAX + 1];
    make_id(id, "lob_", pick(ROOMS + 1));
    make_id(player, "ply_", pick(PLAYERS));
    switch (pick(3)) {
    case 0:
        host.msg.op = MU_OP_LOBBY_JOIN;
        host.msg.lobby_join = (struct mu_msg_lobby_join){ .password = "" };
        memcpy(host.msg.lobby_join.lobby, id, sizeof id);
        memcpy(host.msg.lobby_join.player, player, sizeof player);
        break;
    case 1:
        host.msg.op = MU_OP_LOBBY_START;
        host.msg.lobby_start = (struct mu_msg_lobby_start){ .server = "" };
        memcpy(host.msg.lobby_start.lobby, id, sizeof id);
        memcpy(host.msg.lobby_start.player, player, sizeof player);
        break;
    case 2:
        host.msg.op = MU_OP_SERVER_BEAT;
        host.msg.server_beat = (struct mu_msg_server_beat){ .key_hash = "" };
        make_id(host.msg.server_beat.server, "srv_", pick(SERVERS + 1));
        break;
    default: fail();
    }
    (void)lobby_host_request(&host, "key");
}

/* Answers any request that was sent, perhaps again, perhaps with what it did not ask for. */
static void random_answer(void)
{
    static const enum mu_error errors[] = { MU_ERROR_UNAVAILABLE, MU_ERROR_CONFLICT,
                                            MU_ERROR_NO_SLOT,     MU_ERROR_NO_SERVER,
                                            MU_ERROR_NOT_FOUND,   MU_ERROR_STARTING };
    if (host.sent_count == 0) {
        return;
    }
    const struct mu_msg_envelope request = host.sent[pick(host.sent_count)].envelope;
    if (request.frame != MU_FRAME_REQUEST || request.op == MU_OP_FOLLOW_SINCE) {
        return;
    }
    if (pick(3) == 0) {
        lobby_host_error(&host, &request, errors[pick(6)]);
        return;
    }
    random_record();
    host.msg = record;
    lobby_host_answer(&host, &request);
}

static void random_step(void)
{
    switch (pick(8)) {
    case 0:
    case 1:
        random_record();
        push_record(pick(20) == 0);
        break;
    case 2: random_presence(); break;
    case 3: random_request(); break;
    case 4:
    case 5: random_answer(); break;
    case 6: lobby_host_wait(&host, pick(50)); break;
    case 7: lobby_host_wait(&host, pick(8000)); break;
    default: fail();
    }
    assert_int_equal(host.result, 0);
}

static void test_soak(void **state)
{
    (void)state;
    lobby_host_create(&host, mu_rng_next(&rng));
    lobby_host_boot(&host);
    lobby_host_snapshot(&host, NULL, 0);
    for (uint32_t i = 0; i < STEPS; i++) {
        random_step();
        if (host.sent_count > 2000) {
            lobby_host_forget(&host);
        }
    }
    /* Everything ends, nobody is connected, nothing is answered any more. */
    for (uint32_t i = 0; i < MATCHES; i++) {
        random_match(i);
        push_record(true);
    }
    for (uint32_t i = 0; i < ROOMS; i++) {
        random_room(i);
        push_record(true);
    }
    for (uint32_t i = 0; i < SERVERS; i++) {
        random_server(i);
        push_record(true);
    }
    lobby_host_forget(&host);
    lobby_host_wait(&host, 10000);
    lobby_host_forget(&host);
    lobby_host_wait(&host, 60000);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ABORT), 0);
    assert_int_equal(lobby_host_count(&host, MU_OP_MATCH_ALLOCATE), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_LOBBIES), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_LIVE), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_MATCHES_WAITING), 0);
    assert_int_equal(lobby_host_counter(&host, MU_COUNTER_SERVERS), 0);
    lobby_host_destroy(&host);
}

/* The same seed and the same events: the same bytes. */
static void test_repeats(void **state)
{
    (void)state;
    static uint8_t first[sizeof host.bytes];
    uint32_t first_bytes = 0;
    const struct mu_rng start = rng;
    for (uint32_t round = 0; round < 2; round++) {
        rng = start;
        memset(versions, 0, sizeof versions);
        lobby_host_create(&host, 42);
        lobby_host_boot(&host);
        lobby_host_snapshot(&host, NULL, 0);
        for (uint32_t i = 0; i < 500; i++) {
            random_step();
        }
        if (round == 0) {
            first_bytes = host.bytes_used;
            memcpy(first, host.bytes, first_bytes);
        }
        assert_int_equal(host.bytes_used, first_bytes);
        assert_memory_equal(host.bytes, first, first_bytes);
        lobby_host_destroy(&host);
    }
    assert_true(first_bytes > 1000);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_soak),
                                        cmocka_unit_test(test_repeats) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
