/* gateway/json_write.c - writes one JSON document into a caller's buffer. */
#include "gateway/json_write.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static_assert(MU_JSON_WRITE_DEPTH_MAX <= 32, "a bit of `objects` for every level");

void mu_json_writer_init(struct mu_json_writer *writer, char *buffer, size_t size)
{
    *writer = (struct mu_json_writer){ .size = size };
    writer->buffer = buffer;
}

static void put(struct mu_json_writer *writer, const char *bytes, size_t count)
{
    if (writer->overflow || count > writer->size - writer->used) {
        writer->overflow = true;
        return;
    }
    if (count > 0)
        memcpy(writer->buffer + writer->used, bytes, count);
    writer->used += count;
}

static bool in_object(const struct mu_json_writer *writer)
{
    return writer->depth > 0 && (writer->objects >> (writer->depth - 1) & 1) != 0;
}

/* What stands before a value: a comma, unless it is the first or follows its key. */
static void before_value(struct mu_json_writer *writer)
{
    assert(in_object(writer) == writer->after_key);
    assert(writer->depth > 0 || !writer->filled); /* one value at the top */
    if (writer->filled && !writer->after_key)
        put(writer, ",", 1);
    writer->after_key = false;
    writer->filled = true;
}

static void begin(struct mu_json_writer *writer, const char *bracket, bool object)
{
    before_value(writer);
    assert(writer->depth < MU_JSON_WRITE_DEPTH_MAX);
    uint32_t bit = UINT32_C(1) << writer->depth;
    writer->objects = object ? writer->objects | bit : writer->objects & ~bit;
    writer->depth++;
    writer->filled = false;
    put(writer, bracket, 1);
}

static void end(struct mu_json_writer *writer, const char *bracket, bool object)
{
    assert(writer->depth > 0 && in_object(writer) == object);
    assert(!writer->after_key);
    writer->depth--;
    writer->filled = true;
    put(writer, bracket, 1);
}

void mu_json_object_begin(struct mu_json_writer *writer)
{
    begin(writer, "{", true);
}

void mu_json_object_end(struct mu_json_writer *writer)
{
    end(writer, "}", true);
}

void mu_json_array_begin(struct mu_json_writer *writer)
{
    begin(writer, "[", false);
}

void mu_json_array_end(struct mu_json_writer *writer)
{
    end(writer, "]", false);
}

/* The escape of a byte below 0x20, a quote or a backslash. */
static void put_escape(struct mu_json_writer *writer, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = byte != 0 ? strchr(plain, byte) : NULL;
    if (found != NULL) {
        const char escape[2] = { '\\', letters[found - plain] };
        put(writer, escape, sizeof escape);
    } else {
        const char escape[6] = { '\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15] };
        put(writer, escape, sizeof escape);
    }
}

/* Bytes of the well-formed UTF-8 sequence at the start of data, 2..4, or 0.  The bounds of the
 * second byte rule out long forms, surrogates and what is beyond U+10FFFF (RFC 3629, 4). */
static size_t utf8_length(const uint8_t *data, size_t bytes)
{
    uint8_t first = data[0], low = 0x80, high = 0xbf;
    size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                    : first >= 0xe0 && first <= 0xef ? 3
                    : first >= 0xf0 && first <= 0xf4 ? 4
                                                     : 0;
    if (first == 0xe0)
        low = 0xa0;
    if (first == 0xed)
        high = 0x9f;
    if (first == 0xf0)
        low = 0x90;
    if (first == 0xf4)
        high = 0x8f;
    if (length == 0 || length > bytes || data[1] < low || data[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((data[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

static void put_quoted(struct mu_json_writer *writer, const char *text, size_t bytes)
{
    const uint8_t *data = (const uint8_t *)text;
    size_t i = 0;
    put(writer, "\"", 1);
    while (i < bytes && !writer->overflow) {
        size_t run = i;
        while (run < bytes && data[run] >= 0x20 && data[run] < 0x80 && data[run] != '"' &&
               data[run] != '\\')
            run++;
        put(writer, text + i, run - i);
        i = run;
        if (i == bytes)
            break;
        if (data[i] < 0x80) {
            put_escape(writer, data[i++]);
            continue;
        }
        size_t length = utf8_length(data + i, bytes - i);
        if (length == 0) {
            put(writer, "\xef\xbf\xbd", 3);
        } else {
            put(writer, text + i, length);
        }
        i += length == 0 ? 1 : length;
    }
    put(writer, "\"", 1);
}

void mu_json_key(struct mu_json_writer *writer, const char *key)
{
    assert(in_object(writer) && !writer->after_key);
    if (writer->filled)
        put(writer, ",", 1);
    put_quoted(writer, key, strlen(key));
    put(writer, ":", 1);
    writer->after_key = true;
}

void mu_json_string(struct mu_json_writer *writer, const char *text)
{
    mu_json_string_n(writer, text, strlen(text));
}

void mu_json_string_n(struct mu_json_writer *writer, const char *text, size_t bytes)
{
    before_value(writer);
    put_quoted(writer, text, bytes);
}

/* Decimal digits without the detour over a format string: numbers are most of what is written. */
static void put_u64(struct mu_json_writer *writer, uint64_t value)
{
    char digits[20];
    size_t start = sizeof digits;
    do {
        digits[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put(writer, digits + start, sizeof digits - start);
}

void mu_json_i64(struct mu_json_writer *writer, int64_t value)
{
    before_value(writer);
    if (value < 0)
        put(writer, "-", 1);
    put_u64(writer, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void mu_json_u64(struct mu_json_writer *writer, uint64_t value)
{
    before_value(writer);
    put_u64(writer, value);
}

void mu_json_real(struct mu_json_writer *writer, double value)
{
    if (!isfinite(value)) {
        mu_json_null(writer);
        return;
    }
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%.15g", value);
    assert(n > 0 && (size_t)n < sizeof digits);
    /* A locale of the process may have put its own decimal point. */
    for (int i = 0; i < n; i++) {
        if (strchr("+-.0123456789e", digits[i]) == NULL)
            digits[i] = '.';
    }
    mu_json_raw(writer, digits, (size_t)n);
}

void mu_json_bool(struct mu_json_writer *writer, bool value)
{
    mu_json_raw(writer, value ? "true" : "false", value ? 4 : 5);
}

void mu_json_null(struct mu_json_writer *writer)
{
    mu_json_raw(writer, "null", 4);
}

void mu_json_raw(struct mu_json_writer *writer, const char *json, size_t bytes)
{
    before_value(writer);
    put(writer, json, bytes);
}

bool mu_json_complete(const struct mu_json_writer *writer)
{
    return !writer->overflow && writer->depth == 0 && writer->filled;
}
