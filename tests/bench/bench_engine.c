/* The matching engine's costs: bench_engine [--quick] [--seed N].
 *
 * Each line is one measurement: what, at how many waiting tickets, nanoseconds of CPU for one.
 * The naive first fit over a list, as in the system that Muster replaces, runs beside it at sizes
 * that it can bear; the growth exponent says how the cost of a ticket goes with their number. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/engine.h"
#include "core/parse.h"
#include "core/rng.h"

static struct mu_rng rng;
static struct mu_config config;
static uint64_t ids;

static double now_ns(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static void show(const char *what, uint32_t n, double ns)
{
    (void)printf("%-28s n=%-8u %10.0f ns\n", what, n, ns);
    (void)fflush(stdout);
}

/* A ticket of region 0, with ratings as a population has them (a sum of uniform ones). */
static struct mu_engine_ticket make_ticket(uint32_t players_max, int64_t now_ms)
{
    struct mu_engine_ticket ticket = {
        .version = 1,
        .since_ms = now_ms - (int64_t)mu_rng_below(&rng, 30000),
        .players = 1,
    };
    (void)snprintf(ticket.id, sizeof ticket.id, "tkt_%026llu", (unsigned long long)++ids);
    int32_t rating = 0;
    for (uint32_t i = 0; i < 4; i++) {
        rating += (int32_t)mu_rng_below(&rng, 601);
    }
    ticket.rating = 300 + rating;
    if (players_max > 1 && mu_rng_chance_ppm(&rng, 300000)) {
        ticket.players = 1 + (uint32_t)mu_rng_below(&rng, players_max);
    }
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ticket.reach_ms[i] = MU_REACH_NONE;
    }
    ticket.reach_ms[0] = 30;
    ticket.reach_ms[1] = (uint16_t)(60 + mu_rng_below(&rng, 200));
    return ticket;
}

static struct mu_engine_ticket *make_tickets(uint32_t n, uint32_t players_max, int64_t now_ms)
{
    struct mu_engine_ticket *tickets = malloc(n * sizeof *tickets);
    if (tickets == NULL) {
        (void)fprintf(stderr, "out of memory\n");
        exit(1);
    }
    for (uint32_t i = 0; i < n; i++) {
        tickets[i] = make_ticket(players_max, now_ms);
    }
    return tickets;
}

static void add_all(struct mu_pool *pool, const struct mu_engine_ticket *tickets, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (mu_pool_add(pool, &tickets[i]) != 0) {
            (void)fprintf(stderr, "out of memory\n");
            exit(1);
        }
    }
}

/* What came out of a match call. */
struct result {
    uint32_t taken_count;                            /* of taken */
    char taken[MU_MATCH_PLAYERS_MAX][MU_ID_MAX + 1]; /* the last match's tickets */
    uint64_t matches;
    uint64_t tickets;
    double difference; /* sum over matches of the two teams' difference of means */
};

static bool count_match(void *owner, const struct mu_engine_match *match)
{
    struct result *result = owner;
    double sums[2] = { 0, 0 };
    double sizes[2] = { 0, 0 };
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_engine_member *member = &match->members[i];
        memcpy(result->taken[i], member->ticket->id, sizeof result->taken[i]);
        sums[member->team & 1] += (double)member->ticket->players * member->ticket->rating;
        sizes[member->team & 1] += (double)member->ticket->players;
    }
    if (sizes[1] > 0) {
        result->difference += fabs(sums[0] / sizes[0] - sums[1] / sizes[1]);
    }
    result->taken_count = match->count;
    result->matches++;
    result->tickets += match->count;
    return true;
}

/* Points between the teams of the average match; 0 when there was none. */
static double apart(const struct result *result)
{
    return result->matches == 0 ? 0 : result->difference / (double)result->matches;
}

/* All n come, some cancel and come again, then all are matched.  Returns ns a ticket. */
static double load_and_drain(uint32_t mode, uint32_t n, uint32_t players_max, const char *name)
{
    char what[64];
    int64_t now_ms = 1000000;
    struct mu_engine_ticket *tickets = make_tickets(n, players_max, now_ms);
    struct mu_pool *pool = mu_pool_create(&config, mode, MU_POOL_CAPACITY_MAX, 1);
    static struct result result;
    memset(&result, 0, sizeof result);
    double start = now_ns();
    add_all(pool, tickets, n);
    double added = now_ns();
    uint32_t cancels = n < 100000 ? n : 100000;
    double cancel_ns = 0;
    for (uint32_t i = 0; i < cancels; i++) {
        uint32_t which = (uint32_t)mu_rng_below(&rng, n);
        double from = i % 64 == 0 ? now_ns() : 0;
        (void)mu_pool_remove(pool, tickets[which].id);
        cancel_ns += i % 64 == 0 ? now_ns() - from : 0;
        (void)mu_pool_add(pool, &tickets[which]);
    }
    double matching = now_ns();
    (void)mu_pool_match(pool, now_ms, count_match, &result);
    double end = now_ns();
    mu_pool_clear(pool);
    double warm = now_ns();
    add_all(pool, tickets, n);
    double again = now_ns();
    (void)snprintf(what, sizeof what, "%s arrival, pool grows", name);
    show(what, n, (added - start) / n);
    (void)snprintf(what, sizeof what, "%s arrival", name);
    show(what, n, (again - warm) / n);
    (void)snprintf(what, sizeof what, "%s cancel", name);
    uint32_t timed = (cancels + 63) / 64;
    show(what, n, cancel_ns / timed);
    (void)snprintf(what, sizeof what, "%s match", name);
    show(what, n, (end - matching) / (double)result.matches);
    (void)printf("%-28s n=%-8u %10.1f %% matched, %.2f points between teams\n", name, n,
                 100.0 * (double)result.tickets / n, apart(&result));
    mu_pool_destroy(pool);
    free(tickets);
    return (added - start + end - matching) / n;
}

/* Tickets come one by one and are tried at once, as on a quiet bus. */
static void trickle(uint32_t mode, uint32_t n, uint32_t players_max, const char *name)
{
    assert(n > 0);
    char what[64];
    int64_t now_ms = 1000000;
    struct mu_engine_ticket *tickets = make_tickets(n, players_max, now_ms);
    struct mu_pool *pool = mu_pool_create(&config, mode, MU_POOL_CAPACITY_MAX, 1);
    static struct result result;
    memset(&result, 0, sizeof result);
    uint64_t waiting = 0;
    double start = now_ns();
    for (uint32_t i = 0; i < n; i++) {
        now_ms += 2;
        tickets[i].since_ms = now_ms;
        (void)mu_pool_add(pool, &tickets[i]);
        result.taken_count = 0;
        (void)mu_pool_match(pool, now_ms, count_match, &result);
        for (uint32_t k = 0; k < result.taken_count; k++) {
            (void)mu_pool_remove(pool, result.taken[k]); /* committed */
        }
        waiting += mu_pool_count(pool);
    }
    (void)snprintf(what, sizeof what, "%s one by one", name);
    show(what, (uint32_t)(waiting / n), (now_ns() - start) / n);
    (void)printf("%-28s %u came, %.2f points between teams\n", name, n, apart(&result));
    mu_pool_destroy(pool);
    free(tickets);
}

/* n parties of three, which never make a team of five: what an arrival costs where nothing can
 * ever happen. */
static void hopeless(uint32_t mode, uint32_t n)
{
    int64_t now_ms = 1000000;
    struct mu_engine_ticket *tickets = make_tickets(n, 1, now_ms);
    struct mu_pool *pool = mu_pool_create(&config, mode, MU_POOL_CAPACITY_MAX, 1);
    static struct result result;
    memset(&result, 0, sizeof result);
    for (uint32_t i = 0; i < n; i++) {
        tickets[i].players = 3;
    }
    add_all(pool, tickets, n - 1000);
    (void)mu_pool_match(pool, now_ms, count_match, &result);
    double start = now_ns();
    for (uint32_t i = n - 1000; i < n; i++) {
        (void)mu_pool_add(pool, &tickets[i]);
        (void)mu_pool_match(pool, now_ms, count_match, &result);
    }
    show("5v5 hopeless arrival", n, (now_ns() - start) / 1000);
    mu_pool_destroy(pool);
    free(tickets);
}

/* First fit: the oldest takes the first that both windows allow.  Returns ns a ticket. */
static double naive(uint32_t mode, uint32_t n)
{
    int64_t now_ms = 1000000;
    struct mu_engine_ticket *tickets = make_tickets(n, 1, now_ms);
    uint64_t matches = 0;
    double start = now_ns();
    uint32_t left = n;
    while (left > 1) {
        uint32_t oldest = 0;
        for (uint32_t i = 1; i < left; i++) {
            oldest = tickets[i].since_ms < tickets[oldest].since_ms ? i : oldest;
        }
        struct mu_engine_ticket first = tickets[oldest];
        tickets[oldest] = tickets[--left];
        uint32_t best = left;
        for (uint32_t i = 0; i < left; i++) {
            struct mu_engine_member pair[] = { { &first, 0 }, { &tickets[i], 1 } };
            if (mu_engine_legal(&config, mode, pair, 2, 0, now_ms) == MU_ENGINE_LEGAL &&
                (best == left || abs(tickets[i].rating - first.rating) <
                                     abs(tickets[best].rating - first.rating))) {
                best = i;
            }
        }
        if (best < left) {
            matches++;
            tickets[best] = tickets[--left];
        }
    }
    double ns = (now_ns() - start) / n;
    show("1v1 naive first fit, ticket", n, ns);
    free(tickets);
    return ns;
}

int main(int argc, char **argv)
{
    bool quick = false;
    uint64_t seed = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            quick = true;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc &&
                   mu_parse_u64(argv[i + 1], 0, UINT64_MAX, &seed) == 0) {
            i++;
        } else {
            (void)fprintf(stderr, "usage: bench_engine [--quick] [--seed N]\n");
            return 64;
        }
    }
    rng.state = seed;
    (void)printf("seed %llu\n", (unsigned long long)seed);
    mu_config_default(&config);
    uint32_t ranked = (uint32_t)mu_config_mode(&config, "ranked");
    config.modes[config.modes_count] = config.modes[mu_config_mode(&config, "squad_battle")];
    uint32_t fives = config.modes_count++;
    config.modes[fives].team_min = 5;
    config.modes[fives].team_max = 5;

    double per_ticket[4];
    const uint32_t sizes[] = { 1000, 10000, 100000, quick ? 300000 : 1000000 };
    for (uint32_t i = 0; i < 4; i++) {
        per_ticket[i] = load_and_drain(ranked, sizes[i], 1, "1v1");
    }
    double growth = 1 + log(per_ticket[3] / per_ticket[1]) / log((double)sizes[3] / sizes[1]);
    (void)printf("1v1 growth exponent %u -> %u: %.2f\n", sizes[1], sizes[3], growth);
    uint32_t naive_most = quick ? 2000 : 8000;
    double naive_ns = 0;
    for (uint32_t n = 1000; n <= naive_most; n *= 2) {
        naive_ns = naive(ranked, n);
    }
    (void)printf("1v1 at n=%u: %.0f times the naive one\n", naive_most,
                 naive_ns / load_and_drain(ranked, naive_most, 1, "1v1"));
    trickle(ranked, quick ? 20000 : 500000, 1, "1v1");
    (void)load_and_drain(fives, 10000, 5, "5v5");
    (void)load_and_drain(fives, 100000, 5, "5v5");
    trickle(fives, quick ? 10000 : 200000, 5, "5v5");
    hopeless(fives, 100000);
    return 0;
}
