#include "tools/ticket_page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tools/remote.h"

#define TIME_MAX_MS INT64_C(31536000000) /* a year: the messages' bound */
#define NAME_WIDTH  24                   /* of the first column at least, characters */

/* Words. */

struct words {
    char text[48];
};

/* A time: "80 ms", "34 s", "2 min 10 s", "3 h 5 min", "2 d 4 h". */
static struct words span_words(int64_t ms)
{
    struct words ret;
    int64_t s = (ms + 999) / 1000;
    static const struct {
        int64_t s;
        const char *name;
        int64_t part_s;
        const char *part;
    } units[] = {
        { 86400, "d", 3600, "h" },
        { 3600, "h", 60, "min" },
        { 60, "min", 1, "s" },
    };
    if (ms < 1000) {
        (void)snprintf(ret.text, sizeof ret.text, "%" PRId64 " ms", ms);
        return ret;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t parts = s % units[i].s / units[i].part_s;
        if (s >= units[i].s && parts > 0) {
            (void)snprintf(ret.text, sizeof ret.text, "%" PRId64 " %s %" PRId64 " %s",
                           s / units[i].s, units[i].name, parts, units[i].part);
            return ret;
        }
        if (s >= units[i].s) {
            (void)snprintf(ret.text, sizeof ret.text, "%" PRId64 " %s", s / units[i].s,
                           units[i].name);
            return ret;
        }
    }
    (void)snprintf(ret.text, sizeof ret.text, "%" PRId64 " s", s);
    return ret;
}

/* A time that has passed: whole seconds, rounded down. */
static struct words passed_words(int64_t ms)
{
    return span_words(ms < 1000 ? ms : ms / 1000 * 1000);
}

/* A number with at most six digits that say something, and never with an exponent above. */
static struct words number_words(double value)
{
    struct words ret;
    (void)snprintf(ret.text, sizeof ret.text, fabs(value) < 1e6 ? "%.6g" : "%.0f", value);
    return ret;
}

/* The same of a member; `none` when it is no number. */
static struct words member_words(const struct mu_json *json, uint32_t node, const char *key,
                                 const char *none)
{
    struct words ret;
    uint32_t at = mu_remote_member(json, node, key);
    if (at != MU_JSON_NONE &&
        (json->nodes[at].type == MU_JSON_INTEGER || json->nodes[at].type == MU_JSON_REAL)) {
        return number_words(json->nodes[at].real);
    }
    (void)snprintf(ret.text, sizeof ret.text, "%s", none);
    return ret;
}

/* Whether the member is a number. */
static bool has_number(const struct mu_json *json, uint32_t node, const char *key)
{
    return member_words(json, node, key, "").text[0] != '\0';
}

/* A member's time, which counts in `unit_ms`; what is out of bounds is at them. */
static int64_t time_of(const struct mu_json *json, uint32_t node, const char *key, int64_t unit_ms)
{
    int64_t time = mu_remote_number(json, node, key);
    return time < 0 ? 0 : time > TIME_MAX_MS / unit_ms ? TIME_MAX_MS : time * unit_ms;
}

/* A member's number, or 0. */
static double real_of(const struct mu_json *json, uint32_t node, const char *key)
{
    return has_number(json, node, key) ? json->nodes[mu_remote_member(json, node, key)].real : 0;
}

static bool has_object(const struct mu_json *json, uint32_t node, const char *key)
{
    uint32_t at = mu_remote_member(json, node, key);
    return at != MU_JSON_NONE && json->nodes[at].type == MU_JSON_OBJECT;
}

/* A ticket. */

static void put_place(const struct mu_json *json, uint32_t node, FILE *file)
{
    int64_t estimate_ms = time_of(json, node, "estimatedWaitSeconds", 1000);
    if (!has_number(json, node, "queuePosition")) {
        return;
    }
    (void)fprintf(file, "%-12s %" PRId64, "position",
                  mu_remote_number(json, node, "queuePosition"));
    if (estimate_ms > 0) {
        (void)fprintf(file, ", %s expected in all", span_words(estimate_ms).text);
    }
    (void)fprintf(file, "\n%-12s version %" PRId64 "\n", "rule set",
                  mu_remote_number(json, node, "rulesVersion"));
}

void mu_ticket_page_ticket(const struct mu_json *json, uint32_t node, FILE *file)
{
    (void)fprintf(file, "%s  %s\n\n%-12s", mu_remote_text(json, node, "ticketId"),
                  mu_remote_text(json, node, "status"), "queues");
    for (uint32_t at = mu_remote_first(json, node, "queues"); at != MU_JSON_NONE;
         at = json->nodes[at].next) {
        (void)fprintf(file, " %s",
                      json->nodes[at].type == MU_JSON_STRING ? json->nodes[at].text : "");
    }
    (void)fprintf(file, "\n%-12s %s\n%-12s %s\n", "region", mu_remote_text(json, node, "region"),
                  "queued at", mu_remote_text(json, node, "queuedAt"));
    (void)fprintf(file, "%-12s %s", "waited",
                  span_words(time_of(json, node, "waitedSeconds", 1000)).text);
    (void)fprintf(file, " of %s\n", span_words(time_of(json, node, "maxWaitSeconds", 1000)).text);
    (void)fprintf(file, "%-12s %s\n", "priority", member_words(json, node, "priority", "-").text);
    put_place(json, node, file);
    if (mu_remote_text(json, node, "matchId")[0] != '\0') {
        (void)fprintf(file, "%-12s %s\n", "match", mu_remote_text(json, node, "matchId"));
    }
    (void)fprintf(file, "\n%-32s %-30s %7s %10s\n", "player", "name", "rating", "deviation");
    for (uint32_t at = mu_remote_first(json, node, "players"); at != MU_JSON_NONE;
         at = json->nodes[at].next) {
        (void)fprintf(file, "%-32s %-30s %7s %10s\n", mu_remote_text(json, at, "playerId"),
                      mu_remote_text(json, at, "username"),
                      member_words(json, at, "skillRating", "-").text,
                      member_words(json, at, "ratingDeviation", "-").text);
    }
}

/* Why it waits. */

/* What it asks of a match's quality. */
static void put_reservation(const struct mu_json *json, uint32_t node, FILE *file)
{
    uint32_t reservation = mu_remote_member(json, node, "reservation");
    if (!has_object(json, node, "reservation")) {
        (void)fprintf(file, "; any match that breaks no rule will do");
        return;
    }
    int64_t any_ms = time_of(json, reservation, "anyInMs", 1);
    int64_t first_ms = time_of(json, reservation, "servedFirstInMs", 1);
    bool any = has_number(json, reservation, "anyInMs");
    if (any && any_ms == 0) {
        (void)fprintf(file, "; takes any match");
    } else {
        (void)fprintf(file, "; asks for quality %.3g, falling %.3g a minute",
                      real_of(json, reservation, "quality"),
                      real_of(json, reservation, "fallsPerMinute"));
        if (any) {
            (void)fprintf(file, ", any match in %s", span_words(any_ms).text);
        }
    }
    if (!has_number(json, reservation, "servedFirstInMs")) {
        return;
    }
    if (first_ms == 0) {
        (void)fprintf(file, ", first in line");
    } else {
        (void)fprintf(file, ", first in line in %s", span_words(first_ms).text);
    }
}

static void put_wait(const struct mu_json *json, uint32_t node, FILE *file)
{
    const char *status = mu_remote_text(json, node, "status");
    uint32_t players = mu_remote_member(json, node, "players");
    int64_t estimate_ms = time_of(json, node, "estimatedWaitMs", 1);
    int64_t full_ms = time_of(json, players, "fullForMs", 1);
    int64_t waited_ms = time_of(json, node, "waitedMs", 1);
    int64_t version = mu_remote_number(json, node, "rulesVersion");
    (void)fprintf(file, "%s in %s, ", mu_remote_text(json, node, "ticketId"),
                  mu_remote_text(json, node, "queue"));
    if (version == 0) {
        (void)fprintf(file, "without a rule set");
    } else {
        (void)fprintf(file, "rule set version %" PRId64, version);
    }
    (void)fprintf(file, "\n\nwaits %s", passed_words(waited_ms).text);
    if (estimate_ms > 0) {
        (void)fprintf(file, ", about %s expected", span_words(estimate_ms).text);
    }
    if (strcmp(status, "TAKEN") == 0) {
        (void)fprintf(file, "; is in a match that is being made");
    } else if (strcmp(status, "NEVER") == 0) {
        (void)fprintf(file, "; can have no match: it reaches no region, or its party is too large");
    } else {
        put_reservation(json, node, file);
    }
    (void)fprintf(file, "\na match has %s", member_words(json, players, "min", "-").text);
    if (mu_remote_number(json, players, "min") != mu_remote_number(json, players, "max")) {
        (void)fprintf(file, " to %s", member_words(json, players, "max", "-").text);
    }
    (void)fprintf(file, " players");
    if (full_ms > 0) {
        (void)fprintf(file, ", for %s more only a full one will do", span_words(full_ms).text);
    }
    (void)fprintf(file, "; it is as old as its %s ticket\n",
                  mu_remote_text(json, node, "ageThatCounts"));
}

/* A limit's value; of "rules[R]", whether R is asked. */
static struct words limit_words(const struct mu_json *json, uint32_t node, const char *key)
{
    const char *target = mu_remote_text(json, node, "target");
    size_t n = strlen(target);
    struct words ret = member_words(json, node, key, "none");
    if (strncmp(target, "rules[", 6) == 0 && target[n - 1] == ']') {
        (void)snprintf(ret.text, sizeof ret.text, "%s", strcmp(ret.text, "0") == 0 ? "off" : "on");
    }
    return ret;
}

/* Characters of the longest of those texts in a list, at least `width`. */
static int width_of(const struct mu_json *json, uint32_t first, const char *key, int width)
{
    for (uint32_t at = first; at != MU_JSON_NONE; at = json->nodes[at].next) {
        int n = (int)strlen(mu_remote_text(json, at, key));
        width = n > width ? n : width;
    }
    return width;
}

static void put_limits(const struct mu_json *json, uint32_t node, FILE *file)
{
    uint32_t first = mu_remote_first(json, node, "limits");
    int64_t left_off = mu_remote_number(json, node, "limitsLeftOff");
    int width = width_of(json, first, "target", NAME_WIDTH);
    if (first == MU_JSON_NONE) {
        return;
    }
    (void)fprintf(file, "\n%-*s %10s %14s %10s\n", width, "limit", "now", "changes in", "to");
    for (uint32_t at = first; at != MU_JSON_NONE; at = json->nodes[at].next) {
        bool changes = has_number(json, at, "changesInMs");
        (void)fprintf(file, "%-*s %10s %14s %10s\n", width, mu_remote_text(json, at, "target"),
                      limit_words(json, at, "value").text,
                      changes ? span_words(time_of(json, at, "changesInMs", 1)).text : "-",
                      changes ? limit_words(json, at, "then").text : "-");
    }
    if (left_off > 0) {
        (void)fprintf(file, "... and %" PRId64 " more\n", left_off);
    }
}

static void put_counts(const struct mu_json *json, uint32_t first, int width, FILE *file)
{
    for (uint32_t at = first; at != MU_JSON_NONE; at = json->nodes[at].next) {
        uint32_t pairs = mu_remote_member(json, at, "ofEveryPair");
        bool every = pairs == MU_JSON_NONE || json->nodes[pairs].type != MU_JSON_FALSE;
        (void)fprintf(
            file, "%-*s %8s %8s %13s%s\n", width, mu_remote_text(json, at, "name"),
            member_words(json, at, "passed", "-").text, member_words(json, at, "failed", "-").text,
            member_words(json, at, "failedAlone", "-").text, every ? "" : "  (of full matches)");
    }
}

static void put_others(const struct mu_json *json, uint32_t node, FILE *file)
{
    uint32_t others = mu_remote_member(json, node, "others");
    uint32_t built_in = mu_remote_first(json, node, "builtIn");
    uint32_t rules = mu_remote_first(json, node, "rules");
    int width = width_of(json, rules, "name", NAME_WIDTH);
    (void)fprintf(file,
                  "\nothers: %s wait, %s looked at, %s can be in a match with it (%s players)\n",
                  member_words(json, others, "waiting", "-").text,
                  member_words(json, others, "lookedAt", "-").text,
                  member_words(json, others, "able", "-").text,
                  member_words(json, others, "ablePlayers", "-").text);
    if (mu_remote_number(json, others, "lookedAt") == 0) {
        return;
    }
    (void)fprintf(file, "\n%-*s %8s %8s %13s\n", width, "asked for", "passed", "failed",
                  "failed alone");
    put_counts(json, built_in, width, file);
    put_counts(json, rules, width, file);
}

/* What stands against the nearest miss. */
static void put_against(const struct mu_json *json, uint32_t node, const char *rule, FILE *file)
{
    static const char *const built_in[][2] = {
        { "region", "no region is near enough for both" },
        { "window", "ratings too far apart" },
        { "size", "too many for one match" },
        { "roles", "their roles are not those of a team" },
    };
    bool named = false;
    for (uint32_t at = mu_remote_first(json, node, "rules"); at != MU_JSON_NONE;
         at = json->nodes[at].next) {
        named = named || strcmp(mu_remote_text(json, at, "name"), rule) == 0;
    }
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0] && !named; i++) {
        if (strcmp(built_in[i][0], rule) == 0) {
            (void)fprintf(file, ", %s", built_in[i][1]);
            return;
        }
    }
    (void)fprintf(file, ", fails rule '%s'", rule);
}

static void put_miss(const struct mu_json *json, uint32_t node, FILE *file)
{
    uint32_t miss = mu_remote_member(json, node, "nearestMiss");
    int64_t against = mu_remote_number(json, miss, "against");
    int64_t opens_ms = time_of(json, miss, "opensInMs", 1);
    if (!has_object(json, node, "nearestMiss")) {
        return;
    }
    (void)fprintf(file, "\nnearest miss: %s points away",
                  member_words(json, miss, "ratingDistance", "-").text);
    put_against(json, node, mu_remote_text(json, miss, "rule"), file);
    if (has_number(json, miss, "by")) {
        (void)fprintf(file, " by %s", member_words(json, miss, "by", "").text);
    }
    if (against > 1) {
        (void)fprintf(file, " and %" PRId64 " more", against - 1);
    }
    if (!has_number(json, miss, "opensInMs")) {
        (void)fprintf(file, ", no change that is near lets them meet\n");
    } else if (opens_ms == 0) {
        (void)fprintf(file, ", can meet now\n");
    } else {
        (void)fprintf(file, ", can meet in %s\n", span_words(opens_ms).text);
    }
}

static void put_next(const struct mu_json *json, uint32_t node, FILE *file)
{
    uint32_t next = mu_remote_member(json, node, "nextChange");
    if (!has_object(json, node, "nextChange")) {
        (void)fprintf(file, "\nnext: no limit changes any more\n");
        return;
    }
    (void)fprintf(file, "\nnext: in %s %s goes from %s",
                  span_words(time_of(json, next, "changesInMs", 1)).text,
                  mu_remote_text(json, next, "target"), limit_words(json, next, "value").text);
    (void)fprintf(file, " to %s\n", limit_words(json, next, "then").text);
}

void mu_ticket_page_explanation(const struct mu_json *json, uint32_t node, FILE *file)
{
    put_wait(json, node, file);
    put_limits(json, node, file);
    if (strcmp(mu_remote_text(json, node, "status"), "WAITING") == 0) {
        put_others(json, node, file);
        put_miss(json, node, file);
    }
    put_next(json, node, file);
}
