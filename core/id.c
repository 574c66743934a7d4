/* core/id.c - ULIDs with a prefix; see the header for the format. */
#include "core/id.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define ID_BYTES (MU_ID_PREFIX_BYTES + MU_ID_ULID_BYTES)
#define HALF_MAX ((UINT64_C(1) << 40) - 1) /* of the 80 random bits: 8 digits */

static_assert(ID_BYTES <= MU_ID_MAX, "an id fits the wire's limit");

/* Crockford's base 32: without I, L, O and U. */
static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Writes the lowest 5 * count bits of `value`, highest digit first. */
static void put_digits(char *ret, uint32_t count, uint64_t value)
{
    for (uint32_t i = count; i > 0; i--) {
        ret[i - 1] = digits[value & 31];
        value >>= 5;
    }
}

static bool prefix_is_sane(const char *prefix)
{
    return strlen(prefix) == MU_ID_PREFIX_BYTES && prefix[MU_ID_PREFIX_BYTES - 1] == '_';
}

/* Sets the source to the next id: of a new millisecond if the clock went on, else one that is
 * greater than the last. */
static void advance(struct mu_id_source *source, int64_t wall_ms)
{
    if (wall_ms > source->last_ms) {
        source->last_ms = wall_ms;
        source->random_high = mu_rng_next(&source->rng) & HALF_MAX;
        source->random_low = mu_rng_next(&source->rng) & HALF_MAX;
        return;
    }
    source->random_low += 1 + mu_rng_below(&source->rng, UINT64_C(1) << 32);
    if (source->random_low <= HALF_MAX) {
        return;
    }
    source->random_low &= HALF_MAX;
    source->random_high++;
    if (source->random_high > HALF_MAX) {
        /* All 80 bits are used up: borrow from the next millisecond. */
        source->random_high = 0;
        source->last_ms++;
        assert(source->last_ms <= MU_ID_WALL_MS_MAX);
    }
}

void mu_id_make(struct mu_id_source *source, const char *prefix, int64_t wall_ms,
                char ret[MU_ID_MAX + 1])
{
    assert(prefix_is_sane(prefix));
    if (wall_ms < 0) {
        wall_ms = 0;
    }
    if (wall_ms > MU_ID_WALL_MS_MAX) {
        wall_ms = MU_ID_WALL_MS_MAX;
    }
    advance(source, wall_ms);
    memcpy(ret, prefix, MU_ID_PREFIX_BYTES);
    put_digits(ret + MU_ID_PREFIX_BYTES, 10, (uint64_t)source->last_ms); /* 50 bits, 2 unused */
    put_digits(ret + MU_ID_PREFIX_BYTES + 10, 8, source->random_high);
    put_digits(ret + MU_ID_PREFIX_BYTES + 18, 8, source->random_low);
    ret[ID_BYTES] = '\0';
}

/* Whether the 26 characters behind the prefix are a ULID and end the string. */
static bool ulid_is_valid(const char *ulid)
{
    if (ulid[0] > '7') {
        return false; /* more than 128 bits */
    }
    for (uint32_t i = 0; i < MU_ID_ULID_BYTES; i++) {
        if (ulid[i] == '\0' || strchr(digits, ulid[i]) == NULL) {
            return false;
        }
    }
    return ulid[MU_ID_ULID_BYTES] == '\0';
}

bool mu_id_valid(const char *id, const char *prefix)
{
    assert(prefix_is_sane(prefix));
    return strncmp(id, prefix, MU_ID_PREFIX_BYTES) == 0 && ulid_is_valid(id + MU_ID_PREFIX_BYTES);
}

int mu_id_with_prefix(const char *id, const char *prefix, char ret[MU_ID_MAX + 1])
{
    assert(prefix_is_sane(prefix));
    if (strnlen(id, ID_BYTES + 1) != ID_BYTES || id[MU_ID_PREFIX_BYTES - 1] != '_' ||
        !ulid_is_valid(id + MU_ID_PREFIX_BYTES)) {
        return -EINVAL;
    }
    memmove(ret, id, ID_BYTES + 1);
    memcpy(ret, prefix, MU_ID_PREFIX_BYTES);
    return 0;
}
