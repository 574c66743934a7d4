/* storage/place.c - the folder of a store, through the system's calls. */
#include "storage/place.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FOLDER_MODE    0700
#define FILE_MODE      0600
#define LOCK_NAME      "store.lock"
#define DATA_NAME      "data.mdb"
#define LMDB_LOCK_NAME "lock.mdb"

static const char settled_text[] = "muster store\n";

/* File systems on which LMDB's locks, memory map or sync do not hold what it needs.
 * Source: linux/magic.h and statfs(2). */
static const struct {
    uint32_t magic;
    const char *name;
} refused[] = {
    { 0x6969u, "NFS" },       { 0xFF534D42u, "CIFS" },  { 0xFE534D42u, "SMB2" },
    { 0x01021997u, "9P" },    { 0x65735546u, "FUSE" },  { 0x794C7630u, "overlay" },
    { 0x01021994u, "tmpfs" }, { 0x858458F6u, "ramfs" },
};

static int check_filesystem(int folder_fd, char *ret_error, size_t error_size)
{
    struct statfs stat;
    if (fstatfs(folder_fd, &stat) != 0)
        return -errno;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if ((uint32_t)stat.f_type != refused[i].magic)
            continue;
        (void)snprintf(ret_error, error_size,
                       "the folder is on %s, where nothing is sure to survive a crash: use a local "
                       "disk, or force it for tests",
                       refused[i].name);
        return -ENOTSUP;
    }
    return 0;
}

static int take_lock(struct mu_place *place, char *ret_error, size_t error_size)
{
    place->lock_fd = openat(place->folder_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    if (place->lock_fd < 0)
        return -errno;
    if (flock(place->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return -errno;
        (void)snprintf(ret_error, error_size,
                       "another process uses this store (it holds " LOCK_NAME "): stop it first");
        return -EBUSY;
    }
    struct stat stat;
    if (fstat(place->lock_fd, &stat) != 0)
        return -errno;
    place->settled = stat.st_size > 0;
    return 0;
}

int mu_place_open(const char *folder, bool any_filesystem, struct mu_place *ret, char *ret_error,
                  size_t error_size)
{
    ret_error[0] = '\0';
    struct mu_place place = { .folder_fd = -1, .lock_fd = -1 };
    int r = 0;
    if (mkdir(folder, FOLDER_MODE) != 0 && errno != EEXIST)
        r = -errno;
    if (r == 0) {
        place.folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        r = place.folder_fd < 0 ? -errno : 0;
    }
    if (r == 0 && !any_filesystem)
        r = check_filesystem(place.folder_fd, ret_error, error_size);
    if (r == 0)
        r = take_lock(&place, ret_error, error_size);
    if (r == 0) {
        *ret = place;
        return 0;
    }
    if (ret_error[0] == '\0')
        (void)snprintf(ret_error, error_size, "cannot use the folder: %s", strerror(-r));
    mu_place_close(&place);
    return r;
}

void mu_place_close(struct mu_place *place)
{
    /* Closing drops the lock; neither has anything to write that could fail. */
    if (place->lock_fd >= 0)
        (void)close(place->lock_fd);
    if (place->folder_fd >= 0)
        (void)close(place->folder_fd);
    place->lock_fd = -1;
    place->folder_fd = -1;
}

int mu_place_map(const struct mu_place *place, const uint8_t **ret, size_t *ret_size)
{
    *ret = NULL;
    *ret_size = 0;
    int fd = openat(place->folder_fd, DATA_NAME, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    int r = 0;
    struct stat stat;
    if (fstat(fd, &stat) != 0)
        r = -errno;
    if (r == 0 && stat.st_size > 0) {
        void *image = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0);
        r = image == MAP_FAILED ? -errno : 0;
        if (r == 0) {
            *ret = image;
            *ret_size = (size_t)stat.st_size;
        }
    }
    (void)close(fd); /* nothing was written */
    return r;
}

void mu_place_unmap(const uint8_t *image, size_t size)
{
    union {
        const uint8_t *from;
        void *to;
    } cast = { image };
    if (size > 0)
        (void)munmap(cast.to, size); /* fails only for what was never mapped */
}

int mu_place_settle(struct mu_place *place)
{
    if (place->settled)
        return 0;
    size_t size = sizeof settled_text - 1;
    if (pwrite(place->lock_fd, settled_text, size, 0) != (ssize_t)size)
        return errno != 0 ? -errno : -EIO;
    if (fsync(place->lock_fd) != 0 || fsync(place->folder_fd) != 0)
        return -errno;
    place->settled = true;
    return 0;
}

unsigned mu_place_free_permille(const struct mu_place *place, uint64_t bytes)
{
    struct statvfs stat;
    if (fstatvfs(place->folder_fd, &stat) != 0 || stat.f_blocks == 0 || stat.f_frsize == 0)
        return 1000;
    double left = (double)stat.f_bavail - (double)bytes / (double)stat.f_frsize;
    return left <= 0 ? 0 : (unsigned)(1000.0 * left / (double)stat.f_blocks);
}

int mu_place_create_copy(const char *path)
{
    return mkdir(path, FOLDER_MODE) == 0 ? 0 : -errno;
}

uint64_t mu_place_copy_bytes(const char *path)
{
    char name[PATH_MAX];
    struct stat about;
    if (snprintf(name, sizeof name, "%s/%s", path, DATA_NAME) >= (int)sizeof name ||
        stat(name, &about) != 0)
        return 0;
    return (uint64_t)about.st_size;
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0)
        return -errno;
    int r = fsync(fd) == 0 ? 0 : -errno;
    (void)close(fd); /* fsync has told what there was to tell */
    return r;
}

/* Removes a file of the folder `path`; best effort: what matters is found out by who comes next. */
static void remove_file(const char *path, const char *file)
{
    char name[PATH_MAX];
    if (snprintf(name, sizeof name, "%s/%s", path, file) < (int)sizeof name)
        (void)unlink(name);
}

int mu_place_publish_copy(const char *from, const char *to)
{
    char name[PATH_MAX];
    remove_file(from, LMDB_LOCK_NAME); /* of who read the copy back */
    if (snprintf(name, sizeof name, "%s/%s", from, DATA_NAME) >= (int)sizeof name)
        return -ENAMETOOLONG;
    int r = chmod(name, FILE_MODE) == 0 ? 0 : -errno; /* LMDB's copies are readable for all */
    if (r == 0)
        r = sync_path(name, 0);
    if (r == 0)
        r = sync_path(from, O_DIRECTORY);
    if (r == 0 && rename(from, to) != 0)
        r = -errno;
    if (r != 0)
        return r;
    if (snprintf(name, sizeof name, "%s", to) >= (int)sizeof name)
        return -ENAMETOOLONG;
    return sync_path(dirname(name), O_DIRECTORY);
}

void mu_place_remove_copy(const char *path)
{
    remove_file(path, DATA_NAME);
    remove_file(path, LMDB_LOCK_NAME);
    (void)rmdir(path);
}
