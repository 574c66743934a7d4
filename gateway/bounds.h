/* gateway/bounds.h - what the fields of requests may hold (API.md 4), once: the handlers check with
 * these, and the documents (gateway/schemas.def) say them.
 *
 * Each is the initialiser of a struct mu_range or a struct mu_text_rule (gateway/fields.h). */
#ifndef MU_GATEWAY_BOUNDS_H
#define MU_GATEWAY_BOUNDS_H

#include <stdint.h>

#include "core/address.h"
#include "core/store.h"
#include "gateway/access.h"
#include "gateway/fields.h"
#include "gateway/jwt.h"

/* clang-format off */
#define MU_BOUND_NUMBER_MAX   (INT64_C(1) << 53) /* beyond it JSON numbers are not exact */

/* Players. */
#define MU_BOUND_USERNAME     { 3, 30, MU_CHARSET_USERNAME }
#define MU_BOUND_LATENCY_MS   { 0, 1000 }
#define MU_BOUND_RATING_MIN   100
#define MU_BOUND_RATING_MAX   3000
#define MU_BOUND_RATING       { MU_BOUND_RATING_MIN, MU_BOUND_RATING_MAX }
#define MU_BOUND_TOKEN_S      { 1, 86400 }
#define MU_BOUND_EVENTS_MAX   64 /* that ?limit= may name */
#define MU_BOUND_EVENTS       { 0, MU_BOUND_EVENTS_MAX }

/* Queues and tickets. */
#define MU_BOUND_WAIT_S       { 1, 86400 }
#define MU_BOUND_QUEUES_MAX \
    (1 + sizeof((struct mu_msg_ticket_add *)NULL)->others / sizeof(struct mu_msg_id))

/* Lobbies. */
#define MU_BOUND_LOBBY_NAME   { 1, 100, MU_CHARSET_TEXT }
#define MU_BOUND_LOBBY_SIZE   { 2, 16 }
#define MU_BOUND_PASSWORD     { 4, 64, MU_CHARSET_TEXT }
#define MU_BOUND_PASSWORD_TRY { 0, 64, MU_CHARSET_TEXT } /* any wrong one is answered 403 */

/* Matches, backfills, game servers. */
#define MU_BOUND_SCORE        { -1000000000, 1000000000 } /* points */
#define MU_BOUND_STATUS       { 1, 23, MU_CHARSET_STATUS }
#define MU_BOUND_TEAM         { 1, 15, MU_CHARSET_WORD }
#define MU_BOUND_RANK         { 1, 255 }
#define MU_BOUND_LEASE_S      { 5, 600 }
#define MU_BOUND_HOST         { 1, 45, MU_CHARSET_ADDRESS }
#define MU_BOUND_PORT         { 1, 65535 }
#define MU_BOUND_SLOTS        { 1, 10000 }
#define MU_BOUND_MODES_MAX    16 /* that a server may name */

/* Operations. */
#define MU_BOUND_VERSION      { 1, MU_BOUND_NUMBER_MAX }
#define MU_BOUND_BACKUP       { 1, MU_STORE_BACKUP_NAME_MAX, MU_CHARSET_WORD }
#define MU_BOUND_PROCESS      { 1, MU_ADDRESS_MAX, MU_CHARSET_TEXT }
#define MU_BOUND_PATIENCE_MS  { 0, 600000 } /* wire/messages.def, DRAIN */

/* WebSocket. */
#define MU_BOUND_ACTION       { 1, 32, MU_CHARSET_WORD }
#define MU_BOUND_TOKEN        { 1, MU_JWT_MAX, MU_CHARSET_WORD }
#define MU_BOUND_SINCE        { 0, MU_BOUND_NUMBER_MAX }
/* clang-format on */

#endif /* MU_GATEWAY_BOUNDS_H */
