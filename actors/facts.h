/* actors/facts.h - what a rule set needs to know of a ticket, as flat numbers.
 *
 * A ticket brings `details`: a JSON array with one object for each player, in order:
 *   {"attributes": {name: number | string | [string...] | {string: number}},
 *    "latencies": {region: ms}, "team": "red"}            all optional; "team" for backfills only
 * mu_facts_read() takes from it what the rules name, puts defaults in, and applies nothing else.
 * Facts are one block of bytes without pointers: they can be copied with memcpy. */
#ifndef MU_ACTORS_FACTS_H
#define MU_ACTORS_FACTS_H

#include <stddef.h>

#include "actors/rules.h"

#define MU_DETAILS_MAX       8191  /* bytes of JSON */
#define MU_DETAILS_ALL_MAX   65535 /* of a backfill: as many for each player, but no more in all */
#define MU_DETAILS_DEPTH_MAX 8     /* levels of nesting; what means something has four */
#define MU_FACTS_STRINGS_MAX 100   /* of a player's string_list or map: a block list's length */
#define MU_FACTS_NUMBER_MAX  1e12  /* of a number, and its negative */
#define MU_FACTS_BYTES_MAX                                                                         \
    (512 * 1024) /* of one ticket; a backfill of 200 players is the largest */
#define MU_LATENCY_NONE UINT16_MAX

/* One player as he comes with his ticket. */
struct mu_facts_player {
    const char *id;    /* borrowed */
    int32_t rating;    /* points */
    int32_t deviation; /* points, >= 0 */
};

/* The head of the block. */
struct mu_facts {
    uint32_t bytes;         /* of the block, a multiple of 8 */
    uint32_t players_count; /* 1..MU_MATCH_PLAYERS_MAX */
    uint32_t attributes_count;
    uint32_t regions_count;
    uint32_t reserved[4]; /* 0 */
    /* ids, ratings, deviations, latencies, teams, numbers, lists: use the accessors */
};

/* Why a ticket can never match. */
struct mu_facts_fault {
    uint32_t player; /* index */
    char what[160];  /* "attribute \"character\" (string) is missing and has no default" */
};

/* The symbol of a string: the same for equal strings, never 0.  Two different ones share it by
 * accident once in 2^64 pairs. */
uint64_t mu_symbol(const char *text, size_t size);

/* Reads facts.
 *
 * players  [count], count 1..MU_MATCH_PLAYERS_MAX (asserted)
 * details  [size] as above; size 0: every player has the defaults only
 * ret      [ret_bytes], for anything that holds a double; its bytes mean nothing after a failure
 *
 * Strict: as many objects as there are players, no field but those three, no field twice; regions
 * that the configuration has (name or alias), 0..65534 ms, each once; teams that the rules have.
 * Attributes that the rules do not name are skipped.  A string_list is a ranking without
 * repetitions: only the first of equal strings is kept.
 *
 * Returns 0; -EINVAL with *fault (may be NULL) for malformed details, a value of the wrong type, or
 * a missing value without default; -ENOBUFS when ret is too small.  Third-party: jansson. */
int mu_facts_read(const struct mu_rules *rules, const struct mu_config *config,
                  const struct mu_facts_player *players, uint32_t count, const char *details,
                  size_t size, struct mu_facts_fault *fault, struct mu_facts *ret,
                  size_t ret_bytes);

/* Says on which team a player is; a backfill's come from its match, not from details.  `team` is
 * one of the rules' (asserted to be below MU_TEAMS_MAX). */
void mu_facts_seat(struct mu_facts *facts, uint32_t player, uint32_t team);

/* Accessors; indices asserted. */
uint64_t mu_facts_id(const struct mu_facts *facts, uint32_t player); /* symbol of his id */
double mu_facts_rating(const struct mu_facts *facts, uint32_t player);
double mu_facts_deviation(const struct mu_facts *facts, uint32_t player);
uint16_t mu_facts_latency(const struct mu_facts *facts, uint32_t player, uint32_t region);
uint32_t mu_facts_team(const struct mu_facts *facts, uint32_t player); /* MU_RULES_NONE: free */
double mu_facts_number(const struct mu_facts *facts, uint32_t player, uint32_t attribute);
/* STRING: one symbol; STRINGS: any, as ranked; MAP: keys, ascending by symbol, with *numbers
 * beside them (numbers may be NULL).  Asserts that it is one of these. */
const uint64_t *mu_facts_symbols(const struct mu_facts *facts, uint32_t player, uint32_t attribute,
                                 uint32_t *ret_count, const double **numbers);

#endif /* MU_ACTORS_FACTS_H */
