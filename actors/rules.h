/* actors/rules.h - a compiled rule set: what a queue asks of a match.
 *
 * A rule set comes from a JSON document (docs/RULES.md describes the language) or from a mode of
 * the configuration; both become the same struct, and the engine knows nothing else.  It is
 * compiled once, is plain data that never changes, and is read by the matcher (candidates), by
 * the shard (legality), by `muster simulate` and by tests.
 *
 *   rules.h           the compiled form; ages and limits
 *   rules_compile.h   a document into it, with every fault; a mode into it
 *   facts.h           what it needs to know of a ticket
 *   candidate.h       whether tickets together are a match, as they are added
 *
 * Ages are ms since a ticket began to wait.  A limit may depend on the age of the match: that of
 * its newest ticket, or of its oldest (`oldest_age`). */
#ifndef MU_ACTORS_RULES_H
#define MU_ACTORS_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/actor.h"
#include "core/config.h"

#define MU_RULES_TEXT_MAX       65536 /* bytes of a document */
#define MU_RULES_NAME_MAX       63    /* bytes of a name in it */
#define MU_RULES_ATTRIBUTES_MAX 32    /* of a player */
#define MU_RULES_COUNT_MAX      64    /* rules */
#define MU_RULES_MEASURES_MAX   4     /* measurements of one rule */
#define MU_RULES_STEPS_MAX      16    /* of one expansion */
#define MU_RULES_REDUCES_MAX    4     /* functions in one expression */
#define MU_RULES_SYMBOLS_MAX    16    /* strings of a constant or a default */
#define MU_RULES_QUOTAS_MAX     8     /* of a team */
#define MU_RULES_OPS_MAX        64    /* of a compound statement */
#define MU_RULES_SHAPES_MAX     4     /* of a queue */
#define MU_TICKET_PLAYERS_MAX   8     /* of one party */
#define MU_SAMPLE_MAX           256   /* recent arrivals that a reservation looks at */

/* A number that may change with age: the value of the last step that has come; after the last
 * step, when every_ms > 0, moved by delta each every_ms, as far as bound.  Steps ascend. */
struct mu_limit_step {
    int64_t at_ms;
    double value;
};

struct mu_limit {
    double value; /* at age 0; INFINITY or -INFINITY: no limit */
    uint32_t steps_count;
    struct mu_limit_step steps[MU_RULES_STEPS_MAX];
    int64_t every_ms; /* 0: no linear part */
    double delta;     /* each every_ms, counted from the last step (or 0) */
    double bound;     /* where the linear part ends */
};

/* The value at an age; age_ms < 0 counts as 0.  O(steps). */
double mu_limit_at(const struct mu_limit *limit, int64_t age_ms);

/* The first age above age_ms at which the value changes, or MU_NEVER. */
int64_t mu_limit_next(const struct mu_limit *limit, int64_t age_ms);

enum mu_attribute_type {
    MU_ATTRIBUTE_NUMBER,
    MU_ATTRIBUTE_STRING,
    MU_ATTRIBUTE_STRINGS, /* string_list */
    MU_ATTRIBUTE_MAP,     /* string_number_map */
};

/* A string is known by its symbol: a 64-bit hash, never 0.  mu_symbol() in facts.h. */
struct mu_attribute {
    char name[MU_RULES_NAME_MAX + 1];
    enum mu_attribute_type type;
    bool has_default;
    double number;          /* the default of a NUMBER */
    uint32_t symbols_count; /* the default of a STRING (1), STRINGS or MAP */
    uint64_t symbols[MU_RULES_SYMBOLS_MAX];
    double numbers[MU_RULES_SYMBOLS_MAX]; /* beside symbols: of a MAP */
};

/* How the players of a party count in an expression: each with what all of them have together. */
enum mu_aggregation {
    MU_AGGREGATE_AVG,
    MU_AGGREGATE_MIN,
    MU_AGGREGATE_MAX,
    MU_AGGREGATE_UNION,
    MU_AGGREGATE_INTERSECTION,
};

/* What an expression is about. */
enum mu_property {
    MU_PROPERTY_ATTRIBUTE, /* players.attributes[x] */
    MU_PROPERTY_ID,        /* players[playerId] */
    MU_PROPERTY_PLAYER,    /* players: only to be counted */
    MU_PROPERTY_RATING,    /* players.rating, points */
    MU_PROPERTY_DEVIATION, /* players.ratingDeviation, points */
};

enum mu_reduce {
    MU_REDUCE_MIN,
    MU_REDUCE_MAX,
    MU_REDUCE_AVG,
    MU_REDUCE_MEDIAN,
    MU_REDUCE_SUM,
    MU_REDUCE_COUNT,
    MU_REDUCE_STDDEV,
    MU_REDUCE_FLATTEN,      /* a list of lists becomes one list */
    MU_REDUCE_INTERSECTION, /* set_intersection: what all of the lists share */
};

enum mu_expression_kind {
    MU_EXPRESSION_NONE,
    MU_EXPRESSION_NUMBER,          /* constant */
    MU_EXPRESSION_STRINGS,         /* constant: one or several */
    MU_EXPRESSION_PLAYERS,         /* a property of players of teams, reduced */
    MU_EXPRESSION_WIN_PROBABILITY, /* winProbability(teams): of the favourite, 0.5..1 */
    MU_EXPRESSION_QUALITY,         /* quality(): of the match, 0..1 */
};

/* A measurement or a reference.  PLAYERS: the list of the property over the players of `teams`,
 * or, when `by_team`, a list of such lists; then the functions, innermost first.  A function
 * works on the innermost lists that there are (but FLATTEN, on the outermost two). */
struct mu_expression {
    enum mu_expression_kind kind;
    double number;
    uint32_t symbols_count;
    uint64_t symbols[MU_RULES_SYMBOLS_MAX];
    bool all_teams;                  /* teams[*], or bare players */
    bool by_team;                    /* one list per team: teams[*] and teams[a,b] */
    uint8_t teams[MU_TEAMS_MAX / 8]; /* bit i: team i, when not all_teams */
    enum mu_property property;
    uint32_t attribute; /* index */
    uint32_t reduces_count;
    enum mu_reduce reduces[MU_RULES_REDUCES_MAX];
};

enum mu_rule_type {
    MU_RULE_DISTANCE,
    MU_RULE_COMPARISON,
    MU_RULE_COLLECTION,
    MU_RULE_LATENCY,
    MU_RULE_BATCH_DISTANCE,
    MU_RULE_DISTANCE_SORT,
    MU_RULE_ABSOLUTE_SORT,
    MU_RULE_COMPOUND,
};

/* What a rule asks.  Each measurement is judged by itself, and the rule holds when all of them do.
 *
 *   DISTANCE    each number in the result is within min..max of the reference, which is one number
 *   COMPARISON  each element of the result against the reference, which is one number or string;
 *               without a reference: within each innermost list all are equal (EQUAL) or no two
 *               are (NOT_EQUAL)
 *   COLLECTION  INTERSECTION: how many strings are in every one of the lists.  CONTAINS: how often
 *               the reference, one string, occurs among the players of a list.  Both for each list
 *               of players by itself.  REFERENCE_INTERSECTION_COUNT: how many strings each
 *               innermost list shares with the reference, a list.  All counts within min..max
 *   LATENCY     regions above max, or more than distance above the reference of that region, do
 *               not count; one must remain that all tickets have
 *   BATCH_DISTANCE  measures[0] is the attribute of all players: max - min of it is <= max, or its
 *               strings are all the same
 *   sorts       measures[0] is the attribute
 *
 * An empty list breaks nothing, and what is taken of it (avg, max, ...) is left out; but its count
 * and its sum are 0.  FLATTEN over teams is compiled away: by_team is false then.  A count of
 * players is always spelt PROPERTY_PLAYER. */
enum mu_operation {
    MU_OPERATION_NONE,
    MU_OPERATION_LESS,                         /* comparison */
    MU_OPERATION_LESS_EQUAL,                   /* comparison */
    MU_OPERATION_EQUAL,                        /* comparison */
    MU_OPERATION_NOT_EQUAL,                    /* comparison */
    MU_OPERATION_GREATER,                      /* comparison */
    MU_OPERATION_GREATER_EQUAL,                /* comparison */
    MU_OPERATION_INTERSECTION,                 /* collection: how many values all lists share */
    MU_OPERATION_CONTAINS,                     /* collection: how often the reference occurs */
    MU_OPERATION_REFERENCE_INTERSECTION_COUNT, /* collection: each list with the reference */
};

/* A compound statement in postfix order: a rule's index, or one of these with how many it takes
 * from the stack.  XOR: exactly one of them holds. */
enum mu_logic { MU_LOGIC_RULE, MU_LOGIC_AND, MU_LOGIC_OR, MU_LOGIC_XOR, MU_LOGIC_NOT };

struct mu_logic_op {
    enum mu_logic logic;
    uint32_t operand; /* RULE: index of the rule; else how many are combined, >= 1 */
};

struct mu_rule {
    char name[MU_RULES_NAME_MAX + 1];
    enum mu_rule_type type;
    bool child;                /* part of a compound: does not stand alone */
    bool lasting;              /* once broken, more tickets cannot mend it (at the same age) */
    bool sized;                /* depends on the teams' sizes only */
    double weight;             /* > 0: soft; it lowers the quality and excludes nothing; 0: hard */
    int64_t optional_after_ms; /* of that age it is as if it were not there; or MU_NEVER */
    uint32_t measures_count;
    struct mu_expression measures[MU_RULES_MEASURES_MAX];
    struct mu_expression reference;   /* NONE: there is none */
    struct mu_limit reference_number; /* NUMBER reference: its value, which may expand */
    enum mu_operation operation;
    enum mu_aggregation aggregation;
    struct mu_limit min;      /* minDistance, minCount; -INFINITY: none */
    struct mu_limit max;      /* maxDistance, maxCount, maxLatency; INFINITY: none */
    struct mu_limit distance; /* LATENCY: maxDistance, ms above the reference; INFINITY: none */
    bool reference_average;   /* LATENCY: distanceReference avg, else min */
    bool descending;          /* sorts */
    bool map_max;             /* sorts: mapKey maxValue, else minValue */
    uint32_t ops_count;       /* COMPOUND */
    struct mu_logic_op ops[MU_RULES_OPS_MAX];
};

struct mu_quota {
    uint64_t symbol;
    char name[MU_RULES_NAME_MAX + 1];
    uint32_t min; /* players of a team with it */
    uint32_t max;
};

struct mu_team {
    char name[MU_RULES_NAME_MAX + 1]; /* "red", or "trio_2" of a quantity */
    struct mu_limit players_min;      /* at least so many */
    struct mu_limit players_max;      /* at most */
    uint32_t like;                    /* index of the first team that is no different from it */
    uint32_t quotas_count;            /* quotas; 0: none */
    struct mu_quota quotas[MU_RULES_QUOTAS_MAX];
};

enum mu_party_policy {
    MU_PARTY_ONE_TEAM,       /* a party plays on one team */
    MU_PARTY_MAY_SPAN,       /* its players may play on several */
    MU_PARTY_SELF_CONTAINED, /* on one team; or all of a match by itself, on several */
};

enum mu_backfill_priority {
    MU_BACKFILL_NORMAL, /* by age */
    MU_BACKFILL_HIGH,   /* before new matches */
    MU_BACKFILL_LOW,    /* after them */
};

/* What makes a match good, and how long a better one is worth waiting for: MATCHING.md 1 and 3.
 *
 * quality of a match for ticket i = (1 - imbalance_weight * I)^fairness * (1 / (1 + (D /
 * spread)^2))^closeness * fill^fullness * (latency_i / best latency_i)^nearness, times what soft
 * rules leave of it. */
struct mu_objective {
    bool waits;              /* tickets have a reservation; else every legal match is made */
    double beta;             /* rating points of one player's performance, > 0 */
    double uncertainty;      /* how much of the ratings' deviation counts: 0 none .. 1 all */
    double imbalance_weight; /* 0..1 */
    double spread;           /* D0: standard deviation of ratings that halves it, points > 0 */
    double fairness;         /* exponents, >= 0 */
    double closeness;
    double nearness;
    double fullness;
    double latency_good_ms; /* as good as none */
    double latency_bad_ms;  /* worthless; > latency_good_ms */
    double wait_ms;         /* W0: a wait that is worth a whole match, > 0 */
    double delta;           /* how much of the rest to 1 a reservation asks for, 0..1 */
    double eta;             /* by how much it falls over wait_ms */
    double gamma;           /* price of the wait that is expected */
    double urgency;         /* by how much more it falls each minute beyond urgent_ms */
    int64_t urgent_ms;
    int64_t first_ms;      /* having waited so long it is served first, with any legal match */
    uint32_t sample_count; /* recent arrivals looked at, 1..MU_SAMPLE_MAX */
    int64_t sample_ms;     /* and no older than this */
    double party_bonus[MU_TICKET_PLAYERS_MAX + 1]; /* points a player, by size of his party */
};

/* The mutual rating window of a mode: each ticket accepts ratings within points + per_second of
 * its own, at most `max`, and a match needs the consent of every pair. */
struct mu_window {
    bool used;
    uint32_t points;
    uint32_t per_second;
    uint32_t max;
};

/* One shape: teams, and everything that is asked of a match of them. */
struct mu_rules {
    char name[MU_RULES_NAME_MAX + 1]; /* of the queue */
    uint64_t version;                 /* of the document; 0: from the configuration */
    uint64_t hash;                    /* of the document, or of the mode */

    uint32_t teams_count; /* at most so many teams play; 1..MU_TEAMS_MAX */
    uint32_t teams_min;   /* at least so many, the first ones; below teams_count all are alike */
    bool alike;           /* all teams are no different from each other */
    bool for_all;         /* one "team" of players who play each for himself */
    struct mu_team teams[MU_TEAMS_MAX];
    struct mu_limit prefer; /* players of a match that are wanted; fewer or more only later;
                             * value INFINITY: as many as there are */
    int64_t fill_ms;        /* its oldest ticket waits so long for a full match; 0: does not */
    enum mu_party_policy parties;
    uint32_t party_max; /* players of a ticket, 1..MU_TICKET_PLAYERS_MAX */

    uint32_t attributes_count;
    struct mu_attribute attributes[MU_RULES_ATTRIBUTES_MAX];
    uint32_t roles_attribute; /* index of the string_list that ranks a player's roles, or
                               * MU_RULES_NONE: teams have no quotas */

    uint32_t rules_count;
    struct mu_rule rules[MU_RULES_COUNT_MAX];
    struct mu_window window; /* of a mode */
    uint32_t latency_max_ms; /* of a mode: hard cap on the round trip; 0: none */

    bool oldest_age;        /* expansionAgeSelection: oldest; else newest */
    bool large;             /* strategy balanced: 41-200 players */
    bool fastest;           /* batchingPreference fastestRegion; else largestPopulation */
    int64_t region_turn_ms; /* > 0: of that age the other one counts; mu_rules_fastest() */
    uint32_t balanced;      /* balancedAttribute: index, or MU_RULES_NONE: the rating */
    uint32_t sort_count;    /* sortByAttributes: anchors are taken in that order */
    uint32_t sort[4];       /* attribute indices */
    enum mu_backfill_priority backfill;

    struct mu_objective objective;
    uint32_t needs;      /* facts a ticket must bring: bit MU_NEEDS_... */
    int64_t wait_max_ms; /* a ticket ends TIMED_OUT */
};
#define MU_RULES_NONE UINT32_MAX

/* What of a ticket is not in its hot record and must be read from its facts. */
#define MU_NEEDS_ATTRIBUTES 1u /* some rule reads attributes, ids, ratings of single players */
#define MU_NEEDS_LATENCIES  2u /* a latency rule reads those of single players */
#define MU_NEEDS_ROLES      4u

/* A queue's alternatives, the preferred first; each a full rule set with the same rules,
 * attributes and objective, and teams of its own. */
struct mu_rulebook {
    uint32_t shapes_count; /* 1..MU_RULES_SHAPES_MAX */
    struct mu_rules *shapes[MU_RULES_SHAPES_MAX];
};

/* Players of the largest and of the smallest match at an age.  O(teams). */
uint32_t mu_rules_players_max(const struct mu_rules *rules, int64_t age_ms);
uint32_t mu_rules_players_min(const struct mu_rules *rules, int64_t age_ms);

/* Teams' bounds at an age, as whole players: 0..MU_MATCH_PLAYERS_MAX. */
uint32_t mu_team_min(const struct mu_rules *rules, uint32_t team, int64_t age_ms);
uint32_t mu_team_max(const struct mu_rules *rules, uint32_t team, int64_t age_ms);

/* The first age above age_ms at which any limit of the rule set changes, or MU_NEVER. */
int64_t mu_rules_next(const struct mu_rules *rules, int64_t age_ms);

/* Whether rules[index] counts at that age: hard, not a child, not optional by then. */
bool mu_rule_stands(const struct mu_rules *rules, uint32_t index, int64_t age_ms);

/* Whether a match of that age is made in the fastest region; else where most can play. */
bool mu_rules_fastest(const struct mu_rules *rules, int64_t age_ms);

/* Index of the team or attribute of that name, or MU_RULES_NONE. */
uint32_t mu_rules_team(const struct mu_rules *rules, const char *name);
uint32_t mu_rules_attribute(const struct mu_rules *rules, const char *name);

#endif /* MU_ACTORS_RULES_H */
