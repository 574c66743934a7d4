/* tests/sim/liveness.c - after the calm: nothing waits that could go on. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/queue.h"
#include "check_rules.h"
#include "checks.h"
#include "client.h"
#include "core/key.h"

enum {
    QUEUED_MAX = 256,
    PATIENCE_MS = 10000, /* nobody is blamed for what is younger than this */
    EVENT_MS = 1000,     /* from the commit to a client that is connected */
    MATCH_MS = 25000,    /* accepting, a server, the play, with all retries */
};

struct queued {
    char id[MU_ID_MAX + 1];
    char mode[MU_ID_MAX + 1];
    char region[MU_ID_MAX + 1];
    int64_t rating;
};

struct census {
    struct sim *sim;
    uint32_t queued_count;
    struct queued queued[QUEUED_MAX];
    uint64_t waiting[MU_REGIONS_MAX][MU_MODES_MAX]; /* tickets, by region and mode */
    bool requeued;                                  /* some of them a moment ago */
};

/* How old a stored time is; after an hour's step of the clock it may be anything, so the steps
 * are known to have ended with the faults. */
static int64_t age_ms(const struct sim *sim, uint64_t wall_ms)
{
    return sim_wall(sim) - (int64_t)wall_ms;
}

static bool count_ticket(void *context, struct mu_slice key, struct mu_slice value)
{
    struct census *census = context;
    struct sim *sim = census->sim;
    (void)key;
    if (mu_msg_decode(sim->decoder, MU_OP_TICKET, value.data, value.size, &sim->scratch) != 0) {
        sim_fail(sim, "a ticket record does not decode");
        return false;
    }
    const struct mu_msg_ticket *ticket = &sim->scratch.ticket;
    if (ticket->state == MU_TICKET_QUEUED) {
        census->waiting[mu_config_region(&sim->config, ticket->region)]
                       [mu_config_mode(&sim->config, ticket->mode)]++;
        for (uint32_t i = 0; i < ticket->others_count; i++) {
            census->waiting[mu_config_region(&sim->config, ticket->region)]
                           [mu_config_mode(&sim->config, ticket->others[i].id)]++;
        }
    }
    if (ticket->state == MU_TICKET_QUEUED && census->queued_count < QUEUED_MAX &&
        age_ms(sim, ticket->enqueued_ms) > PATIENCE_MS) {
        struct queued *q = &census->queued[census->queued_count++];
        memcpy(q->id, ticket->id, sizeof q->id);
        memcpy(q->mode, ticket->mode, sizeof q->mode);
        memcpy(q->region, ticket->region, sizeof q->region);
        q->rating = ticket->players[0].rating;
    }
    return true;
}

static bool count_match(void *context, struct mu_slice key, struct mu_slice value)
{
    struct census *census = context;
    struct sim *sim = census->sim;
    (void)key;
    if (mu_msg_decode(sim->decoder, MU_OP_MATCH, value.data, value.size, &sim->scratch) != 0) {
        sim_fail(sim, "a match record does not decode");
        return false;
    }
    const struct mu_msg_match *match = &sim->scratch.match;
    bool open = match->state == MU_MATCH_FORMED || match->state == MU_MATCH_ALLOCATING ||
                match->state == MU_MATCH_LIVE;
    if (open && age_ms(sim, match->created_ms) > MATCH_MS) {
        sim_fail(sim, "match %s is still %s", match->id,
                 mu_enum_text(mu_match_state_texts, match->state));
    }
    census->requeued = census->requeued || (!open && age_ms(sim, match->ended_ms) < EVENT_MS);
    return true;
}

static void scan(struct census *census, enum mu_table table, mu_store_scan_fn *visit)
{
    struct mu_store_range range = { .table = table };
    struct mu_store *store = census->sim->store;
    (void)store->ops->scan(store, &range, visit, census);
}

/* Whether two tickets of one mode and region could play: by its rule set, or else, where two are
 * enough, by their ratings. */
static bool could_play(struct sim *sim, const struct queued *a, const struct queued *b)
{
    const struct mu_mode *mode = &sim->config.modes[mu_config_mode(&sim->config, a->mode)];
    if (check_rules_version(sim, sim->decoder, a->mode) != 0) {
        return check_rules_pair(sim, sim->decoder, a->mode, (const char *[]){ a->id, b->id });
    }
    return mu_mode_players_min(mode) == 2 && llabs(a->rating - b->rating) <= mode->window_max;
}

/* Two old tickets that could play must have met. */
static void check_pairs(struct census *census)
{
    struct sim *sim = census->sim;
    for (uint32_t i = 0; i < census->queued_count && !census->requeued; i++) {
        const struct queued *a = &census->queued[i];
        for (uint32_t k = 0; k < i; k++) {
            const struct queued *b = &census->queued[k];
            if (strcmp(a->mode, b->mode) == 0 && strcmp(a->region, b->region) == 0 &&
                could_play(sim, a, b)) {
                sim_fail(sim, "%s and %s wait in %s of %s, and could play", a->id, b->id, a->mode,
                         a->region);
            }
        }
    }
}

/* Whether the event behind the last one that he has seen is too young to be missed. */
static bool on_its_way(struct sim *sim, const char *player, int64_t seen)
{
    struct mu_key key;
    struct mu_slice value;
    mu_key_begin(&key);
    mu_key_text(&key, player);
    mu_key_u64(&key, (uint64_t)seen + 1);
    struct mu_slice bytes = { key.bytes, key.size };
    return sim->store->ops->get(sim->store, MU_TABLE_EVENT, bytes, &value) == 0 &&
           mu_msg_decode(sim->decoder, MU_OP_EVENT, value.data, value.size, &sim->scratch) == 0 &&
           age_ms(sim, sim->scratch.event.at_ms) < EVENT_MS;
}

/* He has seen all of his events. */
static void check_seen(struct sim *sim, const struct client *client)
{
    char id[MU_ID_MAX + 1];
    int64_t seen = player_last_seq(client, id);
    struct mu_slice key = { (const uint8_t *)id, 0 };
    struct mu_slice value;
    if (seen < 0 || id[0] == '\0') {
        return;
    }
    key.size = (uint32_t)strlen(id);
    if (sim->store->ops->get(sim->store, MU_TABLE_ENGAGEMENT, key, &value) != 0 ||
        mu_msg_decode(sim->decoder, MU_OP_ENGAGEMENT, value.data, value.size, &sim->scratch) != 0) {
        sim_fail(sim, "%s has no engagement record", id);
        return;
    }
    uint64_t newest = sim->scratch.engagement.event_seq;
    if ((int64_t)newest != seen && !on_its_way(sim, id, seen)) {
        sim_fail(sim, "%s (%s) has seen event %" PRId64 " of %" PRIu64, client->name, id, seen,
                 newest);
    }
}

static void check_client(struct sim *sim, const struct client *client)
{
    if (client_asking(client) && client->ask.attempts > 3) {
        sim_fail(sim, "%s: %s is not answered, %u times", client->name, client->ask.path,
                 client->ask.attempts);
    }
    check_seen(sim, client);
}

void liveness_seen(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        check_seen(sim, sim->clients[i]);
    }
}

/* Every shard knows the rule sets that hold, and all tickets of its region. */
static void check_shard(struct sim *sim, const struct node *node, const struct census *census)
{
    struct mu_msg_stats *stats = calloc(1, sizeof *stats);
    if (stats == NULL) {
        abort();
    }
    node->ops->stats(node->actor, sim->now_ms, stats);
    for (uint32_t i = 0; i < stats->pools_count; i++) {
        uint64_t version = check_rules_version(sim, sim->decoder, stats->pools[i].mode);
        if (stats->pools[i].rules != version) {
            sim_fail(sim, "%s has version %" PRIu64 " of the rule set of %s, not %" PRIu64,
                     node->name, stats->pools[i].rules, stats->pools[i].mode, version);
        }
        int32_t region = mu_config_region(&sim->config, stats->pools[i].region);
        if (stats->pools[i].tickets < census->waiting[region][i] && !census->requeued) {
            sim_fail(sim, "%s knows %" PRIu64 " tickets of %s, and %" PRIu64 " wait", node->name,
                     stats->pools[i].tickets, stats->pools[i].mode, census->waiting[region][i]);
        }
    }
    free(stats);
}

void liveness_check(struct sim *sim)
{
    struct census *census = calloc(1, sizeof *census);
    if (census == NULL) {
        abort();
    }
    census->sim = sim;
    checks_final(sim);
    checks_owners(sim);
    scan(census, MU_TABLE_TICKET, count_ticket);
    scan(census, MU_TABLE_MATCH, count_match);
    check_pairs(census);
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        check_client(sim, sim->clients[i]);
    }
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        if (!sim->nodes[i].up) {
            sim_fail(sim, "%s is down after the calm", sim->nodes[i].name);
        } else if (sim->nodes[i].ops == &mu_queue_ops &&
                   mu_queue_ops.life(sim->nodes[i].actor) == MU_LIFE_SERVING) {
            check_shard(sim, &sim->nodes[i], census);
        }
    }
    free(census);
}
