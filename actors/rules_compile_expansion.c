/* actors/rules_compile_expansion.c - expansions: which limits change with age, and how. */
#include "actors/rules_compile_read.h"

#include <math.h>
#include <string.h>

#define TARGETS_MAX  32 /* names in one target */
#define EVERY_MS_MIN 100

/* A field that can change. */
struct field {
    const char *name;
    double min;
    double max;
    bool whole;    /* whole numbers only */
    double lifted; /* the value of null: no limit; 0: there is always one */
};

static const struct field rule_fields[] = {
    { "maxDistance", 0.0, 1e9, false, MU_UNLIMITED },
    { "minDistance", 0.0, 1e9, false, -MU_UNLIMITED },
    { "referenceValue", -MU_RULES_NUMBER_MAX, MU_RULES_NUMBER_MAX, false, 0.0 },
    { "minCount", 0.0, 10000.0, true, -MU_UNLIMITED },
    { "maxCount", 0.0, 10000.0, true, MU_UNLIMITED },
    { "maxLatency", 0.0, 60000.0, false, MU_UNLIMITED },
};
static const struct field team_fields[] = {
    { "minPlayers", 0.0, MU_MATCH_PLAYERS_MAX, true, 0.0 },
    { "maxPlayers", 1.0, MU_MATCH_PLAYERS_MAX, true, 0.0 },
};
static const struct field prefer_field = { "prefer", 1.0, MU_MATCH_PLAYERS_MAX, true,
                                           MU_UNLIMITED };
#define RULE_FIELDS (sizeof rule_fields / sizeof rule_fields[0])
#define TEAM_FIELDS (sizeof team_fields / sizeof team_fields[0])

/* A target taken apart: "teams[red, blue].maxPlayers". */
struct target {
    struct mu_place place;
    char group[16]; /* "rules", "teams", "algorithm", "prefer" */
    uint32_t count;
    char names[TARGETS_MAX][MU_RULES_NAME_MAX + 1];
    char field[32];
};

static bool malformed(struct mu_reader *reader, const struct mu_place *place, const char *text)
{
    mu_read_fault(reader, place,
                  "is \"%.60s\", must be rules[name].field, teams[name].field, "
                  "algorithm.batchingPreference or prefer",
                  text);
    return false;
}

/* Copies a piece without the spaces around it.  Returns whether it fits and is not empty. */
static bool copy_piece(const char *text, size_t size, size_t ret_bytes, char *ret)
{
    while (size > 0 && *text == ' ') {
        text++;
        size--;
    }
    while (size > 0 && text[size - 1] == ' ')
        size--;
    if (size == 0 || size >= ret_bytes)
        return false;
    memcpy(ret, text, size);
    ret[size] = '\0';
    return true;
}

/* The names between the brackets at text; *ret_size is where they end. */
static bool take_names(const char *text, struct target *ret, size_t *ret_size)
{
    size_t at = 1;
    for (;;) {
        size_t size = strcspn(text + at, ",]");
        if (ret->count == TARGETS_MAX || text[at + size] == '\0' ||
            !copy_piece(text + at, size, sizeof ret->names[0], ret->names[ret->count]))
            return false;
        ret->count++;
        at += size + 1;
        if (text[at - 1] == ']') {
            *ret_size = at;
            return true;
        }
    }
}

static bool read_target(struct mu_reader *reader, const struct mu_node *node, struct target *ret)
{
    struct mu_node target = mu_read_required(reader, node, "target");
    const char *text = mu_read_string(reader, &target);
    *ret = (struct target){ .place = target.place };
    if (text == NULL)
        return false;
    size_t at = strcspn(text, "[.");
    size_t names = 0;
    if (!copy_piece(text, at, sizeof ret->group, ret->group))
        return malformed(reader, &target.place, text);
    if (text[at] == '[' && !take_names(text + at, ret, &names))
        return malformed(reader, &target.place, text);
    at += names;
    if (text[at] == '.' &&
        !copy_piece(text + at + 1, strlen(text + at + 1), sizeof ret->field, ret->field))
        return malformed(reader, &target.place, text);
    bool named = strcmp(ret->group, "rules") == 0 || strcmp(ret->group, "teams") == 0;
    bool plain = strcmp(ret->group, "algorithm") == 0 || strcmp(ret->group, "prefer") == 0;
    bool field = strcmp(ret->group, "prefer") != 0;
    if ((!named && !plain) || named != (ret->count > 0) || field != (ret->field[0] != '\0') ||
        (text[at] != '.' && text[at] != '\0'))
        return malformed(reader, &target.place, text);
    return true;
}

static bool read_value(struct mu_reader *reader, const struct mu_node *node,
                       const struct field *field, double *ret)
{
    uint32_t count = 0;
    if (json_is_null(node->json) && !(field->lifted < 1.0 && field->lifted > -1.0)) {
        *ret = field->lifted;
        return true;
    }
    if (!field->whole)
        return mu_read_number(reader, node, field->min, field->max, ret);
    if (!mu_read_whole(reader, node, (uint32_t)field->min, (uint32_t)field->max, &count))
        return false;
    *ret = count;
    return true;
}

static void read_steps(struct mu_reader *reader, const struct mu_node *steps,
                       const struct field *field, struct mu_limit *ret)
{
    if (!mu_read_array(reader, steps, 1, MU_RULES_STEPS_MAX))
        return;
    for (size_t i = 0; i < json_array_size(steps->json); i++) {
        struct mu_node item = mu_node_item(steps, i);
        if (!mu_read_object(reader, &item, "waitTimeSeconds value"))
            continue;
        struct mu_node wait = mu_read_required(reader, &item, "waitTimeSeconds");
        struct mu_node value = mu_read_required(reader, &item, "value");
        struct mu_limit_step step = { .at_ms = 0 };
        bool good = mu_read_seconds(reader, &wait, 0, &step.at_ms);
        if (!read_value(reader, &value, field, &step.value) || !good)
            continue;
        if (ret->steps_count > 0 && step.at_ms <= ret->steps[ret->steps_count - 1].at_ms) {
            mu_read_fault(reader, &wait.place,
                          "is %.10g s, must be later than the step above it (%.10g s): the times "
                          "are absolute",
                          (double)step.at_ms / 1000.0,
                          (double)ret->steps[ret->steps_count - 1].at_ms / 1000.0);
            continue;
        }
        ret->steps[ret->steps_count++] = step;
    }
}

/* {"every": 5, "delta": 10, "limit": 200}: each 5 s 10 more, up to 200. */
static void read_linear(struct mu_reader *reader, const struct mu_node *linear,
                        const struct field *field, struct mu_limit *ret)
{
    int64_t every_ms = 0;
    double delta = 0.0, bound = 0.0;
    if (!mu_read_object(reader, linear, "every delta limit"))
        return;
    struct mu_node every_node = mu_read_required(reader, linear, "every");
    struct mu_node delta_node = mu_read_required(reader, linear, "delta");
    struct mu_node bound_node = mu_read_required(reader, linear, "limit");
    bool good = mu_read_seconds(reader, &every_node, EVERY_MS_MIN, &every_ms);
    good = mu_read_number(reader, &delta_node, -MU_RULES_NUMBER_MAX, MU_RULES_NUMBER_MAX, &delta) &&
           good;
    good = read_value(reader, &bound_node, field, &bound) && good;
    if (good && (delta == 0.0 || (field->whole && floor(delta) < delta))) {
        mu_read_fault(reader, &delta_node.place, "is %.10g, must be a %snumber other than 0", delta,
                      field->whole ? "whole " : "");
        return;
    }
    if (!good)
        return;
    ret->every_ms = every_ms;
    ret->delta = delta;
    ret->bound = bound;
}

/* Puts steps and the linear part into a limit. */
static void apply(struct mu_reader *reader, const struct target *target, const char *name,
                  const struct mu_limit *change, struct mu_limit *limit)
{
    if (limit->steps_count > 0 || limit->every_ms > 0) {
        mu_read_fault(reader, &target->place, "%s%s%s%s changes already: put all steps together",
                      target->group, name[0] != '\0' ? " " : "", name,
                      target->field[0] != '\0' ? "'s field" : "");
        return;
    }
    double value = limit->value;
    *limit = *change;
    limit->value = value;
    double from = change->steps_count > 0 ? change->steps[change->steps_count - 1].value : value;
    if (change->every_ms > 0 &&
        (change->delta > 0.0 ? change->bound < from : change->bound > from)) {
        mu_read_fault(reader, &target->place,
                      "linear goes from %.10g by %.10g to %.10g, which is the other way", from,
                      change->delta, change->bound);
    }
}

/* The limit of a rule that a field means, or NULL when its type has none. */
static struct mu_limit *rule_limit(struct mu_rule *rule, const char *field)
{
    bool latency = rule->type == MU_RULE_LATENCY;
    bool distance = rule->type == MU_RULE_DISTANCE || rule->type == MU_RULE_BATCH_DISTANCE;
    bool collection = rule->type == MU_RULE_COLLECTION;
    struct mu_limit *limit = NULL;
    if (strcmp(field, "referenceValue") == 0)
        return rule->reference.kind == MU_EXPRESSION_NUMBER ? &rule->reference_number : NULL;
    if (strcmp(field, "maxDistance") == 0) {
        limit = latency ? &rule->distance : distance ? &rule->max : NULL;
    } else if (strcmp(field, "minDistance") == 0) {
        limit = distance ? &rule->min : NULL;
    } else if (strcmp(field, "minCount") == 0) {
        limit = collection ? &rule->min : NULL;
    } else if (strcmp(field, "maxCount") == 0) {
        limit = collection ? &rule->max : NULL;
    } else if (strcmp(field, "maxLatency") == 0) {
        limit = latency ? &rule->max : NULL;
    }
    return limit == NULL || isinf(limit->value) ? NULL : limit;
}

static void expand_rules(struct mu_reader *reader, const struct target *target,
                         const struct mu_limit *change)
{
    for (uint32_t i = 0; i < target->count; i++) {
        uint32_t index = mu_read_rule_index(reader, &target->place, target->names[i]);
        if (index == MU_RULES_NONE)
            continue;
        struct mu_limit *limit = rule_limit(&reader->rules->rules[index], target->field);
        if (limit != NULL) {
            apply(reader, target, target->names[i], change, limit);
        } else if (!reader->rules_broken[index]) {
            mu_read_fault(reader, &target->place, "rule \"%.40s\" has no %s%s that can change",
                          target->names[i], target->field,
                          strcmp(target->field, "referenceValue") == 0 ? " with a number" : "");
        }
    }
}

/* Whether any shape has that team. */
static bool is_team(const struct mu_reader *reader, const char *name)
{
    for (uint32_t i = 0; i < reader->shapes_count; i++) {
        for (uint32_t k = 0; k < reader->shapes[i].count; k++) {
            if (strcmp(reader->shapes[i].entries[k].name, name) == 0)
                return true;
        }
        if (mu_rules_team(reader->made[i], name) != MU_RULES_NONE)
            return true;
    }
    return false;
}

static void expand_team(struct mu_reader *reader, const struct target *target, const char *name,
                        const struct mu_limit *change)
{
    struct mu_rules *rules = reader->rules;
    const struct mu_shape_entries *shape = &reader->shapes[reader->shape];
    uint32_t first = mu_rules_team(rules, name), count = first == MU_RULES_NONE ? 0 : 1;
    for (uint32_t i = 0; i < shape->count; i++) {
        if (strcmp(shape->entries[i].name, name) == 0) {
            first = shape->entries[i].first;
            count = shape->entries[i].count;
        }
    }
    for (uint32_t i = first; count > 0; i++, count--) {
        bool min = strcmp(target->field, "minPlayers") == 0;
        apply(reader, target, name, change,
              min ? &rules->teams[i].players_min : &rules->teams[i].players_max);
    }
}

static void expand_teams(struct mu_reader *reader, const struct target *target,
                         const struct mu_limit *change)
{
    const struct mu_shape_entries *shape = &reader->shapes[reader->shape];
    const char *names[MU_TEAMS_MAX];
    char hint[MU_HINT_BYTES];
    for (uint32_t i = 0; i < shape->count; i++)
        names[i] = shape->entries[i].name;
    for (uint32_t i = 0; i < target->count; i++) {
        if (strcmp(target->names[i], "*") == 0) {
            for (uint32_t k = 0; k < shape->count; k++)
                expand_team(reader, target, names[k], change);
            continue;
        }
        if (!is_team(reader, target->names[i])) {
            mu_read_fault(reader, &target->place, "names team \"%.40s\", which is not in teams%s",
                          target->names[i],
                          mu_read_hint(target->names[i], names, shape->count, hint));
        } else {
            expand_team(reader, target, target->names[i], change);
        }
    }
}

/* The field that a target means, or NULL after a fault. */
static const struct field *find_field(struct mu_reader *reader, const struct target *target)
{
    const char *names[RULE_FIELDS + TEAM_FIELDS];
    char hint[MU_HINT_BYTES];
    bool of_rule = strcmp(target->group, "rules") == 0;
    const struct field *fields = of_rule ? rule_fields : team_fields;
    uint32_t count = of_rule ? RULE_FIELDS : TEAM_FIELDS;
    if (strcmp(target->group, "prefer") == 0)
        return &prefer_field;
    for (uint32_t i = 0; i < count; i++) {
        names[i] = fields[i].name;
        if (strcmp(fields[i].name, target->field) == 0)
            return &fields[i];
    }
    mu_read_fault(reader, &target->place, "\"%s\" is not a field of %s that can change%s",
                  target->field, target->group, mu_read_hint(target->field, names, count, hint));
    return NULL;
}

/* algorithm.batchingPreference of a large match: one step, to the other preference. */
static void expand_algorithm(struct mu_reader *reader, const struct mu_node *node,
                             const struct target *target)
{
    struct mu_rules *rules = reader->rules;
    uint32_t choice = 0;
    struct mu_node steps = mu_read_required(reader, node, "steps");
    if (strcmp(target->field, "batchingPreference") != 0 || !rules->large) {
        mu_read_fault(reader, &target->place,
                      "of algorithm only batchingPreference changes, and with strategy balanced");
        return;
    }
    if (!mu_read_array(reader, &steps, 1, 1))
        return;
    struct mu_node step = mu_node_item(&steps, 0);
    if (!mu_read_object(reader, &step, "waitTimeSeconds value"))
        return;
    struct mu_node wait = mu_read_required(reader, &step, "waitTimeSeconds");
    struct mu_node value = mu_read_required(reader, &step, "value");
    if (rules->region_turn_ms > 0)
        mu_read_fault(reader, &target->place, "algorithm's field changes already");
    (void)mu_read_seconds(reader, &wait, 1, &rules->region_turn_ms); /* a fault is told */
    if (mu_read_choice(reader, &value, "largestPopulation fastestRegion", &choice) &&
        (choice == 1) == rules->fastest)
        mu_read_fault(reader, &value.place, "is what it is from the beginning");
}

/* Steps in place of how long a size is preferred. */
static void expand_prefer(struct mu_reader *reader, const struct target *target,
                          const struct mu_limit *change)
{
    struct mu_limit *prefer = &reader->rules->prefer;
    if (isinf(prefer->value))
        mu_read_fault(reader, &target->place, "there is no \"prefer\" that could change");
    if (!reader->prefer_changes)
        *prefer = mu_limit_fixed(prefer->value);
    reader->prefer_changes = true;
    apply(reader, target, "", change, prefer);
}

static void read_expansion(struct mu_reader *reader, const struct mu_node *node)
{
    struct target target;
    struct mu_limit change = mu_limit_fixed(0.0);
    if (!mu_read_object(reader, node, "target steps linear description") ||
        !read_target(reader, node, &target))
        return;
    if (strcmp(target.group, "algorithm") == 0) {
        expand_algorithm(reader, node, &target);
        return;
    }
    const struct field *field = find_field(reader, &target);
    struct mu_node steps = mu_node_member(node, "steps");
    struct mu_node linear = mu_node_member(node, "linear");
    if (steps.json == NULL && linear.json == NULL)
        mu_read_fault(reader, &node->place, "needs the field \"steps\" or \"linear\"");
    if (field == NULL)
        return;
    read_steps(reader, &steps, field, &change);
    read_linear(reader, &linear, field, &change);
    if (field == &prefer_field) {
        expand_prefer(reader, &target, &change);
    } else if (strcmp(target.group, "rules") == 0) {
        expand_rules(reader, &target, &change);
    } else {
        expand_teams(reader, &target, &change);
    }
}

void mu_read_expansions(struct mu_reader *reader, const struct mu_node *root)
{
    struct mu_node list = mu_node_member(root, "expansions");
    reader->prefer_changes = false;
    if (!mu_read_array(reader, &list, 0, MU_EXPANSIONS_MAX))
        return;
    for (size_t i = 0; i < json_array_size(list.json); i++) {
        struct mu_node item = mu_node_item(&list, i);
        read_expansion(reader, &item);
    }
}
