/* tests/sim/checks.h - what must hold after every commit, and what at the end. */
#ifndef MU_TESTS_SIM_CHECKS_H
#define MU_TESTS_SIM_CHECKS_H

#include "sim.h"

/* Begins to watch the store. */
struct checks *checks_create(struct sim *sim);
void checks_destroy(struct checks *checks);

/* What clients were told (2xx), to hold the cluster to it. */
void checks_enqueued(struct sim *sim, const char *player, const char *ticket);
void checks_cancelled(struct sim *sim, const char *ticket);
void checks_registered(struct sim *sim, const char *username, const char *player);
void checks_result(struct sim *sim, const char *match);
void checks_backfill(struct sim *sim, const char *match, const char *backfill, const char *state);
void checks_rules(struct sim *sim, const char *name, uint64_t version);

/* A process begins to live; the store is asked something; it answers. */
void checks_started(struct sim *sim, const struct node *node);
void checks_asked(struct sim *sim, const struct mu_msg_envelope *envelope);
void checks_answered(struct sim *sim, const struct mu_msg_envelope *answer, struct mu_slice body);

/* At the end: each partition has one owner, and has not changed hands without reason. */
void checks_owners(struct sim *sim);

/* Safety once more, over everything, at the end. */
void checks_final(struct sim *sim);

/* In the calm: what happens to players reaches them, whatever is broken. */
void liveness_seen(struct sim *sim);

/* At the end of the calm tail: nothing waits that could go on, nobody is stuck. */
void liveness_check(struct sim *sim);

#endif /* MU_TESTS_SIM_CHECKS_H */
