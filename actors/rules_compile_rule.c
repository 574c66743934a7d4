/* actors/rules_compile_rule.c - rules: what all types have in common, and which types there are. */
#include "actors/rules_compile_read.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WEIGHT_MAX 100.0

struct kind {
    const char *name;
    enum mu_rule_type type;
    bool named;         /* needs a name; else its type is one */
    const char *fields; /* of its own */
    mu_read_kind_fn *read;
};

static const struct kind kinds[] = {
    { "distance", MU_RULE_DISTANCE, true,
      "measurements referenceValue minDistance maxDistance partyAggregation", mu_read_distance },
    { "comparison", MU_RULE_COMPARISON, true,
      "measurements referenceValue operation partyAggregation", mu_read_comparison },
    { "collection", MU_RULE_COLLECTION, true,
      "measurements referenceValue operation minCount maxCount partyAggregation",
      mu_read_collection },
    { "latency", MU_RULE_LATENCY, true, "maxLatency maxDistance distanceReference partyAggregation",
      mu_read_latency },
    { "batchDistance", MU_RULE_BATCH_DISTANCE, true, "batchAttribute maxDistance partyAggregation",
      mu_read_batch_distance },
    { "distanceSort", MU_RULE_DISTANCE_SORT, true,
      "sortDirection sortAttribute mapKey partyAggregation", mu_read_sort },
    { "absoluteSort", MU_RULE_ABSOLUTE_SORT, true,
      "sortDirection sortAttribute mapKey partyAggregation", mu_read_sort },
    { "compound", MU_RULE_COMPOUND, true, "statement", mu_read_statement },
    { "blockList", MU_RULE_COLLECTION, false, "attribute", mu_read_history },
    { "recentOpponents", MU_RULE_COLLECTION, false, "attribute", mu_read_history },
};
#define KINDS_COUNT (sizeof kinds / sizeof kinds[0])
#define KIND_NAMES                                                                                 \
    "distance comparison collection latency batchDistance distanceSort absoluteSort compound "     \
    "blockList recentOpponents"

static uint32_t find_rule(const struct mu_rules *rules, const char *name)
{
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        if (strcmp(rules->rules[i].name, name) == 0)
            return i;
    }
    return MU_RULES_NONE;
}

uint32_t mu_read_rule_index(struct mu_reader *reader, const struct mu_place *place,
                            const char *name)
{
    const char *names[MU_RULES_COUNT_MAX];
    char hint[MU_HINT_BYTES];
    const struct mu_rules *rules = reader->rules;
    uint32_t index = find_rule(rules, name);
    if (index != MU_RULES_NONE)
        return index;
    for (uint32_t i = 0; i < rules->rules_count; i++)
        names[i] = rules->rules[i].name;
    mu_read_fault(reader, place, "names rule \"%.40s\", which is not in rules%s", name,
                  mu_read_hint(name, names, rules->rules_count, hint));
    return MU_RULES_NONE;
}

/* How soft, and until when. */
static void read_softness(struct mu_reader *reader, const struct mu_node *node,
                          struct mu_rule *rule)
{
    struct mu_node weight = mu_node_member(node, "weight");
    struct mu_node optional = mu_node_member(node, "optionalAfterSeconds");
    bool sorts = rule->type == MU_RULE_DISTANCE_SORT || rule->type == MU_RULE_ABSOLUTE_SORT;
    (void)mu_read_number(reader, &weight, 0.0, WEIGHT_MAX, &rule->weight);   /* else hard */
    (void)mu_read_seconds(reader, &optional, 100, &rule->optional_after_ms); /* else never */
    if (sorts && weight.json != NULL)
        mu_read_fault(reader, &weight.place, "is not for sorts, which exclude nothing");
    if (sorts && optional.json != NULL)
        mu_read_fault(reader, &optional.place, "is not for sorts, which exclude nothing");
}

static void read_rule_name(struct mu_reader *reader, const struct mu_node *node,
                           const struct kind *kind, struct mu_rule *rule)
{
    struct mu_node name = mu_node_member(node, "name");
    if (name.json == NULL && kind != NULL && !kind->named) {
        (void)snprintf(rule->name, sizeof rule->name, "%s", kind->name); /* it is short */
    } else {
        name = mu_read_required(reader, node, "name");
    }
    (void)mu_read_name(reader, &name, rule->name); /* nobody can name it without one */
    if (rule->name[0] != '\0' && find_rule(reader->rules, rule->name) != MU_RULES_NONE) {
        mu_read_fault(reader, name.json != NULL ? &name.place : &node->place,
                      "\"%s\" is the name of a rule above it", rule->name);
    }
}

static const struct kind *read_kind(struct mu_reader *reader, const struct mu_node *node)
{
    char fields[256];
    uint32_t choice = 0;
    struct mu_node type = mu_read_required(reader, node, "type");
    if (!mu_read_choice(reader, &type, KIND_NAMES, &choice))
        return NULL;
    assert(choice < KINDS_COUNT);
    (void)snprintf(fields, sizeof fields, "name type description weight optionalAfterSeconds %s",
                   kinds[choice].fields);
    (void)mu_read_object(reader, node, fields); /* it is one; its fields are checked */
    return &kinds[choice];
}

static void read_rule(struct mu_reader *reader, const struct mu_node *node)
{
    struct mu_rules *rules = reader->rules;
    uint32_t faults = reader->faults_count;
    struct mu_rule *rule = &rules->rules[rules->rules_count];
    *rule = (struct mu_rule){ .optional_after_ms = MU_NEVER,
                              .min = mu_limit_fixed(-MU_UNLIMITED),
                              .max = mu_limit_fixed(MU_UNLIMITED),
                              .distance = mu_limit_fixed(MU_UNLIMITED) };
    if (!json_is_object(node->json)) {
        mu_read_fault(reader, &node->place, "must be an object");
        return;
    }
    const struct kind *kind = read_kind(reader, node);
    read_rule_name(reader, node, kind, rule);
    if (kind != NULL) {
        rule->type = kind->type;
        read_softness(reader, node, rule);
        if (kind->type != MU_RULE_COMPOUND)
            kind->read(reader, node, rule);
    }
    reader->rules_node[rules->rules_count] = *node;
    reader->rules_broken[rules->rules_count] = reader->faults_count > faults;
    rules->rules_count++;
}

void mu_read_rules(struct mu_reader *reader, const struct mu_node *root)
{
    struct mu_rules *rules = reader->rules;
    struct mu_node list = mu_node_member(root, "rules");
    if (!mu_read_array(reader, &list, 0, MU_RULES_COUNT_MAX))
        return;
    for (size_t i = 0; i < json_array_size(list.json); i++) {
        struct mu_node item = mu_node_item(&list, i);
        read_rule(reader, &item);
    }
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        if (rules->rules[i].type == MU_RULE_COMPOUND)
            mu_read_statement(reader, &reader->rules_node[i], &rules->rules[i]);
    }
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        const struct mu_rule *rule = &rules->rules[i];
        if (rule->child && (rule->weight > 0.0 || rule->optional_after_ms != MU_NEVER)) {
            mu_read_fault(reader, &reader->rules_node[i].place,
                          "is part of a compound rule: \"weight\" and \"optionalAfterSeconds\" "
                          "belong to that one");
        }
    }
}
