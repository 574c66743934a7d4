/* tests/unit/test_host.c - the ZeroMQ hosts: a broker, an actor and a client, for real, on
 * loopback.  Each wait is for an event and is bounded. */
#include "actors/host.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "broker/host.h"
#include "core/bus.h"
#include "core/dealer.h"

enum { WAIT_MS = 20000, CLIENT = 4711 };

/* The broker's thread. */
struct broker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *bind;
    char endpoint[256];
    volatile sig_atomic_t stop;
    int code;
};

/* The actor's thread. */
struct runner {
    pthread_t thread;
    const char *endpoint;
    volatile sig_atomic_t stop;
    int code;
};

struct client {
    struct mu_bus *bus;
    struct mu_dealer *dealer;
    struct mu_outbox *out;
};

static struct mu_config config;
static struct mu_log *log_off;

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* An actor that echoes TICKET_GET; the players "stale" and "disk" make it fail. */

static uint32_t keeps;               /* so many requests it wants to see after MU_EV_DRAIN */
static bool stopped;                 /* MU_EV_STOP came, and MU_EV_DRAIN before it */
static volatile sig_atomic_t drains; /* MU_EV_DRAIN came */

struct echo {
    struct mu_actor base;
    bool broken;   /* the next end of a batch fails */
    bool draining; /* MU_EV_DRAIN came */
    uint32_t left; /* requests that it wants to see still */
};

static int echo_create(const struct mu_actor_env *env, struct mu_actor **ret);

static int echo_step(struct mu_actor *actor, const struct mu_event *event, struct mu_outbox *out)
{
    struct echo *echo = (struct echo *)actor;
    if (event->type == MU_EV_BATCH_END) {
        return echo->broken ? -EIO : 0;
    }
    if (event->type == MU_EV_DRAIN) {
        assert_false(echo->draining);
        echo->draining = true;
        echo->left = keeps;
        drains = 1;
    }
    stopped = stopped || (event->type == MU_EV_STOP && echo->draining);
    if (event->type != MU_EV_MESSAGE || event->msg->op != MU_OP_TICKET_GET) {
        return 0;
    }
    mu_outbox_reply(out, event->envelope, event->msg);
    echo->left -= echo->left > 0;
    echo->broken = strcmp(event->msg->ticket_get.player, "disk") == 0;
    return strcmp(event->msg->ticket_get.player, "stale") == 0 ? -ESTALE : 0;
}

static int64_t echo_deadline(const struct mu_actor *actor)
{
    (void)actor;
    return MU_NEVER;
}

static void echo_stats(const struct mu_actor *actor, int64_t at_ms, struct mu_msg_stats *ret)
{
    (void)actor;
    (void)at_ms;
    (void)snprintf(ret->kind, sizeof ret->kind, "echo");
}

static uint64_t echo_epoch(const struct mu_actor *actor)
{
    (void)actor;
    return 3;
}

static enum mu_life echo_life(const struct mu_actor *actor)
{
    (void)actor;
    return MU_LIFE_SERVING;
}

static bool echo_drained(const struct mu_actor *actor)
{
    const struct echo *echo = (const struct echo *)actor;
    return echo->draining && echo->left == 0;
}

static void echo_check(const struct mu_actor *actor)
{
    (void)actor;
}

static void echo_destroy(struct mu_actor *actor)
{
    free(actor);
}

static const struct mu_actor_ops echo_ops = {
    .kind = "echo",
    .create = echo_create,
    .step = echo_step,
    .deadline = echo_deadline,
    .stats = echo_stats,
    .epoch = echo_epoch,
    .life = echo_life,
    .drained = echo_drained,
    .check = echo_check,
    .destroy = echo_destroy,
};

static int echo_create(const struct mu_actor_env *env, struct mu_actor **ret)
{
    struct echo *echo = calloc(1, sizeof *echo);
    if (echo == NULL) {
        return -ENOMEM;
    }
    assert_int_not_equal(env->incarnation, 0);
    echo->base.ops = &echo_ops;
    *ret = &echo->base;
    return 0;
}

/* Threads. */

static void listening(void *context, const char *endpoint)
{
    struct broker *broker = context;
    (void)pthread_mutex_lock(&broker->lock);
    (void)snprintf(broker->endpoint, sizeof broker->endpoint, "%s", endpoint);
    (void)pthread_cond_signal(&broker->changed);
    (void)pthread_mutex_unlock(&broker->lock);
}

static void *run_broker(void *context)
{
    struct broker *broker = context;
    const struct mu_broker_options options = {
        .bind = broker->bind,
        .name = "broker",
        .config = &config,
        .log = log_off,
        .stop = &broker->stop,
        .listening = listening,
        .context = broker,
    };
    broker->code = mu_broker_run(&options);
    return NULL;
}

static void start_broker(struct broker *broker, const char *bind)
{
    *broker = (struct broker){ .bind = bind,
                               .lock = PTHREAD_MUTEX_INITIALIZER,
                               .changed = PTHREAD_COND_INITIALIZER };
    assert_int_equal(pthread_create(&broker->thread, NULL, run_broker, broker), 0);
    (void)pthread_mutex_lock(&broker->lock);
    while (broker->endpoint[0] == '\0') {
        (void)pthread_cond_wait(&broker->changed, &broker->lock);
    }
    (void)pthread_mutex_unlock(&broker->lock);
}

static void stop_broker(struct broker *broker)
{
    broker->stop = 1;
    assert_int_equal(pthread_join(broker->thread, NULL), 0);
    assert_int_equal(broker->code, 0);
}

static void *run_actor(void *context)
{
    struct runner *runner = context;
    const struct mu_host_options options = {
        .ops = &echo_ops,
        .partition = "echo/0",
        .name = "here/echo/0",
        .build = "test",
        .config = &config,
        .log = log_off,
        .stop = &runner->stop,
        .brokers_count = 1,
        .brokers = { runner->endpoint },
    };
    runner->code = mu_host_run(&options);
    return NULL;
}

static void start_actor(struct runner *runner, const char *endpoint)
{
    *runner = (struct runner){ .endpoint = endpoint, .code = -1 };
    assert_int_equal(pthread_create(&runner->thread, NULL, run_actor, runner), 0);
}

static int end_actor(struct runner *runner, bool ask)
{
    runner->stop = ask;
    assert_int_equal(pthread_join(runner->thread, NULL), 0);
    return runner->code;
}

/* Client. */

static const struct mu_dealer_keys no_keys = { .own = NULL };

static void start_client(struct client *client, const char *endpoint)
{
    client->dealer = mu_dealer_create(&endpoint, 1, &no_keys);
    client->out = mu_outbox_create(CLIENT);
    assert_non_null(client->dealer);
    assert_non_null(client->out);
    const struct mu_bus_options options = {
        .service = "gateway",
        .partition = "",
        .build = "test",
        .incarnation = CLIENT,
        .seed = 1,
        .credit = 64,
        .heartbeat_ms = 100,
        .missed_max = 4,
        .brokers_count = 1,
        .brokers = { endpoint },
        .emit = mu_dealer_emit,
        .context = client->dealer,
    };
    client->bus = mu_bus_create(&options);
    assert_non_null(client->bus);
}

static void end_client(struct client *client)
{
    mu_bus_bye(client->bus, "done");
    mu_bus_destroy(client->bus);
    mu_dealer_destroy(client->dealer);
    mu_outbox_destroy(client->out);
}

static uint64_t send_request(struct client *client, const struct mu_msg *msg)
{
    const struct mu_request request = { .to = "echo/0", .budget_ms = 1000 };
    uint64_t sequence = mu_outbox_request(client->out, &request, msg);
    const struct mu_outbox_entry *entry = &client->out->entries[0];
    (void)mu_bus_send(client->bus, now_ms(), &entry->envelope,
                      (struct mu_slice){ client->out->bytes, entry->size });
    mu_outbox_clear(client->out);
    return sequence;
}

static uint64_t ask(struct client *client, const char *player)
{
    static struct mu_msg msg;
    msg.op = MU_OP_TICKET_GET;
    msg.ticket_get = (struct mu_msg_ticket_get){ .player = "" };
    (void)snprintf(msg.ticket_get.player, sizeof msg.ticket_get.player, "%s", player);
    return send_request(client, &msg);
}

static uint64_t ask_to_drain(struct client *client, uint64_t patience_ms)
{
    static struct mu_msg msg;
    msg.op = MU_OP_DRAIN;
    msg.drain = (struct mu_msg_drain){ .patience_ms = patience_ms };
    return send_request(client, &msg);
}

/* Waits a little, then takes what is there.  Returns the op of an answer to `sequence`, or 0. */
static uint32_t poll_client(struct client *client, uint64_t sequence)
{
    uint32_t op = 0;
    struct mu_slice header;
    struct mu_slice body;
    zmq_pollitem_t item = { .socket = mu_dealer_socket(client->dealer, 0), .events = ZMQ_POLLIN };
    if (item.socket != NULL) {
        (void)zmq_poll(&item, 1, 20);
        int got;
        while ((got = mu_dealer_receive(client->dealer, 0, &header, &body)) != 0) {
            assert_int_equal(got, 1);
            const struct mu_msg_envelope *envelope =
                mu_bus_receive(client->bus, 0, now_ms(), header, body);
            if (envelope != NULL && envelope->frame == MU_FRAME_REPLY &&
                envelope->answers_sequence == sequence) {
                op = (uint32_t)envelope->op;
            }
        }
    }
    mu_bus_handled(client->bus);
    assert_int_equal(mu_dealer_reopen(client->dealer, mu_bus_tick(client->bus, now_ms())), 0);
    mu_bus_check(client->bus);
    return op;
}

/* Asks until the actor answers: it, or the broker, may not be there yet. */
static void expect_answer(struct client *client)
{
    int64_t end_ms = now_ms() + WAIT_MS;
    uint32_t op = 0;
    while (op != MU_OP_TICKET_GET) {
        uint64_t sequence = ask(client, "ply_1");
        int64_t again_ms = now_ms() + 200;
        while (op == 0 && now_ms() < again_ms) {
            op = poll_client(client, sequence);
        }
        assert_true(now_ms() < end_ms);
        op = op == MU_OP_TICKET_GET ? op : 0;
    }
}

/* Waits for the answer to a request, which must be of that operation. */
static void await(struct client *client, uint64_t sequence, uint32_t expected)
{
    int64_t end_ms = now_ms() + WAIT_MS;
    uint32_t op = 0;
    while (op == 0 && now_ms() < end_ms) {
        op = poll_client(client, sequence);
    }
    assert_int_equal(op, expected);
}

/* Tests. */

static void test_asks_over_a_restarted_broker(void **state)
{
    struct broker broker;
    struct runner runner;
    struct client client;
    char endpoint[256];
    (void)state;
    start_broker(&broker, "tcp://127.0.0.1:*");
    (void)snprintf(endpoint, sizeof endpoint, "%s", broker.endpoint);
    start_actor(&runner, endpoint);
    start_client(&client, endpoint);
    expect_answer(&client);
    stop_broker(&broker);
    start_broker(&broker, endpoint);
    expect_answer(&client);
    assert_int_equal(end_actor(&runner, true), 0);
    end_client(&client);
    stop_broker(&broker);
}

/* What failed to become durable is not answered, and the process ends. */
static void test_failures_end_the_actor(void **state)
{
    static const struct {
        const char *player;
        int code;
    } failures[] = { { "disk", MU_HOST_EXIT_IO }, { "stale", MU_HOST_EXIT_AGAIN } };
    struct broker broker;
    struct client client;
    (void)state;
    start_broker(&broker, "tcp://127.0.0.1:*");
    start_client(&client, broker.endpoint);
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        struct runner runner;
        start_actor(&runner, broker.endpoint);
        expect_answer(&client);
        uint64_t sequence = ask(&client, failures[i].player);
        assert_int_equal(end_actor(&runner, false), failures[i].code);
        int64_t end_ms = now_ms() + 200;
        while (now_ms() < end_ms) {
            assert_int_not_equal(poll_client(&client, sequence), MU_OP_TICKET_GET);
        }
    }
    end_client(&client);
    stop_broker(&broker);
}

/* What a process that drains is asked still, until it has nothing left. */
static void test_drains(void **state)
{
    struct broker broker;
    struct client client;
    struct runner runner;
    (void)state;
    start_broker(&broker, "tcp://127.0.0.1:*");
    start_client(&client, broker.endpoint);
    for (uint32_t by_message = 0; by_message < 2; by_message++) {
        keeps = 1;
        stopped = false;
        drains = 0;
        start_actor(&runner, broker.endpoint);
        expect_answer(&client);
        if (by_message) {
            await(&client, ask_to_drain(&client, 0), MU_OP_DRAINING);
        }
        runner.stop = !by_message;
        int64_t end_ms = now_ms() + WAIT_MS;
        while (drains == 0 && now_ms() < end_ms) {
            (void)poll_client(&client, 0);
        }
        await(&client, ask(&client, "ply_2"), MU_OP_TICKET_GET);
        assert_int_equal(end_actor(&runner, !by_message), 0);
        assert_true(stopped);
    }
    end_client(&client);
    stop_broker(&broker);
}

/* One that never has nothing left: patience, an owner that has taken over, a second signal. */
static void test_drains_in_vain(void **state)
{
    struct broker broker;
    struct client client;
    struct runner runner;
    (void)state;
    keeps = UINT32_MAX;
    start_broker(&broker, "tcp://127.0.0.1:*");
    start_client(&client, broker.endpoint);
    for (uint32_t i = 0; i < 3; i++) {
        stopped = false;
        start_actor(&runner, broker.endpoint);
        expect_answer(&client);
        int64_t asked_ms = now_ms();
        await(&client, ask_to_drain(&client, i == 0 ? 300 : 600000), MU_OP_DRAINING);
        if (i == 0) { /* asked again: no longer for that */
            await(&client, ask_to_drain(&client, 600000), MU_OP_DRAINING);
        } else if (i == 1) {
            (void)ask(&client, "stale");
        } else if (i == 2) {
            runner.stop = 2;
        }
        assert_int_equal(pthread_join(runner.thread, NULL), 0);
        assert_int_equal(runner.code, 0);
        assert_true(stopped);
        int64_t took_ms = now_ms() - asked_ms;
        assert_true(took_ms < WAIT_MS);
        assert_true(i != 0 || took_ms >= 300);
    }
    end_client(&client);
    stop_broker(&broker);
}

static void test_cannot_listen_twice(void **state)
{
    struct broker broker;
    struct broker other = { .lock = PTHREAD_MUTEX_INITIALIZER,
                            .changed = PTHREAD_COND_INITIALIZER };
    (void)state;
    start_broker(&broker, "tcp://127.0.0.1:*");
    other.bind = broker.endpoint;
    (void)run_broker(&other);
    assert_int_equal(other.code, 69);
    stop_broker(&broker);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    mu_config_default(&config);
    config.settings.heartbeat_ms = 100;
    log_off = mu_log_create("test", MU_LOG_ERROR);
    if (log_off == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_over_a_restarted_broker),
        cmocka_unit_test(test_failures_end_the_actor),
        cmocka_unit_test(test_drains),
        cmocka_unit_test(test_drains_in_vain),
        cmocka_unit_test(test_cannot_listen_twice),
    };
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    mu_log_destroy(log_off);
    return r;
}
