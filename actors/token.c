#include "actors/token.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { HASH_BYTES = MU_TOKEN_BYTES / 2 };

static_assert(HASH_BYTES >= crypto_generichash_BYTES_MIN &&
                  HASH_BYTES <= crypto_generichash_BYTES_MAX,
              "BLAKE2b makes so many bytes, and takes a key as long");

int mu_token_make(const char *key_hash, const char *match, const char *player,
                  char ret[MU_TOKEN_BYTES + 1])
{
    unsigned char key[HASH_BYTES];
    size_t key_bytes = 0;
    const char *end = NULL;
    size_t digits = strlen(key_hash);
    if (digits != MU_TOKEN_BYTES ||
        sodium_hex2bin(key, sizeof key, key_hash, digits, NULL, &key_bytes, &end) != 0 ||
        key_bytes != sizeof key || end != key_hash + digits) {
        return -EINVAL;
    }
    char message[2 * MU_ID_MAX + 2];
    int n = snprintf(message, sizeof message, "%s:%s", match, player);
    assert(n > 0 && (size_t)n < sizeof message);

    unsigned char hash[HASH_BYTES];
    int r = crypto_generichash(hash, sizeof hash, (const unsigned char *)message,
                               (unsigned long long)n, key, sizeof key);
    assert(r == 0);
    (void)sodium_bin2hex(ret, MU_TOKEN_BYTES + 1, hash, sizeof hash);
    return 0;
}

void mu_token_hash(const void *bytes, size_t size, char ret[MU_TOKEN_BYTES + 1])
{
    unsigned char hash[HASH_BYTES];
    int r = crypto_generichash(hash, sizeof hash, bytes, size, NULL, 0);
    assert(r == 0);
    (void)sodium_bin2hex(ret, MU_TOKEN_BYTES + 1, hash, sizeof hash);
}
