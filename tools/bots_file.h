/* tools/bots_file.h - the file in which bots keep who they are, to go on after a restart.
 *
 *   {"players": {"bot-001": "ply_..."},
 *    "servers": {"eu-west-1": {"id": "srv_...", "key": "mu_..."}}} */
#ifndef MU_TOOLS_BOTS_FILE_H
#define MU_TOOLS_BOTS_FILE_H

struct mu_bots;

/* Fills in bots->players and bots->servers, which are allocated and counted.  What the file does
 * not know begins anew; a file that is not there or cannot be read counts as empty. */
void mu_bots_file_load(struct mu_bots *bots, const char *path);

/* Writes the file anew, atomically.  Returns 0 or -errno. */
int mu_bots_file_save(const struct mu_bots *bots, const char *path);

#endif /* MU_TOOLS_BOTS_FILE_H */
