/* tools/workload.h - a stream of tickets to replay, from a file of JSON lines or made up.
 *
 * The file (format mm-workload/1; docs/SIMULATE.md): a header
 *   {"type":"header","format":"mm-workload/1","name":..., "seed":n, "duration":seconds,
 *    "regions":[names],
 *    "modes":{name:{"teams","team_size","min_teams","team_min","players_max"}},
 *    "score":{"beta","party_bonus":[by party size],"lat_good","lat_bad",
 *             "modes":{name:{"W0","D0","wI"}}}}
 * then tickets in the order of their time:
 *   {"t":seconds, "id":number or text, "m":mode, "r":[ratings], "s":[deviations],
 *    "rtt":[ms by region, null: not there], "pat":seconds until it gives up}
 * For rule sets a ticket may bring "players":[{"playerId","attributes":{},"latencies":{region:ms},
 * "team"}], "backfill":true and "party"; then r, s and rtt may be left out (1200, 0, the worst of
 * the players' latencies).  What a header leaves out has the defaults below: min_teams is teams,
 * team_min is team_size, players_max is teams * team_size; without "modes", each name in "m" is
 * one. Unknown members of the header are ignored, of a ticket they are faults. */
#ifndef MU_TOOLS_WORKLOAD_H
#define MU_TOOLS_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/config.h"

#define MU_WORKLOAD_TICKETS_MAX (1u << 22)
#define MU_WORKLOAD_LINE_MAX    (256u * 1024) /* bytes of a line */
#define MU_WORKLOAD_FAULTS_MAX  64            /* told of one file */
#define MU_WORKLOAD_BONUS_MAX   16            /* sizes of parties that have a bonus */
#define MU_WORKLOAD_DRAIN_S     600           /* a replay goes on so long after the last arrival */
#define MU_WORKLOAD_RATING      1200          /* of a player whose rating is not given */

/* A queue of the workload, and what is a good match in it. */
struct mu_workload_mode {
    char name[MU_ID_MAX + 1];
    uint32_t teams; /* at most; 0: the file does not say, the rules do */
    uint32_t teams_min;
    uint32_t team_min; /* players of a team, at least 1 */
    uint32_t team_max;
    uint32_t players_max;    /* of a full match; below teams * team_max: the teams differ */
    bool judged;             /* the header says the next three */
    double wait_s;           /* W0 > 0: a wait that spoils a match */
    double spread;           /* D0 > 0: standard deviation of ratings that halves it, points */
    double imbalance_weight; /* wI, 0..1 */
};

struct mu_workload_player {
    double rating;    /* points */
    double deviation; /* points, >= 0 */
    uint32_t name;    /* offset of his id in workload->text; 0: none was given */
};

struct mu_workload_ticket {
    char id[MU_ID_MAX + 1]; /* a number: its digits */
    bool id_number;         /* the file had a number */
    bool backfill;
    bool measured;          /* it brought round trips */
    uint32_t mode;          /* index */
    uint32_t players_count; /* 1..MU_MATCH_PLAYERS_MAX */
    uint32_t players;       /* of workload->players: the first */
    uint32_t details;       /* offset in workload->text, for mu_facts_read() */
    uint32_t details_bytes; /* 0: there are none */
    double at_s;            /* arrives */
    double patience_s;      /* gives up so long after that; the matcher does not know */
};

struct mu_workload {
    char name[64];
    uint64_t seed;
    double duration_s; /* no ticket arrives later */
    uint32_t regions_count;
    char regions[MU_REGIONS_MAX][MU_ID_MAX + 1];
    uint32_t modes_count;
    struct mu_workload_mode modes[MU_MODES_MAX];
    double beta; /* rating points of one player's performance */
    uint32_t bonus_count;
    double bonus[MU_WORKLOAD_BONUS_MAX]; /* points a player, by party size; the last for larger */
    double latency_good_ms;
    double latency_bad_ms;
    uint32_t tickets_count;
    struct mu_workload_ticket *tickets; /* [tickets_count] by at_s */
    double *rtt_ms; /* [tickets_count * regions_count], ticket-major; INFINITY: not there */
    uint32_t players_count;
    struct mu_workload_player *players; /* [players_count] */
    uint32_t text_bytes;
    char *text; /* [text_bytes] players' ids and details, each with a NUL */
    uint32_t tickets_capacity;
    uint32_t players_capacity;
    uint32_t text_capacity;
};

/* Reads a workload.
 *
 * path    for messages; file is read from where it stands to its end
 * faults  one a line, "FILE:LINE: what", all of a line and of the file up to the limit
 * ret     to be released with mu_workload_release(), also after faults
 *
 * Returns the number of faults, or -ENOMEM. */
int mu_workload_read(FILE *file, const char *path, FILE *faults, struct mu_workload *ret);

/* Opens and reads; what stops it is told on stderr.  Returns 0, or an exit code: MU_EXIT_DATA for
 * faults, MU_EXIT_UNAVAILABLE for a file that cannot be read, 1 without memory. */
int mu_workload_load(const char *path, struct mu_workload *ret);

/* Writes it in the same format; no ticket has details or is a backfill (asserted).  Returns 0, -EIO
 * or -ENOMEM. */
int mu_workload_write(const struct mu_workload *workload, FILE *file);

/* Frees what it holds; empty then. */
void mu_workload_release(struct mu_workload *workload);

/* Empty, with the defaults of everything that a header may leave out. */
void mu_workload_init(struct mu_workload *workload);

/* Appends a ticket with its players, whose ratings and round trips are written by the caller.
 * Returns 0, -ENOBUFS at MU_WORKLOAD_TICKETS_MAX or -ENOMEM. */
int mu_workload_append(struct mu_workload *workload, const struct mu_workload_ticket *ticket);

/* Appends bytes and a NUL to text.  Returns where they stand (> 0), or 0 without memory. */
uint32_t mu_workload_text(struct mu_workload *workload, const char *bytes, size_t size);

/* Sets a mode's shape and the default objective of it. */
void mu_workload_mode_init(struct mu_workload_mode *mode, const char *name, uint32_t teams,
                           uint32_t team_size, uint32_t teams_min);

struct mu_rulebook;

/* Sets a mode's shape to the widest bounds that rules have at any age.  Where everybody plays for
 * himself each is a team. */
void mu_workload_mode_shape(struct mu_workload_mode *mode, const struct mu_rulebook *book);

/* Index of the mode, or -1. */
int32_t mu_workload_mode(const struct mu_workload *workload, const char *name);

/* Points that a player of a party of so many plays above his rating. */
double mu_workload_bonus(const struct mu_workload *workload, uint32_t party);

/* Round trips of a ticket [regions_count]. */
static inline const double *mu_workload_rtt(const struct mu_workload *workload, uint32_t ticket)
{
    return workload->rtt_ms + (size_t)ticket * workload->regions_count;
}

/* Players of all tickets of a mode. */
uint32_t mu_workload_players(const struct mu_workload *workload, uint32_t mode);

/* Its arrival, ms, never before at_s; when it gives up, never after at_s + patience_s; when a
 * replay ends. */
int64_t mu_workload_arrival_ms(const struct mu_workload_ticket *ticket);
int64_t mu_workload_leave_ms(const struct mu_workload_ticket *ticket);
int64_t mu_workload_end_ms(const struct mu_workload *workload);

/* workload_make.c: makes one up, for tests and for those who have none.  Arrivals are a Poisson
 * stream; six regions with the round trips between them and a log-normal last mile; ratings around
 * 1200 with parties of like players, one in seven across regions; patience log-normal, 240 s in
 * the mean.
 *
 * kind  "peak" busy, 40 min; "diurnal" 8 h of a day curve, a night among them; "thin" 4 h of few
 *       players; "busy" 15 min of very many; "small" 10 min for tests
 *
 * Returns 0, -EINVAL for another kind, or -ENOMEM. */
int mu_workload_make(const char *kind, uint64_t seed, struct mu_workload *ret);

#endif /* MU_TOOLS_WORKLOAD_H */
