/* tools/bots.h - what the bots of one process share. */
#ifndef MU_TOOLS_BOTS_H
#define MU_TOOLS_BOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/rng.h"
#include "gateway/json.h"
#include "tools/http_client.h"

#define MU_BOTS_MAX      5000
#define MU_BOTS_TURN_MS  20  /* between two looks at what is due */
#define MU_BOTS_RETRY_MS 250 /* at first, after an answer that says "ask again" */

struct event_base;
struct mu_bot;
struct mu_bot_server;

struct mu_bots {
    struct event_base *base;
    struct mu_client *client;
    const struct mu_config *config;
    const char *address; /* of the gateway */
    uint16_t port;       /* of the gateway */
    const char *key;     /* "" for none */
    int64_t now_ms;      /* of this turn, monotonic */
    struct mu_rng rng;   /* what bots do by chance */
    uint32_t regions;    /* the first so many regions of the configuration have players */
    struct mu_json json; /* of the answer that is being read */
    bool changed;        /* ids must be saved */
    uint32_t players_count;
    struct mu_bot *players; /* [players_count] */
    uint32_t servers_count;
    struct mu_bot_server *servers; /* [servers_count], one a region */
};

/* Parses an answer into bots->json.  False: it is no JSON object. */
bool mu_bots_read(struct mu_bots *bots, const char *body, size_t body_bytes);

/* The text of a member of object `node` of bots->json; "" when it is not there or no string. */
const char *mu_bots_text(const struct mu_bots *bots, uint32_t node, const char *name);

/* A whole number of it, or `otherwise`. */
int64_t mu_bots_number(const struct mu_bots *bots, uint32_t node, const char *name,
                       int64_t otherwise);

/* A time from now: base_ms and up to spread_ms more. */
int64_t mu_bots_later(struct mu_bots *bots, int64_t base_ms, int64_t spread_ms);

#endif /* MU_TOOLS_BOTS_H */
