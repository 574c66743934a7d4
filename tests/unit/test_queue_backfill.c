/* The queue shard and the matcher: backfills among the tickets. */
#include "actors/matcher.h"
#include "tests/unit/queue_world.h"

static const char shard[] = "#1";

/* One of the duel in which ply_a plays on `team`; teams have no names. */
static struct mu_msg_backfill backfill_of(const char *id, uint64_t team)
{
    struct mu_msg_backfill backfill = {
        .version = 1,
        .state = MU_BACKFILL_QUEUED,
        .match = "mch_live",
        .mode = "ranked",
        .region = "eu-west-1",
        .players_count = 1,
        .teams = 2,
        .created_ms = (uint64_t)rig.wall_ms,
        .lease_ms = 30000,
        .lease_until_ms = (uint64_t)rig.wall_ms + 30000,
    };
    (void)snprintf(backfill.id, sizeof backfill.id, "%s", id);
    backfill.players[0] = (struct mu_msg_backfill_player){ .id = "ply_a", .rating = 1000 };
    backfill.players[0].team = team;
    return backfill;
}

static void push_backfill(const struct mu_msg_backfill *backfill)
{
    log_seq++;
    changes_begin(false);
    struct mu_msg_change *change = &rig.msg.changes.changes[0];
    record_msg.op = MU_OP_BACKFILL;
    record_msg.backfill = *backfill;
    int64_t size = mu_msg_encode(&record_msg, record_bytes, sizeof record_bytes);
    assert_true(size > 0);
    rig.msg.changes.changes_count = 1;
    *change = (struct mu_msg_change){ .seq = log_seq, .table = MU_TABLE_BACKFILL };
    memcpy(change->id, backfill->id, sizeof change->id);
    change->record = (struct mu_slice){ record_bytes, (uint32_t)size };
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, "#57", 0), 0);
}

/* How many backfills the ranked POOL_SYNCs in the outbox tell; the last one stays in rig.msg. */
static uint32_t told(const char *id)
{
    uint32_t count = 0;
    for (uint32_t i = 0; find_sync("ranked", i); i++) {
        const struct mu_msg_pool_sync *sync = &rig.msg.pool_sync;
        if (sync->backfills_count > 0 && strcmp(sync->backfills[0].id, id) == 0) {
            count++;
        }
    }
    return count;
}

static void propose_fill(uint64_t version, const char *ticket, uint64_t team)
{
    propose_begin("ranked", 2);
    propose_ticket("bkf_a", version, 0);
    propose_ticket(ticket, 1, team);
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, matcher, 0), 0);
    rig_batch_end(&rig);
}

static void test_told(void **state)
{
    (void)state;
    begin();
    struct mu_msg_backfill backfill = backfill_of("bkf_a", 1);
    (void)snprintf(backfill.details, sizeof backfill.details, "[{}]");
    push_backfill(&backfill);
    struct mu_msg_backfill other = backfill_of("bkf_b", 0);
    push_backfill(&other);
    push_ranked("tkt_a", 1000, 0);
    rig_batch_end(&rig);
    assert_int_equal(told("bkf_a"), 1);
    assert_int_equal(told("bkf_b"), 1);
    assert_true(sync_has("tkt_a", true));
    assert_true(find_sync("ranked", 0)); /* one a message: only the last one is all there is */
    assert_false(rig.msg.pool_sync.ready);
    const struct mu_msg_pool_backfill *first = &rig.msg.pool_sync.backfills[0];
    assert_string_equal(first->id, "bkf_a");
    assert_int_equal(first->version, 1);
    assert_int_equal(first->region, 2);
    assert_int_equal(first->teams, 2);
    assert_int_equal(first->members_count, 1);
    assert_string_equal(first->members[0].id, "ply_a");
    assert_int_equal(first->members[0].team, 1);
    assert_int_equal(first->details.size, 4);
    assert_true(find_sync("ranked", 1));
    assert_true(rig.msg.pool_sync.ready);
    uint32_t ranked = (uint32_t)mu_config_mode(&rig.config, "ranked");
    (void)counter(MU_COUNTER_MATCHES_COMMITTED);
    assert_int_equal(shown.pools[ranked].tickets, 1); /* it waits for nobody's sake */
    assert_int_equal(shown.pools[ranked].players, 1);

    rig_clear(&rig);
    backfill.lease_until_ms += 5000; /* renewed: nobody needs to know */
    push_backfill(&backfill);
    rig_batch_end(&rig);
    assert_int_equal(told("bkf_a"), 0);
    backfill.version = 2; /* who plays has changed */
    push_backfill(&backfill);
    rig_batch_end(&rig);
    assert_int_equal(told("bkf_a"), 1);
    rig_clear(&rig);
    backfill.version = 3;
    backfill.state = MU_BACKFILL_ENDED;
    push_backfill(&backfill);
    rig_batch_end(&rig);
    assert_true(sync_has("bkf_a", false));
    assert_false(sync_quits("bkf_a"));

    rig_clear(&rig); /* a snapshot has it too */
    ack("ranked", generation, 0, true);
    assert_true(find_sync("ranked", 0));
    uint64_t next = rig.msg.pool_sync.generation;
    rig_clear(&rig);
    ack("ranked", next, 1, false);
    rig_batch_end(&rig);
    assert_int_equal(told("bkf_b"), 1);
    rig_end(&rig);
}

static void test_filled(void **state)
{
    (void)state;
    begin();
    struct mu_msg_backfill backfill = backfill_of("bkf_a", 0);
    push_backfill(&backfill);
    push_ranked("tkt_b", 1050, 0);
    rig_batch_end(&rig);
    propose_fill(1, "tkt_b", 0); /* where ply_a is */
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    assert_int_equal(counter(MU_COUNTER_PROPOSALS_ILLEGAL), 1);
    assert_int_equal(told("bkf_a"), 1); /* free still */
    propose_fill(1, "tkt_b", 1);
    (void)asked(MU_OP_MATCH_COMMIT);
    const struct mu_msg_match_commit *commit = &rig.msg.match_commit;
    assert_string_equal(commit->backfill, "bkf_a");
    assert_int_equal(commit->backfill_version, 1);
    assert_int_equal(commit->tickets_count, 1);
    assert_string_equal(commit->tickets[0].id, "tkt_b");
    assert_int_equal(commit->tickets[0].team, 1);
    assert_int_equal(commit->team_names_count, 0);
    assert_true(strncmp(commit->match, "mch_", 4) == 0);
    assert_true(sync_has("bkf_a", false) && sync_has("tkt_b", false));
    rig_clear(&rig); /* again, the same */
    rig_advance(&rig, MU_QUEUE_RETRY_MS);
    uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
    assert_string_equal(rig.msg.match_commit.backfill, "bkf_a");
    answer_commit(sequence, true);
    assert_false(is_known("tkt_b"));
    uint32_t ranked = (uint32_t)mu_config_mode(&rig.config, "ranked");
    assert_int_equal(counter(MU_COUNTER_MATCHES_COMMITTED), 1);
    assert_int_equal(shown.pools[ranked].matched_players, 1);
    backfill.version = 2;
    backfill.state = MU_BACKFILL_FILLED;
    push_backfill(&backfill);
    rig_end(&rig);
}

/* A conflict tells a version only: until the log says who plays, nothing is proposed of it. */
static void test_conflict(void **state)
{
    (void)state;
    begin();
    struct mu_msg_backfill backfill = backfill_of("bkf_a", 0);
    push_backfill(&backfill);
    push_ranked("tkt_b", 1050, 0);
    rig_batch_end(&rig);
    propose_fill(1, "tkt_b", 1);
    uint64_t sequence = asked(MU_OP_MATCH_COMMIT);
    memset(&rig.msg.match_committed, 0, sizeof rig.msg.match_committed);
    rig.msg.op = MU_OP_MATCH_COMMITTED;
    rig.msg.match_committed.conflicts_count = 1;
    rig.msg.match_committed.conflicts[0] =
        (struct mu_msg_ticket_ref){ .id = "bkf_a", .version = 2, .state = MU_TICKET_QUEUED };
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    rig_batch_end(&rig);
    assert_true(sync_has("tkt_b", true));
    assert_int_equal(told("bkf_a"), 0);
    propose_fill(2, "tkt_b", 1);
    assert_int_equal(rig_count(&rig, MU_OP_MATCH_COMMIT), 0);
    backfill.version = 2;
    backfill.players[0].team = 1;
    push_backfill(&backfill);
    rig_batch_end(&rig);
    assert_int_equal(told("bkf_a"), 1);
    propose_fill(2, "tkt_b", 0);
    sequence = asked(MU_OP_MATCH_COMMIT);
    assert_int_equal(rig.msg.match_commit.backfill_version, 2);

    backfill.version = 3; /* it changes while a commit is out */
    push_backfill(&backfill);
    assert_int_equal(told("bkf_a"), 0);
    answer_commit(sequence, false);
    assert_int_equal(told("bkf_a"), 1);
    propose_fill(3, "tkt_b", 0);
    sequence = asked(MU_OP_MATCH_COMMIT);
    backfill.version = 4; /* and ends while another is */
    backfill.state = MU_BACKFILL_CANCELLED;
    push_backfill(&backfill);
    answer_commit(sequence, false);
    assert_int_equal(told("bkf_a"), 0);
    assert_true(is_known("tkt_b"));
    rig_end(&rig);
}

static void answer_expire(uint64_t sequence, enum mu_backfill_state ended, uint64_t lease_until_ms)
{
    memset(&rig.msg.backfill, 0, sizeof rig.msg.backfill);
    rig.msg.op = MU_OP_BACKFILL;
    rig.msg.backfill.state = ended;
    rig.msg.backfill.lease_ms = 30000;
    rig.msg.backfill.lease_until_ms = lease_until_ms;
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_REPLY, "#57", sequence), 0);
    rig_batch_end(&rig);
}

static void test_lease(void **state)
{
    (void)state;
    begin();
    struct mu_msg_backfill backfill = backfill_of("bkf_a", 0);
    backfill.lease_until_ms += 3600000; /* the store's clock is an hour ahead: it is not asked */
    push_backfill(&backfill);
    rig_batch_end(&rig);
    advance_acknowledging(20000);
    backfill.lease_until_ms += 20000;
    push_backfill(&backfill); /* renewed */
    rig_batch_end(&rig);
    advance_acknowledging(29600);
    assert_int_equal(rig_count(&rig, MU_OP_BACKFILL_EXPIRE), 0);
    advance_acknowledging(400);
    uint64_t sequence = asked(MU_OP_BACKFILL_EXPIRE);
    assert_int_equal(rig.envelope->fence, EPOCH);
    assert_string_equal(rig.msg.backfill_expire.id, "bkf_a");
    assert_int_equal(rig.msg.backfill_expire.lease_until_ms, backfill.lease_until_ms);
    answer_expire(sequence, MU_BACKFILL_QUEUED, backfill.lease_until_ms + 25000);
    assert_int_equal(told("bkf_a"), 1); /* it was renewed meanwhile: wanted again */
    advance_acknowledging(29600);
    assert_int_equal(rig_count(&rig, MU_OP_BACKFILL_EXPIRE), 0);
    advance_acknowledging(400);
    sequence = asked(MU_OP_BACKFILL_EXPIRE);
    assert_int_equal(rig.msg.backfill_expire.lease_until_ms, backfill.lease_until_ms + 25000);
    answer_expire(sequence, MU_BACKFILL_EXPIRED, 0);
    assert_int_equal(told("bkf_a"), 0);
    advance_acknowledging(60000);
    assert_int_equal(rig_count(&rig, MU_OP_BACKFILL_EXPIRE), 0);
    rig_end(&rig);
}

/* Records that make no sense are left alone. */
static void test_nonsense(void **state)
{
    (void)state;
    begin();
    struct mu_msg_backfill backfill = backfill_of("bkf_a", 2); /* of two teams, the third */
    push_backfill(&backfill);
    backfill = backfill_of("bkf_a", 0);
    backfill.teams = 0;
    push_backfill(&backfill);
    backfill = backfill_of("bkf_a", 0);
    backfill.team_names_count = 1;
    push_backfill(&backfill);
    backfill = backfill_of("bkf_a", 0);
    backfill.players_count = 0;
    push_backfill(&backfill);
    rig_batch_end(&rig);
    assert_int_equal(told("bkf_a"), 0);
    backfill = backfill_of("bkf_c", 0); /* a mode that is gone: nobody looks, and it expires */
    (void)snprintf(backfill.mode, sizeof backfill.mode, "gone");
    push_backfill(&backfill);
    advance_acknowledging(30000);
    assert_int_equal(rig_count(&rig, MU_OP_BACKFILL_EXPIRE), 1);
    rig_end(&rig);
}

/* The matcher. */

static void sync_send(uint64_t seq)
{
    rig.msg.pool_sync.generation = 1;
    rig.msg.pool_sync.seq = seq;
    rig.msg.pool_sync.ready = true;
    rig.msg.pool_sync.config_hash = rig.config.hash;
    rig_clear(&rig);
    assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, shard, 0), 0);
    rig_batch_end(&rig);
}

static void sync_begin(const char *mode)
{
    memset(&rig.msg.pool_sync, 0, sizeof rig.msg.pool_sync);
    rig.msg.op = MU_OP_POOL_SYNC;
    (void)snprintf(rig.msg.pool_sync.mode, sizeof rig.msg.pool_sync.mode, "%s", mode);
}

static void sync_ticket(const char *id, int64_t rating, uint64_t region)
{
    struct mu_msg_pool_ticket *join = &rig.msg.pool_sync.joins[rig.msg.pool_sync.joins_count++];
    memset(join, 0, sizeof *join);
    (void)snprintf(join->id, sizeof join->id, "%s", id);
    join->version = 3;
    join->players = 1;
    join->rating = rating;
    join->reach_count = 1;
    join->reach[0] = (struct mu_msg_reach){ .region = region, .ms = 30 };
}

/* The team_match of 2 + 2 in which ply_0 and ply_2 are on team 0, and ply_1 on team 1. */
static struct mu_msg_pool_backfill *sync_backfill(const char *id)
{
    struct mu_msg_pool_backfill *join = &rig.msg.pool_sync.backfills[0];
    rig.msg.pool_sync.backfills_count = 1;
    (void)snprintf(join->id, sizeof join->id, "%s", id);
    join->version = 7;
    join->region = 1;
    join->teams = 2;
    join->members_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        struct mu_msg_backfill_player *member = &join->members[i];
        *member = (struct mu_msg_backfill_player){ .rating = 1200, .team = i % 2 };
        (void)snprintf(member->id, sizeof member->id, "ply_%u", i);
    }
    return join;
}

static void test_matcher(void **state)
{
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    sync_begin("team_match");
    (void)sync_backfill("bkf_a");
    sync_send(1);
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 0); /* alone */
    sync_begin("team_match");
    (void)sync_backfill("bkf_b");
    sync_ticket("tkt_far", 1200, 0); /* does not reach where it is played */
    sync_send(2);
    assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), 0); /* two of them */
    sync_begin("team_match");
    sync_ticket("tkt_a", 1210, 1);
    sync_send(3);
    assert_true(rig_find(&rig, MU_OP_PROPOSALS, 0));
    const struct mu_msg_proposals *proposals = &rig.msg.proposals;
    assert_int_equal(proposals->matches_count, 1);
    assert_int_equal(proposals->matches[0].region, 1);
    assert_int_equal(proposals->tickets_count, 2);
    uint32_t backfill = strncmp(proposals->tickets[0].id, "bkf_", 4) == 0 ? 0 : 1;
    assert_int_equal(proposals->tickets[backfill].version, 7);
    assert_int_equal(proposals->tickets[backfill].seats, 0);
    assert_string_equal(proposals->tickets[1 - backfill].id, "tkt_a");
    assert_int_equal(proposals->tickets[1 - backfill].team, 1); /* the open place */
    rig_end(&rig);
}

/* With names, teams are those of the rules that are called so; one that there is not never
 * matches. */
static void test_names(void **state)
{
    static const char document[] =
        "{\"name\": \"t\", \"ruleLanguageVersion\": \"1.0\", \"teams\": ["
        "{\"name\": \"red\", \"minPlayers\": 1, \"maxPlayers\": 1},"
        "{\"name\": \"blue\", \"minPlayers\": 2, \"maxPlayers\": 2}]}";
    (void)state;
    rig_begin(&rig, &mu_matcher_ops, "");
    for (uint32_t i = 0; i < 3; i++) { /* right names, another order; one unknown; none */
        sync_begin("team_match");
        rig.msg.pool_sync.rules_version = i + 1;
        rig.msg.pool_sync.rules =
            (struct mu_slice){ (const uint8_t *)document, sizeof document - 1 };
        struct mu_msg_pool_backfill *join = sync_backfill("bkf_a");
        join->members_count = 2;
        join->members[0].team = i == 2 ? 1 : 0;
        join->members[1].team = i == 2 ? 0 : 1;
        join->team_names_count = i == 2 ? 0 : 2;
        (void)snprintf(join->team_names[0].text, 64, "blue");
        (void)snprintf(join->team_names[1].text, 64, i == 0 ? "red" : "green");
        sync_ticket("tkt_a", 1200, 1);
        rig.msg.pool_sync.generation = i + 1;
        rig.msg.pool_sync.seq = 1;
        rig.msg.pool_sync.ready = true;
        rig.msg.pool_sync.config_hash = rig.config.hash;
        rig_clear(&rig);
        assert_int_equal(rig_send(&rig, MU_FRAME_EVENT, shard, 0), 0);
        rig_batch_end(&rig);
        assert_int_equal(rig_count(&rig, MU_OP_PROPOSALS), i != 1);
        if (i != 1) {
            assert_true(rig_find(&rig, MU_OP_PROPOSALS, 0));
            bool first = strcmp(rig.msg.proposals.tickets[0].id, "tkt_a") == 0;
            assert_int_equal(rig.msg.proposals.tickets[first ? 0 : 1].team, 1); /* blue */
        }
    }
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told),     cmocka_unit_test(test_filled),
        cmocka_unit_test(test_conflict), cmocka_unit_test(test_lease),
        cmocka_unit_test(test_nonsense), cmocka_unit_test(test_matcher),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
