/* gateway/handle_backfills.c - /v1/backfills: a game server wants players for a match it plays. */
#include "gateway/handlers.h"

#include <stdio.h>
#include <string.h>

#include "gateway/attributes.h"
#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

enum {
    DETAILS_MAX = 65535, /* bytes, of BACKFILL_ADD */
};

/* The backfill of the path, as an id that a message takes. */
static void backfill_of(const struct mu_exchange *x, char ret[MU_ID_MAX + 1])
{
    memcpy(ret, x->params[0], MU_ID_MAX);
    ret[MU_ID_MAX] = '\0';
}

static void answer(struct mu_gateway *gw, struct mu_exchange *x, int status,
                   const struct mu_msg *msg, const char *message)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "BACKFILL");
    mu_put_text(writer, "message", message);
    mu_json_key(writer, "backfill");
    mu_present_backfill(writer, &msg->backfill);
    mu_answer_end(gw, x, status);
}

/* Add. */

/* Appends to the details, which stand in gw->text.  Returns whether there was room. */
static bool append(struct mu_gateway *gw, struct mu_slice *details, const char *text, size_t size)
{
    if (size > DETAILS_MAX - details->size) {
        return false;
    }
    memcpy(gw->text + details->size, text, size);
    details->size += (uint32_t)size;
    return true;
}

/* Reads what is said of one player, behind those before him. */
static void read_player(struct mu_gateway *gw, struct mu_fields *player,
                        struct mu_msg_backfill_add *ask)
{
    static const char *const known[] = { "playerId", "attributes", "latencies" };
    static const char nothing[] = "[{}]";
    char text[MU_TICKET_DETAILS_MAX + 1];
    struct mu_party party = { .count = 0 };
    struct mu_msg_id *id = &ask->players[ask->players_count];
    *id = (struct mu_msg_id){ .id = "" };
    mu_fields_only(player, known, sizeof known / sizeof known[0]);
    (void)mu_field_id(player, "playerId", MU_REQUIRED, id->id);
    mu_party_read(player, gw->config, &party);
    mu_party_details(&gw->fields, gw->config, &party, text);
    const char *list = text[0] == '\0' ? nothing : text;
    bool fits = append(gw, &ask->details, ask->players_count == 0 ? "[" : ",", 1) &&
                append(gw, &ask->details, list + 1, strlen(list) - 2); /* its only object */
    if (!fits && gw->faults.count == 0) {
        mu_fields_fault(player, "", MU_ERROR_PAYLOAD_TOO_LARGE,
                        "must have, with those before, at most %d bytes", DETAILS_MAX);
    }
    ask->players_count++;
}

static void read_players(struct mu_gateway *gw, struct mu_msg_backfill_add *ask)
{
    uint32_t list = 0;
    uint32_t index = 0;
    if (!mu_field_array(&gw->fields, "players", MU_OPTIONAL, MU_MATCH_PLAYERS_MAX, &list)) {
        return;
    }
    const struct mu_json_node *nodes = gw->json.nodes;
    for (uint32_t at = nodes[list].first; at != MU_JSON_NONE; at = nodes[at].next) {
        struct mu_fields player;
        (void)mu_fields_item(&gw->fields, "players", index++, at, &player);
        read_player(gw, &player, ask);
    }
    if (ask->players_count > 0 && !append(gw, &ask->details, "]", 1)) {
        mu_fields_fault(&gw->fields, "players", MU_ERROR_PAYLOAD_TOO_LARGE,
                        "must have at most %d bytes", DETAILS_MAX);
    }
}

static void read_leavers(struct mu_gateway *gw, struct mu_msg_backfill_add *ask)
{
    uint32_t list = 0;
    if (!mu_field_array(&gw->fields, "leavers", MU_OPTIONAL, MU_MATCH_PLAYERS_MAX, &list)) {
        return;
    }
    const struct mu_json_node *nodes = gw->json.nodes;
    for (uint32_t at = nodes[list].first; at != MU_JSON_NONE; at = nodes[at].next) {
        struct mu_msg_id *leaver = &ask->leavers[ask->leavers_count++];
        *leaver = (struct mu_msg_id){ .id = "" };
        if (nodes[at].type != MU_JSON_STRING || !mu_client_id_valid(nodes[at].text)) {
            mu_fields_fault(&gw->fields, "leavers", MU_ERROR_VALIDATION_FAILED,
                            "must be player ids");
            return;
        }
        (void)snprintf(leaver->id, sizeof leaver->id, "%.*s", MU_ID_MAX, nodes[at].text);
    }
}

void mu_handle_backfill_add(struct mu_gateway *gw, struct mu_exchange *x,
                            const struct mu_http_request *request)
{
    static const char *const known[] = { "matchId", "players", "leavers", "leaseSeconds" };
    static_assert(DETAILS_MAX <= MU_GATEWAY_TEXT_MAX, "details fit there");
    struct mu_msg_backfill_add *ask = &gw->msg.backfill_add;
    int64_t lease_s = 0;
    (void)request;
    gw->msg.op = MU_OP_BACKFILL_ADD;
    *ask = (struct mu_msg_backfill_add){ .details = { (const uint8_t *)gw->text, 0 } };
    memcpy(ask->key_hash, x->caller.key_hash, sizeof ask->key_hash);
    mu_fields_only(&gw->fields, known, sizeof known / sizeof known[0]);
    (void)mu_field_id(&gw->fields, "matchId", MU_REQUIRED, ask->match);
    read_players(gw, ask);
    read_leavers(gw, ask);
    (void)mu_field_integer(&gw->fields, "leaseSeconds", MU_OPTIONAL,
                           (struct mu_range)MU_BOUND_LEASE_S, &lease_s);
    ask->lease_ms = (uint64_t)lease_s * 1000;
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
    } else {
        (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_BACKFILL);
    }
}

void mu_done_backfill_add(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    bool created = msg->backfill.created;
    answer(gw, x, created ? 201 : 200, msg,
           created ? "Players are wanted." : "Players are still wanted.");
}

/* Read, renew, cancel. */

void mu_handle_backfill_get(struct mu_gateway *gw, struct mu_exchange *x,
                            const struct mu_http_request *request)
{
    struct mu_msg_backfill_get *ask = &gw->msg.backfill_get;
    (void)request;
    gw->msg.op = MU_OP_BACKFILL_GET;
    backfill_of(x, ask->id);
    memcpy(ask->key_hash, x->caller.key_hash, sizeof ask->key_hash);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_BACKFILL);
}

/* How it stands, for a person. */
static const char *message_of(enum mu_backfill_state state)
{
    switch (state) {
    case MU_BACKFILL_NONE:
    case MU_BACKFILL_QUEUED: return "Players are wanted.";
    case MU_BACKFILL_FILLED: return "Players have come.";
    case MU_BACKFILL_CANCELLED: return "It was cancelled.";
    case MU_BACKFILL_EXPIRED: return "It was not renewed in time.";
    case MU_BACKFILL_ENDED: return "The match is over.";
    }
    return "";
}

void mu_done_backfill_get(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer(gw, x, 200, msg, message_of(msg->backfill.state));
}

void mu_handle_backfill_renew(struct mu_gateway *gw, struct mu_exchange *x,
                              const struct mu_http_request *request)
{
    struct mu_msg_backfill_renew *ask = &gw->msg.backfill_renew;
    (void)request;
    mu_fields_only(&gw->fields, NULL, 0);
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return;
    }
    gw->msg.op = MU_OP_BACKFILL_RENEW;
    backfill_of(x, ask->id);
    memcpy(ask->key_hash, x->caller.key_hash, sizeof ask->key_hash);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_BACKFILL);
}

void mu_done_backfill_renew(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer(gw, x, 200, msg, message_of(msg->backfill.state));
}

void mu_handle_backfill_cancel(struct mu_gateway *gw, struct mu_exchange *x,
                               const struct mu_http_request *request)
{
    struct mu_msg_backfill_cancel *ask = &gw->msg.backfill_cancel;
    (void)request;
    gw->msg.op = MU_OP_BACKFILL_CANCEL;
    backfill_of(x, ask->id);
    memcpy(ask->key_hash, x->caller.key_hash, sizeof ask->key_hash);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_BACKFILL);
}

/* Whichever end it had: players may have come first. */
void mu_done_backfill_cancel(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer(gw, x, 200, msg, message_of(msg->backfill.state));
}
