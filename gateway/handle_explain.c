/* gateway/handle_explain.c - /v1/tickets/{ticketId}/explain: why a ticket still waits. */
#include "gateway/handlers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/address.h"
#include "core/parse.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

#define ROUNDS_MAX 3 /* a ticket that changes while it is asked about is read anew so often */

/* Steps of the exchange. */
enum step {
    STEP_TICKET, /* whether the caller may see it, and where it waits */
    STEP_SHARD,  /* its shard asks the matcher */
};

static void ask_ticket(struct mu_gateway *gw, struct mu_exchange *x)
{
    struct mu_msg_ticket_get *ask = &gw->msg.ticket_get;
    x->step = STEP_TICKET;
    x->errors_wanted = MU_ERRORS_NONE;
    gw->msg.op = MU_OP_TICKET_GET;
    *ask = (struct mu_msg_ticket_get){ .ticket = "" };
    (void)snprintf(ask->ticket, sizeof ask->ticket, "%.*s", MU_ID_MAX, x->params[0]);
    memcpy(ask->player, x->caller.player, sizeof ask->player);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_TICKET);
}

void mu_handle_ticket_explain(struct mu_gateway *gw, struct mu_exchange *x,
                              const struct mu_http_request *request)
{
    char mode[MU_ID_MAX + 1] = "";
    int r = mu_parse_query(request->query, "queue", sizeof mode, mode);
    if ((r != 0 && r != -ENOENT) || (r == 0 && mu_config_mode(gw->config, mode) < 0)) {
        mu_refuse(gw, x, MU_ERROR_GAME_MODE_NOT_FOUND, "?queue= must be a game mode.");
        return;
    }
    if (!mu_exchange_keep_body(gw, x,
                               (struct mu_slice){ (uint8_t *)mode, (uint32_t)strlen(mode) })) {
        return;
    }
    ask_ticket(gw, x);
}

void mu_done_ticket_explain(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    if (x->step == STEP_SHARD && msg->op == MU_OP_ERROR) {
        bool changed = msg->error.code == MU_ERROR_TICKET_NOT_FOUND && x->rounds < ROUNDS_MAX;
        if (changed) { /* matched meanwhile, or just added */
            x->rounds++;
            ask_ticket(gw, x);
        } else {
            mu_refuse_as(gw, x, &msg->error);
        }
        return;
    }
    if (x->step == STEP_SHARD) {
        struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
        mu_json_key(writer, "explanation");
        mu_present_explanation(writer, &msg->explanation);
        mu_answer_end(gw, x, 200);
        return;
    }
    const struct mu_msg_ticket *ticket = &msg->ticket;
    if (ticket->state == MU_TICKET_MATCHED) {
        struct mu_msg_error refusal = {
            .code = MU_ERROR_TICKET_MATCHED,
            .engaged = MU_ENGAGED_MATCH,
        };
        memcpy(refusal.subject, ticket->match, sizeof refusal.subject);
        mu_refuse_as(gw, x, &refusal);
        return;
    }
    if (ticket->state != MU_TICKET_QUEUED) {
        mu_refuse(gw, x, MU_ERROR_CONFLICT, "The ticket does not wait any more.");
        return;
    }
    char to[MU_ADDRESS_MAX + 1];
    struct mu_slice mode = mu_exchange_kept(gw, &x->body);
    struct mu_msg_ticket_explain ask = { .mode = "" };
    mu_address_queue(ticket->region, to);
    memcpy(ask.ticket, ticket->id, sizeof ask.ticket);
    memcpy(ask.mode, mode.data, mode.size);
    x->step = STEP_SHARD;
    x->errors_wanted = MU_ERRORS_DEFINITE;
    gw->msg.op = MU_OP_TICKET_EXPLAIN;
    gw->msg.ticket_explain = ask;
    (void)mu_exchange_ask(gw, x, to, &gw->msg, MU_OP_EXPLANATION);
}
