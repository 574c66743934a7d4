/* tools/dev_folder.h - the data folder of `muster dev`.
 *
 *   DIR/store/      the store's files; what `muster verify --data DIR` reads
 *   DIR/logs/       what the processes say, while the table is shown
 *   DIR/dev-key     the API key that is printed; 0600
 *   DIR/bots.json   who the bots are
 *   DIR/bus.sock    the bus, while it runs
 *   DIR/lock        held by the one `muster dev` that uses the folder; 0600 */
#ifndef MU_TOOLS_DEV_FOLDER_H
#define MU_TOOLS_DEV_FOLDER_H

#include "tools/process.h"

struct mu_dev_folder {
    int lock; /* descriptor that holds the lock; -1: none */
    char root[MU_PATH_BYTES];
    char store[MU_PATH_BYTES];
    char logs[MU_PATH_BYTES];
    char key[MU_PATH_BYTES];
    char bots[MU_PATH_BYTES];
    char bus[MU_PATH_BYTES]; /* the endpoint: ipc in the folder, or tcp when its path is too long */
};

/* Creates what is missing (0700), takes the lock, and picks the bus's endpoint.
 * ret  filled also on failure, as far as it came; release it either way
 * Returns 0; -EBUSY: another process uses the folder; -ENAMETOOLONG; or -errno. */
int mu_dev_folder_open(const char *path, struct mu_dev_folder *ret);
void mu_dev_folder_release(struct mu_dev_folder *folder);

/* Writes where the store's files are: DIR/store when there is one, else DIR itself.
 * Returns 0 or -ENAMETOOLONG. */
int mu_dev_folder_store(const char *path, char ret[MU_PATH_BYTES]);

/* Writes the endpoint of the bus of the cluster that runs in the folder.
 * Returns 0; -ENOENT when there is none, or it is on a TCP port, which only the processes'
 * command lines tell; or -errno. */
int mu_dev_folder_bus(const char *path, char ret[MU_PATH_BYTES]);

#endif /* MU_TOOLS_DEV_FOLDER_H */
