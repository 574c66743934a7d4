/* tests/sim/client.h - the world outside: players and game servers, and their way to a gateway.
 *
 * A client speaks HTTP and WebSocket as the transport hands them to the pure gateway.  Requests
 * and answers may get lost; a client asks again with the same Idempotency-Key until the answer
 * is definite (not 429, not 5xx).  What it was told is what the checks hold the cluster to. */
#ifndef MU_TESTS_SIM_CLIENT_H
#define MU_TESTS_SIM_CLIENT_H

#include "gateway/edge.h"
#include "gateway/json.h"
#include "sim.h"

#define CLIENT_BODY_MAX 1024 /* bytes of a request's body */
#define CLIENT_PATH_MAX 160

/* One request that a client wants an answer to; it has at most one at a time. */
struct ask {
    uint64_t id;   /* of the attempt that is out; 0: none */
    uint32_t kind; /* the client's: what it asks for */
    enum mu_http_method method;
    char path[CLIENT_PATH_MAX];
    char query[64];
    char body[CLIENT_BODY_MAX];
    char key[40];     /* Idempotency-Key; "" for none */
    char bearer[128]; /* Authorization; "" for none */
    int64_t since_ms; /* when it was asked first */
    int64_t retry_ms; /* when to ask again; MU_NEVER when nothing is asked */
    uint32_t attempts;
    int first_status;    /* asked once more after this definite answer; 0: not */
    char first_word[64]; /* of that answer: its id or code */
};

struct client {
    uint32_t index;
    char name[24];    /* in the trace */
    uint32_t gateway; /* node index of the gateway it uses now */
    struct ask ask;
    uint64_t socket;      /* open WebSocket, or 0 */
    uint64_t socket_life; /* of its gateway */
    int64_t text_ms;      /* the last text arrives then: TCP keeps the order */
    int64_t wake_ms;      /* when to think next; MU_NEVER */
    void *self;           /* struct player or struct server */
    bool scripted;        /* keeps its gateway, asks once, takes any answer; status 0: none came */
    /* The client's own; ret is what came, body is parsed JSON or NULL. */
    void (*think)(struct sim *sim, struct client *client);
    void (*answer)(struct sim *sim, struct client *client, int status, const struct mu_json *body);
    void (*text)(struct sim *sim, struct client *client, const struct mu_json *body);
    void (*hung_up)(struct sim *sim, struct client *client);
};

/* Adds a client to the world. */
struct client *client_add(struct sim *sim, const char *name, void *self);
void client_destroy(struct client *client); /* frees self too */

/* Begins a request; asked again until its answer is definite.  The second one is a POST with an
 * Idempotency-Key of its own. */
void client_ask(struct sim *sim, struct client *client, uint32_t kind, enum mu_http_method method,
                const char *path, const char *body);
void client_ask_once(struct sim *sim, struct client *client, uint32_t kind, const char *path,
                     const char *body);
bool client_asking(const struct client *client);

/* Sends client->ask as it stands: the next attempt, or a scripted client's only one. */
void client_attempt(struct sim *sim, struct client *client);

/* WebSocket: opens one to the client's gateway, sends a text, closes. */
void client_dial(struct sim *sim, struct client *client);
void client_say(struct sim *sim, struct client *client, const char *text);
void client_hang_up(struct sim *sim, struct client *client);

/* When the client does something by itself; and does it. */
int64_t client_deadline(const struct client *client);
void client_run(struct sim *sim, struct client *client);

/* The gateway's process is gone, or cut the socket. */
void client_gateway_gone(struct sim *sim, uint32_t node);

/* Strings out of JSON: "" when absent. */
const char *json_text(const struct mu_json *json, uint32_t node, const char *key);
uint32_t json_at(const struct mu_json *json, const char *first, const char *second);

/* rules.c */

/* Puts a mode's rule set, or rolls it back; and takes the answer. */
void rules_ask(struct sim *sim, struct client *client, uint32_t kind);
void rules_answered(struct sim *sim, int status, const struct mu_json *body);

/* Writes a player of a ticket, with what he brings; returns its bytes. */
int rules_player(struct sim *sim, const char *id, const char *region, char *to, size_t bytes);

/* player.c, server.c */

/* The seq of the last event that a player has seen, and his id; -1 for other clients. */
int64_t player_last_seq(const struct client *client, char id[MU_ID_MAX + 1]);
void player_add(struct sim *sim, uint32_t number);
void server_add(struct sim *sim, uint32_t number);

#endif /* MU_TESTS_SIM_CLIENT_H */
