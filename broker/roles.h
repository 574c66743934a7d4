/* broker/roles.h - what a peer may do, by its role: which service it registers, and what it sends.
 *
 * broker/roles.def is the table.  The API's roles (core/config.h) are others: those are of keys
 * that call a gateway, these of processes that a broker lets in. */
#ifndef MU_BROKER_ROLES_H
#define MU_BROKER_ROLES_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/msg.h"

enum mu_peer_role {
    MU_PEER_ROLE_NONE = 0, /* may nothing */
#define ROLE(number, NAME, name, doc) MU_PEER_ROLE_##NAME = (number),
#define MAY(OP, FRAMES, ROLES)
#define PART(OP)
#define BROKER(OP)
#include "broker/roles.def"
#undef ROLE
#undef MAY
#undef PART
#undef BROKER
    MU_PEER_ROLES_END,
};

/* Its name, which is that of its service too: "store"; "none" for MU_PEER_ROLE_NONE. */
const char *mu_peer_role_name(enum mu_peer_role role);

/* Reads a name.  Returns 0, or -EINVAL when there is no such role; then *ret is untouched. */
int mu_peer_role_parse(const char *name, enum mu_peer_role *ret);

/* Whether a peer of that role may send `op` in a frame of that kind.  An op that this version does
 * not know: nobody may.  O(1). */
bool mu_peer_role_may(enum mu_peer_role role, uint32_t op, enum mu_frame frame);

/* Whether peers send `op` by itself at all: false for parts of messages, for records, and for what
 * only brokers say.  For tests. */
bool mu_peer_role_travels(enum mu_op op);

#endif /* MU_BROKER_ROLES_H */
