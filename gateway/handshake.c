/* gateway/handshake.c - the opening handshake of RFC 6455, section 4.2. */
#include "gateway/handshake.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include <event2/keyvalq_struct.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "gateway/transport.h"

#define KEY_BYTES 24 /* base64 of 16 bytes */
#define GUID      "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

bool mu_handshake_has(const char *value, const char *word)
{
    size_t word_bytes = strlen(word);
    while (*value != '\0') {
        value += strspn(value, " \t,");
        size_t bytes = strcspn(value, " \t,");
        if (bytes == word_bytes && strncasecmp(value, word, bytes) == 0)
            return true;
        value += bytes;
    }
    return false;
}

void mu_handshake_accept(const char *key, char *ret)
{
    unsigned char text[KEY_BYTES + sizeof GUID];
    unsigned char digest[SHA_DIGEST_LENGTH];
    assert(strlen(key) == KEY_BYTES);
    memcpy(text, key, KEY_BYTES);
    memcpy(text + KEY_BYTES, GUID, sizeof GUID);
    (void)SHA1(text, KEY_BYTES + sizeof GUID - 1, digest); /* returns its last argument */
    int n = EVP_EncodeBlock((unsigned char *)ret, digest, sizeof digest);
    assert(n == MU_HANDSHAKE_ACCEPT_SIZE - 1);
}

/* The key must be base64 of exactly 16 bytes; its last letter then carries four spare bits,
 * which some clients leave set, so they are not checked. */
static bool key_valid(const char *key)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return strlen(key) == KEY_BYTES && strspn(key, letters) == KEY_BYTES - 2 &&
           strcmp(key + KEY_BYTES - 2, "==") == 0;
}

static void refuse(struct mu_handshake *ret, int status, const char *detail)
{
    if (ret->status != 101)
        return; /* the first fault counts */
    ret->status = status;
    ret->detail = detail;
}

void mu_handshake_read(const struct evkeyvalq *headers, struct mu_handshake *ret)
{
    const char *key = NULL, *version = NULL;
    bool upgrade = false, connection = false;
    *ret = (struct mu_handshake){ .status = 101, .detail = "" };
    for (const struct evkeyval *h = headers->tqh_first; h != NULL; h = h->next.tqe_next) {
        if (strcasecmp(h->key, "Upgrade") == 0) {
            upgrade = upgrade || mu_handshake_has(h->value, "websocket");
        } else if (strcasecmp(h->key, "Connection") == 0) {
            connection = connection || mu_handshake_has(h->value, "upgrade");
        } else if (strcasecmp(h->key, "Sec-WebSocket-Key") == 0) {
            if (key != NULL)
                refuse(ret, 400, "Sec-WebSocket-Key was given more than once.");
            key = h->value;
        } else if (strcasecmp(h->key, "Sec-WebSocket-Version") == 0) {
            if (version != NULL)
                refuse(ret, 400, "Sec-WebSocket-Version was given more than once.");
            version = h->value;
        } else if (strcasecmp(h->key, "Sec-WebSocket-Protocol") == 0) {
            ret->protocol = ret->protocol || mu_handshake_has(h->value, MU_WS_PROTOCOL);
        }
    }
    if (!upgrade || !connection)
        refuse(ret, 426, "This path speaks WebSocket: send Upgrade and Connection.");
    if (version == NULL || strcmp(version, "13") != 0)
        refuse(ret, 426, "Only version 13 of WebSocket is spoken here.");
    if (key == NULL || !key_valid(key))
        refuse(ret, 400, "Sec-WebSocket-Key is malformed.");
    if (ret->status == 101 && key != NULL)
        mu_handshake_accept(key, ret->accept);
}
