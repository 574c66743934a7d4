#include "tests/bench/peers.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers_private.h"
#include "tools/score.h"

/* Which modes a matcher can play. */
enum fit { FIT_ALL, FIT_TWO_TEAMS, FIT_PAIRS };

struct parameter {
    const char *name; /* NULL: there are no more */
    uint32_t count;
    double values[6]; /* that are tried */
};

/* The last parameter of all is "apart": queues by best region, no match across. */
static const struct kind {
    const char *name;
    mu_peer_turn_fn *turn;
    enum fit fit;
    struct parameter parameters[MU_PEER_PARAMETERS_MAX];
} kinds[] = {
    { "fifo", mu_peer_fifo, FIT_ALL, { { "apart", 2, { 0, 1 } } } },
    { "first-fit",
      mu_peer_first_fit,
      FIT_ALL,
      { { "diff", 5, { 50, 100, 200, 400, 800 } }, { "every", 2, { 5, 1 } } } },
    { "nakama",
      mu_peer_nakama,
      FIT_ALL,
      { { "win", 5, { 100, 150, 200, 400, 800 } },
        { "every", 3, { 1, 5, 15 } },
        { "lat", 4, { 0, 80, 120, 180 } } } },
    { "open-match",
      mu_peer_open_match,
      FIT_ALL,
      { { "win", 6, { 50, 100, 200, 400, 800, 1600 } }, { "every", 4, { 1, 5, 15, 30 } } } },
    { "flexmatch",
      mu_peer_flex,
      FIT_ALL,
      { { "scale", 5, { 0.25, 0.5, 1, 2, 4 } },
        { "newest", 2, { 1, 0 } },
        { "multi", 2, { 0, 1 } },
        { "presort", 2, { 0, 1 } },
        { "apart", 2, { 0, 1 } } } },
    { "faf",
      mu_peer_faf,
      FIT_ALL,
      { { "popmax", 4, { 15, 45, 90, 180 } },
        { "desired", 2, { 1, 2.5 } },
        { "minq", 4, { 0, 0.2, 0.4, 0.6 } },
        { "apart", 2, { 0, 1 } } } },
    { "teiserver",
      mu_peer_teiserver,
      FIT_TWO_TEAMS,
      { { "band", 4, { 0.05, 0.1, 0.2, 0.3 } },
        { "every", 2, { 5, 15 } },
        { "apart", 2, { 0, 1 } } } },
    { "lichess",
      mu_peer_waves,
      FIT_PAIRS,
      { { "wave", 3, { 6, 12, 30 } },
        { "size", 2, { 24, 60 } },
        { "scale", 3, { 1, 2, 4 } },
        { "rtt", 2, { 0, 1 } },
        { "apart", 2, { 0, 1 } } } },
};

#define KINDS (sizeof kinds / sizeof kinds[0])

uint32_t mu_peers_count(void)
{
    return KINDS;
}

const char *mu_peer_name(uint32_t kind)
{
    return kinds[kind].name;
}

uint32_t mu_peer_settings(uint32_t kind, const struct mu_workload *workload, uint32_t mode)
{
    const struct mu_workload_mode *shape = &workload->modes[mode];
    uint32_t count = 1;
    if ((kinds[kind].fit != FIT_ALL && shape->teams != 2) ||
        (kinds[kind].fit == FIT_PAIRS && shape->team_max != 1)) {
        return 0;
    }
    for (uint32_t i = 0; i < MU_PEER_PARAMETERS_MAX && kinds[kind].parameters[i].name != NULL;
         i++) {
        count *= kinds[kind].parameters[i].count;
    }
    return count;
}

/* Setting number n as one value of each parameter. */
static void unpack(uint32_t kind, uint32_t setting, double ret[MU_PEER_PARAMETERS_MAX])
{
    for (uint32_t i = 0; i < MU_PEER_PARAMETERS_MAX && kinds[kind].parameters[i].name != NULL;
         i++) {
        ret[i] = kinds[kind].parameters[i].values[setting % kinds[kind].parameters[i].count];
        setting /= kinds[kind].parameters[i].count;
    }
}

void mu_peer_describe(uint32_t kind, uint32_t setting, char ret[128])
{
    double values[MU_PEER_PARAMETERS_MAX];
    size_t used = 0;
    unpack(kind, setting, values);
    ret[0] = '\0';
    for (uint32_t i = 0; i < MU_PEER_PARAMETERS_MAX && kinds[kind].parameters[i].name != NULL;
         i++) {
        used += (size_t)snprintf(ret + used, 128 - used, "%s%s=%g", i == 0 ? "" : " ",
                                 kinds[kind].parameters[i].name, values[i]);
    }
}

void mu_peer_destroy(struct mu_peer *peer)
{
    if (peer != NULL) {
        for (uint32_t i = 0; i < peer->queues_count; i++) {
            free(peer->queues[i].tickets);
        }
        free(peer->tickets);
        free(peer->scratch);
        free(peer->scratch2);
        free(peer);
    }
}

static void fill_ticket(struct mu_peer *peer, uint32_t index)
{
    const struct mu_workload_ticket *from = &peer->workload->tickets[index];
    const struct mu_workload_player *players = peer->workload->players + from->players;
    struct mu_peer_ticket *ticket = &peer->tickets[index];
    double bonus = mu_workload_bonus(peer->workload, from->players_count);
    ticket->players = from->players_count;
    for (uint32_t i = 0; i < from->players_count; i++) {
        ticket->sum += players[i].rating + bonus;
        ticket->deviation += players[i].deviation / from->players_count;
    }
    ticket->rating = ticket->sum / from->players_count;
    ticket->rtt = mu_workload_rtt(peer->workload, index);
    ticket->at_ms = mu_workload_arrival_ms(from);
    for (uint32_t i = 0; i < peer->workload->regions_count; i++) {
        ticket->best = ticket->rtt[i] < ticket->rtt[ticket->best] ? i : ticket->best;
    }
}

/* Makes the queues: one, or one for each region. */
static bool make_queues(struct mu_peer *peer, bool apart)
{
    uint32_t count = apart ? peer->workload->regions_count : 1;
    for (uint32_t i = 0; i < count; i++) {
        struct mu_peer_queue *queue = &peer->queues[peer->queues_count++];
        queue->region = apart ? (int32_t)i : -1;
        queue->next_ms = 1000;
        queue->tickets = calloc(peer->workload->tickets_count + 1, sizeof queue->tickets[0]);
        if (queue->tickets == NULL) {
            return false;
        }
    }
    return true;
}

struct mu_peer *mu_peer_create(uint32_t kind, uint32_t setting, const struct mu_workload *workload,
                               uint32_t mode)
{
    const struct mu_workload_mode *shape = &workload->modes[mode];
    struct mu_peer *peer = calloc(1, sizeof *peer);
    bool apart = false;
    if (peer == NULL) {
        return NULL;
    }
    *peer = (struct mu_peer){
        .workload = workload,
        .shape = shape,
        .kind = kind,
        .mode = mode,
        .teams = shape->teams,
        .size = shape->team_max,
        .players = shape->players_max,
        .rng = { .state = 12345 },
    };
    unpack(kind, setting, peer->values);
    for (uint32_t i = 0; i < MU_PEER_PARAMETERS_MAX && kinds[kind].parameters[i].name != NULL;
         i++) {
        apart =
            apart || (strcmp(kinds[kind].parameters[i].name, "apart") == 0 && peer->values[i] > 0);
    }
    peer->tickets = calloc(workload->tickets_count + 1, sizeof peer->tickets[0]);
    peer->scratch = calloc(workload->tickets_count + 1, sizeof peer->scratch[0]);
    peer->scratch2 = calloc(workload->tickets_count + 1, sizeof peer->scratch2[0]);
    if (!make_queues(peer, apart) || peer->tickets == NULL || peer->scratch == NULL ||
        peer->scratch2 == NULL) {
        mu_peer_destroy(peer);
        return NULL;
    }
    for (uint32_t i = 0; i < workload->tickets_count; i++) {
        if (workload->tickets[i].mode == mode) {
            fill_ticket(peer, i);
        }
    }
    return peer;
}

void mu_peer_tidy(struct mu_peer *peer, struct mu_peer_queue *queue)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < queue->count; i++) {
        if (peer->tickets[queue->tickets[i]].waiting) {
            queue->tickets[count++] = queue->tickets[i];
        }
    }
    queue->count = count;
}

/* The part [from, middle) and the part [middle, to) of `in`, merged into `out`. */
static void merge(const struct mu_peer *peer, const uint32_t *in, uint32_t from, uint32_t middle,
                  uint32_t to, uint32_t *out)
{
    uint32_t a = from;
    uint32_t b = middle;
    for (uint32_t i = from; i < to; i++) {
        bool first =
            b == to || (a < middle && peer->tickets[in[a]].key <= peer->tickets[in[b]].key);
        out[i] = first ? in[a++] : in[b++];
    }
}

void mu_peer_sort(struct mu_peer *peer, uint32_t *tickets, uint32_t count)
{
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t from = 0; from < count; from += 2 * width) {
            uint32_t middle = from + width < count ? from + width : count;
            uint32_t to = from + 2 * width < count ? from + 2 * width : count;
            merge(peer, tickets, from, middle, to, peer->scratch2);
        }
        memcpy(tickets, peer->scratch2, count * sizeof tickets[0]);
    }
}

uint32_t mu_peer_by_rating(struct mu_peer *peer, struct mu_peer_queue *queue)
{
    mu_peer_tidy(peer, queue);
    for (uint32_t i = 0; i < queue->count; i++) {
        peer->scratch[i] = queue->tickets[i];
        peer->tickets[queue->tickets[i]].key = peer->tickets[queue->tickets[i]].rating;
    }
    mu_peer_sort(peer, peer->scratch, queue->count);
    return queue->count;
}

void mu_peer_shuffle(struct mu_peer *peer, uint32_t *tickets, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t k = (uint32_t)mu_rng_below(&peer->rng, i);
        uint32_t held = tickets[i - 1];
        tickets[i - 1] = tickets[k];
        tickets[k] = held;
    }
}

bool mu_peer_deal(struct mu_peer *peer, struct mu_peer_match *match)
{
    uint32_t room[MU_TEAMS_MAX] = { 0 };
    double sums[MU_TEAMS_MAX] = { 0 };
    uint32_t teams = match->players / peer->size;
    for (uint32_t i = 0; i < teams; i++) {
        room[i] = peer->size;
    }
    for (uint32_t i = 0; i < match->count; i++) {
        struct mu_peer_ticket *ticket = &peer->tickets[match->tickets[i]];
        ticket->key = -1e6 * ticket->players - ticket->rating;
    }
    mu_peer_sort(peer, match->tickets, match->count);
    for (uint32_t i = 0; i < match->count; i++) {
        const struct mu_peer_ticket *ticket = &peer->tickets[match->tickets[i]];
        uint32_t best = teams;
        for (uint32_t k = 0; k < teams; k++) {
            if (room[k] >= ticket->players && (best == teams || sums[k] < sums[best])) {
                best = k;
            }
        }
        if (best == teams) {
            return false;
        }
        match->teams[i] = best;
        room[best] -= ticket->players;
        sums[best] += ticket->sum;
    }
    return match->players == teams * peer->size;
}

uint32_t mu_peer_region(const struct mu_peer *peer, const struct mu_peer_match *match)
{
    uint32_t best = 0;
    double most = -INFINITY;
    for (uint32_t region = 0; region < peer->workload->regions_count; region++) {
        double value = 0;
        for (uint32_t i = 0; i < match->count; i++) {
            const struct mu_peer_ticket *ticket = &peer->tickets[match->tickets[i]];
            value += ticket->players * mu_score_latency(peer->workload, ticket->rtt[region]);
            value -= 0.001 * ticket->rtt[region];
        }
        if (value > most) {
            most = value;
            best = region;
        }
    }
    return best;
}

void mu_peer_emit(struct mu_peer *peer, struct mu_peer_queue *queue,
                  const struct mu_peer_match *match, int32_t region)
{
    struct mu_outcome_seat seats[MU_MATCH_PLAYERS_MAX];
    uint32_t count = 0;
    int32_t where = queue->region >= 0 ? queue->region : region;
    for (uint32_t team = 0; count < match->count; team++) {
        assert(team < MU_TEAMS_MAX);
        for (uint32_t i = 0; i < match->count; i++) {
            if (match->teams[i] == team) {
                seats[count++] =
                    (struct mu_outcome_seat){ .ticket = match->tickets[i], .team = team };
                peer->tickets[match->tickets[i]].waiting = false;
            }
        }
    }
    int r = mu_replay_emit(peer->replay, where >= 0 ? (uint32_t)where : mu_peer_region(peer, match),
                           seats, count);
    peer->r = peer->r == 0 ? r : peer->r;
}

double mu_peer_phi(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

/* What the driver calls. */

static int arrive(void *self, uint32_t index, int64_t now_ms)
{
    struct mu_peer *peer = self;
    struct mu_peer_ticket *ticket = &peer->tickets[index];
    struct mu_peer_queue *queue = &peer->queues[peer->queues_count > 1 ? ticket->best : 0];
    ticket->waiting = true;
    ticket->active = true;
    queue->tickets[queue->count++] = index;
    if (kinds[peer->kind].fit == FIT_PAIRS && queue->count >= (uint32_t)peer->values[1]) {
        /* A full wave does not wait; who is gone does not count. */
        mu_peer_tidy(peer, queue);
        queue->next_ms = queue->count >= (uint32_t)peer->values[1] ? now_ms : queue->next_ms;
    }
    return 0;
}

static void leave(void *self, uint32_t index, int64_t now_ms)
{
    struct mu_peer *peer = self;
    (void)now_ms;
    peer->tickets[index].waiting = false;
}

static int64_t moment(void *self)
{
    struct mu_peer *peer = self;
    int64_t next_ms = INT64_MAX;
    for (uint32_t i = 0; i < peer->queues_count; i++) {
        next_ms = peer->queues[i].next_ms < next_ms ? peer->queues[i].next_ms : next_ms;
    }
    return next_ms;
}

static int wake(void *self, int64_t now_ms, struct mu_replay *replay)
{
    struct mu_peer *peer = self;
    peer->replay = replay;
    for (uint32_t i = 0; i < peer->queues_count && peer->r == 0; i++) {
        struct mu_peer_queue *queue = &peer->queues[i];
        if (queue->next_ms <= now_ms) {
            mu_peer_tidy(peer, queue);
            queue->next_ms = kinds[peer->kind].turn(peer, queue, now_ms);
            assert(queue->next_ms > now_ms);
        }
    }
    return peer->r;
}

struct mu_replay_matcher mu_peer_matcher(struct mu_peer *peer)
{
    return (struct mu_replay_matcher){
        .self = peer,
        .arrive = arrive,
        .leave = leave,
        .moment = moment,
        .wake = wake,
    };
}
