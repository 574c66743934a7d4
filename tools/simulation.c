#include "tools/simulation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/options.h"
#include "tools/plot.h"
#include "tools/replay_pool.h"

#ifndef MU_VERSION
#define MU_VERSION "unknown"
#endif

/* Notes the tickets of a mode that can never match. */
static void find_never(struct mu_replay_pool *pool, const struct mu_workload *workload,
                       uint32_t mode, struct mu_simulation *ret)
{
    for (uint32_t i = 0; i < workload->tickets_count; i++) {
        char why[MU_REPLAY_NEVER_BYTES];
        if (workload->tickets[i].mode == mode && mu_replay_pool_never(pool, i, why)) {
            if (ret->never_count < MU_SIMULATION_NEVER_SHOWN) {
                (void)snprintf(ret->never[ret->never_count], sizeof ret->never[0], "ticket %s: %s",
                               workload->tickets[i].id, why);
            }
            ret->never_count++;
        }
    }
}

static int run_mode(struct mu_workload *workload, uint32_t mode,
                    const struct mu_rules_source *source, FILE *progress, struct mu_simulation *ret)
{
    struct mu_replay_pool *pool = NULL;
    struct mu_replay_rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL) {
        return 1;
    }
    int code = mu_replay_rules_make(workload, mode, source, rules);
    if (code == 0) {
        pool = mu_replay_pool_create(workload, rules, ret->origin.seed);
        code = pool == NULL ? 1 : 0;
    }
    if (code == 0) {
        struct mu_replay_matcher matcher = mu_replay_pool_matcher(pool);
        find_never(pool, workload, mode, ret);
        ret->origin.rules[mode] = rules->hash;
        code = mu_replay_run(workload, mode, &matcher, progress, &ret->outcome) == 0 ? 0 : 1;
        if (ret->illegal == 0) {
            ret->illegal = mu_replay_pool_illegal(pool, ret->fault);
        }
    }
    mu_replay_pool_destroy(pool);
    mu_replay_rules_release(rules);
    free(rules);
    return code;
}

int mu_simulation_run(struct mu_workload *workload, uint32_t modes,
                      const struct mu_rules_source *source, uint64_t seed, FILE *progress,
                      struct mu_simulation *ret)
{
    int code = 0;
    mu_outcome_init(&ret->outcome, "muster");
    ret->origin = (struct mu_outcome_origin){ .version = MU_VERSION, .seed = seed };
    ret->never_count = 0;
    ret->illegal = 0;
    for (uint32_t i = 0; code == 0 && i < workload->modes_count; i++) {
        if ((modes >> i & 1) != 0 && mu_workload_players(workload, i) > 0) {
            code = run_mode(workload, i, source, progress, ret);
        }
    }
    mu_outcome_sort(&ret->outcome);
    if (code == 0 && mu_score(workload, &ret->outcome, modes, &ret->score) != 0) {
        code = 1;
    }
    return code;
}

void mu_simulation_release(struct mu_simulation *simulation)
{
    mu_outcome_release(&simulation->outcome);
}

void mu_simulation_remarks(const struct mu_simulation *simulation, FILE *file)
{
    if (simulation->never_count > 0) {
        (void)fprintf(file, "%" PRIu32 " tickets can never match:\n", simulation->never_count);
    }
    for (uint32_t i = 0; i < simulation->never_count && i < MU_SIMULATION_NEVER_SHOWN; i++) {
        (void)fprintf(file, "  %s\n", simulation->never[i]);
    }
    if (simulation->never_count > MU_SIMULATION_NEVER_SHOWN) {
        (void)fprintf(file, "  and %" PRIu32 " more\n",
                      simulation->never_count - MU_SIMULATION_NEVER_SHOWN);
    }
    if (simulation->illegal > 0) {
        (void)fprintf(file, "%" PRIu32 " proposals were not legal; the first %s\n",
                      simulation->illegal, simulation->fault);
    }
}

/* A distribution: which share of the players has at most that value. */
static void add_curve(struct mu_plot_panel *panel, const char *name, const double *values,
                      const double *shares)
{
    struct mu_plot_series series = { .count = MU_SCORE_CURVE, .x = values, .y = shares };
    (void)snprintf(series.label, sizeof series.label, "%.40s", name);
    mu_plot_add(panel, &series);
}

static void name_panel(struct mu_plot_panel *panel, const char *mode, const char *what,
                       const char *unit, double x_max)
{
    (void)snprintf(panel->title, sizeof panel->title, "%.30s%s%s", mode,
                   mode[0] == '\0' ? "" : ": ", what);
    (void)snprintf(panel->x_label, sizeof panel->x_label, "%s", unit);
    (void)snprintf(panel->y_label, sizeof panel->y_label, "share of players");
    panel->x_max = x_max;
    panel->y_max = 1;
}

/* One row of three panels. */
static void add_row(struct mu_plot_panel panels[3], const char *mode, double wait_max)
{
    name_panel(&panels[0], mode, "wait", "seconds", wait_max);
    name_panel(&panels[1], mode, "uneven teams", "|2 * win probability - 1|", 1);
    name_panel(&panels[2], mode, "ratings in a match", "standard deviation, points", 0);
}

static void add_run(struct mu_plot_panel panels[3], const char *name,
                    const struct mu_score_mode *mode, const double *shares)
{
    add_curve(&panels[0], name, mode->wait_curve, shares);
    add_curve(&panels[1], name, mode->imbalance_curve, shares);
    add_curve(&panels[2], name, mode->spread_curve, shares);
}

int mu_simulation_plot(const struct mu_workload *workload, const struct mu_simulation *runs,
                       uint32_t count, const char *path)
{
    double shares[MU_SCORE_CURVE];
    uint32_t used = 0;
    struct mu_plot_panel *panels = calloc(MU_PLOT_PANELS_MAX, sizeof *panels);
    FILE *file = fopen(path, "w");
    int code = panels == NULL || file == NULL ? MU_EXIT_UNAVAILABLE : 0;
    for (uint32_t i = 0; i < MU_SCORE_CURVE; i++) {
        shares[i] = (double)i / (MU_SCORE_CURVE - 1);
    }
    for (uint32_t i = 0; code == 0 && i < workload->modes_count; i++) {
        const struct mu_workload_mode *mode = &workload->modes[i];
        if (runs[0].score.modes[i].players == 0 || used + 3 > MU_PLOT_PANELS_MAX) {
            continue;
        }
        /* One run: all modes share a row.  Two: a row for each mode. */
        if (count > 1 || used == 0) {
            add_row(panels + used, count > 1 ? mode->name : "", 2 * mode->wait_s);
            used += 3;
        }
        for (uint32_t k = 0; k < count; k++) {
            add_run(panels + used - 3, count > 1 ? runs[k].label : mode->name,
                    &runs[k].score.modes[i], shares);
        }
    }
    if (code == 0 && mu_plot_write(workload->name, panels, used, 3, file) != 0) {
        code = MU_EXIT_UNAVAILABLE;
    }
    if (file != NULL && fclose(file) != 0) {
        code = MU_EXIT_UNAVAILABLE;
    }
    free(panels);
    if (code != 0) {
        (void)fprintf(stderr, "muster simulate: cannot write %s\n", path);
    }
    return code;
}

void mu_simulation_compare(const struct mu_workload *workload, const struct mu_simulation *a,
                           const struct mu_simulation *b, FILE *file)
{
    (void)fprintf(file, "A: %s\nB: %s\n", a->label, b->label);
    for (uint32_t i = 0; i < workload->modes_count; i++) {
        const struct mu_score_mode *x = &a->score.modes[i];
        const struct mu_score_mode *y = &b->score.modes[i];
        if (x->players == 0) {
            continue;
        }
        const struct {
            const char *name;
            double a;
            double b;
        } rows[] = {
            { "score", x->score, y->score },
            { "players matched, %", 100.0 * x->matched / x->players,
              100.0 * y->matched / y->players },
            { "matches", x->matches, y->matches },
            { "wait mean, s", x->wait_mean, y->wait_mean },
            { "wait p50, s", x->wait_p50, y->wait_p50 },
            { "wait p90, s", x->wait_p90, y->wait_p90 },
            { "wait p95, s", x->wait_p95, y->wait_p95 },
            { "wait p99, s", x->wait_p99, y->wait_p99 },
            { "wait of the top 5 %, s", x->top_wait, y->top_wait },
            { "uneven teams, mean", x->imbalance_mean, y->imbalance_mean },
            { "uneven teams, p95", x->imbalance_p95, y->imbalance_p95 },
            { "lost from the start, %", 100 * x->blowouts, 100 * y->blowouts },
            { "rating spread, points", x->spread_mean, y->spread_mean },
            { "round trip mean, ms", x->rtt_mean, y->rtt_mean },
            { "round trip p95, ms", x->rtt_p95, y->rtt_p95 },
            { "fill", x->fill, y->fill },
        };
        (void)fprintf(file, "\n%-24s %12s %12s %12s\n", workload->modes[i].name, "A", "B", "B - A");
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            (void)fprintf(file, "%-24s %12.3f %12.3f %+12.3f\n", rows[k].name, rows[k].a, rows[k].b,
                          rows[k].b - rows[k].a);
        }
    }
    mu_score_print_errors(&a->score, "A: ", file);
    mu_score_print_errors(&b->score, "B: ", file);
}
