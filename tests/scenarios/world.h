/* tests/scenarios/world.h - the simulated cluster of one scenario, and the faults it asks for.
 *
 * The simulator's world (tests/sim) without dice: every way takes its shortest time, nothing
 * gets lost but what the scenario says.  Every process is down until it is started. */
#ifndef MU_TESTS_SCENARIOS_WORLD_H
#define MU_TESTS_SCENARIOS_WORLD_H

#include "../sim/client.h"
#include "../sim/sim.h"
#include "core/outbox.h"
#include "script.h"
#include "trace.h"

#define WORLD_RULES_MAX 16
#define WORLD_CAST_MAX  24
#define WORLD_HEARD_MAX 256 /* WebSocket messages of one client */
#define WORLD_NOTES_MAX 1024
#define CAST_WAIT_MS    10000 /* for what is demanded, when the scenario does not say */

/* A message that will not arrive, or that its sender dies of. */
struct rule {
    uint32_t from; /* node index */
    uint32_t to;   /* node index; SIM_NOBODY: wherever it goes, the sender dies before */
    enum mu_op op;
    uint64_t left; /* times */
};

/* A player or game server of the scenario. */
struct member {
    char name[SCRIPT_NAME_MAX + 1];
    char id[MU_ID_MAX + 1]; /* "" until registered */
    bool server;
    bool silent; /* server: sends no heartbeats */
    bool hushed; /* what he is told does not stand in the trace */
    struct client *client;
    int64_t last_seq; /* of his events */
    int status;       /* of the last answer; -1 while it is awaited */
    char *answer;     /* flattened (trace.h); owned */
    uint32_t heard_count;
    uint32_t heard_next;          /* the first that no demand has passed yet */
    char *heard[WORLD_HEARD_MAX]; /* flattened; owned */
};

/* What a process noted, in the order of time. */
struct note {
    uint32_t node;
    bool passed; /* a demand was about it */
    char text[MU_OUTBOX_NOTE_MAX + 1];
};

struct world {
    struct sim sim; /* first: the simulator's callbacks find the world by it */
    struct trace trace;
    struct variables variables;
    uint32_t rules_count;
    struct rule rules[WORLD_RULES_MAX];
    uint32_t cast_count;
    struct member cast[WORLD_CAST_MAX];
    bool started; /* something was: the settings stand */
    bool was_up[SIM_NODES_MAX];
    uint32_t notes_count;
    struct note notes[WORLD_NOTES_MAX];
    char error[600]; /* what is wrong; "" while nothing is */
};

/* Makes the world; `verbose` prints everything that happens in it. */
void world_init(struct world *world, bool verbose);
void world_release(struct world *world);

/* Says what is wrong (the first counts).  Returns false. */
bool world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

typedef bool world_met_fn(struct world *world, void *context);

/* Lets things happen until `met` (NULL: never), for at most `ms` of virtual time.  Returns
 * whether it was met; a violated invariant ends it, too, and is an error. */
bool world_wait(struct world *world, int64_t ms, world_met_fn *met, void *context);

/* The process of that name, or NULL (which is an error; a broker is not a node). */
struct node *world_node(struct world *world, const char *name);
struct broker *world_broker(struct world *world, const char *name); /* or NULL: no error */
void world_brokers(struct world *world, uint32_t count); /* so many, from now on, and all down */
struct member *world_member(struct world *world, const char *name); /* or NULL: no error */

/* The value at `path` (which ends at a '=') of a flattened document; false: there is none. */
bool cast_value(const char *document, const char *path, char ret[SCRIPT_VALUE_MAX + 1]);
world_met_fn cast_answered; /* context: the member */

/* Adds a line to the trace. */
#define world_say(world, ...) trace_add(&(world)->trace, sim_wall(&(world)->sim), __VA_ARGS__)

/* True when every rule has taken effect; else an error. */
bool world_faults_happened(struct world *world);

/* The verbs about processes and faults (verbs.def); false: world->error says why. */
bool world_set(struct world *world, const struct words *words);
bool world_start(struct world *world, const struct words *words);
bool world_kill(struct world *world, const struct words *words);
bool world_restart(struct world *world, const struct words *words);
bool world_drain(struct world *world, const struct words *words);
bool world_drop(struct world *world, const struct words *words);
bool world_cut(struct world *world, const struct words *words);
bool world_heal(struct world *world, const struct words *words);
bool world_break(struct world *world, const struct words *words);
bool world_advance(struct world *world, const struct words *words);
bool world_check(struct world *world, const struct words *words);

bool world_notes(struct world *world, const struct words *words);

/* The verbs of and about players and game servers (cast.c). */
bool cast_player(struct world *world, const struct words *words);
bool cast_server(struct world *world, const struct words *words);
bool cast_ask(struct world *world, struct member *member, const struct words *words);
bool cast_expect(struct world *world, struct member *member, const struct words *words);
bool cast_says(struct world *world, struct member *member, const struct words *words);
bool cast_hears(struct world *world, struct member *member, const struct words *words);
bool cast_cut(struct world *world, struct member *member);
bool cast_heal(struct world *world, struct member *member);
void cast_release(struct world *world);

/* Reads "3s" into *ret_ms; false: an error. */
bool world_duration(struct world *world, const char *text, int64_t *ret_ms);

#endif /* MU_TESTS_SCENARIOS_WORLD_H */
