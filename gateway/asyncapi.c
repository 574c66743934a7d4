/* gateway/asyncapi.c - /asyncapi.json: every WebSocket message as AsyncAPI 3.0. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/documents.h"
#include "gateway/operations.h"
#include "gateway/present.h"
#include "gateway/schema.h"

#define CHANNEL "#/channels/player"

/* What is sent over the WebSocket: the options of these. */
static const enum mu_schema_id unions[] = { MU_SCHEMA_Asked, MU_SCHEMA_Said, MU_SCHEMA_Event };

#define UNIONS_COUNT (sizeof unions / sizeof unions[0])

static void put_reference(struct mu_json_writer *writer, const char *to, const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s%s", to, name);
    mu_json_object_begin(writer);
    mu_put_text(writer, "$ref", path);
    mu_json_object_end(writer);
}

static void put_info(struct mu_json_writer *writer)
{
    mu_json_key(writer, "info");
    mu_json_object_begin(writer);
    mu_put_text(writer, "title", "Muster");
    mu_put_text(writer, "version", MU_VERSION);
    mu_put_text(
        writer, "description",
        "The WebSocket of a gateway. A client asks with action, and is answered with type; an id "
        "that it gives comes back as re. Once it has asked REGISTER, the player's events come, "
        "in order: each has seq, its number in his log, without gaps. A client that was away "
        "gives its last seq as since, and is sent what it missed. All the rest of the API is "
        "described by /openapi.json.");
    mu_json_key(writer, "license");
    mu_json_object_begin(writer);
    mu_put_text(writer, "name", "Apache-2.0");
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

static void put_channel(struct mu_json_writer *writer)
{
    mu_json_key(writer, "channels");
    mu_json_object_begin(writer);
    mu_json_key(writer, "player");
    mu_json_object_begin(writer);
    mu_put_text(writer, "address", "/v1/ws");
    mu_put_text(writer, "description", "A player's connection; also at /ws. Text messages only.");
    mu_json_key(writer, "messages");
    mu_json_object_begin(writer);
    for (size_t u = 0; u < UNIONS_COUNT; u++) {
        for (uint32_t n = 0; n < mu_schema_options(unions[u]); n++) {
            const char *name = mu_schema_name(mu_schema_option(unions[u], n));
            mu_json_key(writer, name);
            put_reference(writer, "#/components/messages/", name);
        }
    }
    mu_json_object_end(writer);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

static void put_channel_reference(struct mu_json_writer *writer)
{
    mu_json_key(writer, "channel");
    put_reference(writer, CHANNEL, "");
}

static void put_message(struct mu_json_writer *writer, enum mu_schema_id id)
{
    put_reference(writer, CHANNEL "/messages/", mu_schema_name(id));
}

/* The schema of an action; the unit tests see that each has one. */
static enum mu_schema_id asked_of(const char *action)
{
    for (uint32_t n = 0; n < mu_schema_options(MU_SCHEMA_Asked); n++) {
        enum mu_schema_id id = mu_schema_option(MU_SCHEMA_Asked, n);
        if (strcmp(mu_schema_only_word(id, "action"), action) == 0) {
            return id;
        }
    }
    assert(false);
    return MU_SCHEMAS_COUNT;
}

/* What a client asks for, and what it is answered. */
static void put_action(struct mu_json_writer *writer, const char *action, const char *doc)
{
    mu_json_key(writer, action);
    mu_json_object_begin(writer);
    mu_put_text(writer, "action", "receive");
    mu_put_text(writer, "summary", doc);
    put_channel_reference(writer);
    mu_json_key(writer, "security");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < MU_OPERATION_ROLES; i++) {
        if (mu_operation_role_may(i, MU_ROUTE_CLIENTS)) { /* as gateway/actions.c wants it */
            put_reference(writer, "#/components/securitySchemes/", mu_operation_role(i));
        }
    }
    mu_json_array_end(writer);
    mu_json_key(writer, "messages");
    mu_json_array_begin(writer);
    put_message(writer, asked_of(action));
    mu_json_array_end(writer);
    mu_json_key(writer, "reply");
    mu_json_object_begin(writer);
    put_channel_reference(writer);
    mu_json_key(writer, "messages");
    mu_json_array_begin(writer);
    put_message(writer, mu_operation_reply(action));
    put_message(writer, MU_SCHEMA_ErrorMessage);
    mu_json_array_end(writer);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

static void put_operations(struct mu_json_writer *writer)
{
    mu_json_key(writer, "operations");
    mu_json_object_begin(writer);
#define ACTION(NAME, name, doc) put_action(writer, #NAME, doc);
#include "gateway/actions.def"
#undef ACTION
    mu_json_key(writer, "events");
    mu_json_object_begin(writer);
    mu_put_text(writer, "action", "send");
    mu_put_text(writer, "summary", "What happens to the player, in order of seq.");
    put_channel_reference(writer);
    mu_json_key(writer, "messages");
    mu_json_array_begin(writer);
    for (uint32_t n = 0; n < mu_schema_options(MU_SCHEMA_Event); n++) {
        put_message(writer, mu_schema_option(MU_SCHEMA_Event, n));
    }
    mu_json_array_end(writer);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

static void put_messages(struct mu_json_writer *writer)
{
    mu_json_key(writer, "messages");
    mu_json_object_begin(writer);
    for (size_t u = 0; u < UNIONS_COUNT; u++) {
        for (uint32_t n = 0; n < mu_schema_options(unions[u]); n++) {
            enum mu_schema_id id = mu_schema_option(unions[u], n);
            const char *selector = unions[u] == MU_SCHEMA_Asked ? "action" : "type";
            mu_json_key(writer, mu_schema_name(id));
            mu_json_object_begin(writer);
            mu_put_text(writer, "name", mu_schema_only_word(id, selector));
            mu_put_text(writer, "summary", mu_schema_doc(id));
            mu_put_text(writer, "contentType", "application/json");
            mu_json_key(writer, "payload");
            mu_schema_refer(writer, id);
            mu_json_object_end(writer);
        }
    }
    mu_json_object_end(writer);
}

static void put_components(struct mu_json_writer *writer)
{
    bool wanted[MU_SCHEMAS_COUNT] = { false };
    for (size_t u = 0; u < UNIONS_COUNT; u++) {
        for (uint32_t n = 0; n < mu_schema_options(unions[u]); n++) {
            wanted[mu_schema_option(unions[u], n)] = true;
        }
    }
    mu_json_key(writer, "components");
    mu_json_object_begin(writer);
    mu_operation_schemes(writer);
    put_messages(writer);
    mu_json_key(writer, "schemas");
    mu_json_object_begin(writer);
    mu_schemas_write(writer, wanted);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

void mu_asyncapi_write(struct mu_json_writer *writer)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "asyncapi", "3.0.0");
    put_info(writer);
    mu_put_text(writer, "defaultContentType", "application/json");
    put_channel(writer);
    put_operations(writer);
    put_components(writer);
    mu_json_object_end(writer);
}
