#include "actors/store.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/audit.h"
#include "actors/store_keeper.h"
#include "core/address.h"

/* What a request is to the dispatcher. */
struct route {
    mu_keeper_fn *handle;
    bool mutates; /* may write: idempotency keys count, and so does the store's room */
    bool adds;    /* brings new work in: refused already when room is low */
};

static const struct route routes[] = {
    [MU_OP_PLAYER_REGISTER] = { mu_keeper_player_register, true, true },
    [MU_OP_PLAYER_GET] = { mu_keeper_player_get, false, false },
    [MU_OP_PLAYER_UPDATE] = { mu_keeper_player_update, true, false },
    [MU_OP_PLAYER_RATE] = { mu_keeper_player_rate, true, false },
    [MU_OP_EVENTS_GET] = { mu_keeper_events_get, false, false },
    [MU_OP_TICKET_ADD] = { mu_keeper_ticket_add, true, true },
    [MU_OP_TICKET_GET] = { mu_keeper_ticket_get, false, false },
    [MU_OP_TICKET_CANCEL] = { mu_keeper_ticket_cancel, true, false },
    [MU_OP_TICKET_EXPIRE] = { mu_keeper_ticket_expire, true, false },
    [MU_OP_MATCH_COMMIT] = { mu_keeper_match_commit, true, false },
    [MU_OP_MATCH_GET] = { mu_keeper_match_get, false, false },
    [MU_OP_MATCH_ALLOCATE] = { mu_keeper_match_allocate, true, false },
    [MU_OP_MATCH_ABORT] = { mu_keeper_match_abort, true, false },
    [MU_OP_MATCH_UPDATE] = { mu_keeper_match_update, true, false },
    [MU_OP_MATCH_END] = { mu_keeper_match_end, true, false },
    [MU_OP_LOBBY_CREATE] = { mu_keeper_lobby_create, true, true },
    [MU_OP_LOBBY_GET] = { mu_keeper_lobby_get, false, false },
    [MU_OP_LOBBY_JOIN] = { mu_keeper_lobby_join, true, false },
    [MU_OP_LOBBY_LEAVE] = { mu_keeper_lobby_leave, true, false },
    [MU_OP_LOBBY_READY] = { mu_keeper_lobby_ready, true, false },
    [MU_OP_LOBBY_START] = { mu_keeper_lobby_start, true, false },
    [MU_OP_SERVER_REGISTER] = { mu_keeper_server_register, true, true },
    [MU_OP_SERVER_STATE] = { mu_keeper_server_state, true, false },
    [MU_OP_EPOCH_TAKE] = { mu_keeper_epoch_take, true, false },
    [MU_OP_EPOCH_RELEASE] = { mu_keeper_epoch_release, false, false },
    [MU_OP_FOLLOW_SCAN] = { mu_keeper_follow_scan, false, false },
    [MU_OP_FOLLOW_SINCE] = { mu_keeper_follow_since, false, false },
    [MU_OP_STORE_BACKUP] = { mu_keeper_store_backup, false, false },
    [MU_OP_RULES_PUT] = { mu_keeper_rules_put, true, true },
    [MU_OP_RULES_GET] = { mu_keeper_rules_get, false, false },
    [MU_OP_RULES_LIST] = { mu_keeper_rules_list, false, false },
    [MU_OP_RULES_ACTIVATE] = { mu_keeper_rules_activate, true, false },
    [MU_OP_BACKFILL_ADD] = { mu_keeper_backfill_add, true, true },
    [MU_OP_BACKFILL_GET] = { mu_keeper_backfill_get, false, false },
    [MU_OP_BACKFILL_RENEW] = { mu_keeper_backfill_renew, true, false },
    [MU_OP_BACKFILL_CANCEL] = { mu_keeper_backfill_cancel, true, false },
    [MU_OP_BACKFILL_EXPIRE] = { mu_keeper_backfill_expire, true, false },
};

static const struct route *route_of(enum mu_op op)
{
    if ((size_t)op >= sizeof routes / sizeof routes[0] || routes[op].handle == NULL) {
        return NULL;
    }
    return &routes[op];
}

uint64_t mu_keeper_wall(const struct mu_keeper *keeper)
{
    return keeper->event->wall_ms > 0 ? (uint64_t)keeper->event->wall_ms : 0;
}

static struct mu_msg_error *begin_error(struct mu_keeper *keeper, enum mu_error error)
{
    /* Who stands by asks for ever: that is no refusal that anybody has to look at. */
    keeper->counters.values[MU_COUNTER_REFUSED] += error != MU_ERROR_OWNED;
    if (error == MU_ERROR_FENCED) {
        keeper->counters.values[MU_COUNTER_FENCED]++;
    }
    keeper->reply->op = MU_OP_ERROR;
    keeper->reply->error = (struct mu_msg_error){ .code = error };
    keeper->answer = keeper->reply;
    return &keeper->reply->error;
}

int mu_keeper_refuse(struct mu_keeper *keeper, enum mu_error error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct mu_msg_error *answer = begin_error(keeper, error);
    (void)vsnprintf(answer->detail, sizeof answer->detail, format, args);
    va_end(args);
    mu_outbox_note(keeper->out, "refused %s: %s", mu_error_info(error)->name, answer->detail);
    return MU_REFUSED;
}

int mu_keeper_refuse_engaged(struct mu_keeper *keeper, enum mu_error error, enum mu_engaged engaged,
                             const char *subject)
{
    struct mu_msg_error *answer = begin_error(keeper, error);
    answer->engaged = engaged;
    (void)snprintf(answer->subject, sizeof answer->subject, "%s", subject);
    mu_outbox_note(keeper->out, "refused %s: %s", mu_error_info(error)->name, subject);
    return MU_REFUSED;
}

int mu_keeper_answer(struct mu_keeper *keeper, const struct mu_msg *answer)
{
    keeper->answer = answer;
    return 0;
}

/* Refuses what the store has no room for. */
static int check_room(struct mu_keeper *keeper, const struct route *route)
{
    struct mu_store *store = keeper->rows.store;
    enum mu_store_room room = store->ops->room(store);
    if (room == MU_STORE_ROOM_NONE || (room == MU_STORE_ROOM_LOW && route->adds)) {
        return mu_keeper_refuse(keeper, MU_ERROR_STORAGE_FULL, "the store is short of space");
    }
    return 0;
}

static int run(struct mu_keeper *keeper, const struct route *route, const struct mu_msg *msg)
{
    if (!route->mutates) {
        return mu_keeper_end(route->handle(keeper, msg));
    }
    bool keyed = keeper->event->envelope->idempotency_key[0] != '\0';
    uint64_t hash = 0;
    int r = keyed ? mu_keeper_replay(keeper, msg, &hash) : 0;
    if (r == 0) {
        r = check_room(keeper, route);
    }
    if (r != 0) {
        return mu_keeper_end(r);
    }
    r = mu_keeper_end(route->handle(keeper, msg));
    if (r == 0 && keyed) {
        mu_keeper_remember(keeper, hash);
    }
    return r;
}

static int take_request(struct mu_keeper *keeper, const struct mu_event *ev)
{
    const struct mu_msg_envelope *envelope = ev->envelope;
    if (envelope->frame != MU_FRAME_REQUEST) {
        return 0; /* the store asks nobody */
    }
    const struct route *route = route_of(ev->msg->op);
    mu_keeper_listen(keeper);
    mu_rows_begin(&keeper->rows);
    keeper->answer = NULL;
    keeper->later = false;
    int r = 0;
    if (route == NULL) {
        (void)mu_keeper_refuse(keeper, MU_ERROR_UNSUPPORTED, "the store does not serve this");
    } else if (envelope->budget_ms == 0) {
        keeper->counters.values[MU_COUNTER_REQUESTS_EXPIRED]++;
        (void)mu_keeper_refuse(keeper, MU_ERROR_EXPIRED, "no time was left");
    } else {
        r = run(keeper, route, ev->msg);
    }
    if (r == -EBADMSG) {
        assert(!keeper->rows.wrote);
        r = mu_keeper_end(mu_keeper_refuse(keeper, MU_ERROR_INTERNAL, "a record is damaged"));
    }
    if (r == 0) {
        r = keeper->rows.error;
    }
    if (r == 0 && !keeper->later) {
        assert(keeper->answer != NULL);
        mu_outbox_reply(keeper->out, envelope, keeper->answer);
    }
    return r;
}

static int start(struct mu_keeper *keeper)
{
    assert(!keeper->started);
    keeper->started = true;
    keeper->started_ms = keeper->event->now_ms;
    keeper->sweep_ms = keeper->event->now_ms;
    keeper->asked_ms = keeper->event->now_ms;
    int r = mu_keeper_load_partitions(keeper);
    mu_keeper_owners_heard(keeper); /* they could not be, while there was no store */
    return r != 0 ? r : mu_keeper_place_all(keeper);
}

static int take_timer(struct mu_keeper *keeper)
{
    if (keeper->event->now_ms >= mu_keeper_backup_deadline(keeper)) {
        mu_keeper_backup_tend(keeper);
    }
    return keeper->event->now_ms >= keeper->sweep_ms ? mu_keeper_sweep(keeper) : 0;
}

static int store_step(struct mu_actor *actor, const struct mu_event *ev, struct mu_outbox *out)
{
    struct mu_keeper *keeper = (struct mu_keeper *)actor;
    keeper->event = ev;
    keeper->out = out;
    if (keeper->clock_wall_ms == 0 && ev->wall_ms > 0) {
        keeper->clock_wall_ms = ev->wall_ms;
        keeper->clock_now_ms = ev->now_ms;
    }
    int r = 0;
    switch (ev->type) {
    case MU_EV_START: r = start(keeper); break;
    case MU_EV_MESSAGE:
        assert(keeper->started);
        r = take_request(keeper, ev);
        break;
    case MU_EV_TIMER: r = take_timer(keeper); break;
    case MU_EV_BATCH_END: r = mu_keeper_batch_end(keeper); break;
    case MU_EV_DRAIN: /* what it has is durable */
    case MU_EV_STOP: break;
    }
    keeper->event = NULL;
    keeper->out = NULL;
    return r;
}

static int64_t store_deadline(const struct mu_actor *actor)
{
    const struct mu_keeper *keeper = (const struct mu_keeper *)actor;
    int64_t backup_ms = mu_keeper_backup_deadline(keeper);
    return backup_ms < keeper->sweep_ms ? backup_ms : keeper->sweep_ms;
}

static void store_stats(const struct mu_actor *actor, int64_t now_ms, struct mu_msg_stats *ret)
{
    const struct mu_keeper *keeper = (const struct mu_keeper *)actor;
    struct mu_store_stats stats = { 0 };
    keeper->rows.store->ops->stats(keeper->rows.store, &stats);
    struct mu_counters counters = keeper->counters;
    counters.values[MU_COUNTER_COMMITS] = stats.commits;
    counters.values[MU_COUNTER_WRITES] = stats.writes;
    counters.values[MU_COUNTER_READS] = stats.reads;
    counters.values[MU_COUNTER_JOURNAL_BEHIND] = stats.journal_behind;
    counters.values[MU_COUNTER_STORE_BYTES] = stats.bytes_used;
    counters.values[MU_COUNTER_STORE_ROOM] = keeper->rows.store->ops->room(keeper->rows.store);
    counters.values[MU_COUNTER_DAMAGED] = keeper->rows.damaged;
    *ret = (struct mu_msg_stats){ .kind = "store", .ready = keeper->started };
    ret->uptime_ms = now_ms > keeper->started_ms ? (uint64_t)(now_ms - keeper->started_ms) : 0;
    mu_counters_export(&counters, ret);
}

static uint64_t store_epoch(const struct mu_actor *actor)
{
    (void)actor; /* it owns no partition: there is one store, and its file is locked */
    return 0;
}

static enum mu_life store_life(const struct mu_actor *actor)
{
    return ((const struct mu_keeper *)actor)->started ? MU_LIFE_SERVING : MU_LIFE_STARTING;
}

static bool store_drained(const struct mu_actor *actor)
{
    (void)actor; /* it has nothing that another process could take */
    return true;
}

static void store_check(const struct mu_actor *actor)
{
    const struct mu_keeper *keeper = (const struct mu_keeper *)actor;
    assert(keeper->rows.error == 0);
    assert(keeper->touched_count <= MU_STORE_TOUCHED_MAX);
    assert(mu_map_count(keeper->touched_by_id) == keeper->touched_count);
    if (keeper->touched_count == 0) { /* else the log is still to be written */
        char error[256];
        int r = mu_store_audit(keeper->rows.store, error, sizeof error);
        assert(r == 0);
        (void)r;
    }
}

static void store_destroy(struct mu_actor *actor)
{
    struct mu_keeper *keeper = (struct mu_keeper *)actor;
    if (keeper == NULL) {
        return;
    }
    mu_rows_release(&keeper->rows);
    mu_map_destroy(keeper->touched_by_id);
    free(keeper->reply);
    free(keeper->ticket);
    free(keeper->match);
    free(keeper->lobby);
    free(keeper->server);
    free(keeper->backfill);
    free(keeper->note);
    free(keeper->bytes);
    free(keeper->pages);
    free(keeper);
}

static int store_create(const struct mu_actor_env *env, struct mu_actor **ret)
{
    assert(env->store != NULL);
    struct mu_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL) {
        return -ENOMEM;
    }
    keeper->base.ops = &mu_store_actor_ops;
    keeper->config = env->config;
    keeper->ids.rng.state = env->seed;
    keeper->codes.state = ~env->seed;
    keeper->sweep_ms = MU_NEVER;
    keeper->touched_by_id = mu_map_create(MU_STORE_TOUCHED_MAX, MU_ID_MAX + 1, env->seed);
    struct mu_msg **messages[] = { &keeper->reply, &keeper->ticket, &keeper->match,
                                   &keeper->lobby, &keeper->server, &keeper->backfill,
                                   &keeper->note };
    bool complete = keeper->touched_by_id != NULL;
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        *messages[i] = calloc(1, sizeof **messages[i]);
        complete = complete && *messages[i] != NULL;
    }
    keeper->bytes = malloc(MU_STORE_VALUE_MAX);
    keeper->pages = malloc(MU_STORE_PAGES_BYTES);
    complete = complete && keeper->bytes != NULL && keeper->pages != NULL;
    if (!complete || mu_rows_init(&keeper->rows, env->store) != 0) {
        store_destroy(&keeper->base);
        return -ENOMEM;
    }
    *ret = &keeper->base;
    return 0;
}

const struct mu_actor_ops mu_store_actor_ops = {
    .kind = "store",
    .create = store_create,
    .step = store_step,
    .deadline = store_deadline,
    .stats = store_stats,
    .epoch = store_epoch,
    .life = store_life,
    .drained = store_drained,
    .check = store_check,
    .destroy = store_destroy,
};
