/* actors/rules_compile.h - a rule set from its JSON document, or from a mode of the configuration.
 *
 * Accepts the published FlexMatch rule language 1.0 and the extensions of docs/RULES.md; also //
 * and C comments, numbers as strings where a number is meant, `measurements` as a string, and bare
 * `players.attributes[x]`.  Finds every fault of a document, not the first, each with a JSON
 * Pointer and with what would be right.  Third-party: jansson, for the parsing. */
#ifndef MU_ACTORS_RULES_COMPILE_H
#define MU_ACTORS_RULES_COMPILE_H

#include <stddef.h>

#include "actors/rules.h"

#define MU_RULES_FAULTS_MAX 64 /* that are told of one document */

struct mu_rules_fault {
    char pointer[128]; /* JSON Pointer (RFC 6901), cut if longer; "" for the whole document */
    char what[192];    /* "names team \"blue\", which is not in teams (red, green)" */
};

/* Compiles a document.
 *
 * text    [size], any bytes, need not end with 0; size above MU_RULES_TEXT_MAX is a fault
 * base    what the document does not say: timing and objective; made by mu_rules_from_mode()
 * faults  [faults_max]; the first ones are written
 * ret     the rule book, to be freed with mu_rulebook_release(); untouched on any fault
 *
 * Returns the number of faults, at most MU_RULES_FAULTS_MAX, 0: it is good; or -ENOMEM.
 * O(size + shapes * teams^2 * rules^2); no document takes longer than a fraction of a second. */
int mu_rules_compile(const char *text, size_t size, const struct mu_rules *base, uint64_t version,
                     struct mu_rules_fault *faults, uint32_t faults_max, struct mu_rulebook *ret);

/* The rules of a mode that has no document: its teams, its rating window, its latency bound, and
 * the objective for its shape.  Returns 0 or -ENOMEM. */
int mu_rules_from_mode(const struct mu_config *config, uint32_t mode, struct mu_rulebook *ret);

/* The rules of a queue: those of its mode, with what its document (text.size 0: none) says instead.
 * Returns 0; -EINVAL when the document has faults; -ENOMEM. */
int mu_rules_of_queue(const struct mu_config *config, uint32_t mode, struct mu_slice text,
                      uint64_t version, struct mu_rulebook *ret);

/* The objective that suits a shape: settings found by replaying workloads (docs/MATCHING.md).
 *
 * teams    that play, 1: everybody for himself
 * size     players of a team
 * wait_ms  a wait that spoils a match, W0; > 0 */
void mu_objective_default(uint32_t teams, uint32_t size, int64_t wait_ms, struct mu_objective *ret);

/* Frees the shapes; the book is empty then. */
void mu_rulebook_release(struct mu_rulebook *book);

#endif /* MU_ACTORS_RULES_COMPILE_H */
