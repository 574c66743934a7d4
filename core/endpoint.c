#include "core/endpoint.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/parse.h"

/* Longest path of a UNIX socket that Linux takes, without the NUL. */
enum { IPC_PATH_MAX = 107 };

static bool is_loopback(const char *host)
{
    if (strcmp(host, "::1") == 0) {
        return true;
    }
    /* Four numbers, the first of them 127. */
    uint64_t numbers = 0;
    const char *at = host;
    for (; numbers < 4; numbers++) {
        char part[4];
        uint64_t value;
        size_t length = strcspn(at, ".");
        if (length >= sizeof part) {
            return false;
        }
        memcpy(part, at, length);
        part[length] = '\0';
        if (mu_parse_u64(part, 0, 255, &value) != 0 || (numbers == 0 && value != 127)) {
            return false;
        }
        at += length;
        if (*at == '\0') {
            return numbers == 3;
        }
        at++;
    }
    return false;
}

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

const char *mu_endpoint_fault(const char *endpoint)
{
    const char *fault = mu_endpoint_form_fault(endpoint);
    if (fault != NULL || strncmp(endpoint, "ipc://", strlen("ipc://")) == 0) {
        return fault;
    }
    char host[MU_HOST_MAX + 1] = "";
    (void)parse_tcp(endpoint + strlen("tcp://"), host); /* it has the form, so it parses */
    return is_loopback(host) ? NULL
                             : "only loopback addresses (127.0.0.1, [::1]) and ipc:// are allowed: "
                               "the bus is neither encrypted nor authenticated yet";
}
