/* The pages of `muster ticket`, of what the gateway itself writes. */
#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/present.h"
#include "tools/ticket_page.h"

static struct mu_rng rng;
static struct mu_msg_explanation explanation;
static struct mu_json json;
static char written[65536];
static char page[65536];

/* Parses what was written, and prints it with one of the pages. */
static void print(size_t bytes, void (*to)(const struct mu_json *json, uint32_t node, FILE *file))
{
    struct mu_json_error error;
    FILE *file = fmemopen(page, sizeof page, "w");
    assert_non_null(file);
    assert_int_equal(mu_json_parse(written, bytes, &json, &error), 0);
    to(&json, 0, file);
    assert_int_equal(fclose(file), 0);
}

static void expect_explained(const char *text)
{
    struct mu_json_writer writer;
    mu_json_writer_init(&writer, written, sizeof written);
    mu_present_explanation(&writer, &explanation);
    assert_true(mu_json_complete(&writer));
    print(writer.used, mu_ticket_page_explanation);
    assert_string_equal(page, text);
}

static const struct mu_msg_explanation waiting = {
    .ticket = "tkt_01ARYZ6S41TSV4RRFFQ69G5FAV",
    .mode = "duel",
    .rules = 3,
    .state = "WAITING",
    .waited_ms = 34900,
    .reserves = true,
    .reserve = 0.6204,
    .falls = 0.05,
    .any_ms = 129500,
    .first_ms = 86000,
    .estimate_ms = 45000,
    .players_min = 2,
    .players_max = 8,
    .fill_ms = 700,
    .limits_count = 4,
    .limits = { { .target = "rules[close].maxDistance",
                  .bounded = true,
                  .value = 100,
                  .next_ms = 23400,
                  .next_bounded = true,
                  .next_value = 200.5 },
                { .target = "rules[a very long name of a rule].minCount", .next_ms = -1 },
                { .target = "rules[late]",
                  .bounded = true,
                  .value = 1,
                  .next_ms = 3900000,
                  .next_bounded = true },
                { .target = "window",
                  .bounded = true,
                  .value = 340,
                  .next_ms = 80,
                  .next_bounded = true,
                  .next_value = 341 } },
    .limits_left_off = 2,
    .next = { .target = "window",
              .bounded = true,
              .value = 340,
              .next_ms = 80,
              .next_bounded = true,
              .next_value = 341 },
    .others = 12,
    .looked = 11,
    .able = 1,
    .able_players = 2,
    .builtins_count = 2,
    .builtins = { { .name = "region", .pairs = true, .passed = 11 },
                  { .name = "window", .pairs = true, .passed = 8, .failed = 3, .alone = 1 } },
    .counts_count = 2,
    .counts = { { .name = "close", .pairs = true, .passed = 3, .failed = 8, .alone = 6 },
                { .name = "even", .passed = 1 } },
    .missed = true,
    .miss_distance = 112,
    .miss_against = 3,
    .miss_rule = "close",
    .miss_numbered = true,
    .miss_by = 12,
    .miss_opens_ms = 7100,
};

static void test_explanation(void **state)
{
    (void)state;
    explanation = waiting;
    expect_explained(
        "tkt_01ARYZ6S41TSV4RRFFQ69G5FAV in duel, rule set version 3\n"
        "\n"
        "waits 34 s, about 45 s expected; asks for quality 0.62, falling 0.05 a minute, any match "
        "in 2 min 10 s, first in line in 1 min 26 s\n"
        "a match has 2 to 8 players, for 700 ms more only a full one will do; it is as old as its "
        "newest ticket\n"
        "\n"
        "limit                                             now     changes in         to\n"
        "rules[close].maxDistance                          100           24 s      200.5\n"
        "rules[a very long name of a rule].minCount       none              -          -\n"
        "rules[late]                                        on      1 h 5 min        off\n"
        "window                                            340          80 ms        341\n"
        "... and 2 more\n"
        "\n"
        "others: 12 wait, 11 looked at, 1 can be in a match with it (2 players)\n"
        "\n"
        "asked for                  passed   failed  failed alone\n"
        "region                         11        0             0\n"
        "window                          8        3             1\n"
        "close                           3        8             6\n"
        "even                            1        0             0  (of full matches)\n"
        "\n"
        "nearest miss: 112 points away, fails rule 'close' by 12 and 2 more, can meet in 8 s\n"
        "\n"
        "next: in 80 ms window goes from 340 to 341\n");
}

/* The least that can be said. */
static void test_little_to_explain(void **state)
{
    (void)state;
    explanation = (struct mu_msg_explanation){
        .ticket = "tkt_a",
        .mode = "casual",
        .state = "WAITING",
        .oldest_age = true,
        .players_min = 4,
        .players_max = 4,
    };
    expect_explained("tkt_a in casual, without a rule set\n"
                     "\n"
                     "waits 0 ms; any match that breaks no rule will do\n"
                     "a match has 4 players; it is as old as its oldest ticket\n"
                     "\n"
                     "others: 0 wait, 0 looked at, 0 can be in a match with it (0 players)\n"
                     "\n"
                     "next: no limit changes any more\n");
    (void)snprintf(explanation.state, sizeof explanation.state, "TAKEN");
    explanation.waited_ms = 3600000;
    expect_explained("tkt_a in casual, without a rule set\n"
                     "\n"
                     "waits 1 h; is in a match that is being made\n"
                     "a match has 4 players; it is as old as its oldest ticket\n"
                     "\n"
                     "next: no limit changes any more\n");
    (void)snprintf(explanation.state, sizeof explanation.state, "NEVER");
    expect_explained(
        "tkt_a in casual, without a rule set\n"
        "\n"
        "waits 1 h; can have no match: it reaches no region, or its party is too large\n"
        "a match has 4 players; it is as old as its oldest ticket\n"
        "\n"
        "next: no limit changes any more\n");
}

static void expect_line(const char *line)
{
    struct mu_json_writer writer;
    mu_json_writer_init(&writer, written, sizeof written);
    mu_present_explanation(&writer, &explanation);
    assert_true(mu_json_complete(&writer));
    print(writer.used, mu_ticket_page_explanation);
    if (strstr(page, line) == NULL) {
        (void)fprintf(stderr, "no '%s' in:\n%s", line, page);
    }
    assert_non_null(strstr(page, line));
}

static void expect_miss(const char *rule, bool numbered, int64_t opens_ms, const char *line)
{
    explanation.miss_against = 1;
    (void)snprintf(explanation.miss_rule, sizeof explanation.miss_rule, "%s", rule);
    explanation.miss_numbered = numbered;
    explanation.miss_opens_ms = opens_ms;
    expect_line(line);
}

static void test_words(void **state)
{
    (void)state;
    explanation = waiting;
    expect_miss(
        "region", false, -1,
        "\nnearest miss: 112 points away, no region is near enough for both, no change that "
        "is near lets them meet\n");
    expect_miss("window", true, 0, ", ratings too far apart by 12, can meet now\n");
    expect_miss("size", false, 1, ", too many for one match, can meet in 1 ms\n");
    expect_miss("roles", false, 86400000,
                ", their roles are not those of a team, can meet in 1 d\n");
    (void)snprintf(explanation.counts[0].name, sizeof explanation.counts[0].name, "size");
    expect_miss("size", false, 90000000, ", fails rule 'size', can meet in 1 d 1 h\n");
    explanation.any_ms = 0;
    explanation.first_ms = 0;
    expect_line("\nwaits 34 s, about 45 s expected; takes any match, first in line\n");
    explanation.any_ms = -1;
    explanation.first_ms = -1;
    expect_line("; asks for quality 0.62, falling 0.05 a minute\n");
}

static void test_ticket(void **state)
{
    (void)state;
    struct mu_json_writer writer;
    struct mu_msg_ticket ticket = {
        .id = "tkt_01ARYZ6S41TSV4RRFFQ69G5FAV",
        .state = MU_TICKET_QUEUED,
        .mode = "ranked",
        .region = "eu-west-1",
        .players_count = 1,
        .players = { { .id = "ply_01ARYZ6S41TSV4RRFFQ69G5FAV",
                       .username = "Anna",
                       .rating = 1300,
                       .deviation = 90 } },
        .enqueued_ms = UINT64_C(1795500000123),
        .wait_max_ms = 300000,
        .others_count = 1,
        .others = { { .id = "duel" } },
    };
    struct mu_msg_ticket_added place = { .position = 3, .estimate_ms = 61000, .rules = 2 };
    struct mu_ticket_view view = {
        .ticket = &ticket,
        .place = &place,
        .wall_ms = INT64_C(1795500034000),
    };
    mu_json_writer_init(&writer, written, sizeof written);
    mu_present_ticket(&writer, &view);
    print(writer.used, mu_ticket_page_ticket);
    assert_string_equal(
        page,
        "tkt_01ARYZ6S41TSV4RRFFQ69G5FAV  SEARCHING\n"
        "\n"
        "queues       ranked duel\n"
        "region       eu-west-1\n"
        "queued at    2026-11-24T06:00:00.123Z\n"
        "waited       33 s of 5 min\n"
        "priority     0\n"
        "position     3, 1 min 1 s expected in all\n"
        "rule set     version 2\n"
        "\n"
        "player                           name                            rating  deviation\n"
        "ply_01ARYZ6S41TSV4RRFFQ69G5FAV   Anna                              1300         90\n");
    ticket.state = MU_TICKET_MATCHED;
    (void)snprintf(ticket.match, sizeof ticket.match, "mch_1");
    view.place = NULL;
    view.match = MU_MATCH_LIVE;
    mu_json_writer_init(&writer, written, sizeof written);
    mu_present_ticket(&writer, &view);
    print(writer.used, mu_ticket_page_ticket);
    assert_non_null(strstr(page, "  COMPLETED\n"));
    assert_non_null(strstr(page, "\nmatch        mch_1\n"));
    assert_null(strstr(page, "\nposition"));
}

static void test_numbers_out_of_bounds(void **state)
{
    (void)state;
    (void)snprintf(written, sizeof written,
                   "{\"waitedSeconds\":9223372036854775807,\"maxWaitSeconds\":-1,"
                   "\"waitedMs\":-9223372036854775807,\"estimatedWaitMs\":1e300}");
    print(strlen(written), mu_ticket_page_ticket);
    assert_non_null(strstr(page, "\nwaited       365 d of 0 ms\n"));
    print(strlen(written), mu_ticket_page_explanation);
    assert_non_null(strstr(page, "\nwaits 0 ms; any match"));
}

/* Whatever parses is printed: keys are missing, and of other types. */
static void test_any_answer_is_survived(void **state)
{
    (void)state;
    struct mu_json_writer writer;
    explanation = waiting;
    mu_json_writer_init(&writer, written, sizeof written);
    mu_present_explanation(&writer, &explanation);
    size_t bytes = writer.used;
    static char whole[sizeof written];
    memcpy(whole, written, bytes);
    uint32_t printed = 0;
    for (uint32_t i = 0; i < 3000; i++) {
        struct mu_json_error error;
        memcpy(written, whole, bytes);
        for (uint64_t k = 1 + mu_rng_below(&rng, 3); k > 0; k--) {
            static const char others[] = "1x{[]}";
            size_t at = (size_t)mu_rng_below(&rng, bytes);
            written[at] = others[mu_rng_below(&rng, sizeof others - 1)];
        }
        if (mu_json_parse(written, bytes, &json, &error) == 0) {
            print(bytes, mu_ticket_page_explanation);
            print(bytes, mu_ticket_page_ticket);
            printed++;
        }
    }
    assert_in_range(printed, 300, 3000);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explanation),
        cmocka_unit_test(test_little_to_explain),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_ticket),
        cmocka_unit_test(test_numbers_out_of_bounds),
        cmocka_unit_test(test_any_answer_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
