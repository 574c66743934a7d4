#include "tools/key_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "gateway/access.h"

#define SECRET_BYTES 32 /* of randomness in a key */

void mu_key_make(const char *id, char ret_key[MU_KEY_FILE_MAX + 1],
                 char ret_hash[MU_KEY_HASH_BYTES])
{
    static_assert(MU_KEY_HASH_BYTES == MU_ACCESS_HASH_HEX + 1, "one form of hash");
    static_assert(MU_KEY_FILE_MAX == MU_ACCESS_KEY_MAX, "one form of key");
    uint8_t random[SECRET_BYTES];
    char text[2 * SECRET_BYTES + 1];
    assert(strlen(id) <= MU_KEY_ID_MAX);
    randombytes_buf(random, sizeof random);
    (void)sodium_bin2hex(text, sizeof text, random, sizeof random);
    (void)snprintf(ret_key, MU_KEY_FILE_MAX + 1, "mu_%.*s_%s", MU_KEY_ID_MAX, id, text);
    mu_access_hash(text, ret_hash);
    sodium_memzero(text, sizeof text);
}

int mu_key_file_read(const char *path, char ret[MU_KEY_FILE_MAX + 1])
{
    char text[MU_KEY_FILE_MAX + 2];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t n = read(fd, text, sizeof text);
    int r = n < 0 ? -errno : 0;
    (void)close(fd); /* only read from */
    if (r != 0) {
        return r;
    }
    size_t length = 0;
    while (length < (size_t)n && text[length] > ' ') {
        length++;
    }
    if (length == 0 || length > MU_KEY_FILE_MAX) {
        return -EBADMSG;
    }
    memcpy(ret, text, length);
    ret[length] = '\0';
    return 0;
}

int mu_key_file_keep(const char *path, const char *id, char ret[MU_KEY_FILE_MAX + 1])
{
    char key[MU_KEY_FILE_MAX + 1];
    char hash[MU_KEY_HASH_BYTES];
    int r = mu_key_file_read(path, ret);
    if (r != -ENOENT) {
        return r;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    mu_key_make(id, key, hash);
    r = dprintf(fd, "%s\n", key) < 0 ? -EIO : 0;
    if (close(fd) != 0 && r == 0) {
        r = -errno;
    }
    if (r == 0) {
        memcpy(ret, key, sizeof key);
    }
    return r;
}
