/* tools/workload_make.c - workloads that are made up: nobody's data, and any amount of it. */
#include "tools/workload.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/rng.h"

#define REGIONS 6
#define MODES   5
#define PARTIES 5 /* the largest party */
#define DAY_S   86400.0
#define PI      3.14159265358979323846

/* Round trips between data centres, ms: North America east, west, Europe, South America, East Asia,
 * Oceania; figures as public clouds have them. */
static const double between_ms[REGIONS][REGIONS] = {
    { 0, 62, 78, 118, 160, 200 },   { 62, 0, 140, 170, 104, 144 },  { 78, 140, 0, 190, 232, 274 },
    { 118, 170, 190, 0, 272, 304 }, { 160, 104, 232, 272, 0, 108 }, { 200, 144, 274, 304, 108, 0 },
};

static const char *const region_names[REGIONS] = { "use", "usw", "euw", "sam", "apn", "oce" };
static const double region_shares[REGIONS] = { 0.28, 0.15, 0.30, 0.10, 0.12, 0.05 };

/* When the evening comes, as a part of the day after Europe's. */
static const double evening[REGIONS] = { 0.25, 0.375, 0, 0.21, 0.625, 0.583 };

static const struct {
    const char *name;
    uint32_t teams;
    uint32_t size;
    uint32_t teams_min;
    double wait_s;
    double spread;
    double parties[PARTIES]; /* share of tickets with 1, 2, ... players */
} mode_shapes[MODES] = {
    { "1v1", 2, 1, 2, 240, 300, { 1, 0, 0, 0, 0 } },
    { "2v2", 2, 2, 2, 300, 300, { 0.7, 0.3, 0, 0, 0 } },
    { "5v5", 2, 5, 2, 420, 300, { 0.62, 0.2, 0.09, 0.03, 0.06 } },
    { "br60", 20, 3, 14, 420, 500, { 0.5, 0.25, 0.25, 0, 0 } },
    { "ffa12", 12, 1, 6, 360, 400, { 1, 0, 0, 0, 0 } },
};

static const struct kind {
    const char *name;
    double duration_s;
    double per_second;    /* tickets, in the mean of a day */
    double amplitude;     /* of the day curve, 0: constant */
    double hour;          /* at which it begins, of Europe's day; its evening peak is hour 0 */
    double rating;        /* mean */
    double shares[MODES]; /* of tickets */
} kinds[] = {
    { "peak", 2400, 4.8, 0, 0, 1200, { 0.3, 0.15, 0.33, 0.22, 0 } },
    { "diurnal", 28800, 0.36, 0.65, 0, 1200, { 0.3, 0.15, 0.36, 0, 0.19 } },
    { "thin", 14400, 0.15, 0.3, 6, 1300, { 0.3, 0.2, 0.3, 0, 0.2 } },
    { "busy", 900, 20, 0, 0, 1500, { 0.35, 0.15, 0.3, 0.2, 0 } },
    { "small", 600, 1.5, 0, 0, 1200, { 0.4, 0.2, 0.4, 0, 0 } },
};

#define KINDS (sizeof kinds / sizeof kinds[0])

/* 0 < x <= 1. */
static double uniform(struct mu_rng *rng)
{
    return ((double)(mu_rng_next(rng) >> 11) + 1) / 9007199254740992.0;
}

/* Mean 0, deviation 1.  Source: Box and Muller 1958. */
static double normal(struct mu_rng *rng)
{
    double radius = sqrt(-2 * log(uniform(rng)));
    return radius * cos(2 * PI * uniform(rng));
}

/* An index with the given weights. */
static uint32_t pick(struct mu_rng *rng, const double *weights, uint32_t count)
{
    double total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += weights[i];
    }
    double left = uniform(rng) * total;
    uint32_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (weights[i] > 0) {
            last = i;
            left -= weights[i];
            if (left <= 0) {
                break;
            }
        }
    }
    return last;
}

static double bounded(double value, double min, double max)
{
    return value < min ? min : value > max ? max : value;
}

/* How many come from each region at a time, relative to a constant stream of 1. */
static double region_weights(const struct kind *kind, double at_s, double ret[REGIONS])
{
    double total = 0;
    for (uint32_t i = 0; i < REGIONS; i++) {
        double day = at_s / DAY_S + kind->hour / 24 - evening[i];
        ret[i] = region_shares[i] * (1 + kind->amplitude * cos(2 * PI * day));
        total += ret[i];
    }
    return total;
}

/* Takes a player at `home` into the round trips of his party: the worst counts. */
static void measure(struct mu_rng *rng, uint32_t home, double rtt_ms[REGIONS])
{
    double last_mile = 20 * exp(0.43 * normal(rng));
    for (uint32_t i = 0; i < REGIONS; i++) {
        double path = between_ms[home][i] * (1 + 0.05 * normal(rng));
        double rtt = floor(bounded(last_mile + path, 5, 900));
        rtt_ms[i] = rtt > rtt_ms[i] ? rtt : rtt_ms[i];
    }
}

/* One in eight is new, and nobody knows what he can do. */
static double deviation(struct mu_rng *rng)
{
    return uniform(rng) < 0.12 ? 350 : floor(bounded(90 * exp(0.4 * normal(rng)), 45, 350));
}

static int add_ticket(struct mu_workload *workload, const struct kind *kind, struct mu_rng *rng,
                      double at_s, uint32_t home)
{
    uint32_t shape = pick(rng, kind->shares, MODES);
    struct mu_workload_ticket ticket = {
        .id_number = true,
        .measured = true,
        .mode = (uint32_t)mu_workload_mode(workload, mode_shapes[shape].name),
        .players_count = 1 + pick(rng, mode_shapes[shape].parties, PARTIES),
        .at_s = floor(at_s * 100) / 100,
        .patience_s = floor(10 * bounded(240 * exp(0.6 * normal(rng) - 0.18), 15, 3600)) / 10,
    };
    (void)snprintf(ticket.id, sizeof ticket.id, "%" PRIu32, workload->tickets_count + 1);
    int r = mu_workload_append(workload, &ticket);
    if (r != 0) {
        return r;
    }
    uint32_t index = workload->tickets_count - 1;
    double *rtt_ms = workload->rtt_ms + (size_t)index * REGIONS;
    struct mu_workload_player *players = workload->players + workload->tickets[index].players;
    bool apart = ticket.players_count > 1 && uniform(rng) < 1.0 / 7;
    double leader = kind->rating + 350 * normal(rng);
    for (uint32_t i = 0; i < REGIONS; i++) {
        rtt_ms[i] = 0;
    }
    for (uint32_t i = 0; i < ticket.players_count; i++) {
        bool far = apart && i + 1 == ticket.players_count;
        double rating = i == 0 ? leader : leader + 90 * normal(rng);
        players[i] = (struct mu_workload_player){
            .rating = floor(bounded(rating, 100, 3000)),
            .deviation = deviation(rng),
        };
        measure(rng, far ? pick(rng, region_shares, REGIONS) : home, rtt_ms);
    }
    return 0;
}

static void describe(struct mu_workload *workload, const struct kind *kind, uint64_t seed)
{
    static const double bonus[] = { 0, 0, 15, 30, 45, 60 };
    mu_workload_init(workload);
    (void)snprintf(workload->name, sizeof workload->name, "made-%s-%" PRIu64, kind->name, seed);
    workload->seed = seed;
    workload->duration_s = kind->duration_s;
    workload->regions_count = REGIONS;
    for (uint32_t i = 0; i < REGIONS; i++) {
        (void)snprintf(workload->regions[i], sizeof workload->regions[i], "%s", region_names[i]);
    }
    workload->bonus_count = sizeof bonus / sizeof bonus[0];
    memcpy(workload->bonus, bonus, sizeof bonus);
    for (uint32_t i = 0; i < MODES; i++) {
        struct mu_workload_mode *mode = &workload->modes[workload->modes_count];
        if (kind->shares[i] > 0) {
            mu_workload_mode_init(mode, mode_shapes[i].name, mode_shapes[i].teams,
                                  mode_shapes[i].size, mode_shapes[i].teams_min);
            mode->judged = true;
            mode->wait_s = mode_shapes[i].wait_s;
            mode->spread = mode_shapes[i].spread;
            workload->modes_count++;
        }
    }
}

int mu_workload_make(const char *kind_name, uint64_t seed, struct mu_workload *ret)
{
    const struct kind *kind = NULL;
    struct mu_rng rng = { .state = seed };
    for (size_t i = 0; i < KINDS; i++) {
        kind = strcmp(kinds[i].name, kind_name) == 0 ? &kinds[i] : kind;
    }
    if (kind == NULL) {
        return -EINVAL;
    }
    describe(ret, kind, seed);
    /* A Poisson stream of the highest rate, thinned to the rate of each moment (Lewis and Shedler
     * 1979). */
    double most = 1 + kind->amplitude;
    double at_s = 0;
    int r = 0;
    while (r == 0) {
        double weights[REGIONS];
        at_s -= log(uniform(&rng)) / (kind->per_second * most);
        if (at_s >= kind->duration_s) {
            break;
        }
        double total = region_weights(kind, at_s, weights);
        assert(total <= most + 1e-9);
        if (uniform(&rng) * most <= total) {
            r = add_ticket(ret, kind, &rng, at_s, pick(&rng, weights, REGIONS));
        }
    }
    if (r != 0) {
        mu_workload_release(ret);
    }
    return r;
}
