/* actors/facts_read.c - a ticket's JSON details into a block of facts; see actors/facts.h.
 *
 * Before jansson sees a text, a scan bounds its depth, for jansson recurses. */
#include "actors/facts.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "actors/facts_write.h"

/* A ticket that is read. */
struct reader {
    const struct mu_rules *rules;
    const struct mu_config *config;
    struct mu_facts_block block;
    uint32_t player; /* whose details are read */
    struct mu_facts_fault *fault;
};

static int refuse(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(struct reader *reader, const char *format, ...)
{
    if (reader->fault != NULL) {
        reader->fault->player = reader->player;
        va_list args;
        va_start(args, format);
        (void)vsnprintf(reader->fault->what, sizeof reader->fault->what, format, args); /* cut */
        va_end(args);
        /* A name may be cut in the middle of a character. */
        for (char *at = reader->fault->what; *at != '\0'; at++) {
            *at = (char)(*at >= 0x20 && *at < 0x7f ? *at : '?');
        }
    }
    return -EINVAL;
}

/* Passes over a string, from its quote to its closing quote. */
static size_t pass_string(const char *text, size_t i, size_t size)
{
    for (i++; i < size && text[i] != '"'; i++) {
        i += text[i] == '\\' ? 1 : 0;
    }
    return i;
}

/* Refuses what is nested too deeply, and NUL, which jansson takes for the end behind a number.  Of
 * what is not JSON it may refuse too little, never anything that is. */
static int bound(struct reader *reader, const char *text, size_t size)
{
    uint32_t depth = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"') {
            i = pass_string(text, i, size);
        } else if (text[i] == '[' || text[i] == '{') {
            depth++;
        } else if ((text[i] == ']' || text[i] == '}') && depth > 0) {
            depth--;
        } else if (text[i] == '\0') {
            return refuse(reader, "details are not JSON: a NUL byte");
        }
        if (depth > MU_DETAILS_DEPTH_MAX) {
            return refuse(reader, "details are nested more than %d deep", MU_DETAILS_DEPTH_MAX);
        }
    }
    return 0;
}

static const char *type_text(enum mu_attribute_type type)
{
    switch (type) {
    case MU_ATTRIBUTE_NUMBER: return "number";
    case MU_ATTRIBUTE_STRING: return "string";
    case MU_ATTRIBUTE_STRINGS: return "string_list";
    case MU_ATTRIBUTE_MAP: return "string_number_map";
    }
    return "?";
}

static uint64_t symbol_of(const json_t *string)
{
    return mu_symbol(json_string_value(string), json_string_length(string));
}

/* Appends a string unless it is there. */
static void list_add(struct mu_facts_strings *list, uint64_t symbol)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->symbols[i] == symbol)
            return;
    }
    list->symbols[list->count++] = symbol;
}

static int read_number(struct reader *reader, const char *what, const json_t *value, double *ret)
{
    double number = json_number_value(value);
    if (!json_is_number(value) || !(fabs(number) <= MU_FACTS_NUMBER_MAX)) {
        return refuse(reader, "%s must be a number from -1e12 to 1e12", what);
    }
    *ret = number;
    return 0;
}

static int read_strings(struct reader *reader, const char *name, const json_t *value,
                        struct mu_facts_strings *ret)
{
    if (!json_is_array(value) || json_array_size(value) > MU_FACTS_STRINGS_MAX) {
        return refuse(reader, "attribute \"%s\" must be a list of at most %d strings", name,
                      MU_FACTS_STRINGS_MAX);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *string = json_array_get(value, i);
        if (!json_is_string(string)) {
            return refuse(reader, "attribute \"%s\": element %zu is not a string", name, i);
        }
        list_add(ret, symbol_of(string));
    }
    return 0;
}

static int read_map(struct reader *reader, const char *name, json_t *value,
                    struct mu_facts_strings *ret)
{
    if (!json_is_object(value) || json_object_size(value) > MU_FACTS_STRINGS_MAX) {
        return refuse(reader, "attribute \"%s\" must map at most %d strings to numbers", name,
                      MU_FACTS_STRINGS_MAX);
    }
    const char *key;
    json_t *number;
    json_object_foreach(value, key, number)
    {
        char what[MU_RULES_NAME_MAX + 32];
        (void)snprintf(what, sizeof what, "attribute \"%s\": each value", name); /* fits */
        int r = read_number(reader, what, number, &ret->numbers[ret->count]);
        if (r != 0) {
            return r;
        }
        ret->symbols[ret->count++] = mu_symbol(key, strlen(key));
    }
    return 0;
}

/* Reads the value that is there. */
static int read_value(struct reader *reader, const struct mu_attribute *attribute, json_t *value,
                      union mu_facts_slot *ret)
{
    struct mu_facts_strings list = { .count = 0 };
    char what[MU_RULES_NAME_MAX + 32];
    int r = 0;
    switch (attribute->type) {
    case MU_ATTRIBUTE_NUMBER:
        (void)snprintf(what, sizeof what, "attribute \"%s\"", attribute->name); /* fits */
        return read_number(reader, what, value, &ret->number);
    case MU_ATTRIBUTE_STRING:
        if (!json_is_string(value)) {
            return refuse(reader, "attribute \"%s\" must be a string", attribute->name);
        }
        ret->symbol = symbol_of(value);
        return 0;
    case MU_ATTRIBUTE_STRINGS: r = read_strings(reader, attribute->name, value, &list); break;
    case MU_ATTRIBUTE_MAP: r = read_map(reader, attribute->name, value, &list); break;
    }
    if (r != 0) {
        return r;
    }
    return mu_facts_block_list(&reader->block, &list, attribute->type == MU_ATTRIBUTE_MAP,
                               &ret->list);
}

/* The value of who does not say: the rule set's default, or that of the player before, which is
 * the same list. */
static int read_default(struct reader *reader, uint32_t index, struct mu_facts_list *defaults,
                        union mu_facts_slot *ret)
{
    const struct mu_attribute *attribute = &reader->rules->attributes[index];
    if (!attribute->has_default) {
        return refuse(reader, "attribute \"%s\" (%s) is missing and has no default",
                      attribute->name, type_text(attribute->type));
    }
    if (attribute->type == MU_ATTRIBUTE_NUMBER) {
        ret->number = attribute->number;
        return 0;
    }
    if (attribute->type == MU_ATTRIBUTE_STRING) {
        ret->symbol = attribute->symbols[0];
        return 0;
    }
    if (defaults->offset == 0) {
        struct mu_facts_strings list = { .count = 0 };
        for (uint32_t i = 0; i < attribute->symbols_count; i++) {
            list.numbers[list.count] = attribute->numbers[i];
            list_add(&list, attribute->symbols[i]);
        }
        int r = mu_facts_block_list(&reader->block, &list, attribute->type == MU_ATTRIBUTE_MAP,
                                    defaults);
        if (r != 0) {
            return r;
        }
    }
    ret->list = *defaults;
    return 0;
}

static int read_latencies(struct reader *reader, json_t *object, uint16_t *ret)
{
    if (!json_is_object(object)) {
        return refuse(reader, "latencies must map regions to ms");
    }
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        int32_t region = mu_config_region(reader->config, name);
        if (region < 0) {
            return refuse(reader, "latencies: there is no region \"%.40s\"", name);
        }
        double ms = json_number_value(value);
        if (!json_is_number(value) || !(ms >= 0 && ms < MU_LATENCY_NONE - 0.5)) {
            return refuse(reader, "latencies: \"%s\" must be a number from 0 to 65534", name);
        }
        if (ret[region] != MU_LATENCY_NONE) {
            return refuse(reader, "latencies: region \"%s\" is there twice, as an alias", name);
        }
        ret[region] = (uint16_t)(ms + 0.5);
    }
    return 0;
}

static int read_team(struct reader *reader, const json_t *value, uint8_t *ret)
{
    const char *name = json_string_value(value);
    if (name == NULL) {
        return refuse(reader, "team must be a string");
    }
    uint32_t team = mu_rules_team(reader->rules, name);
    if (team == MU_RULES_NONE) {
        return refuse(reader, "there is no team \"%.40s\"", name);
    }
    *ret = (uint8_t)team;
    return 0;
}

/* The fields of one object, in `at`; attributes are only looked at for being an object. */
static int read_fields(struct reader *reader, json_t *object, json_t **ret_attributes)
{
    if (!json_is_object(object)) {
        return refuse(reader, "details of a player must be an object");
    }
    const struct mu_facts *facts = reader->block.facts;
    char *bytes = reader->block.bytes;
    size_t player = reader->player;
    void *latencies = bytes + mu_facts_at_latencies(facts) + 2 * player * facts->regions_count;
    void *team = bytes + mu_facts_at_teams(facts) + player;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        int r = 0;
        if (strcmp(key, "latencies") == 0) {
            r = read_latencies(reader, value, latencies);
        } else if (strcmp(key, "team") == 0) {
            r = read_team(reader, value, team);
        } else if (strcmp(key, "attributes") != 0) {
            r = refuse(reader, "unknown field \"%.40s\" (attributes, latencies, team)", key);
        } else if (!json_is_object(value)) {
            r = refuse(reader, "attributes must be an object");
        } else {
            *ret_attributes = value;
        }
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

static int read_player(struct reader *reader, json_t *object,
                       struct mu_facts_list defaults[MU_RULES_ATTRIBUTES_MAX])
{
    json_t *attributes = NULL;
    int r = object == NULL ? 0 : read_fields(reader, object, &attributes);
    const struct mu_rules *rules = reader->rules;
    void *slots = reader->block.bytes + mu_facts_at_slots(reader->block.facts) +
                  8 * (size_t)reader->player * rules->attributes_count;
    union mu_facts_slot *slot = slots;
    for (uint32_t i = 0; i < rules->attributes_count && r == 0; i++) {
        json_t *value = json_object_get(attributes, rules->attributes[i].name);
        r = value == NULL ? read_default(reader, i, &defaults[i], &slot[i])
                          : read_value(reader, &rules->attributes[i], value, &slot[i]);
    }
    return r;
}

/* Parses details; *ret is NULL when there are none. */
static int parse(struct reader *reader, const char *details, size_t size, json_t **ret)
{
    if (size == 0) {
        return 0;
    }
    size_t size_max = (size_t)MU_DETAILS_MAX * reader->block.facts->players_count;
    size_max = size_max < MU_DETAILS_ALL_MAX ? size_max : MU_DETAILS_ALL_MAX;
    if (size > size_max) {
        return refuse(reader, "details have %zu bytes, at most %zu", size, size_max);
    }
    int r = bound(reader, details, size);
    if (r != 0) {
        return r;
    }
    json_error_t error;
    json_t *root = json_loadb(details, size, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        return refuse(reader, "details are not JSON: %.100s", error.text);
    }
    if (!json_is_array(root) || json_array_size(root) != reader->block.facts->players_count) {
        json_decref(root);
        return refuse(reader, "details must be an array of %u objects, one for each player",
                      (unsigned)reader->block.facts->players_count);
    }
    *ret = root;
    return 0;
}

/* Two contexts and three arrays with their sizes: a struct would only hide them.
 * NOLINTNEXTLINE(readability-function-size) */
int mu_facts_read(const struct mu_rules *rules, const struct mu_config *config,
                  const struct mu_facts_player *players, uint32_t count, const char *details,
                  size_t size, struct mu_facts_fault *fault, struct mu_facts *ret, size_t ret_bytes)
{
    assert(count >= 1 && count <= MU_MATCH_PLAYERS_MAX);
    assert(rules->attributes_count <= MU_RULES_ATTRIBUTES_MAX);
    void *bytes = ret;
    struct reader reader = { .rules = rules, .config = config, .fault = fault };
    reader.block = (struct mu_facts_block){
        .facts = ret,
        .bytes = bytes,
        .bytes_max = ret_bytes < MU_FACTS_BYTES_MAX ? ret_bytes : MU_FACTS_BYTES_MAX,
    };
    json_t *root = NULL;
    int r = mu_facts_block_begin(&reader.block, rules, config->regions_count, players, count);
    if (r == 0)
        r = parse(&reader, details, size, &root);
    struct mu_facts_list defaults[MU_RULES_ATTRIBUTES_MAX] = { { 0 } };
    for (uint32_t i = 0; i < count && r == 0; i++) {
        reader.player = i;
        r = read_player(&reader, json_array_get(root, i), defaults);
    }
    json_decref(root);
    return r == 0 ? mu_facts_block_end(&reader.block) : r;
}
