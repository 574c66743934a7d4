#include "actors/password.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "core/parse.h"

enum { HASH_BYTES = 32 };

static const char scheme[] = "argon2id:";

static_assert(MU_PASSWORD_SALT_BYTES == crypto_pwhash_SALTBYTES, "the salt is libsodium's");
/* The scheme, "10:", "1048576:", the salt, ":" and the hash. */
static_assert(9 + 3 + 8 + 2 * MU_PASSWORD_SALT_BYTES + 1 + 2 * HASH_BYTES <= MU_PASSWORD_TEXT_MAX,
              "the longest text fits");

static int derive(const char *password, const uint8_t salt[MU_PASSWORD_SALT_BYTES],
                  struct mu_password_cost cost, uint8_t ret[HASH_BYTES])
{
    int r = crypto_pwhash(ret, HASH_BYTES, password, strlen(password), salt, cost.passes,
                          (size_t)cost.kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
    return r == 0 ? 0 : -ENOMEM; /* the only failure that is left: parameters are in bounds */
}

int mu_password_hash(const char *password, const uint8_t salt[MU_PASSWORD_SALT_BYTES],
                     struct mu_password_cost cost, char ret[MU_PASSWORD_TEXT_MAX + 1])
{
    assert(cost.passes >= 1 && cost.passes <= MU_PASSWORD_PASSES_MAX);
    assert(cost.kib >= MU_PASSWORD_KIB_MIN && cost.kib <= MU_PASSWORD_KIB_MAX);
    uint8_t hash[HASH_BYTES];
    int r = derive(password, salt, cost, hash);
    if (r != 0) {
        return r;
    }
    char salt_hex[2 * MU_PASSWORD_SALT_BYTES + 1];
    char hash_hex[2 * HASH_BYTES + 1];
    (void)sodium_bin2hex(salt_hex, sizeof salt_hex, salt, MU_PASSWORD_SALT_BYTES);
    (void)sodium_bin2hex(hash_hex, sizeof hash_hex, hash, sizeof hash);
    int n = snprintf(ret, MU_PASSWORD_TEXT_MAX + 1, "%s%u:%u:%s:%s", scheme, cost.passes, cost.kib,
                     salt_hex, hash_hex);
    assert(n > 0 && n <= MU_PASSWORD_TEXT_MAX);
    sodium_memzero(hash, sizeof hash);
    return 0;
}

/* Takes the number in front of the next ':' off *at. */
static int take_number(const char **at, uint32_t min, uint32_t max, uint32_t *ret)
{
    char digits[12];
    size_t length = strcspn(*at, ":");
    uint64_t number = 0;
    if (length >= sizeof digits || (*at)[length] == '\0') {
        return -EBADMSG;
    }
    memcpy(digits, *at, length);
    digits[length] = '\0';
    if (mu_parse_u64(digits, min, max, &number) != 0) {
        return -EBADMSG;
    }
    *at += length + 1;
    *ret = (uint32_t)number;
    return 0;
}

/* Takes `bytes` bytes as hex off *at. */
static int take_hex(const char **at, size_t bytes, uint8_t *ret)
{
    size_t got = 0;
    const char *end = NULL;
    if (sodium_hex2bin(ret, bytes, *at, strcspn(*at, ":"), NULL, &got, &end) != 0 || got != bytes ||
        end != *at + 2 * bytes) {
        return -EBADMSG;
    }
    *at = end;
    return 0;
}

int mu_password_verify(const char *password, const char *hash)
{
    struct mu_password_cost cost;
    uint8_t salt[MU_PASSWORD_SALT_BYTES];
    uint8_t wanted[HASH_BYTES];
    uint8_t got[HASH_BYTES];
    if (strncmp(hash, scheme, sizeof scheme - 1) != 0) {
        return -EBADMSG;
    }
    const char *at = hash + sizeof scheme - 1;
    if (take_number(&at, 1, MU_PASSWORD_PASSES_MAX, &cost.passes) != 0 ||
        take_number(&at, MU_PASSWORD_KIB_MIN, MU_PASSWORD_KIB_MAX, &cost.kib) != 0 ||
        take_hex(&at, sizeof salt, salt) != 0 || *at++ != ':' ||
        take_hex(&at, sizeof wanted, wanted) != 0 || *at != '\0') {
        return -EBADMSG;
    }
    int r = derive(password, salt, cost, got);
    if (r == 0) {
        r = sodium_memcmp(got, wanted, sizeof got) == 0 ? 1 : 0;
    }
    sodium_memzero(got, sizeof got);
    return r;
}
