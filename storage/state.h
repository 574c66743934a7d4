/* storage/state.h - what the engine knows of its own tables; stored with every transaction.
 *
 * Kept in the engine's table "~engine" under MU_STATE_KEY; beside it, under MU_STATE_SCHEMA_KEY,
 * the version of the layout: [major u16 BE][minor u16 BE]. */
#ifndef MU_STORAGE_STATE_H
#define MU_STORAGE_STATE_H

#include <stdint.h>

#include "wire/slice.h"

#define MU_STATE_ENGINE_TABLE  "~engine" /* names in the file; others are of core/tables.def */
#define MU_STATE_JOURNAL_TABLE "~journal"
#define MU_STATE_KEY           "state"
#define MU_STATE_SCHEMA_KEY    "schema"

/* A newer major is refused; a newer minor only added tables, which are left alone. */
#define MU_STATE_SCHEMA_MAJOR 1
#define MU_STATE_SCHEMA_MINOR 0

#define MU_STATE_BYTES_MAX (24 + 256 * 17)

/* What one table holds. */
struct mu_state_tally {
    uint64_t count;  /* records */
    uint64_t digest; /* XOR of mu_record_hash() of each */
};

struct mu_state {
    uint64_t transaction; /* LMDB's number of the transaction that wrote this */
    uint64_t applied;     /* journal records up to this one are gone: they are in the tables */
    uint64_t last;        /* the newest journal record; >= applied */
    struct mu_state_tally tallies[256]; /* by the id of the table; unknown ones are kept */
};

/* ret  [MU_STATE_BYTES_MAX].  Returns the bytes written. */
uint32_t mu_state_encode(const struct mu_state *state, uint8_t *ret);

/* Returns 0 or -EBADMSG. */
int mu_state_decode(struct mu_slice payload, struct mu_state *ret);

#endif /* MU_STORAGE_STATE_H */
