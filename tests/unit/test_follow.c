/* The follower of a partition's owner: taking it, standing by, giving it back. */
#include "core/follow.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "core/config.h"

enum { SELF = 77, EPOCH = 4, HEAD = 30 };

static const char queue[] = "queue/eu-west-1";
static struct mu_config config;
static struct mu_follow follow;
static struct mu_outbox *out;
static struct mu_decoder *decoder;
static struct mu_msg msg; /* what was asked, and then the answer */
static int64_t now_ms;
static uint64_t asked;   /* sequence of the last request */
static uint32_t changes; /* objects that were handed on */

static int setup(void **state)
{
    (void)state;
    mu_config_default(&config);
    const struct mu_actor_env env = {
        .partition = queue, .name = "here", .incarnation = SELF, .config = &config
    };
    out = mu_outbox_create(SELF);
    decoder = mu_decoder_create();
    assert_non_null(out);
    assert_non_null(decoder);
    now_ms = 1000;
    changes = 0;
    mu_follow_init(&follow, &env);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mu_outbox_destroy(out);
    mu_decoder_destroy(decoder);
    return 0;
}

static void changed(void *owner, const struct mu_msg_change *change, const struct mu_event *ev,
                    struct mu_outbox *to)
{
    (void)owner;
    (void)change;
    (void)ev;
    (void)to;
    changes++;
}

static struct mu_event event(enum mu_event_type type)
{
    return (struct mu_event){ .type = type, .now_ms = now_ms };
}

/* The only request that is out, decoded; forgets it.  Returns its fence. */
static uint64_t expect(enum mu_op op)
{
    assert_int_equal(out->count, 1);
    const struct mu_outbox_entry *entry = &out->entries[0];
    assert_int_equal(entry->envelope.op, op);
    assert_string_equal(entry->envelope.destination, "store");
    assert_int_equal(mu_msg_decode(decoder, op, out->bytes + entry->offset, entry->size, &msg), 0);
    asked = entry->envelope.sequence;
    uint64_t fence = entry->envelope.fence;
    mu_outbox_clear(out);
    return fence;
}

/* Answers the last request with msg.  Returns what the follower returned. */
static int answer(void)
{
    const struct mu_msg_envelope envelope = {
        .frame = MU_FRAME_REPLY,
        .op = msg.op,
        .answers_incarnation = SELF,
        .answers_sequence = asked,
    };
    struct mu_event ev = event(MU_EV_MESSAGE);
    ev.envelope = &envelope;
    ev.msg = &msg;
    return mu_follow_message(&follow, &ev, out, changed, NULL);
}

static int answer_error(enum mu_error error)
{
    msg.op = MU_OP_ERROR;
    msg.error = (struct mu_msg_error){ .code = error, .detail = "why" };
    return answer();
}

static void answer_epoch(void)
{
    msg.op = MU_OP_EPOCH;
    msg.epoch = (struct mu_msg_epoch){ .epoch = EPOCH, .log_seq = HEAD, .incarnation = SELF };
    assert_int_equal(answer(), 1);
}

static void begin_changes(bool snapshot, uint32_t count, uint64_t first)
{
    msg.op = MU_OP_CHANGES;
    msg.changes.snapshot = snapshot;
    msg.changes.more = false;
    msg.changes.forgotten = false;
    msg.changes.head = snapshot || count == 0 ? HEAD : first + count - 1;
    msg.changes.changes_count = count;
    memcpy(msg.changes.partition, queue, sizeof queue);
    for (uint32_t i = 0; i < count; i++) {
        msg.changes.changes[i] =
            (struct mu_msg_change){ .seq = snapshot ? 0 : first + i, .id = "tkt_1" };
    }
}

static void answer_changes(bool snapshot, uint32_t count, uint64_t first)
{
    begin_changes(snapshot, count, first);
    assert_int_equal(answer(), 1);
}

/* Lets time pass to the next deadline, which must be that far away, and ticks. */
static void tick_after(int64_t ms)
{
    assert_int_equal(mu_follow_deadline(&follow) - now_ms, ms);
    now_ms += ms;
    struct mu_event ev = event(MU_EV_TIMER);
    mu_follow_tick(&follow, &ev, out);
}

static void start(void)
{
    struct mu_event ev = event(MU_EV_START);
    mu_follow_tick(&follow, &ev, out);
    assert_int_equal(expect(MU_OP_EPOCH_TAKE), 0);
    assert_int_equal(msg.epoch_take.incarnation, SELF);
    assert_string_equal(msg.epoch_take.partition, queue);
    assert_string_equal(msg.epoch_take.holder, "here");
    assert_int_equal(mu_follow_life(&follow), MU_LIFE_STARTING);
}

/* Answers what it asks once it has the epoch, until it serves. */
static void learn(void)
{
    assert_int_equal(expect(MU_OP_FOLLOW_SCAN), EPOCH);
    answer_changes(true, 2, 0);
    assert_int_equal(expect(MU_OP_FOLLOW_SINCE), EPOCH);
    assert_int_equal(msg.follow_since.seq, HEAD);
    assert_int_equal(mu_follow_life(&follow), MU_LIFE_STARTING);
    answer_changes(false, 0, 0);
    assert_true(mu_follow_serving(&follow));
    assert_int_equal(mu_follow_life(&follow), MU_LIFE_SERVING);
}

static void serve(void)
{
    start();
    answer_epoch();
    learn();
}

static void test_stands_by(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(answer_error(MU_ERROR_OWNED), 1);
        assert_int_equal(mu_follow_life(&follow), MU_LIFE_STANDBY);
        assert_int_equal(follow.epoch, 0);
        tick_after(MU_FOLLOW_STANDBY_MS);
        assert_int_equal(expect(MU_OP_EPOCH_TAKE), 0);
    }
    tick_after(MU_FOLLOW_RETRY_MS); /* no answer came */
    (void)expect(MU_OP_EPOCH_TAKE);
    assert_int_equal(mu_follow_life(&follow), MU_LIFE_STANDBY);
    begin_changes(false, 1, 1); /* a push that a broker sent here */
    struct mu_msg_envelope push = { .frame = MU_FRAME_EVENT, .op = MU_OP_CHANGES };
    struct mu_event ev = event(MU_EV_MESSAGE);
    ev.envelope = &push;
    ev.msg = &msg;
    assert_int_equal(mu_follow_message(&follow, &ev, out, changed, NULL), 1);
    assert_int_equal(changes + out->count, 0);
    answer_epoch();
    learn();
    assert_int_equal(changes, 2);
    assert_int_equal(follow.epoch, EPOCH);
}

/* Once the store may have given the partition to another process, the owner says that it has none;
 * until the store answers it again. */
static void test_is_unsure_after_silence(void **state)
{
    (void)state;
    serve();
    assert_int_equal(mu_follow_epoch(&follow), EPOCH);
    int64_t served_ms = now_ms;
    tick_after(MU_FOLLOW_POLL_MS);
    (void)expect(MU_OP_FOLLOW_SINCE);
    int64_t takeover_ms = (int64_t)config.settings.takeover_ms;
    while (now_ms < served_ms + takeover_ms) {
        assert_int_equal(mu_follow_epoch(&follow), EPOCH);
        tick_after(MU_FOLLOW_RETRY_MS);
        (void)expect(MU_OP_FOLLOW_SINCE);
    }
    assert_true(now_ms < served_ms + takeover_ms + MU_FOLLOW_RETRY_MS);
    assert_int_equal(mu_follow_epoch(&follow), 0);
    assert_int_equal(follow.epoch, EPOCH); /* what it asks goes under it */
    answer_changes(false, 0, 0);
    assert_int_equal(mu_follow_epoch(&follow), EPOCH);
}

static void test_fenced(void **state)
{
    (void)state;
    serve();
    tick_after(MU_FOLLOW_POLL_MS);
    (void)expect(MU_OP_FOLLOW_SINCE);
    assert_int_equal(answer_error(MU_ERROR_FENCED), -ESTALE);
}

/* Who must not be silent for long speaks more often. */
static void test_is_heard(void **state)
{
    (void)state;
    const struct mu_actor_env env = { .partition = queue, .incarnation = SELF, .config = &config };
    config.settings.takeover_ms = 600;
    mu_follow_init(&follow, &env);
    assert_string_equal(follow.holder, "");
    struct mu_event ev = event(MU_EV_START);
    mu_follow_tick(&follow, &ev, out);
    (void)expect(MU_OP_EPOCH_TAKE);
    answer_epoch();
    learn();
    tick_after(200);
    assert_int_equal(expect(MU_OP_FOLLOW_SINCE), EPOCH);
}

static void release(void)
{
    struct mu_event ev = event(MU_EV_DRAIN);
    mu_follow_release(&follow, &ev, out);
}

/* An answer to the release: it is over.  Others are no answer: it is asked again. */
static void test_releases(void **state)
{
    (void)state;
    serve();
    release();
    assert_int_equal(expect(MU_OP_EPOCH_RELEASE), EPOCH);
    assert_string_equal(msg.epoch_release.partition, queue);
    assert_int_equal(mu_follow_life(&follow), MU_LIFE_DRAINING);
    assert_false(mu_follow_serving(&follow));
    release();
    assert_int_equal(out->count, 0); /* once is enough */
    tick_after(MU_FOLLOW_RETRY_MS);
    assert_int_equal(expect(MU_OP_EPOCH_RELEASE), EPOCH);
    assert_int_equal(answer_error(MU_ERROR_UNAVAILABLE), 1);
    assert_false(mu_follow_released(&follow));
    tick_after(MU_FOLLOW_RETRY_MS);
    (void)expect(MU_OP_EPOCH_RELEASE);
    answer_epoch();
    assert_true(mu_follow_released(&follow));
    assert_int_equal(mu_follow_life(&follow), MU_LIFE_DRAINING);
    assert_int_equal(mu_follow_deadline(&follow), MU_NEVER);
    release();
    assert_int_equal(out->count, 0);
}

/* An answer that came late leaves a doubt; it is not asked about any more. */
static void test_doubts_nothing_when_released(void **state)
{
    (void)state;
    serve();
    release();
    (void)expect(MU_OP_EPOCH_RELEASE);
    answer_epoch();
    const struct mu_event ev = event(MU_EV_MESSAGE);
    mu_follow_doubt(&follow, &ev);
    assert_int_equal(mu_follow_deadline(&follow), MU_NEVER);
    mu_follow_tick(&follow, &ev, out); /* another deadline of the owner's has come */
    assert_int_equal(out->count, 0);
}

/* Another process has it, or the store does not know the request: it is over, too. */
static void test_releases_in_vain(void **state)
{
    static const enum mu_error errors[] = { MU_ERROR_FENCED, MU_ERROR_UNSUPPORTED };
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (i > 0) {
            (void)teardown(state);
            (void)setup(state);
        }
        serve();
        release();
        (void)expect(MU_OP_EPOCH_RELEASE);
        assert_int_equal(answer_error(errors[i]), 1);
        assert_true(mu_follow_released(&follow));
    }
}

/* While it learns, there is an epoch to give back already; who stands by has nothing. */
static void test_releases_early(void **state)
{
    start();
    answer_epoch();
    (void)expect(MU_OP_FOLLOW_SCAN);
    uint64_t scan = asked;
    release();
    assert_int_equal(expect(MU_OP_EPOCH_RELEASE), EPOCH);
    uint64_t given_back = asked;
    asked = scan;
    answer_changes(true, 2, 0); /* late */
    assert_int_equal(changes + out->count, 0);
    asked = given_back;
    answer_epoch();
    assert_true(mu_follow_released(&follow));
    (void)teardown(state);
    (void)setup(state);
    start();
    assert_int_equal(answer_error(MU_ERROR_OWNED), 1);
    release();
    assert_int_equal(out->count, 0);
    assert_true(mu_follow_released(&follow));
}

/* Its epoch stays, and nothing that changes meanwhile is missed. */
static void test_scans_anew(void **state)
{
    (void)state;
    serve();
    tick_after(MU_FOLLOW_POLL_MS);
    (void)expect(MU_OP_FOLLOW_SINCE);
    struct mu_event ev = event(MU_EV_BATCH_END);
    mu_follow_scan_anew(&follow, &ev);
    assert_false(mu_follow_serving(&follow));
    answer_changes(false, 1, HEAD + 1); /* to what was asked before */
    assert_int_equal(changes, 2);
    tick_after(0);
    assert_int_equal(expect(MU_OP_FOLLOW_SCAN), EPOCH);
    assert_string_equal(msg.follow_scan.after, "");
    answer_changes(true, 2, 0);
    assert_int_equal(expect(MU_OP_FOLLOW_SINCE), EPOCH);
    assert_int_equal(msg.follow_since.seq, HEAD);
    answer_changes(false, 3, HEAD + 1);
    assert_int_equal(changes, 7);
    assert_true(mu_follow_serving(&follow));
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_is_unsure_after_silence),
        TEST(test_stands_by),
        TEST(test_fenced),
        TEST(test_is_heard),
        TEST(test_releases),
        TEST(test_doubts_nothing_when_released),
        TEST(test_releases_in_vain),
        TEST(test_releases_early),
        TEST(test_scans_anew),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
