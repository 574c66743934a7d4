#include "broker/proof.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <zmq.h>

#include "broker/socket.h"
#include "core/endpoint.h"

/* What became of a connection. */
enum outcome {
    OUTCOME_OPEN, /* nothing yet */
    OUTCOME_REFUSED,
    OUTCOME_LET_IN,   /* its message came, under its key */
    OUTCOME_NAMELESS, /* its message came, under no key or another's */
    OUTCOME_BROKEN,   /* a socket failed */
};

/* One try. */
struct attempt {
    void *zmq;
    struct mu_zap *zap; /* or NULL */
    const struct mu_key_pair *broker;
    const struct mu_key_pair *client;
    void *router;
    void *dealer;
    void *monitor; /* of the dealer */
    char endpoint[MU_ENDPOINT_MAX + 1];
    char events[MU_ENDPOINT_MAX + 1]; /* endpoint of the monitor; libzmq frees one late */
};

static int64_t now_ms(void)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Listens on an abstract UNIX socket, which has no file and a name that nobody can guess.  (inproc
 * would not do: libzmq authenticates nobody there.) */
static int listen_on(struct attempt *attempt)
{
    uint64_t random[2];
    char endpoint[MU_ENDPOINT_MAX + 1];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return -EIO;
    }
    (void)snprintf(endpoint, sizeof endpoint, "ipc://@muster-proof-%016" PRIx64 "%016" PRIx64,
                   random[0], random[1]);
    (void)snprintf(attempt->events, sizeof attempt->events, "inproc://muster-proof-%016" PRIx64,
                   random[0]);
    int r = mu_broker_socket_create(attempt->zmq, attempt->broker, false, &attempt->router);
    return r == 0 ? mu_broker_socket_bind(attempt->router, endpoint, attempt->endpoint) : r;
}

static int set_up_dealer(struct attempt *attempt)
{
    const struct mu_key_pair *client = attempt->client;
    void *dealer = attempt->dealer;
    if (mu_broker_socket_set(dealer, ZMQ_LINGER, 0) != 0 ||
        zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, attempt->broker->public_key,
                       MU_PUBLIC_KEY_BYTES) != 0 ||
        zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, client->public_key, MU_PUBLIC_KEY_BYTES) != 0 ||
        zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, client->secret_key, MU_SECRET_KEY_BYTES) != 0 ||
        zmq_socket_monitor(dealer, attempt->events,
                           ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_DISCONNECTED) != 0 ||
        zmq_connect(attempt->monitor, attempt->events) != 0 ||
        zmq_connect(dealer, attempt->endpoint) != 0 || zmq_send(dealer, "?", 1, ZMQ_DONTWAIT) < 0) {
        return -errno;
    }
    return 0;
}

/* Opens all sockets of an attempt.  Returns 0 or -errno. */
static int begin(struct attempt *attempt)
{
    int r = listen_on(attempt);
    if (r != 0) {
        return r;
    }
    attempt->dealer = zmq_socket(attempt->zmq, ZMQ_DEALER);
    attempt->monitor = zmq_socket(attempt->zmq, ZMQ_PAIR);
    if (attempt->dealer == NULL || attempt->monitor == NULL) {
        return -errno;
    }
    r = mu_broker_socket_set(attempt->monitor, ZMQ_LINGER, 0);
    return r == 0 ? set_up_dealer(attempt) : r;
}

static void end(struct attempt *attempt)
{
    void *const sockets[] = { attempt->dealer, attempt->monitor, attempt->router };
    if (attempt->dealer != NULL) {
        (void)zmq_socket_monitor(attempt->dealer, NULL, 0); /* stops it, if it runs */
    }
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
        if (sockets[i] != NULL) {
            (void)zmq_close(sockets[i]); /* fails only on what is no socket */
        }
    }
}

/* Looks at a message that came: whose is it? */
static enum outcome take_message(const struct attempt *attempt)
{
    char wanted[MU_PUBLIC_KEY_HEX + 1];
    zmq_msg_t frame;
    (void)zmq_msg_init(&frame); /* cannot fail */
    int r = zmq_msg_recv(&frame, attempt->router, ZMQ_DONTWAIT);
    while (r >= 0 && zmq_msg_more(&frame)) { /* the routing id has no properties */
        r = zmq_msg_recv(&frame, attempt->router, ZMQ_DONTWAIT);
    }
    const char *name = r < 0 ? NULL : zmq_msg_gets(&frame, "User-Id");
    mu_public_key_print(attempt->client->public_key, wanted);
    bool known = name != NULL && strcmp(name, wanted) == 0;
    (void)zmq_msg_close(&frame); /* fails only on what is no message */
    return r < 0 ? OUTCOME_BROKEN : known ? OUTCOME_LET_IN : OUTCOME_NAMELESS;
}

/* Waits until something became of the connection, at most until end_ms. */
static enum outcome watch(const struct attempt *attempt, int64_t end_ms)
{
    for (;;) {
        int64_t left_ms = end_ms - now_ms();
        zmq_pollitem_t items[] = {
            { .socket = attempt->router, .events = ZMQ_POLLIN },
            { .socket = attempt->monitor, .events = ZMQ_POLLIN },
            { .socket = attempt->zap == NULL ? NULL : mu_zap_socket(attempt->zap),
              .events = ZMQ_POLLIN },
        };
        int count = attempt->zap == NULL ? 2 : 3;
        if (left_ms <= 0) {
            return OUTCOME_OPEN;
        }
        if (zmq_poll(items, count, (long)left_ms) < 0 && errno != EINTR) {
            return OUTCOME_BROKEN;
        }
        if (attempt->zap != NULL && mu_zap_turn(attempt->zap) < 0) {
            return OUTCOME_BROKEN;
        }
        if ((items[0].revents & ZMQ_POLLIN) != 0) { /* first: a message says more than an event */
            return take_message(attempt);
        }
        if ((items[1].revents & ZMQ_POLLIN) != 0) { /* we only asked for what means a refusal */
            return OUTCOME_REFUSED;
        }
    }
}

static enum outcome try_key(struct attempt *attempt, int64_t end_ms)
{
    int r = begin(attempt);
    enum outcome outcome = r != 0 ? OUTCOME_BROKEN : watch(attempt, end_ms);
    end(attempt);
    return outcome;
}

/* What was wanted was a refusal. */
static const char *refusal_fault(enum outcome outcome, const char *let_in)
{
    switch (outcome) {
    case OUTCOME_REFUSED: return NULL;
    case OUTCOME_LET_IN:
    case OUTCOME_NAMELESS: return let_in;
    case OUTCOME_OPEN: return "a connection that must be refused got no answer in time";
    case OUTCOME_BROKEN: break;
    }
    return "a connection to itself could not be tried";
}

const char *mu_proof_closed(void *zmq, const struct mu_key_pair *key)
{
    struct attempt attempt = { .zmq = zmq, .broker = key, .client = key };
    return refusal_fault(try_key(&attempt, now_ms() + MU_PROOF_MS),
                         "libzmq lets every key in while nobody is asked "
                         "(it lacks ZMQ_ZAP_ENFORCE_DOMAIN)");
}

const char *mu_proof_handler(void *zmq, const struct mu_key_pair *key, struct mu_zap *zap,
                             const struct mu_key_pair *stranger, const struct mu_key_pair *guest)
{
    int64_t end_ms = now_ms() + MU_PROOF_MS;
    struct attempt attempt = { .zmq = zmq, .zap = zap, .broker = key, .client = stranger };
    const char *fault = refusal_fault(try_key(&attempt, end_ms), "a key that is not listed got in");
    if (fault != NULL) {
        return fault;
    }
    attempt = (struct attempt){ .zmq = zmq, .zap = zap, .broker = key, .client = guest };
    switch (try_key(&attempt, end_ms)) {
    case OUTCOME_LET_IN: return NULL;
    case OUTCOME_NAMELESS: return "libzmq does not say whose key a message came under";
    case OUTCOME_REFUSED: return "a key that is listed was refused";
    case OUTCOME_OPEN: return "a key that is listed got no answer in time";
    case OUTCOME_BROKEN: break;
    }
    return "a connection to itself could not be tried";
}
