/* tests/unit/test_workload.c - workloads: read, with every fault; made up; written. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>

#include "tests/unit/workload_text.h"

static uint64_t seed;

static void test_a_good_file_is_read(void **state)
{
    (void)state;
    char faults[512] = "";
    struct mu_workload workload;
    int r =
        workload_text(WORKLOAD_HEADER
                      "{\"t\":0.07,\"id\":1,\"m\":\"duel\",\"r\":[1200],\"s\":[80],\"rtt\":[30,"
                      "null],\"pat\":60}\n"
                      "{\"t\":2.5,\"id\":\"two\",\"m\":\"pairs\",\"r\":[1500,1460.5],\"s\":[60,0],"
                      "\"rtt\":[45,150],\"pat\":12.34}\n",
                      faults, sizeof faults, &workload);
    assert_string_equal(faults, "");
    assert_int_equal(r, 0);
    assert_string_equal(workload.name, "hand");
    assert_int_equal(workload.regions_count, 2);
    assert_string_equal(workload.regions[1], "west");
    assert_int_equal(workload.modes_count, 3);
    assert_int_equal(mu_workload_mode(&workload, "crowd"), 2);
    assert_int_equal(workload.modes[2].teams_min, 3);
    assert_int_equal(workload.modes[2].players_max, 4);
    assert_int_equal(workload.tickets_count, 2);
    assert_string_equal(workload.tickets[1].id, "two");
    assert_true(workload.tickets[0].id_number && !workload.tickets[1].id_number);
    assert_true(isinf(mu_workload_rtt(&workload, 0)[1]));
    assert_true(fabs(workload.players[2].rating - 1460.5) < 1e-9);
    assert_int_equal(mu_workload_players(&workload, 1), 2);
    /* Never earlier than it says, never later: 0.07 is a little above 70 ms as a double. */
    assert_int_equal(mu_workload_arrival_ms(&workload.tickets[0]), 70);
    assert_int_equal(mu_workload_leave_ms(&workload.tickets[1]), 14840);
    assert_int_equal(mu_workload_end_ms(&workload), 700000);
    assert_true(fabs(mu_workload_bonus(&workload, 8) - 15) < 1e-9);
    mu_workload_release(&workload);
}

static void test_what_may_be_left_out(void **state)
{
    (void)state;
    char faults[512] = "";
    struct mu_workload workload;
    int r = workload_text(
        "{\"type\":\"header\",\"format\":\"mm-workload/1\",\"regions\":[\"east\",\"west\"]}\n"
        "{\"t\":1,\"id\":1,\"players\":[{\"playerId\":\"ann\",\"attributes\":{\"skill\":7,"
        "\"maps\":[\"a\",\"b\"],\"none\":{},\"modes\":{\"x\":1.5}},"
        "\"latencies\":{\"west\":20}},{\"latencies\":{\"east\":90,\"west\":35}}],\"party\":\"p1\"}"
        "\n"
        "{\"t\":2,\"id\":2,\"m\":\"other\",\"players\":[{\"team\":\"red\"}],\"backfill\":true}\n",
        faults, sizeof faults, &workload);
    assert_string_equal(faults, "");
    assert_int_equal(r, 0);
    const struct mu_workload_ticket *ticket = &workload.tickets[0];
    assert_string_equal(workload.modes[0].name, "queue");
    assert_int_equal(workload.modes[0].teams, 0);
    assert_string_equal(workload.modes[1].name, "other");
    assert_int_equal(ticket->players_count, 2);
    assert_true(fabs(workload.players[0].rating - MU_WORKLOAD_RATING) < 1e-9);
    assert_string_equal(workload.text + workload.players[0].name, "ann");
    assert_int_equal(workload.players[1].name, 0);
    /* The details are what the rules read: ids are no part of them. */
    assert_string_equal(
        workload.text + ticket->details,
        "[{\"attributes\":{\"skill\":7,\"maps\":[\"a\",\"b\"],\"none\":{},\"modes\":{\"x\":1.5}},"
        "\"latencies\":{\"west\":20}},{\"latencies\":{\"east\":90,\"west\":35}}]");
    assert_true(isinf(mu_workload_rtt(&workload, 0)[0]));
    assert_true(fabs(mu_workload_rtt(&workload, 0)[1] - 35) < 1e-9);
    assert_true(ticket->measured && !workload.tickets[1].measured);
    assert_true(workload.tickets[1].backfill);
    assert_true(mu_workload_rtt(&workload, 1)[0] < 1e-9);
    /* It waits to the end: 600 s after the last arrival, at 2 s. */
    assert_true(fabs(ticket->patience_s - 601) < 1e-9);
    mu_workload_release(&workload);
}

/* Every fault of a line is told, and of every line. */
static void test_faults_of_tickets(void **state)
{
    (void)state;
    char faults[4096] = "";
    struct mu_workload workload;
    int r = workload_text(
        WORKLOAD_HEADER
        "{\"t\":5,\"id\":1,\"m\":\"duel\",\"r\":[1200],\"s\":[80],\"rtt\":[30,90],\"pat\":60}\n"
        "{\"t\":4,\"id\":1,\"m\":\"duet\",\"r\":[\"x\"],\"s\":[-1],\"rtt\":[30],\"pat\":-1,"
        "\"patt\":1}\n"
        "[]\n"
        "{\"t\":6,\n"
        "{}\n"
        "{\"t\":6,\"id\":2.5,\"m\":7,\"r\":[],\"s\":3,\"rtt\":[\"a\",70000],\"backfill\":1,"
        "\"type\":\"match\"}\n"
        "{\"t\":7,\"id\":3,\"m\":\"duel\",\"r\":[1,2,3,4,5,6,7,8,9],\"s\":[1],"
        "\"players\":[{\"latencies\":{\"north\":1},\"attributes\":[],\"mood\":1}]}\n",
        faults, sizeof faults, &workload);
    assert_string_equal(faults,
                        "file:3: unknown member \"patt\"\n"
                        "file:3: id 1 is there twice\n"
                        "file:3: t is 4, before that of the ticket above\n"
                        "file:3: pat is -1, must be 0 to 10000000\n"
                        "file:3: m is \"duet\", which is not in the header's modes\n"
                        "file:3: r[0] must be a number\n"
                        "file:3: s[0] is -1, must be 0 to 10000\n"
                        "file:3: rtt has 1 numbers, there are 2 regions\n"
                        "file:4: must be an object\n"
                        "file:5: is not JSON: column 1: string or '}' expected near end of file\n"
                        "file:6: \"id\" is missing\n"
                        "file:6: \"t\" is missing\n"
                        "file:6: \"m\" is missing\n"
                        "file:6: needs \"r\" or \"players\"\n"
                        "file:7: type must be \"ticket\"\n"
                        "file:7: id must be a whole number or a text of 1 to 31 bytes\n"
                        "file:7: m must be a text of 1 to 31 bytes\n"
                        "file:7: r must have 1 to 200 numbers\n"
                        "file:7: s must be a list\n"
                        "file:7: rtt[0] must be a number\n"
                        "file:7: rtt[1] is 70000, must be 0 to 65534\n"
                        "file:7: backfill must be true or false\n"
                        "file:8: r is of 9 players, players has 1\n"
                        "file:8: s is of 1 players, there are 9\n"
                        "file:8: a party has at most 8 players\n");
    assert_int_equal(r, 25);
    assert_int_equal(workload.tickets_count, 1);
    mu_workload_release(&workload);
}

static void test_faults_of_players(void **state)
{
    (void)state;
    char faults[1024] = "";
    struct mu_workload workload;
    int r = workload_text(WORKLOAD_HEADER
                          "{\"t\":7,\"id\":3,\"m\":\"duel\",\"players\":[{\"playerId\":\"\","
                          "\"latencies\":{\"north\":1,\"east\":-1},\"attributes\":[],\"team\":1,"
                          "\"mood\":1},7]}\n",
                          faults, sizeof faults, &workload);
    assert_string_equal(faults, "file:2: playerId must be a text of 1 to 31 bytes\n"
                                "file:2: latencies: \"north\" is not in the header's regions\n"
                                "file:2: each of latencies is -1, must be 0 to 65534\n"
                                "file:2: attributes must be an object\n"
                                "file:2: team must be a text\n"
                                "file:2: unknown member \"mood\" of players\n"
                                "file:2: each of players must be an object\n");
    assert_int_equal(r, 7);
    mu_workload_release(&workload);
}

static void test_faults_of_headers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *faults;
    } cases[] = {
        { "", "file:1: is empty, must begin with a header\n" },
        { "[]\n", "file:1: must be a header, {\"type\":\"header\",...}\n" },
        { "{}\n", "file:1: \"type\" is missing\nfile:1: \"format\" is missing\n" },
        { "{\"type\":\"head\",\"format\":1,\"regions\":[],\"modes\":{}}\n{\"t\":\"unread\"}\n",
          "file:1: type is \"head\", must be \"header\"\n"
          "file:1: format must be a text\n"
          "file:1: regions must be 1 to 32 names\n"
          "file:1: modes is empty\n" },
        { "{\"type\":\"header\",\"format\":\"mm-workload/1\",\"duration\":-1,"
          "\"regions\":[\"a\",\"a\"],"
          "\"modes\":{\"x\":{\"teams\":0},\"y\":{\"teams\":20,\"team_size\":20,\"min_teams\":21},"
          "\"z\":1},"
          "\"score\":{\"beta\":0,\"party_bonus\":[],\"lat_good\":90,\"lat_bad\":80,"
          "\"modes\":{\"x\":{\"wI\":2},\"y\":3}}}\n",
          "file:1: duration is -1, must be 0 to 1000000\n"
          "file:1: regions has \"a\" twice\n"
          "file:1: modes.x.teams is 0, must be 1 to 200\n"
          "file:1: modes.x.team_size is missing\n"
          "file:1: modes.y: at most 200 players a match, min_teams at most teams, team_min at "
          "most team_size, players_max at most all of them\n"
          "file:1: modes.z must be an object\n"
          "file:1: beta is 0, must be 1 to 1000000\n"
          "file:1: party_bonus must be 1 to 16 numbers\n"
          "file:1: lat_bad must be above lat_good\n"
          "file:1: score.modes.x.wI must be 0 to 1\n"
          "file:1: each of score.modes must be an object\n" },
        { "{\"type\":\"header\",\"format\":\"mm-workload/1\","
          "\"modes\":{\"x\":{\"teams\":2,\"team_size\":1}},\"score\":{\"modes\":{}}}\n",
          "file:1: score.modes has no \"x\"\n" },
    };
    for (size_t i = 1; i < sizeof cases / sizeof cases[0]; i++) {
        char faults[2048] = "";
        struct mu_workload workload;
        assert_true(workload_text(cases[i].text, faults, sizeof faults, &workload) > 0);
        assert_string_equal(faults, cases[i].faults);
        mu_workload_release(&workload);
    }
    char faults[128] = "";
    struct mu_workload workload;
    FILE *file = tmpfile();
    FILE *told = fmemopen(faults, sizeof faults, "w");
    assert_int_equal(mu_workload_read(file, "file", told, &workload), 1);
    assert_int_equal(fclose(told), 0);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(faults, cases[0].faults);
    mu_workload_release(&workload);
}

/* Only so many are told, but all are counted; and no bytes break the reader. */
static void test_many_faults_and_any_bytes(void **state)
{
    (void)state;
    struct mu_rng rng = { .state = seed };
    static const char letters[] = "{}[]\",:0123456789.e-trms\n \\";
    for (uint32_t round = 0; round < 300; round++) {
        char text[4096] = WORKLOAD_HEADER;
        char faults[8192] = "";
        struct mu_workload workload;
        size_t used = strlen(text);
        size_t more = used + (size_t)mu_rng_below(&rng, 600);
        for (; used < more; used++) {
            text[used] = letters[mu_rng_below(&rng, sizeof letters - 1)];
        }
        text[used] = '\0';
        assert_true(workload_text(text, faults, sizeof faults, &workload) >= 0);
        mu_workload_release(&workload);
    }
    FILE *file = tmpfile();
    FILE *told = tmpfile();
    assert_non_null(file);
    assert_non_null(told);
    assert_true(fputs(WORKLOAD_HEADER, file) >= 0);
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(fputs("x\n", file) >= 0);
    }
    rewind(file);
    struct mu_workload workload;
    assert_int_equal(mu_workload_read(file, "file", told, &workload), 100);
    rewind(told);
    uint32_t lines = 0;
    for (int c = fgetc(told); c != EOF; c = fgetc(told)) {
        lines += c == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, MU_WORKLOAD_FAULTS_MAX + 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(fclose(told), 0);
    mu_workload_release(&workload);
}

/* Reads a header with one mode of that text.  Returns what mu_workload_read() does. */
static int read_shape(const char *shape, char faults[512], struct mu_workload *ret)
{
    char text[512];
    (void)snprintf(text, sizeof text,
                   "{\"type\":\"header\",\"format\":\"mm-workload/1\",\"modes\":{\"x\":{%s}}}\n",
                   shape);
    return workload_text(text, faults, 512, ret);
}

static void test_teams_of_several_sizes(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\"teams\":2,\"team_size\":4,\"team_min\":5",
        "\"teams\":2,\"team_size\":4,\"team_min\":0",
        "\"teams\":2,\"team_size\":4,\"players_max\":9",
        "\"teams\":2,\"team_size\":150,\"players_max\":201",
        "\"teams\":2,\"team_size\":150",
    };
    char faults[512] = "";
    char *written = NULL;
    size_t size = 0;
    struct mu_workload workload;
    struct mu_workload again;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(read_shape(bad[i], faults, &workload) > 0);
        assert_non_null(strstr(faults, "file:1: modes.x"));
        mu_workload_release(&workload);
    }
    assert_int_equal(read_shape("\"teams\":2,\"team_size\":150,\"team_min\":3,\"players_max\":160",
                                faults, &workload),
                     0);
    FILE *file = open_memstream(&written, &size);
    assert_non_null(file);
    assert_int_equal(mu_workload_write(&workload, file), 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(workload_text(written, faults, sizeof faults, &again), 0);
    const struct mu_workload *both[] = { &workload, &again };
    for (size_t i = 0; i < 2; i++) {
        const struct mu_workload_mode *mode = &both[i]->modes[0];
        assert_int_equal(mode->team_min, 3);
        assert_int_equal(mode->team_max, 150);
        assert_int_equal(mode->players_max, 160);
        assert_int_equal(mode->teams_min, 2);
    }
    free(written);
    mu_workload_release(&workload);
    mu_workload_release(&again);
}

static void test_made_ones_are_written_and_read(void **state)
{
    (void)state;
    struct mu_workload made;
    struct mu_workload again;
    struct mu_workload read;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(mu_workload_make("small", seed, &made), 0);
    assert_int_equal(mu_workload_make("small", seed, &again), 0);
    assert_int_equal(mu_workload_write(&made, file), 0);
    rewind(file);
    assert_int_equal(mu_workload_read(file, "file", stderr, &read), 0);
    assert_int_equal(fclose(file), 0);
    assert_true(made.tickets_count > 600 && made.tickets_count < 1200);
    const struct mu_workload *others[] = { &again, &read };
    for (size_t k = 0; k < 2; k++) {
        const struct mu_workload *other = others[k];
        assert_int_equal(other->tickets_count, made.tickets_count);
        assert_int_equal(other->players_count, made.players_count);
        assert_int_equal(other->modes_count, made.modes_count);
        assert_memory_equal(other->rtt_ms, made.rtt_ms,
                            made.tickets_count * made.regions_count * sizeof made.rtt_ms[0]);
        for (uint32_t i = 0; i < made.players_count; i++) {
            const struct mu_workload_player *a = &made.players[i];
            const struct mu_workload_player *b = &other->players[i];
            assert_false(a->rating < b->rating || a->rating > b->rating);
            assert_false(a->deviation < b->deviation || a->deviation > b->deviation);
            assert_int_equal(a->name, b->name);
        }
        for (uint32_t i = 0; i < made.tickets_count; i++) {
            const struct mu_workload_ticket *a = &made.tickets[i];
            const struct mu_workload_ticket *b = &other->tickets[i];
            assert_string_equal(a->id, b->id);
            assert_int_equal(a->mode, b->mode);
            assert_int_equal(a->players_count, b->players_count);
            assert_memory_equal(&a->at_s, &b->at_s, sizeof a->at_s);
            assert_memory_equal(&a->patience_s, &b->patience_s, sizeof a->patience_s);
        }
    }
    mu_workload_release(&made);
    mu_workload_release(&again);
    mu_workload_release(&read);
}

/* The made players are as the header file says, whatever the seed. */
static void test_made_ones_have_the_right_shape(void **state)
{
    (void)state;
    static const char *const kinds[] = { "peak", "diurnal", "thin", "busy" };
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct mu_workload workload;
        double patience = 0;
        double rating = 0;
        uint32_t apart = 0;
        assert_int_equal(mu_workload_make(kinds[k], seed, &workload), 0);
        for (uint32_t i = 0; i < workload.tickets_count; i++) {
            const struct mu_workload_ticket *ticket = &workload.tickets[i];
            double nearest = 1e9;
            for (uint32_t j = 0; j < workload.regions_count; j++) {
                nearest = fmin(nearest, mu_workload_rtt(&workload, i)[j]);
            }
            patience += ticket->patience_s / workload.tickets_count;
            rating += workload.players[ticket->players].rating / workload.tickets_count;
            apart += nearest > 60 ? 1 : 0;
            assert_true(ticket->players_count <= workload.modes[ticket->mode].team_max);
            assert_true(ticket->at_s <= workload.duration_s);
        }
        assert_true(patience > 215 && patience < 265);
        assert_true(rating > 1150 && rating < 1550);
        assert_true(apart > 0 && apart < workload.tickets_count / 8);
        mu_workload_release(&workload);
    }
    struct mu_workload none;
    assert_int_equal(mu_workload_make("huge", seed, &none), -EINVAL);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_file_is_read),
        cmocka_unit_test(test_what_may_be_left_out),
        cmocka_unit_test(test_faults_of_tickets),
        cmocka_unit_test(test_faults_of_players),
        cmocka_unit_test(test_faults_of_headers),
        cmocka_unit_test(test_many_faults_and_any_bytes),
        cmocka_unit_test(test_teams_of_several_sizes),
        cmocka_unit_test(test_made_ones_are_written_and_read),
        cmocka_unit_test(test_made_ones_have_the_right_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
