/* The gateway's part of a backup: who may ask for one, what is asked of the store, what is said. */
#include <string.h>

#include "tests/unit/rig.h"

static uint64_t seed;

static int setup(void **state)
{
    *state = rig_create(seed, true);
    return 0;
}

static int teardown(void **state)
{
    rig_destroy(*state);
    return 0;
}

/* Asks on a listener, with a key or without ("" ). */
static void ask(struct rig *rig, bool admin, const char *authorization, const char *body)
{
    struct mu_http_request request = rig_request(rig, MU_HTTP_POST, "/v1/admin/backups", body);
    request.admin = admin;
    request.authorization = authorization;
    rig_send(rig, &request);
}

static void test_operators_and_backends_may(void **state)
{
    struct rig *rig = *state;
    static const char *const keys[] = { "Bearer " RIG_OPERATOR_KEY, "Bearer " RIG_BACKEND_KEY };
    for (int i = 0; i < 2; i++) {
        ask(rig, true, keys[i], "{\"name\":\"daily\"}");
        const struct mu_msg_envelope *envelope = rig_asked(rig, MU_OP_STORE_BACKUP, "store");
        assert_string_not_equal(envelope->idempotency_key, "");
        assert_string_equal(rig->msg.store_backup.name, "daily");
        rig->answer.op = MU_OP_BACKUP;
        rig->answer.backup = (struct mu_msg_backup){
            .name = "daily", .complete = true, .bytes = 204800, .took_ms = 24
        };
        rig_answer(rig, 0);
        rig_expect_status(rig, 201, NULL);
        rig_expect_text(rig, "backup.name", "daily");
        rig_expect_number(rig, "backup.bytes", 204800);
        rig_expect_number(rig, "backup.tookMs", 24);
    }
}

static void test_others_may_not(void **state)
{
    struct rig *rig = *state;
    ask(rig, true, "", NULL);
    rig_expect_status(rig, 401, "UNAUTHORIZED");
    ask(rig, false, "Bearer " RIG_OPERATOR_KEY, NULL); /* not on the public listener */
    rig_expect_status(rig, 404, "NOT_FOUND");
    assert_int_equal(rig_count(rig), 0);
}

static void test_without_a_body(void **state)
{
    struct rig *rig = *state;
    ask(rig, true, "Bearer " RIG_OPERATOR_KEY, NULL);
    (void)rig_asked(rig, MU_OP_STORE_BACKUP, "store");
    assert_string_equal(rig->msg.store_backup.name, "");
    rig->answer.op = MU_OP_BACKUP;
    rig->answer.backup = (struct mu_msg_backup){ .name = "bkp_x", .took_ms = 2500 };
    rig_answer(rig, 0);
    rig_expect_status(rig, 202, NULL); /* it is being written still */
    rig_expect_text(rig, "backup.name", "bkp_x");
}

static void test_refuses_other_names(void **state)
{
    struct rig *rig = *state;
    static const char *const bodies[] = {
        "{\"name\":\"../etc\"}", "{\"name\":\".part\"}", "{\"name\":\"\"}",
        "{\"name\":7}",          "{\"name\":\"a/b\"}",   "{\"name\":\"a b\"}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        ask(rig, true, "Bearer " RIG_OPERATOR_KEY, bodies[i]);
        rig_expect_status(rig, 400, "VALIDATION_FAILED");
    }
    assert_int_equal(rig_count(rig), 0);
}

static void test_passes_refusals_on(void **state)
{
    struct rig *rig = *state;
    ask(rig, true, "Bearer " RIG_OPERATOR_KEY, "{\"name\":\"daily\"}");
    rig_answer_error(rig, 0, MU_ERROR_CONFLICT, "there is a backup daily already");
    rig_expect_status(rig, 409, "CONFLICT");
    ask(rig, true, "Bearer " RIG_OPERATOR_KEY, "{\"name\":\"daily\"}");
    rig_answer_error(rig, 0, MU_ERROR_STORAGE_FULL, "the disk has no room");
    rig_expect_status(rig, 503, "STORAGE_FULL");
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        CASE(operators_and_backends_may), CASE(others_may_not),     CASE(without_a_body),
        CASE(refuses_other_names),        CASE(passes_refusals_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
