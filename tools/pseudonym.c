#include "tools/pseudonym.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <sodium.h>

#include "core/id.h"
#include "gateway/json_tree.h"

#define PREFIX "anon"

static_assert(sizeof PREFIX - 1 == MU_ID_PREFIX_BYTES, "a pseudonym is as long as an id");
static_assert(MU_PSEUDONYM_KEY_BYTES == crypto_generichash_KEYBYTES, "the key's size");
static_assert(MU_ID_ULID_BYTES >= crypto_generichash_BYTES_MIN, "the hash's size");

void mu_pseudonym_of(const struct mu_pseudonyms *names, const char *id, char ret[MU_ID_MAX + 1])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint8_t hash[MU_ID_ULID_BYTES];
    size_t size = strlen(id);
    assert(size <= MU_ID_MAX);
    if (names->off) {
        memcpy(ret, id, size + 1);
        return;
    }
    int r = crypto_generichash(hash, sizeof hash, (const unsigned char *)id, size, names->key,
                               sizeof names->key);
    assert(r == 0); /* fails for wrong sizes only */
    (void)r;
    memcpy(ret, PREFIX, MU_ID_PREFIX_BYTES);
    for (size_t i = 0; i < sizeof hash; i++) {
        ret[MU_ID_PREFIX_BYTES + i] = digits[hash[i] & 31];
    }
    ret[MU_ID_PREFIX_BYTES + sizeof hash] = '\0';
}

/* The text itself, or the name of the player whose id it is, which is put into `name`. */
static const char *shown(const struct mu_pseudonyms *names, const char *text,
                         char name[MU_ID_MAX + 1])
{
    if (!mu_id_valid(text, MU_ID_PREFIX_PLAYER)) {
        return text;
    }
    mu_pseudonym_of(names, text, name);
    return name;
}

static void write_items(const struct mu_pseudonyms *names, const struct mu_json *json,
                        uint32_t container, struct mu_json_writer *writer)
{
    char name[MU_ID_MAX + 1];
    bool map = json->nodes[container].type == MU_JSON_OBJECT;
    (map ? mu_json_object_begin : mu_json_array_begin)(writer);
    for (uint32_t node = json->nodes[container].first; node != MU_JSON_NONE;
         node = json->nodes[node].next) {
        if (map) {
            mu_json_key(writer, shown(names, json->nodes[node].key, name));
        }
        if (json->nodes[node].type == MU_JSON_STRING) {
            mu_json_string(writer, shown(names, json->nodes[node].text, name));
        } else {
            mu_json_tree_write(writer, json, node);
        }
    }
    (map ? mu_json_object_end : mu_json_array_end)(writer);
}

void mu_pseudonym_attributes(const struct mu_pseudonyms *names, const struct mu_json *json,
                             uint32_t object, struct mu_json_writer *writer)
{
    char name[MU_ID_MAX + 1];
    mu_json_object_begin(writer);
    for (uint32_t node = json->nodes[object].first; node != MU_JSON_NONE;
         node = json->nodes[node].next) {
        const struct mu_json_node *value = &json->nodes[node];
        mu_json_key(writer, value->key);
        if (value->type == MU_JSON_STRING) {
            mu_json_string(writer, shown(names, value->text, name));
        } else if (value->type == MU_JSON_ARRAY || value->type == MU_JSON_OBJECT) {
            write_items(names, json, node, writer);
        } else {
            mu_json_tree_write(writer, json, node);
        }
    }
    mu_json_object_end(writer);
}
