/* tools/score.h - how good a set of matches is: the one scorer of all matchers.
 *
 * It knows no matcher and no rule: it checks that each match was possible (every ticket waiting,
 * used once, teams whole) and computes, for a player in a match, all factors 0..1:
 *   fairness 1 - wI * I; I: mean over pairs of teams of |2 * win probability - 1|,
 *            win probability = Phi(difference of sums / (beta * sqrt(players of both)))
 *   spread   1 / (1 + (D / D0)^2); D: standard deviation of the ratings in the match
 *   latency  1 at lat_good, 0 at lat_bad, linear, in the match's region
 *   wait     max(0, 1 - wait / W0)
 *   fill     players / players of a full match, players_max of the mode
 * score = 100 * sum over matched players of their product / all players.
 * Ratings count with the bonus of their party's size.  docs/MATCHING.md says why these. */
#ifndef MU_TOOLS_SCORE_H
#define MU_TOOLS_SCORE_H

#include "gateway/json_write.h"
#include "tools/outcome.h"

#define MU_SCORE_ERRORS_SHOWN 5
#define MU_SCORE_CURVE        41 /* points of a distribution: at shares 0, 1/40, .. 1 */

/* Of one mode.  Shares 0..1, waits in seconds; those who gave up count with their patience. */
struct mu_score_mode {
    uint32_t tickets;
    uint32_t players; /* 0: nobody came, the rest is 0 */
    uint32_t matched; /* players */
    uint32_t matches;
    double score;  /* 0..100 */
    double points; /* sum of the products */
    double wait_mean;
    double wait_p50;
    double wait_p90;
    double wait_p95;
    double wait_p99;
    double imbalance_mean; /* over matched players */
    double imbalance_p95;
    double blowouts;    /* share of matches with I > 0.3 */
    double spread_mean; /* over matches, points */
    double rtt_mean;    /* over matched players, ms */
    double rtt_p95;
    double rtt_excess; /* mean above the best region of each */
    double fill;       /* mean over matches */
    double top_wait;   /* mean of the highest rated twentieth of the tickets */
    double fairness;   /* means over matched players of the factors */
    double closeness;
    double latency;
    double promptness;
    double wait_curve[MU_SCORE_CURVE];      /* over all players */
    double imbalance_curve[MU_SCORE_CURVE]; /* over matched players, as those below */
    double spread_curve[MU_SCORE_CURVE];
    double rtt_curve[MU_SCORE_CURVE];
};

struct mu_score {
    struct mu_score_mode modes[MU_MODES_MAX]; /* by the workload's modes */
    double score;                             /* over all players */
    double unmatched;                         /* share of all players */
    double modes_mean;                        /* of the modes' scores */
    uint32_t errors;                          /* matches that were not possible; not counted */
    char error_texts[MU_SCORE_ERRORS_SHOWN][96];
};

/* What of a match does not depend on who waits how long. */
struct mu_score_match {
    double imbalance;
    double spread;
    double fill;
    uint32_t players;
};

/* Evaluates a match; its seats are sorted by team and no team is empty (asserted). */
void mu_score_evaluate(const struct mu_workload *workload, const struct mu_outcome_list *outcome,
                       const struct mu_outcome_match *match, struct mu_score_match *ret);

/* The quality of a round trip, 0..1. */
double mu_score_latency(const struct mu_workload *workload, double rtt_ms);

/* Scores the matches of the modes of a workload.
 *
 * modes  bit i: mode i counts; the tickets and matches of others are as if they were not there
 *
 * Returns 0 or -ENOMEM.  O(n log n). */
int mu_score(const struct mu_workload *workload, const struct mu_outcome_list *outcome,
             uint32_t modes, struct mu_score *ret);

/* The first matches that were not possible, if there are any; whose: "A: " or "". */
void mu_score_print_errors(const struct mu_score *score, const char *whose, FILE *file);

/* A table for people, and the same as a JSON object.  Modes without players are left out. */
void mu_score_print(const struct mu_workload *workload, const struct mu_score *score, FILE *file);
void mu_score_json(const struct mu_workload *workload, const struct mu_score *score,
                   struct mu_json_writer *writer);

#endif /* MU_TOOLS_SCORE_H */
