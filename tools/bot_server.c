#include "tools/bot_server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "gateway/json_write.h"
#include "gateway/present.h"
#include "tools/bot_game.h"

#define BODY_MAX  32768 /* bytes of a report: 200 players with scores and states */
#define FORGET_MS 5000  /* heartbeats may name a match for so long after its end */

/* What a report needs to know of a match. */
struct roster {
    uint32_t players_count;
    uint32_t teams;
    struct {
        char id[MU_ID_MAX + 1];
        double skill;
        uint32_t team;
    } players[MU_MATCH_PLAYERS_MAX];
    uint32_t rank[MU_BOT_TEAMS_MAX];
};

void mu_bot_server_init(struct mu_bot_server *server, struct mu_bots *bots, uint32_t region,
                        const char *id, const char *key)
{
    *server = (struct mu_bot_server){
        .bots = bots,
        .region = region,
        .once = mu_rng_next(&bots->rng),
    };
    (void)snprintf(server->id, sizeof server->id, "%s", id);
    (void)snprintf(server->key, sizeof server->key, "%s", key);
}

static void forget(struct mu_bot_session *session)
{
    free(session->result);
    *session = (struct mu_bot_session){ .server = session->server };
}

void mu_bot_server_release(struct mu_bot_server *server)
{
    for (uint32_t i = 0; i < server->sessions_max; i++) {
        forget(&server->sessions[i]);
    }
}

/* Sends a request of a session, or has it tried again. */
static void ask(struct mu_bot_session *session, const char *method, const char *tail,
                const char *body, mu_client_done_fn *done)
{
    struct mu_bots *bots = session->server->bots;
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/matches/%s%s", session->match, tail);
    const struct mu_client_request request = {
        .method = method,
        .path = path,
        .body = body,
        .key = session->server->key,
        .done = done,
        .context = session,
    };
    if (mu_client_send(bots->client, &request) != 0) {
        session->step = MU_BOT_SESSION_PLAY;
        session->due_ms = mu_bots_later(bots, 500, 500);
    }
}

static void finish(struct mu_bot_session *session)
{
    free(session->result);
    session->result = NULL;
    session->step = MU_BOT_SESSION_DONE;
    session->due_ms = mu_bots_later(session->server->bots, FORGET_MS, 0);
}

static void on_ended(void *context, int status, const char *body, size_t body_bytes)
{
    struct mu_bot_session *session = context;
    (void)body;
    (void)body_bytes;
    if (status == 200 || (status >= 400 && status < 500 && status != 429)) {
        finish(session); /* reported, or not ours to report any more */
        return;
    }
    session->step = MU_BOT_SESSION_PLAY;
    session->due_ms = mu_bots_later(session->server->bots, 500, 500);
}

static void on_reported(void *context, int status, const char *body, size_t body_bytes)
{
    struct mu_bot_session *session = context;
    (void)status; /* scores are for show; the result is what counts */
    (void)body;
    (void)body_bytes;
    session->step = MU_BOT_SESSION_END;
    ask(session, "POST", "/end", session->result, on_ended);
}

/* Reads the players of the match in bots->json.  False: it is not as expected. */
static bool read_roster(const struct mu_bots *bots, uint32_t match, struct roster *ret)
{
    const struct mu_json_node *nodes = bots->json.nodes;
    uint32_t list = mu_json_member(&bots->json, match, "players");
    *ret = (struct roster){ .players_count = 0 };
    if (list == MU_JSON_NONE || nodes[list].type != MU_JSON_ARRAY) {
        return false;
    }
    for (uint32_t at = nodes[list].first; at != MU_JSON_NONE; at = nodes[at].next) {
        uint32_t team = 0;
        if (ret->players_count == MU_MATCH_PLAYERS_MAX ||
            mu_team_parse(mu_bots_text(bots, at, "team"), &team) != 0 || team >= MU_BOT_TEAMS_MAX) {
            return false;
        }
        (void)snprintf(ret->players[ret->players_count].id, MU_ID_MAX + 1, "%.*s", MU_ID_MAX,
                       mu_bots_text(bots, at, "playerId"));
        ret->players[ret->players_count].skill = mu_bot_skill(mu_bots_text(bots, at, "username"));
        ret->players[ret->players_count].team = team;
        ret->players_count++;
        ret->teams = team + 1 > ret->teams ? team + 1 : ret->teams;
    }
    return ret->players_count > 0;
}

static void play(const char *match, struct roster *roster)
{
    double strength[MU_BOT_TEAMS_MAX] = { 0 };
    uint32_t players[MU_BOT_TEAMS_MAX] = { 0 };
    for (uint32_t i = 0; i < roster->players_count; i++) {
        strength[roster->players[i].team] += roster->players[i].skill;
        players[roster->players[i].team]++;
    }
    for (uint32_t i = 0; i < roster->teams; i++) {
        strength[i] = players[i] == 0 ? 0.0 : strength[i] / players[i];
    }
    mu_bot_play(match, strength, roster->teams, roster->rank);
}

/* {"updates":{"scores":[...],"playerStatus":[...]}}; NULL when it does not fit. */
static char *report_text(const struct roster *roster, char ret[BODY_MAX])
{
    struct mu_json_writer writer;
    mu_json_writer_init(&writer, ret, BODY_MAX - 1);
    mu_json_object_begin(&writer);
    mu_json_key(&writer, "updates");
    mu_json_object_begin(&writer);
    mu_json_key(&writer, "scores");
    mu_json_array_begin(&writer);
    for (uint32_t i = 0; i < roster->players_count; i++) {
        mu_json_object_begin(&writer);
        mu_put_text(&writer, "playerId", roster->players[i].id);
        mu_put_u64(&writer, "score",
                   10 * (roster->teams - roster->rank[roster->players[i].team] + 1));
        mu_json_object_end(&writer);
    }
    mu_json_array_end(&writer);
    mu_json_key(&writer, "playerStatus");
    mu_json_array_begin(&writer);
    for (uint32_t i = 0; i < roster->players_count; i++) {
        mu_json_object_begin(&writer);
        mu_put_text(&writer, "playerId", roster->players[i].id);
        mu_put_text(&writer, "status", "CONNECTED");
        mu_json_object_end(&writer);
    }
    mu_json_array_end(&writer);
    mu_json_object_end(&writer);
    mu_json_object_end(&writer);
    ret[writer.used] = '\0';
    return writer.overflow ? NULL : ret;
}

/* {"ranking":[...]}, allocated; NULL when it does not fit or out of memory. */
static char *result_text(const struct roster *roster)
{
    char text[BODY_MAX];
    struct mu_json_writer writer;
    mu_json_writer_init(&writer, text, sizeof text - 1);
    mu_json_object_begin(&writer);
    mu_json_key(&writer, "ranking");
    mu_json_array_begin(&writer);
    for (uint32_t i = 0; i < roster->teams; i++) {
        char team[MU_TEAM_TEXT_MAX + 1];
        mu_team_text(i, team);
        mu_json_object_begin(&writer);
        mu_put_text(&writer, "team", team);
        mu_put_u64(&writer, "rank", roster->rank[i]);
        mu_json_object_end(&writer);
    }
    mu_json_array_end(&writer);
    mu_json_object_end(&writer);
    text[writer.used] = '\0';
    return writer.overflow ? NULL : strdup(text);
}

static void on_match(void *context, int status, const char *body, size_t body_bytes)
{
    struct mu_bot_session *session = context;
    struct mu_bots *bots = session->server->bots;
    struct roster roster;
    char report[BODY_MAX];
    session->step = MU_BOT_SESSION_PLAY;
    session->due_ms = mu_bots_later(bots, 500, 500);
    if (status == 404) {
        finish(session);
        return;
    }
    if (status != 200 || !mu_bots_read(bots, body, body_bytes) ||
        !read_roster(bots, mu_json_member(&bots->json, 0, "match"), &roster)) {
        return; /* again, later */
    }
    play(session->match, &roster);
    free(session->result);
    session->result = result_text(&roster);
    if (session->result != NULL && report_text(&roster, report) != NULL) {
        session->step = MU_BOT_SESSION_REPORT;
        ask(session, "PUT", "", report, on_reported);
    }
}

/* A heartbeat named a match: it is known, or begins to be played. */
static void take_session(struct mu_bot_server *server, const char *match)
{
    struct mu_bot_session *slot = NULL;
    for (uint32_t i = 0; i < MU_BOT_SESSIONS_MAX; i++) {
        struct mu_bot_session *session = &server->sessions[i];
        if (session->step == MU_BOT_SESSION_FREE) {
            slot = slot == NULL ? session : slot;
        } else if (strcmp(session->match, match) == 0) {
            return;
        }
        if (i >= server->sessions_max && slot != NULL) {
            break; /* nothing was ever used behind it */
        }
    }
    if (slot == NULL || !mu_id_valid(match, MU_ID_PREFIX_MATCH)) {
        return; /* the next heartbeat names it again */
    }
    uint32_t used = (uint32_t)(slot - server->sessions) + 1;
    server->sessions_max = used > server->sessions_max ? used : server->sessions_max;
    *slot = (struct mu_bot_session){
        .server = server,
        .step = MU_BOT_SESSION_PLAY,
        .due_ms = mu_bots_later(server->bots, MU_BOT_PLAY_MS_MIN,
                                MU_BOT_PLAY_MS_MAX - MU_BOT_PLAY_MS_MIN),
    };
    (void)snprintf(slot->match, sizeof slot->match, "%s", match);
}

static void on_beat(void *context, int status, const char *body, size_t body_bytes)
{
    struct mu_bot_server *server = context;
    struct mu_bots *bots = server->bots;
    server->asking = false;
    server->due_ms = mu_bots_later(bots, MU_BOT_BEAT_MS, 0);
    if (status == 404 || status == 401 || status == 403) {
        server->id[0] = '\0'; /* other data, or other keys: register anew */
        return;
    }
    if (status != 200 || !mu_bots_read(bots, body, body_bytes)) {
        return;
    }
    const struct mu_json_node *nodes = bots->json.nodes;
    uint32_t list = mu_json_member(&bots->json, 0, "sessions");
    uint32_t at = list == MU_JSON_NONE ? MU_JSON_NONE : nodes[list].first;
    for (; at != MU_JSON_NONE; at = nodes[at].next) {
        take_session(server, mu_bots_text(bots, at, "matchId"));
    }
}

static void on_registered(void *context, int status, const char *body, size_t body_bytes)
{
    struct mu_bot_server *server = context;
    struct mu_bots *bots = server->bots;
    server->asking = false;
    server->due_ms = mu_bots_later(bots, MU_BOTS_RETRY_MS, 500);
    if (status != 201 || !mu_bots_read(bots, body, body_bytes)) {
        return;
    }
    uint32_t node = mu_json_member(&bots->json, 0, "server");
    (void)snprintf(server->id, sizeof server->id, "%.*s", MU_ID_MAX,
                   mu_bots_text(bots, node, "serverId"));
    (void)snprintf(server->key, sizeof server->key, "%.*s", MU_BOT_SERVER_KEY_MAX,
                   mu_bots_text(bots, 0, "serverKey"));
    server->due_ms = 0; /* lives at once */
    bots->changed = true;
}

static void register_server(struct mu_bot_server *server)
{
    struct mu_bots *bots = server->bots;
    char body[256];
    char once[32];
    (void)snprintf(body, sizeof body,
                   "{\"ip\":\"127.0.0.1\",\"port\":%u,\"region\":\"%s\",\"slots\":1000}",
                   7000 + server->region, bots->config->regions[server->region].name);
    (void)snprintf(once, sizeof once, "server-%016llx", (unsigned long long)server->once);
    const struct mu_client_request request = {
        .method = "POST",
        .path = "/v1/servers",
        .body = body,
        .once = once,
        .done = on_registered,
        .context = server,
    };
    server->asking = mu_client_send(bots->client, &request) == 0;
    server->due_ms = mu_bots_later(bots, 1000, 0);
}

static void beat(struct mu_bot_server *server)
{
    char path[128];
    (void)snprintf(path, sizeof path, "/v1/servers/%s/heartbeat", server->id);
    const struct mu_client_request request = {
        .method = "POST",
        .path = path,
        .key = server->key,
        .done = on_beat,
        .context = server,
    };
    server->asking = mu_client_send(server->bots->client, &request) == 0;
    server->due_ms = mu_bots_later(server->bots, 1000, 0);
}

void mu_bot_server_turn(struct mu_bot_server *server)
{
    int64_t now_ms = server->bots->now_ms;
    if (!server->asking && now_ms >= server->due_ms) {
        if (server->id[0] == '\0') {
            register_server(server);
        } else {
            beat(server);
        }
    }
    for (uint32_t i = 0; i < server->sessions_max; i++) {
        struct mu_bot_session *session = &server->sessions[i];
        if (session->step == MU_BOT_SESSION_PLAY && now_ms >= session->due_ms) {
            session->step = MU_BOT_SESSION_READ;
            ask(session, "GET", "", NULL, on_match);
        } else if (session->step == MU_BOT_SESSION_DONE && now_ms >= session->due_ms) {
            forget(session);
        }
    }
}
