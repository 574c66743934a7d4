#include "actors/roster.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static char *details_of(const struct mu_roster *roster)
{
    return (char *)(uintptr_t)(roster->players + roster->players_count);
}

/* Takes a block with room for so much; the players are to be filled in. */
static struct mu_roster *take(struct mu_blocks *blocks, uint32_t players_count,
                              struct mu_slice details)
{
    if (players_count == 0 || players_count > MU_TICKET_PLAYERS_MAX ||
        details.size > MU_DETAILS_MAX) {
        return NULL;
    }
    size_t bytes =
        sizeof(struct mu_roster) + players_count * sizeof(struct mu_msg_pool_player) + details.size;
    struct mu_roster *roster = mu_blocks_take(blocks, bytes);
    if (roster != NULL) {
        roster->bytes = (uint32_t)bytes;
        roster->players_count = players_count;
        roster->details_bytes = details.size;
        if (details.size > 0) {
            memcpy(details_of(roster), details.data, details.size);
        }
    }
    return roster;
}

struct mu_roster *mu_roster_of_record(struct mu_blocks *blocks, const struct mu_msg_ticket *record)
{
    struct mu_slice details = { (const uint8_t *)record->details,
                                (uint32_t)strlen(record->details) };
    struct mu_roster *roster = take(blocks, record->players_count, details);
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
    struct mu_roster *roster = take(blocks, (uint32_t)told->players, told->details);
    for (uint32_t i = 0; roster != NULL && i < roster->players_count; i++) {
        struct mu_msg_pool_player all_alike = { .rating = told->rating };
        roster->players[i] = listed ? told->members[i] : all_alike;
    }
    return roster;
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

void mu_roster_rate(const struct mu_roster *roster, const struct mu_objective *objective,
                    struct mu_engine_ticket *ret)
{
    int32_t ratings[MU_TICKET_PLAYERS_MAX];
    int32_t deviations[MU_TICKET_PLAYERS_MAX];
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
    struct mu_facts_player players[MU_TICKET_PLAYERS_MAX];
    assert(roster->players_count <= MU_TICKET_PLAYERS_MAX);
    for (uint32_t i = 0; i < roster->players_count; i++) {
        players[i] = (struct mu_facts_player){
            .id = roster->players[i].id,
            .rating = (int32_t)roster->players[i].rating,
            .deviation = (int32_t)roster->players[i].deviation,
        };
    }
    return mu_facts_read(rules, config, players, roster->players_count, details_of(roster),
                         roster->details_bytes, fault, ret, ret_bytes);
}
