/* actors/rating.h - Elo ratings: one game, matches of many teams, tiers.
 *
 * A player's new rating is floor(r + K (S - E) + 0.5), kept in 100..3000, where S is his score
 * (1 won, 0.5 drawn, 0 lost) and E = 1 / (1 + 10^((o - r) / 400)) against an opponent of rating o.
 * A team is an opponent of its players' average rating.  With more than two teams S and E are the
 * averages over all other teams.  Integers in, integers out: the same on every machine that
 * rounds as IEEE 754 does.
 *
 * Source: Elo 1978, "The Rating of Chessplayers", as in API.md 1. */
#ifndef MU_ACTORS_RATING_H
#define MU_ACTORS_RATING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"

#define MU_RATING_START 1200 /* of a new player */
#define MU_RATING_MIN   100  /* nobody falls below */
#define MU_RATING_MAX   3000 /* nobody rises above */

/* One player of a match that has ended. */
struct mu_rated {
    int64_t rating; /* before, MU_RATING_MIN..MU_RATING_MAX */
    uint32_t team;  /* 0..MU_TEAMS_MAX - 1 */
    uint32_t rank;  /* of his team: 1 is best, equal ranks are ties */
    bool left;      /* left before the end: scores 0 against everybody */
    int64_t after;  /* written by mu_rating_match() */
};

/* The score, 0..1, that a player may expect against an opponent. */
double mu_rating_expected(double rating, double opponent);

/* The new rating after one game.
 *
 * score  1 won, 0.5 drawn, 0 lost
 * k      the most that the rating can change, points */
int64_t mu_rating_update(int64_t rating, double opponent, double score, uint64_t k);

/* Fills `after` of every player.
 *
 * players  [count], 1..MU_MATCH_PLAYERS_MAX (asserted), in any order
 * k        the most that a rating can change, points
 *
 * With a single team nothing changes.  O(count * teams). */
void mu_rating_match(struct mu_rated *players, uint32_t count, uint64_t k);

/* How far a rating may be off, points, of a player with so many rated games: 350 / sqrt(1 + games),
 * at least 60.  Interim: Elo keeps no deviation, and this is no more than a shape for it (350 is
 * what Glickman 2012, "The Glicko system", gives a newcomer), until a rating system does. */
uint64_t mu_rating_deviation(uint64_t games);

/* BRONZE, SILVER, GOLD, PLATINUM, DIAMOND or MASTER. */
const char *mu_rating_tier(int64_t rating);

#endif /* MU_ACTORS_RATING_H */
