/* tools/bot_game.h - how the matches of bots end.  Pure.
 *
 * Every bot has a true skill that nobody is told, made from its name; results follow from it by
 * the rule that Elo assumes, so that ratings drift towards it. */
#ifndef MU_TOOLS_BOT_GAME_H
#define MU_TOOLS_BOT_GAME_H

#include <stdint.h>

#define MU_BOT_PREFIX    "bot-" /* of the names of bots */
#define MU_BOT_TEAMS_MAX 256
#define MU_BOT_DRAW_PPM  30000 /* of matches of two teams */

/* The true skill behind a user name, rating points: for bots around 1200, mostly 600 to 1800;
 * for everybody else 1200. */
double mu_bot_skill(const char *username);

/* Plays a match.
 *
 * match     its id: the same match ends the same way whenever it is played
 * strength  [teams], mean skill of each
 * ret_rank  [teams], 1 is best; two teams may draw, with 1 and 1
 *
 * teams is 1..MU_BOT_TEAMS_MAX (asserted).  O(teams^2). */
void mu_bot_play(const char *match, const double *strength, uint32_t teams, uint32_t *ret_rank);

#endif /* MU_TOOLS_BOT_GAME_H */
