/* actors/matcher_explain.c - why a ticket still waits, as a message. */
#include "actors/matcher_state.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define YEAR_MS INT64_C(31536000000) /* the messages' bound */

static int64_t until(int64_t ms)
{
    return ms > YEAR_MS ? -1 : ms;
}

static uint64_t span(int64_t ms)
{
    return (uint64_t)(ms < 0 ? 0 : ms > YEAR_MS ? YEAR_MS : ms);
}

static void put_limit(const struct mu_explain_limit *from, struct mu_msg_explain_limit *ret)
{
    static_assert(sizeof ret->target == MU_EXPLAIN_TARGET_MAX + 1, "a target fits");
    memcpy(ret->target, from->target, sizeof ret->target);
    ret->bounded = isfinite(from->value);
    ret->value = ret->bounded ? from->value : 0;
    ret->next_ms = until(from->next_ms);
    ret->next_bounded = isfinite(from->next_value);
    ret->next_value = ret->next_bounded ? from->next_value : 0;
}

static void put_count(const char *name, size_t name_bytes, bool pairs,
                      const struct mu_explain_count *from, struct mu_msg_explain_count *ret)
{
    *ret = (struct mu_msg_explain_count){
        .pairs = pairs,
        .passed = from->passed,
        .failed = from->failed,
        .alone = from->alone,
    };
    assert(name_bytes < sizeof ret->name);
    memcpy(ret->name, name, name_bytes);
}

static void put_miss(const struct mu_explain_miss *from, struct mu_msg_explanation *ret)
{
    ret->missed = from->there;
    ret->miss_distance = (uint64_t)(from->distance < 0 ? -from->distance : from->distance);
    ret->miss_against = from->against < 255 ? from->against : 255;
    const char *rule =
        from->builtin == MU_EXPLAIN_BUILTINS ? from->rule : mu_explain_builtin_text(from->builtin);
    memset(ret->miss_rule, 0, sizeof ret->miss_rule);
    memcpy(ret->miss_rule, rule, strnlen(rule, sizeof ret->miss_rule - 1));
    ret->miss_numbered = isfinite(from->by);
    ret->miss_by = ret->miss_numbered ? from->by : 0;
    ret->miss_opens_ms = until(from->opens_ms);
}

static const char *state_text(enum mu_explain_state state)
{
    switch (state) {
    case MU_EXPLAIN_WAITING: return "WAITING";
    case MU_EXPLAIN_TAKEN: return "TAKEN";
    case MU_EXPLAIN_NEVER: break;
    }
    return "NEVER";
}

static void put(const struct mu_explanation *from, struct mu_msg_explanation *ret)
{
    const char *state = state_text(from->state);
    memcpy(ret->state, state, strlen(state) + 1);
    ret->waited_ms = span(from->waited_ms);
    ret->oldest_age = from->oldest_age;
    ret->reserves = from->waits;
    ret->reserve = isfinite(from->reserve) ? from->reserve : 0;
    ret->falls = from->falls;
    ret->any_ms = until(from->any_ms);
    ret->first_ms = until(from->first_ms);
    ret->estimate_ms = span(from->estimate_ms);
    ret->players_min = from->players_min;
    ret->players_max = from->players_max;
    ret->fill_ms = span(from->fill_ms);
    ret->limits_count = from->limits_count;
    for (uint32_t i = 0; i < from->limits_count; i++) {
        put_limit(&from->limits[i], &ret->limits[i]);
    }
    ret->limits_left_off = from->limits_left_off;
    put_limit(&from->next, &ret->next);
    ret->others = from->others;
    ret->looked = from->looked;
    ret->able = from->able;
    ret->able_players = from->able_players;
    ret->builtins_count = MU_EXPLAIN_BUILTINS;
    for (uint32_t i = 0; i < MU_EXPLAIN_BUILTINS; i++) {
        const char *name = mu_explain_builtin_text((enum mu_explain_builtin)i);
        put_count(name, strlen(name), true, &from->builtins[i], &ret->builtins[i]);
    }
    ret->counts_count = from->rules_count;
    for (uint32_t i = 0; i < from->rules_count; i++) {
        const struct mu_explain_rule *rule = &from->rules[i];
        put_count(rule->name, strlen(rule->name), rule->pairs, &rule->count, &ret->counts[i]);
    }
    put_miss(&from->miss, ret);
}
static_assert(sizeof((struct mu_msg_explanation *)NULL)->limits /
                      sizeof(struct mu_msg_explain_limit) ==
                  MU_EXPLAIN_LIMITS_MAX,
              "all limits fit");
static_assert(sizeof((struct mu_msg_explanation *)NULL)->counts /
                      sizeof(struct mu_msg_explain_count) ==
                  MU_RULES_COUNT_MAX,
              "all rules fit");

void mu_matcher_explain(struct matcher *matcher, const struct mu_event *ev, struct mu_outbox *out)
{
    const struct mu_msg_pool_explain *ask = &ev->msg->pool_explain;
    struct lease *lease = mu_matcher_lease(matcher, ev->envelope->source, ask->mode, ask->slice);
    if (lease == NULL || !lease->ready) {
        mu_outbox_error(out, ev->envelope, MU_ERROR_UNAVAILABLE, "This matcher lacks the pool.");
        return;
    }
    if (!mu_pool_explain(lease->pool, ask->ticket, matcher->now_ms, &matcher->explanation)) {
        mu_outbox_error(out, ev->envelope, MU_ERROR_TICKET_NOT_FOUND, "It does not wait here.");
        return;
    }
    struct mu_msg_explanation *answer = &matcher->msg.explanation;
    matcher->msg.op = MU_OP_EXPLANATION;
    memcpy(answer->ticket, ask->ticket, sizeof answer->ticket);
    memcpy(answer->mode, ask->mode, sizeof answer->mode);
    answer->rules = lease->rules_version;
    put(&matcher->explanation, answer);
    mu_outbox_reply(out, ev->envelope, &matcher->msg);
}
