/* tests/bench/bench_broker.c - messages a second through the broker, against a bare ROUTER socket.
 *
 * usage: bench_broker [--quick]
 *
 * A client sends requests to a worker and gets the same body back; each echo is two routed
 * messages.  The broker under test is the program's own host and routing core; beside it, in the
 * same run and in turn with it, the same is done over a loop that does nothing but move frames
 * from one ROUTER socket's peer to another; and over TCP ours with keys, which is what hosts do.
 * All runs in one process: client, worker, broker, and ZeroMQ's threads share the machine.  Best of
 * the rounds; the last columns are ours / bare, and with keys / ours. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "broker/host.h"
#include "core/address.h"

enum { BODY_MAX = 65536, CREDIT = 1024, HWM = 4096 };

/* What is measured beside each other. */
enum kind { OURS, BARE, KEYED, KINDS };

/* Who takes part; with keys each has one. */
enum part { BROKER, CLIENT, WORKER, PARTS };

/* What is measured. */
struct load {
    uint32_t body_bytes;
    uint32_t window; /* requests that are out at once */
};

/* With keys: everybody's, and the list of who is let in. */
struct keys {
    struct mu_key_pair *pairs[PARTS];
    char peers[128]; /* path */
};

/* A thread that routes, ours or the bare one, and where. */
struct server {
    enum kind kind;
    const struct keys *keys;
    const char *bind;
    char endpoint[256]; /* written before `ready` */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ready;  /* it listens */
    bool worked; /* the worker has joined */
    volatile sig_atomic_t stop;
};

/* The worker's thread. */
struct worker {
    struct server *server;
    volatile sig_atomic_t stop;
};

static int64_t now_us(void)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void listening(void *context, const char *endpoint)
{
    struct server *server = context;
    (void)pthread_mutex_lock(&server->lock);
    (void)snprintf(server->endpoint, sizeof server->endpoint, "%s", endpoint);
    server->ready = true;
    (void)pthread_cond_signal(&server->changed);
    (void)pthread_mutex_unlock(&server->lock);
}

/* Moves frames between two peers: what the socket can do at most.  A peer's first message is an
 * empty greeting; the first to greet is the worker. */
static void serve_bare(struct server *server)
{
    void *zmq = zmq_ctx_new();
    void *socket = zmq_socket(zmq, ZMQ_ROUTER);
    uint8_t ids[2][64];
    int id_bytes[2] = { 0, 0 };
    int value = 1;
    int linger = 0;
    int hwm = HWM;
    char endpoint[256];
    size_t endpoint_bytes = sizeof endpoint;
    (void)zmq_setsockopt(socket, ZMQ_ROUTER_MANDATORY, &value, sizeof value);
    (void)zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    (void)zmq_setsockopt(socket, ZMQ_SNDHWM, &hwm, sizeof hwm);
    (void)zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof hwm);
    int r = zmq_bind(socket, server->bind);
    assert(r == 0);
    r = zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_bytes);
    assert(r == 0);
    listening(server, endpoint);
    while (server->stop == 0) {
        uint8_t id[64];
        int n = zmq_recv(socket, id, sizeof id, ZMQ_DONTWAIT);
        if (n < 0) {
            zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
            (void)zmq_poll(&item, 1, 10);
            continue;
        }
        zmq_msg_t header;
        zmq_msg_t body;
        (void)zmq_msg_init(&header);
        (void)zmq_msg_init(&body);
        (void)zmq_msg_recv(&header, socket, 0);
        (void)zmq_msg_recv(&body, socket, 0);
        int known = id_bytes[0] == n && memcmp(ids[0], id, (size_t)n) == 0   ? 0
                    : id_bytes[1] == n && memcmp(ids[1], id, (size_t)n) == 0 ? 1
                                                                             : -1;
        if (known < 0) {
            int slot = id_bytes[0] == 0 ? 0 : 1;
            memcpy(ids[slot], id, (size_t)n);
            id_bytes[slot] = n;
            (void)zmq_send(socket, id, (size_t)n, ZMQ_SNDMORE);
            (void)zmq_send(socket, "", 0, ZMQ_SNDMORE);
            (void)zmq_send(socket, "", 0, 0);
        } else if (zmq_send(socket, ids[1 - known], (size_t)id_bytes[1 - known],
                            ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
            (void)zmq_msg_send(&header, socket, ZMQ_SNDMORE);
            (void)zmq_msg_send(&body, socket, 0);
        }
        (void)zmq_msg_close(&header);
        (void)zmq_msg_close(&body);
    }
    (void)zmq_close(socket);
    (void)zmq_ctx_term(zmq);
}

static void serve_ours(struct server *server)
{
    static struct mu_config config;
    bool keyed = server->kind == KEYED;
    mu_config_default(&config);
    struct mu_log *log = mu_log_create("bench", MU_LOG_ERROR);
    assert(log != NULL);
    const struct mu_broker_options options = {
        .bind = server->bind,
        .name = "bench",
        .key = keyed ? server->keys->pairs[BROKER] : NULL,
        .peers = keyed ? server->keys->peers : NULL,
        .config = &config,
        .log = log,
        .stop = &server->stop,
        .listening = listening,
        .context = server,
    };
    int code = mu_broker_run(&options);
    assert(code == 0);
    mu_log_destroy(log);
}

static void *serve(void *context)
{
    struct server *server = context;
    if (server->kind == BARE) {
        serve_bare(server);
    } else {
        serve_ours(server);
    }
    return NULL;
}

/* With keys it begins with the mark of the part's. */
static uint64_t incarnation_of(const struct server *server, enum part part)
{
    const struct mu_key_pair *pair = server->kind == KEYED ? server->keys->pairs[part] : NULL;
    return mu_public_key_incarnation(pair == NULL ? NULL : pair->public_key, 2 * part + 1);
}

static size_t encode(const struct mu_msg *msg, uint8_t buf[MU_HEADER_MAX])
{
    int64_t size = mu_msg_encode(msg, buf, MU_HEADER_MAX);
    assert(size > 0);
    return (size_t)size;
}

static size_t header_of(const struct server *server, struct mu_msg *scratch, enum part part,
                        enum mu_frame frame, enum mu_op op, uint8_t buf[MU_HEADER_MAX])
{
    scratch->op = MU_OP_ENVELOPE;
    scratch->envelope = (struct mu_msg_envelope){
        .version = 1,
        .frame = frame,
        .op = op,
        .incarnation = incarnation_of(server, part),
        .sequence = 123456789,
        .budget_ms = frame == MU_FRAME_REQUEST ? 5000 : 0,
        .trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    if (frame == MU_FRAME_REQUEST) {
        (void)snprintf(scratch->envelope.destination, sizeof scratch->envelope.destination,
                       "store");
    } else if (frame == MU_FRAME_REPLY) {
        uint64_t client = incarnation_of(server, CLIENT);
        mu_address_instance(client, scratch->envelope.destination);
        scratch->envelope.answers_incarnation = client;
        scratch->envelope.answers_sequence = 123456789;
    }
    return encode(scratch, buf);
}

static void send_two(void *socket, const uint8_t *header, size_t header_bytes, const void *body,
                     size_t body_bytes)
{
    int n = zmq_send(socket, header, header_bytes, ZMQ_SNDMORE);
    assert(n >= 0);
    n = zmq_send(socket, body, body_bytes, 0);
    assert(n >= 0);
}

static void say_control(const struct server *server, void *socket, struct mu_msg *scratch,
                        enum part part)
{
    uint8_t header[MU_HEADER_MAX];
    uint8_t body[MU_HEADER_MAX];
    enum mu_op op = scratch->op;
    size_t body_bytes = encode(scratch, body);
    size_t header_bytes = header_of(server, scratch, part, MU_FRAME_CONTROL, op, header);
    send_two(socket, header, header_bytes, body, body_bytes);
}

/* Takes one message, whatever it is. */
static void skip_message(void *socket)
{
    uint8_t frame[MU_HEADER_MAX];
    (void)zmq_recv(socket, frame, sizeof frame, 0);
    (void)zmq_recv(socket, frame, sizeof frame, 0);
}

/* Connects, greets, and is registered when it is answered. */
static void *join(void *zmq, const struct server *server, enum part part, struct mu_msg *scratch)
{
    void *socket = zmq_socket(zmq, ZMQ_DEALER);
    int linger = 0;
    int hwm = HWM;
    assert(socket != NULL);
    (void)zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    (void)zmq_setsockopt(socket, ZMQ_SNDHWM, &hwm, sizeof hwm);
    (void)zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof hwm);
    if (server->kind == KEYED) {
        struct mu_key_pair *const *pairs = server->keys->pairs;
        (void)zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, pairs[BROKER]->public_key, 32);
        (void)zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, pairs[part]->public_key, 32);
        (void)zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, pairs[part]->secret_key, 32);
    }
    int r = zmq_connect(socket, server->endpoint);
    assert(r == 0);
    if (server->kind == BARE) {
        send_two(socket, (const uint8_t *)"", 0, "", 0);
    } else {
        scratch->op = MU_OP_HELLO;
        scratch->hello =
            (struct mu_msg_hello){ .version_min = 1, .version_max = 1, .credit = CREDIT };
        (void)snprintf(scratch->hello.service, sizeof scratch->hello.service, "%s",
                       part == WORKER ? "store" : "gateway");
        say_control(server, socket, scratch, part);
        skip_message(socket); /* HELLO_OK: the broker enters who shows that he got it */
        scratch->op = MU_OP_PING;
        scratch->ping.nonce = 1;
        say_control(server, socket, scratch, part);
    }
    skip_message(socket);
    return socket;
}

static void *work(void *context)
{
    struct worker *worker = context;
    void *zmq = zmq_ctx_new();
    struct mu_msg *scratch = calloc(1, sizeof *scratch);
    uint8_t reply[MU_HEADER_MAX];
    assert(scratch != NULL);
    void *socket = join(zmq, worker->server, WORKER, scratch);
    size_t reply_bytes =
        header_of(worker->server, scratch, WORKER, MU_FRAME_REPLY, MU_OP_TICKET, reply);
    uint64_t handled = 0;
    (void)pthread_mutex_lock(&worker->server->lock);
    worker->server->worked = true;
    (void)pthread_cond_signal(&worker->server->changed);
    (void)pthread_mutex_unlock(&worker->server->lock);
    while (worker->stop == 0) {
        zmq_msg_t header;
        zmq_msg_t body;
        (void)zmq_msg_init(&header);
        (void)zmq_msg_init(&body);
        if (zmq_msg_recv(&header, socket, ZMQ_DONTWAIT) < 0) {
            zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
            (void)zmq_poll(&item, 1, 10);
        } else {
            (void)zmq_msg_recv(&body, socket, 0);
            if (worker->server->kind == BARE || zmq_msg_size(&body) >= 64) { /* not a PING */
                (void)zmq_send(socket, reply, reply_bytes, ZMQ_SNDMORE);
                (void)zmq_msg_send(&body, socket, 0);
                handled++;
            }
            if (worker->server->kind != BARE && handled % (CREDIT / 4) == 0) {
                scratch->op = MU_OP_CREDIT;
                scratch->credit.granted_total = handled + CREDIT;
                say_control(worker->server, socket, scratch, WORKER);
            }
        }
        (void)zmq_msg_close(&header);
        (void)zmq_msg_close(&body);
    }
    (void)zmq_close(socket);
    (void)zmq_ctx_term(zmq);
    free(scratch);
    return NULL;
}

/* Echoes for that long.  Returns routed messages a second. */
static double echo(void *socket, const struct load *load, const uint8_t *request,
                   size_t request_bytes, int64_t for_us)
{
    static uint8_t body[BODY_MAX];
    uint64_t done = 0;
    uint32_t out = 0;
    memset(body, 0xC0, sizeof body);
    int64_t start_us = now_us();
    int64_t end_us = start_us + for_us;
    int64_t at_us = start_us;
    while (at_us < end_us || out > 0) {
        for (; at_us < end_us && out < load->window; out++) {
            send_two(socket, request, request_bytes, body, load->body_bytes);
        }
        zmq_msg_t frame;
        (void)zmq_msg_init(&frame);
        (void)zmq_msg_recv(&frame, socket, 0);
        (void)zmq_msg_recv(&frame, socket, 0);
        if (zmq_msg_size(&frame) >= 64) {
            out--;
            done++;
        }
        (void)zmq_msg_close(&frame);
        at_us = now_us();
    }
    return 2e6 * (double)done / (double)(at_us - start_us);
}

static double measure(enum kind kind, const struct keys *keys, const char *bind,
                      const struct load *load, int64_t for_us)
{
    struct server server = { .kind = kind,
                             .keys = keys,
                             .bind = bind,
                             .lock = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER };
    struct worker worker = { .server = &server };
    pthread_t server_thread;
    pthread_t worker_thread;
    struct mu_msg *scratch = calloc(1, sizeof *scratch);
    uint8_t request[MU_HEADER_MAX];
    assert(scratch != NULL);
    int r = pthread_create(&server_thread, NULL, serve, &server);
    assert(r == 0);
    (void)pthread_mutex_lock(&server.lock);
    while (!server.ready) {
        (void)pthread_cond_wait(&server.changed, &server.lock);
    }
    (void)pthread_mutex_unlock(&server.lock);
    r = pthread_create(&worker_thread, NULL, work, &worker);
    assert(r == 0);
    (void)pthread_mutex_lock(&server.lock);
    while (!server.worked) {
        (void)pthread_cond_wait(&server.changed, &server.lock);
    }
    (void)pthread_mutex_unlock(&server.lock);
    void *zmq = zmq_ctx_new();
    void *socket = join(zmq, &server, CLIENT, scratch);
    size_t request_bytes =
        header_of(&server, scratch, CLIENT, MU_FRAME_REQUEST, MU_OP_TICKET_GET, request);
    const struct load one = { .body_bytes = 64, .window = 1 };
    (void)echo(socket, &one, request, request_bytes, for_us / 10);
    double rate = echo(socket, load, request, request_bytes, for_us);
    worker.stop = 1;
    (void)pthread_join(worker_thread, NULL);
    server.stop = 1;
    send_two(socket, request, request_bytes, "", 0); /* wakes it up */
    (void)pthread_join(server_thread, NULL);
    (void)zmq_close(socket);
    (void)zmq_ctx_term(zmq);
    free(scratch);
    return rate;
}

/* Makes keys, and the file that lists them. */
static void keys_create(struct keys *keys, const char *folder)
{
    char hex[MU_PUBLIC_KEY_HEX + 1];
    static const char *const roles[PARTS] = { "", "gateway", "store" };
    (void)snprintf(keys->peers, sizeof keys->peers, "%s/peers.yaml", folder);
    FILE *file = fopen(keys->peers, "w");
    assert(file != NULL);
    (void)fputs("peers:\n", file);
    for (int i = 0; i < PARTS; i++) {
        keys->pairs[i] = mu_key_pair_create();
        assert(keys->pairs[i] != NULL);
        mu_public_key_print(keys->pairs[i]->public_key, hex);
        if (i != BROKER) {
            (void)fprintf(file, "  - {name: %s, role: %s, key: %s}\n", roles[i], roles[i], hex);
        }
    }
    (void)fclose(file);
}

static void keys_destroy(struct keys *keys)
{
    for (int i = 0; i < PARTS; i++) {
        mu_key_pair_destroy(keys->pairs[i]);
    }
    (void)unlink(keys->peers);
}

/* All kinds in turn, so that what else the machine does hits all alike. */
static void run(const char *via, const char *bind, const struct load *load, const struct keys *keys,
                bool quick)
{
    double best[KINDS] = { 0 };
    const int kinds = strcmp(via, "tcp") == 0 ? KINDS : KEYED;
    const int rounds = quick ? 2 : 5;
    for (int i = 0; i < rounds * kinds; i++) {
        double rate = measure((enum kind)(i % kinds), keys, bind, load, quick ? 120000 : 500000);
        best[i % kinds] = rate > best[i % kinds] ? rate : best[i % kinds];
    }
    char with_keys[16] = "-";
    if (best[KEYED] > 0) {
        (void)snprintf(with_keys, sizeof with_keys, "%.2f", best[KEYED] / best[OURS]);
    }
    (void)printf("%-4s %7" PRIu32 " %7" PRIu32 " %12.0f %12.0f %8.2f %8.2f %6.2f %6s\n", via,
                 load->body_bytes, load->window, best[OURS], best[BARE], 1e6 / best[OURS],
                 1e6 / best[BARE], best[OURS] / best[BARE], with_keys);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct load loads[] = { { 64, 1 }, { 128, 256 }, { 2048, 128 }, { 32768, 16 } };
    bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
    if (argc > 2 || (argc == 2 && !quick)) {
        (void)fprintf(stderr, "usage: bench_broker [--quick]\n");
        return 64;
    }
    const char *parent = getenv("TMPDIR");
    struct keys keys;
    char folder[64]; /* short: the path of a socket holds 107 bytes */
    char ipc[sizeof folder + sizeof "ipc:///broker"];
    int n =
        snprintf(folder, sizeof folder, "%s/muster-bench-XXXXXX", parent != NULL ? parent : "/tmp");
    if (n < 0 || (size_t)n >= sizeof folder || mkdtemp(folder) == NULL) {
        perror("mkdtemp");
        return 74;
    }
    keys_create(&keys, folder);
    (void)snprintf(ipc, sizeof ipc, "ipc://%s/broker", folder);
    (void)printf("%-4s %7s %7s %12s %12s %8s %8s %6s %6s\n", "via", "body B", "window",
                 "ours msg/s", "bare msg/s", "ours us", "bare us", "ratio", "keys");
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        run("ipc", ipc, &loads[i], &keys, quick);
    }
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        run("tcp", "tcp://127.0.0.1:*", &loads[i], &keys, quick);
    }
    keys_destroy(&keys);
    (void)unlink(ipc + strlen("ipc://")); /* the broker that was stopped leaves its socket */
    (void)rmdir(folder);
    return 0;
}
