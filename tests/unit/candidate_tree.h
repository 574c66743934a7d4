/* tests/unit/candidate_tree.h - values of expressions as nested lists, for the slow evaluation. */
#ifndef MU_TESTS_UNIT_CANDIDATE_TREE_H
#define MU_TESTS_UNIT_CANDIDATE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/rules.h"

enum tree_kind { TREE_NUMBER, TREE_STRING, TREE_LIST };

struct tree {
    enum tree_kind kind;
    double number;
    uint64_t symbol;
    bool set;          /* LIST: strings of one player, or what is made of such; may be empty */
    struct tree *next; /* in its list */
    struct tree *first;
};

/* Forgets all trees. */
void tree_reset(void);

struct tree *tree_number(double number);
struct tree *tree_string(uint64_t symbol);
struct tree *tree_list(bool set);
void tree_append(struct tree *list, struct tree *item);
bool tree_has(const struct tree *list, uint64_t symbol);

/* Applies a function to the innermost of `depth` lists in each other (FLATTEN: to the outermost
 * two).  NULL: there is nothing to take it of. */
struct tree *tree_reduce(const struct tree *tree, enum mu_reduce reduce, uint32_t depth);

/* What all of a list of lists of strings share. */
struct tree *tree_shared(const struct tree *lists);

/* All numbers or strings in a tree, as one list. */
struct tree *tree_leaves(const struct tree *tree);

uint32_t tree_count(const struct tree *list);

#endif /* MU_TESTS_UNIT_CANDIDATE_TREE_H */
