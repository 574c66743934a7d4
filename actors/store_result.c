/* actors/store_result.c - results: each one counts once, however often it is sent. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/rating.h"
#include "actors/token.h"

enum { UNRANKED = 0 };

static const uint64_t duration_max_ms = 31536000000; /* of MATCH_ENDED */

/* A result in canonical form: two reports that mean the same are equal. */
struct result {
    uint32_t units;                       /* teams; where there are none, players */
    uint32_t ranks[MU_MATCH_PLAYERS_MAX]; /* [units], dense: 1, 2, ... without holes */
    bool left[MU_MATCH_PLAYERS_MAX];      /* by index of the player in the match */
    bool draw;                            /* all units tied, and there are two at least */
};

/* Turns 1, 3, 3, 7 into 1, 2, 2, 3. */
static void make_dense(struct result *result)
{
    uint32_t dense[UINT8_MAX + 1] = { 0 };
    for (uint32_t i = 0; i < result->units; i++) {
        dense[result->ranks[i]] = 1;
    }
    for (uint32_t rank = 1; rank <= UINT8_MAX; rank++) {
        dense[rank] += dense[rank - 1];
    }
    uint32_t worst = 1;
    for (uint32_t i = 0; i < result->units; i++) {
        result->ranks[i] = dense[result->ranks[i]];
        worst = result->ranks[i] > worst ? result->ranks[i] : worst;
    }
    result->draw = worst == 1 && result->units > 1;
}

static int read_result(struct mu_keeper *keeper, const struct mu_msg_match_end *request,
                       struct result *ret)
{
    const struct mu_msg_match *match = &keeper->match->match;
    *ret = (struct result){ .units =
                                match->teams == 1 ? match->players_count : (uint32_t)match->teams };
    if (request->ranking_count != ret->units || ret->units > MU_MATCH_PLAYERS_MAX) {
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "%u ranks for %u teams",
                                request->ranking_count, ret->units);
    }
    for (uint32_t i = 0; i < request->ranking_count; i++) {
        const struct mu_msg_team_rank *rank = &request->ranking[i];
        if (rank->team >= ret->units || rank->rank == UNRANKED ||
            ret->ranks[rank->team] != UNRANKED) {
            return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED,
                                    "each team must have one rank, from 1");
        }
        ret->ranks[rank->team] = (uint32_t)rank->rank;
    }
    for (uint32_t i = 0; i < request->leavers_count; i++) {
        int32_t player = mu_keeper_match_player(keeper, request->leavers[i].id);
        if (player < 0) {
            return mu_keeper_refuse(keeper, MU_ERROR_NOT_IN_MATCH, "%s", request->leavers[i].id);
        }
        ret->left[player] = true;
    }
    for (uint32_t i = 0; i < match->players_count; i++) {
        ret->left[i] = ret->left[i] || match->players[i].freed;
    }
    make_dense(ret);
    return 0;
}

/* The result's fingerprint.  The match's players are part of neither: they do not change any
 * more. */
static void hash_result(const struct result *result, char ret[MU_TOKEN_BYTES + 1])
{
    uint8_t bytes[2 * MU_MATCH_PLAYERS_MAX];
    for (uint32_t i = 0; i < MU_MATCH_PLAYERS_MAX; i++) {
        bytes[2 * i] = (uint8_t)result->ranks[i];
        bytes[2 * i + 1] = result->left[i];
    }
    mu_token_hash(bytes, sizeof bytes, ret);
}

static struct mu_msg_match_ended *begin_ended(struct mu_keeper *keeper)
{
    const struct mu_msg_match *match = &keeper->match->match;
    struct mu_msg_match_ended *answer = &keeper->reply->match_ended;
    keeper->reply->op = MU_OP_MATCH_ENDED;
    memcpy(answer->match, match->id, sizeof answer->match);
    answer->draw = match->draw;
    answer->teams = match->teams;
    answer->winning_team = 0;
    for (uint32_t i = match->ranking_count; i-- > 0;) {
        if (match->ranking[i].rank == 1) {
            answer->winning_team = match->ranking[i].team; /* the first of those that tie */
        }
    }
    uint64_t duration_ms =
        match->ended_ms > match->started_ms ? match->ended_ms - match->started_ms : 0;
    answer->duration_ms = duration_ms < duration_max_ms ? duration_ms : duration_max_ms;
    answer->changes_count = match->players_count;
    return answer;
}

/* Answers once more what the result did, from the history that it wrote. */
static int answer_again(struct mu_keeper *keeper)
{
    const struct mu_msg_match *match = &keeper->match->match;
    struct mu_rows *rows = &keeper->rows;
    struct mu_msg_match_ended *answer = begin_ended(keeper);
    for (uint32_t i = 0; i < match->players_count; i++) {
        struct mu_key key;
        mu_rows_key_pair(&key, match->players[i].id, match->id);
        int r = mu_rows_get(rows, MU_TABLE_HISTORY, &key, rows->small);
        if (r != 0) {
            return r == -ENOENT ? mu_rows_damage(rows) : r;
        }
        const struct mu_msg_history *history = &rows->small->history;
        struct mu_msg_rating_change *change = &answer->changes[i];
        memcpy(change->id, match->players[i].id, sizeof change->id);
        change->before = history->before;
        change->after = history->after;
        change->outcome = history->outcome;
    }
    mu_outbox_note(keeper->out, "result known -> same answer");
    return mu_keeper_answer(keeper, keeper->reply);
}

static enum mu_outcome outcome_of(const struct result *result, uint32_t unit, uint32_t player)
{
    if (result->left[player]) {
        return MU_OUTCOME_LOSS;
    }
    if (result->draw) {
        return MU_OUTCOME_DRAW;
    }
    return result->ranks[unit] == 1 ? MU_OUTCOME_WIN : MU_OUTCOME_LOSS;
}

/* Reads the players, and works out outcomes and new ratings into match and answer. */
static int rate(struct mu_keeper *keeper, const struct result *result)
{
    struct mu_msg_match *match = &keeper->match->match;
    struct mu_msg_match_ended *answer = &keeper->reply->match_ended;
    struct mu_rated rated[MU_MATCH_PLAYERS_MAX];
    for (uint32_t i = 0; i < match->players_count; i++) {
        int r = mu_rows_get_player(&keeper->rows, match->players[i].id, &keeper->players[i]);
        if (r != 0) {
            return r == -ENOENT ? mu_rows_damage(&keeper->rows) : r;
        }
        uint32_t unit = mu_match_unit(match, i);
        rated[i] = (struct mu_rated){
            .rating = keeper->players[i].rating,
            .team = unit,
            .rank = result->ranks[unit],
            .left = result->left[i],
            .after = keeper->players[i].rating,
        };
    }
    if (match->rated) {
        mu_rating_match(rated, match->players_count, keeper->config->settings.elo_k);
    }
    for (uint32_t i = 0; i < match->players_count; i++) {
        struct mu_msg_rating_change *change = &answer->changes[i];
        memcpy(change->id, match->players[i].id, sizeof change->id);
        change->before = rated[i].rating;
        change->after = rated[i].after;
        change->outcome = outcome_of(result, rated[i].team, i);
        match->players[i].outcome = change->outcome;
        match->players[i].rating_after = change->after;
    }
    return 0;
}

static int compare_ranks(const void *a, const void *b)
{
    const struct mu_msg_team_rank *left = a;
    const struct mu_msg_team_rank *right = b;
    if (left->rank != right->rank) {
        return left->rank < right->rank ? -1 : 1;
    }
    return left->team < right->team ? -1 : 1;
}

/* Enters the result into keeper->match. */
static void end_match(struct mu_keeper *keeper, const struct result *result, const char *hash)
{
    struct mu_msg_match *match = &keeper->match->match;
    if (match->state == MU_MATCH_LIVE) { /* EXPIRED: it ended when it expired */
        match->ended_ms = mu_keeper_wall(keeper);
    }
    match->draw = result->draw;
    match->ranking_count = result->units;
    for (uint32_t i = 0; i < result->units; i++) {
        match->ranking[i] = (struct mu_msg_team_rank){ .team = i, .rank = result->ranks[i] };
    }
    qsort(match->ranking, result->units, sizeof match->ranking[0], compare_ranks);
    (void)snprintf(match->result_hash, sizeof match->result_hash, "%s", hash);
}

/* Writes what the result did to one player. */
static void put_player(struct mu_keeper *keeper, uint32_t index, bool was_live)
{
    const struct mu_msg_match *match = &keeper->match->match;
    const struct mu_msg_rating_change *change = &keeper->reply->match_ended.changes[index];
    struct mu_seat *seat = &keeper->seats[index];
    struct mu_rows *rows = &keeper->rows;
    mu_keeper_put_result(keeper, &keeper->players[index], change->outcome, change->after);

    rows->small->op = MU_OP_HISTORY;
    rows->small->history = (struct mu_msg_history){
        .outcome = change->outcome,
        .before = change->before,
        .after = change->after,
        .ended_ms = match->ended_ms,
    };
    memcpy(rows->small->history.match, match->id, sizeof match->id);
    memcpy(rows->small->history.mode, match->mode, sizeof match->mode);
    struct mu_key key;
    mu_rows_key_pair(&key, seat->id, match->id);
    mu_rows_put(rows, MU_TABLE_HISTORY, &key, rows->small);

    struct mu_msg_event *event = &keeper->note->event;
    event->outcome = change->outcome;
    event->rating_before = change->before;
    event->rating_after = change->after;
    event->team = mu_match_unit(match, index);
    if (was_live && !match->players[index].freed) {
        mu_seat_engage(seat, MU_ENGAGED_NONE, "");
    }
    mu_keeper_event(keeper, seat);
    mu_keeper_put_seat(keeper, seat);
}

/* Reads all that the result changes, then writes it. */
static int apply(struct mu_keeper *keeper, const struct result *result, const char *hash)
{
    struct mu_msg_match *match = &keeper->match->match;
    bool was_live = match->state == MU_MATCH_LIVE;
    int r = mu_keeper_get_match_seats(keeper, was_live);
    if (r == 0) {
        r = mu_keeper_get_match_backfill(keeper);
    }
    if (r != 0) {
        return r;
    }
    end_match(keeper, result, hash);
    (void)begin_ended(keeper);
    r = rate(keeper, result);
    if (r != 0) {
        return r;
    }
    mu_keeper_end_match_backfill(keeper, MU_BACKFILL_ENDED);
    mu_keeper_put_match(keeper, MU_MATCH_ENDED);
    if (was_live) {
        mu_keeper_free_slot(keeper);
    }
    (void)mu_keeper_match_event(keeper, MU_EVENT_MATCH_ENDED);
    for (uint32_t i = 0; i < match->players_count; i++) {
        put_player(keeper, i, was_live);
    }
    keeper->counters.values[MU_COUNTER_MATCHES_ENDED]++;
    return mu_keeper_answer(keeper, keeper->reply);
}

int mu_keeper_match_end(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_match_end *request = &msg->match_end;
    int r = mu_keeper_get_match(keeper, request->match);
    if (r == 0) {
        r = mu_keeper_get_match_server(keeper, request->key_hash);
    }
    if (r != 0) {
        return r;
    }
    const struct mu_msg_match *match = &keeper->match->match;
    bool open = match->state == MU_MATCH_LIVE || match->state == MU_MATCH_EXPIRED;
    if (!open && match->state != MU_MATCH_ENDED) {
        return mu_keeper_refuse(keeper, MU_ERROR_MATCH_NOT_LIVE, "%s", request->match);
    }
    struct result result;
    char hash[MU_TOKEN_BYTES + 1];
    r = read_result(keeper, request, &result);
    if (r != 0) {
        return r;
    }
    hash_result(&result, hash);
    if (open) {
        return apply(keeper, &result, hash);
    }
    if (strcmp(match->result_hash, hash) != 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_RESULT_CONFLICT, "%s", request->match);
    }
    return answer_again(keeper);
}
