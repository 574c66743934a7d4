/* actors/roster.h - the players of a waiting ticket, and what they brought, as one block.
 *
 * The shard keeps one for each ticket: it is what a matcher and a neighbour are told of it, and what
 * facts are read from.  A block is flat: it may be copied with memcpy, and has no pointers. */
#ifndef MU_ACTORS_ROSTER_H
#define MU_ACTORS_ROSTER_H

#include "actors/engine.h"
#include "actors/engine_blocks.h"

struct mu_roster {
    uint32_t bytes;                      /* of the block */
    uint32_t players_count;              /* 1..MU_TICKET_PLAYERS_MAX */
    uint32_t details_bytes;              /* 0..MU_DETAILS_MAX */
    struct mu_msg_pool_player players[]; /* [players_count]; then the details, JSON (facts.h) */
};

/* Takes a block of `blocks` for a ticket's record, or for what a neighbour told of it.
 * Returns NULL when out of memory, or for a ticket without players. */
struct mu_roster *mu_roster_of_record(struct mu_blocks *blocks, const struct mu_msg_ticket *record);
struct mu_roster *mu_roster_of_told(struct mu_blocks *blocks,
                                    const struct mu_msg_pool_ticket *told);

/* Gives it back; NULL is a no-op. */
void mu_roster_give(struct mu_blocks *blocks, struct mu_roster *roster);

/* Between a ticket as the engine sees it and as it is told: all but its players' ratings and facts.
 * What is told of regions above MU_REGIONS_MAX is left out. */
void mu_told_read(const struct mu_msg_pool_ticket *told, int64_t now_ms,
                  struct mu_engine_ticket *ret);
void mu_told_write(const struct mu_engine_ticket *ticket, const struct mu_roster *roster,
                   int64_t now_ms, struct mu_msg_pool_ticket *ret); /* borrows from the roster */

/* Sets what the engine knows of its ratings. */
void mu_roster_rate(const struct mu_roster *roster, const struct mu_objective *objective,
                    struct mu_engine_ticket *ret);

/* Reads its facts; see mu_facts_read(). */
int mu_roster_facts(const struct mu_roster *roster, const struct mu_rules *rules,
                    const struct mu_config *config, struct mu_facts_fault *fault,
                    struct mu_facts *ret, size_t ret_bytes);

#endif /* MU_ACTORS_ROSTER_H */
