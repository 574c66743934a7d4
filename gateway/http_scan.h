/* gateway/http_scan.h - a strict, incremental reader of HTTP/1.1 request framing.
 *
 * evhttp parses requests leniently: it takes `Host : x`, folded lines, `0x5` as a chunk size,
 * chunks without their CRLF, a body after HEAD.  Each of these lets a proxy in front and us see
 * different requests in the same bytes.  So every byte passes here first: a request is only
 * believed when this scanner and evhttp agree where it ends.
 *
 * Refused, beyond what RFC 9112 demands: chunk extensions, trailers, obs-fold, more than one
 * Transfer-Encoding, empty lines before a request, minor versions above 1, a length of more than
 * 18 digits, a method that we do not know (501).  Pure; no allocation; a few ns a byte. */
#ifndef MU_GATEWAY_HTTP_SCAN_H
#define MU_GATEWAY_HTTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MU_HTTP_SCAN_HEADERS_MAX 100 /* header lines of a request; more: 431 */

enum mu_http_scan_state {
    MU_HTTP_SCAN_METHOD, /* nothing or a part of the method has been seen */
    MU_HTTP_SCAN_TARGET,
    MU_HTTP_SCAN_VERSION,
    MU_HTTP_SCAN_VERSION_LF,
    MU_HTTP_SCAN_LINE, /* at the start of a header line */
    MU_HTTP_SCAN_NAME,
    MU_HTTP_SCAN_VALUE,
    MU_HTTP_SCAN_VALUE_LF,
    MU_HTTP_SCAN_HEAD_LF,
    MU_HTTP_SCAN_BODY,
    MU_HTTP_SCAN_CHUNK_SIZE,
    MU_HTTP_SCAN_CHUNK_SIZE_LF,
    MU_HTTP_SCAN_CHUNK,
    MU_HTTP_SCAN_CHUNK_CR,
    MU_HTTP_SCAN_CHUNK_LF,
    MU_HTTP_SCAN_LAST_CR,
    MU_HTTP_SCAN_LAST_LF,
    MU_HTTP_SCAN_DONE, /* one whole request was seen; the rest belongs to the next */
    MU_HTTP_SCAN_BAD,  /* refused: status and detail say why */
};

/* Where the scanner stands in one request.  Read state, status, detail and head; the rest is
 * its own. */
struct mu_http_scan {
    enum mu_http_scan_state state;
    int status;              /* BAD: the HTTP status to answer */
    const char *detail;      /* BAD: a static sentence */
    bool head;               /* the method is HEAD */
    bool http10;             /* HTTP/1.0 */
    bool length_seen;        /* a Content-Length was read */
    bool chunked;            /* a Transfer-Encoding was read */
    bool coding_seen;        /* a transfer coding before the last was read */
    bool host_seen;          /* a Host was read */
    bool space_seen;         /* white space inside the value of Host */
    uint8_t known;           /* header being read, enum known of http_scan.c */
    uint8_t percent_left;    /* hexadecimal digits of %xx still to come, 0..2 */
    uint8_t percent_value;   /* their value so far */
    uint8_t token_bytes;     /* in token[]; TOKEN_MAX: it was longer */
    uint32_t headers_count;  /* header lines begun */
    uint32_t head_bytes;     /* bytes of request line and headers */
    uint32_t head_bytes_max; /* more: 431, or 414 or 501 within address or method */
    uint32_t body_bytes_max; /* more: 413 */
    uint64_t body_bytes;     /* bytes of body announced so far */
    uint64_t left;           /* bytes left of the body or of this chunk */
    char token[24];          /* method, version, name or value being read, not terminated */
};

/* Prepares for the first byte of a request. */
void mu_http_scan_init(struct mu_http_scan *scan, uint32_t head_bytes_max, uint32_t body_bytes_max);

/* Reads up to `size` bytes, in pieces of any size.
 *
 * Returns how many belong to this request; fewer than `size` only in DONE or BAD. */
size_t mu_http_scan_feed(struct mu_http_scan *scan, const uint8_t *bytes, size_t size);

/* True when no byte of the request has come yet. */
bool mu_http_scan_empty(const struct mu_http_scan *scan);

#endif /* MU_GATEWAY_HTTP_SCAN_H */
