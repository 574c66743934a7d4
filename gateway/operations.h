/* gateway/operations.h - what gateway/operations.def says of a route, for the documents. */
#ifndef MU_GATEWAY_OPERATIONS_H
#define MU_GATEWAY_OPERATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/routes.h"
#include "gateway/schema.h"

#define MU_CODES_MAX       64 /* that one route refuses with */
#define MU_OPERATION_ROLES 4  /* player, server, backend, operator */

/* What a route refuses with: numbers of wire/errors.def, each once. */
struct mu_codes {
    uint32_t count;
    uint32_t at[MU_CODES_MAX];
};

/* Whether its requests may have a body. */
bool mu_operation_has_body(const struct mu_route *route);

/* The schema of its body, of its query; MU_SCHEMAS_COUNT: it has none. */
enum mu_schema_id mu_operation_body(enum mu_route_id route);
enum mu_schema_id mu_operation_query(enum mu_route_id route);

/* One of the answers of a route, which is no refusal. */
struct mu_answer {
    int status;
    const char *when;
    enum mu_schema_id schema; /* MU_SCHEMAS_COUNT: plain text */
};

/* Its n-th answer, from 0; false: it has no more. */
bool mu_operation_answer(enum mu_route_id route, uint32_t n, struct mu_answer *ret);

/* What a WebSocket action is answered when it is not refused; MU_SCHEMAS_COUNT: nobody has said. */
enum mu_schema_id mu_operation_reply(const char *action);

/* The roles that credentials give, 0..MU_OPERATION_ROLES - 1, and whether one may call, by the
 * rules of gateway/access.h. */
const char *mu_operation_role(uint32_t role);
bool mu_operation_role_may(uint32_t role, enum mu_route_who who);

/* Writes the member securitySchemes: one for each role. */
void mu_operation_schemes(struct mu_json_writer *writer);

/* Its own refusals, and what its row in routes.def implies. */
void mu_operation_codes(const struct mu_route *route, struct mu_codes *ret);

#endif /* MU_GATEWAY_OPERATIONS_H */
