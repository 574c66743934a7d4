/* tools/topology_page.h - a cluster's topology as text, for `muster status` and `muster top`. */
#ifndef MU_TOOLS_TOPOLOGY_PAGE_H
#define MU_TOOLS_TOPOLOGY_PAGE_H

#include <stdio.h>

#include "tools/table.h"
#include "tools/topology.h"

/* Writes everything: a line of state, sums, every process, partitions with owners and standbys,
 * queues that are in use; and below what an operator should look at.
 *
 * gateway  whom it was asked, for the first line */
void mu_topology_page_all(const struct mu_topology *topology, const char *gateway,
                          const struct mu_table_style *style, FILE *file);

/* Writes what moves, busiest first: sums with rates, queues by waiting players, processes by
 * messages.  Cut to the style's rows and columns. */
void mu_topology_page_live(const struct mu_topology *topology, const char *gateway,
                           const struct mu_table_style *style, FILE *file);

#endif /* MU_TOOLS_TOPOLOGY_PAGE_H */
