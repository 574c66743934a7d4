#include "tools/text_diff.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONTEXT = 3,         /* lines that stay, shown around a change */
    PAIRS_MAX = 4 << 20, /* compared with each other; a 4-byte number each */
};

/* A text in lines; each without its newline. */
struct lines {
    const char **at;
    uint32_t *bytes;
    uint32_t count;
};

static void lines_release(struct lines *lines)
{
    free(lines->at);
    free(lines->bytes);
}

static int lines_init(struct lines *lines, const char *text)
{
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n"), at += *at == '\n' ? 1 : 0) {
        count++;
    }
    *lines = (struct lines){ .at = calloc(count + 1, sizeof *lines->at),
                             .bytes = calloc(count + 1, sizeof *lines->bytes) };
    if (lines->at == NULL || lines->bytes == NULL) {
        lines_release(lines);
        return -ENOMEM;
    }
    for (const char *at = text; *at != '\0';) {
        size_t bytes = strcspn(at, "\n");
        lines->at[lines->count] = at;
        lines->bytes[lines->count++] = (uint32_t)bytes;
        at += bytes + (at[bytes] == '\n' ? 1 : 0);
    }
    return 0;
}

/* What is compared: lines `from` .. `old_end`, and `from` .. `new_end`; outside they are equal. */
struct span {
    const struct lines *old;
    const struct lines *new;
    uint32_t from;
    uint32_t old_end;
    uint32_t new_end;
};

static bool same(const struct span *span, uint32_t old, uint32_t new)
{
    return span->old->bytes[old] == span->new->bytes[new] &&
           memcmp(span->old->at[old], span->new->at[new], span->old->bytes[old]) == 0;
}

static struct span find_span(const struct lines *old, const struct lines *new)
{
    struct span span = { .old = old, .new = new, .old_end = old->count, .new_end = new->count };
    while (span.from < span.old_end && span.from < span.new_end &&
           same(&span, span.from, span.from)) {
        span.from++;
    }
    while (span.old_end > span.from && span.new_end > span.from &&
           same(&span, span.old_end - 1, span.new_end - 1)) {
        span.old_end--;
        span.new_end--;
    }
    return span;
}

/* Marks the lines of the span that stay, in both texts: a longest common subsequence, by the table
 * of its lengths. */
static int mark_common(const struct span *span, bool *old_stays, bool *new_stays)
{
    uint32_t rows = span->old_end - span->from;
    uint32_t columns = span->new_end - span->from;
    if (rows == 0 || columns == 0 || (uint64_t)rows * columns > PAIRS_MAX) {
        return 0;
    }
    uint32_t wide = columns + 1;
    uint32_t *longest = calloc((size_t)(rows + 1) * wide, sizeof *longest);
    if (longest == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = rows; i-- > 0;) {
        for (uint32_t k = columns; k-- > 0;) {
            uint32_t down = longest[(size_t)(i + 1) * wide + k];
            uint32_t right = longest[(size_t)i * wide + k + 1];
            longest[(size_t)i * wide + k] = same(span, span->from + i, span->from + k)
                                                ? longest[(size_t)(i + 1) * wide + k + 1] + 1
                                            : down > right ? down
                                                           : right;
        }
    }
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < rows && k < columns) {
        if (same(span, span->from + i, span->from + k)) {
            old_stays[span->from + i++] = true;
            new_stays[span->from + k++] = true;
        } else if (longest[(size_t)(i + 1) * wide + k] >= longest[(size_t)i * wide + k + 1]) {
            i++;
        } else {
            k++;
        }
    }
    free(longest);
    return 0;
}

/* One line of the output: of the old text, or (added) of the new one. */
struct step {
    uint32_t line;
    char mark; /* ' ', '-' or '+' */
};

/* The whole way from the old text to the new one.  Returns the number of steps. */
static uint32_t list_steps(const struct lines *old, const struct lines *new, const bool *old_stays,
                           const bool *new_stays, struct step *ret)
{
    uint32_t count = 0;
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < old->count || k < new->count) {
        if (i < old->count && !old_stays[i]) {
            ret[count++] = (struct step){ i++, '-' };
        } else if (k < new->count && !new_stays[k]) {
            ret[count++] = (struct step){ k++, '+' };
        } else {
            ret[count++] = (struct step){ i++, ' ' };
            k++;
        }
    }
    return count;
}

/* Whether a change is at most CONTEXT steps away. */
static bool near_change(const struct step *steps, uint32_t count, uint32_t at)
{
    uint32_t from = at > CONTEXT ? at - CONTEXT : 0;
    for (uint32_t i = from; i < count && i <= at + CONTEXT; i++) {
        if (steps[i].mark != ' ') {
            return true;
        }
    }
    return false;
}

static void print_steps(const struct lines *old, const struct lines *new, const struct step *steps,
                        uint32_t count, FILE *file)
{
    bool skipped = false;
    uint32_t old_line = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct lines *lines = steps[i].mark == '+' ? new : old;
        if (!near_change(steps, count, i)) {
            skipped = true;
        } else {
            if (skipped || i == 0) {
                (void)fprintf(file, "@@ line %u @@\n", old_line + 1);
            }
            skipped = false;
            (void)fprintf(file, "%c%.*s\n", steps[i].mark, (int)lines->bytes[steps[i].line],
                          lines->at[steps[i].line]);
        }
        old_line += steps[i].mark == '+' ? 0 : 1;
    }
}

/* Prints the difference of what is known to differ. */
static int print_diff(const struct lines *old, const struct lines *new, FILE *file)
{
    struct span span = find_span(old, new);
    bool *old_stays = calloc(old->count + 1, sizeof *old_stays);
    bool *new_stays = calloc(new->count + 1, sizeof *new_stays);
    struct step *steps = calloc((size_t)old->count + new->count + 1, sizeof *steps);
    int r = old_stays == NULL || new_stays == NULL || steps == NULL ? -ENOMEM : 0;
    for (uint32_t i = 0; r == 0 && i < old->count; i++) {
        old_stays[i] = i < span.from || i >= span.old_end;
    }
    for (uint32_t i = 0; r == 0 && i < new->count; i++) {
        new_stays[i] = i < span.from || i >= span.new_end;
    }
    if (r == 0) {
        r = mark_common(&span, old_stays, new_stays);
    }
    if (r == 0) {
        uint32_t count = list_steps(old, new, old_stays, new_stays, steps);
        print_steps(old, new, steps, count, file);
    }
    free(old_stays);
    free(new_stays);
    free(steps);
    return r;
}

int mu_text_diff(const char *old, const char *new, FILE *file)
{
    struct lines of_old;
    struct lines of_new;
    if (strcmp(old, new) == 0) {
        return 0;
    }
    if (lines_init(&of_old, old) != 0) {
        return -ENOMEM;
    }
    if (lines_init(&of_new, new) != 0) {
        lines_release(&of_old);
        return -ENOMEM;
    }
    int r = print_diff(&of_old, &of_new, file);
    lines_release(&of_old);
    lines_release(&of_new);
    return r == 0 ? 1 : r;
}
