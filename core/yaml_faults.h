/* core/yaml_faults.h - what is wrong with a YAML file, for the person who wrote it: all at once,
 * one a line, each with its place.  A host file (it asks core/yaml_lines.h). */
#ifndef MU_CORE_YAML_FAULTS_H
#define MU_CORE_YAML_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/yaml_lines.h"

#define MU_YAML_FAULTS_MAX 32 /* told of at once */

/* Begin with path, error and error_size; the text is empty while there is no fault. */
struct mu_yaml_faults {
    const char *path;                  /* of the file, as the person named it; borrowed */
    const struct mu_yaml_lines *lines; /* NULL: not known yet; borrowed */
    char *error;                       /* [error_size]: the text; borrowed */
    size_t error_size;                 /* at least 1 */
    size_t error_used;                 /* bytes of the text */
    uint32_t count;                    /* faults, also those above MU_YAML_FAULTS_MAX */
};

/* Adds "muster.yaml:12: modes[0].teams: is ...", cut to fit.  The line is that of `where`, or of
 * the nearest thing around it.  where: "" for the file as a whole. */
void mu_yaml_faults_add(struct mu_yaml_faults *faults, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a fault that was found on a line; 0: that of `where`. */
void mu_yaml_faults_found(struct mu_yaml_faults *faults, const struct mu_yaml_fault *fault);

/* After the last: says how many more there were. */
void mu_yaml_faults_end(struct mu_yaml_faults *faults);

/* Joins "modes", 2 and "teams" to "modes[2].teams"; no field: "modes[2]". */
void mu_yaml_place(const char *list, uint32_t index, const char *field,
                   char ret[MU_YAML_PATH_MAX + 1]);

/* Copies a text that must be there (raw NULL: it is not) and fit with its NUL; else a fault. */
void mu_yaml_take_text(struct mu_yaml_faults *faults, const char *where, const char *raw,
                       size_t ret_bytes, char *ret);

#endif /* MU_CORE_YAML_FAULTS_H */
