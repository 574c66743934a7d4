/* tools/key_file.h - API keys: how they are made, and a file that holds one. */
#ifndef MU_TOOLS_KEY_FILE_H
#define MU_TOOLS_KEY_FILE_H

#define MU_KEY_FILE_MAX   191 /* bytes of a key */
#define MU_KEY_ID_MAX     31  /* bytes of a key's id */
#define MU_KEY_HASH_BYTES 65  /* a hash in hex, with its NUL */

/* Makes a new key, mu_<id>_<secret> with 256 random bits, and the hash that the configuration
 * holds.  id is of [A-Za-z0-9.-], at most MU_KEY_ID_MAX. */
void mu_key_make(const char *id, char ret_key[MU_KEY_FILE_MAX + 1],
                 char ret_hash[MU_KEY_HASH_BYTES]);

/* Reads the first line of a file.  Returns 0, -EBADMSG (empty or too long) or -errno. */
int mu_key_file_read(const char *path, char ret[MU_KEY_FILE_MAX + 1]);

/* Reads the key in a file; if there is no such file, makes one of that id and writes it, for the
 * owner's eyes only.  Returns 0 or -errno. */
int mu_key_file_keep(const char *path, const char *id, char ret[MU_KEY_FILE_MAX + 1]);

#endif /* MU_TOOLS_KEY_FILE_H */
