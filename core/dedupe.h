/* core/dedupe.h - which messages were seen before: a window of sequences for each sender; and by
 * which way a sender's last message came.
 *
 * A first, cheap filter: for each of the SENDERS_MAX senders heard last, the WINDOW sequences up
 * to the highest seen.  What is older than that, or from a sender that fell out, cannot be judged
 * and passes; handlers are idempotent anyway.
 *
 * Invariant: no allocation after create. */
#ifndef MU_CORE_DEDUPE_H
#define MU_CORE_DEDUPE_H

#include <stdbool.h>
#include <stdint.h>

#define MU_DEDUPE_WINDOW      1024 /* sequences below the highest one, a multiple of 64 */
#define MU_DEDUPE_SENDERS_MAX 1024 /* incarnations; the one heard longest ago makes room */

#define MU_DEDUPE_NO_WAY UINT32_MAX

struct mu_dedupe;

/* senders_max: 1..MU_DEDUPE_SENDERS_MAX (asserted); 160 bytes each.  NULL when out of memory. */
struct mu_dedupe *mu_dedupe_create(uint32_t senders_max, uint64_t seed);
void mu_dedupe_destroy(struct mu_dedupe *dedupe); /* NULL is a no-op */

/* Notes the message (incarnation, sequence), which came by `way`.  Returns true when it was seen
 * before.  Sequence 0 is not numbered: false, and nothing is noted.  O(1) expected. */
bool mu_dedupe_seen(struct mu_dedupe *dedupe, uint32_t way, uint64_t incarnation,
                    uint64_t sequence);

/* By which way the last message of `incarnation` came that was not a repeat, or MU_DEDUPE_NO_WAY.
 * O(1) expected. */
uint32_t mu_dedupe_way(const struct mu_dedupe *dedupe, uint64_t incarnation);

/* Senders in the window. */
uint32_t mu_dedupe_senders(const struct mu_dedupe *dedupe);

/* Asserts every invariant.  O(senders_max). */
void mu_dedupe_check(const struct mu_dedupe *dedupe);

#endif /* MU_CORE_DEDUPE_H */
