/* For realpath(), which is of the XSI part of POSIX. */
#define _XOPEN_SOURCE 700 /* NOLINT(bugprone-reserved-identifier): the C library's own switch */

#include "tools/peers_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/process.h"

static int refuse(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error, MU_PEERS_EDIT_ERROR_MAX, format, args);
    va_end(args);
    return -EINVAL;
}

/* The index of a name, or the count when nobody has it. */
static uint32_t index_of(const struct mu_peers *peers, const char *name)
{
    const struct mu_listed_peer *peer = mu_peers_named(peers, name);
    return peer == NULL ? peers->count : (uint32_t)(peer - peers->peers);
}

static int key_fault(const struct mu_peers *peers, const uint8_t key[MU_PUBLIC_KEY_BYTES],
                     char *error)
{
    const struct mu_listed_peer *other = mu_peers_find(peers, key);
    return other == NULL ? 0 : refuse(error, "that key is listed already, for %s", other->who.name);
}

int mu_peers_add(struct mu_peers *peers, const struct mu_identity *who,
                 const uint8_t key[MU_PUBLIC_KEY_BYTES], char *error)
{
    if (mu_peers_named(peers, who->name) != NULL) {
        return refuse(error, "there is a peer %s already; muster peers rotate gives it another key",
                      who->name);
    }
    if (peers->count == MU_PEERS_MAX) {
        return refuse(error, "there are %d peers already, which is the most", MU_PEERS_MAX);
    }
    int r = key_fault(peers, key, error);
    if (r == 0) {
        struct mu_listed_peer *peer = &peers->peers[peers->count++];
        *peer = (struct mu_listed_peer){ .who = *who, .keys_count = 1 };
        memcpy(peer->keys[0], key, sizeof peer->keys[0]);
        mu_peers_seal(peers);
    }
    return r;
}

int mu_peers_rotate(struct mu_peers *peers, const char *name,
                    const uint8_t key[MU_PUBLIC_KEY_BYTES], char *error)
{
    uint32_t index = index_of(peers, name);
    if (index == peers->count) {
        return refuse(error, "there is no peer %s", name);
    }
    struct mu_listed_peer *peer = &peers->peers[index];
    if (peer->keys_count == MU_PEER_KEYS_MAX) {
        return refuse(error, "%s has two keys already: revoke the old one first", name);
    }
    int r = key_fault(peers, key, error);
    if (r == 0) {
        memcpy(peer->keys[peer->keys_count++], key, sizeof peer->keys[0]);
        mu_peers_seal(peers);
    }
    return r;
}

int mu_peers_revoke(struct mu_peers *peers, const char *name, const uint8_t *key, char *error)
{
    uint32_t index = index_of(peers, name);
    if (index == peers->count) {
        return refuse(error, "there is no peer %s", name);
    }
    struct mu_listed_peer *peer = &peers->peers[index];
    uint32_t kept = 0;
    for (uint32_t k = 0; key != NULL && k < peer->keys_count; k++) {
        if (memcmp(peer->keys[k], key, MU_PUBLIC_KEY_BYTES) != 0) {
            memmove(peer->keys[kept++], peer->keys[k], MU_PUBLIC_KEY_BYTES);
        }
    }
    if (key != NULL && kept == peer->keys_count) {
        return refuse(error, "%s has no such key", name);
    }
    peer->keys_count = kept;
    if (kept == 0) {
        memmove(peer, peer + 1, (peers->count - index - 1) * sizeof *peer);
        peers->count--;
    }
    mu_peers_seal(peers);
    return 0;
}

static void print_peer(FILE *file, const struct mu_listed_peer *peer)
{
    char key[MU_PUBLIC_KEY_HEX + 1];
    mu_public_key_print(peer->keys[0], key);
    (void)fprintf(file, "  - name: %s\n    role: %s\n    key: %s\n", peer->who.name,
                  mu_peer_role_name(peer->who.role), key);
    if (peer->keys_count > 1) {
        mu_public_key_print(peer->keys[1], key);
        (void)fprintf(file, "    next: %s\n", key);
    }
    for (uint32_t i = 0; i < peer->who.partitions_count; i++) {
        (void)fprintf(file, "%s%s%s", i == 0 ? "    partitions: [" : ", ", peer->who.partitions[i],
                      i + 1 == peer->who.partitions_count ? "]\n" : "");
    }
}

/* Writes the list and makes it durable; closes the file.  Returns 0 or -errno. */
static int write_list(const struct mu_peers *peers, FILE *file)
{
    errno = 0;
    (void)fputs("# Who the brokers let in, and as what: docs/KEYS.md.  Written by muster peers, "
                "which\n# keeps no other comments; brokers read it again when it changes.\n",
                file);
    (void)fputs(peers->count == 0 ? "peers: []\n" : "peers:\n", file);
    for (uint32_t i = 0; i < peers->count; i++) {
        print_peer(file, &peers->peers[i]);
    }
    bool good = ferror(file) == 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    int r = good ? 0 : errno != 0 ? -errno : -EIO;
    if (fclose(file) != 0 && r == 0) {
        r = -errno;
    }
    return r;
}

/* Makes a rename in the folder of `path` durable.  Returns 0 or -errno. */
static int sync_folder(const char *path)
{
    char folder[MU_PATH_BYTES];
    (void)snprintf(folder, sizeof folder, "%s", path);
    int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int r = fsync(fd) != 0 ? -errno : 0;
    (void)close(fd); /* only synced */
    return r;
}

/* What a link at `path` leads to, or the path itself: it need not be there yet.  Returns 0 or
 * -errno. */
static int follow_link(const char *path, char ret[MU_PATH_BYTES])
{
    struct stat status;
    if (lstat(path, &status) != 0 || !S_ISLNK(status.st_mode)) {
        int n = snprintf(ret, MU_PATH_BYTES, "%s", path);
        return n < 0 || n >= MU_PATH_BYTES ? -ENAMETOOLONG : 0;
    }
    char *target = realpath(path, NULL);
    if (target == NULL) {
        return -errno;
    }
    int n = snprintf(ret, MU_PATH_BYTES, "%s", target);
    free(target);
    return n < 0 || n >= MU_PATH_BYTES ? -ENAMETOOLONG : 0;
}

/* Writes the list to `fresh`, and puts that in the place of `path`.  Returns 0 or -errno. */
static int replace(const struct mu_peers *peers, const char *path, const char *fresh)
{
    struct stat status = { .st_mode = 0644 };
    if (stat(path, &status) != 0 && errno != ENOENT) {
        return -errno;
    }
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        return -errno;
    }
    FILE *file = fdopen(fd, "w");
    int r = file == NULL || fchmod(fd, status.st_mode & 07777) != 0 ? -errno : 0;
    if (file == NULL) {
        (void)close(fd); /* nothing was written */
    } else {
        int written = write_list(peers, file);
        r = r == 0 ? written : r;
    }
    if (r == 0 && rename(fresh, path) != 0) {
        r = -errno;
    }
    if (r != 0) {
        (void)unlink(fresh); /* made by us */
        return r;
    }
    return sync_folder(path);
}

int mu_peers_write(const struct mu_peers *peers, const char *path, char *error)
{
    char target[MU_PATH_BYTES];
    char fresh[MU_PATH_BYTES] = "";
    int r = follow_link(path, target);
    if (r == 0) {
        int n = snprintf(fresh, sizeof fresh, "%s.new", target);
        r = n < 0 || (size_t)n >= sizeof fresh ? -ENAMETOOLONG : replace(peers, target, fresh);
    }
    if (r == -EEXIST) {
        (void)refuse(error, "somebody else is writing it, or was cut off; if nobody is, remove %s",
                     fresh);
    } else if (r != 0) {
        (void)refuse(error, "cannot write %.4095s: %s", path, strerror(-r));
    }
    return r;
}
