/* tests/unit/test_placement.c - where objects live: the same for ever, and evenly. */
#include "core/placement.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "core/id.h"
#include "core/rng.h"

static struct mu_rng rng;

/* The store's records depend on these, worked out by another SipHash. */
static void test_never_changes(void **state)
{
    static const struct {
        const char *id;
        uint32_t of[4]; /* with 2, 3, 7 and 16 partitions */
    } known[] = {
        { "lob_01JD6Z9C3E8Q4VWB2M5T7RXKPA", { 0, 0, 2, 4 } },
        { "lob_01JD6Z9C3E8Q4VWB2M5T7RXKPB", { 1, 1, 4, 9 } },
        { "srv_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", { 1, 1, 4, 9 } },
        { "nobody", { 1, 2, 5, 11 } },
        { "x", { 0, 0, 0, 0 } },
        { "", { 1, 2, 5, 13 } },
    };
    static const uint64_t lobbies[4] = { 2, 3, 7, 16 };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_int_equal(mu_placement_id(known[i].id, 1), 0);
        for (uint32_t j = 0; j < 4; j++) {
            assert_int_equal(mu_placement_id(known[i].id, lobbies[j]), known[i].of[j]);
        }
    }
}

/* Ids of one source, which differ in little: no partition has more than a tenth above its share. */
static void test_spreads_evenly(void **state)
{
    (void)state;
    for (uint64_t lobbies = 1; lobbies <= MU_LOBBIES_MAX; lobbies++) {
        const uint32_t each = 5000;
        struct mu_id_source source = { .rng = rng };
        uint32_t counts[MU_LOBBIES_MAX] = { 0 };
        for (uint32_t i = 0; i < each * lobbies; i++) {
            char id[MU_ID_MAX + 1];
            mu_id_make(&source, MU_ID_PREFIX_SERVER, 1800000000000 + i / 100, id);
            counts[mu_placement_id(id, lobbies)]++;
        }
        for (uint32_t i = 0; i < lobbies; i++) {
            assert_in_range(counts[i], each - each / 10, each + each / 10);
        }
    }
}

/* A ready check is where its match is: the prefix does not count. */
static void test_lobby_and_match_live_together(void **state)
{
    struct mu_id_source source = { .rng = rng };
    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        char match[MU_ID_MAX + 1];
        char lobby[MU_ID_MAX + 1];
        mu_id_make(&source, MU_ID_PREFIX_MATCH, 1800000000000, match);
        assert_int_equal(mu_id_with_prefix(match, MU_ID_PREFIX_LOBBY, lobby), 0);
        assert_int_equal(mu_placement_id(match, MU_LOBBIES_MAX),
                         mu_placement_id(lobby, MU_LOBBIES_MAX));
    }
}

/* A match goes by its own id until it is played, and then by its server's. */
static void test_matches_go_to_their_servers(void **state)
{
    static const struct {
        enum mu_match_state state;
        bool played;
    } states[] = {
        { MU_MATCH_NONE, false },    { MU_MATCH_FORMED, false }, { MU_MATCH_ALLOCATING, false },
        { MU_MATCH_ABORTED, false }, { MU_MATCH_LIVE, true },    { MU_MATCH_ENDED, true },
        { MU_MATCH_EXPIRED, true },
    };
    static struct mu_msg_match match = { .id = "mch_A" };
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        match.state = states[i].state;
        memcpy(match.server.id, "srv_B", 6);
        assert_string_equal(mu_placement_match(&match), states[i].played ? "srv_B" : "mch_A");
        match.server.id[0] = '\0'; /* records from elsewhere: there is always an id to go by */
        assert_string_equal(mu_placement_match(&match), "mch_A");
    }
}

static void test_names(void **state)
{
    static const char *const none[] = {
        "",         "lobby",    "lobby/",   "lobby/16", "lobby/00",
        "lobby/01", "lobby/-1", "lobby/0x", "queue/0",
    };
    (void)state;
    for (uint32_t i = 0; i < MU_LOBBIES_MAX; i++) {
        char name[MU_ADDRESS_MAX + 1];
        mu_address_lobby(i, name);
        assert_int_equal(mu_placement_index(name), i);
    }
    assert_int_equal(mu_placement_index("lobby/15"), 15);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(mu_placement_index(none[i]), -1);
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_changes),
        cmocka_unit_test(test_spreads_evenly),
        cmocka_unit_test(test_lobby_and_match_live_together),
        cmocka_unit_test(test_matches_go_to_their_servers),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
