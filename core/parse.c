/* core/parse.c - strict parsers; each reads to the end before it writes a result. */
#include "core/parse.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define QUERY_NAME_MAX 63 /* bytes of a parameter's name; longer ones are none of ours */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits up to the first other character, whose place is *ret_end.  -EINVAL without digits
 * or with a leading zero, -ERANGE above UINT64_MAX. */
static int read_digits(const char *text, const char **ret_end, uint64_t *ret)
{
    uint64_t number = 0;
    const char *at = text;
    bool overflow = false;
    for (; is_digit(*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            overflow = true; /* read on: what follows decides between the two errors */
        } else {
            number = number * 10 + digit;
        }
    }
    if (at == text || (text[0] == '0' && at - text > 1)) {
        return -EINVAL;
    }
    *ret_end = at;
    *ret = overflow ? UINT64_MAX : number;
    return overflow ? -ERANGE : 0;
}

int mu_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
    assert(min <= max);
    const char *end = text;
    uint64_t number = 0;
    int r = read_digits(text, &end, &number);
    if (r == -EINVAL || *end != '\0') {
        return -EINVAL;
    }
    if (r != 0 || number < min || number > max) {
        return -ERANGE;
    }
    *ret = number;
    return 0;
}

int mu_parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret)
{
    assert(min <= max);
    bool negative = text[0] == '-';
    uint64_t magnitude = 0;
    int r = mu_parse_u64(text + negative, 0, UINT64_MAX, &magnitude);
    if (r == -EINVAL || (negative && r == 0 && magnitude == 0)) {
        return -EINVAL; /* "-0" is a second way to write 0 */
    }
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    if (r != 0 || magnitude > limit) {
        return -ERANGE;
    }
    /* -(m - 1) - 1 reaches INT64_MIN without leaving int64_t. */
    int64_t number = negative ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
    if (number < min || number > max) {
        return -ERANGE;
    }
    *ret = number;
    return 0;
}

int mu_parse_duration(const char *text, int64_t min_ms, int64_t max_ms, int64_t *ret_ms)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    assert(min_ms >= 0 && min_ms <= max_ms);
    const char *unit = text;
    uint64_t number = 0;
    uint64_t unit_ms = 0;
    int r = read_digits(text, &unit, &number);
    if (r == -EINVAL) {
        return r;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].name) == 0) {
            unit_ms = units[i].ms;
        }
    }
    if (unit_ms == 0) {
        return -EINVAL;
    }
    if (r != 0 || number > (uint64_t)INT64_MAX / unit_ms) {
        return -ERANGE;
    }
    int64_t ms = (int64_t)(number * unit_ms);
    if (ms < min_ms || ms > max_ms) {
        return -ERANGE;
    }
    *ret_ms = ms;
    return 0;
}

/* Whether the characters can be a name or IPv4 address, or an IPv6 address (with its zone). */
static bool host_is_sane(const char *host, size_t bytes, bool bracketed)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const char *others = bracketed ? ":.%-_" : ".-_";
    bool colon = false;
    for (size_t i = 0; i < bytes; i++) {
        if (host[i] == '\0' ||
            (strchr(letters, host[i]) == NULL && strchr(others, host[i]) == NULL)) {
            return bytes == 1 && host[0] == '*' && !bracketed;
        }
        colon |= host[i] == ':';
    }
    return bytes > 0 && colon == bracketed;
}

int mu_parse_host_port(const char *text, char ret_host[MU_HOST_MAX + 1], uint16_t *ret_port)
{
    bool bracketed = text[0] == '[';
    const char *host = text + bracketed;
    const char *end = strchr(host, bracketed ? ']' : ':');
    if (end == NULL) {
        return -EINVAL;
    }
    const char *colon = end + bracketed;
    size_t bytes = (size_t)(end - host);
    uint64_t port = 0;
    if (*colon != ':' || !host_is_sane(host, bytes, bracketed)) {
        return -EINVAL;
    }
    int r = mu_parse_u64(colon + 1, 0, UINT16_MAX, &port);
    if (r != 0) {
        return r;
    }
    if (bytes > MU_HOST_MAX) {
        return -ENAMETOOLONG;
    }
    memcpy(ret_host, host, bytes);
    ret_host[bytes] = '\0';
    *ret_port = (uint16_t)port;
    return 0;
}

/* The value of a hexadecimal digit, or -1. */
static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads one character of percent-encoded text.  Returns how many raw ones it took, or -EINVAL. */
static int decode_one(const char *raw, size_t raw_bytes, bool plus, char *ret)
{
    int taken = 1;
    unsigned int byte = (unsigned char)raw[0];
    if (byte == '%') {
        if (raw_bytes < 3 || hex_value(raw[1]) < 0 || hex_value(raw[2]) < 0) {
            return -EINVAL;
        }
        byte = (unsigned int)(hex_value(raw[1]) * 16 + hex_value(raw[2]));
        taken = 3;
    } else if (byte == '+' && plus) {
        byte = ' ';
    }
    if (byte < 0x20 || byte == 0x7F) {
        return -EINVAL;
    }
    *ret = (char)byte;
    return taken;
}

/* Decodes raw_bytes characters.  ret NULL: checks and measures only; else it must fit (it was
 * measured before).  Returns the bytes of the result, without NUL, or -EINVAL. */
static int64_t decode(const char *raw, size_t raw_bytes, bool plus, char *ret)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < raw_bytes;) {
        char c = '\0';
        int taken = decode_one(raw + i, raw_bytes - i, plus, &c);
        if (taken < 0) {
            return taken;
        }
        if (ret != NULL) {
            ret[bytes] = c;
        }
        bytes++;
        i += (size_t)taken;
    }
    if (ret != NULL) {
        ret[bytes] = '\0';
    }
    return bytes;
}

static int decode_into(const char *raw, size_t raw_bytes, bool plus, size_t ret_bytes, char *ret)
{
    int64_t bytes = decode(raw, raw_bytes, plus, NULL);
    if (bytes < 0) {
        return (int)bytes;
    }
    if ((uint64_t)bytes >= ret_bytes) {
        return -ENAMETOOLONG;
    }
    (void)decode(raw, raw_bytes, plus, ret); /* was checked above */
    return 0;
}

int mu_parse_path_segment(const char *raw, size_t raw_bytes, size_t ret_bytes, char *ret)
{
    return decode_into(raw, raw_bytes, false, ret_bytes, ret);
}

int mu_parse_query(const char *query, const char *name, size_t ret_bytes, char *ret)
{
    const char *value = NULL;
    size_t value_bytes = 0;
    assert(strlen(name) <= QUERY_NAME_MAX);
    for (const char *pair = query; *pair != '\0';) {
        char pair_name[QUERY_NAME_MAX + 1];
        size_t pair_bytes = strcspn(pair, "&");
        size_t name_bytes = strcspn(pair, "=&");
        int r = decode_into(pair, name_bytes, true, sizeof pair_name, pair_name);
        if (r == 0 && strcmp(pair_name, name) == 0) {
            if (value != NULL) {
                return -EINVAL;
            }
            value = pair + name_bytes + (name_bytes < pair_bytes);
            value_bytes = pair_bytes - name_bytes - (name_bytes < pair_bytes);
        }
        pair += pair_bytes;
        pair += *pair == '&';
    }
    return value == NULL ? -ENOENT : decode_into(value, value_bytes, true, ret_bytes, ret);
}
