/* tests/sim/checks.c - safety: what must hold after every durable commit.
 *
 * The store's change logs say which objects a commit changed; each is compared with what was
 * known of it, so that a commit costs what it changed.  The audit over everything
 * (actors/audit.h) runs now and then, and at the end. */
#include "checks_state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/audit.h"
#include "check_rules.h"
#include "core/key.h"
#include "core/map.h"
#include "storage/mem.h"

struct object *checks_object(struct checks *checks, const char *id)
{
    uint32_t slot = mu_map_get(checks->by_id, id);
    if (slot != MU_MAP_NONE) {
        return &checks->objects[slot];
    }
    assert(checks->count < OBJECTS_MAX);
    struct object *o = &checks->objects[checks->count];
    (void)snprintf(o->id, sizeof o->id, "%s", id);
    (void)mu_map_put(checks->by_id, id, checks->count++);
    return o;
}

bool checks_read(struct checks *checks, enum mu_table table, enum mu_op op, const char *id)
{
    struct mu_slice key = { (const uint8_t *)id, (uint32_t)strlen(id) };
    struct mu_slice value;
    struct mu_store *store = checks->sim->store;
    if (key.size == 0 || store->ops->get(store, table, key, &value) != 0) {
        return false;
    }
    int r = mu_msg_decode(checks->decoder, op, value.data, value.size, &checks->record);
    assert(r == 0);
    return true;
}

static void check_ticket(struct checks *checks, const struct mu_msg_ticket *ticket)
{
    struct sim *sim = checks->sim;
    struct object *known = checks_object(checks, ticket->id);
    bool final = known->state == MU_TICKET_CANCELLED || known->state == MU_TICKET_EXPIRED;
    if (ticket->version < known->version) {
        sim_fail(sim, "ticket %s went back from version %" PRIu64 " to %" PRIu64, ticket->id,
                 known->version, ticket->version);
    }
    if (final && ticket->state != known->state) {
        sim_fail(sim, "ticket %s left its final state %u for %u", ticket->id, known->state,
                 (unsigned)ticket->state);
    }
    if (known->state == MU_TICKET_MATCHED && ticket->state == MU_TICKET_MATCHED &&
        strcmp(known->match, ticket->match) != 0) {
        sim_fail(sim, "ticket %s is in matches %s and %s", ticket->id, known->match, ticket->match);
    }
    if (known->cancel_acked && ticket->state != MU_TICKET_CANCELLED) {
        sim_fail(sim, "ticket %s was acknowledged as cancelled and is now %s", ticket->id,
                 mu_enum_text(mu_ticket_state_texts, ticket->state));
    }
    known->version = ticket->version;
    known->state = ticket->state;
    (void)snprintf(known->match, sizeof known->match, "%s", ticket->match);
}

static bool match_is_live(uint32_t state)
{
    return state == MU_MATCH_FORMED || state == MU_MATCH_ALLOCATING || state == MU_MATCH_LIVE;
}

static bool match_may_become(uint32_t from, uint32_t to)
{
    switch (from) {
    case MU_MATCH_NONE:
        return to == MU_MATCH_FORMED || to == MU_MATCH_ALLOCATING || to == MU_MATCH_LIVE ||
               to == MU_MATCH_ABORTED || to == MU_MATCH_ENDED || to == MU_MATCH_EXPIRED;
    case MU_MATCH_FORMED: return to != MU_MATCH_NONE;
    case MU_MATCH_ALLOCATING:
        return to == MU_MATCH_ALLOCATING || to == MU_MATCH_LIVE || to == MU_MATCH_ABORTED ||
               to == MU_MATCH_ENDED || to == MU_MATCH_EXPIRED;
    case MU_MATCH_LIVE:
        return to == MU_MATCH_LIVE || to == MU_MATCH_ENDED || to == MU_MATCH_EXPIRED;
    case MU_MATCH_EXPIRED: return to == MU_MATCH_EXPIRED || to == MU_MATCH_ENDED;
    default: return to == from;
    }
}

/* The hard rules that need no clock: nobody twice; and sizes and teams, without a rule set. */
static void check_shape(struct checks *checks, const struct mu_msg_match *match)
{
    struct sim *sim = checks->sim;
    const struct mu_mode *mode = &sim->config.modes[mu_config_mode(&sim->config, match->mode)];
    uint32_t sizes[MU_TEAMS_MAX] = { 0 };
    uint32_t teams = match->rules == 0 ? mode->teams : MU_TEAMS_MAX;
    bool left = false;
    for (uint32_t i = 0; i < match->players_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(match->players[i].id, match->players[k].id) == 0) {
                sim_fail(sim, "match %s holds %s twice", match->id, match->players[i].id);
            }
        }
        if (match->players[i].team >= teams) {
            sim_fail(sim, "match %s has a team too many", match->id);
            return;
        }
        sizes[match->players[i].team] += match->players[i].freed ? 0 : 1;
        left = left || match->players[i].freed;
    }
    for (uint32_t i = 0; i < mode->teams && !match->custom && match->rules == 0; i++) {
        if ((sizes[i] < mode->team_min && !left) || sizes[i] > mode->team_max) {
            sim_fail(sim, "match %s (%s): team %u has %u players", match->id, match->mode, i,
                     sizes[i]);
        }
    }
}

/* Where players are asked, a match begins when all of them have accepted, and not before. */
static void check_accepted(struct checks *checks, const struct mu_msg_match *match)
{
    bool begun = match->state == MU_MATCH_ALLOCATING || match->state == MU_MATCH_LIVE;
    for (uint32_t i = 0; begun && match->accept_by_ms != 0 && i < match->players_count; i++) {
        if (match->players[i].accept != MU_ACCEPT_ACCEPTED) {
            sim_fail(checks->sim, "match %s is %s, and %s has not accepted", match->id,
                     mu_enum_text(mu_match_state_texts, match->state), match->players[i].id);
        }
    }
}

static void check_match(struct checks *checks, const struct mu_msg_match *match)
{
    struct sim *sim = checks->sim;
    struct object *known = checks_object(checks, match->id);
    if (!match_may_become(known->state, match->state)) {
        sim_fail(sim, "match %s went from %s to %s", match->id,
                 mu_enum_text(mu_match_state_texts, known->state),
                 mu_enum_text(mu_match_state_texts, match->state));
    }
    check_shape(checks, match);
    check_accepted(checks, match);
    checks_kept(checks, match, known);
    if (match->backfill[0] != '\0' && match->state != MU_MATCH_LIVE) {
        sim_fail(sim, "match %s is %s and has backfill %s", match->id,
                 mu_enum_text(mu_match_state_texts, match->state), match->backfill);
    }
    if (known->state == MU_MATCH_NONE && match->rules != 0) {
        check_rules_match(sim, checks->decoder, match);
    }
    for (uint32_t i = 0; i < match->players_count; i++) {
        struct object *player = checks_object(checks, match->players[i].id);
        bool here = strcmp(player->match, match->id) == 0;
        bool live = match_is_live(match->state) && !match->players[i].freed;
        if (live && player->match[0] != '\0' && !here) {
            const struct object *other = checks_object(checks, player->match);
            if (match_is_live(other->state)) {
                sim_fail(sim, "player %s is in two live matches, %s and %s", player->id,
                         player->match, match->id);
            }
        }
        if (live) {
            (void)snprintf(player->match, sizeof player->match, "%s", match->id);
        } else if (here) {
            player->match[0] = '\0';
        }
        if (match->state == MU_MATCH_ENDED && known->state != MU_MATCH_ENDED) {
            player->ended++;
        }
    }
    known->state = match->state;
    known->version = match->version;
}

static void check_lobby(struct checks *checks, const struct mu_msg_lobby *lobby)
{
    struct sim *sim = checks->sim;
    bool host = lobby->members_count == 0;
    for (uint32_t i = 0; i < lobby->members_count; i++) {
        host = host || strcmp(lobby->members[i].id, lobby->host) == 0;
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(lobby->members[i].id, lobby->members[k].id) == 0) {
                sim_fail(sim, "lobby %s holds %s twice", lobby->id, lobby->members[i].id);
            }
        }
    }
    if (lobby->members_count > lobby->players_max) {
        sim_fail(sim, "lobby %s holds %u of %" PRIu64, lobby->id, lobby->members_count,
                 lobby->players_max);
    }
    if (!host) {
        sim_fail(sim, "lobby %s: the host %s is no member", lobby->id, lobby->host);
    }
    struct object *known = checks_object(checks, lobby->id);
    if (known->state > (uint32_t)lobby->state) {
        sim_fail(sim, "lobby %s went back from state %u to %u", lobby->id, known->state,
                 (unsigned)lobby->state);
    }
    if (known->match[0] != '\0' && strcmp(known->match, lobby->match) != 0) {
        sim_fail(sim, "lobby %s started twice", lobby->id);
    }
    known->state = lobby->state;
    (void)snprintf(known->match, sizeof known->match, "%s", lobby->match);
}

struct changed {
    struct checks *checks;
    uint32_t partition;
    uint32_t count;
    struct mu_msg_log entries[256];
};

static bool collect(void *context, struct mu_slice key, struct mu_slice value)
{
    struct changed *changed = context;
    struct checks *checks = changed->checks;
    uint64_t seq = 0;
    for (uint32_t i = key.size - 8; i < key.size; i++) {
        seq = seq << 8 | key.data[i];
    }
    if (seq != checks->seqs[changed->partition] + 1 && checks->seqs[changed->partition] != 0) {
        sim_fail(checks->sim, "the log of %s jumps from %" PRIu64 " to %" PRIu64,
                 checks->partitions[changed->partition], checks->seqs[changed->partition], seq);
    }
    checks->seqs[changed->partition] = seq;
    int r = mu_msg_decode(checks->decoder, MU_OP_LOG, value.data, value.size, &checks->record);
    assert(r == 0);
    changed->entries[changed->count++] = checks->record.log;
    return changed->count < sizeof changed->entries / sizeof changed->entries[0];
}

static void check_change(struct checks *checks, const struct mu_msg_log *entry)
{
    if (entry->table == MU_TABLE_TICKET &&
        checks_read(checks, MU_TABLE_TICKET, MU_OP_TICKET, entry->id)) {
        check_ticket(checks, &checks->record.ticket);
    } else if (entry->table == MU_TABLE_MATCH &&
               checks_read(checks, MU_TABLE_MATCH, MU_OP_MATCH, entry->id)) {
        check_match(checks, &checks->record.match);
    } else if (entry->table == MU_TABLE_LOBBY &&
               checks_read(checks, MU_TABLE_LOBBY, MU_OP_LOBBY, entry->id)) {
        check_lobby(checks, &checks->record.lobby);
    } else if (entry->table == MU_TABLE_BACKFILL &&
               checks_read(checks, MU_TABLE_BACKFILL, MU_OP_BACKFILL, entry->id)) {
        checks_backfill_changed(checks, &checks->record.backfill);
    }
}

static void check_partition(struct checks *checks, uint32_t partition)
{
    struct mu_store *store = checks->sim->store;
    const char *name = checks->partitions[partition];
    if (checks_read(checks, MU_TABLE_EPOCH, MU_OP_EPOCH, name)) {
        if (checks->record.epoch.epoch < checks->epochs[partition]) {
            sim_fail(checks->sim, "the epoch of %s went back", name);
        }
        checks->epochs[partition] = checks->record.epoch.epoch;
    }
    static struct changed changed; /* 16 KB */
    changed = (struct changed){ .checks = checks, .partition = partition };
    struct mu_key prefix;
    struct mu_key after;
    mu_key_begin(&prefix);
    mu_key_text(&prefix, name);
    after = prefix;
    mu_key_u64(&after, checks->seqs[partition]);
    struct mu_store_range range = { .table = MU_TABLE_LOG,
                                    .prefix = { prefix.bytes, prefix.size },
                                    .after = { after.bytes, after.size } };
    (void)store->ops->scan(store, &range, collect, &changed);
    for (uint32_t i = 0; i < changed.count; i++) {
        check_change(checks, &changed.entries[i]);
    }
}

static void audit(struct checks *checks)
{
    char error[200];
    if (mu_store_audit(checks->sim->store, error, sizeof error) != 0) {
        sim_fail(checks->sim, "audit: %s", error);
    }
}

static void committed(void *context, struct mu_store *store)
{
    struct checks *checks = context;
    (void)store;
    checks->commits++;
    for (uint32_t i = 0; i < checks->partitions_count; i++) {
        check_partition(checks, i);
    }
    if (checks->commits % AUDIT_EVERY == 0) {
        audit(checks);
    }
}

static void add_partition(struct checks *checks, const char *name)
{
    bool known = name[0] == '\0';
    for (uint32_t i = 0; i < checks->partitions_count && !known; i++) {
        known = strcmp(checks->partitions[i], name) == 0;
    }
    if (!known) {
        assert(checks->partitions_count < PARTITIONS_MAX);
        (void)snprintf(checks->partitions[checks->partitions_count++], MU_ADDRESS_MAX + 1, "%s",
                       name);
    }
}

struct checks *checks_create(struct sim *sim)
{
    struct checks *checks = calloc(1, sizeof *checks);
    if (checks == NULL) {
        return NULL;
    }
    checks->sim = sim;
    checks->decoder = mu_decoder_create();
    checks->by_id = mu_map_create(OBJECTS_MAX, MU_ID_MAX, 1);
    assert(checks->decoder != NULL && checks->by_id != NULL);
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        add_partition(checks, sim->nodes[i].partition);
    }
    mu_mem_set_commit_hook(sim->store, committed, checks);
    return checks;
}

void checks_destroy(struct checks *checks)
{
    if (checks != NULL) {
        mu_mem_set_commit_hook(checks->sim->store, NULL, NULL);
        mu_decoder_destroy(checks->decoder);
        mu_map_destroy(checks->by_id);
        free(checks);
    }
}

void checks_enqueued(struct sim *sim, const char *player, const char *ticket)
{
    struct checks *checks = sim->checks;
    if (!checks_read(checks, MU_TABLE_TICKET, MU_OP_TICKET, ticket)) {
        sim_fail(sim, "%s was told of ticket %s, which is not durable", player, ticket);
        return;
    }
    checks_object(checks, ticket)->acked = true;
}

void checks_cancelled(struct sim *sim, const char *ticket)
{
    struct checks *checks = sim->checks;
    if (!checks_read(checks, MU_TABLE_TICKET, MU_OP_TICKET, ticket) ||
        checks->record.ticket.state != MU_TICKET_CANCELLED) {
        sim_fail(sim, "ticket %s was acknowledged as cancelled and is not", ticket);
        return;
    }
    checks_object(checks, ticket)->cancel_acked = true;
}

void checks_registered(struct sim *sim, const char *username, const char *player)
{
    struct checks *checks = sim->checks;
    if (!checks_read(checks, MU_TABLE_PLAYER, MU_OP_PLAYER, player) ||
        strcmp(checks->record.player.username, username) != 0) {
        sim_fail(sim, "%s was told that he is %s, who is not durable", username, player);
    }
}

void checks_result(struct sim *sim, const char *match)
{
    struct checks *checks = sim->checks;
    if (!checks_read(checks, MU_TABLE_MATCH, MU_OP_MATCH, match) ||
        checks->record.match.state != MU_MATCH_ENDED) {
        sim_fail(sim, "the result of %s was acknowledged and is not durable", match);
    }
}

void checks_rules(struct sim *sim, const char *name, uint64_t version)
{
    struct mu_key key;
    mu_key_begin(&key);
    mu_key_text(&key, name);
    mu_key_u64(&key, version);
    struct mu_slice value;
    if (sim->store->ops->get(sim->store, MU_TABLE_RULESET_VERSION, mu_key_slice(&key), &value) !=
        0) {
        sim_fail(sim, "version %llu of rule set %s was acknowledged and is not durable",
                 (unsigned long long)version, name);
    }
}

struct totals {
    struct checks *checks;
    int64_t rating;
    uint64_t count;
};

static bool add_history(void *context, struct mu_slice key, struct mu_slice value)
{
    struct totals *totals = context;
    (void)key;
    int r = mu_msg_decode(totals->checks->decoder, MU_OP_HISTORY, value.data, value.size,
                          &totals->checks->record);
    assert(r == 0);
    totals->rating += totals->checks->record.history.after - totals->checks->record.history.before;
    totals->count++;
    return true;
}

/* Each result rated each player once: his totals are those of the matches that were seen to end. */
static void check_totals(struct checks *checks, const struct object *known)
{
    struct sim *sim = checks->sim;
    if (!checks_read(checks, MU_TABLE_PLAYER, MU_OP_PLAYER, known->id)) {
        return;
    }
    struct mu_msg_player player = checks->record.player;
    uint64_t played = player.wins + player.losses + player.draws;
    if (played != known->ended) {
        sim_fail(sim, "player %s counts %" PRIu64 " matches, %" PRIu64 " ended", known->id, played,
                 known->ended);
    }
    struct totals totals = { checks, 1200, 0 };
    struct mu_key prefix;
    mu_key_begin(&prefix);
    mu_key_text(&prefix, known->id);
    struct mu_store_range range = { .table = MU_TABLE_HISTORY,
                                    .prefix = { prefix.bytes, prefix.size } };
    (void)sim->store->ops->scan(sim->store, &range, add_history, &totals);
    if (totals.rating != player.rating || totals.count != played) {
        sim_fail(sim, "player %s: rating %" PRId64 " is not the fold of his history, %" PRId64,
                 known->id, player.rating, totals.rating);
    }
}

void checks_final(struct sim *sim)
{
    struct checks *checks = sim->checks;
    audit(checks);
    for (uint32_t i = 0; i < checks->count; i++) {
        const struct object *known = &checks->objects[i];
        if (known->acked && !checks_read(checks, MU_TABLE_TICKET, MU_OP_TICKET, known->id)) {
            sim_fail(sim, "ticket %s was acknowledged and is lost", known->id);
        }
        check_totals(checks, known);
        checks_lease(checks, known);
    }
}
