/* tests/unit/test_tools.c - the pure parts of the tools: metrics, numbers to show, bots' results,
 * records as JSON, options, keys. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/options.h"
#include "gateway/access.h"
#include "tests/unit/fill.h"
#include "tools/bot_game.h"
#include "tools/key_file.h"
#include "tools/metrics_text.h"
#include "tools/record_json.h"
#include "tools/text_diff.h"
#include "tools/view.h"

static struct mu_rng rng;

static void test_samples_are_read(void **state)
{
    (void)state;
    const char *text = "# HELP muster_x About x.\n"
                       "# TYPE muster_x gauge\n"
                       "muster_x 7\n"
                       "muster_y{kind=\"a\\\"b\",partition=\"queue/eu\"} 1.5\n"
                       "muster_broken{kind=\"a} 1\n"
                       "muster_nothing\n"
                       "\n"
                       "muster_last{} -2e3";
    struct mu_sample sample;
    assert_true(mu_sample_next(&text, &sample));
    assert_string_equal(sample.name, "muster_x");
    assert_true(sample.value > 6.9 && sample.value < 7.1);
    assert_int_equal(sample.labels_count, 0);
    assert_true(mu_sample_next(&text, &sample));
    assert_string_equal(mu_sample_label(&sample, "kind"), "a\"b");
    assert_string_equal(mu_sample_label(&sample, "partition"), "queue/eu");
    assert_string_equal(mu_sample_label(&sample, "none"), "");
    assert_true(mu_sample_next(&text, &sample));
    assert_string_equal(sample.name, "muster_last");
    assert_true(sample.value < -1999 && sample.value > -2001);
    assert_false(mu_sample_next(&text, &sample));
}

/* Any bytes: it ends, and never reads beyond the NUL (ASan). */
static void test_any_text_is_survived(void **state)
{
    (void)state;
    static const char letters[] = "muster_{}\"=,\\ 1.e\n#";
    for (uint32_t i = 0; i < 2000; i++) {
        char text[200];
        size_t n = (size_t)mu_rng_below(&rng, sizeof text);
        for (size_t k = 0; k < n; k++) {
            text[k] = letters[mu_rng_below(&rng, sizeof letters - 1)];
        }
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, text, n);
        copy[n] = '\0';
        struct mu_sample sample;
        const char *at = copy;
        while (mu_sample_next(&at, &sample)) {
            assert_true(at <= copy + n);
        }
        free(copy);
    }
}

static void test_rates_follow_the_counters(void **state)
{
    (void)state;
    struct mu_view *view = calloc(1, sizeof *view);
    struct mu_view_queue total;
    char text[512];
    assert_non_null(view);
    for (int64_t second = 1; second <= 60; second++) {
        /* 10 matches a second in one region; the other shard starts again all the time. */
        (void)snprintf(text, sizeof text,
                       "muster_ready{kind=\"store\",partition=\"\",instance_id=\"#1\"} 1\n"
                       "muster_queue_matches_total{mode=\"duel\",region=\"eu\"} %d\n"
                       "muster_queue_players{mode=\"duel\",region=\"eu\"} 4\n"
                       "muster_queue_matches_total{mode=\"duel\",region=\"us\"} 0\n"
                       "muster_matches_live{kind=\"lobby\",partition=\"lobby/0\"} 3\n",
                       (int)second * 10);
        mu_view_take(view, text, second * 1000);
    }
    mu_view_total(view, &total);
    assert_true(total.per_second > 9.5 && total.per_second < 10.5);
    assert_true(total.matches > 599 && total.matches < 601);
    assert_true(total.players > 3.9 && total.players < 4.1);
    assert_true(view->matches_live > 2.9 && view->matches_live < 3.1);
    /* The shard starts again: its counter begins at 0, and the rate does not go below it. */
    mu_view_take(view, "muster_queue_matches_total{mode=\"duel\",region=\"eu\"} 5\n", 61000);
    mu_view_total(view, &total);
    assert_true(total.per_second > 5 && total.per_second < 10.5);
    free(view);
}

/* Results must favour the stronger team as Elo says: 200 points are 76 of 100. */
static void test_bots_play_by_their_skill(void **state)
{
    (void)state;
    const double strength[2] = { 1300, 1100 };
    uint32_t wins = 0;
    uint32_t draws = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        char match[32];
        uint32_t rank[2];
        uint32_t again[2];
        (void)snprintf(match, sizeof match, "mch_%llu", (unsigned long long)mu_rng_next(&rng));
        mu_bot_play(match, strength, 2, rank);
        mu_bot_play(match, strength, 2, again);
        assert_memory_equal(rank, again, sizeof rank);
        draws += rank[0] == 1 && rank[1] == 1 ? 1u : 0u;
        wins += rank[0] < rank[1] ? 1u : 0u;
    }
    assert_in_range(draws, 400, 800);
    assert_in_range(wins * 100 / (20000 - draws), 74, 78);
}

static void test_ranks_of_many_teams_are_whole(void **state)
{
    (void)state;
    double strength[MU_BOT_TEAMS_MAX];
    uint32_t rank[MU_BOT_TEAMS_MAX];
    for (uint32_t teams = 1; teams <= 40; teams++) {
        uint32_t seen = 0;
        for (uint32_t i = 0; i < teams; i++) {
            strength[i] = 1200;
        }
        mu_bot_play("mch_x", strength, teams, rank);
        for (uint32_t place = 1; place <= teams && teams != 2; place++) {
            for (uint32_t i = 0; i < teams; i++) {
                seen += rank[i] == place ? 1u : 0u;
            }
            assert_int_equal(seen, place);
        }
    }
}

static void test_skills_spread_around_1200(void **state)
{
    (void)state;
    double sum = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, MU_BOT_PREFIX "%03u", i);
        double skill = mu_bot_skill(name);
        assert_true(skill > 100 && skill < 2300);
        assert_true(skill <= mu_bot_skill(name) && skill >= mu_bot_skill(name));
        sum += skill;
    }
    assert_true(sum / 1000 > 1150 && sum / 1000 < 1250);
    assert_true(mu_bot_skill("ann") > 1199 && mu_bot_skill("ann") < 1201);
}

/* Every record of the table, filled with random values, becomes whole JSON. */
static void test_every_message_becomes_json(void **state)
{
    (void)state;
    struct mu_msg *msg = calloc(1, sizeof *msg);
    size_t size = 4 * 1024 * 1024;
    char *text = malloc(size);
    assert_non_null(msg);
    assert_non_null(text);
    for (uint32_t op = 1; op < 300; op++) {
        if (mu_msg_layout((enum mu_op)op) == NULL) {
            continue;
        }
        struct mu_json_writer writer;
        fill((enum mu_op)op, &rng, 4, msg);
        mu_json_writer_init(&writer, text, size);
        mu_record_json(&writer, msg);
        assert_true(mu_json_complete(&writer));
    }
    free(text);
    free(msg);
}

static void test_a_record_as_json(void **state)
{
    (void)state;
    struct mu_msg msg = { .op = MU_OP_TICKET_CANCEL };
    struct mu_json_writer writer;
    char text[256];
    (void)snprintf(msg.ticket_cancel.player, sizeof msg.ticket_cancel.player, "ply_1");
    mu_json_writer_init(&writer, text, sizeof text);
    mu_record_json(&writer, &msg);
    assert_true(mu_json_complete(&writer));
    text[writer.used] = '\0';
    assert_string_equal(text, "{\"player\":\"ply_1\",\"ticket\":\"\"}");
    const struct mu_slice bytes = { (const uint8_t *)"a%\0b", 4 };
    mu_json_writer_init(&writer, text, sizeof text);
    mu_record_bytes(&writer, bytes);
    text[writer.used] = '\0';
    assert_string_equal(text, "\"a%25%00b\"");
}

/* Parses a command line of up to four words. */
static int parse(const struct mu_manual *manual, const char *a, const char *b, const char *c,
                 const char **ret_arguments)
{
    char words[4][32] = { "x" };
    char *argv[4] = { words[0], words[1], words[2], words[3] };
    int argc = 1;
    const char *given[] = { a, b, c };
    for (int i = 0; i < 3 && given[i] != NULL; i++) {
        (void)snprintf(words[argc++], sizeof words[0], "%s", given[i]);
    }
    return mu_options_parse(manual, argc, argv, ret_arguments);
}

static void test_options(void **state)
{
    (void)state;
    uint64_t number = 5;
    bool flag = false;
    const struct mu_option options[] = {
        { "number", "N", "a number", .ret_number = &number, .min = 1, .max = 9 },
        { "flag", NULL, "a flag", .ret_flag = &flag },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "x", .arguments = "[FILE]", .text = "x\n", .options = options, .arguments_max = 1
    };
    const char *file = NULL;
    assert_int_equal(parse(&manual, "--number", "9", "--flag", &file), MU_OPTIONS_GO);
    assert_int_equal(number, 9);
    assert_true(flag);
    assert_int_equal(parse(&manual, "--number=3", "a.yaml", NULL, &file), MU_OPTIONS_GO);
    assert_int_equal(number, 3);
    assert_non_null(file);
    assert_int_equal(parse(&manual, "--number", "10", NULL, &file), MU_EXIT_USAGE);
    assert_int_equal(parse(&manual, "--number", NULL, NULL, &file), MU_EXIT_USAGE);
    assert_int_equal(parse(&manual, "--numbe", "3", NULL, &file), MU_EXIT_USAGE);
    assert_int_equal(parse(&manual, "--flag=3", NULL, NULL, &file), MU_EXIT_USAGE);
    assert_int_equal(parse(&manual, "a", "b", NULL, &file), MU_EXIT_USAGE);
    assert_int_equal(parse(&manual, "--", "--flag", NULL, &file), MU_OPTIONS_GO);
    assert_int_equal(number, 3);
}

static void test_made_keys_are_taken(void **state)
{
    (void)state;
    struct mu_config *config = calloc(1, sizeof *config);
    char key[MU_KEY_FILE_MAX + 1];
    char hash[MU_KEY_HASH_BYTES];
    char field[MU_KEY_FILE_MAX + 16];
    struct mu_caller caller;
    assert_non_null(config);
    mu_config_default(config);
    mu_key_make("shop", key, hash);
    config->keys_count = 1;
    config->keys[0].role = MU_ROLE_BACKEND;
    (void)snprintf(config->keys[0].id, sizeof config->keys[0].id, "shop");
    (void)snprintf(config->keys[0].hash, sizeof config->keys[0].hash, "%s", hash);
    (void)snprintf(field, sizeof field, "Bearer %s", key);
    assert_null(mu_access_identify(config, NULL, field, 0, &caller));
    assert_int_equal(caller.role, MU_ROLE_BACKEND);
    field[strlen(field) - 1] ^= 1;
    assert_non_null(mu_access_identify(config, NULL, field, 0, &caller));
    free(config);
}

/* Compares two texts; what is printed, into `ret`. */
static int diff(const char *old, const char *new, char *ret, size_t bytes)
{
    FILE *file = fmemopen(ret, bytes, "w");
    assert_non_null(file);
    ret[0] = '\0';
    int r = mu_text_diff(old, new, file);
    assert_int_equal(fclose(file), 0);
    return r;
}

static void test_differences_of_texts(void **state)
{
    (void)state;
    char text[4096];
    assert_int_equal(diff("a\nb\n", "a\nb\n", text, sizeof text), 0);
    assert_string_equal(text, "");
    assert_int_equal(diff("", "", text, sizeof text), 0);
    assert_int_equal(diff("a\nb\nc\n", "a\nx\nc\n", text, sizeof text), 1);
    assert_string_equal(text, "@@ line 1 @@\n a\n-b\n+x\n c\n");
    assert_int_equal(diff("", "new\n", text, sizeof text), 1);
    assert_string_equal(text, "@@ line 1 @@\n+new\n");
    assert_int_equal(
        diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n6\n7\n8\n9\n0\n", text, sizeof text), 1);
    assert_string_equal(text, "@@ line 2 @@\n 2\n 3\n 4\n-5\n 6\n 7\n 8\n 9\n+0\n");
}

/* Any two texts: the lines that stay or are added, in order, are the new one. */
static void test_differences_lead_from_one_to_the_other(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 500; i++) {
        char old[64] = "";
        char new[64] = "";
        char text[4096];
        char made[64] = "";
        for (uint32_t k = (uint32_t)mu_rng_below(&rng, 7); k > 0; k--) { /* all within context */
            (void)snprintf(old + strlen(old), 4, "%c\n", (int)('a' + mu_rng_below(&rng, 3)));
        }
        for (uint32_t k = (uint32_t)mu_rng_below(&rng, 7); k > 0; k--) {
            (void)snprintf(new + strlen(new), 4, "%c\n", (int)('a' + mu_rng_below(&rng, 3)));
        }
        int r = diff(old, new, text, sizeof text);
        assert_int_equal(r, strcmp(old, new) != 0);
        uint32_t shown = 0;
        for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
            shown += line[0] == ' ' || line[0] == '-' ? 1 : 0;
            if (line[0] == ' ' || line[0] == '+') {
                (void)snprintf(made + strlen(made), 4, "%.2s", line + 1);
            }
        }
        if (r == 1 && shown == strlen(old) / 2) { /* else a long way before or behind is left out */
            assert_string_equal(made, new);
        }
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_are_read),
        cmocka_unit_test(test_any_text_is_survived),
        cmocka_unit_test(test_rates_follow_the_counters),
        cmocka_unit_test(test_bots_play_by_their_skill),
        cmocka_unit_test(test_ranks_of_many_teams_are_whole),
        cmocka_unit_test(test_skills_spread_around_1200),
        cmocka_unit_test(test_every_message_becomes_json),
        cmocka_unit_test(test_a_record_as_json),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_made_keys_are_taken),
        cmocka_unit_test(test_differences_of_texts),
        cmocka_unit_test(test_differences_lead_from_one_to_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
