#include "broker/socket.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
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

/* Whether somebody listens at a UNIX socket.  Returns 0: nobody does; -EADDRINUSE, or another
 * -errno: it cannot be told. */
static int look_for_listener(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    int r = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : -errno;
    (void)close(fd); /* nothing was sent */
    switch (r) {
    case -ECONNREFUSED:
    case -ENOENT: return 0; /* who made it is gone, or it is itself */
    case 0:
    case -EAGAIN:                         /* its backlog is full */
    case -EPROTOTYPE: return -EADDRINUSE; /* it is of no broker, but somebody's */
    default: return r;
    }
}

/* Whether libzmq may take the path of "ipc://PATH": it deletes whatever is there, even a socket at
 * which another process listens.  Returns 0, -ENOTSOCK, -EADDRINUSE or another -errno. */
static int ipc_fault(const char *endpoint)
{
    static const char scheme[] = "ipc://";
    const char *path = endpoint + strlen(scheme);
    struct stat status;
    if (strncmp(endpoint, scheme, strlen(scheme)) != 0 || path[0] == '@' ||
        strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
        return 0; /* no path of a file, or one that libzmq refuses */
    }
    if (lstat(path, &status) != 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    return S_ISSOCK(status.st_mode) ? look_for_listener(path) : -ENOTSOCK;
}

int mu_broker_socket_bind(void *socket, const char *endpoint, char *ret)
{
    size_t bytes = MU_ENDPOINT_MAX + 1;
    int r = ipc_fault(endpoint);
    if (r != 0) {
        return r;
    }
    if (zmq_bind(socket, endpoint) != 0 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, ret, &bytes) != 0) {
        return -errno;
    }
    return 0;
}

const char *mu_broker_bind_fault(int r)
{
    switch (r) {
    case -ENOTSOCK: return "there is something at that path that is no socket: it stays as it is";
    case -EADDRINUSE: return "another process listens there already";
    default: return zmq_strerror(-r);
    }
}
