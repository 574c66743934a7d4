/* core/parse.h - text from users, files and peers into values, strictly.
 *
 * There is one way to write each number: digits, without sign (but '-' for a negative one),
 * spaces or leading zeros.  Whatever is not understood to its last byte is refused.
 *
 * All return 0; -EINVAL: not of that form; -ERANGE: it is, but out of bounds; and those that
 * copy text -ENAMETOOLONG: it does not fit.  Outputs are untouched on failure.
 * O(length), no allocation. */
#ifndef MU_CORE_PARSE_H
#define MU_CORE_PARSE_H

#include <stddef.h>
#include <stdint.h>

#define MU_HOST_MAX 255 /* bytes of a host name or address, NUL not counted (RFC 1035, 2.3.4) */

/* "0", "1500"; min..max inclusive. */
int mu_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* "-20", "0", "7"; min..max inclusive. */
int mu_parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret);

/* "500ms", "20s", "2m", "3h", "1d": a number and its unit, both needed; min_ms..max_ms
 * inclusive, min_ms >= 0. */
int mu_parse_duration(const char *text, int64_t min_ms, int64_t max_ms, int64_t *ret_ms);

/* "127.0.0.1:8080", "queue.example.org:0", "[::1]:8080", "*:8080" (every interface).
 *
 * ret_host  [MU_HOST_MAX + 1], without the brackets
 * ret_port  0..65535; 0 is for listeners: any that is free */
int mu_parse_host_port(const char *text, char ret_host[MU_HOST_MAX + 1], uint16_t *ret_port);

/* Decodes one segment of a URL path: raw_bytes characters at `raw`, without the slashes around it.
 * Refuses bad escapes, NUL and control characters, raw or escaped.  The result can hold '/' (from
 * %2F) and bytes that are not UTF-8: who uses it checks it as an id or a name.
 *
 * ret  [ret_bytes], with a NUL; not overlapping `raw` */
int mu_parse_path_segment(const char *raw, size_t raw_bytes, size_t ret_bytes, char *ret);

/* Finds `name` in a URL's raw query, "a=1&b=two+words", and decodes its value ('+' is a space);
 * a name without '=' has the value "".  Names are compared decoded.
 *
 * Returns also -ENOENT: it is not there; -EINVAL also when it is there twice. */
int mu_parse_query(const char *query, const char *name, size_t ret_bytes, char *ret);

#endif /* MU_CORE_PARSE_H */
