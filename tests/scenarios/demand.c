/* tests/scenarios/demand.c - what a scenario demands: answers, messages, notes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/parse.h"
#include "world.h"

bool cast_value(const char *document, const char *path, char ret[SCRIPT_VALUE_MAX + 1])
{
    size_t path_bytes = strcspn(path, "=");
    for (const char *at = document; *at != '\0'; at += strcspn(at, "\n") + 1) {
        if (strncmp(at, path, path_bytes) == 0 && at[path_bytes] == '=') {
            const char *value = at + path_bytes + 1;
            (void)snprintf(ret, SCRIPT_VALUE_MAX + 1, "%.*s", (int)strcspn(value, "\n"), value);
            return true;
        }
    }
    return false;
}

/* Whether a field of a document is as demanded: "path=value".  A variable without a value takes
 * the one that is there when `bind` is set, and holds for any otherwise. */
static bool field_holds(struct world *world, const char *document, const char *demand, bool bind)
{
    char value[SCRIPT_VALUE_MAX + 1];
    char wanted[SCRIPT_VALUE_MAX + 1];
    const char *want = demand + strcspn(demand, "=") + 1;
    if (!cast_value(document, demand, value)) {
        return false;
    }
    if (*want == '$' && variable_get(&world->variables, want + 1) == NULL) {
        return !bind || variable_set(&world->variables, want + 1, value);
    }
    return variable_expand(&world->variables, want, wanted, sizeof wanted) &&
           strcmp(wanted, value) == 0;
}

/* What a demand says beside its first words: fields, and for how long it may take. */
struct demand {
    struct member *member;
    const char *type; /* of a message; NULL: an answer */
    const struct words *words;
    uint32_t fields_end; /* words [3..fields_end) are fields */
    int64_t within_ms;
};

static bool read_demand(struct world *world, struct member *member, const struct words *words,
                        struct demand *ret)
{
    *ret = (struct demand){
        .member = member, .words = words, .fields_end = words->count, .within_ms = CAST_WAIT_MS
    };
    if (words->count < 3) {
        return world_fail(world, "NAME %s WHAT [FIELD=VALUE]... [within DURATION]", words->at[1]);
    }
    if (words->count >= 5 && strcmp(words->at[words->count - 2], "within") == 0) {
        ret->fields_end -= 2;
        if (!world_duration(world, words->at[words->count - 1], &ret->within_ms)) {
            return false;
        }
    }
    for (uint32_t i = 3; i < ret->fields_end; i++) {
        if (strchr(words->at[i], '=') == NULL) {
            return world_fail(world, "\"%s\" is no FIELD=VALUE", words->at[i]);
        }
    }
    return true;
}

/* The first demand on the fields that does not hold, or NULL; `bind`: variables take values. */
static const char *broken_field(struct world *world, const struct demand *demand,
                                const char *document, bool bind)
{
    for (uint32_t i = 3; i < demand->fields_end; i++) {
        if (!field_holds(world, document, demand->words->at[i], bind)) {
            return demand->words->at[i];
        }
    }
    return NULL;
}

bool cast_expect(struct world *world, struct member *member, const struct words *words)
{
    struct demand demand;
    uint64_t status;
    if (!read_demand(world, member, words, &demand)) {
        return false;
    }
    if (mu_parse_u64(words->at[2], 0, 599, &status) != 0) {
        return world_fail(world, "\"%s\" is no HTTP status", words->at[2]);
    }
    if (!world_wait(world, demand.within_ms, cast_answered, member)) {
        return world_fail(world, "%s is not answered", member->name);
    }
    if (member->status != (int)status) {
        return world_fail(world, "%s expects %" PRIu64 " and is answered %d", member->name, status,
                          member->status);
    }
    const char *broken = broken_field(world, &demand, member->answer, true);
    return broken == NULL || world_fail(world, "%s's answer does not have %s:\n%s", member->name,
                                        broken, member->answer);
}

static bool has_heard(struct world *world, void *context)
{
    const struct demand *demand = context;
    struct member *member = demand->member;
    char type[SCRIPT_VALUE_MAX + 1];
    for (uint32_t i = member->heard_next; i < member->heard_count; i++) {
        if (cast_value(member->heard[i], "type", type) && strcmp(type, demand->type) == 0 &&
            broken_field(world, demand, member->heard[i], false) == NULL) {
            member->heard_next = i + 1;
            (void)broken_field(world, demand, member->heard[i], true);
            return true;
        }
    }
    return false;
}

bool cast_hears(struct world *world, struct member *member, const struct words *words)
{
    struct demand demand;
    if (!read_demand(world, member, words, &demand)) {
        return false;
    }
    demand.type = words->at[2];
    return world_wait(world, demand.within_ms, has_heard, &demand) ||
           world_fail(world, "%s does not hear such a %s within %" PRId64 " ms", member->name,
                      demand.type, demand.within_ms);
}

/* Notes of processes. */

struct wanted_note {
    uint32_t node;
    const char *part;
    struct note *found;
};

static bool has_noted(struct world *world, void *context)
{
    struct wanted_note *wanted = context;
    for (uint32_t i = 0; i < world->notes_count; i++) {
        struct note *note = &world->notes[i];
        if (!note->passed && note->node == wanted->node &&
            strstr(note->text, wanted->part) != NULL) {
            wanted->found = note;
            return true;
        }
    }
    return false;
}

bool world_notes(struct world *world, const struct words *words)
{
    int64_t within_ms = CAST_WAIT_MS;
    bool given = words->count == 5 && strcmp(words->at[3], "within") == 0;
    if (words->count != 3 && !given) {
        return world_fail(world, "NODE notes \"TEXT\" [within DURATION]");
    }
    const struct node *node = world_node(world, words->at[0]);
    if (node == NULL || (given && !world_duration(world, words->at[4], &within_ms))) {
        return false;
    }
    struct wanted_note wanted = { (uint32_t)(node - world->sim.nodes), words->at[2], NULL };
    if (!world_wait(world, within_ms, has_noted, &wanted)) {
        return world_fail(world, "%s does not note \"%s\"", node->name, wanted.part);
    }
    wanted.found->passed = true;
    world_say(world, "%s notes %s", node->name, wanted.found->text);
    return true;
}
