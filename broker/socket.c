#include "broker/socket.h"

#include <errno.h>
#include <stdint.h>
#include <zmq.h>

#include "core/endpoint.h"
#include "wire/msg.h"

enum { HWM = 4096 }; /* messages in a pipe, each way */

/* A constant of libzmq's draft API, which its headers hide and Debian's build honours: when there
 * is a domain, a connection is refused if nobody answers for it.  Without, libzmq lets every key
 * in while there is no handler. */
enum { ZAP_ENFORCE_DOMAIN = 93 };

static const char zap_domain[] = "muster";

int mu_broker_socket_set(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0 ? 0 : -errno;
}

static int set_key(void *socket, const struct mu_key_pair *key)
{
    int r = mu_broker_socket_set(socket, ZMQ_CURVE_SERVER, 1);
    r = r == 0 ? mu_broker_socket_set(socket, ZAP_ENFORCE_DOMAIN, 1) : r;
    if (r == 0 &&
        (zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, key->secret_key, MU_SECRET_KEY_BYTES) != 0 ||
         zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, zap_domain, sizeof zap_domain - 1) != 0)) {
        r = -errno;
    }
    return r;
}

static int set_up(void *socket)
{
    static const struct {
        int option;
        int value;
    } options[] = {
        { ZMQ_ROUTER_MANDATORY, 1 },
        { ZMQ_LINGER, 0 },
        { ZMQ_SNDHWM, HWM },
        { ZMQ_RCVHWM, HWM },
        { ZMQ_BACKLOG, 1024 },
        { ZMQ_HANDSHAKE_IVL, 3000 },
        { ZMQ_HEARTBEAT_IVL, 1000 },
        { ZMQ_HEARTBEAT_TIMEOUT, 3000 },
        { ZMQ_HEARTBEAT_TTL, 4000 },
        { ZMQ_TCP_KEEPALIVE, 1 },
        { ZMQ_TCP_KEEPALIVE_IDLE, 15 },
        { ZMQ_TCP_KEEPALIVE_INTVL, 5 },
        { ZMQ_TCP_KEEPALIVE_CNT, 3 },
    };
    int64_t message_max = MU_BODY_MAX + MU_HEADER_MAX;
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_max, sizeof message_max) != 0) {
        return -errno;
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        int r = mu_broker_socket_set(socket, options[i].option, options[i].value);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

int mu_broker_socket_create(void *zmq, const struct mu_key_pair *key, bool ipv6, void **ret)
{
    void *socket = zmq_socket(zmq, ZMQ_ROUTER);
    if (socket == NULL) {
        return -errno;
    }
    int r = set_up(socket);
    r = r == 0 ? mu_broker_socket_set(socket, ZMQ_IPV6, ipv6) : r;
    r = r == 0 && key != NULL ? set_key(socket, key) : r;
    if (r != 0) {
        (void)zmq_close(socket); /* fails only on what is no socket */
        return r;
    }
    *ret = socket;
    return 0;
}

int mu_broker_socket_bind(void *socket, const char *endpoint, char *ret)
{
    size_t bytes = MU_ENDPOINT_MAX + 1;
    if (zmq_bind(socket, endpoint) != 0 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, ret, &bytes) != 0) {
        return -errno;
    }
    return 0;
}
