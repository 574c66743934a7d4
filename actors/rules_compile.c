/* actors/rules_compile.c - a document into a rule book. */
#include "actors/rules_compile_read.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define ROOT_FIELDS                                                                                \
    "name description ruleLanguageVersion playerAttributes algorithm teams rules expansions "      \
    "shapes freeForAll prefer roles parties maxPartySize quality maxWaitSeconds "                  \
    "serveFirstAfterSeconds fillSeconds maxLatency"

/* What of the base holds for a document. */
static void begin(struct mu_rules *rules, const struct mu_rules *base)
{
    memcpy(rules->name, base->name, sizeof rules->name);
    rules->objective = base->objective;
    rules->wait_max_ms = base->wait_max_ms;
    rules->roles_attribute = MU_RULES_NONE;
    rules->balanced = MU_RULES_NONE;
}

static void read_head(struct mu_reader *reader, const struct mu_node *root)
{
    struct mu_node name = mu_node_member(root, "name");
    struct mu_node description = mu_node_member(root, "description");
    struct mu_node version = mu_node_member(root, "ruleLanguageVersion");
    (void)mu_read_string(reader, &name);        /* for people */
    (void)mu_read_string(reader, &description); /* for people */
    const char *text = mu_read_string(reader, &version);
    if (text != NULL && strcmp(text, "1.0") != 0)
        mu_read_fault(reader, &version.place, "is \"%.20s\", must be \"1.0\"", text);
}

/* One shape, but for its teams, which all shapes have by now. */
static void read_shape(struct mu_reader *reader, const struct mu_node *root)
{
    mu_read_quality(reader, root);
    mu_read_algorithm(reader, root);
    mu_read_rules(reader, root);
    mu_read_expansions(reader, root);
    mu_read_settings(reader, root);
    mu_read_judge(reader);
    if (reader->faults_count > 0)
        return;
    mu_rules_derive(reader->rules);
    mu_rules_find_alike(reader->rules);
    if (reader->rules->teams_min < reader->rules->teams_count && !reader->rules->alike) {
        mu_read_fault(reader, &reader->least_place[reader->shape],
                      "is for teams that are no different, and a rule names one copy of them");
    }
}

static void read_document(struct mu_reader *reader, const struct mu_node *root)
{
    if (!mu_read_object(reader, root, ROOT_FIELDS))
        return;
    read_head(reader, root);
    mu_read_shapes(reader, root);
    for (uint32_t i = 0; i < reader->shapes_count; i++) {
        reader->made[i] = calloc(1, sizeof *reader->made[i]);
        if (reader->made[i] == NULL) {
            reader->out_of_memory = true;
            return;
        }
        reader->rules = reader->made[i];
        reader->shape = i;
        begin(reader->rules, reader->base);
        mu_read_attributes(reader, root);
        mu_read_teams(reader, root);
    }
    for (uint32_t i = 0; i < reader->shapes_count; i++) {
        reader->rules = reader->made[i];
        reader->shape = i;
        read_shape(reader, root);
    }
}

static uint64_t hash_of(const char *text, size_t size)
{
    uint8_t bytes[crypto_generichash_BYTES_MIN];
    uint64_t hash = 0;
    static_assert(sizeof bytes >= sizeof hash, "its first bytes are taken");
    (void)crypto_generichash(bytes, sizeof bytes, (const uint8_t *)text, size, NULL, 0);
    memcpy(&hash, bytes, sizeof hash);
    return hash;
}

/* Moves the shapes into the book. */
static void hand_over(struct mu_reader *reader, uint64_t version, uint64_t hash,
                      struct mu_rulebook *ret)
{
    *ret = (struct mu_rulebook){ .shapes_count = reader->shapes_count };
    for (uint32_t i = 0; i < reader->shapes_count; i++) {
        ret->shapes[i] = reader->made[i];
        ret->shapes[i]->version = version;
        ret->shapes[i]->hash = hash;
        reader->made[i] = NULL;
    }
}

/* NOLINTNEXTLINE(readability-function-size): seven parameters, for who compiles has no state */
int mu_rules_compile(const char *text, size_t size, const struct mu_rules *base, uint64_t version,
                     struct mu_rules_fault *faults, uint32_t faults_max, struct mu_rulebook *ret)
{
    assert(base != NULL && ret != NULL);
    struct mu_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return -ENOMEM;
    reader->base = base;
    reader->shapes = calloc(MU_RULES_SHAPES_MAX, sizeof *reader->shapes);
    json_t *document = NULL;
    if (reader->shapes != NULL)
        document = mu_read_text(reader, text, size);
    reader->document = document;
    if (document != NULL) {
        struct mu_node root = { .json = document };
        read_document(reader, &root);
    }
    int count = (int)reader->faults_count;
    for (uint32_t i = 0; i < reader->faults_count && i < faults_max; i++)
        faults[i] = reader->faults[i];
    if (reader->out_of_memory || reader->shapes == NULL)
        count = -ENOMEM;
    if (count == 0)
        hand_over(reader, version, hash_of(text, size), ret);
    for (uint32_t i = 0; i < MU_RULES_SHAPES_MAX; i++)
        free(reader->made[i]);
    json_decref(document);
    free(reader->shapes);
    free(reader);
    return count;
}

void mu_rulebook_release(struct mu_rulebook *book)
{
    for (uint32_t i = 0; i < book->shapes_count; i++)
        free(book->shapes[i]);
    *book = (struct mu_rulebook){ .shapes_count = 0 };
}
