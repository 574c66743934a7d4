#include "broker/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "broker/peers_file.h"
#include "core/file.h"

struct mu_watch {
    const char *path;
    struct mu_log *log;
    int failed;                               /* why it could not be read last; 0: it could */
    uint8_t digest[crypto_generichash_BYTES]; /* of the content that was read last */
    struct mu_peers peers;                    /* in force */
    struct mu_peers next;                     /* what is being read */
    char error[MU_PEERS_ERROR_MAX];
};

/* Logs one line a fault; quotes would end the line's value. */
static void tell(struct mu_watch *watch)
{
    for (char *quote = strchr(watch->error, '"'); quote != NULL; quote = strchr(quote, '"')) {
        *quote = '\'';
    }
    char *line = watch->error;
    while (line != NULL) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        mu_log_line(watch->log, MU_LOG_ERROR, NULL, "peers file refused", "fault=\"%s\"", line);
        line = end == NULL ? NULL : end + 1;
    }
}

/* Reads the file.  Returns 0: there is a new list in watch->next; -EALREADY: nothing has changed
 * since the last look; -EINVAL: it has faults; or -errno. */
static int look(struct mu_watch *watch)
{
    uint8_t digest[sizeof watch->digest];
    uint8_t *bytes = NULL;
    size_t size = 0;
    int r = mu_file_read(watch->path, MU_PEERS_BYTES_MAX, &bytes, &size);
    if (r != 0) {
        bool known = r == watch->failed;
        watch->failed = r;
        return known ? -EALREADY : r;
    }
    watch->failed = 0;
    (void)crypto_generichash(digest, sizeof digest, bytes, size, NULL, 0); /* cannot fail */
    if (memcmp(digest, watch->digest, sizeof digest) == 0) {
        r = -EALREADY;
    } else {
        r = mu_peers_parse(watch->path, bytes, size, &watch->next, watch->error,
                           sizeof watch->error);
        if (r == 0 || r == -EINVAL) { /* else it is tried again */
            memcpy(watch->digest, digest, sizeof digest);
        }
    }
    free(bytes);
    return r;
}

static void refuse(struct mu_watch *watch, int r)
{
    if (r == -EINVAL) {
        tell(watch);
    } else {
        mu_log_line(watch->log, MU_LOG_ERROR, NULL, "peers file cannot be read",
                    "path=\"%s\" error=\"%s\"", watch->path, strerror(-r));
    }
}

int mu_watch_create(const char *path, struct mu_log *log, struct mu_watch **ret)
{
    struct mu_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        return -ENOMEM;
    }
    watch->path = path;
    watch->log = log;
    int r = look(watch);
    if (r != 0) {
        refuse(watch, r);
        mu_watch_destroy(watch);
        return r;
    }
    watch->peers = watch->next;
    *ret = watch;
    return 0;
}

void mu_watch_destroy(struct mu_watch *watch)
{
    free(watch);
}

const struct mu_peers *mu_watch_peers(const struct mu_watch *watch)
{
    return &watch->peers;
}

bool mu_watch_look(struct mu_watch *watch)
{
    int r = look(watch);
    if (r == -EALREADY) {
        return false;
    }
    if (r != 0) {
        refuse(watch, r);
        mu_log_line(watch->log, MU_LOG_ERROR, NULL, "the former list of peers stays in force",
                    "peers=%u", watch->peers.count);
        return false;
    }
    watch->peers = watch->next;
    mu_log_line(watch->log, MU_LOG_INFO, NULL, "peers file read", "peers=%u keys=%u",
                watch->peers.count, watch->peers.keys_count);
    return true;
}
