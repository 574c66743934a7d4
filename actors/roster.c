#include "actors/roster.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

/* Each player's team, of a backfill. */
static const uint8_t *teams_of(const struct mu_roster *roster)
{
    const void *teams = roster->players + roster->players_count;
    return teams;
}

static const struct mu_msg_name *names_of(const struct mu_roster *roster)
{
    const void *names = teams_of(roster) + (roster->teams_count > 0 ? roster->players_count : 0);
    return names;
}
static_assert(_Alignof(struct mu_msg_name) == 1, "names may stand anywhere");

static const char *details_of(const struct mu_roster *roster)
{
    return names_of(roster)[roster->names_count].text;
}

/* A part of a roster that is being made. */
static void *writable(struct mu_roster *roster, const void *part)
{
    return (char *)roster + ((const char *)part - (const char *)roster);
}

/* Takes a block with room for so much, and teams if `head` says so; the players are to be filled
 * in. */
static struct mu_roster *take(struct mu_blocks *blocks, const struct mu_roster *head,
                              struct mu_slice details)
{
    bool backfill = head->teams_count > 0;
    uint32_t players_max = backfill ? MU_MATCH_PLAYERS_MAX : MU_TICKET_PLAYERS_MAX;
    uint32_t details_max = backfill ? MU_DETAILS_ALL_MAX : MU_DETAILS_MAX;
    if (head->players_count == 0 || head->players_count > players_max ||
        details.size > details_max) {
        return NULL;
    }
    size_t bytes = sizeof *head + head->players_count * sizeof(struct mu_msg_pool_player) +
                   (backfill ? head->players_count : 0) +
                   head->names_count * sizeof(struct mu_msg_name) + details.size;
    struct mu_roster *roster = mu_blocks_take(blocks, bytes);
    if (roster != NULL) {
        *roster = *head;
        roster->bytes = (uint32_t)bytes;
        roster->details_bytes = details.size;
        if (details.size > 0) {
            memcpy(writable(roster, details_of(roster)), details.data, details.size);
        }
    }
    return roster;
}

struct mu_roster *mu_roster_of_record(struct mu_blocks *blocks, const struct mu_msg_ticket *record)
{
    struct mu_slice details = { (const uint8_t *)record->details,
                                (uint32_t)strlen(record->details) };
    const struct mu_roster head = { .players_count = (uint16_t)record->players_count };
    struct mu_roster *roster = take(blocks, &head, details);
    for (uint32_t i = 0; roster != NULL && i < roster->players_count; i++) {
        const struct mu_msg_ticket_player *from = &record->players[i];
        struct mu_msg_pool_player *player = &roster->players[i];
        memcpy(player->id, from->id, sizeof player->id);
        player->rating = from->rating;
        player->deviation = from->deviation;
    }
    return roster;
}

struct mu_roster *mu_roster_of_told(struct mu_blocks *blocks, const struct mu_msg_pool_ticket *told)
{
    bool listed = told->members_count == told->players;
    const struct mu_roster head = { .players_count = (uint16_t)told->players };
    struct mu_roster *roster = take(blocks, &head, told->details);
    for (uint32_t i = 0; roster != NULL && i < roster->players_count; i++) {
        struct mu_msg_pool_player all_alike = { .rating = told->rating };
        roster->players[i] = listed ? told->members[i] : all_alike;
    }
    return roster;
}

/* A backfill's: teams_count and names_count are set in *head, and the names are [names_count]. */
static struct mu_roster *take_backfill(struct mu_blocks *blocks, const struct mu_roster *head,
                                       const struct mu_msg_backfill_player *players,
                                       const struct mu_msg_name *names, struct mu_slice details)
{
    for (uint32_t i = 0; i < head->players_count; i++) {
        if (players[i].team >= head->teams_count) {
            return NULL;
        }
    }
    bool named = head->names_count == head->teams_count;
    bool numbered = head->teams_count > 0 && head->teams_count <= MU_TEAMS_MAX;
    struct mu_roster *roster =
        numbered && (named || head->names_count == 0) ? take(blocks, head, details) : NULL;
    for (uint32_t i = 0; roster != NULL && i < roster->players_count; i++) {
        const struct mu_msg_backfill_player *from = &players[i];
        struct mu_msg_pool_player *player = &roster->players[i];
        memcpy(player->id, from->id, sizeof player->id);
        player->rating = from->rating;
        player->deviation = from->deviation;
        uint8_t *teams = writable(roster, teams_of(roster));
        teams[i] = (uint8_t)from->team;
    }
    if (roster != NULL) {
        memcpy(writable(roster, names_of(roster)), names, roster->names_count * sizeof *names);
    }
    return roster;
}

struct mu_roster *mu_roster_of_backfill(struct mu_blocks *blocks,
                                        const struct mu_msg_backfill *record)
{
    const struct mu_roster head = { .players_count = (uint16_t)record->players_count,
                                    .teams_count = (uint8_t)record->teams,
                                    .names_count = (uint8_t)record->team_names_count };
    struct mu_slice details = { (const uint8_t *)record->details,
                                (uint32_t)strlen(record->details) };
    return take_backfill(blocks, &head, record->players, record->team_names, details);
}

struct mu_roster *mu_roster_of_told_backfill(struct mu_blocks *blocks,
                                             const struct mu_msg_pool_backfill *told)
{
    const struct mu_roster head = { .players_count = (uint16_t)told->members_count,
                                    .teams_count = (uint8_t)told->teams,
                                    .names_count = (uint8_t)told->team_names_count };
    return take_backfill(blocks, &head, told->members, told->team_names, told->details);
}

void mu_roster_give(struct mu_blocks *blocks, struct mu_roster *roster)
{
    if (roster != NULL) {
        mu_blocks_give(blocks, roster, roster->bytes);
    }
}

void mu_told_read(const struct mu_msg_pool_ticket *told, int64_t now_ms,
                  struct mu_engine_ticket *ret)
{
    memset(ret, 0, sizeof *ret);
    memcpy(ret->id, told->id, sizeof ret->id);
    ret->version = told->version;
    ret->since_ms = now_ms - (int64_t)told->waited_ms;
    ret->players = (uint32_t)told->players;
    ret->priority = (uint32_t)told->priority;
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ret->reach_ms[i] = MU_REACH_NONE;
    }
    for (uint32_t i = 0; i < told->reach_count; i++) {
        if (told->reach[i].region < MU_REGIONS_MAX) {
            ret->reach_ms[told->reach[i].region] = (uint16_t)told->reach[i].ms;
        }
    }
}

void mu_told_read_backfill(const struct mu_msg_pool_backfill *told, int64_t now_ms,
                           struct mu_engine_ticket *ret)
{
    memset(ret, 0, sizeof *ret);
    memcpy(ret->id, told->id, sizeof ret->id);
    ret->version = told->version;
    ret->since_ms = now_ms - (int64_t)told->waited_ms;
    ret->players = told->members_count;
    ret->backfill = true;
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        ret->reach_ms[i] = i == told->region ? 0 : MU_REACH_NONE;
    }
}

void mu_told_write_backfill(const struct mu_engine_ticket *backfill, const struct mu_roster *roster,
                            int64_t now_ms, struct mu_msg_pool_backfill *ret)
{
    const int64_t year_ms = 31536000000; /* the message's bound */
    int64_t waited_ms = now_ms - backfill->since_ms;
    waited_ms = waited_ms < 0 ? 0 : waited_ms;
    memcpy(ret->id, backfill->id, sizeof ret->id);
    ret->version = backfill->version;
    ret->waited_ms = (uint64_t)(waited_ms < year_ms ? waited_ms : year_ms);
    ret->region = 0;
    while (ret->region + 1 < MU_REGIONS_MAX && backfill->reach_ms[ret->region] == MU_REACH_NONE) {
        ret->region++;
    }
    ret->teams = roster->teams_count;
    ret->members_count = roster->players_count;
    for (uint32_t i = 0; i < roster->players_count; i++) {
        const struct mu_msg_pool_player *from = &roster->players[i];
        struct mu_msg_backfill_player *player = &ret->members[i];
        memcpy(player->id, from->id, sizeof player->id);
        player->rating = from->rating;
        player->deviation = from->deviation;
        player->team = teams_of(roster)[i];
    }
    ret->team_names_count = roster->names_count;
    memcpy(ret->team_names, names_of(roster), roster->names_count * sizeof ret->team_names[0]);
    ret->details = (struct mu_slice){ (const uint8_t *)details_of(roster), roster->details_bytes };
}

const char *mu_roster_team_name(const struct mu_roster *roster, uint32_t team)
{
    return team < roster->names_count ? names_of(roster)[team].text : NULL;
}

uint32_t mu_roster_team(const struct mu_roster *roster, const struct mu_rules *rules, uint32_t team)
{
    assert(team < roster->teams_count);
    if (roster->names_count > 0) {
        return mu_rules_team(rules, names_of(roster)[team].text);
    }
    if (rules->for_all) {
        return roster->teams_count == 1 ? 0 : MU_RULES_NONE;
    }
    return team < rules->teams_count ? team : MU_RULES_NONE;
}

void mu_told_write(const struct mu_engine_ticket *ticket, const struct mu_roster *roster,
                   int64_t now_ms, struct mu_msg_pool_ticket *ret)
{
    const uint64_t year_ms = 31536000000; /* the message's bound */
    int64_t waited_ms = now_ms - ticket->since_ms;
    memcpy(ret->id, ticket->id, sizeof ret->id);
    ret->version = ticket->version;
    ret->players = ticket->players;
    ret->rating = ticket->rating;
    ret->waited_ms = waited_ms < 0 ? 0 : (uint64_t)waited_ms;
    ret->waited_ms = ret->waited_ms < year_ms ? ret->waited_ms : year_ms;
    ret->priority = ticket->priority;
    ret->reach_count = 0;
    for (uint32_t i = 0; i < MU_REGIONS_MAX; i++) {
        if (ticket->reach_ms[i] != MU_REACH_NONE) {
            ret->reach[ret->reach_count].region = i;
            ret->reach[ret->reach_count++].ms = ticket->reach_ms[i];
        }
    }
    ret->members_count = roster->players_count;
    memcpy(ret->members, roster->players, roster->players_count * sizeof roster->players[0]);
    ret->details = (struct mu_slice){ (const uint8_t *)details_of(roster), roster->details_bytes };
}

/* Each of a backfill's players by himself: they are no party. */
static void rate_backfill(const struct mu_roster *roster, const struct mu_objective *objective,
                          struct mu_engine_ticket *ret)
{
    int64_t plain = 0;
    ret->sum = 0;
    ret->squares = 0;
    ret->variance = 0;
    for (uint32_t i = 0; i < roster->players_count; i++) {
        struct mu_engine_ticket one;
        const int32_t rating = (int32_t)roster->players[i].rating;
        const int32_t deviation = (int32_t)roster->players[i].deviation;
        mu_engine_ticket_rate(&one, objective, &rating, &deviation, 1);
        plain += rating;
        ret->sum += one.sum;
        ret->squares += one.squares;
        ret->variance += one.variance;
    }
    ret->rating = (int32_t)lround((double)plain / roster->players_count);
}

void mu_roster_rate(const struct mu_roster *roster, const struct mu_objective *objective,
                    struct mu_engine_ticket *ret)
{
    int32_t ratings[MU_TICKET_PLAYERS_MAX];
    int32_t deviations[MU_TICKET_PLAYERS_MAX];
    if (roster->teams_count > 0) {
        rate_backfill(roster, objective, ret);
        return;
    }
    assert(roster->players_count <= MU_TICKET_PLAYERS_MAX);
    for (uint32_t i = 0; i < roster->players_count; i++) {
        ratings[i] = (int32_t)roster->players[i].rating;
        deviations[i] = (int32_t)roster->players[i].deviation;
    }
    mu_engine_ticket_rate(ret, objective, ratings, deviations, roster->players_count);
}

int mu_roster_facts(const struct mu_roster *roster, const struct mu_rules *rules,
                    const struct mu_config *config, struct mu_facts_fault *fault,
                    struct mu_facts *ret, size_t ret_bytes)
{
    struct mu_facts_player players[MU_MATCH_PLAYERS_MAX];
    assert(roster->players_count <= MU_MATCH_PLAYERS_MAX);
    for (uint32_t i = 0; i < roster->players_count; i++) {
        players[i] = (struct mu_facts_player){
            .id = roster->players[i].id,
            .rating = (int32_t)roster->players[i].rating,
            .deviation = (int32_t)roster->players[i].deviation,
        };
    }
    int r = mu_facts_read(rules, config, players, roster->players_count, details_of(roster),
                          roster->details_bytes, fault, ret, ret_bytes);
    for (uint32_t i = 0; r == 0 && roster->teams_count > 0 && i < roster->players_count; i++) {
        uint32_t team = mu_roster_team(roster, rules, teams_of(roster)[i]);
        if (team == MU_RULES_NONE) {
            return -EINVAL;
        }
        mu_facts_seat(ret, i, team);
    }
    return r;
}
