/* tests/scenarios/cast.c - players and game servers who do what the scenario says. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/parse.h"
#include "world.h"

enum {
    ASKED,          /* kinds of a request: by the scenario */
    BEAT,           /* by a game server itself */
    BEAT_MS = 1000, /* between two heartbeats */
    FLAT_MAX = 16 * 1024,
};

static struct member *self(const struct client *client)
{
    struct member **handle = client->self;
    return *handle;
}

static struct world *world_of(struct sim *sim)
{
    return (struct world *)(void *)sim; /* its first member */
}

static char *flat(const struct mu_json *json)
{
    char text[FLAT_MAX];
    trace_flatten(json, text, sizeof text);
    char *copy = strdup(text);
    assert(copy != NULL);
    return copy;
}

/* What the simulator calls. */

static void think(struct sim *sim, struct client *client)
{
    const struct member *member = self(client);
    client->wake_ms = sim->now_ms + BEAT_MS;
    if (!member->silent && !client_asking(client)) {
        struct ask *ask = &client->ask;
        ask->kind = BEAT;
        ask->method = MU_HTTP_POST;
        (void)snprintf(ask->path, sizeof ask->path, "/v1/servers/%s/heartbeat", member->id);
        (void)snprintf(ask->body, sizeof ask->body, "{}");
        ask->key[0] = '\0';
        client_attempt(sim, client);
    }
}

static void answer(struct sim *sim, struct client *client, int status, const struct mu_json *body)
{
    char shown[TRACE_LINE_MAX + 1] = "";
    struct member *member = self(client);
    if (client->ask.kind == BEAT) {
        return;
    }
    free(member->answer);
    member->answer = body != NULL ? flat(body) : calloc(1, 1);
    member->status = status;
    if (body != NULL) {
        trace_show(body, "type", shown, sizeof shown);
    }
    if (!member->hushed) {
        world_say(world_of(sim), "%s %d %s", member->name, status,
                  status == 0 ? "no answer" : shown);
    }
}

static void text(struct sim *sim, struct client *client, const struct mu_json *body)
{
    char shown[TRACE_LINE_MAX + 1] = "";
    struct member *member = self(client);
    char value[SCRIPT_VALUE_MAX + 1];
    char *document = flat(body);
    int64_t seq;
    assert(member->heard_count < WORLD_HEARD_MAX);
    member->heard[member->heard_count++] = document;
    if (cast_value(document, "seq", value) && mu_parse_i64(value, 0, INT64_MAX, &seq) == 0) {
        member->last_seq = seq > member->last_seq ? seq : member->last_seq;
    }
    (void)cast_value(document, "type", value);
    trace_show(body, "type", shown, sizeof shown);
    if (!member->hushed) {
        world_say(world_of(sim), "%s hears %s %s", member->name, value, shown);
    }
}

static void hung_up(struct sim *sim, struct client *client)
{
    world_say(world_of(sim), "* %s loses his connection", self(client)->name);
}

/* Waiting. */

bool cast_answered(struct world *world, void *context)
{
    const struct member *member = context;
    (void)world;
    return member->status >= 0;
}

static bool idle(struct world *world, void *context)
{
    const struct member *member = context;
    (void)world;
    return !client_asking(member->client);
}

/* Asking. */

static bool read_method(const char *name, enum mu_http_method *ret)
{
    static const char *const names[] = {
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"
    };
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret = (enum mu_http_method)i;
            return true;
        }
    }
    return false;
}

static bool expand(struct world *world, const char *from, char *ret, uint32_t ret_bytes)
{
    return variable_expand(&world->variables, from, ret, ret_bytes) ||
           world_fail(world, "%s: %s", from, ret);
}

/* NAME METHOD PATH [key=KEY] [JSON] */
bool cast_ask(struct world *world, struct member *member, const struct words *words)
{
    struct ask *ask = &member->client->ask;
    uint32_t at = 3;
    if (words->count < 3 || !read_method(words->at[1], &ask->method)) {
        return world_fail(world, "NAME METHOD PATH [key=KEY] [JSON]");
    }
    if (member->status < 0) {
        return world_fail(world, "%s has an unanswered request", member->name);
    }
    if (!world_wait(world, CAST_WAIT_MS, idle, member)) {
        return world_fail(world, "%s's heartbeat is not answered", member->name);
    }
    (void)variable_set(&world->variables, "me", member->id);
    ask->kind = ASKED;
    ask->query[0] = '\0';
    ask->body[0] = '\0';
    (void)snprintf(ask->key, sizeof ask->key, "%s-%" PRIu64, member->name, world->sim.next_socket);
    if (at < words->count && strncmp(words->at[at], "key=", 4) == 0) {
        (void)snprintf(ask->key, sizeof ask->key, "%s", words->at[at++] + 4);
    }
    if (!expand(world, words->at[2], ask->path, sizeof ask->path) ||
        (at < words->count && !expand(world, words->at[at++], ask->body, sizeof ask->body))) {
        return false;
    }
    if (at < words->count) {
        return world_fail(world, "\"%s\" is too much", words->at[at]);
    }
    char *question = strchr(ask->path, '?');
    if (question != NULL) {
        *question = '\0';
        (void)snprintf(ask->query, sizeof ask->query, "%s", question + 1);
    }
    member->status = -1;
    client_attempt(&world->sim, member->client);
    return true;
}

bool cast_says(struct world *world, struct member *member, const struct words *words)
{
    char said[SCRIPT_LINE_MAX + 1];
    if (words->count != 3) {
        return world_fail(world, "NAME says JSON");
    }
    if (member->client->socket == 0) {
        return world_fail(world, "%s has no connection", member->name);
    }
    (void)variable_set(&world->variables, "me", member->id);
    if (!expand(world, words->at[2], said, sizeof said)) {
        return false;
    }
    client_say(&world->sim, member->client, said);
    return true;
}

/* Coming and going. */

/* The answer to REGISTER is behind all that he has been told. */
static bool registered(struct world *world, void *context)
{
    struct member *member = context;
    char type[SCRIPT_VALUE_MAX + 1] = "";
    (void)world;
    return member->heard_count > 0 &&
           cast_value(member->heard[member->heard_count - 1], "type", type) &&
           strcmp(type, "REGISTERED") == 0;
}

/* Opens his WebSocket, and asks for the events after the last one that he has. */
static bool dial(struct world *world, struct member *member)
{
    char said[160];
    client_dial(&world->sim, member->client);
    if (member->client->socket == 0) {
        return world_fail(world, "%s: his gateway is down", member->name);
    }
    (void)snprintf(said, sizeof said,
                   "{\"action\":\"REGISTER\",\"playerId\":\"%s\",\"lastSeq\":%" PRId64 "}",
                   member->id, member->last_seq);
    client_say(&world->sim, member->client, said);
    return world_wait(world, CAST_WAIT_MS, registered, member) ||
           world_fail(world, "%s is not registered at his WebSocket", member->name);
}

bool cast_cut(struct world *world, struct member *member)
{
    client_hang_up(&world->sim, member->client);
    return true;
}

bool cast_heal(struct world *world, struct member *member)
{
    return member->client->socket == 0 ? dial(world, member)
                                       : world_fail(world, "%s has a connection", member->name);
}

/* The value of option `name` among the words from the third on, or `otherwise`. */
static const char *option(const struct words *words, const char *name, const char *otherwise)
{
    size_t n = strlen(name);
    for (uint32_t i = 2; i < words->count; i++) {
        if (strncmp(words->at[i], name, n) == 0 && words->at[i][n] == '=') {
            return words->at[i] + n + 1;
        }
    }
    return otherwise;
}

static struct member *add(struct world *world, const struct words *words, bool server)
{
    const struct node *gateway = world_node(world, option(words, "gateway", "gateway-0"));
    if (gateway == NULL || words->count < 2 || world->cast_count == WORLD_CAST_MAX ||
        world_member(world, words->at[1]) != NULL || strlen(words->at[1]) > SCRIPT_NAME_MAX / 2) {
        (void)world_fail(world, "player|server NAME [region=REGION] [slots=N] [gateway=NODE]");
        return NULL;
    }
    struct member *member = &world->cast[world->cast_count++];
    struct member **handle = calloc(1, sizeof(struct member *));
    assert(handle != NULL);
    *handle = member; /* the client frees the handle; the member stays where it is */
    (void)snprintf(member->name, sizeof member->name, "%s", words->at[1]);
    member->server = server;
    member->client = client_add(&world->sim, member->name, handle);
    member->client->scripted = true;
    member->client->wake_ms = MU_NEVER;
    member->client->gateway = (uint32_t)(gateway - world->sim.nodes);
    member->client->think = think;
    member->client->answer = answer;
    member->client->text = text;
    member->client->hung_up = hung_up;
    return member;
}

/* Registers a member: he asks, is answered 201, and $name is his id. */
static bool enrol(struct world *world, struct member *member, const char *path, const char *body,
                  const char *id_path)
{
    char value[SCRIPT_VALUE_MAX + 1];
    struct ask *ask = &member->client->ask;
    ask->kind = ASKED;
    ask->method = MU_HTTP_POST;
    (void)snprintf(ask->path, sizeof ask->path, "%s", path);
    (void)snprintf(ask->body, sizeof ask->body, "%s", body);
    (void)snprintf(ask->key, sizeof ask->key, "register-%.20s", member->name);
    member->status = -1;
    client_attempt(&world->sim, member->client);
    if (!world_wait(world, CAST_WAIT_MS, cast_answered, member) || member->status != 201 ||
        !cast_value(member->answer, id_path, value)) {
        return world_fail(world, "%s is not registered: %d\n%s", member->name, member->status,
                          member->answer != NULL ? member->answer : "");
    }
    (void)snprintf(member->id, sizeof member->id, "%.*s", MU_ID_MAX, value);
    trace_call(&world->trace, member->id, member->name);
    return variable_set(&world->variables, member->name, member->id);
}

bool cast_player(struct world *world, const struct words *words)
{
    char body[CLIENT_BODY_MAX];
    struct member *member = add(world, words, false);
    if (member == NULL) {
        return false;
    }
    (void)snprintf(body, sizeof body, "{\"username\":\"%s\",\"region\":\"%s\"}", member->name,
                   option(words, "region", "eu-west-1"));
    member->hushed = true;
    bool ok = enrol(world, member, "/v1/players/register", body, "player.playerId") &&
              dial(world, member);
    member->hushed = false;
    return ok;
}

bool cast_server(struct world *world, const struct words *words)
{
    char body[CLIENT_BODY_MAX];
    char key[SCRIPT_VALUE_MAX + 1] = "";
    struct member *member = add(world, words, true);
    if (member == NULL) {
        return false;
    }
    (void)snprintf(body, sizeof body,
                   "{\"ip\":\"192.0.2.1\",\"port\":%" PRIu32 ",\"region\":\"%s\",\"slots\":%s}",
                   7000 + world->cast_count, option(words, "region", "eu-west-1"),
                   option(words, "slots", "1"));
    member->hushed = true;
    bool ok = enrol(world, member, "/v1/servers", body, "server.serverId") &&
              cast_value(member->answer, "serverKey", key);
    member->hushed = false;
    if (ok) {
        (void)snprintf(member->client->ask.bearer, sizeof member->client->ask.bearer,
                       "Bearer %.120s", key);
        member->client->wake_ms = world->sim.now_ms;
    }
    return ok;
}

struct member *world_member(struct world *world, const char *name)
{
    for (uint32_t i = 0; i < world->cast_count; i++) {
        if (strcmp(world->cast[i].name, name) == 0) {
            return &world->cast[i];
        }
    }
    return NULL;
}

void cast_release(struct world *world)
{
    for (uint32_t i = 0; i < world->cast_count; i++) {
        struct member *member = &world->cast[i];
        free(member->answer);
        for (uint32_t k = 0; k < member->heard_count; k++) {
            free(member->heard[k]);
        }
    }
}
