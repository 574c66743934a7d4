#include "core/endpoint.h"

#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>

#include "core/parse.h"

/* Longest path of a UNIX socket that Linux takes, without the NUL. */
enum { IPC_PATH_MAX = 107 };

/* Reads what stands behind tcp://; a port * counts as 0.  Returns 0 or what mu_parse_host_port()
 * said. */
static int parse_tcp(const char *rest, char ret_host[MU_HOST_MAX + 1])
{
    char text[MU_ENDPOINT_MAX + 1];
    uint16_t port;
    size_t length = strlen(rest);
    memcpy(text, rest, length + 1);
    if (length >= 2 && strcmp(text + length - 2, ":*") == 0) {
        text[length - 1] = '0';
    }
    return mu_parse_host_port(text, ret_host, &port);
}

const char *mu_endpoint_form_fault(const char *endpoint)
{
    if (strnlen(endpoint, MU_ENDPOINT_MAX + 1) > MU_ENDPOINT_MAX) {
        return "an endpoint has at most 255 characters";
    }
    if (strncmp(endpoint, "tcp://", strlen("tcp://")) == 0) {
        char host[MU_HOST_MAX + 1];
        return parse_tcp(endpoint + strlen("tcp://"), host) == 0
                   ? NULL
                   : "a TCP endpoint is written tcp://127.0.0.1:7600";
    }
    if (strncmp(endpoint, "ipc://", strlen("ipc://")) == 0) {
        size_t length = strlen(endpoint + strlen("ipc://"));
        return length > 0 && length <= IPC_PATH_MAX ? NULL : "an ipc path has 1 to 107 characters";
    }
    return "an endpoint starts with tcp:// or ipc://";
}

bool mu_address_loopback(const char *address)
{
    static const uint8_t loopback[16] = { [15] = 1 };
    uint8_t binary[16]; /* of IPv6, the longer one */
    if (inet_pton(AF_INET, address, binary) == 1) {
        return binary[0] == 127;
    }
    return inet_pton(AF_INET6, address, binary) == 1 &&
           memcmp(binary, loopback, sizeof loopback) == 0;
}

static const char *host_fault(const char *host, bool keys)
{
    uint8_t binary[16];
    if (inet_pton(AF_INET, host, binary) != 1 && inet_pton(AF_INET6, host, binary) != 1) {
        return "an address is written in numbers, as 10.0.0.7 or [fd00::7]: names are not looked "
               "up";
    }
    return keys || mu_address_loopback(host)
               ? NULL
               : "without keys only this host can be served (127.0.0.1, [::1], ipc://): "
                 "for other hosts make keys, docs/KEYS.md";
}

const char *mu_endpoint_fault(const char *endpoint, bool keys)
{
    const char *fault = mu_endpoint_form_fault(endpoint);
    if (fault != NULL || strncmp(endpoint, "ipc://", strlen("ipc://")) == 0) {
        return fault;
    }
    char host[MU_HOST_MAX + 1] = "";
    (void)parse_tcp(endpoint + strlen("tcp://"), host); /* it has the form, so it parses */
    return host_fault(host, keys);
}
