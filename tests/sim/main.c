/* tests/sim/main.c - muster-sim: one seed with its trace, or many seeds with a verdict.
 *
 *   muster-sim 4711         the trace of one seed
 *   muster-sim 1..2000      each seed, one line a failure, and a sum
 *   muster-sim -2 1..2000   each seed twice: the two histories must be the same */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/parse.h"
#include "sim.h"

enum { EXIT_USAGE = 64, PROGRESS_EVERY = 50, FRESH_BYTES = 65536 };

/* The seed that runs, as a line: what a failed assertion must still tell. */
static char running[64];

static void on_abort(int signal_number)
{
    (void)signal_number;
    (void)!write(STDOUT_FILENO, running, strlen(running));
}

struct totals {
    uint64_t passed;
    uint64_t failed;
    uint64_t events;
    uint64_t kills;
    uint64_t drops;
};

static void usage(FILE *to)
{
    (void)fputs("usage: muster-sim [-2] [-q] SEED | FIRST..LAST\n"
                "\n"
                "Runs a whole cluster in virtual time under seeded faults and checks it.\n"
                "A single SEED prints its trace; a range prints the seeds that fail.\n"
                "\n"
                "  -2, --twice   run each seed twice and compare the histories\n"
                "  -q, --quiet   no progress; a single seed prints no trace\n"
                "  -h, --help    this text\n"
                "\n"
                "Exit status: 0 all passed, 1 a seed failed, 64 usage.\n",
                to);
}

static bool parse_seeds(const char *text, uint64_t *first, uint64_t *last)
{
    const char *dots = strstr(text, "..");
    char head[32];
    if (dots == NULL) {
        *last = 0;
        return mu_parse_u64(text, 0, UINT64_MAX, first) == 0;
    }
    int n = snprintf(head, sizeof head, "%.*s", (int)(dots - text), text);
    return n > 0 && (size_t)n < sizeof head && mu_parse_u64(head, 0, UINT64_MAX, first) == 0 &&
           mu_parse_u64(dots + 2, *first, UINT64_MAX, last) == 0;
}

/* Runs one seed, once or twice, and adds it to the totals. */
static void run(uint64_t seed, bool twice, bool trace, struct totals *totals)
{
    static struct sim sim; /* large */
    (void)snprintf(running, sizeof running, "seed %" PRIu64 ": an assertion failed\n", seed);
    bool ok = sim_run(&sim, seed, trace);
    uint64_t hash = sim.hash;
    char bad[sizeof sim.bad];
    memcpy(bad, sim.bad, sizeof bad);
    totals->events += sim.events;
    totals->kills += sim.kills;
    totals->drops += sim.drops;
    sim_release(&sim);
    if (ok && twice) {
        ok = sim_run(&sim, seed, false);
        if (ok && sim.hash != hash) {
            ok = false;
            (void)snprintf(bad, sizeof bad, "two runs differ: %016" PRIx64 " and %016" PRIx64, hash,
                           sim.hash);
        }
        sim_release(&sim);
    }
    if (ok) {
        totals->passed++;
    } else {
        totals->failed++;
        (void)printf("seed %" PRIu64 ": %s\n", seed, bad);
        (void)fflush(stdout); /* a later assertion must not swallow it */
    }
    if (trace) {
        (void)printf("seed %" PRIu64 ": history %016" PRIx64 "\n", seed, hash);
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "twice", no_argument, NULL, '2' },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bool twice = false;
    bool quiet = false;
    int option;
    while ((option = getopt_long(argc, argv, "2qh", options, NULL)) != -1) {
        switch (option) {
        case '2': twice = true; break;
        case 'q': quiet = true; break;
        case 'h': usage(stdout); return 0;
        default: usage(stderr); return EXIT_USAGE;
        }
    }
    uint64_t first;
    uint64_t last;
    if (optind != argc - 1 || !parse_seeds(argv[optind], &first, &last)) {
        usage(stderr);
        return EXIT_USAGE;
    }
    struct totals totals = { 0 };
    /* Processes are made and ended all the time, and use little of what they allocate: pages from
     * the kernel are zero already, those that were used before are cleared in full. */
    (void)mallopt(M_MMAP_THRESHOLD, FRESH_BYTES);
    struct sigaction action = { .sa_handler = on_abort };
    (void)sigaction(SIGABRT, &action, NULL);
    if (last == 0) {
        run(first, twice, !quiet, &totals);
    }
    bool progress = !quiet && last > 0 && isatty(STDERR_FILENO) != 0;
    for (uint64_t seed = first; last > 0 && seed <= last; seed++) {
        run(seed, twice, false, &totals);
        if (progress && seed % PROGRESS_EVERY == 0) {
            (void)fprintf(stderr, "\rseed %" PRIu64 " of %" PRIu64 ", %" PRIu64 " failed ", seed,
                          last, totals.failed);
        }
    }
    if (progress) {
        (void)fputc('\n', stderr);
    }
    (void)printf("%" PRIu64 " events, %" PRIu64 " kills, %" PRIu64 " packets lost\n", totals.events,
                 totals.kills, totals.drops);
    (void)printf("%" PRIu64 " passed, %" PRIu64 " failed\n", totals.passed, totals.failed);
    return totals.failed == 0 ? 0 : 1;
}
