/* For realpath(), which is of the XSI part of POSIX. */
#define _XOPEN_SOURCE 700 /* NOLINT(bugprone-reserved-identifier): the C library's own switch */

#include "tools/process.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#define FREE_PORT_MIN   16384
#define FREE_PORT_COUNT 16384 /* up to 32767; Linux takes outgoing ports from 32768 */
#define FREE_PORT_TRIES 200

/* Between fork and exec: only calls that are safe there. */
static void become(const char *const *argv, int log, int null, pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(127); /* we would outlive the supervisor */
    }
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        (log >= 0 && dup2(log, STDERR_FILENO) < 0)) {
        _exit(127);
    }
    /* argv's strings are not written to; execv's type is older than const. */
    union {
        const char *const *in;
        char *const *out;
    } strings = { .in = argv };
    (void)execv(argv[0], strings.out);
    (void)dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int mu_process_start(const char *const *argv, const char *log_path, pid_t *ret)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) {
        return -errno;
    }
    int log = -1;
    if (log_path != NULL) {
        log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log < 0) {
            int r = -errno;
            (void)close(null); /* only read from */
            return r;
        }
    }
    pid_t parent = getpid();
    pid_t child = fork();
    int r = child < 0 ? -errno : 0;
    if (child == 0) {
        become(argv, log, null, parent);
    }
    if (log >= 0) {
        (void)close(log); /* the child has its own */
    }
    (void)close(null); /* likewise */
    if (r == 0) {
        *ret = child;
    }
    return r;
}

int mu_process_beside(const char *name, char ret[MU_PATH_BYTES])
{
    char self[MU_PATH_BYTES];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0) {
        return -errno;
    }
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    assert(slash != NULL);
    *slash = '\0';
    /* Beside it once installed; in a build folder each program is in the folder of its sources. */
    static const char *const folders[] = { ".", "../broker", "../actors", "../gateway",
                                           "../tools" };
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[MU_PATH_BYTES];
        int used = i == 0 ? snprintf(path, sizeof path, "%s/%s", self, name)
                          : snprintf(path, sizeof path, "%s/%s/%s", self, folders[i], name);
        if (used < 0 || (size_t)used >= sizeof path) {
            return -ENAMETOOLONG;
        }
        char *whole = access(path, X_OK) == 0 ? realpath(path, NULL) : NULL;
        if (whole != NULL) {
            used = snprintf(ret, MU_PATH_BYTES, "%s", whole);
            free(whole);
            return used < 0 || used >= MU_PATH_BYTES ? -ENAMETOOLONG : 0;
        }
    }
    return -ENOENT;
}

int mu_process_try_port(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    /* As the servers do it: the ports of a cluster that just ended are free. */
    int r = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
                    bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
                    listen(fd, 1) != 0
                ? -errno
                : 0;
    (void)close(fd); /* it held nothing */
    return r;
}

int mu_process_free_port(uint16_t *ret)
{
    for (uint32_t i = 0; i < FREE_PORT_TRIES; i++) {
        uint16_t port = (uint16_t)(FREE_PORT_MIN + randombytes_uniform(FREE_PORT_COUNT));
        if (mu_process_try_port(port) == 0) {
            *ret = port;
            return 0;
        }
    }
    return -EADDRINUSE;
}

int64_t mu_process_now_ms(void)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(r == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
