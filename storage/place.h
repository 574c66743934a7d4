/* storage/place.h - the folder of a store: who holds it, what lies under it, how full it is.
 *
 *   data.mdb lock.mdb   LMDB's
 *   store.lock          flock()ed by the one process that uses the folder; filled in once data.mdb
 *                       exists, so that a lost data.mdb is not taken for a new store */
#ifndef MU_STORAGE_PLACE_H
#define MU_STORAGE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mu_place {
    int folder_fd;
    int lock_fd;
    bool settled; /* store.lock says that data.mdb exists */
};

/* Creates the folder if it is missing (its parent must exist), refuses NFS, SMB, FUSE, overlay and
 * memory file systems unless `any_filesystem`, and takes the lock.
 * ret_error  [error_size] what went wrong and what to do, when it fails.
 * Returns 0, -EBUSY (somebody else holds it), -ENOTSUP (file system), or -errno. */
int mu_place_open(const char *folder, bool any_filesystem, struct mu_place *ret, char *ret_error,
                  size_t error_size);
void mu_place_close(struct mu_place *place);

/* Maps data.mdb for reading; *ret_size is 0 and *ret NULL when there is none or it is empty. */
int mu_place_map(const struct mu_place *place, const uint8_t **ret, size_t *ret_size);
void mu_place_unmap(const uint8_t *image, size_t size);

/* Notes that data.mdb exists, and makes the folder's entries durable. */
int mu_place_settle(struct mu_place *place);

/* Free space of the file system once `bytes` more are in use, in thousandths; 1000 when it cannot
 * be told. */
unsigned mu_place_free_permille(const struct mu_place *place, uint64_t bytes);

/* Creates the folder `path`, 0700; -EEXIST when there is one. */
int mu_place_create_copy(const char *path);

/* Bytes of data.mdb in the folder `path`; 0 when it cannot be told. */
uint64_t mu_place_copy_bytes(const char *path);

/* Makes data.mdb in `from` durable and renames the folder to `to`, durably; nothing else of it
 * is left. */
int mu_place_publish_copy(const char *from, const char *to);

/* Removes an unfinished copy; what is not there is no error. */
void mu_place_remove_copy(const char *path);

#endif /* MU_STORAGE_PLACE_H */
