/* core/placement.h - which of the lobby partitions an object lives in.
 *
 * The setting `lobbies` says how many there are: lobby/0 .. lobby/<lobbies - 1>.
 *
 *   a custom lobby                    by its id
 *   a match that waits                by its id: with its ready check, which shares the ULID
 *   a match that is or was played     by the id of its game server
 *   a game server's home              by its id: who judges its silence and answers its heartbeats
 *
 * So one partition knows a server and all that is played on it.  Who allocates needs every server:
 * their records are followed in all partitions.
 *
 * Store, lobby actors and gateways all ask here, and the store's records depend on it: the
 * functions must never change. */
#ifndef MU_CORE_PLACEMENT_H
#define MU_CORE_PLACEMENT_H

#include <stdint.h>

#include "wire/msg.h"

#define MU_LOBBIES_MAX 16 /* partitions; the largest value of the setting */

/* The partition of a custom lobby, of a server, or of what mu_placement_match() says.
 *
 * id       any string; its prefix does not count
 * lobbies  1..MU_LOBBIES_MAX (asserted)
 *
 * Returns 0..lobbies-1: SipHash-2-4 of the characters behind the prefix, scaled.  O(length). */
uint32_t mu_placement_id(const char *id, uint64_t lobbies);

/* The id that a match is placed by, in its present state: its server's or its own.  Borrowed. */
const char *mu_placement_match(const struct mu_msg_match *match);

/* Which lobby partition the name is: 0..MU_LOBBIES_MAX-1, or -1 when it is none that can be. */
int32_t mu_placement_index(const char *partition);

/* Writes "lobby/" and the index, 0..MU_LOBBIES_MAX-1 (asserted). */
void mu_address_lobby(uint32_t index, char ret[MU_ADDRESS_MAX + 1]);

#endif /* MU_CORE_PLACEMENT_H */
