/* tests/unit/store_folder.h - a folder for the stores of a test, removed with all in it. */
#ifndef MU_TESTS_UNIT_STORE_FOLDER_H
#define MU_TESTS_UNIT_STORE_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STORE_FOLDER_MAX 256 /* bytes of a path */

struct store_folder {
    char path[STORE_FOLDER_MAX];
};

/* Creates an empty folder under $TMPDIR or /tmp; ends the test when it cannot. */
static inline void store_folder_create(struct store_folder *ret)
{
    const char *parent = getenv("TMPDIR");
    (void)snprintf(ret->path, sizeof ret->path, "%s/muster-store-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    if (mkdtemp(ret->path) == NULL) {
        perror(ret->path);
        exit(1);
    }
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the folders that the tests made */
/* Removes a file, or a folder with all in it; what is not there is fine. */
static inline void store_folder_remove_path(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        (void)unlink(path);
        return;
    }
    char name[4096];
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        int n = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            n < (int)sizeof name) {
            store_folder_remove_path(name);
        }
    }
    (void)closedir(folder);
    (void)rmdir(path);
}
/* NOLINTEND(misc-no-recursion) */

static inline void store_folder_remove(struct store_folder *folder)
{
    store_folder_remove_path(folder->path);
}

#endif /* MU_TESTS_UNIT_STORE_FOLDER_H */
