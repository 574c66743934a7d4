/* actors/roster.h - the players of a waiting ticket, and what they brought, as one block.
 *
 * The shard keeps one for each ticket: it is what a matcher and a neighbour are told of it, and
 * what facts are read from.  A block is flat: it may be copied with memcpy, and has no pointers.
 *
 * The roster of a backfill also knows which team of the match each of its players is on.  What the
 * rules call that team: the one that is named like the match's; in a match whose teams have no
 * names, that of the same number; where everybody plays for himself, the only one. */
#ifndef MU_ACTORS_ROSTER_H
#define MU_ACTORS_ROSTER_H

#include "actors/engine.h"
#include "actors/engine_blocks.h"

struct mu_roster {
    uint32_t bytes;         /* of the block */
    uint32_t details_bytes; /* 0..MU_DETAILS_MAX; of a backfill, MU_DETAILS_ALL_MAX */
    uint16_t players_count; /* 1..MU_TICKET_PLAYERS_MAX; of a backfill, MU_MATCH_PLAYERS_MAX */
    uint8_t teams_count;    /* of a backfill's match, 1..MU_TEAMS_MAX; 0: a ticket's */
    uint8_t names_count;    /* of them: teams_count, or 0 */
    /* [players_count]; then each one's team, a byte, and [names_count] struct mu_msg_name; then the
     * details, JSON (facts.h). */
    struct mu_msg_pool_player players[];
};

/* Takes a block of `blocks` for a ticket's record, or for what a neighbour told of it.
 * Returns NULL when out of memory, or for a ticket without players. */
struct mu_roster *mu_roster_of_record(struct mu_blocks *blocks, const struct mu_msg_ticket *record);
struct mu_roster *mu_roster_of_told(struct mu_blocks *blocks,
                                    const struct mu_msg_pool_ticket *told);

/* The same for a backfill's record, and for what a matcher is told of one. */
struct mu_roster *mu_roster_of_backfill(struct mu_blocks *blocks,
                                        const struct mu_msg_backfill *record);
struct mu_roster *mu_roster_of_told_backfill(struct mu_blocks *blocks,
                                             const struct mu_msg_pool_backfill *told);

/* Gives it back; NULL is a no-op. */
void mu_roster_give(struct mu_blocks *blocks, struct mu_roster *roster);

/* Between a ticket as the engine sees it and as it is told: all but its players' ratings and facts.
 * What is told of regions above MU_REGIONS_MAX is left out. */
void mu_told_read(const struct mu_msg_pool_ticket *told, int64_t now_ms,
                  struct mu_engine_ticket *ret);
void mu_told_write(const struct mu_engine_ticket *ticket, const struct mu_roster *roster,
                   int64_t now_ms, struct mu_msg_pool_ticket *ret); /* borrows from the roster */

/* Between a backfill and what is told of it, likewise. */
void mu_told_read_backfill(const struct mu_msg_pool_backfill *told, int64_t now_ms,
                           struct mu_engine_ticket *ret);
void mu_told_write_backfill(const struct mu_engine_ticket *backfill, const struct mu_roster *roster,
                            int64_t now_ms, struct mu_msg_pool_backfill *ret);

/* The rules' team that a team of the backfill's match is, or MU_RULES_NONE. */
uint32_t mu_roster_team(const struct mu_roster *roster, const struct mu_rules *rules,
                        uint32_t team);

/* The name of a team of its match, or NULL: it has none. */
const char *mu_roster_team_name(const struct mu_roster *roster, uint32_t team);

/* Sets what the engine knows of its ratings. */
void mu_roster_rate(const struct mu_roster *roster, const struct mu_objective *objective,
                    struct mu_engine_ticket *ret);

/* Reads its facts; see mu_facts_read().  -EINVAL also when a backfill has a player on a team that
 * the rules do not have. */
int mu_roster_facts(const struct mu_roster *roster, const struct mu_rules *rules,
                    const struct mu_config *config, struct mu_facts_fault *fault,
                    struct mu_facts *ret, size_t ret_bytes);

#endif /* MU_ACTORS_ROSTER_H */
