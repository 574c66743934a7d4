/* tools/bot_player.h - a bot that registers, queues, accepts, plays, rests and queues again.
 *
 * It is told of its matches by WebSocket.  When it hears nothing for long, or after a failure of
 * any kind, it simply asks to be queued again: the answer says what it is in. */
#ifndef MU_TOOLS_BOT_PLAYER_H
#define MU_TOOLS_BOT_PLAYER_H

#include "tools/bots.h"

struct mu_socket;

enum mu_bot_state {
    MU_BOT_NEW,     /* not registered */
    MU_BOT_RESTING, /* between two matches, or looks what it is in */
    MU_BOT_WAITING, /* in a queue */
    MU_BOT_PLAYING, /* in a match, formed or live */
};

struct mu_bot {
    struct mu_bots *bots;
    char name[MU_ID_MAX + 1];
    char id[MU_ID_MAX + 1]; /* player id; "" before it is registered */
    uint32_t region;        /* index in the configuration */
    enum mu_bot_state state;
    bool asking;           /* a request is under way */
    bool open;             /* the WebSocket is */
    uint32_t failures;     /* in a row */
    int64_t due_ms;        /* when it does the next thing of its state */
    int64_t socket_due_ms; /* when it connects its WebSocket again */
    uint64_t once;         /* of the registration: a repeat is answered the same */
    struct mu_socket *socket;
};

/* A bot called bot-<index>; id is "" or the one that it has from last time. */
void mu_bot_init(struct mu_bot *bot, struct mu_bots *bots, uint32_t index, const char *id);
void mu_bot_release(struct mu_bot *bot);

/* Does what is due. */
void mu_bot_turn(struct mu_bot *bot);

#endif /* MU_TOOLS_BOT_PLAYER_H */
