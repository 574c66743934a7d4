/* tests/bench/bench_e2e.c - a whole cluster under load, beside what disk and sockets allow.
 *
 * usage: bench_e2e [--quick] [--build FOLDER] [--folder FOLDER] [--seed N] [--rate N]
 *
 *   durable  closed loop over HTTP: enqueues a second, each answered 201 when it is fsynced; no
 *            matcher runs.  In turn with it, in the same slots: bare LMDB with one record a
 *            commit and with as many as the store had, and pwrite+fdatasync alike
 *   drain    then a matcher starts: how fast all that waits is matched
 *   open     open loop over WebSockets at fixed rates, 1 against 1: from the second ticket of a
 *            match to both players notified; beside it a bare ROUTER-DEALER echo and a bare
 *            commit, just before
 *   tickets  conservation, over all: added = 2 x matches + cancelled + expired + queued
 *
 * --build is the build folder (default: the working folder); the cluster's data is in --folder
 * (default: $TMPDIR or /tmp), which must be on a real disk.  --rate runs only the open
 * loop, at that rate.  Each line of output is "case {...}".
 * Exit code 1 when a player was lost or matched twice, or the cluster failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/parse.h"
#include "tests/bench/e2e_closed.h"
#include "tests/bench/e2e_cluster.h"
#include "tests/bench/e2e_open.h"
#include "tests/bench/e2e_raw.h"
#include "tests/bench/measure.h"

enum {
    SLOTS = 5,
    CLIENTS = 64,         /* connections of the closed loop */
    PLAYERS_MAX = 200000, /* that are ever registered */
    STATS_MS = 1200,      /* longer than between two STATS of an actor */
    POLL_MS = 20,
    SETTLE_S = 20, /* for the drain, and for counts that are told once a second */
    HOPS = 7,      /* round trips on the bus from the second ticket to both notified: ticket
                             to the shard and on to the store (1), its change back to the shard
                             (1), to a matcher and back (2), commit to the store and the events to
                             the gateway, half way each (1), and answer and acknowledgement that
                             wait for the same processes (2) */
};

/* What one part may take. */
struct extent {
    int64_t slot_ns;      /* of a closed loop */
    int64_t raw_ns;       /* of a bare one */
    uint32_t players;     /* for the durable part */
    double open_s;        /* of one rate */
    uint32_t tickets_max; /* of one rate: each has a connection */
    uint32_t rates[6];    /* tickets a second, ended by 0 */
};

static const struct extent quick = { .slot_ns = 300000000,
                                     .raw_ns = 100000000,
                                     .players = 30000,
                                     .open_s = 3,
                                     .tickets_max = 3000,
                                     .rates = { 100, 500, 1000 } };
static const struct extent full = { .slot_ns = 2000000000,
                                    .raw_ns = 500000000,
                                    .players = 80000,
                                    .open_s = 10,
                                    .tickets_max = 8000,
                                    .rates = { 100, 500, 1000, 2000, 4000 } };

struct bench {
    struct extent extent;
    uint64_t seed;
    uint64_t rate; /* of the only open loop; 0: all parts */
    struct mu_e2e e2e;
    struct mu_raw *raw;
    struct mu_closed_links *clients;
    struct mu_players players;
    struct mu_noise quiet; /* probed before the case at hand */
    struct mu_noise_mark mark;
    double cpu_s[MU_E2E_PROCESSES]; /* at the mark */
    bool failed;
};

/* Noise and processor time of a case. */

static void begin_case(struct bench *bench)
{
    mu_noise_probe(&bench->quiet);
    mu_noise_mark(&bench->mark);
    for (int i = 0; i < MU_E2E_PROCESSES; i++) {
        bench->cpu_s[i] = mu_e2e_cpu_s(&bench->e2e, (enum mu_e2e_process)i);
    }
}

/* Prints "cpu_us", "rss_mib" and "noise", which end the case's object.
 *
 * operations  by which the processes' time is divided */
static void end_case(struct bench *bench, double operations)
{
    struct mu_noise_mark now;
    struct mu_noise after;
    double own_s = 0;
    double used_us[MU_E2E_PROCESSES];
    mu_noise_mark(&now);
    for (int i = 0; i < MU_E2E_PROCESSES; i++) {
        double used_s = mu_e2e_cpu_s(&bench->e2e, (enum mu_e2e_process)i) - bench->cpu_s[i];
        own_s += used_s;
        used_us[i] = operations > 0 ? 1e6 * used_s / operations : 0;
    }
    mu_noise_probe(&after);
    mu_noise_between(&bench->mark, &now, own_s, &after);
    mu_noise_worse(&after, &bench->quiet);
    (void)printf(",\"cpu_us\":{\"generator\":%.1f",
                 operations > 0 ? 1e6 * (now.own_s - bench->mark.own_s) / operations : 0);
    for (int i = 0; i < MU_E2E_PROCESSES; i++) {
        (void)printf(",\"%s\":%.1f", mu_e2e_name((enum mu_e2e_process)i), used_us[i]);
    }
    (void)printf("},\"rss_mib\":{");
    for (int i = 0; i < MU_E2E_PROCESSES; i++) {
        (void)printf("%s\"%s\":%.1f", i == 0 ? "" : ",", mu_e2e_name((enum mu_e2e_process)i),
                     mu_e2e_rss(&bench->e2e, (enum mu_e2e_process)i) / 1048576);
    }
    (void)printf("},\"noise\":");
    mu_noise_print(&after);
    (void)printf("}\n");
    (void)fflush(stdout);
}

static void print_quantiles(const char *name, const struct mu_samples *samples)
{
    (void)printf(",\"%s\":{\"p50\":%.0f,\"p99\":%.0f,\"p999\":%.0f,\"max\":%.0f}", name,
                 mu_samples_at(samples, 0.5), mu_samples_at(samples, 0.99),
                 mu_samples_at(samples, 0.999), mu_samples_at(samples, 1));
}

/* Whether no ticket vanished and none was made from nothing. */
static bool conserved(const struct mu_e2e_counts *counts)
{
    return counts->added ==
           2 * counts->committed + counts->cancelled + counts->expired + counts->queued;
}

/* Counts that stand still: what was told twice in a row. */
static struct mu_e2e_counts settled_counts(struct bench *bench)
{
    struct mu_e2e_counts before = { .added = -1 };
    struct mu_e2e_counts now = { .added = -2 };
    int64_t until_ns = mu_bench_now_ns() + INT64_C(1000000000) * SETTLE_S;
    while (mu_bench_now_ns() < until_ns) {
        if (mu_e2e_counts(&bench->e2e, &now) != 0 || !mu_e2e_alive(&bench->e2e)) {
            bench->failed = true;
            break;
        }
        if (now.added == before.added && now.committed == before.committed &&
            now.queued == before.queued && now.commits == before.commits) {
            break;
        }
        before = now;
        mu_bench_pause_ms(STATS_MS);
    }
    return now;
}

/* Durable. */

static void register_players(struct bench *bench, uint32_t more)
{
    struct mu_closed result = { .done = 0 };
    uint32_t count = bench->players.count + more;
    count = count < PLAYERS_MAX ? count : PLAYERS_MAX;
    mu_samples_init(&result.us, more);
    begin_case(bench);
    mu_closed_register(bench->clients, &bench->players, count, &result);
    mu_samples_sort(&result.us);
    (void)printf("case {\"case\":\"register\",\"done\":%u,\"failed\":%u,\"per_second\":%.0f",
                 (unsigned)result.done, (unsigned)result.failed,
                 (double)result.done / result.seconds);
    print_quantiles("us", &result.us);
    end_case(bench, result.done);
    mu_samples_release(&result.us);
    bench->failed = bench->failed || result.failed > 0;
}

/* Rates of one slot, and of all by median. */
struct durable {
    double rate[SLOTS];
    double lmdb_1[SLOTS];
    double lmdb_n[SLOTS];
    double file_1[SLOTS];
    double file_n[SLOTS];
};

static void print_durable(struct durable *d, uint32_t group)
{
    double rate = mu_bench_median(d->rate, SLOTS);
    double lmdb_1 = mu_bench_median(d->lmdb_1, SLOTS);
    double lmdb_n = mu_bench_median(d->lmdb_n, SLOTS);
    double file_1 = mu_bench_median(d->file_1, SLOTS);
    double file_n = mu_bench_median(d->file_n, SLOTS);
    (void)printf(",\"per_second\":%.0f,\"spread\":%.2f,\"raw_group\":%u,\"lmdb_single\":%.0f,"
                 "\"lmdb_group\":%.0f,\"file_single\":%.0f,\"file_group\":%.0f,"
                 "\"ratio_lmdb_single\":%.3f,\"ratio_lmdb_group\":%.3f,"
                 "\"ratio_file_single\":%.3f,\"ratio_file_group\":%.3f",
                 rate, d->rate[0] > 0 ? d->rate[SLOTS - 1] / d->rate[0] : 0, (unsigned)group,
                 lmdb_1, lmdb_n, file_1, file_n, rate / lmdb_1, rate / lmdb_n, rate / file_1,
                 rate / file_n);
}

/* A first slot that is not counted.  Returns how many tickets the store had in a commit. */
static uint32_t warm_up(struct bench *bench)
{
    struct mu_closed result = { .done = 0 };
    struct mu_e2e_counts before = settled_counts(bench);
    mu_closed_enqueue(bench->clients, &bench->players, bench->extent.slot_ns, &result);
    struct mu_e2e_counts after = settled_counts(bench);
    double group = (double)result.done / (after.commits - before.commits);
    bench->failed = bench->failed || result.failed > 0;
    return group >= 1 && group <= CLIENTS ? (uint32_t)group : 1;
}

static void measure_durable(struct bench *bench)
{
    struct durable durable;
    struct mu_closed result = { .done = 0 };
    int64_t raw_ns = bench->extent.raw_ns;
    double seconds = 0;
    mu_samples_init(&result.us, PLAYERS_MAX);
    uint32_t group = warm_up(bench);
    struct mu_e2e_counts before = settled_counts(bench);
    begin_case(bench);
    for (int i = 0; i < SLOTS; i++) {
        uint32_t done = result.done;
        mu_closed_enqueue(bench->clients, &bench->players, bench->extent.slot_ns, &result);
        seconds += result.seconds;
        durable.rate[i] = (result.done - done) / result.seconds;
        durable.lmdb_1[i] = mu_raw_commits(bench->raw, MU_RAW_LMDB, 1, raw_ns, NULL);
        durable.lmdb_n[i] = mu_raw_commits(bench->raw, MU_RAW_LMDB, group, raw_ns, NULL);
        durable.file_1[i] = mu_raw_commits(bench->raw, MU_RAW_FILE, 1, raw_ns, NULL);
        durable.file_n[i] = mu_raw_commits(bench->raw, MU_RAW_FILE, group, raw_ns, NULL);
    }
    struct mu_e2e_counts after = settled_counts(bench);
    double commits = after.commits - before.commits;
    mu_samples_sort(&result.us);
    (void)printf("case {\"case\":\"durable\",\"clients\":%d,\"done\":%u,\"failed\":%u", CLIENTS,
                 (unsigned)result.done, (unsigned)result.failed);
    print_durable(&durable, group);
    (void)printf(",\"store_commits_per_second\":%.0f,\"tickets_per_commit\":%.1f,"
                 "\"writes_per_ticket\":%.1f,\"messages_per_ticket\":%.1f,"
                 "\"routed_per_second\":%.0f",
                 commits / seconds, commits > 0 ? result.done / commits : 0,
                 (after.writes - before.writes) / result.done,
                 (after.routed - before.routed) / result.done,
                 (after.routed - before.routed) / seconds);
    print_quantiles("us", &result.us);
    end_case(bench, result.done);
    mu_samples_release(&result.us);
    bench->failed = bench->failed || result.failed > 0 || result.done == 0;
}

/* Drain. */

/* Nobody waits but an odd one, and store and shard agree. */
static bool matched(const struct mu_e2e_counts *counts)
{
    return counts->queued <= 1 && conserved(counts);
}

/* Queues one more, so that the odd one is matched: with whom would else be a lost player. */
static void make_even(struct bench *bench)
{
    struct mu_closed result = { .done = 0 };
    uint32_t count = bench->players.count;
    if (bench->players.queued < count) {
        bench->players.count = bench->players.queued + 1;
        mu_closed_enqueue(bench->clients, &bench->players, INT64_MAX / 4, &result);
        bench->players.count = count;
    }
    bench->failed = bench->failed || result.done != 1;
}

static void measure_drain(struct bench *bench)
{
    struct mu_e2e_counts before = settled_counts(bench);
    struct mu_e2e_counts now = before;
    begin_case(bench);
    int64_t begin_ns = mu_bench_now_ns();
    int64_t until_ns = begin_ns + INT64_C(1000000000) * SETTLE_S;
    bench->failed = mu_e2e_start_matcher(&bench->e2e) != 0 || bench->failed;
    /* The counts come once a second, so the end is known to a second: the rate is a lower bound. */
    double last_s = 0;
    double committed = before.committed;
    while (!matched(&now) && mu_bench_now_ns() < until_ns && mu_e2e_alive(&bench->e2e)) {
        mu_bench_pause_ms(POLL_MS);
        if (mu_e2e_counts(&bench->e2e, &now) == 0 && now.committed != committed) {
            committed = now.committed;
            last_s = (double)(mu_bench_now_ns() - begin_ns) / 1e9;
        }
    }
    double matches = committed - before.committed;
    (void)printf("case {\"case\":\"drain\",\"waiting\":%.0f,\"matches\":%.0f,\"left\":%.0f,"
                 "\"seconds\":%.2f,\"matches_per_second\":%.0f,\"commits_per_second\":%.0f",
                 before.queued, matches, now.queued, last_s, last_s > 0 ? matches / last_s : 0,
                 last_s > 0 ? (now.commits - before.commits) / last_s : 0);
    end_case(bench, matches);
    if (now.queued > 0) {
        make_even(bench);
        now = settled_counts(bench);
    }
    bench->failed = bench->failed || now.queued > 0;
}

/* Open. */

/* Bare latencies, just before an open loop. */
struct floor_us {
    struct mu_samples echo;
    struct mu_samples lmdb;
    struct mu_samples file;
};

static void measure_floor(struct bench *bench, struct floor_us *floor)
{
    int64_t for_ns = bench->extent.raw_ns;
    mu_raw_echo(bench->raw, for_ns, &floor->echo);
    (void)mu_raw_commits(bench->raw, MU_RAW_LMDB, 1, for_ns, &floor->lmdb);
    (void)mu_raw_commits(bench->raw, MU_RAW_FILE, 1, for_ns, &floor->file);
}

static void print_floor(struct floor_us *floor, const struct mu_open *open)
{
    mu_samples_sort(&floor->echo);
    mu_samples_sort(&floor->lmdb);
    mu_samples_sort(&floor->file);
    print_quantiles("echo_us", &floor->echo);
    print_quantiles("lmdb_commit_us", &floor->lmdb);
    print_quantiles("file_sync_us", &floor->file);
    double least = HOPS * mu_samples_at(&floor->echo, 0.5) + 2 * mu_samples_at(&floor->lmdb, 0.5);
    (void)printf(",\"floor_us\":%.0f,\"ratio_floor\":%.2f", least,
                 mu_samples_at(&open->both_us, 0.5) / least);
}

/* Returns whether a higher rate is worth a try. */
static bool measure_open(struct bench *bench, uint32_t rate)
{
    struct floor_us floor;
    struct mu_open open;
    double wanted = bench->extent.open_s * rate;
    uint32_t tickets =
        wanted < bench->extent.tickets_max ? (uint32_t)wanted : bench->extent.tickets_max;
    tickets -= tickets % 2;
    const struct mu_open_plan plan = {
        .port = bench->e2e.port, .tickets = tickets, .rate = rate, .seed = bench->seed + rate
    };
    uint32_t fresh = bench->players.count - bench->players.queued;
    if (fresh < tickets) {
        register_players(bench, tickets - fresh);
    }
    mu_samples_init(&floor.echo, 1000000);
    mu_samples_init(&floor.lmdb, 100000);
    mu_samples_init(&floor.file, 100000);
    mu_open_init(&open, tickets);
    struct mu_open_run *run = mu_open_begin(&plan, &bench->players);
    if (run == NULL) {
        bench->failed = true; /* it was said why */
        return false;
    }
    measure_floor(bench, &floor);
    struct mu_e2e_counts before = settled_counts(bench);
    begin_case(bench);
    mu_open_go(run, &open);
    struct mu_e2e_counts after = settled_counts(bench);
    (void)printf("case {\"case\":\"open\",\"rate\":%u,\"tickets\":%u,\"acked\":%u,\"refused\":%u,"
                 "\"matches\":%u,\"lost\":%u,\"untold\":%u,\"doubled\":%u,"
                 "\"dropped\":%.0f,\"messages_per_ticket\":%.1f,\"matches_per_second\":%.0f",
                 (unsigned)rate, (unsigned)tickets, (unsigned)open.acked, (unsigned)open.refused,
                 (unsigned)open.matches, (unsigned)open.lost, (unsigned)open.untold,
                 (unsigned)open.doubled, after.dropped - before.dropped,
                 (after.routed - before.routed) / tickets, open.matches / open.seconds);
    print_quantiles("both_us", &open.both_us);
    print_quantiles("order_us", &open.order_us);
    print_quantiles("ack_us", &open.ack_us);
    print_quantiles("late_us", &open.late_us);
    print_floor(&floor, &open);
    end_case(bench, tickets);
    mu_open_end(run);
    bool sustained = mu_samples_at(&open.both_us, 0.5) < 1e6;
    bench->failed = bench->failed || open.lost > 0 || open.doubled > 0 || open.refused > 0 ||
                    !mu_e2e_alive(&bench->e2e);
    mu_open_release(&open);
    mu_samples_release(&floor.echo);
    mu_samples_release(&floor.lmdb);
    mu_samples_release(&floor.file);
    return sustained && !bench->failed;
}

/* All. */

static void check_tickets(struct bench *bench)
{
    struct mu_e2e_counts counts = settled_counts(bench);
    bool holds = conserved(&counts);
    (void)printf("case {\"case\":\"tickets\",\"added\":%.0f,\"matched\":%.0f,\"cancelled\":%.0f,"
                 "\"expired\":%.0f,\"queued\":%.0f,\"holds\":%s}\n",
                 counts.added, 2 * counts.committed, counts.cancelled, counts.expired,
                 counts.queued, holds ? "true" : "false");
    bench->failed = bench->failed || !holds;
}

static void run(struct bench *bench)
{
    bool on = true;
    if (bench->rate == 0) {
        register_players(bench, bench->extent.players);
        measure_durable(bench);
        measure_drain(bench);
    } else {
        (void)memset(bench->extent.rates, 0, sizeof bench->extent.rates);
        bench->extent.rates[0] = (uint32_t)bench->rate;
        on = mu_e2e_start_matcher(&bench->e2e) == 0;
    }
    for (uint32_t i = 0; on && bench->extent.rates[i] > 0; i++) {
        on = measure_open(bench, bench->extent.rates[i]);
    }
    check_tickets(bench);
}

int main(int argc, char **argv)
{
    static struct bench bench = { .seed = 1 };
    const char *build = ".";
    const char *folder = getenv("TMPDIR");
    folder = folder == NULL ? "/tmp" : folder;
    bench.extent = full;
    for (int i = 1; i < argc; i++) {
        bool last = i + 1 == argc;
        if (strcmp(argv[i], "--quick") == 0) {
            bench.extent = quick;
        } else if (strcmp(argv[i], "--build") == 0 && !last) {
            build = argv[++i];
        } else if (strcmp(argv[i], "--folder") == 0 && !last) {
            folder = argv[++i];
        } else if (strcmp(argv[i], "--rate") == 0 && !last &&
                   mu_parse_u64(argv[i + 1], 1, 1000000, &bench.rate) == 0) {
            i++;
        } else if (strcmp(argv[i], "--seed") != 0 || last ||
                   mu_parse_u64(argv[++i], 0, UINT64_MAX, &bench.seed) != 0) {
            (void)fprintf(stderr, "usage: bench_e2e [--quick] [--build FOLDER] [--folder FOLDER] "
                                  "[--seed N] [--rate N]\n");
            return 64;
        }
    }
    bench.players.capacity = PLAYERS_MAX;
    bench.players.ids = calloc(PLAYERS_MAX, sizeof bench.players.ids[0]);
    if (bench.players.ids == NULL || mu_e2e_start(&bench.e2e, build, folder) != 0) {
        return 1;
    }
    (void)printf("seed %llu\n", (unsigned long long)bench.seed);
    bench.raw = mu_raw_create(bench.e2e.folder);
    bench.clients = mu_closed_open(bench.e2e.port, CLIENTS);
    if (bench.raw != NULL && bench.clients != NULL) {
        run(&bench);
    } else {
        bench.failed = true;
    }
    mu_closed_close(bench.clients);
    mu_raw_destroy(bench.raw);
    mu_e2e_stop(&bench.e2e);
    free(bench.players.ids);
    return bench.failed ? 1 : 0;
}
