/* tools/supervise.h - when to start a child process again.  Pure.
 *
 * A child that ends is started again after 100 ms; each time that it ends within a second of its
 * start the pause doubles, up to 5 s.  A child that ran for longer begins at 100 ms again.  One
 * that says that it was called wrongly (exit 64 or 78) would say so again: it is given up. */
#ifndef MU_TOOLS_SUPERVISE_H
#define MU_TOOLS_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

#define MU_SUPERVISE_PAUSE_MS     100  /* first pause */
#define MU_SUPERVISE_PAUSE_MS_MAX 5000 /* longest pause */
#define MU_SUPERVISE_STABLE_MS    1000 /* who ran so long had started well */
#define MU_SUPERVISE_NEVER        INT64_MAX

struct mu_supervise {
    bool running;       /* between _started and _ended */
    bool given_up;      /* it will not be started again */
    int64_t started_ms; /* last start, monotonic */
    int64_t due_ms;     /* not running: when to start it; else MU_SUPERVISE_NEVER */
    int64_t pause_ms;   /* the next pause, before it is doubled or set back */
    uint32_t starts;    /* so many times; the first included */
};

/* Not running, due at once. */
void mu_supervise_init(struct mu_supervise *supervise, int64_t now_ms);

/* It was started.  Not running before (asserted). */
void mu_supervise_started(struct mu_supervise *supervise, int64_t now_ms);

/* It has ended, or could not be started.
 *
 * refused  it was called wrongly: do not start it again */
void mu_supervise_ended(struct mu_supervise *supervise, int64_t now_ms, bool refused);

/* Nobody wants it any more: it will not be started again. */
void mu_supervise_stop(struct mu_supervise *supervise);

/* Asserts the invariants. */
void mu_supervise_check(const struct mu_supervise *supervise);

#endif /* MU_TOOLS_SUPERVISE_H */
