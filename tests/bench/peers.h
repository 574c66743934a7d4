/* tests/bench/peers.h - other matchers, to be compared with on the same workload.
 *
 * Each is what its authors say, or its source shows, that it does; written anew for these data.
 * What a matcher lacks was supplied generously: teams are built by one that deals players out
 * evenly, and a match is in the region that is best for its players.
 *
 *   fifo       whoever came first; the least wait that is possible
 *   first-fit  the system that Muster replaced: in a list by rating, whoever is near enough
 *   nakama     each interval, any waiting ticket's query in random order, the oldest hits first
 *   open-match windows over the tickets by rating, the best of them that do not collide
 *   flexmatch  batches, the oldest ticket an anchor, rules that widen with age
 *   faf        pairs by stable marriage; teams of rating neighbours; waves that come as players do
 *   teiserver  the first of all ways to make two teams whose prediction is even enough
 *   lichess    waves, each a maximum-weight matching
 *
 * Sources: the projects' published code and documentation, 2024-2026; docs/QUALITY.md. */
#ifndef MU_TESTS_BENCH_PEERS_H
#define MU_TESTS_BENCH_PEERS_H

#include "tools/replay.h"

#define MU_PEER_PARAMETERS_MAX 6

struct mu_peer;

/* How many there are, and their names. */
uint32_t mu_peers_count(void);
const char *mu_peer_name(uint32_t kind);

/* How many settings of it are tried for a mode; 0: it cannot play that mode. */
uint32_t mu_peer_settings(uint32_t kind, const struct mu_workload *workload, uint32_t mode);

/* "win=200 every=5". */
void mu_peer_describe(uint32_t kind, uint32_t setting, char ret[128]);

/* Makes one for a mode.  workload outlives it.  Returns NULL without memory. */
struct mu_peer *mu_peer_create(uint32_t kind, uint32_t setting, const struct mu_workload *workload,
                               uint32_t mode);
void mu_peer_destroy(struct mu_peer *peer); /* NULL is a no-op */

/* For mu_replay_run(). */
struct mu_replay_matcher mu_peer_matcher(struct mu_peer *peer);

#endif /* MU_TESTS_BENCH_PEERS_H */
