/* gateway/handle_drain.c - /v1/admin/drain: asks one process to hand over what it has, and end. */
#include "gateway/handlers.h"

#include <stdio.h>
#include <string.h>

#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

/* What the answer to a search is. */
struct found {
    uint32_t count;       /* processes that fit */
    const char *instance; /* of the last one; NULL: none */
    const char *kind;
};

static void consider(struct found *found, const char *instance, const struct mu_msg_stats *stats,
                     const char *wanted, const char *name)
{
    bool fits = wanted[0] != '\0' ? strcmp(instance, wanted) == 0 : strcmp(stats->name, name) == 0;
    if (fits) {
        found->count++;
        found->instance = instance;
        found->kind = stats->kind;
    }
}

/* Finds who is called so, among those that are alive; this gateway too. */
static struct found find(struct mu_gateway *gw, const char *instance, const char *name)
{
    struct found found = { .instance = NULL };
    struct mu_msg_stats *own = &gw->msg.stats;
    mu_gateway_stats(gw, own);
    consider(&found, gw->instance, own, instance, name);
    for (uint32_t i = 0; i < MU_FLEET_MAX; i++) {
        const struct mu_fleet_member *member = mu_fleet_at(gw->fleet, i, gw->turn.now_ms);
        if (member != NULL && gw->turn.now_ms - member->heard_ms <= MU_FLEET_FRESH_MS) {
            consider(&found, member->instance, &member->stats, instance, name);
        }
    }
    return found;
}

void mu_handle_drain(struct mu_gateway *gw, struct mu_exchange *x,
                     const struct mu_http_request *request)
{
    static const struct mu_text_rule rule = MU_BOUND_PROCESS;
    char instance[MU_ADDRESS_MAX + 1] = "";
    char name[MU_ADDRESS_MAX + 1] = "";
    int64_t patience_ms = 0;
    (void)request;
    bool by_instance = mu_field_text(&gw->fields, "instance", MU_OPTIONAL, &rule, instance);
    bool by_name = mu_field_text(&gw->fields, "name", MU_OPTIONAL, &rule, name);
    (void)mu_field_integer(&gw->fields, "patienceMs", MU_OPTIONAL,
                           (struct mu_range)MU_BOUND_PATIENCE_MS, &patience_ms);
    if (gw->faults.count == 0 && by_instance == by_name) {
        mu_fields_fault(&gw->fields, "", MU_ERROR_VALIDATION_FAILED,
                        "must have either instance or name");
    }
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return;
    }
    struct found found = find(gw, instance, name);
    if (found.count == 0) {
        mu_refuse(gw, x, MU_ERROR_NOT_FOUND, "No process of that name is alive.");
    } else if (found.count > 1) {
        mu_refuse(gw, x, MU_ERROR_CONFLICT,
                  "Several processes have that name: say which instance.");
    } else if (strcmp(found.kind, "broker") == 0) {
        mu_refuse(gw, x, MU_ERROR_UNSUPPORTED, "A broker has nothing to hand over: stop it.");
    } else {
        gw->msg.op = MU_OP_DRAIN;
        gw->msg.drain = (struct mu_msg_drain){ .patience_ms = (uint64_t)patience_ms };
        (void)mu_exchange_ask(gw, x, found.instance, &gw->msg, MU_OP_DRAINING);
    }
}

void mu_done_drain(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
    mu_put_text(writer, "message", "It hands over what it has, and ends.");
    mu_put_text_or_null(writer, "name", msg->draining.name);
    mu_put_text(writer, "instance", x->to);
    mu_answer_end(gw, x, 202);
}
