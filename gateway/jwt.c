#include "gateway/jwt.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/fields.h"

/* The parts of a token, as it was sent and decoded. */
struct parts {
    struct mu_slice signed_text; /* header and payload with the dot */
    struct mu_slice header;      /* JSON, in `bytes`, as the other two */
    struct mu_slice payload;
    struct mu_slice signature;
    uint8_t bytes[MU_JWT_MAX];
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool mu_jwt_formed(const char *token)
{
    const char *at = token;
    if (strnlen(token, MU_JWT_MAX + 1) > MU_JWT_MAX) {
        return false;
    }
    for (int dots = 0; dots < 2; dots++) {
        size_t n = strspn(at, alphabet);
        if (n == 0 || at[n] != '.') {
            return false;
        }
        at += n + 1;
    }
    return at[0] != '\0' && at[strspn(at, alphabet)] == '\0';
}

/* Decodes the base64url of [at, end) behind what was decoded before.  Strict: no padding, no spare
 * bits that are set, so that a token has one form only. */
static bool decode(struct parts *parts, size_t *used, const char *at, const char *end,
                   struct mu_slice *ret)
{
    size_t size = 0;
    const char *stop = NULL;
    uint8_t *to = parts->bytes + *used;
    if (sodium_base642bin(to, sizeof parts->bytes - *used, at, (size_t)(end - at), NULL, &size,
                          &stop, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        stop != end) {
        return false;
    }
    *ret = (struct mu_slice){ .data = to, .size = (uint32_t)size };
    *used += size;
    return true;
}

static bool split(const char *token, struct parts *ret)
{
    if (!mu_jwt_formed(token)) {
        return false;
    }
    size_t used = 0;
    const char *payload = strchr(token, '.') + 1;
    const char *signature = strchr(payload, '.') + 1;
    ret->signed_text = (struct mu_slice){ .data = (const uint8_t *)token,
                                          .size = (uint32_t)(signature - 1 - token) };
    return decode(ret, &used, token, payload - 1, &ret->header) &&
           decode(ret, &used, payload, signature - 1, &ret->payload) &&
           decode(ret, &used, signature, signature + strlen(signature), &ret->signature);
}

/* Parses a part, which must be an object. */
static bool parse(const struct mu_jwt *jwt, const struct mu_slice *part)
{
    struct mu_json_error error; /* not told: the text is not its reader's */
    return mu_json_parse((const char *)part->data, part->size, jwt->json, &error) == 0 &&
           jwt->json->nodes[0].type == MU_JSON_OBJECT;
}

static const struct mu_json_node *member(const struct mu_jwt *jwt, const char *name)
{
    uint32_t node = mu_json_member(jwt->json, 0, name);
    return node == MU_JSON_NONE ? NULL : &jwt->json->nodes[node];
}

static bool is_text(const struct mu_json_node *node, const char *text)
{
    return node != NULL && node->type == MU_JSON_STRING && strcmp(node->text, text) == 0;
}

static const char *judge_header(const struct mu_jwt *jwt, const struct parts *parts)
{
    static const char *const names[] = {
        [MU_JWT_HS256] = "HS256",
        [MU_JWT_RS256] = "RS256",
        [MU_JWT_ES256] = "ES256",
    };
    struct mu_jwt_signature claimed = { .text = parts->signed_text, .bytes = parts->signature };
    char kid[MU_JWT_KID_MAX + 1] = "";
    size_t algorithm = 0;
    if (!parse(jwt, &parts->header)) {
        return "The token's header is malformed.";
    }
    const struct mu_json_node *alg = member(jwt, "alg");
    while (algorithm < sizeof names / sizeof names[0] && !is_text(alg, names[algorithm])) {
        algorithm++;
    }
    if (algorithm == sizeof names / sizeof names[0]) {
        return "The token's algorithm is not HS256, RS256 or ES256.";
    }
    if (member(jwt, "crit") != NULL) {
        return "The token's header has crit, of which nothing is understood here.";
    }
    const struct mu_json_node *node = member(jwt, "kid");
    if (node != NULL && (node->type != MU_JSON_STRING || node->text[0] == '\0' ||
                         strlen(node->text) > MU_JWT_KID_MAX)) {
        return "The token's kid is malformed.";
    }
    (void)snprintf(kid, sizeof kid, "%s", node == NULL ? "" : node->text);
    claimed.kid = kid;
    claimed.algorithm = (enum mu_jwt_algorithm)algorithm;
    return jwt->keys.verify(jwt->keys.context, &claimed)
               ? NULL
               : "The token is not signed by a key that is known here for its algorithm.";
}

/* Reads a time, in seconds.  False: it is not there, or is none. */
static bool read_time(const struct mu_jwt *jwt, const char *name, int64_t *ret_ms)
{
    const struct mu_json_node *node = member(jwt, name);
    if (node == NULL || (node->type != MU_JSON_INTEGER && node->type != MU_JSON_REAL) ||
        node->real < 0 || node->real > (double)MU_JWT_UNTIL_S) {
        return false;
    }
    *ret_ms = node->type == MU_JSON_INTEGER ? node->integer * 1000 : (int64_t)(node->real * 1000.0);
    return true;
}

/* `aud` is a text or a list of texts. */
static bool for_us(const struct mu_jwt *jwt)
{
    const struct mu_json_node *aud = member(jwt, "aud");
    const char *wanted = jwt->rules->audience;
    if (aud == NULL || aud->type != MU_JSON_ARRAY) {
        return is_text(aud, wanted);
    }
    uint32_t at = aud->first;
    while (at != MU_JSON_NONE && !is_text(&jwt->json->nodes[at], wanted)) {
        at = jwt->json->nodes[at].next;
    }
    return at != MU_JSON_NONE;
}

static const char *judge_claims(const struct mu_jwt *jwt, int64_t wall_ms,
                                struct mu_jwt_claims *ret)
{
    int64_t exp_ms = 0;
    int64_t nbf_ms = 0;
    if (!read_time(jwt, "exp", &exp_ms)) {
        return "The token has no exp that is a time.";
    }
    if (wall_ms - MU_JWT_LEEWAY_MS >= exp_ms) {
        return "The token has expired.";
    }
    if (member(jwt, "nbf") != NULL && !read_time(jwt, "nbf", &nbf_ms)) {
        return "The token's nbf is no time.";
    }
    if (wall_ms + MU_JWT_LEEWAY_MS < nbf_ms) {
        return "The token is not good yet.";
    }
    if (!is_text(member(jwt, "iss"), jwt->rules->issuer)) {
        return "The token is of another issuer.";
    }
    if (!for_us(jwt)) {
        return "The token is for another audience.";
    }
    const struct mu_json_node *sub = member(jwt, "sub");
    if (sub == NULL || sub->type != MU_JSON_STRING || !mu_client_id_valid(sub->text) ||
        strlen(sub->text) > MU_ID_MAX) {
        return "The token's sub is no player's id.";
    }
    (void)snprintf(ret->player, sizeof ret->player, "%s", sub->text);
    ret->until_ms = exp_ms + MU_JWT_LEEWAY_MS;
    return NULL;
}

const char *mu_jwt_judge(const struct mu_jwt *jwt, const char *token, int64_t wall_ms,
                         struct mu_jwt_claims *ret)
{
    struct parts parts;
    struct mu_jwt_claims claims = { .until_ms = 0 };
    assert(jwt->rules->issuer[0] != '\0' && jwt->rules->audience[0] != '\0');
    if (!split(token, &parts)) {
        return "The token is malformed.";
    }
    const char *fault = judge_header(jwt, &parts);
    if (fault != NULL) {
        return fault;
    }
    if (!parse(jwt, &parts.payload)) {
        return "The token's payload is malformed.";
    }
    fault = judge_claims(jwt, wall_ms, &claims);
    if (fault == NULL) {
        *ret = claims;
    }
    return fault;
}
