/* tests/unit/engine_lineup.h - documents whose rules are said twice: for the engine, as JSON, and
 * for the test, as plain words over plain values; and tickets at random, with what their players
 * are.
 *
 * It shares nothing with the engine but the documents: no facts, no limits, no candidate. */
#ifndef MU_TESTS_UNIT_ENGINE_LINEUP_H
#define MU_TESTS_UNIT_ENGINE_LINEUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rng.h"

enum {
    LINEUP_TICKETS_MAX = 16, /* of a match */
    LINEUP_PARTY_MAX = 4,
    LINEUP_TEAMS_MAX = 4,
    LINEUP_REGIONS = 3, /* the first ones of the configuration */
    LINEUP_NOWHERE = 65535,
};

struct lineup_player {
    uint32_t skill;                      /* 0..19 */
    bool monster;                        /* his side */
    uint64_t blocks;                     /* bit i: player number i, by 64 */
    uint32_t latency_ms[LINEUP_REGIONS]; /* LINEUP_NOWHERE: does not say */
};

struct lineup_ticket {
    uint32_t number; /* his first player's; the others' follow */
    uint32_t count;  /* players */
    int64_t since_ms;
    struct lineup_player players[LINEUP_PARTY_MAX];
};

/* A match that may be. */
struct lineup {
    int64_t now_ms;
    uint32_t region;
    uint32_t count;
    const struct lineup_ticket *tickets[LINEUP_TICKETS_MAX];
    uint8_t teams[LINEUP_TICKETS_MAX][LINEUP_PARTY_MAX]; /* of each player */
};

/* What a queue asks for. */
struct lineup_kind {
    const char *name;
    uint32_t teams;                             /* at most */
    uint32_t party_max;                         /* players of a ticket */
    uint32_t few;                               /* tickets that every way can be tried of */
    bool spans;                                 /* parties may be on several teams */
    const char *document;                       /* but for its first brace */
    bool (*holds)(const struct lineup *lineup); /* what is its own */
};

extern const struct lineup_kind lineup_kinds[];
extern const uint32_t lineup_kinds_count;

/* Whether it is a match: nobody is blocked, everybody is there once and reaches the region, and
 * what the kind asks for holds. */
bool lineup_holds(const struct lineup_kind *kind, const struct lineup *lineup);

/* A ticket at random, with the players that follow on `number`. */
void lineup_make(struct mu_rng *rng, const struct lineup_kind *kind, uint32_t number,
                 struct lineup_ticket *ret);

/* Writes what it brings, as a ticket's details; and a player's id. */
void lineup_spell(const struct lineup_ticket *ticket, char *ret, size_t size);
void lineup_player_id(uint32_t number, char *ret, size_t size);

/* The worst round trip of its players, or LINEUP_NOWHERE. */
uint32_t lineup_reach(const struct lineup_ticket *ticket, uint32_t region);

#endif /* MU_TESTS_UNIT_ENGINE_LINEUP_H */
