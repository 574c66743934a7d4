/* actors/rules_compile_settings.c - the algorithm, timing and parties of a document. */
#include "actors/rules_compile_read.h"

#define WAIT_MS_MIN    1000
#define LATENCY_MS_MAX 60000

static void read_sort_attributes(struct mu_reader *reader, const struct mu_node *list)
{
    struct mu_rules *rules = reader->rules;
    if (!mu_read_array(reader, list, 1, sizeof rules->sort / sizeof rules->sort[0]))
        return;
    for (size_t i = 0; i < json_array_size(list->json); i++) {
        struct mu_node item = mu_node_item(list, i);
        uint32_t index = mu_read_attribute_typed(
            reader, &item, 1u << MU_ATTRIBUTE_NUMBER | 1u << MU_ATTRIBUTE_STRING);
        if (index != MU_RULES_NONE)
            rules->sort[rules->sort_count++] = index;
    }
}

/* random and sorted are for small matches, the others for large ones. */
static void read_preference(struct mu_reader *reader, const struct mu_node *algorithm)
{
    struct mu_rules *rules = reader->rules;
    uint32_t choice = 0;
    struct mu_node preference = mu_node_member(algorithm, "batchingPreference");
    struct mu_node sort = mu_node_member(algorithm, "sortByAttributes");
    bool given = mu_read_choice(reader, &preference,
                                "random sorted largestPopulation fastestRegion", &choice);
    bool sorted = given && choice == 1;
    if (given && (choice >= 2) != rules->large) {
        mu_read_fault(reader, &preference.place, "is \"%s\", must be %s with strategy %s",
                      json_string_value(preference.json),
                      rules->large ? "largestPopulation or fastestRegion" : "random or sorted",
                      rules->large ? "balanced" : "exhaustiveSearch");
    }
    rules->fastest = given && choice == 3;
    if (sorted && sort.json == NULL) {
        mu_read_fault(reader, &algorithm->place,
                      "needs the field \"sortByAttributes\" for \"sorted\"");
    }
    if (!sorted && sort.json != NULL)
        mu_read_fault(reader, &sort.place, "needs \"batchingPreference\": \"sorted\"");
    if (sorted)
        read_sort_attributes(reader, &sort);
}

/* The strategy goes by the match's size when the document does not say; the engine's own way,
 * which knows all rules at any size, when the document says what quality is. */
static void read_strategy(struct mu_reader *reader, const struct mu_node *algorithm)
{
    struct mu_rules *rules = reader->rules;
    uint32_t choice = 0;
    uint32_t players = 0;
    struct mu_node strategy = mu_node_member(algorithm, "strategy");
    for (uint32_t i = 0; i < rules->teams_count; i++)
        players += mu_team_max(rules, i, 0);
    if (mu_read_choice(reader, &strategy, "exhaustiveSearch balanced", &choice)) {
        rules->large = choice == 1;
    } else {
        rules->large = players > MU_RULES_SMALL_MAX && !rules->objective.waits;
    }
    reader->strategy = strategy;
}

void mu_read_algorithm(struct mu_reader *reader, const struct mu_node *root)
{
    struct mu_rules *rules = reader->rules;
    uint32_t age = 0, backfill = 0;
    struct mu_node algorithm = mu_node_member(root, "algorithm");
    struct mu_node balanced = mu_node_member(&algorithm, "balancedAttribute");
    struct mu_node age_node = mu_node_member(&algorithm, "expansionAgeSelection");
    struct mu_node backfill_node = mu_node_member(&algorithm, "backfillPriority");
    rules->balanced = MU_RULES_NONE;
    (void)mu_read_object(reader, &algorithm,
                         "strategy batchingPreference sortByAttributes balancedAttribute "
                         "expansionAgeSelection backfillPriority"); /* what is no object is empty */
    read_strategy(reader, &algorithm);
    read_preference(reader, &algorithm);
    if (balanced.json != NULL && !rules->large) {
        mu_read_fault(reader, &balanced.place, "is for strategy balanced");
    } else if (balanced.json != NULL) {
        rules->balanced = mu_read_attribute_typed(reader, &balanced, 1u << MU_ATTRIBUTE_NUMBER);
    }
    if (mu_read_choice(reader, &age_node, "newest oldest", &age))
        rules->oldest_age = age == 1;
    if (mu_read_choice(reader, &backfill_node, "normal high low", &backfill))
        rules->backfill = (enum mu_backfill_priority)backfill;
}

static void read_parties(struct mu_reader *reader, const struct mu_node *root)
{
    struct mu_rules *rules = reader->rules;
    uint32_t choice = 0, largest = 0;
    struct mu_node parties = mu_node_member(root, "parties");
    struct mu_node size = mu_node_member(root, "maxPartySize");
    if (mu_read_choice(reader, &parties, "one_team may_span self_contained", &choice))
        rules->parties = (enum mu_party_policy)choice;
    rules->party_max = MU_TICKET_PLAYERS_MAX;
    (void)mu_read_whole(reader, &size, 1, MU_TICKET_PLAYERS_MAX, &rules->party_max); /* else 8 */
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        uint32_t max = mu_rules_team_largest(rules, i);
        largest =
            rules->parties == MU_PARTY_ONE_TEAM ? (max > largest ? max : largest) : largest + max;
    }
    if (size.json != NULL && largest > 0 && rules->party_max > largest) {
        mu_read_fault(
            reader, &size.place, "is %u, but %s takes %u players at most", rules->party_max,
            rules->parties == MU_PARTY_ONE_TEAM ? "the largest team" : "a match", largest);
    }
    if (largest > 0 && rules->party_max > largest)
        rules->party_max = largest;
}

void mu_read_settings(struct mu_reader *reader, const struct mu_node *root)
{
    struct mu_rules *rules = reader->rules;
    struct mu_node wait = mu_node_member(root, "maxWaitSeconds");
    struct mu_node first = mu_node_member(root, "serveFirstAfterSeconds");
    struct mu_node fill = mu_node_member(root, "fillSeconds");
    struct mu_node latency = mu_node_member(root, "maxLatency");
    /* What is not there keeps its default, what is wrong is told. */
    (void)mu_read_seconds(reader, &wait, WAIT_MS_MIN, &rules->wait_max_ms);
    (void)mu_read_seconds(reader, &first, WAIT_MS_MIN, &rules->objective.first_ms);
    (void)mu_read_seconds(reader, &fill, 0, &rules->fill_ms);
    (void)mu_read_whole(reader, &latency, 1, LATENCY_MS_MAX, &rules->latency_max_ms);
    read_parties(reader, root);
}
