/* core/key.h - builds and takes apart the ordered keys of core/tables.def.
 *
 * A key is its parts one after another: text with a zero byte behind it (so that "a" sorts
 * before "ab" whatever follows), numbers big-endian (so that they sort as numbers).  The last
 * text part has no zero byte: it ends with the key, and without it a key is a scan's prefix.
 *
 *     struct mu_key key;                       struct mu_key_reader reader = { slice };
 *     mu_key_begin(&key);                      r = mu_key_take_text(&reader, sizeof id, id);
 *     mu_key_text(&key, player);               r = mu_key_take_u64(&reader, &seq);
 *     mu_key_u64(&key, seq);                   bool whole = mu_key_at_end(&reader);
 *     ops->get(s, table, mu_key_slice(&key), &value);
 *
 * Builders assert that the parts fit: texts are bounded by wire/messages.def, whose limits leave
 * room in MU_STORE_KEY_MAX for every table.  Readers trust nothing. */
#ifndef MU_CORE_KEY_H
#define MU_CORE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/store.h"
#include "wire/slice.h"

struct mu_key {
    uint32_t size;                   /* bytes used, 0..MU_STORE_KEY_MAX */
    uint8_t bytes[MU_STORE_KEY_MAX]; /* the first `size` hold the key */
};

/* What is left of a key that is being read; start with the whole.  Borrows the bytes. */
struct mu_key_reader {
    struct mu_slice left;
};

/* Makes the key empty; first, always. */
void mu_key_begin(struct mu_key *key);

/* Appends the characters and a zero byte. */
void mu_key_text(struct mu_key *key, const char *text);

/* Appends the characters alone; nothing may follow. */
void mu_key_last_text(struct mu_key *key, const char *text);

/* Append 2 or 8 bytes. */
void mu_key_u16(struct mu_key *key, uint16_t number);
void mu_key_u64(struct mu_key *key, uint64_t number);

/* The key so far.  Borrowed from *key: dies when it does, and with the next append. */
struct mu_slice mu_key_slice(const struct mu_key *key);

/* Take one part off the front.  Text comes with a NUL and fits ret_bytes with it.
 * All return 0, or -EBADMSG when the rest is too short, has no zero byte, or holds a text that
 * does not fit (or, at the end, one with a zero byte inside); then reader and outputs stay. */
int mu_key_take_text(struct mu_key_reader *reader, size_t ret_bytes, char *ret);
int mu_key_take_last_text(struct mu_key_reader *reader, size_t ret_bytes, char *ret);
int mu_key_take_u16(struct mu_key_reader *reader, uint16_t *ret);
int mu_key_take_u64(struct mu_key_reader *reader, uint64_t *ret);

/* Whether nothing is left. */
bool mu_key_at_end(const struct mu_key_reader *reader);

#endif /* MU_CORE_KEY_H */
