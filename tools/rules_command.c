/* tools/rules_command.c - `muster rules`: rule sets before they are used; what asks a cluster is in
 * rules_remote.c. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/rules_compile.h"
#include "core/options.h"
#include "tools/command.h"
#include "tools/rules_file.h"

#define FILES_MAX 256
#define DAY_MS    86400000

static const char *const type_names[] = {
    [MU_RULE_DISTANCE] = "distance",
    [MU_RULE_COMPARISON] = "comparison",
    [MU_RULE_COLLECTION] = "collection",
    [MU_RULE_LATENCY] = "latency",
    [MU_RULE_BATCH_DISTANCE] = "batchDistance",
    [MU_RULE_DISTANCE_SORT] = "distanceSort",
    [MU_RULE_ABSOLUTE_SORT] = "absoluteSort",
    [MU_RULE_COMPOUND] = "compound",
};

/* "5" or "4-8", and how it changes: "5 (4 @30 s, 3 @60 s)". */
static void print_team(const struct mu_rules *rules, uint32_t index)
{
    const struct mu_team *team = &rules->teams[index];
    uint32_t min = mu_team_min(rules, index, 0);
    uint32_t max = mu_team_max(rules, index, 0);
    (void)printf("    %s: %" PRIu32, team->name, min);
    if (max != min) {
        (void)printf("-%" PRIu32, max);
    }
    (void)printf(max == 1 ? " player" : " players");
    for (uint32_t i = 0; i < team->players_min.steps_count; i++) {
        (void)printf(", at least %g @%" PRId64 " s", team->players_min.steps[i].value,
                     team->players_min.steps[i].at_ms / 1000);
    }
    for (uint32_t i = 0; i < team->players_max.steps_count; i++) {
        (void)printf(", at most %g @%" PRId64 " s", team->players_max.steps[i].value,
                     team->players_max.steps[i].at_ms / 1000);
    }
    for (uint32_t i = 0; i < team->quotas_count; i++) {
        (void)printf(", %s %" PRIu32 "-%" PRIu32, team->quotas[i].name, team->quotas[i].min,
                     team->quotas[i].max);
    }
    (void)printf("\n");
}

static void print_limit(const char *name, const struct mu_limit *limit)
{
    if (isinf(limit->value) && limit->steps_count == 0 && limit->every_ms == 0) {
        return;
    }
    (void)printf(", %s %g", name, limit->value);
    for (uint32_t i = 0; i < limit->steps_count; i++) {
        (void)printf(" -> %g @%" PRId64 " s", limit->steps[i].value, limit->steps[i].at_ms / 1000);
    }
    if (limit->every_ms > 0) {
        (void)printf(" -> %+g each %g s to %g", limit->delta, (double)limit->every_ms / 1000,
                     limit->bound);
    }
}

static void print_rule(const struct mu_rule *rule)
{
    (void)printf("    %s: %s", rule->name, type_names[rule->type]);
    if (rule->type == MU_RULE_DISTANCE || rule->type == MU_RULE_COLLECTION) {
        print_limit("min", &rule->min);
    }
    if (rule->type != MU_RULE_COMPOUND && rule->type != MU_RULE_COMPARISON) {
        print_limit("max", &rule->max);
    }
    if (rule->type == MU_RULE_LATENCY) {
        print_limit("distance", &rule->distance);
    }
    if (rule->weight > 0) {
        (void)printf(", soft %g", rule->weight);
    }
    if (rule->optional_after_ms != MU_NEVER) {
        (void)printf(", optional @%" PRId64 " s", rule->optional_after_ms / 1000);
    }
    (void)printf("%s\n", rule->child ? ", part of a compound" : "");
}

static void print_shape(const struct mu_rules *rules)
{
    uint32_t min = mu_rules_players_min(rules, DAY_MS);
    uint32_t max = mu_rules_players_max(rules, 0);
    (void)printf("  ");
    if (min != max) {
        (void)printf("%" PRIu32 "-", min);
    }
    (void)printf("%" PRIu32 " players, %" PRIu32 " teams%s\n", max, rules->teams_count,
                 rules->large ? ", large match" : "");
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        uint32_t like = 0;
        for (uint32_t k = i; k < rules->teams_count && rules->teams[k].like == i; k++) {
            like++;
        }
        if (rules->teams[i].like == i) {
            print_team(rules, i);
        }
        if (like > 1) {
            (void)printf("      and %" PRIu32 " more alike\n", like - 1);
        }
    }
}

/* What a good document says. */
static void print_summary(const char *path, const struct mu_rulebook *book)
{
    const struct mu_rules *rules = book->shapes[0];
    uint32_t expanding = 0;
    for (int64_t age_ms = mu_rules_next(rules, 0); age_ms < DAY_MS && expanding < 1000;
         age_ms = mu_rules_next(rules, age_ms)) {
        expanding++;
    }
    (void)printf("%s: good\n", path);
    for (uint32_t i = 0; i < book->shapes_count; i++) {
        print_shape(book->shapes[i]);
    }
    (void)printf("  %" PRIu32 " attributes, %" PRIu32 " rules", rules->attributes_count,
                 rules->rules_count);
    if (expanding > 0) {
        (void)printf(", limits change at %" PRIu32 " ages, last of the %s ticket", expanding,
                     rules->oldest_age ? "oldest" : "newest");
    }
    (void)printf(", %s\n", rules->objective.waits ? "better matches are waited for"
                                                  : "every legal match is made");
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        print_rule(&rules->rules[i]);
    }
}

/* Checks one file over the rules of a base.  Returns 0, 1 for faults, or an exit code. */
static int check_file(const char *path, const struct mu_rules *base)
{
    struct mu_rules_fault faults[MU_RULES_FAULTS_MAX];
    struct mu_rulebook book = { .shapes_count = 0 };
    char *text = NULL;
    size_t text_bytes = 0;
    int code = mu_rules_file_read(path, &text, &text_bytes);
    if (code != 0) {
        return code;
    }
    int r = mu_rules_compile(text, text_bytes, base, 1, faults, MU_RULES_FAULTS_MAX, &book);
    free(text);
    for (int i = 0; i < r && i < MU_RULES_FAULTS_MAX; i++) {
        (void)printf("%s: %s: %s\n", path, faults[i].pointer[0] == '\0' ? "/" : faults[i].pointer,
                     faults[i].what);
    }
    if (r > MU_RULES_FAULTS_MAX) {
        (void)printf("%s: and %d more faults\n", path, r - MU_RULES_FAULTS_MAX);
    }
    if (r < 0) {
        (void)fprintf(stderr, "muster rules: out of memory\n");
    }
    if (r == 0) {
        print_summary(path, &book);
        mu_rulebook_release(&book);
    }
    return r == 0 ? 0 : 1;
}

static int check_files(const char *const *paths, uint32_t count)
{
    struct mu_rulebook base = { .shapes_count = 0 };
    struct mu_config *config = calloc(1, sizeof *config);
    int code = config == NULL ? 1 : 0;
    if (config != NULL) {
        mu_config_default(config);
        mu_config_seal(config);
        code = mu_rules_from_mode(config, 0, &base) == 0 ? 0 : 1;
    }
    for (uint32_t i = 0; i < count && base.shapes_count > 0; i++) {
        int r = check_file(paths[i], base.shapes[0]);
        code = code == 0 ? r : code;
    }
    mu_rulebook_release(&base);
    free(config);
    return code;
}

/* `muster rules check`; argv[1] is "check". */
static int check(const struct mu_manual *manual, int argc, char **argv)
{
    const char *arguments[FILES_MAX] = { NULL };
    uint32_t count = 0;
    int code = mu_options_parse(manual, argc, argv, arguments);
    if (code != MU_OPTIONS_GO) {
        return code;
    }
    while (count < FILES_MAX && arguments[count] != NULL) {
        count++;
    }
    code = check_files(arguments + 1, count - 1);
    return code == 0 && fflush(stdout) != 0 ? 1 : code;
}

int mu_command_rules(int argc, char **argv)
{
    const struct mu_option options[] = { { .name = NULL } };
    const struct mu_manual manual = {
        .name = "rules",
        .arguments = "check FILE...",
        .text = "check: compiles rule sets and tells every fault as FILE: POINTER: what, or what\n"
                "a good one asks of a match.  Exit code 1: some have faults.\n",
        .options = options,
        .arguments_min = 2,
        .arguments_max = FILES_MAX,
    };
    const char *first = argc > 1 ? argv[1] : "";
    if (strcmp(first, "check") == 0) {
        return check(&manual, argc, argv);
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0) {
        mu_options_print(&manual, stdout);
        (void)printf("\n");
    }
    return mu_command_rules_remote(argc, argv);
}
