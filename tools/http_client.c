#include "tools/http_client.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#define KEY_MAX 255 /* bytes of a key */

/* A request that waits for its answer. */
struct pending {
    struct mu_client *client; /* whose; NULL: the slot is free */
    mu_client_done_fn *done;
    void *context;
};

struct mu_client {
    struct event_base *base;
    struct evhttp_connection *connections[MU_CLIENT_CONNECTIONS_MAX];
    uint32_t connections_count;
    uint32_t next;                                  /* connection of the next request */
    uint32_t pending_count;                         /* slots in use */
    uint32_t hand;                                  /* where the search for a free slot begins */
    char host[80];                                  /* "127.0.0.1:8080" */
    char authorization[sizeof "Bearer " + KEY_MAX]; /* "" for none */
    struct pending pending[MU_CLIENT_PENDING_MAX];
};

struct mu_client *mu_client_create(struct event_base *base, const char *address, uint16_t port,
                                   const char *key, uint32_t connections)
{
    assert(connections >= 1 && connections <= MU_CLIENT_CONNECTIONS_MAX);
    struct mu_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    client->base = base;
    (void)snprintf(client->host, sizeof client->host, "%s:%u", address, (unsigned)port);
    if (key[0] != '\0') {
        (void)snprintf(client->authorization, sizeof client->authorization, "Bearer %s", key);
    }
    while (client->connections_count < connections) {
        struct evhttp_connection *connection =
            evhttp_connection_base_new(base, NULL, address, port);
        if (connection == NULL) {
            mu_client_destroy(client);
            return NULL;
        }
        evhttp_connection_set_timeout(connection, MU_CLIENT_SECONDS);
        evhttp_connection_set_max_body_size(connection, MU_CLIENT_ANSWER_MAX);
        client->connections[client->connections_count++] = connection;
    }
    return client;
}

void mu_client_destroy(struct mu_client *client)
{
    if (client == NULL) {
        return;
    }
    for (uint32_t i = 0; i < client->connections_count; i++) {
        evhttp_connection_free(client->connections[i]);
    }
    free(client);
}

static void on_answer(struct evhttp_request *answer, void *context)
{
    struct pending pending = *(struct pending *)context;
    *(struct pending *)context = (struct pending){ 0 };
    assert(pending.client->pending_count > 0);
    pending.client->pending_count--;
    /* libevent says "no answer" with NULL, or with an empty request of status 0. */
    int status = answer == NULL ? 0 : evhttp_request_get_response_code(answer);
    struct evbuffer *body = status == 0 ? NULL : evhttp_request_get_input_buffer(answer);
    size_t bytes = body == NULL ? 0 : evbuffer_get_length(body);
    const char *text = "";
    if (bytes > 0) {
        bool whole = evbuffer_add(body, "", 1) == 0; /* the NUL */
        text = whole ? (const char *)evbuffer_pullup(body, -1) : NULL;
        if (text == NULL) {
            status = 0;
            bytes = 0;
            text = "";
        }
    }
    pending.done(pending.context, status, text, bytes);
}

static enum evhttp_cmd_type command_of(const char *method)
{
    static const struct {
        const char *name;
        enum evhttp_cmd_type type;
    } methods[] = {
        { "GET", EVHTTP_REQ_GET },     { "POST", EVHTTP_REQ_POST },     { "PUT", EVHTTP_REQ_PUT },
        { "PATCH", EVHTTP_REQ_PATCH }, { "DELETE", EVHTTP_REQ_DELETE },
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i].name, method) == 0) {
            return methods[i].type;
        }
    }
    assert(false);
    return EVHTTP_REQ_GET;
}

static struct pending *free_slot(struct mu_client *client)
{
    assert(client->pending_count < MU_CLIENT_PENDING_MAX);
    while (client->pending[client->hand].client != NULL) {
        client->hand = (client->hand + 1) % MU_CLIENT_PENDING_MAX;
    }
    return &client->pending[client->hand];
}

/* Fills in headers and body.  Returns 0 or -ENOMEM. */
static int fill(const struct mu_client *client, const struct mu_client_request *request,
                struct evhttp_request *ret)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(ret);
    char key[sizeof client->authorization];
    const char *authorization = client->authorization;
    if (request->key != NULL) {
        (void)snprintf(key, sizeof key, "Bearer %s", request->key);
        authorization = key;
    }
    int r = evhttp_add_header(headers, "Host", client->host);
    if (authorization[0] != '\0') {
        r |= evhttp_add_header(headers, "Authorization", authorization);
    }
    if (request->once != NULL) {
        r |= evhttp_add_header(headers, "Idempotency-Key", request->once);
    }
    if (request->body != NULL) {
        r |= evhttp_add_header(headers, "Content-Type", "application/json");
        r |= evbuffer_add(evhttp_request_get_output_buffer(ret), request->body,
                          strlen(request->body));
    }
    return r == 0 ? 0 : -ENOMEM;
}

int mu_client_send(struct mu_client *client, const struct mu_client_request *request)
{
    if (client->pending_count == MU_CLIENT_PENDING_MAX) {
        return -EBUSY;
    }
    struct pending *slot = free_slot(client);
    struct evhttp_request *made = evhttp_request_new(on_answer, slot);
    if (made == NULL) {
        return -ENOMEM;
    }
    if (fill(client, request, made) != 0) {
        evhttp_request_free(made);
        return -ENOMEM;
    }
    *slot = (struct pending){
        .client = client,
        .done = request->done,
        .context = request->context,
    };
    client->pending_count++;
    client->next = (client->next + 1) % client->connections_count;
    /* Takes `made`.  When it fails at once, on_answer may have been called already. */
    if (evhttp_make_request(client->connections[client->next], made, command_of(request->method),
                            request->path) != 0 &&
        slot->client != NULL) {
        *slot = (struct pending){ 0 };
        client->pending_count--;
        return -ENOMEM;
    }
    return 0;
}

uint32_t mu_client_pending(const struct mu_client *client)
{
    return client->pending_count;
}
