#include "core/public_key.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <sodium.h>

/* The low-order points give an all-zero secret with every key, which libsodium refuses. */
static bool is_weak(const uint8_t key[MU_PUBLIC_KEY_BYTES])
{
    static const uint8_t scalar[crypto_scalarmult_SCALARBYTES] = { 1 }; /* any; it is clamped */
    uint8_t shared[crypto_scalarmult_BYTES];
    return crypto_scalarmult(shared, scalar, key) != 0;
}

int mu_public_key_parse(const char *text, uint8_t ret[MU_PUBLIC_KEY_BYTES])
{
    static_assert(MU_PUBLIC_KEY_BYTES == crypto_scalarmult_BYTES, "a point of Curve25519");
    uint8_t key[MU_PUBLIC_KEY_BYTES];
    size_t bytes = 0;
    if (strnlen(text, MU_PUBLIC_KEY_HEX + 1) != MU_PUBLIC_KEY_HEX ||
        strspn(text, "0123456789abcdef") != MU_PUBLIC_KEY_HEX ||
        sodium_hex2bin(key, sizeof key, text, MU_PUBLIC_KEY_HEX, NULL, &bytes, NULL) != 0 ||
        bytes != sizeof key) {
        return -EINVAL;
    }
    if (is_weak(key)) {
        return -EDOM;
    }
    memcpy(ret, key, sizeof key);
    return 0;
}

void mu_public_key_print(const uint8_t key[MU_PUBLIC_KEY_BYTES], char ret[MU_PUBLIC_KEY_HEX + 1])
{
    (void)sodium_bin2hex(ret, MU_PUBLIC_KEY_HEX + 1, key, MU_PUBLIC_KEY_BYTES);
}

uint32_t mu_public_key_mark(const uint8_t key[MU_PUBLIC_KEY_BYTES])
{
    return (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
}

uint64_t mu_public_key_incarnation(const uint8_t *key, uint64_t random)
{
    uint64_t mark = key == NULL ? random >> 32 : mu_public_key_mark(key);
    return mark << 32 | (uint32_t)random | 1;
}
