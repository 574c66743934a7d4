/* core/id.h - names of things: "mch_" and a ULID, as mch_01JD6Z9C3E8Q4VWB2M5T7RXKPA.
 *
 * 4 characters of prefix say what the thing is, 26 of Crockford base 32 (upper case) hold 48 bits
 * of UTC milliseconds and 80 random bits.  Ids of one source ascend strictly, as bytes and in
 * time, which is what keeps inserts at the end of a table (DESIGN 8).  They are not secrets.
 * Source: github.com/ulid/spec. */
#ifndef MU_CORE_ID_H
#define MU_CORE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rng.h"
#include "wire/msg.h"

#define MU_ID_PREFIX_BYTES 4                        /* of every prefix below */
#define MU_ID_ULID_BYTES   26                       /* characters behind the prefix */
#define MU_ID_WALL_MS_MAX  ((INT64_C(1) << 48) - 1) /* in the year 10889 */

#define MU_ID_PREFIX_PLAYER   "ply_"
#define MU_ID_PREFIX_TICKET   "tkt_"
#define MU_ID_PREFIX_LOBBY    "lob_"
#define MU_ID_PREFIX_MATCH    "mch_"
#define MU_ID_PREFIX_SERVER   "srv_"
#define MU_ID_PREFIX_BACKUP   "bkp_"
#define MU_ID_PREFIX_BACKFILL "bkf_"

/* Where an actor's ids come from; one for each actor, zeroed but for `rng`. */
struct mu_id_source {
    struct mu_rng rng;    /* seeded by the owner; the seed must differ after each restart */
    int64_t last_ms;      /* of the last id; written by mu_id_make() */
    uint64_t random_high; /* its upper 40 random bits */
    uint64_t random_low;  /* its lower 40 */
};

/* Makes a new id.
 *
 * prefix   one of the above: MU_ID_PREFIX_BYTES characters (asserted)
 * wall_ms  UTC; clamped to 0..MU_ID_WALL_MS_MAX.  A clock that went back is not followed: ids
 *          keep the latest time seen, and ascend
 * ret      the id and a NUL
 *
 * In one millisecond an id is its predecessor plus a random 1..2^32.  O(1). */
void mu_id_make(struct mu_id_source *source, const char *prefix, int64_t wall_ms,
                char ret[MU_ID_MAX + 1]);

/* Whether `id` (any string) is one that mu_id_make() can have made with this prefix. */
bool mu_id_valid(const char *id, const char *prefix);

/* The id with the same ULID and another prefix: a match and its lobby share theirs.
 * `id` may be any string and may be `ret` itself.  Returns 0, or -EINVAL when it is no id. */
int mu_id_with_prefix(const char *id, const char *prefix, char ret[MU_ID_MAX + 1]);

#endif /* MU_CORE_ID_H */
