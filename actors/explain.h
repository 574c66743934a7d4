/* actors/explain.h - why a ticket still waits: what its rules ask now, what others that wait lack,
 * and what is asked next.
 *
 * A pure look at a pool, for people: players, developers who write rules, operators.  It says
 * nothing of who the others are.
 *
 * Others are looked at in pairs with the ticket: nearest by rating first, both on the teams where
 * the least stands against it (of several such places the first, in the order of shapes, then the
 * ticket's team, then the other's), as they have waited by now: what two tickets accept goes by the
 * age that the rule set counts, and by both windows.  A pair that passes can be in one match when
 * enough others come.  Rules that others can mend (averages, sizes that must be equal) are asked
 * only of pairs that are a full match already; that they fail larger ones is what
 * mu_pool_rule_counts() tells. */
#ifndef MU_ACTORS_EXPLAIN_H
#define MU_ACTORS_EXPLAIN_H

#include "actors/engine.h"

#define MU_EXPLAIN_OTHERS_MAX    512  /* tickets looked at */
#define MU_EXPLAIN_BACKFILLS_MAX 64   /* backfills, besides */
#define MU_EXPLAIN_TRIES_MAX     8192 /* places of pairs; where it ends, fewer are looked at */
#define MU_EXPLAIN_CHANGES_MAX   32   /* changes of limits, for when the nearest miss opens */
#define MU_EXPLAIN_LIMITS_MAX    96
#define MU_EXPLAIN_TARGET_MAX    95 /* bytes */

enum mu_explain_state {
    MU_EXPLAIN_WAITING,
    MU_EXPLAIN_TAKEN, /* it is in a match that is being made; nobody is looked at */
    MU_EXPLAIN_NEVER, /* it reaches no region, or its party is too large: see actors/admit.h */
};

/* A limit at the age of the ticket. */
struct mu_explain_limit {
    char target[MU_EXPLAIN_TARGET_MAX + 1]; /* as expansions have it: "rules[R].maxDistance",
                                             * "teams[T].minPlayers", "prefer"; with several shapes
                                             * "shapes[0].teams[T].minPlayers"; and "window"
                                             * (points), "maxLatency" (ms), "rules[R]" (1: asked, 0:
                                             * not) */
    double value;                           /* now; INFINITY or -INFINITY: none */
    int64_t next_ms;                        /* from now until it changes, > 0, or MU_NEVER */
    double next_value;                      /* to what; without a change, value */
};

/* What is asked besides the rules of the document. */
enum mu_explain_builtin {
    MU_EXPLAIN_REGION, /* a region that both reach */
    MU_EXPLAIN_WINDOW, /* each accepts the other's rating */
    MU_EXPLAIN_SIZE,   /* teams have room for both */
    MU_EXPLAIN_ROLES,  /* all have a role */
    MU_EXPLAIN_BUILTINS,
};

/* How many others pass. */
struct mu_explain_count {
    uint32_t passed;
    uint32_t failed;
    uint32_t alone; /* of those that failed: nothing else was against them */
};

struct mu_explain_rule {
    char name[MU_RULES_NAME_MAX + 1];
    bool pairs; /* can be asked of every pair; else see above */
    struct mu_explain_count count;
};

/* Of those who cannot be in a match with the ticket: with the least against it, then the
 * nearest. */
struct mu_explain_miss {
    bool there;
    bool backfill;
    int32_t distance;                 /* of mean ratings, points */
    uint32_t against;                 /* how many things */
    enum mu_explain_builtin builtin;  /* the first of them; BUILTINS: a rule */
    char rule[MU_RULES_NAME_MAX + 1]; /* its name, or "" */
    double by;                        /* how far beyond the limit, in its unit (points, ms,
                                            * strings ...), > 0; NAN: it is no number */
    int64_t opens_ms;                 /* from now until the two can meet; MU_NEVER: never, or
                                            * not by MU_EXPLAIN_CHANGES_MAX changes */
};

struct mu_explanation {
    enum mu_explain_state state;
    int64_t waited_ms;
    bool oldest_age; /* a match is as old as its oldest ticket, and accepts what that one does */

    /* Quality that it asks for. */
    bool waits;          /* the queue has reservations; else every legal match will do */
    double reserve;      /* asked for now; <= 0: any */
    double falls;        /* by so much a minute, now */
    int64_t any_ms;      /* from now until it is 0 or less; 0: it is; MU_NEVER: never */
    int64_t first_ms;    /* from now until it is served before all others; 0: it is */
    int64_t estimate_ms; /* wait that is expected, from its arrival on; 0: not known */

    /* Sizes, of the shape that needs the fewest players now. */
    uint32_t players_min;
    uint32_t players_max;
    int64_t fill_ms; /* from now on a full match is asked for so long; 0: not any more */

    /* What it asks for: window, maxLatency, rules, prefer, teams (of like ones, the first).  What
     * is no limit, and will be none, is left out. */
    uint32_t limits_count;
    uint32_t limits_left_off;
    struct mu_explain_limit limits[MU_EXPLAIN_LIMITS_MAX];
    struct mu_explain_limit next; /* of all, that which changes first; target "": none */

    /* Others. */
    uint32_t others;       /* that wait, backfills too */
    uint32_t looked;       /* of them, looked at */
    uint32_t able;         /* of these, that can be in a match with it */
    uint32_t able_players; /* theirs, but of backfills */
    struct mu_explain_count builtins[MU_EXPLAIN_BUILTINS];
    uint32_t rules_count; /* hard rules that stand alone */
    struct mu_explain_rule rules[MU_RULES_COUNT_MAX];
    struct mu_explain_miss miss;
};

/* Explains a ticket of the pool.
 *
 * now_ms  not before that of the last mu_pool_match()
 * ret     written when it is there; the same for the same calls before
 *
 * Returns whether it is there.  The pool is as before, but for scratch memory: not inside of a
 * mu_pool_emit_fn.  No allocation.  O(others looked at * rules * teams that differ), at most
 * MU_EXPLAIN_TRIES_MAX candidates of two tickets. */
bool mu_pool_explain(const struct mu_pool *pool, const char *id, int64_t now_ms,
                     struct mu_explanation *ret);

/* "region", "window", ...: for people and machines. */
const char *mu_explain_builtin_text(enum mu_explain_builtin builtin);

#endif /* MU_ACTORS_EXPLAIN_H */
