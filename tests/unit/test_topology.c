/* tests/unit/test_topology.c - a cluster as `muster status` and `muster top` read and show it. */
#include "tools/topology.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/topology_page.h"

#define PAGE_MAX 65536

/* What a gateway says, with two numbers that grow. */
static void answer_of(char ret[8192], int matches, int messages)
{
    int n = snprintf(
        ret, 8192,
        "{\"status\":\"not ready\",\"failing\":[\"lobby\"],\"mixedBuilds\":true,"
        "\"builds\":[{\"build\":\"0.2.0\",\"processes\":2},{\"build\":null,\"processes\":1}],"
        "\"processes\":["
        "{\"kind\":\"matcher\",\"name\":\"m\\u001b[2J\",\"instance\":\"#3\",\"partition\":null,"
        "\"state\":\"serving\",\"ready\":true,\"epoch\":0,\"build\":null,\"heartbeatAgeMs\":9000,"
        "\"uptimeMs\":5000,\"brokers\":[1],\"messagesIn\":10,\"messagesOut\":0,\"stepMsMax\":1},"
        "{\"kind\":\"queue\",\"name\":\"eu-a\",\"instance\":\"#4\","
        "\"partition\":\"queue/eu-west-1\",\"state\":\"serving\",\"ready\":true,\"epoch\":8,"
        "\"configuration\":\"0b\",\"otherConfiguration\":true,"
        "\"build\":\"0.2.0\",\"heartbeatAgeMs\":70,\"uptimeMs\":61000,\"brokers\":[0,2],"
        "\"messagesIn\":%d,\"messagesOut\":50,\"stepMsMax\":12}],"
        "\"partitions\":[{\"partition\":\"lobby/0\",\"owner\":null,\"instance\":null,\"epoch\":0,"
        "\"standbys\":0},{\"partition\":\"queue/eu-west-1\",\"owner\":\"eu-a\",\"instance\":\"#4\","
        "\"epoch\":8,\"standbys\":1}],"
        "\"queues\":[{\"region\":\"eu-west-1\",\"gameMode\":\"casual\",\"tickets\":0,"
        "\"players\":0,\"slices\":1,\"oldestMs\":0,\"matches\":0,\"waitP50Ms\":0,\"waitP99Ms\":0},"
        "{\"region\":\"eu-west-1\",\"gameMode\":\"ranked\",\"tickets\":1,\"players\":2,"
        "\"slices\":1,\"oldestMs\":0,\"matches\":0,\"waitP50Ms\":0,\"waitP99Ms\":0},"
        "{\"region\":\"eu-west-1\",\"gameMode\":\"duel\",\"tickets\":7,\"players\":9,"
        "\"slices\":2,\"oldestMs\":1234,\"matches\":%d,\"waitP50Ms\":1500,\"waitP99Ms\":9000}],"
        "\"totals\":{\"ticketsAdded\":%d,\"matchesLive\":3,\"httpRequests\":7}}",
        messages, matches, 2 * matches);
    assert_true(n > 0 && n < 8192);
}

static struct mu_topology *topology_of(int matches, int messages, int64_t now_ms)
{
    char text[8192];
    struct mu_topology *topology = calloc(1, sizeof *topology);
    assert_non_null(topology);
    answer_of(text, matches, messages);
    assert_int_equal(mu_topology_read(text, strlen(text), now_ms, topology), 0);
    return topology;
}

static void test_reads_an_answer(void **state)
{
    (void)state;
    struct mu_topology *topology = topology_of(20, 100, 1000);
    assert_false(topology->ready);
    assert_true(topology->mixed);
    assert_string_equal(topology->failing[0].text, "lobby");
    assert_string_equal(topology->builds[0].text, "0.2.0 (2)");
    assert_string_equal(topology->builds[1].text, "not known (1)");
    assert_int_equal(topology->processes_count, 2);
    /* A name cannot move the cursor. */
    assert_string_equal(topology->processes[0].name.text, "m?[2J");
    assert_string_equal(topology->processes[0].partition.text, "");
    assert_int_equal(topology->processes[1].brokers, 5);
    assert_int_equal(topology->processes[1].epoch, 8);
    assert_int_equal(topology->partitions_count, 2);
    assert_string_equal(topology->partitions[0].instance.text, "");
    assert_int_equal(topology->queues[2].matches, 20);
    assert_int_equal(topology->totals.tickets_added, 40);
    free(topology);
}

static void test_refuses_what_is_no_answer(void **state)
{
    static const char *const texts[] = { "", "{", "[]", "7", "{\"a\":1,\"a\":2}" };
    (void)state;
    struct mu_topology *topology = calloc(1, sizeof *topology);
    assert_non_null(topology);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(mu_topology_read(texts[i], strlen(texts[i]), 1, topology), -EBADMSG);
    }
    static const char odd[] =
        "{\"status\":7,\"processes\":{},\"queues\":[3,null,{\"players\":\"x\"}]}";
    assert_int_equal(mu_topology_read(odd, sizeof odd - 1, 1, topology), 0);
    assert_false(topology->ready);
    assert_int_equal(topology->processes_count, 0);
    assert_int_equal(topology->queues_count, 3);
    assert_int_equal(topology->queues[2].players, 0);
    free(topology);
}

static bool near(double a, double b)
{
    return a > b - 1e-6 && a < b + 1e-6;
}

static void test_rates_follow_the_counters(void **state)
{
    (void)state;
    struct mu_topology *before = topology_of(20, 100, 1000);
    struct mu_topology *now = topology_of(26, 150, 3000);
    mu_topology_rates(before, now);
    assert_true(near(now->queues[2].per_s, 3));
    assert_true(near(now->totals.matches_per_s, 3));
    assert_true(near(now->totals.tickets_per_s, 6));
    assert_true(near(now->processes[1].in_per_s, 25));
    assert_true(near(now->processes[1].out_per_s, 0));
    free(now);
    /* It started again, and counts from 0; a sum that fell says nothing. */
    now = topology_of(4, 30, 3000);
    mu_topology_rates(before, now);
    assert_true(near(now->queues[2].per_s, 2));
    assert_true(near(now->processes[1].in_per_s, 15));
    assert_true(near(now->totals.tickets_per_s, 0));
    /* Who was not there before has no rate yet. */
    before->processes_count = 0;
    before->queues_count = 0;
    mu_topology_rates(before, now);
    assert_true(near(now->queues[2].per_s, 0));
    assert_true(near(now->processes[1].in_per_s, 0));
    free(before);
    free(now);
}

typedef void page_fn(const struct mu_topology *topology, const char *gateway,
                     const struct mu_table_style *style, FILE *file);

/* Writes a page into text. */
static void write_page(page_fn *page, const struct mu_topology *topology,
                       const struct mu_table_style *style, char text[PAGE_MAX])
{
    FILE *file = fmemopen(text, PAGE_MAX, "w");
    assert_non_null(file);
    page(topology, "127.0.0.1:9090", style, file);
    assert_int_equal(fclose(file), 0);
}

static const char whole[] =
    "127.0.0.1:9090  NOT READY  processes 2  build 0.2.0 (2), not known (1)\n"
    "waiting 11 players, 8 tickets  forming 0  live 3  ended 0  servers 0  lobbies 0  sockets 0\n"
    "\n"
    "kind     name                     instance          partition            state     epoch "
    "build       age s  uptime s brokers step ms\n"
    "matcher  m?[2J                    #3                                     SILENT        0 "
    "              9.0         5 1             1\n"
    "queue    eu-a                     #4                queue/eu-west-1      serving       8 "
    "0.2.0         0.1        61 0,2          12\n"
    "\n"
    "partition                owner                    instance           epoch standbys\n"
    "lobby/0                  NOBODY                                          0        0\n"
    "queue/eu-west-1          eu-a                     #4                     8        1\n"
    "\n"
    "region             mode              players  tickets slices  oldest s    p50 s    p99 s   "
    "matches\n"
    "eu-west-1          ranked                  2        1      1       0.0      0.0      0.0   "
    "      0\n"
    "eu-west-1          duel                    9        7      2       1.2      1.5      9.0   "
    "     20\n"
    "\n"
    "not there, or not ready: lobby\n"
    "builds differ: an upgrade is under way, or was left half done\n"
    "another configuration than the store's: queue eu-a, hash 0b\n";

static void test_shows_everything(void **state)
{
    static char text[PAGE_MAX];
    const struct mu_table_style plain = { .rows = 0 };
    (void)state;
    struct mu_topology *topology = topology_of(20, 100, 1000);
    write_page(mu_topology_page_all, topology, &plain, text);
    assert_string_equal(text, whole);
    free(topology);
}

/* The busiest come first, and with a small terminal the others are counted only. */
static void test_shows_what_moves(void **state)
{
    static char text[PAGE_MAX];
    const struct mu_table_style plain = { .rows = 0 };
    const struct mu_table_style small = { .rows = 12, .columns = 40, .in_place = true };
    (void)state;
    struct mu_topology *before = topology_of(20, 100, 1000);
    struct mu_topology *now = topology_of(26, 150, 3000);
    mu_topology_rates(before, now);
    write_page(mu_topology_page_live, now, &plain, text);
    assert_non_null(strstr(text, "per second: tickets 6.0  matches 3.0  requests 0.0\n"));
    const char *duel = strstr(text, " duel ");
    const char *ranked = strstr(text, " ranked ");
    assert_true(duel != NULL && ranked != NULL && duel < ranked);
    const char *shard = strstr(text, "\nqueue    eu-a ");
    const char *matcher = strstr(text, "\nmatcher  m?[2J ");
    assert_true(shard != NULL && matcher != NULL && shard < matcher);
    write_page(mu_topology_page_live, now, &small, text);
    assert_memory_equal(text, "\033[H", 3);
    assert_non_null(strstr(text, "... and 1 more\033[K\n"));
    uint32_t lines = 0;
    for (const char *line = text; (line = strchr(line, '\n')) != NULL; line++) {
        lines++;
    }
    assert_true(lines < 12);
    for (const char *line = text + 3; strchr(line, '\n') != NULL; line = strchr(line, '\n') + 1) {
        assert_true(strchr(line, '\n') - line <= 40 + 3); /* and what clears the rest */
    }
    free(before);
    free(now);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_an_answer),
        cmocka_unit_test(test_refuses_what_is_no_answer),
        cmocka_unit_test(test_rates_follow_the_counters),
        cmocka_unit_test(test_shows_everything),
        cmocka_unit_test(test_shows_what_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
