/* Why tickets wait: explanations of random pools against a slow evaluation from scratch.
 *
 * usage: test_explain_properties [SEED [COUNT]]   COUNT: rule sets (200) */
#include <math.h>
#include <string.h>

#include "actors/engine_pool.h"
#include "actors/explain.h"
#include "core/actor.h"
#include "tests/unit/candidate_oracle.h"
#include "tests/unit/unit.h"

enum { STEPS = 12, STEP_MS = 1750, CAPACITY = 256, LOG_BYTES = 65536, GRID_MS = 250 };

static struct world world;
static struct mu_rulebook book;
static struct mu_explanation got;
static struct mu_pool *pool;
static uint64_t seed;
static uint64_t count = 200;
static uint64_t index_of_world;

static void check(bool good, const char *what)
{
    if (!good) {
        fail_msg("seed %llu, rule set %llu: %s", (unsigned long long)seed,
                 (unsigned long long)index_of_world, what);
    }
}

/* Random pools. */

static struct mu_engine_ticket ticket_of(uint32_t index)
{
    const struct mu_entrant *entrant = &world.tickets[index].entrant;
    struct mu_engine_ticket ret = {
        .version = 1,
        .since_ms = entrant->since_ms,
        .players = entrant->players,
        .backfill = entrant->backfill,
        .rating = entrant->rating,
        .sum = entrant->sum,
        .squares = entrant->squares,
        .variance = entrant->variance,
        .facts = entrant->facts,
    };
    (void)snprintf(ret.id, sizeof ret.id, "t%02u", (unsigned)index);
    memcpy(ret.reach_ms, world.tickets[index].reach_ms, sizeof world.tickets[index].reach_ms);
    return ret;
}

static struct mu_pool *make_pool(void)
{
    struct mu_pool *ret = mu_pool_create(&world.config, &book, CAPACITY, 7);
    assert_non_null(ret);
    for (uint32_t i = 0; i < world.tickets_count; i++) {
        struct mu_engine_ticket ticket = ticket_of(i);
        assert_int_equal(mu_pool_add(ret, &ticket, world.now_ms), 0);
    }
    return ret;
}

static void make_world(uint64_t index)
{
    index_of_world = index;
    world.rng.state = seed * 1000003 + index;
    world_make(&world);
    world_name_teams(&world);
    world.rules.party_max = MU_TICKET_PLAYERS_MAX;
    world.rules.needs = MU_NEEDS_ATTRIBUTES;
    for (uint32_t i = 0; i < world.rules.rules_count; i++) {
        (void)snprintf(world.rules.rules[i].name, sizeof world.rules.rules[i].name, "r%u",
                       (unsigned)i);
    }
    book = (struct mu_rulebook){ .shapes_count = 1, .shapes = { &world.rules } };
}

static bool explain(const struct mu_pool *from, uint32_t index, int64_t now_ms,
                    struct mu_explanation *ret)
{
    char id[16];
    (void)snprintf(id, sizeof id, "t%02u", (unsigned)index);
    return mu_pool_explain(from, id, now_ms, ret);
}

/* Pairs, from scratch. */

struct against {
    uint32_t builtins;
    uint64_t asked;
    uint64_t broken;
    uint32_t count;
};

static uint32_t reach_of(const struct world_ticket *ticket)
{
    uint32_t reach = 0;
    for (uint32_t i = 0; i < WORLD_REGIONS; i++) {
        uint32_t bound = world.rules.latency_max_ms;
        bool may =
            ticket->reach_ms[i] != MU_LATENCY_NONE && (bound == 0 || ticket->reach_ms[i] <= bound);
        reach |= may ? 1u << i : 0;
    }
    return reach;
}

static bool is_full(const struct oracle_match *match, const struct oracle_verdict *verdict)
{
    const struct mu_rules *rules = &world.rules;
    bool full = match->units[0].player == MU_RULES_NONE && match->units[1].player == MU_RULES_NONE;
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        full = full && verdict->team_players[i] >= mu_team_min(rules, i, verdict->age_ms);
    }
    return full && verdict->players == mu_rules_players_max(rules, verdict->age_ms);
}

static struct against judge(const struct oracle_match *match)
{
    const struct mu_rules *rules = &world.rules;
    struct oracle_verdict verdict;
    struct against ret = { .builtins = 0 };
    bool size = false;
    bool roles = false;
    oracle_judge(match, &verdict);
    bool full = is_full(match, &verdict);
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        bool over = verdict.team_players[i] > mu_team_max(rules, i, verdict.age_ms);
        size = size || (verdict.team_players[i] > 0 && over);
        roles = roles || (verdict.team_players[i] > 0 && !over && verdict.roles_hopeless[i]);
    }
    bool latency = false;
    for (uint32_t i = 0; i < rules->rules_count; i++) {
        bool asked = mu_rule_stands(rules, i, verdict.age_ms) && (full || rules->rules[i].lasting);
        bool broken = asked && verdict.excess[i] > 0;
        ret.asked |= asked ? UINT64_C(1) << i : 0;
        ret.broken |= broken ? UINT64_C(1) << i : 0;
        ret.count += broken ? 1 : 0;
        latency = latency || (broken && rules->rules[i].type == MU_RULE_LATENCY);
    }
    uint32_t reach = reach_of(match->units[0].ticket) & reach_of(match->units[1].ticket);
    uint32_t regions = full ? verdict.verdict.regions : verdict.regions_lasting;
    bool region = reach == 0 || (regions == 0 && !latency);
    ret.builtins = (region ? 1u << MU_EXPLAIN_REGION : 0) |
                   (verdict.verdict.window ? 0 : 1u << MU_EXPLAIN_WINDOW) |
                   (size ? 1u << MU_EXPLAIN_SIZE : 0) | (roles ? 1u << MU_EXPLAIN_ROLES : 0);
    for (uint32_t i = 0; i < MU_EXPLAIN_BUILTINS; i++) {
        ret.count += ret.builtins >> i & 1;
    }
    return ret;
}

static struct oracle_unit unit_of(uint32_t index, uint32_t team)
{
    const struct mu_entrant *entrant = &world.tickets[index].entrant;
    bool part = world.rules.parties == MU_PARTY_MAY_SPAN && entrant->players > 1;
    return (struct oracle_unit){
        .ticket = &world.tickets[index],
        .player = part && !entrant->backfill ? 0 : MU_RULES_NONE,
        .team = entrant->backfill ? MU_RULES_NONE : team,
    };
}

/* What is against two tickets where that is least. */
static struct against find_against(uint32_t a, uint32_t b, int64_t now_ms)
{
    static struct world at; /* the world, later */
    struct oracle_match match = { .world = &at, .units_count = 2 };
    struct against best = { .count = UINT32_MAX };
    at = world;
    at.now_ms = now_ms;
    for (uint32_t i = 0; i < world.rules.teams_count; i++) {
        for (uint32_t k = 0; k < world.rules.teams_count; k++) {
            match.units[0] = unit_of(a, i);
            match.units[1] = unit_of(b, k);
            struct against found = judge(&match);
            best = found.count < best.count ? found : best;
        }
    }
    return best;
}

/* How far apart two are in the index. */
static double distance_of(uint32_t a, uint32_t b)
{
    const struct mu_entrant *x = &world.tickets[a].entrant;
    const struct mu_entrant *y = &world.tickets[b].entrant;
    return fabs(round(x->sum / x->players) - round(y->sum / y->players));
}

/* Whether the pool looks at a before b: backfills last, then nearest, then oldest. */
static bool is_before(uint32_t of, uint32_t a, uint32_t b)
{
    const struct mu_entrant *x = &world.tickets[a].entrant;
    const struct mu_entrant *y = &world.tickets[b].entrant;
    if (x->backfill != y->backfill) {
        return y->backfill;
    }
    double distance_a = distance_of(of, a);
    double distance_b = distance_of(of, b);
    if (distance_a < distance_b || distance_a > distance_b) {
        return distance_a < distance_b;
    }
    return x->since_ms != y->since_ms ? x->since_ms < y->since_ms : a < b;
}

struct tally {
    uint32_t looked;
    uint32_t able;
    uint32_t players;
    struct mu_explain_count builtins[MU_EXPLAIN_BUILTINS];
    struct mu_explain_count rules[MU_RULES_COUNT_MAX];
    uint32_t missed;
    struct against miss;
};

static void count_one(struct mu_explain_count *ret, bool failed, uint32_t against)
{
    ret->passed += failed ? 0 : 1;
    ret->failed += failed ? 1 : 0;
    ret->alone += failed && against == 1 ? 1 : 0;
}

static void tally(uint32_t index, const bool *waiting, int64_t now_ms, struct tally *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->missed = MU_RULES_NONE;
    for (uint32_t i = 0; i < world.tickets_count; i++) {
        const struct mu_entrant *entrant = &world.tickets[i].entrant;
        if (i == index || !waiting[i] ||
            (entrant->backfill && world.tickets[index].entrant.backfill)) {
            continue;
        }
        struct against against = find_against(index, i, now_ms);
        ret->looked++;
        ret->able += against.count == 0 ? 1 : 0;
        ret->players += against.count == 0 && !entrant->backfill ? entrant->players : 0;
        for (uint32_t k = 0; k < MU_EXPLAIN_BUILTINS; k++) {
            count_one(&ret->builtins[k], (against.builtins >> k & 1) != 0, against.count);
        }
        for (uint32_t k = 0; k < world.rules.rules_count; k++) {
            if ((against.asked >> k & 1) != 0) {
                count_one(&ret->rules[k], (against.broken >> k & 1) != 0, against.count);
            }
        }
        if (against.count > 0 &&
            (ret->missed == MU_RULES_NONE || against.count < ret->miss.count ||
             (against.count == ret->miss.count && is_before(index, i, ret->missed)))) {
            ret->missed = i;
            ret->miss = against;
        }
    }
}

static bool same_count(const struct mu_explain_count *a, const struct mu_explain_count *b)
{
    return a->passed == b->passed && a->failed == b->failed && a->alone == b->alone;
}

/* The time at which the nearest miss opens is the first one. */
static void check_opens(uint32_t index, uint32_t missed, int64_t now_ms)
{
    int64_t until_ms = got.miss.opens_ms == MU_NEVER ? 30000 : got.miss.opens_ms;
    check(got.miss.opens_ms > 0, "opens before now");
    check(got.miss.opens_ms == MU_NEVER ||
              find_against(index, missed, now_ms + got.miss.opens_ms).count == 0,
          "does not open then");
    for (int64_t after_ms = GRID_MS; after_ms < until_ms; after_ms += 4 * GRID_MS) {
        check(find_against(index, missed, now_ms + after_ms).count > 0, "opens sooner");
    }
    check(got.miss.opens_ms == MU_NEVER ||
              find_against(index, missed, now_ms + got.miss.opens_ms - 1).count > 0,
          "opens a moment sooner");
}

static void compare(uint32_t index, const bool *waiting, int64_t now_ms)
{
    struct tally want;
    uint32_t at = 0;
    tally(index, waiting, now_ms, &want);
    check(got.looked == want.looked, "looked");
    check(got.able == want.able && got.able_players == want.players, "able");
    for (uint32_t i = 0; i < MU_EXPLAIN_BUILTINS; i++) {
        check(same_count(&got.builtins[i], &want.builtins[i]), mu_explain_builtin_text(i));
    }
    for (uint32_t i = 0; i < world.rules.rules_count; i++) {
        if (mu_rule_stands(&world.rules, i, 0)) {
            check(same_count(&got.rules[at].count, &want.rules[i]), "rule");
            check(got.rules[at++].pairs == world.rules.rules[i].lasting, "pairs");
        }
    }
    check(got.rules_count == at, "rules");
    check(got.miss.there == (want.missed != MU_RULES_NONE), "miss");
    if (!got.miss.there) {
        return;
    }
    const struct mu_entrant *own = &world.tickets[index].entrant;
    const struct mu_entrant *other = &world.tickets[want.missed].entrant;
    check(got.miss.against == want.miss.count && got.miss.backfill == other->backfill, "who");
    check(got.miss.distance == abs(own->rating - other->rating), "distance");
    uint32_t first =
        want.miss.builtins == 0 ? MU_EXPLAIN_BUILTINS : (uint32_t)__builtin_ctz(want.miss.builtins);
    check(got.miss.builtin == first, "what");
    check(isnan(got.miss.by) || got.miss.by > 0, "by");
    check_opens(index, want.missed, now_ms);
}

static void test_pairs(void **state)
{
    (void)state;
    uint64_t able = 0;
    uint64_t misses = 0;
    uint64_t opens = 0;
    for (uint64_t i = 0; i < count; i++) {
        bool waiting[WORLD_TICKETS_MAX] = { false };
        make_world(i);
        int64_t now_ms = world.now_ms + GRID_MS * (int64_t)world_below(&world, 40);
        pool = make_pool();
        for (uint32_t k = 0; k < world.tickets_count; k++) {
            assert_true(explain(pool, k, now_ms, &got));
            waiting[k] = got.state == MU_EXPLAIN_WAITING;
            check(waiting[k] || reach_of(&world.tickets[k]) == 0 || world.rules.rules_count == 0,
                  "never");
        }
        for (uint32_t k = 0; k < world.tickets_count; k++) {
            assert_true(explain(pool, k, now_ms, &got));
            if (waiting[k]) {
                compare(k, waiting, now_ms);
            }
            able += got.able;
            misses += got.miss.there ? 1 : 0;
            opens += got.miss.opens_ms != MU_NEVER ? 1 : 0;
        }
        mu_pool_check(pool);
        mu_pool_destroy(pool);
    }
    (void)fprintf(stderr, "%llu pairs pass, %llu misses, %llu of them open\n",
                  (unsigned long long)able, (unsigned long long)misses, (unsigned long long)opens);
    assert_true(able > count && misses > count && opens > count / 10);
}

/* Whether the ticket's limit is that at a time; what asks for nothing is left out. */
static bool is_then(uint32_t index, const char *target, double value, int64_t at_ms)
{
    static struct mu_explanation then;
    assert_true(explain(pool, index, at_ms, &then));
    for (uint32_t i = 0; i < then.limits_count; i++) {
        if (strcmp(then.limits[i].target, target) == 0) {
            return !(then.limits[i].value < value || then.limits[i].value > value);
        }
    }
    return isinf(value);
}

/* A limit has its value until the moment that was told, and then the other one. */
static void check_limit(uint32_t index, const struct mu_explain_limit *limit, int64_t now_ms)
{
    const char *target = limit->target;
    check(limit->next_ms > 0, "changes before now");
    check(limit->next_ms == MU_NEVER || limit->next_ms >= got.next.next_ms, "next");
    int64_t until_ms = limit->next_ms == MU_NEVER ? 60000 : limit->next_ms - 1;
    for (int64_t after_ms = until_ms; after_ms > 0; after_ms /= 2) {
        check(is_then(index, target, limit->value, now_ms + after_ms), "changes sooner");
    }
    if (limit->next_ms != MU_NEVER) {
        int64_t at_ms = now_ms + limit->next_ms;
        check(!is_then(index, target, limit->value, at_ms), "does not change");
        check(is_then(index, target, limit->next_value, at_ms), "to what");
    }
}

static void test_limits(void **state)
{
    (void)state;
    uint64_t changes = 0;
    for (uint64_t i = 0; i < count / 2; i++) {
        make_world(i);
        pool = make_pool();
        int64_t now_ms = world.now_ms + GRID_MS * (int64_t)world_below(&world, 40);
        assert_true(explain(pool, 0, now_ms, &got));
        check(got.limits_left_off == 0, "left off");
        uint32_t next = 0;
        for (uint32_t k = 0; k < got.limits_count; k++) {
            check_limit(0, &got.limits[k], now_ms);
            next += strcmp(got.limits[k].target, got.next.target) == 0;
            changes += got.limits[k].next_ms != MU_NEVER ? 1 : 0;
        }
        check(next == (got.next.target[0] == '\0' ? 0 : 1), "the next is one of them");
        mu_pool_destroy(pool);
    }
    assert_true(changes > count / 10);
}

/* Matches. */

struct log {
    struct mu_pool *pool;
    size_t used;
    char text[LOG_BYTES];
    uint32_t gone_count;
    char gone[WORLD_TICKETS_MAX][16];
};

static bool log_match(void *owner, const struct mu_engine_match *match)
{
    struct log *log = owner;
    for (uint32_t i = 0; i < match->count; i++) {
        log->used +=
            (size_t)snprintf(log->text + log->used, LOG_BYTES - log->used, "%s@%u ",
                             match->members[i].ticket->id, (unsigned)match->members[i].team);
        assert_true(log->used < LOG_BYTES && log->gone_count < WORLD_TICKETS_MAX);
        (void)snprintf(log->gone[log->gone_count++], 16, "%.15s", match->members[i].ticket->id);
    }
    log->used +=
        (size_t)snprintf(log->text + log->used, LOG_BYTES - log->used, "q=%.17g\n", match->quality);
    return true;
}

static void match_at(struct log *log, int64_t now_ms)
{
    log->gone_count = 0;
    log->used +=
        (size_t)snprintf(log->text + log->used, LOG_BYTES - log->used, "%lld\n", (long long)now_ms);
    (void)mu_pool_match(log->pool, now_ms, log_match, log);
    for (uint32_t i = 0; i < log->gone_count; i++) {
        assert_true(mu_pool_remove(log->pool, log->gone[i], MU_LEAVE_MATCHED, now_ms));
    }
}

/* Explains everybody, twice: the same bytes, and the pool's are as before. */
static void explain_all(struct log *log, int64_t now_ms)
{
    static struct mu_explanation again;
    static struct mu_pool before;
    size_t bytes = log->pool->slots.capacity * sizeof log->pool->hot[0];
    struct mu_hot *hot = malloc(bytes);
    assert_non_null(hot);
    memcpy(&before, log->pool, sizeof before);
    memcpy(hot, log->pool->hot, bytes);
    for (uint32_t i = 0; i < world.tickets_count; i++) {
        if (explain(log->pool, i, now_ms, &got)) {
            assert_true(explain(log->pool, i, now_ms, &again));
            assert_memory_equal(&got, &again, sizeof got);
        }
    }
    assert_memory_equal(&before, log->pool, sizeof before);
    assert_memory_equal(hot, log->pool->hot, bytes);
    free(hot);
}

static void test_nothing_changes(void **state)
{
    (void)state;
    static struct log plain;
    static struct log explained;
    uint32_t gone = 0;
    for (uint64_t i = 0; i < count / 2; i++) {
        make_world(i);
        plain.pool = make_pool();
        explained.pool = make_pool();
        plain.used = 0;
        explained.used = 0;
        for (uint32_t k = 0; k < STEPS; k++) {
            int64_t now_ms = world.now_ms + STEP_MS * (int64_t)k;
            explain_all(&explained, now_ms);
            match_at(&plain, now_ms);
            match_at(&explained, now_ms);
        }
        check(strcmp(plain.text, explained.text) == 0, "other matches");
        check(memcmp(mu_pool_rule_counts(plain.pool), mu_pool_rule_counts(explained.pool),
                     world.rules.rules_count * sizeof(struct mu_rule_count)) == 0,
              "other counts");
        check(mu_pool_next_moment(plain.pool) == mu_pool_next_moment(explained.pool), "moments");
        gone += world.tickets_count - mu_pool_count(plain.pool);
        mu_pool_check(explained.pool);
        mu_pool_destroy(plain.pool);
        mu_pool_destroy(explained.pool);
    }
    assert_true(gone > count);
}

int main(int argc, char **argv)
{
    seed = unit_seed(argc, argv);
    if (argc > 2 && mu_parse_u64(argv[2], 1, 100000000, &count) != 0) {
        (void)fprintf(stderr, "usage: %s [seed [rule sets]]\n", argv[0]);
        return 64;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
