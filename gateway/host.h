/* gateway/host.h - runs the gateway: the transport's libevent loop, with the bus's sockets in it.
 *
 * ZMQ_FD tells only of edges, and every call on its socket may eat one (integration rule 1): so
 * the loop drains the sockets before each sleep, looks at ZMQ_EVENTS as the last thing it does
 * with them, and does not sleep when there is something. */
#ifndef MU_GATEWAY_HOST_H
#define MU_GATEWAY_HOST_H

#include <signal.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/config.h"
#include "core/dealer_keys.h"
#include "core/log.h"

/* Exit codes, as in sysexits.h. */
enum mu_gateway_exit {
    MU_GATEWAY_EXIT_OK = 0,
    MU_GATEWAY_EXIT_USAGE = 64,       /* wrong command line */
    MU_GATEWAY_EXIT_UNAVAILABLE = 69, /* out of memory, or the address cannot be bound */
    MU_GATEWAY_EXIT_IO = 74,          /* a socket or the loop failed */
    MU_GATEWAY_EXIT_CONFIG = 78,      /* the configuration is wrong */
};

struct mu_gateway_options {
    const struct mu_config *config;    /* borrowed */
    struct mu_log *log;                /* borrowed */
    const volatile sig_atomic_t *stop; /* set: drain, then return */
    const char *build;                 /* software version */
    const char *name;                  /* of this gateway, for people */
    const char *address;               /* to listen on; loopback unless keys are configured */
    const char *admin_address;         /* for health and metrics; NULL: no such listener */
    uint16_t port;                     /* 0: any that is free */
    uint16_t admin_port;
    uint32_t brokers_count;                  /* 1..MU_BUS_BROKERS_MAX */
    const char *brokers[MU_BUS_BROKERS_MAX]; /* endpoints without mu_endpoint_fault() */
    struct mu_dealer_keys keys;              /* of this process and of the brokers; borrowed */
};

/* Runs until *stop; then drains for at most ten seconds.  Logs event="listening" with the ports,
 * and event="ready" once a broker has registered it.  Returns the exit code. */
int mu_gateway_run(const struct mu_gateway_options *options);

#endif /* MU_GATEWAY_HOST_H */
