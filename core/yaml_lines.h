/* core/yaml_lines.h - on which line of a YAML text each value stands, and whether the text is one
 * that we accept at all.
 *
 * libcyaml tells neither the line of a value that it has loaded nor, reliably, that of a key; this
 * walk over libyaml's events does.  It is also what bounds the text before libcyaml sees it.
 * A host file (libyaml). */
#ifndef MU_CORE_YAML_LINES_H
#define MU_CORE_YAML_LINES_H

#include <stddef.h>
#include <stdint.h>

#define MU_YAML_DEPTH_MAX 6    /* mappings and sequences inside each other */
#define MU_YAML_NODES_MAX 4096 /* values of one text */
#define MU_YAML_PATH_MAX  95   /* bytes of a path, NUL not counted */

struct mu_yaml_lines;

/* What is wrong with a text. */
struct mu_yaml_fault {
    uint32_t line;                    /* from 1 */
    char where[MU_YAML_PATH_MAX + 1]; /* path of the value; empty: the text as a whole */
    char what[1024];                  /* in words */
};

/* Walks the text.  Refused are: wrong syntax; a second document; anchors, aliases and tags; a key
 * that is no plain scalar or comes twice in its mapping; and what is above the limits.
 *
 * ret        the index, to be destroyed by the caller; untouched on failure
 * ret_fault  filled when -EINVAL is returned
 *
 * Returns 0, -EINVAL or -ENOMEM.  O(bytes + values^2). */
int mu_yaml_lines_create(const uint8_t *text, size_t bytes, struct mu_yaml_lines **ret,
                         struct mu_yaml_fault *ret_fault);
void mu_yaml_lines_destroy(struct mu_yaml_lines *lines); /* NULL is a no-op */

/* How many values there are; 0: the text is empty, or comments alone. */
uint32_t mu_yaml_lines_count(const struct mu_yaml_lines *lines);

/* The line of the field or entry `path` ("modes[2].team_max": indices from 0), or 0. */
uint32_t mu_yaml_lines_find(const struct mu_yaml_lines *lines, const char *path);

/* The same of the nearest thing around `path` that has one; 0 when there is none, or lines is
 * NULL. */
uint32_t mu_yaml_lines_near(const struct mu_yaml_lines *lines, const char *path);

#endif /* MU_CORE_YAML_LINES_H */
