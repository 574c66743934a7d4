/* tools/store_open.h - opens the store of a cluster that is stopped, for commands that look in. */
#ifndef MU_TOOLS_STORE_OPEN_H
#define MU_TOOLS_STORE_OPEN_H

struct mu_store;

/* Opens the store in `folder`, or in the store/ of the data folder of `muster dev`.  Says on
 * stderr, as `muster COMMAND: ...`, why it cannot.  Damage is found here already: opening verifies
 * every record.
 *
 * Returns 0, or the exit code: MU_EXIT_USAGE without a folder, MU_EXIT_DATA for damage,
 * MU_EXIT_UNAVAILABLE for the rest, as when a cluster runs on it. */
int mu_store_open(const char *command, const char *folder, struct mu_store **ret);

#endif /* MU_TOOLS_STORE_OPEN_H */
