/* tests/sim/gate.c - a gateway node: the pure gateway behind simulated sockets. */
#include "gate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway.h"

uint32_t gate_pick(struct sim *sim)
{
    uint32_t gateways[SIM_NODES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        if (sim->nodes[i].ops == NULL) {
            gateways[count++] = i;
        }
    }
    assert(count > 0);
    return gateways[sim_below(sim, count)];
}

const char *gate_method(enum mu_http_method method)
{
    static const char *const names[] = {
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"
    };
    return names[method];
}

static struct mu_turn turn_of(struct sim *sim, struct node *node)
{
    return (struct mu_turn){
        .now_ms = sim->now_ms,
        .wall_ms = sim_wall(sim),
        .out = node->out,
    };
}

static void reply(void *context, uint64_t id, const struct mu_http_reply *reply)
{
    struct node *node = context;
    client_reply(node->sim, id, reply);
}

static void send(void *context, uint64_t socket, const char *text, size_t text_bytes)
{
    struct node *node = context;
    client_hear(node->sim, socket, text, text_bytes);
}

/* The gateway hears of the end a moment later, as from the transport. */
static void closed(struct sim *sim, struct item *item)
{
    struct node *node = &sim->nodes[item->node];
    uint64_t socket;
    memcpy(&socket, item->bytes, sizeof socket);
    client_cut(sim, (uint32_t)(socket % SIM_CLIENTS_MAX), socket);
    if (node->up && node->life == item->life) {
        struct mu_turn turn = turn_of(sim, node);
        mu_gateway_socket_closed(node->gateway, &turn, socket);
        node_turn_soon(sim, node);
    }
}

static void close_socket(void *context, uint64_t socket, int code, const char *reason)
{
    struct node *node = context;
    struct sim *sim = node->sim;
    sim_trace(sim, node->name, "closes a socket: %d %s", code, reason);
    struct item *item = agenda_add(&sim->agenda, sim->now_ms, &socket, sizeof socket, NULL, 0);
    item->run = closed;
    item->node = (uint32_t)(node - sim->nodes);
    item->life = node->life;
}

static void secrets(void *context, uint8_t *ret, size_t bytes)
{
    struct node *node = context;
    for (size_t i = 0; i < bytes; i++) {
        ret[i] = (uint8_t)sim_random(node->sim, 256);
    }
}

struct mu_gateway *gate_create(struct sim *sim, struct node *node)
{
    struct mu_actor_env env = {
        .partition = "",
        .seed = mu_rng_next(&sim->rng),
        .incarnation = node->life,
        .config = &sim->config,
    };
    const struct mu_edge edge = {
        .context = node,
        .reply = reply,
        .send = send,
        .close = close_socket,
    };
    const struct mu_secrets source = { node, secrets };
    return mu_gateway_create(&env, &edge, &source);
}

/* The process ends: its connections end with it. */
void gate_destroy(struct sim *sim, struct node *node)
{
    mu_gateway_destroy(node->gateway);
    node->gateway = NULL;
    client_gateway_gone(sim, (uint32_t)(node - sim->nodes));
}

void gate_request(struct sim *sim, struct node *node, const struct ask *ask)
{
    const struct mu_http_request request = {
        .id = ask->id,
        .method = ask->method,
        .path = ask->path,
        .query = ask->query,
        .address = "192.0.2.1",
        .authorization = ask->bearer,
        .content_type = ask->body[0] != '\0' ? "application/json" : "",
        .idempotency_key = ask->key,
        .origin = "",
        .traceparent = "",
        .request_method = "",
        .body = (const uint8_t *)ask->body,
        .body_bytes = strlen(ask->body),
    };
    sim->events++;
    struct mu_turn turn = turn_of(sim, node);
    mu_gateway_request(node->gateway, &turn, &request);
    node_turn_soon(sim, node);
}

bool gate_socket_open(struct sim *sim, struct node *node, uint64_t socket)
{
    const struct mu_http_request upgrade = {
        .id = sim->next_socket++ * SIM_CLIENTS_MAX + socket % SIM_CLIENTS_MAX,
        .method = MU_HTTP_GET,
        .path = "/v1/ws",
        .query = "",
        .address = "192.0.2.1",
        .authorization = "",
        .content_type = "",
        .idempotency_key = "",
        .origin = "",
        .traceparent = "",
        .request_method = "",
    };
    struct mu_turn turn = turn_of(sim, node);
    bool open = mu_gateway_socket_open(node->gateway, &turn, socket, &upgrade);
    node_turn_soon(sim, node);
    return open;
}

void gate_socket_text(struct sim *sim, struct node *node, uint64_t socket, const char *text,
                      size_t text_bytes)
{
    sim->events++;
    struct mu_turn turn = turn_of(sim, node);
    struct mu_slice slice = { (const uint8_t *)text, (uint32_t)text_bytes };
    mu_gateway_socket_text(node->gateway, &turn, socket, slice);
    node_turn_soon(sim, node);
}

void gate_socket_closed(struct sim *sim, struct node *node, uint64_t socket)
{
    struct mu_turn turn = turn_of(sim, node);
    mu_gateway_socket_closed(node->gateway, &turn, socket);
    node_turn_soon(sim, node);
}

void gate_event(struct sim *sim, struct node *node, const struct mu_msg_envelope *envelope,
                const struct mu_msg *msg)
{
    sim->events++;
    struct mu_turn turn = turn_of(sim, node);
    mu_gateway_message(node->gateway, &turn, envelope, msg);
}

void gate_tick(struct sim *sim, struct node *node)
{
    struct mu_turn turn = turn_of(sim, node);
    if (mu_bus_presence_wanted(node->bus)) {
        mu_gateway_announce(node->gateway);
    }
    if (mu_gateway_deadline(node->gateway) <= sim->now_ms) {
        mu_gateway_tick(node->gateway, &turn);
    }
    if (sim_random(sim, SIM_CHECK_EVERY) == 0) {
        mu_gateway_check(node->gateway);
    }
}

int64_t gate_deadline(const struct node *node)
{
    return mu_gateway_deadline(node->gateway);
}
