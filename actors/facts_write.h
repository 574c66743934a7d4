/* actors/facts_write.h - making a block of facts, for actors/facts_read.c. */
#ifndef MU_ACTORS_FACTS_WRITE_H
#define MU_ACTORS_FACTS_WRITE_H

#include "actors/facts_layout.h"

/* A block in the making. */
struct mu_facts_block {
    struct mu_facts *facts;
    char *bytes; /* the same, as bytes */
    size_t bytes_max;
    size_t used;
};

/* Strings of one list, and their numbers when it is a map. */
struct mu_facts_strings {
    uint32_t count;
    uint64_t symbols[MU_FACTS_STRINGS_MAX];
    double numbers[MU_FACTS_STRINGS_MAX];
};

/* Writes the head, and all that does not come from details: ids, ratings; no latency, no team.
 * Returns 0 or -ENOBUFS. */
int mu_facts_block_begin(struct mu_facts_block *block, const struct mu_rules *rules,
                         uint32_t regions_count, const struct mu_facts_player *players,
                         uint32_t count);

/* Appends a player's list; a map is sorted by symbol.  Returns 0 or -ENOBUFS. */
int mu_facts_block_list(struct mu_facts_block *block, struct mu_facts_strings *strings, bool map,
                        struct mu_facts_list *ret);

/* Appends the parties' lists, when all slots are written, and ends the block.  Returns 0 or
 * -ENOBUFS. */
int mu_facts_block_end(struct mu_facts_block *block);

#endif /* MU_ACTORS_FACTS_WRITE_H */
