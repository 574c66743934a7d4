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
#include "actors/rules_compile.h"
#include "core/parse.h"
#include "core/rng.h"

/* A mode with its rules. */
struct queue {
    const char *name;
    uint32_t party_max;
    struct mu_rulebook book;
};

static struct mu_rng rng;
static struct mu_config config;
static uint64_t ids;

static void out_of_memory(void)
{
    (void)fprintf(stderr, "out of memory\n");
    exit(1);
}

/* Everybody waits for a good match, or (wait_cost_ms 0) takes the first legal one. */
static struct queue make_queue(const char *name, uint32_t teams, uint32_t size,
                               uint32_t wait_cost_ms)
{
    struct queue queue = { .name = name, .party_max = size < 5 ? size : 5 };
    struct mu_mode *mode = &config.modes[0];
    *mode = (struct mu_mode){
        .teams = teams,
        .teams_min = teams,
        .team_min = size,
        .team_max = size,
        .window_points = wait_cost_ms == 0 ? 200 : 2900,
        .window_max = 2900,
        .latency_max_ms = 250,
        .wait_max_ms = 600000,
        .wait_cost_ms = wait_cost_ms,
        .serve_first_ms = 480000,
    };
    if (mu_rules_from_mode(&config, 0, &queue.book) != 0) {
        out_of_memory();
    }
    return queue;
}

static struct mu_pool *make_pool(const struct queue *queue)
{
    struct mu_pool *pool = mu_pool_create(&config, &queue->book, MU_POOL_CAPACITY_MAX, 1);
    if (pool == NULL) {
        out_of_memory();
    }
    return pool;
}

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
static struct mu_engine_ticket make_ticket(const struct queue *queue, int64_t now_ms)
{
    static const int32_t deviations[MU_TICKET_PLAYERS_MAX];
    int32_t ratings[MU_TICKET_PLAYERS_MAX];
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
    if (queue->party_max > 1 && mu_rng_chance_ppm(&rng, 300000)) {
        ticket.players = 1 + (uint32_t)mu_rng_below(&rng, queue->party_max);
    }
    for (uint32_t i = 0; i < ticket.players; i++) {
        ratings[i] = 300 + rating;
    }
    mu_engine_ticket_rate(&ticket, &queue->book.shapes[0]->objective, ratings, deviations,
                          ticket.players);
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ticket.reach_ms[i] = MU_REACH_NONE;
    }
    ticket.reach_ms[0] = 30;
    ticket.reach_ms[1] = (uint16_t)(60 + mu_rng_below(&rng, 200));
    return ticket;
}

static struct mu_engine_ticket *make_tickets(const struct queue *queue, uint32_t n, int64_t now_ms)
{
    struct mu_engine_ticket *tickets = malloc(n * sizeof *tickets);
    if (tickets == NULL) {
        out_of_memory();
    }
    for (uint32_t i = 0; i < n; i++) {
        tickets[i] = make_ticket(queue, now_ms);
    }
    return tickets;
}

static void add_all(struct mu_pool *pool, const struct mu_engine_ticket *tickets, uint32_t n,
                    int64_t now_ms)
{
    for (uint32_t i = 0; i < n; i++) {
        if (mu_pool_add(pool, &tickets[i], now_ms) != 0) {
            out_of_memory();
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
        sums[member->team & 1] += member->ticket->sum;
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

/* One at a time, so that its tickets can be committed. */
static bool take_match(void *owner, const struct mu_engine_match *match)
{
    (void)count_match(owner, match);
    return false;
}

/* Points between the teams of the average match; 0 when there was none. */
static double apart(const struct result *result)
{
    return result->matches == 0 ? 0 : result->difference / (double)result->matches;
}

/* Calls until nothing more is found at that time. */
static void match_all(struct mu_pool *pool, int64_t now_ms, struct result *result)
{
    do {
        (void)mu_pool_match(pool, now_ms, count_match, result);
    } while (mu_pool_next_moment(pool) == INT64_MIN);
}

/* All n come, some cancel and come again, then all are matched.  Returns ns a ticket. */
static double load_and_drain(const struct queue *queue, uint32_t n)
{
    char what[64];
    int64_t now_ms = 1000000;
    struct mu_engine_ticket *tickets = make_tickets(queue, n, now_ms);
    struct mu_pool *pool = make_pool(queue);
    static struct result result;
    memset(&result, 0, sizeof result);
    double start = now_ns();
    add_all(pool, tickets, n, now_ms);
    double added = now_ns();
    uint32_t cancels = n < 100000 ? n : 100000;
    double cancel_ns = 0;
    for (uint32_t i = 0; i < cancels; i++) {
        uint32_t which = (uint32_t)mu_rng_below(&rng, n);
        double from = i % 64 == 0 ? now_ns() : 0;
        (void)mu_pool_remove(pool, tickets[which].id, MU_LEAVE_GAVE_UP, now_ms);
        cancel_ns += i % 64 == 0 ? now_ns() - from : 0;
        (void)mu_pool_add(pool, &tickets[which], now_ms);
    }
    double matching = now_ns();
    match_all(pool, now_ms, &result);
    double end = now_ns();
    mu_pool_clear(pool);
    double warm = now_ns();
    add_all(pool, tickets, n, now_ms);
    double again = now_ns();
    (void)snprintf(what, sizeof what, "%s arrival, pool grows", queue->name);
    show(what, n, (added - start) / n);
    (void)snprintf(what, sizeof what, "%s arrival", queue->name);
    show(what, n, (again - warm) / n);
    (void)snprintf(what, sizeof what, "%s cancel", queue->name);
    uint32_t timed = (cancels + 63) / 64;
    show(what, n, cancel_ns / timed);
    (void)snprintf(what, sizeof what, "%s match", queue->name);
    show(what, n, (end - matching) / (double)result.matches);
    (void)printf("%-28s n=%-8u %10.1f %% matched, %.2f points between teams\n", queue->name, n,
                 100.0 * (double)result.tickets / n, apart(&result));
    mu_pool_destroy(pool);
    free(tickets);
    return (added - start + end - matching) / n;
}

/* Tickets come one by one, one each gap_us, and are tried at once, as on a quiet bus; so are those
 * whose moment has come. */
static void trickle(const struct queue *queue, uint32_t n, uint32_t gap_us)
{
    assert(n > 0);
    char what[64];
    int64_t first_ms = 1000000;
    struct mu_engine_ticket *tickets = make_tickets(queue, n, first_ms);
    struct mu_pool *pool = make_pool(queue);
    static struct result result;
    memset(&result, 0, sizeof result);
    uint64_t waiting = 0;
    double start = now_ns();
    for (uint32_t i = 0; i < n; i++) {
        int64_t now_ms = first_ms + (int64_t)i * gap_us / 1000;
        tickets[i].since_ms = now_ms;
        (void)mu_pool_add(pool, &tickets[i], now_ms);
        while (mu_pool_next_moment(pool) <= now_ms) {
            result.taken_count = 0;
            (void)mu_pool_match(pool, now_ms, take_match, &result);
            for (uint32_t k = 0; k < result.taken_count; k++) {
                (void)mu_pool_remove(pool, result.taken[k], MU_LEAVE_MATCHED, now_ms);
            }
        }
        waiting += mu_pool_count(pool);
    }
    (void)snprintf(what, sizeof what, "%s one each %u us", queue->name, gap_us);
    show(what, (uint32_t)(waiting / n), (now_ns() - start) / n);
    (void)printf("%-28s %u came, %.2f points between teams\n", queue->name, n, apart(&result));
    mu_pool_destroy(pool);
    free(tickets);
}

/* n parties of three, which never make a team of five: what an arrival costs where nothing can
 * ever happen. */
static void hopeless(const struct queue *queue, uint32_t n)
{
    int64_t now_ms = 1000000;
    struct mu_engine_ticket *tickets = make_tickets(queue, n, now_ms);
    struct mu_pool *pool = make_pool(queue);
    static struct result result;
    memset(&result, 0, sizeof result);
    for (uint32_t i = 0; i < n; i++) {
        tickets[i].sum *= 3.0 / tickets[i].players;
        tickets[i].players = 3;
    }
    add_all(pool, tickets, n - 1000, now_ms);
    match_all(pool, now_ms, &result);
    double start = now_ns();
    for (uint32_t i = n - 1000; i < n; i++) {
        (void)mu_pool_add(pool, &tickets[i], now_ms);
        match_all(pool, now_ms, &result);
    }
    char what[64];
    (void)snprintf(what, sizeof what, "%s hopeless arrival", queue->name);
    show(what, n, (now_ns() - start) / 1000);
    mu_pool_destroy(pool);
    free(tickets);
}

/* First fit: the oldest takes the nearest within 200 points in a region of both.  Returns ns a
 * ticket. */
static double naive(const struct queue *queue, uint32_t n)
{
    int64_t now_ms = 1000000;
    struct mu_engine_ticket *tickets = make_tickets(queue, n, now_ms);
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
        int32_t best_distance = 201;
        for (uint32_t i = 0; i < left; i++) {
            int32_t distance = abs(tickets[i].rating - first.rating);
            bool reached = false;
            for (uint32_t k = 0; k < config.regions_count; k++) {
                reached |= tickets[i].reach_ms[k] <= 250 && first.reach_ms[k] <= 250;
            }
            if (reached && distance < best_distance) {
                best = i;
                best_distance = distance;
            }
        }
        if (best < left) {
            tickets[best] = tickets[--left];
        }
    }
    double ns = (now_ns() - start) / n;
    show("1v1 naive first fit, ticket", n, ns);
    free(tickets);
    return ns;
}

static void compare_pairs(bool quick)
{
    struct queue legal = make_queue("1v1 legal", 2, 1, 0);
    double per_ticket[4];
    const uint32_t sizes[] = { 1000, 10000, 100000, quick ? 300000 : 1000000 };
    for (uint32_t i = 0; i < 4; i++) {
        per_ticket[i] = load_and_drain(&legal, sizes[i]);
    }
    double growth = 1 + log(per_ticket[3] / per_ticket[1]) / log((double)sizes[3] / sizes[1]);
    (void)printf("1v1 growth exponent %u -> %u: %.2f\n", sizes[1], sizes[3], growth);
    uint32_t naive_most = quick ? 2000 : 8000;
    double naive_ns = 0;
    for (uint32_t n = 1000; n <= naive_most; n *= 2) {
        naive_ns = naive(&legal, n);
    }
    (void)printf("1v1 at n=%u: %.0f times the naive one\n", naive_most,
                 naive_ns / load_and_drain(&legal, naive_most));
    trickle(&legal, quick ? 20000 : 200000, 50);
    mu_rulebook_release(&legal.book);
}

/* Queues with reservations: all at once, and as they come. */
static void waiting(const char *name, uint32_t teams, uint32_t size, bool quick)
{
    struct queue queue = make_queue(name, teams, size, 240000);
    uint32_t most = quick ? 10000 : 100000;
    (void)load_and_drain(&queue, most / 10);
    (void)load_and_drain(&queue, most);
    trickle(&queue, quick ? 20000 : 200000, 50); /* 20000 a second */
    trickle(&queue, quick ? 5000 : 50000, 5000);
    if (size == 5) {
        hopeless(&queue, most);
    }
    mu_rulebook_release(&queue.book);
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
    compare_pairs(quick);
    waiting("1v1", 2, 1, quick);
    waiting("2v2", 2, 2, quick);
    waiting("5v5", 2, 5, quick);
    waiting("20x3", 20, 3, quick);
    return 0;
}
