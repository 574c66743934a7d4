#include "tests/bench/e2e_open.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/map.h"
#include "core/rng.h"
#include "tests/bench/e2e_cluster.h"
#include "tests/bench/e2e_links.h"

#define PATIENCE_NS INT64_C(10000000000) /* after the last ticket */
#define LEAD_NS     50000000             /* from the start to the first ticket */
#define NOBODY      UINT32_MAX

/* One ticket, by its player's link. */
struct ticket {
    int64_t intended_ns;
    uint32_t match; /* index; NOBODY: heard of none */
    bool acked;
    bool refused;
};

struct match {
    uint32_t heard;        /* players */
    int64_t later_ns;      /* the later intended moment */
    int64_t last_heard_ns; /* both know */
};

struct mu_open_run {
    struct mu_open_plan plan;
    struct mu_links *links;
    struct ticket *tickets; /* [plan.tickets] */
    struct match *matches;  /* [plan.tickets] */
    uint32_t matches_count;
    struct mu_map *by_id; /* match id -> index */
    uint32_t bound;       /* sockets */
    const struct mu_players *players;
    uint32_t first; /* player of the first link */
    bool all_bound;
    bool all_heard;
    struct mu_open *result; /* NULL: tickets are not sent yet */
};

void mu_open_init(struct mu_open *open, uint32_t tickets)
{
    *open = (struct mu_open){ .acked = 0 };
    mu_samples_init(&open->both_us, tickets);
    mu_samples_init(&open->order_us, tickets);
    mu_samples_init(&open->ack_us, tickets);
    mu_samples_init(&open->late_us, tickets);
}

void mu_open_release(struct mu_open *open)
{
    mu_samples_release(&open->both_us);
    mu_samples_release(&open->order_us);
    mu_samples_release(&open->ack_us);
    mu_samples_release(&open->late_us);
}

/* The match that a text names, made if it is new; NOBODY: it names none. */
static uint32_t match_of(struct mu_open_run *run, const char *text)
{
    static const char name[] = "\"matchId\":\"";
    char id[MU_E2E_ID_BYTES];
    const char *at = strstr(text, name);
    size_t bytes = at == NULL ? 0 : strcspn(at + sizeof name - 1, "\"");
    if (bytes == 0 || bytes >= sizeof id) {
        return NOBODY;
    }
    memcpy(id, at + sizeof name - 1, bytes);
    id[bytes] = '\0';
    uint32_t match = mu_map_get(run->by_id, id);
    if (match == MU_MAP_NONE && run->matches_count < run->plan.tickets) {
        match = run->matches_count++;
        int r = mu_map_put(run->by_id, id, match);
        assert(r == 0);
    }
    return match;
}

static void on_found(struct mu_open_run *run, uint32_t link, const char *text, int64_t now_ns)
{
    struct ticket *ticket = &run->tickets[link];
    uint32_t index = match_of(run, text);
    if (ticket->match != NOBODY || index == NOBODY) {
        run->result->doubled++;
        return;
    }
    struct match *match = &run->matches[index];
    ticket->match = index;
    run->result->notified++;
    match->later_ns = ticket->intended_ns > match->later_ns ? ticket->intended_ns : match->later_ns;
    match->last_heard_ns = now_ns;
    match->heard++;
    run->result->doubled += match->heard > 2;
    run->all_heard = run->result->notified == run->plan.tickets;
}

static void on_text(struct mu_open_run *run, uint32_t link, const char *text)
{
    int64_t now_ns = mu_bench_now_ns();
    struct ticket *ticket = &run->tickets[link];
    if (strncmp(text, "{\"type\":\"MATCH_FOUND\"", 21) == 0) {
        on_found(run, link, text, now_ns);
    } else if (strncmp(text, "{\"type\":\"QUEUE_STATUS\"", 22) == 0) {
        run->result->acked += ticket->acked ? 0 : 1;
        ticket->acked = true;
        mu_samples_add(&run->result->ack_us, (double)(now_ns - ticket->intended_ns) / 1e3);
    } else if (strncmp(text, "{\"type\":\"ERROR\"", 15) == 0) {
        if (run->result->refused++ == 0) {
            (void)fprintf(stderr, "bench: refused: %.200s\n", text);
        }
        ticket->refused = true;
    }
}

static void take(void *context, uint32_t link, int status, const char *text, size_t bytes)
{
    struct mu_open_run *run = context;
    (void)bytes;
    if (run->result == NULL) {
        run->bound += status == 101 && strstr(text, "\"REGISTERED\"") != NULL;
        run->all_bound = run->bound == run->plan.tickets;
    } else if (status == 101) {
        on_text(run, link, text);
    } else {
        (void)fprintf(stderr, "bench: a connection was lost\n");
        run->result->refused++;
        run->tickets[link].refused = true;
    }
}

/* Binds each socket to a player; a few hundred at a time, so that none waits long. */
static bool bind_players(struct mu_open_run *run, struct mu_players *players)
{
    for (uint32_t i = 0; i < run->plan.tickets; i++) {
        char text[128];
        int bytes = snprintf(text, sizeof text, "{\"action\":\"REGISTER\",\"playerId\":\"%s\"}",
                             players->ids[players->queued + i]);
        if (mu_links_say(run->links, i, text, (size_t)bytes) != 0) {
            break;
        }
        if (i % 256 == 255) {
            mu_links_run(run->links, mu_bench_now_ns() + 20000000, NULL);
        }
    }
    if (!run->all_bound) {
        mu_links_run(run->links, mu_bench_now_ns() + PATIENCE_NS, &run->all_bound);
    }
    if (!run->all_bound) {
        (void)fprintf(stderr, "bench: only %u of %u sockets could be bound to their players\n",
                      (unsigned)run->bound, (unsigned)run->plan.tickets);
    }
    run->players = players;
    run->first = players->queued;
    players->queued += run->plan.tickets;
    return run->all_bound;
}

struct mu_open_run *mu_open_begin(const struct mu_open_plan *plan, struct mu_players *players)
{
    struct mu_open_run *run = calloc(1, sizeof *run);
    assert(plan->tickets >= 2 && plan->tickets <= players->count - players->queued);
    if (run == NULL) {
        return NULL;
    }
    run->plan = *plan;
    run->tickets = calloc(plan->tickets, sizeof run->tickets[0]);
    run->matches = calloc(plan->tickets, sizeof run->matches[0]);
    run->by_id = mu_map_create(plan->tickets, MU_E2E_ID_BYTES - 1, plan->seed);
    if (run->tickets == NULL || run->matches == NULL || run->by_id == NULL) {
        mu_open_end(run);
        return NULL;
    }
    run->links = mu_links_create(plan->port, plan->tickets, true, take, run);
    if (run->links == NULL || !bind_players(run, players)) {
        mu_open_end(run);
        return NULL;
    }
    for (uint32_t i = 0; i < plan->tickets; i++) {
        run->tickets[i].match = NOBODY;
    }
    return run;
}

void mu_open_end(struct mu_open_run *run)
{
    if (run != NULL) {
        mu_links_destroy(run->links);
        mu_map_destroy(run->by_id);
        free(run->tickets);
        free(run->matches);
        free(run);
    }
}

/* The moments at which tickets arrive. */
static void plan_moments(struct mu_open_run *run, int64_t begin_ns)
{
    struct mu_rng rng = { run->plan.seed };
    double at_ns = 0;
    for (uint32_t i = 0; i < run->plan.tickets; i++) {
        double uniform = ((double)(mu_rng_next(&rng) >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
        at_ns += -log(uniform) * 1e9 / run->plan.rate;
        run->tickets[i].intended_ns = begin_ns + (int64_t)at_ns;
    }
}

static int compare_heard(const void *a, const void *b)
{
    int64_t x = ((const struct match *)a)->last_heard_ns;
    int64_t y = ((const struct match *)b)->last_heard_ns;
    return (x > y) - (x < y);
}

/* What the cluster says of a player that heard nothing: to tell a ticket that is stuck from a
 * notification that was lost. */
static void look_at_lost(const struct mu_open_run *run, uint32_t link, struct mu_open *ret)
{
    char path[128];
    char answer[4096];
    const char *player = run->players->ids[run->first + link];
    (void)snprintf(path, sizeof path, "/v1/matchmaking/queue/%s", player);
    int64_t bytes = mu_e2e_fetch(run->plan.port, path, answer, sizeof answer);
    const char *body = strstr(answer, "\r\n\r\n");
    ret->untold += strstr(answer, "\"MATCHED\"") != NULL;
    (void)fprintf(stderr, "bench: ticket %u of %u was lost: %.400s\n", (unsigned)link,
                  (unsigned)run->plan.tickets, bytes < 0 || body == NULL ? "?" : body + 4);
}

/* Figures of whole matches.  Sorts them by when they were known: indexes are void. */
static void judge(struct mu_open_run *run, struct mu_open *ret, int64_t begin_ns)
{
    for (uint32_t i = 0; i < run->plan.tickets; i++) {
        const struct ticket *ticket = &run->tickets[i];
        if (ticket->acked && ticket->match == NOBODY) {
            ret->lost++;
            look_at_lost(run, i, ret);
        }
    }
    qsort(run->matches, run->matches_count, sizeof run->matches[0], compare_heard);
    for (uint32_t i = 0; i < run->matches_count; i++) {
        const struct match *match = &run->matches[i];
        if (match->heard != 2) {
            continue; /* the player that did not hear is counted as lost */
        }
        mu_samples_add(&ret->both_us, (double)(match->last_heard_ns - match->later_ns) / 1e3);
        int64_t possible_ns = run->tickets[2 * ret->matches + 1].intended_ns;
        mu_samples_add(&ret->order_us, (double)(match->last_heard_ns - possible_ns) / 1e3);
        ret->seconds = (double)(match->last_heard_ns - begin_ns) / 1e9;
        ret->matches++;
    }
    mu_samples_sort(&ret->both_us);
    mu_samples_sort(&ret->order_us);
    mu_samples_sort(&ret->ack_us);
    mu_samples_sort(&ret->late_us);
}

void mu_open_go(struct mu_open_run *run, struct mu_open *ret)
{
    static const char text[] = "{\"action\":\"JOIN_QUEUE\",\"gameMode\":\"" MU_E2E_MODE
                               "\",\"region\":\"" MU_E2E_REGION "\"}";
    int64_t begin_ns = mu_bench_now_ns() + LEAD_NS;
    run->result = ret;
    plan_moments(run, begin_ns);
    for (uint32_t i = 0; i < run->plan.tickets; i++) {
        struct ticket *ticket = &run->tickets[i];
        mu_links_run(run->links, ticket->intended_ns, NULL);
        mu_samples_add(&ret->late_us, (double)(mu_bench_now_ns() - ticket->intended_ns) / 1e3);
        if (mu_links_say(run->links, i, text, sizeof text - 1) != 0) {
            ticket->refused = true;
            ret->refused++;
        }
    }
    if (!run->all_heard) {
        mu_links_run(run->links, mu_bench_now_ns() + PATIENCE_NS, &run->all_heard);
    }
    /* An answer may come after the match: a moment for the last ones. */
    mu_links_run(run->links, mu_bench_now_ns() + 100000000, NULL);
    judge(run, ret, begin_ns);
}
