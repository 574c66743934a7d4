/* tests/bench/bench_slices.c - what it costs the matches that a queue is cut into slices.
 *
 * usage: bench_slices [--least TICKETS] [WORKLOAD.jsonl | KIND ...]
 *
 * Plays workloads to a queue shard and 1, 2, 4 and 8 matchers, the very actors, in virtual time;
 * this program is their store, which agrees to every match.  A slice has at least --least tickets
 * (default 1: pools are cut as soon as there are as many tickets as matchers, which is the worst
 * that can be).  Prints a table for each mode, by the scorer of docs/QUALITY.md. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/matcher.h"
#include "actors/queue.h"
#include "core/counters.h"
#include "core/parse.h"
#include "core/store.h"
#include "tools/replay.h"
#include "tools/replay_rules.h"
#include "tools/score.h"

enum {
    MATCHERS_MAX = 8,
    BASE_MS = 1000000,   /* of both clocks, when a workload begins */
    PLAYED_TEXT = 65536, /* bytes of a record */
    ROUNDS_MAX = 1000,   /* of batches at one moment */
    EPOCH = 1,
    STORE = 57, /* incarnation */
};

/* One actor with what it sends. */
struct peer {
    struct mu_actor *actor;
    struct mu_outbox *out;
    struct mu_decoder *decoder;
    uint64_t incarnation;
    char name[MU_ADDRESS_MAX + 1];
};

/* What the store knows of a ticket. */
struct kept {
    uint64_t version; /* 0: not queued */
};

struct play {
    const struct mu_workload *workload;
    uint32_t mode;
    struct mu_replay_rules *rules; /* its configuration */
    struct mu_config config;
    struct peer peers[1 + MATCHERS_MAX]; /* the shard first */
    uint32_t peers_count;
    struct kept *kept; /* [tickets of the workload] */
    int64_t now_ms;    /* of the workload */
    uint64_t log_seq;
    uint64_t sequence; /* of the store's messages */
    struct mu_msg msg; /* what is being handed over */
    struct mu_msg record;
    uint8_t bytes[PLAYED_TEXT];
    struct mu_replay *replay; /* while it is awake */
    int r;
};

/* Actors. */

static void step(struct play *play, struct peer *peer, enum mu_event_type type,
                 const struct mu_msg_envelope *envelope)
{
    struct mu_event ev = {
        .type = type,
        .now_ms = BASE_MS + play->now_ms,
        .wall_ms = BASE_MS + play->now_ms,
        .envelope = envelope,
        .msg = envelope == NULL ? NULL : &play->msg,
    };
    int r = peer->actor->ops->step(peer->actor, &ev, peer->out);
    play->r = play->r == 0 ? r : play->r;
}

/* Hands play->msg to a peer. */
static void hand(struct play *play, struct peer *peer, const char *source, enum mu_frame frame,
                 uint64_t answers)
{
    struct mu_msg_envelope envelope = {
        .version = 1,
        .frame = frame,
        .op = play->msg.op,
        .incarnation = STORE,
        .sequence = ++play->sequence,
        .answers_incarnation = answers != 0 ? peer->incarnation : 0,
        .answers_sequence = answers,
    };
    (void)snprintf(envelope.source, sizeof envelope.source, "%s", source);
    step(play, peer, MU_EV_MESSAGE, &envelope);
}

static int peer_create(struct play *play, const struct mu_actor_ops *ops, const char *partition)
{
    struct peer *peer = &play->peers[play->peers_count++];
    peer->incarnation = 100 + play->peers_count;
    (void)snprintf(peer->name, sizeof peer->name, "#%016" PRIx64, peer->incarnation);
    struct mu_actor_env env = {
        .partition = partition,
        .seed = peer->incarnation,
        .incarnation = peer->incarnation,
        .config = &play->config,
    };
    peer->out = mu_outbox_create(peer->incarnation);
    peer->decoder = mu_decoder_create();
    int r = peer->out == NULL || peer->decoder == NULL ? -ENOMEM : ops->create(&env, &peer->actor);
    if (r == 0) {
        step(play, peer, MU_EV_START, NULL);
    }
    return r;
}

/* The store. */

static void begin_changes(struct play *play, bool snapshot)
{
    struct mu_msg_changes *changes = &play->msg.changes;
    memset(changes, 0, sizeof *changes);
    play->msg.op = MU_OP_CHANGES;
    changes->snapshot = snapshot;
    changes->head = play->log_seq;
    (void)snprintf(changes->partition, sizeof changes->partition, "queue/%s",
                   play->config.regions[0].name);
}

/* The log says that a ticket is so now. */
static void push(struct play *play, uint32_t index, enum mu_ticket_state state)
{
    const struct mu_workload_ticket *from = &play->workload->tickets[index];
    const double *rtt_ms = mu_workload_rtt(play->workload, index);
    struct mu_msg_ticket *ticket = &play->record.ticket;
    memset(ticket, 0, sizeof *ticket);
    play->record.op = MU_OP_TICKET;
    (void)snprintf(ticket->id, sizeof ticket->id, "%" PRIu32, index);
    (void)snprintf(ticket->mode, sizeof ticket->mode, "%s", play->config.modes[0].name);
    (void)snprintf(ticket->region, sizeof ticket->region, "%s", play->config.regions[0].name);
    ticket->version = ++play->kept[index].version;
    ticket->state = state;
    ticket->enqueued_ms = (uint64_t)(BASE_MS + mu_workload_arrival_ms(from));
    ticket->wait_max_ms = 86400000;
    ticket->players_count = from->players_count;
    for (uint32_t i = 0; i < from->players_count; i++) {
        const struct mu_workload_player *player = &play->workload->players[from->players + i];
        ticket->players[i].rating = (int64_t)fmin(fmax(round(player->rating), 100), 3000);
        ticket->players[i].deviation = (uint64_t)lround(player->deviation);
        (void)snprintf(ticket->players[i].id, sizeof ticket->players[i].id, "%" PRIu32 ".%" PRIu32,
                       index, i);
    }
    for (uint32_t i = 0; i < play->workload->regions_count; i++) {
        if (!isinf(rtt_ms[i])) {
            struct mu_msg_latency *latency = &ticket->latencies[ticket->latencies_count++];
            latency->ms = (uint64_t)lround(fmin(rtt_ms[i], 1000));
            memcpy(latency->region, play->config.regions[i].name, sizeof latency->region);
        }
    }
    int64_t size = mu_msg_encode(&play->record, play->bytes, sizeof play->bytes);
    assert(size > 0);
    play->log_seq++;
    begin_changes(play, false);
    struct mu_msg_change *change = &play->msg.changes.changes[0];
    play->msg.changes.changes_count = 1;
    change->seq = play->log_seq;
    change->table = MU_TABLE_TICKET;
    memcpy(change->id, ticket->id, sizeof change->id);
    change->record = (struct mu_slice){ play->bytes, (uint32_t)size };
    hand(play, &play->peers[0], "#store", MU_FRAME_EVENT, 0);
}

static int by_team(const void *a, const void *b)
{
    const struct mu_outcome_seat *x = a;
    const struct mu_outcome_seat *y = b;
    return x->team != y->team ? (x->team < y->team ? -1 : 1)
                              : (x->ticket < y->ticket ? -1 : x->ticket > y->ticket);
}

/* Agrees to a match, and tells the driver. */
static void commit(struct play *play, uint64_t sequence)
{
    struct mu_outcome_seat seats[MU_MATCH_PLAYERS_MAX];
    const struct mu_msg_match_commit commit = play->msg.match_commit;
    for (uint32_t i = 0; i < commit.tickets_count; i++) {
        uint64_t index = 0;
        int r = mu_parse_u64(commit.tickets[i].id, 0, play->workload->tickets_count - 1, &index);
        assert(r == 0);
        seats[i] = (struct mu_outcome_seat){
            .ticket = (uint32_t)index,
            .team = (uint32_t)commit.tickets[i].team,
            .players = play->workload->tickets[index].players_count,
        };
    }
    qsort(seats, commit.tickets_count, sizeof seats[0], by_team);
    int32_t region = mu_config_region(&play->config, commit.region);
    play->r = play->r == 0
                  ? mu_replay_emit(play->replay, (uint32_t)region, seats, commit.tickets_count)
                  : play->r;
    memset(&play->msg.match_committed, 0, sizeof play->msg.match_committed);
    play->msg.op = MU_OP_MATCH_COMMITTED;
    memcpy(play->msg.match_committed.match, commit.match, sizeof commit.match);
    play->msg.match_committed.committed = true;
    hand(play, &play->peers[0], "#store", MU_FRAME_REPLY, sequence);
    for (uint32_t i = 0; i < commit.tickets_count; i++) {
        push(play, seats[i].ticket, MU_TICKET_MATCHED);
    }
}

/* Answers a request of the shard, which stands in play->msg. */
static void answer(struct play *play, uint64_t sequence)
{
    if (play->msg.op == MU_OP_MATCH_COMMIT) {
        commit(play, sequence);
        return;
    }
    if (play->msg.op == MU_OP_EPOCH_TAKE) {
        play->msg.op = MU_OP_EPOCH;
        play->msg.epoch =
            (struct mu_msg_epoch){ .epoch = EPOCH, .incarnation = play->peers[0].incarnation };
    } else {
        begin_changes(play, play->msg.op == MU_OP_FOLLOW_SCAN);
    }
    hand(play, &play->peers[0], "#store", MU_FRAME_REPLY, sequence);
}

/* The way between them. */

static struct peer *peer_of(struct play *play, const char *destination)
{
    for (uint32_t i = 0; i < play->peers_count; i++) {
        if (strcmp(play->peers[i].name, destination) == 0 ||
            (i == 0 && strcmp(destination, "*queue") == 0)) {
            return &play->peers[i];
        }
    }
    return NULL;
}

/* Hands on what a peer has sent.  Returns how much. */
static uint32_t deliver(struct play *play, struct peer *from)
{
    uint32_t count = 0; /* answers may make it more */
    for (; count < from->out->count && play->r == 0; count++) {
        const struct mu_outbox_entry *entry = &from->out->entries[count];
        struct peer *to = peer_of(play, entry->envelope.destination);
        bool store = strcmp(entry->envelope.destination, "store") == 0;
        if (to == NULL && !store) {
            continue;
        }
        int r = mu_msg_decode(from->decoder, (uint32_t)entry->envelope.op,
                              from->out->bytes + entry->offset, entry->size, &play->msg);
        assert(r == 0);
        if (store) {
            answer(play, entry->envelope.sequence);
        } else {
            hand(play, to, from->name, MU_FRAME_EVENT, 0);
        }
    }
    mu_outbox_clear(from->out);
    return count;
}

static int arrive(void *self, uint32_t ticket, int64_t now_ms)
{
    struct play *play = self;
    play->now_ms = now_ms;
    push(play, ticket, MU_TICKET_QUEUED);
    return play->r;
}

static void leave(void *self, uint32_t ticket, int64_t now_ms)
{
    struct play *play = self;
    play->now_ms = now_ms;
    push(play, ticket, MU_TICKET_CANCELLED);
}

static int64_t moment(void *self)
{
    struct play *play = self;
    int64_t at_ms = MU_NEVER;
    for (uint32_t i = 0; i < play->peers_count; i++) {
        int64_t due_ms = play->peers[i].actor->ops->deadline(play->peers[i].actor) - BASE_MS;
        at_ms = due_ms < at_ms ? due_ms : at_ms;
    }
    return at_ms;
}

/* One batch of each, until nobody has anything to say. */
static int wake(void *self, int64_t now_ms, struct mu_replay *replay)
{
    struct play *play = self;
    bool on = true;
    play->now_ms = now_ms;
    play->replay = replay;
    for (uint32_t round = 0; on && round < ROUNDS_MAX && play->r == 0; round++) {
        on = false;
        for (uint32_t i = 0; i < play->peers_count; i++) {
            struct peer *peer = &play->peers[i];
            if (peer->actor->ops->deadline(peer->actor) <= BASE_MS + now_ms) {
                step(play, peer, MU_EV_TIMER, NULL);
            }
            step(play, peer, MU_EV_BATCH_END, NULL);
            on = deliver(play, peer) > 0 || on;
        }
    }
    play->replay = NULL;
    return play->r;
}

/* Plays. */

static int play_create(struct mu_workload *workload, uint32_t mode, uint32_t matchers,
                       uint32_t least, struct play *ret)
{
    char partition[MU_ADDRESS_MAX + 1];
    struct mu_rules_source source = { .path = NULL };
    *ret = (struct play){ .workload = workload, .mode = mode };
    ret->rules = calloc(1, sizeof *ret->rules);
    ret->kept = calloc((size_t)workload->tickets_count + 1, sizeof ret->kept[0]);
    int r = ret->rules == NULL || ret->kept == NULL ? -ENOMEM : 0;
    r = r == 0 ? mu_replay_rules_make(workload, mode, &source, ret->rules) : r;
    if (r != 0) {
        return -EINVAL;
    }
    ret->config = ret->rules->config;
    ret->config.modes[0].serve_first_ms = 2 * ret->config.modes[0].wait_cost_ms; /* as usual */
    ret->config.settings.slice_tickets_min = least;
    ret->config.settings.tickets_max = workload->tickets_count + 1;
    (void)snprintf(partition, sizeof partition, "queue/%.31s", ret->config.regions[0].name);
    r = peer_create(ret, &mu_queue_ops, partition);
    for (uint32_t i = 0; i < matchers && r == 0; i++) {
        r = peer_create(ret, &mu_matcher_ops, "");
    }
    return r == 0 ? wake(ret, 0, NULL) : r; /* they serve before anybody comes */
}

static void play_release(struct play *play)
{
    for (uint32_t i = 0; i < play->peers_count; i++) {
        if (play->peers[i].actor != NULL) {
            play->peers[i].actor->ops->destroy(play->peers[i].actor);
        }
        mu_outbox_destroy(play->peers[i].out);
        mu_decoder_destroy(play->peers[i].decoder);
    }
    if (play->rules != NULL) {
        mu_replay_rules_release(play->rules);
    }
    free(play->rules);
    free(play->kept);
}

static uint64_t counter(const struct play *play, enum mu_counter wanted)
{
    static struct mu_msg_stats stats;
    play->peers[0].actor->ops->stats(play->peers[0].actor, BASE_MS + play->now_ms, &stats);
    for (uint32_t i = 0; i < stats.counters_count; i++) {
        if (stats.counters[i].counter == wanted) {
            return stats.counters[i].value;
        }
    }
    return 0;
}

/* Plays one mode with so many matchers, and prints a line.  Returns whether that went well. */
static bool run(struct mu_workload *workload, uint32_t mode, uint32_t matchers, uint32_t least)
{
    static struct play play; /* large */
    static struct mu_score score;
    struct mu_outcome_list outcome;
    mu_outcome_init(&outcome, "");
    bool good = play_create(workload, mode, matchers, least, &play) == 0;
    const struct mu_replay_matcher matcher = { &play, arrive, leave, moment, wake };
    good = good && mu_replay_run(workload, mode, &matcher, NULL, &outcome) == 0;
    good = good && mu_score(workload, &outcome, 1u << mode, &score) == 0 && score.errors == 0;
    if (good) {
        const struct mu_score_mode *found = &score.modes[mode];
        (void)printf("  %8" PRIu32
                     " %6.2f  %6.2f %7.0f %6.1f %6.1f %6.1f  %6.3f %6.1f %8.2f %8" PRIu64 "\n",
                     matchers, found->score, 100.0 * found->matched / found->players,
                     found->wait_mean * found->tickets / workload->duration_s, found->wait_p50,
                     found->wait_p95, found->top_wait, found->imbalance_mean, found->spread_mean,
                     (double)counter(&play, MU_COUNTER_TICKETS_MOVED) / found->tickets,
                     counter(&play, MU_COUNTER_PROPOSALS_STALE));
        (void)fflush(stdout);
    } else {
        (void)fprintf(stderr, "bench_slices: %s: it broke\n", workload->modes[mode].name);
    }
    mu_outcome_release(&outcome);
    play_release(&play);
    return good;
}

static bool run_workload(const char *name, uint32_t least)
{
    static const uint32_t counts[] = { 1, 2, 4, 8 };
    struct mu_workload workload;
    bool good = strchr(name, '.') != NULL ? mu_workload_load(name, &workload) == 0
                                          : mu_workload_make(name, 1, &workload) == 0;
    if (!good) {
        (void)fprintf(stderr, "bench_slices: '%s' is no file and no kind of workload\n", name);
        return false;
    }
    for (uint32_t mode = 0; mode < workload.modes_count && good; mode++) {
        if (mu_workload_players(&workload, mode) == 0) {
            continue;
        }
        (void)printf("%s %s, slices of %" PRIu32 " tickets or more\n", workload.name,
                     workload.modes[mode].name, least);
        (void)printf(
            "  matchers  score matched waiting    p50    p95  top 5%%  uneven spread moves/tkt    "
            "stale\n");
        for (uint32_t i = 0; i < sizeof counts / sizeof counts[0] && good; i++) {
            good = run(&workload, mode, counts[i], least);
        }
    }
    mu_workload_release(&workload);
    return good;
}

int main(int argc, char **argv)
{
    uint64_t least = 1;
    bool good = true;
    int first = 1;
    if (argc > 2 && strcmp(argv[1], "--least") == 0) {
        first = 3;
        good = mu_parse_u64(argv[2], 1, UINT32_MAX, &least) == 0;
    }
    if (!good || argc == first || argv[first][0] == '-') {
        (void)fputs("usage: bench_slices [--least TICKETS] WORKLOAD.jsonl | KIND ...\n", stderr);
        return 64;
    }
    for (int i = first; i < argc && good; i++) {
        good = run_workload(argv[i], (uint32_t)least);
    }
    return good ? 0 : 1;
}
