#include "core/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int mu_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    if (path == NULL || path[0] == '\0') {
        return 0;
    }
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || length >= sizeof address.sun_path) {
        return -EINVAL;
    }
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') { /* the abstract name space starts with a NUL */
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0) {
        return -errno;
    }
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t n =
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    int r = n < 0 ? -errno : 0;
    (void)close(fd); /* a datagram is sent or not by now */
    return r;
}

int mu_notify_alive(bool ready)
{
    char state[64];
    if (ready) {
        return mu_notify("WATCHDOG=1");
    }
    (void)snprintf(state, sizeof state, "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=%d",
                   MU_NOTIFY_START_S * 1000000);
    return mu_notify(state);
}
