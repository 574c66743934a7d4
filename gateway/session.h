/* gateway/session.h - open WebSockets: whose they are, and which of his events they have seen.
 *
 * Inside of the gateway.  A player may have several sockets; he is present while he has one.
 * Events are numbered in each player's log, so that a socket gets each once and in order: what is
 * older than the last one sent is dropped, and a gap is filled from the log first. */
#ifndef MU_GATEWAY_SESSION_H
#define MU_GATEWAY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/access.h"
#include "gateway/limit.h"
#include "wire/msg.h"

#define MU_SESSION_NONE        UINT32_MAX
#define MU_SESSION_PENDING_MAX 32 /* actions of one socket that wait for an answer */

struct mu_gateway;

struct mu_session {
    uint64_t socket;                    /* its number at the transport; 0: the slot is free */
    struct mu_caller caller;            /* who opened it */
    char address[MU_LIMIT_KEY_MAX + 1]; /* where it came from */
    char player[MU_ID_MAX + 1];         /* bound by REGISTER; empty: not yet */
    int64_t opened_ms;                  /* now_ms of its handshake */
    uint32_t next;                      /* bound: the player's next socket; free: next free slot */
    uint32_t previous;                  /* bound: the one before; NONE: this is the first */
    uint32_t pending;                   /* actions that wait */
    bool warned;                        /* over its rate once */
    bool closing;                       /* edge.close() was called */
    bool asking;                        /* events are being fetched */
    bool synced;                        /* last_seq is known */
    int64_t full_ns;                    /* of its rate bucket: mu_bucket_take() */
    uint64_t last_seq;                  /* of the last event sent */
    uint64_t seen_seq;                  /* of the newest event heard of */
};

struct mu_sessions;

/* capacity sockets; NULL when out of memory. */
struct mu_sessions *mu_sessions_create(uint32_t capacity, uint64_t seed);
void mu_sessions_destroy(struct mu_sessions *sessions); /* NULL is a no-op */

uint32_t mu_sessions_count(const struct mu_sessions *sessions);
uint32_t mu_sessions_capacity(const struct mu_sessions *sessions);

/* Adds a socket (> 0, not there yet: asserted); NULL when all slots are in use. */
struct mu_session *mu_sessions_open(struct mu_sessions *sessions, uint64_t socket);

/* The session of a socket, or NULL; slot `i`, or NULL when it is free. */
struct mu_session *mu_sessions_find(struct mu_sessions *sessions, uint64_t socket);
struct mu_session *mu_sessions_at(struct mu_sessions *sessions, uint32_t i);

/* The first socket of a player, or NULL; and the one after. */
struct mu_session *mu_sessions_of(struct mu_sessions *sessions, const char *player);
struct mu_session *mu_sessions_next(struct mu_sessions *sessions, const struct mu_session *s);

/* Binds a session that is not bound.  Returns whether it is the player's first. */
bool mu_sessions_bind(struct mu_sessions *sessions, struct mu_session *session, const char *player);

/* Unbinds a session.  Returns whether it was the player's last; false when it was not bound. */
bool mu_sessions_unbind(struct mu_sessions *sessions, struct mu_session *session);

/* Frees the slot of a session that is not bound. */
void mu_sessions_close(struct mu_sessions *sessions, struct mu_session *session);

void mu_sessions_check(const struct mu_sessions *sessions);

#endif /* MU_GATEWAY_SESSION_H */
