#include "actors/queue_edges.h"

#include <assert.h>
#include <string.h>

enum { BAND_SHARE = 8 }; /* of a slice: how far an edge is aimed from its place */

static_assert(MU_EDGES_CELLS < UINT16_MAX, "a position fits");

void mu_edges_init(struct mu_edges *edges)
{
    memset(edges, 0, sizeof *edges);
    edges->slices = 1;
    edges->edges[1] = (struct mu_edge){ .at = MU_EDGES_CELLS, .goal = MU_EDGES_CELLS };
}

uint32_t mu_edges_cell(int64_t rating, uint32_t turn)
{
    int64_t bounded = rating < MU_RATING_MIN ? MU_RATING_MIN : rating;
    bounded = bounded > MU_RATING_MAX ? MU_RATING_MAX : bounded;
    uint32_t grain = (uint32_t)(bounded - MU_RATING_MIN) / MU_EDGES_GRAIN;
    return grain * MU_EDGES_PARTS + turn % MU_EDGES_PARTS;
}

void mu_edges_add(struct mu_edges *edges, uint32_t cell)
{
    assert(cell < MU_EDGES_CELLS);
    edges->counts[cell]++;
    edges->count++;
}

void mu_edges_remove(struct mu_edges *edges, uint32_t cell)
{
    assert(cell < MU_EDGES_CELLS && edges->counts[cell] > 0);
    edges->counts[cell]--;
    edges->count--;
}

/* Where an edge will be when what changes hands has done so. */
static uint32_t ahead(const struct mu_edge *edge)
{
    return (uint32_t)((int32_t)edge->at + edge->passing);
}

uint32_t mu_edges_slice(const struct mu_edges *edges, uint32_t cell)
{
    uint32_t low = 0; /* the edge below the cell is one of low..high-1 */
    uint32_t high = edges->slices;
    assert(cell < MU_EDGES_CELLS);
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (ahead(&edges->edges[middle]) <= cell) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

void mu_edges_range(const struct mu_edges *edges, uint32_t slice, uint32_t *ret_first,
                    uint32_t *ret_end)
{
    assert(slice < edges->slices);
    const struct mu_edge *below = &edges->edges[slice];
    const struct mu_edge *above = &edges->edges[slice + 1];
    *ret_first = below->passing < 0 ? ahead(below) : below->at;
    *ret_end = above->passing > 0 ? ahead(above) : above->at;
}

void mu_edges_grow(struct mu_edges *edges)
{
    assert(edges->slices < MU_SLICES_MAX);
    edges->slices++;
    edges->edges[edges->slices] = (struct mu_edge){ .at = MU_EDGES_CELLS, .goal = MU_EDGES_CELLS };
}

bool mu_edges_shrink(struct mu_edges *edges)
{
    const struct mu_edge *highest = &edges->edges[edges->slices - 1];
    if (edges->slices == 1 || highest->at < MU_EDGES_CELLS || highest->passing != 0) {
        return false;
    }
    edges->slices--;
    edges->edges[edges->slices].goal = MU_EDGES_CELLS;
    return true;
}

/* How many tickets are to stand below edge number `edge` of `slices`. */
static uint64_t wanted_below(const struct mu_edges *edges, uint32_t slices, uint32_t edge, bool up)
{
    uint64_t each = edges->count / slices;
    uint64_t band = each / BAND_SHARE;
    uint64_t even = (uint64_t)edges->count * edge / slices;
    band = band > MU_EDGES_BAND ? MU_EDGES_BAND : band;
    return up ? even + band : even - band;
}

void mu_edges_aim(struct mu_edges *edges, uint32_t slices, bool up)
{
    uint64_t below = 0;
    uint32_t cell = 0;
    assert(slices >= 1 && slices <= edges->slices);
    for (uint32_t i = 1; i < slices; i++) {
        uint64_t wanted = wanted_below(edges, slices, i, up);
        while (cell < MU_EDGES_CELLS && below + edges->counts[cell] <= wanted) {
            below += edges->counts[cell++];
        }
        /* The cell goes to the side where it makes the smaller difference. */
        bool takes = cell < MU_EDGES_CELLS && below + edges->counts[cell] - wanted < wanted - below;
        edges->edges[i].goal = (uint16_t)(cell + (takes ? 1 : 0));
    }
    for (uint32_t i = slices; i < edges->slices; i++) {
        edges->edges[i].goal = MU_EDGES_CELLS;
    }
}

/* Which way an edge is to go: 1, -1, or 0. */
static int8_t direction(const struct mu_edge *edge)
{
    if (edge->passing != 0) {
        return edge->passing; /* what has begun comes first */
    }
    return (int8_t)(edge->at < edge->goal ? 1 : edge->at > edge->goal ? -1 : 0);
}

bool mu_edges_next(const struct mu_edges *edges, uint32_t edge, struct mu_passage *ret)
{
    assert(edge >= 1 && edge < edges->slices);
    const struct mu_edge *moved = &edges->edges[edge];
    int8_t way = direction(moved);
    if (way == 0) {
        return false;
    }
    const struct mu_edge *next = &edges->edges[way > 0 ? edge + 1 : edge - 1];
    bool beyond = way > 0 ? next->at <= moved->at || ahead(next) <= moved->at
                          : next->at >= moved->at || ahead(next) >= moved->at;
    if (beyond) {
        return false;
    }
    *ret = way > 0 ? (struct mu_passage){ .cell = moved->at, .from = edge, .to = edge - 1 }
                   : (struct mu_passage){ .cell = moved->at - 1u, .from = edge - 1, .to = edge };
    return true;
}

bool mu_edges_begin(struct mu_edges *edges, uint32_t edge)
{
    assert(edge >= 1 && edge < edges->slices);
    struct mu_edge *moved = &edges->edges[edge];
    bool fresh = moved->passing == 0;
    moved->passing = direction(moved);
    assert(moved->passing != 0);
    return fresh;
}

void mu_edges_pass(struct mu_edges *edges, uint32_t edge)
{
    assert(edge >= 1 && edge < edges->slices);
    struct mu_edge *moved = &edges->edges[edge];
    assert(moved->passing != 0);
    moved->at = (uint16_t)ahead(moved);
    moved->passing = 0;
}

bool mu_edges_settled(const struct mu_edges *edges)
{
    for (uint32_t i = 1; i < edges->slices; i++) {
        if (direction(&edges->edges[i]) != 0) {
            return false;
        }
    }
    return true;
}

void mu_edges_check(const struct mu_edges *edges)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < MU_EDGES_CELLS; i++) {
        count += edges->counts[i];
    }
    assert(count == edges->count);
    assert(edges->slices >= 1 && edges->slices <= MU_SLICES_MAX);
    assert(edges->edges[0].at == 0 && edges->edges[0].passing == 0);
    assert(edges->edges[edges->slices].at == MU_EDGES_CELLS);
    assert(edges->edges[edges->slices].passing == 0);
    for (uint32_t i = 0; i < edges->slices; i++) {
        const struct mu_edge *below = &edges->edges[i];
        const struct mu_edge *above = &edges->edges[i + 1];
        assert(below->at <= above->at && ahead(below) <= ahead(above));
        assert(below->goal <= above->goal);
        /* No cell changes hands twice at once. */
        assert(!(below->passing > 0 && above->passing < 0 && below->at + 1 == above->at));
    }
}
