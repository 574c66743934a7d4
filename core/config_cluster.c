#include "core/config_cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "core/config_faults.h"

/* An entry that the others tell apart by its name. */
typedef const char *name_at_fn(const struct mu_config_cluster *cluster, uint32_t index);

static const char *broker_name(const struct mu_config_cluster *cluster, uint32_t index)
{
    return cluster->brokers[index].name;
}

static const char *gateway_name(const struct mu_config_cluster *cluster, uint32_t index)
{
    return cluster->gateways[index].name;
}

/* Index of the first of `count` entries that is called `name`; `count`: none is. */
static uint32_t find(const struct mu_config_cluster *cluster, name_at_fn *name_at, uint32_t count,
                     const char *name)
{
    uint32_t i = 0;
    while (i < count && strcmp(name_at(cluster, i), name) != 0) {
        i++;
    }
    return i;
}

static int pick(const struct mu_config_cluster *cluster, name_at_fn *name_at, uint32_t count,
                const char *name, const char *host)
{
    if (name == NULL && count == 1) {
        return 0;
    }
    uint32_t index = find(cluster, name_at, count, name != NULL ? name : host);
    if (index < count) {
        return (int)index;
    }
    return name != NULL || count == 0 ? -ENOENT : -ESRCH;
}

int mu_cluster_pick_broker(const struct mu_config_cluster *cluster, const char *name,
                           const char *host)
{
    return pick(cluster, broker_name, cluster->brokers_count, name, host);
}

int mu_cluster_pick_gateway(const struct mu_config_cluster *cluster, const char *name,
                            const char *host)
{
    return pick(cluster, gateway_name, cluster->gateways_count, name, host);
}

int mu_listen_parse(const char *text, char ret_address[MU_HOST_MAX + 1], uint16_t *ret_port)
{
    char address[MU_HOST_MAX + 1];
    uint8_t binary[16]; /* of IPv6, the longer one */
    uint16_t port;
    if (strnlen(text, MU_LISTEN_MAX + 1) > MU_LISTEN_MAX) {
        return -ENAMETOOLONG;
    }
    int r = mu_parse_host_port(text, address, &port);
    if (r != 0) {
        return r;
    }
    if (inet_pton(text[0] == '[' ? AF_INET6 : AF_INET, address, binary) != 1) {
        return -EINVAL;
    }
    memcpy(ret_address, address, sizeof address);
    *ret_port = port;
    return 0;
}

static void check_name(const struct mu_config_cluster *cluster, name_at_fn *name_at,
                       const char *list, uint32_t index, struct mu_config_faults *faults)
{
    const char *name = name_at(cluster, index);
    uint32_t first = find(cluster, name_at, index, name);
    if (!mu_config_name_valid(name)) {
        mu_config_fault_add(faults, list, (int)index, "name",
                            "%s: give 1 to %d letters, digits, _ . or -",
                            name[0] == '\0' ? "is missing" : "holds other characters", MU_ID_MAX);
    } else if (first < index) {
        mu_config_fault_add(faults, list, (int)index, "name",
                            "\"%s\" is the name of %s[%u], too: give each its own", name, list,
                            first);
    }
}

/* Whether "tcp://HOST:PORT" names no host, or no port, that another process could connect to. */
static bool reaches_nobody(const char *endpoint)
{
    char host[MU_HOST_MAX + 1];
    uint16_t port;
    if (strncmp(endpoint, "tcp://", strlen("tcp://")) != 0) {
        return false;
    }
    /* A port written * is not a number, so that it does not parse. */
    return mu_parse_host_port(endpoint + strlen("tcp://"), host, &port) != 0 || port == 0 ||
           strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static void check_broker(const struct mu_config_cluster *cluster, uint32_t index,
                         struct mu_config_faults *faults)
{
    const struct mu_cluster_broker *broker = &cluster->brokers[index];
    check_name(cluster, broker_name, "cluster.brokers", index, faults);
    const char *fault = mu_endpoint_form_fault(broker->endpoint);
    if (broker->endpoint[0] == '\0') {
        mu_config_fault_add(faults, "cluster.brokers", (int)index, "endpoint",
                            "is missing: say where the others find it, as tcp://10.77.0.1:5570");
    } else if (fault != NULL) {
        mu_config_fault_add(faults, "cluster.brokers", (int)index, "endpoint", "is \"%.60s\": %s",
                            broker->endpoint, fault);
    } else if (reaches_nobody(broker->endpoint)) {
        mu_config_fault_add(faults, "cluster.brokers", (int)index, "endpoint",
                            "is \"%.60s\": nobody can connect to that; write the host's address "
                            "and a port, and this as bind",
                            broker->endpoint);
    }
    for (uint32_t i = 0; i < index && broker->endpoint[0] != '\0'; i++) {
        if (strcmp(cluster->brokers[i].endpoint, broker->endpoint) == 0) {
            mu_config_fault_add(faults, "cluster.brokers", (int)index, "endpoint",
                                "is that of cluster.brokers[%u], too: each broker has its own", i);
            break;
        }
    }
    fault = broker->bind[0] == '\0' ? NULL : mu_endpoint_form_fault(broker->bind);
    if (fault != NULL) {
        mu_config_fault_add(faults, "cluster.brokers", (int)index, "bind", "is \"%.60s\": %s",
                            broker->bind, fault);
    }
    if (broker->key[0] != '\0' &&
        (strspn(broker->key, "0123456789abcdef") != 64 || broker->key[64] != '\0')) {
        mu_config_fault_add(faults, "cluster.brokers", (int)index, "key",
                            "must be its public key: 64 hex digits, small letters");
    }
}

/* Returns whether it is well-formed and names a port. */
static bool check_listener(const char *text, uint32_t index, const char *field,
                           struct mu_config_faults *faults)
{
    char address[MU_HOST_MAX + 1];
    uint16_t port = 0;
    if (mu_listen_parse(text, address, &port) != 0) {
        mu_config_fault_add(faults, "cluster.gateways", (int)index, field,
                            "is \"%.60s\": write an address of the host (0.0.0.0: all) and a "
                            "port, as 10.77.0.3:8080 or [::1]:8080",
                            text);
    }
    return port != 0;
}

static void check_gateway(const struct mu_config_cluster *cluster, uint32_t index,
                          struct mu_config_faults *faults)
{
    const struct mu_cluster_gateway *gateway = &cluster->gateways[index];
    check_name(cluster, gateway_name, "cluster.gateways", index, faults);
    if (gateway->listen[0] == '\0') {
        mu_config_fault_add(faults, "cluster.gateways", (int)index, "listen",
                            "is missing: say where clients find it, as 10.77.0.3:8080");
    } else {
        (void)check_listener(gateway->listen, index, "listen", faults); /* port 0 is good, too */
    }
    if (gateway->admin[0] != '\0' && check_listener(gateway->admin, index, "admin", faults) &&
        strcmp(gateway->admin, gateway->listen) == 0) {
        mu_config_fault_add(faults, "cluster.gateways", (int)index, "admin",
                            "is where the API listens: take another port");
    }
}

void mu_config_check_path(const char *list, const char *field, const char *path,
                          const char *example, struct mu_config_faults *faults)
{
    if (path[0] != '\0' && path[0] != '/') {
        mu_config_fault_add(faults, list, -1, field,
                            "is \"%.60s\": write the whole path, as %s, since a program may be "
                            "started in any folder",
                            path, example);
    }
}

void mu_config_cluster_check(const struct mu_config_cluster *cluster,
                             struct mu_config_faults *faults)
{
    for (uint32_t i = 0; i < cluster->brokers_count; i++) {
        check_broker(cluster, i, faults);
    }
    for (uint32_t i = 0; i < cluster->gateways_count; i++) {
        check_gateway(cluster, i, faults);
    }
    mu_config_check_path("cluster.store", "data", cluster->store_data, "/var/lib/muster/store",
                         faults);
    mu_config_check_path("cluster", "keys", cluster->keys, "/etc/muster/keys", faults);
    mu_config_check_path("cluster", "peers", cluster->peers, "/etc/muster/peers.yaml", faults);
}
