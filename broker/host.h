/* broker/host.h - runs the routing core on a ZeroMQ ROUTER socket, in real time.
 *
 * The rules of the socket were measured; the ones that matter most: read before sending, since a
 * full pipe to a dead peer only clears by reading; never block in a send; a message to somebody
 * unknown is an error, not silence; a routing id is a connection, not an identity. */
#ifndef MU_BROKER_HOST_H
#define MU_BROKER_HOST_H

#include <signal.h>
#include <stdint.h>

#include "core/config.h"
#include "core/key_pair.h"
#include "core/log.h"

/* Told the endpoint with its true port, once it is listened on. */
typedef void mu_broker_listening_fn(void *context, const char *endpoint);

struct mu_broker_options {
    const char *bind;                  /* endpoint without mu_endpoint_fault() */
    const char *name;                  /* of this broker, for people */
    const char *build;                 /* software version; NULL: none */
    const struct mu_key_pair *key;     /* borrowed; NULL: no keys, and who connects is trusted */
    const char *peers;                 /* with a key: the peers file; else NULL */
    volatile sig_atomic_t *reread;     /* set: look at the peers file now; or NULL */
    const struct mu_config *config;    /* borrowed */
    struct mu_log *log;                /* borrowed */
    const volatile sig_atomic_t *stop; /* set: say goodbye and return */
    mu_broker_listening_fn *listening; /* or NULL */
    void *context;                     /* of it */
};

/* Runs until *stop, or until something breaks.  When it listens it says so: to the supervisor, and
 * in the log (event="listening" endpoint=..., with the true port).
 *
 * With a key it first proves that who is not listed is refused (broker/proof.h).
 *
 * Returns the exit code: 0, 69 cannot bind, 74 the socket broke, 78 the peers file has faults, or
 * strangers cannot be kept out. */
int mu_broker_run(const struct mu_broker_options *options);

#endif /* MU_BROKER_HOST_H */
