/* tests/unit/test_roles.c - what each role may send, over all messages there are. */
#include "broker/roles.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

static const enum mu_frame frames[] = { MU_FRAME_REQUEST, MU_FRAME_REPLY, MU_FRAME_EVENT,
                                        MU_FRAME_CONTROL };

/* In how many frames the role may send it. */
static uint32_t ways(enum mu_peer_role role, uint32_t op)
{
    uint32_t count = 0;
    for (size_t f = 0; f < sizeof frames / sizeof frames[0]; f++) {
        count += mu_peer_role_may(role, op, frames[f]);
    }
    return count;
}

/* Whether the table of messages says that `op` goes from one to another. */
static bool is_sent(enum mu_op op)
{
    const char *doc = mu_msg_layout(op)->doc;
    return strstr(doc, "->") != NULL || op == MU_OP_PING || op == MU_OP_PONG || op == MU_OP_BYE ||
           op == MU_OP_ERROR || (op >= MU_OP_RULES_PUT && op <= MU_OP_RULES_ACTIVATE);
}

static void test_every_message_has_a_sender(void **state)
{
    static const enum mu_op ops[] = {
#define MSG(id, NAME, name, doc) MU_OP_##NAME,
#include "wire/ignore.h"
#include "wire/messages.def"
#include "wire/undef.h"
    };
    uint32_t sent = 0;
    (void)state;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        uint32_t senders = 0;
        for (uint32_t role = MU_PEER_ROLE_NONE + 1; role < MU_PEER_ROLES_END; role++) {
            senders += ways((enum mu_peer_role)role, ops[i]) > 0;
        }
        bool brokers_only = ops[i] == MU_OP_HELLO_OK || ops[i] == MU_OP_WHO;
        if (is_sent(ops[i]) && !brokers_only && senders == 0) {
            fail_msg("nobody may send %s", mu_msg_layout(ops[i])->name);
        }
        if ((!is_sent(ops[i]) || brokers_only) && senders > 0) {
            fail_msg("%s may be sent by itself", mu_msg_layout(ops[i])->name);
        }
        assert_int_equal(mu_peer_role_travels(ops[i]), senders > 0);
        assert_int_equal(ways(MU_PEER_ROLE_NONE, ops[i]), 0);
        sent += senders > 0;
    }
    assert_true(sent > 70);
}

static void test_says_no(void **state)
{
    static const struct {
        enum mu_peer_role role;
        enum mu_op op;
        enum mu_frame frame;
        bool may;
    } cases[] = {
        { MU_PEER_ROLE_QUEUE, MU_OP_MATCH_COMMIT, MU_FRAME_REQUEST, true },
        { MU_PEER_ROLE_QUEUE, MU_OP_MATCH_COMMIT, MU_FRAME_EVENT, false },
        { MU_PEER_ROLE_MATCHER, MU_OP_MATCH_COMMIT, MU_FRAME_REQUEST, false },
        { MU_PEER_ROLE_GATEWAY, MU_OP_MATCH_COMMIT, MU_FRAME_REQUEST, false },
        { MU_PEER_ROLE_MATCHER, MU_OP_PROPOSALS, MU_FRAME_EVENT, true },
        { MU_PEER_ROLE_MATCHER, MU_OP_CHANGES, MU_FRAME_EVENT, false },
        { MU_PEER_ROLE_STORE, MU_OP_CHANGES, MU_FRAME_EVENT, true },
        { MU_PEER_ROLE_STORE, MU_OP_CHANGES, MU_FRAME_REPLY, true },
        { MU_PEER_ROLE_STORE, MU_OP_STORE_BACKUP, MU_FRAME_REQUEST, false },
        { MU_PEER_ROLE_GATEWAY, MU_OP_STORE_BACKUP, MU_FRAME_REQUEST, true },
        { MU_PEER_ROLE_GATEWAY, MU_OP_EPOCH_TAKE, MU_FRAME_REQUEST, false },
        { MU_PEER_ROLE_TOOL, MU_OP_EPOCH_TAKE, MU_FRAME_REQUEST, false },
        { MU_PEER_ROLE_TOOL, MU_OP_FOLLOW_SCAN, MU_FRAME_REQUEST, true },
        { MU_PEER_ROLE_TOOL, MU_OP_PLAYER_GET, MU_FRAME_REQUEST, false },
        { MU_PEER_ROLE_LOBBY, MU_OP_PRESENCE, MU_FRAME_CONTROL, false },
        { MU_PEER_ROLE_LOBBY, MU_OP_EVENT, MU_FRAME_EVENT, false },
        { MU_PEER_ROLE_LOBBY, MU_OP_ERROR, MU_FRAME_REPLY, true },
        { MU_PEER_ROLE_LOBBY, MU_OP_ERROR, MU_FRAME_EVENT, false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (mu_peer_role_may(cases[i].role, cases[i].op, cases[i].frame) != cases[i].may) {
            fail_msg("case %zu: %s, %s", i, mu_peer_role_name(cases[i].role),
                     mu_msg_layout(cases[i].op)->name);
        }
    }
    for (uint32_t role = 0; role < MU_PEER_ROLES_END; role++) { /* ops of other versions */
        assert_int_equal(ways((enum mu_peer_role)role, 0), 0);
        assert_int_equal(ways((enum mu_peer_role)role, 65535), 0);
    }
}

static void test_names(void **state)
{
    enum mu_peer_role role = MU_PEER_ROLE_TOOL;
    (void)state;
    assert_int_equal(mu_peer_role_parse("gateway", &role), 0);
    assert_int_equal(role, MU_PEER_ROLE_GATEWAY);
    assert_string_equal(mu_peer_role_name(role), "gateway");
    static const char *const bad[] = { "", "none", "Gateway", "broker", "gateway ", "operator" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(mu_peer_role_parse(bad[i], &role), -EINVAL);
    }
    assert_int_equal(role, MU_PEER_ROLE_GATEWAY);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_message_has_a_sender),
        cmocka_unit_test(test_says_no),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
