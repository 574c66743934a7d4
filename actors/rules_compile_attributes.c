/* actors/rules_compile_attributes.c - playerAttributes: what players bring, and its defaults. */
#include "actors/rules_compile_read.h"

#include <string.h>

#include "actors/facts.h"

static void read_string_default(struct mu_reader *reader, const struct mu_node *node,
                                struct mu_attribute *attribute)
{
    const char *text = mu_read_string(reader, node);
    if (text == NULL)
        return;
    attribute->symbols_count = 1;
    attribute->symbols[0] = mu_symbol(text, strlen(text));
}

static void read_list_default(struct mu_reader *reader, const struct mu_node *node,
                              struct mu_attribute *attribute)
{
    if (!mu_read_array(reader, node, 0, MU_RULES_SYMBOLS_MAX))
        return;
    for (size_t i = 0; i < json_array_size(node->json); i++) {
        struct mu_node item = mu_node_item(node, i);
        const char *text = mu_read_string(reader, &item);
        if (text != NULL)
            attribute->symbols[attribute->symbols_count++] = mu_symbol(text, strlen(text));
    }
}

static void read_map_default(struct mu_reader *reader, const struct mu_node *node,
                             struct mu_attribute *attribute)
{
    if (!json_is_object(node->json)) {
        mu_read_fault(reader, &node->place, "must be an object of numbers: {\"castle\": 3}");
        return;
    }
    if (json_object_size(node->json) > MU_RULES_SYMBOLS_MAX) {
        mu_read_fault(reader, &node->place, "has %zu members, at most %d are taken",
                      json_object_size(node->json), MU_RULES_SYMBOLS_MAX);
        return;
    }
    for (void *i = json_object_iter(node->json); i != NULL;
         i = json_object_iter_next(node->json, i)) {
        const char *key = json_object_iter_key(i);
        struct mu_node member = mu_node_member(node, key);
        uint32_t index = attribute->symbols_count;
        if (mu_read_number(reader, &member, -MU_RULES_NUMBER_MAX, MU_RULES_NUMBER_MAX,
                           &attribute->numbers[index])) {
            attribute->symbols[index] = mu_symbol(key, strlen(key));
            attribute->symbols_count++;
        }
    }
}

static void read_default(struct mu_reader *reader, const struct mu_node *node,
                         struct mu_attribute *attribute)
{
    attribute->has_default = true;
    switch (attribute->type) {
    case MU_ATTRIBUTE_NUMBER:
        (void)mu_read_number(reader, node, -MU_RULES_NUMBER_MAX, MU_RULES_NUMBER_MAX,
                             &attribute->number); /* after a fault the number does not matter */
        break;
    case MU_ATTRIBUTE_STRING: read_string_default(reader, node, attribute); break;
    case MU_ATTRIBUTE_STRINGS: read_list_default(reader, node, attribute); break;
    case MU_ATTRIBUTE_MAP: read_map_default(reader, node, attribute); break;
    }
}

static void read_attribute(struct mu_reader *reader, const struct mu_node *node)
{
    static const enum mu_attribute_type types[] = { MU_ATTRIBUTE_NUMBER, MU_ATTRIBUTE_STRING,
                                                    MU_ATTRIBUTE_STRINGS, MU_ATTRIBUTE_MAP };
    struct mu_rules *rules = reader->rules;
    struct mu_attribute *attribute = &rules->attributes[rules->attributes_count];
    if (!mu_read_object(reader, node, "name type default description"))
        return;
    struct mu_node name = mu_read_required(reader, node, "name");
    struct mu_node type = mu_read_required(reader, node, "type");
    struct mu_node value = mu_node_member(node, "default");
    uint32_t choice = 0;
    bool typed =
        mu_read_choice(reader, &type, "number string string_list string_number_map", &choice);
    attribute->type = types[choice];
    bool named = mu_read_name(reader, &name, attribute->name);
    if (named && mu_rules_attribute(rules, attribute->name) != MU_RULES_NONE) {
        mu_read_fault(reader, &name.place, "\"%s\" is the name of an attribute above it",
                      attribute->name);
    }
    if (typed && value.json != NULL)
        read_default(reader, &value, attribute);
    rules->attributes_count += named;
}

void mu_read_attributes(struct mu_reader *reader, const struct mu_node *root)
{
    struct mu_node list = mu_node_member(root, "playerAttributes");
    if (!mu_read_array(reader, &list, 0, MU_RULES_ATTRIBUTES_MAX))
        return;
    for (size_t i = 0; i < json_array_size(list.json); i++) {
        struct mu_node item = mu_node_item(&list, i);
        reader->rules->attributes[reader->rules->attributes_count] = (struct mu_attribute){ 0 };
        read_attribute(reader, &item);
    }
}

uint32_t mu_read_attribute_index(struct mu_reader *reader, const struct mu_place *place,
                                 const char *name)
{
    const char *names[MU_RULES_ATTRIBUTES_MAX];
    char hint[MU_HINT_BYTES];
    const struct mu_rules *rules = reader->rules;
    uint32_t index = mu_rules_attribute(rules, name);
    if (index != MU_RULES_NONE)
        return index;
    for (uint32_t i = 0; i < rules->attributes_count; i++)
        names[i] = rules->attributes[i].name;
    mu_read_fault(reader, place, "names attribute \"%.40s\", which is not in playerAttributes%s",
                  name, mu_read_hint(name, names, rules->attributes_count, hint));
    return MU_RULES_NONE;
}

uint32_t mu_read_attribute_typed(struct mu_reader *reader, const struct mu_node *node,
                                 uint32_t types)
{
    const char *name = mu_read_string(reader, node);
    if (name == NULL)
        return MU_RULES_NONE;
    uint32_t index = mu_read_attribute_index(reader, &node->place, name);
    if (index == MU_RULES_NONE)
        return MU_RULES_NONE;
    enum mu_attribute_type type = reader->rules->attributes[index].type;
    if ((types >> type & 1u) != 0)
        return index;
    mu_read_fault(reader, &node->place, "attribute \"%.40s\" is a %s, must be a %s%s%s%s", name,
                  mu_attribute_type_text(type),
                  (types >> MU_ATTRIBUTE_NUMBER & 1u) != 0 ? "number" : "",
                  (types >> MU_ATTRIBUTE_STRING & 1u) != 0 ? " or string" : "",
                  (types >> MU_ATTRIBUTE_STRINGS & 1u) != 0 ? "string_list" : "",
                  (types >> MU_ATTRIBUTE_MAP & 1u) != 0 ? " or string_number_map" : "");
    return MU_RULES_NONE;
}

const char *mu_attribute_type_text(enum mu_attribute_type type)
{
    switch (type) {
    case MU_ATTRIBUTE_NUMBER: return "number";
    case MU_ATTRIBUTE_STRING: return "string";
    case MU_ATTRIBUTE_STRINGS: return "string_list";
    case MU_ATTRIBUTE_MAP: return "string_number_map";
    }
    return "";
}

uint32_t mu_read_attribute_list(struct mu_reader *reader, const struct mu_place *place,
                                const char *name)
{
    struct mu_rules *rules = reader->rules;
    uint32_t index = mu_rules_attribute(rules, name);
    if (index == MU_RULES_NONE && rules->attributes_count < MU_RULES_ATTRIBUTES_MAX) {
        index = rules->attributes_count++;
        struct mu_attribute *attribute = &rules->attributes[index];
        *attribute = (struct mu_attribute){ .type = MU_ATTRIBUTE_STRINGS, .has_default = true };
        memcpy(attribute->name, name, strlen(name) + 1);
        return index;
    }
    if (index == MU_RULES_NONE) {
        mu_read_fault(reader, place, "needs an attribute of its own, and there are %d already",
                      MU_RULES_ATTRIBUTES_MAX);
        return MU_RULES_NONE;
    }
    if (rules->attributes[index].type == MU_ATTRIBUTE_STRINGS)
        return index;
    mu_read_fault(reader, place, "attribute \"%.40s\" is a %s, must be a string_list", name,
                  mu_attribute_type_text(rules->attributes[index].type));
    return MU_RULES_NONE;
}
