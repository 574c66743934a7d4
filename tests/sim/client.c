/* tests/sim/client.c - the lossy way between a client and its gateway. */
#include "client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "gate.h"

enum {
    TIMEOUT_MS = 6000,   /* of an attempt, as the client sees it */
    SCRIPTED_MS = 10000, /* the same of a scripted client: longer than a gateway's budget */
    BACKOFF_MS = 300,
    TRIP_MS = 20,
};

struct client *client_add(struct sim *sim, const char *name, void *self)
{
    assert(sim->clients_count < SIM_CLIENTS_MAX);
    struct client *client = calloc(1, sizeof *client);
    assert(client != NULL);
    client->index = sim->clients_count;
    client->self = self;
    client->ask.retry_ms = MU_NEVER;
    client->wake_ms = sim->now_ms + sim_below(sim, 3000);
    client->gateway = gate_pick(sim);
    (void)snprintf(client->name, sizeof client->name, "%s", name);
    sim->clients[sim->clients_count++] = client;
    return client;
}

void client_destroy(struct client *client)
{
    free(client->self);
    free(client);
}

static bool lost(struct sim *sim)
{
    return sim_faulty(sim) && sim_chance(sim, sim->faults.client_ppm);
}

static int64_t trip(struct sim *sim)
{
    return sim->now_ms + 1 + sim_below(sim, TRIP_MS);
}

static void at_gateway(struct sim *sim, struct item *item)
{
    struct node *node = &sim->nodes[item->node];
    if (node->up && node->life == item->life) {
        gate_request(sim, node, (const struct ask *)(const void *)item->bytes);
    }
}

/* In the strict time each request gets its answer at once. */
static void check_answered(struct sim *sim, const struct client *client)
{
    const struct ask *ask = &client->ask;
    int64_t strict_ms = sim->strict_ms > sim->excused_ms ? sim->strict_ms : sim->excused_ms;
    if (ask->attempts > 0 && ask->since_ms >= strict_ms && ask->first_status == 0) {
        sim_fail(sim, "%s: %s %s is asked again", client->name, gate_method(ask->method),
                 ask->path);
    }
}

/* One attempt.  The same key goes with all of them. */
void client_attempt(struct sim *sim, struct client *client)
{
    struct ask *ask = &client->ask;
    check_answered(sim, client);
    ask->since_ms = ask->attempts == 0 ? sim->now_ms : ask->since_ms;
    if (!client->scripted && sim_below(sim, 4) == 0) {
        client->gateway = gate_pick(sim); /* a load balancer sends it elsewhere */
    }
    ask->id = sim->next_socket++ * SIM_CLIENTS_MAX + client->index;
    ask->attempts++;
    ask->retry_ms = sim->now_ms + (client->scripted ? SCRIPTED_MS : TIMEOUT_MS);
    sim_trace(sim, client->name, "%s %s %s", gate_method(ask->method), ask->path, ask->body);
    if (lost(sim)) {
        return;
    }
    const struct node *node = &sim->nodes[client->gateway];
    int copies = lost(sim) ? 2 : 1; /* an impatient proxy sends it twice */
    for (; copies > 0; copies--) {
        struct item *item = agenda_add(&sim->agenda, trip(sim), ask, sizeof *ask, NULL, 0);
        item->run = at_gateway;
        item->node = client->gateway;
        item->life = node->life;
        struct ask *sent = (struct ask *)(void *)item->bytes;
        if (copies > 1) { /* its answer reaches nobody */
            sent->id = sim->next_socket++ * SIM_CLIENTS_MAX + client->index;
        }
    }
}

static void prepare(struct ask *ask, uint32_t kind, enum mu_http_method method, const char *path,
                    const char *body)
{
    assert(ask->retry_ms == MU_NEVER);
    ask->kind = kind;
    ask->method = method;
    ask->attempts = 0;
    ask->query[0] = '\0';
    (void)snprintf(ask->path, sizeof ask->path, "%s", path);
    (void)snprintf(ask->body, sizeof ask->body, "%s", body);
    ask->key[0] = '\0';
}

void client_ask(struct sim *sim, struct client *client, uint32_t kind, enum mu_http_method method,
                const char *path, const char *body)
{
    prepare(&client->ask, kind, method, path, body);
    client_attempt(sim, client);
}

void client_ask_once(struct sim *sim, struct client *client, uint32_t kind, const char *path,
                     const char *body)
{
    struct ask *ask = &client->ask;
    prepare(ask, kind, MU_HTTP_POST, path, body);
    (void)snprintf(ask->key, sizeof ask->key, "k%u-%llu", client->index,
                   (unsigned long long)sim->next_socket);
    client_attempt(sim, client);
}

bool client_asking(const struct client *client)
{
    return client->ask.retry_ms != MU_NEVER;
}

/* What tells two answers apart: the code of a refusal, or the first id that was made. */
static void word_of(const char *text, char ret[64])
{
    static const char *const marks[] = { "\"code\":\"", "tkt_", "mch_", "lob_", "srv_", "ply_" };
    ret[0] = '\0';
    for (size_t i = 0; i < sizeof marks / sizeof marks[0] && ret[0] == '\0'; i++) {
        const char *at = strstr(text, marks[i]);
        if (at != NULL) {
            at += i == 0 ? strlen(marks[0]) : 0;
            (void)snprintf(ret, 64, "%.*s", (int)strcspn(at, "\""), at);
        }
    }
}

/* Same key, same answer: now and then a client asks once more what was answered for good.
 * Returns whether it does, and the answer has to wait. */
static bool ask_once_more(struct sim *sim, struct client *client, int status, const char *text)
{
    struct ask *ask = &client->ask;
    char word[sizeof ask->first_word];
    bool stored = (status >= 200 && status < 300) || status == 409;
    word_of(text, word);
    if (ask->first_status != 0) {
        if (ask->first_status != status || strcmp(ask->first_word, word) != 0) {
            sim_fail(sim, "%s: key %s was answered %d %s, and then %d %s", client->name, ask->key,
                     ask->first_status, ask->first_word, status, word);
        }
        ask->first_status = 0;
        return false;
    }
    if (ask->key[0] == '\0' || client->scripted || !stored || sim_below(sim, 8) != 0) {
        return false;
    }
    ask->first_status = status;
    memcpy(ask->first_word, word, sizeof word);
    ask->id = 0;
    ask->retry_ms = sim->now_ms + 1 + sim_below(sim, BACKOFF_MS);
    return true;
}

/* An answer arrives: header = status and id, then the body. */
static void at_client(struct sim *sim, struct item *item)
{
    static struct mu_json json; /* 300 KB: too large for a stack */
    struct client *client = sim->clients[item->peer];
    if (client->ask.id != item->life || !client_asking(client)) {
        return; /* of an attempt that was given up */
    }
    int status = (int)item->node;
    const char *text = (const char *)item->bytes;
    sim_trace(sim, client->name, "<- %d %.*s", status, (int)item->sizes[0], text);
    if (!client->scripted && (status >= 500 || status == 429)) {
        if (strstr(text, "\"code\":\"NO_SERVER\"") != NULL) {
            client->ask.since_ms = 0; /* the cluster works, but for servers: nobody is to blame */
        }
        client->ask.id = 0;
        client->ask.retry_ms = sim->now_ms + BACKOFF_MS + sim_below(sim, BACKOFF_MS);
        return;
    }
    if (ask_once_more(sim, client, status, text)) {
        return;
    }
    client->ask.retry_ms = MU_NEVER;
    client->ask.id = 0;
    struct mu_json_error error;
    bool parsed = mu_json_parse(text, item->sizes[0], &json, &error) == 0;
    if (!parsed && item->sizes[0] > 0) {
        sim_fail(sim, "%s: an answer is not JSON: %.*s", client->name, 80, text);
    }
    client->answer(sim, client, status, parsed ? &json : NULL);
}

void client_reply(struct sim *sim, uint64_t id, const struct mu_http_reply *reply)
{
    if (lost(sim)) {
        return;
    }
    struct item *item =
        agenda_add(&sim->agenda, trip(sim), reply->body, (uint32_t)reply->body_bytes, NULL, 0);
    item->run = at_client;
    item->node = (uint32_t)reply->status;
    item->peer = (uint32_t)(id % SIM_CLIENTS_MAX);
    item->life = id;
}

/* WebSocket: ordered and reliable until it is cut. */

static int64_t in_order(struct sim *sim, struct client *client)
{
    int64_t at = trip(sim);
    client->text_ms = at > client->text_ms ? at : client->text_ms;
    return client->text_ms;
}

static void open_at_gateway(struct sim *sim, struct item *item)
{
    struct node *node = &sim->nodes[item->node];
    struct client *client = sim->clients[item->peer];
    uint64_t socket;
    memcpy(&socket, item->bytes, sizeof socket);
    if (client->socket != socket) {
        return;
    }
    if (!node->up || node->life != item->life || !gate_socket_open(sim, node, socket)) {
        client_cut(sim, client->index, socket);
    }
}

void client_dial(struct sim *sim, struct client *client)
{
    assert(client->socket == 0);
    if (!client->scripted) {
        client->gateway = gate_pick(sim);
    }
    const struct node *node = &sim->nodes[client->gateway];
    if (!node->up) {
        return;
    }
    client->socket = sim->next_socket++ * SIM_CLIENTS_MAX + client->index;
    client->socket_life = node->life;
    struct item *item = agenda_add(&sim->agenda, in_order(sim, client), &client->socket,
                                   sizeof client->socket, NULL, 0);
    item->run = open_at_gateway;
    item->node = client->gateway;
    item->peer = client->index;
    item->life = node->life;
}

static void text_at_gateway(struct sim *sim, struct item *item)
{
    struct node *node = &sim->nodes[item->node];
    uint64_t socket;
    memcpy(&socket, item->bytes, sizeof socket);
    if (node->up && node->life == item->life && sim->clients[item->peer]->socket == socket) {
        gate_socket_text(sim, node, socket, (const char *)item->bytes + sizeof socket,
                         item->sizes[1]);
    }
}

static uint32_t gateway_of_socket(const struct sim *sim, const struct client *client)
{
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        if (sim->nodes[i].up && sim->nodes[i].life == client->socket_life) {
            return i;
        }
    }
    return SIM_NOBODY;
}

void client_say(struct sim *sim, struct client *client, const char *text)
{
    uint32_t gateway = gateway_of_socket(sim, client);
    if (client->socket == 0 || gateway == SIM_NOBODY) {
        return;
    }
    sim_trace(sim, client->name, "says %s", text);
    struct item *item = agenda_add(&sim->agenda, in_order(sim, client), &client->socket,
                                   sizeof client->socket, text, (uint32_t)strlen(text));
    item->run = text_at_gateway;
    item->node = gateway;
    item->peer = client->index;
    item->life = client->socket_life;
}

static void text_at_client(struct sim *sim, struct item *item)
{
    static struct mu_json json;
    struct client *client = sim->clients[item->peer];
    if (client->socket != item->life) {
        return;
    }
    sim_trace(sim, client->name, "hears %.*s", (int)item->sizes[0], (const char *)item->bytes);
    struct mu_json_error error;
    if (mu_json_parse((const char *)item->bytes, item->sizes[0], &json, &error) != 0) {
        sim_fail(sim, "%s: a message is not JSON: %s", client->name, error.detail);
        return;
    }
    client->text(sim, client, &json);
}

void client_hear(struct sim *sim, uint64_t socket, const char *text, size_t text_bytes)
{
    struct client *client = sim->clients[socket % SIM_CLIENTS_MAX];
    if (client->socket != socket) {
        return;
    }
    struct item *item =
        agenda_add(&sim->agenda, in_order(sim, client), text, (uint32_t)text_bytes, NULL, 0);
    item->run = text_at_client;
    item->peer = client->index;
    item->life = socket;
}

/* The client's end learns that the connection is gone. */
void client_cut(struct sim *sim, uint32_t index, uint64_t socket)
{
    struct client *client = sim->clients[index];
    if (client->socket == socket && socket != 0) {
        client->socket = 0;
        client->hung_up(sim, client);
    }
}

void client_hang_up(struct sim *sim, struct client *client)
{
    uint64_t socket = client->socket;
    uint32_t gateway = gateway_of_socket(sim, client);
    if (socket == 0) {
        return;
    }
    sim_trace(sim, client->name, "its WebSocket is cut");
    client_cut(sim, client->index, socket);
    if (gateway != SIM_NOBODY) {
        gate_socket_closed(sim, &sim->nodes[gateway], socket);
    }
}

void client_gateway_gone(struct sim *sim, uint32_t node)
{
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        struct client *client = sim->clients[i];
        if (client->socket != 0 && client->socket_life == sim->nodes[node].life) {
            client_cut(sim, i, client->socket);
        }
    }
}

int64_t client_deadline(const struct client *client)
{
    return client->ask.retry_ms < client->wake_ms ? client->ask.retry_ms : client->wake_ms;
}

void client_run(struct sim *sim, struct client *client)
{
    if (client->ask.retry_ms <= sim->now_ms && client->scripted) {
        client->ask.id = 0;
        client->ask.retry_ms = MU_NEVER;
        client->answer(sim, client, 0, NULL);
    } else if (client->ask.retry_ms <= sim->now_ms) {
        client_attempt(sim, client);
    }
    if (client->wake_ms <= sim->now_ms) {
        client->wake_ms = sim->now_ms + 200 + sim_below(sim, 400);
        client->think(sim, client);
    }
}

uint32_t json_at(const struct mu_json *json, const char *first, const char *second)
{
    uint32_t node = json == NULL ? MU_JSON_NONE : mu_json_member(json, 0, first);
    if (node == MU_JSON_NONE || second == NULL) {
        return node;
    }
    return json->nodes[node].type == MU_JSON_OBJECT ? mu_json_member(json, node, second)
                                                    : MU_JSON_NONE;
}

const char *json_text(const struct mu_json *json, uint32_t node, const char *key)
{
    if (json == NULL || node == MU_JSON_NONE || json->nodes[node].type != MU_JSON_OBJECT) {
        return "";
    }
    uint32_t at = mu_json_member(json, node, key);
    return at != MU_JSON_NONE && json->nodes[at].type == MU_JSON_STRING ? json->nodes[at].text : "";
}
