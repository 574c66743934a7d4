#include "tools/supervise.h"

#include <assert.h>

void mu_supervise_init(struct mu_supervise *supervise, int64_t now_ms)
{
    *supervise = (struct mu_supervise){
        .due_ms = now_ms,
        .pause_ms = MU_SUPERVISE_PAUSE_MS,
    };
}

void mu_supervise_started(struct mu_supervise *supervise, int64_t now_ms)
{
    assert(!supervise->running && !supervise->given_up);
    supervise->running = true;
    supervise->started_ms = now_ms;
    supervise->due_ms = MU_SUPERVISE_NEVER;
    supervise->starts++;
}

void mu_supervise_ended(struct mu_supervise *supervise, int64_t now_ms, bool refused)
{
    if (supervise->running && now_ms - supervise->started_ms >= MU_SUPERVISE_STABLE_MS) {
        supervise->pause_ms = MU_SUPERVISE_PAUSE_MS;
    }
    supervise->running = false;
    if (refused || supervise->given_up) {
        mu_supervise_stop(supervise);
        return;
    }
    supervise->due_ms = now_ms + supervise->pause_ms;
    supervise->pause_ms *= 2;
    if (supervise->pause_ms > MU_SUPERVISE_PAUSE_MS_MAX) {
        supervise->pause_ms = MU_SUPERVISE_PAUSE_MS_MAX;
    }
}

void mu_supervise_stop(struct mu_supervise *supervise)
{
    supervise->given_up = true;
    supervise->due_ms = MU_SUPERVISE_NEVER;
}

void mu_supervise_check(const struct mu_supervise *supervise)
{
    bool due = supervise->due_ms != MU_SUPERVISE_NEVER;
    assert(due == (!supervise->running && !supervise->given_up));
    assert(supervise->pause_ms >= MU_SUPERVISE_PAUSE_MS);
    assert(supervise->pause_ms <= MU_SUPERVISE_PAUSE_MS_MAX);
}
