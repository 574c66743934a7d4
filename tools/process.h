/* tools/process.h - child processes, and the loopback ports and folders that they need. */
#ifndef MU_TOOLS_PROCESS_H
#define MU_TOOLS_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MU_PATH_BYTES 4096 /* of a path, with its NUL */

/* Starts argv[0] (a path) with argv, which ends with NULL.
 *
 * The child is killed when this process ends, however it ends; it is in a process group of its
 * own, so that a Ctrl-C of the terminal reaches only us; its stdin and stdout are /dev/null.
 *
 * log_path  its stderr is appended to that file; NULL: it shares ours
 *
 * Returns 0 or -errno.  A program that cannot be run ends with 127. */
int mu_process_start(const char *const *argv, const char *log_path, pid_t *ret);

/* Writes the path of `name` in the folder of the running program: what is installed or built
 * beside it.  Returns 0, -ENOENT when there is no such program, or -errno. */
int mu_process_beside(const char *name, char ret[MU_PATH_BYTES]);

/* A TCP port of 127.0.0.1 that nobody listens on, below the range from which the system takes
 * the ports of outgoing connections, so that none can take it before it is used.
 * Returns 0, or -EADDRINUSE after many tries. */
int mu_process_free_port(uint16_t *ret);

/* Whether `port` of 127.0.0.1 can be listened on: 0, or -errno of bind(2). */
int mu_process_try_port(uint16_t port);

/* Milliseconds of the monotonic clock. */
int64_t mu_process_now_ms(void);

#endif /* MU_TOOLS_PROCESS_H */
