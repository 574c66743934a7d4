#include "gateway/gateway.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/address.h"
#include "gateway/gateway_state.h"
#include "gateway/handlers.h"
#include "gateway/present.h"

#define DUE_MAX      120 /* calls asked again in one tick */
#define ANNOUNCE_MAX 16  /* PRESENCE messages of one tick, to each of two addresses */
#define PRESENCE_IDS 256 /* of one PRESENCE */

static_assert(DUE_MAX * MU_EXCHANGE_BLOCK <= MU_OUTBOX_STEP_BYTES,
              "what is asked again fits into the outbox");

struct mu_gateway *mu_gateway_create(const struct mu_actor_env *env, const struct mu_edge *edge,
                                     const struct mu_secrets *secrets)
{
    assert(env->incarnation != 0);
    const struct mu_settings *settings = &env->config->settings;
    struct mu_rng rng = { .state = env->seed };
    struct mu_gateway *gw = calloc(1, sizeof *gw);
    if (gw == NULL) {
        return NULL;
    }
    gw->config = env->config;
    gw->edge = *edge;
    gw->secrets = *secrets;
    gw->incarnation = env->incarnation;
    mu_address_instance(env->incarnation, gw->instance);
    (void)snprintf(gw->name, sizeof gw->name, "%s", env->name == NULL ? "" : env->name);
    gw->open = mu_access_open(env->config);
    gw->heard_ms = -1;
    gw->announce_next = MU_SESSION_NONE;
    gw->calls = mu_calls_create(MU_GATEWAY_EXCHANGES_MAX, mu_rng_next(&rng));
    gw->exchanges = calloc(MU_GATEWAY_EXCHANGES_MAX, sizeof *gw->exchanges);
    gw->by_request = mu_idtable_create(MU_GATEWAY_EXCHANGES_MAX);
    gw->blocks = malloc((size_t)MU_EXCHANGE_BLOCKS * MU_EXCHANGE_BLOCK);
    gw->sessions = mu_sessions_create((uint32_t)settings->connections_max, mu_rng_next(&rng));
    gw->by_address = mu_limit_create(MU_GATEWAY_LIMIT_KEYS, settings->rate_ip_per_minute, 60000,
                                     mu_rng_next(&rng));
    uint64_t limit_seed = mu_rng_next(&rng);
    gw->by_player =
        mu_limit_create(MU_GATEWAY_LIMIT_KEYS, settings->rate_player_per_hour, 3600000, limit_seed);
    gw->by_failure = mu_limit_create(MU_GATEWAY_LIMIT_KEYS, settings->rate_failures_per_minute,
                                     60000, limit_seed);
    gw->jwt = (struct mu_jwt){ .rules = &env->config->jwt, .json = &gw->token };
    gw->fleet = mu_fleet_create();
    gw->decoder = mu_decoder_create();
    if (gw->calls == NULL || gw->exchanges == NULL || gw->by_request == NULL ||
        gw->blocks == NULL || gw->sessions == NULL || gw->by_address == NULL ||
        gw->by_player == NULL || gw->by_failure == NULL || gw->fleet == NULL ||
        gw->decoder == NULL) {
        mu_gateway_destroy(gw);
        return NULL;
    }
    for (uint32_t i = 0; i < MU_GATEWAY_EXCHANGES_MAX; i++) {
        gw->exchanges[i].next_free = i + 1 < MU_GATEWAY_EXCHANGES_MAX ? i + 1 : MU_EXCHANGE_NONE;
    }
    for (uint32_t i = 0; i < MU_EXCHANGE_BLOCKS; i++) {
        gw->blocks_free[i] = i;
    }
    gw->blocks_free_count = MU_EXCHANGE_BLOCKS;
    gw->rng = rng;
    return gw;
}

void mu_gateway_destroy(struct mu_gateway *gw)
{
    if (gw != NULL) {
        mu_calls_destroy(gw->calls);
        free(gw->exchanges);
        mu_idtable_destroy(gw->by_request);
        free(gw->blocks);
        mu_sessions_destroy(gw->sessions);
        mu_limit_destroy(gw->by_address);
        mu_limit_destroy(gw->by_player);
        mu_limit_destroy(gw->by_failure);
        mu_fleet_destroy(gw->fleet);
        mu_decoder_destroy(gw->decoder);
        free(gw);
    }
}

void mu_gateway_begin(struct mu_gateway *gw, const struct mu_turn *turn)
{
    assert(turn->out != NULL);
    assert(!gw->started || turn->now_ms >= gw->turn.now_ms);
    gw->turn = *turn;
    if (!gw->started) {
        gw->started = true;
        gw->started_ms = turn->now_ms;
        gw->beat_ms = turn->now_ms;
        gw->announce_ms = turn->now_ms;
    }
}

void mu_gateway_request_gone(struct mu_gateway *gw, uint64_t id)
{
    uint32_t i = mu_idtable_get(gw->by_request, id);
    if (i != MU_IDTABLE_NONE) {
        mu_exchange_close(gw, &gw->exchanges[i]);
    }
}

void mu_gateway_socket_text(struct mu_gateway *gw, const struct mu_turn *turn, uint64_t socket,
                            struct mu_slice text)
{
    mu_gateway_begin(gw, turn);
    struct mu_session *session = mu_sessions_find(gw->sessions, socket);
    if (session != NULL) {
        mu_actions_text(gw, session, text);
    }
}

void mu_gateway_socket_closed(struct mu_gateway *gw, const struct mu_turn *turn, uint64_t socket)
{
    mu_gateway_begin(gw, turn);
    struct mu_session *session = mu_sessions_find(gw->sessions, socket);
    if (session != NULL) {
        mu_actions_unbind(gw, session);
        mu_sessions_close(gw->sessions, session);
    }
}

/* Errors that mean: ask again. */
static bool ask_again(uint64_t error)
{
    return error == MU_ERROR_UNAVAILABLE || error == MU_ERROR_EXPIRED ||
           error == MU_ERROR_STARTING || error == MU_ERROR_FENCED;
}

void mu_gateway_answered(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    static mu_done_fn *const done[] = {
#define ROUTE(method, pattern, name, where, who, rate, key, doc) [MU_ROUTE_##name] = mu_done_##name,
#define LOCAL(method, pattern, name, where, who, rate, key, doc) [MU_ROUTE_##name] = NULL,
#include "gateway/routes.def"
#undef ROUTE
#undef LOCAL
    };
    if (msg->op == MU_OP_ERROR && x->errors_wanted != MU_ERRORS_ALL) {
        if (ask_again(msg->error.code)) {
            mu_exchange_ask_later(gw, x, msg->error.code);
            return;
        }
        if (x->errors_wanted == MU_ERRORS_NONE) {
            mu_refuse_as(gw, x, &msg->error);
            return;
        }
    } else if (msg->op == MU_OP_RULES_REFUSED) {
        mu_refuse_rules(gw, x, &msg->rules_refused);
        return;
    } else if (msg->op != MU_OP_ERROR && msg->op != x->expects) {
        mu_refuse(gw, x, MU_ERROR_INTERNAL, "The answer is not one to this question.");
        return;
    }
    if (x->action != MU_ACTION_NONE) {
        mu_actions_answered(gw, x, msg);
    } else {
        assert(done[x->route->id] != NULL);
        done[x->route->id](gw, x, msg);
    }
}

/* Pushes may have been lost just now: all sockets are looked at soon. */
static void hurry(struct mu_gateway *gw)
{
    gw->hurry_ms = gw->turn.now_ms + MU_GATEWAY_HURRY_MS + MU_GATEWAY_LOOK_MS;
    gw->look_ms = gw->turn.now_ms;
}

/* An operator wants it to end: the host is told, once the answer has left. */
static void drain_asked(struct mu_gateway *gw, const struct mu_msg_envelope *envelope,
                        const struct mu_msg_drain *drain)
{
    gw->drain_asked = true;
    gw->drain_patience_ms = (uint32_t)drain->patience_ms;
    gw->msg.op = MU_OP_DRAINING;
    gw->msg.draining = (struct mu_msg_draining){ .name = "" };
    (void)snprintf(gw->msg.draining.name, sizeof gw->msg.draining.name, "%s", gw->name);
    mu_outbox_reply(gw->turn.out, envelope, &gw->msg);
}

void mu_gateway_message(struct mu_gateway *gw, const struct mu_turn *turn,
                        const struct mu_msg_envelope *envelope, const struct mu_msg *msg)
{
    mu_gateway_begin(gw, turn);
    gw->heard_ms = turn->now_ms;
    if (envelope->frame == MU_FRAME_REQUEST && msg->op == MU_OP_DRAIN) {
        drain_asked(gw, envelope, &msg->drain);
    } else if (envelope->frame == MU_FRAME_REQUEST) {
        mu_outbox_error(turn->out, envelope, MU_ERROR_UNSUPPORTED, "a gateway answers nobody");
    } else if (envelope->frame == MU_FRAME_REPLY) {
        uint32_t call = mu_calls_find(gw->calls, gw->incarnation, envelope);
        if (call == MU_CALL_NONE) {
            mu_outbox_note(turn->out, "late answer -> dropped");
            return;
        }
        struct mu_exchange *x = &gw->exchanges[mu_calls_at(gw->calls, call)->user];
        assert(x->used && x->call == call);
        mu_gateway_answered(gw, x, msg);
    } else if (msg->op == MU_OP_EVENT) {
        mu_actions_event(gw, &msg->event);
    } else if (msg->op == MU_OP_STATS && strcmp(envelope->source, gw->instance) != 0) {
        mu_fleet_hear(gw->fleet, envelope->source, &msg->stats, turn->now_ms);
        if (strcmp(msg->stats.kind, "store") == 0 && strcmp(gw->store, envelope->source) != 0) {
            memcpy(gw->store, envelope->source, sizeof gw->store);
            hurry(gw); /* it may have died between a commit and its pushes */
        }
    }
}

void mu_gateway_presence(struct mu_gateway *gw)
{
    gw->msg.op = MU_OP_PRESENCE;
    mu_outbox_event(gw->turn.out, "*broker", &gw->msg); /* MU_BUS_TO_BROKERS */
    mu_outbox_event(gw->turn.out, "*lobby", &gw->msg);  /* each has members of its lobbies there */
}

static void begin_announcing(struct mu_gateway *gw)
{
    gw->announce_next = 0;
    gw->announce_ms = gw->turn.now_ms + MU_GATEWAY_ANNOUNCE_MS;
}

/* Goes on with telling who is connected here. */
static void announce(struct mu_gateway *gw)
{
    uint32_t capacity = mu_sessions_capacity(gw->sessions);
    for (uint32_t n = 0; n < ANNOUNCE_MAX && gw->announce_next != MU_SESSION_NONE; n++) {
        struct mu_msg_presence *presence = &gw->msg.presence;
        presence->reset = gw->announce_next == 0;
        presence->left_count = 0;
        presence->joined_count = 0;
        uint32_t i = gw->announce_next;
        for (; i < capacity && presence->joined_count < PRESENCE_IDS; i++) {
            const struct mu_session *session = mu_sessions_at(gw->sessions, i);
            if (session != NULL && session->player[0] != '\0' &&
                session->previous == MU_SESSION_NONE) {
                memcpy(presence->joined[presence->joined_count++].id, session->player,
                       sizeof session->player);
            }
        }
        if (presence->reset || presence->joined_count > 0) {
            mu_gateway_presence(gw);
        }
        gw->announce_next = i < capacity ? i : MU_SESSION_NONE;
    }
}

/* Looks at the next few sockets, so that all are looked at in time. */
static void look(struct mu_gateway *gw)
{
    uint32_t capacity = mu_sessions_capacity(gw->sessions);
    int64_t all_ms = gw->turn.now_ms < gw->hurry_ms ? MU_GATEWAY_HURRY_MS : MU_GATEWAY_LOOK_ALL_MS;
    uint32_t slots = capacity / (uint32_t)(all_ms / MU_GATEWAY_LOOK_MS) + 1;
    for (uint32_t n = 0; n < slots; n++) {
        struct mu_session *session = mu_sessions_at(gw->sessions, gw->look_next);
        gw->look_next = (gw->look_next + 1) % capacity;
        if (session != NULL) {
            mu_actions_look(gw, session);
        }
    }
    gw->look_ms = gw->turn.now_ms + MU_GATEWAY_LOOK_MS;
}

/* Why a socket may stay no longer; NULL: it may. */
static const char *outstayed(const struct mu_gateway *gw, const struct mu_session *session)
{
    const struct mu_caller *caller = &session->caller;
    if (caller->role == MU_ROLE_NONE) {
        bool late = gw->turn.now_ms - session->opened_ms >= MU_GATEWAY_STRANGER_MS;
        return late ? "no credentials" : NULL;
    }
    bool over = caller->until_ms > 0 && gw->turn.wall_ms >= caller->until_ms;
    return over ? "the token has expired" : NULL;
}

/* Closes sockets that have shown no credentials in time, or whose token has ended. */
static void close_strangers(struct mu_gateway *gw)
{
    for (uint32_t i = 0; !gw->open && i < mu_sessions_capacity(gw->sessions); i++) {
        struct mu_session *session = mu_sessions_at(gw->sessions, i);
        const char *why = session == NULL || session->closing ? NULL : outstayed(gw, session);
        if (why != NULL) {
            session->closing = true;
            gw->edge.close(gw->edge.context, session->socket, 4001, why);
        }
    }
}

/* Once a second: its own STATS. */
static void beat(struct mu_gateway *gw)
{
    gw->beat_ms = gw->turn.now_ms + MU_GATEWAY_BEAT_MS;
    close_strangers(gw);
    gw->msg.op = MU_OP_STATS;
    mu_gateway_stats(gw, &gw->msg.stats);
    mu_outbox_event(gw->turn.out, "*gateway", &gw->msg);
}

void mu_gateway_tick(struct mu_gateway *gw, const struct mu_turn *turn)
{
    mu_gateway_begin(gw, turn);
    for (uint32_t n = 0; n < DUE_MAX; n++) {
        uint32_t call = mu_calls_due(gw->calls, turn->now_ms);
        if (call == MU_CALL_NONE) {
            break;
        }
        mu_exchange_due(gw, &gw->exchanges[mu_calls_at(gw->calls, call)->user]);
    }
    if (turn->now_ms >= gw->beat_ms) {
        beat(gw);
    }
    if (turn->now_ms >= gw->announce_ms) {
        begin_announcing(gw);
    }
    announce(gw);
    if (turn->now_ms >= gw->look_ms) {
        look(gw);
    }
}

int64_t mu_gateway_deadline(const struct mu_gateway *gw)
{
    if (!gw->started || gw->announce_next != MU_SESSION_NONE) {
        return INT64_MIN; /* at once */
    }
    int64_t calls_ms = mu_calls_deadline(gw->calls);
    int64_t own_ms = gw->beat_ms < gw->announce_ms ? gw->beat_ms : gw->announce_ms;
    own_ms = gw->look_ms < own_ms && mu_sessions_count(gw->sessions) > 0 ? gw->look_ms : own_ms;
    return calls_ms < own_ms ? calls_ms : own_ms;
}

void mu_gateway_announce(struct mu_gateway *gw)
{
    begin_announcing(gw);
    hurry(gw); /* who was not known there was pushed nothing */
}

void mu_gateway_set_bus(struct mu_gateway *gw, const struct mu_counters *bus)
{
    gw->bus = bus;
}

void mu_gateway_set_transport(struct mu_gateway *gw, const struct mu_counters *transport)
{
    gw->transport = transport;
}

void mu_gateway_set_brokers(struct mu_gateway *gw, uint32_t brokers)
{
    gw->brokers = brokers;
}

bool mu_gateway_drain_asked(const struct mu_gateway *gw, uint32_t *ret_patience_ms)
{
    if (gw->drain_asked) {
        *ret_patience_ms = gw->drain_patience_ms;
    }
    return gw->drain_asked;
}

void mu_gateway_drain(struct mu_gateway *gw)
{
    gw->draining = true;
}

bool mu_gateway_open(const struct mu_gateway *gw)
{
    return gw->open;
}

const struct mu_counters *mu_gateway_counters(const struct mu_gateway *gw)
{
    return &gw->counters;
}

uint32_t mu_gateway_pending(const struct mu_gateway *gw)
{
    return gw->exchanges_count;
}

void mu_gateway_stats(const struct mu_gateway *gw, struct mu_msg_stats *ret)
{
    struct mu_counters all = gw->counters;
    all.values[MU_COUNTER_SOCKETS] = mu_sessions_count(gw->sessions);
    const struct mu_counters *others[] = { gw->bus, gw->transport };
    for (size_t n = 0; n < sizeof others / sizeof others[0]; n++) {
        for (uint32_t i = 0; others[n] != NULL && i < MU_COUNTER_END; i++) {
            all.values[i] += others[n]->values[i];
        }
    }
    ret->counters_count = 0;
    ret->pools_count = 0;
    ret->rules_count = 0;
    memset(ret->kind, 0, sizeof ret->kind);
    memcpy(ret->kind, "gateway", sizeof "gateway");
    memset(ret->partition, 0, sizeof ret->partition);
    ret->ready = !gw->draining;
    ret->state = gw->draining ? MU_LIFE_DRAINING : MU_LIFE_SERVING;
    memset(ret->name, 0, sizeof ret->name);
    memcpy(ret->name, gw->name, strlen(gw->name) + 1);
    memset(ret->build, 0, sizeof ret->build);
    memcpy(ret->build, MU_VERSION, sizeof MU_VERSION);
    ret->epoch = 0;
    ret->brokers = gw->brokers;
    ret->config_hash = gw->config->hash;
    ret->uptime_ms = (uint64_t)(gw->turn.now_ms - gw->started_ms);
    mu_counters_export(&all, ret);
}

void mu_gateway_check(const struct mu_gateway *gw)
{
    uint32_t used = 0;
    uint32_t blocks = gw->blocks_free_count;
    uint32_t http = 0;
    uint32_t calls = 0;
    for (uint32_t i = 0; i < MU_GATEWAY_EXCHANGES_MAX && used < gw->exchanges_count; i++) {
        const struct mu_exchange *x = &gw->exchanges[i];
        if (!x->used) {
            continue;
        }
        used++;
        assert(x->call != MU_CALL_NONE); /* between calls, each waits for an actor */
        calls++;
        assert(mu_calls_at(gw->calls, x->call)->user == i);
        if (x->action == MU_ACTION_NONE) {
            http++;
            assert(mu_idtable_get(gw->by_request, x->request) == i);
        }
        blocks += x->sent.block != MU_EXCHANGE_NONE ? 1u : 0u;
        blocks += x->body.block != MU_EXCHANGE_NONE ? 1u : 0u;
    }
    assert(used == gw->exchanges_count);
    assert(calls == mu_calls_count(gw->calls));
    assert(http == mu_idtable_count(gw->by_request));
    assert(blocks == MU_EXCHANGE_BLOCKS);
    mu_sessions_check(gw->sessions);
    mu_limit_check(gw->by_address);
    mu_limit_check(gw->by_player);
    mu_limit_check(gw->by_failure);
    mu_idtable_check(gw->by_request);
}
