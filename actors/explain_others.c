/* actors/explain_others.c - who else waits: how many of them what is asked leaves, and the nearest
 * miss. */
#include <inttypes.h>
#include <string.h>

#include "actors/explain_private.h"
#include "core/actor.h"

/* While others are looked at. */
struct study {
    const struct mu_pool *pool;
    struct mu_explain_side side; /* the ticket */
    int64_t now_ms;
    uint32_t tries_left;
    uint32_t missed;  /* slot of the nearest miss, or MU_SLOT_NONE */
    uint32_t against; /* how much is against that one */
    struct mu_explanation *ret;
};

static void count(struct mu_explain_count *ret, bool failed, bool alone)
{
    ret->passed += failed ? 0 : 1;
    ret->failed += failed ? 1 : 0;
    ret->alone += failed && alone ? 1 : 0;
}

/* The rules that are counted: hard ones that stand alone, in their order. */
static void list_rules(const struct mu_rules *rules, struct mu_explanation *ret)
{
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        if (mu_rule_stands(rules, i, 0)) {
            struct mu_explain_rule *rule = &ret->rules[ret->rules_count++];
            memcpy(rule->name, rules->rules[i].name, sizeof rule->name);
            rule->pairs = rules->rules[i].lasting;
        }
    }
}

static void count_pair(const struct mu_pool *pool, const struct mu_explain_pair *pair,
                       struct mu_explanation *ret)
{
    uint32_t at = 0;
    bool alone = pair->against == 1;
    for (uint32_t i = 0; i < MU_EXPLAIN_BUILTINS; i++) {
        count(&ret->builtins[i], (pair->builtins >> i & 1) != 0, alone);
    }
    for (uint32_t i = 0; i < pool->rules->rules_count; i++) {
        if (!mu_rule_stands(pool->rules, i, 0)) {
            continue;
        }
        if ((pair->asked >> i & 1) != 0) {
            count(&ret->rules[at].count, (pair->broken >> i & 1) != 0, alone);
        }
        at++;
    }
}

/* Looks at those of one kind, nearest first. */
static void look(struct study *study, bool backfills)
{
    struct mu_explanation *ret = study->ret;
    uint32_t looks = backfills ? MU_EXPLAIN_BACKFILLS_MAX : MU_EXPLAIN_OTHERS_MAX;
    struct mu_walk walk;
    mu_walk_begin_in(&walk, study->pool, study->side.slot, MU_POOL_RATINGS, backfills, UINT32_MAX);
    for (uint32_t i = 0; i < looks && study->tries_left > 0; i++) {
        struct mu_explain_side other;
        struct mu_explain_pair pair;
        uint32_t slot = mu_walk_next(&walk);
        if (slot == MU_SLOT_NONE) {
            return;
        }
        mu_explain_side_read(study->pool, slot, &other);
        mu_explain_pair_find(study->pool, &study->side, &other, study->now_ms, &study->tries_left,
                             &pair);
        if (pair.against > 0 && study->tries_left == 0) {
            return; /* not all places of this pair */
        }
        ret->looked++;
        count_pair(study->pool, &pair, ret);
        if (pair.against == 0) {
            ret->able++;
            ret->able_players += backfills ? 0 : other.entrant.players;
        } else if (study->missed == MU_SLOT_NONE || pair.against < study->against) {
            study->missed = slot;
            study->against = pair.against;
        }
    }
}

/* The first time above now_ms at which what either of two tickets accepts changes, or MU_NEVER. */
static int64_t next_change(const struct mu_pool *pool, const struct mu_explain_side *side,
                           const struct mu_explain_side *other, int64_t now_ms)
{
    const struct mu_explain_side *sides[] = { side, other };
    int64_t distance = imaxabs((int64_t)side->ticket.rating - other->ticket.rating);
    int64_t opens = INT64_MIN;
    int64_t next = MU_NEVER;
    for (uint32_t i = 0; i < 2; i++) {
        int64_t since_ms = sides[i]->ticket.since_ms;
        int64_t window = mu_pool_window_opens(pool, &pool->hot[sides[i]->slot], distance);
        opens = window > opens ? window : opens;
        for (uint32_t shape = 0; shape < pool->book->shapes_count; shape++) {
            int64_t age_ms = mu_rules_next(pool->book->shapes[shape], now_ms - since_ms);
            int64_t at = age_ms == MU_NEVER ? MU_NEVER : since_ms + age_ms;
            next = at < next ? at : next;
        }
    }
    return opens > now_ms && opens < next ? opens : next;
}

/* When the two can meet: tries the times at which something changes. */
static int64_t opens_at(const struct mu_pool *pool, const struct mu_explain_side *side,
                        const struct mu_explain_side *other, int64_t now_ms)
{
    int64_t at = now_ms;
    for (uint32_t i = 0; i < MU_EXPLAIN_CHANGES_MAX; i++) {
        uint32_t tries_left = MU_EXPLAIN_TRIES_MAX / MU_EXPLAIN_CHANGES_MAX;
        struct mu_explain_pair pair;
        at = next_change(pool, side, other, at);
        if (at == MU_NEVER) {
            return MU_NEVER;
        }
        mu_explain_pair_find(pool, side, other, at, &tries_left, &pair);
        if (pair.against == 0) {
            return at;
        }
    }
    return MU_NEVER;
}

/* By how much the narrower of two windows is short, points. */
static double window_lacks(const struct mu_pool *pool, uint32_t a, uint32_t b, int64_t now_ms)
{
    int64_t distance = imaxabs((int64_t)pool->hot[a].rating - pool->hot[b].rating);
    int64_t one = mu_pool_window(pool, &pool->hot[a], now_ms);
    int64_t other = mu_pool_window(pool, &pool->hot[b], now_ms);
    return (double)(distance - (one < other ? one : other));
}

static void explain_miss(const struct study *study, struct mu_explain_miss *ret)
{
    const struct mu_pool *pool = study->pool;
    uint32_t tries_left = MU_EXPLAIN_TRIES_MAX;
    struct mu_explain_side other;
    struct mu_explain_pair pair;
    mu_explain_side_read(pool, study->missed, &other);
    mu_explain_pair_find(pool, &study->side, &other, study->now_ms, &tries_left, &pair);
    ret->there = true;
    ret->backfill = other.entrant.backfill;
    ret->distance = (int32_t)imaxabs((int64_t)study->side.ticket.rating - other.ticket.rating);
    ret->against = pair.against;
    ret->builtin = MU_EXPLAIN_BUILTINS;
    if (pair.builtins != 0) {
        ret->builtin = (enum mu_explain_builtin)__builtin_ctz(pair.builtins);
        if (ret->builtin == MU_EXPLAIN_WINDOW) {
            ret->by = window_lacks(pool, study->side.slot, study->missed, study->now_ms);
        }
    } else {
        uint32_t rule = (uint32_t)__builtin_ctzll(pair.broken);
        memcpy(ret->rule, pool->rules->rules[rule].name, sizeof ret->rule);
        ret->by = mu_explain_pair_by(pool, rule);
    }
    int64_t opens = opens_at(pool, &study->side, &other, study->now_ms);
    ret->opens_ms = opens == MU_NEVER ? MU_NEVER : opens - study->now_ms;
}

void mu_explain_others(const struct mu_pool *pool, uint32_t slot, int64_t now_ms,
                       struct mu_explanation *ret)
{
    struct study study = {
        .pool = pool,
        .now_ms = now_ms,
        .tries_left = MU_EXPLAIN_TRIES_MAX,
        .missed = MU_SLOT_NONE,
        .ret = ret,
    };
    list_rules(pool->rules, ret);
    mu_explain_side_read(pool, slot, &study.side);
    look(&study, false);
    if (!study.side.entrant.backfill) {
        look(&study, true);
    }
    if (study.missed != MU_SLOT_NONE) {
        explain_miss(&study, &ret->miss);
    }
}
