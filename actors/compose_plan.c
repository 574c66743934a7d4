/* actors/compose_plan.c - which party sizes make full teams, when wanted parties first does not.
 *
 * 5 for 5 of parties of 3, 1, 3, 2 and 2, in this order: the 1 must be left out.  Only sizes
 * count here: a search over how many parties of each size each team gets, the fullest teams
 * first. */
#include "actors/compose_private.h"

#include <string.h>

enum {
    SIZES = MU_TICKET_PLAYERS_MAX,
    STEPS_MAX = 4096, /* of one search: steps here cost far less than those of a candidate */
    TARGETS_MAX = 8,  /* team sizes tried before any legal size is taken */
};

/* One decision: how many parties of one size one team gets. */
struct decision {
    uint16_t taken; /* now being tried; counted down */
    uint16_t least; /* fewer will not do */
    uint16_t room;  /* slots that the team has left before it */
    uint16_t need;  /* of them, slots that must be filled */
};

struct plan {
    uint32_t teams;
    uint16_t room[MU_TEAMS_MAX];                     /* [teams]: slots beside the anchor */
    uint16_t need[MU_TEAMS_MAX];                     /* [teams]: of them, to be filled at least */
    uint16_t left[SIZES + 1];                        /* parties not yet used, by players */
    struct decision decisions[MU_TEAMS_MAX * SIZES]; /* [teams * SIZES], the largest size first */
};

static uint32_t size_of(uint32_t level)
{
    return SIZES - level % SIZES;
}

/* Sets up the decision of a level whose room and need are known. */
static void decide(struct plan *plan, uint32_t level)
{
    struct decision *decision = &plan->decisions[level];
    uint32_t size = size_of(level);
    uint32_t most = decision->room / size;
    most = most < plan->left[size] ? most : plan->left[size];
    decision->taken = (uint16_t)most;
    decision->least = size == 1 ? decision->need : 0;
    uint32_t players = 0;
    for (uint32_t i = 1; i <= size; i++) {
        players += i * plan->left[i];
    }
    if (players < decision->need) {
        decision->least = (uint16_t)(most + 1); /* cannot be filled from here */
    }
}

static void enter(struct plan *plan, uint32_t level)
{
    struct decision *decision = &plan->decisions[level];
    if (level % SIZES == 0) {
        decision->room = plan->room[level / SIZES];
        decision->need = plan->need[level / SIZES];
    } else {
        const struct decision *before = decision - 1;
        uint32_t used = before->taken * size_of(level - 1);
        decision->room = (uint16_t)(before->room - used);
        decision->need = (uint16_t)(before->need > used ? before->need - used : 0);
    }
    decide(plan, level);
}

/* Goes through the decisions, the most parties first.  Returns whether there is a way. */
static bool solve(struct plan *plan)
{
    uint32_t levels = plan->teams * SIZES;
    uint32_t level = 0;
    enter(plan, 0);
    for (uint32_t steps = 0; steps < STEPS_MAX + levels; steps++) {
        struct decision *decision = &plan->decisions[level];
        uint32_t size = size_of(level);
        if (decision->taken < decision->least || decision->taken == UINT16_MAX) {
            if (level == 0) {
                return false;
            }
            level--;
            decision = &plan->decisions[level];
            size = size_of(level);
            plan->left[size] = (uint16_t)(plan->left[size] + decision->taken);
            decision->taken--; /* 0 becomes UINT16_MAX: none is left to try */
            continue;
        }
        plan->left[size] = (uint16_t)(plan->left[size] - decision->taken);
        if (++level == levels) {
            return true;
        }
        enter(plan, level);
    }
    return false;
}

static void count_parties(const struct mu_composer *composer, struct plan *plan)
{
    memset(plan->left, 0, sizeof plan->left);
    for (uint32_t i = 0; i < composer->request->count; i++) {
        uint32_t players = mu_compose_entrant(composer, i)->players;
        if (composer->usable[i] && !composer->in[i] && players <= SIZES) {
            plan->left[players]++;
        }
    }
}

/* Finds how to fill every team to `target`, or as far as it may; 0: to any legal size. */
static bool aim(const struct mu_composer *composer, uint32_t target, struct plan *plan)
{
    count_parties(composer, plan);
    plan->teams = composer->teams_open;
    assert(plan->teams >= 1);
    for (uint32_t i = 0; i < plan->teams; i++) {
        uint32_t in = mu_candidate_team_players(composer->candidate, i);
        uint32_t max = composer->team_max[i];
        uint32_t min = composer->team_min[i];
        if (target > 0) {
            max = max < target ? max : target;
            max = max > min ? max : min;
            min = max;
        }
        if (in > max) {
            return false;
        }
        plan->room[i] = (uint16_t)(max - in);
        plan->need[i] = (uint16_t)(min > in ? min - in : 0);
    }
    return solve(plan);
}

/* Puts parties in as planned, those that are wanted most first. */
static void follow(struct mu_composer *composer, const struct plan *plan)
{
    for (uint32_t level = 0; level < plan->teams * SIZES; level++) {
        uint32_t wanted = plan->decisions[level].taken;
        uint32_t team = level / SIZES;
        for (uint32_t i = 0; i < composer->request->count && wanted > 0; i++) {
            uint32_t entrant = composer->wanted[i];
            if (composer->usable[entrant] && !composer->in[entrant] &&
                (composer->fits[entrant] >> composer->class_of[team] & 1) != 0 &&
                mu_compose_entrant(composer, entrant)->players == size_of(level) &&
                !mu_compose_spent(composer) && mu_compose_put(composer, entrant, team)) {
                wanted--;
            }
        }
    }
}

bool mu_compose_plan(struct mu_composer *composer)
{
    struct plan plan;
    mu_compose_bounds(composer);
    uint32_t largest = 0;
    for (uint32_t i = 0; i < composer->teams_open; i++) {
        largest = largest > composer->team_max[i] ? largest : composer->team_max[i];
    }
    uint32_t target = largest;
    while (target > 0 && largest - target < TARGETS_MAX && !aim(composer, target, &plan)) {
        target--;
    }
    bool found = target > 0 && largest - target < TARGETS_MAX;
    if (!found && !aim(composer, 0, &plan)) {
        return false;
    }
    follow(composer, &plan);
    return true;
}
