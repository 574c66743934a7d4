#include "core/config.h"

#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The defaults of API.md 1: its modes, its regions and their aliases. */
static const struct mu_mode default_modes[] = {
    { .name = "casual",
      .teams = 1,
      .teams_min = 1,
      .team_min = 2,
      .team_max = 10,
      .rated = false,
      .accept_ms = 20000,
      .window_points = 400,
      .window_per_second = 20,
      .window_max = 2900,
      .latency_max_ms = 250,
      .fill_ms = 8000,
      .spill_ms = 10000,
      .wait_max_ms = 300000,
      .wait_cost_ms = 120000,
      .serve_first_ms = 60000 },
    { .name = "ranked",
      .teams = 2,
      .teams_min = 2,
      .team_min = 1,
      .team_max = 1,
      .rated = true,
      .accept_ms = 20000,
      .window_points = 100,
      .window_per_second = 10,
      .window_max = 800,
      .latency_max_ms = 150,
      .fill_ms = 0,
      .spill_ms = 10000,
      .wait_max_ms = 300000,
      .wait_cost_ms = 240000,
      .serve_first_ms = 120000 },
    { .name = "tournament",
      .teams = 1,
      .teams_min = 1,
      .team_min = 8,
      .team_max = 8,
      .rated = true,
      .accept_ms = 30000,
      .window_points = 300,
      .window_per_second = 15,
      .window_max = 1200,
      .latency_max_ms = 200,
      .fill_ms = 0,
      .spill_ms = 15000,
      .wait_max_ms = 600000,
      .wait_cost_ms = 360000,
      .serve_first_ms = 240000 },
    { .name = "duel",
      .teams = 2,
      .teams_min = 2,
      .team_min = 1,
      .team_max = 1,
      .rated = true,
      .accept_ms = 20000,
      .window_points = 200,
      .window_per_second = 20,
      .window_max = 1200,
      .latency_max_ms = 200,
      .fill_ms = 0,
      .spill_ms = 10000,
      .wait_max_ms = 300000,
      .wait_cost_ms = 240000,
      .serve_first_ms = 120000 },
    { .name = "team_match",
      .teams = 2,
      .teams_min = 2,
      .team_min = 2,
      .team_max = 2,
      .rated = true,
      .accept_ms = 20000,
      .window_points = 150,
      .window_per_second = 10,
      .window_max = 900,
      .latency_max_ms = 150,
      .fill_ms = 0,
      .spill_ms = 10000,
      .wait_max_ms = 300000,
      .wait_cost_ms = 240000,
      .serve_first_ms = 120000 },
    { .name = "squad_battle",
      .teams = 2,
      .teams_min = 2,
      .team_min = 4,
      .team_max = 4,
      .rated = true,
      .accept_ms = 20000,
      .window_points = 200,
      .window_per_second = 10,
      .window_max = 1000,
      .latency_max_ms = 150,
      .fill_ms = 0,
      .spill_ms = 15000,
      .wait_max_ms = 600000,
      .wait_cost_ms = 360000,
      .serve_first_ms = 240000 },
};

static const struct mu_region default_regions[] = {
    { "us-east-1", 1, { "us-east" } },
    { "us-west-2", 1, { "us-west" } },
    { "eu-west-1", 1, { "eu-west" } },
    { "ap-southeast-1", 1, { "asia-pacific" } },
};

void mu_config_default(struct mu_config *ret)
{
    *ret = (struct mu_config){
        .settings = {
#define SETTING(name, default_value, min, max, unit, doc) .name = (default_value),
#include "core/settings.def"
#undef SETTING
        },
    };
    ret->modes_count = sizeof default_modes / sizeof default_modes[0];
    memcpy(ret->modes, default_modes, sizeof default_modes);
    ret->regions_count = sizeof default_regions / sizeof default_regions[0];
    memcpy(ret->regions, default_regions, sizeof default_regions);
    mu_config_seal(ret);
}

/* Faults that were found; those beyond `max` are only counted. */
struct faults {
    struct mu_config_fault *at;
    uint32_t max;
    uint32_t count;
};

/* `where` is "list[index].field", without index when it is below 0. */
static void fault(struct faults *faults, const char *list, int index, const char *field,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

static void fault(struct faults *faults, const char *list, int index, const char *field,
                  const char *format, ...)
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

static bool name_valid(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    return name[0] != '\0' && name[strspn(name, allowed)] == '\0';
}

static void check_range(struct faults *faults, int index, const char *field, uint32_t value,
                        uint32_t min, uint32_t max)
{
    if (value < min || value > max) {
        fault(faults, "modes", index, field, "is %u, must be %u to %u", value, min, max);
    }
}

static void check_mode(const struct mu_config *config, int index, struct faults *faults)
{
    const struct mu_mode *mode = &config->modes[index];
    if (!name_valid(mode->name)) {
        fault(faults, "modes", index, "name", "must be 1 to 31 letters, digits, _ . or -");
    } else if (mu_config_mode(config, mode->name) != index) {
        fault(faults, "modes", index, "name", "\"%s\" is used by an earlier mode", mode->name);
    }
    check_range(faults, index, "teams", mode->teams, 1, MU_TEAMS_MAX);
    check_range(faults, index, "teams_min", mode->teams_min, mode->teams == 1 ? 1 : 2, mode->teams);
    check_range(faults, index, "team_min", mode->team_min, 1, MU_MATCH_PLAYERS_MAX);
    check_range(faults, index, "team_max", mode->team_max, mode->team_min, MU_MATCH_PLAYERS_MAX);
    if ((uint64_t)mode->teams * mode->team_max > MU_MATCH_PLAYERS_MAX) {
        fault(faults, "modes", index, "team_max", "with %u teams makes more than %d players",
              mode->teams, MU_MATCH_PLAYERS_MAX);
    }
    if ((uint64_t)mode->teams * mode->team_min < 2) {
        fault(faults, "modes", index, "team_min", "makes a match of one player; needs 2 or more");
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

static void check_region(const struct mu_config *config, int index, struct faults *faults)
{
    const struct mu_region *region = &config->regions[index];
    if (!name_valid(region->name)) {
        fault(faults, "regions", index, "name", "must be 1 to 31 letters, digits, _ . or -");
    } else if (mu_config_region(config, region->name) != index) {
        fault(faults, "regions", index, "name", "\"%s\" is used by an earlier region",
              region->name);
    }
    for (uint32_t i = 0; i < region->aliases_count; i++) {
        if (!name_valid(region->aliases[i]) ||
            mu_config_region(config, region->aliases[i]) != index) {
            fault(faults, "regions", index, "aliases", "\"%s\" is malformed or used before",
                  region->aliases[i]);
        }
    }
}

static void check_keys(const struct mu_config *config, struct faults *faults)
{
    for (uint32_t i = 0; i < config->keys_count; i++) {
        const struct mu_api_key *key = &config->keys[i];
        if (!name_valid(key->id) || strchr(key->id, '_') != NULL) {
            fault(faults, "keys", (int)i, "id", "must be 1 to 31 letters, digits, . or -");
        }
        if (strspn(key->hash, "0123456789abcdef") != 64 || key->hash[64] != '\0') {
            fault(faults, "keys", (int)i, "hash", "must be 64 hex digits, as `muster key` prints");
        }
        if (key->role != MU_ROLE_BACKEND && key->role != MU_ROLE_OPERATOR) {
            fault(faults, "keys", (int)i, "role", "must be backend or operator");
        }
    }
}

uint32_t mu_config_check(const struct mu_config *config, struct mu_config_fault *ret,
                         uint32_t ret_max)
{
    struct faults faults = { ret, ret_max, 0 };
    if (config->modes_count == 0) {
        fault(&faults, "modes", 0, "name", "at least one mode is needed");
    }
    for (uint32_t i = 0; i < config->modes_count; i++) {
        check_mode(config, (int)i, &faults);
    }
    if (config->regions_count == 0) {
        fault(&faults, "regions", 0, "name", "at least one region is needed");
    }
    for (uint32_t i = 0; i < config->regions_count; i++) {
        check_region(config, (int)i, &faults);
    }
    check_keys(config, &faults);
/* The +1 keeps compilers quiet about settings whose lowest value is 0. */
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    if (config->settings.name > (max) || config->settings.name + 1 < (uint64_t)(min) + 1) {        \
        fault(&faults, "settings", -1, #name, "is %llu, must be %llu to %llu %s",                  \
              (unsigned long long)config->settings.name, (unsigned long long)(min),                \
              (unsigned long long)(max), unit);                                                    \
    }
#include "core/settings.def"
#undef SETTING
    return faults.count;
}

/* As text, because structs have padding. */
static void hash_text(crypto_generichash_state *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void hash_text(crypto_generichash_state *state, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(n > 0 && (size_t)n < sizeof text);
    (void)crypto_generichash_update(state, (const uint8_t *)text, (size_t)n + 1);
}

void mu_mode_complete(struct mu_mode *mode)
{
    if (mode->teams_min == UINT32_MAX) {
        mode->teams_min = mode->teams;
    }
    if (mode->wait_cost_ms == UINT32_MAX) {
        mode->wait_cost_ms = mode->wait_max_ms / 5 * 4;
    }
    if (mode->serve_first_ms == UINT32_MAX) {
        mode->serve_first_ms = mode->wait_max_ms / 5 * 2;
    }
}

void mu_config_seal(struct mu_config *config)
{
    crypto_generichash_state state;
    uint8_t hash[crypto_generichash_BYTES_MIN];
    static_assert(sizeof hash >= sizeof config->hash, "its first bytes are taken");
    (void)crypto_generichash_init(&state, NULL, 0, sizeof hash);
    for (uint32_t i = 0; i < config->modes_count; i++) {
        const struct mu_mode *m = &config->modes[i];
        hash_text(&state, "%s %u %u %u %u %d %u %u %u %u %u %u %u %u %u %u", m->name, m->teams,
                  m->teams_min, m->team_min, m->team_max, m->rated, m->accept_ms, m->window_points,
                  m->window_per_second, m->window_max, m->latency_max_ms, m->fill_ms, m->spill_ms,
                  m->wait_max_ms, m->wait_cost_ms, m->serve_first_ms);
    }
    for (uint32_t i = 0; i < config->regions_count; i++) {
        hash_text(&state, "%s", config->regions[i].name);
        for (uint32_t k = 0; k < config->regions[i].aliases_count; k++) {
            hash_text(&state, "%s", config->regions[i].aliases[k]);
        }
    }
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    hash_text(&state, #name " %llu", (unsigned long long)config->settings.name);
#include "core/settings.def"
#undef SETTING
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(&config->hash, hash, sizeof config->hash);
}

int32_t mu_config_mode(const struct mu_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->modes_count; i++) {
        if (strcmp(config->modes[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

int32_t mu_config_region(const struct mu_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->regions_count; i++) {
        const struct mu_region *region = &config->regions[i];
        if (strcmp(region->name, name) == 0) {
            return (int32_t)i;
        }
        for (uint32_t k = 0; k < region->aliases_count; k++) {
            if (strcmp(region->aliases[k], name) == 0) {
                return (int32_t)i;
            }
        }
    }
    return -1;
}

uint32_t mu_mode_players_max(const struct mu_mode *mode)
{
    return mode->teams * mode->team_max;
}

uint32_t mu_mode_players_min(const struct mu_mode *mode)
{
    return mode->teams_min * mode->team_min;
}
