#include "tools/dev_plan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/address.h"
#include "core/options.h"

int mu_dev_plan_make(struct mu_dev_plan *plan, uint16_t port, uint16_t *ret_admin_port)
{
    uint16_t admin_port = 0;
    assert(plan->matchers >= 1 && plan->matchers <= MU_DEV_MATCHERS_MAX);
    if (mu_process_beside("muster-broker", plan->broker) != 0 ||
        mu_process_beside("muster-actor", plan->actor) != 0 ||
        mu_process_beside("muster-gateway", plan->gateway) != 0 ||
        mu_process_beside("muster", plan->self) != 0) {
        (void)fprintf(stderr, "muster dev: muster-broker, muster-actor and muster-gateway must be "
                              "beside muster; build or install them all\n");
        return MU_EXIT_UNAVAILABLE;
    }
    int r = port == 0 ? mu_process_free_port(&port) : mu_process_try_port(port);
    if (r != 0) {
        (void)fprintf(stderr, "muster dev: port %u: %s; try --port 0\n", (unsigned)port,
                      strerror(-r));
        return MU_EXIT_UNAVAILABLE;
    }
    do {
        r = mu_process_free_port(&admin_port);
    } while (r == 0 && admin_port == port);
    if (r != 0) {
        (void)fprintf(stderr, "muster dev: no port is free\n");
        return MU_EXIT_UNAVAILABLE;
    }
    (void)snprintf(plan->port, sizeof plan->port, "%u", (unsigned)port);
    (void)snprintf(plan->admin_port, sizeof plan->admin_port, "%u", (unsigned)admin_port);
    (void)snprintf(plan->address, sizeof plan->address, "127.0.0.1:%u", (unsigned)port);
    (void)snprintf(plan->bots_count, sizeof plan->bots_count, "%u", (unsigned)plan->bots);
    for (uint32_t i = 0; i < plan->config->regions_count; i++) {
        mu_address_queue(plan->config->regions[i].name, plan->queues[i]);
    }
    for (uint32_t i = 0; i < plan->config->settings.lobbies; i++) {
        mu_address_lobby(i, plan->lobbies[i]);
    }
    for (uint32_t i = 0; i < plan->matchers; i++) {
        (void)snprintf(plan->matcher_names[i], sizeof plan->matcher_names[i], "matcher/%u",
                       (unsigned)i);
    }
    *ret_admin_port = admin_port;
    return 0;
}

/* Adds one of our programs, with what all of them take. */
static void add(const struct mu_dev_plan *plan, struct mu_cluster *cluster, const char *name,
                enum mu_stage stage, const char *const *argv)
{
    const char *whole[MU_CHILD_ARGUMENTS + 1] = { NULL };
    uint32_t n = 0;
    while (argv[n] != NULL) {
        assert(n + 7 < MU_CHILD_ARGUMENTS);
        whole[n] = argv[n];
        n++;
    }
    if (plan->config_path != NULL) {
        whole[n++] = "--config";
        whole[n++] = plan->config_path;
    }
    if (stage != MU_STAGE_BOTS) { /* what stands on the command line, no environment changes */
        whole[n++] = "--name";
        whole[n++] = name;
        whole[n++] = "--log";
        whole[n++] = plan->logs ? "info" : "warn";
    }
    mu_cluster_add(cluster, name, stage, whole, plan->logs ? plan->folder->logs : NULL);
}

void mu_dev_plan_cluster(const struct mu_dev_plan *plan, struct mu_cluster *cluster)
{
    const char *bus = plan->folder->bus;
    add(plan, cluster, "broker", MU_STAGE_BROKER,
        (const char *const[]){ plan->broker, "--bind", bus, NULL });
    add(plan, cluster, "store", MU_STAGE_STORE,
        (const char *const[]){ plan->actor, "--kind", "store", "--name", "store", "--broker", bus,
                               "--data", plan->folder->store, "--any-filesystem", NULL });
    add(plan, cluster, "gateway", MU_STAGE_GATEWAY,
        (const char *const[]){ plan->gateway, "--broker", bus, "--address", "127.0.0.1", "--port",
                               plan->port, "--admin-port", plan->admin_port, NULL });
    for (uint32_t i = 0; i < plan->config->regions_count; i++) {
        const char *partition = plan->queues[i];
        add(plan, cluster, partition, MU_STAGE_WORKERS,
            (const char *const[]){ plan->actor, "--kind", "queue", "--partition", partition,
                                   "--name", partition, "--broker", bus, NULL });
    }
    for (uint32_t i = 0; i < plan->matchers; i++) {
        const char *name = plan->matcher_names[i];
        add(plan, cluster, name, MU_STAGE_WORKERS,
            (const char *const[]){ plan->actor, "--kind", "matcher", "--name", name, "--broker",
                                   bus, NULL });
    }
    for (uint32_t i = 0; i < plan->config->settings.lobbies; i++) {
        const char *partition = plan->lobbies[i];
        add(plan, cluster, partition, MU_STAGE_WORKERS,
            (const char *const[]){ plan->actor, "--kind", "lobby", "--partition", partition,
                                   "--name", partition, "--broker", bus, NULL });
    }
}

void mu_dev_plan_bots(const struct mu_dev_plan *plan, struct mu_cluster *cluster)
{
    if (plan->bots > 0) {
        add(plan, cluster, "bots", MU_STAGE_BOTS,
            (const char *const[]){ plan->self, "bots", "--gateway", plan->address, "--count",
                                   plan->bots_count, "--file", plan->folder->bots, "--key-file",
                                   plan->key_path, NULL });
    }
}
