/* gateway/handle_queues.c - /v1/queues: the game modes, and how their queues do, as the shards last
 * said. */
#include "gateway/handlers.h"

#include <string.h>

#include "gateway/gateway_state.h"
#include "gateway/present.h"

/* The queues of one game mode, a region each. */
struct pools {
    uint32_t count;
    const struct mu_msg_pool_stats *at[MU_FLEET_MAX];
};

/* Puts the last one before those whose regions come later in the configuration. */
static void move_last(const struct mu_config *config, struct pools *pools)
{
    for (uint32_t i = pools->count - 1; i > 0; i--) {
        const struct mu_msg_pool_stats *last = pools->at[i];
        if (mu_config_region(config, pools->at[i - 1]->region) <=
            mu_config_region(config, last->region)) {
            return;
        }
        pools->at[i] = pools->at[i - 1];
        pools->at[i - 1] = last;
    }
}

static void find_pools(const struct mu_gateway *gw, const char *mode, struct pools *ret)
{
    ret->count = 0;
    for (uint32_t i = 0; i < MU_FLEET_MAX; i++) {
        if (!mu_fleet_speaks(gw->fleet, i, gw->turn.now_ms)) {
            continue;
        }
        const struct mu_msg_stats *stats = &mu_fleet_at(gw->fleet, i, gw->turn.now_ms)->stats;
        for (uint32_t k = 0; k < stats->pools_count; k++) {
            if (strcmp(stats->pools[k].mode, mode) == 0) {
                ret->at[ret->count++] = &stats->pools[k];
                move_last(gw->config, ret);
                break;
            }
        }
    }
}

static void put_seconds(struct mu_json_writer *writer, const char *key, uint64_t ms)
{
    mu_json_key(writer, key);
    mu_json_real(writer, (double)ms / 1e3);
}

static void put_pool(struct mu_json_writer *writer, const struct mu_msg_pool_stats *pool)
{
    mu_json_object_begin(writer);
    mu_put_text(writer, "region", pool->region);
    mu_put_u64(writer, "tickets", pool->tickets);
    mu_put_u64(writer, "players", pool->players);
    mu_put_u64(writer, "rulesVersion", pool->rules);
    put_seconds(writer, "oldestSeconds", pool->oldest_ms);
    mu_json_key(writer, "waitSeconds");
    mu_json_object_begin(writer);
    put_seconds(writer, "p50", pool->wait_p50_ms);
    put_seconds(writer, "p90", pool->wait_p90_ms);
    put_seconds(writer, "p99", pool->wait_p99_ms);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

static void put_mode(struct mu_json_writer *writer, const struct mu_mode *mode,
                     const struct pools *pools)
{
    uint64_t tickets = 0;
    uint64_t players = 0;
    bool agreed = pools->count > 0;
    for (uint32_t i = 0; i < pools->count; i++) {
        tickets += pools->at[i]->tickets;
        players += pools->at[i]->players;
        agreed = agreed && pools->at[i]->rules == pools->at[0]->rules;
    }
    mu_json_object_begin(writer);
    mu_put_text(writer, "gameMode", mode->name);
    mu_put_u64(writer, "teams", mode->teams);
    mu_put_u64(writer, "teamMin", mode->team_min);
    mu_put_u64(writer, "teamMax", mode->team_max);
    mu_put_u64(writer, "minPlayers", mu_mode_players_min(mode));
    mu_put_u64(writer, "maxPlayers", mu_mode_players_max(mode));
    mu_put_bool(writer, "rated", mode->rated);
    mu_put_u64(writer, "maxWaitSeconds", mode->wait_max_ms / 1000);
    mu_json_key(writer, "rulesVersion"); /* null: not known, or regions are at different ones */
    if (agreed) {
        mu_json_u64(writer, pools->at[0]->rules);
    } else {
        mu_json_null(writer);
    }
    mu_put_u64(writer, "tickets", tickets);
    mu_put_u64(writer, "players", players);
    mu_json_key(writer, "regions");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < pools->count; i++) {
        put_pool(writer, pools->at[i]);
    }
    mu_json_array_end(writer);
    mu_json_object_end(writer);
}

void mu_handle_queues_get(struct mu_gateway *gw, struct mu_exchange *x,
                          const struct mu_http_request *request)
{
    struct pools pools;
    (void)request;
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
    mu_json_key(writer, "queues");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < gw->config->modes_count; i++) {
        find_pools(gw, gw->config->modes[i].name, &pools);
        put_mode(writer, &gw->config->modes[i], &pools);
    }
    mu_json_array_end(writer);
    mu_answer_end(gw, x, 200);
}
