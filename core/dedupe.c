/* core/dedupe.c - a small open hash table of senders, chained by index, in a doubly linked list
 * by when they were heard. */
#include "core/dedupe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"

#define NONE  UINT32_MAX
#define WORDS (MU_DEDUPE_WINDOW / 64)

static_assert(MU_DEDUPE_WINDOW % 64 == 0, "the window is made of words");

struct sender {
    uint64_t incarnation;
    uint64_t highest;     /* sequence */
    uint64_t bits[WORDS]; /* bit (sequence % WINDOW): seen, for highest-WINDOW+1..highest */
    uint32_t way;         /* of the last message that was new */
    uint32_t chain;       /* next sender of the same bucket, or NONE */
    uint32_t newer;       /* neighbours by when they were heard, or NONE */
    uint32_t older;
};

struct mu_dedupe {
    uint64_t seed;
    uint32_t senders_max;
    uint32_t count;
    uint32_t mask;          /* buckets - 1 */
    uint32_t newest;        /* or NONE */
    uint32_t oldest;        /* or NONE */
    uint32_t *buckets;      /* [mask + 1] first sender, or NONE */
    struct sender *senders; /* [senders_max], of which `count` are in use */
};

struct mu_dedupe *mu_dedupe_create(uint32_t senders_max, uint64_t seed)
{
    assert(senders_max >= 1 && senders_max <= MU_DEDUPE_SENDERS_MAX);
    struct mu_dedupe *dedupe = calloc(1, sizeof *dedupe);
    if (dedupe == NULL) {
        return NULL;
    }
    uint32_t buckets = 1;
    while (buckets < senders_max) {
        buckets *= 2;
    }
    *dedupe = (struct mu_dedupe){
        .seed = seed,
        .senders_max = senders_max,
        .mask = buckets - 1,
        .newest = NONE,
        .oldest = NONE,
        .buckets = malloc(buckets * sizeof *dedupe->buckets),
        .senders = calloc(senders_max, sizeof *dedupe->senders),
    };
    if (dedupe->buckets == NULL || dedupe->senders == NULL) {
        mu_dedupe_destroy(dedupe);
        return NULL;
    }
    memset(dedupe->buckets, 0xFF, buckets * sizeof *dedupe->buckets);
    return dedupe;
}

void mu_dedupe_destroy(struct mu_dedupe *dedupe)
{
    if (dedupe != NULL) {
        free(dedupe->buckets);
        free(dedupe->senders);
        free(dedupe);
    }
}

static uint32_t *bucket_of(const struct mu_dedupe *dedupe, uint64_t incarnation)
{
    struct mu_rng rng = { .state = dedupe->seed ^ incarnation };
    return &dedupe->buckets[mu_rng_next(&rng) & dedupe->mask];
}

static void unlink_age(struct mu_dedupe *dedupe, uint32_t i)
{
    const struct sender *sender = &dedupe->senders[i];
    if (sender->newer == NONE) {
        dedupe->newest = sender->older;
    } else {
        dedupe->senders[sender->newer].older = sender->older;
    }
    if (sender->older == NONE) {
        dedupe->oldest = sender->newer;
    } else {
        dedupe->senders[sender->older].newer = sender->newer;
    }
}

static void link_newest(struct mu_dedupe *dedupe, uint32_t i)
{
    struct sender *sender = &dedupe->senders[i];
    sender->newer = NONE;
    sender->older = dedupe->newest;
    if (dedupe->newest == NONE) {
        dedupe->oldest = i;
    } else {
        dedupe->senders[dedupe->newest].newer = i;
    }
    dedupe->newest = i;
}

/* Takes the sender that was heard longest ago out of the table. */
static uint32_t evict(struct mu_dedupe *dedupe)
{
    uint32_t i = dedupe->oldest;
    assert(i != NONE);
    unlink_age(dedupe, i);
    uint32_t *link = bucket_of(dedupe, dedupe->senders[i].incarnation);
    while (*link != i) {
        assert(*link != NONE);
        link = &dedupe->senders[*link].chain;
    }
    *link = dedupe->senders[i].chain;
    return i;
}

static void add(struct mu_dedupe *dedupe, uint32_t way, uint64_t incarnation, uint64_t sequence)
{
    uint32_t i = dedupe->count < dedupe->senders_max ? dedupe->count++ : evict(dedupe);
    uint32_t *bucket = bucket_of(dedupe, incarnation);
    struct sender *sender = &dedupe->senders[i];
    *sender = (struct sender){
        .incarnation = incarnation, .highest = sequence, .way = way, .chain = *bucket
    };
    sender->bits[sequence % MU_DEDUPE_WINDOW / 64] |= UINT64_C(1) << sequence % 64;
    *bucket = i;
    link_newest(dedupe, i);
}

/* Forgets what leaves the window as its upper end moves to `sequence`. */
static void advance(struct sender *sender, uint64_t sequence)
{
    uint64_t steps = sequence - sender->highest;
    if (steps >= MU_DEDUPE_WINDOW) {
        memset(sender->bits, 0, sizeof sender->bits);
    } else {
        for (uint64_t s = sender->highest + 1; s != sequence; s++) {
            sender->bits[s % MU_DEDUPE_WINDOW / 64] &= ~(UINT64_C(1) << s % 64);
        }
    }
    sender->highest = sequence;
}

static uint32_t find(const struct mu_dedupe *dedupe, uint64_t incarnation)
{
    uint32_t i = *bucket_of(dedupe, incarnation);
    while (i != NONE && dedupe->senders[i].incarnation != incarnation) {
        i = dedupe->senders[i].chain;
    }
    return i;
}

/* Notes a sequence of a sender in its window.  Returns true when it was seen before. */
static bool note(struct sender *sender, uint64_t sequence)
{
    uint64_t *word = &sender->bits[sequence % MU_DEDUPE_WINDOW / 64];
    uint64_t bit = UINT64_C(1) << sequence % 64;
    if (sequence > sender->highest) {
        advance(sender, sequence);
        *word |= bit;
        return false;
    }
    if (sender->highest - sequence >= MU_DEDUPE_WINDOW) {
        return false;
    }
    bool seen = (*word & bit) != 0;
    *word |= bit;
    return seen;
}

bool mu_dedupe_seen(struct mu_dedupe *dedupe, uint32_t way, uint64_t incarnation, uint64_t sequence)
{
    if (sequence == 0) {
        return false;
    }
    uint32_t i = find(dedupe, incarnation);
    if (i == NONE) {
        add(dedupe, way, incarnation, sequence);
        return false;
    }
    if (i != dedupe->newest) {
        unlink_age(dedupe, i);
        link_newest(dedupe, i);
    }
    bool seen = note(&dedupe->senders[i], sequence);
    if (!seen) {
        dedupe->senders[i].way = way;
    }
    return seen;
}

uint32_t mu_dedupe_way(const struct mu_dedupe *dedupe, uint64_t incarnation)
{
    uint32_t i = find(dedupe, incarnation);
    return i == NONE ? MU_DEDUPE_NO_WAY : dedupe->senders[i].way;
}

uint32_t mu_dedupe_senders(const struct mu_dedupe *dedupe)
{
    return dedupe->count;
}

void mu_dedupe_check(const struct mu_dedupe *dedupe)
{
    uint32_t by_age = 0;
    uint32_t by_bucket = 0;
    assert(dedupe->count <= dedupe->senders_max);
    for (uint32_t i = dedupe->newest; i != NONE; i = dedupe->senders[i].older) {
        const struct sender *sender = &dedupe->senders[i];
        by_age++;
        assert(by_age <= dedupe->count);
        assert(sender->older != NONE || dedupe->oldest == i);
        assert((sender->bits[sender->highest % MU_DEDUPE_WINDOW / 64] >> sender->highest % 64 &
                1) == 1);
    }
    for (uint32_t b = 0; b <= dedupe->mask; b++) {
        for (uint32_t i = dedupe->buckets[b]; i != NONE; i = dedupe->senders[i].chain) {
            assert(bucket_of(dedupe, dedupe->senders[i].incarnation) == &dedupe->buckets[b]);
            by_bucket++;
            assert(by_bucket <= dedupe->count);
        }
    }
    assert(by_age == dedupe->count && by_bucket == dedupe->count);
}
