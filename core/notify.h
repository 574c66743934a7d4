/* core/notify.h - tells the supervisor how this process is (sd_notify(3), without its library).
 * Host code. */
#ifndef MU_CORE_NOTIFY_H
#define MU_CORE_NOTIFY_H

/* Sends `state` ("READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...") to the socket that
 * $NOTIFY_SOCKET names.
 *
 * Returns 0, also when there is no supervisor to tell, or -errno. */
int mu_notify(const char *state);

#endif /* MU_CORE_NOTIFY_H */
