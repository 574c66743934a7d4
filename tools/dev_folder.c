/* For realpath(), which is of the XSI part of POSIX. */
#define _XOPEN_SOURCE 700 /* NOLINT(bugprone-reserved-identifier): the C library's own switch */

#include "tools/dev_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Writes root/name.  Returns 0 or -ENAMETOOLONG. */
static int join(const char *root, const char *name, char ret[MU_PATH_BYTES])
{
    int n = snprintf(ret, MU_PATH_BYTES, "%s/%s", root, name);
    return n < 0 || n >= MU_PATH_BYTES ? -ENAMETOOLONG : 0;
}

static int make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

static int take_lock(struct mu_dev_folder *folder)
{
    char path[MU_PATH_BYTES];
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int r = join(folder->root, "lock", path);
    if (r != 0) {
        return r;
    }
    folder->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (folder->lock < 0) {
        return -errno;
    }
    if (fcntl(folder->lock, F_SETLK, &whole) != 0) {
        return errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
    }
    return 0;
}

/* A socket in the folder is faster than TCP, and only its owner can reach it. */
static int pick_bus(struct mu_dev_folder *folder)
{
    struct sockaddr_un limit;
    char path[MU_PATH_BYTES];
    uint16_t port = 0;
    int r = join(folder->root, "bus.sock", path);
    if (r == 0 && strlen(path) < sizeof limit.sun_path) {
        (void)unlink(path); /* of a cluster that was killed; the lock says that it is gone */
        (void)snprintf(folder->bus, sizeof folder->bus, "ipc://%.*s", (int)sizeof limit.sun_path,
                       path);
        return 0;
    }
    r = mu_process_free_port(&port);
    (void)snprintf(folder->bus, sizeof folder->bus, "tcp://127.0.0.1:%u", (unsigned)port);
    return r;
}

int mu_dev_folder_open(const char *path, struct mu_dev_folder *ret)
{
    *ret = (struct mu_dev_folder){ .lock = -1 };
    int r = make_folder(path);
    if (r != 0) {
        return r;
    }
    char *whole = realpath(path, NULL);
    if (whole == NULL) {
        return -errno;
    }
    int n = snprintf(ret->root, sizeof ret->root, "%s", whole);
    free(whole);
    if (n < 0 || (size_t)n >= sizeof ret->root || join(ret->root, "store", ret->store) != 0 ||
        join(ret->root, "logs", ret->logs) != 0 || join(ret->root, "dev-key", ret->key) != 0 ||
        join(ret->root, "bots.json", ret->bots) != 0) {
        return -ENAMETOOLONG;
    }
    r = take_lock(ret);
    if (r == 0) {
        r = make_folder(ret->logs);
    }
    return r == 0 ? pick_bus(ret) : r;
}

void mu_dev_folder_release(struct mu_dev_folder *folder)
{
    if (folder->lock >= 0) {
        (void)close(folder->lock); /* lets it go; there is nothing in the file */
    }
    folder->lock = -1;
}

int mu_dev_folder_store(const char *path, char ret[MU_PATH_BYTES])
{
    struct stat about;
    int r = join(path, "store", ret);
    if (r == 0 && stat(ret, &about) == 0 && S_ISDIR(about.st_mode)) {
        return 0;
    }
    int n = snprintf(ret, MU_PATH_BYTES, "%s", path);
    return n < 0 || n >= MU_PATH_BYTES ? -ENAMETOOLONG : 0;
}

int mu_dev_folder_bus(const char *path, char ret[MU_PATH_BYTES])
{
    char socket[MU_PATH_BYTES];
    int r = join(path, "bus.sock", socket);
    if (r != 0) {
        return r;
    }
    char *whole = realpath(socket, NULL);
    if (whole == NULL) {
        return -errno;
    }
    int n = snprintf(ret, MU_PATH_BYTES, "ipc://%s", whole);
    free(whole);
    return n < 0 || n >= MU_PATH_BYTES ? -ENAMETOOLONG : 0;
}
