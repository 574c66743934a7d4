/* actors/audit.h - whether the records of a store agree with each other.
 *
 * The store's own verify() finds damaged records; this finds contradictions between good ones:
 * an engagement without its ticket, a match whose player is elsewhere, an index without its
 * record.  For the simulator, tests, and `muster verify`.  Between batches only: in the middle of
 * one the log is still to be written. */
#ifndef MU_ACTORS_AUDIT_H
#define MU_ACTORS_AUDIT_H

#include <stddef.h>

#include "core/store.h"

/* Checks, in both directions:
 *   player    <-> user name, rating index, engagement; his event log is whole
 *   engagement <-> the queued ticket, open lobby or living match that lists the player
 *   ticket, match, lobby, server <-> LIVE, exactly while they live, in the partition of theirs (of
 *                 as many lobby partitions as the store says that it has: actors/placed.h)
 *   match     <-> its tickets, its server, its players' history once it has ended
 *   server    -> `used` is the number of LIVE matches on it
 *   lobby     <-> join code, while it is open
 *   rule set  <-> its versions, all of them there, with the right hashes; live in every queue that
 *                 is followed
 *   epoch     <-> log: numbered without holes up to log_seq
 *   idempotency <-> its age
 *
 * error  what is wrong first, in a line; empty when nothing is
 *
 * Returns 0; -EBADMSG for a contradiction or a damaged record; -ENOMEM; or what the store says.
 * Reads only.  O(records log records); allocates 300 KB while it runs. */
int mu_store_audit(struct mu_store *store, char *error, size_t error_bytes);

#endif /* MU_ACTORS_AUDIT_H */
