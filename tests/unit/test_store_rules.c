/* The store actor: rule sets, their versions, and who is told of them. */
#include <string.h>

#include "core/key.h"
#include "tests/unit/store_world.h"

static uint64_t seed;
static const char queue[] = "queue/eu-west-1";
#define DOCUMENT                                                                                   \
    "{\"name\": \"duel\", \"ruleLanguageVersion\": \"1.0\", \"teams\": ["                          \
    "{\"name\": \"red\", \"minPlayers\": 1, \"maxPlayers\": 1}, "                                  \
    "{\"name\": \"blue\", \"minPlayers\": 1, \"maxPlayers\": 1}]}"
static const char first_text[] = DOCUMENT " // as it came\n";
static const char second_text[] = DOCUMENT;

static int setup(void **state)
{
    *state = world_create(seed);
    return 0;
}

static int teardown(void **state)
{
    world_destroy(*state);
    return 0;
}

static struct mu_msg put_msg(const char *name, const char *text)
{
    struct mu_msg msg = { .op = MU_OP_RULES_PUT };
    msg.rules_put =
        (struct mu_msg_rules_put){ .text = { (const uint8_t *)text, (uint32_t)strlen(text) } };
    (void)snprintf(msg.rules_put.name, sizeof msg.rules_put.name, "%s", name);
    return msg;
}

static const struct mu_msg_ruleset *put(struct world *world, const char *name, const char *text)
{
    struct mu_msg msg = put_msg(name, text);
    (void)world_ask(world, &msg);
    return &world->reply.ruleset;
}

static const struct mu_msg_ruleset *get(struct world *world, const char *name, uint64_t version)
{
    struct mu_msg msg = { .op = MU_OP_RULES_GET };
    msg.rules_get = (struct mu_msg_rules_get){ .version = version };
    (void)snprintf(msg.rules_get.name, sizeof msg.rules_get.name, "%s", name);
    (void)world_ask(world, &msg);
    return &world->reply.ruleset;
}

static const struct mu_msg_ruleset *activate(struct world *world, const char *name,
                                             uint64_t version)
{
    struct mu_msg msg = { .op = MU_OP_RULES_ACTIVATE };
    msg.rules_activate = (struct mu_msg_rules_activate){ .version = version };
    (void)snprintf(msg.rules_activate.name, sizeof msg.rules_activate.name, "%s", name);
    (void)world_ask(world, &msg);
    return &world->reply.ruleset;
}

static void expect_text(const struct mu_msg_ruleset *ruleset, const char *text)
{
    assert_int_equal(ruleset->text.size, strlen(text));
    assert_memory_equal(ruleset->text.data, text, strlen(text));
}

static void test_put(void **state)
{
    struct world *world = *state;
    const struct mu_msg_ruleset *ruleset = put(world, "ranked", first_text);
    world_expect(world, MU_OP_RULESET);
    assert_int_equal(ruleset->version, 1);
    assert_int_equal(ruleset->active, 1);
    assert_true(ruleset->created);
    assert_int_equal(ruleset->text.size, 0);
    assert_int_equal(strlen(ruleset->hash), 64);
    assert_int_equal(ruleset->created_ms, world->wall_ms);
    assert_int_equal(world->changes_count, world->config.regions_count); /* every queue is told */
    assert_true(world_pushed(world, queue, "ranked"));
    assert_true(world_pushed(world, "queue/us-east-1", "ranked"));
    assert_false(world_pushed(world, "lobby/0", "ranked"));

    ruleset = put(world, "ranked", first_text); /* as it is */
    assert_int_equal(ruleset->version, 1);
    assert_false(ruleset->created);
    assert_int_equal(world->changes_count, 0);

    ruleset = put(world, "ranked", second_text);
    assert_int_equal(ruleset->version, 2);
    assert_true(ruleset->created);
    ruleset = put(world, "duel", first_text); /* numbered for itself */
    assert_int_equal(ruleset->version, 1);

    world_restart(world, false);
    ruleset = get(world, "ranked", 0);
    assert_int_equal(ruleset->version, 2);
    assert_int_equal(ruleset->newest, 2);
    expect_text(ruleset, second_text);
    ruleset = get(world, "ranked", 1);
    assert_int_equal(ruleset->version, 1);
    assert_int_equal(ruleset->active, 2);
    expect_text(ruleset, first_text);
}

static void test_repeat(void **state)
{
    struct world *world = *state;
    struct mu_msg msg = put_msg("ranked", first_text);
    struct world_with with = { .key = "once" };
    (void)world_ask_with(world, &msg, with);
    assert_true(world->reply.ruleset.created);
    (void)put(world, "ranked", second_text);
    (void)world_ask_with(world, &msg, with); /* late: the same answer, and no effect */
    assert_true(world->reply.ruleset.created);
    assert_int_equal(world->reply.ruleset.version, 1);
    assert_int_equal(get(world, "ranked", 0)->version, 2);
    msg = put_msg("ranked", second_text);
    (void)world_ask_with(world, &msg, with);
    world_expect_error(world, MU_ERROR_IDEMPOTENCY_KEY_REUSED);
}

static void test_rollback(void **state)
{
    struct world *world = *state;
    (void)put(world, "ranked", first_text);
    (void)put(world, "ranked", second_text);
    const struct mu_msg_ruleset *ruleset = activate(world, "ranked", 1);
    world_expect(world, MU_OP_RULESET);
    assert_int_equal(ruleset->version, 1);
    assert_int_equal(ruleset->active, 1);
    assert_int_equal(ruleset->newest, 2);
    assert_int_equal(ruleset->text.size, 0);
    assert_true(world_pushed(world, queue, "ranked"));
    expect_text(get(world, "ranked", 0), first_text);
    ruleset = activate(world, "ranked", 1); /* holds already */
    assert_int_equal(ruleset->version, 1);
    assert_int_equal(world->changes_count, 0);
    ruleset = put(world, "ranked", second_text); /* not the active one: a version of its own */
    assert_int_equal(ruleset->version, 3);
    (void)activate(world, "ranked", 4);
    world_expect_error(world, MU_ERROR_RULESET_NOT_FOUND);
    (void)activate(world, "ranked", 0);
    world_expect_error(world, MU_ERROR_VALIDATION_FAILED);
    (void)activate(world, "duel", 1);
    world_expect_error(world, MU_ERROR_RULESET_NOT_FOUND);
}

static void test_refused(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{}}",
        "{} x",
        "{]",
        "{\"a}",
        "{ /* never",
        "7",
        "// only a word",
        "{\"\xff\":1}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)put(world, "ranked", bad[i]);
        world_expect(world, MU_OP_RULES_REFUSED);
        assert_true(world->reply.rules_refused.faults_count >= 1);
        assert_string_not_equal(world->reply.rules_refused.faults[0].detail, "");
        assert_int_equal(world->changes_count, 0);
    }
    (void)get(world, "ranked", 0);
    world_expect_error(world, MU_ERROR_RULESET_NOT_FOUND);
    (void)put(world, "chess", first_text);
    world_expect_error(world, MU_ERROR_GAME_MODE_NOT_FOUND);
    (void)get(world, "ranked", 1);
    world_expect_error(world, MU_ERROR_RULESET_NOT_FOUND);
    (void)get(world, "", 0);
    world_expect_error(world, MU_ERROR_RULESET_NOT_FOUND);

    struct mu_msg msg = put_msg("ranked", "{"); /* refused for good under its key */
    (void)world_ask_with(world, &msg, (struct world_with){ .key = "bad" });
    (void)world_ask_with(world, &msg, (struct world_with){ .key = "bad" });
    world_expect(world, MU_OP_RULES_REFUSED);
}

static void test_list(void **state)
{
    struct world *world = *state;
    struct mu_msg msg = { .op = MU_OP_RULES_LIST };
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_RULES_LISTED);
    assert_int_equal(world->reply.rules_listed.rulesets_count, 0);
    (void)put(world, "ranked", first_text);
    (void)put(world, "ranked", second_text);
    (void)put(world, "casual", first_text);
    (void)world_ask(world, &msg);
    const struct mu_msg_rules_listed *listed = &world->reply.rules_listed;
    assert_int_equal(listed->rulesets_count, 2);
    assert_string_equal(listed->rulesets[0].name, "casual");
    assert_string_equal(listed->rulesets[1].name, "ranked");
    assert_int_equal(listed->rulesets[1].version, 2);
    assert_int_equal(listed->rulesets[1].text.size, 0);
}

/* A follower has them in its snapshot, with what they say. */
static void test_followed(void **state)
{
    struct world *world = *state;
    (void)put(world, "ranked", first_text);
    uint64_t fence = world_fence(world, queue);
    struct mu_msg msg = { .op = MU_OP_FOLLOW_SCAN };
    msg.follow_scan = (struct mu_msg_follow_scan){ .after = "" };
    memcpy(msg.follow_scan.partition, queue, sizeof queue);
    (void)world_ask_with(world, &msg, (struct world_with){ .fence = fence });
    const struct mu_msg_changes *changes = &world->reply.changes;
    assert_int_equal(changes->changes_count, 1);
    assert_int_equal(changes->changes[0].table, MU_TABLE_RULESET);
    struct mu_msg *record = calloc(1, sizeof *record);
    assert_int_equal(mu_msg_decode(world->decoder, MU_OP_RULESET, changes->changes[0].record.data,
                                   changes->changes[0].record.size, record),
                     0);
    assert_int_equal(record->ruleset.version, 1);
    expect_text(&record->ruleset, first_text);
    free(record);
    uint64_t seq = changes->head;
    (void)put(world, "ranked", second_text);
    msg.op = MU_OP_FOLLOW_SINCE;
    msg.follow_since = (struct mu_msg_follow_since){ .seq = seq };
    memcpy(msg.follow_since.partition, queue, sizeof queue);
    (void)world_ask_with(world, &msg, (struct world_with){ .fence = fence });
    assert_int_equal(world->reply.changes.changes_count, 1);
    assert_int_equal(world->reply.changes.changes[0].seq, seq + 1);
    assert_string_equal(world->reply.changes.changes[0].id, "ranked");
}

/* A region that came after a rule set was put: its shard learns of it when it takes the epoch. */
static void test_new_region(void **state)
{
    struct world *world = *state;
    struct mu_config all = world->config;
    world->config.regions_count = 1;
    mu_config_seal(&world->config);
    world_restart(world, false);
    (void)put(world, "ranked", first_text);
    assert_int_equal(world->changes_count, 1);
    world->config = all;
    world_restart(world, false);
    const char *name = all.regions[1].name;
    char partition[MU_ADDRESS_MAX + 1];
    (void)snprintf(partition, sizeof partition, "queue/%s", name);
    (void)world_epoch(world, partition);
    assert_true(world_pushed(world, partition, "ranked"));
    (void)world_epoch(world, partition);
    assert_int_equal(world->changes_count, 0); /* once is enough */
}

static void test_largest(void **state)
{
    struct world *world = *state;
    char *text = malloc(65537);
    memset(text, ' ', 65536);
    memcpy(text, second_text, strlen(second_text));
    text[65536] = '\0';
    assert_int_equal(put(world, "ranked", text)->version, 1);
    expect_text(get(world, "ranked", 0), text);
    free(text);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        CASE(put),  CASE(repeat),   CASE(rollback),   CASE(refused),
        CASE(list), CASE(followed), CASE(new_region), CASE(largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
