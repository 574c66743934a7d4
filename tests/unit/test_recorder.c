/* tests/unit/test_recorder.c - the actor that reads along, beside a store: it begins when it knows
 * all partitions, learns what happens, ends in order, and says what it could not learn. */
#include <string.h>

#include <sodium.h>

#include "tests/unit/recording_world.h"
#include "tests/unit/store_world.h"
#include "tools/recorder.h"

static uint64_t seed;

struct rig {
    struct world *world; /* the store */
    struct recording_text tickets;
    struct mu_record_file file; /* that the recorder flushes: nothing is in it */
    volatile sig_atomic_t asked;
    struct mu_recorder_job job;
    struct mu_recorder_config config;
    struct mu_actor *recorder;
    struct mu_outbox *out;
    bool deaf; /* no answer arrives */
};

/* `lobbies` is how many lobby partitions there are. */
static struct rig *rig_create_with(int64_t duration_ms, uint64_t lobbies)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->world = world_create(seed);
    rig->world->config.settings.lobbies = lobbies;
    world_restart(rig->world, false);
    rig->config = (struct mu_recorder_config){ .config = rig->world->config, .job = &rig->job };
    rig->file.file = -1;
    const struct mu_recording_options options = {
        .config = &rig->config.config,
        .modes = (1u << rig->config.config.modes_count) - 1,
        .name = "test",
        .version = "1",
        .write_ticket = recording_take,
        .tickets = &rig->tickets,
    };
    rig->job = (struct mu_recorder_job){
        .recording = mu_recording_create(&options),
        .tickets = &rig->file,
        .duration_ms = duration_ms,
        .asked = &rig->asked,
    };
    rig->out = mu_outbox_create(7);
    assert_non_null(rig->job.recording);
    assert_non_null(rig->out);
    return rig;
}

static struct rig *rig_create(int64_t duration_ms)
{
    return rig_create_with(duration_ms, 1);
}

static void rig_destroy(struct rig *rig)
{
    mu_recorder_ops.destroy(rig->recorder);
    mu_recording_destroy(rig->job.recording);
    mu_outbox_destroy(rig->out);
    world_destroy(rig->world);
    free(rig->tickets.bytes);
    free(rig);
}

static void rig_step(struct rig *rig, enum mu_event_type type,
                     const struct mu_msg_envelope *envelope, const struct mu_msg *msg)
{
    const struct mu_event event = {
        .type = type,
        .now_ms = rig->world->now_ms,
        .wall_ms = rig->world->wall_ms,
        .envelope = envelope,
        .msg = msg,
    };
    assert_int_equal(rig->recorder->ops->step(rig->recorder, &event, rig->out), 0);
    mu_recorder_ops.check(rig->recorder);
}

/* Answers what the recorder asks, until it asks no more. */
static void rig_answer(struct rig *rig)
{
    struct mu_msg request;
    for (uint32_t i = 0; i < rig->out->count; i++) {
        const struct mu_outbox_entry entry = rig->out->entries[i];
        assert_int_equal(entry.envelope.fence, 0); /* it owns nothing */
        assert_int_equal(mu_msg_decode(rig->world->decoder, (uint32_t)entry.envelope.op,
                                       rig->out->bytes + entry.offset, entry.size, &request),
                         0);
        const struct mu_msg_envelope envelope = {
            .frame = MU_FRAME_REPLY,
            .answers_incarnation = entry.envelope.incarnation,
            .answers_sequence = entry.envelope.sequence,
        };
        if (!rig->deaf) {
            rig_step(rig, MU_EV_MESSAGE, &envelope, world_ask(rig->world, &request));
        }
    }
    mu_outbox_clear(rig->out);
}

static void rig_start(struct rig *rig)
{
    const struct mu_actor_env env = {
        .partition = "", .seed = seed, .incarnation = 7, .config = &rig->config.config
    };
    assert_int_equal(mu_recorder_ops.create(&env, &rig->recorder), 0);
    rig_step(rig, MU_EV_START, NULL, NULL);
    rig_answer(rig);
}

/* Time passes for both. */
static void rig_pass(struct rig *rig, int64_t ms)
{
    int64_t until = rig->world->now_ms + ms;
    while (rig->world->now_ms < until && rig->job.ended == 0) {
        int64_t due = rig->recorder->ops->deadline(rig->recorder);
        int64_t step = due > until ? until - rig->world->now_ms : due - rig->world->now_ms;
        if (step > 0) {
            world_advance(rig->world, step);
        }
        if (due <= rig->world->now_ms) {
            rig_step(rig, MU_EV_TIMER, NULL, NULL);
            rig_answer(rig);
        }
    }
}

static uint32_t count_lines(const struct rig *rig)
{
    uint32_t ret = 0;
    for (size_t i = 0; i < rig->tickets.used; i++) {
        ret += rig->tickets.bytes[i] == '\n' ? 1 : 0;
    }
    return ret;
}

static void enqueue(struct rig *rig, const char *name)
{
    char player[1][MU_ID_MAX + 1];
    char ticket[MU_ID_MAX + 1];
    world_register(rig->world, name, player[0]);
    world_enqueue(rig->world, "ranked", "eu-west-1", 1, player, ticket);
}

static void test_it_records(void **state)
{
    (void)state;
    struct rig *rig = rig_create(20000);
    char players[2][MU_ID_MAX + 1];
    char match[MU_ID_MAX + 1];
    enqueue(rig, "ann");
    rig_start(rig);
    assert_true(rig->job.begun);
    assert_int_equal(count_lines(rig), 1); /* the header */
    rig_pass(rig, 1000);
    enqueue(rig, "bob");
    world_register(rig->world, "cid", players[0]);
    world_register(rig->world, "dee", players[1]);
    world_form(rig->world, "duel", "eu-west-1", 2, players, match);
    rig_pass(rig, 18000);
    assert_int_equal(rig->job.ended, 0);
    rig_pass(rig, 5000);
    assert_int_equal(rig->job.ended, 1);
    assert_int_equal(rig->job.end_ms - rig->job.start_ms, 20000);
    assert_int_equal(rig->job.missing_ms, 0);
    assert_int_equal(rig->job.failed, 0);
    assert_int_equal(rig->job.gaps, 0);
    assert_string_equal(rig->job.problem, "");
    assert_int_equal(count_lines(rig), 1 + 4);
    const struct mu_recording_counts *counts = mu_recording_counts(rig->job.recording);
    int32_t duel = mu_config_mode(&rig->config.config, "duel");
    int32_t ranked = mu_config_mode(&rig->config.config, "ranked");
    assert_int_equal(counts->modes[duel].matched, 2);
    assert_int_equal(counts->modes[duel].matches, 1);
    assert_int_equal(counts->modes[ranked].waiting, 2);
    rig_destroy(rig);
}

/* A match is in one lobby's log and then in another's: it is one match. */
static void test_several_lobbies(void **state)
{
    enum { MATCHES = 8 };
    (void)state;
    struct rig *rig = rig_create_with(20000, 3);
    char players[2 * MATCHES][MU_ID_MAX + 1];
    char server[MU_ID_MAX + 1];
    struct mu_msg msg = { .op = MU_OP_MATCH_ALLOCATE };
    uint32_t homes = 0;
    rig->world->config.modes[mu_config_mode(&rig->world->config, "duel")].accept_ms = 0;
    world_server(rig->world, "eu-west-1", MATCHES, server);
    rig_start(rig);
    assert_true(rig->job.begun);
    rig_pass(rig, 1000);
    for (uint32_t i = 0; i < 2 * MATCHES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "player%u", i);
        world_register(rig->world, name, players[i]);
    }
    for (uint32_t i = 0; i < MATCHES; i++) {
        msg.match_allocate = (struct mu_msg_match_allocate){ .server = "" };
        world_form(rig->world, "duel", "eu-west-1", 2, players + 2 * i, msg.match_allocate.match);
        homes |= UINT32_C(1) << mu_placement_id(msg.match_allocate.match, 3);
        rig_pass(rig, 300);
        memcpy(msg.match_allocate.server, server, sizeof server);
        (void)world_ask(rig->world, &msg);
        world_expect(rig->world, MU_OP_MATCH);
        rig_pass(rig, 300);
    }
    assert_int_not_equal(homes & (homes - 1), 0); /* in more than one of them */
    rig_pass(rig, 30000);
    assert_int_equal(rig->job.ended, 1);
    const struct mu_recording_counts *counts = mu_recording_counts(rig->job.recording);
    int32_t duel = mu_config_mode(&rig->config.config, "duel");
    assert_int_equal(counts->modes[duel].matched, 2 * MATCHES);
    assert_int_equal(counts->modes[duel].matches, MATCHES);
    rig_destroy(rig);
}

static void test_it_ends_when_it_is_asked(void **state)
{
    (void)state;
    struct rig *rig = rig_create(0);
    rig_start(rig);
    rig_pass(rig, 60000);
    assert_int_equal(rig->job.ended, 0);
    enqueue(rig, "ann");
    rig->asked = 1;
    rig_pass(rig, 2000);
    assert_int_equal(rig->job.ended, 1);
    assert_int_equal(rig->job.missing_ms, 0);
    assert_int_equal(count_lines(rig), 1 + 1); /* what came last, too */
    rig_destroy(rig);
}

static void test_a_store_that_is_silent_at_the_end(void **state)
{
    (void)state;
    struct rig *rig = rig_create(0);
    rig_start(rig);
    rig_pass(rig, 10000);
    rig->deaf = true;
    rig_pass(rig, 3000);
    rig->asked = 1;
    rig_pass(rig, 2 * MU_RECORDER_FINISH_MS);
    assert_int_equal(rig->job.ended, 1);
    assert_in_range(rig->job.missing_ms, 3000, 3000 + MU_RECORDER_MARGIN_MS + 1000);
    rig_destroy(rig);
}

static void test_a_log_that_is_lost(void **state)
{
    (void)state;
    struct rig *rig = rig_create(0);
    rig_start(rig);
    rig_pass(rig, 1000);
    rig->deaf = true;
    rig->world->config.settings.log_keep = 4;
    for (uint32_t i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "player%u", i);
        enqueue(rig, name);
    }
    rig_pass(rig, 1000);
    rig->deaf = false;
    rig_pass(rig, 2000);
    assert_int_equal(rig->job.gaps, 1);
    rig->asked = 1;
    rig_pass(rig, 5000);
    assert_int_equal(count_lines(rig), 1 + 20); /* they wait still, so they are not lost */
    rig_destroy(rig);
}

static void test_no_store(void **state)
{
    (void)state;
    struct rig *rig = rig_create(0);
    rig->deaf = true;
    rig_start(rig);
    rig_pass(rig, MU_RECORDER_JOIN_MS - 1000);
    assert_int_equal(rig->job.ended, 0);
    rig_pass(rig, 2000);
    assert_int_equal(rig->job.ended, 1);
    assert_non_null(strstr(rig->job.problem, "no answer"));
    assert_false(rig->job.begun);
    assert_int_equal(rig->tickets.used, 0);
    rig_destroy(rig);
}

static void test_another_configuration(void **state)
{
    (void)state;
    struct rig *rig = rig_create(0);
    struct mu_region *more = &rig->config.config.regions[rig->config.config.regions_count++];
    (void)snprintf(more->name, sizeof more->name, "mars");
    rig_start(rig);
    assert_int_equal(rig->job.ended, 1);
    assert_non_null(strstr(rig->job.problem, "queue/mars"));
    rig_destroy(rig);
    rig = rig_create(0);
    rig->config.config.settings.lobbies = 2;
    rig_start(rig);
    assert_int_equal(rig->job.ended, 1);
    assert_non_null(strstr(rig->job.problem, "lobby/1"));
    rig_destroy(rig);
}

static void test_a_write_that_fails(void **state)
{
    (void)state;
    struct rig *rig = rig_create(5000);
    rig_start(rig);
    enqueue(rig, "ann");
    rig->tickets.fails = -ENOSPC;
    rig_pass(rig, 10000);
    assert_int_equal(rig->job.ended, 1);
    assert_int_equal(rig->job.failed, -ENOSPC);
    rig_destroy(rig);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_records),
        cmocka_unit_test(test_several_lobbies),
        cmocka_unit_test(test_it_ends_when_it_is_asked),
        cmocka_unit_test(test_a_store_that_is_silent_at_the_end),
        cmocka_unit_test(test_a_log_that_is_lost),
        cmocka_unit_test(test_no_store),
        cmocka_unit_test(test_another_configuration),
        cmocka_unit_test(test_a_write_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
