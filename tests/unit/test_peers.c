/* tests/unit/test_peers.c - the matchers that benchmarks compare with: every match of theirs is
 * possible, and the matching of pairs is the best there is. */
#include "tests/unit/unit.h"

#include <string.h>

#include "tests/bench/blossom.h"
#include "tests/bench/peers.h"
#include "tools/score.h"

static struct mu_rng rng;

/* The best sum over the vertices that are not in `used`, by trying everything. */
static int64_t best_of(uint32_t count, const int64_t *weights)
{
    /* best[set]: of the vertices in the set, from small sets to large ones. */
    static int64_t best[1 << 10];
    best[0] = 0;
    for (uint32_t set = 1; set < 1u << count; set++) {
        uint32_t a = 0;
        while ((set >> a & 1) == 0) {
            a++;
        }
        best[set] = best[set & ~(1u << a)];
        for (uint32_t b = a + 1; b < count; b++) {
            int64_t weight = weights[a * count + b];
            int64_t sum = weight + best[set & ~(1u << a) & ~(1u << b)];
            if ((set >> b & 1) != 0 && weight > 0 && sum > best[set]) {
                best[set] = sum;
            }
        }
    }
    return best[(1u << count) - 1];
}

static void test_matchings_are_the_best(void **state)
{
    (void)state;
    static const uint64_t ranges[] = { 3, 10, 1000, 100000 };
    for (uint32_t round = 0; round < 4000; round++) {
        int64_t weights[10 * 10] = { 0 };
        int32_t partners[10];
        int64_t sum = 0;
        uint32_t count = 1 + (uint32_t)mu_rng_below(&rng, 10);
        uint64_t holes = mu_rng_below(&rng, 100);
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t k = i + 1; k < count; k++) {
                bool hole = mu_rng_below(&rng, 100) < holes;
                weights[i * count + k] = hole ? 0 : (int64_t)mu_rng_below(&rng, ranges[round % 4]);
                weights[k * count + i] = weights[i * count + k];
            }
        }
        assert_int_equal(mu_blossom_match(count, weights, partners), best_of(count, weights));
        for (uint32_t i = 0; i < count; i++) {
            if (partners[i] >= 0) {
                assert_int_equal(partners[partners[i]], i);
                sum += partners[i] > (int32_t)i ? weights[i * count + (uint32_t)partners[i]] : 0;
            }
        }
        assert_int_equal(sum, best_of(count, weights));
    }
}

/* Plays a matcher and scores it. */
static void play(uint32_t kind, uint32_t setting, const struct mu_workload *workload, uint32_t mode,
                 struct mu_score *ret)
{
    struct mu_outcome_list outcome;
    struct mu_peer *peer = mu_peer_create(kind, setting, workload, mode);
    assert_non_null(peer);
    struct mu_replay_matcher matcher = mu_peer_matcher(peer);
    mu_outcome_init(&outcome, mu_peer_name(kind));
    assert_int_equal(mu_replay_run(workload, mode, &matcher, NULL, &outcome), 0);
    assert_int_equal(mu_score(workload, &outcome, 1u << mode, ret), 0);
    mu_outcome_release(&outcome);
    mu_peer_destroy(peer);
}

static void test_every_match_is_possible(void **state)
{
    (void)state;
    struct mu_workload workload;
    assert_int_equal(mu_workload_make("small", rng.state, &workload), 0);
    for (uint32_t kind = 0; kind < mu_peers_count(); kind++) {
        for (uint32_t mode = 0; mode < workload.modes_count; mode++) {
            uint32_t settings = mu_peer_settings(kind, &workload, mode);
            double best = 0;
            for (uint32_t i = 0; i < settings; i++) {
                struct mu_score score;
                play(kind, i, &workload, mode, &score);
                assert_int_equal(score.errors, 0);
                best = score.score > best ? score.score : best;
            }
            /* Each of them makes good matches with some setting. */
            assert_true(settings == 0 || best > 8);
        }
    }
    mu_workload_release(&workload);
}

static void test_settings_and_modes(void **state)
{
    (void)state;
    struct mu_workload workload;
    char text[128];
    assert_int_equal(mu_workload_make("thin", 1, &workload), 0);
    uint32_t crowd = (uint32_t)mu_workload_mode(&workload, "ffa12");
    uint32_t pairs = (uint32_t)mu_workload_mode(&workload, "1v1");
    for (uint32_t kind = 0; kind < mu_peers_count(); kind++) {
        const char *name = mu_peer_name(kind);
        bool two = strcmp(name, "teiserver") == 0 || strcmp(name, "lichess") == 0;
        assert_true((mu_peer_settings(kind, &workload, crowd) == 0) == two);
        assert_true(mu_peer_settings(kind, &workload, pairs) > 1);
        mu_peer_describe(kind, 0, text);
        assert_non_null(strchr(text, '='));
    }
    mu_workload_release(&workload);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matchings_are_the_best),
        cmocka_unit_test(test_every_match_is_possible),
        cmocka_unit_test(test_settings_and_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
