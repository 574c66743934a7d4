/* actors/candidate_value.h - inside of a candidate: values of expressions, and room for them. */
#ifndef MU_ACTORS_CANDIDATE_VALUE_H
#define MU_ACTORS_CANDIDATE_VALUE_H

#include "actors/candidate_tally.h"

/* Strings next to each other. */
struct mu_span {
    const uint64_t *symbols;
    uint32_t count;
};

enum mu_value_kind {
    MU_VALUE_NUMBERS, /* items are numbers */
    MU_VALUE_SYMBOLS, /* items are strings: all in the spans, one by one */
    MU_VALUE_SETS,    /* items are sets of strings: each span, ascending when it is a player's */
};

/* Sets that are made (intersections): of at least two spans each, no larger than the first. */
#define MU_VALUE_HEAP_MAX                                                                          \
    ((size_t)MU_MATCH_PLAYERS_MAX / 2 * MU_TICKET_PLAYERS_MAX * MU_FACTS_STRINGS_MAX)

/* The value of an expression: items in lists.  levels 2: a list of lists; 1: one list; 0: one item,
 * or none.  List i ends before item ends[i]. */
struct mu_value {
    enum mu_value_kind kind;
    uint32_t levels;
    uint32_t count; /* items, or spans */
    uint32_t lists_count;
    uint32_t ends[MU_TEAMS_MAX];
    double numbers[2 * MU_MATCH_PLAYERS_MAX]; /* 2: extremes of teams of one player */
    struct mu_span spans[MU_MATCH_PLAYERS_MAX];
    uint32_t heap_used;
    uint64_t heap[MU_VALUE_HEAP_MAX];
};

/* A set of strings with look-up: open addressing, emptied by a new epoch. */
#define MU_SYMBOLS_CELLS                                                                           \
    65536u /* a match has no more different ones than 100 for each of 200 players */
struct mu_symbols_cell {
    uint64_t symbol;
    uint32_t epoch; /* it is in use */
    uint32_t seen;  /* for the user */
};

struct mu_symbols {
    uint32_t epoch;
    uint32_t mask;
    uint32_t count;
    struct mu_symbols_cell cells[MU_SYMBOLS_CELLS];
};

/* What adding a unit changes, to take it back. */
struct mu_undo {
    struct mu_totals totals;
    struct mu_team_tally team;
    struct mu_cell cells[MU_SOURCES_MAX];
    struct mu_latency_tally latency[3][MU_REGIONS_MAX];
};

struct mu_scratch {
    bool seats_known;
    uint16_t first[MU_TEAMS_MAX + 1];
    struct mu_seat seats[MU_MATCH_PLAYERS_MAX];
    uint64_t known; /* bit i: excess[i] is */
    double excess[MU_RULES_COUNT_MAX];
    double effective[MU_MATCH_PLAYERS_MAX]; /* single players', in a match of all against all */
    double variance[MU_MATCH_PLAYERS_MAX];
    uint8_t ranks[MU_MATCH_PLAYERS_MAX][MU_RULES_QUOTAS_MAX]; /* of a team's players, by role */
    uint8_t role_of[MU_MATCH_PLAYERS_MAX];
    struct mu_undo undo;
    struct mu_symbols symbols;
    struct mu_value measure;
    struct mu_value reference;
};

/* Evaluates an expression.  extremes: of each list, only what is lowest and highest of each team
 * is needed. */
void mu_value_of(const struct mu_candidate *candidate, const struct mu_expression *expression,
                 enum mu_aggregation aggregation, bool extremes, struct mu_value *ret);

/* Applies one function to a value. */
void mu_value_apply(struct mu_value *value, enum mu_reduce reduce);

/* Replaces the innermost lists of lists (or of sets) by what all of one share; empty lists are left
 * out.  The value must have such: not one list of strings (asserted). */
void mu_value_intersect(struct mu_value *value);

/* Makes the set of the strings in a value. */
void mu_symbols_fill(struct mu_symbols *symbols, const struct mu_value *value);

/* The cell of a string, or NULL. */
struct mu_symbols_cell *mu_symbols_find(struct mu_symbols *symbols, uint64_t symbol);

#endif /* MU_ACTORS_CANDIDATE_VALUE_H */
