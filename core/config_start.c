#include <string.h>

#include "core/config_faults.h"
#include "core/endpoint.h"
#include "core/parse.h"

/* Whether anything says that the cluster has keys: then all must be there. */
static bool has_keys(const struct mu_config_cluster *cluster)
{
    bool found = cluster->keys[0] != '\0';
    for (uint32_t i = 0; i < cluster->brokers_count; i++) {
        found |= cluster->brokers[i].key[0] != '\0';
    }
    return found;
}

static void check_endpoint(const char *endpoint, bool keys, uint32_t index, const char *field,
                           struct mu_config_faults *faults)
{
    /* What is wrong with its form was told by mu_config_check(). */
    if (endpoint[0] == '\0' || mu_endpoint_form_fault(endpoint) != NULL) {
        return;
    }
    const char *fault = mu_endpoint_fault(endpoint, keys);
    if (fault != NULL) {
        mu_config_fault_add(faults, "cluster.brokers", (int)index, field, "is \"%.60s\": %s",
                            endpoint, fault);
    }
}

static void check_broker_key(const struct mu_config_cluster *cluster, uint32_t index,
                             struct mu_config_faults *faults)
{
    const char *key = cluster->brokers[index].key;
    if (key[0] == '\0') {
        mu_config_fault_add(faults, "cluster.brokers", (int)index, "key",
                            "is missing: where there are keys, each broker's public key is needed, "
                            "as muster keygen prints it");
        return;
    }
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(cluster->brokers[i].key, key) == 0) {
            mu_config_fault_add(faults, "cluster.brokers", (int)index, "key",
                                "is that of cluster.brokers[%u], too: each broker has its own", i);
            return;
        }
    }
}

/* Whether a gateway's address is of one host among all: loopback and "all addresses" are not. */
static bool is_of_one_host(const char *address)
{
    return !mu_address_loopback(address) && strcmp(address, "0.0.0.0") != 0 &&
           strcmp(address, "::") != 0;
}

static void check_gateway(const struct mu_config *config, uint32_t index,
                          struct mu_config_faults *faults)
{
    const struct mu_config_cluster *cluster = &config->cluster;
    const char *listen = cluster->gateways[index].listen;
    char address[MU_HOST_MAX + 1];
    uint16_t port;
    if (mu_listen_parse(listen, address, &port) != 0) {
        return;
    }
    if (config->keys_count == 0 && !mu_address_loopback(address)) {
        mu_config_fault_add(faults, "cluster.gateways", (int)index, "listen", "is %s: %s", listen,
                            MU_CLUSTER_API_KEYS_HOW);
    }
    for (uint32_t i = 0; i < index && port != 0 && is_of_one_host(address); i++) {
        if (strcmp(cluster->gateways[i].listen, listen) == 0) {
            mu_config_fault_add(faults, "cluster.gateways", (int)index, "listen",
                                "is where cluster.gateways[%u] listens, too: take another port", i);
            return;
        }
    }
}

void mu_config_start_check(const struct mu_config *config, struct mu_config_faults *faults)
{
    const struct mu_config_cluster *cluster = &config->cluster;
    bool keys = has_keys(cluster);
    for (uint32_t i = 0; i < cluster->brokers_count; i++) {
        check_endpoint(cluster->brokers[i].endpoint, keys, i, "endpoint", faults);
        check_endpoint(cluster->brokers[i].bind, keys, i, "bind", faults);
        if (keys) {
            check_broker_key(cluster, i, faults);
        }
    }
    for (uint32_t i = 0; i < cluster->gateways_count; i++) {
        check_gateway(config, i, faults);
    }
    if (cluster->keys[0] != '\0' && cluster->peers[0] == '\0') {
        mu_config_fault_add(faults, "cluster", -1, "keys",
                            "is of no use without cluster.peers, the list of whom brokers let in: "
                            "muster peers writes it");
    } else if (cluster->keys[0] == '\0' && cluster->peers[0] != '\0') {
        mu_config_fault_add(faults, "cluster", -1, "peers",
                            "is of no use without cluster.keys, the folder of the processes' own "
                            "keys: muster keygen makes them");
    }
}
