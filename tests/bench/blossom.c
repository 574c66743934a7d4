#include "tests/bench/blossom.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define NONE  (-1)
#define NODES (2 * MU_BLOSSOM_VERTICES_MAX)

enum label { FREE, EVEN, ODD };

/* A link from one vertex to another one. */
struct link {
    int32_t from;
    int32_t to;
};

/* A vertex (numbers below `count`) or a blossom. */
struct node {
    enum label label; /* of outermost ones, in this stage */
    struct link via;  /* how it got its label; from NONE: a root */
    int32_t parent;   /* the blossom around it, or NONE */
    int32_t base;     /* the vertex of it that is matched outside, or free */
    int64_t dual;
    uint32_t size; /* of a blossom: children, odd; 0: not in use */
    /* [size] around the cycle, the one with the base first */
    int32_t *children;
    /* [size] link i goes from child i to the next one; odd ones are matched */
    struct link *links;
};

struct work {
    uint32_t count;
    const int64_t *weights;
    int32_t mate[MU_BLOSSOM_VERTICES_MAX]; /* or NONE */
    int32_t top[MU_BLOSSOM_VERTICES_MAX];  /* the outermost node around a vertex */
    int32_t trail[NODES];                  /* scratch: marks, then nodes */
    struct node nodes[NODES];
    int32_t *child_room; /* [NODES * count], a row for each node */
    struct link *link_room;
};

static int64_t weight(const struct work *w, int32_t a, int32_t b)
{
    return w->weights[(uint32_t)a * w->count + (uint32_t)b];
}

static int64_t slack(const struct work *w, int32_t a, int32_t b)
{
    return w->nodes[a].dual + w->nodes[b].dual - 2 * weight(w, a, b);
}

static struct node *outer(struct work *w, int32_t vertex)
{
    return &w->nodes[w->top[vertex]];
}

/* The child of a blossom that a vertex is in; its index. */
static uint32_t child_index(const struct work *w, int32_t blossom, int32_t vertex)
{
    int32_t at = vertex;
    uint32_t i = 0;
    while (w->nodes[at].parent != blossom) {
        at = w->nodes[at].parent;
        assert(at != NONE);
    }
    while (w->nodes[blossom].children[i] != at) {
        i++;
    }
    return i;
}

static void set_label(struct work *w, int32_t node, enum label label, int32_t from, int32_t to)
{
    w->nodes[node].label = label;
    w->nodes[node].via = (struct link){ .from = from, .to = to };
}

/* Takes in a node along a tight link, and its partner. */
static void grow(struct work *w, int32_t from, int32_t to)
{
    int32_t node = w->top[to];
    int32_t base = w->nodes[node].base;
    int32_t mate = w->mate[base];
    set_label(w, node, ODD, from, to);
    set_label(w, w->top[mate], EVEN, base, mate);
}

/* The even node two steps nearer to the root, or NONE. */
static int32_t up(const struct work *w, int32_t node)
{
    int32_t from = w->nodes[node].via.from;
    if (from == NONE) {
        return NONE;
    }
    return w->top[w->nodes[w->top[from]].via.from];
}

/* Where the ways of two even nodes to their roots meet, or NONE. */
static int32_t meeting(struct work *w, int32_t a, int32_t b)
{
    int32_t found = NONE;
    for (int32_t i = 0; i < NODES; i++) {
        w->trail[i] = 0;
    }
    for (int32_t at = a; at != NONE; at = up(w, at)) {
        w->trail[at] = 1;
    }
    for (int32_t at = b; at != NONE && found == NONE; at = up(w, at)) {
        found = w->trail[at] == 1 ? at : NONE;
    }
    return found;
}

static int32_t unused(const struct work *w)
{
    int32_t node = (int32_t)w->count;
    while (w->nodes[node].size > 0) {
        node++;
        assert(node < NODES);
    }
    return node;
}

/* Sets the outermost node of the vertices in the children of a blossom to it. */
static void cover(struct work *w, int32_t blossom)
{
    for (uint32_t v = 0; v < w->count; v++) {
        if (w->nodes[w->top[v]].parent == blossom) {
            w->top[v] = blossom;
        }
    }
}

/* Makes the cycle that the tight link a-b closes into a blossom. */
static void shrink(struct work *w, int32_t a, int32_t b, int32_t meet)
{
    int32_t made = unused(w);
    struct node *blossom = &w->nodes[made];
    uint32_t steps = 0;
    blossom->size = 1;
    blossom->children[0] = meet;
    /* Down from the meeting to a: the trail is found upwards and turned round. */
    for (int32_t at = w->top[a]; at != meet; at = w->top[w->nodes[at].via.from]) {
        w->trail[steps++] = at;
    }
    for (; steps > 0; steps--) {
        int32_t child = w->trail[steps - 1];
        blossom->links[blossom->size - 1] = w->nodes[child].via;
        blossom->children[blossom->size++] = child;
    }
    blossom->links[blossom->size - 1] = (struct link){ .from = a, .to = b };
    for (int32_t at = w->top[b]; at != meet; at = w->top[w->nodes[at].via.from]) {
        const struct link via = w->nodes[at].via;
        blossom->children[blossom->size] = at;
        blossom->links[blossom->size++] = (struct link){ .from = via.to, .to = via.from };
    }
    assert(blossom->size % 2 == 1);
    blossom->label = EVEN;
    blossom->via = w->nodes[meet].via;
    blossom->parent = NONE;
    blossom->base = w->nodes[meet].base;
    blossom->dual = 0;
    for (uint32_t i = 0; i < blossom->size; i++) {
        w->nodes[blossom->children[i]].parent = made;
    }
    cover(w, made);
}

/* The link from child i to its neighbour in a direction. */
static struct link link_to(const struct node *blossom, uint32_t i, bool forward)
{
    if (forward) {
        return blossom->links[i];
    }
    struct link back = blossom->links[(i + blossom->size - 1) % blossom->size];
    return (struct link){ .from = back.to, .to = back.from };
}

static uint32_t beside(const struct node *blossom, uint32_t i, bool forward)
{
    return (i + (forward ? 1 : blossom->size - 1)) % blossom->size;
}

/* Takes an odd blossom apart; its children on the even way from where the tree comes in to its
 * base stay in the tree. */
static void expand(struct work *w, int32_t which)
{
    struct node *blossom = &w->nodes[which];
    uint32_t i = child_index(w, which, blossom->via.to);
    bool forward = i % 2 == 1;
    for (uint32_t k = 0; k < blossom->size; k++) {
        w->nodes[blossom->children[k]].label = FREE;
    }
    set_label(w, blossom->children[i], ODD, blossom->via.from, blossom->via.to);
    for (enum label label = EVEN; i != 0; label = label == EVEN ? ODD : EVEN) {
        struct link link = link_to(blossom, i, forward);
        i = beside(blossom, i, forward);
        set_label(w, blossom->children[i], label, link.from, link.to);
    }
    for (uint32_t v = 0; v < w->count; v++) {
        if (w->top[v] == which) {
            w->top[v] = blossom->children[child_index(w, which, (int32_t)v)];
        }
    }
    for (uint32_t k = 0; k < blossom->size; k++) {
        w->nodes[blossom->children[k]].parent = NONE;
    }
    blossom->size = 0;
}

/* Turns the children of a blossom round until that number `first` is the first one. */
static void rotate(struct work *w, struct node *blossom, uint32_t first)
{
    struct link links[MU_BLOSSOM_VERTICES_MAX];
    for (uint32_t i = 0; i < blossom->size; i++) {
        w->trail[i] = blossom->children[(first + i) % blossom->size];
        links[i] = blossom->links[(first + i) % blossom->size];
    }
    for (uint32_t i = 0; i < blossom->size; i++) {
        blossom->children[i] = w->trail[i];
        blossom->links[i] = links[i];
    }
}

/* Makes a vertex the base of every node around it, from the outermost in: the others in each are
 * matched anew among themselves. */
static void rebase(struct work *w, int32_t vertex)
{
    struct link todo[NODES]; /* from: blossom, to: its new base */
    uint32_t count = 0;
    todo[count++] = (struct link){ .from = w->top[vertex], .to = vertex };
    while (count > 0) {
        struct link job = todo[--count];
        struct node *blossom = &w->nodes[job.from];
        blossom->base = job.to;
        if (job.from < (int32_t)w->count) {
            continue;
        }
        uint32_t first = child_index(w, job.from, job.to);
        bool forward = first % 2 == 1;
        assert(count + blossom->size < NODES);
        todo[count++] = (struct link){ .from = blossom->children[first], .to = job.to };
        for (uint32_t i = first; i != 0;) {
            i = beside(blossom, i, forward);
            struct link link = link_to(blossom, i, forward);
            todo[count++] = (struct link){ .from = blossom->children[i], .to = link.from };
            i = beside(blossom, i, forward);
            todo[count++] = (struct link){ .from = blossom->children[i], .to = link.to };
            w->mate[link.from] = link.to;
            w->mate[link.to] = link.from;
        }
        rotate(w, blossom, first);
    }
}

/* Exchanges matched and other links from an even vertex to the root of its tree. */
static void flip(struct work *w, int32_t vertex, int32_t partner)
{
    int32_t at = vertex;
    int32_t with = partner;
    for (;;) {
        rebase(w, at);
        w->mate[at] = with;
        int32_t from = outer(w, at)->via.from;
        if (from == NONE) {
            return;
        }
        struct link via = outer(w, from)->via;
        rebase(w, via.to);
        w->mate[via.to] = via.from;
        at = via.from;
        with = via.to;
    }
}

enum step { NOTHING, CHANGED, AUGMENTED };

/* Uses a tight link from an even vertex. */
static enum step use(struct work *w, int32_t a, int32_t b)
{
    if (outer(w, b)->label == FREE) {
        grow(w, a, b);
        return CHANGED;
    }
    if (outer(w, b)->label != EVEN) {
        return NOTHING;
    }
    int32_t meet = meeting(w, w->top[a], w->top[b]);
    if (meet != NONE) {
        shrink(w, a, b, meet);
        return CHANGED;
    }
    flip(w, a, b);
    flip(w, b, a);
    return AUGMENTED;
}

/* Uses every tight link there is. */
static enum step use_all(struct work *w)
{
    enum step found = NOTHING;
    for (int32_t a = 0; a < (int32_t)w->count; a++) {
        for (int32_t b = 0; b < (int32_t)w->count; b++) {
            if (w->top[a] == w->top[b] || outer(w, a)->label != EVEN || weight(w, a, b) <= 0 ||
                slack(w, a, b) != 0) {
                continue;
            }
            enum step step = use(w, a, b);
            if (step == AUGMENTED) {
                return AUGMENTED;
            }
            found = step == CHANGED ? CHANGED : found;
        }
    }
    return found;
}

/* By how much the duals can change; *ret_last: then no more can be gained. */
static int64_t room_to_move(struct work *w, bool *ret_last)
{
    int64_t least = INT64_MAX;
    for (uint32_t v = 0; v < w->count; v++) {
        bool even = outer(w, (int32_t)v)->label == EVEN;
        least = even && w->nodes[v].dual < least ? w->nodes[v].dual : least;
    }
    *ret_last = true;
    for (int32_t a = 0; a < (int32_t)w->count; a++) {
        for (int32_t b = 0; b < (int32_t)w->count; b++) {
            enum label label = outer(w, b)->label;
            if (w->top[a] == w->top[b] || outer(w, a)->label != EVEN || label == ODD ||
                weight(w, a, b) <= 0) {
                continue;
            }
            int64_t gap = slack(w, a, b) / (label == EVEN ? 2 : 1);
            *ret_last = gap < least ? false : *ret_last;
            least = gap < least ? gap : least;
        }
    }
    for (int32_t i = (int32_t)w->count; i < NODES; i++) {
        const struct node *node = &w->nodes[i];
        if (node->size > 0 && node->parent == NONE && node->label == ODD &&
            node->dual / 2 < least) {
            least = node->dual / 2;
            *ret_last = false;
        }
    }
    return least;
}

static void move(struct work *w, int64_t by)
{
    for (uint32_t v = 0; v < w->count; v++) {
        enum label label = outer(w, (int32_t)v)->label;
        w->nodes[v].dual += label == EVEN ? -by : label == ODD ? by : 0;
    }
    for (int32_t i = (int32_t)w->count; i < NODES; i++) {
        struct node *node = &w->nodes[i];
        if (node->size > 0 && node->parent == NONE && node->label != FREE) {
            node->dual += node->label == EVEN ? 2 * by : -2 * by;
        }
    }
    for (int32_t i = (int32_t)w->count; i < NODES; i++) {
        struct node *node = &w->nodes[i];
        if (node->size > 0 && node->parent == NONE && node->label == ODD && node->dual == 0) {
            expand(w, i);
        }
    }
}

/* Grows trees from all free vertices until one way is flipped.  Returns whether one was. */
static bool stage(struct work *w)
{
    bool any = false;
    for (int32_t i = 0; i < NODES; i++) {
        w->nodes[i].label = FREE;
    }
    for (uint32_t v = 0; v < w->count; v++) {
        int32_t node = w->top[v];
        if (w->mate[w->nodes[node].base] == NONE) {
            set_label(w, node, EVEN, NONE, NONE);
            any = true;
        }
    }
    while (any) {
        bool last;
        enum step step = use_all(w);
        if (step == AUGMENTED) {
            return true;
        }
        if (step == CHANGED) {
            continue;
        }
        int64_t by = room_to_move(w, &last);
        if (last) {
            break;
        }
        move(w, by);
    }
    return false;
}

static struct work *begin(uint32_t count, const int64_t *weights)
{
    struct work *w = calloc(1, sizeof *w);
    int64_t most = 0;
    if (w == NULL) {
        return NULL;
    }
    w->count = count;
    w->weights = weights;
    w->child_room = calloc((size_t)NODES * (count + 1), sizeof w->child_room[0]);
    w->link_room = calloc((size_t)NODES * (count + 1), sizeof w->link_room[0]);
    if (w->child_room == NULL || w->link_room == NULL) {
        free(w->child_room);
        free(w->link_room);
        free(w);
        return NULL;
    }
    for (uint32_t i = 0; i < count * count; i++) {
        assert(weights[i] <= MU_BLOSSOM_WEIGHT_MAX);
        most = weights[i] > most ? weights[i] : most;
    }
    for (uint32_t i = 0; i < NODES; i++) {
        w->nodes[i].parent = NONE;
        w->nodes[i].children = w->child_room + (size_t)i * (count + 1);
        w->nodes[i].links = w->link_room + (size_t)i * (count + 1);
    }
    for (uint32_t v = 0; v < count; v++) {
        w->mate[v] = NONE;
        w->top[v] = (int32_t)v;
        w->nodes[v].base = (int32_t)v;
        w->nodes[v].dual = most;
    }
    return w;
}

int64_t mu_blossom_match(uint32_t count, const int64_t *weights, int32_t *ret)
{
    int64_t sum = 0;
    assert(count <= MU_BLOSSOM_VERTICES_MAX);
    struct work *w = begin(count, weights);
    if (w == NULL) {
        return -ENOMEM;
    }
    while (stage(w)) {}
    for (uint32_t v = 0; v < count; v++) {
        ret[v] = w->mate[v];
        sum += ret[v] > (int32_t)v ? weight(w, (int32_t)v, ret[v]) : 0;
    }
    free(w->child_room);
    free(w->link_room);
    free(w);
    return sum;
}
