/* tools/pseudonym.h - names for players that tell nobody who they are.
 *
 * A pseudonym is a keyed hash of the id (BLAKE2b), written like an id: "anon" and 26 characters of
 * base 32.  With one key the same player has the same name everywhere, so that block lists and
 * meetings again mean in a replay what they meant; without the key nobody can try out whose name
 * it is, as with a plain hash one could, for ids are no secrets.  Who forgets the key has made the
 * names final. */
#ifndef MU_TOOLS_PSEUDONYM_H
#define MU_TOOLS_PSEUDONYM_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/json.h"
#include "gateway/json_write.h"
#include "wire/msg.h"

#define MU_PSEUDONYM_KEY_BYTES 32

struct mu_pseudonyms {
    bool off;                            /* ids stay as they are */
    uint8_t key[MU_PSEUDONYM_KEY_BYTES]; /* random, of one recording */
};

/* Writes the name of a player.  Takes as many bytes as an id.  O(1). */
void mu_pseudonym_of(const struct mu_pseudonyms *names, const char *id, char ret[MU_ID_MAX + 1]);

/* Writes the attributes of a player (an object: texts, numbers, lists of texts, maps of numbers)
 * as they are, but for every text, element and key that is a player's id. */
void mu_pseudonym_attributes(const struct mu_pseudonyms *names, const struct mu_json *json,
                             uint32_t object, struct mu_json_writer *writer);

#endif /* MU_TOOLS_PSEUDONYM_H */
