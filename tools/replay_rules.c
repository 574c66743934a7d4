#include "tools/replay_rules.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/facts.h"
#include "core/options.h"
#include "core/parse.h"

#define DIGITS_MAX 15
#define WAIT_MS    86400000 /* a replay's tickets give up by themselves */
#define WINDOW_MAX 3000     /* points: everybody */

enum kind { KIND_REAL, KIND_MS, KIND_COUNT, KIND_FLAG };

/* Settings of the objective by name; the names are those of struct mu_objective. */
#define SETTING(name, kind)                                                                        \
    {                                                                                              \
#name, kind, offsetof(struct mu_objective, name)                                           \
    }
static const struct {
    const char *name;
    enum kind kind;
    size_t offset;
} settings[] = {
    SETTING(waits, KIND_FLAG),          SETTING(beta, KIND_REAL),
    SETTING(uncertainty, KIND_REAL),    SETTING(imbalance_weight, KIND_REAL),
    SETTING(spread, KIND_REAL),         SETTING(fairness, KIND_REAL),
    SETTING(closeness, KIND_REAL),      SETTING(nearness, KIND_REAL),
    SETTING(fullness, KIND_REAL),       SETTING(latency_good_ms, KIND_REAL),
    SETTING(latency_bad_ms, KIND_REAL), SETTING(wait_ms, KIND_REAL),
    SETTING(delta, KIND_REAL),          SETTING(eta, KIND_REAL),
    SETTING(gamma, KIND_REAL),          SETTING(urgency, KIND_REAL),
    SETTING(urgent_ms, KIND_MS),        SETTING(first_ms, KIND_MS),
    SETTING(sample_count, KIND_COUNT),  SETTING(sample_ms, KIND_MS),
};
#undef SETTING

#define SETTINGS (sizeof settings / sizeof settings[0])

void mu_overrides_names(char *ret, size_t ret_bytes)
{
    size_t used = 0;
    ret[0] = '\0';
    for (size_t i = 0; i < SETTINGS && used < ret_bytes; i++) {
        used += (size_t)snprintf(ret + used, ret_bytes - used, " %s", settings[i].name);
    }
}

/* Reads "12", "0.45" or "-3.5". */
static int parse_real(const char *text, double *ret)
{
    char digits[2][24];
    uint64_t parts[2] = { 0, 0 };
    bool negative = text[0] == '-';
    text += negative ? 1 : 0;
    size_t whole = strcspn(text, ".");
    size_t decimals = text[whole] == '.' ? strlen(text + whole + 1) : 0;
    if (whole > DIGITS_MAX || decimals > DIGITS_MAX || (text[whole] == '.' && decimals == 0)) {
        return -EINVAL;
    }
    (void)snprintf(digits[0], sizeof digits[0], "%.*s", (int)whole, text);
    /* A one in front keeps the zeros that a number may not begin with. */
    (void)snprintf(digits[1], sizeof digits[1], "1%s", decimals > 0 ? text + whole + 1 : "");
    for (uint32_t i = 0; i < 2; i++) {
        if (mu_parse_u64(digits[i], 0, UINT64_MAX / 2, &parts[i]) != 0) {
            return -EINVAL;
        }
    }
    double scale = pow(10, (double)decimals);
    double value = (double)parts[0] + ((double)parts[1] - scale) / scale;
    *ret = negative ? -value : value;
    return 0;
}

int mu_overrides_parse(const char *text, const char *command, struct mu_overrides *ret)
{
    while (text[0] != '\0') {
        char item[64];
        double value = 0;
        size_t n = strcspn(text, ",");
        size_t field = 0;
        (void)snprintf(item, sizeof item, "%.*s", (int)(n < sizeof item ? n : 0), text);
        char *equals = strchr(item, '=');
        if (equals != NULL) {
            *equals = '\0';
        }
        while (field < SETTINGS && strcmp(settings[field].name, item) != 0) {
            field++;
        }
        if (equals == NULL || field == SETTINGS || ret->count == MU_OVERRIDES_MAX ||
            parse_real(equals + 1, &value) != 0) {
            char names[512];
            mu_overrides_names(names, sizeof names);
            (void)fprintf(stderr, "%s: '%.*s' must be name=number; names:%s\n", command, (int)n,
                          text, names);
            return -EINVAL;
        }
        ret->list[ret->count++] = (struct mu_override){ .field = (uint32_t)field, .value = value };
        text += text[n] == ',' ? n + 1 : n;
    }
    return 0;
}

static void apply(const struct mu_overrides *overrides, struct mu_objective *objective)
{
    for (uint32_t i = 0; i < overrides->count; i++) {
        uint8_t *at = (uint8_t *)objective + settings[overrides->list[i].field].offset;
        double value = overrides->list[i].value;
        int64_t ms = (int64_t)value;
        uint32_t count = value > 0 ? (uint32_t)value : 0;
        bool flag = fabs(value) > 0;
        switch (settings[overrides->list[i].field].kind) {
        case KIND_REAL: memcpy(at, &value, sizeof value); break;
        case KIND_MS: memcpy(at, &ms, sizeof ms); break;
        case KIND_COUNT: memcpy(at, &count, sizeof count); break;
        case KIND_FLAG: memcpy(at, &flag, sizeof flag); break;
        }
    }
}

/* What the workload calls a good match; or, if its header does not say that of this mode, what the
 * objective does, so that the scorer goes by it. */
static void agree(const struct mu_workload *workload, struct mu_workload_mode *mode,
                  struct mu_objective *objective)
{
    objective->beta = workload->beta;
    objective->uncertainty = 0;
    objective->latency_good_ms = workload->latency_good_ms;
    objective->latency_bad_ms = workload->latency_bad_ms;
    for (uint32_t i = 0; i <= MU_TICKET_PLAYERS_MAX; i++) {
        objective->party_bonus[i] = mu_workload_bonus(workload, i);
    }
    if (mode->judged) {
        objective->imbalance_weight = mode->imbalance_weight;
        objective->spread = mode->spread;
    } else {
        mode->imbalance_weight = objective->imbalance_weight;
        mode->spread = objective->spread;
    }
}

/* The mode as the configuration would have it. */
static struct mu_mode mode_of(const struct mu_workload_mode *mode)
{
    uint32_t teams = mode->teams == 0 ? 2 : mode->teams;
    uint32_t most = MU_MATCH_PLAYERS_MAX / teams; /* of a team; of teams of different sizes */
    struct mu_mode ret = {
        .teams = teams,
        .teams_min = mode->teams == 0 ? 2 : mode->teams_min,
        .team_min = mode->teams == 0 ? 1 : mode->team_min,
        .team_max = mode->teams == 0 ? 1 : mode->team_max,
        .window_points = WINDOW_MAX,
        .window_max = WINDOW_MAX,
        .wait_max_ms = WAIT_MS,
        .wait_cost_ms = (uint32_t)(mode->wait_s * 1000),
        .serve_first_ms = WAIT_MS,
    };
    ret.team_max = ret.team_max < most ? ret.team_max : most;
    ret.team_min = ret.team_min < ret.team_max ? ret.team_min : ret.team_max;
    (void)snprintf(ret.name, sizeof ret.name, "%s", mode->name);
    return ret;
}

/* A scorer whose header does not say what is a good match of this mode goes by its rules. */
static void judge(const struct mu_objective *objective, struct mu_workload_mode *mode)
{
    if (!mode->judged) {
        mode->wait_s = objective->waits ? objective->wait_ms / 1000 : mode->wait_s;
        mode->spread = objective->spread;
        mode->imbalance_weight = objective->imbalance_weight;
    }
}

/* The base of everything: the rules of config's only mode.
 *
 * own  it is a mode of the configuration, whose rules hold as they are */
static int make_base(const struct mu_workload *workload, struct mu_workload_mode *mode, bool own,
                     struct mu_replay_rules *ret)
{
    const struct mu_mode *shape = &ret->config.modes[0];
    bool each_alone = shape->teams > 2 && shape->team_max == 1;
    int r = mu_rules_from_mode(&ret->config, 0, &ret->book);
    if (r == 0 && own) {
        judge(&ret->book.shapes[0]->objective, mode);
    }
    for (uint32_t i = 0; r == 0 && !own && i < ret->book.shapes_count; i++) {
        struct mu_rules *rules = ret->book.shapes[i];
        rules->window.used = false;
        mu_objective_default(each_alone ? 1 : shape->teams, shape->team_max,
                             (int64_t)(mode->wait_s * 1000), &rules->objective);
        agree(workload, mode, &rules->objective);
    }
    return r;
}

/* Compiles a document over the base in *ret, which it replaces. */
static int compile(const struct mu_rules_source *source, struct mu_replay_rules *ret)
{
    struct mu_rules_fault faults[MU_RULES_FAULTS_MAX];
    struct mu_rulebook book = { .shapes_count = 0 };
    int r = mu_rules_compile(source->text, source->text_bytes, ret->book.shapes[0], 1, faults,
                             MU_RULES_FAULTS_MAX, &book);
    if (r < 0) {
        return 1;
    }
    for (int i = 0; i < r && i < MU_RULES_FAULTS_MAX; i++) {
        (void)fprintf(stderr, "%s: %s: %s\n", source->path,
                      faults[i].pointer[0] == '\0' ? "/" : faults[i].pointer, faults[i].what);
    }
    if (r > 0) {
        return MU_EXIT_DATA;
    }
    mu_rulebook_release(&ret->book);
    ret->book = book;
    return 0;
}

static uint64_t hash_of(const struct mu_rulebook *book)
{
    char text[4096];
    size_t used = 0;
    for (uint32_t i = 0; i < book->shapes_count; i++) {
        const struct mu_rules *rules = book->shapes[i];
        const struct mu_objective *o = &rules->objective;
        used += (size_t)snprintf(text + used, sizeof text - used, "%016" PRIx64 " %u %u %u %u %d",
                                 rules->hash, rules->teams_count, rules->teams_min,
                                 mu_rules_players_min(rules, 0), mu_rules_players_max(rules, 0),
                                 rules->window.used);
        for (size_t k = 0; k < SETTINGS && i == 0; k++) {
            const uint8_t *at = (const uint8_t *)o + settings[k].offset;
            union {
                double real;
                int64_t ms;
                uint32_t count;
                bool flag;
            } held = { .ms = 0 };
            static const size_t sizes[] = { sizeof(double), sizeof(int64_t), sizeof(uint32_t),
                                            sizeof(bool) };
            memcpy(&held, at, sizes[settings[k].kind]);
            double value = settings[k].kind == KIND_REAL    ? held.real
                           : settings[k].kind == KIND_MS    ? (double)held.ms
                           : settings[k].kind == KIND_COUNT ? held.count
                                                            : held.flag;
            used += (size_t)snprintf(text + used, sizeof text - used, " %.17g", value);
        }
        for (uint32_t k = 0; k <= MU_TICKET_PLAYERS_MAX && i == 0; k++) {
            used += (size_t)snprintf(text + used, sizeof text - used, " %.17g", o->party_bonus[k]);
        }
    }
    assert(used < sizeof text);
    return mu_symbol(text, used);
}

/* The mode as a configuration of one mode and the workload's regions. */
static int make_config(const struct mu_workload *workload, const struct mu_workload_mode *mode,
                       const struct mu_config *from, struct mu_config *ret)
{
    mu_config_default(ret);
    ret->modes_count = 1;
    if (from == NULL) {
        ret->modes[0] = mode_of(mode);
    } else {
        int32_t index = mu_config_mode(from, mode->name);
        if (index < 0) {
            (void)fprintf(stderr, "the configuration has no mode %s\n", mode->name);
            return MU_EXIT_USAGE;
        }
        ret->modes[0] = from->modes[index];
        ret->settings = from->settings;
    }
    ret->regions_count = workload->regions_count;
    for (uint32_t i = 0; i < workload->regions_count; i++) {
        struct mu_region *region = &ret->regions[i];
        *region = (struct mu_region){ .aliases_count = 0 };
        (void)snprintf(region->name, sizeof region->name, "%s", workload->regions[i]);
    }
    mu_config_seal(ret);
    return 0;
}

int mu_replay_rules_make(struct mu_workload *workload, uint32_t mode_index,
                         const struct mu_rules_source *source, struct mu_replay_rules *ret)
{
    struct mu_workload_mode *mode = &workload->modes[mode_index];
    bool own = source->config != NULL;
    ret->book.shapes_count = 0;
    int code = make_config(workload, mode, source->config, &ret->config);
    if (code == 0) {
        code = make_base(workload, mode, own, ret) == 0 ? 0 : 1;
    }
    if (code == 0 && source->text != NULL) {
        code = compile(source, ret);
    }
    if (code == 0 && source->text != NULL && !own && mode->teams == 0) {
        /* Now that the shape is known the objective that suits it can be: once more. */
        mu_workload_mode_shape(mode, &ret->book);
        ret->config.modes[0] = mode_of(mode);
        mu_rulebook_release(&ret->book);
        code = make_base(workload, mode, false, ret) != 0 ? 1 : compile(source, ret);
    }
    if (code != 0) {
        return code;
    }
    if (source->text != NULL || own) {
        mu_workload_mode_shape(mode, &ret->book);
    }
    for (uint32_t i = 0; i < ret->book.shapes_count; i++) {
        apply(&source->overrides, &ret->book.shapes[i]->objective);
    }
    ret->hash = hash_of(&ret->book);
    return 0;
}

void mu_replay_rules_release(struct mu_replay_rules *rules)
{
    mu_rulebook_release(&rules->book);
}
