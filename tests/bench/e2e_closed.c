#include "tests/bench/e2e_closed.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/e2e_cluster.h"
#include "tests/bench/e2e_links.h"

#define PATIENCE_NS INT64_C(20000000000) /* for the last answers, and for all registrations */

struct mu_closed_links {
    struct mu_links *links;
    uint32_t clients;
    int64_t *sent_ns; /* [clients] of the request that waits */
    uint32_t waiting; /* requests without an answer */
    bool idle;        /* none is left, and none is to be sent */
    bool enqueue;     /* what is asked: queue, or register */
    uint32_t next;    /* player of the next request */
    uint32_t end;     /* one behind the last player */
    int64_t until_ns; /* no request later */
    struct mu_players *players;
    struct mu_closed *result;
};

/* Sends the next request, if there is one. */
static void ask_next(struct mu_closed_links *closed, uint32_t client)
{
    char body[256];
    int64_t now_ns = mu_bench_now_ns();
    if (closed->next < closed->end && now_ns < closed->until_ns) {
        uint32_t player = closed->next++;
        const char *path = closed->enqueue ? "/v1/matchmaking/queue" : "/v1/players/register";
        if (closed->enqueue) {
            (void)snprintf(body, sizeof body,
                           "{\"playerId\":\"%s\",\"gameMode\":\"" MU_E2E_MODE
                           "\",\"region\":\"" MU_E2E_REGION "\"}",
                           closed->players->ids[player]);
        } else {
            (void)snprintf(body, sizeof body,
                           "{\"username\":\"bench-%u\",\"region\":\"" MU_E2E_REGION "\"}",
                           (unsigned)player);
        }
        closed->sent_ns[client] = now_ns;
        if (mu_links_ask(closed->links, client, "POST", path, body) == 0) {
            closed->waiting++;
        } else {
            closed->result->failed++;
        }
    }
    closed->idle = closed->waiting == 0;
}

static bool keep_id(struct mu_players *players, const char *text)
{
    static const char name[] = "\"playerId\":\"";
    const char *at = strstr(text, name);
    size_t bytes = at == NULL ? 0 : strcspn(at + sizeof name - 1, "\"");
    if (bytes == 0 || bytes >= MU_E2E_ID_BYTES) {
        return false;
    }
    memcpy(players->ids[players->count], at + sizeof name - 1, bytes);
    players->ids[players->count++][bytes] = '\0';
    return true;
}

static void take(void *context, uint32_t client, int status, const char *text, size_t bytes)
{
    struct mu_closed_links *closed = context;
    (void)bytes;
    bool asked = closed->result != NULL && closed->sent_ns[client] != 0;
    if (!asked) {
        return; /* a connection that rested was closed: the next request on it fails */
    }
    closed->waiting--;
    if (status == 201 && (closed->enqueue || keep_id(closed->players, text))) {
        closed->result->done++;
        mu_samples_add(&closed->result->us,
                       (double)(mu_bench_now_ns() - closed->sent_ns[client]) / 1e3);
    } else {
        if (closed->result->failed++ == 0) {
            (void)fprintf(stderr, "bench: answered %d: %.200s\n", status, text);
        }
    }
    closed->sent_ns[client] = 0;
    ask_next(closed, client);
}

struct mu_closed_links *mu_closed_open(uint16_t port, uint32_t clients)
{
    struct mu_closed_links *closed = calloc(1, sizeof *closed);
    if (closed == NULL) {
        return NULL;
    }
    closed->clients = clients;
    closed->sent_ns = calloc(clients, sizeof closed->sent_ns[0]);
    closed->links =
        closed->sent_ns == NULL ? NULL : mu_links_create(port, clients, false, take, closed);
    if (closed->links == NULL) {
        mu_closed_close(closed);
        return NULL;
    }
    return closed;
}

void mu_closed_close(struct mu_closed_links *closed)
{
    if (closed != NULL) {
        mu_links_destroy(closed->links);
        free(closed->sent_ns);
        free(closed);
    }
}

static void run(struct mu_closed_links *closed, struct mu_players *players, int64_t for_ns,
                struct mu_closed *ret)
{
    int64_t begin_ns = mu_bench_now_ns();
    closed->players = players;
    closed->result = ret;
    closed->until_ns = begin_ns + for_ns;
    closed->idle = false;
    for (uint32_t i = 0; i < closed->clients; i++) {
        ask_next(closed, i);
    }
    if (!closed->idle) {
        mu_links_run(closed->links, begin_ns + for_ns + PATIENCE_NS, &closed->idle);
    }
    ret->failed += closed->waiting; /* without an answer */
    closed->waiting = 0;
    closed->result = NULL;
    ret->seconds = (double)(mu_bench_now_ns() - begin_ns) / 1e9;
}

void mu_closed_register(struct mu_closed_links *closed, struct mu_players *players, uint32_t count,
                        struct mu_closed *ret)
{
    assert(count <= players->capacity);
    closed->enqueue = false;
    closed->next = players->count;
    closed->end = count;
    run(closed, players, PATIENCE_NS, ret);
}

void mu_closed_enqueue(struct mu_closed_links *closed, struct mu_players *players, int64_t for_ns,
                       struct mu_closed *ret)
{
    closed->enqueue = true;
    closed->next = players->queued;
    closed->end = players->count;
    run(closed, players, for_ns, ret);
    players->queued = closed->next;
}
