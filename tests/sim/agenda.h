/* tests/sim/agenda.h - what will happen when, in virtual time. */
#ifndef MU_TESTS_SIM_AGENDA_H
#define MU_TESTS_SIM_AGENDA_H

#include <stdint.h>

struct sim;

/* One thing that will happen.  The agenda owns it, and frees it after `run` has returned. */
struct item {
    int64_t at_ms;
    uint64_t order; /* items of one moment happen in the order they were added */
    void (*run)(struct sim *sim, struct item *item);
    uint32_t node;     /* run's: which node or client */
    uint32_t broker;   /* run's: which one */
    uint32_t peer;     /* run's: from where, or which socket */
    uint64_t life;     /* run's: of the node, to tell a message for a former one */
    uint32_t sizes[2]; /* bytes of the two parts of `bytes` */
    uint8_t bytes[];   /* run's: a header and a body, or a text */
};

struct agenda {
    struct item **items; /* a binary heap by (at_ms, order) */
    uint32_t count;
    uint32_t capacity;
    uint64_t next_order;
};

void agenda_release(struct agenda *agenda);

/* Adds an item at at_ms with a copy of two byte strings (NULL only with size 0), and returns it
 * to be filled in.  O(log n). */
struct item *agenda_add(struct agenda *agenda, int64_t at_ms, const void *first,
                        uint32_t first_size, const void *second, uint32_t second_size);

/* Adds a copy of an item, for a later time. */
void agenda_again(struct agenda *agenda, int64_t at_ms, const struct item *item);

/* Takes the earliest item out, or returns NULL when there is none.  The caller frees it. */
struct item *agenda_take(struct agenda *agenda);

/* When the earliest item is due, or INT64_MAX. */
int64_t agenda_next(const struct agenda *agenda);

#endif /* MU_TESTS_SIM_AGENDA_H */
