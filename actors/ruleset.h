/* actors/ruleset.h - a rule set as a text: what can be said of it without knowing the language. */
#ifndef MU_ACTORS_RULESET_H
#define MU_ACTORS_RULESET_H

#include "wire/slice.h"

/* Whether the text can be a JSON object, with comments (// to the end of the line, and C's) and
 * blanks anywhere: its brackets close what they open, its strings end, nothing but blanks stands
 * around it.  Returns NULL, or what is wrong, as the end of a sentence.  O(size). */
const char *mu_ruleset_outline(struct mu_slice text);

#endif /* MU_ACTORS_RULESET_H */
