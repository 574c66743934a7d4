/* tests/unit/candidate_tree.c - values as nested lists; see candidate_tree.h. */
#include "tests/unit/candidate_tree.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

enum { TREES_MAX = 200000 };
static struct tree trees[TREES_MAX];
static uint32_t trees_count;

void tree_reset(void)
{
    trees_count = 0;
}

static struct tree *make(enum tree_kind kind)
{
    assert(trees_count < TREES_MAX);
    struct tree *tree = &trees[trees_count++];
    *tree = (struct tree){ .kind = kind };
    return tree;
}

struct tree *tree_number(double number)
{
    struct tree *tree = make(TREE_NUMBER);
    tree->number = number;
    return tree;
}

struct tree *tree_string(uint64_t symbol)
{
    struct tree *tree = make(TREE_STRING);
    tree->symbol = symbol;
    return tree;
}

struct tree *tree_list(bool set)
{
    struct tree *tree = make(TREE_LIST);
    tree->set = set;
    return tree;
}

void tree_append(struct tree *list, struct tree *item)
{
    struct tree **at = &list->first;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    item->next = NULL;
    *at = item;
}

static struct tree *copy(const struct tree *tree)
{
    struct tree *same = make(tree->kind);
    *same = *tree;
    same->next = NULL;
    return same;
}

bool tree_has(const struct tree *list, uint64_t symbol)
{
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        if (item->symbol == symbol) {
            return true;
        }
    }
    return false;
}

uint32_t tree_count(const struct tree *list)
{
    uint32_t count = 0;
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        count++;
    }
    return count;
}

struct tree *tree_shared(const struct tree *lists)
{
    struct tree *shared = NULL;
    for (const struct tree *list = lists->first; list != NULL; list = list->next) {
        if (list->first == NULL && !list->set) {
            continue; /* nobody is on that team */
        }
        struct tree *kept = tree_list(true);
        const struct tree *from = shared == NULL ? list : shared;
        for (const struct tree *item = from->first; item != NULL; item = item->next) {
            if (tree_has(list, item->symbol) && !tree_has(kept, item->symbol)) {
                tree_append(kept, copy(item));
            }
        }
        shared = kept;
    }
    return shared;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the rules of candidate_world.c nest, which is three */

static void gather(const struct tree *tree, struct tree *ret)
{
    if (tree->kind != TREE_LIST) {
        tree_append(ret, copy(tree));
        return;
    }
    for (const struct tree *item = tree->first; item != NULL; item = item->next) {
        gather(item, ret);
    }
}

struct tree *tree_leaves(const struct tree *tree)
{
    struct tree *leaves = tree_list(false);
    if (tree != NULL) {
        gather(tree, leaves);
    }
    return leaves;
}

/* The number that is at a place when all are sorted. */
static double at_place(const struct tree *list, uint32_t place)
{
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        uint32_t less = 0;
        uint32_t equal = 0;
        for (const struct tree *other = list->first; other != NULL; other = other->next) {
            less += other->number < item->number ? 1 : 0;
            equal += other->number == item->number ? 1 : 0;
        }
        if (less <= place && place < less + equal) {
            return item->number;
        }
    }
    assert(false);
    return 0;
}

/* A function of numbers. */
static struct tree *numbers(const struct tree *list, enum mu_reduce reduce)
{
    uint32_t count = tree_count(list);
    double sum = 0;
    double squares = 0;
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        sum += item->number;
    }
    if (reduce == MU_REDUCE_COUNT) {
        return tree_number((double)count);
    }
    if (reduce == MU_REDUCE_SUM) {
        return tree_number(sum);
    }
    if (count == 0) {
        return NULL;
    }
    double mean = sum / (double)count;
    for (const struct tree *item = list->first; item != NULL; item = item->next) {
        squares += (item->number - mean) * (item->number - mean);
    }
    switch (reduce) {
    case MU_REDUCE_AVG: return tree_number(mean);
    case MU_REDUCE_STDDEV: return tree_number(sqrt(squares / (double)count));
    case MU_REDUCE_MIN: return tree_number(at_place(list, 0));
    case MU_REDUCE_MAX: return tree_number(at_place(list, count - 1));
    case MU_REDUCE_MEDIAN:
        return tree_number((at_place(list, (count - 1) / 2) + at_place(list, count / 2)) / 2);
    case MU_REDUCE_SUM:
    case MU_REDUCE_COUNT:
    case MU_REDUCE_FLATTEN:
    case MU_REDUCE_INTERSECTION: break;
    }
    return NULL;
}

static struct tree *flat(const struct tree *tree)
{
    struct tree *list = tree_list(false);
    for (const struct tree *inner = tree->first; inner != NULL; inner = inner->next) {
        for (const struct tree *item = inner->first; item != NULL; item = item->next) {
            tree_append(list, copy(item));
        }
    }
    return list;
}

struct tree *tree_reduce(const struct tree *tree, enum mu_reduce reduce, uint32_t depth)
{
    uint32_t at = reduce == MU_REDUCE_INTERSECTION ? 2 : 1;
    assert(tree->kind == TREE_LIST && depth >= at);
    if (reduce == MU_REDUCE_FLATTEN) {
        return flat(tree);
    }
    if (depth == at) {
        return reduce == MU_REDUCE_INTERSECTION ? tree_shared(tree) : numbers(tree, reduce);
    }
    struct tree *list = tree_list(false);
    for (const struct tree *item = tree->first; item != NULL; item = item->next) {
        struct tree *result = tree_reduce(item, reduce, depth - 1);
        if (result != NULL) {
            tree_append(list, result);
        }
    }
    return list;
}

/* NOLINTEND(misc-no-recursion) */
