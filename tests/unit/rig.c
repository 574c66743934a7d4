#include "tests/unit/rig.h"

#include <string.h>

#include "gateway/access.h"

static void on_reply(void *context, uint64_t id, const struct mu_http_reply *reply)
{
    struct rig *rig = context;
    size_t used = 0;
    rig->replies++;
    rig->reply_id = id;
    rig->status = reply->status;
    rig->headers[0] = '\0';
    for (uint32_t i = 0; i < reply->headers_count; i++) {
        used += (size_t)snprintf(rig->headers + used, sizeof rig->headers - used, "%s: %s\n",
                                 reply->headers[i].name, reply->headers[i].value);
        assert_true(used < sizeof rig->headers);
    }
    assert_true(reply->body_bytes < RIG_BODY_MAX);
    memcpy(rig->body, reply->body, reply->body_bytes);
    rig->body[reply->body_bytes] = '\0';
    rig->body_bytes = reply->body_bytes;
}

static void on_send(void *context, uint64_t socket, const char *text, size_t text_bytes)
{
    struct rig *rig = context;
    uint32_t i = rig->sends++ % RIG_SENDS_MAX;
    assert_true(text_bytes < sizeof rig->send_text[0]);
    rig->send_socket[i] = socket;
    memcpy(rig->send_text[i], text, text_bytes);
    rig->send_text[i][text_bytes] = '\0';
}

static void on_close(void *context, uint64_t socket, int code, const char *reason)
{
    struct rig *rig = context;
    assert_true(strlen(reason) > 0);
    rig->close_socket = socket;
    rig->close_code = code;
}

static void on_secret(void *context, uint8_t *ret, size_t bytes)
{
    struct rig *rig = context;
    memset(ret, ++rig->next_secret, bytes);
}

static void add_key(struct mu_config *config, const char *id, enum mu_role role, const char *secret)
{
    struct mu_api_key *key = &config->keys[config->keys_count++];
    (void)snprintf(key->id, sizeof key->id, "%s", id);
    key->role = role;
    mu_access_hash(secret, key->hash);
}

struct rig *rig_create(uint64_t seed, bool keys)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->body = malloc(RIG_BODY_MAX);
    rig->out = mu_outbox_create(77);
    rig->decoder = mu_decoder_create();
    assert_non_null(rig->body);
    assert_non_null(rig->out);
    assert_non_null(rig->decoder);
    mu_config_default(&rig->config);
    if (keys) {
        add_key(&rig->config, "shop", MU_ROLE_BACKEND, "0123456789abcdef");
        add_key(&rig->config, "ops", MU_ROLE_OPERATOR, "fedcba9876543210");
        (void)snprintf(rig->config.origins[0], sizeof rig->config.origins[0],
                       "https://game.example");
        rig->config.origins_count = 1;
    }
    rig->now_ms = 1000000;
    rig->wall_ms = RIG_WALL_MS;
    struct mu_actor_env env = {
        .partition = "",
        .name = RIG_NAME,
        .seed = seed,
        .incarnation = 77,
        .config = &rig->config,
    };
    struct mu_edge edge = { rig, on_reply, on_send, on_close };
    struct mu_secrets secrets = { rig, on_secret };
    rig->gw = mu_gateway_create(&env, &edge, &secrets);
    assert_non_null(rig->gw);
    return rig;
}

void rig_destroy(struct rig *rig)
{
    mu_gateway_check(rig->gw);
    mu_gateway_destroy(rig->gw);
    mu_outbox_destroy(rig->out);
    mu_decoder_destroy(rig->decoder);
    free(rig->body);
    free(rig);
}

struct mu_turn rig_turn(struct rig *rig)
{
    return (struct mu_turn){ rig->now_ms, rig->wall_ms, rig->out };
}

struct mu_http_request rig_request(struct rig *rig, enum mu_http_method method, const char *path,
                                   const char *body)
{
    return (struct mu_http_request){
        .id = ++rig->next_id,
        .method = method,
        .path = path,
        .query = "",
        .address = "192.0.2.7",
        .authorization = "",
        .content_type = body == NULL ? "" : "application/json",
        .idempotency_key = "",
        .origin = "",
        .traceparent = "",
        .request_method = "",
        .body = (const uint8_t *)body,
        .body_bytes = body == NULL ? 0 : strlen(body),
    };
}

void rig_send(struct rig *rig, const struct mu_http_request *request)
{
    struct mu_turn turn = rig_turn(rig);
    mu_gateway_request(rig->gw, &turn, request);
    mu_gateway_check(rig->gw);
}

void rig_call(struct rig *rig, enum mu_http_method method, const char *path, const char *body)
{
    struct mu_http_request request = rig_request(rig, method, path, body);
    rig_send(rig, &request);
}

uint32_t rig_count(const struct rig *rig)
{
    return rig->out->count;
}

void rig_clear(struct rig *rig)
{
    mu_outbox_clear(rig->out);
}

const struct mu_msg_envelope *rig_sent(struct rig *rig, uint32_t i)
{
    assert_true(i < rig->out->count);
    const struct mu_outbox_entry *entry = &rig->out->entries[i];
    int r = mu_msg_decode(rig->decoder, (uint32_t)entry->envelope.op,
                          rig->out->bytes + entry->offset, entry->size, &rig->msg);
    assert_int_equal(r, 0);
    return &entry->envelope;
}

const struct mu_msg_envelope *rig_asked(struct rig *rig, enum mu_op op, const char *to)
{
    assert_int_equal(rig->out->count, 1);
    const struct mu_msg_envelope *envelope = rig_sent(rig, 0);
    assert_int_equal(envelope->op, op);
    assert_string_equal(envelope->destination, to);
    assert_int_equal(envelope->frame, MU_FRAME_REQUEST);
    return envelope;
}

void rig_message(struct rig *rig, const struct mu_msg_envelope *envelope)
{
    struct mu_turn turn = rig_turn(rig);
    mu_gateway_message(rig->gw, &turn, envelope, &rig->answer);
    mu_gateway_check(rig->gw);
}

void rig_answer(struct rig *rig, uint32_t i)
{
    assert_true(i < rig->out->count);
    const struct mu_msg_envelope *request = &rig->out->entries[i].envelope;
    struct mu_msg_envelope reply = {
        .version = 1,
        .frame = MU_FRAME_REPLY,
        .op = rig->answer.op,
        .source = "#0000000000000001",
        .incarnation = 1,
        .sequence = 1,
        .answers_incarnation = request->incarnation,
        .answers_sequence = request->sequence,
    };
    rig_clear(rig);
    rig_message(rig, &reply);
}

void rig_answer_error(struct rig *rig, uint32_t i, enum mu_error error, const char *detail)
{
    rig->answer.op = MU_OP_ERROR;
    rig->answer.error = (struct mu_msg_error){ .code = error };
    (void)snprintf(rig->answer.error.detail, sizeof rig->answer.error.detail, "%s", detail);
    rig_answer(rig, i);
}

void rig_pass(struct rig *rig, int64_t ms)
{
    int64_t until_ms = rig->now_ms + ms;
    while (mu_gateway_deadline(rig->gw) <= until_ms) {
        int64_t deadline_ms = mu_gateway_deadline(rig->gw);
        if (deadline_ms > rig->now_ms) {
            rig->wall_ms += deadline_ms - rig->now_ms;
            rig->now_ms = deadline_ms;
        }
        struct mu_turn turn = rig_turn(rig);
        mu_gateway_tick(rig->gw, &turn);
        mu_gateway_check(rig->gw);
    }
    rig->wall_ms += until_ms - rig->now_ms;
    rig->now_ms = until_ms;
}

uint64_t rig_open(struct rig *rig)
{
    struct mu_http_request upgrade = rig_request(rig, MU_HTTP_GET, "/v1/ws", NULL);
    struct mu_turn turn = rig_turn(rig);
    assert_true(mu_gateway_socket_open(rig->gw, &turn, upgrade.id, &upgrade));
    mu_gateway_check(rig->gw);
    return upgrade.id;
}

void rig_text(struct rig *rig, uint64_t socket, const char *text)
{
    struct mu_turn turn = rig_turn(rig);
    struct mu_slice slice = { (const uint8_t *)text, (uint32_t)strlen(text) };
    mu_gateway_socket_text(rig->gw, &turn, socket, slice);
    mu_gateway_check(rig->gw);
}

static void parse(struct rig *rig, const char *text, size_t bytes)
{
    struct mu_json_error error;
    int r = mu_json_parse(text, bytes, &rig->json, &error);
    if (r != 0) {
        (void)fprintf(stderr, "not JSON (%s): %s\n", error.detail, text);
    }
    assert_int_equal(r, 0);
}

void rig_socket_json(struct rig *rig, uint32_t from_last)
{
    assert_true(rig->sends > from_last);
    const char *text = rig->send_text[(rig->sends - 1 - from_last) % RIG_SENDS_MAX];
    (void)snprintf(rig->body, RIG_BODY_MAX, "%s", text);
    rig->body_bytes = strlen(text);
}

const struct mu_json_node *rig_at(struct rig *rig, const char *path)
{
    parse(rig, rig->body, rig->body_bytes);
    uint32_t node = 0;
    while (*path != '\0') {
        char key[64];
        size_t n = strcspn(path, ".");
        assert_true(n < sizeof key);
        (void)snprintf(key, sizeof key, "%.*s", (int)n, path);
        path += n + (path[n] == '.' ? 1 : 0);
        if (rig->json.nodes[node].type == MU_JSON_ARRAY) {
            uint64_t index = 0;
            assert_int_equal(mu_parse_u64(key, 0, 1000, &index), 0);
            node = rig->json.nodes[node].first;
            for (; index > 0 && node != MU_JSON_NONE; index--) {
                node = rig->json.nodes[node].next;
            }
        } else {
            assert_int_equal(rig->json.nodes[node].type, MU_JSON_OBJECT);
            node = mu_json_member(&rig->json, node, key);
        }
        if (node == MU_JSON_NONE) {
            (void)fprintf(stderr, "no %s in %s\n", key, rig->body);
            return NULL;
        }
    }
    return &rig->json.nodes[node];
}

void rig_expect_text(struct rig *rig, const char *path, const char *value)
{
    const struct mu_json_node *node = rig_at(rig, path);
    assert_non_null(node);
    assert_int_equal(node->type, MU_JSON_STRING);
    assert_string_equal(node->text, value);
}

void rig_expect_number(struct rig *rig, const char *path, double value)
{
    const struct mu_json_node *node = rig_at(rig, path);
    assert_non_null(node);
    assert_true(node->type == MU_JSON_INTEGER || node->type == MU_JSON_REAL);
    assert_true(node->real >= value - 1e-9 && node->real <= value + 1e-9);
}

void rig_expect_status(struct rig *rig, int status, const char *code)
{
    if (rig->status != status) {
        (void)fprintf(stderr, "%d: %s\n", rig->status, rig->body);
    }
    assert_int_equal(rig->status, status);
    if (code != NULL) {
        assert_true(rig_header(rig, "Content-Type: application/problem+json"));
        rig_expect_text(rig, "code", code);
        rig_expect_number(rig, "status", status);
    }
}

bool rig_header(const struct rig *rig, const char *line)
{
    const char *at = strstr(rig->headers, line);
    return at != NULL && (at == rig->headers || at[-1] == '\n') && at[strlen(line)] == '\n';
}

void rig_fill_match(struct rig *rig, enum mu_match_state match_state, uint32_t teams,
                    uint32_t players)
{
    struct mu_msg_match *match = &rig->answer.match;
    rig->answer.op = MU_OP_MATCH;
    memset(match, 0, sizeof *match);
    (void)snprintf(match->id, sizeof match->id, RIG_MATCH);
    (void)snprintf(match->mode, sizeof match->mode, "ranked");
    (void)snprintf(match->region, sizeof match->region, "eu-west-1");
    match->state = match_state;
    match->teams = teams;
    match->players_count = players;
    match->quality = 0.75;
    match->created_ms = RIG_WALL_MS;
    for (uint32_t i = 0; i < players; i++) {
        (void)snprintf(match->players[i].id, sizeof match->players[i].id, "ply_%u", i);
        (void)snprintf(match->players[i].username, sizeof match->players[i].username, "p%u", i);
        match->players[i].rating = 1200;
        match->players[i].team = teams == 1 ? 0 : i % teams;
    }
}
