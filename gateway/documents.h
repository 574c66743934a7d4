/* gateway/documents.h - the API as documents that other people's tools read.
 *
 * Both are written from the tables that the gateway itself works by (routes.def, actions.def,
 * wire/errors.def, wire/enums.def, gateway/bounds.h) and from what those do not say: schemas.def
 * and operations.def.  Live tests hold every answer against them.  Pure; half a
 * millisecond. */
#ifndef MU_GATEWAY_DOCUMENTS_H
#define MU_GATEWAY_DOCUMENTS_H

#include "gateway/json_write.h"

#define MU_DOCUMENT_BYTES_MAX                                                                      \
    (512 * 1024) /* enough for either; a writer of so much does not overflow */

/* Writes /openapi.json: OpenAPI 3.1, one value. */
void mu_openapi_write(struct mu_json_writer *writer);

/* Writes /asyncapi.json: AsyncAPI 3.0, one value. */
void mu_asyncapi_write(struct mu_json_writer *writer);

#endif /* MU_GATEWAY_DOCUMENTS_H */
