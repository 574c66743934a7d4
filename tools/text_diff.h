/* tools/text_diff.h - the difference of two texts, line by line. */
#ifndef MU_TOOLS_TEXT_DIFF_H
#define MU_TOOLS_TEXT_DIFF_H

#include <stdbool.h>
#include <stdio.h>

/* Prints what has to be removed ("-") and added ("+") to make `new` of `old`, with three lines that
 * stay before and behind each change, as `diff -u` does.  Texts that differ very much (above 4
 * million pairs of lines) are shown as one change.
 *
 * Returns 1 when they differ, 0 when they do not (nothing is printed), or -ENOMEM.  O(lines^2)
 * between the first and the last difference. */
int mu_text_diff(const char *old, const char *new, FILE *file);

#endif /* MU_TOOLS_TEXT_DIFF_H */
