/* tools/score_print.c - a score as a table, and as JSON. */
#include "tools/score.h"

#include <inttypes.h>

void mu_score_print_errors(const struct mu_score *score, const char *whose, FILE *file)
{
    if (score->errors > 0) {
        (void)fprintf(file, "%s%" PRIu32 " matches are not valid and do not count:\n", whose,
                      score->errors);
    }
    for (uint32_t i = 0; i < score->errors && i < MU_SCORE_ERRORS_SHOWN; i++) {
        (void)fprintf(file, "  %s\n", score->error_texts[i]);
    }
}

void mu_score_print(const struct mu_workload *workload, const struct mu_score *score, FILE *file)
{
    uint32_t played = 0;
    (void)fprintf(file, "%-10s %8s %6s  %5s %5s %5s %5s %6s  %5s %5s %5s %6s  %5s %5s %5s %6s\n",
                  "mode", "players", "match%", "p50 s", "p90", "p95", "p99", "top5%", "unev.",
                  "p95", "lost%", "spread", "ms", "p95", "fill", "score");
    for (uint32_t i = 0; i < workload->modes_count; i++) {
        const struct mu_score_mode *mode = &score->modes[i];
        if (mode->players == 0) {
            continue;
        }
        played++;
        (void)fprintf(file,
                      "%-10s %8" PRIu32 " %6.2f  %5.1f %5.1f %5.1f %5.1f %6.1f  %5.3f %5.3f %5.1f "
                      "%6.1f  %5.1f %5.0f %5.2f %6.2f\n",
                      workload->modes[i].name, mode->players, 100.0 * mode->matched / mode->players,
                      mode->wait_p50, mode->wait_p90, mode->wait_p95, mode->wait_p99,
                      mode->top_wait, mode->imbalance_mean, mode->imbalance_p95,
                      100 * mode->blowouts, mode->spread_mean, mode->rtt_mean, mode->rtt_p95,
                      mode->fill, mode->score);
    }
    if (played > 1) {
        (void)fprintf(file, "all: score %.3f, matched %.2f %% of the players, mean of modes %.3f\n",
                      score->score, 100 - 100 * score->unmatched, score->modes_mean);
    }
    mu_score_print_errors(score, "", file);
}

static void put(struct mu_json_writer *writer, const char *key, double value)
{
    mu_json_key(writer, key);
    mu_json_real(writer, value);
}

static void put_mode(struct mu_json_writer *writer, const struct mu_score_mode *mode)
{
    const struct {
        const char *key;
        double value;
    } members[] = {
        { "tickets", mode->tickets },
        { "players", mode->players },
        { "matched", mode->matched },
        { "matches", mode->matches },
        { "score", mode->score },
        { "wait_mean", mode->wait_mean },
        { "wait_p50", mode->wait_p50 },
        { "wait_p90", mode->wait_p90 },
        { "wait_p95", mode->wait_p95 },
        { "wait_p99", mode->wait_p99 },
        { "top5_wait_mean", mode->top_wait },
        { "imbalance_mean", mode->imbalance_mean },
        { "imbalance_p95", mode->imbalance_p95 },
        { "blowouts", mode->blowouts },
        { "spread_mean", mode->spread_mean },
        { "rtt_mean", mode->rtt_mean },
        { "rtt_p95", mode->rtt_p95 },
        { "rtt_excess_mean", mode->rtt_excess },
        { "fill", mode->fill },
        { "fairness", mode->fairness },
        { "closeness", mode->closeness },
        { "latency", mode->latency },
        { "promptness", mode->promptness },
    };
    mu_json_object_begin(writer);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        put(writer, members[i].key, members[i].value);
    }
    mu_json_object_end(writer);
}

void mu_score_json(const struct mu_workload *workload, const struct mu_score *score,
                   struct mu_json_writer *writer)
{
    mu_json_object_begin(writer);
    mu_json_key(writer, "workload");
    mu_json_string(writer, workload->name);
    put(writer, "score", score->score);
    put(writer, "unmatched", score->unmatched);
    put(writer, "modes_mean", score->modes_mean);
    put(writer, "errors", score->errors);
    mu_json_key(writer, "modes");
    mu_json_object_begin(writer);
    for (uint32_t i = 0; i < workload->modes_count; i++) {
        if (score->modes[i].players > 0) {
            mu_json_key(writer, workload->modes[i].name);
            put_mode(writer, &score->modes[i]);
        }
    }
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}
