/* tests/unit/test_simulate.c - replays: the driver's contract, our engine under rules from a
 * header, a mode and a document, tickets that can never match, settings, plots. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>

#include "core/options.h"
#include "tests/unit/workload_text.h"
#include "tools/plot.h"
#include "tools/replay.h"
#include "tools/simulation.h"

static uint64_t seed;

/* A matcher that writes down what it is told, and makes the matches of a script. */
struct scribe {
    char text[2048];
    size_t used;
    int64_t moments[8]; /* when it wants to be woken, ascending; then never */
    uint32_t next;
    uint32_t match; /* the wake at which tickets 0 and 1 are a match */
};

static void write_down(struct scribe *scribe, const char *what, uint32_t ticket, int64_t now_ms)
{
    scribe->used +=
        (size_t)snprintf(scribe->text + scribe->used, sizeof scribe->text - scribe->used,
                         "%s%u@%d ", what, ticket, (int)now_ms);
}

static int hear_arrive(void *self, uint32_t ticket, int64_t now_ms)
{
    write_down(self, "+", ticket, now_ms);
    return 0;
}

static void hear_leave(void *self, uint32_t ticket, int64_t now_ms)
{
    write_down(self, "-", ticket, now_ms);
}

static int64_t tell_moment(void *self)
{
    const struct scribe *scribe = self;
    return scribe->moments[scribe->next];
}

static int hear_wake(void *self, int64_t now_ms, struct mu_replay *replay)
{
    struct scribe *scribe = self;
    write_down(scribe, "!", scribe->next++, now_ms);
    if (scribe->next != scribe->match + 1) {
        return 0;
    }
    const struct mu_outcome_seat seats[] = { { .ticket = 0, .team = 0 },
                                             { .ticket = 1, .team = 1 } };
    return mu_replay_emit(replay, 1, seats, 2);
}

static void test_events_come_in_order(void **state)
{
    (void)state;
    char faults[256] = "";
    struct mu_workload workload;
    struct mu_outcome_list outcome;
    struct scribe scribe = {
        .moments = { 500, 2000, 2000, 3500, INT64_MIN, 100000, INT64_MAX },
        .match = 3,
    };
    const struct mu_replay_matcher matcher = {
        .self = &scribe,
        .arrive = hear_arrive,
        .leave = hear_leave,
        .moment = tell_moment,
        .wake = hear_wake,
    };
    assert_int_equal(
        workload_text(WORKLOAD_HEADER
                      "{\"t\":1,\"id\":1,\"m\":\"duel\",\"r\":[1],\"rtt\":[1,1],\"pat\":10}\n"
                      "{\"t\":2,\"id\":2,\"m\":\"duel\",\"r\":[1],\"rtt\":[1,1],\"pat\":10}\n"
                      "{\"t\":2,\"id\":3,\"m\":\"duel\",\"r\":[1],\"rtt\":[1,1],\"pat\":1.5}\n"
                      "{\"t\":3,\"id\":4,\"m\":\"pairs\",\"r\":[1],\"rtt\":[1,1],\"pat\":1}\n"
                      "{\"t\":3.5,\"id\":5,\"m\":\"duel\",\"r\":[1],\"rtt\":[1,1],\"pat\":0}\n"
                      "{\"t\":3.5,\"id\":6,\"m\":\"duel\",\"r\":[1],\"rtt\":[1,1],\"pat\":1000}\n",
                      faults, sizeof faults, &workload),
        0);
    mu_outcome_init(&outcome, "scribe");
    assert_int_equal(mu_replay_run(&workload, 0, &matcher, NULL, &outcome), 0);
    /* Who gives up first, who arrives next, the matcher last; nobody who is in a match gives up,
     * who has no patience at all never comes, and the end comes before ticket 5's patience. */
    assert_string_equal(scribe.text, "!0@500 +0@1000 +1@2000 +2@2000 !1@2000 !2@2000 -2@3500 "
                                     "+5@3500 !3@3500 !4@3500 !5@100000 ");
    assert_int_equal(outcome.matches_count, 1);
    assert_true(fabs(outcome.matches[0].at_s - 3.5) < 1e-9);
    assert_int_equal(outcome.matches[0].region, 1);
    mu_outcome_release(&outcome);
    mu_workload_release(&workload);
}

/* Plays all modes; the file of the outcome is *ret, to be freed. */
static void play(struct mu_workload *workload, const struct mu_rules_source *source,
                 uint64_t pool_seed, struct mu_simulation *simulation, char **ret)
{
    size_t bytes = 0;
    assert_int_equal(mu_simulation_run(workload, UINT32_MAX, source, pool_seed, NULL, simulation),
                     0);
    FILE *file = open_memstream(ret, &bytes);
    assert_non_null(file);
    assert_int_equal(mu_outcome_write(&simulation->outcome, workload, &simulation->origin, file),
                     0);
    assert_int_equal(fclose(file), 0);
}

static void test_the_same_input_gives_the_same_output(void **state)
{
    (void)state;
    const struct mu_rules_source source = { .path = NULL };
    struct mu_workload workload;
    struct mu_simulation *runs = calloc(3, sizeof *runs);
    char *texts[3];
    assert_non_null(runs);
    assert_int_equal(mu_workload_make("small", seed, &workload), 0);
    for (uint32_t i = 0; i < 3; i++) {
        play(&workload, &source, i == 2 ? 99 : 1, &runs[i], &texts[i]);
    }
    assert_string_equal(texts[0], texts[1]);
    /* The seed is in the header; it changes no match. */
    assert_string_equal(strchr(texts[0], '\n'), strchr(texts[2], '\n'));
    assert_int_equal(runs[0].score.errors, 0);
    assert_int_equal(runs[0].illegal, 0);
    assert_int_equal(runs[0].never_count, 0);
    assert_true(runs[0].score.modes[0].score > 50);
    assert_true(runs[0].score.modes[1].score > 30);
    assert_true(runs[0].score.modes[2].score > 30);
    for (uint32_t i = 0; i < 3; i++) {
        mu_simulation_release(&runs[i]);
        free(texts[i]);
    }
    free(runs);
    mu_workload_release(&workload);
}

/* Two players of the same map and mode with different characters; no character: never. */
static const char same_map[] =
    "{\"name\": \"differ\", \"ruleLanguageVersion\": \"1.0\","
    " \"playerAttributes\": [{\"name\": \"map\", \"type\": \"string\", \"default\": \"any\"},"
    "  {\"name\": \"character\", \"type\": \"number\"}],"
    " \"teams\": [{\"name\": \"player\", \"minPlayers\": 1, \"maxPlayers\": 1, \"quantity\": 2}],"
    " \"rules\": [{\"name\": \"SameMap\", \"type\": \"comparison\", \"operation\": \"=\","
    "   \"measurements\": [\"flatten(teams[*].players.attributes[map])\"]},"
    "  {\"name\": \"OtherCharacter\", \"type\": \"comparison\", \"operation\": \"!=\","
    "   \"measurements\": [\"flatten(teams[*].players.attributes[character])\"]}]}";

static void test_a_rule_set_decides(void **state)
{
    (void)state;
    struct mu_workload workload;
    char faults[256] = "";
    char *text = NULL;
    const struct mu_rules_source source = {
        .path = "differ.json",
        .text = same_map,
        .text_bytes = sizeof same_map - 1,
    };
    struct mu_simulation *simulation = calloc(1, sizeof *simulation);
    assert_non_null(simulation);
    assert_int_equal(
        workload_text("{\"type\":\"header\",\"format\":\"mm-workload/1\"}\n"
                      "{\"t\":0,\"id\":\"a\",\"players\":[{\"attributes\":{\"character\":7}}]}\n"
                      "{\"t\":1,\"id\":\"b\",\"players\":[{\"attributes\":{\"character\":7}}]}\n"
                      "{\"t\":2,\"id\":\"c\",\"players\":[{\"attributes\":{\"map\":\"x\"}}]}\n"
                      "{\"t\":3,\"id\":\"d\",\"players\":[{\"attributes\":{\"character\":9,\"map\":"
                      "\"x\"}}]}\n"
                      "{\"t\":4,\"id\":\"e\",\"players\":[{\"attributes\":{\"character\":1}},"
                      "{\"attributes\":{\"character\":2}}]}\n"
                      "{\"t\":5,\"id\":\"f\",\"players\":[{\"attributes\":{\"character\":9}}]}\n",
                      faults, sizeof faults, &workload),
        0);
    play(&workload, &source, 1, simulation, &text);
    assert_int_equal(simulation->outcome.matches_count, 1);
    assert_non_null(strstr(text, "\"t\":5,\"m\":\"queue\",\"region\":0,\"teams\":["));
    assert_non_null(strstr(text, "[\"a\"]"));
    assert_non_null(strstr(text, "[\"f\"]"));
    /* The scorer has the shape from the rules. */
    assert_int_equal(workload.modes[0].teams, 2);
    assert_int_equal(workload.modes[0].team_max, 1);
    assert_int_equal(simulation->score.errors, 0);
    assert_int_equal(simulation->illegal, 0);
    assert_int_equal(simulation->score.modes[0].matched, 2);
    assert_int_equal(simulation->never_count, 2);
    assert_non_null(strstr(simulation->never[0], "ticket c: player 1: "));
    assert_non_null(strstr(simulation->never[0], "character"));
    assert_string_equal(simulation->never[1],
                        "ticket e: a party of 2 is too large: this queue takes 1 at most");
    mu_simulation_release(simulation);
    free(text);
    free(simulation);
    mu_workload_release(&workload);
}

/* What of two objectives the engine goes by. */
static void assert_objectives_equal(const struct mu_objective *a, const struct mu_objective *b)
{
    const double pairs[][2] = {
        { a->beta, b->beta },
        { a->uncertainty, b->uncertainty },
        { a->imbalance_weight, b->imbalance_weight },
        { a->spread, b->spread },
        { a->latency_good_ms, b->latency_good_ms },
        { a->latency_bad_ms, b->latency_bad_ms },
        { a->wait_ms, b->wait_ms },
        { a->delta, b->delta },
        { a->eta, b->eta },
        { (double)a->first_ms, (double)b->first_ms },
        { a->party_bonus[2], b->party_bonus[2] },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_true(fabs(pairs[i][0] - pairs[i][1]) < 1e-12);
    }
    assert_int_equal(a->waits, b->waits);
}

/* The rules of a replay by the configuration are those of a queue, whatever the header says. */
static void test_the_configuration_wins(void **state)
{
    (void)state;
    static const char both[] =
        "{\"teams\": [{\"name\": \"side\", \"minPlayers\": 1, \"maxPlayers\": 2, \"quantity\": 2}],"
        " \"quality\": {\"spread\": 111}}";
    struct mu_workload workload;
    struct mu_rulebook book;
    char faults[256] = "";
    struct mu_config *config = calloc(1, sizeof *config);
    struct mu_replay_rules *rules = calloc(1, sizeof *rules);
    struct mu_rules_source source = { .config = config, .path = "both.json" };
    assert_non_null(config);
    assert_non_null(rules);
    mu_config_default(config);
    const uint32_t duel = (uint32_t)mu_config_mode(config, "duel");
    config->modes[duel].window_points = 77;
    config->modes[duel].latency_max_ms = 88;
    config->modes[duel].fill_ms = 99;
    config->modes[duel].team_max = 3;
    assert_int_equal(workload_text(WORKLOAD_HEADER, faults, sizeof faults, &workload), 0);
    for (uint32_t i = 0; i < 2; i++) {
        const struct mu_slice text = { (const uint8_t *)both, i == 0 ? 0 : sizeof both - 1 };
        source.text = i == 0 ? NULL : both;
        source.text_bytes = text.size;
        assert_int_equal(mu_replay_rules_make(&workload, 0, &source, rules), 0);
        assert_int_equal(mu_rules_of_queue(config, duel, text, 1, &book), 0);
        const struct mu_rules *live = book.shapes[0];
        const struct mu_rules *replayed = rules->book.shapes[0];
        assert_true(live->hash == replayed->hash);
        assert_int_equal(live->window.used, replayed->window.used);
        assert_int_equal(live->window.points, replayed->window.points);
        assert_int_equal(live->window.max, replayed->window.max);
        assert_int_equal(live->latency_max_ms, replayed->latency_max_ms);
        assert_int_equal(live->fill_ms, replayed->fill_ms);
        assert_objectives_equal(&live->objective, &replayed->objective);
        assert_int_equal(replayed->window.points, i == 0 ? 77 : 0);
        assert_int_equal(workload.modes[0].team_min, 1);
        assert_int_equal(workload.modes[0].team_max, i == 0 ? 3 : 2);
        assert_int_equal(workload.modes[0].players_max, i == 0 ? 6 : 4);
        /* What is a good match, the header says. */
        assert_true(fabs(workload.modes[0].spread - 300) < 1e-12);
        mu_replay_rules_release(rules);
        mu_rulebook_release(&book);
    }
    source.text = NULL;
    assert_int_equal(mu_replay_rules_make(&workload, 1, &source, rules), MU_EXIT_USAGE);
    mu_replay_rules_release(rules);
    free(rules);
    free(config);
    mu_workload_release(&workload);
}

/* The widest bounds at any age; who plays for himself is a team; a team may be empty. */
static void test_shapes_of_rules(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t shape[5]; /* teams, teams_min, team_min, team_max, players_max */
    } cases[] = {
        { "\"teams\": [{\"name\": \"side\", \"minPlayers\": 5, \"maxPlayers\": 5, \"quantity\": "
          "2}],"
          " \"expansions\": [{\"target\": \"teams[side].minPlayers\","
          " \"steps\": [{\"waitTimeSeconds\": 60, \"value\": 3}]}]",
          { 2, 2, 3, 5, 10 } },
        { "\"teams\": [{\"name\": \"all\", \"minPlayers\": 4, \"maxPlayers\": 12}],"
          " \"freeForAll\": true",
          { 12, 4, 1, 1, 12 } },
        { "\"teams\": [{\"name\": \"squad\", \"minPlayers\": 1, \"maxPlayers\": 3, \"quantity\": "
          "20,"
          " \"minQuantity\": 14}]",
          { 20, 14, 1, 3, 60 } },
        { "\"teams\": [{\"name\": \"us\", \"minPlayers\": 2, \"maxPlayers\": 4},"
          " {\"name\": \"guests\", \"minPlayers\": 0, \"maxPlayers\": 2}]",
          { 2, 1, 1, 4, 6 } },
    };
    struct mu_config *config = calloc(1, sizeof *config);
    assert_non_null(config);
    mu_config_default(config);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct mu_rulebook book;
        struct mu_workload_mode mode = { .teams = 7 };
        int size = snprintf(text, sizeof text, "{%s}", cases[i].text);
        const struct mu_slice document = { (const uint8_t *)text, (uint32_t)size };
        assert_int_equal(mu_rules_of_queue(config, 0, document, 1, &book), 0);
        mu_workload_mode_shape(&mode, &book);
        mu_rulebook_release(&book);
        assert_int_equal(mode.teams, cases[i].shape[0]);
        assert_int_equal(mode.teams_min, cases[i].shape[1]);
        assert_int_equal(mode.team_min, cases[i].shape[2]);
        assert_int_equal(mode.team_max, cases[i].shape[3]);
        assert_int_equal(mode.players_max, cases[i].shape[4]);
    }
    free(config);
}

static void test_a_mode_of_the_configuration(void **state)
{
    (void)state;
    struct mu_workload workload;
    char faults[256] = "";
    char *text = NULL;
    struct mu_config *config = calloc(1, sizeof *config);
    struct mu_simulation *simulation = calloc(1, sizeof *simulation);
    assert_non_null(config);
    assert_non_null(simulation);
    mu_config_default(config);
    const struct mu_rules_source source = { .config = config };
    struct mu_mode *ranked = &config->modes[mu_config_mode(config, "ranked")];
    ranked->window_points = 100;
    ranked->window_per_second = 0;
    ranked->latency_max_ms = 150;
    assert_int_equal(
        workload_text("{\"type\":\"header\",\"format\":\"mm-workload/1\","
                      "\"regions\":[\"east\",\"west\"],"
                      "\"modes\":{\"ranked\":{\"teams\":2,\"team_size\":1}}}\n"
                      "{\"t\":0,\"id\":1,\"m\":\"ranked\",\"r\":[1200],\"rtt\":[20,90]}\n"
                      "{\"t\":1,\"id\":2,\"m\":\"ranked\",\"r\":[1400],\"rtt\":[20,90]}\n"
                      "{\"t\":2,\"id\":3,\"m\":\"ranked\",\"r\":[1290],\"rtt\":[160,900]}\n"
                      "{\"t\":3,\"id\":4,\"m\":\"ranked\",\"r\":[1290],\"rtt\":[200,30]}\n",
                      faults, sizeof faults, &workload),
        0);
    play(&workload, &source, 1, simulation, &text);
    /* Player 4 is within 100 points of 1 only, and only in the west. */
    assert_non_null(strstr(text, "\"m\":\"ranked\",\"region\":1,\"teams\":["));
    assert_int_equal(simulation->score.modes[0].matched, 2);
    assert_int_equal(simulation->never_count, 1);
    assert_string_equal(simulation->never[0], "ticket 3: no region is within 150 ms: the nearest, "
                                              "east, is 160 ms away");
    mu_simulation_release(simulation);
    free(text);
    free(simulation);
    free(config);
    mu_workload_release(&workload);
}

static void test_settings_change_what_is_waited_for(void **state)
{
    (void)state;
    struct mu_workload workload;
    struct mu_simulation *runs = calloc(2, sizeof *runs);
    assert_non_null(runs);
    assert_int_equal(mu_workload_make("small", seed, &workload), 0);
    static const char *const settings[] = { "delta=0,eta=1.5", "delta=0.8,eta=0.1" };
    for (uint32_t i = 0; i < 2; i++) {
        struct mu_rules_source source = { .path = NULL };
        assert_int_equal(mu_overrides_parse(settings[i], "test", &source.overrides), 0);
        assert_int_equal(source.overrides.count, 2);
        assert_int_equal(mu_simulation_run(&workload, 1, &source, 1, NULL, &runs[i]), 0);
    }
    assert_true(runs[0].origin.rules[0] != 0);
    assert_int_equal(runs[0].origin.rules[1], 0);
    assert_true(runs[0].origin.rules[0] != runs[1].origin.rules[0]);
    /* Who asks for more waits longer and plays more even matches. */
    assert_true(runs[1].score.modes[0].wait_mean > runs[0].score.modes[0].wait_mean + 5);
    assert_true(runs[1].score.modes[0].imbalance_mean < runs[0].score.modes[0].imbalance_mean);
    for (uint32_t i = 0; i < 2; i++) {
        mu_simulation_release(&runs[i]);
    }
    free(runs);
    mu_workload_release(&workload);
}

static void test_settings_are_parsed_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = { "delta",     "delta=",     "delta=x", "delta=0.",
                                       "delta=.5",  "delta=1e3",  "mood=1",  "delta=0.4,",
                                       "delta=--1", "delta=0.4 ", "=1",      "delta=01" };
    struct mu_overrides overrides = { .count = 0 };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mu_overrides none = { .count = 0 };
        /* A comma at the end has a good setting before it. */
        int r = mu_overrides_parse(bad[i], "test", &none);
        assert_int_equal(r, strchr(bad[i], ',') != NULL ? 0 : -EINVAL);
    }
    assert_int_equal(
        mu_overrides_parse("delta=0.05,urgent_ms=90000,waits=0,gamma=-2.5", "test", &overrides), 0);
    assert_int_equal(overrides.count, 4);
    assert_true(fabs(overrides.list[0].value - 0.05) < 1e-12);
    assert_true(fabs(overrides.list[1].value - 90000) < 1e-12);
    assert_true(fabs(overrides.list[3].value + 2.5) < 1e-12);
}

static void test_plots_are_drawn(void **state)
{
    (void)state;
    static const double x[] = { 0, 1, 2.5 };
    static const double y[] = { 0, 4, 3 };
    char *text = NULL;
    size_t bytes = 0;
    struct mu_plot_panel panels[2] = {
        { .title = "a < b & c", .x_label = "seconds", .y_label = "share", .y_max = 8 },
        { .title = "empty" },
    };
    const struct mu_plot_series line = { .label = "line", .count = 3, .x = x, .y = y };
    const struct mu_plot_series dots = {
        .label = "dots", .count = 2, .x = x, .y = y, .points = true, .strong = true
    };
    mu_plot_add(&panels[0], &line);
    mu_plot_add(&panels[0], &dots);
    FILE *file = open_memstream(&text, &bytes);
    assert_non_null(file);
    assert_int_equal(mu_plot_write("both", panels, 2, 2, file), 0);
    assert_int_equal(fclose(file), 0);
    assert_memory_equal(text, "<svg xmlns=", 11);
    assert_non_null(strstr(text, ">a &lt; b &amp; c</text>"));
    assert_non_null(strstr(text, ">line</text>"));
    assert_non_null(strstr(text, "stroke-linecap=\"round\""));
    assert_null(strstr(text, "nan"));
    assert_string_equal(text + bytes - 7, "</svg>\n");
    free(text);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_come_in_order),
        cmocka_unit_test(test_the_same_input_gives_the_same_output),
        cmocka_unit_test(test_a_rule_set_decides),
        cmocka_unit_test(test_the_configuration_wins),
        cmocka_unit_test(test_shapes_of_rules),
        cmocka_unit_test(test_a_mode_of_the_configuration),
        cmocka_unit_test(test_settings_change_what_is_waited_for),
        cmocka_unit_test(test_settings_are_parsed_strictly),
        cmocka_unit_test(test_plots_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
