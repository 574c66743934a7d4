/* actors/engine_split.c - who plays with whom: teams as even as possible, parties whole.
 *
 * Few tickets in two teams: all splits (512 for ten players).  Else the parties of each size are
 * dealt, the best rating to the weakest team, and then tickets of equal size change places while
 * that makes the teams more even. */
#include "actors/engine_pool.h"

#include <math.h>

enum {
    EXACT_MAX = 14, /* tickets: 8192 splits */
    PASSES_MAX = 8, /* over all pairs of tickets */
};

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* How uneven two teams are: first in players, then in means. */
struct unevenness {
    int64_t players;
    int64_t points; /* |mean - mean| * players * players */
};

static bool better(const struct unevenness *a, const struct unevenness *b)
{
    return a->players != b->players ? a->players < b->players : a->points < b->points;
}

/* Tries all splits; ticket 0 is in team 0.  Splits follow the Gray code, so that each differs
 * from the one before in one ticket. */
static bool split_exactly(const struct mu_mode *mode, struct mu_engine_member *members,
                          uint32_t count)
{
    int64_t n[2] = { 0, 0 };
    int64_t sum[2] = { 0, 0 };
    for (uint32_t i = 0; i < count; i++) {
        n[0] += members[i].ticket->players;
        sum[0] += (int64_t)members[i].ticket->players * members[i].ticket->rating;
    }
    struct unevenness best = { INT64_MAX, INT64_MAX };
    uint32_t best_code = 0;
    for (uint32_t i = 1; i < UINT32_C(1) << (count - 1); i++) {
        uint32_t code = i ^ (i >> 1);
        uint32_t flipped = 0;
        while (((i >> flipped) & 1) == 0) {
            flipped++;
        }
        const struct mu_engine_ticket *ticket = members[flipped + 1].ticket;
        int64_t sign = (code >> flipped) & 1 ? 1 : -1;
        int64_t points = (int64_t)ticket->players * ticket->rating;
        n[1] += sign * (int64_t)ticket->players;
        n[0] -= sign * (int64_t)ticket->players;
        sum[1] += sign * points;
        sum[0] -= sign * points;
        if (n[0] < mode->team_min || n[0] > mode->team_max || n[1] < mode->team_min ||
            n[1] > mode->team_max) {
            continue;
        }
        struct unevenness now = {
            distance(n[0], n[1]),
            distance(sum[0] * n[1], sum[1] * n[0]),
        };
        if (better(&now, &best)) {
            best = now;
            best_code = code;
        }
    }
    members[0].team = 0;
    for (uint32_t i = 1; i < count; i++) {
        members[i].team = (best_code >> (i - 1)) & 1;
    }
    return best_code != 0;
}

/* Sums of the teams while they are being made. */
struct teams {
    double mean; /* of all players */
    double sum[MU_TEAMS_MAX];
    double size[MU_TEAMS_MAX];
};

static double points_of(const struct mu_engine_member *member)
{
    return (double)member->ticket->players * (double)member->ticket->rating;
}

/* The best-rated ticket of `size` players without a team, or count. */
static uint32_t best_undealt(const struct mu_engine_member *members, uint32_t count, uint32_t size)
{
    uint32_t best = count;
    for (uint32_t i = 0; i < count; i++) {
        if (members[i].team == MU_TEAMS_MAX && members[i].ticket->players == size &&
            (best == count || members[i].ticket->rating > members[best].ticket->rating)) {
            best = i;
        }
    }
    return best;
}

static void deal(const struct mu_mode *mode, const struct mu_plan *plan, struct teams *teams,
                 struct mu_engine_member *members, uint32_t count)
{
    struct mu_plan left;
    double points = 0;
    double players = 0;
    for (uint32_t i = 0; i < mode->teams; i++) {
        left.teams[i] = plan->teams[i];
        teams->sum[i] = 0;
        teams->size[i] = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        members[i].team = MU_TEAMS_MAX;
        points += points_of(&members[i]);
        players += (double)members[i].ticket->players;
    }
    teams->mean = points / players;
    for (uint32_t size = MU_TICKET_PLAYERS_MAX; size >= 1; size--) {
        for (;;) {
            uint32_t next = best_undealt(members, count, size);
            if (next == count) {
                break;
            }
            uint32_t to = MU_TEAMS_MAX;
            double lowest = 0;
            for (uint32_t i = 0; i < mode->teams; i++) {
                double value = teams->sum[i] - teams->size[i] * teams->mean;
                if (left.teams[i].count[size] > 0 && (to == MU_TEAMS_MAX || value < lowest)) {
                    to = i;
                    lowest = value;
                }
            }
            assert(to < mode->teams);
            left.teams[to].count[size]--;
            members[next].team = to;
            teams->sum[to] += points_of(&members[next]);
            teams->size[to] += (double)size;
        }
    }
}

/* By how much the squared deviations fall when tickets a and b change teams. */
static double gain(const struct teams *teams, const struct mu_engine_member *a,
                   const struct mu_engine_member *b)
{
    double move = points_of(b) - points_of(a);
    double in_a = teams->sum[a->team] - teams->size[a->team] * teams->mean;
    double in_b = teams->sum[b->team] - teams->size[b->team] * teams->mean;
    return in_a * in_a + in_b * in_b - (in_a + move) * (in_a + move) -
           (in_b - move) * (in_b - move);
}

static void improve(struct teams *teams, struct mu_engine_member *members, uint32_t count)
{
    bool moved = true;
    for (uint32_t pass = 0; pass < PASSES_MAX && moved; pass++) {
        moved = false;
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t j = i + 1; j < count; j++) {
                struct mu_engine_member *a = &members[i];
                struct mu_engine_member *b = &members[j];
                if (a->team == b->team || a->ticket->players != b->ticket->players ||
                    gain(teams, a, b) <= 1e-6) {
                    continue;
                }
                double move = points_of(b) - points_of(a);
                teams->sum[a->team] += move;
                teams->sum[b->team] -= move;
                uint32_t team = a->team;
                a->team = b->team;
                b->team = team;
                moved = true;
            }
        }
    }
}

void mu_engine_split(const struct mu_mode *mode, const struct mu_plan *plan,
                     struct mu_engine_member *members, uint32_t count)
{
    assert(count >= 1 && count <= MU_MATCH_PLAYERS_MAX);
    if (mode->teams == 1) {
        for (uint32_t i = 0; i < count; i++) {
            members[i].team = 0;
        }
        return;
    }
    if (mode->teams == 2 && count <= EXACT_MAX && split_exactly(mode, members, count)) {
        return;
    }
    struct teams teams;
    deal(mode, plan, &teams, members, count);
    improve(&teams, members, count);
}
