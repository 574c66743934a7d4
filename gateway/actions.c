/* gateway/actions.c - WebSocket messages, and events to players. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/handlers.h"
#include "gateway/present.h"

#define CLOSE_AUTH      4001 /* research: conventions for close codes */
#define CLOSE_RATE      4029
#define EVENTS_PER_PAGE 8    /* that EVENTS_END holds */
#define ROUNDS_MAX      1024 /* pages asked for in one go: more than a log may keep */
#define AFTER_ALL       ((uint64_t)INT64_MAX) /* no event has this number: only ask for newest */

enum step {
    STEP_WITHOUT_SINCE, /* REGISTER: only the newest number is asked for */
    STEP_SINCE,         /* events that were missed are asked for */
};

static const struct mu_session *session_of(struct mu_gateway *gw, const struct mu_exchange *x)
{
    return mu_sessions_find(gw->sessions, x->socket);
}

static enum mu_action action_of(const char *name)
{
    static const struct {
        enum mu_action action;
        const char *name;
    } actions[] = {
#define ACTION(NAME, name, doc) { MU_ACTION_##NAME, #NAME },
#include "gateway/actions.def"
#undef ACTION
    };
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, name) == 0) {
            return actions[i].action;
        }
    }
    return MU_ACTION_NONE;
}

/* Sends one event to a socket. */
static void send_event(struct mu_gateway *gw, struct mu_session *session,
                       const struct mu_msg_event *event)
{
    mu_json_writer_init(&gw->writer, gw->text, sizeof gw->text);
    mu_present_event(&gw->writer, event);
    assert(mu_json_complete(&gw->writer));
    session->last_seq = event->seq;
    session->synced = true;
    mu_count(gw, MU_COUNTER_EVENTS_PUSHED);
    if (!session->closing) {
        gw->edge.send(gw->edge.context, session->socket, gw->text, gw->writer.used);
    }
}

/* Asks for the events after `after`. */
static void ask_events(struct mu_gateway *gw, struct mu_exchange *x, struct mu_session *session,
                       uint64_t after)
{
    session->asking = true;
    x->after = after;
    gw->msg.op = MU_OP_EVENTS_GET;
    gw->msg.events_get = (struct mu_msg_events_get){ .after = after, .limit = EVENTS_PER_PAGE };
    memcpy(gw->msg.events_get.player, session->player, sizeof gw->msg.events_get.player);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_EVENTS_END);
}

/* Opens an exchange for a socket. */
static struct mu_exchange *open_exchange(struct mu_gateway *gw, struct mu_session *session,
                                         enum mu_action action)
{
    struct mu_exchange *x = mu_exchange_open(gw);
    if (x != NULL) {
        x->action = action;
        x->socket = session->socket;
        x->caller = session->caller;
        memcpy(x->player, session->player, sizeof x->player);
        session->pending++;
    }
    return x;
}

/* Fills the gap in a socket's events from the log. */
static void resume(struct mu_gateway *gw, struct mu_session *session)
{
    struct mu_exchange *x = open_exchange(gw, session, MU_ACTION_RESUME);
    if (x == NULL) {
        return; /* all are in use: the next event shows the gap again */
    }
    x->step = STEP_SINCE;
    ask_events(gw, x, session, session->last_seq);
}

void mu_actions_look(struct mu_gateway *gw, struct mu_session *session)
{
    if (session->player[0] != '\0' && session->synced && !session->asking && !session->closing) {
        resume(gw, session);
    }
}

void mu_actions_event(struct mu_gateway *gw, const struct mu_msg_event *event)
{
    struct mu_session *session = mu_sessions_of(gw->sessions, event->player);
    while (session != NULL) {
        struct mu_session *next = mu_sessions_next(gw->sessions, session);
        if (event->seq > session->seen_seq) {
            session->seen_seq = event->seq;
        }
        if (!session->synced || event->seq == session->last_seq + 1) {
            send_event(gw, session, event);
        } else if (event->seq > session->last_seq && !session->asking) {
            resume(gw, session);
        }
        session = next;
    }
}

/* Sends those of a page that the socket has not had.  Returns whether more is to be asked for. */
static bool send_missed(struct mu_gateway *gw, struct mu_exchange *x, struct mu_session *session,
                        const struct mu_msg_events_end *end)
{
    /* A page from behind the last event sent (the client has gone back since) would leave a gap. */
    uint32_t count = x->after <= session->last_seq ? end->events_count : 0;
    for (uint32_t i = 0; i < count; i++) {
        if (end->events[i].seq > session->last_seq) {
            send_event(gw, session, &end->events[i]);
        }
    }
    bool more = end->events_count > 0 && end->newest > session->last_seq;
    bool outrun = session->seen_seq > session->last_seq && session->seen_seq > end->newest;
    return (more || outrun) && x->rounds++ < ROUNDS_MAX;
}

static void ask_on(struct mu_gateway *gw, struct mu_exchange *x, struct mu_session *session)
{
    x->deadline_ms = gw->turn.now_ms + (int64_t)gw->config->settings.request_budget_ms;
    ask_events(gw, x, session, session->last_seq);
}

static void answer_registered(struct mu_gateway *gw, struct mu_session *session, const char *tag,
                              uint64_t newest)
{
    struct mu_json_writer *writer = &gw->writer;
    mu_json_writer_init(writer, gw->text, sizeof gw->text);
    mu_json_object_begin(writer);
    mu_put_text(writer, "type", "REGISTERED");
    if (tag[0] != '\0') {
        mu_put_text(writer, "re", tag);
    }
    mu_put_text(writer, "playerId", session->player);
    mu_put_u64(writer, "lastSeq", newest);
    mu_json_object_end(writer);
    if (!session->closing) {
        gw->edge.send(gw->edge.context, session->socket, gw->text, writer->used);
    }
}

/* The store said which events there are. */
static void events_answered(struct mu_gateway *gw, struct mu_exchange *x,
                            const struct mu_msg_events_end *end)
{
    struct mu_session *session = mu_sessions_find(gw->sessions, x->socket);
    if (session == NULL || strcmp(session->player, x->player) != 0) {
        mu_exchange_close(gw, x); /* it is gone, or another player's by now */
        return;
    }
    if (x->action == MU_ACTION_REGISTER) {
        if (x->step == STEP_SINCE && session->last_seq > end->newest) {
            session->last_seq = end->newest; /* the client claims more than there is */
        }
        answer_registered(gw, session, x->tag, end->newest);
        x->action = MU_ACTION_RESUME;
        if (x->step == STEP_WITHOUT_SINCE) {
            if (!session->synced) {
                session->last_seq = end->newest;
                session->synced = true;
            }
            session->asking = false;
            mu_exchange_close(gw, x);
            return;
        }
    }
    if (send_missed(gw, x, session, end)) {
        ask_on(gw, x, session);
        return;
    }
    session->asking = false;
    mu_exchange_close(gw, x);
}

void mu_actions_failed(struct mu_gateway *gw, struct mu_exchange *x)
{
    struct mu_session *session = mu_sessions_find(gw->sessions, x->socket);
    bool same = session != NULL && strcmp(session->player, x->player) == 0;
    mu_exchange_close(gw, x);
    if (same) {
        session->asking = false;
        if (session->seen_seq > session->last_seq) {
            resume(gw, session); /* the store was away for a whole budget: another one */
        }
    }
}

static void tell_presence(struct mu_gateway *gw, const char *player, bool here)
{
    struct mu_msg_presence *presence = &gw->msg.presence;
    presence->reset = false;
    presence->joined_count = here ? 1 : 0;
    presence->left_count = here ? 0 : 1;
    struct mu_msg_id *id = here ? &presence->joined[0] : &presence->left[0];
    (void)snprintf(id->id, sizeof id->id, "%s", player);
    mu_gateway_presence(gw);
}

void mu_actions_unbind(struct mu_gateway *gw, struct mu_session *session)
{
    char player[MU_ID_MAX + 1];
    memcpy(player, session->player, sizeof player);
    if (mu_sessions_unbind(gw->sessions, session)) {
        tell_presence(gw, player, false);
    }
}

/* A later credential for a socket that was opened without one: browsers cannot send a header. */
static bool take_token(struct mu_gateway *gw, struct mu_exchange *x,
                       const struct mu_session *session)
{
    static const struct mu_text_rule rule = MU_BOUND_TOKEN;
    char token[MU_JWT_MAX + 1];
    char authorization[MU_JWT_MAX + 8];
    if (mu_field_text(&gw->fields, "token", MU_OPTIONAL, &rule, token)) {
        (void)snprintf(authorization, sizeof authorization, "Bearer %s", token);
        const char *fault = mu_gateway_identify(gw, session->address, authorization, &x->caller);
        if (fault != NULL) {
            mu_gateway_refuse_caller(gw, x, session->address, fault);
            return false;
        }
    } else if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return false;
    }
    enum mu_error error = mu_access_allows(&x->caller, MU_ROUTE_CLIENTS);
    if (error != MU_OK) {
        mu_refuse(gw, x, error, NULL);
        return false;
    }
    return true;
}

static void act_register(struct mu_gateway *gw, struct mu_exchange *x, struct mu_session *session)
{
    static const struct mu_range range = MU_BOUND_SINCE;
    char player[MU_ID_MAX + 1] = "";
    int64_t since = -1;
    if (!mu_field_integer(&gw->fields, "since", MU_OPTIONAL, range, &since)) {
        (void)mu_field_integer(&gw->fields, "lastSeq", MU_OPTIONAL, range, &since);
    }
    (void)mu_field_id(&gw->fields, "playerId", MU_REQUIRED, player);
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return;
    }
    if (!take_token(gw, x, session) || !mu_exchange_act_for(gw, x, player)) {
        return;
    }
    session->caller = x->caller;
    if (session->player[0] != '\0' && strcmp(session->player, player) != 0) {
        mu_actions_unbind(gw, session);
    }
    /* Present first, then ask: what happens between the two is pushed, or in the log. */
    if (session->player[0] == '\0' && mu_sessions_bind(gw->sessions, session, player)) {
        tell_presence(gw, player, true);
    }
    x->step = since < 0 ? STEP_WITHOUT_SINCE : STEP_SINCE;
    if (since >= 0) {
        session->last_seq = (uint64_t)since;
        session->synced = true;
    }
    ask_events(gw, x, session, since < 0 ? AFTER_ALL : (uint64_t)since);
}

/* Whom the action is about: the bound player, or (before REGISTER, from those we trust) the one
 * it names.  False: refused. */
static bool read_actor(struct mu_gateway *gw, struct mu_exchange *x,
                       const struct mu_session *session)
{
    char player[MU_ID_MAX + 1] = "";
    bool bound = session->player[0] != '\0';
    bool named = mu_field_id(&gw->fields, "playerId", bound ? MU_OPTIONAL : MU_REQUIRED, player);
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return false;
    }
    enum mu_error error = mu_access_allows(&x->caller, MU_ROUTE_CLIENTS);
    if (error != MU_OK) {
        mu_refuse(gw, x, error, "REGISTER first.");
        return false;
    }
    if (bound && named && strcmp(session->player, player) != 0) {
        mu_refuse(gw, x, MU_ERROR_FORBIDDEN, "The connection is bound to another player.");
        return false;
    }
    return mu_exchange_act_for(gw, x, named ? player : session->player);
}

static void random_key(struct mu_gateway *gw, struct mu_exchange *x)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];
    gw->secrets.fill(gw->secrets.context, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        x->idempotency_key[2 * i] = digits[bytes[i] >> 4];
        x->idempotency_key[2 * i + 1] = digits[bytes[i] & 15];
    }
    x->idempotency_key[2 * sizeof bytes] = '\0';
}

static void act_ready(struct mu_gateway *gw, struct mu_exchange *x,
                      const struct mu_session *session, enum mu_accept accept)
{
    struct mu_msg_lobby_ready *ask = &gw->msg.lobby_ready;
    char lobby[MU_ID_MAX + 1] = "";
    (void)mu_field_id(&gw->fields, "lobbyId", MU_REQUIRED, lobby);
    if (!read_actor(gw, x, session)) {
        return;
    }
    gw->msg.op = MU_OP_LOBBY_READY;
    ask->accept = accept;
    memcpy(ask->lobby, lobby, sizeof lobby);
    memcpy(ask->player, x->player, sizeof ask->player);
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_LOBBY_READIED);
}

static void act(struct mu_gateway *gw, struct mu_exchange *x, struct mu_session *session,
                struct mu_slice text)
{
    switch (x->action) {
    case MU_ACTION_NONE:
    case MU_ACTION_RESUME: assert(false); break;
    case MU_ACTION_REGISTER: act_register(gw, x, session); break;
    case MU_ACTION_READY: act_ready(gw, x, session, MU_ACCEPT_ACCEPTED); break;
    case MU_ACTION_UNREADY: act_ready(gw, x, session, MU_ACCEPT_PENDING); break;
    case MU_ACTION_DECLINE: act_ready(gw, x, session, MU_ACCEPT_DECLINED); break;
    case MU_ACTION_PING:
        (void)mu_answer_begin(gw, x, "PONG");
        mu_answer_end(gw, x, 200);
        break;
    case MU_ACTION_JOIN_QUEUE:
        if (read_actor(gw, x, session)) {
            mu_queue_join(gw, x, text);
        }
        break;
    case MU_ACTION_LEAVE_QUEUE:
        if (read_actor(gw, x, session)) {
            mu_queue_leave(gw, x);
        }
        break;
    }
}

/* Whether the message is within the socket's rate; over it there is one warning, then the end. */
static bool within_rate(struct mu_gateway *gw, struct mu_session *session)
{
    struct mu_limit_state state;
    if (session->caller.trusted ||
        mu_bucket_take(&session->full_ns, gw->config->settings.rate_socket_per_second, 1000,
                       gw->turn.now_ms, &state)) {
        return true;
    }
    mu_count(gw, MU_COUNTER_RATE_LIMITED);
    if (session->warned) {
        session->closing = true;
        gw->edge.close(gw->edge.context, session->socket, CLOSE_RATE, "too many messages");
        return false;
    }
    session->warned = true;
    struct mu_exchange *x = open_exchange(gw, session, MU_ACTION_PING);
    if (x != NULL) {
        mu_refuse(gw, x, MU_ERROR_RATE_LIMITED,
                  "Too many messages: the next one too soon ends "
                  "the connection.");
    }
    return false;
}

/* The message's own "id", for "re" in the answer.  It is ours alone: one of another form means
 * nothing, as any field that we do not know. */
static void read_tag(const struct mu_gateway *gw, struct mu_exchange *x)
{
    uint32_t node =
        gw->fields.node == MU_JSON_NONE ? MU_JSON_NONE : mu_json_member(&gw->json, 0, "id");
    const char *text = node == MU_JSON_NONE ? NULL : gw->json.nodes[node].text;
    if (text != NULL && strlen(text) <= MU_EXCHANGE_TAG) {
        memcpy(x->tag, text, strlen(text) + 1);
    }
}

void mu_actions_text(struct mu_gateway *gw, struct mu_session *session, struct mu_slice text)
{
    static const struct mu_text_rule action_rule = MU_BOUND_ACTION;
    char name[33] = "";
    mu_count(gw, MU_COUNTER_SOCKET_MESSAGES);
    if (session->closing || !within_rate(gw, session)) {
        return;
    }
    struct mu_exchange *x = open_exchange(gw, session, MU_ACTION_PING);
    if (x == NULL) {
        return; /* counted as an overload by nobody: the client's own timeout tells him */
    }
    if (!mu_gateway_parse(gw, x, text)) {
        return;
    }
    read_tag(gw, x);
    if (!mu_field_text(&gw->fields, "action", MU_REQUIRED, &action_rule, name) ||
        gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return;
    }
    if (session->pending > MU_SESSION_PENDING_MAX) {
        mu_refuse(gw, x, MU_ERROR_OVERLOADED, "Too many messages of this connection wait.");
        return;
    }
    enum mu_action action = action_of(name);
    if (action == MU_ACTION_NONE) {
        mu_refuse(gw, x, MU_ERROR_UNKNOWN_ACTION, NULL);
        return;
    }
    x->action = action;
    random_key(gw, x);
    act(gw, x, session, text);
}

static void answer_readied(struct mu_gateway *gw, struct mu_exchange *x,
                           const struct mu_msg_lobby_readied *readied)
{
    const char *action = x->action == MU_ACTION_READY     ? "READY"
                         : x->action == MU_ACTION_UNREADY ? "UNREADY"
                                                          : "DECLINE";
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "ACK");
    mu_put_text(writer, "action", action);
    mu_put_text(writer, "lobbyId", readied->lobby);
    mu_put_u64(writer, "ready", readied->ready);
    mu_put_u64(writer, "total", readied->total);
    mu_answer_end(gw, x, 200);
}

void mu_actions_answered(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    if (session_of(gw, x) == NULL) {
        mu_exchange_close(gw, x);
        return;
    }
    switch (x->action) {
    case MU_ACTION_NONE:
    case MU_ACTION_PING: assert(false); break;
    case MU_ACTION_REGISTER:
    case MU_ACTION_RESUME: events_answered(gw, x, &msg->events_end); break;
    case MU_ACTION_READY:
    case MU_ACTION_UNREADY:
    case MU_ACTION_DECLINE: answer_readied(gw, x, &msg->lobby_readied); break;
    case MU_ACTION_JOIN_QUEUE: mu_done_queue_join(gw, x, msg); break;
    case MU_ACTION_LEAVE_QUEUE: mu_done_queue_leave(gw, x, msg); break;
    }
}
