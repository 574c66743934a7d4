/* actors/store.h - the store actor: the authority for all state (DESIGN 6).
 *
 * Each request is one mini-transaction: everything is read and compared, and only then written;
 * all writes of a batch are committed together at BATCH_END, before any answer leaves.  What is
 * durable and what it means is in core/tables.def and wire/messages.def.
 *
 * Files: store.c dispatches; store_player.c, store_ticket.c, store_match.c, store_dissolve.c,
 * store_result.c, store_lobby.c, store_start.c and store_server.c handle the requests;
 * store_backup.c has backups written; store_idempotency.c makes repeats harmless; store_events.c
 * keeps the players' event logs, store_follow.c the partitions' change logs; store_rows.c reads
 * and writes records.
 *
 * step() returns -ENOSPC or another error of the port when a write or the commit failed: the
 * outcome is then unknown, the outbox must be dropped and the process end.  A damaged record is
 * answered INTERNAL and changes nothing. */
#ifndef MU_ACTORS_STORE_H
#define MU_ACTORS_STORE_H

#include "core/actor.h"

#define MU_STORE_PARTITIONS_MAX   128  /* partitions that ever were, lobbies among them */
#define MU_STORE_TOUCHED_MAX      8192 /* objects of one batch that are pushed to followers */
#define MU_STORE_SWEEP_MAX        512  /* idempotency records forgotten by one TIMER */
#define MU_STORE_SWEEP_MS         1000 /* between two TIMERs when little is to be forgotten */
#define MU_STORE_SWEEP_SOON_MS    20   /* when more is left */
#define MU_STORE_BACKUP_POLL_MS   20   /* between two looks at a backup that is being written */
#define MU_STORE_EVENTS_PAGE      8    /* events of one EVENTS_END */
#define MU_STORE_READY_UPDATE_MAX 16   /* READY_UPDATEs a player gets of one match */

/* The store has no partition: env->partition is "".  env->store must be set (asserted). */
extern const struct mu_actor_ops mu_store_actor_ops;

#endif /* MU_ACTORS_STORE_H */
