/* gateway/handle_tickets.c - /v1/tickets: a party, with what its players bring, in its queues. */
#include "gateway/handlers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/address.h"
#include "gateway/attributes.h"
#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

#define ROUNDS_MAX                                                                                 \
    3 /* a ticket that changes while it is read is read anew so often, then shown as it is */
#define ENCODED_MAX (64 * 1024)

/* Steps of the exchanges below. */
enum step {
    STEP_ONLY,   /* one question, one answer */
    STEP_HOME,   /* adding without a region: the first player's home is asked for */
    STEP_TICKET, /* reading: the ticket is asked for */
    STEP_LOOK,   /* its place in the queue is asked for */
    STEP_MATCH,  /* the match that it is in is asked for */
};

/* Add. */

/* The name of the queue at `index`: the first is in `mode`, the others beside it. */
static char *queue_of(struct mu_msg_ticket_add *ask, uint32_t index)
{
    return index == 0 ? ask->mode : ask->others[index - 1].id;
}

/* Reads one of the game modes; `ask` has those before it. */
static void read_queue(struct mu_gateway *gw, struct mu_fields *list, uint32_t index, uint32_t node,
                       struct mu_msg_ticket_add *ask)
{
    char place[16];
    const struct mu_json_node *item = &gw->json.nodes[node];
    char *name = queue_of(ask, index);
    (void)snprintf(place, sizeof place, "%u", index);
    name[0] = '\0';
    if (item->type != MU_JSON_STRING) {
        mu_fields_fault(list, place, MU_ERROR_VALIDATION_FAILED, "must be a string");
        return;
    }
    int32_t mode = mu_config_mode(gw->config, item->text);
    if (mode < 0) {
        mu_fields_fault(list, place, MU_ERROR_GAME_MODE_NOT_FOUND, "is no game mode: \"%.40s\"",
                        item->text);
        return;
    }
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(queue_of(ask, i), gw->config->modes[mode].name) == 0) {
            mu_fields_fault(list, place, MU_ERROR_VALIDATION_FAILED, "is there twice: \"%.40s\"",
                            item->text);
        }
    }
    memcpy(name, gw->config->modes[mode].name, MU_ID_MAX + 1);
}

/* Reads the game modes that the ticket waits for. */
static void read_queues(struct mu_gateway *gw, struct mu_msg_ticket_add *ask)
{
    struct mu_fields list;
    uint32_t node = 0;
    uint32_t index = 0;
    const struct mu_json_node *nodes = gw->json.nodes;
    ask->mode[0] = '\0';
    ask->others_count = 0;
    if (!mu_field_array(&gw->fields, "queues", MU_REQUIRED, MU_BOUND_QUEUES_MAX, &node)) {
        return;
    }
    if (nodes[node].count == 0) {
        mu_fields_fault(&gw->fields, "queues", MU_ERROR_VALIDATION_FAILED,
                        "must have at least 1 item");
        return;
    }
    mu_fields_below(&gw->fields, "queues", node, &list);
    for (uint32_t at = nodes[node].first; at != MU_JSON_NONE; at = nodes[at].next) {
        read_queue(gw, &list, index++, at, ask);
    }
    ask->others_count = index - 1;
}

/* Reads one player; `ask` has those before him. */
static void read_player(struct mu_gateway *gw, struct mu_fields *player,
                        struct mu_msg_ticket_add *ask, struct mu_party *party)
{
    static const char *const known[] = { "playerId", "attributes", "latencies" };
    struct mu_msg_id *id = &ask->players[ask->players_count];
    id->id[0] = '\0';
    mu_fields_only(player, known, sizeof known / sizeof known[0]);
    if (mu_field_id(player, "playerId", MU_REQUIRED, id->id)) {
        for (uint32_t i = 0; i < ask->players_count; i++) {
            if (strcmp(ask->players[i].id, id->id) == 0) {
                mu_fields_fault(player, "playerId", MU_ERROR_VALIDATION_FAILED,
                                "is there twice: \"%.40s\"", id->id);
            }
        }
    }
    ask->players_count++;
    mu_party_read(player, gw->config, party);
}

static void read_players(struct mu_gateway *gw, struct mu_msg_ticket_add *ask)
{
    struct mu_party party = { .count = 0 };
    uint32_t node = 0;
    uint32_t index = 0;
    if (!mu_field_array(&gw->fields, "players", MU_REQUIRED, MU_PARTY_MAX, &node)) {
        return;
    }
    const struct mu_json_node *nodes = gw->json.nodes;
    if (nodes[node].count == 0) {
        mu_fields_fault(&gw->fields, "players", MU_ERROR_VALIDATION_FAILED,
                        "must have at least 1 item");
    }
    for (uint32_t at = nodes[node].first; at != MU_JSON_NONE; at = nodes[at].next) {
        struct mu_fields player;
        (void)mu_fields_item(&gw->fields, "players", index++, at, &player);
        read_player(gw, &player, ask, &party);
    }
    mu_party_latencies(&gw->fields, gw->config, &party, ask);
    mu_party_details(&gw->fields, gw->config, &party, ask->details);
}

/* Reads the request into gw->msg.  `home` is used when it names no region. */
static void read_add(struct mu_gateway *gw, const char *home)
{
    static const char *const known[] = { "queues", "players", "region", "maxWaitSeconds" };
    struct mu_msg_ticket_add *ask = &gw->msg.ticket_add;
    int64_t wait_s = 0;
    gw->msg.op = MU_OP_TICKET_ADD;
    *ask = (struct mu_msg_ticket_add){ .players_count = 0 };
    mu_fields_only(&gw->fields, known, sizeof known / sizeof known[0]);
    read_queues(gw, ask);
    read_players(gw, ask);
    (void)snprintf(ask->region, sizeof ask->region, "%s", home);
    (void)mu_field_region(&gw->fields, "region", MU_OPTIONAL, gw->config, ask->region);
    (void)mu_field_rounded(&gw->fields, "maxWaitSeconds", MU_OPTIONAL,
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

void mu_handle_ticket_add(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request)
{
    const struct mu_msg_ticket_add *ask = &gw->msg.ticket_add;
    (void)request;
    read_add(gw, "");
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return;
    }
    for (uint32_t i = ask->players_count; i > 0; i--) { /* x->player becomes the first one */
        if (!mu_exchange_act_for(gw, x, ask->players[i - 1].id)) {
            return;
        }
    }
    if (ask->region[0] != '\0') {
        ask_shard(gw, x);
    } else if (mu_exchange_keep_body(gw, x, gw->client_body)) {
        x->step = STEP_HOME;
        gw->msg.op = MU_OP_PLAYER_GET;
        memcpy(gw->msg.player_get.id, x->player, sizeof gw->msg.player_get.id);
        (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_PLAYER);
    }
}

/* The first player's home is known: wait there. */
static void add_at_home(struct mu_gateway *gw, struct mu_exchange *x,
                        const struct mu_msg_player *player)
{
    int32_t region = mu_config_region(gw->config, player->region);
    if (region < 0) {
        mu_refuse(gw, x, MU_ERROR_REGION_NOT_SUPPORTED, "The player's home region is gone.");
        return;
    }
    if (mu_gateway_parse(gw, x, mu_exchange_kept(gw, &x->body))) {
        read_add(gw, gw->config->regions[region].name); /* it had no faults before */
        ask_shard(gw, x);
    }
}

static void answer(struct mu_gateway *gw, struct mu_exchange *x, int status,
                   const struct mu_ticket_view *view)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
    mu_json_key(writer, "ticket");
    mu_present_ticket(writer, view);
    mu_answer_end(gw, x, status);
}

void mu_done_ticket_add(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    if (x->step == STEP_HOME) {
        add_at_home(gw, x, &msg->player);
        return;
    }
    struct mu_ticket_view view = {
        .ticket = &msg->ticket_added.ticket,
        .place = &msg->ticket_added,
        .wall_ms = gw->turn.wall_ms,
    };
    answer(gw, x, 201, &view);
}

/* Read. */

/* The ticket of the path; a player sees only his own. */
static void ticket_of(const struct mu_exchange *x, char ret[MU_ID_MAX + 1],
                      char ret_player[MU_ID_MAX + 1])
{
    (void)snprintf(ret, MU_ID_MAX + 1, "%.*s", MU_ID_MAX, x->params[0]);
    memcpy(ret_player, x->caller.player, MU_ID_MAX + 1);
}

static void ask_ticket(struct mu_gateway *gw, struct mu_exchange *x)
{
    struct mu_msg_ticket_get *ask = &gw->msg.ticket_get;
    x->step = STEP_TICKET;
    x->errors_wanted = MU_ERRORS_NONE;
    gw->msg.op = MU_OP_TICKET_GET;
    *ask = (struct mu_msg_ticket_get){ .ticket = "" };
    ticket_of(x, ask->ticket, ask->player);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_TICKET);
}

void mu_handle_ticket_get(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request)
{
    (void)request;
    ask_ticket(gw, x);
}

/* Keeps the ticket until what else is to be shown has come.  False: refused. */
static bool keep_ticket(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    static_assert(ENCODED_MAX <= MU_GATEWAY_TEXT_MAX, "a ticket fits there many times over");
    uint8_t *bytes = (uint8_t *)gw->text;
    int64_t size = mu_msg_encode(msg, bytes, ENCODED_MAX);
    assert(size > 0);
    return mu_exchange_keep_body(gw, x, (struct mu_slice){ bytes, (uint32_t)size });
}

/* Asks for what is not in the record: the place in the queue, or how the match stands. */
static void ask_more(struct mu_gateway *gw, struct mu_exchange *x,
                     const struct mu_msg_ticket *ticket)
{
    char id[MU_ID_MAX + 1];
    char to[MU_ADDRESS_MAX + 1] = "store";
    bool queued = ticket->state == MU_TICKET_QUEUED;
    memcpy(id, queued ? ticket->id : ticket->match, sizeof id);
    x->errors_wanted = queued ? MU_ERRORS_ALL : MU_ERRORS_DEFINITE;
    x->step = queued ? STEP_LOOK : STEP_MATCH;
    if (queued) {
        mu_address_queue(ticket->region, to);
        gw->msg.op = MU_OP_TICKET_LOOK;
        memcpy(gw->msg.ticket_look.ticket, id, sizeof id);
    } else {
        gw->msg.op = MU_OP_MATCH_GET;
        memcpy(gw->msg.match_get.id, id, sizeof id);
    }
    (void)mu_exchange_ask(gw, x, to, &gw->msg, queued ? MU_OP_TICKET_ADDED : MU_OP_MATCH);
}

/* Shows the ticket that was kept, with what has come since. */
static void answer_kept(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    struct mu_msg_ticket_added place = { .position = 0 };
    struct mu_ticket_view view = { .wall_ms = gw->turn.wall_ms };
    if (msg->op == MU_OP_TICKET_ADDED) {
        place.position = msg->ticket_added.position;
        place.estimate_ms = msg->ticket_added.estimate_ms;
        place.rules = msg->ticket_added.rules;
        view.place = &place;
    } else if (msg->op == MU_OP_MATCH) {
        view.match = msg->match.state;
    }
    struct mu_slice kept = mu_exchange_kept(gw, &x->body);
    int r = mu_msg_decode(gw->decoder, MU_OP_TICKET, kept.data, kept.size, &gw->msg);
    assert(r == 0); /* we encoded it */
    (void)r;
    view.ticket = &gw->msg.ticket;
    answer(gw, x, 200, &view);
}

void mu_done_ticket_get(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    if (x->step != STEP_TICKET) {
        bool changed = msg->op == MU_OP_ERROR ||
                       (msg->op == MU_OP_MATCH && msg->match.state == MU_MATCH_ABORTED);
        if (changed) {
            x->rounds++; /* matched, or free again, meanwhile */
            ask_ticket(gw, x);
        } else {
            answer_kept(gw, x, msg);
        }
        return;
    }
    bool over = msg->ticket.state != MU_TICKET_QUEUED && msg->ticket.state != MU_TICKET_MATCHED;
    if (over || x->rounds == ROUNDS_MAX) { /* or its shard cannot be had */
        struct mu_ticket_view view = { .ticket = &msg->ticket, .wall_ms = gw->turn.wall_ms };
        answer(gw, x, 200, &view);
    } else if (keep_ticket(gw, x, msg)) {
        ask_more(gw, x, &msg->ticket);
    }
}

/* Cancel. */

void mu_handle_ticket_cancel(struct mu_gateway *gw, struct mu_exchange *x,
                             const struct mu_http_request *request)
{
    struct mu_msg_ticket_cancel *ask = &gw->msg.ticket_cancel;
    (void)request;
    gw->msg.op = MU_OP_TICKET_CANCEL;
    *ask = (struct mu_msg_ticket_cancel){ .ticket = "" };
    ticket_of(x, ask->ticket, ask->player);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_TICKET);
}

/* The store refuses with TICKET_MATCHED when the match won; the other ends are the answer. */
void mu_done_ticket_cancel(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    struct mu_ticket_view view = { .ticket = &msg->ticket, .wall_ms = gw->turn.wall_ms };
    answer(gw, x, 200, &view);
}
