/* gateway/handle_rules.c - /v1/rulesets: the game modes' rule sets. */
#include "gateway/handlers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

/* The game mode of the path, as a message takes it. */
static void name_of(const struct mu_exchange *x, char ret[MU_ID_MAX + 1])
{
    (void)snprintf(ret, MU_ID_MAX + 1, "%.*s", MU_ID_MAX, x->params[0]);
}

static void put_ruleset(struct mu_json_writer *writer, const struct mu_msg_ruleset *ruleset,
                        bool with_document)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "name", ruleset->name);
    mu_put_u64(writer, "version", ruleset->version);
    mu_put_u64(writer, "activeVersion", ruleset->active);
    mu_put_u64(writer, "newestVersion", ruleset->newest);
    mu_put_text(writer, "hash", ruleset->hash);
    mu_put_time(writer, "createdAt", ruleset->created_ms);
    if (with_document) {
        mu_json_key(writer, "document");
        mu_json_string_n(writer, (const char *)ruleset->text.data, ruleset->text.size);
    }
    mu_json_object_end(writer);
}

/* Answers with one rule set. */
static void answer(struct mu_gateway *gw, struct mu_exchange *x, int status,
                   const struct mu_msg_ruleset *ruleset)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
    mu_json_key(writer, "ruleSet");
    put_ruleset(writer, ruleset, x->route->id == MU_ROUTE_rules_get);
    mu_answer_end(gw, x, status);
}

void mu_handle_rules_put(struct mu_gateway *gw, struct mu_exchange *x,
                         const struct mu_http_request *request)
{
    (void)request;
    gw->msg.op = MU_OP_RULES_PUT;
    gw->msg.rules_put = (struct mu_msg_rules_put){ .text = gw->client_body };
    name_of(x, gw->msg.rules_put.name);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_RULESET);
}
static_assert(MU_HTTP_BODY_MAX <= 65536, "a body fits into RULES_PUT");

void mu_done_rules_put(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer(gw, x, msg->ruleset.created ? 201 : 200, &msg->ruleset);
}

void mu_handle_rules_get(struct mu_gateway *gw, struct mu_exchange *x,
                         const struct mu_http_request *request)
{
    struct mu_msg_rules_get *ask = &gw->msg.rules_get;
    gw->msg.op = MU_OP_RULES_GET;
    *ask = (struct mu_msg_rules_get){ .version = 0 };
    name_of(x, ask->name);
    if (!mu_field_query(&gw->fields, request->query, "version", INT64_MAX, &ask->version)) {
        mu_refuse_faults(gw, x);
        return;
    }
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_RULESET);
}

void mu_done_rules_get(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer(gw, x, 200, &msg->ruleset);
}

void mu_handle_rules_document(struct mu_gateway *gw, struct mu_exchange *x,
                              const struct mu_http_request *request)
{
    mu_handle_rules_get(gw, x, request);
}

void mu_done_rules_document(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    const struct mu_slice text = msg->ruleset.text;
    mu_answer_text(gw, x, "text/plain; charset=utf-8", (const char *)text.data, text.size);
}

void mu_handle_rules_list(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request)
{
    (void)request;
    gw->msg.op = MU_OP_RULES_LIST;
    gw->msg.rules_list = (struct mu_msg_rules_list){ .reserved = 0 };
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_RULES_LISTED);
}

void mu_done_rules_list(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
    mu_json_key(writer, "ruleSets");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < msg->rules_listed.rulesets_count; i++) {
        put_ruleset(writer, &msg->rules_listed.rulesets[i], false);
    }
    mu_json_array_end(writer);
    mu_answer_end(gw, x, 200);
}

void mu_handle_rules_rollback(struct mu_gateway *gw, struct mu_exchange *x,
                              const struct mu_http_request *request)
{
    static const char *const known[] = { "version" };
    int64_t version = 0;
    (void)request;
    mu_fields_only(&gw->fields, known, 1);
    (void)mu_field_integer(&gw->fields, "version", MU_REQUIRED, (struct mu_range)MU_BOUND_VERSION,
                           &version);
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return;
    }
    gw->msg.op = MU_OP_RULES_ACTIVATE;
    gw->msg.rules_activate = (struct mu_msg_rules_activate){ .version = (uint64_t)version };
    name_of(x, gw->msg.rules_activate.name);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_RULESET);
}

void mu_done_rules_rollback(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    answer(gw, x, 200, &msg->ruleset);
}
