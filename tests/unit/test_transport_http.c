/* tests/unit/test_transport_http.c - a table of friendly and hostile HTTP, on real sockets.
 *
 * Every row is sent three times: in one piece, byte by byte, and cut at random places.  However
 * the bytes arrive, the answers must be the same. */
#include "tests/unit/edge_client.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define HOST         "Host: a.example\r\n"
#define GET          "GET / HTTP/1.1\r\n" HOST
#define POST         "POST /x HTTP/1.1\r\n" HOST
#define FILL         "@" /* replaced by row.fill bytes of 'f' */

static struct mu_rng rng;

struct row {
    const char *name;
    const char *bytes;
    const char *statuses; /* of the answers, "" for none */
    const char *holds;    /* in what was received, or NULL */
    size_t nul;           /* 1 + the place of a byte that is replaced by NUL, or 0 */
    size_t fill;          /* bytes in place of FILL */
    bool closes;          /* the server closes after the last answer */
};

static const struct row rows[] = {
    /* Well-formed. */
    { "get", GET "\r\n", "200", "GET /? 0: ", 0, 0, false },
    { "query", "GET /a/b?c=d&e HTTP/1.1\r\n" HOST "\r\n", "200", "GET /a/b?c=d&e ", 0, 0, false },
    { "escapes stay", "GET /a%2Fb%20c HTTP/1.1\r\n" HOST "\r\n", "200", "GET /a%2Fb%20c?", 0, 0,
      false },
    { "double slash is a path", "GET //evil/x HTTP/1.1\r\n" HOST "\r\n", "200", "GET //evil/x?", 0,
      0, false },
    /* evhttp closes after this form, which it takes for a proxy's. */
    { "absolute form", "GET http://a.example/p?q HTTP/1.1\r\n" HOST "\r\n", "200", "GET /p?q ", 0,
      0, true },
    { "absolute form, two slashes", "GET http://a.example//p HTTP/1.1\r\n" HOST "\r\n", "200",
      "GET //p? ", 0, 0, true },
    { "bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", "200", NULL, 0, 0, false },
    { "1.0", "GET / HTTP/1.0\r\n\r\n", "200", NULL, 0, 0, true },
    { "1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200",
      "Connection: keep-alive", 0, 0, false },
    { "close is asked for", GET "Connection: close\r\n\r\n", "200", "Connection: close", 0, 0,
      true },
    { "close is asked for in a list", GET "Connection: foo, Close\r\n\r\n", "200",
      "Connection: close", 0, 0, true },
    { "close is asked for in a second line", GET "Connection: foo\r\nConnection: close\r\n\r\n",
      "200", "Connection: close", 0, 0, true },
    { "post", POST "Content-Length: 5\r\n\r\nhello", "200", "POST /x? 5:hello ", 0, 0, false },
    { "post without length", POST "\r\n", "200", "POST /x? 0: ", 0, 0, false },
    { "put", "PUT / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", "200", "PUT /? 1:x", 0, 0,
      false },
    { "patch", "PATCH / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", "200", "PATCH /? 1:x", 0,
      0, false },
    { "delete", "DELETE / HTTP/1.1\r\n" HOST "\r\n", "200", "DELETE /? 0", 0, 0, false },
    { "delete with a body", "DELETE / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab", "200",
      "DELETE /? 2:ab", 0, 0, false },
    { "options", "OPTIONS /x HTTP/1.1\r\n" HOST "\r\n", "200", "OPTIONS /x?", 0, 0, false },
    { "get with a body", GET "Content-Length: 3\r\n\r\nabc", "200", "GET /? 3:abc", 0, 0, false },
    { "404 of the handler", "GET /missing HTTP/1.1\r\n" HOST "\r\n", "404", "X-Test: yes", 0, 0,
      false },
    { "head", "HEAD /abc HTTP/1.1\r\n" HOST "\r\n", "200", "Content-Length: 39\r\n", 0, 0, false },
    { "head of a 404", "HEAD /missing HTTP/1.1\r\n" HOST "\r\n", "404", "Content-Length: 2\r\n", 0,
      0, false },
    { "heads in a row", "HEAD /abc HTTP/1.1\r\n" HOST "\r\nHEAD /missing HTTP/1.1\r\n" HOST "\r\n",
      "200 404", NULL, 0, 0, false },
    { "204", "GET /nothing HTTP/1.1\r\n" HOST "\r\n", "204", NULL, 0, 0, false },
    { "headers go up",
      GET "Authorization: Bearer t\r\nContent-Type: application/json\r\n"
          "Idempotency-Key: k1\r\nOrigin: https://o.example\r\n\r\n",
      "200", "auth=Bearer t type=application/json key=k1 origin=https://o.example", 0, 0, false },
    { "header names in any case", GET "AUTHORIZATION:x\r\n\r\n", "200", "auth=x ", 0, 0, false },
    { "chunked", POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\n, \r\n0\r\n\r\n", "200",
      "7:hello, ", 0, 0, false },
    { "chunked in capitals", POST "transfer-encoding: CHUNKED\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
      "200", "10:0123456789 ", 0, 0, false },
    { "chunked and nothing", POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "200", "0: ", 0, 0,
      false },
    { "two in a row", GET "\r\n" POST "Content-Length: 2\r\n\r\nok" GET "\r\n", "200 200 200",
      "2:ok", 0, 0, false },
    { "chunked, then another",
      POST "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" GET "\r\n", "200 200", "1:x", 0,
      0, false },
    { "good, then bad",
      GET "\r\n"
          "GET / HTTP/1.1\r\n\r\n",
      "200 400", "Host is missing", 0, 0, true },
    { "good, then garbage",
      GET "\r\n"
          "\x16\x03\x01 hello\r\n\r\n",
      "200 400", NULL, 0, 0, true },
    { "expect, and the body at once", POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
      "200", "2:ok", 0, 0, false },
    /* Smuggling. */
    { "length and chunked",
      POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
           "0\r\n\r\nGET /admin HTTP/1.1\r\n" HOST "\r\n",
      "400", "exclude each other", 0, 0, true },
    { "chunked and length", POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
      "400", NULL, 0, 0, true },
    { "two lengths", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400",
      "more than once", 0, 0, true },
    { "two different lengths", POST "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello", "400",
      NULL, 0, 0, true },
    { "a list of lengths", POST "Content-Length: 5, 5\r\n\r\nhello", "400", "decimal", 0, 0, true },
    { "length with a sign", POST "Content-Length: +5\r\n\r\nhello", "400", NULL, 0, 0, true },
    { "negative length", POST "Content-Length: -1\r\n\r\nhello", "400", NULL, 0, 0, true },
    { "hexadecimal length", POST "Content-Length: 0x5\r\n\r\nhello", "400", NULL, 0, 0, true },
    { "length with letters", POST "Content-Length: 5x\r\n\r\nhello", "400", NULL, 0, 0, true },
    { "empty length", POST "Content-Length:\r\n\r\n", "400", NULL, 0, 0, true },
    { "enormous length", POST "Content-Length: 99999999999999999999\r\n\r\n", "400", NULL, 0, 0,
      true },
    { "two encodings",
      POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
           "0\r\n\r\n",
      "400", NULL, 0, 0, true },
    { "gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501",
      "NOT_IMPLEMENTED", 0, 0, true },
    { "identity", POST "Transfer-Encoding: identity\r\n\r\n", "400", NULL, 0, 0, true },
    { "xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400", NULL, 0, 0, true },
    { "chunked is not the last", POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "400",
      "BAD_REQUEST", 0, 0, true },
    { "chunked, chunked", POST "Transfer-Encoding: chunked , chunked\r\n\r\n0\r\n\r\n", "400", NULL,
      0, 0, true },
    { "an empty coding", POST "Transfer-Encoding: , chunked\r\n\r\n0\r\n\r\n", "400", NULL, 0, 0,
      true },
    { "a long coding, chunked", POST "Transfer-Encoding: " FILL ", chunked\r\n\r\n0\r\n\r\n", "501",
      NULL, 0, 100, true },
    { "encoding behind a tab", POST "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", "200", NULL, 0,
      0, false },
    { "space before the colon", POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400",
      "header name", 0, 0, true },
    { "host with a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400", NULL, 0, 0,
      true },
    { "folded line", POST "A: b\r\n Content-Length: 5\r\n\r\nhello", "400", "header line", 0, 0,
      true },
    { "folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400", NULL, 0, 0, true },
    { "chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400",
      NULL, 0, 0, true },
    { "head with a body", "HEAD / HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nGET ", "400", NULL,
      0, 0, true },
    { "carriage return alone in a value", GET "A: b\rC: d\r\n\r\n", "400", "carriage return", 0, 0,
      true },
    { "carriage return alone at the end", "GET / HTTP/1.1\r\nHost: a\r\n\rX", "400", NULL, 0, 0,
      true },
    /* Chunks. */
    { "chunk size with 0x", POST "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
      "400", "chunk size", 0, 0, true },
    { "chunk size with a sign", POST "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
      "400", NULL, 0, 0, true },
    { "chunk size behind a space",
      POST "Transfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n", "400", NULL, 0, 0, true },
    { "chunk size before a space",
      POST "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", "400", NULL, 0, 0, true },
    { "empty chunk size", POST "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", "400",
      NULL, 0, 0, true },
    { "chunk size of letters", POST "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "400", NULL, 0, 0,
      true },
    { "chunk size too long", POST "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF5\r\n", "400",
      NULL, 0, 0, true },
    { "chunk extension", POST "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
      "400", NULL, 0, 0, true },
    { "chunk longer than said", POST "Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
      "400", "chunk is malformed", 0, 0, true },
    { "chunk without its end", POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", "400",
      NULL, 0, 0, true },
    { "trailers", POST "Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: x\r\n\r\n", "400",
      "Trailers", 0, 0, true },
    /* Host. */
    { "no host", "GET / HTTP/1.1\r\n\r\n", "400", "Host is missing", 0, 0, true },
    { "two hosts", GET "Host: b\r\n\r\n", "400", "Host was given", 0, 0, true },
    { "empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400", NULL, 0, 0, true },
    { "two hosts in one", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400", NULL, 0, 0, true },
    { "host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400", NULL, 0, 0, true },
    { "host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400", NULL, 0, 0, true },
    { "host with a port", "GET / HTTP/1.1\r\nHost: [::1]:8080 \r\n\r\n", "200", NULL, 0, 0, false },
    /* Request line. */
    { "nothing but lines", "\r\n\r\n", "400", NULL, 0, 0, true },
    { "garbage", "abc\r\n\r\n", "400", "BAD_REQUEST", 0, 0, true },
    { "no version", "GET /\r\n\r\n", "400", NULL, 0, 0, true },
    { "version 3.7", "GET / HTTP/3.7\r\n" HOST "\r\n", "505", "HTTP_VERSION_NOT_SUPPORTED", 0, 0,
      true },
    { "version 2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "501", NULL, 0, 0, true },
    { "version 1.2", "GET / HTTP/1.2\r\n" HOST "\r\n", "505", NULL, 0, 0, true },
    { "version with a tail", "GET / HTTP/1.1x\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "lower case version", "GET / http/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "two spaces", "GET  / HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "space in the path", "GET /a b HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "tab for a space", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "space first", " GET / HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "path without a slash", "GET x HTTP/1.1\r\n" HOST "\r\n", "400", "slash", 0, 0, true },
    { "asterisk", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "absolute form without a path", "GET http://a.example HTTP/1.1\r\n" HOST "\r\n", "400", NULL,
      0, 0, true },
    { "broken authority", "GET http://[x/ HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "a colon for a path", "GET : HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "behind another, a colon for a path",
      GET "\r\n"
          "GET : HTTP/1.1\r\n" HOST "\r\n",
      "200 400", "problem+json", 0, 0, true },
    { "broken port", "GET http://a:x/ HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "%00", "GET /a%00b HTTP/1.1\r\n" HOST "\r\n", "400", "NUL", 0, 0, true },
    { "%zz", "GET /a%zzb HTTP/1.1\r\n" HOST "\r\n", "400", "percent", 0, 0, true },
    { "% at the end", "GET /a% HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "fragment", "GET /a#b HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "raw UTF-8 in the path", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 0, 0, true },
    { "NUL in the path", "GET /a_b HTTP/1.1\r\n" HOST "\r\n", "400", NULL, 7, 0, true },
    { "NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nA: b_c\r\n\r\n", "400", "control", 30, 0,
      true },
    { "NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nA_B: c\r\n\r\n", "400", NULL, 27, 0, true },
    { "TLS hello", "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03", "400", NULL, 0, 0, true },
    /* Methods. */
    { "trace", "TRACE / HTTP/1.1\r\n" HOST "\r\n", "501", "NOT_IMPLEMENTED", 0, 0, true },
    { "connect", "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", "501", NULL, 0, 0, true },
    { "unknown", "BREW / HTTP/1.1\r\n" HOST "\r\n", "501", NULL, 0, 0, true },
    { "lower case", "get / HTTP/1.1\r\n" HOST "\r\n", "501", NULL, 0, 0, true },
    { "GETX", "GETX / HTTP/1.1\r\n" HOST "\r\n", "501", NULL, 0, 0, true },
    { "a long one", FILL " / HTTP/1.1\r\n" HOST "\r\n", "501", NULL, 0, 100, true },
    /* Headers. */
    { "no colon", GET "abc\r\n\r\n", "400", NULL, 0, 0, true },
    { "empty name", GET ": x\r\n\r\n", "400", NULL, 0, 0, true },
    { "bad byte in a name", GET "A(b: x\r\n\r\n", "400", NULL, 0, 0, true },
    { "control in a value", GET "A: \x01\r\n\r\n", "400", NULL, 0, 0, true },
    { "two authorizations", GET "Authorization: a\r\nAuthorization: b\r\n\r\n", "400",
      "more than once", 0, 0, true },
    { "two unknown ones", GET "X: a\r\nX: b\r\n\r\n", "200", NULL, 0, 0, false },
    { "unknown expectation", POST "Expect: the-worst\r\nContent-Length: 1\r\n\r\nx", "417",
      "EXPECTATION_FAILED", 0, 0, true },
    /* Sizes. */
    { "headers that just fit", GET "A: " FILL "\r\n\r\n", "200", NULL, 0, 16000, false },
    { "headers too large", GET "A: " FILL "\r\n\r\n", "431", "HEADERS_TOO_LARGE", 0, 17000, true },
    { "path too large", "GET /" FILL " HTTP/1.1\r\n" HOST "\r\n", "414", "URI_TOO_LONG", 0, 17000,
      true },
    { "no end of the method", FILL, "501", NULL, 0, 17000, true },
    { "no end of the path", "GET /" FILL, "414", NULL, 0, 17000, true },
    { "no end of line", "GET / " FILL, "431", NULL, 0, 17000, true },
    { "no end of headers", GET "A: " FILL, "431", NULL, 0, 17000, true },
    { "body that just fits", POST "Content-Length: 65536\r\n\r\n" FILL, "200", "65536:ffff", 0,
      65536, false },
    { "body too large by one", POST "Content-Length: 65537\r\n\r\n" FILL, "413",
      "PAYLOAD_TOO_LARGE", 0, 65537, true },
    { "body announced too large", POST "Content-Length: 1000000000000\r\n\r\n", "413", NULL, 0, 0,
      true },
    { "chunk that just fits",
      POST "Transfer-Encoding: chunked\r\n\r\n10000\r\n" FILL "\r\n0\r\n\r\n", "200", "65536:", 0,
      65536, false },
    { "chunk too large", POST "Transfer-Encoding: chunked\r\n\r\n10001\r\n", "413", NULL, 0, 0,
      true },
    { "chunks too large together",
      POST "Transfer-Encoding: chunked\r\n\r\nFFFF\r\n" FILL "\r\n2\r\nab\r\n0\r\n\r\n", "413",
      NULL, 0, 65535, true },
};

/* The row's bytes with its filling and its NUL. */
static char *make(const struct row *row, size_t *ret_size)
{
    const char *hole = row->fill > 0 ? strchr(row->bytes, '@') : NULL;
    size_t size = strlen(row->bytes) + (hole != NULL ? row->fill - 1 : 0);
    char *bytes = malloc(size + 1);
    assert_non_null(bytes);
    if (hole != NULL) {
        size_t before = (size_t)(hole - row->bytes);
        memcpy(bytes, row->bytes, before);
        memset(bytes + before, 'f', row->fill);
        memcpy(bytes + before + row->fill, hole + 1, size - before - row->fill);
    } else {
        memcpy(bytes, row->bytes, size);
    }
    bytes[size] = '\0';
    if (row->nul > 0) {
        assert_true(bytes[row->nul - 1] == '_');
        bytes[row->nul - 1] = '\0';
    }
    *ret_size = size;
    return bytes;
}

enum cut { CUT_NONE, CUT_BYTES, CUT_RANDOM };

/* Large rows are not sent byte by byte to the end: only their first and last 300 bytes are. */
static size_t next_piece(enum cut cut, size_t sent, size_t size)
{
    size_t left = size - sent, piece = left;
    if (cut == CUT_BYTES) {
        piece = sent < 300 || left <= 300 ? 1 : left - 300;
    } else if (cut == CUT_RANDOM) {
        piece = 1 + (size_t)mu_rng_below(&rng, left);
    }
    return piece;
}

static bool is_head(const struct row *row)
{
    return strncmp(row->bytes, "HEAD ", 5) == 0;
}

static void check_answers(const struct row *row, struct edge_client *client)
{
    char statuses[256];
    size_t rest;
    (void)edge_statuses(client, is_head(row), statuses, sizeof statuses, &rest);
    if (strcmp(statuses, row->statuses) != 0) {
        fail_msg("%s: got '%s' for '%s':\n%s", row->name, statuses, row->statuses,
                 client->received);
    }
    assert_true(rest == client->used);
    if (row->holds != NULL && strstr(client->received, row->holds) == NULL) {
        fail_msg("%s: no '%s' in:\n%s", row->name, row->holds, client->received);
    }
    /* Whoever refused: it is problem+json and never HTML. */
    assert_null(strstr(client->received, "<HTML"));
    assert_null(strstr(client->received, "<html"));
    if (row->closes && strstr("400 413 414 417 431 501 505", row->statuses) != NULL) {
        static const char *const parts[] = { "application/problem+json",
                                             "\"type\":\"/problems/",
                                             "\"title\":",
                                             "\"status\":",
                                             "\"detail\":",
                                             "\"code\":",
                                             "\"message\":",
                                             "\"error\":",
                                             "Connection: close" };
        for (size_t i = 0; i < COUNT(parts) && !is_head(row); i++) {
            assert_non_null(strstr(client->received, parts[i]));
        }
    }
}

static int answers_of(const struct row *row)
{
    return (int)(strlen(row->statuses) + 1) / 4;
}

static void run_row(struct edge_server *server, const struct row *row, enum cut cut)
{
    struct edge_client client;
    size_t size, rest;
    char statuses[256];
    char *bytes = make(row, &size);
    edge_connect(&client, mu_transport_port(server->transport));
    for (size_t sent = 0; sent < size;) {
        size_t piece = next_piece(cut, sent, size);
        if (!edge_send(server, &client, bytes + sent, piece)) {
            break;
        }
        sent += piece;
    }
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (edge_statuses(&client, is_head(row), statuses, sizeof statuses, &rest) <
               answers_of(row) ||
           (row->closes && !client.ended)) {
        edge_turn(server, &client, 5);
        if (edge_now() >= end_ms) {
            fail_msg("%s (cut %d): timed out with '%s':\n%s", row->name, (int)cut, statuses,
                     client.received);
        }
    }
    check_answers(row, &client);
    if (client.ended != row->closes) {
        fail_msg("%s: %s:\n%s", row->name, client.ended ? "closed" : "open", client.received);
    }
    edge_disconnect(&client);
    free(bytes);
}

static void run_table(enum cut cut)
{
    struct edge_server server;
    struct mu_transport_options options;
    edge_options(&options);
    edge_start(&server, &options);
    for (size_t i = 0; i < COUNT(rows); i++) {
        run_row(&server, &rows[i], cut);
    }
    mu_transport_check(server.transport);
    edge_end(&server);
}

static void test_in_one_piece(void **state)
{
    (void)state;
    run_table(CUT_NONE);
}

static void test_byte_by_byte(void **state)
{
    (void)state;
    run_table(CUT_BYTES);
}

static void test_cut_at_random(void **state)
{
    (void)state;
    run_table(CUT_RANDOM);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_one_piece),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_cut_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
