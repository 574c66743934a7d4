/* tests/unit/rig.h - the pure gateway between a recording edge and the test as all its actors.
 *
 * Allocated once a test; each call advances nothing by itself: the test sets rig->now_ms. */
#ifndef MU_TESTS_UNIT_RIG_H
#define MU_TESTS_UNIT_RIG_H

#include "tests/unit/unit.h"

#include "core/config.h"
#include "core/outbox.h"
#include "gateway/gateway.h"
#include "gateway/json.h"

#define RIG_BODY_MAX  (2 * 1024 * 1024)
#define RIG_SENDS_MAX 64
#define RIG_NAME      "gateway-0"
#define RIG_WALL_MS   INT64_C(1795500000123) /* 2026-11-24T06:00:00.123Z */

struct rig {
    struct mu_gateway *gw;
    struct mu_outbox *out;
    struct mu_decoder *decoder;
    struct mu_config config;
    int64_t now_ms;
    int64_t wall_ms;
    uint64_t next_id; /* of requests and sockets */
    uint8_t next_secret;
    /* The last HTTP answer. */
    uint32_t replies; /* in all */
    uint64_t reply_id;
    int status;
    char headers[2048]; /* "Name: value\n"... */
    char *body;         /* [RIG_BODY_MAX], with a NUL */
    size_t body_bytes;
    /* WebSocket output, oldest first. */
    uint32_t sends;
    uint64_t send_socket[RIG_SENDS_MAX];
    char send_text[RIG_SENDS_MAX][4096];
    int close_code; /* of the last close; 0: none */
    uint64_t close_socket;
    struct mu_msg msg;    /* the last message decoded by rig_sent() */
    struct mu_msg answer; /* for the test to fill */
    struct mu_json json;
};

/* A gateway with the default configuration; `keys`: with the keys below. */
struct rig *rig_create(uint64_t seed, bool keys);
void rig_destroy(struct rig *rig);

#define RIG_BACKEND_KEY  "mu_shop_0123456789abcdef"
#define RIG_OPERATOR_KEY "mu_ops_fedcba9876543210"

struct mu_turn rig_turn(struct rig *rig);

/* A request as a client with curl would make it; change fields, then rig_send().  */
struct mu_http_request rig_request(struct rig *rig, enum mu_http_method method, const char *path,
                                   const char *body);
void rig_send(struct rig *rig, const struct mu_http_request *request);

/* Both at once, from a client without credentials. */
void rig_call(struct rig *rig, enum mu_http_method method, const char *path, const char *body);

/* Messages on the bus since the last rig_clear(). */
uint32_t rig_count(const struct rig *rig);
void rig_clear(struct rig *rig);

/* Decodes message `i` into rig->msg and returns its envelope. */
const struct mu_msg_envelope *rig_sent(struct rig *rig, uint32_t i);

/* Checks that one message is on the bus, of `op`, to `to`; decodes it. */
const struct mu_msg_envelope *rig_asked(struct rig *rig, enum mu_op op, const char *to);

/* Answers message `i` with rig->answer, forgets the messages, and checks the gateway. */
void rig_answer(struct rig *rig, uint32_t i);
void rig_answer_error(struct rig *rig, uint32_t i, enum mu_error error, const char *detail);

/* An event or a reply out of nowhere. */
void rig_message(struct rig *rig, const struct mu_msg_envelope *envelope);

/* Lets time pass to now_ms + ms, ticking at each deadline. */
void rig_pass(struct rig *rig, int64_t ms);

/* WebSockets. */
uint64_t rig_open(struct rig *rig);
void rig_text(struct rig *rig, uint64_t socket, const char *text);

/* Checks of the last answer's JSON: the value at a path of keys and indices, "a.b.0.c". */
const struct mu_json_node *rig_at(struct rig *rig, const char *path);
void rig_expect_text(struct rig *rig, const char *path, const char *value);
void rig_expect_number(struct rig *rig, const char *path, double value);
void rig_expect_status(struct rig *rig, int status, const char *code);
bool rig_header(const struct rig *rig, const char *line);

/* Fills rig->answer with match RIG_MATCH of so many players ("ply_0"...), dealt to the teams. */
#define RIG_MATCH "mch_01ARYZ6S41TSV4RRFFQ69G5FAV"
void rig_fill_match(struct rig *rig, enum mu_match_state match_state, uint32_t teams,
                    uint32_t players);

/* Parses a WebSocket message that was sent, counted from the last (0). */
void rig_socket_json(struct rig *rig, uint32_t from_last);

#endif /* MU_TESTS_UNIT_RIG_H */
