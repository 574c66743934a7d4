/* The store actor: whose partition it is, and when another process may have it. */
#include <string.h>

#include "core/follow.h"
#include "tests/unit/store_world.h"

enum { TAKEOVER_MS = 3000, FIRST = 11, SECOND = 12, THIRD = 13 };

static uint64_t seed;
static const char queue[] = "queue/eu-west-1";

static int setup(void **state)
{
    struct world *world = world_create(seed);
    assert_int_equal(world->config.settings.takeover_ms, TAKEOVER_MS);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    world_destroy(*state);
    return 0;
}

/* Asks for the queue.  Returns its epoch, or 0 when it is somebody else's. */
static uint64_t take(struct world *world, uint64_t incarnation, const char *holder)
{
    struct mu_msg msg = { .op = MU_OP_EPOCH_TAKE };
    msg.epoch_take = (struct mu_msg_epoch_take){ .incarnation = incarnation };
    memcpy(msg.epoch_take.partition, queue, sizeof queue);
    (void)snprintf(msg.epoch_take.holder, sizeof msg.epoch_take.holder, "%s", holder);
    (void)world_ask(world, &msg);
    if (world->reply.op == MU_OP_ERROR) {
        world_expect_error(world, MU_ERROR_OWNED);
        assert_in_range(world->reply.error.retry_after_ms, 1, TAKEOVER_MS);
        return 0;
    }
    world_expect(world, MU_OP_EPOCH);
    assert_int_equal(world->reply.epoch.incarnation, incarnation);
    assert_string_equal(world->reply.epoch.holder, holder);
    return world->reply.epoch.epoch;
}

/* A sign of life of the owner, or of one who was it. */
static bool beat(struct world *world, uint64_t fence)
{
    struct mu_msg msg = { .op = MU_OP_FOLLOW_SINCE };
    msg.follow_since = (struct mu_msg_follow_since){ .seq = 0 };
    memcpy(msg.follow_since.partition, queue, sizeof queue);
    return world_ask_with(world, &msg, (struct world_with){ .fence = fence })->op == MU_OP_CHANGES;
}

static bool release(struct world *world, uint64_t fence)
{
    struct mu_msg msg = { .op = MU_OP_EPOCH_RELEASE };
    memcpy(msg.epoch_release.partition, queue, sizeof queue);
    (void)world_ask_with(world, &msg, (struct world_with){ .fence = fence });
    if (world->reply.op == MU_OP_ERROR) {
        world_expect_error(world, MU_ERROR_FENCED);
        return false;
    }
    world_expect(world, MU_OP_EPOCH);
    return true;
}

/* Asks again and again, as one who stands by.  Returns after how long it has the queue. */
static int64_t stand_by(struct world *world, uint64_t incarnation, const char *holder)
{
    int64_t begun_ms = world->now_ms;
    while (take(world, incarnation, holder) == 0) {
        assert_true(world->now_ms - begun_ms < 10 * TAKEOVER_MS);
        world_advance(world, MU_FOLLOW_STANDBY_MS);
    }
    return world->now_ms - begun_ms;
}

static void test_an_owner_that_is_heard_keeps_it(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, FIRST, "one"), 1);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(take(world, SECOND, "two"), 0);
        world_advance(world, 500);
        assert_true(beat(world, 1));
    }
    assert_int_equal(take(world, FIRST, "one"), 1); /* nothing has changed */
}

/* What is no word of the owner does not count as one. */
static void test_a_silent_owner_loses_it(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, FIRST, "one"), 1);
    assert_int_equal(take(world, SECOND, "two"), 0);
    for (int i = 0; i < 5; i++) {
        world_advance(world, 500);
        assert_true(beat(world, 0)); /* of a reader */
        assert_false(beat(world, 7));
        assert_int_equal(take(world, SECOND, "two"), 0);
    }
    assert_int_equal(world->reply.error.retry_after_ms, TAKEOVER_MS - 2500);
    world_advance(world, 499);
    assert_int_equal(take(world, SECOND, "two"), 0);
    world_advance(world, 1);
    assert_int_equal(take(world, SECOND, "two"), 2);
    assert_false(beat(world, 1)); /* the zombie is fenced */
    assert_false(release(world, 1));
    assert_int_equal(take(world, THIRD, "one"), 0); /* and stands by when it has started again */
}

static void test_the_same_holder_has_it_at_once(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, FIRST, "one"), 1);
    assert_int_equal(take(world, SECOND, "one"), 2);
    world_restart(world, false); /* the name is durable */
    assert_int_equal(take(world, THIRD, "one"), 3);
}

static void test_without_a_name(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, FIRST, "one"), 1);
    assert_int_equal(take(world, SECOND, ""), 2);   /* older software asks */
    assert_int_equal(take(world, THIRD, "one"), 0); /* and it keeps what it has, too */
    assert_true(stand_by(world, THIRD, "one") >= TAKEOVER_MS - MU_FOLLOW_STANDBY_MS);
}

static void test_release(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, FIRST, "one"), 1);
    assert_false(release(world, 0));
    assert_false(release(world, 2));
    assert_int_equal(take(world, SECOND, "two"), 0);
    assert_true(release(world, 1));
    assert_true(release(world, 1));                 /* the answer was lost */
    assert_int_equal(take(world, FIRST, "one"), 1); /* a late repeat takes nothing back */
    assert_int_equal(take(world, SECOND, "two"), 2);
    assert_false(release(world, 1)); /* late: it is the next owner's */
    assert_int_equal(take(world, THIRD, "three"), 0);
    assert_true(beat(world, 2));
    struct mu_msg msg = { .op = MU_OP_EPOCH_RELEASE };
    msg.epoch_release = (struct mu_msg_epoch_release){ .partition = "queue/mars" };
    (void)world_ask_with(world, &msg, (struct world_with){ .fence = 2 });
    world_expect_error(world, MU_ERROR_NOT_FOUND);
}

/* Nobody could be heard while there was no store. */
static void test_after_a_restart(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, FIRST, "one"), 1);
    assert_true(release(world, 1));
    world_advance(world, 60000);
    world_restart(world, false);
    int64_t waited_ms = stand_by(world, SECOND, "two"); /* that it was released is forgotten */
    assert_in_range(waited_ms, TAKEOVER_MS, TAKEOVER_MS + MU_FOLLOW_STANDBY_MS);
}

/* When everybody was silent it was the store that was away: a pause, or its broker. */
static void test_a_silence_of_all(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, FIRST, "one"), 1);
    assert_int_equal(take(world, SECOND, "two"), 0);
    world_advance(world, 10 * TAKEOVER_MS);
    assert_int_equal(take(world, SECOND, "two"), 0);
    world_advance(world, 900);
    assert_true(beat(world, 1));
    int64_t waited_ms = stand_by(world, SECOND, "two");
    assert_in_range(waited_ms, TAKEOVER_MS, TAKEOVER_MS + MU_FOLLOW_STANDBY_MS);
}

/* Partitions have nothing to do with each other. */
static void test_each_for_itself(void **state)
{
    struct world *world = *state;
    struct mu_msg msg = { .op = MU_OP_EPOCH_TAKE };
    assert_int_equal(take(world, FIRST, "one"), 1);
    msg.epoch_take = (struct mu_msg_epoch_take){ .partition = "lobby/0",
                                                 .incarnation = SECOND,
                                                 .holder = "two" };
    (void)world_ask(world, &msg);
    world_expect(world, MU_OP_EPOCH);
    assert_int_equal(take(world, SECOND, "two"), 0);
    world->owners[1] = FIRST;
    assert_true(release(world, 1));
    msg.epoch_take.incarnation = FIRST;
    memcpy(msg.epoch_take.holder, "one", sizeof "one");
    (void)world_ask(world, &msg);
    world_expect_error(world, MU_ERROR_OWNED);
}

/* Who knows an epoch, but is not who got it, does nothing with it; nor does he ask for others. */
static void test_an_epoch_is_its_owners_alone(void **state)
{
    struct world *world = *state;
    assert_int_equal(take(world, FIRST, "one"), 1);
    world->owners[1] = SECOND; /* who sends it */
    assert_false(beat(world, 1));
    assert_string_equal(world->reply.error.detail, "epoch 1 is another process's: one");
    assert_false(release(world, 1));
    assert_false(beat(world, 7));
    assert_string_equal(world->reply.error.detail, "epoch 7, the partition is at 1 and with one");
    world->owners[1] = FIRST;
    assert_true(beat(world, 1));
    struct mu_msg_envelope envelope = { .version = 1,
                                        .frame = MU_FRAME_REQUEST,
                                        .op = MU_OP_EPOCH_TAKE,
                                        .source = "#00000000000000aa",
                                        .incarnation = SECOND,
                                        .sequence = ++world->sequence,
                                        .budget_ms = 1000 };
    const struct mu_event ev = {
        .type = MU_EV_MESSAGE,
        .now_ms = world->now_ms,
        .wall_ms = world->wall_ms,
        .envelope = &envelope,
        .msg = &(struct mu_msg){ .op = MU_OP_EPOCH_TAKE,
                                 .epoch_take = { .incarnation = FIRST,
                                                 .partition = "queue/eu-west-1",
                                                 .holder = "one" } },
    };
    assert_int_equal(world->actor->ops->step(world->actor, &ev, world->out), 0);
    assert_int_equal(world_batch_end(world), 0);
    world_expect_error(world, MU_ERROR_BAD_REQUEST);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_an_owner_that_is_heard_keeps_it),
        TEST(test_a_silent_owner_loses_it),
        TEST(test_the_same_holder_has_it_at_once),
        TEST(test_without_a_name),
        TEST(test_release),
        TEST(test_after_a_restart),
        TEST(test_a_silence_of_all),
        TEST(test_each_for_itself),
        TEST(test_an_epoch_is_its_owners_alone),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
