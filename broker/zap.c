#include "broker/zap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* A question as our ROUTER gets it (RFC 27, "Request"). */
enum {
    FRAME_PEER,
    FRAME_EMPTY,
    FRAME_VERSION,
    FRAME_REQUEST,
    FRAME_DOMAIN,
    FRAME_ADDRESS,
    FRAME_IDENTITY,
    FRAME_MECHANISM,
    FRAME_KEY,
    FRAMES,
};

enum { ADDRESS_MAX = 63 };

struct mu_zap {
    void *socket;
    mu_zap_judge_fn *judge;
    void *context;
};

struct mu_zap *mu_zap_create(void *zmq, mu_zap_judge_fn *judge, void *context)
{
    struct mu_zap *zap = calloc(1, sizeof *zap);
    if (zap == NULL) {
        return NULL;
    }
    int linger_ms = 0;
    *zap = (struct mu_zap){ .judge = judge, .context = context };
    zap->socket = zmq_socket(zmq, ZMQ_ROUTER);
    if (zap->socket == NULL ||
        zmq_setsockopt(zap->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms) != 0 ||
        zmq_bind(zap->socket, "inproc://zeromq.zap.01") != 0) {
        mu_zap_destroy(zap);
        return NULL;
    }
    return zap;
}

void mu_zap_destroy(struct mu_zap *zap)
{
    if (zap == NULL) {
        return;
    }
    if (zap->socket != NULL) {
        (void)zmq_close(zap->socket); /* fails only on what is no socket */
    }
    free(zap);
}

void *mu_zap_socket(const struct mu_zap *zap)
{
    return zap->socket;
}

/* Reads a question into frames[FRAMES]; frames above are dropped.  Returns how many there were, or
 * -errno; -EAGAIN: there is none. */
static int read_question(struct mu_zap *zap, zmq_msg_t *frames)
{
    int count = 0;
    int more = 1;
    while (more != 0) {
        zmq_msg_t *frame = &frames[count < FRAMES ? count : FRAMES - 1];
        int n = zmq_msg_recv(frame, zap->socket, ZMQ_DONTWAIT);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        more = zmq_msg_more(frame);
        count++;
    }
    return count;
}

static bool equals(zmq_msg_t *frame, const char *text)
{
    size_t bytes = strlen(text);
    return zmq_msg_size(frame) == bytes && memcmp(zmq_msg_data(frame), text, bytes) == 0;
}

/* Whether to let the asker in; then also his name in ret. */
static bool judge(struct mu_zap *zap, zmq_msg_t *frames, int count, char *ret)
{
    char address[ADDRESS_MAX + 1] = "";
    size_t address_bytes = zmq_msg_size(&frames[FRAME_ADDRESS]);
    if (count != FRAMES || !equals(&frames[FRAME_VERSION], "1.0") ||
        !equals(&frames[FRAME_MECHANISM], "CURVE") ||
        zmq_msg_size(&frames[FRAME_KEY]) != MU_PUBLIC_KEY_BYTES) {
        return false;
    }
    if (address_bytes > 0 && address_bytes <= ADDRESS_MAX) {
        memcpy(address, zmq_msg_data(&frames[FRAME_ADDRESS]), address_bytes);
    }
    const uint8_t *key = zmq_msg_data(&frames[FRAME_KEY]);
    mu_public_key_print(key, ret);
    return zap->judge(zap->context, key, address);
}

/* Sends one frame of an answer.  Returns 0 or -errno. */
static int send_frame(struct mu_zap *zap, const void *data, size_t size, bool last)
{
    int n;
    do {
        n = zmq_send(zap->socket, data, size, ZMQ_DONTWAIT | (last ? 0 : ZMQ_SNDMORE));
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

/* Answers (RFC 27, "Reply").  To a connection that is gone already it is dropped. */
static int answer(struct mu_zap *zap, zmq_msg_t *frames, bool let_in, const char *name)
{
    const struct {
        const void *data;
        size_t size;
    } reply[] = {
        { zmq_msg_data(&frames[FRAME_PEER]), zmq_msg_size(&frames[FRAME_PEER]) },
        { "", 0 },
        { "1.0", 3 },
        { zmq_msg_data(&frames[FRAME_REQUEST]), zmq_msg_size(&frames[FRAME_REQUEST]) },
        { let_in ? "200" : "400", 3 },
        { let_in ? "OK" : "no", 2 },
        { name, let_in ? strlen(name) : 0 },
        { "", 0 },
    };
    const size_t count = sizeof reply / sizeof reply[0];
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = send_frame(zap, reply[i].data, reply[i].size, i == count - 1);
    }
    return r;
}

/* Returns 1, 0 when nothing is asked, or -errno. */
static int turn(struct mu_zap *zap)
{
    zmq_msg_t frames[FRAMES];
    char name[MU_PUBLIC_KEY_HEX + 1] = "";
    for (size_t i = 0; i < FRAMES; i++) {
        (void)zmq_msg_init(&frames[i]); /* cannot fail */
    }
    int count = read_question(zap, frames);
    int r = count == -EAGAIN ? 0 : count;
    if (count > FRAME_REQUEST) { /* else it cannot be answered */
        bool let_in = judge(zap, frames, count, name);
        r = answer(zap, frames, let_in, name);
        r = r == 0 ? 1 : r;
    }
    for (size_t i = 0; i < FRAMES; i++) {
        (void)zmq_msg_close(&frames[i]); /* fails only on what is no message */
    }
    return r;
}

int mu_zap_turn(struct mu_zap *zap)
{
    int answered = 0;
    while (answered < MU_ZAP_TURN_MAX) {
        int r = turn(zap);
        if (r <= 0) {
            return r < 0 ? r : answered;
        }
        answered++;
    }
    return answered;
}
