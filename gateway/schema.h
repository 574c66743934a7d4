/* gateway/schema.h - the shapes of gateway/schemas.def as JSON Schema (draft 2020-12), which is
 * what OpenAPI 3.1 and AsyncAPI 3.0 use.
 *
 * A schema is named #/components/schemas/<Name> in both.  Pure; the table is constant. */
#ifndef MU_GATEWAY_SCHEMA_H
#define MU_GATEWAY_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/json_write.h"

enum mu_schema_id {
#define SCHEMA(name, kind, doc) MU_SCHEMA_##name,
#define FIELD(name, need, shape, doc)
#define ALSO(name)
#define OPTION(name)
#include "gateway/schemas.def"
#undef SCHEMA
#undef FIELD
#undef ALSO
#undef OPTION
    MU_SCHEMAS_COUNT
};

const char *mu_schema_name(enum mu_schema_id id);

/* One sentence. */
const char *mu_schema_doc(enum mu_schema_id id);

/* Writes a value: {"$ref":"#/components/schemas/Player"}. */
void mu_schema_refer(struct mu_json_writer *writer, enum mu_schema_id id);

/* Writes a value: what an id of ours may be. */
void mu_schema_of_id(struct mu_json_writer *writer);

/* Writes members: each schema of wanted[], and what those refer to, once each. */
void mu_schemas_write(struct mu_json_writer *writer, const bool wanted[MU_SCHEMAS_COUNT]);

/* Writes items: an OpenAPI parameter for each field of a schema, in the URL's query. */
void mu_schema_queries(struct mu_json_writer *writer, enum mu_schema_id id);

/* How many options an EITHER has. */
uint32_t mu_schema_options(enum mu_schema_id id);

/* The n-th of them, from 0. */
enum mu_schema_id mu_schema_option(enum mu_schema_id id, uint32_t n);

/* The only word that field `name` may be, as in {"type":"MATCH_FOUND"}; NULL: there is no such
 * field, or it may be others, too. */
const char *mu_schema_only_word(enum mu_schema_id id, const char *name);

#endif /* MU_GATEWAY_SCHEMA_H */
