/* core/environment.h - what the environment says: the variables whose names begin with MUSTER_.
 * Pure: whoever starts the process hands them in.
 *
 * Settings are MUSTER_ and the setting's name in capitals (MUSTER_HEARTBEAT_MS);
 * core/environment.def has the others.  One that is set to nothing counts as not set.  Secrets are
 * never among them, only paths of files: an environment is shown by ps, kept by supervisors, and
 * inherited. */
#ifndef MU_CORE_ENVIRONMENT_H
#define MU_CORE_ENVIRONMENT_H

#include <stddef.h>

#define MU_ENVIRONMENT_NAME_MAX 47  /* bytes of the name of one of ours, NUL not counted */
#define MU_ENVIRONMENT_TEXT_MAX 511 /* bytes of the names of unknown variables, NUL not counted */

/* Values borrow from what was handed in; NULL: not set. */
struct mu_environment {
#define VARIABLE(field, doc) const char *field;
#include "core/environment.def"
#undef VARIABLE
    struct {
#define SETTING(name, default_value, min, max, unit, doc) const char *name;
#include "core/settings.def"
#undef SETTING
    } settings;
    char unknown[MU_ENVIRONMENT_TEXT_MAX + 1]; /* "MUSTER_A, MUSTER_B": meant for somebody else, it
                                                * seems; cut to fit */
};

/* Reads the variables.
 *
 * variables  "NAME=VALUE" each, ended by a NULL, as environ(7)
 * error      [error_size] one line for each name that is nearly one of ours: "environment
 *            MUSTER_HEARTBEATMS: is not known; did you mean MUSTER_HEARTBEAT_MS?"; without a
 *            newline at the end; cut to fit; never shows a value
 *
 * Returns 0, or -EINVAL when there is such a line.  So who mistypes a name is told before he relies
 * on it, and names that are somebody else's (Kubernetes makes MUSTER_PORT_8080_TCP for a service
 * called muster) do no harm: they stand in `unknown`, to be warned of. */
int mu_environment_read(char *const *variables, struct mu_environment *ret, char *error,
                        size_t error_size);

/* Writes the name of the variable of a setting ("elo_k": "MUSTER_ELO_K"), or of another by its
 * field in core/environment.def. */
void mu_environment_name(const char *field, char ret[MU_ENVIRONMENT_NAME_MAX + 1]);

#endif /* MU_CORE_ENVIRONMENT_H */
