/* tests/unit/played.h - a small cluster's store with something of everything in it.
 *
 *   played-0, -1   a match that player 1 won: rated, with history
 *   played-2, -3   a match that is LIVE on a server
 *   played-4, -5   a match that waits for acceptance; 4 has accepted
 *   played-6       waits in the queue of eu-west-1
 *   played-7, -8   a custom lobby that is open; 7 is the host
 *   played-9       is free
 *
 * Players are found by their names, so that this holds for stores of any release. */
#ifndef MU_TESTS_UNIT_PLAYED_H
#define MU_TESTS_UNIT_PLAYED_H

#include "tests/unit/store_world.h"

#define PLAYED_PLAYERS 10

/* Ids of what a played store holds. */
struct played {
    char players[PLAYED_PLAYERS][MU_ID_MAX + 1];
    char ticket[MU_ID_MAX + 1]; /* of player 6 */
    char live[MU_ID_MAX + 1];   /* match of 2 and 3 */
    char formed[MU_ID_MAX + 1]; /* match of 4 and 5 */
    char lobby[MU_ID_MAX + 1];  /* of 7 and 8 */
};

/* Plays all that on a world without players. */
void played_make(struct world *world);

/* Finds it, and checks that all stands as said above. */
void played_find(struct world *world, struct played *ret);

/* Goes on from there: cancels, accepts, ends, leaves; then new work.  Each must be served. */
void played_go_on(struct world *world, const struct played *played);

/* Requests for one of its objects. */
struct mu_msg played_cancel(const struct played *played);
struct mu_msg played_leave(const struct played *played, int player);
struct mu_msg played_end(const char *match);
struct mu_msg played_ready(const char *match, const char *player);
struct mu_msg played_register(const char *username);

#endif /* MU_TESTS_UNIT_PLAYED_H */
