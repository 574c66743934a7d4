/* Who can never match: the tickets of all vectors, sentences, and random rule sets against what
 * candidates say.
 *
 * usage: test_admit FOLDER [SEED [COUNT]]   COUNT: rule sets (1000) */
#include <math.h>
#include <string.h>

#include "actors/admit.h"
#include "actors/rules_compile.h"
#include "core/actor.h"
#include "tests/unit/candidate_world.h"
#include "tests/unit/unit.h"
#include "tests/unit/vector_file.h"
#include "tests/unit/vector_world.h"

enum { STEPS = 20, UNITS_MAX = 8, AGE_MS_MAX = 40000, AGE_STEP_MS = 1000 };

static struct mu_candidate *candidate;
static struct mu_config config;
static const char *folder;
static uint64_t seed = 1;
static uint64_t count = 1000;

/* Vectors. */

/* Those who can never match, though their details can be read: all others are admitted. */
static const struct {
    const char *words;
    const char *ticket; /* a*: all whose names begin so */
    const char *what;
} nevers[] = {
    { "nine are no party", "p", "a party of 9 is too large: this queue takes 8 at most" },
    { "a party of both can be on no team", "p",
      "no team takes it, however long it waits: players (rule \"wants not to\"), monster (rule "
      "\"wants to\")" },
    { "one of them is too far away for ever", "f",
      "rule \"fast\": no region is near enough for the player, however long the ticket waits" },
    { "nobody says where he is", "a*",
      "rule \"fast\" asks for latencies, and player 1 brings none" },
    { "one who does not say", "f", "rule \"fast\" asks for latencies, and player 1 brings none" },
    { "a party whose members block each other can never play", "p",
      "rule \"blocked\" (attribute BlockList): the party breaks it alone, on every team and "
      "however "
      "long it waits" },
    { "or with what all of them like", "p",
      "rule \"map\" (attribute maps): the party breaks it alone, on every team and however long it "
      "waits" },
    { "each has one of those that are asked for", "b",
      "rule \"mods\" (attribute mods): the player breaks it alone, on every team and however long "
      "it waits" },
    { "the worst of a party is not", "p",
      "rule \"near\" (attribute skill): the party breaks it alone, on every team and however long "
      "it waits" },
    { "nor is the mean", "p",
      "rule \"near\" (attribute skill): the party breaks it alone, on every team and however long "
      "it waits" },
    { "a party of three fits nowhere", "p", "a party of 3 is too large for every team" },
    { "a party of two tanks never plays", "p",
      "its players cannot have roles that go together on any team" },
    { "the bound on latency of the queue", "a",
      "no region is within 100 ms: the nearest, eu-west-1, is 101 ms away" },
};

static uint32_t nevers_seen;
static uint32_t admitted_seen;

static const char *never_of(const struct vector_case *vector, const char *id)
{
    for (uint32_t i = 0; i < sizeof nevers / sizeof nevers[0]; i++) {
        const char *name = nevers[i].ticket;
        size_t size = strcspn(name, "*");
        bool same = name[size] == '*' ? strncmp(name, id, size) == 0 : strcmp(name, id) == 0;
        if (same && strcmp(nevers[i].words, vector->words) == 0) {
            return nevers[i].what;
        }
    }
    return "";
}

static void check_ticket(const struct vector_case *vector, const struct mu_rulebook *book,
                         const struct vector_ticket *made, uint32_t number)
{
    struct mu_engine_ticket ticket;
    struct mu_facts *facts = NULL;
    struct mu_admit_fault fault = { .what = "" };
    if (!vector_ticket_make(made, number, &config, book, &ticket, &facts)) {
        return;
    }
    const char *want = never_of(vector, ticket.id);
    bool admitted = mu_admit(book, &config, &ticket, candidate, &fault);
    if (strcmp(want, fault.what) != 0) {
        fail_msg("line %u: { \"%s\", \"%s\",\n \"%s\" }", (unsigned)vector->line, vector->words,
                 ticket.id, fault.what);
    }
    assert_true(admitted == (want[0] == '\0'));
    nevers_seen += admitted ? 0 : 1;
    admitted_seen += admitted ? 1 : 0;
    free(facts);
}

static void check_case(void *owner, const struct vector_case *vector)
{
    (void)owner;
    struct mu_rulebook book;
    vector_book(vector, &config, &book);
    for (uint32_t i = 0; i < vector->tickets_count; i++) {
        const struct vector_ticket *ticket = &vector->tickets[i];
        for (uint32_t k = 0; k < (ticket->count == 0 ? 1 : ticket->count); k++) {
            check_ticket(vector, &book, ticket, ticket->count == 0 ? 0 : k + 1);
        }
    }
    mu_rulebook_release(&book);
}

static void test_vectors(void **state)
{
    (void)state;
    static const char *const files[] = { "even",    "hunters", "trio",     "duel",
                                         "large",   "blocks",  "backfill", "limits",
                                         "strings", "parties", "latency",  "shapes" };
    char path[1024];
    for (uint32_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s.txt", folder, files[i]);
        assert_true(vector_file_read(path, check_case, NULL) > 0);
    }
    (void)fprintf(stderr, "%u admitted, %u not\n", (unsigned)admitted_seen, (unsigned)nevers_seen);
    assert_int_equal(nevers_seen, 21);
}

/* Sentences. */

/* What is said of a party of `players` like that under these rules; "": it is admitted. */
static const char *judge(const char *rules, uint32_t players, const char *details, bool backfill)
{
    static struct vector_case vector;
    static struct vector_ticket made;
    static struct mu_admit_fault fault;
    struct mu_rulebook book;
    struct mu_engine_ticket ticket;
    struct mu_facts *facts = NULL;
    memset(&vector, 0, sizeof vector);
    memset(&made, 0, sizeof made);
    (void)snprintf(vector.rules, sizeof vector.rules, "%s", rules);
    (void)snprintf(made.name, sizeof made.name, "a");
    (void)snprintf(made.details, sizeof made.details, "%s", details);
    made.players = players;
    made.backfill = backfill;
    made.rating = 1500;
    vector_book(&vector, &config, &book);
    assert_true(vector_ticket_make(&made, 0, &config, &book, &ticket, &facts));
    fault.what[0] = '\0';
    bool admitted = mu_admit(&book, &config, &ticket, candidate, &fault);
    assert_true(admitted == (fault.what[0] == '\0'));
    assert_true(admitted == mu_admit(&book, &config, &ticket, candidate, NULL));
    mu_rulebook_release(&book);
    free(facts);
    return fault.what;
}

/* Teams of one to two, and one rule. */
#define RULES(rule, expansions)                                                                    \
    "{\"playerAttributes\": [{\"name\": \"x\", \"type\": \"number\", \"default\": 0}],"            \
    "\"teams\": [{\"name\": \"t\", \"minPlayers\": 1, \"maxPlayers\": 2, \"quantity\": 2}],"       \
    "\"rules\": [" rule "], \"expansions\": [" expansions "]}"
#define NEAR_ZERO                                                                                  \
    "{\"name\": \"near\", \"type\": \"distance\","                                                 \
    "\"measurements\": \"players.attributes[x]\", \"referenceValue\": 0, \"maxDistance\": 10}"
#define X(value) "{\"attributes\": {\"x\": " value "}}"

static void test_rules(void **state)
{
    (void)state;
    const char *near = RULES(NEAR_ZERO, "");
    assert_string_equal(judge(near, 1, X("10"), false), "");
    assert_string_equal(judge(near, 1, X("11"), false),
                        "rule \"near\" (attribute x): the player breaks it alone, on every team "
                        "and however long it waits");
    assert_string_equal(judge(near, 2, X("11"), false),
                        "rule \"near\" (attribute x): the party breaks it alone, on every team "
                        "and however long it waits");
    assert_string_equal(judge(near, 3, X("1"), false),
                        "a party of 3 is too large: this queue takes 2 at most");
    /* A limit that opens, and one that opens for a while only. */
    const char *opens = RULES(NEAR_ZERO, "{\"target\": \"rules[near].maxDistance\", \"steps\": ["
                                         "{\"waitTimeSeconds\": 5, \"value\": 50},"
                                         "{\"waitTimeSeconds\": 9, \"value\": 20}]}");
    assert_string_equal(judge(opens, 1, X("50"), false), "");
    assert_string_not_equal(judge(opens, 1, X("51"), false), "");
    /* One that opens bit by bit, for longer than all ages are looked at. */
    const char *slow = RULES(NEAR_ZERO, "{\"target\": \"rules[near].maxDistance\", \"linear\": "
                                        "{\"every\": 1, \"delta\": 1, \"limit\": 500}}");
    assert_string_equal(judge(slow, 1, X("500"), false), "");
    assert_string_not_equal(judge(slow, 1, X("501"), false), "");
    /* One whose reference passes by: in doubt, the ticket is admitted. */
    const char *passes = RULES(NEAR_ZERO, "{\"target\": \"rules[near].referenceValue\", \"linear\":"
                                          "{\"every\": 1, \"delta\": 1, \"limit\": 500}}");
    assert_string_equal(judge(passes, 1, X("300"), false), "");
    /* What others can mend decides nothing. */
    const char *mean = RULES("{\"name\": \"mean\", \"type\": \"comparison\", \"measurements\": "
                             "\"avg(players.attributes[x])\", \"operation\": \">\", "
                             "\"referenceValue\": 5}",
                             "");
    assert_string_equal(judge(mean, 1, X("0"), false), "");
    /* Rules that count no longer. */
    const char *optional =
        RULES("{\"name\": \"low\", \"type\": \"comparison\", \"measurements\": "
              "\"players.attributes[x]\", \"operation\": \"<\", \"referenceValue\": 5, "
              "\"optionalAfterSeconds\": 30}",
              "");
    assert_string_equal(judge(optional, 1, X("9"), false), "");
    const char *soft = RULES("{\"name\": \"low\", \"type\": \"comparison\", \"measurements\": "
                             "\"players.attributes[x]\", \"operation\": \"<\", "
                             "\"referenceValue\": 5, \"weight\": 2}",
                             "");
    assert_string_equal(judge(soft, 1, X("9"), false), "");
}

#define SPANS(policy, size)                                                                        \
    "{\"parties\": \"" policy "\","                                                                \
    "\"playerAttributes\": [{\"name\": \"roles\", \"type\": \"string_list\", \"default\": []}],"   \
    "\"roles\": {\"attribute\": \"roles\", \"quotas\": {\"tank\": 1, \"other\": " size "}},"       \
    "\"teams\": [{\"name\": \"t\", \"minPlayers\": 1, \"maxPlayers\": 3, \"quantity\": 3}]}"
#define TANK "{\"attributes\": {\"roles\": [\"tank\"]}}"

static void test_parties(void **state)
{
    (void)state;
    /* A tank a team: three of them can play on three teams. */
    const char *spans = SPANS("may_span", "{\"min\": 0, \"max\": 2}");
    assert_string_equal(judge(SPANS("one_team", "{\"min\": 0, \"max\": 2}"), 2, TANK, false),
                        "its players cannot have roles that go together on any team");
    assert_string_equal(judge(spans, 2, TANK, false), "");
    assert_string_equal(judge(spans, 3, TANK, false), "");
    assert_string_not_equal(judge(spans, 4, TANK, false), "");
    /* On several teams, but then alone: two tanks leave a team without anybody. */
    const char *self = SPANS("self_contained", "{\"min\": 0, \"max\": 2}");
    assert_string_not_equal(judge(self, 2, TANK, false), "");
    assert_string_equal(judge(self, 3, TANK, false), "");
}

static void test_backfills(void **state)
{
    (void)state;
    const char *near = RULES(NEAR_ZERO, "");
    assert_string_equal(
        judge(near, 3, "[{\"team\": \"t_1\"}, {\"team\": \"t_1\"}, {\"team\": \"t_2\"}]", true),
        "");
    assert_string_equal(judge(near, 2, "[{\"team\": \"t_1\"}, {}]", true),
                        "player 2 of the backfill is on no team of this queue");
    assert_string_equal(judge(near, 4,
                              "[{\"team\": \"t_1\"}, {\"team\": \"t_1\"}, {\"team\": \"t_2\"}, "
                              "{\"team\": \"t_2\"}]",
                              true),
                        "all teams of the backfill are full");
    assert_string_not_equal(
        judge(near, 3, "[{\"team\": \"t_1\"}, {\"team\": \"t_1\"}, {\"team\": \"t_1\"}]", true),
        "");
    assert_string_not_equal(
        judge(near, 1, "[{\"team\": \"t_1\", \"attributes\": {\"x\": 11}}]", true), "");
}

/* Values that come from outside and are wrong are faults, not crashes. */
static void test_values(void **state)
{
    (void)state;
    static struct vector_case vector;
    struct mu_rulebook book;
    struct mu_admit_fault fault;
    struct mu_engine_ticket ticket = { .id = "a", .reach_ms = { 20 } };
    (void)snprintf(vector.rules, sizeof vector.rules, "%s", RULES(NEAR_ZERO, ""));
    vector_book(&vector, &config, &book);
    assert_false(mu_admit(&book, &config, &ticket, candidate, &fault));
    assert_string_equal(fault.what, "the ticket has no players");
    ticket.players = 1;
    assert_false(mu_admit(&book, &config, &ticket, candidate, &fault));
    assert_string_equal(fault.what, "the ticket has no details, which the rules need");
    ticket.players = UINT32_MAX;
    assert_false(mu_admit(&book, &config, &ticket, candidate, &fault));
    ticket.backfill = true;
    assert_false(mu_admit(&book, &config, &ticket, candidate, &fault));
    mu_rulebook_release(&book);
}

/* Random worlds. */

static struct world world;
static uint64_t index_of_world;

static void check(bool good, const char *what)
{
    if (!good) {
        fail_msg("seed %llu, rule set %llu: %s", (unsigned long long)seed,
                 (unsigned long long)index_of_world, what);
    }
}

static bool admits(const struct world_ticket *ticket)
{
    const struct mu_entrant *entrant = &ticket->entrant;
    const struct mu_rulebook book = { .shapes_count = 1, .shapes = { &world.rules } };
    struct mu_engine_ticket made = {
        .id = "a",
        .since_ms = entrant->since_ms,
        .players = entrant->players,
        .backfill = entrant->backfill,
        .rating = entrant->rating,
        .sum = entrant->sum,
        .squares = entrant->squares,
        .variance = entrant->variance,
        .facts = entrant->facts,
    };
    memcpy(made.reach_ms, ticket->reach_ms, sizeof ticket->reach_ms);
    return mu_admit(&book, &world.config, &made, candidate, NULL);
}

/* Whether the players from `player` on can be added, each on some team. */
/* NOLINTNEXTLINE(misc-no-recursion): four deep at most */
static bool can_spread(const struct mu_entrant *entrant, uint32_t player)
{
    struct mu_verdict verdict;
    if (player == entrant->players) {
        mu_candidate_judge(candidate, &verdict);
        return verdict.legal || world.rules.parties == MU_PARTY_MAY_SPAN;
    }
    for (uint32_t team = 0; team < world.rules.teams_count; team++) {
        if (mu_candidate_add(candidate, entrant, player, team)) {
            if (can_spread(entrant, player + 1)) {
                return true;
            }
            mu_candidate_remove(candidate, player);
        }
    }
    return false;
}

/* Whether a ticket can be on some team at some age, second by second. */
static bool can_stand(const struct mu_entrant *entrant)
{
    for (int64_t age_ms = 0; age_ms <= AGE_MS_MAX; age_ms += AGE_STEP_MS) {
        for (uint32_t team = 0; team < world.rules.teams_count; team++) {
            mu_candidate_begin(candidate, &world.rules, WORLD_REGIONS, entrant->since_ms + age_ms);
            if (mu_candidate_add(candidate, entrant, MU_RULES_NONE, team)) {
                return true;
            }
        }
        mu_candidate_begin(candidate, &world.rules, WORLD_REGIONS, entrant->since_ms + age_ms);
        if (world.rules.parties != MU_PARTY_ONE_TEAM && !entrant->backfill &&
            can_spread(entrant, 0)) {
            return true;
        }
    }
    return false;
}

static void make_world(uint64_t index)
{
    index_of_world = index;
    world.rng.state = seed * 1000003 + index;
    world_make(&world);
    world.rules.party_max = MU_TICKET_PLAYERS_MAX;
    world.rules.needs = MU_NEEDS_ATTRIBUTES;
    world_name_teams(&world);
}

static void test_exactly(void **state)
{
    (void)state;
    uint64_t yes = 0;
    uint64_t no = 0;
    for (uint64_t i = 0; i < count; i++) {
        make_world(i);
        for (uint32_t k = 0; k < world.tickets_count && world.rules.teams_count <= 4; k++) {
            const struct mu_entrant *entrant = &world.tickets[k].entrant;
            bool got = admits(&world.tickets[k]);
            bool want = can_stand(entrant);
            /* A backfill must have a free place too. */
            check(got == want || (entrant->backfill && !got), got ? "admitted" : "not admitted");
            yes += got ? 1 : 0;
            no += got ? 0 : 1;
        }
    }
    (void)fprintf(stderr, "%llu admitted, %llu not\n", (unsigned long long)yes,
                  (unsigned long long)no);
    assert_true(yes > count && no > count / 10);
}

/* Puts random tickets into a candidate; those of a legal match are admitted. */
static bool play(void)
{
    bool in[WORLD_TICKETS_MAX] = { false };
    struct mu_verdict verdict;
    struct mu_standing standing;
    int64_t age_ms = 500 * (int64_t)world_below(&world, 60);
    mu_candidate_begin(candidate, &world.rules, WORLD_REGIONS, world.now_ms + age_ms);
    for (uint32_t i = 0; i < UNITS_MAX; i++) {
        uint32_t k = world_below(&world, world.tickets_count);
        uint32_t team = world_below(&world, world.rules.teams_count);
        if (in[k]) {
            continue;
        }
        bool may = mu_candidate_add(candidate, &world.tickets[k].entrant, MU_RULES_NONE, team);
        if (!may && mu_candidate_put(candidate, &world.tickets[k].entrant, MU_RULES_NONE, team)) {
            check(!mu_candidate_stands(candidate, &standing), "stands, but was not added");
            mu_candidate_remove(candidate, mu_candidate_count(candidate) - 1);
        }
        in[k] = may;
        if (!may) {
            continue;
        }
        /* Another age may be too much for other teams than its own. */
        bool stands = mu_candidate_stands(candidate, &standing);
        check(stands || !standing.room || !standing.roles, "was added, but does not stand");
        check(standing.broken == 0 && standing.window && standing.backfill &&
                  (standing.regions != 0 || !stands) && (standing.regions & ~standing.reach) == 0,
              "was added against something");
        mu_candidate_judge(candidate, &verdict);
        if (verdict.legal) {
            break;
        }
    }
    mu_candidate_judge(candidate, &verdict);
    for (uint32_t k = 0; k < world.tickets_count && verdict.legal; k++) {
        check(!in[k] || admits(&world.tickets[k]), "is in a match, but was not admitted");
    }
    return verdict.legal;
}

static void test_whoever_plays(void **state)
{
    (void)state;
    uint64_t played = 0;
    for (uint64_t i = 0; i < count; i++) {
        make_world(i);
        for (uint32_t k = 0; k < STEPS; k++) {
            played += play() ? 1 : 0;
        }
    }
    (void)fprintf(stderr, "%llu matches\n", (unsigned long long)played);
    assert_true(played > count);
}

int main(int argc, char **argv)
{
    if (argc < 2 || (argc > 2 && mu_parse_u64(argv[2], 0, UINT64_MAX, &seed) != 0) ||
        (argc > 3 && mu_parse_u64(argv[3], 1, 100000000, &count) != 0)) {
        (void)fprintf(stderr, "usage: %s FOLDER [SEED [COUNT]]\n", argv[0]);
        return 64;
    }
    folder = argv[1];
    (void)fprintf(stderr, "%s: seed %llu\n", argv[0], (unsigned long long)seed);
    mu_config_default(&config);
    candidate = mu_candidate_create();
    if (candidate == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),       cmocka_unit_test(test_rules),
        cmocka_unit_test(test_parties),       cmocka_unit_test(test_backfills),
        cmocka_unit_test(test_values),        cmocka_unit_test(test_exactly),
        cmocka_unit_test(test_whoever_plays),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mu_candidate_destroy(candidate);
    return failed;
}
