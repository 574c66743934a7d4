#include "tools/replay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define WAKES_MAX 10000 /* at one ms; a matcher that wants more gets the next ms */

struct event {
    int64_t at_ms;
    uint32_t ticket;
};

struct mu_replay {
    const struct mu_workload *workload;
    struct mu_outcome_list *outcome;
    uint32_t mode;
    uint32_t count;       /* tickets of the mode */
    uint32_t *arrivals;   /* [count] tickets */
    struct event *leaves; /* [count] by time */
    bool *waiting;        /* [tickets of the workload] */
    uint32_t next_arrival;
    uint32_t next_leave;
    int64_t now_ms;
    uint32_t wakes; /* at now_ms */
};

static int by_time(const void *a, const void *b)
{
    const struct event *x = a;
    const struct event *y = b;
    if (x->at_ms != y->at_ms) {
        return x->at_ms < y->at_ms ? -1 : 1;
    }
    return x->ticket < y->ticket ? -1 : x->ticket > y->ticket;
}

static int begin(struct mu_replay *replay)
{
    const struct mu_workload *workload = replay->workload;
    size_t room = (size_t)workload->tickets_count + 1;
    replay->arrivals = calloc(room, sizeof replay->arrivals[0]);
    replay->leaves = calloc(room, sizeof replay->leaves[0]);
    replay->waiting = calloc(room, sizeof replay->waiting[0]);
    if (replay->arrivals == NULL || replay->leaves == NULL || replay->waiting == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < workload->tickets_count; i++) {
        if (workload->tickets[i].mode == replay->mode) {
            replay->arrivals[replay->count] = i;
            replay->leaves[replay->count++] = (struct event){
                .at_ms = mu_workload_leave_ms(&workload->tickets[i]),
                .ticket = i,
            };
        }
    }
    qsort(replay->leaves, replay->count, sizeof replay->leaves[0], by_time);
    return 0;
}

int mu_replay_emit(struct mu_replay *replay, uint32_t region, const struct mu_outcome_seat *seats,
                   uint32_t count)
{
    struct mu_outcome_seat whole[MU_MATCH_PLAYERS_MAX];
    struct mu_outcome_match match = {
        .at_s = (double)replay->now_ms / 1000,
        .mode = replay->mode,
        .region = region,
        .teams_count = seats[count - 1].team + 1,
        .seats_count = count,
    };
    assert(count > 0 && count <= MU_MATCH_PLAYERS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct mu_workload_ticket *ticket = &replay->workload->tickets[seats[i].ticket];
        whole[i] = seats[i];
        whole[i].players = seats[i].players == 0 ? ticket->players_count : seats[i].players;
        replay->waiting[seats[i].ticket] = false;
    }
    return mu_outcome_append(replay->outcome, &match, whole);
}

static int64_t next_arrival_ms(const struct mu_replay *replay)
{
    if (replay->next_arrival == replay->count) {
        return MU_NEVER;
    }
    uint32_t ticket = replay->arrivals[replay->next_arrival];
    return mu_workload_arrival_ms(&replay->workload->tickets[ticket]);
}

/* Those who gave up before they were matched; who has not arrived yet comes before he goes. */
static void leave_all(struct mu_replay *replay, const struct mu_replay_matcher *matcher)
{
    while (replay->next_leave < replay->count &&
           replay->leaves[replay->next_leave].at_ms <= replay->now_ms) {
        uint32_t ticket = replay->leaves[replay->next_leave++].ticket;
        if (replay->waiting[ticket]) {
            replay->waiting[ticket] = false;
            matcher->leave(matcher->self, ticket, replay->now_ms);
        }
    }
}

static int arrive_all(struct mu_replay *replay, const struct mu_replay_matcher *matcher)
{
    int r = 0;
    while (r == 0 && next_arrival_ms(replay) <= replay->now_ms) {
        uint32_t ticket = replay->arrivals[replay->next_arrival++];
        if (mu_workload_leave_ms(&replay->workload->tickets[ticket]) > replay->now_ms) {
            replay->waiting[ticket] = true;
            r = matcher->arrive(matcher->self, ticket, replay->now_ms);
        }
    }
    return r;
}

static void tell(const struct mu_replay *replay, FILE *progress)
{
    const struct mu_workload_mode *mode = &replay->workload->modes[replay->mode];
    if (progress != NULL) {
        (void)fprintf(progress, "\r%s: %.0f %%\033[K", mode->name,
                      100.0 * replay->next_arrival / replay->count);
        (void)fflush(progress);
    }
}

/* The next moment at which something happens. */
static int64_t next_ms(const struct mu_replay *replay, const struct mu_replay_matcher *matcher)
{
    int64_t at = matcher->moment(matcher->self);
    int64_t arrival = next_arrival_ms(replay);
    if (at <= replay->now_ms) {
        at = replay->now_ms + (replay->wakes < WAKES_MAX ? 0 : 1);
    }
    if (replay->next_leave < replay->count && replay->leaves[replay->next_leave].at_ms < at) {
        at = replay->leaves[replay->next_leave].at_ms;
    }
    return arrival < at ? arrival : at;
}

static int run(struct mu_replay *replay, const struct mu_replay_matcher *matcher, FILE *progress)
{
    int64_t end_ms = mu_workload_end_ms(replay->workload);
    int64_t told_ms = 0;
    int r = 0;
    for (;;) {
        int64_t at_ms = next_ms(replay, matcher);
        if (r != 0 || at_ms > end_ms) {
            break;
        }
        assert(at_ms >= replay->now_ms);
        replay->wakes = at_ms == replay->now_ms ? replay->wakes : 0;
        replay->now_ms = at_ms;
        leave_all(replay, matcher);
        r = arrive_all(replay, matcher);
        if (r == 0 && matcher->moment(matcher->self) <= at_ms) {
            r = matcher->wake(matcher->self, at_ms, replay);
            replay->wakes++;
        }
        if (at_ms - told_ms > end_ms / 100) {
            tell(replay, progress);
            told_ms = at_ms;
        }
    }
    if (progress != NULL) {
        (void)fputs("\r\033[K", progress);
    }
    return r;
}

int mu_replay_run(const struct mu_workload *workload, uint32_t mode,
                  const struct mu_replay_matcher *matcher, FILE *progress,
                  struct mu_outcome_list *ret)
{
    struct mu_replay replay = {
        .workload = workload,
        .outcome = ret,
        .mode = mode,
    };
    int r = begin(&replay);
    if (r == 0 && replay.count > 0) {
        r = run(&replay, matcher, progress);
    }
    free(replay.arrivals);
    free(replay.leaves);
    free(replay.waiting);
    return r;
}
