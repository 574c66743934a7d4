/* actors/rules_compile_kinds.c - the types of rules: their fields, and what must fit together. */
#include "actors/rules_compile_read.h"

#include <assert.h>
#include <string.h>

#include "actors/facts.h"

#define DISTANCE_MAX    1e9
#define COUNT_MAX       10000
#define LATENCY_MS_MAX  60000
#define BLOCK_ATTRIBUTE "blockList"
#define LATER_ATTRIBUTE "recentOpponents"

/* The measurements of a rule. */
struct measured {
    uint32_t count; /* good ones */
    struct mu_node nodes[MU_RULES_MEASURES_MAX];
    struct mu_result results[MU_RULES_MEASURES_MAX];
};

static void read_measure(struct mu_reader *reader, const struct mu_node *node, struct mu_rule *rule,
                         struct measured *ret)
{
    uint32_t i = ret->count;
    if (!mu_read_expression(reader, node, &rule->measures[i], &ret->results[i]))
        return;
    ret->nodes[i] = *node;
    ret->count = rule->measures_count = i + 1;
}

/* A string, or an array of strings. */
static void read_measures(struct mu_reader *reader, const struct mu_node *node,
                          struct mu_rule *rule, struct measured *ret)
{
    struct mu_node measures = mu_read_required(reader, node, "measurements");
    ret->count = 0;
    if (json_is_string(measures.json)) {
        read_measure(reader, &measures, rule, ret);
        return;
    }
    if (!mu_read_array(reader, &measures, 1, MU_RULES_MEASURES_MAX))
        return;
    for (size_t i = 0; i < json_array_size(measures.json); i++) {
        struct mu_node item = mu_node_item(&measures, i);
        read_measure(reader, &item, rule, ret);
    }
}

/* Whether all measurements are of a kind and at least so deep; faults what is not. */
static bool need(struct mu_reader *reader, const struct measured *measured,
                 enum mu_result_kind kind, uint32_t depth_min)
{
    char is[MU_RESULT_BYTES], must[MU_RESULT_BYTES];
    const struct mu_result least = { .kind = kind, .depth = depth_min };
    bool good = true;
    for (uint32_t i = 0; i < measured->count; i++) {
        const struct mu_result *result = &measured->results[i];
        if (result->kind == kind && result->depth >= depth_min)
            continue;
        good = false;
        mu_read_fault(reader, &measured->nodes[i].place, "is %s, must be %s%s",
                      mu_result_text(result, is), mu_result_text(&least, must),
                      depth_min == 0 ? " or a list of them" : "");
    }
    return good;
}

static void add_string(struct mu_expression *expression, const char *text)
{
    assert(expression->symbols_count < MU_RULES_SYMBOLS_MAX);
    expression->kind = MU_EXPRESSION_STRINGS;
    expression->symbols[expression->symbols_count++] = mu_symbol(text, strlen(text));
}

static bool read_string_array(struct mu_reader *reader, const struct mu_node *node,
                              struct mu_expression *ret)
{
    if (!mu_read_array(reader, node, 1, MU_RULES_SYMBOLS_MAX))
        return false;
    for (size_t i = 0; i < json_array_size(node->json); i++) {
        struct mu_node item = mu_node_item(node, i);
        const char *text = mu_read_string(reader, &item);
        if (text == NULL)
            return false;
        add_string(ret, text);
    }
    return true;
}

static void set_number(struct mu_rule *rule, double number)
{
    rule->reference = (struct mu_expression){ .kind = MU_EXPRESSION_NUMBER, .number = number };
    rule->reference_number = mu_limit_fixed(number);
}

/* A reference of a kind and depth: a constant or an expression. */
static void read_reference(struct mu_reader *reader, const struct mu_node *node,
                           enum mu_result_kind kind, uint32_t depth, struct mu_rule *rule)
{
    char is[MU_RESULT_BYTES], must[MU_RESULT_BYTES];
    double number = 0.0;
    struct mu_result result = { .kind = MU_RESULT_STRING };
    const struct mu_result wanted = { .kind = kind, .depth = depth };
    const char *text = json_string_value(node->json); /* NULL unless it is a string */
    if (text != NULL && mu_is_expression(text)) {
        if (!mu_read_expression(reader, node, &rule->reference, &result))
            return;
    } else if (kind == MU_RESULT_NUMBER &&
               (json_is_number(node->json) || (text != NULL && mu_read_decimal(text, &number)))) {
        if (mu_read_number(reader, node, -MU_RULES_NUMBER_MAX, MU_RULES_NUMBER_MAX, &number))
            set_number(rule, number);
        return;
    } else if (kind == MU_RESULT_STRING && json_is_array(node->json)) {
        if (!read_string_array(reader, node, &rule->reference))
            return;
        result.depth = rule->reference.symbols_count > 1 ? 1 : depth; /* one is also a list */
    } else if (kind == MU_RESULT_STRING && text != NULL) {
        add_string(&rule->reference, text);
        result.depth = depth;
    } else {
        mu_read_fault(reader, &node->place, "must be %s, or an expression for it",
                      mu_result_text(&wanted, must));
        return;
    }
    if (result.kind != kind || result.depth != depth) {
        mu_read_fault(reader, &node->place, "is %s, must be %s", mu_result_text(&result, is),
                      mu_result_text(&wanted, must));
    }
}

static void read_aggregation(struct mu_reader *reader, const struct mu_node *node,
                             struct mu_rule *rule)
{
    static const enum mu_aggregation choices[] = { MU_AGGREGATE_AVG, MU_AGGREGATE_MIN,
                                                   MU_AGGREGATE_MAX };
    uint32_t choice = 0;
    struct mu_node aggregation = mu_node_member(node, "partyAggregation");
    (void)mu_read_choice(reader, &aggregation, "avg min max", &choice); /* else the average */
    rule->aggregation = choices[choice];
}

/* A limit of a rule that may be missing. */
static bool read_limit(struct mu_reader *reader, const struct mu_node *node, const char *key,
                       double max, struct mu_limit *ret)
{
    double value = 0.0;
    struct mu_node limit = mu_node_member(node, key);
    if (!mu_read_number(reader, &limit, 0.0, max, &value))
        return limit.json != NULL;
    *ret = mu_limit_fixed(value);
    return true;
}

void mu_read_distance(struct mu_reader *reader, const struct mu_node *node, struct mu_rule *rule)
{
    struct measured measured;
    read_measures(reader, node, rule, &measured);
    (void)need(reader, &measured, MU_RESULT_NUMBER, 0); /* the rest is looked at all the same */
    struct mu_node reference = mu_read_required(reader, node, "referenceValue");
    if (reference.json != NULL)
        read_reference(reader, &reference, MU_RESULT_NUMBER, 0, rule);
    bool min = read_limit(reader, node, "minDistance", DISTANCE_MAX, &rule->min);
    bool max = read_limit(reader, node, "maxDistance", DISTANCE_MAX, &rule->max);
    if (!min && !max)
        mu_read_fault(reader, &node->place, "needs the field \"maxDistance\" or \"minDistance\"");
    read_aggregation(reader, node, rule);
}

void mu_read_comparison(struct mu_reader *reader, const struct mu_node *node, struct mu_rule *rule)
{
    struct measured measured;
    uint32_t choice = 0;
    read_measures(reader, node, rule, &measured);
    enum mu_result_kind kind = measured.count > 0 && measured.results[0].kind != MU_RESULT_PLAYER
                                   ? measured.results[0].kind
                                   : MU_RESULT_NUMBER;
    struct mu_node operation = mu_read_required(reader, node, "operation");
    struct mu_node reference = mu_node_member(node, "referenceValue");
    read_aggregation(reader, node, rule);
    if (mu_read_choice(reader, &operation, "< <= = != > >=", &choice))
        rule->operation = (enum mu_operation)(MU_OPERATION_LESS + choice);
    bool equality =
        rule->operation == MU_OPERATION_EQUAL || rule->operation == MU_OPERATION_NOT_EQUAL;
    bool ordered = rule->operation != MU_OPERATION_NONE && !equality;
    bool good = need(reader, &measured, kind, reference.json == NULL ? 1 : 0);
    if (reference.json != NULL && measured.count > 0 && good)
        read_reference(reader, &reference, kind, 0, rule);
    if (ordered && reference.json == NULL) {
        mu_read_fault(reader, &node->place,
                      "needs the field \"referenceValue\"; without it only "
                      "= (all equal) and != (all different) make sense");
    } else if (ordered && kind == MU_RESULT_STRING && good && measured.count > 0) {
        mu_read_fault(reader, &operation.place, "compares strings, which takes = or !=");
    }
}

static void read_counts(struct mu_reader *reader, const struct mu_node *node, struct mu_rule *rule)
{
    uint32_t count = 0;
    struct mu_node min = mu_node_member(node, "minCount");
    struct mu_node max = mu_node_member(node, "maxCount");
    if (mu_read_whole(reader, &min, 0, COUNT_MAX, &count))
        rule->min = mu_limit_fixed(count);
    if (mu_read_whole(reader, &max, 0, COUNT_MAX, &count))
        rule->max = mu_limit_fixed(count);
    if (min.json == NULL && max.json == NULL)
        rule->min = mu_limit_fixed(1.0);
}

void mu_read_collection(struct mu_reader *reader, const struct mu_node *node, struct mu_rule *rule)
{
    struct measured measured;
    uint32_t choice = 0;
    read_measures(reader, node, rule, &measured);
    struct mu_node operation = mu_read_required(reader, node, "operation");
    struct mu_node aggregation = mu_node_member(node, "partyAggregation");
    struct mu_node reference = mu_node_member(node, "referenceValue");
    read_counts(reader, node, rule);
    rule->aggregation = MU_AGGREGATE_UNION;
    if (mu_read_choice(reader, &aggregation, "union intersection", &choice) && choice == 1)
        rule->aggregation = MU_AGGREGATE_INTERSECTION;
    if (!mu_read_choice(reader, &operation, "intersection contains reference_intersection_count",
                        &choice))
        return;
    rule->operation = (enum mu_operation)(MU_OPERATION_INTERSECTION + choice);
    bool shared = rule->operation == MU_OPERATION_INTERSECTION;
    (void)need(reader, &measured, MU_RESULT_STRING, shared ? 2 : 1); /* the rest all the same */
    if (shared && reference.json != NULL) {
        mu_read_fault(reader, &reference.place, "is not for the operation intersection");
    } else if (!shared && reference.json == NULL) {
        mu_read_fault(reader, &node->place, "needs the field \"referenceValue\"");
    } else if (!shared) {
        read_reference(reader, &reference, MU_RESULT_STRING,
                       rule->operation == MU_OPERATION_CONTAINS ? 0 : 1, rule);
    }
}

void mu_read_latency(struct mu_reader *reader, const struct mu_node *node, struct mu_rule *rule)
{
    uint32_t choice = 0;
    struct mu_node reference = mu_node_member(node, "distanceReference");
    bool max = read_limit(reader, node, "maxLatency", LATENCY_MS_MAX, &rule->max);
    bool distance = read_limit(reader, node, "maxDistance", LATENCY_MS_MAX, &rule->distance);
    if (!max && !distance)
        mu_read_fault(reader, &node->place, "needs the field \"maxLatency\" or \"maxDistance\"");
    if (reference.json != NULL && !distance)
        mu_read_fault(reader, &reference.place, "needs \"maxDistance\" beside it");
    (void)mu_read_choice(reader, &reference, "min avg", &choice); /* else the smallest */
    rule->reference_average = choice == 1;
    read_aggregation(reader, node, rule);
}

/* An attribute of all players as the only measurement. */
static void measure_attribute(struct mu_rule *rule, uint32_t attribute)
{
    if (attribute == MU_RULES_NONE)
        return;
    rule->measures_count = 1;
    rule->measures[0] = (struct mu_expression){ .kind = MU_EXPRESSION_PLAYERS,
                                                .all_teams = true,
                                                .property = MU_PROPERTY_ATTRIBUTE,
                                                .attribute = attribute };
}

void mu_read_batch_distance(struct mu_reader *reader, const struct mu_node *node,
                            struct mu_rule *rule)
{
    struct mu_node attribute = mu_read_required(reader, node, "batchAttribute");
    struct mu_node max = mu_node_member(node, "maxDistance");
    uint32_t index = mu_read_attribute_typed(reader, &attribute,
                                             1u << MU_ATTRIBUTE_NUMBER | 1u << MU_ATTRIBUTE_STRING);
    measure_attribute(rule, index);
    (void)read_limit(reader, node, "maxDistance", DISTANCE_MAX, &rule->max); /* judged below */
    read_aggregation(reader, node, rule);
    if (index == MU_RULES_NONE)
        return;
    bool number = reader->rules->attributes[index].type == MU_ATTRIBUTE_NUMBER;
    if (number && max.json == NULL)
        mu_read_fault(reader, &node->place, "needs the field \"maxDistance\" for a number");
    if (!number && max.json != NULL)
        mu_read_fault(reader, &max.place, "is not for strings, which must all be the same");
}

void mu_read_sort(struct mu_reader *reader, const struct mu_node *node, struct mu_rule *rule)
{
    uint32_t direction = 0, key = 0;
    struct mu_node direction_node = mu_read_required(reader, node, "sortDirection");
    struct mu_node attribute = mu_read_required(reader, node, "sortAttribute");
    struct mu_node key_node = mu_node_member(node, "mapKey");
    uint32_t index = mu_read_attribute_typed(reader, &attribute,
                                             1u << MU_ATTRIBUTE_NUMBER | 1u << MU_ATTRIBUTE_MAP);
    measure_attribute(rule, index);
    (void)mu_read_choice(reader, &direction_node, "ascending descending", &direction);
    (void)mu_read_choice(reader, &key_node, "minValue maxValue", &key); /* a fault is told */
    rule->descending = direction == 1;
    rule->map_max = key == 1;
    read_aggregation(reader, node, rule);
    if (index == MU_RULES_NONE)
        return;
    bool map = reader->rules->attributes[index].type == MU_ATTRIBUTE_MAP;
    if (map && key_node.json == NULL) {
        mu_read_fault(reader, &node->place,
                      "needs the field \"mapKey\" (minValue or maxValue) for a string_number_map");
    }
    if (!map && key_node.json != NULL)
        mu_read_fault(reader, &key_node.place, "is for a string_number_map only");
}

/* blockList and recentOpponents: nobody whom a player's attribute names is in the match. */
void mu_read_history(struct mu_reader *reader, const struct mu_node *node, struct mu_rule *rule)
{
    struct mu_node attribute = mu_node_member(node, "attribute");
    const char *type = json_string_value(json_object_get(node->json, "type"));
    char name[MU_RULES_NAME_MAX + 1] = BLOCK_ATTRIBUTE;
    if (strcmp(type, "recentOpponents") == 0)
        memcpy(name, LATER_ATTRIBUTE, sizeof LATER_ATTRIBUTE);
    if (attribute.json != NULL && !mu_read_name(reader, &attribute, name))
        return;
    const struct mu_place *place = attribute.json != NULL ? &attribute.place : &node->place;
    measure_attribute(rule, mu_read_attribute_list(reader, place, name));
    rule->operation = MU_OPERATION_REFERENCE_INTERSECTION_COUNT;
    rule->aggregation = MU_AGGREGATE_UNION;
    rule->reference = (struct mu_expression){ .kind = MU_EXPRESSION_PLAYERS,
                                              .all_teams = true,
                                              .property = MU_PROPERTY_ID };
    rule->max = mu_limit_fixed(0.0);
}
