/* tests/scenarios/faults.c - what goes wrong because the scenario says so; its settings. */
#include <inttypes.h>
#include <string.h>

#include "core/parse.h"
#include "storage/mem.h"
#include "world.h"

enum { TIMES_MAX = 1000 };

/* The operation of that name, or MU_OP_NONE. */
static enum mu_op op_of(const char *name)
{
    static const struct {
        enum mu_op op;
        const char *name;
    } ops[] = {
/* clang-format off */
#define MSG(id, NAME, name, doc) { MU_OP_##NAME, #NAME },
#include "wire/ignore.h"
#include "wire/messages.def"
#include "wire/undef.h"
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(ops[i].name, name) == 0) {
            return ops[i].op;
        }
    }
    return MU_OP_NONE;
}

/* drop FROM TO OPERATION [TIMES]; kill NODE before OPERATION */
bool world_drop(struct world *world, const struct words *words)
{
    bool dies = strcmp(words->at[0], "kill") == 0;
    if (words->count < 4 || words->count > 5) {
        return world_fail(world, "drop FROM TO OPERATION [TIMES]");
    }
    if (world->rules_count == WORLD_RULES_MAX) {
        return world_fail(world, "too many faults");
    }
    const struct node *from = world_node(world, words->at[1]);
    const struct node *to = dies ? NULL : world_node(world, words->at[2]);
    struct rule rule = { .op = op_of(words->at[3]), .left = 1, .to = SIM_NOBODY };
    if (from == NULL || (to == NULL && !dies)) {
        return false;
    }
    if (rule.op == MU_OP_NONE) {
        return world_fail(world, "there is no operation \"%s\"", words->at[3]);
    }
    if (words->count == 5 && mu_parse_u64(words->at[4], 1, TIMES_MAX, &rule.left) != 0) {
        return world_fail(world, "\"%s\" is no number of times", words->at[4]);
    }
    rule.from = (uint32_t)(from - world->sim.nodes);
    if (to != NULL) {
        rule.to = (uint32_t)(to - world->sim.nodes);
    }
    world->rules[world->rules_count++] = rule;
    return true;
}

bool world_faults_happened(struct world *world)
{
    for (uint32_t i = 0; i < world->rules_count; i++) {
        const struct rule *rule = &world->rules[i];
        if (rule->left > 0) {
            return world_fail(world, "%s never sent the %s that was to be its fault",
                              world->sim.nodes[rule->from].name, mu_msg_layout(rule->op)->name);
        }
    }
    return true;
}

/* Cuts or heals the link of a node to a broker, both ways or that of a name. */
static bool cut_link(struct world *world, const struct words *words, int64_t until_ms)
{
    struct node *node = world_node(world, words->at[1]);
    const struct broker *broker = world_broker(world, words->at[2]);
    const char *way = words->count == 4 ? words->at[3] : "";
    bool known = words->count == 3 || strcmp(way, "up") == 0 || strcmp(way, "down") == 0;
    if (node == NULL || broker == NULL || !known) {
        return world_fail(world, "%s NODE BROKER [up|down]", words->at[0]);
    }
    struct link *link = &node->links[broker - world->sim.brokers];
    if (strcmp(way, "down") != 0) {
        link->ways[UP].cut_until_ms = until_ms;
    }
    if (strcmp(way, "up") != 0) {
        link->ways[DOWN].cut_until_ms = until_ms;
    }
    return true;
}

/* cut NAME, heal NAME: the links of a process, or a player's WebSocket. */
bool world_cut(struct world *world, const struct words *words)
{
    bool heals = strcmp(words->at[0], "heal") == 0;
    int64_t until_ms = heals ? 0 : MU_NEVER;
    if (words->count == 3 || words->count == 4) {
        return cut_link(world, words, until_ms);
    }
    if (words->count != 2) {
        return world_fail(world, "%s NODE or %s PLAYER", words->at[0], words->at[0]);
    }
    struct member *member = world_member(world, words->at[1]);
    if (member != NULL) {
        return heals ? cast_heal(world, member) : cast_cut(world, member);
    }
    struct node *node = world_node(world, words->at[1]);
    if (node != NULL) {
        node->cut_until_ms = until_ms;
    }
    return node != NULL;
}

bool world_heal(struct world *world, const struct words *words)
{
    return world_cut(world, words);
}

/* fail commit lost|durable; fail room ok|low|none; fail bus PACKETS */
bool world_break(struct world *world, const struct words *words)
{
    static const struct {
        const char *name;
        enum mu_mem_fault fault;
    } faults[] = { { "lost", MU_MEM_FAULT_LOST }, { "durable", MU_MEM_FAULT_DURABLE } };
    static const struct {
        const char *name;
        enum mu_store_room room;
    } rooms[] = { { "ok", MU_STORE_ROOM_OK },
                  { "low", MU_STORE_ROOM_LOW },
                  { "none", MU_STORE_ROOM_NONE } };
    struct mu_store *store = world->sim.store;
    const char *what = words->count == 3 ? words->at[1] : "";
    uint64_t packets;
    for (size_t i = 0; i < 2 && strcmp(what, "commit") == 0; i++) {
        if (strcmp(words->at[2], faults[i].name) == 0) {
            mu_mem_fail_next_commit(store, faults[i].fault);
            return true;
        }
    }
    for (size_t i = 0; i < 3 && strcmp(what, "room") == 0; i++) {
        if (strcmp(words->at[2], rooms[i].name) == 0) {
            mu_mem_set_room(store, rooms[i].room);
            return true;
        }
    }
    if (strcmp(what, "bus") == 0 && mu_parse_u64(words->at[2], 1, TIMES_MAX, &packets) == 0) {
        for (; packets > 0; packets--) {
            hub_garbage(&world->sim);
        }
        return true;
    }
    return world_fail(world, "fail commit lost|durable, fail room ok|low|none, fail bus PACKETS");
}

/* The number of a mode that `name` ("ranked.accept_ms") stands for, or NULL. */
static uint32_t *mode_number(struct mu_config *config, const char *name)
{
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {
#define FIELD(field) { #field, offsetof(struct mu_mode, field) }
        FIELD(team_min),          FIELD(team_max),    FIELD(accept_ms),      FIELD(window_points),
        FIELD(window_per_second), FIELD(window_max),  FIELD(latency_max_ms), FIELD(fill_ms),
        FIELD(spill_ms),          FIELD(wait_max_ms), FIELD(wait_cost_ms),   FIELD(serve_first_ms),
#undef FIELD
    };
    const char *dot = strchr(name, '.');
    for (uint32_t m = 0; m < config->modes_count && dot != NULL; m++) {
        struct mu_mode *mode = &config->modes[m];
        if (strlen(mode->name) != (size_t)(dot - name) ||
            memcmp(mode->name, name, (size_t)(dot - name)) != 0) {
            continue;
        }
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            if (strcmp(fields[i].name, dot + 1) == 0) {
                return (uint32_t *)(void *)((char *)mode + fields[i].offset);
            }
        }
    }
    return NULL;
}

static uint64_t *setting(struct mu_settings *settings, const char *name)
{
    const struct {
        const char *name;
        uint64_t *value;
    } all[] = {
#define SETTING(name, default_value, min, max, unit, doc) { #name, &settings->name },
#include "core/settings.def"
#undef SETTING
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i].name, name) == 0) {
            return all[i].value;
        }
    }
    return NULL;
}

/* set NAME NUMBER: a setting, MODE.FIELD, or how many brokers */
bool world_set(struct world *world, const struct words *words)
{
    struct mu_config *config = &world->sim.config;
    struct mu_config_fault fault;
    uint64_t value = 0;
    if (words->count != 3 || mu_parse_u64(words->at[2], 0, UINT32_MAX, &value) != 0) {
        return world_fail(world, "set NAME NUMBER");
    }
    if (world->started) {
        return world_fail(world, "settings come before the first start");
    }
    if (strcmp(words->at[1], "brokers") == 0) {
        world_brokers(world, value >= 1 && value <= SIM_BROKERS_MAX ? (uint32_t)value : 1);
        return world->sim.brokers_count == value ||
               world_fail(world, "1 to %d brokers", SIM_BROKERS_MAX);
    }
    uint64_t *number = setting(&config->settings, words->at[1]);
    uint32_t *mode = mode_number(config, words->at[1]);
    if (number == NULL && mode == NULL) {
        return world_fail(world, "there is no setting \"%s\"", words->at[1]);
    }
    if (number != NULL) {
        *number = value;
    } else {
        *mode = (uint32_t)value;
    }
    mu_config_seal(config);
    return mu_config_check(config, &fault, 1) == 0 ||
           world_fail(world, "%s %s", fault.where, fault.what);
}
