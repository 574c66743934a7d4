#include "tools/bot_player.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/id.h"
#include "tools/bot_game.h"
#include "tools/socket_client.h"

#define PROBE_WAITING_MS 20000 /* of silence in the queue */
#define PROBE_PLAYING_MS 30000 /* of silence in a match */
#define PAUSE_MS_MAX     5000  /* between two tries */
#define PATIENCE_S       60    /* a ticket waits at most so long */

void mu_bot_init(struct mu_bot *bot, struct mu_bots *bots, uint32_t index, const char *id)
{
    *bot = (struct mu_bot){
        .bots = bots,
        .state = id[0] == '\0' ? MU_BOT_NEW : MU_BOT_RESTING,
        .region = index % bots->regions,
        /* Not all in the first turn. */
        .due_ms = mu_bots_later(bots, 0, 1000),
        .once = mu_rng_next(&bots->rng),
    };
    (void)snprintf(bot->name, sizeof bot->name, MU_BOT_PREFIX "%03u", index + 1);
    (void)snprintf(bot->id, sizeof bot->id, "%.*s", MU_ID_MAX, id);
}

void mu_bot_release(struct mu_bot *bot)
{
    mu_socket_destroy(bot->socket);
    bot->socket = NULL;
}

static void enter(struct mu_bot *bot, enum mu_bot_state state, int64_t base_ms, int64_t spread_ms)
{
    bot->state = state;
    bot->due_ms = mu_bots_later(bot->bots, base_ms, spread_ms);
}

/* After a failure: twice as long each time. */
static void back_off(struct mu_bot *bot)
{
    int64_t pause = MU_BOTS_RETRY_MS;
    for (uint32_t i = 0; i < bot->failures && pause < PAUSE_MS_MAX; i++) {
        pause *= 2;
    }
    bot->failures++;
    bot->due_ms = mu_bots_later(bot->bots, pause / 2, pause);
}

static void say_ready(struct mu_bot *bot, const char *lobby)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "{\"action\":\"READY\",\"lobbyId\":\"%s\",\"playerId\":\"%s\"}", lobby, bot->id);
    if (bot->socket != NULL) {
        (void)mu_socket_send(bot->socket, text); /* not heard: the bot probes later */
    }
}

/* An event, or an ERROR, which is left alone: the bot probes later. */
static void on_text(void *context, const char *text, size_t text_bytes)
{
    struct mu_bot *bot = context;
    struct mu_bots *bots = bot->bots;
    if (!mu_bots_read(bots, text, text_bytes)) {
        return;
    }
    const char *type = mu_bots_text(bots, 0, "type");
    if (strcmp(type, "MATCH_FOUND") == 0) {
        enter(bot, MU_BOT_PLAYING, PROBE_PLAYING_MS, 5000);
        say_ready(bot, mu_bots_text(bots, 0, "lobbyId"));
    } else if (strcmp(type, "MATCH_STARTED") == 0) {
        enter(bot, MU_BOT_PLAYING, PROBE_PLAYING_MS, 5000);
    } else if (strcmp(type, "MATCH_ENDED") == 0 || strcmp(type, "TICKET_EXPIRED") == 0) {
        enter(bot, MU_BOT_RESTING, 500, 2500);
    } else if (strcmp(type, "MATCH_CANCELLED") == 0) {
        enter(bot, MU_BOT_RESTING, 100, 400); /* asks whether it is queued again */
    }
}

static void on_open(void *context)
{
    struct mu_bot *bot = context;
    char text[128];
    (void)snprintf(text, sizeof text, "{\"action\":\"REGISTER\",\"playerId\":\"%s\"}", bot->id);
    (void)mu_socket_send(bot->socket, text); /* a failure closes the socket */
    bot->open = true;
    /* What was pushed before is lost: look. */
    bot->due_ms = bot->state == MU_BOT_RESTING ? bot->due_ms : mu_bots_later(bot->bots, 500, 1500);
}

static void on_closed(void *context)
{
    struct mu_bot *bot = context;
    mu_socket_destroy(bot->socket);
    bot->socket = NULL;
    bot->open = false;
    bot->socket_due_ms = mu_bots_later(bot->bots, MU_BOTS_RETRY_MS, 500);
}

static void connect_socket(struct mu_bot *bot)
{
    const struct mu_socket_handler handler = {
        .context = bot,
        .opened = on_open,
        .text = on_text,
        .closed = on_closed,
    };
    bot->socket = mu_socket_open(bot->bots->base, bot->bots->address, bot->bots->port, "/v1/ws",
                                 bot->bots->key, &handler);
    bot->socket_due_ms = mu_bots_later(bot->bots, 1000, 1000);
}

static void on_registered(void *context, int status, const char *body, size_t body_bytes)
{
    struct mu_bot *bot = context;
    struct mu_bots *bots = bot->bots;
    bot->asking = false;
    if (status == 201 && mu_bots_read(bots, body, body_bytes)) {
        uint32_t player = mu_json_member(&bots->json, 0, "player");
        const char *id = mu_bots_text(bots, player, "playerId");
        if (mu_id_valid(id, MU_ID_PREFIX_PLAYER)) {
            (void)snprintf(bot->id, sizeof bot->id, "%s", id);
            bots->changed = true;
            bot->failures = 0;
            enter(bot, MU_BOT_RESTING, 0, 200);
            return;
        }
    }
    if (status == 409 || status == 422) {
        /* The name is taken and the file that knew its id is gone: another name, for good. */
        (void)snprintf(bot->name + strlen(MU_BOT_PREFIX) + 3, 8, "-%04x",
                       (unsigned)(mu_rng_next(&bots->rng) & 0xffffu));
        bot->once = mu_rng_next(&bots->rng);
    }
    back_off(bot);
}

static void register_player(struct mu_bot *bot)
{
    struct mu_bots *bots = bot->bots;
    char body[256];
    char once[32];
    (void)snprintf(body, sizeof body, "{\"username\":\"%s\",\"region\":\"%s\"}", bot->name,
                   bots->config->regions[bot->region].name);
    (void)snprintf(once, sizeof once, "bot-%016llx", (unsigned long long)bot->once);
    const struct mu_client_request request = {
        .method = "POST",
        .path = "/v1/players/register",
        .body = body,
        .once = once,
        .done = on_registered,
        .context = bot,
    };
    bot->asking = mu_client_send(bots->client, &request) == 0;
    bot->due_ms = mu_bots_later(bots, 1000, 1000);
}

/* 409: what it is in. */
static void adopt_engagement(struct mu_bot *bot)
{
    struct mu_bots *bots = bot->bots;
    uint32_t engagement = mu_json_member(&bots->json, 0, "engagement");
    const char *kind = mu_bots_text(bots, engagement, "kind");
    const char *id = mu_bots_text(bots, engagement, "id");
    char lobby[MU_ID_MAX + 1];
    bot->failures = 0;
    if (strcmp(kind, "ticket") == 0) {
        enter(bot, MU_BOT_WAITING, PROBE_WAITING_MS, 5000);
    } else if (strcmp(kind, "match") == 0) {
        /* If it is still to be accepted; if not, this is refused, and does no harm. */
        if (mu_id_with_prefix(id, MU_ID_PREFIX_LOBBY, lobby) == 0) {
            say_ready(bot, lobby);
        }
        enter(bot, MU_BOT_PLAYING, 8000, 4000);
    } else {
        int64_t wait_ms = mu_bots_number(bots, 0, "retryAfterMs", 1000);
        enter(bot, MU_BOT_RESTING, wait_ms < 100 ? 100 : wait_ms, 500);
    }
}

static void on_joined(void *context, int status, const char *body, size_t body_bytes)
{
    struct mu_bot *bot = context;
    struct mu_bots *bots = bot->bots;
    bot->asking = false;
    bool json = mu_bots_read(bots, body, body_bytes);
    if (status == 201) {
        bot->failures = 0;
        /* The match may have been found before this answer came. */
        if (bot->state != MU_BOT_PLAYING) {
            enter(bot, MU_BOT_WAITING, PROBE_WAITING_MS, 5000);
        }
    } else if (status == 409 && json) {
        adopt_engagement(bot);
    } else if (status == 404) {
        /* Other data than when the file was written. */
        bot->id[0] = '\0';
        mu_socket_destroy(bot->socket);
        bot->socket = NULL;
        bot->open = false;
        enter(bot, MU_BOT_NEW, 0, 500);
    } else {
        back_off(bot);
    }
}

/* A mode that enough bots of a region are there for; small ones more often. */
static const struct mu_mode *pick_mode(const struct mu_bot *bot)
{
    struct mu_bots *bots = bot->bots;
    uint32_t others = bots->players_count / bots->regions;
    const struct mu_mode *ret = &bots->config->modes[0];
    uint64_t weights = 0;
    for (uint32_t i = 0; i < bots->config->modes_count; i++) {
        const struct mu_mode *mode = &bots->config->modes[i];
        uint32_t players = mu_mode_players_min(mode);
        if (players * 3 > others && i > 0) {
            continue;
        }
        uint64_t weight = 1 + 12 / players;
        weights += weight;
        if (mu_rng_below(&bots->rng, weights) < weight) {
            ret = mode;
        }
    }
    return ret;
}

static void join_queue(struct mu_bot *bot)
{
    struct mu_bots *bots = bot->bots;
    const struct mu_config *config = bots->config;
    char body[4096];
    int used =
        snprintf(body, sizeof body,
                 "{\"playerId\":\"%s\",\"gameMode\":\"%s\",\"region\":\"%s\","
                 "\"maxWaitTime\":%d,\"latencies\":{",
                 bot->id, pick_mode(bot)->name, config->regions[bot->region].name, PATIENCE_S);
    for (uint32_t i = 0; i < config->regions_count; i++) {
        /* Near in the home region, and the farther the more regions lie between. */
        uint32_t far = i > bot->region ? i - bot->region : bot->region - i;
        uint64_t ms = 15 + 70 * far + mu_rng_below(&bots->rng, 30);
        used +=
            snprintf(body + used, sizeof body - (size_t)used, "%s\"%s\":%llu", i == 0 ? "" : ",",
                     config->regions[i].name, (unsigned long long)(ms > 1000 ? 1000 : ms));
    }
    (void)snprintf(body + used, sizeof body - (size_t)used, "}}");
    const struct mu_client_request request = {
        .method = "POST",
        .path = "/v1/matchmaking/queue",
        .body = body,
        .done = on_joined,
        .context = bot,
    };
    bot->asking = mu_client_send(bots->client, &request) == 0;
    bot->due_ms = mu_bots_later(bots, 1000, 1000);
}

void mu_bot_turn(struct mu_bot *bot)
{
    int64_t now_ms = bot->bots->now_ms;
    if (bot->id[0] != '\0' && bot->socket == NULL && now_ms >= bot->socket_due_ms) {
        connect_socket(bot);
    }
    if (bot->asking || now_ms < bot->due_ms) {
        return;
    }
    switch (bot->state) {
    case MU_BOT_NEW: register_player(bot); break;
    case MU_BOT_RESTING:
    case MU_BOT_WAITING:
    case MU_BOT_PLAYING:
        if (bot->open) {
            join_queue(bot);
        }
        break;
    }
}
