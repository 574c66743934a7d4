#include "broker/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/peers_file.h"
#include "core/watched.h"

struct mu_watch {
    struct mu_log *log;
    struct mu_watched file;
    struct mu_peers peers; /* in force */
    struct mu_peers next;  /* what is being read */
    char error[MU_PEERS_ERROR_MAX];
};

/* Reads the file.  Returns 0: there is a new list in watch->next; -EALREADY: nothing has changed
 * since the last look; -EINVAL: it has faults; or -errno. */
static int look(struct mu_watch *watch)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int r = mu_watched_read(&watch->file, &bytes, &size);
    if (r == 0) {
        r = mu_peers_parse(watch->file.path, bytes, size, &watch->next, watch->error,
                           sizeof watch->error);
        mu_watched_done(&watch->file, bytes, size, r == 0 || r == -EINVAL);
    }
    return r;
}

static void refuse(struct mu_watch *watch, int r)
{
    if (r == -EINVAL) {
        mu_watched_tell(watch->log, "peers file refused", watch->error);
    } else {
        mu_log_line(watch->log, MU_LOG_ERROR, NULL, "peers file cannot be read",
                    "path=\"%s\" error=\"%s\"", watch->file.path, strerror(-r));
    }
}

int mu_watch_create(const char *path, struct mu_log *log, struct mu_watch **ret)
{
    struct mu_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) {
        return -ENOMEM;
    }
    watch->log = log;
    watch->file = (struct mu_watched){ .path = path, .bytes_max = MU_PEERS_BYTES_MAX };
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
