/* gateway/http_scan.c - a strict, incremental reader of HTTP/1.1 request framing. */
#include "gateway/http_scan.h"

#include <assert.h>
#include <string.h>

#define TOKEN_MAX         24u /* bytes of token[] */
#define LENGTH_DIGITS_MAX 18  /* decimal digits that surely fit 63 bits */
#define CHUNK_DIGITS_MAX  8

/* The headers that decide framing. */
enum known { KNOWN_NONE, KNOWN_HOST, KNOWN_LENGTH, KNOWN_ENCODING, KNOWN_EXPECT };

static void fail(struct mu_http_scan *scan, int status, const char *detail)
{
    scan->state = MU_HTTP_SCAN_BAD;
    scan->status = status;
    scan->detail = detail;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* tchar of RFC 9110, 5.6.2. */
static bool is_token(uint8_t byte)
{
    return is_letter(byte) || is_digit(byte) ||
           (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

/* The value of a hexadecimal digit, or 16. */
static uint8_t hex_value(uint8_t byte)
{
    if (is_digit(byte))
        return (uint8_t)(byte - '0');
    if (byte >= 'a' && byte <= 'f')
        return (uint8_t)(byte - 'a' + 10);
    if (byte >= 'A' && byte <= 'F')
        return (uint8_t)(byte - 'A' + 10);
    return 16;
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

static void token_add(struct mu_http_scan *scan, uint8_t byte)
{
    if (scan->token_bytes >= TOKEN_MAX)
        return;
    scan->token[scan->token_bytes++] = (char)byte;
}

/* A token of TOKEN_MAX bytes may have been longer, so it equals nothing. */
static bool token_is(const struct mu_http_scan *scan, const char *word)
{
    size_t size = strlen(word);
    assert(size < TOKEN_MAX);
    return scan->token_bytes == size && memcmp(scan->token, word, size) == 0;
}

static void method_step(struct mu_http_scan *scan, uint8_t byte)
{
    static const char *const methods[] = { "GET",   "POST",    "PUT", "DELETE",
                                           "PATCH", "OPTIONS", "HEAD" };
    if (byte != ' ') {
        if (!is_token(byte))
            fail(scan, 400, "The request line is malformed.");
        token_add(scan, byte);
        return;
    }
    if (scan->token_bytes == 0) {
        fail(scan, 400, "The request line is malformed.");
        return;
    }
    size_t i = 0;
    while (i < sizeof methods / sizeof *methods && !token_is(scan, methods[i]))
        i++;
    if (i == sizeof methods / sizeof *methods) {
        fail(scan, 501, "This method is not implemented.");
        return;
    }
    scan->head = token_is(scan, "HEAD");
    scan->token_bytes = 0;
    scan->state = MU_HTTP_SCAN_TARGET;
}

static void target_step(struct mu_http_scan *scan, uint8_t byte)
{
    if (scan->percent_left > 0) {
        uint8_t value = hex_value(byte);
        scan->percent_value = (uint8_t)(scan->percent_value * 16 + (value & 15));
        scan->percent_left--;
        if (value == 16) {
            fail(scan, 400, "The path holds a malformed percent escape.");
        } else if (scan->percent_left == 0 && scan->percent_value == 0) {
            fail(scan, 400, "The path holds an escaped NUL.");
        }
        return;
    }
    if (byte == ' ') {
        if (scan->token_bytes == 0)
            fail(scan, 400, "The request line is malformed.");
        scan->token_bytes = 0;
        if (scan->state != MU_HTTP_SCAN_BAD)
            scan->state = MU_HTTP_SCAN_VERSION;
    } else if (byte <= 0x20 || byte >= 0x7f || byte == '#') {
        fail(scan, 400, "The path holds a byte that must be escaped.");
    } else {
        token_add(scan, byte);
        if (byte == '%') {
            scan->percent_left = 2;
            scan->percent_value = 0;
        }
    }
}

static void version_done(struct mu_http_scan *scan)
{
    scan->http10 = token_is(scan, "HTTP/1.0");
    if (!scan->http10 && !token_is(scan, "HTTP/1.1")) {
        bool shaped = scan->token_bytes == 8 && memcmp(scan->token, "HTTP/", 5) == 0 &&
                      is_digit((uint8_t)scan->token[5]) && scan->token[6] == '.' &&
                      is_digit((uint8_t)scan->token[7]);
        if (shaped) {
            fail(scan, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
        } else {
            fail(scan, 400, "The request line is malformed.");
        }
        return;
    }
    scan->token_bytes = 0;
    scan->state = MU_HTTP_SCAN_LINE;
}

static void version_step(struct mu_http_scan *scan, uint8_t byte)
{
    if (byte == '\n') {
        version_done(scan);
    } else if (byte == '\r') {
        scan->state = MU_HTTP_SCAN_VERSION_LF;
    } else if (byte <= 0x20 || byte >= 0x7f) {
        fail(scan, 400, "The request line is malformed.");
    } else {
        token_add(scan, byte);
    }
}

static void length_done(struct mu_http_scan *scan)
{
    if (scan->length_seen) {
        fail(scan, 400, "Content-Length was given more than once.");
        return;
    }
    uint64_t length = 0;
    bool valid = scan->token_bytes >= 1 && scan->token_bytes <= LENGTH_DIGITS_MAX;
    for (size_t i = 0; valid && i < scan->token_bytes; i++) {
        valid = is_digit((uint8_t)scan->token[i]);
        length = length * 10 + (uint64_t)(uint8_t)(scan->token[i] - '0');
    }
    if (!valid) {
        fail(scan, 400, "Content-Length is not a plain decimal number.");
        return;
    }
    scan->length_seen = true;
    scan->body_bytes = length;
}

/* A comma in the value of Transfer-Encoding: what stands before it is not the last coding.
 * RFC 9112, 6.1 and 7: chunked may only be the last, once. */
static void coding_done(struct mu_http_scan *scan)
{
    while (scan->token_bytes > 0 && (scan->token[scan->token_bytes - 1] == ' ' ||
                                     scan->token[scan->token_bytes - 1] == '\t'))
        scan->token_bytes--;
    if (scan->token_bytes == 0 || token_is(scan, "chunked"))
        fail(scan, 400, "Transfer-Encoding is malformed.");
    scan->coding_seen = true;
    scan->token_bytes = 0;
}

static void encoding_done(struct mu_http_scan *scan)
{
    if (scan->chunked || scan->http10) {
        fail(scan, 400, "Transfer-Encoding is not allowed here.");
    } else if (!token_is(scan, "chunked")) { /* RFC 9112, 6.3: nobody could tell where it ends */
        fail(scan, 400, "The last transfer coding must be 'chunked'.");
    } else if (scan->coding_seen) {
        fail(scan, 501, "Only the transfer coding 'chunked' is implemented.");
    } else {
        scan->chunked = true;
    }
}

static void value_done(struct mu_http_scan *scan)
{
    scan->state = MU_HTTP_SCAN_LINE;
    while (scan->token_bytes > 0 && (scan->token[scan->token_bytes - 1] == ' ' ||
                                     scan->token[scan->token_bytes - 1] == '\t'))
        scan->token_bytes--;
    switch ((enum known)scan->known) {
    case KNOWN_NONE: break;
    case KNOWN_HOST:
        if (scan->host_seen) {
            fail(scan, 400, "Host was given more than once.");
        } else if (scan->token_bytes == 0) {
            fail(scan, 400, "Host is empty.");
        }
        scan->host_seen = true;
        break;
    case KNOWN_LENGTH: length_done(scan); break;
    case KNOWN_ENCODING: encoding_done(scan); break;
    case KNOWN_EXPECT:
        if (!token_is(scan, "100-continue"))
            fail(scan, 417, "Only the expectation '100-continue' can be met.");
        break;
    }
    scan->token_bytes = 0;
}

/* Host must be one word of what RFC 3986 allows there: a comma or a second word is how two
 * hosts are smuggled into one line. */
static void host_step(struct mu_http_scan *scan, uint8_t byte)
{
    if (byte == ' ' || byte == '\t') {
        scan->space_seen = scan->token_bytes > 0;
        return;
    }
    bool allowed = is_letter(byte) || is_digit(byte) || strchr("-._~:[]%", byte) != NULL;
    if (!allowed || scan->space_seen)
        fail(scan, 400, "Host is malformed.");
    token_add(scan, byte);
}

static void value_step(struct mu_http_scan *scan, uint8_t byte)
{
    if (byte == '\n') {
        value_done(scan);
    } else if (byte == '\r') {
        scan->state = MU_HTTP_SCAN_VALUE_LF;
    } else if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
        fail(scan, 400, "A header value holds a control character.");
    } else if (scan->known == KNOWN_HOST) {
        host_step(scan, byte);
    } else if (scan->known == KNOWN_ENCODING && byte == ',') {
        coding_done(scan);
    } else if (scan->known != KNOWN_NONE) {
        bool space = byte == ' ' || byte == '\t';
        if (!space || scan->token_bytes > 0)
            token_add(scan, lower(byte));
    }
}

static enum known known_header(const struct mu_http_scan *scan)
{
    if (token_is(scan, "host"))
        return KNOWN_HOST;
    if (token_is(scan, "content-length"))
        return KNOWN_LENGTH;
    if (token_is(scan, "transfer-encoding"))
        return KNOWN_ENCODING;
    if (token_is(scan, "expect"))
        return KNOWN_EXPECT;
    return KNOWN_NONE;
}

static void name_step(struct mu_http_scan *scan, uint8_t byte)
{
    if (byte == ':') {
        scan->known = (uint8_t)known_header(scan);
        scan->token_bytes = 0;
        scan->space_seen = false;
        scan->state = MU_HTTP_SCAN_VALUE;
    } else if (!is_token(byte)) {
        fail(scan, 400, "A header name is malformed.");
    } else {
        token_add(scan, lower(byte));
    }
}

static void head_done(struct mu_http_scan *scan)
{
    bool body = scan->chunked || scan->body_bytes > 0;
    if (!scan->http10 && !scan->host_seen) {
        fail(scan, 400, "Host is missing.");
    } else if (scan->chunked && scan->length_seen) {
        fail(scan, 400, "Content-Length and Transfer-Encoding exclude each other.");
    } else if (scan->head && body) {
        fail(scan, 400, "A HEAD request has no body.");
    } else if (scan->body_bytes > scan->body_bytes_max) {
        fail(scan, 413, "The body is too large.");
    } else if (scan->chunked) {
        scan->state = MU_HTTP_SCAN_CHUNK_SIZE;
    } else {
        scan->state = body ? MU_HTTP_SCAN_BODY : MU_HTTP_SCAN_DONE;
    }
    scan->left = scan->body_bytes;
}

static void line_step(struct mu_http_scan *scan, uint8_t byte)
{
    if (byte == '\n') {
        head_done(scan);
    } else if (byte == '\r') {
        scan->state = MU_HTTP_SCAN_HEAD_LF;
    } else if (!is_token(byte)) {
        fail(scan, 400, "A header line is malformed.");
    } else if (++scan->headers_count > MU_HTTP_SCAN_HEADERS_MAX) {
        fail(scan, 431, "There are too many headers.");
    } else {
        scan->state = MU_HTTP_SCAN_NAME;
        token_add(scan, lower(byte));
    }
}

static void chunk_size_step(struct mu_http_scan *scan, uint8_t byte)
{
    if (byte == '\r' && scan->token_bytes > 0) {
        scan->state = MU_HTTP_SCAN_CHUNK_SIZE_LF;
        return;
    }
    uint8_t value = hex_value(byte);
    if (value == 16 || scan->token_bytes >= CHUNK_DIGITS_MAX) {
        fail(scan, 400, "A chunk size is malformed.");
        return;
    }
    scan->left = scan->left * 16 + value;
    token_add(scan, byte);
}

static void chunk_size_done(struct mu_http_scan *scan)
{
    scan->token_bytes = 0;
    scan->body_bytes += scan->left;
    if (scan->body_bytes > scan->body_bytes_max) {
        fail(scan, 413, "The body is too large.");
    } else {
        scan->state = scan->left > 0 ? MU_HTTP_SCAN_CHUNK : MU_HTTP_SCAN_LAST_CR;
    }
}

/* One byte of the framing between chunks. */
static void chunk_step(struct mu_http_scan *scan, uint8_t byte)
{
    bool last = scan->state == MU_HTTP_SCAN_LAST_CR || scan->state == MU_HTTP_SCAN_LAST_LF;
    bool want_cr = scan->state == MU_HTTP_SCAN_LAST_CR || scan->state == MU_HTTP_SCAN_CHUNK_CR;
    if (scan->state == MU_HTTP_SCAN_CHUNK_SIZE) {
        chunk_size_step(scan, byte);
    } else if (byte != (want_cr ? '\r' : '\n')) {
        fail(scan, 400, last ? "Trailers are not accepted." : "A chunk is malformed.");
    } else if (scan->state == MU_HTTP_SCAN_CHUNK_SIZE_LF) {
        chunk_size_done(scan);
    } else if (want_cr) {
        scan->state = last ? MU_HTTP_SCAN_LAST_LF : MU_HTTP_SCAN_CHUNK_LF;
    } else {
        scan->state = last ? MU_HTTP_SCAN_DONE : MU_HTTP_SCAN_CHUNK_SIZE;
    }
}

/* RFC 9112, 3: a method or an address that is too long is answered as such. */
static void too_large(struct mu_http_scan *scan)
{
    if (scan->state == MU_HTTP_SCAN_METHOD) {
        fail(scan, 501, "This method is not implemented.");
    } else if (scan->state == MU_HTTP_SCAN_TARGET) {
        fail(scan, 414, "The path and query are too long.");
    } else {
        fail(scan, 431, "The request line and headers are too large.");
    }
}

static void head_step(struct mu_http_scan *scan, uint8_t byte)
{
    if (++scan->head_bytes > scan->head_bytes_max) {
        too_large(scan);
        return;
    }
    switch (scan->state) {
    case MU_HTTP_SCAN_METHOD: method_step(scan, byte); break;
    case MU_HTTP_SCAN_TARGET: target_step(scan, byte); break;
    case MU_HTTP_SCAN_VERSION: version_step(scan, byte); break;
    case MU_HTTP_SCAN_LINE: line_step(scan, byte); break;
    case MU_HTTP_SCAN_NAME: name_step(scan, byte); break;
    case MU_HTTP_SCAN_VALUE: value_step(scan, byte); break;
    case MU_HTTP_SCAN_VERSION_LF:
    case MU_HTTP_SCAN_VALUE_LF:
    case MU_HTTP_SCAN_HEAD_LF:
        if (byte != '\n') {
            fail(scan, 400, "A carriage return stands alone.");
        } else if (scan->state == MU_HTTP_SCAN_VERSION_LF) {
            version_done(scan);
        } else if (scan->state == MU_HTTP_SCAN_VALUE_LF) {
            value_done(scan);
        } else {
            head_done(scan);
        }
        break;
    case MU_HTTP_SCAN_BODY:
    case MU_HTTP_SCAN_CHUNK_SIZE:
    case MU_HTTP_SCAN_CHUNK_SIZE_LF:
    case MU_HTTP_SCAN_CHUNK:
    case MU_HTTP_SCAN_CHUNK_CR:
    case MU_HTTP_SCAN_CHUNK_LF:
    case MU_HTTP_SCAN_LAST_CR:
    case MU_HTTP_SCAN_LAST_LF:
    case MU_HTTP_SCAN_DONE:
    case MU_HTTP_SCAN_BAD: break;
    }
}

/* Passes over body bytes; returns how many. */
static size_t body_run(struct mu_http_scan *scan, size_t size)
{
    assert(scan->left > 0);
    size_t n = scan->left < size ? (size_t)scan->left : size;
    scan->left -= n;
    if (scan->left == 0)
        scan->state = scan->state == MU_HTTP_SCAN_BODY ? MU_HTTP_SCAN_DONE : MU_HTTP_SCAN_CHUNK_CR;
    return n;
}

void mu_http_scan_init(struct mu_http_scan *scan, uint32_t head_bytes_max, uint32_t body_bytes_max)
{
    assert(head_bytes_max > 0);
    *scan = (struct mu_http_scan){ .state = MU_HTTP_SCAN_METHOD,
                                   .head_bytes_max = head_bytes_max,
                                   .body_bytes_max = body_bytes_max };
}

size_t mu_http_scan_feed(struct mu_http_scan *scan, const uint8_t *bytes, size_t size)
{
    size_t i = 0;
    while (i < size && scan->state < MU_HTTP_SCAN_DONE) {
        if (scan->state == MU_HTTP_SCAN_BODY || scan->state == MU_HTTP_SCAN_CHUNK) {
            i += body_run(scan, size - i);
        } else if (scan->state < MU_HTTP_SCAN_BODY) {
            head_step(scan, bytes[i++]);
        } else {
            chunk_step(scan, bytes[i++]);
        }
    }
    return i;
}

bool mu_http_scan_empty(const struct mu_http_scan *scan)
{
    return scan->head_bytes == 0;
}
