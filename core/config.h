/* core/config.h - the configuration of a cluster, as plain data.
 *
 * core/config_yaml.c reads it from YAML; mu_config_default() is what `muster dev` starts with.
 * It does not change while a process runs.  Everybody of a cluster must have the same modes,
 * regions and settings: the hash tells.  Browsers' origins, keys and the sections `jwt` and
 * `cluster` are not in it: they may differ from host to host, and nothing that two processes do
 * together depends on them. */
#ifndef MU_CORE_CONFIG_H
#define MU_CORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config_cluster.h"
#include "wire/msg.h"

#define MU_MODES_MAX         32
#define MU_REGIONS_MAX       32
#define MU_ALIASES_MAX       4
#define MU_ORIGINS_MAX       16
#define MU_KEYS_MAX          16
#define MU_MATCH_PLAYERS_MAX 200
#define MU_TEAMS_MAX         200
#define MU_SETTINGS_FOUNDING 23 /* settings that are always in the hash: core/settings.def */

/* How a game mode is matched.  A match has `teams` teams of team_min..team_max players. */
struct mu_mode {
    char name[MU_ID_MAX + 1];
    uint32_t teams;             /* 1: no teams (everybody for himself), up to MU_TEAMS_MAX */
    uint32_t teams_min;         /* so many will do, 1..teams */
    uint32_t team_min;          /* players of a team, at least 1 */
    uint32_t team_max;          /* players of a team, >= team_min */
    bool rated;                 /* results change ratings */
    uint32_t accept_ms;         /* to say READY; 0: no acceptance is asked */
    uint32_t window_points;     /* half-width of the accepted rating band at first */
    uint32_t window_per_second; /* by how much it widens, points a second of waiting */
    uint32_t window_max;        /* its widest, points */
    uint32_t latency_max_ms;    /* round trip to the match's region, at most; 0: no bound */
    uint32_t fill_ms;           /* waits so long for team_max before team_min will do */
    uint32_t spill_ms;          /* waits so long before neighbour regions are tried; 0: never */
    uint32_t wait_max_ms;       /* a ticket's longest and default waiting time */
    uint32_t wait_cost_ms;      /* a wait that costs as much as a perfect match is worth; 0: every
                                 * legal match is made at once */
    uint32_t serve_first_ms;    /* having waited so long, a ticket is served before all others */
};

struct mu_region {
    char name[MU_ID_MAX + 1];
    uint32_t aliases_count;
    char aliases[MU_ALIASES_MAX][MU_ID_MAX + 1];
};

enum mu_role {
    MU_ROLE_NONE,
    MU_ROLE_PLAYER,
    MU_ROLE_SERVER,
    MU_ROLE_BACKEND,
    MU_ROLE_OPERATOR,
};

/* A key that may call the API; only its hash is known. */
struct mu_api_key {
    char id[MU_ID_MAX + 1];
    enum mu_role role; /* BACKEND or OPERATOR */
    char hash[65];     /* hex BLAKE2b-256 of the secret */
};

/* Whose tokens of players are taken: gateway/jwt.h.  All empty: no tokens but our own. */
struct mu_config_jwt {
    char keys[MU_CLUSTER_PATH_MAX + 1]; /* file of the public keys, a JSON Web Key Set */
    char issuer[128];                   /* what `iss` must be */
    char audience[128];                 /* what `aud` must be, or have among others */
};

struct mu_settings {
#define SETTING(name, default_value, min, max, unit, doc) uint64_t name;
#include "core/settings.def"
#undef SETTING
};

struct mu_config {
    uint32_t modes_count;
    struct mu_mode modes[MU_MODES_MAX];
    uint32_t regions_count;
    struct mu_region regions[MU_REGIONS_MAX];
    uint32_t origins_count;
    char origins[MU_ORIGINS_MAX][128]; /* browsers' origins that may call, as "https://a.example" */
    uint32_t keys_count;
    struct mu_api_key keys[MU_KEYS_MAX]; /* none: loopback only, everybody is trusted */
    struct mu_config_jwt jwt;
    struct mu_settings settings;
    struct mu_config_cluster cluster; /* who runs where */
    uint64_t hash; /* of modes, regions and settings: what all must agree on; mu_config_seal() */
};

/* One fault of a configuration. */
struct mu_config_fault {
    char where[96]; /* "modes[2].team_max" */
    char what[256]; /* "is 0, must be at least team_min (1)" */
};

/* The default modes, regions and settings (API.md 1). */
void mu_config_default(struct mu_config *ret);

/* Finds every fault.  Returns how many there are; the first ret_max are written. */
uint32_t mu_config_check(const struct mu_config *config, struct mu_config_fault *ret,
                         uint32_t ret_max);

/* What a mode has that does not say: teams_min, wait_cost_ms, serve_first_ms where they are
 * UINT32_MAX, from its other fields. */
void mu_mode_complete(struct mu_mode *mode);

/* Computes the hash; call last. */
void mu_config_seal(struct mu_config *config);

/* Index of the mode or region of that name (regions: or alias), or -1. */
int32_t mu_config_mode(const struct mu_config *config, const char *name);
int32_t mu_config_region(const struct mu_config *config, const char *name);

/* Players of a full match, and of the smallest. */
uint32_t mu_mode_players_max(const struct mu_mode *mode);
uint32_t mu_mode_players_min(const struct mu_mode *mode);

#endif /* MU_CORE_CONFIG_H */
