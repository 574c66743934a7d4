/* The codec: what is encoded comes back, what is malformed does not, and old bytes decode for
 * ever (tests/golden/wire.txt; UPDATE=1 adds to it).
 *
 *   test_wire SEED GOLDEN-FILE */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fill.h"
#include "unit.h"
#include "wire/scan.h"
#include "wire/utf8.h"

enum { ROUNDS = 30, BUF_BYTES = 1 << 20, GOLDEN_ITEMS = 2 };

static uint64_t seed = 1;
static const char *golden_path;

struct fixture {
    struct mu_decoder *decoder;
    struct mu_msg sent;
    struct mu_msg got;
    uint8_t buf[BUF_BYTES];
    uint8_t again[BUF_BYTES];
    char text[2][65536];
};

static struct fixture *fixture(void **state)
{
    return *state;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->decoder = mu_decoder_create();
    assert_non_null(f->decoder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    mu_decoder_destroy(fixture(state)->decoder);
    free(*state);
    return 0;
}

struct walk {
    struct fixture *f;
    struct mu_rng rng;
    FILE *file;
    struct golden *golden;
};

static void round_trip(enum mu_op op, void *context)
{
    struct walk *walk = context;
    struct fixture *f = walk->f;
    fill(op, &walk->rng, 5, &f->sent);
    int64_t size = mu_msg_encode(&f->sent, f->buf, sizeof f->buf);
    assert_true(size > 0);
    assert_int_equal(mu_msg_decode(f->decoder, op, f->buf, (size_t)size, &f->got), 0);
    assert_int_equal(mu_msg_encode(&f->got, f->again, sizeof f->again), size);
    assert_memory_equal(f->buf, f->again, (size_t)size);
    assert_int_equal(mu_msg_encode(&f->sent, f->again, (size_t)size - 1), -EMSGSIZE);
    mu_msg_print(&f->sent, f->text[0], sizeof f->text[0]);
    mu_msg_print(&f->got, f->text[1], sizeof f->text[1]);
    assert_string_equal(f->text[0], f->text[1]);
}

static void test_round_trip(void **state)
{
    struct walk walk = { fixture(state), { seed }, NULL, NULL };
    for (int i = 0; i < ROUNDS; i++) {
        fill_each(round_trip, &walk);
    }
}

/* Every truncation, and a byte too much, is refused. */
static void cut(enum mu_op op, void *context)
{
    struct walk *walk = context;
    struct fixture *f = walk->f;
    fill(op, NULL, 1, &f->sent);
    int64_t size = mu_msg_encode(&f->sent, f->buf, sizeof f->buf);
    for (int64_t n = 0; n < size; n++) {
        assert_int_equal(mu_msg_decode(f->decoder, op, f->buf, (size_t)n, &f->got), -EBADMSG);
    }
    f->buf[size] = 0xc0;
    assert_int_equal(mu_msg_decode(f->decoder, op, f->buf, (size_t)size + 1, &f->got), -EBADMSG);
}

static void test_truncated(void **state)
{
    struct walk walk = { fixture(state), { seed }, NULL, NULL };
    fill_each(cut, &walk);
}

static int decode(struct fixture *f, enum mu_op op, const char *bytes, size_t size)
{
    return mu_msg_decode(f->decoder, op, (const uint8_t *)bytes, size, &f->got);
}

static void test_strict(void **state)
{
    struct fixture *f = fixture(state);
    assert_int_equal(decode(f, MU_OP_PING, "\x91\x05", 2), 0);
    assert_int_equal(f->got.ping.nonce, 5);
    assert_int_equal(decode(f, MU_OP_PING, "\x90", 1), 0); /* an older peer: missing is zero */
    assert_int_equal(f->got.ping.nonce, 0);
    assert_int_equal(decode(f, MU_OP_PING, "\x92\x05\xa1x", 4), 0);   /* a newer one: skipped */
    assert_int_equal(decode(f, MU_OP_PING, "\x91\xff", 2), -EBADMSG); /* below zero */
    assert_int_equal(decode(f, MU_OP_PING,
                            "\x91\xa1"
                            "5",
                            3),
                     -EBADMSG);                                           /* a string */
    assert_int_equal(decode(f, MU_OP_PING, "\x81\x05\x05", 3), -EBADMSG); /* a map */
    assert_int_equal(decode(f, MU_OP_PING, "\x05", 1), -EBADMSG);         /* no array */
    assert_int_equal(decode(f, MU_OP_PING, "", 0), -EBADMSG);
    assert_int_equal(decode(f, MU_OP_ID, "\x91\xa2\xc3\x28", 4), -EBADMSG); /* bad UTF-8 */
    assert_int_equal(decode(f, MU_OP_ID, "\x91\xa1\x00", 3), -EBADMSG);     /* U+0000 */
    assert_int_equal(decode(f, MU_OP_ID, "\x91\xc4\x01x", 4), -EBADMSG);    /* bytes, not text */
    assert_int_equal(decode(f, MU_OP_LATENCY, "\x92\xa1x\xcd\x03\xe9", 6), -EBADMSG); /* 1001 */
    assert_int_equal(decode(f, MU_OP_LATENCY, "\x92\xa1x\xcd\x03\xe8", 6), 0);
    assert_int_equal(decode(f, MU_OP_PROPOSAL, "\x92\x01\xcb\x7f\xf8\0\0\0\0\0\0", 11),
                     -EBADMSG);                                           /* NaN */
    assert_int_equal(decode(f, MU_OP_ENVELOPE, "\x91\x29", 2), -EBADMSG); /* no frame type */
    assert_int_equal(mu_msg_decode(f->decoder, 19999, f->buf, 1, &f->got), -ENOTSUP);
    assert_int_equal(mu_msg_decode(f->decoder, 0, f->buf, 1, &f->got), -ENOTSUP);
}

static void test_scan(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        bool sane;
    } cases[] = {
        { "\xdd\xff\xff\xff\xff", 5, false }, /* four thousand million items in no bytes */
        { "\xdc\x00\x02\x01\x02", 5, true },
        { "\xc6\x00\x00\x00\x01x", 6, true },
        { "\xc6\x7f\xff\xff\xffx", 6, false },
        { "\xc7\x01\x01x", 4, false }, /* extension */
        { "\xc1", 1, false },
        { "\xd9\x03"
          "ab",
          4, false },
        { "\x91\x91\x91\x91\x91\x91\x91\x91\x00", 9, true },       /* 8 levels */
        { "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x00", 10, false }, /* 9 */
        { "\x00\x00", 2, false },                                  /* two values */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(mu_scan((const uint8_t *)cases[i].bytes, cases[i].size), cases[i].sane);
    }
}

static void test_utf8(void **state)
{
    (void)state;
    assert_true(mu_utf8_valid("", 0));
    assert_true(
        mu_utf8_valid("a\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 17));
    static const char *const bad[] = {
        "\x80",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x61",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xe1\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(mu_utf8_valid(bad[i], strlen(bad[i])));
    }
    assert_false(mu_utf8_valid("a\0b", 3));
}

/* One line a message: NAME op hex.  Old lines stay for ever; UPDATE=1 appends what is new. */
static void write_golden(enum mu_op op, void *context)
{
    struct walk *walk = context;
    struct fixture *f = walk->f;
    fill(op, NULL, GOLDEN_ITEMS, &f->sent);
    int64_t size = mu_msg_encode(&f->sent, f->buf, sizeof f->buf);
    (void)fprintf(walk->file, "%s %d ", mu_msg_layout(op)->name, (int)op);
    for (int64_t i = 0; i < size; i++) {
        (void)fprintf(walk->file, "%02x", f->buf[i]);
    }
    (void)fputc('\n', walk->file);
}

static size_t unhex(const char *hex, uint8_t *ret)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    for (; hex[0] != '\0' && hex[0] != '\n'; hex += 2) {
        ret[n++] =
            (uint8_t)((strchr(digits, hex[0]) - digits) << 4 | (strchr(digits, hex[1]) - digits));
    }
    return n;
}

struct golden {
    bool current[UINT16_MAX + 1]; /* some line of this op is what is encoded today */
    struct fixture *f;
};

static void check_line(struct golden *golden, char *line)
{
    struct fixture *f = golden->f;
    char *at = strchr(line, ' ');
    assert_non_null(at);
    uint32_t op = 0;
    for (at++; *at >= '0' && *at <= '9'; at++) {
        op = op * 10 + (uint32_t)(*at - '0');
    }
    size_t size = unhex(at + 1, f->buf);
    assert_int_equal(mu_msg_decode(f->decoder, op, f->buf, size, &f->got), 0);
    fill((enum mu_op)op, NULL, GOLDEN_ITEMS, &f->sent);
    int64_t today = mu_msg_encode(&f->sent, f->again, sizeof f->again);
    if ((size_t)today == size && memcmp(f->buf, f->again, size) == 0) {
        golden->current[op] = true;
    }
}

/* Reads every line; each must decode, and marks its message when it is how it is encoded today. */
static void read_golden(struct golden *golden)
{
    static char line[1 << 18];
    FILE *file = fopen(golden_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        check_line(golden, line);
    }
    (void)fclose(file);
}

static void append_missing(enum mu_op op, void *context)
{
    struct walk *walk = context;
    if (!walk->golden->current[op]) {
        write_golden(op, context);
    }
}

static void is_current(enum mu_op op, void *context)
{
    const struct walk *walk = context;
    if (!walk->golden->current[op]) {
        fail_msg("%s has no line of today in %s: UPDATE=1 appends it, and review the diff",
                 mu_msg_layout(op)->name, golden_path);
    }
}

static void test_golden(void **state)
{
    struct golden *golden = calloc(1, sizeof *golden);
    assert_non_null(golden);
    golden->f = fixture(state);
    struct walk walk = { golden->f, { seed }, NULL, golden };
    read_golden(golden);
    if (getenv("UPDATE") != NULL) {
        walk.file = fopen(golden_path, "a");
        assert_non_null(walk.file);
        fill_each(append_missing, &walk);
        assert_int_equal(fclose(walk.file), 0);
        read_golden(golden);
    }
    fill_each(is_current, &walk);
    free(golden);
}

static void test_errors(void **state)
{
    (void)state;
    assert_string_equal(mu_error_info(MU_ERROR_LOBBY_FULL)->name, "LOBBY_FULL");
    assert_int_equal(mu_error_info(MU_ERROR_LOBBY_FULL)->status, 409);
    assert_int_equal(mu_error_info(9999)->status, 500);
    assert_string_equal(mu_enum_text(mu_match_state_texts, MU_MATCH_LIVE), "IN_PROGRESS");
    assert_string_equal(mu_enum_text(mu_match_state_texts, 99), "?");
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    golden_path = argc > 2 ? argv[2] : "tests/golden/wire.txt";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strict, setup, teardown),
        cmocka_unit_test_setup_teardown(test_golden, setup, teardown),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
