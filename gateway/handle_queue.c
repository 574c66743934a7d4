/* gateway/handle_queue.c - /v1/matchmaking/queue, and the same over a WebSocket. */
#include "gateway/handlers.h"

#include <stdio.h>
#include <string.h>

#include "core/address.h"
#include "gateway/attributes.h"
#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

/* Steps of the exchanges below. */
enum step {
    STEP_ONLY,   /* one question, one answer */
    STEP_PLAYER, /* joining without a region: the player's home is asked for */
    STEP_TICKET, /* reading: the ticket is asked for */
    STEP_LOOK,   /* its place is asked for */
    STEP_AGAIN,  /* its place cannot be had: the ticket once more, to show it without */
};

/* Sets the latency to `region`, in place of one that is there. */
static void set_latency(struct mu_msg_ticket_add *ask, const char *region, int64_t ms)
{
    uint32_t i = 0;
    while (i < ask->latencies_count && strcmp(ask->latencies[i].region, region) != 0) {
        i++;
    }
    if (i == ask->latencies_count) {
        ask->latencies_count++; /* names are the configuration's: there is room for all of them */
        (void)snprintf(ask->latencies[i].region, sizeof ask->latencies[i].region, "%s", region);
    }
    ask->latencies[i].ms = (uint64_t)ms;
}

static void read_latencies(struct mu_gateway *gw, struct mu_msg_ticket_add *ask)
{
    static const struct mu_range range = MU_BOUND_LATENCY_MS;
    struct mu_fields map;
    int64_t ms = 0;
    if (mu_field_rounded(&gw->fields, "latency", MU_OPTIONAL, range, &ms)) {
        set_latency(ask, ask->region, ms);
    }
    if (!mu_field_object(&gw->fields, "latencies", MU_OPTIONAL, &map)) {
        return;
    }
    const struct mu_json_node *nodes = gw->json.nodes;
    for (uint32_t i = nodes[map.node].first; i != MU_JSON_NONE; i = nodes[i].next) {
        int32_t region = mu_config_region(gw->config, nodes[i].key);
        if (region < 0) {
            mu_fields_fault(&map, nodes[i].key, MU_ERROR_REGION_NOT_SUPPORTED, "is no region");
        } else if (mu_field_rounded(&map, nodes[i].key, MU_OPTIONAL, range, &ms)) {
            set_latency(ask, gw->config->regions[region].name, ms);
        }
    }
}

/* Says the latencies again as the player's own, for rules that ask for those. */
static void write_details(struct mu_gateway *gw, struct mu_msg_ticket_add *ask)
{
    struct mu_party party = { .count = 1, .attributes[0] = MU_JSON_NONE };
    party.measured[0] = ask->latencies_count > 0;
    for (uint32_t i = 0; i < gw->config->regions_count; i++) {
        party.latency_ms[0][i] = MU_LATENCY_NOT_MEASURED;
    }
    for (uint32_t i = 0; i < ask->latencies_count; i++) {
        int32_t region = mu_config_region(gw->config, ask->latencies[i].region);
        if (region >= 0) {
            party.latency_ms[0][region] = (int32_t)ask->latencies[i].ms;
        }
    }
    mu_party_details(&gw->fields, gw->config, &party, ask->details);
}

/* Reads the fields of a join into gw->msg.  `home` is used when they name no region. */
static void read_join(struct mu_gateway *gw, struct mu_exchange *x, const char *home)
{
    struct mu_msg_ticket_add *ask = &gw->msg.ticket_add;
    int64_t wait_s = 0;
    gw->msg.op = MU_OP_TICKET_ADD;
    *ask = (struct mu_msg_ticket_add){ .players_count = 1 };
    memcpy(ask->players[0].id, x->player, sizeof ask->players[0].id);
    (void)mu_field_mode(&gw->fields, "gameMode", MU_REQUIRED, gw->config, ask->mode);
    (void)snprintf(ask->region, sizeof ask->region, "%s", home);
    (void)mu_field_region(&gw->fields, "region", MU_OPTIONAL, gw->config, ask->region);
    read_latencies(gw, ask);
    write_details(gw, ask);
    (void)mu_field_rounded(&gw->fields, "maxWaitTime", MU_OPTIONAL,
                           (struct mu_range)MU_BOUND_WAIT_S, &wait_s);
    ask->wait_max_ms = (uint64_t)wait_s * 1000;
}

static void ask_shard(struct mu_gateway *gw, struct mu_exchange *x)
{
    char to[MU_ADDRESS_MAX + 1];
    mu_address_queue(gw->msg.ticket_add.region, to);
    x->step = STEP_ONLY;
    (void)mu_exchange_ask(gw, x, to, &gw->msg, MU_OP_TICKET_ADDED);
}

void mu_queue_join(struct mu_gateway *gw, struct mu_exchange *x, struct mu_slice body)
{
    read_join(gw, x, "");
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
    } else if (gw->msg.ticket_add.region[0] != '\0') {
        ask_shard(gw, x);
    } else if (mu_exchange_keep_body(gw, x, body)) {
        x->step = STEP_PLAYER;
        gw->msg.op = MU_OP_PLAYER_GET;
        memcpy(gw->msg.player_get.id, x->player, sizeof gw->msg.player_get.id);
        (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_PLAYER);
    }
}

void mu_handle_queue_join(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request)
{
    char player[MU_ID_MAX + 1] = "";
    (void)request;
    if (!mu_field_id(&gw->fields, "playerId", MU_REQUIRED, player)) {
        read_join(gw, x, ""); /* for the other faults */
        mu_refuse_faults(gw, x);
    } else if (mu_exchange_act_for(gw, x, player)) {
        mu_queue_join(gw, x, gw->client_body);
    }
}

/* The player's home is known: join there. */
static void join_at_home(struct mu_gateway *gw, struct mu_exchange *x,
                         const struct mu_msg_player *player)
{
    int32_t region = mu_config_region(gw->config, player->region);
    if (region < 0) {
        mu_refuse(gw, x, MU_ERROR_REGION_NOT_SUPPORTED, "The player's home region is gone.");
        return;
    }
    char home[MU_ID_MAX + 1];
    memcpy(home, gw->config->regions[region].name, sizeof home);
    if (mu_gateway_parse(gw, x, mu_exchange_kept(gw, &x->body))) {
        read_join(gw, x, home); /* it had no faults before */
        ask_shard(gw, x);
    }
}

static void put_queue(struct mu_gateway *gw, struct mu_exchange *x, struct mu_json_writer *writer,
                      const struct mu_queue_view *view)
{
    if (x->action != MU_ACTION_NONE) {
        mu_present_queue(writer, view);
        return;
    }
    (void)gw;
    mu_json_key(writer, "queueData");
    mu_json_object_begin(writer);
    mu_present_queue(writer, view);
    mu_json_object_end(writer);
}

/* Answers with a ticket. */
static void answer_ticket(struct mu_gateway *gw, struct mu_exchange *x, int status,
                          const char *message, const struct mu_queue_view *view)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "QUEUE_STATUS");
    if (message != NULL) {
        mu_put_text(writer, "message", message);
    }
    put_queue(gw, x, writer, view);
    mu_answer_end(gw, x, status);
}

static struct mu_queue_view view_of(const struct mu_gateway *gw, const struct mu_exchange *x,
                                    const struct mu_msg_ticket *ticket)
{
    return (struct mu_queue_view){
        .ticket = ticket,
        .player = x->player,
        .wall_ms = gw->turn.wall_ms,
    };
}

void mu_done_queue_join(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    if (x->step == STEP_PLAYER) {
        join_at_home(gw, x, &msg->player);
        return;
    }
    const struct mu_msg_ticket_added *added = &msg->ticket_added;
    struct mu_queue_view view = view_of(gw, x, &added->ticket);
    view.position = added->position;
    view.estimate_ms = added->estimate_ms;
    answer_ticket(gw, x, 201, "Player added to the queue.", &view);
}

static void ask_ticket(struct mu_gateway *gw, struct mu_exchange *x, enum step step)
{
    x->step = (uint8_t)step;
    x->errors_wanted = MU_ERRORS_NONE;
    gw->msg.op = MU_OP_TICKET_GET;
    gw->msg.ticket_get = (struct mu_msg_ticket_get){ .ticket = "" };
    memcpy(gw->msg.ticket_get.player, x->player, sizeof gw->msg.ticket_get.player);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_TICKET);
}

void mu_handle_queue_get(struct mu_gateway *gw, struct mu_exchange *x,
                         const struct mu_http_request *request)
{
    (void)request;
    ask_ticket(gw, x, STEP_TICKET);
}

void mu_done_queue_get(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    if (x->step == STEP_LOOK && msg->op == MU_OP_TICKET_ADDED) {
        struct mu_queue_view view = view_of(gw, x, &msg->ticket_added.ticket);
        view.position = msg->ticket_added.position;
        view.estimate_ms = msg->ticket_added.estimate_ms;
        answer_ticket(gw, x, 200, NULL, &view);
    } else if (x->step == STEP_LOOK) {
        ask_ticket(gw, x, STEP_AGAIN); /* the shard starts, or the ticket is matched by now */
    } else if (x->step == STEP_TICKET && msg->ticket.state == MU_TICKET_QUEUED) {
        char to[MU_ADDRESS_MAX + 1];
        char ticket[MU_ID_MAX + 1];
        mu_address_queue(msg->ticket.region, to);
        memcpy(ticket, msg->ticket.id, sizeof ticket);
        gw->msg.op = MU_OP_TICKET_LOOK;
        memcpy(gw->msg.ticket_look.ticket, ticket, sizeof ticket);
        x->step = STEP_LOOK;
        x->errors_wanted = MU_ERRORS_ALL;
        (void)mu_exchange_ask(gw, x, to, &gw->msg, MU_OP_TICKET_ADDED);
    } else {
        struct mu_queue_view view = view_of(gw, x, &msg->ticket);
        answer_ticket(gw, x, 200, NULL, &view);
    }
}

void mu_queue_leave(struct mu_gateway *gw, struct mu_exchange *x)
{
    gw->msg.op = MU_OP_TICKET_CANCEL;
    gw->msg.ticket_cancel = (struct mu_msg_ticket_cancel){ .ticket = "" };
    memcpy(gw->msg.ticket_cancel.player, x->player, sizeof gw->msg.ticket_cancel.player);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_TICKET);
}

void mu_handle_queue_leave(struct mu_gateway *gw, struct mu_exchange *x,
                           const struct mu_http_request *request)
{
    (void)request;
    mu_queue_leave(gw, x);
}

void mu_done_queue_leave(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    const struct mu_msg_ticket *ticket = &msg->ticket;
    if (ticket->state == MU_TICKET_MATCHED) { /* the match won the race */
        struct mu_msg_error refusal = {
            .code = MU_ERROR_TICKET_MATCHED,
            .engaged = MU_ENGAGED_MATCH,
        };
        memcpy(refusal.subject, ticket->match, sizeof refusal.subject);
        mu_refuse_as(gw, x, &refusal);
    } else if (ticket->state == MU_TICKET_EXPIRED) {
        mu_refuse(gw, x, MU_ERROR_PLAYER_NOT_IN_QUEUE, "The ticket has expired.");
    } else {
        struct mu_queue_view view = view_of(gw, x, ticket);
        answer_ticket(gw, x, 200, "Player removed from the queue.", &view);
    }
}
