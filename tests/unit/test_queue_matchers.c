/* Matchers that come and go: the queue shard alone; the test plays each of them. */
#include "actors/queue_shard.h"
#include "tests/unit/queue_world.h"

enum { OTHERS_MAX = 80, SHARDS = 6, MATCHERS = 9 };

/* What the shard has told: who has which slice, as the matchers know it. */
struct owner {
    char matcher[MU_ADDRESS_MAX + 1];
    uint64_t generation;
};
static struct owner owners[MATCHER_MODES];

static const char *name_of(uint32_t number)
{
    static char name[MU_ADDRESS_MAX + 1];
    (void)snprintf(name, sizeof name, "#%016x", number + 1);
    return name;
}

static uint32_t mode_of(const char *mode)
{
    for (uint32_t i = 0; i < MATCHER_MODES; i++) {
        if (strcmp(rig.config.modes[i].name, mode) == 0) {
            return i;
        }
    }
    fail();
    return 0;
}

static void ack_from(const char *source, uint32_t mode, uint64_t seq)
{
    memset(&rig.msg.pool_ack, 0, sizeof rig.msg.pool_ack);
    rig.msg.op = MU_OP_POOL_ACK;
    rig.msg.pool_ack.generation = owners[mode].generation;
    rig.msg.pool_ack.seq = seq;
    (void)snprintf(rig.msg.pool_ack.mode, sizeof rig.msg.pool_ack.mode, "%s",
                   rig.config.modes[mode].name);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, source, 0), 0);
}

/* Reads the outbox: who was given what, and from whom it was taken.  Matchers below `deaf`
 * acknowledge.  Returns how many slices changed hands. */
static uint32_t listen(uint32_t deaf)
{
    static struct {
        uint32_t mode;
        uint64_t seq;
        char source[MU_ADDRESS_MAX + 1];
    } heard[512];
    uint32_t count = 0;
    uint32_t moved = 0;
    for (uint32_t i = 0; rig_find(&rig, MU_OP_POOL_SYNC, i); i++) {
        const struct mu_msg_pool_sync *sync = &rig.msg.pool_sync;
        const char *to = rig.envelope->destination;
        struct owner *owner = &owners[mode_of(sync->mode)];
        assert_int_equal(sync->slice, 0);
        if (sync->over) {
            assert_string_equal(owner->matcher, to);
            assert_true(owner->generation == sync->generation);
            owner->matcher[0] = '\0';
            continue;
        }
        assert_true(sync->generation >= owner->generation);
        if (sync->seq == 1 && strcmp(owner->matcher, to) != 0) {
            assert_string_equal(owner->matcher, ""); /* it was told that it is over */
            (void)snprintf(owner->matcher, sizeof owner->matcher, "%s", to);
            moved++;
        }
        assert_string_equal(owner->matcher, to);
        owner->generation = sync->generation;
        assert_true(count < sizeof heard / sizeof heard[0]);
        heard[count].mode = mode_of(sync->mode);
        heard[count].seq = sync->seq;
        (void)snprintf(heard[count++].source, sizeof heard[0].source, "%s", to);
    }
    rig_clear(&rig);
    for (uint32_t i = 0; i < count; i++) {
        bool hears = false;
        for (uint32_t k = 0; k < deaf; k++) {
            hears = hears || strcmp(name_of(k), heard[i].source) == 0;
        }
        if (hears && strcmp(owners[heard[i].mode].matcher, heard[i].source) == 0) {
            ack_from(heard[i].source, heard[i].mode, heard[i].seq);
        }
    }
    return moved;
}

static uint32_t slices_of(const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < MATCHER_MODES; i++) {
        count += strcmp(owners[i].matcher, name) == 0;
    }
    return count;
}

/* Time passes; matchers first..last-1 say that they are here, and all below `deaf` acknowledge.
 * Returns how many slices changed hands. */
static uint32_t run(int64_t ms, uint32_t first, uint32_t last, uint32_t deaf)
{
    uint32_t moved = 0;
    for (int64_t passed = 0; passed <= ms; passed += 50) {
        for (uint32_t i = first; i < last && passed % 250 == 0; i++) {
            char name[MU_ADDRESS_MAX + 1];
            (void)snprintf(name, sizeof name, "%s", name_of(i));
            here_from(name, slices_of(name), false);
        }
        rig_batch_end(&rig);
        moved += listen(deaf);
        rig_advance(&rig, passed < ms ? 50 : 0);
        moved += listen(deaf);
    }
    return moved;
}

static void world_begin(uint32_t matchers)
{
    log_seq = 10;
    memset(owners, 0, sizeof owners);
    rig_begin(&rig, &mu_queue_ops, "queue/eu-west-1");
    serve();
    (void)run(1000, 0, matchers, matchers);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < matchers; i++) {
        sum += slices_of(name_of(i));
    }
    assert_int_equal(sum, MATCHER_MODES);
}

static void check_shares(uint32_t first, uint32_t last)
{
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    uint32_t sum = 0;
    for (uint32_t i = first; i < last; i++) {
        uint32_t slices = slices_of(name_of(i));
        least = slices < least ? slices : least;
        most = slices > most ? slices : most;
        sum += slices;
    }
    assert_int_equal(sum, MATCHER_MODES);
    assert_true(most <= least + 1);
}

/* Each that joins takes its share within a second, with no more moves than that takes. */
static void test_joining(void **state)
{
    (void)state;
    world_begin(1);
    assert_int_equal(counter(MU_COUNTER_MATCHERS), 1);
    for (uint32_t matchers = 2; matchers <= MATCHER_MODES; matchers++) {
        uint32_t moved = run(500, 0, matchers, matchers);
        check_shares(0, matchers);
        assert_true(moved <= (MATCHER_MODES + matchers - 1) / matchers);
    }
    assert_int_equal(counter(MU_COUNTER_MATCHERS), MATCHER_MODES);
    assert_int_equal(run(20000, 0, MATCHER_MODES, MATCHER_MODES), 0); /* then all stays */
    rig_end(&rig);
}

static void test_draining(void **state)
{
    (void)state;
    world_begin(3);
    check_shares(0, 3);
    char name[MU_ADDRESS_MAX + 1];
    (void)snprintf(name, sizeof name, "%s", name_of(1));
    here_from(name, 2, true);
    rig_batch_end(&rig);
    assert_int_equal(listen(3), 2); /* at once, with its next breath */
    assert_int_equal(slices_of(name), 0);
    here_from(name, 0, true);
    (void)run(1000, 2, 3, 3);
    assert_int_equal(slices_of(name), 0);
    assert_int_equal(slices_of(name_of(0)) + slices_of(name_of(2)), MATCHER_MODES);
    rig_end(&rig);

    /* The only one hands over to nobody: it may end; and whoever comes has all. */
    world_begin(1);
    (void)snprintf(name, sizeof name, "%s", name_of(0));
    here_from(name, MATCHER_MODES, true);
    rig_batch_end(&rig);
    assert_int_equal(listen(1), 0);
    assert_int_equal(slices_of(name), 0);
    assert_int_equal(counter(MU_COUNTER_MATCHERS), 0);
    assert_false(shown.ready);
    (void)run(250, 5, 6, 6);
    assert_int_equal(slices_of(name_of(5)), MATCHER_MODES);
    assert_int_equal(counter(MU_COUNTER_MATCHERS), 1);
    rig_end(&rig);
}

/* One that is killed says nothing more. */
static void test_silence(void **state)
{
    (void)state;
    world_begin(2);
    check_shares(0, 2);
    (void)run(MU_QUEUE_SILENCE_MS - 300, 1, 2, 2);
    assert_int_equal(slices_of(name_of(0)), MATCHER_MODES / 2); /* it acknowledges still */
    uint32_t moved = run(MU_QUEUE_SILENCE_MS + 50, 1, 2, 0);
    assert_int_equal(moved >= MATCHER_MODES / 2, true);
    (void)run(500, 1, 2, 2);
    assert_int_equal(slices_of(name_of(1)), MATCHER_MODES);
    rig_end(&rig);
}

/* One that is slow, and says something every three seconds only, loses its slices once: then it is
 * known to be so.  What it is given is said again until it takes it. */
static void test_slow(void **state)
{
    (void)state;
    world_begin(1);
    char name[MU_ADDRESS_MAX + 1];
    (void)snprintf(name, sizeof name, "%s", name_of(0));
    uint32_t moved = 0;
    for (uint32_t i = 0; i < 5; i++) {
        rig_advance(&rig, 2900);
        moved += listen(0);
        here_from(name, MATCHER_MODES, false);
        rig_batch_end(&rig);
        moved += listen(0);
        for (uint32_t k = 0; k < MATCHER_MODES; k++) {
            ack_from(name, k, 1);
        }
        assert_true(i == 0 || moved == MATCHER_MODES);
    }
    assert_int_equal(slices_of(name), MATCHER_MODES);
    rig_end(&rig);

    log_seq = 10;
    memset(owners, 0, sizeof owners);
    rig_begin(&rig, &mu_queue_ops, "queue/eu-west-1");
    serve();
    here_from(name, 0, false);
    rig_batch_end(&rig);
    rig_clear(&rig); /* all of it is lost */
    rig_advance(&rig, MU_QUEUE_KEEPALIVE_MS);
    assert_int_equal(rig_count(&rig, MU_OP_POOL_SYNC), MATCHER_MODES);
    assert_true(find_sync("ranked", 0));
    assert_int_equal(rig.msg.pool_sync.generation, 1);
    assert_int_equal(rig.msg.pool_sync.seq, 1);
    rig_end(&rig);
}

/* One that takes nothing, because it is of another configuration, costs the others nothing. */
static void test_refusing(void **state)
{
    (void)state;
    world_begin(2);
    for (uint32_t i = 0; i < 20; i++) {
        (void)run(500, 0, 3, 2); /* the third one is deaf */
        assert_true(slices_of(name_of(2)) <= 1);
    }
    assert_int_equal(counter(MU_COUNTER_MATCHERS), 2);
    rig_end(&rig);
}

/* Slices of other shards count, too. */
static void test_others(void **state)
{
    (void)state;
    log_seq = 10;
    memset(owners, 0, sizeof owners);
    rig_begin(&rig, &mu_queue_ops, "queue/eu-west-1");
    serve();
    here_from(name_of(0), 40, false);
    here_from(name_of(1), 0, false);
    rig_batch_end(&rig);
    (void)listen(2);
    (void)run(0, 0, 0, 2);
    assert_true(slices_of(name_of(1)) >= MATCHER_MODES - 1);
    rig_end(&rig);
}

/* Whatever happens: each slice is with one that is here, and nobody is known who is not. */
static void test_anything(void **state)
{
    (void)state;
    bool here[OTHERS_MAX] = { false };
    bool left[OTHERS_MAX] = { false }; /* who has drained does not come back */
    world_begin(1);
    here[0] = true;
    for (uint32_t i = 0; i < 400; i++) {
        uint32_t number = (uint32_t)mu_rng_below(&rng, OTHERS_MAX);
        char name[MU_ADDRESS_MAX + 1];
        (void)snprintf(name, sizeof name, "%s", name_of(number));
        if (mu_rng_below(&rng, 3) != 0) {
            here[number] = !left[number];
        } else if (here[number] && mu_rng_below(&rng, 2) == 0) {
            here[number] = false;
            left[number] = number >= 5;
            here_from(name, slices_of(name), number >= 5);
        } else {
            here[number] = false; /* killed */
        }
        for (uint32_t k = 0; k < OTHERS_MAX; k++) {
            if (here[k]) {
                char other[MU_ADDRESS_MAX + 1];
                (void)snprintf(other, sizeof other, "%s", name_of(k));
                here_from(other, slices_of(other), false);
            }
        }
        rig_batch_end(&rig);
        (void)listen(OTHERS_MAX);
        rig_advance(&rig, 100);
        (void)listen(OTHERS_MAX);
    }
    for (uint32_t k = 0; k < OTHERS_MAX; k++) {
        here[k] = k < 5;
    }
    (void)run(MU_QUEUE_SILENCE_MS_MAX + 6000, 0, 5, 5);
    uint32_t sum = 0;
    for (uint32_t k = 0; k < 5; k++) {
        sum += slices_of(name_of(k));
        assert_true(slices_of(name_of(k)) <= 2);
    }
    assert_int_equal(sum, MATCHER_MODES);
    rig_end(&rig);
}

/* Several shards, one after the other in `rig` and `owners`. */
static struct {
    struct rig rig;
    struct owner owners[MATCHER_MODES];
} shards[SHARDS];

static void turn_to(uint32_t from, uint32_t to)
{
    shards[from].rig = rig;
    memcpy(shards[from].owners, owners, sizeof owners);
    rig = shards[to].rig;
    memcpy(owners, shards[to].owners, sizeof owners);
}

static uint32_t slices_of_all(const char *name)
{
    uint32_t count = slices_of(name); /* of shard 0, which is at hand */
    for (uint32_t i = 1; i < SHARDS; i++) {
        for (uint32_t k = 0; k < MATCHER_MODES; k++) {
            count += strcmp(shards[i].owners[k].matcher, name) == 0;
        }
    }
    return count;
}

/* Time passes for all shards; matchers 0..matchers-1 say to each how many slices they have. */
static uint32_t run_all(int64_t ms, uint32_t matchers)
{
    uint32_t moved = 0;
    for (int64_t passed = 0; passed < ms; passed += 50) {
        uint32_t told[MATCHERS] = { 0 };
        for (uint32_t i = 0; i < matchers; i++) {
            told[i] = slices_of_all(name_of(i));
        }
        for (uint32_t i = 0; i < SHARDS; i++) {
            turn_to(i == 0 ? 0 : i - 1, i);
            for (uint32_t k = 0; k < matchers && passed % 250 == 0; k++) {
                here_from(name_of(k), told[k], false);
            }
            rig_batch_end(&rig);
            moved += listen(matchers);
            rig_advance(&rig, 50);
            moved += listen(matchers);
        }
        turn_to(SHARDS - 1, 0);
    }
    return moved;
}

/* All shards see the same, and none does the others' part. */
static void test_shards(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SHARDS; i++) {
        log_seq = 10;
        memset(owners, 0, sizeof owners);
        rig_begin(&rig, &mu_queue_ops, "queue/eu-west-1");
        ((struct queue_shard *)(void *)rig.actor)->dice.state = mu_rng_next(&rng);
        serve();
        shards[i].rig = rig;
        memset(shards[i].owners, 0, sizeof owners);
    }
    rig = shards[0].rig;
    (void)run_all(1000, 1);
    assert_int_equal(slices_of_all(name_of(0)), SHARDS * MATCHER_MODES);
    for (uint32_t matchers = 2; matchers <= MATCHERS; matchers++) {
        uint32_t share = SHARDS * MATCHER_MODES / matchers;
        (void)run_all(1000, matchers);
        assert_true(slices_of_all(name_of(matchers - 1)) >= share / 3);
        (void)run_all(20000, matchers);
        for (uint32_t i = 0; i < matchers; i++) {
            assert_in_range(slices_of_all(name_of(i)), share / 2, share + share / 2 + 1);
        }
        assert_in_range(run_all(20000, matchers), 0, 3); /* nothing goes to and fro */
    }
    for (uint32_t i = 0; i < SHARDS; i++) {
        turn_to(i == 0 ? 0 : i - 1, i);
        rig_end(&rig);
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joining), cmocka_unit_test(test_draining),
        cmocka_unit_test(test_silence), cmocka_unit_test(test_refusing),
        cmocka_unit_test(test_others),  cmocka_unit_test(test_anything),
        cmocka_unit_test(test_shards),  cmocka_unit_test(test_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
