/* tests/unit/candidate_world.h - random rule sets and tickets, for tests of candidates.
 *
 * What a ticket has is kept twice: as plain values, which the slow evaluation reads
 * (candidate_oracle.h), and as facts, read from JSON, for the candidate. */
#ifndef MU_TESTS_UNIT_CANDIDATE_WORLD_H
#define MU_TESTS_UNIT_CANDIDATE_WORLD_H

#include "actors/candidate.h"
#include "core/rng.h"

enum {
    WORLD_TICKETS_MAX = 14,
    WORLD_PLAYERS_MAX = 12, /* of one ticket; a backfill may be large */
    WORLD_ATTRIBUTES = 5,   /* two numbers, a string, two lists of strings */
    WORLD_LIST_MAX = 4,
    WORLD_STRINGS = 6, /* "s0" .. */
    WORLD_REGIONS = 3,
};

/* A player as the generator made him. */
struct world_player {
    uint32_t id; /* "p<id>" */
    int32_t rating;
    int32_t deviation;
    double number[WORLD_ATTRIBUTES];
    uint32_t strings_count[WORLD_ATTRIBUTES];
    uint32_t strings[WORLD_ATTRIBUTES][WORLD_LIST_MAX]; /* "s<i>", or "p<i - 100>" */
    uint16_t latency[WORLD_REGIONS];                    /* MU_LATENCY_NONE: does not say */
    uint32_t team;                                      /* of a backfill */
};

struct world_ticket {
    struct mu_entrant entrant;
    uint16_t reach_ms[WORLD_REGIONS];
    float nearness[WORLD_REGIONS];
    struct world_player players[WORLD_PLAYERS_MAX];
    uint64_t facts[2048]; /* struct mu_facts */
};

struct world {
    struct mu_rng rng;
    struct mu_config config;
    struct mu_rules rules;
    int64_t now_ms;
    uint32_t tickets_count;
    struct world_ticket tickets[WORLD_TICKETS_MAX];
};

/* Makes another world; the same for the same state of the generator. */
void world_make(struct world *world);

/* Makes teams differ from each other where rules name some of them, as the compiler does. */
void world_name_teams(struct world *world);

/* Makes one more ticket; *id is the next player's, and is counted up. */
void world_make_ticket(struct world *world, uint32_t *id, struct world_ticket *ticket);

/* A symbol as facts have it: of "s<i>", or from 100 on of "p<i - 100>". */
uint64_t world_symbol(uint32_t string);

/* 0..bound-1; whether one of `of` chances came. */
uint32_t world_below(struct world *world, uint32_t bound);
bool world_chance(struct world *world, uint32_t percent);

#endif /* MU_TESTS_UNIT_CANDIDATE_WORLD_H */
