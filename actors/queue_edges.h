/* actors/queue_edges.h - where a pool is cut into slices: by rating, into parts of equal count.
 *
 * Ratings fall into *cells*: MU_EDGES_GRAIN points wide, and each of these in MU_EDGES_PARTS parts
 * that tickets get by turns, so that a rating which very many have can be cut as well.  A slice is
 * a run of cells.  An *edge* stands between two slices and moves from cell to cell towards its
 * goal: a cell that it passes changes hands, which the owner does ticket by ticket, in as many
 * steps as it likes.
 *
 *     mu_edges_aim(edges, 4, true);
 *     while (mu_edges_next(edges, edge, &passage)) {
 *         mu_edges_begin(edges, edge);
 *         ... move the tickets of passage.cell from passage.from to passage.to
 *         mu_edges_pass(edges, edge);
 *     }
 *
 * Two aims in turn, `up` and not, are an eighth of a slice apart to either side: whoever stands
 * near an edge is in one slice with those on its other side in one of the two.
 *
 * Counts and positions only; no allocation. */
#ifndef MU_ACTORS_QUEUE_EDGES_H
#define MU_ACTORS_QUEUE_EDGES_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/engine.h"

#define MU_EDGES_GRAIN 8  /* points */
#define MU_EDGES_PARTS 16 /* of a grain */
#define MU_EDGES_CELLS (((MU_RATING_MAX - MU_RATING_MIN) / MU_EDGES_GRAIN + 1) * MU_EDGES_PARTS)
#define MU_SLICES_MAX  64  /* of one pool */
#define MU_EDGES_BAND  256 /* tickets: the farthest that an edge is aimed from its place */

struct mu_edge {
    uint16_t at;    /* the first cell above it */
    uint16_t goal;  /* where it is to be */
    int8_t passing; /* 1: the cell above it changes hands, -1: the one below it, 0: none */
};

struct mu_edges {
    uint32_t counts[MU_EDGES_CELLS]; /* tickets by cell */
    uint32_t count;                  /* of all */
    uint32_t slices;                 /* 1..MU_SLICES_MAX */
    /* [0]: below all, [slices]: above all; those two never move. */
    struct mu_edge edges[MU_SLICES_MAX + 1];
};

/* A cell that changes hands. */
struct mu_passage {
    uint32_t cell;
    uint32_t from; /* slice */
    uint32_t to;   /* slice */
};

/* No tickets, one slice. */
void mu_edges_init(struct mu_edges *edges);

/* The cell of a rating; those beyond MU_RATING_MIN..MU_RATING_MAX count as the nearest in it.
 * turn: any number, a different one for each ticket. */
uint32_t mu_edges_cell(int64_t rating, uint32_t turn);

/* One ticket more, or one less, in a cell.  O(1). */
void mu_edges_add(struct mu_edges *edges, uint32_t cell);
void mu_edges_remove(struct mu_edges *edges, uint32_t cell);

/* The slice that a cell belongs to; of one that changes hands, the new one.  O(log slices). */
uint32_t mu_edges_slice(const struct mu_edges *edges, uint32_t cell);

/* The cells in which a slice may have tickets: first to end - 1, with those that change hands. */
void mu_edges_range(const struct mu_edges *edges, uint32_t slice, uint32_t *ret_first,
                    uint32_t *ret_end);

/* One more slice, above all others and empty; there must be room (asserted). */
void mu_edges_grow(struct mu_edges *edges);

/* Gives up the highest slice, when it has no cell and is not the only one.  Returns whether it
 * did. */
bool mu_edges_shrink(struct mu_edges *edges);

/* Sets the goals: `slices` (1..edges->slices) parts of equal count, to a cell; the slices above
 * get nothing.  up: edges stand somewhat above that, else below.  O(cells). */
void mu_edges_aim(struct mu_edges *edges, uint32_t slices, bool up);

/* Whether an edge (1..slices-1) has a cell to pass and may.  What has begun comes first, whatever
 * the goal is by now.  One that may not, because its neighbour stands in the way, may when that has
 * moved. */
bool mu_edges_next(const struct mu_edges *edges, uint32_t edge, struct mu_passage *ret);

/* That cell changes hands from now on; it may have begun to.  Returns whether it had not. */
bool mu_edges_begin(struct mu_edges *edges, uint32_t edge);

/* It has changed hands; it must have begun to (asserted). */
void mu_edges_pass(struct mu_edges *edges, uint32_t edge);

/* Whether each edge is where it is to be. */
bool mu_edges_settled(const struct mu_edges *edges);

/* Asserts every invariant.  O(cells). */
void mu_edges_check(const struct mu_edges *edges);

#endif /* MU_ACTORS_QUEUE_EDGES_H */
