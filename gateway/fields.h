/* gateway/fields.h - a client's JSON object into checked values, with all faults at once.
 *
 *     mu_fields_init(&fields, json, &faults);
 *     mu_field_id(&fields, "playerId", MU_REQUIRED, player);
 *     mu_field_integer(&fields, "slots", MU_OPTIONAL, (struct mu_range){1, 100}, &slots);
 *     if (faults.count > 0) { refuse with all of them }
 *
 * Each getter returns true when the field is there and right, and sets *ret; otherwise *ret is
 * untouched, and whatever is wrong is added to the faults.  `null` counts as absent.  Fields
 * that nobody asks for are ignored (API.md 2, conventions for part 1).  Pure; no allocation. */
#ifndef MU_GATEWAY_FIELDS_H
#define MU_GATEWAY_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "gateway/json.h"
#include "wire/msg.h"

#define MU_FAULTS_MAX      32   /* told of at once; further ones are dropped */
#define MU_POINTER_MAX     191  /* bytes of a JSON Pointer; longer ones are cut */
#define MU_CLIENT_ID_MAX   64   /* bytes of an id from a client, API.md 4 */
#define MU_OBJECT_TEXT_MAX 2047 /* bytes of an object that is kept as text, wire/messages.def */

/* One thing that is wrong with a request. */
struct mu_fault {
    enum mu_error code;               /* VALIDATION_FAILED, REGION_NOT_SUPPORTED, ... */
    char pointer[MU_POINTER_MAX + 1]; /* RFC 6901 */
    char detail[128];                 /* a sentence's end: "must be ..." */
};

struct mu_faults {
    uint32_t count;
    struct mu_fault at[MU_FAULTS_MAX];
};

/* An object that is being read.  Borrows the document and the faults. */
struct mu_fields {
    const struct mu_json *json;
    uint32_t node; /* MU_JSON_NONE: there is none, every field is absent */
    struct mu_faults *faults;
    char pointer[MU_POINTER_MAX + 1]; /* of the object */
};

enum mu_need {
    MU_OPTIONAL,
    MU_REQUIRED, /* absent is a fault */
};

enum mu_charset {
    MU_CHARSET_TEXT,     /* any UTF-8 without control characters */
    MU_CHARSET_USERNAME, /* letters, digits, _ . -; spaces inside (API.md 4) */
    MU_CHARSET_STATUS,   /* A-Z and _ */
    MU_CHARSET_ADDRESS,  /* an IPv4 or IPv6 address or a host name: letters, digits, . : - */
    MU_CHARSET_WORD,     /* letters, digits, _ . - */
};

struct mu_text_rule {
    size_t bytes_min;
    size_t bytes_max;
    enum mu_charset charset;
};

struct mu_range {
    int64_t min;
    int64_t max;
};

/* Starts at the root of a document, which must be an object (else one fault). */
void mu_fields_init(struct mu_fields *fields, const struct mu_json *json, struct mu_faults *faults);

/* Adds a fault of field `name` ("" for the object itself). */
void mu_fields_fault(struct mu_fields *fields, const char *name, enum mu_error code,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ret  [rule->bytes_max + 1] */
bool mu_field_text(struct mu_fields *fields, const char *name, enum mu_need need,
                   const struct mu_text_rule *rule, char *ret);

/* 1-64 characters of [A-Za-z0-9_.-].  Ids of ours have 30: one above MU_ID_MAX cannot exist and
 * is cut to MU_ID_MAX, which cannot exist either, so that the store says it is not found. */
bool mu_field_id(struct mu_fields *fields, const char *name, enum mu_need need,
                 char ret[MU_ID_MAX + 1]);

/* Whole numbers; 45.0 is one. */
bool mu_field_integer(struct mu_fields *fields, const char *name, enum mu_need need,
                      struct mu_range range, int64_t *ret);

/* A measurement: fractions are rounded to the nearest whole number. */
bool mu_field_rounded(struct mu_fields *fields, const char *name, enum mu_need need,
                      struct mu_range range, int64_t *ret);

bool mu_field_bool(struct mu_fields *fields, const char *name, enum mu_need need, bool *ret);

/* Names of the configuration; else GAME_MODE_NOT_FOUND or REGION_NOT_SUPPORTED.  A region's
 * alias becomes its name. */
bool mu_field_mode(struct mu_fields *fields, const char *name, enum mu_need need,
                   const struct mu_config *config, char ret[MU_ID_MAX + 1]);
bool mu_field_region(struct mu_fields *fields, const char *name, enum mu_need need,
                     const struct mu_config *config, char ret[MU_ID_MAX + 1]);

/* An object, kept as compact JSON text of at most MU_OBJECT_TEXT_MAX bytes. */
bool mu_field_object_text(struct mu_fields *fields, const char *name, enum mu_need need,
                          char ret[MU_OBJECT_TEXT_MAX + 1]);

/* An object, to be read on. */
bool mu_field_object(struct mu_fields *fields, const char *name, enum mu_need need,
                     struct mu_fields *ret);

/* An array of at most count_max items; ret is its node. */
bool mu_field_array(struct mu_fields *fields, const char *name, enum mu_need need,
                    uint32_t count_max, uint32_t *ret);

/* Item `index` of the array `name`, at `node`, as an object (else a fault; then it has no
 * fields, and false is returned). */
bool mu_fields_item(const struct mu_fields *fields, const char *name, uint32_t index, uint32_t node,
                    struct mu_fields *ret);

/* The value `node`, under field `name` of an object or index `name` of an array, to be read on. */
void mu_fields_below(const struct mu_fields *fields, const char *name, uint32_t node,
                     struct mu_fields *ret);

/* Adds a fault for each field of the object that is not one of known[count]: part 2 of the API
 * refuses what it does not know. */
void mu_fields_only(struct mu_fields *fields, const char *const *known, uint32_t count);

/* A whole number of the URL's query, 0..max; absent: *ret is untouched.
 * False: it is wrong, and a fault was added. */
bool mu_field_query(struct mu_fields *fields, const char *query, const char *name, uint64_t max,
                    uint64_t *ret);

/* Whether an id from a client may be one: 1-64 characters of [A-Za-z0-9_.-]. */
bool mu_client_id_valid(const char *id);

#endif /* MU_GATEWAY_FIELDS_H */
