#include "actors/engine_reserve.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BINS = 256,   /* of quality: those in one count as equal */
    BUCKETS = 22, /* of ratings, for the correction */
    BUCKET_POINTS = 150,
    SPAN_MS_MIN = 20000,  /* a sample that is not complete yet counts as at least so long */
    SHARED_MS = 250,      /* an estimate may be shared for so long, */
    SHARED_SPAN_MS = 250, /* when the sample came in so short a time */
    SHARED_POINTS = 8,
    SHARED_COUNT = 4096, /* estimates kept, a power of two */
};

#define NOTHING_KNOWN 0.3 /* reservation of the first to come */
#define RATIO_FIRST   0.7 /* realised / predicted, before anything was learnt, */
#define RATIO_WEIGHT  6.0 /* with the weight of so much predicted value */
#define RATIO_WHOLE   4.0 /* weight of the whole queue's, in tickets, in each bucket's */
#define RATIO_MIN     0.1
#define RATIO_MAX     1.15
#define KEPT          0.97    /* of a bucket, each time something is learnt */
#define KEPT_WHOLE    0.99625 /* of the whole queue */
#define PREDICTED_MIN 0.05

struct sampled {
    int64_t since_ms;
    uint32_t number;
    uint32_t players;
    double mean;
};

/* What was predicted and what came true, forgetting. */
struct record {
    double predicted;
    double realised;
    double count;
};

/* An estimate that others may share. */
struct shared {
    int64_t at_ms; /* INT64_MIN: none */
    uint32_t key;
    float predicted;
    float quality; /* mean of those that are worth waiting for */
    float expected_ms;
};

struct mu_reserve {
    const struct mu_objective *objective;
    const struct mu_affinity *affinity;
    uint32_t regions_count;
    uint32_t players_max;
    int64_t first_ms;                     /* the earliest arrival ever */
    uint32_t count;                       /* of the sample */
    uint32_t head;                        /* place of the oldest */
    struct sampled sample[MU_SAMPLE_MAX]; /* a ring, by since_ms */
    float *nearness;                      /* [MU_SAMPLE_MAX][regions_count], beside it */
    struct record buckets[BUCKETS];
    struct record whole;
    struct shared shared[SHARED_COUNT];
};

struct mu_reserve *mu_reserve_create(const struct mu_objective *objective,
                                     const struct mu_affinity *affinity, uint32_t regions_count,
                                     uint32_t players_max)
{
    assert(objective->sample_count >= 1 && objective->sample_count <= MU_SAMPLE_MAX);
    assert(regions_count >= 1);
    struct mu_reserve *reserve = calloc(1, sizeof *reserve);
    float *nearness = calloc((size_t)MU_SAMPLE_MAX * regions_count, sizeof *nearness);
    if (reserve == NULL || nearness == NULL) {
        free(reserve);
        free(nearness);
        return NULL;
    }
    reserve->objective = objective;
    reserve->affinity = affinity;
    reserve->regions_count = regions_count;
    reserve->players_max = players_max;
    reserve->nearness = nearness;
    mu_reserve_clear(reserve);
    return reserve;
}

void mu_reserve_destroy(struct mu_reserve *reserve)
{
    if (reserve != NULL) {
        free(reserve->nearness);
        free(reserve);
    }
}

void mu_reserve_clear(struct mu_reserve *reserve)
{
    reserve->first_ms = INT64_MAX;
    reserve->count = 0;
    reserve->head = 0;
    memset(reserve->buckets, 0, sizeof reserve->buckets);
    reserve->whole = (struct record){ 0 };
    for (uint32_t i = 0; i < SHARED_COUNT; i++) {
        reserve->shared[i].at_ms = INT64_MIN;
    }
}

/* The sample. */

static uint32_t place_of(const struct mu_reserve *reserve, uint32_t index)
{
    return (reserve->head + index) % MU_SAMPLE_MAX;
}

static float *nearness_at(struct mu_reserve *reserve, uint32_t place)
{
    return reserve->nearness + (size_t)place * reserve->regions_count;
}

static void drop_oldest(struct mu_reserve *reserve)
{
    reserve->head = place_of(reserve, 1);
    reserve->count--;
}

/* Whether a belongs behind b.  Equal times: by what decides estimates, so that the order in which
 * they came does not. */
static bool is_later(const struct mu_arrival *a, const struct sampled *b)
{
    if (a->since_ms != b->since_ms) {
        return a->since_ms > b->since_ms;
    }
    return a->mean != b->mean ? a->mean > b->mean : a->players >= b->players;
}

void mu_reserve_arrive(struct mu_reserve *reserve, const struct mu_arrival *arrival)
{
    size_t bytes = reserve->regions_count * sizeof *reserve->nearness;
    if (arrival->since_ms < reserve->first_ms) {
        reserve->first_ms = arrival->since_ms;
    }
    if (reserve->count == reserve->objective->sample_count) {
        if (!is_later(arrival, &reserve->sample[reserve->head])) {
            return; /* older than all of a full sample */
        }
        drop_oldest(reserve);
    }
    uint32_t at = reserve->count++;
    while (at > 0 && !is_later(arrival, &reserve->sample[place_of(reserve, at - 1)])) {
        uint32_t from = place_of(reserve, at - 1);
        uint32_t to = place_of(reserve, at);
        reserve->sample[to] = reserve->sample[from];
        memcpy(nearness_at(reserve, to), nearness_at(reserve, from), bytes);
        at--;
    }
    uint32_t place = place_of(reserve, at);
    reserve->sample[place] = (struct sampled){
        .since_ms = arrival->since_ms,
        .number = arrival->number,
        .players = arrival->players,
        .mean = arrival->mean,
    };
    memcpy(nearness_at(reserve, place), arrival->nearness, bytes);
}

/* How long it took for the sample to come. */
static double span_of(const struct mu_reserve *reserve, int64_t now_ms)
{
    const struct mu_objective *objective = reserve->objective;
    if (reserve->count == objective->sample_count) {
        double span = (double)(now_ms - reserve->sample[reserve->head].since_ms);
        return fmax(span, 1);
    }
    int64_t running_ms = now_ms - reserve->first_ms;
    running_ms = running_ms < objective->sample_ms ? running_ms : objective->sample_ms;
    return fmax((double)running_ms, SPAN_MS_MIN);
}

/* Estimates. */

struct bin {
    double quality; /* sum over players */
    double players;
};

/* The nearness of the first in the region that suits both best. */
static double common_nearness(const float *own, const float *other, uint32_t regions_count)
{
    float best = -1;
    float ret = 0;
    for (uint32_t i = 0; i < regions_count; i++) {
        float both = own[i] + other[i];
        if (both > best) {
            best = both;
            ret = own[i];
        }
    }
    return (double)ret;
}

static void fill_bins(struct mu_reserve *reserve, const struct mu_arrival *arrival,
                      struct bin bins[BINS])
{
    for (uint32_t i = 0; i < reserve->count; i++) {
        uint32_t place = place_of(reserve, i);
        const struct sampled *other = &reserve->sample[place];
        if (other->number == arrival->number && other->since_ms == arrival->since_ms) {
            continue; /* itself */
        }
        double quality =
            mu_affinity_at(reserve->affinity, other->mean - arrival->mean) *
            common_nearness(arrival->nearness, nearness_at(reserve, place), reserve->regions_count);
        uint32_t at = (uint32_t)fmin(quality * BINS, BINS - 1);
        bins[at].quality += quality * other->players;
        bins[at].players += other->players;
    }
}

/* Optimal stopping.  Returns whether there is anybody to judge by. */
static bool predict(struct mu_reserve *reserve, const struct mu_arrival *arrival, int64_t now_ms,
                    struct shared *ret)
{
    struct bin bins[BINS] = { { 0, 0 } };
    const struct mu_objective *objective = reserve->objective;
    double needed = reserve->players_max > arrival->players
                        ? (double)(reserve->players_max - arrival->players)
                        : 1;
    double wait = objective->gamma * needed * span_of(reserve, now_ms);
    double quality = 0;
    double players = 0;
    double best = -HUGE_VAL;
    fill_bins(reserve, arrival, bins);
    for (uint32_t i = BINS; i > 0; i--) {
        const struct bin *bin = &bins[i - 1];
        if (bin->players == 0) {
            continue;
        }
        quality += bin->quality;
        players += bin->players;
        double value = quality / players - wait / (players * objective->wait_ms);
        if (value > best) {
            best = value;
            ret->predicted = (float)value;
            ret->quality = (float)(quality / players);
            ret->expected_ms = (float)(wait / players);
        }
    }
    return players > 0;
}

/* The place where an estimate may be shared: by what decides it, coarsely. */
static struct shared *shared_of(struct mu_reserve *reserve, const struct mu_arrival *arrival)
{
    uint32_t nearest = 0;
    uint32_t reached = 0;
    for (uint32_t i = 0; i < reserve->regions_count; i++) {
        nearest = arrival->nearness[i] > arrival->nearness[nearest] ? i : nearest;
        reached += arrival->nearness[i] > 0;
    }
    double points = fmin(fmax(arrival->mean, 0), 65535);
    uint32_t key = (uint32_t)points / SHARED_POINTS;
    key = key << 4 | (arrival->players & 15);
    key = key << 10 | nearest << 5 | (reached & 31);
    struct shared *shared = &reserve->shared[(key * UINT32_C(2654435769)) >> 20];
    if (shared->key != key) {
        *shared = (struct shared){ .at_ms = INT64_MIN, .key = key };
    }
    return shared;
}

/* Realised over predicted, around that rating. */
static uint32_t bucket_of(double mean)
{
    double bucket = mean / BUCKET_POINTS;
    return (uint32_t)fmin(fmax(bucket, 0), BUCKETS - 1);
}

static double ratio_at(const struct mu_reserve *reserve, double mean)
{
    double predicted = RATIO_WEIGHT;
    double realised = RATIO_WEIGHT * RATIO_FIRST;
    uint32_t bucket = bucket_of(mean);
    uint32_t from = bucket > 0 ? bucket - 1 : 0;
    for (uint32_t i = from; i <= bucket + 1 && i < BUCKETS; i++) {
        double weight = i == bucket ? 1.0 : 0.5;
        predicted += weight * reserve->buckets[i].predicted;
        realised += weight * reserve->buckets[i].realised;
    }
    if (reserve->whole.count > 0) {
        predicted += RATIO_WHOLE * reserve->whole.predicted / reserve->whole.count;
        realised += RATIO_WHOLE * reserve->whole.realised / reserve->whole.count;
    }
    return fmin(fmax(realised / predicted, RATIO_MIN), RATIO_MAX);
}

/* How long it takes for a reservation to fall by so much: somebody asks for more than there is. */
static double fall_time(const struct mu_objective *objective, double fall)
{
    double rate = objective->eta / objective->wait_ms;
    double urgent = (double)objective->urgent_ms;
    if (fall <= rate * urgent) {
        return fall > 0 ? fall / rate : 0;
    }
    double faster = rate + objective->urgency / 60000;
    return faster > 0 ? urgent + (fall - rate * urgent) / faster : urgent;
}

void mu_reserve_estimate(struct mu_reserve *reserve, const struct mu_arrival *arrival,
                         int64_t now_ms, struct mu_reservation *ret)
{
    static_assert(SHARED_COUNT == 1 << 12, "a hash's upper 12 bits");
    const struct mu_objective *objective = reserve->objective;
    while (reserve->count > 0 &&
           reserve->sample[reserve->head].since_ms < now_ms - objective->sample_ms) {
        drop_oldest(reserve);
    }
    struct shared own = { .at_ms = now_ms };
    bool known = true;
    if (span_of(reserve, now_ms) >= SHARED_SPAN_MS) {
        known = predict(reserve, arrival, now_ms, &own);
    } else {
        struct shared *shared = shared_of(reserve, arrival);
        if (shared->at_ms == INT64_MIN || now_ms - shared->at_ms > SHARED_MS) {
            known = predict(reserve, arrival, now_ms, shared);
            shared->at_ms = now_ms;
        }
        own = *shared;
    }
    if (!known) {
        *ret = (struct mu_reservation){ .value = (float)NOTHING_KNOWN };
        return;
    }
    double value = (double)own.predicted * ratio_at(reserve, arrival->mean);
    value += objective->delta * fmax(1 - value, 0);
    double falls_ms = fall_time(objective, value - (double)own.quality);
    *ret = (struct mu_reservation){
        .value = (float)value,
        .predicted = own.predicted,
        .expected_ms = (float)((double)own.expected_ms + falls_ms),
    };
}

static void remember(struct record *record, double kept, double predicted, double realised)
{
    record->predicted = record->predicted * kept + predicted;
    record->realised = record->realised * kept + realised;
    record->count = record->count * kept + 1;
}

void mu_reserve_learn(struct mu_reserve *reserve, double mean, double predicted, double realised)
{
    double most = fmax(predicted, PREDICTED_MIN);
    remember(&reserve->buckets[bucket_of(mean)], KEPT, most, realised);
    remember(&reserve->whole, KEPT_WHOLE, most, realised);
}
