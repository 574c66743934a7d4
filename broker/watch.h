/* broker/watch.h - the peers file while a broker runs: who is let in now.
 *
 * It is read again every second, and at once when asked.  Its content decides, not its dates, which
 * two edits in one moment share.  A file that is gone or has faults changes nothing: the last good
 * list stays in force, and the log says so, once for each content.  The file must be on a local
 * disk: the broker waits for it.  Host code. */
#ifndef MU_BROKER_WATCH_H
#define MU_BROKER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/peers.h"
#include "core/log.h"

#define MU_WATCH_MS 1000 /* between two looks at the file */

struct mu_watch;

/* Reads the file at `path` (borrowed) for the first time.
 *
 * Returns 0; -EINVAL: it has faults, which are in the log; or -errno. */
int mu_watch_create(const char *path, struct mu_log *log, struct mu_watch **ret);
void mu_watch_destroy(struct mu_watch *watch); /* NULL is a no-op */

/* The list in force.  Borrowed until the next look. */
const struct mu_peers *mu_watch_peers(const struct mu_watch *watch);

/* Looks at the file.  Returns whether another list is in force now. */
bool mu_watch_look(struct mu_watch *watch);

#endif /* MU_BROKER_WATCH_H */
