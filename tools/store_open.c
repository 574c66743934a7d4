#include "tools/store_open.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/options.h"
#include "storage/lmdb.h"
#include "tools/dev_folder.h"

int mu_store_open(const char *command, const char *folder, struct mu_store **ret)
{
    char path[MU_PATH_BYTES];
    char data[MU_PATH_BYTES + 16];
    char error[MU_LMDB_ERROR_MAX] = "";
    struct stat about;
    if (folder == NULL) {
        (void)fprintf(stderr, "muster %s: --data DIR is needed\n", command);
        return MU_EXIT_USAGE;
    }
    if (mu_dev_folder_store(folder, path) != 0) {
        (void)fprintf(stderr, "muster %s: the path is too long\n", command);
        return MU_EXIT_USAGE;
    }
    /* Opening creates what is missing: who only looks must not. */
    (void)snprintf(data, sizeof data, "%s/data.mdb", path);
    if (stat(data, &about) != 0) {
        (void)fprintf(stderr, "muster %s: there is no store in %s\n", command, folder);
        return MU_EXIT_UNAVAILABLE;
    }
    /* To read what is there is right on any file system. */
    const struct mu_lmdb_options options = { .folder = path, .any_filesystem = true };
    int r = mu_lmdb_open(&options, ret, error, sizeof error);
    if (r != 0) {
        (void)fprintf(stderr, "muster %s: %s: %s\n", command, path, error);
    }
    return r == 0 ? 0 : r == -EBADMSG ? MU_EXIT_DATA : MU_EXIT_UNAVAILABLE;
}
