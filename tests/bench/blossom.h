/* tests/bench/blossom.h - maximum-weight matching in a general graph, exact.
 *
 * Edmonds' method with dual variables: grow alternating trees from the free vertices along tight
 * edges, shrink odd cycles (blossoms), change the duals when nothing is tight, augment.
 * Source: Edmonds 1965, "Maximum matching and a polyhedron with 0,1-vertices"; Galil 1986,
 * "Efficient algorithms for finding maximum matching in graphs". */
#ifndef MU_TESTS_BENCH_BLOSSOM_H
#define MU_TESTS_BENCH_BLOSSOM_H

#include <stdint.h>

#define MU_BLOSSOM_VERTICES_MAX 400
#define MU_BLOSSOM_WEIGHT_MAX   (INT64_C(1) << 40)

/* Finds the matching with the greatest sum of weights; it need not be perfect.
 *
 * count    vertices, 0..MU_BLOSSOM_VERTICES_MAX
 * weights  [count * count], symmetric; <= 0: no edge; at most MU_BLOSSOM_WEIGHT_MAX
 * ret      [count] the partner of each, or -1
 *
 * Returns the sum, or -ENOMEM.  O(count^3) in practice, O(count^4) at worst. */
int64_t mu_blossom_match(uint32_t count, const int64_t *weights, int32_t *ret);

#endif /* MU_TESTS_BENCH_BLOSSOM_H */
