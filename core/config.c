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
    uint32_t index = 0;
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    if (index++ < MU_SETTINGS_FOUNDING || config->settings.name != (default_value)) {              \
        hash_text(&state, #name " %llu", (unsigned long long)config->settings.name);               \
    }
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
