/* The queue shard: tickets that wait for several modes, and who sits where by a rule set. */
#include "tests/unit/queue_world.h"

/* The POOL_SYNC of a mode that is in the outbox now: whether it has that id among its joins. */
static bool joins(const char *mode, const char *id)
{
    for (uint32_t i = 0; find_sync(mode, i); i++) {
        for (uint32_t k = 0; k < rig.msg.pool_sync.joins_count; k++) {
            if (strcmp(rig.msg.pool_sync.joins[k].id, id) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool leaves(const char *mode, const char *id)
{
    for (uint32_t i = 0; find_sync(mode, i); i++) {
        for (uint32_t k = 0; k < rig.msg.pool_sync.leaves_count; k++) {
            if (strcmp(rig.msg.pool_sync.leaves[k].id, id) == 0) {
                return true;
            }
        }
    }
    return false;
}

static uint64_t waiting(const char *mode)
{
    (void)counter(0);
    return shown.pools[mu_config_mode(&rig.config, mode)].tickets;
}

/* One in ranked and duel, one in each of them alone. */
static void push_three(void)
{
    struct mu_msg_ticket both = ticket_of("tkt_both", "ranked", 1000, 0);
    struct mu_msg_ticket duel = ticket_of("tkt_duel", "duel", 1000, 0);
    both.others_count = 1;
    memcpy(both.others[0].id, "duel", sizeof "duel");
    push(&both);
    push(&duel);
    push_ranked("tkt_ranked", 1000, 0);
    rig_batch_end(&rig);
    assert_true(joins("ranked", "tkt_both") && joins("duel", "tkt_both"));
    assert_true(joins("duel", "tkt_duel") && !joins("ranked", "tkt_duel"));
    assert_int_equal(waiting("ranked"), 2);
    assert_int_equal(waiting("duel"), 2);
}

static void propose_duel(void)
{
    propose_begin("duel", 2);
    propose_ticket("tkt_both", 1, 0);
    propose_ticket("tkt_duel", 1, 1);
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
    rig_batch_end(&rig);
}

static void test_first_match_wins(void **state)
{
    (void)state;
    begin();
    push_three();
    propose_pair("tkt_both", "tkt_ranked");
    uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
    assert_true(leaves("ranked", "tkt_both") && leaves("duel", "tkt_both"));
    propose_duel(); /* the other matcher did not know */
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    assert_int_equal(counter(MU_COUNTER_PROPOSALS_STALE), 1);
    assert_true(joins("duel", "tkt_duel")); /* free still */
    answer_commit(sequence, true);
    assert_int_equal(waiting("ranked"), 0);
    assert_int_equal(waiting("duel"), 1);
    assert_false(is_known("tkt_both"));
    rig_end(&rig);
}

static void test_no_match_frees_both(void **state)
{
    (void)state;
    begin();
    push_three();
    propose_duel();
    uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
    assert_string_equal(rig.msg.match_commit.mode, "duel");
    answer_commit(sequence, false);
    assert_true(joins("ranked", "tkt_both") && joins("duel", "tkt_both"));
    look("tkt_both");
    assert_true(rig_find(&rig, MU_OP_TICKET_ADDED, 0));
    assert_string_equal(rig.msg.ticket_added.ticket.mode, "ranked");
    assert_int_equal(rig.msg.ticket_added.ticket.others_count, 1);
    assert_string_equal(rig.msg.ticket_added.ticket.others[0].id, "duel");
    rig_end(&rig);
}

/* A rule set with roles, whose parties may be split. */
static const char document[] =
    "{\"name\": \"two\", \"ruleLanguageVersion\": \"1.0\", \"parties\": \"may_span\","
    "\"playerAttributes\": [{\"name\": \"roles\", \"type\": \"string_list\"}],"
    "\"teams\": [{\"name\": \"red\", \"minPlayers\": 2, \"maxPlayers\": 2,"
    "\"roles\": {\"tank\": 1, \"mage\": 1}},"
    "{\"name\": \"blue\", \"minPlayers\": 1, \"maxPlayers\": 1, \"roles\": {\"mage\": 1}}],"
    "\"roles\": {\"attribute\": \"roles\"}}";

static void push_rules(void)
{
    log_seq++;
    changes_begin(false);
    struct mu_msg_change *change = &rig.msg.changes.changes[0];
    record_msg.op = MU_OP_RULESET;
    record_msg.ruleset = (struct mu_msg_ruleset){
        .name = "ranked",
        .version = 7,
        .active = 7,
        .newest = 7,
        .text = { (const uint8_t *)document, sizeof document - 1 },
    };
    int64_t size = mu_msg_encode(&record_msg, record_bytes, sizeof record_bytes);
    assert_true(size > 0);
    rig.msg.changes.changes_count = 1;
    *change = (struct mu_msg_change){ .seq = log_seq,
                                      .table = MU_TABLE_RULESET,
                                      .id = "ranked",
                                      .record = { record_bytes, (uint32_t)size } };
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, "#57", 0), 0);
    rig_batch_end(&rig);
    assert_true(find_sync("ranked", 0)); /* a new generation, with the document */
    assert_int_equal(rig.msg.pool_sync.rules_version, 7);
    assert_int_equal(rig.msg.pool_sync.rules.size, sizeof document - 1);
    generation = rig.msg.pool_sync.generation;
    ack("ranked", generation, 1, false);
    rig_clear(&rig);
    rig_batch_end(&rig);
}

static void test_seats_and_roles(void **state)
{
    (void)state;
    begin();
    struct mu_msg_ticket party = ticket_of("tkt_party", "ranked", 1000, 0);
    struct mu_msg_ticket alone = ticket_of("tkt_alone", "ranked", 1000, 0);
    party.players_count = 2;
    party.players[1].rating = 1000;
    (void)snprintf(party.details, sizeof party.details,
                   "[{\"attributes\":{\"roles\":[\"mage\"]}},"
                   "{\"attributes\":{\"roles\":[\"tank\"]}}]");
    (void)snprintf(alone.details, sizeof alone.details,
                   "[{\"attributes\":{\"roles\":[\"mage\"]}}]");
    push(&party);
    push(&alone);
    push_rules();
    propose_begin("ranked", 2);
    propose_ticket("tkt_party", 1, 0);
    propose_ticket("tkt_alone", 1, 0);
    rig.msg.proposals.tickets[0].seats = 0x0102; /* the first on blue, the second on red */
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
    (void)asked(MU_OP_MATCH_COMMIT);
    const struct mu_msg_match_commit *commit = &rig.msg.match_commit;
    assert_int_equal(commit->rules, 7);
    assert_int_equal(commit->regions >> 2 & 1, 1);
    assert_int_equal(commit->team_names_count, 2);
    assert_string_equal(commit->team_names[0].text, "red");
    assert_string_equal(commit->team_names[1].text, "blue");
    assert_int_equal(commit->tickets[0].seats, 0x0102);
    assert_int_equal(commit->tickets[1].team, 0);
    assert_int_equal(commit->roles_count, 2);
    assert_string_equal(commit->roles[0].text, "mage");
    assert_string_equal(commit->roles[1].text, "tank");
    assert_int_equal(commit->tickets[0].roles, 0x0201);
    assert_int_equal(commit->tickets[1].roles, 0x01);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_match_wins),
        cmocka_unit_test(test_no_match_frees_both),
        cmocka_unit_test(test_seats_and_roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
