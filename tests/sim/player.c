/* tests/sim/player.c - a simulated player: registers, queues or meets in lobbies, accepts,
 * declines, cancels, loses his connection, sends nonsense, and believes what he is told. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "client.h"

enum kind {
    ASK_REGISTER,
    ASK_ENQUEUE,
    ASK_PARTY,
    ASK_CANCEL,
    ASK_CANCEL_TICKET,
    ASK_RULES,
    ASK_STATUS,
    ASK_CREATE,
    ASK_JOIN,
    ASK_LEAVE,
    ASK_START,
    ASK_NONSENSE,
};

struct player {
    char username[24];
    char id[MU_ID_MAX + 1]; /* "" until registered */
    char region[MU_ID_MAX + 1];
    char status[16]; /* as the cluster last said */
    char ticket[MU_ID_MAX + 1];
    char lobby[MU_ID_MAX + 1]; /* custom lobby he is in, or the formed match's */
    bool host;
    bool found;       /* MATCH_FOUND, not answered */
    uint32_t temper;  /* to this MATCH_FOUND: accepts, declines, stays silent */
    int64_t last_seq; /* of the last event */
    bool bound;       /* the socket knows him */
    uint32_t quiet;   /* thoughts since he last asked for his status */
    uint32_t rules;   /* rule sets that he puts before he does anything else */
};

static struct player *me(const struct client *client)
{
    return client->self;
}

static void think(struct sim *sim, struct client *client);

static bool is_player(const struct client *client)
{
    return client->think == think;
}

static const char *any_mode(struct sim *sim)
{
    static const char *const modes[] = { "ranked", "ranked", "duel", "team_match", "casual" };
    return modes[sim_hot(sim) ? 3 : sim_below(sim, 5)];
}

static void enqueue(struct sim *sim, struct client *client)
{
    struct player *p = me(client);
    char body[CLIENT_BODY_MAX];
    if (sim_below(sim, 5) == 0) { /* he has moved */
        (void)snprintf(p->region, sizeof p->region, "%s",
                       sim->config.regions[sim_below(sim, sim->config.regions_count)].name);
    }
    uint32_t other = sim_below(sim, sim->config.regions_count);
    const char *mode = any_mode(sim); /* draws stand in statements: arguments have no order */
    uint32_t latency_ms = 10 + sim_below(sim, 40);
    int n = snprintf(body, sizeof body,
                     "{\"playerId\":\"%s\",\"gameMode\":\"%s\",\"region\":\"%s\","
                     "\"latencies\":{\"%s\":%u",
                     p->id, mode, p->region, p->region, latency_ms);
    assert(n > 0 && (size_t)n < sizeof body);
    if (strcmp(sim->config.regions[other].name, p->region) != 0) {
        n += snprintf(body + n, sizeof body - (size_t)n, ",\"%s\":%u",
                      sim->config.regions[other].name, 40 + sim_below(sim, 100));
    }
    (void)snprintf(body + n, sizeof body - (size_t)n, "}}");
    client_ask_once(sim, client, ASK_ENQUEUE, "/v1/matchmaking/queue", body);
}

/* A player who queues with what he brings, alone or together with others, who think that they are
 * free; or with anybody, and then it is mostly refused. */
static void enqueue_party(struct sim *sim, struct client *client)
{
    static const char *const others[] = { "", "", ",\"duel\"", ",\"squad_battle\"",
                                          ",\"duel\",\"tournament\"" };
    static const uint32_t sizes[] = { 1, 1, 1, 2, 2, 3 };
    struct player *p = me(client);
    char body[CLIENT_BODY_MAX];
    const char *mode = any_mode(sim);
    uint32_t wanted = sizes[sim_below(sim, 6)];
    uint32_t from = sim_below(sim, sim->clients_count);
    uint32_t count = 1;
    bool any = sim_below(sim, 4) == 0;
    const char *other = others[sim_below(sim, 5)]; /* a party fits into some of them only */
    other = strstr(other, mode) == NULL ? other : "";
    int n = snprintf(body, sizeof body, "{\"queues\":[\"%s\"%s],\"region\":\"%s\",\"players\":[",
                     mode, other, p->region);
    n += rules_player(sim, p->id, p->region, body + n, sizeof body - (size_t)n);
    for (uint32_t i = 0; i < sim->clients_count && count < wanted; i++) {
        const struct client *mate = sim->clients[(from + i) % sim->clients_count];
        if (mate != client && is_player(mate) && me(mate)->id[0] != '\0' &&
            (any || strcmp(me(mate)->status, "IDLE") == 0)) {
            body[n++] = ',';
            n += rules_player(sim, me(mate)->id, p->region, body + n, sizeof body - (size_t)n);
            count++;
        }
    }
    assert(n > 0 && (size_t)n + 2 < sizeof body);
    (void)snprintf(body + n, sizeof body - (size_t)n, "]}");
    client_ask_once(sim, client, ASK_PARTY, "/v1/tickets", body);
}

static void create_lobby(struct sim *sim, struct client *client)
{
    struct player *p = me(client);
    char body[CLIENT_BODY_MAX];
    const char *mode = any_mode(sim);
    uint32_t players_max = 2 + sim_below(sim, 4);
    (void)snprintf(body, sizeof body,
                   "{\"hostPlayerId\":\"%s\",\"gameMode\":\"%s\",\"maxPlayers\":%u,"
                   "\"password\":\"secret\"}",
                   p->id, mode, players_max);
    client_ask_once(sim, client, ASK_CREATE, "/v1/lobbies", body);
}

static void join_lobby(struct sim *sim, struct client *client)
{
    char path[CLIENT_PATH_MAX];
    char body[CLIENT_BODY_MAX];
    (void)snprintf(path, sizeof path, "/v1/lobbies/%s/join", sim->board);
    (void)snprintf(body, sizeof body, "{\"playerId\":\"%s\",\"password\":\"%s\"}", me(client)->id,
                   sim_below(sim, 5) == 0 ? "wrong" : "secret");
    client_ask_once(sim, client, ASK_JOIN, path, body);
}

static void nonsense(struct sim *sim, struct client *client)
{
    static const char *const bodies[] = {
        "{", "[]", "{\"playerId\":7}", "{\"playerId\":\"x\"}", "null", "{\"a\":1,\"a\":2}"
    };
    static const char *const paths[] = { "/v1/matchmaking/queue", "/v1/lobbies", "/v1/nowhere",
                                         "/v1/players/register", "/v1/matches/none/end" };
    const char *path = paths[sim_below(sim, 5)];
    client_ask_once(sim, client, ASK_NONSENSE, path, bodies[sim_below(sim, 6)]);
}

static void act_idle(struct sim *sim, struct client *client)
{
    if (!sim_busy(sim)) {
        return;
    }
    if (me(client)->rules > 0) {
        me(client)->rules--;
        rules_ask(sim, client, ASK_RULES);
        return;
    }
    uint32_t dice = sim_below(sim, 100);
    if (dice < 29) {
        enqueue(sim, client);
    } else if (dice < 58) {
        enqueue_party(sim, client);
    } else if (dice < 72) {
        rules_ask(sim, client, ASK_RULES);
    } else if (dice < 78) {
        create_lobby(sim, client);
    } else if (dice < 92 && sim->board[0] != '\0') {
        join_lobby(sim, client);
    } else if (dice < 95) {
        nonsense(sim, client);
    }
}

static void ask_lobby(struct sim *sim, struct client *client, uint32_t kind, const char *verb)
{
    struct player *p = me(client);
    char path[CLIENT_PATH_MAX];
    char body[CLIENT_BODY_MAX];
    (void)snprintf(path, sizeof path, "/v1/lobbies/%s/%s", p->lobby, verb);
    (void)snprintf(body, sizeof body, "{\"playerId\":\"%s\"}", p->id);
    client_ask_once(sim, client, kind, path, body);
}

static void say(struct sim *sim, struct client *client, const char *action)
{
    struct player *p = me(client);
    char text[256];
    (void)snprintf(text, sizeof text, "{\"action\":\"%s\",\"lobbyId\":\"%s\",\"playerId\":\"%s\"}",
                   action, p->lobby, p->id);
    client_say(sim, client, text);
}

/* A client that has lost its mind, or a second one of the same player: wants to be in something
 * else too. */
static bool act_greedy(struct sim *sim, struct client *client)
{
    if (!sim_busy(sim) || sim_below(sim, 100) >= 6) {
        return false;
    }
    uint32_t dice = sim_below(sim, 4);
    if (dice == 0) {
        create_lobby(sim, client);
    } else if (dice == 1 && sim->board[0] != '\0') {
        join_lobby(sim, client);
    } else {
        enqueue(sim, client);
    }
    return true;
}

static void act_lobby(struct sim *sim, struct client *client)
{
    struct player *p = me(client);
    uint32_t dice = sim_below(sim, 100);
    if (p->lobby[0] == '\0' || act_greedy(sim, client)) {
        return;
    }
    if (!sim_busy(sim) || dice < 5) {
        ask_lobby(sim, client, ASK_LEAVE, "leave");
    } else if (p->host && dice < 30) {
        ask_lobby(sim, client, ASK_START, "start");
    } else if (dice < 70) {
        say(sim, client, dice < 65 ? "READY" : "UNREADY");
    }
}

static void act_queued(struct sim *sim, struct client *client)
{
    char path[CLIENT_PATH_MAX];
    if (act_greedy(sim, client)) {
        return;
    }
    uint32_t dice = sim_below(sim, 100);
    if (dice < (sim_busy(sim) ? 3 : 0)) {
        (void)snprintf(path, sizeof path, "/v1/matchmaking/queue/%s", me(client)->id);
        client_ask(sim, client, ASK_CANCEL, MU_HTTP_DELETE, path, "");
    } else if (dice < (sim_busy(sim) ? 4 : 0) && me(client)->ticket[0] != '\0') {
        (void)snprintf(path, sizeof path, "/v1/tickets/%s", me(client)->ticket);
        client_ask(sim, client, ASK_CANCEL_TICKET, MU_HTTP_DELETE, path, "");
    }
}

static void act_match(struct sim *sim, struct client *client)
{
    struct player *p = me(client);
    if (!p->found) {
        return;
    }
    if (p->temper < 90 || !sim_faulty(sim)) {
        say(sim, client, "READY"); /* again and again: asking again is safe */
    } else if (p->temper < 95) {
        say(sim, client, "DECLINE");
    }
}

static void keep_socket(struct sim *sim, struct client *client)
{
    struct player *p = me(client);
    if (client->socket == 0) {
        client_dial(sim, client);
        p->bound = false;
    } else if (!p->bound) {
        char text[160];
        (void)snprintf(text, sizeof text,
                       "{\"action\":\"REGISTER\",\"playerId\":\"%s\",\"lastSeq\":%lld}", p->id,
                       (long long)p->last_seq);
        client_say(sim, client, text);
        p->bound = true;
    }
}

static void think(struct sim *sim, struct client *client)
{
    struct player *p = me(client);
    if (p->id[0] != '\0') {
        keep_socket(sim, client);
    }
    if (strcmp(p->status, "IN_MATCH") == 0 || p->found) {
        act_match(sim, client);
    }
    if (client_asking(client)) {
        return;
    }
    char path[CLIENT_PATH_MAX];
    if (p->id[0] == '\0') {
        char body[CLIENT_BODY_MAX];
        (void)snprintf(body, sizeof body, "{\"username\":\"%s\",\"region\":\"%s\"}", p->username,
                       p->region);
        client_ask_once(sim, client, ASK_REGISTER, "/v1/players/register", body);
    } else if (++p->quiet > 4) {
        p->quiet = 0;
        (void)snprintf(path, sizeof path, "/v1/players/%s", p->id);
        client_ask(sim, client, ASK_STATUS, MU_HTTP_GET, path, "");
    } else if (strcmp(p->status, "IN_QUEUE") == 0) {
        act_queued(sim, client);
    } else if (strcmp(p->status, "IN_LOBBY") == 0) {
        act_lobby(sim, client);
    } else if (strcmp(p->status, "IDLE") == 0) {
        act_idle(sim, client);
    } else if (strcmp(p->status, "IN_MATCH") == 0) {
        (void)act_greedy(sim, client);
    }
}

static void set(char *field, size_t bytes, const char *text)
{
    (void)snprintf(field, bytes, "%s", text);
}

static void joined_lobby(struct player *p, const struct mu_json *body)
{
    uint32_t lobby = json_at(body, "lobby", NULL);
    set(p->lobby, sizeof p->lobby, json_text(body, lobby, "lobbyId"));
    set(p->status, sizeof p->status, "IN_LOBBY");
    p->host = strcmp(json_text(body, lobby, "hostPlayerId"), p->id) == 0;
}

static void answer_status(struct player *p, const struct mu_json *body)
{
    uint32_t player = json_at(body, "player", NULL);
    set(p->status, sizeof p->status, json_text(body, player, "status"));
    if (strcmp(p->status, "IN_MATCH") != 0) {
        p->found = false;
    }
}

/* A ticket may have ended otherwise before, which is told as well. */
static void answer_cancelled(struct sim *sim, struct client *client, bool ok,
                             const struct mu_json *body)
{
    struct player *p = me(client);
    uint32_t ticket = ok ? json_at(body, "ticket", NULL) : MU_JSON_NONE;
    p->quiet = 100; /* it need not be his last one */
    if (ok && strcmp(json_text(body, ticket, "status"), "CANCELLED") == 0) {
        checks_cancelled(sim, json_text(body, ticket, "ticketId"));
    }
}

static void answer(struct sim *sim, struct client *client, int status, const struct mu_json *body)
{
    struct player *p = me(client);
    bool ok = status >= 200 && status < 300;
    switch ((enum kind)client->ask.kind) {
    case ASK_REGISTER:
        if (!ok) {
            sim_fail(sim, "%s: registering was answered %d", client->name, status);
            return;
        }
        set(p->id, sizeof p->id, json_text(body, json_at(body, "player", NULL), "playerId"));
        set(p->status, sizeof p->status, "IDLE");
        checks_registered(sim, p->username, p->id);
        break;
    case ASK_ENQUEUE:
        if (ok) {
            const char *ticket = json_text(body, json_at(body, "queueData", NULL), "ticketId");
            set(p->ticket, sizeof p->ticket, ticket);
            set(p->status, sizeof p->status, "IN_QUEUE");
            checks_enqueued(sim, p->id, ticket);
        }
        break;
    case ASK_CANCEL:
        if (ok) {
            const char *ticket = json_text(body, json_at(body, "queueData", NULL), "ticketId");
            checks_cancelled(sim, ticket);
            set(p->status, sizeof p->status, "IDLE");
        }
        break;
    case ASK_PARTY:
        if (ok) {
            const char *ticket = json_text(body, json_at(body, "ticket", NULL), "ticketId");
            set(p->ticket, sizeof p->ticket, ticket);
            set(p->status, sizeof p->status, "IN_QUEUE");
            checks_enqueued(sim, p->id, ticket);
        }
        break;
    case ASK_CANCEL_TICKET: answer_cancelled(sim, client, ok, body); break;
    case ASK_RULES: rules_answered(sim, status, body); break;
    case ASK_STATUS: answer_status(p, body); break;
    case ASK_CREATE:
    case ASK_JOIN:
        if (ok) {
            joined_lobby(p, body);
            if (client->ask.kind == ASK_CREATE) {
                set(sim->board, sizeof sim->board, p->lobby);
            }
        } else if (status == 404) {
            sim->board[0] = '\0';
        }
        break;
    case ASK_LEAVE: p->quiet = 100; break;
    case ASK_START:
        if (ok) {
            sim->board[0] = '\0';
        }
        break;
    case ASK_NONSENSE:
        if (ok) {
            sim_fail(sim, "%s: nonsense was answered %d: %s", client->name, status,
                     client->ask.body);
        }
        break;
    }
    if (!ok && status == 409) {
        p->quiet = 100; /* he is in something else: ask what */
    }
}

/* Events come in the order of their seq, without gaps; repeats are allowed. */
static bool next_event(struct sim *sim, struct client *client, const struct mu_json *body)
{
    struct player *p = me(client);
    uint32_t at = mu_json_member(body, 0, "seq");
    if (at == MU_JSON_NONE || body->nodes[at].type != MU_JSON_INTEGER) {
        return true;
    }
    int64_t seq = body->nodes[at].integer;
    if (seq <= p->last_seq) {
        return false;
    }
    if (seq > p->last_seq + 1) { /* one was lost on the way: resume from the last */
        client_hang_up(sim, client);
        return false;
    }
    p->last_seq = seq;
    return true;
}

static void text(struct sim *sim, struct client *client, const struct mu_json *body)
{
    struct player *p = me(client);
    const char *type = json_text(body, 0, "type");
    if (!next_event(sim, client, body)) {
        return;
    }
    if (strcmp(type, "MATCH_FOUND") == 0) {
        set(p->lobby, sizeof p->lobby, json_text(body, 0, "lobbyId"));
        set(p->status, sizeof p->status, "IN_MATCH");
        p->found = true;
        p->temper = sim_below(sim, 100);
    } else if (strcmp(type, "MATCH_CANCELLED") == 0 || strcmp(type, "MATCH_ENDED") == 0 ||
               strcmp(type, "TICKET_EXPIRED") == 0 || strcmp(type, "LOBBY_CLOSED") == 0) {
        p->found = false;
        p->quiet = 100;
    } else if (strcmp(type, "MATCH_STARTED") == 0) {
        p->found = false;
        set(p->status, sizeof p->status, "IN_MATCH");
    } else if (strcmp(type, "PLAYER_LEFT") == 0) {
        p->host = p->host || strcmp(json_text(body, 0, "newHost"), p->id) == 0;
    }
}

static void hung_up(struct sim *sim, struct client *client)
{
    (void)sim;
    me(client)->bound = false;
}

int64_t player_last_seq(const struct client *client, char id[MU_ID_MAX + 1])
{
    if (!is_player(client)) {
        return -1;
    }
    memcpy(id, me(client)->id, MU_ID_MAX + 1);
    return me(client)->last_seq;
}

void player_add(struct sim *sim, uint32_t number)
{
    struct player *p = calloc(1, sizeof *p);
    assert(p != NULL);
    (void)snprintf(p->username, sizeof p->username, "Player %u", number);
    p->rules = number == 0 ? 2 : 0;
    set(p->region, sizeof p->region,
        sim->config.regions[sim_hot(sim) ? 0 : sim_below(sim, sim->config.regions_count)].name);
    struct client *client = client_add(sim, p->username, p);
    client->think = think;
    client->answer = answer;
    client->text = text;
    client->hung_up = hung_up;
}
