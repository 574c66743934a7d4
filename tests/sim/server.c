/* tests/sim/server.c - a simulated game server: registers, sends heartbeats, plays what it is
 * given, asks for players in the place of some who leave, reports results, some of them twice, some
 * of them different. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "client.h"

enum kind { ASK_REGISTER, ASK_BEAT, ASK_RESULT, ASK_MATCH, ASK_LEFT, ASK_BACKFILL, ASK_RENEW };

enum {
    SESSIONS_MAX = 64,
    PLAY_MS = 3000,
    BEAT_MS = 700,
    WANTING_MS = 9000, /* by so much longer a match may be that players are wanted for */
    RENEW_MS = 1500,
    LEASE_S = 5,
};

/* How far a session is in asking for players. */
enum want {
    WANT_NOBODY,
    WANT_LEAVER, /* who plays is asked, so that one of them can leave */
    WANT_REPORT, /* that he left is reported */
    WANT_ADD,    /* somebody is asked for in his place */
    WANT_RENEW,  /* somebody is wanted: says so again, or stops */
};

struct session {
    char match[MU_ID_MAX + 1];
    char result[CLIENT_BODY_MAX];
    int64_t end_ms;
    bool reported;
    enum want want;
    int64_t want_ms; /* when to go on with it */
    char leaver[MU_ID_MAX + 1];
    char backfill[MU_ID_MAX + 1];
};

struct server {
    uint32_t number;
    char region[MU_ID_MAX + 1];
    char id[MU_ID_MAX + 1];
    int64_t beat_ms;
    uint32_t sessions_count;
    struct session sessions[SESSIONS_MAX];
    uint32_t reporting; /* session that is asked about */
};

static struct server *me(const struct client *client)
{
    return client->self;
}

static void report(struct sim *sim, struct client *client, uint32_t index)
{
    struct server *server = me(client);
    char path[CLIENT_PATH_MAX];
    (void)snprintf(path, sizeof path, "/v1/matches/%s/end", server->sessions[index].match);
    server->reporting = index;
    client_ask_once(sim, client, ASK_RESULT, path, server->sessions[index].result);
}

/* Says that somebody is wanted still, or that nobody is; or falls silent, and it expires. */
static void renew(struct sim *sim, struct client *client, struct session *session)
{
    char path[CLIENT_PATH_MAX];
    uint32_t dice = sim_below(sim, 20);
    (void)snprintf(path, sizeof path, "/v1/backfills/%s", session->backfill);
    if (dice < 3) {
        session->want = WANT_NOBODY;
    } else if (dice < 5) {
        session->want = WANT_LEAVER; /* another one leaves meanwhile */
    } else {
        session->want = dice < 7 ? WANT_NOBODY : WANT_RENEW;
        client_ask(sim, client, ASK_RENEW, dice < 7 ? MU_HTTP_DELETE : MU_HTTP_PUT, path, "");
    }
}

/* Goes on asking for players. */
static void want(struct sim *sim, struct client *client, uint32_t index)
{
    struct server *server = me(client);
    struct session *session = &server->sessions[index];
    char path[CLIENT_PATH_MAX];
    char body[CLIENT_BODY_MAX];
    server->reporting = index;
    session->want_ms = sim->now_ms + RENEW_MS;
    (void)snprintf(path, sizeof path, "/v1/matches/%s", session->match);
    switch (session->want) {
    case WANT_NOBODY: break;
    case WANT_LEAVER: client_ask(sim, client, ASK_MATCH, MU_HTTP_GET, path, ""); break;
    case WANT_REPORT:
        (void)snprintf(body, sizeof body,
                       "{\"updates\":{\"playerStatus\":[{\"playerId\":\"%s\",\"status\":"
                       "\"LEFT\"}]}}",
                       session->leaver);
        client_ask(sim, client, ASK_LEFT, MU_HTTP_PUT, path, body);
        break;
    case WANT_ADD:
        (void)snprintf(body, sizeof body,
                       "{\"matchId\":\"%s\",\"leavers\":[\"%s\"],\"leaseSeconds\":%u}",
                       session->match, session->leaver, LEASE_S);
        client_ask_once(sim, client, ASK_BACKFILL, "/v1/backfills", body);
        break;
    case WANT_RENEW: renew(sim, client, session); break;
    }
}

static void think(struct sim *sim, struct client *client)
{
    struct server *server = me(client);
    if (client_asking(client)) {
        return;
    }
    if (server->id[0] == '\0') {
        char body[CLIENT_BODY_MAX];
        (void)snprintf(
            body, sizeof body, "{\"ip\":\"192.0.2.%u\",\"port\":%u,\"region\":\"%s\",\"slots\":%u}",
            server->number + 1, 7000 + server->number, server->region, 1 + sim_below(sim, 4));
        client_ask_once(sim, client, ASK_REGISTER, "/v1/servers", body);
        return;
    }
    for (uint32_t i = 0; i < server->sessions_count; i++) {
        struct session *session = &server->sessions[i];
        if (session->end_ms <= sim->now_ms && (!session->reported || sim_below(sim, 50) == 0)) {
            report(sim, client, i);
            return;
        }
        if (session->want != WANT_NOBODY && session->want_ms <= sim->now_ms) {
            want(sim, client, i);
            return;
        }
    }
    if (server->beat_ms <= sim->now_ms) {
        char path[CLIENT_PATH_MAX];
        (void)snprintf(path, sizeof path, "/v1/servers/%s/heartbeat", server->id);
        server->beat_ms = sim->now_ms + BEAT_MS;
        client_ask(sim, client, ASK_BEAT, MU_HTTP_POST, path, "{}");
    }
}

/* A new session: how it will end is decided now, so that every report of it is the same. */
static void open_session(struct sim *sim, struct server *server, const char *match)
{
    static const char *const winners[] = { "TEAM_A", "TEAM_B", "DRAW" };
    for (uint32_t i = 0; i < server->sessions_count; i++) {
        if (strcmp(server->sessions[i].match, match) == 0) {
            return;
        }
    }
    if (server->sessions_count == SESSIONS_MAX) {
        return;
    }
    struct session *session = &server->sessions[server->sessions_count++];
    (void)snprintf(session->match, sizeof session->match, "%s", match);
    (void)snprintf(session->result, sizeof session->result, "{\"winningTeam\":\"%s\"}",
                   winners[sim_below(sim, 3)]);
    session->end_ms = sim->now_ms + sim_below(sim, PLAY_MS);
    session->reported = false;
    session->want = WANT_NOBODY;
    if (sim_below(sim, 2) == 0) {
        session->want = WANT_LEAVER;
        session->want_ms = sim->now_ms + sim_below(sim, PLAY_MS);
        session->end_ms += sim_below(sim, WANTING_MS);
    }
}

static void answer_beat(struct sim *sim, struct server *server, const struct mu_json *body)
{
    uint32_t list = json_at(body, "sessions", NULL);
    if (list == MU_JSON_NONE) {
        return;
    }
    for (uint32_t at = body->nodes[list].first; at != MU_JSON_NONE; at = body->nodes[at].next) {
        open_session(sim, server, json_text(body, at, "matchId"));
    }
}

static void answer_result(struct sim *sim, struct client *client, int status)
{
    struct server *server = me(client);
    struct session *session = &server->sessions[server->reporting];
    if (status == 200) {
        checks_result(sim, session->match);
        session->reported = true;
        if (sim_below(sim, 4) == 0) { /* from now on it tells another story: must be refused */
            (void)snprintf(session->result, sizeof session->result, "{\"winningTeam\":\"%s\"}",
                           strstr(session->result, "DRAW") != NULL ? "TEAM_A" : "DRAW");
        }
    } else if (status == 400) { /* a mode without teams ends in a draw of all */
        (void)snprintf(session->result, sizeof session->result, "{\"winningTeam\":\"DRAW\"}");
    } else {
        session->reported = true; /* refused for good: dissolved, or another result stands */
    }
}

/* Who plays: one of them leaves. */
static void answer_match(struct sim *sim, struct session *session, const struct mu_json *body)
{
    uint32_t list = json_at(body, "match", "players");
    session->want = WANT_NOBODY;
    if (list == MU_JSON_NONE || body->nodes[list].count == 0) {
        return;
    }
    uint32_t skip = sim_below(sim, body->nodes[list].count);
    uint32_t at = body->nodes[list].first;
    while (skip-- > 0) {
        at = body->nodes[at].next;
    }
    (void)snprintf(session->leaver, sizeof session->leaver, "%s", json_text(body, at, "playerId"));
    session->want = sim_below(sim, 2) == 0 ? WANT_REPORT : WANT_ADD;
    session->want_ms = sim->now_ms;
}

/* What became of the wish for players. */
static void answer_backfill(struct sim *sim, struct session *session, int status,
                            const struct mu_json *body)
{
    uint32_t backfill = json_at(body, "backfill", NULL);
    const char *state = json_text(body, backfill, "status");
    if (status != 200 && status != 201) {
        session->want = WANT_NOBODY; /* everybody has left, or it is over */
        return;
    }
    (void)snprintf(session->backfill, sizeof session->backfill, "%s",
                   json_text(body, backfill, "backfillId"));
    checks_backfill(sim, session->match, session->backfill, state);
    if (strcmp(state, "SEARCHING") != 0) {
        session->want = strcmp(state, "FILLED") == 0 ? WANT_LEAVER : WANT_NOBODY;
    } else if (session->want == WANT_ADD) {
        session->want = WANT_RENEW;
    }
}

static void answer(struct sim *sim, struct client *client, int status, const struct mu_json *body)
{
    struct server *server = me(client);
    switch ((enum kind)client->ask.kind) {
    case ASK_REGISTER:
        if (status != 201) {
            sim_fail(sim, "%s: registering was answered %d", client->name, status);
            return;
        }
        (void)snprintf(server->id, sizeof server->id, "%s",
                       json_text(body, json_at(body, "server", NULL), "serverId"));
        (void)snprintf(client->ask.bearer, sizeof client->ask.bearer, "Bearer %s",
                       json_text(body, 0, "serverKey"));
        break;
    case ASK_BEAT:
        if (status == 200) {
            answer_beat(sim, server, body);
        }
        break;
    case ASK_RESULT: answer_result(sim, client, status); break;
    case ASK_MATCH: answer_match(sim, &server->sessions[server->reporting], body); break;
    case ASK_LEFT:
        server->sessions[server->reporting].want = status == 200 ? WANT_ADD : WANT_NOBODY;
        server->sessions[server->reporting].want_ms = sim->now_ms;
        break;
    case ASK_BACKFILL:
    case ASK_RENEW: answer_backfill(sim, &server->sessions[server->reporting], status, body); break;
    }
}

static void text(struct sim *sim, struct client *client, const struct mu_json *body)
{
    (void)body;
    sim_fail(sim, "%s: a server was sent a player's message", client->name);
}

static void hung_up(struct sim *sim, struct client *client)
{
    (void)sim;
    (void)client;
}

void server_add(struct sim *sim, uint32_t number)
{
    struct server *server = calloc(1, sizeof *server);
    assert(server != NULL);
    server->number = number;
    char name[24];
    (void)snprintf(name, sizeof name, "Server %u", number);
    (void)snprintf(server->region, sizeof server->region, "%s",
                   sim->config.regions[number % sim->config.regions_count].name);
    struct client *client = client_add(sim, name, server);
    client->think = think;
    client->answer = answer;
    client->text = text;
    client->hung_up = hung_up;
}
