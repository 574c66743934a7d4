#include "gateway/present.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/parse.h"

#define MS_PER_DAY   UINT64_C(86400000)
#define YEAR_9999_MS UINT64_C(253402300799999)

void mu_time_text(uint64_t wall_ms, char ret[MU_TIME_TEXT_MAX + 1])
{
    if (wall_ms > YEAR_9999_MS) {
        wall_ms = YEAR_9999_MS;
    }
    /* Days to date: Hinnant 2021, "chrono-Compatible Low-Level Date Algorithms", civil_from_days;
     * its eras of 400 years begin on 1 March of year 0, 719468 days before 1970. */
    uint32_t days = (uint32_t)(wall_ms / MS_PER_DAY) + 719468u;
    uint32_t ms = (uint32_t)(wall_ms % MS_PER_DAY);
    uint32_t era = days / 146097u;
    uint32_t day_of_era = days % 146097u;
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460u + day_of_era / 36524u - day_of_era / 146096u) / 365u;
    uint32_t day_of_year =
        day_of_era - (365u * year_of_era + year_of_era / 4u - year_of_era / 100u);
    uint32_t shifted_month = (5u * day_of_year + 2u) / 153u; /* 0: March */
    uint32_t day = day_of_year - (153u * shifted_month + 2u) / 5u + 1u;
    uint32_t month = shifted_month < 10u ? shifted_month + 3u : shifted_month - 9u;
    uint32_t year = year_of_era + era * 400u + (month <= 2u ? 1u : 0u);
    char text[80];
    (void)snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, day,
                   ms / 3600000u, ms / 60000u % 60u, ms / 1000u % 60u, ms % 1000u);
    (void)snprintf(ret, MU_TIME_TEXT_MAX + 1, "%.*s", MU_TIME_TEXT_MAX, text);
}

void mu_team_text(uint64_t team, char ret[MU_TEAM_TEXT_MAX + 1])
{
    if (team < 26) {
        (void)snprintf(ret, MU_TEAM_TEXT_MAX + 1, "TEAM_%c", (int)('A' + team));
    } else {
        (void)snprintf(ret, MU_TEAM_TEXT_MAX + 1, "TEAM_%u", (unsigned)(team + 1) % 1000u);
    }
}

int mu_team_parse(const char *text, uint32_t *ret)
{
    uint64_t number;
    if (strcmp(text, "DRAW") == 0) {
        *ret = MU_TEAM_DRAW;
        return 0;
    }
    if (strncmp(text, "TEAM_", 5) != 0) {
        return -EINVAL;
    }
    if (text[5] >= 'A' && text[5] <= 'Z' && text[6] == '\0') {
        *ret = (uint32_t)(text[5] - 'A');
        return 0;
    }
    if (mu_parse_u64(text + 5, 27, 256, &number) != 0) {
        return -EINVAL;
    }
    *ret = (uint32_t)number - 1;
    return 0;
}

const char *mu_tier_text(int64_t rating)
{
    return rating < 800    ? "BRONZE"
           : rating < 1200 ? "SILVER"
           : rating < 1600 ? "GOLD"
           : rating < 2000 ? "PLATINUM"
           : rating < 2400 ? "DIAMOND"
                           : "MASTER";
}

void mu_put_text(struct mu_json_writer *writer, const char *key, const char *value)
{
    mu_json_key(writer, key);
    mu_json_string(writer, value);
}

void mu_put_text_or_null(struct mu_json_writer *writer, const char *key, const char *value)
{
    mu_json_key(writer, key);
    if (value[0] == '\0') {
        mu_json_null(writer);
    } else {
        mu_json_string(writer, value);
    }
}

void mu_put_i64(struct mu_json_writer *writer, const char *key, int64_t value)
{
    mu_json_key(writer, key);
    mu_json_i64(writer, value);
}

void mu_put_u64(struct mu_json_writer *writer, const char *key, uint64_t value)
{
    mu_json_key(writer, key);
    mu_json_u64(writer, value);
}

void mu_put_bool(struct mu_json_writer *writer, const char *key, bool value)
{
    mu_json_key(writer, key);
    mu_json_bool(writer, value);
}

void mu_put_time(struct mu_json_writer *writer, const char *key, uint64_t wall_ms)
{
    char text[MU_TIME_TEXT_MAX + 1] = "";
    if (wall_ms != 0) {
        mu_time_text(wall_ms, text);
    }
    mu_put_text_or_null(writer, key, text);
}

void mu_put_json(struct mu_json_writer *writer, const char *key, const char *object_text)
{
    size_t n = strlen(object_text);
    mu_json_key(writer, key);
    mu_json_raw(writer, n == 0 ? "{}" : object_text, n == 0 ? 2 : n);
}
