/* actors/rules_compile_teams.c - teams with their copies and roles, and the shapes of a queue. */
#include "actors/rules_compile_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "actors/facts.h"

#define PREFER_MS 30000 /* for so long, when the document does not say */

/* The object that holds the teams of a shape: the document, or an element of its "shapes". */
static struct mu_node shape_node(const struct mu_node *root, uint32_t shape)
{
    struct mu_node shapes = mu_node_member(root, "shapes");
    return shapes.json == NULL ? *root : mu_node_item(&shapes, shape);
}

/* A field that a shape may have for itself, else the document for all of them. */
static struct mu_node shape_member(const struct mu_node *root, uint32_t shape, const char *key)
{
    struct mu_node own = shape_node(root, shape);
    struct mu_node node = mu_node_member(&own, key);
    return node.json != NULL ? node : mu_node_member(root, key);
}

void mu_read_shapes(struct mu_reader *reader, const struct mu_node *root)
{
    struct mu_node shapes = mu_node_member(root, "shapes");
    reader->shapes_count = 1;
    if (shapes.json == NULL)
        return;
    struct mu_node teams = mu_node_member(root, "teams");
    if (teams.json != NULL)
        mu_read_fault(reader, &teams.place, "stands beside \"shapes\", which has the teams");
    if (!mu_read_array(reader, &shapes, 1, MU_RULES_SHAPES_MAX))
        return;
    reader->shapes_count = (uint32_t)json_array_size(shapes.json);
    for (uint32_t i = 0; i < reader->shapes_count; i++) {
        struct mu_node shape = mu_node_item(&shapes, i);
        (void)mu_read_object(reader, &shape, "teams prefer freeForAll description");
    }
}

/* One role: how many of a team have it; "tank": 1, or "healer": {"min": 1, "max": 2}. */
static void read_quota(struct mu_reader *reader, const struct mu_node *node, const char *role,
                       struct mu_team *team)
{
    struct mu_quota quota = { .symbol = mu_symbol(role, strlen(role)) };
    size_t size = strlen(role);
    if (size == 0 || size > MU_RULES_NAME_MAX) {
        mu_read_fault(reader, &node->place, "a role's name has 1 to %d bytes", MU_RULES_NAME_MAX);
        return;
    }
    memcpy(quota.name, role, size + 1);
    quota.max = MU_MATCH_PLAYERS_MAX;
    if (json_is_object(node->json)) {
        struct mu_node min = mu_node_member(node, "min");
        struct mu_node max = mu_node_member(node, "max");
        (void)mu_read_object(reader, node, "min max"); /* it is one; its fields are checked */
        (void)mu_read_whole(reader, &min, 0, MU_MATCH_PLAYERS_MAX, &quota.min); /* else 0 */
        (void)mu_read_whole(reader, &max, 0, MU_MATCH_PLAYERS_MAX, &quota.max); /* else many */
    } else if (mu_read_whole(reader, node, 0, MU_MATCH_PLAYERS_MAX, &quota.min)) {
        quota.max = quota.min;
    }
    if (quota.min > quota.max)
        mu_read_fault(reader, &node->place, "min is %u, above max (%u)", quota.min, quota.max);
    team->quotas[team->quotas_count++] = quota;
}

static void read_quotas(struct mu_reader *reader, const struct mu_node *node, struct mu_team *team)
{
    if (node->json == NULL)
        return;
    if (!json_is_object(node->json) || json_object_size(node->json) < 1 ||
        json_object_size(node->json) > MU_RULES_QUOTAS_MAX) {
        mu_read_fault(reader, &node->place, "must be an object of 1 to %d roles: {\"tank\": 1}",
                      MU_RULES_QUOTAS_MAX);
        return;
    }
    for (void *i = json_object_iter(node->json); i != NULL;
         i = json_object_iter_next(node->json, i)) {
        const char *role = json_object_iter_key(i);
        struct mu_node member = mu_node_member(node, role);
        read_quota(reader, &member, role, team);
    }
}

/* "roles" of the document: which attribute ranks a player's roles, and what every team needs. */
static void read_roles(struct mu_reader *reader, const struct mu_node *root, struct mu_team *ret)
{
    struct mu_node roles = mu_node_member(root, "roles");
    reader->rules->roles_attribute = MU_RULES_NONE;
    if (!mu_read_object(reader, &roles, "attribute quotas"))
        return;
    struct mu_node attribute = mu_read_required(reader, &roles, "attribute");
    struct mu_node quotas = mu_node_member(&roles, "quotas");
    reader->rules->roles_attribute =
        mu_read_attribute_typed(reader, &attribute, 1u << MU_ATTRIBUTE_STRINGS);
    read_quotas(reader, &quotas, ret);
}

/* Whether a team or an entry has that name already. */
static bool is_taken(const struct mu_reader *reader, const char *name)
{
    const struct mu_shape_entries *shape = &reader->shapes[reader->shape];
    for (uint32_t i = 0; i < shape->count; i++) {
        if (strcmp(shape->entries[i].name, name) == 0)
            return true;
    }
    return mu_rules_team(reader->rules, name) != MU_RULES_NONE;
}

/* Makes the copies "trio_1", "trio_2" ... of a team, or the team itself when there is one. */
static void make_copies(struct mu_reader *reader, const struct mu_node *node,
                        const struct mu_team *team, uint32_t quantity)
{
    struct mu_rules *rules = reader->rules;
    struct mu_shape_entries *shape = &reader->shapes[reader->shape];
    if (rules->teams_count + quantity > MU_TEAMS_MAX) {
        mu_read_fault(reader, &node->place, "is team %u to %u, at most %d are taken",
                      rules->teams_count + 1, rules->teams_count + quantity, MU_TEAMS_MAX);
        return;
    }
    if (is_taken(reader, team->name))
        mu_read_fault(reader, &node->place, "\"%s\" is the name of a team above it", team->name);
    struct mu_team_entry *entry = &shape->entries[shape->count++];
    *entry = (struct mu_team_entry){ .first = rules->teams_count,
                                     .count = quantity,
                                     .place = node->place };
    memcpy(entry->name, team->name, sizeof entry->name);
    for (uint32_t i = 0; i < quantity; i++) {
        struct mu_team copy = *team;
        char number[12];
        (void)snprintf(number, sizeof number, "%u", i + 1);
        if (quantity > 1) {
            (void)snprintf(copy.name, sizeof copy.name, "%.*s_%.3s", MU_RULES_NAME_MAX - 4,
                           team->name, number);
        }
        if (quantity > 1 && is_taken(reader, copy.name))
            mu_read_fault(reader, &node->place, "\"%s\" is the name of a team above it", copy.name);
        rules->teams[rules->teams_count++] = copy;
    }
}

/* A team's own roles, else those of every team. */
static void read_team_roles(struct mu_reader *reader, const struct mu_node *node,
                            const struct mu_team *every, struct mu_team *team)
{
    if (node->json == NULL) {
        memcpy(team->quotas, every->quotas, sizeof team->quotas);
        team->quotas_count = every->quotas_count;
        return;
    }
    read_quotas(reader, node, team);
    if (json_object_get(reader->document, "roles") == NULL) {
        mu_read_fault(reader, &node->place,
                      "needs \"roles\": {\"attribute\": ...} of the document, which says what "
                      "ranks a player's roles");
    }
}

static void read_team(struct mu_reader *reader, const struct mu_node *node,
                      const struct mu_team *every)
{
    uint32_t min = 0, max = 1, quantity = 1, least = 0;
    struct mu_team team = { .name = "" };
    if (!mu_read_object(reader, node,
                        "name minPlayers maxPlayers quantity minQuantity roles description"))
        return;
    struct mu_node name = mu_read_required(reader, node, "name");
    struct mu_node min_node = mu_read_required(reader, node, "minPlayers");
    struct mu_node max_node = mu_read_required(reader, node, "maxPlayers");
    struct mu_node quantity_node = mu_node_member(node, "quantity");
    struct mu_node least_node = mu_node_member(node, "minQuantity");
    struct mu_node roles = mu_node_member(node, "roles");
    bool sized = mu_read_whole(reader, &max_node, 1, MU_MATCH_PLAYERS_MAX, &max);
    if (!mu_read_whole(reader, &min_node, 0, MU_MATCH_PLAYERS_MAX, &min) || !sized)
        min = 0;
    team.players_min = mu_limit_fixed(min);
    team.players_max = mu_limit_fixed(max);
    (void)mu_read_whole(reader, &quantity_node, 1, MU_TEAMS_MAX, &quantity); /* else 1 */
    if (mu_read_whole(reader, &least_node, 1, quantity, &least)) {
        reader->rules->teams_min = least;
        reader->least_place[reader->shape] = least_node.place;
    }
    read_team_roles(reader, &roles, every, &team);
    if (!mu_read_name(reader, &name, team.name))
        return;
    if (quantity > 1 && strlen(team.name) > MU_RULES_NAME_MAX - 4) {
        mu_read_fault(reader, &name.place, "is too long to be numbered: at most %d bytes",
                      MU_RULES_NAME_MAX - 4);
    }
    make_copies(reader, node, &team, quantity);
}

/* 16, or {"players": 16, "forSeconds": 30}. */
static void read_prefer(struct mu_reader *reader, const struct mu_node *node)
{
    uint32_t players = 0;
    int64_t for_ms = PREFER_MS;
    struct mu_limit *prefer = &reader->rules->prefer;
    *prefer = mu_limit_fixed(MU_UNLIMITED);
    if (node->json == NULL)
        return;
    struct mu_node size = *node;
    if (json_is_object(node->json)) {
        (void)mu_read_object(reader, node, "players forSeconds"); /* it is one */
        struct mu_node seconds = mu_node_member(node, "forSeconds");
        size = mu_read_required(reader, node, "players");
        (void)mu_read_seconds(reader, &seconds, 1000, &for_ms); /* else the default */
    }
    if (!mu_read_whole(reader, &size, 1, MU_MATCH_PLAYERS_MAX, &players))
        return;
    *prefer = mu_limit_fixed(players);
    prefer->steps_count = 1;
    prefer->steps[0] = (struct mu_limit_step){ .at_ms = for_ms, .value = MU_UNLIMITED };
}

static void read_free_for_all(struct mu_reader *reader, const struct mu_node *node)
{
    struct mu_rules *rules = reader->rules;
    if (!mu_read_bool(reader, node, &rules->for_all) || !rules->for_all)
        return;
    if (rules->teams_count != 1) {
        mu_read_fault(reader, &node->place,
                      "is for one team, of players who play each for himself; there are %u",
                      rules->teams_count);
    }
}

void mu_read_teams(struct mu_reader *reader, const struct mu_node *root)
{
    struct mu_rules *rules = reader->rules;
    struct mu_team every = { .quotas_count = 0 };
    struct mu_node own = shape_node(root, reader->shape);
    read_roles(reader, root, &every);
    if (!json_is_object(own.json))
        return; /* told by mu_read_shapes() */
    struct mu_node teams = mu_read_required(reader, &own, "teams");
    reader->teams_place[reader->shape] = teams.place;
    if (!mu_read_array(reader, &teams, 1, MU_TEAMS_MAX))
        return;
    for (size_t i = 0; i < json_array_size(teams.json); i++) {
        struct mu_node item = mu_node_item(&teams, i);
        read_team(reader, &item, &every);
    }
    struct mu_node prefer = shape_member(root, reader->shape, "prefer");
    struct mu_node free_for_all = shape_member(root, reader->shape, "freeForAll");
    read_prefer(reader, &prefer);
    read_free_for_all(reader, &free_for_all);
    bool fewer = rules->teams_min > 0;
    if (!fewer || rules->teams_min > rules->teams_count)
        rules->teams_min = rules->teams_count;
    if (fewer && json_array_size(teams.json) > 1) {
        mu_read_fault(reader, &reader->least_place[reader->shape],
                      "is for a team that is the only one in teams");
    }
}
