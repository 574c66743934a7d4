/* gateway/health.c - /readyz: which parts of the cluster are there, as they say themselves. */
#include <stdio.h>
#include <string.h>

#include "core/address.h"
#include "core/placement.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

#define CHECKS_MAX (MU_REGIONS_MAX + MU_LOBBIES_MAX + 4)

struct check {
    char name[MU_ADDRESS_MAX + 1];
    bool ok;
};

static uint32_t run_checks(const struct mu_gateway *gw, struct check ret[CHECKS_MAX])
{
    int64_t now_ms = gw->turn.now_ms;
    uint32_t n = 0;
    bool broker = gw->heard_ms >= 0 && now_ms - gw->heard_ms <= MU_FLEET_FRESH_MS;
    ret[n++] = (struct check){ "broker", broker };
    ret[n++] = (struct check){ "store", mu_fleet_ready(gw->fleet, "store", "", now_ms) };
    ret[n++] = (struct check){ "matcher", mu_fleet_ready(gw->fleet, "matcher", "", now_ms) };
    for (uint32_t i = 0; i < gw->config->regions_count; i++) {
        mu_address_queue(gw->config->regions[i].name, ret[n].name);
        ret[n].ok = mu_fleet_ready(gw->fleet, "queue", ret[n].name, now_ms);
        n++;
    }
    for (uint32_t i = 0; i < gw->config->settings.lobbies; i++) {
        mu_address_lobby(i, ret[n].name);
        ret[n].ok = mu_fleet_ready(gw->fleet, "lobby", ret[n].name, now_ms);
        n++;
    }
    if (gw->draining) {
        ret[n++] = (struct check){ "draining", false };
    }
    return n;
}

int mu_health_write(struct mu_gateway *gw, struct mu_json_writer *writer)
{
    struct check checks[CHECKS_MAX];
    uint32_t n = run_checks(gw, checks);
    bool ready = true;
    for (uint32_t i = 0; i < n; i++) {
        ready = ready && checks[i].ok;
    }
    mu_put_text(writer, "status", ready ? "ready" : "not ready");
    mu_json_key(writer, "failing");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < n; i++) {
        if (!checks[i].ok) {
            mu_json_string(writer, checks[i].name);
        }
    }
    mu_json_array_end(writer);
    mu_json_key(writer, "checks");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < n; i++) {
        mu_json_object_begin(writer);
        mu_put_text(writer, "name", checks[i].name);
        mu_put_bool(writer, "ok", checks[i].ok);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
    return ready ? 200 : 503;
}
