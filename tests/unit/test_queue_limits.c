/* The queue shard: what faulty peers may send, and how much it may have to send itself. */
#include "tests/unit/queue_world.h"

/* Players bring as much as they may, and the rules ask for it. */
static const char document[] =
    "{\"name\": \"t\", \"ruleLanguageVersion\": \"1.0\","
    "\"playerAttributes\": [{\"name\": \"text\", \"type\": \"string\", \"default\": \"\"}],"
    "\"teams\": [{\"name\": \"red\", \"minPlayers\": 1, \"maxPlayers\": 1},"
    "{\"name\": \"blue\", \"minPlayers\": 1, \"maxPlayers\": 1}],"
    "\"rules\": [{\"name\": \"same\", \"type\": \"comparison\", \"operation\": \"=\","
    "\"measurements\": [\"flatten(teams[*].players.attributes[text])\"]}]}";

static void push_document(const char *mode, uint64_t version, const char *text)
{
    log_seq++;
    changes_begin(false);
    struct mu_msg_change *change = &rig.msg.changes.changes[0];
    record_msg.op = MU_OP_RULESET;
    record_msg.ruleset = (struct mu_msg_ruleset){ .version = version, .active = version };
    record_msg.ruleset.text = (struct mu_slice){ (const uint8_t *)text, (uint32_t)strlen(text) };
    (void)snprintf(record_msg.ruleset.name, sizeof record_msg.ruleset.name, "%s", mode);
    int64_t size = mu_msg_encode(&record_msg, record_bytes, sizeof record_bytes);
    assert_true(size > 0);
    rig.msg.changes.changes_count = 1;
    *change = (struct mu_msg_change){ .seq = log_seq, .table = MU_TABLE_RULESET };
    (void)snprintf(change->id, sizeof change->id, "%s", mode);
    change->record = (struct mu_slice){ record_bytes, (uint32_t)size };
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, "#57", 0), 0);
}

/* A ticket that waits for four modes, with all the details that one may have. */
static struct mu_msg_ticket large_ticket(uint32_t number)
{
    char id[MU_ID_MAX + 1];
    (void)snprintf(id, sizeof id, "tkt_%u", number);
    struct mu_msg_ticket ticket = ticket_of(id, rig.config.modes[0].name, 1200, 0);
    ticket.others_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        memcpy(ticket.others[i].id, rig.config.modes[i + 1].name, sizeof ticket.others[i].id);
    }
    int head = snprintf(ticket.details, sizeof ticket.details, "[{\"attributes\":{\"more\":\"");
    assert_true(head > 0);
    memset(ticket.details + head, 'x', sizeof ticket.details - 1 - (size_t)head);
    memcpy(ticket.details + sizeof ticket.details - 1 - 4, "\"}}]", 5);
    return ticket;
}

/* Acknowledges the newest POOL_SYNC of each mode.  Returns how many pools are ready. */
static uint32_t acknowledge_all(void)
{
    uint32_t ready_count = 0;
    for (uint32_t i = 0; i < MATCHER_MODES; i++) {
        uint64_t of_generation = 0;
        uint64_t seq = 0;
        bool ready = true; /* if nothing was sent */
        for (uint32_t k = 0; find_sync(rig.config.modes[i].name, k); k++) {
            of_generation = rig.msg.pool_sync.generation;
            seq = rig.msg.pool_sync.seq;
            ready = rig.msg.pool_sync.ready;
        }
        ready_count += ready ? 1 : 0;
        if (seq > 0) {
            ack(rig.config.modes[i].name, of_generation, seq, false);
        }
    }
    return ready_count;
}

/* Asserts that what the last step sent is no more than a step may. */
static void assert_small(void)
{
    assert_in_range(rig.out->bytes_used, 0, MU_OUTBOX_STEP_BYTES);
    assert_in_range(rig.out->count, 0, MU_OUTBOX_STEP_ENTRIES);
}

static void test_large_snapshots(void **state)
{
    enum { TICKETS = 3000 };
    (void)state;
    begin();
    for (uint32_t i = 0; i < TICKETS; i++) {
        struct mu_msg_ticket ticket = large_ticket(i);
        push(&ticket);
        if (i % 32 == 31) {
            rig_clear(&rig);
            rig_batch_end(&rig);
            (void)acknowledge_all();
        }
    }
    rig_clear(&rig);
    for (uint32_t i = 0; i < 4; i++) { /* each begins anew with its matcher */
        push_document(rig.config.modes[i].name, 1, document);
    }
    uint32_t ready = acknowledge_all();
    assert_int_equal(ready, MATCHER_MODES - 4);
    for (uint32_t i = 0; i < 200 && ready < MATCHER_MODES; i++) {
        rig_clear(&rig);
        rig_batch_end(&rig);
        assert_small();
        ready = acknowledge_all();
    }
    assert_int_equal(ready, MATCHER_MODES);
    rig_end(&rig);
}

static void test_large_offers(void **state)
{
    enum { TICKETS = 600 };
    (void)state;
    begin();
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(rig.config.modes[i].spill_ms > 0);
    }
    for (uint32_t i = 0; i < TICKETS; i++) {
        struct mu_msg_ticket ticket = large_ticket(i);
        push(&ticket);
        if (i % 32 == 31) {
            rig_clear(&rig);
            rig_batch_end(&rig);
            (void)acknowledge_all();
        }
    }
    rig_clear(&rig);
    rig.now_ms += 60000; /* it was stopped for so long */
    rig.wall_ms += 60000;
    uint32_t offered = 0;
    for (uint32_t i = 0; i < 20; i++) {
        rig_clear(&rig);
        assert_int_equal(rig_event(&rig, MU_EV_TIMER), 0);
        assert_small();
        rig_clear(&rig);
        rig_batch_end(&rig);
        assert_small();
        offered += rig_count(&rig, MU_OP_OFFER);
    }
    assert_true(offered > 0);
    rig_end(&rig);
}

/* The backfill of a match of `count` that are on team 0 of two, in record_msg. */
static void make_backfill(const char *id, uint32_t count)
{
    record_msg.op = MU_OP_BACKFILL;
    record_msg.backfill = (struct mu_msg_backfill){
        .version = 1,
        .state = MU_BACKFILL_QUEUED,
        .match = "mch_live",
        .mode = "ranked",
        .region = "eu-west-1",
        .players_count = count,
        .teams = 2,
        .created_ms = (uint64_t)rig.wall_ms,
        .lease_ms = 30000,
        .lease_until_ms = (uint64_t)rig.wall_ms + 30000,
    };
    (void)snprintf(record_msg.backfill.id, sizeof record_msg.backfill.id, "%s", id);
    for (uint32_t i = 0; i < count; i++) {
        struct mu_msg_backfill_player *player = &record_msg.backfill.players[i];
        *player = (struct mu_msg_backfill_player){ .rating = 1000 };
        (void)snprintf(player->id, sizeof player->id, "ply_%u", i);
    }
}

static void push_backfill(void)
{
    log_seq++;
    changes_begin(false);
    struct mu_msg_change *change = &rig.msg.changes.changes[0];
    int64_t size = mu_msg_encode(&record_msg, record_bytes, sizeof record_bytes);
    assert_true(size > 0);
    rig.msg.changes.changes_count = 1;
    *change = (struct mu_msg_change){ .seq = log_seq, .table = MU_TABLE_BACKFILL };
    memcpy(change->id, record_msg.backfill.id, sizeof change->id);
    change->record = (struct mu_slice){ record_bytes, (uint32_t)size };
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, "#57", 0), 0);
}

/* Those who play sit already: a matcher does not say where. */
static void test_seats_of_a_backfill(void **state)
{
    (void)state;
    begin();
    make_backfill("bkf_a", MU_MATCH_PLAYERS_MAX);
    push_backfill();
    push_ranked("tkt_b", 1000, 0);
    rig_batch_end(&rig);
    propose_begin("ranked", 2);
    propose_ticket("tkt_b", 1, 1);
    propose_ticket("bkf_a", 1, 0);
    rig.msg.proposals.tickets[1].seats = UINT64_MAX;
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
    rig_batch_end(&rig);
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    assert_int_equal(counter(MU_COUNTER_PROPOSALS_ILLEGAL), 1);
    rig_end(&rig);
}

/* A match of so many teams, of which the rules of now know one: with all of theirs it would have
 * more than a match may. */
static void test_too_many_teams(void **state)
{
    static const char many[] = "{\"name\": \"t\", \"ruleLanguageVersion\": \"1.0\", \"teams\": ["
                               "{\"name\": \"n0\", \"minPlayers\": 1, \"maxPlayers\": 1},"
                               "{\"name\": \"x\", \"minPlayers\": 0, \"maxPlayers\": 1,"
                               " \"quantity\": 30}]}";
    (void)state;
    begin();
    push_document("ranked", 1, many);
    assert_true(find_sync("ranked", 0));
    generation = rig.msg.pool_sync.generation;
    assert_int_equal(rig.msg.pool_sync.rules_version, 1);
    ack("ranked", generation, 1, false);
    for (uint32_t teams = 170; teams <= 171; teams++) {
        make_backfill("bkf_a", 1);
        record_msg.backfill.version = teams;
        record_msg.backfill.teams = teams;
        record_msg.backfill.team_names_count = teams;
        for (uint32_t i = 0; i < teams; i++) {
            (void)snprintf(record_msg.backfill.team_names[i].text, 64, "n%u", i);
        }
        push_backfill();
        push_ranked("tkt_b", 1000, 0);
        rig_batch_end(&rig);
        propose_begin("ranked", 2);
        propose_ticket("bkf_a", teams, 0);
        propose_ticket("tkt_b", 1, 30);
        rig_clear(&rig);
        assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
        assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), teams == 170);
        assert_int_equal(counter(MU_COUNTER_PROPOSALS_ILLEGAL), teams == 170 ? 0 : 1);
        if (teams == 170) {
            uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
            assert_int_equal(rig.msg.match_commit.tickets[0].team, 170);
            assert_int_equal(rig.msg.match_commit.team_names_count, 171);
            answer_commit(sequence, false);
        }
    }
    rig_end(&rig);
}

/* Asks a ticket's shard why it waits.  Returns whether that was passed on. */
static bool explain(const char *id)
{
    memset(&rig.msg.ticket_explain, 0, sizeof rig.msg.ticket_explain);
    rig.msg.op = MU_OP_TICKET_EXPLAIN;
    (void)snprintf(rig.msg.ticket_explain.ticket, sizeof rig.msg.ticket_explain.ticket, "%s", id);
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REQUEST, "#6a7e", 0), 0);
    return rig_find(&rig, MU_OP_POOL_EXPLAIN, 0);
}

/* Only the store can say that the partition has another owner. */
static void test_fenced_by_a_matcher(void **state)
{
    (void)state;
    begin();
    push_ranked("tkt_a", 1000, 0);
    rig_batch_end(&rig);
    assert_true(explain("tkt_a"));
    uint64_t sequence = rig.envelope->sequence;
    rig.msg.op = MU_OP_ERROR;
    rig.msg.error = (struct mu_msg_error){ .code = MU_ERROR_FENCED };
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, matcher, sequence), 0);
    assert_true(rig_find(&rig, MU_OP_ERROR, 0)); /* whoever asked is told */
    assert_string_equal(rig.envelope->destination, "#6a7e");
    rig_end(&rig);
}

/* A backfill is no ticket to those who ask for one. */
static void test_backfill_is_no_ticket(void **state)
{
    (void)state;
    begin();
    make_backfill("bkf_a", 1);
    push_backfill();
    rig_batch_end(&rig);
    assert_false(is_known("bkf_a"));
    assert_false(explain("bkf_a"));
    assert_true(rig_find(&rig, MU_OP_ERROR, 0));
    assert_int_equal(rig.msg.error.code, MU_ERROR_TICKET_NOT_FOUND);
    rig_end(&rig);
}

/* A ticket's players never change: a neighbour that says so is not believed. */
static void test_offer_of_other_players(void **state)
{
    (void)state;
    begin();
    offer_begin();
    offer_ticket("tkt_f", 1000, 1);
    offer_send();
    assert_true(sync_has("tkt_f", true));
    offer_begin();
    offer_ticket("tkt_f", 1000, 2);
    rig.msg.offer.tickets[0].players = 8;
    offer_send();
    assert_false(sync_has("tkt_f", true));
    offer_begin();
    offer_ticket("tkt_f", 1000, 3);
    offer_send();
    assert_true(sync_has("tkt_f", true));
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_snapshots),        cmocka_unit_test(test_large_offers),
        cmocka_unit_test(test_seats_of_a_backfill),    cmocka_unit_test(test_too_many_teams),
        cmocka_unit_test(test_fenced_by_a_matcher),    cmocka_unit_test(test_backfill_is_no_ticket),
        cmocka_unit_test(test_offer_of_other_players),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
