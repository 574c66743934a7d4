/* tests/unit/store_world.h - a store actor on the memory engine, for its unit tests.
 *
 * Each request is a batch of its own: step, BATCH_END, then the outbox is taken apart into the
 * answer, the events to players and the pushes to partitions, and the store is audited. */
#ifndef MU_TESTS_UNIT_STORE_WORLD_H
#define MU_TESTS_UNIT_STORE_WORLD_H

#include "tests/unit/unit.h"

#include "actors/store.h"
#include "core/config.h"
#include "core/id.h"
#include "core/placement.h"
#include "core/store.h"

#define WORLD_EVENTS_MAX  1024
#define WORLD_CHANGES_MAX 4096
#define WORLD_NOTES_MAX   4096

struct world_change {
    char partition[MU_ADDRESS_MAX + 1];
    uint64_t seq;
    uint64_t table;
    char id[MU_ID_MAX + 1];
    bool found; /* with a record */
};

#define WORLD_OWNERS 64

struct world {
    struct mu_store *store;
    struct mu_actor *actor;
    struct mu_outbox *out;
    struct mu_decoder *decoder;
    struct mu_config config;
    int64_t now_ms;
    int64_t wall_ms;
    uint64_t seed;
    struct mu_id_source ids; /* of matches, as a shard makes them */
    uint64_t sequence;
    int step_result; /* of the last step or batch end that failed; 0: none */

    struct mu_msg reply;  /* to the last request */
    uint8_t *reply_bytes; /* the same, encoded */
    uint32_t reply_size;
    uint32_t replies_count; /* of the last batch */
    uint32_t events_count;  /* of the last batch: pushed to players */
    struct mu_msg_event *events;
    uint32_t changes_count; /* of the last batch: pushed to partitions */
    struct world_change *changes;
    uint64_t head;                       /* of the last CHANGES */
    char notes[WORLD_NOTES_MAX];         /* of the last batch, a line each */
    uint64_t epochs[MU_LOBBIES_MAX + 7]; /* by index: lobbies, then the regions' queues */
    uint64_t lives;                      /* 1000 for each world so far */
    uint64_t takes[MU_LOBBIES_MAX + 7];  /* of world_epoch(), likewise */
    uint64_t owners[WORLD_OWNERS]; /* incarnation that got an epoch, by epoch % WORLD_OWNERS */
};

struct world *world_create(uint64_t seed);

/* The same on a store that it takes; world_restart() is not for that. */
struct world *world_create_on(struct mu_store *store, uint64_t seed);
void world_destroy(struct world *world);

/* Ends the actor and starts another on what the store still has. */
void world_restart(struct world *world, bool keep_staged);

/* What goes with a request. */
struct world_with {
    const char *key; /* NULL: none */
    uint64_t fence;  /* then the sender is who got that epoch last */
};

/* Sends a request; the answer is world->reply.  Fails the test unless there is one answer and the
 * records agree afterwards. */
const struct mu_msg *world_ask(struct world *world, const struct mu_msg *msg);
const struct mu_msg *world_ask_with(struct world *world, const struct mu_msg *msg,
                                    struct world_with with);

/* One step without a batch end; and the batch end that takes the outbox apart. */
int world_step(struct world *world, const struct mu_msg *msg, struct world_with with);
int world_batch_end(struct world *world);

/* Time passes; TIMERs that are due are delivered. */
void world_advance(struct world *world, int64_t ms);

/* Demands the kind of the last answer. */
void world_expect(struct world *world, enum mu_op op);
void world_expect_error(struct world *world, enum mu_error error);

/* Events of the last batch of one kind to one player: how many, and the last of them. */
uint32_t world_events(struct world *world, const char *player, enum mu_event_kind kind,
                      const struct mu_msg_event **ret);

/* Whether the last batch pushed a change of that object to the partition. */
bool world_pushed(struct world *world, const char *partition, const char *id);

/* Often needed requests; they demand success and return ids. */
void world_register(struct world *world, const char *username, char ret[MU_ID_MAX + 1]);
void world_enqueue(struct world *world, const char *mode, const char *region, uint32_t count,
                   char (*players)[MU_ID_MAX + 1], char ret[MU_ID_MAX + 1]);
void world_server(struct world *world, const char *region, uint32_t slots, char ret[MU_ID_MAX + 1]);
/* Enqueues `count` solos and commits them: player i is in team i % mode.teams. */
void world_form(struct world *world, const char *mode, const char *region, uint32_t count,
                char (*players)[MU_ID_MAX + 1], char ret[MU_ID_MAX + 1]);

uint64_t world_epoch(struct world *world, const char *partition);

/* Index of a partition in world->epochs, which must be taken first. */
uint64_t world_fence(struct world *world, const char *partition);

struct mu_msg world_player_get(const char *id);
struct mu_msg world_ticket_get(const char *id);
struct mu_msg world_match_get(const char *id);

#endif /* MU_TESTS_UNIT_STORE_WORLD_H */
