/* tests/unit/test_jwks.c - key sets: which are taken, what they verify, and the file of one. */
#include "gateway/jwks_keys.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "tests/unit/jwt_vectors.h"
#include "tests/unit/store_folder.h"

#define OCT "{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"" JWT_SECRET "\""
#define RSA "{\"kty\":\"RSA\",\"alg\":\"RS256\",\"e\":\"AQAB\",\"n\":\"" JWT_RSA_N "\""
#define EC                                                                                         \
    "{\"kty\":\"EC\",\"alg\":\"ES256\",\"crv\":\"P-256\",\"x\":\"" JWT_EC_X "\",\"y\":\"" JWT_EC_Y \
    "\""
#define SET(keys) "{\"keys\":[" keys "]}"
#define ALL                                                                                        \
    SET(OCT ",\"kid\":\"o\"}," RSA ",\"kid\":\"r\",\"use\":\"sig\"}," EC                           \
            ",\"kid\":\"e\",\"x5c\":[\"?\"]}")

static struct mu_jwks_keys keys;
static char error[MU_JWKS_ERROR_MAX];

static int parse(const char *text)
{
    return mu_jwks_keys_parse("f", (const uint8_t *)text, strlen(text), &keys, error);
}

static bool verify(const char *kid, enum mu_jwt_algorithm algorithm, const char *text,
                   const char *signature)
{
    uint8_t bytes[600];
    size_t size = 0;
    assert_int_equal(sodium_base642bin(bytes, sizeof bytes, signature, strlen(signature), NULL,
                                       &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                     0);
    const struct mu_jwt_signature claimed = {
        .kid = kid,
        .algorithm = algorithm,
        .text = { (const uint8_t *)text, (uint32_t)strlen(text) },
        .bytes = { bytes, (uint32_t)size },
    };
    return mu_jwks_keys_verify(&keys, &claimed);
}

static void test_verifies(void **state)
{
    static const struct {
        const char *kid;
        enum mu_jwt_algorithm algorithm;
        const char *signature;
    } good[] = {
        { "o", MU_JWT_HS256, JWT_HS256 },
        { "r", MU_JWT_RS256, JWT_RS256 },
        { "e", MU_JWT_ES256, JWT_ES256 },
    };
    (void)state;
    assert_int_equal(parse(ALL), 0);
    assert_string_equal(error, "");
    assert_int_equal(keys.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(verify(good[i].kid, good[i].algorithm, JWT_TEXT, good[i].signature));
        assert_false(verify(good[i].kid, good[i].algorithm, JWT_TEXT "A", good[i].signature));
        assert_false(verify("", good[i].algorithm, JWT_TEXT, good[i].signature)); /* which? */
        assert_false(verify("x", good[i].algorithm, JWT_TEXT, good[i].signature));
        for (size_t k = 0; k < 3; k++) { /* a key is for its own algorithm and signatures */
            bool own = k == i;
            assert_true(own == verify(good[i].kid, good[k].algorithm, JWT_TEXT, good[i].signature));
            assert_true(own == verify(good[i].kid, good[i].algorithm, JWT_TEXT, good[k].signature));
        }
        assert_false(verify(good[i].kid, good[i].algorithm, JWT_TEXT, "AAAA"));
        assert_false(verify(good[i].kid, good[i].algorithm, JWT_TEXT, ""));
    }
    assert_false(verify("e", MU_JWT_ES256, JWT_TEXT, JWT_ES256_DER)); /* JWS has r and s */
    mu_jwks_keys_release(&keys);
    assert_int_equal(parse(SET(EC "}")), 0);
    assert_true(verify("", MU_JWT_ES256, JWT_TEXT, JWT_ES256)); /* the only one there is */
    assert_false(verify("e", MU_JWT_ES256, JWT_TEXT, JWT_ES256));
    mu_jwks_keys_release(&keys);
    assert_int_equal(parse("{\"keys\":[]}"), 0);
    assert_false(verify("", MU_JWT_ES256, JWT_TEXT, JWT_ES256));
}

static void test_refuses_sets(void **state)
{
    static const struct {
        const char *text;
        const char *fault;
    } bad[] = {
        { "", "f: is not JSON: line 1, column 1" },
        { "[]", "f: must be an object with a list of at most 16 keys, {\"keys\": [...]}" },
        { "{}", "f: must be an object with a list of at most 16 keys, {\"keys\": [...]}" },
        { SET("1"), "f: keys[0]: must be an object" },
        { SET("{\"kty\":\"oct\",\"k\":\"" JWT_SECRET "\"}"),
          "f: keys[0]: kty and alg must be oct and HS256, RSA and RS256, or EC and ES256" },
        { SET("{\"kty\":\"RSA\",\"alg\":\"HS256\"}"),
          "f: keys[0]: kty and alg must be oct and HS256, RSA and RS256, or EC and ES256" },
        { SET("{\"kty\":\"oct\",\"alg\":\"none\"}"),
          "f: keys[0]: kty and alg must be oct and HS256, RSA and RS256, or EC and ES256" },
        { SET(OCT ",\"use\":\"enc\"}"), "f: keys[0].use: must be sig" },
        { SET(EC ",\"d\":\"AA\"}"),
          "f: keys[0].d: is of a private key, which does not belong here" },
        { SET("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"c2hvcnQ\"}"),
          "f: keys[0].k: has 5 bytes, must have 32 at least" },
        { SET("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"not+url\"}"),
          "f: keys[0].k: must be base64url without padding, of 1 to 256 bytes" },
        { SET("{\"kty\":\"RSA\",\"alg\":\"RS256\",\"e\":\"AQAB\",\"n\":\"" JWT_RSA_SMALL_N "\"}"),
          "f: keys[0].n: has 1024 bits, must have 2048 at least" },
        { SET("{\"kty\":\"RSA\",\"alg\":\"RS256\",\"e\":\"AQ\",\"n\":\"" JWT_RSA_N "\"}"),
          "f: keys[0]: is no public key of RSA" },
        { SET("{\"kty\":\"EC\",\"alg\":\"ES256\",\"crv\":\"P-256\",\"x\":\"" JWT_EC_Y
              "\",\"y\":\"" JWT_EC_X "\"}"),
          "f: keys[0]: is no point on P-256" },
        { SET("{\"kty\":\"EC\",\"alg\":\"ES256\",\"crv\":\"P-384\",\"x\":\"" JWT_EC_X
              "\",\"y\":\"" JWT_EC_Y "\"}"),
          "f: keys[0].crv: must be P-256" },
        { SET(OCT "}," EC ",\"kid\":\"e\"}"),
          "f: keys[0].kid: is missing: with several keys each needs one" },
        { SET(OCT ",\"kid\":\"e\"}," EC ",\"kid\":\"e\"}"),
          "f: keys[1].kid: is that of keys[0] too" },
        { SET(OCT ",\"kid\":\"\"},1"),
          "f: keys[0].kid: must have 1 to 64 bytes\n"
          "f: keys[1]: must be an object\n"
          "f: keys[0].kid: is missing: with several keys each needs one\n"
          "f: keys[1].kid: is missing: with several keys each needs one" },
    };
    (void)state;
    memset(&keys, 0, sizeof keys);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(bad[i].text), -EINVAL);
        assert_string_equal(error, bad[i].fault);
        assert_int_equal(keys.count, 0);
    }
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_follows_its_file(void **state)
{
    struct store_folder folder;
    char path[STORE_FOLDER_MAX + 8];
    struct mu_jwks *jwks = NULL;
    struct mu_log *log = mu_log_create("test", MU_LOG_ERROR);
    (void)state;
    assert_non_null(log);
    store_folder_create(&folder);
    (void)snprintf(path, sizeof path, "%s/jwks", folder.path);
    assert_int_equal(mu_jwks_create(path, log, &jwks), -ENOENT);
    put(path, "{\"keys\":1}");
    assert_int_equal(mu_jwks_create(path, log, &jwks), -EINVAL);
    assert_null(jwks);
    put(path, SET(OCT "}"));
    assert_int_equal(mu_jwks_create(path, log, &jwks), 0);
    assert_int_equal(mu_jwks_count(jwks), 1);
    assert_false(mu_jwks_look(jwks));
    put(path, ALL);
    assert_true(mu_jwks_look(jwks));
    assert_int_equal(mu_jwks_count(jwks), 3);
    put(path, SET("1"));
    assert_false(mu_jwks_look(jwks));
    assert_int_equal(mu_jwks_count(jwks), 3); /* the last good ones */
    assert_int_equal(remove(path), 0);
    assert_false(mu_jwks_look(jwks));
    assert_int_equal(mu_jwks_count(jwks), 3);
    put(path, SET(""));
    assert_true(mu_jwks_look(jwks));
    assert_int_equal(mu_jwks_count(jwks), 0);
    mu_jwks_destroy(jwks);
    mu_log_destroy(log);
    store_folder_remove_path(folder.path);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verifies),
        cmocka_unit_test(test_refuses_sets),
        cmocka_unit_test(test_follows_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
