/* actors/engine_legal.c - the hard rules and the quality of one match; see actors/engine.h. */
#include "actors/engine.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/actor.h"

/* MATCHING.md 1; the scale of a rating and of a spread are those of the workloads' headers. */
#define BETA            200.0 /* points: standard deviation of one player's performance */
#define SPREAD_POINTS   300.0 /* points at which a spread halves the quality */
#define LATENCY_GOOD_MS 40.0  /* and less: as good as it gets */
#define LATENCY_BAD_MS  260.0 /* and more: worth nothing */

int64_t mu_engine_window(const struct mu_mode *mode, int64_t age_ms)
{
    int64_t age = age_ms < 0 ? 0 : age_ms;
    if (age > INT32_MAX) {
        age = INT32_MAX; /* 24 days: no overflow below */
    }
    int64_t window = (int64_t)mode->window_points + (int64_t)mode->window_per_second * age / 1000;
    return window < (int64_t)mode->window_max ? window : (int64_t)mode->window_max;
}

int64_t mu_engine_window_age(const struct mu_mode *mode, int64_t distance)
{
    if (distance > (int64_t)mode->window_max) {
        return MU_NEVER;
    }
    int64_t more = distance - (int64_t)mode->window_points;
    if (more <= 0) {
        return 0;
    }
    if (mode->window_per_second == 0) {
        return MU_NEVER;
    }
    int64_t per_second = mode->window_per_second;
    return (more * 1000 + per_second - 1) / per_second;
}

const char *mu_engine_fault_text(enum mu_engine_fault fault)
{
    switch (fault) {
    case MU_ENGINE_LEGAL: return "legal";
    case MU_ENGINE_TEAMS: return "teams";
    case MU_ENGINE_FILL: return "fill";
    case MU_ENGINE_WINDOW: return "window";
    case MU_ENGINE_REGION: return "region";
    case MU_ENGINE_TICKET: return "ticket";
    }
    return "?";
}

static bool has_twice(const struct mu_engine_member *members, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(members[i].ticket->id, members[j].ticket->id) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Every pair accepts each other exactly when everybody accepts the lowest and the highest. */
static bool windows_hold(const struct mu_mode *mode, const struct mu_engine_member *members,
                         uint32_t count, int64_t now_ms)
{
    int64_t low = MU_RATING_MAX;
    int64_t high = MU_RATING_MIN;
    for (uint32_t i = 0; i < count; i++) {
        int64_t rating = members[i].ticket->rating;
        low = rating < low ? rating : low;
        high = rating > high ? rating : high;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_engine_ticket *ticket = members[i].ticket;
        int64_t window = mu_engine_window(mode, now_ms - ticket->since_ms);
        if (ticket->rating - low > window || high - ticket->rating > window) {
            return false;
        }
    }
    return true;
}

static enum mu_engine_fault teams_hold(const struct mu_mode *mode,
                                       const struct mu_engine_member *members, uint32_t count,
                                       int64_t now_ms)
{
    uint32_t sizes[MU_TEAMS_MAX] = { 0 };
    uint32_t players = 0;
    int64_t age_max = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (members[i].team >= mode->teams) {
            return MU_ENGINE_TEAMS;
        }
        sizes[members[i].team] += members[i].ticket->players;
        players += members[i].ticket->players;
        int64_t age = now_ms - members[i].ticket->since_ms;
        age_max = age > age_max ? age : age_max;
    }
    for (uint32_t i = 0; i < mode->teams; i++) {
        if (sizes[i] < mode->team_min || sizes[i] > mode->team_max) {
            return MU_ENGINE_TEAMS;
        }
    }
    bool full = players == mode->teams * mode->team_max;
    return full || age_max >= (int64_t)mode->fill_ms ? MU_ENGINE_LEGAL : MU_ENGINE_FILL;
}

enum mu_engine_fault mu_engine_legal(const struct mu_config *config, uint32_t mode,
                                     const struct mu_engine_member *members, uint32_t count,
                                     uint32_t region, int64_t now_ms)
{
    assert(mode < config->modes_count);
    assert(count <= MU_MATCH_PLAYERS_MAX);
    const struct mu_mode *rules = &config->modes[mode];
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_engine_ticket *ticket = members[i].ticket;
        if (ticket->players < 1 || ticket->players > MU_TICKET_PLAYERS_MAX ||
            ticket->rating < MU_RATING_MIN || ticket->rating > MU_RATING_MAX) {
            return MU_ENGINE_TICKET;
        }
    }
    if (has_twice(members, count)) {
        return MU_ENGINE_TICKET;
    }
    enum mu_engine_fault fault = teams_hold(rules, members, count, now_ms);
    if (fault != MU_ENGINE_LEGAL) {
        return fault;
    }
    if (!windows_hold(rules, members, count, now_ms)) {
        return MU_ENGINE_WINDOW;
    }
    if (region >= config->regions_count) {
        return MU_ENGINE_REGION;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t ms = members[i].ticket->reach_ms[region];
        if (ms == MU_REACH_NONE || (rules->latency_max_ms != 0 && ms > rules->latency_max_ms)) {
            return MU_ENGINE_REGION;
        }
    }
    return MU_ENGINE_LEGAL;
}

/* Mean over the other teams of |2 * win probability - 1|, for all pairs of teams. */
static double imbalance(const struct mu_mode *mode, const struct mu_engine_member *members,
                        uint32_t count)
{
    double sums[MU_TEAMS_MAX] = { 0 };
    double sizes[MU_TEAMS_MAX] = { 0 };
    for (uint32_t i = 0; i < count; i++) {
        double players = (double)members[i].ticket->players;
        sums[members[i].team] += players * (double)members[i].ticket->rating;
        sizes[members[i].team] += players;
    }
    double total = 0;
    double pairs = 0;
    for (uint32_t i = 0; i < mode->teams; i++) {
        for (uint32_t j = 0; j < i; j++) {
            double scale = BETA * sqrt(sizes[i] + sizes[j]);
            total += erf(fabs(sums[i] - sums[j]) / (scale * sqrt(2.0)));
            pairs += 1;
        }
    }
    return pairs > 0 ? total / pairs : 0;
}

double mu_engine_quality(const struct mu_mode *mode, const struct mu_engine_member *members,
                         uint32_t count, uint32_t region)
{
    assert(count > 0 && region < MU_REGIONS_MAX);
    double players = 0;
    double sum = 0;
    double squares = 0;
    double latency = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_engine_ticket *ticket = members[i].ticket;
        double n = (double)ticket->players;
        double rating = (double)ticket->rating;
        double ms = (double)ticket->reach_ms[region];
        players += n;
        sum += n * rating;
        squares += n * rating * rating;
        latency += n * fmin(fmax((LATENCY_BAD_MS - ms) / (LATENCY_BAD_MS - LATENCY_GOOD_MS), 0), 1);
    }
    double mean = sum / players;
    double deviation = sqrt(fmax(squares / players - mean * mean, 0));
    double spread = 1 / (1 + deviation * deviation / (SPREAD_POINTS * SPREAD_POINTS));
    double quality = (1 - imbalance(mode, members, count)) * spread * latency / players;
    assert(quality >= 0 && quality <= 1.000001);
    return quality < 1 ? quality : 1;
}

void mu_engine_ticket_from(const struct mu_msg_pool_ticket *msg, int64_t now_ms,
                           struct mu_engine_ticket *ret)
{
    memcpy(ret->id, msg->id, sizeof ret->id);
    ret->version = msg->version;
    ret->since_ms = now_ms - (int64_t)msg->waited_ms;
    ret->rating = (int32_t)msg->rating;
    ret->players = (uint32_t)msg->players;
    ret->priority = (uint32_t)msg->priority;
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ret->reach_ms[i] = MU_REACH_NONE;
    }
    for (uint32_t i = 0; i < msg->reach_count; i++) {
        if (msg->reach[i].region < MU_REGIONS_MAX) {
            ret->reach_ms[msg->reach[i].region] = (uint16_t)msg->reach[i].ms;
        }
    }
}

void mu_engine_ticket_to(const struct mu_engine_ticket *ticket, int64_t now_ms,
                         struct mu_msg_pool_ticket *ret)
{
    int64_t waited_ms = now_ms - ticket->since_ms;
    memcpy(ret->id, ticket->id, sizeof ret->id);
    ret->version = ticket->version;
    ret->players = ticket->players;
    ret->rating = ticket->rating;
    ret->waited_ms = waited_ms < 0 ? 0 : (uint64_t)waited_ms;
    if (ret->waited_ms > UINT64_C(31536000000)) {
        ret->waited_ms = UINT64_C(31536000000); /* the message's bound: a year */
    }
    ret->priority = ticket->priority;
    ret->reach_count = 0;
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        if (ticket->reach_ms[i] != MU_REACH_NONE) {
            ret->reach[ret->reach_count].region = i;
            ret->reach[ret->reach_count++].ms = ticket->reach_ms[i];
        }
    }
}
