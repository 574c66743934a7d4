/* tools/rules_file.h - a rule-set document from a file. */
#ifndef MU_TOOLS_RULES_FILE_H
#define MU_TOOLS_RULES_FILE_H

#include <stddef.h>

/* Reads a document; what stops it is told on stderr.
 *
 * ret        to be freed; set on success only
 *
 * Returns 0 or an exit code. */
int mu_rules_file_read(const char *path, char **ret, size_t *ret_bytes);

#endif /* MU_TOOLS_RULES_FILE_H */
