/* tests/unit/vector_file.h - vectors of the matching engine: a rule set, tickets with the times
 * at which they come, and the matches that must come of it.
 *
 * A file is lines; `#` begins a comment.
 *
 *   rules                       until a line `end`: a document, for the cases below it
 *   case WORDS
 *   ticket NAME [n=N] [t=S] [players=N] [rating=N] [backfill] [refused] [JSON]
 *                               n tickets NAME1, NAME2 ... that come at t; JSON: of each player, or
 *                               an array with one of each (facts.h); players are called like their
 *                               ticket, in a party NAME.1, NAME.2 ...; refused: can never match
 *   match t=S [sizes=N,N...] [players=N] [in=NAME,...] [out=NAME,...] [apart=NAME,NAME]
 *         [together=NAME,NAME] [on=TEAM,NAME] [region=NAME] [even=ATTRIBUTE:N]
 *                               the next match: its time; players of each team (of like teams, in
 *                               any order); tickets that are in it, or are not; pairs that are
 *                               on different teams, or on the same (keys may be repeated); a
 *                               ticket on a team; means of an attribute, by team, that differ by no
 *                               more
 *   left N                      tickets that wait at the end
 *   until S                     when that is, else 600 */
#ifndef MU_TESTS_UNIT_VECTOR_FILE_H
#define MU_TESTS_UNIT_VECTOR_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VECTOR_NAME_MAX = 47,
    VECTOR_NAMES_MAX = 8,
    VECTOR_TICKETS_MAX = 64,
    VECTOR_MATCHES_MAX = 64,
    VECTOR_RULES_MAX = 8192,
    VECTOR_DETAILS_MAX = 4096,
    VECTOR_TEAMS_MAX = 64,
};

struct vector_ticket {
    char name[VECTOR_NAME_MAX + 1];
    uint32_t count; /* 0: one, called by the name alone */
    int64_t at_ms;
    uint32_t players;
    int32_t rating;
    bool backfill;
    bool refused;
    char details[VECTOR_DETAILS_MAX]; /* "": none */
};

struct vector_names {
    uint32_t count;
    char names[VECTOR_NAMES_MAX][VECTOR_NAME_MAX + 1];
};

struct vector_match {
    int64_t at_ms;
    uint32_t line;
    uint32_t players;     /* 0: any */
    uint32_t teams_count; /* 0: any sizes */
    uint32_t sizes[VECTOR_TEAMS_MAX];
    struct vector_names in;
    struct vector_names out;
    struct vector_names apart;
    struct vector_names together;
    struct vector_names on; /* a team and a ticket, a team and a ticket ... */
    char region[VECTOR_NAME_MAX + 1];
    char even_attribute[VECTOR_NAME_MAX + 1];
    double even_max;
};

struct vector_case {
    char words[128];
    uint32_t line;
    char rules[VECTOR_RULES_MAX];
    uint32_t tickets_count;
    struct vector_ticket tickets[VECTOR_TICKETS_MAX];
    uint32_t matches_count;
    struct vector_match matches[VECTOR_MATCHES_MAX];
    bool left_given;
    uint32_t left;
    int64_t until_ms;
};

/* Called for each case; *vector is borrowed. */
typedef void vector_case_fn(void *owner, const struct vector_case *vector);

/* Reads a file; a line that is not understood fails the test.  Returns the number of cases. */
uint32_t vector_file_read(const char *path, vector_case_fn *each, void *owner);

#endif /* MU_TESTS_UNIT_VECTOR_FILE_H */
