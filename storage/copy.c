/* storage/copy.c - runs mu_disk_copy() in a thread. */
#include "storage/copy.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/store.h"
#include "storage/disk.h"
#include "storage/place.h"

static int join(char ret[PATH_MAX], const char *folder, const char *name)
{
    int n = snprintf(ret, PATH_MAX, "%s/%s", folder, name);
    return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int mu_copy_init(struct mu_copy *copy, const char *store_folder)
{
    return join(copy->folder, store_folder, "backups");
}

static void wait_for(struct mu_copy *copy)
{
    if (copy->joinable) {
        int r = pthread_join(copy->thread, NULL);
        assert(r == 0);
        (void)r;
    }
    copy->joinable = false;
}

void mu_copy_release(struct mu_copy *copy)
{
    wait_for(copy);
}

static bool name_valid(const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t size = strlen(name);
    return size >= 1 && size <= MU_STORE_BACKUP_NAME_MAX && name[0] != '.' &&
           strspn(name, letters) == size;
}

int mu_copy_check(const struct mu_copy *copy, const char *name)
{
    if (!name_valid(name))
        return -EINVAL;
    if (copy->begun && atomic_load(&copy->result) == -EINPROGRESS)
        return -EBUSY;
    char path[PATH_MAX];
    struct stat about;
    int r = join(path, copy->folder, name);
    if (r == 0 && lstat(path, &about) == 0)
        r = -EEXIST;
    return r;
}

/* Reads the copy back: a backup that cannot be restored is found out now. */
static int verify(struct mu_copy *copy)
{
    struct mu_disk *disk = NULL;
    char error[256]; /* the caller sees the number, `muster verify` tells the rest */
    copy->bytes = mu_place_copy_bytes(copy->part);
    int r = mu_disk_open(copy->part, copy->bytes, &disk, error, sizeof error);
    if (r == 0)
        r = mu_disk_verify(disk, error, sizeof error);
    mu_disk_close(disk);
    return r;
}

static void *run(void *context)
{
    struct mu_copy *copy = context;
    int r = mu_disk_copy(copy->disk, copy->part);
    if (r == 0)
        r = verify(copy);
    if (r == 0)
        r = mu_place_publish_copy(copy->part, copy->path);
    if (r != 0)
        mu_place_remove_copy(copy->part);
    atomic_store(&copy->result, r);
    return NULL;
}

/* Starts the thread, in which no signal is handled. */
static int start(struct mu_copy *copy)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    int r = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (r != 0)
        return -r;
    r = pthread_create(&copy->thread, NULL, run, copy);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* cannot fail: it was so */
    return -r;
}

int mu_copy_begin(struct mu_copy *copy, const struct mu_disk *disk, const char *name)
{
    assert(mu_copy_check(copy, name) == 0);
    wait_for(copy);
    int r = join(copy->path, copy->folder, name);
    if (r == 0)
        r = join(copy->part, copy->folder, ".part");
    if (r == 0)
        r = mu_place_create_copy(copy->folder);
    if (r != 0 && r != -EEXIST)
        return r;
    mu_place_remove_copy(copy->part);
    r = mu_place_create_copy(copy->part);
    if (r != 0)
        return r;
    copy->disk = disk;
    copy->bytes = 0;
    copy->begun = true;
    atomic_store(&copy->result, -EINPROGRESS);
    r = start(copy);
    copy->joinable = r == 0;
    if (r != 0) {
        atomic_store(&copy->result, r);
        mu_place_remove_copy(copy->part);
    }
    return r;
}

int mu_copy_poll(struct mu_copy *copy, uint64_t *ret_bytes)
{
    if (!copy->begun)
        return -ENOENT;
    int r = atomic_load(&copy->result);
    if (r != -EINPROGRESS)
        wait_for(copy);
    if (r == 0)
        *ret_bytes = copy->bytes;
    return r;
}
