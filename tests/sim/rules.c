/* tests/sim/rules.c - rule sets are changed while the cluster works: in a world where everybody is
 * trusted, any player may. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "check_rules.h"
#include "checks.h"
#include "client.h"

/* By kind. */
static const char *const documents[] = {
#define KIND(name, document) [RULES_##name] = (document),
#include "rules.def"
#undef KIND
};
static_assert(sizeof documents / sizeof documents[0] == RULES_KINDS, "every kind has a document");

void rules_ask(struct sim *sim, struct client *client, uint32_t kind)
{
    static const char *const modes[] = { "ranked", "duel", "team_match", "casual" };
    char path[CLIENT_PATH_MAX];
    char body[CLIENT_BODY_MAX];
    const char *mode = modes[sim_below(sim, 4)];
    if (sim_below(sim, 4) == 0) {
        uint32_t version = 1 + sim_below(sim, 3);
        (void)snprintf(path, sizeof path, "/v1/rulesets/%s/rollback", mode);
        (void)snprintf(body, sizeof body, "{\"version\":%u}", version);
        client_ask_once(sim, client, kind, path, body);
        return;
    }
    uint32_t what = sim_below(sim, RULES_KINDS);
    uint32_t number = sim_below(sim, 2);
    (void)snprintf(path, sizeof path, "/v1/rulesets/%s", mode);
    int n = snprintf(body, sizeof body, RULES_COMMENT "%u, number %u\n'name':'%s',%s}", what,
                     number, mode, documents[what]);
    assert(n > 0 && (size_t)n < sizeof body);
    for (char *quote = strchr(body, '\''); quote != NULL; quote = strchr(quote, '\'')) {
        *quote = '"';
    }
    client_ask(sim, client, kind, MU_HTTP_PUT, path, body);
}

void rules_answered(struct sim *sim, int status, const struct mu_json *body)
{
    if (status == 422) {
        sim_fail(sim, "a rule set of ours has faults");
    }
    if (status < 200 || status >= 300) {
        return; /* no such version */
    }
    uint32_t ruleset = json_at(body, "ruleSet", NULL);
    uint32_t version = mu_json_member(body, ruleset, "version");
    checks_rules(sim, json_text(body, ruleset, "name"), (uint64_t)body->nodes[version].integer);
}

/* What a player says of himself, or leaves to the rule set's defaults. */
static int attributes(struct sim *sim, char *to, size_t bytes)
{
    static const char *const roles[] = { "\"tank\"", "\"mage\"", "\"mage\",\"tank\"",
                                         "\"tank\",\"mage\"" };
    char foe[MU_ID_MAX + 1] = "";
    int n = snprintf(to, bytes, "\"roles\":[%s]", roles[sim_below(sim, 4)]);
    if (sim_below(sim, 8) != 0) {
        n += snprintf(to + n, bytes - (size_t)n, ",\"level\":%u", sim_below(sim, 5));
    }
    if (sim_below(sim, 8) != 0) {
        uint32_t class = sim_below(sim, 3);
        n += snprintf(to + n, bytes - (size_t)n, ",\"class\":\"%c\"", "abc"[class]);
    }
    (void)player_last_seq(sim->clients[sim_below(sim, sim->clients_count)], foe);
    if (sim_below(sim, 4) == 0 && foe[0] != '\0') {
        n += snprintf(to + n, bytes - (size_t)n, ",\"blockList\":[\"%s\"]", foe);
    }
    return n;
}

int rules_player(struct sim *sim, const char *id, const char *region, char *to, size_t bytes)
{
    uint32_t latency_ms = 10 + sim_below(sim, 40);
    int n = snprintf(to, bytes, "{\"playerId\":\"%s\",\"attributes\":{", id);
    n += attributes(sim, to + n, bytes - (size_t)n);
    n += snprintf(to + n, bytes - (size_t)n, "},\"latencies\":{\"%s\":%u}}", region, latency_ms);
    return n;
}
