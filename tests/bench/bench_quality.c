/* tests/bench/bench_quality.c - how good our matches are beside those of others, on the same
 * tickets, through the same driver, by the same scorer.
 *
 * usage: bench_quality [--quick] [--plots FOLDER] [WORKLOAD.jsonl | KIND ...]
 *
 * A KIND (mu_workload_make) is made up with seed 1; without any: peak and diurnal, and if not
 * --quick thin and busy.  Every other matcher is run with each of its settings and the best for
 * that very mode counts; ours has its defaults.  Prints a table for each mode and lines
 * "case {...}" for tools/bench; with --plots writes quality-WORKLOAD.svg: each setting's mean wait
 * against the quality of the matches. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peers.h"
#include "tools/plot.h"
#include "tools/replay_pool.h"
#include "tools/score.h"

#define SETTINGS_MAX 512 /* of one matcher */
#define PEERS_MAX    16
#define TEXT_BYTES   4096

/* One matcher in one mode: all settings, the best of them. */
struct field {
    const char *name;
    uint32_t count;
    double waits[SETTINGS_MAX];     /* mean, s */
    double qualities[SETTINGS_MAX]; /* 0..100, without the wait */
    double score;                   /* the best; ours: of the defaults */
    char setting[128];
    struct mu_score_mode best;
};

struct contest {
    struct mu_workload workload;
    const char *folder; /* for plots, or NULL */
    uint32_t panels_count;
    struct mu_plot_panel *panels; /* [MU_MODES_MAX] */
    uint32_t fields_count;        /* ours first */
    struct field *fields;         /* [MU_MODES_MAX * PEERS_MAX], by mode */
    bool failed;
};

/* What of ours is tried for the plot; the first is what counts. */
static const char *const our_settings[] = {
    "",          "delta=0", "delta=0.15",        "delta=0.45",      "delta=0.6",
    "delta=0.8", "eta=0.1", "delta=0.6,eta=0.1", "delta=0,eta=1.5", "delta=0.9,eta=0",
};

#define OUR_SETTINGS (sizeof our_settings / sizeof our_settings[0])

static void note(struct field *field, const struct mu_score *score, uint32_t mode,
                 const char *setting, bool counts)
{
    const struct mu_score_mode *found = &score->modes[mode];
    if (field->count < SETTINGS_MAX) {
        field->waits[field->count] = found->wait_mean;
        field->qualities[field->count++] =
            100 * found->fairness * found->closeness * found->latency * found->fill;
    }
    if (counts && (field->setting[0] == '\0' || found->score > field->score)) {
        field->score = found->score;
        field->best = *found;
        (void)snprintf(field->setting, sizeof field->setting, "%s",
                       setting[0] == '\0' ? "defaults" : setting);
    }
}

/* Replays and scores one matcher.  Returns whether that went well. */
static bool play(const struct mu_workload *workload, uint32_t mode,
                 const struct mu_replay_matcher *matcher, struct mu_score *ret)
{
    struct mu_outcome_list outcome;
    mu_outcome_init(&outcome, "");
    bool good = mu_replay_run(workload, mode, matcher, NULL, &outcome) == 0 &&
                mu_score(workload, &outcome, 1u << mode, ret) == 0;
    mu_outcome_release(&outcome);
    if (good && ret->errors > 0) {
        (void)fprintf(stderr, "bench_quality: %" PRIu32 " matches are not valid: %s\n", ret->errors,
                      ret->error_texts[0]);
        good = false;
    }
    return good;
}

static bool play_peer(struct contest *contest, uint32_t kind, uint32_t mode, struct field *field)
{
    bool good = true;
    struct mu_score *score = malloc(sizeof *score);
    field->name = mu_peer_name(kind);
    uint32_t count = mu_peer_settings(kind, &contest->workload, mode);
    for (uint32_t i = 0; score != NULL && i < count; i++) {
        char setting[128];
        struct mu_peer *peer = mu_peer_create(kind, i, &contest->workload, mode);
        mu_peer_describe(kind, i, setting);
        good = good && peer != NULL;
        if (peer != NULL) {
            struct mu_replay_matcher matcher = mu_peer_matcher(peer);
            if (play(&contest->workload, mode, &matcher, score)) {
                note(field, score, mode, setting, true);
            } else {
                good = false;
            }
        }
        mu_peer_destroy(peer);
    }
    free(score);
    return good && score != NULL;
}

/* Our engine with one of its settings. */
static bool play_ours(struct contest *contest, uint32_t mode, const char *setting,
                      struct field *field)
{
    struct mu_rules_source source = { .path = NULL };
    struct mu_replay_rules *rules = calloc(1, sizeof *rules);
    struct mu_score *score = malloc(sizeof *score);
    struct mu_replay_pool *pool = NULL;
    char fault[96];
    bool good = rules != NULL && score != NULL &&
                mu_overrides_parse(setting, "bench_quality", &source.overrides) == 0 &&
                mu_replay_rules_make(&contest->workload, mode, &source, rules) == 0;
    if (good) {
        pool = mu_replay_pool_create(&contest->workload, rules, 1);
    }
    if (pool != NULL) {
        struct mu_replay_matcher matcher = mu_replay_pool_matcher(pool);
        good = play(&contest->workload, mode, &matcher, score);
        if (good) {
            note(field, score, mode, setting, setting[0] == '\0');
        }
        if (mu_replay_pool_illegal(pool, fault) > 0) {
            (void)fprintf(stderr, "bench_quality: an illegal proposal %s\n", fault);
            good = false;
        }
    }
    mu_replay_pool_destroy(pool);
    if (rules != NULL) {
        mu_replay_rules_release(rules);
    }
    free(rules);
    free(score);
    return good && pool != NULL;
}

static void print_field(const struct field *field, bool first)
{
    const struct mu_score_mode *mode = &field->best;
    (void)printf("  %-12s %6.2f  %6.2f %6.1f %6.1f %6.1f  %6.3f %6.1f %6.1f  %s\n",
                 first ? "muster" : field->name, field->score,
                 100.0 * mode->matched / mode->players, mode->wait_mean, mode->wait_p95,
                 mode->top_wait, mode->imbalance_mean, mode->spread_mean, mode->rtt_mean,
                 field->setting);
}

/* The line for tools/bench. */
static void print_case(const struct contest *contest, uint32_t mode, const struct field *fields,
                       uint32_t count)
{
    char buffer[TEXT_BYTES];
    struct mu_json_writer writer;
    mu_json_writer_init(&writer, buffer, sizeof buffer);
    mu_json_object_begin(&writer);
    mu_json_key(&writer, "workload");
    mu_json_string(&writer, contest->workload.name);
    mu_json_key(&writer, "mode");
    mu_json_string(&writer, contest->workload.modes[mode].name);
    mu_json_key(&writer, "players");
    mu_json_u64(&writer, fields[0].best.players);
    mu_json_key(&writer, "fields");
    mu_json_array_begin(&writer);
    for (uint32_t i = 0; i < count; i++) {
        const struct {
            const char *key;
            double value;
        } members[] = {
            { "score", fields[i].score },
            { "matched_pct", 100.0 * fields[i].best.matched / fields[i].best.players },
            { "wait_mean", fields[i].best.wait_mean },
            { "wait_p95", fields[i].best.wait_p95 },
            { "top5_wait", fields[i].best.top_wait },
            { "imbalance", fields[i].best.imbalance_mean },
            { "spread", fields[i].best.spread_mean },
            { "rtt", fields[i].best.rtt_mean },
        };
        mu_json_object_begin(&writer);
        mu_json_key(&writer, "name");
        mu_json_string(&writer, i == 0 ? "muster" : fields[i].name);
        mu_json_key(&writer, "setting");
        mu_json_string(&writer, fields[i].setting);
        for (size_t k = 0; k < sizeof members / sizeof members[0]; k++) {
            mu_json_key(&writer, members[k].key);
            mu_json_real(&writer, members[k].value);
        }
        mu_json_object_end(&writer);
    }
    mu_json_array_end(&writer);
    mu_json_object_end(&writer);
    (void)printf("case %.*s\n", (int)writer.used, buffer);
}

/* Ours and the others in one mode. */
static void contend(struct contest *contest, uint32_t mode)
{
    struct field *fields = contest->fields + (size_t)mode * PEERS_MAX;
    struct mu_plot_panel *panel = &contest->panels[contest->panels_count++];
    uint32_t count = 1;
    for (size_t i = 0; i < OUR_SETTINGS; i++) {
        contest->failed = !play_ours(contest, mode, our_settings[i], &fields[0]) || contest->failed;
    }
    for (uint32_t kind = 0; kind < mu_peers_count(); kind++) {
        if (mu_peer_settings(kind, &contest->workload, mode) > 0) {
            contest->failed = !play_peer(contest, kind, mode, &fields[count++]) || contest->failed;
        }
    }
    (void)printf("%s %s, %" PRIu32 " players\n  %-12s %6s  %6s %6s %6s %6s  %6s %6s %6s  %s\n",
                 contest->workload.name, contest->workload.modes[mode].name, fields[0].best.players,
                 "", "score", "match%", "wait s", "p95", "top5%", "uneven", "spread", "ms",
                 "setting");
    (void)snprintf(panel->title, sizeof panel->title, "%s", contest->workload.modes[mode].name);
    (void)snprintf(panel->x_label, sizeof panel->x_label, "mean wait, s");
    (void)snprintf(panel->y_label, sizeof panel->y_label, "quality of the matches, %%");
    panel->y_max = 100;
    for (uint32_t i = 0; i < count; i++) {
        struct mu_plot_series series = {
            .count = fields[i].count,
            .x = fields[i].waits,
            .y = fields[i].qualities,
            .points = true,
            .strong = i == 0,
        };
        (void)snprintf(series.label, sizeof series.label, "%s", i == 0 ? "muster" : fields[i].name);
        mu_plot_add(panel, &series);
        print_field(&fields[i], i == 0);
    }
    print_case(contest, mode, fields, count);
    (void)fflush(stdout);
}

static bool plot(const struct contest *contest)
{
    char path[TEXT_BYTES];
    (void)snprintf(path, sizeof path, "%s/quality-%s.svg", contest->folder, contest->workload.name);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        (void)fprintf(stderr, "bench_quality: cannot write %s\n", path);
        return false;
    }
    int r = mu_plot_write(contest->workload.name, contest->panels, contest->panels_count,
                          contest->panels_count < 3 ? contest->panels_count : 2, file);
    return fclose(file) == 0 && r == 0;
}

/* All modes of one workload: a file, or a kind that is made up. */
static bool run(const char *what, const char *folder)
{
    struct contest contest = { .folder = folder };
    bool file = strchr(what, '.') != NULL || strchr(what, '/') != NULL;
    if ((file ? mu_workload_load(what, &contest.workload)
              : mu_workload_make(what, 1, &contest.workload)) != 0) {
        (void)fprintf(stderr, "bench_quality: no workload from %s\n", what);
        return false;
    }
    contest.panels = calloc(MU_MODES_MAX, sizeof *contest.panels);
    contest.fields = calloc((size_t)MU_MODES_MAX * PEERS_MAX, sizeof *contest.fields);
    contest.failed = contest.panels == NULL || contest.fields == NULL;
    for (uint32_t i = 0; !contest.failed && i < contest.workload.modes_count; i++) {
        if (mu_workload_players(&contest.workload, i) > 0) {
            contend(&contest, i);
        }
    }
    if (!contest.failed && folder != NULL) {
        contest.failed = !plot(&contest);
    }
    free(contest.panels);
    free(contest.fields);
    mu_workload_release(&contest.workload);
    return !contest.failed;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = { "peak", "diurnal", "thin", "busy" };
    const char *folder = NULL;
    bool quick = false;
    int first = 1;
    int code = 0;
    for (; first < argc && strncmp(argv[first], "--", 2) == 0; first++) {
        if (strcmp(argv[first], "--quick") == 0) {
            quick = true;
        } else if (strcmp(argv[first], "--plots") == 0 && first + 1 < argc) {
            folder = argv[++first];
        } else {
            (void)fprintf(stderr, "usage: bench_quality [--quick] [--plots FOLDER] "
                                  "[WORKLOAD.jsonl | KIND ...]\n");
            return 64;
        }
    }
    for (int i = first; i < argc; i++) {
        code = run(argv[i], folder) ? code : 1;
    }
    for (uint32_t i = 0; first == argc && i < (quick ? 2 : 4); i++) {
        code = run(kinds[i], folder) ? code : 1;
    }
    return code;
}
