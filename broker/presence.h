/* broker/presence.h - which player is connected to which gateways.
 *
 * A hint for routing events: where it is wrong, an event is lost, and the player reads it from his
 * event log instead.
 *
 * Invariant: no allocation after create. */
#ifndef MU_BROKER_PRESENCE_H
#define MU_BROKER_PRESENCE_H

#include <stdint.h>

#define MU_PRESENCE_GATEWAYS 4     /* of one player; one more takes the place of the first */
#define MU_PRESENCE_PEERS    65536 /* peer numbers are below it */

struct mu_presence;

/* players_max: 1..2^28 (asserted); 104 bytes each, touched when used.  NULL: out of memory. */
struct mu_presence *mu_presence_create(uint32_t players_max, uint64_t seed);
void mu_presence_destroy(struct mu_presence *presence); /* NULL is a no-op */

/* Notes that `player` is connected to the gateway `peer`.
 * Returns 0, -ENOBUFS when the map is full, or -EINVAL for an empty id.  O(1). */
int mu_presence_join(struct mu_presence *presence, const char *player, uint32_t peer);

/* Notes that he no longer is.  O(1). */
void mu_presence_leave(struct mu_presence *presence, const char *player, uint32_t peer);

/* Forgets all that `peer` announced.  O(players). */
void mu_presence_forget(struct mu_presence *presence, uint32_t peer);

/* `peer` begins to announce everybody anew: forgets whom it has not announced since it last began.
 *
 * Not all, because the announcement takes several messages: between the first and the last of them
 * events to those who are there all the time would be lost.  O(players). */
void mu_presence_reset(struct mu_presence *presence, uint32_t peer);

/* Writes the gateways of `player`, in the order they announced him.  Returns how many. */
uint32_t mu_presence_find(const struct mu_presence *presence, const char *player,
                          uint32_t ret_peers[MU_PRESENCE_GATEWAYS]);

/* Players in the map. */
uint32_t mu_presence_count(const struct mu_presence *presence);

/* Asserts every invariant.  O(players_max). */
void mu_presence_check(const struct mu_presence *presence);

#endif /* MU_BROKER_PRESENCE_H */
