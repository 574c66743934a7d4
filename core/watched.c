#include "core/watched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "core/file.h"

static void digest_of(const uint8_t *bytes, size_t size, uint8_t ret[MU_WATCHED_DIGEST_BYTES])
{
    (void)crypto_generichash(ret, MU_WATCHED_DIGEST_BYTES, bytes, size, NULL, 0); /* cannot fail */
}

int mu_watched_read(struct mu_watched *watched, uint8_t **ret, size_t *ret_size)
{
    uint8_t digest[MU_WATCHED_DIGEST_BYTES];
    uint8_t *bytes = NULL;
    size_t size = 0;
    int r = mu_file_read(watched->path, watched->bytes_max, &bytes, &size);
    if (r != 0) {
        bool known = r == watched->failed;
        watched->failed = r;
        return known ? -EALREADY : r;
    }
    watched->failed = 0;
    digest_of(bytes, size, digest);
    if (memcmp(digest, watched->digest, sizeof digest) == 0) {
        mu_watched_done(watched, bytes, size, false);
        return -EALREADY;
    }
    *ret = bytes;
    *ret_size = size;
    return 0;
}

void mu_watched_done(struct mu_watched *watched, uint8_t *bytes, size_t size, bool judged)
{
    if (judged) {
        digest_of(bytes, size, watched->digest);
    }
    sodium_memzero(bytes, size); /* it may hold secrets */
    free(bytes);
}

void mu_watched_tell(struct mu_log *log, const char *event, char *error)
{
    /* Quotes would end the line's value. */
    for (char *quote = strchr(error, '"'); quote != NULL; quote = strchr(quote, '"')) {
        *quote = '\'';
    }
    char *line = error;
    while (line != NULL) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        mu_log_line(log, MU_LOG_ERROR, NULL, event, "fault=\"%s\"", line);
        line = end == NULL ? NULL : end + 1;
    }
}
