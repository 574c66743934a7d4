#include "tools/http_ask.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <sodium.h>

#include "tools/http_client.h"
#include "tools/process.h"

#define AGAIN_MS 500 /* after an answer that says nothing for sure */

struct ask {
    struct event_base *base;
    struct mu_client *client;
    struct event *again; /* the timer before the next try */
    int64_t until_ms;
    struct mu_client_request request;
    char once[33];
    int failed; /* -errno; 0 */
    struct mu_ask_answer *answer;
};

static void send_request(struct ask *ask)
{
    if (mu_client_send(ask->client, &ask->request) != 0) {
        ask->failed = -ENOMEM;
        (void)event_base_loopbreak(ask->base); /* cannot fail for a base that runs */
    }
}

static void on_again(evutil_socket_t none, short what, void *context)
{
    (void)none;
    (void)what;
    send_request(context);
}

static void on_answer(void *context, int status, const char *body, size_t body_bytes)
{
    struct ask *ask = context;
    bool unsure = status == 0 || status == 429 || status == 503;
    if (unsure && mu_process_now_ms() < ask->until_ms) {
        const struct timeval wait = { 0, AGAIN_MS * 1000 };
        if (evtimer_add(ask->again, &wait) == 0) {
            return;
        }
    }
    char *copy = malloc(body_bytes + 1);
    if (copy == NULL) {
        ask->failed = -ENOMEM;
    } else {
        memcpy(copy, body, body_bytes);
        copy[body_bytes] = '\0';
        *ask->answer = (struct mu_ask_answer){ status, copy, body_bytes };
    }
    (void)event_base_loopbreak(ask->base); /* likewise */
}

int mu_ask(const struct mu_ask_gateway *gateway, const char *method, const char *path,
           const char *body, struct mu_ask_answer *ret)
{
    struct ask ask = {
        .until_ms = mu_process_now_ms() + gateway->wait_ms,
        .failed = -ENOMEM,
        .answer = ret,
    };
    unsigned char random[16];
    randombytes_buf(random, sizeof random);
    (void)sodium_bin2hex(ask.once, sizeof ask.once, random, sizeof random);
    ask.request = (struct mu_client_request){
        .method = method,
        .path = path,
        .body = body,
        .once = ask.once,
        .done = on_answer,
        .context = &ask,
    };
    ask.base = event_base_new();
    if (ask.base != NULL) {
        ask.client = mu_client_create(ask.base, gateway->host, gateway->port, gateway->key, 1);
        ask.again = evtimer_new(ask.base, on_again, &ask);
    }
    if (ask.client != NULL && ask.again != NULL) {
        ask.failed = 0;
        send_request(&ask);
        (void)event_base_dispatch(ask.base); /* ends with the last answer */
    }
    mu_client_destroy(ask.client);
    if (ask.again != NULL) {
        event_free(ask.again);
    }
    if (ask.base != NULL) {
        event_base_free(ask.base);
    }
    assert(ask.failed != 0 || ret->body != NULL);
    return ask.failed;
}
