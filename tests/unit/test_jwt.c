/* tests/unit/test_jwt.c - which tokens are good: form, header, and claims one by one. */
#include "gateway/jwt.h"

#include "tests/unit/unit.h"

#include "tests/unit/jwt_text.h"

#define NOW_S    1795500000
#define WALL_MS  (INT64_C(1000) * NOW_S)
#define HEAD     "{\"iss\":\"https://id.example\",\"aud\":\"muster\",\"sub\":\"ann\""
#define GOOD     HEAD ",\"exp\":1795500060}"
#define LONG_SUB "a2345678901234567890123456789012" /* 32: longer than any id */

static struct mu_json json;
static const struct mu_config_jwt rules = {
    .keys = "jwks.json",
    .issuer = "https://id.example",
    .audience = "muster",
};
static const struct mu_jwt jwt = {
    .rules = &rules,
    .keys = { .verify = jwt_verify },
    .json = &json,
};

static const char *judge(const char *header, const char *payload, const char *signature,
                         struct mu_jwt_claims *ret)
{
    char token[MU_JWT_MAX + 1];
    jwt_write(header, payload, signature, token);
    return mu_jwt_judge(&jwt, token, WALL_MS, ret);
}

static void test_takes_good_ones(void **state)
{
    static const struct {
        const char *payload;
        int64_t until_s;
    } good[] = {
        { GOOD, 1795500090 },
        { HEAD ",\"exp\":1795499971}", 1795500001 }, /* just within the leeway */
        { HEAD ",\"exp\":1795500060.5,\"nbf\":1795500030,\"iat\":1}", 1795500090 },
        { "{\"iss\":\"https://id.example\",\"aud\":[\"a\",1,\"muster\"],\"sub\":\"ann\","
          "\"exp\":253402300799}",
          253402300829 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct mu_jwt_claims claims = { .until_ms = 0 };
        assert_null(judge(JWT_HEADER, good[i].payload, "good", &claims));
        assert_string_equal(claims.player, "ann");
        assert_int_equal(claims.until_ms / 1000, good[i].until_s);
    }
}

struct refused {
    const char *part;
    const char *fault;
};

static void test_judges_headers(void **state)
{
    static const char algorithm[] = "The token's algorithm is not HS256, RS256 or ES256.";
    static const char key[] =
        "The token is not signed by a key that is known here for its algorithm.";
    static const struct refused bad[] = {
        { "[]", "The token's header is malformed." },
        { "{", "The token's header is malformed." },
        { "{\"alg\":\"ES256\",\"alg\":\"ES256\",\"kid\":\"game\"}",
          "The token's header is malformed." },
        { "{\"kid\":\"game\"}", algorithm },
        { "{\"alg\":\"none\",\"kid\":\"game\"}", algorithm },
        { "{\"alg\":\"None\",\"kid\":\"game\"}", algorithm },
        { "{\"alg\":\"ES384\",\"kid\":\"game\"}", algorithm },
        { "{\"alg\":[\"ES256\"],\"kid\":\"game\"}", algorithm },
        { "{\"alg\":\"HS256\",\"kid\":\"game\"}", key },
        { "{\"alg\":\"RS256\",\"kid\":\"game\"}", key },
        { "{\"alg\":\"ES256\",\"kid\":\"other\"}", key },
        { "{\"alg\":\"ES256\"}", key },
        { "{\"alg\":\"ES256\",\"kid\":\"\"}", "The token's kid is malformed." },
        { "{\"alg\":\"ES256\",\"kid\":7}", "The token's kid is malformed." },
        { "{\"alg\":\"ES256\",\"kid\":\"game\",\"crit\":[\"exp\"]}",
          "The token's header has crit, of which nothing is understood here." },
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_string_equal(judge(bad[i].part, GOOD, "good", NULL), bad[i].fault);
    }
    assert_string_equal(judge(JWT_HEADER, GOOD, "bad", NULL), key);
    assert_string_equal(judge(JWT_HEADER, "{", "bad!", NULL), key); /* the signature comes first */
}

static void test_judges_claims(void **state)
{
    static const char sub[] = "The token's sub is no player's id.";
#define REST ",\"exp\":1795500060}"
    static const struct refused bad[] = {
        { "{", "The token's payload is malformed." },
        { "[1]", "The token's payload is malformed." },
        { HEAD "}", "The token has no exp that is a time." },
        { HEAD ",\"exp\":\"1795500060\"}", "The token has no exp that is a time." },
        { HEAD ",\"exp\":-1}", "The token has no exp that is a time." },
        { HEAD ",\"exp\":253402300800}", "The token has no exp that is a time." },
        { HEAD ",\"exp\":1e300}", "The token has no exp that is a time." },
        { HEAD ",\"exp\":1795499970}", "The token has expired." },
        { HEAD ",\"exp\":0}", "The token has expired." },
        { HEAD ",\"nbf\":1795500031" REST, "The token is not good yet." },
        { HEAD ",\"nbf\":null" REST, "The token's nbf is no time." },
        { "{\"aud\":\"muster\",\"sub\":\"ann\"" REST, "The token is of another issuer." },
        { "{\"iss\":\"https://id.example/\",\"aud\":\"muster\",\"sub\":\"ann\"" REST,
          "The token is of another issuer." },
        { "{\"iss\":\"https://id.example\",\"sub\":\"ann\"" REST,
          "The token is for another audience." },
        { "{\"iss\":\"https://id.example\",\"aud\":[\"a\",[\"muster\"]],\"sub\":\"ann\"" REST,
          "The token is for another audience." },
        { "{\"iss\":\"https://id.example\",\"aud\":\"muster\"" REST, sub },
        { "{\"iss\":\"https://id.example\",\"aud\":\"muster\",\"sub\":\"\"" REST, sub },
        { "{\"iss\":\"https://id.example\",\"aud\":\"muster\",\"sub\":7" REST, sub },
        { "{\"iss\":\"https://id.example\",\"aud\":\"muster\",\"sub\":\"a/b\"" REST, sub },
        { "{\"iss\":\"https://id.example\",\"aud\":\"muster\",\"sub\":\"" LONG_SUB "\"" REST, sub },
    };
#undef REST
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_string_equal(judge(JWT_HEADER, bad[i].part, "good", NULL), bad[i].fault);
    }
}

static void test_wants_one_form(void **state)
{
    char good[MU_JWT_MAX + 1];
    char token[MU_JWT_MAX + 8];
    struct mu_jwt_claims claims;
    (void)state;
    jwt_write(JWT_HEADER, GOOD, "good", good);
    assert_true(mu_jwt_formed(good));
    assert_null(mu_jwt_judge(&jwt, good, WALL_MS, &claims));
    static const char *const behind[] = { "=", ".", " ", ".AAAA", "A", "\n" };
    for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
        (void)snprintf(token, sizeof token, "%s%s", good, behind[i]);
        assert_non_null(mu_jwt_judge(&jwt, token, WALL_MS, &claims));
    }
    good[strlen(good) - 1]++; /* "Z29vZA": the last letter has four spare bits, which must be 0 */
    assert_string_equal(mu_jwt_judge(&jwt, good, WALL_MS, &claims), "The token is malformed.");
    static const char *const none[] = { "", ".", "..", "a.b", "a..c", ".b.c", "a.b.", "a.b.c.d" };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_false(mu_jwt_formed(none[i]));
        assert_string_equal(mu_jwt_judge(&jwt, none[i], WALL_MS, &claims),
                            "The token is malformed.");
    }
    memset(token, 'A', sizeof token);
    token[100] = '.';
    token[200] = '.';
    token[MU_JWT_MAX] = '\0';
    assert_true(mu_jwt_formed(token));
    token[MU_JWT_MAX] = 'A';
    token[MU_JWT_MAX + 1] = '\0';
    assert_false(mu_jwt_formed(token));
}

/* Whatever byte of a token is another one, it is refused or says the same. */
static void test_survives_noise(void **state)
{
    char good[MU_JWT_MAX + 1];
    struct mu_rng *rng = *state;
    struct mu_jwt_claims claims;
    jwt_write(JWT_HEADER, GOOD, "good", good);
    for (int n = 0; n < 20000; n++) {
        char token[MU_JWT_MAX + 1];
        memcpy(token, good, sizeof token);
        token[mu_rng_below(rng, (uint32_t)strlen(good))] = (char)(1 + mu_rng_below(rng, 255));
        (void)mu_jwt_judge(&jwt, token, WALL_MS, &claims);
        token[mu_rng_below(rng, (uint32_t)strlen(good))] = '\0';
        assert_non_null(mu_jwt_judge(&jwt, token, WALL_MS, &claims)); /* cut */
    }
}

int main(int argc, char **argv)
{
    static struct mu_rng rng;
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_good_ones),
        cmocka_unit_test(test_judges_headers),
        cmocka_unit_test(test_judges_claims),
        cmocka_unit_test(test_wants_one_form),
        cmocka_unit_test_prestate(test_survives_noise, &rng),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
