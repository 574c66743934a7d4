/* tools/bot_server.h - a game server that plays the matches of its region in a few seconds.
 *
 * It registers, says that it lives, learns from the answers what it is to play, and reports
 * scores, states and the result, all with the key that it was given. */
#ifndef MU_TOOLS_BOT_SERVER_H
#define MU_TOOLS_BOT_SERVER_H

#include "tools/bots.h"

#define MU_BOT_SESSIONS_MAX   512  /* matches at a time */
#define MU_BOT_SERVER_KEY_MAX 191  /* bytes of a key */
#define MU_BOT_BEAT_MS        500  /* between two heartbeats */
#define MU_BOT_PLAY_MS_MIN    2000 /* shortest match */
#define MU_BOT_PLAY_MS_MAX    6000 /* longest match */

enum mu_bot_session_step {
    MU_BOT_SESSION_FREE,   /* the slot is free */
    MU_BOT_SESSION_PLAY,   /* being played until due_ms */
    MU_BOT_SESSION_READ,   /* its players are asked for */
    MU_BOT_SESSION_REPORT, /* scores are being told */
    MU_BOT_SESSION_END,    /* the result is being told */
    MU_BOT_SESSION_DONE,   /* told; remembered until no heartbeat names it any more */
};

struct mu_bot_session {
    struct mu_bot_server *server;
    enum mu_bot_session_step step;
    char match[MU_ID_MAX + 1];
    int64_t due_ms; /* PLAY: when it is over, or tried again; DONE: when it may be forgotten */
    char *result;   /* READ and later: body of the result; owned */
};

struct mu_bot_server {
    struct mu_bots *bots;
    uint32_t region;                     /* index in the configuration */
    char id[MU_ID_MAX + 1];              /* "" before it is registered */
    char key[MU_BOT_SERVER_KEY_MAX + 1]; /* its own */
    bool asking;                         /* a heartbeat or the registration is under way */
    int64_t due_ms;                      /* when the next one is */
    uint64_t once;                       /* of the registration */
    uint32_t sessions_max;               /* slots that were ever used */
    struct mu_bot_session sessions[MU_BOT_SESSIONS_MAX];
};

/* id and key: "" or those from last time. */
void mu_bot_server_init(struct mu_bot_server *server, struct mu_bots *bots, uint32_t region,
                        const char *id, const char *key);
void mu_bot_server_release(struct mu_bot_server *server);

/* Does what is due. */
void mu_bot_server_turn(struct mu_bot_server *server);

#endif /* MU_TOOLS_BOT_SERVER_H */
