/* actors/explain_limits.c - what a ticket asks for now, and when that changes. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actors/explain_private.h"
#include "core/actor.h"

/* Whose limits they are. */
struct view {
    const struct mu_pool *pool;
    const struct mu_hot *hot;
    int64_t now_ms;
    int64_t age_ms;
    struct mu_explanation *ret;
};

/* Adds a limit, which may be the next to change. */
__attribute__((format(printf, 3, 4))) static void
add(const struct view *view, struct mu_explain_limit *limit, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)vsnprintf(limit->target, sizeof limit->target, format, list); /* it has room */
    va_end(list);
    struct mu_explanation *ret = view->ret;
    if (limit->next_ms != MU_NEVER &&
        (ret->next.target[0] == '\0' || limit->next_ms < ret->next.next_ms)) {
        ret->next = *limit;
    }
    if (ret->limits_count == MU_EXPLAIN_LIMITS_MAX) {
        ret->limits_left_off++;
        return;
    }
    ret->limits[ret->limits_count++] = *limit;
}

/* Reads a limit at the ticket's age.  Returns whether there is, or will be, one. */
static bool read_limit(const struct view *view, const struct mu_limit *limit,
                       struct mu_explain_limit *ret)
{
    int64_t next = mu_limit_next(limit, view->age_ms);
    memset(ret, 0, sizeof *ret);
    ret->value = mu_limit_at(limit, view->age_ms);
    ret->next_ms = MU_NEVER;
    ret->next_value = ret->value;
    if (next != MU_NEVER) {
        ret->next_ms = view->hot->since_ms + next - view->now_ms;
        ret->next_value = mu_limit_at(limit, next);
    }
    return isfinite(ret->value) || next != MU_NEVER;
}

static void add_window(const struct view *view)
{
    struct mu_explain_limit limit;
    if (!view->pool->rules->window.used) {
        return;
    }
    memset(&limit, 0, sizeof limit);
    int64_t points = mu_pool_window(view->pool, view->hot, view->now_ms);
    int64_t opens = mu_pool_window_opens(view->pool, view->hot, points + 1);
    limit.value = (double)points;
    limit.next_value = limit.value;
    limit.next_ms = MU_NEVER;
    if (opens != MU_NEVER) {
        limit.next_ms = opens - view->now_ms;
        limit.next_value = (double)mu_pool_window(view->pool, view->hot, opens);
    }
    add(view, &limit, "window");
}

static void add_latency(const struct view *view)
{
    struct mu_explain_limit limit;
    if (view->pool->rules->latency_max_ms == 0) {
        return;
    }
    memset(&limit, 0, sizeof limit);
    limit.value = view->pool->rules->latency_max_ms;
    limit.next_value = limit.value;
    limit.next_ms = MU_NEVER;
    add(view, &limit, "maxLatency");
}

/* From some age on a rule is as if it were not there. */
static void add_optional(const struct view *view, const struct mu_rule *rule)
{
    struct mu_explain_limit limit;
    if (rule->optional_after_ms == MU_NEVER || rule->child) {
        return;
    }
    memset(&limit, 0, sizeof limit);
    bool counts = view->age_ms < rule->optional_after_ms;
    limit.value = counts ? 1 : 0;
    limit.next_ms =
        counts ? view->hot->since_ms + rule->optional_after_ms - view->now_ms : MU_NEVER;
    add(view, &limit, "rules[%s]", rule->name);
}

static void add_rule(const struct view *view, const struct mu_rule *rule)
{
    struct mu_explain_limit limit;
    bool counts = rule->type == MU_RULE_COLLECTION;
    bool latency = rule->type == MU_RULE_LATENCY;
    if (rule->weight > 0 || rule->type == MU_RULE_DISTANCE_SORT ||
        rule->type == MU_RULE_ABSOLUTE_SORT) {
        return; /* they exclude nobody */
    }
    if (rule->reference.kind == MU_EXPRESSION_NUMBER &&
        read_limit(view, &rule->reference_number, &limit)) {
        add(view, &limit, "rules[%s].referenceValue", rule->name);
    }
    if (read_limit(view, &rule->min, &limit)) {
        add(view, &limit, "rules[%s].%s", rule->name, counts ? "minCount" : "minDistance");
    }
    if (read_limit(view, &rule->max, &limit)) {
        add(view, &limit, "rules[%s].%s", rule->name,
            latency  ? "maxLatency"
            : counts ? "maxCount"
                     : "maxDistance");
    }
    if (latency && read_limit(view, &rule->distance, &limit)) {
        add(view, &limit, "rules[%s].maxDistance", rule->name);
    }
    add_optional(view, rule);
}

/* Teams, and the size that is preferred. */
static void add_shape(const struct view *view, uint32_t shape)
{
    const struct mu_rules *rules = view->pool->book->shapes[shape];
    struct mu_explain_limit limit;
    char prefix[24] = "";
    if (view->pool->book->shapes_count > 1) {
        (void)snprintf(prefix, sizeof prefix, "shapes[%u].", (unsigned)shape);
    }
    if (read_limit(view, &rules->prefer, &limit)) {
        add(view, &limit, "%sprefer", prefix);
    }
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        const struct mu_team *team = &rules->teams[i];
        if (team->like != i) {
            continue;
        }
        if (read_limit(view, &team->players_min, &limit)) {
            add(view, &limit, "%steams[%s].minPlayers", prefix, team->name);
        }
        if (read_limit(view, &team->players_max, &limit)) {
            add(view, &limit, "%steams[%s].maxPlayers", prefix, team->name);
        }
    }
}

void mu_explain_limits(const struct mu_pool *pool, uint32_t slot, int64_t now_ms,
                       struct mu_explanation *ret)
{
    const struct view view = {
        .pool = pool,
        .hot = &pool->hot[slot],
        .now_ms = now_ms,
        .age_ms = ret->waited_ms,
        .ret = ret,
    };
    add_window(&view);
    add_latency(&view);
    for (uint32_t i = 0; i < pool->rules->rules_count; i++) {
        add_rule(&view, &pool->rules->rules[i]);
    }
    for (uint32_t i = 0; i < pool->book->shapes_count; i++) {
        add_shape(&view, i);
    }
}
