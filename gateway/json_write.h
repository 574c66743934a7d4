/* gateway/json_write.h - writes one JSON document into a caller's buffer.
 *
 * Never writes past the end: what does not fit sets `overflow`, and then `used` and the buffer's
 * content mean nothing.  Commas are put by the writer.  The document is valid JSON whatever the
 * strings hold: bytes that are not UTF-8 become U+FFFD.  Wrong nesting is a bug of the caller and
 * asserts.  Pure; O(bytes written); no allocation. */
#ifndef MU_GATEWAY_JSON_WRITE_H
#define MU_GATEWAY_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MU_JSON_WRITE_DEPTH_MAX 32 /* levels of nesting that may be written */

struct mu_json_writer {
    char *buffer;     /* [size] */
    size_t size;      /* bytes of buffer */
    size_t used;      /* bytes written; no NUL is added */
    bool overflow;    /* something did not fit */
    bool after_key;   /* a key waits for its value */
    bool filled;      /* the innermost container holds something */
    uint32_t depth;   /* open containers */
    uint32_t objects; /* bit n: the container at depth n + 1 is an object */
};

/* buffer  [size], borrowed until the document is done */
void mu_json_writer_init(struct mu_json_writer *writer, char *buffer, size_t size);

void mu_json_object_begin(struct mu_json_writer *writer);
void mu_json_object_end(struct mu_json_writer *writer);
void mu_json_array_begin(struct mu_json_writer *writer);
void mu_json_array_end(struct mu_json_writer *writer);

/* The key of the next value; NUL-terminated. */
void mu_json_key(struct mu_json_writer *writer, const char *key);

/* NUL-terminated, or `bytes` long and free to hold any byte. */
void mu_json_string(struct mu_json_writer *writer, const char *text);
void mu_json_string_n(struct mu_json_writer *writer, const char *text, size_t bytes);

void mu_json_i64(struct mu_json_writer *writer, int64_t value);
void mu_json_u64(struct mu_json_writer *writer, uint64_t value);

/* At most 15 significant digits and no more than needed: 0.1 is 0.1, 3.0 is 3.  JSON knows no
 * infinity and no NaN: they become null. */
void mu_json_real(struct mu_json_writer *writer, double value);

void mu_json_bool(struct mu_json_writer *writer, bool value);
void mu_json_null(struct mu_json_writer *writer);

/* A value that is JSON already; trusted. */
void mu_json_raw(struct mu_json_writer *writer, const char *json, size_t bytes);

/* True when the document is whole: one value, everything closed, nothing lost. */
bool mu_json_complete(const struct mu_json_writer *writer);

#endif /* MU_GATEWAY_JSON_WRITE_H */
