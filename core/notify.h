/* core/notify.h - tells the supervisor how this process is (sd_notify(3), without its library).
 * Host code. */
#ifndef MU_CORE_NOTIFY_H
#define MU_CORE_NOTIFY_H

#include <stdbool.h>

/* Sends `state` ("READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...") to the socket that
 * $NOTIFY_SOCKET names.
 *
 * Returns 0, also when there is no supervisor to tell, or -errno. */
int mu_notify(const char *state);

#define MU_NOTIFY_START_S                                                                          \
    30 /* a process that is not ready and turns no loop for so long is ended */

/* Feeds the watchdog: call about once a second, from the loop.  One that is not ready yet also asks
 * for MU_NOTIFY_START_S more: it may wait for another host, which is no reason to end it; a loop
 * that stands still is. */
int mu_notify_alive(bool ready);

#endif /* MU_CORE_NOTIFY_H */
