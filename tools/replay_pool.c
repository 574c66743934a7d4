#include "tools/replay_pool.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/admit.h"
#include "core/map.h"

struct mu_replay_pool {
    const struct mu_workload *workload;
    const struct mu_replay_rules *rules;
    const struct mu_rules *first; /* of the shapes */
    struct mu_pool *pool;
    struct mu_candidate *candidate; /* of the check */
    struct mu_map *tickets;         /* id -> index, of those in the pool */
    struct mu_facts *facts;         /* [MU_FACTS_BYTES_MAX] of the ticket in hand */
    struct mu_replay *replay;       /* while it matches */
    int64_t now_ms;                 /* while it matches */
    int r;                          /* while it matches: what went wrong */
    uint32_t gone_count;
    uint32_t *gone; /* [tickets] matched, to be removed from the pool */
    uint32_t illegal;
    char fault[96];
};

struct mu_replay_pool *mu_replay_pool_create(const struct mu_workload *workload,
                                             const struct mu_replay_rules *rules, uint64_t seed)
{
    uint32_t room = workload->tickets_count + 1;
    struct mu_replay_pool *ret = calloc(1, sizeof *ret);
    if (ret == NULL) {
        return NULL;
    }
    ret->workload = workload;
    ret->rules = rules;
    ret->first = rules->book.shapes[0];
    ret->pool = mu_pool_create(&rules->config, &rules->book, room, seed);
    ret->candidate = mu_candidate_create();
    ret->tickets = mu_map_create(room, MU_ID_MAX, seed);
    ret->facts = malloc(MU_FACTS_BYTES_MAX);
    ret->gone = malloc(room * sizeof ret->gone[0]);
    if (ret->pool == NULL || ret->candidate == NULL || ret->tickets == NULL || ret->facts == NULL ||
        ret->gone == NULL) {
        mu_replay_pool_destroy(ret);
        return NULL;
    }
    return ret;
}

void mu_replay_pool_destroy(struct mu_replay_pool *pool)
{
    if (pool != NULL) {
        mu_pool_destroy(pool->pool);
        mu_candidate_destroy(pool->candidate);
        mu_map_destroy(pool->tickets);
        free(pool->facts);
        free(pool->gone);
        free(pool);
    }
}

/* Reads what the rules need.  Returns 0, or -EINVAL with why it can never match. */
static int read_facts(struct mu_replay_pool *pool, uint32_t index, struct mu_facts_fault *fault)
{
    const struct mu_workload_ticket *ticket = &pool->workload->tickets[index];
    struct mu_facts_player players[MU_MATCH_PLAYERS_MAX];
    char names[MU_MATCH_PLAYERS_MAX][MU_ID_MAX + 8];
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        const struct mu_workload_player *player = &pool->workload->players[ticket->players + i];
        (void)snprintf(names[i], sizeof names[i], "%s.%" PRIu32, ticket->id, i);
        players[i] = (struct mu_facts_player){
            .id = player->name > 0 ? pool->workload->text + player->name : names[i],
            .rating = (int32_t)lround(player->rating),
            .deviation = (int32_t)lround(player->deviation),
        };
    }
    return mu_facts_read(pool->first, &pool->rules->config, players, ticket->players_count,
                         ticket->details_bytes == 0 ? "" : pool->workload->text + ticket->details,
                         ticket->details_bytes, fault, pool->facts, MU_FACTS_BYTES_MAX);
}

/* The ticket as the engine sees it; with the facts if the rules need some. */
static int make_ticket(struct mu_replay_pool *pool, uint32_t index, struct mu_engine_ticket *ret,
                       struct mu_facts_fault *fault)
{
    const struct mu_workload_ticket *ticket = &pool->workload->tickets[index];
    const double *rtt_ms = mu_workload_rtt(pool->workload, index);
    int32_t ratings[MU_MATCH_PLAYERS_MAX];
    int32_t deviations[MU_MATCH_PLAYERS_MAX];
    *ret = (struct mu_engine_ticket){
        .version = 1,
        .since_ms = mu_workload_arrival_ms(ticket),
        .players = ticket->players_count,
        .backfill = ticket->backfill,
    };
    (void)snprintf(ret->id, sizeof ret->id, "%s", ticket->id);
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        const struct mu_workload_player *player = &pool->workload->players[ticket->players + i];
        ratings[i] = (int32_t)lround(player->rating);
        deviations[i] = (int32_t)lround(player->deviation);
    }
    mu_engine_ticket_rate(ret, &pool->first->objective, ratings, deviations, ticket->players_count);
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        bool there = i < pool->workload->regions_count && !isinf(rtt_ms[i]);
        ret->reach_ms[i] = there ? (uint16_t)lround(rtt_ms[i]) : MU_REACH_NONE;
    }
    if (pool->first->needs == 0 && !ticket->backfill) {
        return 0;
    }
    int r = read_facts(pool, index, fault);
    ret->facts = pool->facts;
    return r;
}

static int arrive(void *self, uint32_t ticket, int64_t now_ms)
{
    struct mu_replay_pool *pool = self;
    struct mu_engine_ticket made;
    struct mu_facts_fault fault;
    int r = make_ticket(pool, ticket, &made, &fault);
    if (r == 0) {
        r = mu_pool_add(pool->pool, &made, now_ms);
    }
    if (r == 0) {
        r = mu_map_put(pool->tickets, made.id, ticket);
    }
    /* One that can never match waits outside until it gives up. */
    return r == -EINVAL ? 0 : r;
}

static void leave(void *self, uint32_t ticket, int64_t now_ms)
{
    struct mu_replay_pool *pool = self;
    const char *id = pool->workload->tickets[ticket].id;
    (void)mu_pool_remove(pool->pool, id, MU_LEAVE_GAVE_UP, now_ms); /* it may be outside */
    (void)mu_map_remove(pool->tickets, id);
}

static int64_t moment(void *self)
{
    struct mu_replay_pool *pool = self;
    return mu_pool_next_moment(pool->pool);
}

/* One seat for each team that a member plays on.  Returns how many. */
static uint32_t seat(const struct mu_replay_pool *pool, const struct mu_engine_member *member,
                     uint32_t ticket, uint32_t *free_team, struct mu_outcome_seat *ret)
{
    uint32_t players = member->ticket->players;
    uint32_t count = 0;
    bool alone = pool->first->for_all;
    if (!alone && member->team != MU_TEAM_SPAN) {
        ret[0] = (struct mu_outcome_seat){ .ticket = ticket, .team = member->team };
        return 1;
    }
    for (uint32_t i = 0; i < players; i++) {
        uint32_t team = alone ? (*free_team)++ : member->teams[i];
        if (count == 0 || ret[count - 1].team != team) {
            ret[count++] = (struct mu_outcome_seat){ .ticket = ticket, .team = team, .first = i };
        }
        ret[count - 1].players++;
    }
    return count;
}

static int by_team(const void *a, const void *b)
{
    const struct mu_outcome_seat *x = a;
    const struct mu_outcome_seat *y = b;
    if (x->team != y->team) {
        return x->team < y->team ? -1 : 1;
    }
    return x->ticket < y->ticket ? -1 : x->ticket > y->ticket;
}

/* The check of the queue shard. */
static void check(struct mu_replay_pool *pool, const struct mu_engine_match *match)
{
    uint32_t rule = MU_RULES_NONE;
    const struct mu_rules *rules = pool->rules->book.shapes[match->shape];
    enum mu_engine_fault fault =
        mu_engine_legal(rules, &pool->rules->config, match->members, match->count, match->region,
                        pool->now_ms, pool->candidate, &rule);
    if (fault != MU_ENGINE_LEGAL && pool->illegal++ == 0) {
        (void)snprintf(pool->fault, sizeof pool->fault, "at %.3f s: %s%s%.40s",
                       (double)pool->now_ms / 1000, mu_engine_fault_text(fault),
                       fault == MU_ENGINE_RULE ? " " : "",
                       fault == MU_ENGINE_RULE ? rules->rules[rule].name : "");
    }
}

static bool take_match(void *owner, const struct mu_engine_match *match)
{
    struct mu_replay_pool *pool = owner;
    struct mu_outcome_seat seats[MU_MATCH_PLAYERS_MAX];
    uint32_t count = 0;
    uint32_t free_team = 0;
    check(pool, match);
    for (uint32_t i = 0; i < match->count; i++) {
        uint32_t ticket = mu_map_get(pool->tickets, match->members[i].ticket->id);
        assert(ticket != MU_MAP_NONE);
        count += seat(pool, &match->members[i], ticket, &free_team, seats + count);
        pool->gone[pool->gone_count++] = ticket;
    }
    qsort(seats, count, sizeof seats[0], by_team);
    for (uint32_t i = 0, team = 0, was = seats[0].team; i < count; i++) {
        /* Teams that are not played leave no gap. */
        team += seats[i].team != was ? 1 : 0;
        was = seats[i].team;
        seats[i].team = team;
    }
    pool->r = mu_replay_emit(pool->replay, match->region, seats, count);
    return pool->r == 0;
}

static int wake(void *self, int64_t now_ms, struct mu_replay *replay)
{
    struct mu_replay_pool *pool = self;
    pool->replay = replay;
    pool->now_ms = now_ms;
    pool->gone_count = 0;
    pool->r = 0;
    (void)mu_pool_match(pool->pool, now_ms, take_match, pool); /* take_match counts by itself */
    for (uint32_t i = 0; i < pool->gone_count; i++) {
        const char *id = pool->workload->tickets[pool->gone[i]].id;
        bool there = mu_pool_remove(pool->pool, id, MU_LEAVE_MATCHED, now_ms);
        assert(there);
        (void)mu_map_remove(pool->tickets, id);
    }
    return pool->r;
}

struct mu_replay_matcher mu_replay_pool_matcher(struct mu_replay_pool *pool)
{
    return (struct mu_replay_matcher){
        .self = pool,
        .arrive = arrive,
        .leave = leave,
        .moment = moment,
        .wake = wake,
    };
}

uint32_t mu_replay_pool_illegal(const struct mu_replay_pool *pool, char ret[96])
{
    memcpy(ret, pool->fault, sizeof pool->fault);
    return pool->illegal;
}

bool mu_replay_pool_never(struct mu_replay_pool *pool, uint32_t ticket,
                          char ret[MU_REPLAY_NEVER_BYTES])
{
    struct mu_engine_ticket made;
    struct mu_facts_fault unread = { .player = 0 };
    struct mu_admit_fault fault;
    if (make_ticket(pool, ticket, &made, &unread) != 0) {
        (void)snprintf(ret, MU_REPLAY_NEVER_BYTES, "player %" PRIu32 ": %s", unread.player + 1,
                       unread.what);
        return true;
    }
    if (mu_admit(&pool->rules->book, &pool->rules->config, &made, pool->candidate, &fault)) {
        return false;
    }
    (void)snprintf(ret, MU_REPLAY_NEVER_BYTES, "%s", fault.what);
    return true;
}
