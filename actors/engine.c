/* actors/engine.c - the pool: tickets in and out; see actors/engine_pool.h. */
#include "actors/engine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/engine_pool.h"

/* Life. */

static void forget_all(struct mu_pool *pool)
{
    memset(pool->occupied, 0, sizeof pool->occupied);
    for (uint32_t shelf = 0; shelf <= pool->sizes_count; shelf++) {
        for (uint32_t i = 0; i < MU_POOL_RATINGS; i++) {
            pool->buckets[shelf][i] = (struct mu_bucket){ MU_SLOT_NONE, MU_SLOT_NONE };
        }
    }
    pool->waiting_count = 0;
    pool->backfills_count = 0;
    pool->players_count = 0;
    pool->taken_count = 0;
    pool->due_count = 0;
    pool->proposals_count = 0;
}

static void give_facts(struct mu_pool *pool, uint32_t slot)
{
    struct mu_facts *facts = pool->cold[slot].facts;
    if (facts != NULL) {
        mu_blocks_give(pool->blocks, facts, facts->bytes);
        pool->cold[slot].facts = NULL;
    }
}

/* Enlarges *array to `count` items of `bytes` each, the new ones zero. */
static int enlarge(void **array, uint32_t old_count, uint32_t count, size_t bytes)
{
    char *larger = realloc(*array, count * bytes);
    if (larger == NULL) {
        return -ENOMEM;
    }
    memset(larger + old_count * bytes, 0, (count - old_count) * bytes);
    *array = larger;
    return 0;
}

/* Enlarges all arrays but the slots to `count`; on failure some are larger than needed. */
static int enlarge_all(struct mu_pool *pool, uint32_t old_count, uint32_t count)
{
    struct mu_heap *moments = mu_heap_create(count);
    void *hot = pool->hot;
    void *cold = pool->cold;
    void *reach_ms = pool->reach_ms;
    void *nearness = pool->nearness;
    void *due = pool->due;
    void *spare = pool->spare;
    int r = moments == NULL ? -ENOMEM : 0;
    r = r != 0 ? r : enlarge(&hot, old_count, count, sizeof *pool->hot);
    r = r != 0 ? r : enlarge(&cold, old_count, count, sizeof *pool->cold);
    r = r != 0 ? r : enlarge(&reach_ms, old_count, count, pool->regions_count * sizeof(uint16_t));
    r = r != 0 ? r : enlarge(&nearness, old_count, count, pool->regions_count * sizeof(float));
    r = r != 0 ? r : enlarge(&due, old_count, count, sizeof *pool->due);
    r = r != 0 ? r : enlarge(&spare, old_count, count, sizeof *pool->spare);
    pool->hot = hot;
    pool->cold = cold;
    pool->reach_ms = reach_ms;
    pool->nearness = nearness;
    pool->due = due;
    pool->spare = spare;
    if (r != 0) {
        mu_heap_destroy(moments);
        return r;
    }
    while (old_count > 0 && mu_heap_first(pool->moments) != MU_HEAP_NONE) {
        int64_t deadline = mu_heap_deadline(pool->moments);
        mu_heap_set(moments, mu_heap_pop_due(pool->moments, deadline), deadline);
    }
    mu_heap_destroy(pool->moments);
    pool->moments = moments;
    return 0;
}

static int grow(struct mu_pool *pool)
{
    uint32_t old_count = pool->slots.capacity;
    uint32_t count = mu_slots_capacity_next(&pool->slots);
    if (count == old_count) {
        return -ENOBUFS;
    }
    int r = enlarge_all(pool, old_count, count);
    return r != 0 ? r : mu_slots_grow(&pool->slots, pool->cold[0].id, sizeof pool->cold[0]);
}

/* Whether the engine's own generators know all that this queue asks for. */
static bool is_plain(const struct mu_rulebook *book)
{
    const struct mu_rules *rules = book->shapes[0];
    if (book->shapes_count != 1 || rules->rules_count > 0 || !rules->alike || rules->large ||
        rules->parties != MU_PARTY_ONE_TEAM || rules->sort_count > 0 || rules->needs != 0 ||
        !isinf(rules->prefer.value) || rules->prefer.steps_count > 0) {
        return false;
    }
    const struct mu_team *team = &rules->teams[0];
    return team->quotas_count == 0 && mu_limit_next(&team->players_min, 0) == MU_NEVER &&
           mu_limit_next(&team->players_max, 0) == MU_NEVER;
}

static enum mu_generator generator_of(const struct mu_rulebook *book, const struct mu_sizes *sizes)
{
    if (!is_plain(book)) {
        return MU_GENERATE_COMPOSE;
    }
    if (sizes->teams_min != 2 || sizes->teams_max != 2 || sizes->team_min != sizes->team_max) {
        return MU_GENERATE_CROWD;
    }
    if (sizes->team_max == 1) {
        return MU_GENERATE_PAIR;
    }
    return sizes->players_max <= MU_GROUP_PLAYERS_MAX ? MU_GENERATE_GROUP : MU_GENERATE_CROWD;
}

static void set_sizes(struct mu_pool *pool)
{
    const struct mu_rules *rules = pool->rules;
    pool->sizes = (struct mu_sizes){
        .teams_min = rules->teams_min,
        .teams_max = rules->teams_count,
        .team_min = mu_team_min(rules, 0, 0),
        .team_max = mu_team_max(rules, 0, 0),
        .players_min = mu_rules_players_min(rules, 0),
        .players_max = mu_rules_players_max(rules, 0),
    };
    pool->generator = generator_of(pool->book, &pool->sizes);
    pool->sizes_count = MU_TICKET_PLAYERS_MAX;
    if (pool->generator != MU_GENERATE_COMPOSE && pool->sizes.team_max < MU_TICKET_PLAYERS_MAX) {
        pool->sizes_count = pool->sizes.team_max;
    }
}

struct mu_pool *mu_pool_create(const struct mu_config *config, const struct mu_rulebook *book,
                               uint32_t capacity_max, uint64_t seed)
{
    assert(book->shapes_count >= 1);
    assert(capacity_max >= 1 && capacity_max <= MU_POOL_CAPACITY_MAX);
    struct mu_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    pool->config = config;
    pool->book = book;
    pool->rules = book->shapes[0];
    pool->regions_count = config->regions_count;
    set_sizes(pool);
    const struct mu_objective *objective = &pool->rules->objective;
    mu_affinity_init(&pool->affinity, objective, pool->rules->for_all ? 1 : pool->sizes.teams_max,
                     pool->sizes.team_max);
    uint32_t capacity =
        capacity_max < MU_POOL_CAPACITY_FIRST ? capacity_max : MU_POOL_CAPACITY_FIRST;
    pool->buckets = calloc(1 + pool->sizes_count, sizeof *pool->buckets);
    pool->blocks = mu_blocks_create();
    pool->desk = mu_desk_create();
    pool->work = calloc(1, sizeof *pool->work);
    bool made =
        pool->buckets != NULL && pool->blocks != NULL && pool->desk != NULL && pool->work != NULL;
    if (made && objective->waits) {
        pool->reserve = mu_reserve_create(objective, &pool->affinity, pool->regions_count,
                                          pool->sizes.players_max);
        made = pool->reserve != NULL;
    }
    if (!made || mu_slots_init(&pool->slots, capacity, capacity_max, seed) != 0 ||
        enlarge_all(pool, 0, capacity) != 0) {
        mu_pool_destroy(pool);
        return NULL;
    }
    forget_all(pool);
    return pool;
}

void mu_pool_destroy(struct mu_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    mu_slots_release(&pool->slots);
    mu_heap_destroy(pool->moments);
    mu_reserve_destroy(pool->reserve);
    mu_blocks_destroy(pool->blocks);
    mu_desk_destroy(pool->desk);
    free(pool->work);
    free(pool->hot);
    free(pool->cold);
    free(pool->reach_ms);
    free(pool->nearness);
    free(pool->due);
    free(pool->spare);
    free(pool->buckets);
    free(pool);
}

void mu_pool_clear(struct mu_pool *pool)
{
    for (uint32_t i = 0; i < pool->slots.capacity; i++) {
        give_facts(pool, i);
    }
    mu_slots_clear(&pool->slots);
    mu_heap_clear(pool->moments);
    memset(pool->hot, 0, pool->slots.capacity * sizeof *pool->hot);
    memset(pool->cold, 0, pool->slots.capacity * sizeof *pool->cold);
    if (pool->reserve != NULL) {
        mu_reserve_clear(pool->reserve);
    }
    forget_all(pool);
}

/* Tickets. */

void mu_engine_ticket_rate(struct mu_engine_ticket *ticket, const struct mu_objective *objective,
                           const int32_t *ratings, const int32_t *deviations, uint32_t count)
{
    assert(count >= 1);
    uint32_t party = count < MU_TICKET_PLAYERS_MAX ? count : MU_TICKET_PLAYERS_MAX;
    int64_t plain = 0;
    ticket->sum = 0;
    ticket->squares = 0;
    ticket->variance = 0;
    for (uint32_t i = 0; i < count; i++) {
        double rating = (double)ratings[i] + objective->party_bonus[party];
        double deviation = deviations[i];
        plain += ratings[i];
        ticket->sum += rating;
        ticket->squares += rating * rating;
        ticket->variance += deviation * deviation;
    }
    ticket->rating = (int32_t)lround((double)plain / (double)count);
}

/* Whether a ticket's values are in their ranges. */
static bool is_sane(const struct mu_engine_ticket *ticket)
{
    const double sum_max = 1e9;
    uint32_t players_max = ticket->backfill ? MU_MATCH_PLAYERS_MAX : MU_TICKET_PLAYERS_MAX;
    return ticket->id[0] != '\0' && ticket->players >= 1 && ticket->players <= players_max &&
           ticket->priority <= 100 && fabs(ticket->sum) < sum_max && ticket->squares >= 0 &&
           ticket->squares < sum_max * sum_max && ticket->variance >= 0 &&
           ticket->variance < sum_max * sum_max && (!ticket->backfill || ticket->facts != NULL) &&
           ticket->since_ms > -(MU_NEVER / 4) && ticket->since_ms < MU_NEVER / 4;
}

/* Copies a ticket's round trips, and makes nearness of them: latency quality over its best.
 * Returns the regions that it can play in. */
static uint32_t set_regions(struct mu_pool *pool, uint32_t slot, const uint16_t *reach_ms)
{
    const struct mu_objective *objective = &pool->rules->objective;
    uint16_t *reach = pool->reach_ms + (size_t)slot * pool->regions_count;
    float *nearness = pool->nearness + (size_t)slot * pool->regions_count;
    uint32_t bound = pool->rules->latency_max_ms;
    uint32_t regions = 0;
    double best = 0;
    for (uint32_t i = 0; i < pool->regions_count; i++) {
        reach[i] = reach_ms[i];
        if (reach[i] != MU_REACH_NONE && (bound == 0 || reach[i] <= bound)) {
            regions |= UINT32_C(1) << i;
            best = fmax(best, mu_quality_latency(objective, reach[i]));
        }
    }
    for (uint32_t i = 0; i < pool->regions_count; i++) {
        nearness[i] = 0;
        if ((regions >> i & 1) != 0) {
            double quality = mu_quality_latency(objective, reach[i]) / best;
            nearness[i] = (float)pow(quality, objective->nearness);
        }
    }
    return regions;
}

static int keep_facts(struct mu_pool *pool, uint32_t slot, const struct mu_facts *facts)
{
    if (facts == NULL) {
        return 0;
    }
    void *block = mu_blocks_take(pool->blocks, facts->bytes);
    if (block == NULL) {
        return -ENOMEM;
    }
    memcpy(block, facts, facts->bytes);
    pool->cold[slot].facts = block;
    return 0;
}

/* Writes a ticket into its slot, which is new. */
static void write_ticket(struct mu_pool *pool, uint32_t slot, const struct mu_engine_ticket *ticket)
{
    double mean = ticket->sum / ticket->players;
    double index = fmin(fmax(round(mean), MU_RATING_MIN), MU_RATING_MAX) - MU_RATING_MIN;
    struct mu_cold *cold = &pool->cold[slot];
    memcpy(cold->id, ticket->id, sizeof cold->id);
    cold->version = ticket->version;
    cold->sum = ticket->sum;
    cold->squares = ticket->squares;
    cold->variance = ticket->variance;
    pool->hot[slot] = (struct mu_hot){
        .since_ms = ticket->since_ms,
        .mean = mean,
        .next = MU_SLOT_NONE,
        .prev = MU_SLOT_NONE,
        .regions = set_regions(pool, slot, ticket->reach_ms),
        .due_at = MU_SLOT_NONE,
        .predicted = ticket->backfill ? 0 : NAN, /* it has no reservation */
        .rating = ticket->rating,
        .index = (int16_t)index,
        .players = (uint8_t)ticket->players,
        .shelf = ticket->backfill ? 0 : (uint8_t)ticket->players,
        .priority = (uint8_t)ticket->priority,
        .state = MU_HOT_IDLE,
    };
}

struct mu_arrival mu_pool_arrival(const struct mu_pool *pool, uint32_t slot)
{
    const struct mu_hot *hot = &pool->hot[slot];
    return (struct mu_arrival){
        .since_ms = hot->since_ms,
        .number = slot,
        .players = hot->players,
        .mean = hot->mean,
        .nearness = mu_pool_nearness(pool, slot),
    };
}

int mu_pool_add(struct mu_pool *pool, const struct mu_engine_ticket *ticket, int64_t now_ms)
{
    if (!is_sane(ticket)) {
        return -EINVAL;
    }
    /* One that is known keeps its reservation and counts once. */
    struct mu_hot known = { .state = MU_HOT_FREE };
    uint32_t slot = mu_slots_get(&pool->slots, ticket->id);
    if (slot != MU_SLOT_NONE) {
        known = pool->hot[slot];
        (void)mu_pool_remove(pool, ticket->id, MU_LEAVE_ELSEWHERE, now_ms);
    }
    if (mu_slots_count(&pool->slots) == pool->slots.capacity) {
        int r = grow(pool);
        if (r != 0) {
            return r;
        }
    }
    slot = mu_slots_put(&pool->slots, ticket->id);
    if (slot == MU_SLOT_NONE) {
        return -EINVAL; /* its id is too long */
    }
    write_ticket(pool, slot, ticket);
    int r = keep_facts(pool, slot, ticket->facts);
    if (r != 0) {
        (void)mu_pool_remove(pool, ticket->id, MU_LEAVE_ELSEWHERE, now_ms);
        return r;
    }
    struct mu_hot *hot = &pool->hot[slot];
    if (hot->regions == 0 || hot->shelf > pool->sizes_count) {
        return 0;
    }
    if (known.state != MU_HOT_FREE && known.since_ms == hot->since_ms) {
        hot->reserve = known.reserve;
        hot->predicted = known.predicted;
        hot->expected_ms = known.expected_ms;
    } else if (pool->reserve != NULL && hot->shelf > 0) {
        const struct mu_arrival arrival = mu_pool_arrival(pool, slot);
        mu_reserve_arrive(pool->reserve, &arrival);
    }
    hot->state = MU_HOT_WAITING;
    mu_pool_link(pool, slot);
    mu_pool_due(pool, slot);
    return 0;
}

bool mu_pool_remove(struct mu_pool *pool, const char *id, enum mu_leave why, int64_t now_ms)
{
    uint32_t slot = mu_slots_get(&pool->slots, id);
    if (slot == MU_SLOT_NONE) {
        return false;
    }
    struct mu_hot *hot = &pool->hot[slot];
    assert(hot->state != MU_HOT_FREE);
    if (why == MU_LEAVE_GAVE_UP && pool->reserve != NULL && hot->state != MU_HOT_IDLE) {
        mu_pool_learn(pool, slot, 0, now_ms);
    }
    if (hot->state == MU_HOT_WAITING) {
        mu_pool_unlink(pool, slot);
        mu_pool_undue(pool, slot);
    } else if (hot->state == MU_HOT_TAKEN) {
        pool->taken_count--;
    }
    (void)mu_heap_remove(pool->moments, slot);
    hot->state = MU_HOT_FREE;
    give_facts(pool, slot);
    mu_slots_remove(&pool->slots, id);
    pool->cold[slot].id[0] = '\0';
    return true;
}

bool mu_pool_find(const struct mu_pool *pool, const char *id, struct mu_engine_ticket *ret)
{
    uint32_t slot = mu_slots_get(&pool->slots, id);
    if (slot == MU_SLOT_NONE) {
        return false;
    }
    if (ret != NULL) {
        mu_pool_read(pool, slot, ret);
    }
    return true;
}

void mu_pool_read(const struct mu_pool *pool, uint32_t slot, struct mu_engine_ticket *ret)
{
    const struct mu_cold *cold = &pool->cold[slot];
    const struct mu_hot *hot = &pool->hot[slot];
    memcpy(ret->id, cold->id, sizeof ret->id);
    ret->version = cold->version;
    ret->since_ms = hot->since_ms;
    ret->priority = hot->priority;
    ret->players = hot->players;
    ret->backfill = hot->shelf == 0;
    ret->rating = hot->rating;
    ret->sum = cold->sum;
    ret->squares = cold->squares;
    ret->variance = cold->variance;
    ret->facts = cold->facts;
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ret->reach_ms[i] = MU_REACH_NONE;
    }
    memcpy(ret->reach_ms, pool->reach_ms + (size_t)slot * pool->regions_count,
           pool->regions_count * sizeof ret->reach_ms[0]);
}

uint32_t mu_pool_count(const struct mu_pool *pool)
{
    return mu_slots_count(&pool->slots);
}

uint32_t mu_pool_taken(const struct mu_pool *pool)
{
    return pool->taken_count;
}

int64_t mu_pool_estimate(const struct mu_pool *pool, const char *id)
{
    uint32_t slot = mu_slots_get(&pool->slots, id);
    if (slot == MU_SLOT_NONE || pool->hot[slot].state == MU_HOT_IDLE) {
        return 0;
    }
    return (int64_t)lroundf(pool->hot[slot].expected_ms);
}

/* Invariants. */

void mu_pool_check(const struct mu_pool *pool)
{
    uint32_t used = 0;
    uint32_t waiting = 0;
    uint32_t taken = 0;
    mu_slots_check(&pool->slots);
    mu_heap_check(pool->moments);
    for (uint32_t i = 0; i < pool->slots.capacity; i++) {
        const struct mu_hot *hot = &pool->hot[i];
        assert((hot->state == MU_HOT_FREE) == (pool->cold[i].id[0] == '\0'));
        if (hot->state == MU_HOT_FREE) {
            assert(!mu_heap_has(pool->moments, i) && pool->cold[i].facts == NULL);
            continue;
        }
        used++;
        waiting += hot->state == MU_HOT_WAITING;
        taken += hot->state == MU_HOT_TAKEN;
        assert(mu_slots_get(&pool->slots, pool->cold[i].id) == i);
        if (hot->due_at != MU_SLOT_NONE) {
            assert(hot->state == MU_HOT_WAITING && hot->due_at < pool->due_count);
            assert(pool->due[hot->due_at] == i);
        }
    }
    assert(used == mu_slots_count(&pool->slots));
    assert(waiting == pool->waiting_count && waiting == mu_pool_check_buckets(pool));
    assert(taken == pool->taken_count);
    assert(pool->due_count == 0 || pool->due[pool->due_count - 1] != MU_SLOT_NONE);
}
