/* tests/unit/test_score.c - the scorer against figures that another program computed, and against
 * matches that could not have been; outcomes as files. */
#include "tests/unit/unit.h"

#include <math.h>

#include "tests/unit/workload_text.h"
#include "tools/score.h"

static const char tickets[] = WORKLOAD_HEADER
    "{\"t\":0.5,\"id\":1,\"m\":\"duel\",\"r\":[1200],\"s\":[80],\"rtt\":[30,90],\"pat\":60}\n"
    "{\"t\":1,\"id\":2,\"m\":\"duel\",\"r\":[1350],\"s\":[350],\"rtt\":[70,50],\"pat\":100.5}\n"
    "{\"t\":2,\"id\":3,\"m\":\"duel\",\"r\":[900],\"s\":[60],\"rtt\":[300,20],\"pat\":12.5}\n"
    "{\"t\":2.25,\"id\":4,\"m\":\"pairs\",\"r\":[1500,1460],\"s\":[60,70],\"rtt\":[45,150],"
    "\"pat\":200}\n"
    "{\"t\":3,\"id\":5,\"m\":\"pairs\",\"r\":[1480],\"s\":[60],\"rtt\":[20,80],\"pat\":200}\n"
    "{\"t\":4,\"id\":6,\"m\":\"pairs\",\"r\":[1300],\"s\":[60],\"rtt\":[100,10],\"pat\":200}\n"
    "{\"t\":5,\"id\":\"g\",\"m\":\"crowd\",\"r\":[1000],\"s\":[60],\"rtt\":[25,75],\"pat\":100}\n"
    "{\"t\":6,\"id\":8,\"m\":\"crowd\",\"r\":[1100],\"s\":[60],\"rtt\":[null,75],\"pat\":100}\n"
    "{\"t\":7,\"id\":9,\"m\":\"crowd\",\"r\":[1600],\"s\":[60],\"rtt\":[45,75],\"pat\":100}\n"
    "{\"t\":8,\"id\":10,\"m\":\"pairs\",\"r\":[1100],\"s\":[60],\"rtt\":[100,10],\"pat\":30}\n";

#define OUTCOME_HEADER                                                                             \
    "{\"type\":\"outcome\",\"format\":\"mm-outcome/1\",\"workload\":\"hand\","                     \
    "\"matcher\":\"by hand\"}\n"

static const char matches[] = OUTCOME_HEADER
    "{\"type\":\"match\",\"t\":10.5,\"m\":\"duel\",\"region\":0,\"teams\":[[1],[2]]}\n"
    "{\"type\":\"match\",\"t\":12,\"m\":\"pairs\",\"region\":0,\"teams\":[[4],[5,6]]}\n"
    "{\"type\":\"match\",\"t\":40,\"m\":\"crowd\",\"region\":1,\"teams\":[[\"g\"],[8],[9]]}\n";

static struct mu_workload workload;

static int read_outcome(const char *text, char *faults, size_t faults_bytes,
                        struct mu_outcome_list *ret)
{
    char copy[8192];
    size_t size = strlen(text);
    assert_true(size < sizeof copy);
    (void)snprintf(copy, sizeof copy, "%s", text);
    FILE *file = fmemopen(copy, size, "r");
    FILE *told = fmemopen(faults, faults_bytes, "w");
    int r = mu_outcome_read(file, "file", told, &workload, ret);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(fclose(told), 0);
    return r;
}

/* Reads and scores matches that are well-formed. */
static void score_text(const char *text, uint32_t modes, struct mu_score *ret)
{
    char faults[512] = "";
    struct mu_outcome_list outcome;
    assert_int_equal(read_outcome(text, faults, sizeof faults, &outcome), 0);
    assert_string_equal(faults, "");
    assert_int_equal(mu_score(&workload, &outcome, modes, ret), 0);
    mu_outcome_release(&outcome);
}

static void near(double value, double wanted)
{
    assert_true(fabs(value - wanted) <= 1e-9 * fmax(1, fabs(wanted)));
}

/* The wanted figures are of an independent program in Python. */
static void test_known_figures(void **state)
{
    (void)state;
    struct mu_score score;
    score_text(matches, UINT32_MAX, &score);
    const struct mu_score_mode *duel = &score.modes[0];
    const struct mu_score_mode *pairs = &score.modes[1];
    const struct mu_score_mode *crowd = &score.modes[2];
    assert_int_equal(score.errors, 0);
    near(score.score, 34.907700064759304);
    near(score.unmatched, 0.18181818181818177);
    near(score.modes_mean, 33.84139771352947);
    assert_int_equal(duel->players, 3);
    assert_int_equal(duel->matched, 2);
    near(duel->score, 33.421499901307165);
    near(duel->wait_mean, 10.666666666666666);
    near(duel->wait_p50, 10);
    near(duel->wait_p99, 12.5);
    near(duel->imbalance_mean, 0.40411690943482226);
    near(duel->blowouts, 1);
    near(duel->spread_mean, 75);
    near(duel->rtt_mean, 50);
    near(duel->rtt_p95, 70);
    near(duel->rtt_excess, 10);
    near(duel->top_wait, 9.5);
    near(duel->fairness, 0.5958830905651777);
    near(duel->closeness, 0.9411764705882353);
    near(duel->latency, 0.9318181818181819);
    near(duel->promptness, 0.9593750000000001);
    near(pairs->score, 39.70606064529355);
    near(pairs->wait_mean, 13.3);
    near(pairs->wait_p50, 9.75);
    near(pairs->wait_p90, 30);
    near(pairs->imbalance_p95, 0.40041680906260835);
    near(pairs->spread_mean, 83.70334521391604);
    near(pairs->rtt_mean, 52.5);
    near(pairs->top_wait, 9.75);
    near(crowd->score, 28.396632593987707);
    near(crowd->fill, 0.75);
    near(crowd->fairness, 0.711289111346666);
    near(crowd->closeness, 0.6990291262135923);
    near(crowd->imbalance_mean, 0.7217772216333352);
    near(crowd->spread_mean, 262.46692913372704);
}

static void test_one_mode_and_nothing(void **state)
{
    (void)state;
    struct mu_score score;
    score_text(matches, 1u << 1, &score);
    near(score.score, 39.70606064529355);
    assert_int_equal(score.modes[0].players, 0);
    score_text(OUTCOME_HEADER, UINT32_MAX, &score);
    near(score.score, 0);
    near(score.unmatched, 1);
    near(score.modes[0].wait_mean, (60 + 100.5 + 12.5) / 3);
    near(score.modes[0].wait_curve[0], 12.5);
    near(score.modes[0].wait_curve[MU_SCORE_CURVE - 1], 100.5);
}

static void test_impossible_matches_do_not_count(void **state)
{
    (void)state;
    static const struct {
        const char *match;
        const char *error;
    } cases[] = {
        { "\"t\":0.4,\"m\":\"duel\",\"region\":0,\"teams\":[[1],[2]]",
          "match at 0.400 s: not waiting: ticket 1" },
        { "\"t\":14.6,\"m\":\"duel\",\"region\":0,\"teams\":[[1],[3]]",
          "match at 14.600 s: not waiting: ticket 3" },
        { "\"t\":14,\"m\":\"duel\",\"region\":0,\"teams\":[[1],[5]]",
          "match at 14.000 s: unknown ticket" },
        { "\"t\":14,\"m\":\"duel\",\"region\":0,\"teams\":[[1],[77]]",
          "match at 14.000 s: unknown ticket" },
        { "\"t\":14,\"m\":\"duel\",\"region\":0,\"teams\":[[1,2]]",
          "match at 14.000 s: number of teams" },
        { "\"t\":14,\"m\":\"duel\",\"region\":0,\"teams\":[[1,2],[3]]",
          "match at 14.000 s: size of a team" },
        { "\"t\":14,\"m\":\"duel\",\"region\":0,\"teams\":[[1],[]]",
          "match at 14.000 s: size of a team" },
        { "\"t\":14,\"m\":\"duel\",\"region\":0,\"teams\":[[1],[1]]",
          "match at 14.000 s: a ticket is there twice, or in part" },
        { "\"t\":14,\"m\":\"duel\",\"region\":2,\"teams\":[[1],[2]]",
          "match at 14.000 s: not in that region: ticket 1" },
        { "\"t\":14,\"m\":\"crowd\",\"region\":0,\"teams\":[[\"g\"],[8],[9]]",
          "match at 14.000 s: not in that region: ticket 8" },
        { "\"t\":14,\"m\":\"crowd\",\"region\":1,\"teams\":[[\"g\"],[8]]",
          "match at 14.000 s: number of teams" },
        { "\"t\":14,\"m\":\"huge\",\"region\":1,\"teams\":[[1],[2]]",
          "match at 14.000 s: unknown mode" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        struct mu_score score;
        (void)snprintf(text, sizeof text, "%s{\"type\":\"match\",%s}\n", OUTCOME_HEADER,
                       cases[i].match);
        score_text(text, UINT32_MAX, &score);
        assert_int_equal(score.errors, 1);
        assert_string_equal(score.error_texts[0], cases[i].error);
        assert_int_equal(score.modes[0].matched + score.modes[2].matched, 0);
    }
}

/* A header may allow teams of several sizes, and fewer players than would fit into all of them. */
static void test_teams_of_several_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *teams;
        uint32_t matched;
        double fill;
        const char *error;
    } cases[] = {
        { "[[4],[5]]", 3, 1, "" },
        { "[[5],[6]]", 2, 2.0 / 3, "" },
        { "[[4,5],[6]]", 0, 0, "match at 14.000 s: size of a team" },
        { "[[4],[5,6]]", 0, 0, "match at 14.000 s: number of players" },
    };
    struct mu_workload_mode *pairs = &workload.modes[1];
    pairs->team_min = 1;
    pairs->players_max = 3;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct mu_score score;
        (void)snprintf(text, sizeof text,
                       "%s{\"t\":14,\"m\":\"pairs\",\"region\":0,\"teams\":%s}\n", OUTCOME_HEADER,
                       cases[i].teams);
        score_text(text, UINT32_MAX, &score);
        assert_string_equal(score.errors > 0 ? score.error_texts[0] : "", cases[i].error);
        assert_int_equal(score.modes[1].matched, cases[i].matched);
        near(score.modes[1].fill, cases[i].fill);
    }
    pairs->team_min = 2;
    pairs->players_max = 4;
}

static void test_a_ticket_is_used_once(void **state)
{
    (void)state;
    struct mu_score score;
    score_text(OUTCOME_HEADER "{\"t\":10,\"m\":\"duel\",\"region\":0,\"teams\":[[1],[2]]}\n"
                              "{\"t\":11,\"m\":\"duel\",\"region\":0,\"teams\":[[3],[2]]}\n",
               UINT32_MAX, &score);
    assert_int_equal(score.errors, 1);
    assert_string_equal(score.error_texts[0], "match at 11.000 s: used twice: ticket 2");
    assert_int_equal(score.modes[0].matched, 2);
}

/* A party whose players are on both teams stands in the file once for each. */
static void test_a_party_across_teams(void **state)
{
    (void)state;
    static const char text[] =
        OUTCOME_HEADER "{\"t\":10,\"m\":\"pairs\",\"region\":0,\"teams\":[[4,5],[4,6]]}\n";
    struct mu_score score;
    struct mu_outcome_list outcome;
    char faults[64] = "";
    char *written = NULL;
    size_t written_bytes = 0;
    score_text(text, UINT32_MAX, &score);
    assert_int_equal(score.errors, 0);
    assert_int_equal(score.modes[1].matched, 4);
    /* 1515 + 1480 against 1475 + 1300, 200 * sqrt(4) points: 1 - |2 * Phi(0.55) - 1|. */
    near(score.modes[1].fairness, 1 - erf(0.55 / sqrt(2)));
    assert_int_equal(read_outcome(text, faults, sizeof faults, &outcome), 0);
    FILE *file = open_memstream(&written, &written_bytes);
    const struct mu_outcome_origin origin = { .version = "1", .rules = { 0, 255 }, .seed = 3 };
    assert_int_equal(mu_outcome_write(&outcome, &workload, &origin, file), 0);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(written,
                        "{\"type\":\"outcome\",\"format\":\"mm-outcome/1\",\"workload\":\"hand\","
                        "\"matcher\":\"by hand\",\"version\":\"1\","
                        "\"rules\":{\"pairs\":\"00000000000000ff\"},\"seed\":3}\n"
                        "{\"type\":\"match\",\"t\":10,\"m\":\"pairs\",\"region\":0,"
                        "\"teams\":[[4,5],[4,6]]}\n");
    free(written);
    mu_outcome_release(&outcome);
}

static void test_faults_of_outcomes(void **state)
{
    (void)state;
    char faults[1024] = "";
    struct mu_outcome_list outcome;
    assert_int_equal(read_outcome(OUTCOME_HEADER
                                  "{\"type\":\"note\",\"text\":\"is skipped\"}\n"
                                  "{\"t\":\"x\"}\n"
                                  "{\"t\":1}\n"
                                  "{\"t\":1,\"m\":\"duel\"}\n"
                                  "{\"t\":1,\"m\":\"duel\",\"region\":0}\n"
                                  "{\"t\":1,\"m\":\"duel\",\"region\":0,\"teams\":[1]}\n"
                                  "[]\n"
                                  "nonsense\n",
                                  faults, sizeof faults, &outcome),
                     7);
    assert_string_equal(faults,
                        "file:3: t must be a number\n"
                        "file:4: m must be a text\n"
                        "file:5: region must be an index\n"
                        "file:6: teams must be a list of at most 200 lists\n"
                        "file:7: each of teams must be a list of tickets, at most 200 in all\n"
                        "file:8: must be an object\n"
                        "file:9: is not JSON\n");
    assert_int_equal(outcome.matches_count, 0);
    mu_outcome_release(&outcome);
}

static void test_matches_are_sorted(void **state)
{
    (void)state;
    char faults[64] = "";
    struct mu_outcome_list a;
    assert_int_equal(read_outcome(OUTCOME_HEADER
                                  "{\"t\":40,\"m\":\"crowd\",\"region\":1,\"teams\":[[8],[9]]}\n"
                                  "{\"t\":12,\"m\":\"pairs\",\"region\":0,\"teams\":[[4],[5,6]]}\n"
                                  "{\"t\":12,\"m\":\"duel\",\"region\":0,\"teams\":[[1],[2]]}\n"
                                  "{\"t\":12,\"m\":\"pairs\",\"region\":0,\"teams\":[[5],[4]]}\n"
                                  "{\"t\":10.5,\"m\":\"duel\",\"region\":0,\"teams\":[[2],[1]]}\n",
                                  faults, sizeof faults, &a),
                     0);
    mu_outcome_sort(&a);
    static const double wanted[] = { 10.5, 12, 12, 12, 40 };
    static const uint32_t modes[] = { 0, 0, 1, 1, 2 };
    assert_int_equal(a.matches_count, 5);
    for (uint32_t i = 0; i < 5; i++) {
        near(a.matches[i].at_s, wanted[i]);
        assert_int_equal(a.matches[i].mode, modes[i]);
    }
    assert_int_equal(a.seats[a.matches[1].seats].ticket, 0);
    assert_int_equal(a.matches[2].seats_count, 3); /* equal ones stay as they were appended */
    mu_outcome_release(&a);
}

static void test_it_is_printed(void **state)
{
    (void)state;
    struct mu_score score;
    char json[4096];
    char *table = NULL;
    size_t table_bytes = 0;
    struct mu_json_writer writer;
    FILE *file = open_memstream(&table, &table_bytes);
    score_text(matches, 1u, &score);
    mu_score_print(&workload, &score, file);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(
        table, "mode        players match%  p50 s   p90   p95   p99  top5%  unev.   p95 lost% "
               "spread     ms   p95  fill  score\n"
               "duel              3  66.67   10.0  12.5  12.5  12.5    9.5  0.404 0.404 100.0   "
               "75.0   50.0    70  1.00  33.42\n");
    free(table);
    mu_json_writer_init(&writer, json, sizeof json - 1);
    mu_score_json(&workload, &score, &writer);
    assert_true(mu_json_complete(&writer));
    json[writer.used] = '\0';
    assert_non_null(strstr(json, "\"score\":33.4214999013072,"));
    assert_non_null(strstr(json, "\"modes\":{\"duel\":{\"tickets\":3,"));
    assert_null(strstr(json, "pairs"));
}

static int set_up(void **state)
{
    (void)state;
    char faults[512] = "";
    return workload_text(tickets, faults, sizeof faults, &workload);
}

static int tear_down(void **state)
{
    (void)state;
    mu_workload_release(&workload);
    return 0;
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_figures),
        cmocka_unit_test(test_one_mode_and_nothing),
        cmocka_unit_test(test_impossible_matches_do_not_count),
        cmocka_unit_test(test_teams_of_several_sizes),
        cmocka_unit_test(test_a_ticket_is_used_once),
        cmocka_unit_test(test_a_party_across_teams),
        cmocka_unit_test(test_faults_of_outcomes),
        cmocka_unit_test(test_matches_are_sorted),
        cmocka_unit_test(test_it_is_printed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
