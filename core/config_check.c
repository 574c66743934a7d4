#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/config_faults.h"

enum { ASKS_MS = 1000 }; /* for an owner to ask once more by another broker, and be answered */

void mu_config_fault_add(struct mu_config_faults *faults, const char *list, int index,
                         const char *field, const char *format, ...)
{
    if (faults->count < faults->max) {
        struct mu_config_fault *f = &faults->at[faults->count];
        if (index < 0) {
            (void)snprintf(f->where, sizeof f->where, "%s.%s", list, field);
        } else {
            (void)snprintf(f->where, sizeof f->where, "%s[%d].%s", list, index, field);
        }
        va_list args;
        va_start(args, format);
        (void)vsnprintf(f->what, sizeof f->what, format, args);
        va_end(args);
    }
    faults->count++;
}

bool mu_config_name_valid(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    return name[0] != '\0' && name[strspn(name, allowed)] == '\0';
}

static void check_range(struct mu_config_faults *faults, int index, const char *field,
                        uint32_t value, uint32_t min, uint32_t max)
{
    if (value < min || value > max) {
        mu_config_fault_add(faults, "modes", index, field, "is %u, must be %u to %u", value, min,
                            max);
    }
}

static void check_mode(const struct mu_config *config, int index, struct mu_config_faults *faults)
{
    const struct mu_mode *mode = &config->modes[index];
    if (!mu_config_name_valid(mode->name)) {
        mu_config_fault_add(faults, "modes", index, "name",
                            "must be 1 to 31 letters, digits, _ . or -");
    } else if (mu_config_mode(config, mode->name) != index) {
        mu_config_fault_add(faults, "modes", index, "name", "\"%s\" is used by an earlier mode",
                            mode->name);
    }
    check_range(faults, index, "teams", mode->teams, 1, MU_TEAMS_MAX);
    check_range(faults, index, "teams_min", mode->teams_min, mode->teams == 1 ? 1 : 2, mode->teams);
    check_range(faults, index, "team_min", mode->team_min, 1, MU_MATCH_PLAYERS_MAX);
    check_range(faults, index, "team_max", mode->team_max, mode->team_min, MU_MATCH_PLAYERS_MAX);
    if ((uint64_t)mode->teams * mode->team_max > MU_MATCH_PLAYERS_MAX) {
        mu_config_fault_add(faults, "modes", index, "team_max",
                            "with %u teams makes more than %d players", mode->teams,
                            MU_MATCH_PLAYERS_MAX);
    }
    if ((uint64_t)mode->teams * mode->team_min < 2) {
        mu_config_fault_add(faults, "modes", index, "team_min",
                            "makes a match of one player; needs 2 or more");
    }
    check_range(faults, index, "accept_ms", mode->accept_ms, 0, 600000);
    check_range(faults, index, "window_points", mode->window_points, 0, 2900);
    check_range(faults, index, "window_per_second", mode->window_per_second, 0, 2900);
    check_range(faults, index, "window_max", mode->window_max, mode->window_points, 2900);
    check_range(faults, index, "latency_max_ms", mode->latency_max_ms, 0, 1000);
    check_range(faults, index, "fill_ms", mode->fill_ms, 0, 3600000);
    check_range(faults, index, "spill_ms", mode->spill_ms, 0, 3600000);
    check_range(faults, index, "wait_max_ms", mode->wait_max_ms, 1000, 86400000);
    check_range(faults, index, "wait_cost_ms", mode->wait_cost_ms, 0, 86400000);
    check_range(faults, index, "serve_first_ms", mode->serve_first_ms, 0, 86400000);
}

static void check_region(const struct mu_config *config, int index, struct mu_config_faults *faults)
{
    const struct mu_region *region = &config->regions[index];
    if (!mu_config_name_valid(region->name)) {
        mu_config_fault_add(faults, "regions", index, "name",
                            "must be 1 to 31 letters, digits, _ . or -");
    } else if (mu_config_region(config, region->name) != index) {
        mu_config_fault_add(faults, "regions", index, "name", "\"%s\" is used by an earlier region",
                            region->name);
    }
    for (uint32_t i = 0; i < region->aliases_count; i++) {
        if (!mu_config_name_valid(region->aliases[i]) ||
            mu_config_region(config, region->aliases[i]) != index) {
            mu_config_fault_add(faults, "regions", index, "aliases",
                                "\"%s\" is malformed or used before", region->aliases[i]);
        }
    }
}

static void check_keys(const struct mu_config *config, struct mu_config_faults *faults)
{
    for (uint32_t i = 0; i < config->keys_count; i++) {
        const struct mu_api_key *key = &config->keys[i];
        if (!mu_config_name_valid(key->id) || strchr(key->id, '_') != NULL) {
            mu_config_fault_add(faults, "keys", (int)i, "id",
                                "must be 1 to 31 letters, digits, . or -");
        }
        if (strspn(key->hash, "0123456789abcdef") != 64 || key->hash[64] != '\0') {
            mu_config_fault_add(faults, "keys", (int)i, "hash",
                                "must be 64 hex digits, as `muster key` prints");
        }
        if (key->role != MU_ROLE_BACKEND && key->role != MU_ROLE_OPERATOR) {
            mu_config_fault_add(faults, "keys", (int)i, "role", "must be backend or operator");
        }
    }
}

/* All three or none: a token that names no issuer and no audience could be for anybody. */
static void check_jwt(const struct mu_config_jwt *jwt, struct mu_config_faults *faults)
{
    static const char *const names[] = { "keys", "issuer", "audience" };
    const char *const texts[] = { jwt->keys, jwt->issuer, jwt->audience };
    bool any = jwt->keys[0] != '\0' || jwt->issuer[0] != '\0' || jwt->audience[0] != '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (any && texts[i][0] == '\0') {
            mu_config_fault_add(faults, "jwt", -1, names[i],
                                "is missing: keys, issuer and audience are needed together");
        }
    }
    mu_config_check_path("jwt", "keys", jwt->keys, "/etc/muster/jwks.json", faults);
}

/* An owner whose broker died is silent until it has noticed that, and has asked by another one. */
static void check_takeover(const struct mu_settings *settings, struct mu_config_faults *faults)
{
    unsigned long long least_ms =
        settings->heartbeat_ms * settings->heartbeats_missed_max + ASKS_MS;
    if (settings->takeover_ms < least_ms) {
        mu_config_fault_add(faults, "settings", -1, "takeover_ms",
                            "is %llu, must be %llu at least: heartbeat_ms x heartbeats_missed_max, "
                            "after which a broker counts as dead, and 1 s",
                            (unsigned long long)settings->takeover_ms, least_ms);
    }
}

uint32_t mu_config_check(const struct mu_config *config, struct mu_config_fault *ret,
                         uint32_t ret_max)
{
    struct mu_config_faults faults = { ret, ret_max, 0 };
    if (config->modes_count == 0) {
        mu_config_fault_add(&faults, "modes", 0, "name", "at least one mode is needed");
    }
    for (uint32_t i = 0; i < config->modes_count; i++) {
        check_mode(config, (int)i, &faults);
    }
    if (config->regions_count == 0) {
        mu_config_fault_add(&faults, "regions", 0, "name", "at least one region is needed");
    }
    for (uint32_t i = 0; i < config->regions_count; i++) {
        check_region(config, (int)i, &faults);
    }
    check_keys(config, &faults);
    check_jwt(&config->jwt, &faults);
    mu_config_cluster_check(&config->cluster, &faults);
    uint32_t before = faults.count;
/* The +1 keeps compilers quiet about settings whose lowest value is 0. */
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    if (config->settings.name > (max) || config->settings.name + 1 < (uint64_t)(min) + 1) {        \
        mu_config_fault_add(&faults, "settings", -1, #name, "is %llu, must be %llu to %llu %s",    \
                            (unsigned long long)config->settings.name, (unsigned long long)(min),  \
                            (unsigned long long)(max), unit);                                      \
    }
#include "core/settings.def"
#undef SETTING
    if (faults.count == before) { /* else its numbers may be senseless */
        check_takeover(&config->settings, &faults);
    }
    return faults.count;
}
