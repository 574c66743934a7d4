/* actors/lobby.h - the lobby actor: what happens between "matched" and "played".
 *
 * It owns one of the lobby partitions "lobby/0", "lobby/1", ... (core/placement.h says what is in
 * which), follows its log in the store (core/follow.h), and drives what waits there:
 *   - a formed match that is not accepted in time is dissolved;
 *   - an allocating match gets the least loaded game server that can play it, of its own region,
 *     later of any region all its players reach, and is dissolved when there is none for long;
 *   - a live match without a result expires; it is in the partition where its server is at home;
 *   - a game server at home here that is silent counts as gone, and is back when it is heard again;
 *   - custom lobbies: passwords, the server for a start, members whose connections are gone.
 * It keeps no truth: every decision is a request that the store compares and may refuse, and that
 * is repeated until the answer is definite.  After a restart it follows again; deadlines then
 * begin anew, and servers have one period of silence to be heard.
 *
 * All partitions know all servers, and choose for themselves: the store's compare decides who has
 * the last slot, and the other one chooses again.  A change that shows an object which is not ours
 * any more makes us forget it.
 *
 * Requests it serves: LOBBY_CREATE, LOBBY_JOIN, LOBBY_START, SERVER_BEAT.  Until it has caught up
 * with the store they are answered STARTING; about an object of another partition, UNAVAILABLE.
 * Events it takes: PRESENCE and CHANGES.
 *
 * PRESENCE: a gateway says who is connected to it, with `reset`, when it starts and each
 * MU_LOBBY_GATEWAY_BEAT_MS again (in several messages: the first has `reset`), and in between what
 * changes.  One that falls silent is gone, and with it the connections of its players.
 *
 * step() returns -ESTALE when another lobby actor has taken the partition over. */
#ifndef MU_ACTORS_LOBBY_H
#define MU_ACTORS_LOBBY_H

#include "core/actor.h"

#define MU_LOBBY_ROOMS_MAX    32768  /* open custom lobbies; more: OVERLOADED */
#define MU_LOBBY_MATCHES_MAX  262144 /* formed, allocating and live; more wait unseen for room */
#define MU_LOBBY_SERVERS_MAX  4096   /* game servers that are alive or have matches; likewise */
#define MU_LOBBY_PEOPLE_MAX   262144 /* connected players and members of lobbies */
#define MU_LOBBY_GATEWAYS_MAX 64     /* that announce players; one more replaces the quietest */
#define MU_LOBBY_OWN_MAX      8192   /* own requests under way; more wait */
#define MU_LOBBY_FORWARDS_MAX 4096   /* clients' requests under way; more: OVERLOADED */
#define MU_LOBBY_TRIES_MAX    16384 /* player and lobby pairs with wrong passwords; more: limited */

#define MU_LOBBY_RETRY_MS           1000  /* before an own request is repeated */
#define MU_LOBBY_AVOID_MS           1000  /* a server that refused a match gets none for so long */
#define MU_LOBBY_START_TRIES        4     /* servers tried for one LOBBY_START */
#define MU_LOBBY_PASSWORD_TRIES     5     /* wrong ones in MU_LOBBY_PASSWORD_MS */
#define MU_LOBBY_PASSWORD_MS        60000 /* of a player for a lobby; then RATE_LIMITED */
#define MU_LOBBY_HASH_EVERY_MS      20    /* passwords hashed, in the long run; more: OVERLOADED */
#define MU_LOBBY_HASH_BURST_MS      200   /* so far ahead of that at most */
#define MU_LOBBY_RESET_GRACE_MS     11000 /* at least, for players that a `reset` leaves out */
#define MU_LOBBY_GATEWAY_BEAT_MS    5000  /* between two PRESENCE with `reset` of a gateway */
#define MU_LOBBY_GATEWAY_SILENCE_MS 20000 /* without any PRESENCE: the gateway is gone */

extern const struct mu_actor_ops mu_lobby_ops;

#endif /* MU_ACTORS_LOBBY_H */
