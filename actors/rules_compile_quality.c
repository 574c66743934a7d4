/* actors/rules_compile_quality.c - "quality": what makes a match good and a wait worth it. */
#include "actors/rules_compile_read.h"

#include <stddef.h>

/* A field of the objective that is a plain number. */
struct term {
    const char *name;
    size_t offset; /* of a double in struct mu_objective */
    double min;
    double max;
};

#define TERM(name, field, min, max)                                                                \
    {                                                                                              \
        name, offsetof(struct mu_objective, field), min, max                                       \
    }

static const struct term terms[] = {
    TERM("beta", beta, 1.0, 10000.0),
    TERM("uncertainty", uncertainty, 0.0, 1.0),
    TERM("imbalanceWeight", imbalance_weight, 0.0, 1.0),
    TERM("spread", spread, 1.0, 100000.0),
    TERM("fairness", fairness, 0.0, 10.0),
    TERM("closeness", closeness, 0.0, 10.0),
    TERM("nearness", nearness, 0.0, 10.0),
    TERM("fullness", fullness, 0.0, 10.0),
    TERM("latencyGood", latency_good_ms, 0.0, 60000.0),
    TERM("latencyBad", latency_bad_ms, 1.0, 60000.0),
    TERM("delta", delta, 0.0, 1.0),
    TERM("eta", eta, 0.0, 10.0),
    TERM("gamma", gamma, 0.0, 10.0),
    TERM("urgency", urgency, 0.0, 10.0),
};
#define TERMS_COUNT (sizeof terms / sizeof terms[0])
#define QUALITY_FIELDS                                                                             \
    "beta uncertainty imbalanceWeight spread fairness closeness nearness fullness latencyGood "    \
    "latencyBad waitSeconds delta eta gamma urgency urgentAfterSeconds sample sampleSeconds "      \
    "partyBonus"
#define BONUS_MAX 10000.0 /* points */

/* [0, 15, 30]: of parties of 1, 2, and 3 or more. */
static void read_bonus(struct mu_reader *reader, const struct mu_node *node,
                       struct mu_objective *objective)
{
    double bonus = 0.0;
    if (!mu_read_array(reader, node, 1, MU_TICKET_PLAYERS_MAX))
        return;
    for (uint32_t size = 1; size <= MU_TICKET_PLAYERS_MAX; size++) {
        struct mu_node item = mu_node_item(node, size - 1);
        (void)mu_read_number(reader, &item, -BONUS_MAX, BONUS_MAX, &bonus); /* else the last one */
        objective->party_bonus[size] = bonus;
    }
}

void mu_read_quality(struct mu_reader *reader, const struct mu_node *root)
{
    struct mu_objective *objective = &reader->rules->objective;
    struct mu_node quality = mu_node_member(root, "quality");
    int64_t wait_ms = 0;
    objective->waits = quality.json != NULL;
    if (!mu_read_object(reader, &quality, QUALITY_FIELDS))
        return;
    for (uint32_t i = 0; i < TERMS_COUNT; i++) {
        struct mu_node node = mu_node_member(&quality, terms[i].name);
        double *value = (double *)(void *)((char *)objective + terms[i].offset);
        (void)mu_read_number(reader, &node, terms[i].min, terms[i].max, value); /* else as it is */
    }
    struct mu_node wait = mu_node_member(&quality, "waitSeconds");
    struct mu_node urgent = mu_node_member(&quality, "urgentAfterSeconds");
    struct mu_node sample = mu_node_member(&quality, "sample");
    struct mu_node sample_for = mu_node_member(&quality, "sampleSeconds");
    struct mu_node bonus = mu_node_member(&quality, "partyBonus");
    if (mu_read_seconds(reader, &wait, 1000, &wait_ms))
        objective->wait_ms = (double)wait_ms;
    /* What is not there keeps its default, what is wrong is told. */
    (void)mu_read_seconds(reader, &urgent, 0, &objective->urgent_ms);
    (void)mu_read_whole(reader, &sample, 1, MU_SAMPLE_MAX, &objective->sample_count);
    (void)mu_read_seconds(reader, &sample_for, 1000, &objective->sample_ms);
    read_bonus(reader, &bonus, objective);
    if (objective->latency_bad_ms <= objective->latency_good_ms) {
        mu_read_fault(reader, &quality.place,
                      "latencyBad (%.10g ms) must be above latencyGood "
                      "(%.10g ms)",
                      objective->latency_bad_ms, objective->latency_good_ms);
    }
}
