#include "core/key_pair.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

enum { FILE_MAX = 1024 }; /* bytes of a key file */

static_assert(MU_SECRET_KEY_BYTES == crypto_scalarmult_SCALARBYTES, "a scalar of Curve25519");

/* The pair of a secret, which is copied; NULL when out of memory. */
static struct mu_key_pair *pair_of(const uint8_t secret[MU_SECRET_KEY_BYTES])
{
    struct mu_key_pair *pair = calloc(1, sizeof *pair);
    uint8_t *kept = sodium_malloc(MU_SECRET_KEY_BYTES);
    if (pair == NULL || kept == NULL || crypto_scalarmult_base(pair->public_key, secret) != 0) {
        free(pair);
        sodium_free(kept);
        return NULL;
    }
    memcpy(kept, secret, MU_SECRET_KEY_BYTES);
    (void)sodium_mprotect_readonly(kept); /* fails where the system cannot: then it is writable */
    pair->secret_key = kept;
    return pair;
}

struct mu_key_pair *mu_key_pair_create(void)
{
    uint8_t secret[MU_SECRET_KEY_BYTES];
    if (sodium_init() < 0) {
        return NULL;
    }
    randombytes_buf(secret, sizeof secret);
    struct mu_key_pair *pair = pair_of(secret);
    sodium_memzero(secret, sizeof secret);
    return pair;
}

void mu_key_pair_destroy(struct mu_key_pair *pair)
{
    if (pair != NULL) {
        sodium_free(pair->secret_key); /* wipes it */
        free(pair);
    }
}

/* Who may read the file beside its owner and root. */
static bool is_private(const struct stat *status)
{
    bool roots = status->st_uid == 0 && status->st_gid == 0;
    mode_t others = roots ? S_IRWXO | S_IWGRP | S_IXGRP : S_IRWXO | S_IRWXG;
    return S_ISREG(status->st_mode) && (status->st_mode & others) == 0;
}

/* Reads the file into text[FILE_MAX], with a NUL.  Returns 0 or -errno. */
static int read_text(int fd, char *text)
{
    size_t size = 0;
    for (;;) {
        ssize_t n = read(fd, text + size, FILE_MAX - size);
        if (n == 0) {
            break;
        }
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        size += n > 0 ? (size_t)n : 0;
        if (size == FILE_MAX) {
            return -EBADMSG;
        }
    }
    text[size] = '\0';
    return strlen(text) == size ? 0 : -EBADMSG;
}

/* Finds the line "<word> <64 hex digits>".  Returns 0 or -EBADMSG. */
static int take_line(const char *text, const char *word, uint8_t ret[MU_SECRET_KEY_BYTES])
{
    size_t word_bytes = strlen(word);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, word, word_bytes) != 0 || line[word_bytes] != ' ') {
            continue;
        }
        const char *digits = line + word_bytes + 1;
        const char *end = digits;
        size_t bytes = 0;
        if (sodium_hex2bin(ret, MU_SECRET_KEY_BYTES, digits, strcspn(digits, "\n"), NULL, &bytes,
                           &end) == 0 &&
            bytes == MU_SECRET_KEY_BYTES && (*end == '\n' || *end == '\0')) {
            return 0;
        }
        return -EBADMSG;
    }
    return -EBADMSG;
}

static int parse(const char *text, uint8_t *secret, struct mu_key_pair **ret)
{
    uint8_t public_key[MU_PUBLIC_KEY_BYTES];
    if (take_line(text, "public", public_key) != 0 || take_line(text, "secret", secret) != 0) {
        return -EBADMSG;
    }
    struct mu_key_pair *pair = pair_of(secret);
    if (pair == NULL) {
        return -ENOMEM;
    }
    if (memcmp(pair->public_key, public_key, sizeof public_key) != 0) {
        mu_key_pair_destroy(pair);
        return -EBADMSG;
    }
    *ret = pair;
    return 0;
}

static const char *reason(int r)
{
    switch (r) {
    case -EPERM:
        return "others than its owner may read it: chmod 600, and make a new key if they could";
    case -EBADMSG: return "is no key file as muster keygen writes it, or is damaged";
    default: return strerror(-r);
    }
}

int mu_key_pair_read(const char *path, struct mu_key_pair **ret, char error[MU_KEY_PAIR_ERROR_MAX])
{
    struct stat status;
    int r = sodium_init() < 0 ? -EIO : 0;
    char *text = r == 0 ? sodium_malloc(FILE_MAX) : NULL;
    uint8_t *secret = r == 0 ? sodium_malloc(MU_SECRET_KEY_BYTES) : NULL;
    int fd = r == 0 ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1; /* a FIFO is refused */
    if (r == 0 && (text == NULL || secret == NULL)) {
        r = -ENOMEM;
    } else if (r == 0 && (fd < 0 || fstat(fd, &status) != 0)) {
        r = -errno;
    } else if (r == 0) {
        r = is_private(&status) ? read_text(fd, text) : -EPERM;
        r = r == 0 ? parse(text, secret, ret) : r;
    }
    if (fd >= 0) {
        (void)close(fd); /* read only: nothing can be lost */
    }
    sodium_free(text); /* wipes it, as the next */
    sodium_free(secret);
    if (r != 0) {
        (void)snprintf(error, MU_KEY_PAIR_ERROR_MAX, "%s: %s", path, reason(r));
    }
    return r;
}

/* Writes all bytes.  Returns 0 or -errno. */
static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        text += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int mu_key_pair_write(const struct mu_key_pair *pair, const char *name, const char *path)
{
    char public_hex[MU_PUBLIC_KEY_HEX + 1];
    char secret_hex[2 * MU_SECRET_KEY_BYTES + 1];
    char text[FILE_MAX];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    mu_public_key_print(pair->public_key, public_hex);
    (void)sodium_bin2hex(secret_hex, sizeof secret_hex, pair->secret_key, MU_SECRET_KEY_BYTES);
    int n = snprintf(text, sizeof text,
                     "# Muster: the key of %s. Who has this file is %s: keep it secret.\n"
                     "public %s\nsecret %s\n",
                     name, name, public_hex, secret_hex);
    int r = n < 0 || (size_t)n >= sizeof text ? -EINVAL : write_all(fd, text, (size_t)n);
    sodium_memzero(text, sizeof text);
    sodium_memzero(secret_hex, sizeof secret_hex);
    if (r == 0 && fsync(fd) != 0) {
        r = -errno;
    }
    if (close(fd) != 0 && r == 0) {
        r = -errno;
    }
    if (r != 0) {
        (void)unlink(path); /* half a key is none */
    }
    return r;
}
