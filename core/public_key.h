/* core/public_key.h - the public half of a peer's or broker's CURVE key, as text: 64 hex digits.
 *
 * Not Z85, which other programs use: its 85 characters hold # & * ! { % $ and <, which YAML and
 * shells read as something else. */
#ifndef MU_CORE_PUBLIC_KEY_H
#define MU_CORE_PUBLIC_KEY_H

#include <stdint.h>

#define MU_PUBLIC_KEY_BYTES 32
#define MU_PUBLIC_KEY_HEX   64 /* characters, NUL not counted */

/* Reads 64 lower-case hex digits.
 *
 * Returns 0; -EINVAL: it is something else; -EDOM: it is a point of low order, with which anybody
 * could agree on a secret.  On failure *ret is untouched. */
int mu_public_key_parse(const char *text, uint8_t ret[MU_PUBLIC_KEY_BYTES]);

/* Writes it so. */
void mu_public_key_print(const uint8_t key[MU_PUBLIC_KEY_BYTES], char ret[MU_PUBLIC_KEY_HEX + 1]);

/* The upper half of the incarnations of all processes with that key: its first four bytes, so that
 * nobody with another key can say that he is one of them. */
uint32_t mu_public_key_mark(const uint8_t key[MU_PUBLIC_KEY_BYTES]);

/* An incarnation for a process: random, never 0, and with the key's mark unless `key` is NULL. */
uint64_t mu_public_key_incarnation(const uint8_t *key, uint64_t random);

#endif /* MU_CORE_PUBLIC_KEY_H */
