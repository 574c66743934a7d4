/* core/bus_state.h - what core/bus.c and core/bus_send.c share; nobody else includes it. */
#ifndef MU_CORE_BUS_STATE_H
#define MU_CORE_BUS_STATE_H

#include "core/bus.h"

#include "core/dedupe.h"
#include "core/ring.h"
#include "core/rng.h"

#define MU_BUS_ABSENT_MAX    16 /* destinations that a broker seems to lack, at most */
#define MU_BUS_ASKED_MAX     64 /* requests whose answers are watched for, at most */
#define MU_BUS_SUSPECT_BEATS 2  /* heartbeats without an answer: others are asked first */

enum mu_bus_link_state {
    MU_BUS_LINK_DOWN,       /* to be opened at reopen_ms */
    MU_BUS_LINK_OPENING,    /* opened; HELLO has not left yet */
    MU_BUS_LINK_GREETED,    /* HELLO left; HELLO_OK is awaited */
    MU_BUS_LINK_REGISTERED, /* the broker knows us */
};

/* The connection to one broker. */
struct mu_bus_link {
    uint64_t name_hash; /* of its endpoint, for the rendezvous */
    enum mu_bus_link_state state;
    int64_t opened_ms;   /* when the host was last told to open it */
    int64_t reopen_ms;   /* DOWN: when to open it */
    int64_t proved_ms;   /* what left then was answered: both ways carried */
    int64_t pinged_ms;   /* when the last PING left; INT64_MIN: one is due */
    int64_t greeted_ms;  /* when the last HELLO left */
    uint32_t backoff_ms; /* of the next reopening but one */
    bool hello_due;      /* something to announce */
    bool hello_open;     /* a HELLO is out and not answered: credit totals are in between */
    bool blocked;        /* it refused the last frame */
    uint64_t received;   /* messages since HELLO_OK */
    uint64_t handled;    /* of them, by the actor */
    uint64_t granted;    /* total that the broker was told */
    bool goodbye;        /* it said one that nobody has asked for */
    char reason[64];     /* of it */
};

/* A request that was not answered yet. */
struct mu_bus_asked {
    uint64_t sequence; /* 0: the slot is free */
    uint64_t hash;     /* of the destination's name */
    uint32_t broker;   /* by which it went */
    int64_t at_ms;     /* when */
};

/* A broker said that it does not have a destination, or what went there by it was not answered. */
struct mu_bus_absent {
    uint64_t hash; /* of the destination's name */
    uint32_t broker;
    int64_t until_ms; /* not believed for longer */
};

struct mu_bus {
    char service[32];
    char build[32];
    char partition[MU_ADDRESS_MAX + 1];
    char instance[MU_ADDRESS_MAX + 1]; /* own address */
    uint64_t incarnation;
    uint64_t epoch;  /* of the partition; 0: it is not owned */
    uint64_t hellos; /* number of the last HELLO */
    struct mu_rng rng;
    uint32_t credit;
    int64_t heartbeat_ms;
    int64_t missed_max;
    uint32_t links_count;
    struct mu_bus_link links[MU_BUS_BROKERS_MAX];
    uint32_t absent_next;                           /* entry that is written next */
    struct mu_bus_absent absent[MU_BUS_ABSENT_MAX]; /* a ring */
    struct mu_bus_asked asked[MU_BUS_ASKED_MAX];    /* by sequence: a sample, the older ones stay */
    mu_bus_emit_fn *emit;
    void *context;
    int64_t ticked_ms; /* when the last tick was; INT64_MIN: never */
    int64_t look_ms;   /* when requests without an answer are looked for next */
    bool presence_wanted;
    int64_t presence_ms; /* when it was last asked for */
    bool superseded;
    bool closing;
    struct mu_counters counters;
    struct mu_dedupe *dedupe;
    struct mu_ring *held; /* of struct held in bus_send.c, oldest first */
    struct mu_decoder *decoder;
    struct mu_msg *in;      /* last envelope received */
    struct mu_msg *control; /* body of a control frame, in or out */
    struct mu_msg *out;     /* envelope being sent */
};

/* Sends a control frame to one broker.  Returns 0 or -EAGAIN. */
int mu_bus_control(struct mu_bus *bus, uint32_t broker, const struct mu_msg *body);

/* Notes that `broker` does not have `destination`. */
void mu_bus_note_absent(struct mu_bus *bus, uint32_t broker, int64_t now_ms,
                        const char *destination);

/* A reply came. */
void mu_bus_note_answer(struct mu_bus *bus, const struct mu_msg_envelope *envelope);

/* Takes a broker that owes an answer for too long for one that lacks the destination. */
void mu_bus_look_for_answers(struct mu_bus *bus, int64_t now_ms);

/* Answers `request` with ERROR, on the bus's own account. */
void mu_bus_refuse(struct mu_bus *bus, int64_t now_ms, const struct mu_msg_envelope *request,
                   enum mu_error error, const char *detail);

/* Tries the held messages again, oldest first, and drops those that are too old. */
void mu_bus_flush(struct mu_bus *bus, int64_t now_ms);

/* When the oldest held message has to be looked at again; INT64_MAX: nothing is held. */
int64_t mu_bus_held_deadline(const struct mu_bus *bus);

/* How long a silent broker still counts as alive. */
static inline int64_t mu_bus_life_ms(const struct mu_bus *bus)
{
    return bus->heartbeat_ms * bus->missed_max;
}

#endif /* MU_CORE_BUS_STATE_H */
