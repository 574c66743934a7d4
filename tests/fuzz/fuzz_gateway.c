/* tests/fuzz/fuzz_gateway.c - arbitrary requests, WebSocket messages and answers through the pure
 * gateway.
 *
 * The input is a series of records: a byte for the kind, one for a parameter, two for the length
 * (little-endian) and as many bytes.  After each, every invariant is checked, and every answer
 * must be valid JSON (but /metrics). */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "gateway/gateway.h"
#include "gateway/json.h"

#define TEXT_MAX 4096

struct fuzz {
    struct mu_gateway *gw;
    struct mu_outbox *out;
    struct mu_decoder *decoder;
    struct mu_config config;
    struct mu_turn turn;
    uint64_t next_id;
    uint64_t socket; /* 0: none is open */
    struct mu_msg msg;
    struct mu_json json;
    char text[TEXT_MAX + 1];
    char path[TEXT_MAX + 1];
    char query[TEXT_MAX + 1];
};

static void check_json(struct fuzz *fuzz, const char *text, size_t bytes)
{
    struct mu_json_error error;
    int r = mu_json_parse(text, bytes, &fuzz->json, &error);
    assert(r == 0);
}

static void on_reply(void *context, uint64_t id, const struct mu_http_reply *reply)
{
    struct fuzz *fuzz = context;
    assert(id > 0 && id <= fuzz->next_id);
    assert(reply->status >= 200 && reply->status <= 599);
    for (uint32_t i = 0; i < reply->headers_count; i++) {
        assert(strpbrk(reply->headers[i].value, "\r\n") == NULL);
        if (strcmp(reply->headers[i].name, "Content-Type") == 0 &&
            strstr(reply->headers[i].value, "json") != NULL) {
            check_json(fuzz, reply->body, reply->body_bytes);
        }
    }
}

static void on_send(void *context, uint64_t socket, const char *text, size_t text_bytes)
{
    struct fuzz *fuzz = context;
    assert(socket == fuzz->socket);
    check_json(fuzz, text, text_bytes);
}

static void on_close(void *context, uint64_t socket, int code, const char *reason)
{
    const struct fuzz *fuzz = context;
    assert(socket == fuzz->socket);
    assert(code >= 4000 && strlen(reason) > 0);
}

static void on_secret(void *context, uint8_t *ret, size_t bytes)
{
    (void)context;
    memset(ret, 7, bytes);
}

static void create(struct fuzz *fuzz, bool keys)
{
    mu_config_default(&fuzz->config);
    fuzz->config.settings.connections_max = 10;
    if (!keys) { /* rate tables are what takes longest to make, and are of no use then */
        fuzz->config.settings.rate_ip_per_minute = 0;
        fuzz->config.settings.rate_player_per_hour = 0;
    } else {
        fuzz->config.keys_count = 1;
        fuzz->config.keys[0] = (struct mu_api_key){
            .id = "k",
            .role = MU_ROLE_BACKEND,
            .hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        };
    }
    const struct mu_actor_env env = {
        .partition = "", .seed = 1, .incarnation = 9, .config = &fuzz->config
    };
    const struct mu_edge edge = { fuzz, on_reply, on_send, on_close };
    const struct mu_secrets secrets = { fuzz, on_secret };
    fuzz->gw = mu_gateway_create(&env, &edge, &secrets);
    if (fuzz->gw == NULL) {
        abort();
    }
    fuzz->turn = (struct mu_turn){ 1000, 1795500000000, fuzz->out };
}

/* "path\0query\0body", or what there is of it. */
static void request(struct fuzz *fuzz, uint8_t parameter, size_t size)
{
    size_t path_bytes = strlen(fuzz->text);
    size_t query_at = path_bytes < size ? path_bytes + 1 : size;
    size_t query_bytes = strlen(fuzz->text + query_at);
    size_t body_at = query_at + query_bytes < size ? query_at + query_bytes + 1 : size;
    memcpy(fuzz->path, fuzz->text, path_bytes + 1);
    memcpy(fuzz->query, fuzz->text + query_at, query_bytes + 1);
    struct mu_http_request request = {
        .id = ++fuzz->next_id,
        .method = (enum mu_http_method)(parameter % 7),
        .admin = parameter >= 240,
        .path = fuzz->path,
        .query = fuzz->query,
        .address = "192.0.2.7",
        .authorization = parameter % 3 == 0 ? fuzz->query : "",
        .content_type = "application/json",
        .idempotency_key = parameter % 5 == 0 ? fuzz->query : "",
        .origin = parameter % 11 == 0 ? "http://localhost:1" : "",
        .traceparent = parameter % 13 == 0 ? fuzz->query : "",
        .request_method = "",
        .body = (const uint8_t *)fuzz->text + body_at,
        .body_bytes = size - body_at,
    };
    mu_gateway_request(fuzz->gw, &fuzz->turn, &request);
}

static void open_socket(struct fuzz *fuzz)
{
    if (fuzz->socket != 0) {
        uint64_t socket = fuzz->socket;
        mu_gateway_socket_closed(fuzz->gw, &fuzz->turn, socket);
        fuzz->socket = 0;
        return;
    }
    struct mu_http_request upgrade = {
        .id = ++fuzz->next_id,
        .path = "/ws",
        .query = "",
        .address = "192.0.2.7",
        .authorization = "",
        .content_type = "",
        .idempotency_key = "",
        .origin = "",
        .traceparent = "",
        .request_method = "",
    };
    if (mu_gateway_socket_open(fuzz->gw, &fuzz->turn, upgrade.id, &upgrade)) {
        fuzz->socket = upgrade.id;
    }
}

/* What is stored as JSON text was checked when it came in, and is trusted when it comes back. */
static void make_json(struct mu_msg *msg)
{
    static const char object[] = "{}";
    if (msg->op == MU_OP_PLAYER) {
        memcpy(msg->player.preferences, object, sizeof object);
    } else if (msg->op == MU_OP_LOBBY) {
        memcpy(msg->lobby.settings, object, sizeof object);
        memcpy(msg->lobby.custom_rules, object, sizeof object);
    }
}

/* Two bytes of op, then its body: as an answer to one of the requests, or as an event. */
static void message(struct fuzz *fuzz, uint8_t parameter, size_t size, bool event)
{
    if (size < 2) {
        return;
    }
    uint32_t op = (uint8_t)fuzz->text[0] | (uint32_t)(uint8_t)fuzz->text[1] << 8;
    if (mu_msg_decode(fuzz->decoder, op, (const uint8_t *)fuzz->text + 2, size - 2, &fuzz->msg) !=
        0) {
        return;
    }
    struct mu_msg_envelope envelope = {
        .version = 1,
        .frame = event ? MU_FRAME_EVENT : MU_FRAME_REPLY,
        .op = op,
        .source = "#1",
        .answers_incarnation = 9,
        .answers_sequence = fuzz->out->sequence - parameter % 4u,
    };
    fuzz->msg.op = (enum mu_op)op;
    make_json(&fuzz->msg);
    mu_gateway_message(fuzz->gw, &fuzz->turn, &envelope, &fuzz->msg);
}

static void run(struct fuzz *fuzz, uint8_t kind, uint8_t parameter, size_t size)
{
    struct mu_slice slice = { (const uint8_t *)fuzz->text, (uint32_t)size };
    switch (kind % 7) {
    case 0: request(fuzz, parameter, size); break;
    case 1: open_socket(fuzz); break;
    case 2:
        if (fuzz->socket != 0) {
            mu_gateway_socket_text(fuzz->gw, &fuzz->turn, fuzz->socket, slice);
        }
        break;
    case 3: message(fuzz, parameter, size, false); break;
    case 4: message(fuzz, parameter, size, true); break;
    case 5:
        fuzz->turn.now_ms += (int64_t)parameter * 20;
        fuzz->turn.wall_ms += (int64_t)parameter * 20;
        mu_gateway_tick(fuzz->gw, &fuzz->turn);
        break;
    case 6: mu_gateway_request_gone(fuzz->gw, parameter); break;
    }
    mu_gateway_check(fuzz->gw);
    if (mu_outbox_full(fuzz->out)) {
        mu_outbox_clear(fuzz->out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz *fuzz; /* what is large and keeps nothing is made once */
    if (fuzz == NULL) {
        fuzz = calloc(1, sizeof *fuzz);
        fuzz->out = mu_outbox_create(9);
        fuzz->decoder = mu_decoder_create();
    }
    mu_outbox_clear(fuzz->out);
    fuzz->out->sequence = 0;
    fuzz->next_id = 0;
    fuzz->socket = 0;
    create(fuzz, size > 0 && data[0] % 2 == 1);
    size_t at = 1;
    for (int records = 0; at + 4 <= size && records < 64; records++) {
        uint8_t kind = data[at];
        uint8_t parameter = data[at + 1];
        size_t bytes = data[at + 2] | (size_t)data[at + 3] << 8;
        at += 4;
        bytes = bytes > size - at ? size - at : bytes;
        bytes = bytes > TEXT_MAX ? TEXT_MAX : bytes;
        memcpy(fuzz->text, data + at, bytes);
        fuzz->text[bytes] = '\0';
        at += bytes;
        run(fuzz, kind, parameter, bytes);
    }
    mu_gateway_destroy(fuzz->gw);
    return 0;
}
