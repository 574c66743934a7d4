/* tests/sim/rules.c - rule sets are changed while the cluster works: in a world where everybody is
 * trusted, any player may, to something that leaves the rules as they are. */
#include <stdio.h>

#include "checks.h"
#include "client.h"

void rules_ask(struct sim *sim, struct client *client, uint32_t kind)
{
    static const char *const modes[] = { "ranked", "duel" };
    char path[CLIENT_PATH_MAX];
    char body[CLIENT_BODY_MAX];
    const char *mode = modes[sim_below(sim, 2)];
    if (sim_below(sim, 2) == 0) {
        uint32_t version = 1 + sim_below(sim, 3);
        (void)snprintf(path, sizeof path, "/v1/rulesets/%s/rollback", mode);
        (void)snprintf(body, sizeof body, "{\"version\":%u}", version);
        client_ask_once(sim, client, kind, path, body);
        return;
    }
    uint32_t text = sim_below(sim, 6);
    (void)snprintf(path, sizeof path, "/v1/rulesets/%s", mode);
    (void)snprintf(body, sizeof body,
                   "{ // number %u\n\"name\":\"%s\",\"ruleLanguageVersion\":\"1.0\",\"teams\":["
                   "{\"name\":\"red\",\"minPlayers\":1,\"maxPlayers\":1},"
                   "{\"name\":\"blue\",\"minPlayers\":1,\"maxPlayers\":1}]}",
                   text, mode);
    client_ask(sim, client, kind, MU_HTTP_PUT, path, body);
}

void rules_answered(struct sim *sim, const struct mu_json *body)
{
    uint32_t ruleset = json_at(body, "ruleSet", NULL);
    uint32_t version = mu_json_member(body, ruleset, "version");
    checks_rules(sim, json_text(body, ruleset, "name"), (uint64_t)body->nodes[version].integer);
}
