/* tools/peers_edit.h - changes to a list of peers, and the file written anew in one step. */
#ifndef MU_TOOLS_PEERS_EDIT_H
#define MU_TOOLS_PEERS_EDIT_H

#include "broker/peers.h"

#define MU_PEERS_EDIT_ERROR_MAX 4608 /* bytes that hold the longest error text, with a path */

/* Each changes the list, or leaves it and says in error[MU_PEERS_EDIT_ERROR_MAX] why it cannot.
 * Return 0 or -EINVAL. */

/* A new peer with one key. */
int mu_peers_add(struct mu_peers *peers, const struct mu_identity *who,
                 const uint8_t key[MU_PUBLIC_KEY_BYTES], char *error);

/* A second key for a peer that has one: both are let in. */
int mu_peers_rotate(struct mu_peers *peers, const char *name,
                    const uint8_t key[MU_PUBLIC_KEY_BYTES], char *error);

/* Takes a key of a peer away, and the peer with its last one; key NULL: all. */
int mu_peers_revoke(struct mu_peers *peers, const char *name, const uint8_t *key, char *error);

/* Writes the list as a peers file: to PATH.new, which must not exist, then durably in the place of
 * PATH, whose permissions it keeps.  A broker that reads it meanwhile sees the old or the new one.
 * A symbolic link stays: PATH is what it leads to.
 *
 * error  [MU_PEERS_EDIT_ERROR_MAX] says what failed, and what to do about it
 *
 * Returns 0; -EEXIST: somebody else is writing it, or was cut off; or -errno. */
int mu_peers_write(const struct mu_peers *peers, const char *path, char *error);

#endif /* MU_TOOLS_PEERS_EDIT_H */
