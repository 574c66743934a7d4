/* gateway/present_explain.c - why a ticket still waits, as JSON. */
#include "gateway/present.h"

static void put_real(struct mu_json_writer *writer, const char *key, bool there, double value)
{
    mu_json_key(writer, key);
    if (there) {
        mu_json_real(writer, value);
    } else {
        mu_json_null(writer);
    }
}

/* A time from now; -1: never, null. */
static void put_until(struct mu_json_writer *writer, const char *key, int64_t ms)
{
    mu_json_key(writer, key);
    if (ms >= 0) {
        mu_json_i64(writer, ms);
    } else {
        mu_json_null(writer);
    }
}

static void put_limit(struct mu_json_writer *writer, const struct mu_msg_explain_limit *limit)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "target", limit->target);
    put_real(writer, "value", limit->bounded, limit->value);
    put_until(writer, "changesInMs", limit->next_ms);
    if (limit->next_ms >= 0) {
        put_real(writer, "then", limit->next_bounded, limit->next_value);
    }
    mu_json_object_end(writer);
}

static void put_counts(struct mu_json_writer *writer, const char *key,
                       const struct mu_msg_explain_count *counts, uint32_t count)
{
    mu_json_key(writer, key);
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < count; i++) {
        mu_json_object_begin(writer);
        mu_put_text(writer, "name", counts[i].name);
        mu_put_u64(writer, "passed", counts[i].passed);
        mu_put_u64(writer, "failed", counts[i].failed);
        mu_put_u64(writer, "failedAlone", counts[i].alone);
        mu_put_bool(writer, "ofEveryPair", counts[i].pairs);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
}

static void put_demand(struct mu_json_writer *writer, const struct mu_msg_explanation *from)
{
    mu_json_key(writer, "reservation");
    if (!from->reserves) {
        mu_json_null(writer);
        return;
    }
    mu_json_object_begin(writer);
    mu_json_key(writer, "quality");
    mu_json_real(writer, from->reserve);
    mu_json_key(writer, "fallsPerMinute");
    mu_json_real(writer, from->falls);
    put_until(writer, "anyInMs", from->any_ms);
    put_until(writer, "servedFirstInMs", from->first_ms);
    mu_json_object_end(writer);
}

static void put_others(struct mu_json_writer *writer, const struct mu_msg_explanation *from)
{
    mu_json_key(writer, "others");
    mu_json_object_begin(writer);
    mu_put_u64(writer, "waiting", from->others);
    mu_put_u64(writer, "lookedAt", from->looked);
    mu_put_u64(writer, "able", from->able);
    mu_put_u64(writer, "ablePlayers", from->able_players);
    mu_json_object_end(writer);
}

static void put_miss(struct mu_json_writer *writer, const struct mu_msg_explanation *from)
{
    mu_json_key(writer, "nearestMiss");
    if (!from->missed) {
        mu_json_null(writer);
        return;
    }
    mu_json_object_begin(writer);
    mu_put_u64(writer, "ratingDistance", from->miss_distance);
    mu_put_u64(writer, "against", from->miss_against);
    mu_put_text(writer, "rule", from->miss_rule);
    put_real(writer, "by", from->miss_numbered, from->miss_by);
    put_until(writer, "opensInMs", from->miss_opens_ms);
    mu_json_object_end(writer);
}

void mu_present_explanation(struct mu_json_writer *writer, const struct mu_msg_explanation *from)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "ticketId", from->ticket);
    mu_put_text(writer, "queue", from->mode);
    mu_put_u64(writer, "rulesVersion", from->rules);
    mu_put_text(writer, "status", from->state);
    mu_put_u64(writer, "waitedMs", from->waited_ms);
    mu_put_u64(writer, "estimatedWaitMs", from->estimate_ms);
    mu_put_text(writer, "ageThatCounts", from->oldest_age ? "oldest" : "newest");
    put_demand(writer, from);
    mu_json_key(writer, "players");
    mu_json_object_begin(writer);
    mu_put_u64(writer, "min", from->players_min);
    mu_put_u64(writer, "max", from->players_max);
    mu_put_u64(writer, "fullForMs", from->fill_ms);
    mu_json_object_end(writer);
    mu_json_key(writer, "limits");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < from->limits_count; i++) {
        put_limit(writer, &from->limits[i]);
    }
    mu_json_array_end(writer);
    mu_put_u64(writer, "limitsLeftOff", from->limits_left_off);
    mu_json_key(writer, "nextChange");
    if (from->next.target[0] != '\0') {
        put_limit(writer, &from->next);
    } else {
        mu_json_null(writer);
    }
    put_others(writer, from);
    put_counts(writer, "builtIn", from->builtins, from->builtins_count);
    put_counts(writer, "rules", from->counts, from->counts_count);
    put_miss(writer, from);
    mu_json_object_end(writer);
}
