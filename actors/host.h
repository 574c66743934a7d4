/* actors/host.h - runs one actor on ZeroMQ, in real time (the simulator is the other host).
 *
 * A loop turn: what has arrived is drained, up to a bound, and stepped; the timer, if due; the end
 * of the batch, where the store commits; then, and only then, the outbox leaves.  An error at the
 * end of a batch means that nobody knows what is durable: nothing leaves, the process ends, and
 * its next start learns the truth. */
#ifndef MU_ACTORS_HOST_H
#define MU_ACTORS_HOST_H

#include <signal.h>
#include <stdint.h>

#include "core/actor.h"
#include "core/bus.h"
#include "core/config.h"
#include "core/dealer_keys.h"
#include "core/log.h"

/* Exit codes, as in sysexits.h. */
enum mu_host_exit {
    MU_HOST_EXIT_OK = 0,
    MU_HOST_EXIT_USAGE = 64,       /* wrong command line */
    MU_HOST_EXIT_UNAVAILABLE = 69, /* out of memory, or of something the system gives */
    MU_HOST_EXIT_IO = 74,          /* the store or the disk failed: what is durable is unknown */
    MU_HOST_EXIT_AGAIN = 75,       /* another owner has the partition, or the store: start again */
    MU_HOST_EXIT_CONFIG = 78,      /* the configuration is wrong */
};

struct mu_host_options {
    const struct mu_actor_ops *ops;
    const char *partition;                   /* owned, as "queue/eu-west-1"; "" for none */
    const char *name;                        /* of this process, the same after a restart: 1 to 63
                                                letters, digits, _ . - or / */
    const char *build;                       /* software version */
    const struct mu_config *config;          /* borrowed */
    struct mu_store *store;                  /* the store actor's port, borrowed; else NULL */
    struct mu_log *log;                      /* borrowed */
    const volatile sig_atomic_t *stop;       /* 1: drain, then return; more: return at once */
    uint32_t brokers_count;                  /* 1..MU_BUS_BROKERS_MAX */
    const char *brokers[MU_BUS_BROKERS_MAX]; /* endpoints without mu_endpoint_fault() */
    struct mu_dealer_keys keys;              /* of this process and of the brokers; borrowed */
};

/* Runs until it is asked to end, or until the actor or something under it fails.  Tells the
 * supervisor and the log when it is registered and, with a partition, owns it or stands by
 * (event="ready").
 *
 * *stop asks it to end, and so does a DRAIN from the bus, which is answered here, whatever the
 * actor's kind.  It then drains: MU_EV_DRAIN, and on with the loop until the actor has handed its
 * work over (mu_actor_ops.drained), or the patience is over: settings.drain_ms, or what DRAIN
 * names, if that is not 0; the sooner of both.  Then MU_EV_STOP, and BYE to the brokers.
 *
 * Returns the exit code; MU_HOST_EXIT_OK once it drains, also when another process has taken the
 * partition meanwhile, as it is to. */
int mu_host_run(const struct mu_host_options *options);

#endif /* MU_ACTORS_HOST_H */
