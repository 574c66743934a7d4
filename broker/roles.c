#include "broker/roles.h"

#include <errno.h>
#include <string.h>

const char *mu_peer_role_name(enum mu_peer_role role)
{
    switch (role) {
#define ROLE(number, NAME, name, doc)                                                              \
    case MU_PEER_ROLE_##NAME:                                                                      \
        return #name;
#define MAY(OP, FRAMES, ROLES)
#define PART(OP)
#define BROKER(OP)
#include "broker/roles.def"
#undef ROLE
#undef MAY
#undef PART
#undef BROKER
    case MU_PEER_ROLE_NONE:
    case MU_PEER_ROLES_END: break;
    }
    return "none";
}

int mu_peer_role_parse(const char *name, enum mu_peer_role *ret)
{
    for (uint32_t role = MU_PEER_ROLE_NONE + 1; role < MU_PEER_ROLES_END; role++) {
        if (strcmp(mu_peer_role_name((enum mu_peer_role)role), name) == 0) {
            *ret = (enum mu_peer_role)role;
            return 0;
        }
    }
    return -EINVAL;
}

/* A line of the table: bits of frames and of roles. */
struct rule {
    uint32_t frames;
    uint32_t roles;
};

/* The words of the table. */
enum {
    REQUEST = 1u << MU_FRAME_REQUEST,
    REPLY = 1u << MU_FRAME_REPLY,
    EVENT = 1u << MU_FRAME_EVENT,
    CONTROL = 1u << MU_FRAME_CONTROL,
};
enum {
#define ROLE(number, NAME, name, doc) NAME = 1u << (number),
#define MAY(OP, FRAMES, ROLES)
#define PART(OP)
#define BROKER(OP)
#include "broker/roles.def"
#undef ROLE
#undef MAY
#undef PART
#undef BROKER
    ALL = (1u << MU_PEER_ROLES_END) - 2,
};

static struct rule rule_of(uint32_t op)
{
    /* No default: a message that the table lacks is an error of the compiler (-Wswitch-enum). */
    /* clang-format off */
    switch ((enum mu_op)op) {
#define ROLE(number, NAME, name, doc)
#define MAY(OP, FRAMES, ROLES) case MU_OP_##OP: return (struct rule){ FRAMES, ROLES };
#define PART(OP) case MU_OP_##OP: break;
#define BROKER(OP) case MU_OP_##OP: break;
#include "broker/roles.def"
#undef ROLE
#undef MAY
#undef PART
#undef BROKER
    case MU_OP_NONE: break;
    }
    /* clang-format on */
    return (struct rule){ 0, 0 };
}

bool mu_peer_role_may(enum mu_peer_role role, uint32_t op, enum mu_frame frame)
{
    struct rule rule = rule_of(op);
    return (rule.frames >> frame & 1) != 0 && (rule.roles >> role & 1) != 0;
}

bool mu_peer_role_travels(enum mu_op op)
{
    return rule_of(op).roles != 0;
}
