/* Ratings against known answers, and what must hold for any. */
#include <string.h>

#include "actors/rating.h"
#include "actors/token.h"
#include "tests/unit/rating_vectors.h"
#include "tests/unit/unit.h"

static struct mu_rng rng;

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void test_games(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(game_vectors); i++) {
        assert_int_equal(mu_rating_update(game_vectors[i].rating, game_vectors[i].opponent,
                                          game_vectors[i].won ? 1 : 0, 32),
                         game_vectors[i].after);
    }
    assert_int_equal(mu_rating_update(1200, 1200, 0.5, 32), 1200);
    assert_int_equal(mu_rating_update(1200, 1400, 0.5, 32), 1208);
}

static void test_teams(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(team_vectors); i++) {
        struct mu_rated players[16];
        uint32_t count = 0;
        for (uint32_t team = 0; team < 2; team++) {
            for (size_t j = 0; j < 8 && team_vectors[i].before[team][j] > 0; j++) {
                players[count++] = (struct mu_rated){ .rating = team_vectors[i].before[team][j],
                                                      .team = team,
                                                      .rank = team + 1 };
            }
        }
        mu_rating_match(players, count, 32);
        count = 0;
        for (uint32_t team = 0; team < 2; team++) {
            for (size_t j = 0; j < 8 && team_vectors[i].before[team][j] > 0; j++) {
                assert_int_equal(players[count++].after, team_vectors[i].after[team][j]);
            }
        }
    }
}

static void test_tiers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tier_vectors); i++) {
        assert_string_equal(mu_rating_tier(tier_vectors[i].rating), tier_vectors[i].tier);
    }
}

/* Any match: ratings stay in their bounds and move by K at most, a leaver never gains, a better
 * rank is never worse than a worse one for the same rating, one team alone changes nothing. */
static void test_any_match(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct mu_rated players[MU_MATCH_PLAYERS_MAX];
        uint32_t count = 1 + (uint32_t)mu_rng_below(&rng, round % 100 == 0 ? 200 : 12);
        uint32_t teams = 1 + (uint32_t)mu_rng_below(&rng, count);
        uint32_t ranks[MU_TEAMS_MAX];
        for (uint32_t i = 0; i < teams; i++) {
            ranks[i] = 1 + (uint32_t)mu_rng_below(&rng, teams);
        }
        for (uint32_t i = 0; i < count; i++) {
            uint32_t team = (uint32_t)mu_rng_below(&rng, teams);
            players[i] = (struct mu_rated){
                .rating = 100 + (int64_t)mu_rng_below(&rng, 2901),
                .team = team,
                .rank = ranks[team],
                .left = mu_rng_below(&rng, 10) == 0,
            };
        }
        mu_rating_match(players, count, 32);
        bool alone = true;
        for (uint32_t i = 0; i < count; i++) {
            int64_t change = players[i].after - players[i].rating;
            alone = alone && players[i].team == players[0].team;
            assert_in_range(players[i].after, MU_RATING_MIN, MU_RATING_MAX);
            assert_true(change >= -32 && change <= 32);
            assert_true(!players[i].left || change <= 0);
            for (uint32_t j = 0; j < i; j++) {
                bool same =
                    players[j].rating == players[i].rating && players[j].team == players[i].team;
                assert_true(!same || players[j].left != players[i].left ||
                            players[j].after == players[i].after);
            }
        }
        for (uint32_t i = 0; alone && i < count; i++) {
            assert_int_equal(players[i].after, players[i].rating);
        }
    }
}

static void test_token(void **state)
{
    (void)state;
    const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    char a[MU_TOKEN_BYTES + 1];
    char b[MU_TOKEN_BYTES + 1] = "untouched";
    assert_int_equal(mu_token_make(key, "mch_1", "ply_1", a), 0);
    assert_string_equal(a, "920fa241bc362f220dc79c2ea760a6cd2e1649c77a0486e3cceecd6189b7b4dc");
    assert_int_not_equal(mu_token_make("0011", "mch_1", "ply_1", b), 0);
    assert_int_not_equal(mu_token_make("", "mch_1", "ply_1", b), 0);
    char bad[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg";
    assert_int_not_equal(mu_token_make(bad, "mch_1", "ply_1", b), 0);
    assert_string_equal(b, "untouched");
    assert_int_equal(mu_token_make(key, "mch_1", "ply_2", b), 0);
    assert_string_not_equal(a, b);
    /* BLAKE2b-256 of the empty string, as in RFC 7693's reference program. */
    mu_token_hash("", 0, a);
    assert_string_equal(a, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

static void test_deviation(void **state)
{
    (void)state;
    assert_int_equal(mu_rating_deviation(0), 350);
    assert_int_equal(mu_rating_deviation(3), 175);
    assert_int_equal(mu_rating_deviation(33), 60);
    assert_int_equal(mu_rating_deviation(UINT64_MAX), 60);
    for (uint64_t games = 0; games < 100; games++) { /* falls, and never grows */
        assert_true(mu_rating_deviation(games + 1) <= mu_rating_deviation(games));
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_games), cmocka_unit_test(test_teams),
        cmocka_unit_test(test_tiers), cmocka_unit_test(test_any_match),
        cmocka_unit_test(test_token), cmocka_unit_test(test_deviation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
