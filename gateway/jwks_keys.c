#include "gateway/jwks_keys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <sodium.h>

enum {
    POINT_BYTES = 32,     /* of a coordinate on P-256 */
    SIGNATURE_BYTES = 64, /* of ES256: r and s */
    DER_MAX = 80,         /* of the same as OpenSSL wants it */
    RSA_BITS_MIN = 2048,
    RSA_BYTES_MAX = 1024, /* 8192 bits: more costs too much time */
    MAC_BYTES = 32,
};

/* A key set on its way. */
struct reading {
    const char *name;
    char *error;
    size_t error_used;
    struct mu_jwks_keys keys;
    struct mu_json json;
};

static void fault(struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fault(struct reading *reading, const char *format, ...)
{
    char *to = reading->error + reading->error_used;
    size_t room = MU_JWKS_ERROR_MAX - reading->error_used;
    int n = snprintf(to, room, "%s%s: ", reading->error_used == 0 ? "" : "\n", reading->name);
    if (n < 0 || (size_t)n >= room) {
        to[0] = '\0';
        return; /* there are enough */
    }
    va_list args;
    va_start(args, format);
    int m = vsnprintf(to + n, room - (size_t)n, format, args);
    va_end(args);
    size_t used = (size_t)n + (m < 0 ? 0 : (size_t)m);
    reading->error_used += used < room ? used : room - 1;
}

static const char *text_of(const struct reading *reading, uint32_t key, const char *field)
{
    uint32_t node = mu_json_member(&reading->json, key, field);
    return node == MU_JSON_NONE || reading->json.nodes[node].type != MU_JSON_STRING
               ? NULL
               : reading->json.nodes[node].text;
}

/* Decodes a field of base64url.  Returns its bytes; 0: it is wrong, and a fault was added. */
static size_t bytes_of(struct reading *reading, uint32_t key, const char *field, size_t ret_max,
                       uint8_t *ret)
{
    size_t bytes = 0;
    const char *text = text_of(reading, key, field);
    if (text == NULL || text[0] == '\0' ||
        sodium_base642bin(ret, ret_max, text, strlen(text), NULL, &bytes, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0) {
        fault(reading, "keys[%u].%s: must be base64url without padding, of 1 to %zu bytes",
              reading->keys.count, field, ret_max);
        return 0;
    }
    return bytes;
}

/* Makes a public key of parameters, which it takes. */
static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX *check = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (check == NULL || EVP_PKEY_public_check(check) != 1) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    EVP_PKEY_CTX_free(check);
    return key;
}

static EVP_PKEY *make_rsa(const uint8_t *n, size_t n_bytes, const uint8_t *e, size_t e_bytes)
{
    EVP_PKEY *key = NULL;
    BIGNUM *modulus = BN_bin2bn(n, (int)n_bytes, NULL);
    BIGNUM *exponent = BN_bin2bn(e, (int)e_bytes, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (modulus != NULL && exponent != NULL && builder != NULL && BN_is_odd(exponent) &&
        !BN_is_one(exponent) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
        key = make_key("RSA", builder);
    } else {
        OSSL_PARAM_BLD_free(builder);
    }
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

static void take_rsa(struct reading *reading, uint32_t node, struct mu_jwks_key *key)
{
    uint8_t n[RSA_BYTES_MAX];
    uint8_t e[8];
    size_t n_bytes = bytes_of(reading, node, "n", sizeof n, n);
    size_t e_bytes = bytes_of(reading, node, "e", sizeof e, e);
    if (n_bytes == 0 || e_bytes == 0) {
        return;
    }
    key->public_key = make_rsa(n, n_bytes, e, e_bytes);
    if (key->public_key == NULL) {
        fault(reading, "keys[%u]: is no public key of RSA", reading->keys.count);
    } else if (EVP_PKEY_get_bits(key->public_key) < RSA_BITS_MIN) {
        fault(reading, "keys[%u].n: has %d bits, must have %d at least", reading->keys.count,
              EVP_PKEY_get_bits(key->public_key), RSA_BITS_MIN);
    }
}

static void take_ec(struct reading *reading, uint32_t node, struct mu_jwks_key *key)
{
    uint8_t point[1 + 2 * POINT_BYTES] = { POINT_CONVERSION_UNCOMPRESSED };
    const char *curve = text_of(reading, node, "crv");
    size_t x = bytes_of(reading, node, "x", POINT_BYTES, point + 1);
    size_t y = bytes_of(reading, node, "y", POINT_BYTES, point + 1 + POINT_BYTES);
    if (curve == NULL || strcmp(curve, "P-256") != 0) {
        fault(reading, "keys[%u].crv: must be P-256", reading->keys.count);
        return;
    }
    if (x == 0 || y == 0) {
        return;
    }
    OSSL_PARAM_BLD *builder = x == POINT_BYTES && y == POINT_BYTES ? OSSL_PARAM_BLD_new() : NULL;
    if (builder != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) ==
            1) {
        key->public_key = make_key("EC", builder);
    } else {
        OSSL_PARAM_BLD_free(builder);
    }
    if (key->public_key == NULL) {
        fault(reading, "keys[%u]: is no point on P-256", reading->keys.count);
    }
}

static void take_secret(struct reading *reading, uint32_t node, struct mu_jwks_key *key)
{
    key->secret_bytes = bytes_of(reading, node, "k", sizeof key->secret, key->secret);
    if (key->secret_bytes > 0 && key->secret_bytes < MU_JWKS_SECRET_MIN) {
        fault(reading, "keys[%u].k: has %zu bytes, must have %d at least", reading->keys.count,
              key->secret_bytes, MU_JWKS_SECRET_MIN);
    }
}

static void take_kid(struct reading *reading, uint32_t node, struct mu_jwks_key *key)
{
    const char *kid = text_of(reading, node, "kid");
    if (kid == NULL && mu_json_member(&reading->json, node, "kid") == MU_JSON_NONE) {
        return;
    }
    if (kid == NULL || kid[0] == '\0' || strlen(kid) > MU_JWT_KID_MAX) {
        fault(reading, "keys[%u].kid: must have 1 to %d bytes", reading->keys.count,
              MU_JWT_KID_MAX);
        return;
    }
    for (uint32_t i = 0; i < reading->keys.count; i++) {
        if (strcmp(reading->keys.keys[i].kid, kid) == 0) {
            fault(reading, "keys[%u].kid: is that of keys[%u] too", reading->keys.count, i);
        }
    }
    (void)snprintf(key->kid, sizeof key->kid, "%s", kid);
}

static void take_key(struct reading *reading, uint32_t node)
{
    static const struct {
        const char *type;
        const char *algorithm;
        enum mu_jwt_algorithm value;
        void (*take)(struct reading *reading, uint32_t node, struct mu_jwks_key *key);
    } kinds[] = {
        { "oct", "HS256", MU_JWT_HS256, take_secret },
        { "RSA", "RS256", MU_JWT_RS256, take_rsa },
        { "EC", "ES256", MU_JWT_ES256, take_ec },
    };
    struct mu_jwks_key *key = &reading->keys.keys[reading->keys.count];
    const char *type = text_of(reading, node, "kty");
    const char *algorithm = text_of(reading, node, "alg");
    const char *use = text_of(reading, node, "use");
    take_kid(reading, node, key);
    if (use != NULL && strcmp(use, "sig") != 0) {
        fault(reading, "keys[%u].use: must be sig", reading->keys.count);
    }
    if (mu_json_member(&reading->json, node, "d") != MU_JSON_NONE) {
        fault(reading, "keys[%u].d: is of a private key, which does not belong here",
              reading->keys.count);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (type != NULL && algorithm != NULL && strcmp(type, kinds[i].type) == 0 &&
            strcmp(algorithm, kinds[i].algorithm) == 0) {
            key->algorithm = kinds[i].value;
            kinds[i].take(reading, node, key);
            return;
        }
    }
    fault(reading, "keys[%u]: kty and alg must be oct and HS256, RSA and RS256, or EC and ES256",
          reading->keys.count);
}

static void take_set(struct reading *reading)
{
    const struct mu_json_node *nodes = reading->json.nodes;
    uint32_t list =
        nodes[0].type == MU_JSON_OBJECT ? mu_json_member(&reading->json, 0, "keys") : MU_JSON_NONE;
    if (list == MU_JSON_NONE || nodes[list].type != MU_JSON_ARRAY ||
        nodes[list].count > MU_JWKS_KEYS_MAX) {
        fault(reading, "must be an object with a list of at most %d keys, {\"keys\": [...]}",
              MU_JWKS_KEYS_MAX);
        return;
    }
    for (uint32_t at = nodes[list].first; at != MU_JSON_NONE; at = nodes[at].next) {
        if (nodes[at].type == MU_JSON_OBJECT) {
            take_key(reading, at);
        } else {
            fault(reading, "keys[%u]: must be an object", reading->keys.count);
        }
        reading->keys.count++;
    }
    for (uint32_t i = 0; i < reading->keys.count && reading->keys.count > 1; i++) {
        if (reading->keys.keys[i].kid[0] == '\0') {
            fault(reading, "keys[%u].kid: is missing: with several keys each needs one", i);
        }
    }
}

int mu_jwks_keys_parse(const char *name, const uint8_t *bytes, size_t size,
                       struct mu_jwks_keys *ret, char *error)
{
    struct mu_json_error malformed;
    struct reading *reading = calloc(1, sizeof *reading);
    error[0] = '\0';
    if (reading == NULL) {
        return -ENOMEM;
    }
    reading->name = name;
    reading->error = error;
    if (mu_json_parse((const char *)bytes, size, &reading->json, &malformed) != 0) {
        /* jansson's words may quote what stands there. */
        fault(reading, "is not JSON: line %d, column %d", malformed.line, malformed.column);
    } else {
        take_set(reading);
    }
    int r = reading->error_used > 0 ? -EINVAL : 0;
    if (r == 0) {
        *ret = reading->keys;
    } else {
        mu_jwks_keys_release(&reading->keys);
    }
    sodium_memzero(reading, sizeof *reading);
    free(reading);
    return r;
}

void mu_jwks_keys_release(struct mu_jwks_keys *keys)
{
    for (uint32_t i = 0; i < MU_JWKS_KEYS_MAX; i++) {
        EVP_PKEY_free(keys->keys[i].public_key);
    }
    sodium_memzero(keys, sizeof *keys);
}

static bool verify_mac(const struct mu_jwks_key *key, const struct mu_jwt_signature *signature)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned int bytes = 0;
    return HMAC(EVP_sha256(), key->secret, (int)key->secret_bytes, signature->text.data,
                signature->text.size, mac, &bytes) != NULL &&
           bytes == MAC_BYTES && signature->bytes.size == MAC_BYTES &&
           CRYPTO_memcmp(mac, signature->bytes.data, MAC_BYTES) == 0;
}

static bool verify_digest(const struct mu_jwks_key *key, const struct mu_slice *text,
                          const uint8_t *signature, size_t signature_bytes)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context != NULL &&
                EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->public_key) == 1 &&
                EVP_DigestVerify(context, signature, signature_bytes, text->data, text->size) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

/* JWS has r and s one behind the other (RFC 7518, 3.4); OpenSSL wants them in DER. */
static bool verify_ec(const struct mu_jwks_key *key, const struct mu_jwt_signature *signature)
{
    if (signature->bytes.size != SIGNATURE_BYTES) {
        return false;
    }
    uint8_t der[DER_MAX];
    uint8_t *end = der;
    const uint8_t *bytes = signature->bytes.data;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, POINT_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(bytes + POINT_BYTES, POINT_BYTES, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return false;
    }
    int n = i2d_ECDSA_SIG(pair, NULL) <= DER_MAX ? i2d_ECDSA_SIG(pair, &end) : 0;
    ECDSA_SIG_free(pair);
    return n > 0 && verify_digest(key, &signature->text, der, (size_t)n);
}

bool mu_jwks_keys_verify(const struct mu_jwks_keys *keys, const struct mu_jwt_signature *signature)
{
    const struct mu_jwks_key *key = NULL;
    for (uint32_t i = 0; i < keys->count && key == NULL; i++) {
        bool only = signature->kid[0] == '\0' && keys->count == 1;
        if (only || (signature->kid[0] != '\0' && strcmp(keys->keys[i].kid, signature->kid) == 0)) {
            key = &keys->keys[i];
        }
    }
    if (key == NULL || key->algorithm != signature->algorithm) {
        return false;
    }
    switch (key->algorithm) {
    case MU_JWT_HS256: return verify_mac(key, signature);
    case MU_JWT_RS256:
        return verify_digest(key, &signature->text, signature->bytes.data, signature->bytes.size);
    case MU_JWT_ES256: return verify_ec(key, signature);
    }
    return false;
}
