/* actors/store_player.c - players: register, read, change, rate. */
#include "actors/store_keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/rating.h"

enum { USERNAME_BYTES_MIN = 3 };

#define TALLY_MAX INT64_C(4294967295) /* wins, losses, draws and streaks stop there */

/* The region's own name, for a name or an alias; NULL: there is none. */
const char *mu_keeper_region(const struct mu_keeper *keeper, const char *name)
{
    int32_t region = mu_config_region(keeper->config, name);
    return region < 0 ? NULL : keeper->config->regions[region].name;
}

static int answer_player(struct mu_keeper *keeper, const struct mu_msg_player *player,
                         const struct mu_msg_engagement *engagement)
{
    struct mu_msg_player *answer = &keeper->reply->player;
    keeper->reply->op = MU_OP_PLAYER;
    *answer = *player;
    answer->engaged = engagement->kind;
    memcpy(answer->engagement, engagement->id, sizeof answer->engagement);
    return mu_keeper_answer(keeper, keeper->reply);
}

/* Reads a player and his seat: 0, PLAYER_NOT_FOUND or -errno. */
static int get_player(struct mu_keeper *keeper, const char *id, struct mu_msg_player *ret_player,
                      struct mu_seat *ret_seat)
{
    int r = mu_rows_get_player(&keeper->rows, id, ret_player);
    if (r == -ENOENT) {
        return mu_keeper_refuse(keeper, MU_ERROR_PLAYER_NOT_FOUND, "%s", id);
    }
    return r != 0 ? r : mu_keeper_get_seat(keeper, id, ret_seat);
}

int mu_keeper_get_free_player(struct mu_keeper *keeper, const char *id,
                              struct mu_msg_player *ret_player, struct mu_seat *ret_seat)
{
    int r = get_player(keeper, id, ret_player, ret_seat);
    if (r != 0) {
        return r;
    }
    const struct mu_msg_engagement *engagement = &ret_seat->engagement;
    enum mu_error error = MU_OK;
    switch (engagement->kind) {
    case MU_ENGAGED_NONE: return 0;
    case MU_ENGAGED_LOBBY: error = MU_ERROR_PLAYER_IN_LOBBY; break;
    case MU_ENGAGED_TICKET: error = MU_ERROR_PLAYER_ALREADY_IN_QUEUE; break;
    case MU_ENGAGED_MATCH: error = MU_ERROR_PLAYER_IN_MATCH; break;
    }
    return mu_keeper_refuse_engaged(keeper, error, engagement->kind, engagement->id);
}

/* Whether the name may be taken by `player`: 0, USERNAME_TAKEN or -errno. */
static int check_username(struct mu_keeper *keeper, const char *username, struct mu_key *ret)
{
    if (strlen(username) < USERNAME_BYTES_MIN) {
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "username is too short");
    }
    mu_rows_key_username(ret, username);
    int r = mu_rows_has(&keeper->rows, MU_TABLE_USERNAME, ret);
    if (r > 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_USERNAME_TAKEN, "%s", username);
    }
    return r;
}

static void put_username(struct mu_keeper *keeper, const struct mu_key *key, const char *player)
{
    struct mu_key value; /* the id's characters, as in a key */
    mu_rows_key_text(&value, player);
    mu_rows_put_bytes(&keeper->rows, MU_TABLE_USERNAME, key, mu_key_slice(&value));
}

static void put_rating(struct mu_keeper *keeper, int64_t rating, const char *player)
{
    struct mu_key key;
    mu_rows_key_rating(&key, rating, player);
    mu_rows_put_bytes(&keeper->rows, MU_TABLE_RATING, &key, (struct mu_slice){ NULL, 0 });
}

int mu_keeper_player_register(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_player_register *request = &msg->player_register;
    const char *region = mu_keeper_region(keeper, request->region);
    if (region == NULL) {
        return mu_keeper_refuse(keeper, MU_ERROR_REGION_NOT_SUPPORTED, "%s", request->region);
    }
    if (request->mode[0] != '\0' && mu_config_mode(keeper->config, request->mode) < 0) {
        return mu_keeper_refuse(keeper, MU_ERROR_GAME_MODE_NOT_FOUND, "%s", request->mode);
    }
    struct mu_key username;
    int r = check_username(keeper, request->username, &username);
    if (r != 0) {
        return r;
    }
    uint64_t now = mu_keeper_wall(keeper);
    struct mu_msg_player *player = &keeper->players[0];
    *player = (struct mu_msg_player){
        .rating = MU_RATING_START,
        .latency_max_ms = request->latency_max_ms,
        .created_ms = now,
        .updated_ms = now,
    };
    mu_id_make(&keeper->ids, MU_ID_PREFIX_PLAYER, (int64_t)now, player->id);
    memcpy(player->username, request->username, sizeof player->username);
    (void)snprintf(player->region, sizeof player->region, "%s", region);
    memcpy(player->mode, request->mode, sizeof player->mode);
    memcpy(player->preferences, request->preferences, sizeof player->preferences);

    const struct mu_msg_engagement engagement = { .kind = MU_ENGAGED_NONE };
    mu_rows_put_player(&keeper->rows, player);
    mu_rows_put_engagement(&keeper->rows, player->id, &engagement);
    put_username(keeper, &username, player->id);
    put_rating(keeper, player->rating, player->id);
    keeper->counters.values[MU_COUNTER_PLAYERS_REGISTERED]++;
    return answer_player(keeper, player, &engagement);
}

int mu_keeper_player_get(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    struct mu_msg_player *player = &keeper->players[0];
    struct mu_seat *seat = &keeper->seats[0];
    int r = get_player(keeper, msg->player_get.id, player, seat);
    return r != 0 ? r : answer_player(keeper, player, &seat->engagement);
}

int mu_keeper_player_update(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_player_update *request = &msg->player_update;
    struct mu_msg_player *player = &keeper->players[0];
    struct mu_seat *seat = &keeper->seats[0];
    int r = get_player(keeper, request->id, player, seat);
    if (r != 0) {
        return r;
    }
    const char *region = player->region;
    if (request->region[0] != '\0') {
        region = mu_keeper_region(keeper, request->region);
        if (region == NULL) {
            return mu_keeper_refuse(keeper, MU_ERROR_REGION_NOT_SUPPORTED, "%s", request->region);
        }
    }
    struct mu_key username_old;
    struct mu_key username_new;
    mu_rows_key_username(&username_old, player->username);
    mu_rows_key_username(&username_new,
                         request->username[0] != '\0' ? request->username : player->username);
    bool renamed = username_new.size != username_old.size ||
                   memcmp(username_new.bytes, username_old.bytes, username_new.size) != 0;
    r = renamed ? check_username(keeper, request->username, &username_new) : 0;
    if (r != 0) {
        return r;
    }
    if (renamed) {
        mu_rows_del(&keeper->rows, MU_TABLE_USERNAME, &username_old);
        put_username(keeper, &username_new, player->id);
    }
    if (request->username[0] != '\0') { /* also when only its capitals differ */
        memcpy(player->username, request->username, sizeof player->username);
    }
    if (region != player->region) {
        (void)snprintf(player->region, sizeof player->region, "%s", region);
    }
    if (request->preferences[0] != '\0') {
        memcpy(player->preferences, request->preferences, sizeof player->preferences);
    }
    player->updated_ms = mu_keeper_wall(keeper);
    mu_rows_put_player(&keeper->rows, player);
    return answer_player(keeper, player, &seat->engagement);
}

static void bump(uint64_t *tally)
{
    if (*tally < (uint64_t)TALLY_MAX) {
        (*tally)++;
    }
}

static void count_outcome(struct mu_msg_player *player, enum mu_outcome outcome)
{
    switch (outcome) {
    case MU_OUTCOME_NONE: break;
    case MU_OUTCOME_WIN:
        bump(&player->wins);
        player->streak = player->streak > 0 ? player->streak + 1 : 1;
        break;
    case MU_OUTCOME_LOSS:
        bump(&player->losses);
        player->streak = player->streak < 0 ? player->streak - 1 : -1;
        break;
    case MU_OUTCOME_DRAW:
        bump(&player->draws);
        player->streak = 0;
        break;
    }
    if (player->streak > TALLY_MAX) {
        player->streak = TALLY_MAX;
    }
    if (player->streak < -TALLY_MAX) {
        player->streak = -TALLY_MAX;
    }
    if (player->streak > (int64_t)player->streak_max) {
        player->streak_max = (uint64_t)player->streak;
    }
}

void mu_keeper_put_result(struct mu_keeper *keeper, struct mu_msg_player *player,
                          enum mu_outcome outcome, int64_t rating)
{
    assert(rating >= MU_RATING_MIN && rating <= MU_RATING_MAX);
    count_outcome(player, outcome);
    if (rating != player->rating) {
        struct mu_key key;
        mu_rows_key_rating(&key, player->rating, player->id);
        mu_rows_del(&keeper->rows, MU_TABLE_RATING, &key);
        put_rating(keeper, rating, player->id);
        player->rating = rating;
    }
    player->updated_ms = mu_keeper_wall(keeper);
    mu_rows_put_player(&keeper->rows, player);
}

int mu_keeper_player_rate(struct mu_keeper *keeper, const struct mu_msg *msg)
{
    const struct mu_msg_player_rate *request = &msg->player_rate;
    struct mu_msg_player *player = &keeper->players[0];
    struct mu_seat *seat = &keeper->seats[0];
    double score = 0;
    switch (request->outcome) {
    case MU_OUTCOME_NONE:
        return mu_keeper_refuse(keeper, MU_ERROR_VALIDATION_FAILED, "win, loss or draw");
    case MU_OUTCOME_WIN: score = 1; break;
    case MU_OUTCOME_LOSS: score = 0; break;
    case MU_OUTCOME_DRAW: score = 0.5; break;
    }
    int r = get_player(keeper, request->id, player, seat);
    if (r != 0) {
        return r;
    }
    int64_t rating = mu_rating_update(player->rating, (double)request->opponent_rating, score,
                                      keeper->config->settings.elo_k);
    mu_keeper_put_result(keeper, player, request->outcome, rating);
    return answer_player(keeper, player, &seat->engagement);
}
