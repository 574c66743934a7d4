/* Vectors: rule sets, tickets that come, and the matches that must come of it (vector_file.h). */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "actors/engine.h"
#include "actors/rules_compile.h"
#include "core/actor.h"
#include "tests/unit/unit.h"
#include "tests/unit/vector_file.h"
#include "tests/unit/vector_world.h"

enum { TICKETS_MAX = 1024, CAPACITY = 4096 };

/* A ticket of the case; its name is its id. */
struct ticket {
    struct mu_engine_ticket ticket;
    struct mu_facts *facts; /* of it */
    int64_t at_ms;
    bool refused; /* must not get into the pool */
    bool there;   /* in the pool */
    bool matched; /* and out of it */
};

/* A match that came. */
struct came {
    int64_t at_ms;
    const struct mu_rules *rules;
    uint32_t region;
    uint32_t count;                         /* tickets */
    uint32_t players;                       /* of them */
    uint32_t tickets[MU_MATCH_PLAYERS_MAX]; /* [count] indices */
    uint32_t sizes[MU_TEAMS_MAX];           /* [teams] players */
    uint8_t teams[MU_MATCH_PLAYERS_MAX];    /* [players], tickets in order */
};

struct world {
    const char *path;
    const struct vector_case *vector;
    struct mu_config config;
    struct mu_rulebook book;
    struct mu_pool *pool;
    struct mu_candidate *candidate;
    struct ticket tickets[TICKETS_MAX];
    uint32_t count;
    uint32_t matches;
    uint32_t cases;
    int64_t now_ms;
    const char *only;
};

static struct world world;

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%u: case %s: ", world.path, world.vector->line,              \
                          world.vector->words);                                                    \
            (void)fprintf(stderr, __VA_ARGS__);                                                    \
            (void)fprintf(stderr, "\n");                                                           \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* number: 0 when the name stands for one ticket. */
static void read_ticket(const struct vector_ticket *vector, uint32_t number)
{
    assert_true(world.count < TICKETS_MAX);
    struct ticket *ticket = &world.tickets[world.count];
    *ticket = (struct ticket){ .at_ms = vector->at_ms, .refused = vector->refused };
    if (vector_ticket_make(vector, number, &world.config, &world.book, &ticket->ticket,
                           &ticket->facts)) {
        world.count++;
    }
}

static void begin(const struct vector_case *vector)
{
    world.vector = vector;
    world.count = 0;
    world.matches = 0;
    world.now_ms = -1;
    mu_config_default(&world.config);
    vector_book(vector, &world.config, &world.book);
    for (uint32_t i = 0; i < vector->tickets_count; i++) {
        const struct vector_ticket *ticket = &vector->tickets[i];
        for (uint32_t k = 0; k < (ticket->count == 0 ? 1 : ticket->count); k++) {
            read_ticket(ticket, ticket->count == 0 ? 0 : k + 1);
        }
    }
    world.pool = mu_pool_create(&world.config, &world.book, CAPACITY, 7);
    assert_non_null(world.pool);
}

static void end(void)
{
    mu_pool_check(world.pool);
    mu_pool_destroy(world.pool);
    for (uint32_t i = 0; i < world.count; i++) {
        free(world.tickets[i].facts);
    }
    mu_rulebook_release(&world.book);
}

static uint32_t index_of(const char *name)
{
    for (uint32_t i = 0; i < world.count; i++) {
        if (strcmp(world.tickets[i].ticket.id, name) == 0) {
            return i;
        }
    }
    CHECK(false, "knows no ticket %s", name);
    return 0;
}

/* Where a ticket is among those of a match, or count. */
static uint32_t find(const struct came *came, const char *name)
{
    uint32_t wanted = index_of(name);
    uint32_t i = 0;
    while (i < came->count && came->tickets[i] != wanted) {
        i++;
    }
    return i;
}

static bool has(const struct came *came, const char *name)
{
    return find(came, name) < came->count;
}

/* The team of a ticket's first player; the ticket is in the match. */
static uint32_t team_of(const struct came *came, const char *name)
{
    uint32_t at = find(came, name);
    uint32_t seat = 0;
    for (uint32_t i = 0; i < at; i++) {
        seat += world.tickets[came->tickets[i]].ticket.players;
    }
    return came->teams[seat];
}

/* Like teams are told in any order: both sides ascending. */
static void sort_like(const struct mu_rules *rules, uint32_t *sizes)
{
    for (uint32_t a = 0; a < rules->teams_count; a++) {
        for (uint32_t b = a + 1; b < rules->teams_count; b++) {
            if (rules->teams[a].like == rules->teams[b].like && sizes[b] < sizes[a]) {
                uint32_t swapped = sizes[a];
                sizes[a] = sizes[b];
                sizes[b] = swapped;
            }
        }
    }
}

static bool sizes_are(const struct came *came, const struct vector_match *match)
{
    uint32_t wanted[MU_TEAMS_MAX] = { 0 };
    uint32_t sizes[MU_TEAMS_MAX] = { 0 };
    if (match->teams_count == 0) {
        return true;
    }
    for (uint32_t i = 0; i < came->rules->teams_count; i++) {
        wanted[i] = i < match->teams_count ? match->sizes[i] : 0;
        sizes[i] = came->sizes[i];
    }
    sort_like(came->rules, wanted);
    sort_like(came->rules, sizes);
    return match->teams_count <= came->rules->teams_count &&
           memcmp(wanted, sizes, sizeof wanted) == 0;
}

/* By how much the teams' means of an attribute differ. */
static double unevenness(const struct came *came, const char *attribute)
{
    double sums[MU_TEAMS_MAX] = { 0 };
    double low = HUGE_VAL;
    double high = -HUGE_VAL;
    uint32_t seat = 0;
    uint32_t index = mu_rules_attribute(came->rules, attribute);
    CHECK(index != MU_RULES_NONE, "knows no attribute %s", attribute);
    for (uint32_t i = 0; i < came->count; i++) {
        const struct mu_engine_ticket *ticket = &world.tickets[came->tickets[i]].ticket;
        for (uint32_t k = 0; k < ticket->players; k++) {
            sums[came->teams[seat++]] += mu_facts_number(ticket->facts, k, index);
        }
    }
    for (uint32_t i = 0; i < came->rules->teams_count; i++) {
        low = came->sizes[i] == 0 ? low : fmin(low, sums[i] / came->sizes[i]);
        high = came->sizes[i] == 0 ? high : fmax(high, sums[i] / came->sizes[i]);
    }
    return high - low;
}

static bool are_in(const struct came *came, const struct vector_names *names, uint32_t i)
{
    return has(came, names->names[i]) && has(came, names->names[i + 1]);
}

static bool are_together(const struct came *came, const struct vector_names *names, uint32_t i)
{
    return team_of(came, names->names[i]) == team_of(came, names->names[i + 1]);
}

static void check_members(const struct came *came, const struct vector_match *match)
{
    uint32_t line = match->line;
    for (uint32_t i = 0; i < match->in.count; i++) {
        CHECK(has(came, match->in.names[i]), "line %u: %s is out", line, match->in.names[i]);
    }
    for (uint32_t i = 0; i < match->out.count; i++) {
        CHECK(!has(came, match->out.names[i]), "line %u: %s is in", line, match->out.names[i]);
    }
    for (uint32_t i = 0; i + 1 < match->apart.count; i += 2) {
        CHECK(are_in(came, &match->apart, i) && !are_together(came, &match->apart, i),
              "line %u: %s and %s are not apart", line, match->apart.names[i],
              match->apart.names[i + 1]);
    }
    for (uint32_t i = 0; i + 1 < match->together.count; i += 2) {
        CHECK(are_in(came, &match->together, i) && are_together(came, &match->together, i),
              "line %u: %s and %s are not together", line, match->together.names[i],
              match->together.names[i + 1]);
    }
    for (uint32_t i = 0; i + 1 < match->on.count; i += 2) {
        CHECK(has(came, match->on.names[i + 1]) &&
                  team_of(came, match->on.names[i + 1]) ==
                      mu_rules_team(came->rules, match->on.names[i]),
              "line %u: %s is not on %s", line, match->on.names[i + 1], match->on.names[i]);
    }
}

static void check_match(const struct came *came, const struct vector_match *match)
{
    uint32_t line = match->line;
    CHECK(came->at_ms == match->at_ms, "line %u: came at %lld ms", line, (long long)came->at_ms);
    CHECK(sizes_are(came, match), "line %u: other sizes: %u, %u ... of %u players", line,
          came->sizes[0], came->sizes[1], came->players);
    CHECK(match->players == 0 || match->players == came->players, "line %u: %u players", line,
          came->players);
    check_members(came, match);
    if (match->region[0] != '\0') {
        CHECK(mu_config_region(&world.config, match->region) == (int32_t)came->region,
              "line %u: region %s", line, world.config.regions[came->region].name);
    }
    if (match->even_attribute[0] != '\0') {
        CHECK(unevenness(came, match->even_attribute) <= match->even_max, "line %u: uneven by %g",
              line, unevenness(came, match->even_attribute));
    }
}

/* Seats the players of a ticket that is in a match. */
static void seat(const struct mu_engine_member *member, struct came *came)
{
    const struct mu_engine_ticket *ticket = member->ticket;
    for (uint32_t i = 0; i < ticket->players; i++) {
        uint32_t team = member->team != MU_TEAM_SPAN ? member->team : member->teams[i % 8];
        team = ticket->backfill ? mu_facts_team(ticket->facts, i) : team;
        assert_true(team < came->rules->teams_count);
        came->teams[came->players++] = (uint8_t)team;
        came->sizes[team]++;
    }
}

/* Every match that comes is legal, and the next one of the case. */
static bool emitted(void *owner, const struct mu_engine_match *match)
{
    assert_ptr_equal(owner, &world);
    uint32_t rule = 0;
    struct came came = {
        .at_ms = world.now_ms,
        .rules = world.book.shapes[match->shape],
        .region = match->region,
        .count = match->count,
    };
    enum mu_engine_fault fault =
        mu_engine_legal(came.rules, &world.config, match->members, match->count, match->region,
                        world.now_ms, world.candidate, &rule);
    CHECK(fault == MU_ENGINE_LEGAL, "a match that is not legal: %s", mu_engine_fault_text(fault));
    for (uint32_t i = 0; i < match->count; i++) {
        came.tickets[i] = index_of(match->members[i].ticket->id);
        struct ticket *ticket = &world.tickets[came.tickets[i]];
        CHECK(ticket->there && !ticket->matched, "%s is not there", ticket->ticket.id);
        ticket->matched = true;
        seat(&match->members[i], &came);
    }
    CHECK(world.matches < world.vector->matches_count, "a match of %u players at %lld ms",
          came.players, (long long)world.now_ms);
    check_match(&came, &world.vector->matches[world.matches++]);
    return true;
}

/* Adds those that come now, matches, and takes out the matched ones. */
static void step(void)
{
    for (uint32_t i = 0; i < world.count; i++) {
        struct ticket *ticket = &world.tickets[i];
        if (!ticket->there && ticket->at_ms <= world.now_ms) {
            int r = mu_pool_add(world.pool, &ticket->ticket, world.now_ms);
            CHECK(r == (ticket->refused ? -EINVAL : 0), "ticket %s: %d", ticket->ticket.id, r);
            ticket->there = r == 0;
            ticket->at_ms = r == 0 ? ticket->at_ms : MU_NEVER;
        }
    }
    do {
        (void)mu_pool_match(world.pool, world.now_ms, emitted, &world);
    } while (mu_pool_next_moment(world.pool) == INT64_MIN);
    for (uint32_t i = 0; i < world.count; i++) {
        struct ticket *ticket = &world.tickets[i];
        if (ticket->matched && ticket->there) {
            assert_true(
                mu_pool_remove(world.pool, ticket->ticket.id, MU_LEAVE_MATCHED, world.now_ms));
            ticket->there = false;
            ticket->at_ms = MU_NEVER;
        }
    }
}

/* When somebody comes next, or the pool has something to do. */
static int64_t next_time(void)
{
    int64_t next = mu_pool_next_moment(world.pool);
    for (uint32_t i = 0; i < world.count; i++) {
        const struct ticket *ticket = &world.tickets[i];
        if (!ticket->there && ticket->at_ms < next) {
            next = ticket->at_ms;
        }
    }
    return next;
}

static void run(void *owner, const struct vector_case *vector)
{
    (void)owner;
    if (world.only != NULL && strstr(vector->words, world.only) == NULL) {
        return;
    }
    begin(vector);
    world.cases++;
    for (int64_t at = next_time(); at <= vector->until_ms; at = next_time()) {
        CHECK(at > world.now_ms, "the pool goes back to %lld ms", (long long)at);
        world.now_ms = at;
        step();
    }
    uint32_t left = 0;
    for (uint32_t i = 0; i < world.count; i++) {
        left += world.tickets[i].there ? 1 : 0;
    }
    CHECK(world.matches == vector->matches_count, "%u matches, %u wanted", world.matches,
          vector->matches_count);
    CHECK(left == vector->left, "%u are left", left);
    end();
}

static const char *const files[] = { "even",     "hunters",  "trio",   "duel",     "large",
                                     "blocks",   "backfill", "limits", "strings",  "parties",
                                     "latency",  "shapes",   "order",  "spelling", "uneven",
                                     "together", "forty" };
static const char *folder;

static void test_vectors(void **state)
{
    (void)state;
    char path[1024];
    world.candidate = mu_candidate_create();
    assert_non_null(world.candidate);
    for (uint32_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s.txt", folder, files[i]);
        world.path = path;
        assert_true(vector_file_read(path, run, NULL) > 0);
    }
    mu_candidate_destroy(world.candidate);
    (void)fprintf(stderr, "%u cases\n", world.cases);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: %s FOLDER [WORDS]\n", argv[0]);
        return 64;
    }
    folder = argv[1];
    world.only = argc > 2 ? argv[2] : NULL;
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
