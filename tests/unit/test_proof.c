/* tests/unit/test_proof.c - the proof at start sees when strangers get in, or listed ones not. */
#include "broker/proof.h"

#include "tests/unit/unit.h"

#include <string.h>
#include <zmq.h>

#include "broker/socket.h"

static struct mu_key_pair *broker;
static struct mu_key_pair *stranger;
static struct mu_key_pair *guest;

static int make_keys(void **state)
{
    (void)state;
    broker = mu_key_pair_create();
    stranger = mu_key_pair_create();
    guest = mu_key_pair_create();
    return broker == NULL || stranger == NULL || guest == NULL ? -1 : 0;
}

static int free_keys(void **state)
{
    (void)state;
    mu_key_pair_destroy(broker);
    mu_key_pair_destroy(stranger);
    mu_key_pair_destroy(guest);
    return 0;
}

static bool lets_all_in(void *context, const uint8_t *key, const char *address)
{
    (void)context;
    (void)key;
    (void)address;
    return true;
}

static bool lets_nobody_in(void *context, const uint8_t *key, const char *address)
{
    return !lets_all_in(context, key, address);
}

static bool lets_guests_in(void *context, const uint8_t *key, const char *address)
{
    (void)context;
    (void)address;
    return memcmp(key, guest->public_key, MU_PUBLIC_KEY_BYTES) == 0;
}

static void test_closed_while_nobody_is_asked(void **state)
{
    (void)state;
    void *zmq = zmq_ctx_new();
    for (uint32_t i = 0; i < 5; i++) { /* libzmq frees what it used late: again is no matter */
        const char *fault = mu_proof_closed(zmq, broker);
        if (fault != NULL) {
            fail_msg("%s", fault);
        }
    }
    (void)zmq_ctx_term(zmq); /* nothing is open */
}

static void test_sees_every_outcome(void **state)
{
    static const struct {
        mu_zap_judge_fn *judge;
        const char *fault;
    } cases[] = {
        { lets_guests_in, NULL },
        { lets_all_in, "a key that is not listed got in" },
        { lets_nobody_in, "a key that is listed was refused" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        void *zmq = zmq_ctx_new();
        struct mu_zap *zap = mu_zap_create(zmq, cases[i].judge, NULL);
        assert_non_null(zap);
        assert_null(mu_zap_create(zmq, cases[i].judge, NULL)); /* one a context */
        const char *fault = mu_proof_handler(zmq, broker, zap, stranger, guest);
        if (cases[i].fault == NULL) {
            assert_null(fault);
        } else {
            assert_string_equal(fault, cases[i].fault);
        }
        mu_zap_destroy(zap);
        (void)zmq_ctx_term(zmq); /* nothing is open */
    }
}

/* Asks the handler as libzmq would, and as it would not. */
static void test_answers_only_what_it_knows(void **state)
{
    static const char key[MU_PUBLIC_KEY_BYTES] = { 1 };
    static const struct {
        const char *version;
        const char *mechanism;
        size_t key_bytes;
        const char *status;
    } cases[] = {
        { "1.0", "CURVE", MU_PUBLIC_KEY_BYTES, "200" },
        { "2.0", "CURVE", MU_PUBLIC_KEY_BYTES, "400" },
        { "1.0", "NULL", MU_PUBLIC_KEY_BYTES, "400" },
        { "1.0", "PLAIN", MU_PUBLIC_KEY_BYTES, "400" },
        { "1.0", "CURVE", MU_PUBLIC_KEY_BYTES - 1, "400" },
        { "1.0", "CURVE", 0, "400" },
    };
    (void)state;
    void *zmq = zmq_ctx_new();
    struct mu_zap *zap = mu_zap_create(zmq, lets_all_in, NULL);
    void *socket = zmq_socket(zmq, ZMQ_REQ);
    assert_int_equal(mu_broker_socket_set(socket, ZMQ_LINGER, 0), 0);
    assert_int_equal(zmq_connect(socket, "inproc://zeromq.zap.01"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char answer[6][128] = { "" };
        const char *const words[] = { cases[i].version, "id", "muster",
                                      "10.0.0.7",       "",   cases[i].mechanism };
        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
            assert_true(zmq_send(socket, words[k], strlen(words[k]), ZMQ_SNDMORE) >= 0);
        }
        assert_true(zmq_send(socket, key, cases[i].key_bytes, 0) >= 0);
        assert_int_equal(mu_zap_turn(zap), 1);
        assert_int_equal(mu_zap_turn(zap), 0);
        for (size_t k = 0; k < 6; k++) {
            assert_true(zmq_recv(socket, answer[k], sizeof answer[k] - 1, 0) >= 0);
        }
        assert_string_equal(answer[0], "1.0");
        assert_string_equal(answer[1], "id");
        assert_string_equal(answer[2], cases[i].status);
        assert_int_equal(strlen(answer[4]),
                         strcmp(cases[i].status, "200") == 0 ? MU_PUBLIC_KEY_HEX : 0);
    }
    (void)zmq_close(socket); /* fails only on what is no socket */
    mu_zap_destroy(zap);
    (void)zmq_ctx_term(zmq); /* nothing is open */
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_while_nobody_is_asked),
        cmocka_unit_test(test_sees_every_outcome),
        cmocka_unit_test(test_answers_only_what_it_knows),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
