#include "tools/restoration.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/audit.h"
#include "storage/lmdb.h"
#include "tools/process.h"

#define CHUNK_BYTES (1024 * 1024)

/* The paths of one restoration. */
struct paths {
    char target[MU_PATH_BYTES];
    char part[MU_PATH_BYTES + 8];
    char from[MU_PATH_BYTES + 16]; /* data.mdb of the backup */
    char to[MU_PATH_BYTES + 24];   /* and of the part */
};

static int name_paths(const char *backup, const char *target, struct paths *ret)
{
    size_t size = strlen(target);
    while (size > 1 && target[size - 1] == '/') {
        size--;
    }
    if (size == 0 || size >= MU_PATH_BYTES || strlen(backup) >= MU_PATH_BYTES) {
        return -ENAMETOOLONG;
    }
    (void)snprintf(ret->target, sizeof ret->target, "%.*s", (int)size, target);
    (void)snprintf(ret->part, sizeof ret->part, "%s.part", ret->target);
    (void)snprintf(ret->from, sizeof ret->from, "%s/data.mdb", backup);
    (void)snprintf(ret->to, sizeof ret->to, "%s/data.mdb", ret->part);
    return 0;
}

static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int r = fsync(fd) == 0 ? 0 : -errno;
    (void)close(fd); /* fsync has told what there was to tell */
    return r;
}

/* Removes the part and the files that a store makes in it; what else is there stays. */
static void remove_part(const struct paths *paths)
{
    static const char *const files[] = { "data.mdb", "lock.mdb", "store.lock" };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[sizeof paths->part + 16];
        (void)snprintf(path, sizeof path, "%s/%s", paths->part, files[i]);
        (void)unlink(path); /* mkdir() or the caller's error says what stands in the way */
    }
    (void)rmdir(paths->part);
}

/* Whether the target is missing or an empty folder: 0, -ENOTEMPTY or -errno. */
static int check_target(const char *target)
{
    DIR *folder = opendir(target);
    if (folder == NULL) {
        return errno == ENOENT ? 0 : -errno;
    }
    int r = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL && r == 0; entry = readdir(folder)) {
        bool itself = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        r = itself ? 0 : -ENOTEMPTY;
    }
    (void)closedir(folder);
    return r;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        bytes += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Copies everything from one descriptor to the other, durably. */
static int copy_bytes(int from, int to, uint64_t *ret_bytes)
{
    char *chunk = malloc(CHUNK_BYTES);
    int r = chunk == NULL ? -ENOMEM : 0;
    ssize_t n = 1;
    while (r == 0 && n > 0) {
        n = read(from, chunk, CHUNK_BYTES);
        if (n < 0 && errno != EINTR) {
            r = -errno;
        } else if (n > 0) {
            r = write_all(to, chunk, (size_t)n);
            *ret_bytes += (uint64_t)n;
        } else if (n < 0) {
            n = 1; /* a signal: go on */
        }
    }
    free(chunk);
    return r == 0 && fsync(to) != 0 ? -errno : r;
}

static int copy_file(const struct paths *paths, uint64_t *ret_bytes, char *error)
{
    int from = open(paths->from, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        int r = -errno;
        (void)snprintf(error, MU_RESTORATION_ERROR_MAX, "cannot read %.300s: %s", paths->from,
                       strerror(-r));
        return r;
    }
    int to = open(paths->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = to < 0 ? -errno : copy_bytes(from, to, ret_bytes);
    (void)close(from);
    if (to >= 0 && close(to) != 0 && r == 0) {
        r = -errno;
    }
    if (r != 0) {
        (void)snprintf(error, MU_RESTORATION_ERROR_MAX, "cannot write %.300s: %s", paths->to,
                       strerror(-r));
    }
    return r;
}

static bool count_one(void *context, struct mu_slice key, struct mu_slice value)
{
    (void)context;
    (void)key;
    (void)value;
    return true;
}

static uint64_t count(struct mu_store *store, enum mu_table table)
{
    const struct mu_store_range all = { .table = table };
    int64_t n = store->ops->scan(store, &all, count_one, NULL);
    return n < 0 ? 0 : (uint64_t)n;
}

/* Checks the copy and begins its generation. */
static int renew(const struct paths *paths, uint64_t utc_s, struct mu_restoration *restoration,
                 char *error)
{
    /* The store itself will refuse a file system that it does not trust. */
    const struct mu_lmdb_options options = { .folder = paths->part, .any_filesystem = true };
    struct mu_store *store = NULL;
    int r = mu_lmdb_open(&options, &store, error, MU_LMDB_ERROR_MAX);
    if (r != 0) {
        return r;
    }
    r = mu_store_audit(store, error, MU_RESTORATION_ERROR_MAX);
    if (r == 0) {
        restoration->players = count(store, MU_TABLE_PLAYER);
        restoration->matches = count(store, MU_TABLE_MATCH);
        r = mu_generation_renew(store, utc_s, &restoration->generation);
        r = r == 0 ? store->ops->commit(store) : r;
        r = r == 0 ? store->ops->verify(store) : r;
        if (r != 0) {
            (void)snprintf(error, MU_RESTORATION_ERROR_MAX, "cannot write the new epochs: %s",
                           strerror(-r));
        }
    }
    store->ops->destroy(store);
    return r;
}

/* Gives the part its name, durably. */
static int publish(const struct paths *paths)
{
    char lock[sizeof paths->part + 16];
    char parent[MU_PATH_BYTES];
    (void)snprintf(lock, sizeof lock, "%s/lock.mdb", paths->part);
    (void)unlink(lock); /* LMDB makes a new one */
    int r = sync_folder(paths->part);
    if (r == 0 && rename(paths->part, paths->target) != 0) {
        r = -errno;
    }
    (void)snprintf(parent, sizeof parent, "%s", paths->target);
    return r == 0 ? sync_folder(dirname(parent)) : r;
}

int mu_restore(const char *backup, const char *target, uint64_t utc_s, struct mu_restoration *ret,
               char *error)
{
    struct paths paths;
    struct mu_restoration done = { 0 };
    error[0] = '\0';
    int r = name_paths(backup, target, &paths);
    r = r == 0 ? check_target(paths.target) : r;
    if (r == 0) {
        remove_part(&paths);
        r = mkdir(paths.part, 0700) == 0 ? 0 : -errno;
    }
    if (r != 0) {
        (void)snprintf(error, MU_RESTORATION_ERROR_MAX, "cannot make %.300s: %s", target,
                       r == -ENOTEMPTY ? "it is not empty; move what is there away" : strerror(-r));
        return r;
    }
    r = copy_file(&paths, &done.bytes, error);
    if (r == 0 && done.bytes == 0) { /* would be opened as a new store */
        (void)snprintf(error, MU_RESTORATION_ERROR_MAX, "%.300s is empty", paths.from);
        r = -EBADMSG;
    }
    r = r == 0 ? renew(&paths, utc_s, &done, error) : r;
    if (r == 0) {
        r = publish(&paths);
        if (r != 0) {
            (void)snprintf(error, MU_RESTORATION_ERROR_MAX, "cannot make %.300s: %s", target,
                           strerror(-r));
        }
    }
    if (r != 0) {
        remove_part(&paths);
        return r;
    }
    *ret = done;
    return 0;
}
