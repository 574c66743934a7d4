/* actors/engine_moment.c - reservations as time goes by, and when they fall far enough. */
#include "actors/engine_pool.h"

#include <math.h>

#include "core/actor.h"

#define LEFT_MIN 0.2 /* so much of its time is left to a ticket however long it has waited */

enum {
    WINDOW_STEPS = 8, /* a window that opens is looked at again when it is older by an eighth */
    WINDOW_GRAIN_MS = 1000,
};

/* Times are compared as doubles of ms: exact for 285000 years. */

double mu_pool_bid(const struct mu_pool *pool, const struct mu_hot *hot, int64_t at_ms)
{
    const struct mu_objective *objective = &pool->rules->objective;
    if (!objective->waits) {
        return 0;
    }
    double age = (double)(at_ms - mu_pool_key(hot));
    double late = age - (double)objective->urgent_ms;
    double bid = (double)hot->reserve - objective->eta * age / objective->wait_ms;
    return late > 0 ? bid - objective->urgency * late / 60000 : bid;
}

double mu_pool_left(const struct mu_pool *pool, const struct mu_hot *hot, int64_t at_ms)
{
    const struct mu_objective *objective = &pool->rules->objective;
    if (!objective->waits) {
        return 1;
    }
    double left = 1 - (double)(at_ms - mu_pool_key(hot)) / objective->wait_ms;
    return fmin(fmax(left, LEFT_MIN), 1);
}

bool mu_pool_is_first(const struct mu_pool *pool, const struct mu_hot *hot, int64_t at_ms)
{
    const struct mu_objective *objective = &pool->rules->objective;
    return !objective->waits || at_ms - mu_pool_key(hot) >= objective->first_ms;
}

/* The sum of the bids falls ever faster, by straight lines.  So Newton's step from the left leaps
 * over the crossing or onto it, and those from the right come back to it, a line at a time. */
static int64_t crossing(const struct mu_pool *pool, const uint32_t *slots, uint32_t count,
                        const double *shares, double worth, int64_t now_ms)
{
    const struct mu_objective *objective = &pool->rules->objective;
    double at = (double)now_ms;
    for (uint32_t step = 0; step < count + 2; step++) {
        double sum = -worth;
        double slope = 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct mu_hot *hot = &pool->hot[slots[i]];
            double share = shares[i];
            double age = at - (double)mu_pool_key(hot);
            double late = age - (double)objective->urgent_ms;
            double rate = objective->eta / objective->wait_ms;
            double bid = (double)hot->reserve - rate * age;
            if (late > 0 || (late == 0 && step == 0)) {
                rate += objective->urgency / 60000;
                bid -= objective->urgency / 60000 * late;
            }
            sum += share * bid;
            slope += share * rate;
        }
        if (slope <= 0) {
            return MU_NEVER;
        }
        double next = at + sum / slope;
        if (step > 0 && next >= at) {
            break; /* there */
        }
        at = next;
    }
    if (at >= (double)(INT64_MAX / 2)) {
        return MU_NEVER;
    }
    int64_t moment = (int64_t)floor(at) + 1;
    return moment > now_ms ? moment : now_ms + 1;
}

int64_t mu_pool_crossing(const struct mu_pool *pool, const uint32_t *slots, uint32_t count,
                         double worth, int64_t now_ms)
{
    double shares[MU_MATCH_PLAYERS_MAX];
    assert(count <= MU_MATCH_PLAYERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        shares[i] = pool->hot[slots[i]].players;
    }
    return crossing(pool, slots, count, shares, worth, now_ms);
}

int64_t mu_pool_crossing_left(const struct mu_pool *pool, const uint32_t *slots, uint32_t count,
                              double worth, int64_t now_ms)
{
    double shares[MU_MATCH_PLAYERS_MAX];
    assert(count <= MU_MATCH_PLAYERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_hot *hot = &pool->hot[slots[i]];
        shares[i] = hot->players * mu_pool_left(pool, hot, now_ms);
    }
    return crossing(pool, slots, count, shares, worth, now_ms);
}

/* since_ms may be < 0, so that no age is computed of MU_NEVER. */
int64_t mu_pool_window(const struct mu_pool *pool, const struct mu_hot *hot, int64_t at_ms)
{
    const struct mu_window *window = &pool->rules->window;
    if (!window->used) {
        return INT32_MAX;
    }
    int64_t age = at_ms > hot->since_ms ? at_ms - hot->since_ms : 0;
    age = at_ms < MU_NEVER && age < INT32_MAX ? age : INT32_MAX; /* 24 days: no overflow below */
    int64_t reach = (int64_t)window->points + (int64_t)window->per_second * age / 1000;
    return reach < (int64_t)window->max ? reach : (int64_t)window->max;
}

int64_t mu_pool_window_opens(const struct mu_pool *pool, const struct mu_hot *hot, int64_t distance)
{
    const struct mu_window *window = &pool->rules->window;
    int64_t more = distance - (int64_t)window->points;
    if (!window->used) {
        return INT64_MIN;
    }
    if (distance > (int64_t)window->max || (more > 0 && window->per_second == 0)) {
        return MU_NEVER;
    }
    int64_t per_second = window->per_second;
    return more <= 0 ? INT64_MIN : hot->since_ms + (more * 1000 + per_second - 1) / per_second;
}

bool mu_pool_accept(const struct mu_pool *pool, uint32_t a, uint32_t b, int64_t at_ms)
{
    int64_t distance = (int64_t)pool->hot[a].rating - pool->hot[b].rating;
    distance = distance < 0 ? -distance : distance;
    return distance <= mu_pool_window(pool, &pool->hot[a], at_ms) &&
           distance <= mu_pool_window(pool, &pool->hot[b], at_ms);
}

int64_t mu_pool_opens(const struct mu_pool *pool, const struct mu_hot *hot, int64_t now_ms)
{
    const struct mu_window *window = &pool->rules->window;
    int64_t age = now_ms > hot->since_ms ? now_ms - hot->since_ms : 0;
    int64_t next = MU_NEVER;
    for (uint32_t i = 0; i < pool->book->shapes_count; i++) {
        int64_t changes = mu_rules_next(pool->book->shapes[i], age);
        next = changes < next ? changes : next;
    }
    if (window->used && pool->generator != MU_GENERATE_PAIR &&
        mu_pool_window(pool, hot, now_ms) < mu_pool_window(pool, hot, MU_NEVER)) {
        int64_t wider = age + age / WINDOW_STEPS + WINDOW_GRAIN_MS;
        next = wider < next ? wider : next;
    }
    return next == MU_NEVER ? MU_NEVER : hot->since_ms + next;
}

int32_t mu_pool_reach(const struct mu_pool *pool)
{
    const struct mu_window *window = &pool->rules->window;
    double bonus = 0;
    if (!window->used) {
        return MU_POOL_RATINGS;
    }
    for (uint32_t i = 1; i <= pool->sizes_count; i++) {
        bonus = fmax(bonus, fabs(pool->rules->objective.party_bonus[i]));
    }
    return (int32_t)(fmin(window->max, MU_POOL_RATINGS) + fmin(2 * bonus + 2, MU_POOL_RATINGS));
}
