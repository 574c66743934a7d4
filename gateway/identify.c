/* gateway/identify.c - who a request or a socket is, and how often an address may be wrong. */
#include <assert.h>

#include "gateway/gateway_state.h"

static const char spent[] = "Too many wrong keys or tokens have come from this address.";

const char *mu_gateway_identify(struct mu_gateway *gw, const char *address,
                                const char *authorization, struct mu_caller *ret)
{
    struct mu_caller caller = { .role = MU_ROLE_NONE, .key = -1 };
    bool over =
        authorization[0] != '\0' && mu_limit_spent(gw->by_failure, address, gw->turn.now_ms);
    /* Public-key arithmetic is what an attacker could make us do; a key's hash costs nothing. */
    const struct mu_jwt *jwt = over || gw->jwt.keys.verify == NULL ? NULL : &gw->jwt;
    const char *fault =
        mu_access_identify(gw->config, jwt, authorization, gw->turn.wall_ms, &caller);
    if (over && (fault != NULL || !caller.trusted)) {
        return spent;
    }
    if (fault == NULL) {
        *ret = caller;
    }
    return fault;
}

void mu_gateway_refuse_caller(struct mu_gateway *gw, struct mu_exchange *x, const char *address,
                              const char *fault)
{
    struct mu_limit_state state;
    bool had = mu_limit_take(gw->by_failure, address, gw->turn.now_ms, &state);
    mu_count(gw, MU_COUNTER_CREDENTIALS_REFUSED);
    if (fault == spent) {
        assert(!had && gw->config->settings.rate_failures_per_minute > 0);
        mu_refuse_rate(gw, x, state.wait_ms);
        return;
    }
    mu_outbox_warn(gw->turn.out, "credentials refused: address %s: %s", address, fault);
    mu_refuse(gw, x, MU_ERROR_UNAUTHORIZED, fault);
}

void mu_gateway_set_jwt_keys(struct mu_gateway *gw, const struct mu_jwt_keys *keys)
{
    assert(gw->config->jwt.keys[0] != '\0' && keys->verify != NULL);
    gw->jwt.keys = *keys;
}
