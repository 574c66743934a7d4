/* tests/sim/check_rules.c - the simulator's own rule sets, judged without the engine. */
#include "check_rules.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "core/key.h"
#include "core/parse.h"

enum { PLAYERS_MAX = 50, BLOCKED_MAX = 4, ROUNDED_MS = 1 };

/* One player of a match, with what he brought. */
struct seat {
    char id[MU_ID_MAX + 1];
    char team[64];                      /* its name; "": there are none */
    char role[64];                      /* "": none */
    uint32_t party;                     /* index of his ticket */
    double level;                       /* 1 when he did not say */
    char class[8];                      /* "" when he did not say */
    bool tank, mage;                    /* among his roles */
    bool has_roles;                     /* he named some */
    int32_t latency_ms[MU_REGIONS_MAX]; /* -1: none */
    uint32_t blocked_count;
    char blocked[BLOCKED_MAX][MU_ID_MAX + 1];
};

struct view {
    const struct sim *sim;
    uint32_t count;
    struct seat seats[PLAYERS_MAX];
    uint32_t parties_count;
    double age_s; /* of the youngest ticket, at least that at which it was judged */
    int32_t region;
};

/* Reading. */

static void read_list(const struct mu_json *json, uint32_t attributes, struct seat *seat)
{
    uint32_t roles = mu_json_member(json, attributes, "roles");
    uint32_t blocked = mu_json_member(json, attributes, "blockList");
    uint32_t at = roles == MU_JSON_NONE ? MU_JSON_NONE : json->nodes[roles].first;
    for (; at != MU_JSON_NONE; at = json->nodes[at].next) {
        seat->has_roles = true;
        seat->tank = seat->tank || strcmp(json->nodes[at].text, "tank") == 0;
        seat->mage = seat->mage || strcmp(json->nodes[at].text, "mage") == 0;
    }
    at = blocked == MU_JSON_NONE ? MU_JSON_NONE : json->nodes[blocked].first;
    for (; at != MU_JSON_NONE; at = json->nodes[at].next) {
        assert(seat->blocked_count < BLOCKED_MAX);
        (void)snprintf(seat->blocked[seat->blocked_count++], MU_ID_MAX + 1, "%s",
                       json->nodes[at].text);
    }
}

/* What the player of a ticket said of himself. */
static void read_details(const struct mu_json *json, uint32_t node, struct view *view,
                         struct seat *seat)
{
    uint32_t attributes = mu_json_member(json, node, "attributes");
    uint32_t latencies = mu_json_member(json, node, "latencies");
    if (attributes != MU_JSON_NONE) {
        uint32_t level = mu_json_member(json, attributes, "level");
        seat->level = level == MU_JSON_NONE ? 1 : json->nodes[level].real;
        (void)snprintf(seat->class, sizeof seat->class, "%s", json_text(json, attributes, "class"));
        read_list(json, attributes, seat);
    }
    uint32_t at = latencies == MU_JSON_NONE ? MU_JSON_NONE : json->nodes[latencies].first;
    for (; at != MU_JSON_NONE; at = json->nodes[at].next) {
        int32_t region = mu_config_region(&view->sim->config, json->nodes[at].key);
        assert(region >= 0);
        seat->latency_ms[region] = (int32_t)json->nodes[at].integer;
    }
}

/* Adds the players of a ticket, who are on no team yet. */
static void add_ticket(struct view *view, const struct mu_msg_ticket *ticket, int64_t at_ms)
{
    static struct mu_json json; /* large */
    struct mu_json_error error;
    uint32_t node = MU_JSON_NONE;
    double age_s = (double)(at_ms - (int64_t)ticket->enqueued_ms) / 1000;
    if (ticket->details[0] != '\0') {
        int r = mu_json_parse(ticket->details, strlen(ticket->details), &json, &error);
        assert(r == 0);
        (void)r;
        node = json.nodes[0].first;
    }
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        assert(view->count < PLAYERS_MAX);
        struct seat *seat = &view->seats[view->count++];
        *seat = (struct seat){ .party = view->parties_count, .level = 1 };
        memcpy(seat->id, ticket->players[i].id, sizeof seat->id);
        memset(seat->latency_ms, 0xff, sizeof seat->latency_ms);
        if (node != MU_JSON_NONE) {
            read_details(&json, node, view, seat);
            node = json.nodes[node].next;
        }
    }
    view->age_s = view->parties_count == 0 || age_s < view->age_s ? age_s : view->age_s;
    view->parties_count++;
}

static struct seat *seat_of(struct view *view, const char *player)
{
    for (uint32_t i = 0; i < view->count; i++) {
        if (strcmp(view->seats[i].id, player) == 0) {
            return &view->seats[i];
        }
    }
    return NULL;
}

/* Reads a record; its slices are borrowed from the store. */
static bool read_record(struct sim *sim, struct mu_decoder *decoder, enum mu_table table,
                        struct mu_slice key, struct mu_msg *ret)
{
    static const enum mu_op ops[] = { [MU_TABLE_TICKET] = MU_OP_TICKET,
                                      [MU_TABLE_RULESET] = MU_OP_RULESET,
                                      [MU_TABLE_RULESET_VERSION] = MU_OP_RULESET };
    struct mu_slice value;
    if (sim->store->ops->get(sim->store, table, key, &value) != 0) {
        return false;
    }
    int r = mu_msg_decode(decoder, ops[table], value.data, value.size, ret);
    assert(r == 0);
    return r == 0;
}

static struct mu_slice slice_of(const char *id)
{
    return (struct mu_slice){ (const uint8_t *)id, (uint32_t)strlen(id) };
}

/* The kind of a version of a mode's rule set; RULES_KINDS: it is no one of ours. */
static enum rules_kind kind_of(struct sim *sim, struct mu_decoder *decoder, const char *mode,
                               uint64_t version)
{
    static struct mu_msg record; /* large */
    struct mu_key key;
    uint64_t kind = RULES_KINDS;
    char head[sizeof RULES_COMMENT + 8];
    mu_key_begin(&key);
    mu_key_text(&key, mode);
    mu_key_u64(&key, version);
    if (!read_record(sim, decoder, MU_TABLE_RULESET_VERSION, mu_key_slice(&key), &record)) {
        sim_fail(sim, "rule set %s has no version %" PRIu64, mode, version);
        return RULES_KINDS;
    }
    const struct mu_slice text = record.ruleset.text;
    const size_t comment_bytes = strlen(RULES_COMMENT);
    (void)snprintf(head, sizeof head, "%.*s", (int)text.size, (const char *)text.data);
    if (strncmp(head, RULES_COMMENT, comment_bytes) != 0) {
        return RULES_KINDS;
    }
    head[comment_bytes + strspn(head + comment_bytes, "0123456789")] = '\0';
    return mu_parse_u64(head + comment_bytes, 0, RULES_KINDS, &kind) == 0 ? (enum rules_kind)kind
                                                                          : RULES_KINDS;
}

/* Judging. */

static uint32_t size_of(const struct view *view, const char *team)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        size += strcmp(view->seats[i].team, team) == 0 ? 1 : 0;
    }
    return size;
}

/* Whether two teams play, each of min..max players, and nobody else. */
static bool has_sides(const struct view *view, uint32_t min, uint32_t max)
{
    uint32_t red = size_of(view, "red");
    uint32_t blue = size_of(view, "blue");
    return red >= min && red <= max && blue >= min && blue <= max && red + blue == view->count;
}

static bool has_even_sides(const struct view *view, uint32_t max)
{
    return has_sides(view, 1, max) && size_of(view, "red") == size_of(view, "blue");
}

/* Whether everybody is on the same team as the rest of his party. */
static bool is_whole(const struct view *view)
{
    for (uint32_t i = 1; i < view->count; i++) {
        if (view->seats[i].party == view->seats[i - 1].party &&
            strcmp(view->seats[i].team, view->seats[i - 1].team) != 0) {
            return false;
        }
    }
    return true;
}

/* A player's level as rules see it: the mean of his party. */
static double level_of(const struct view *view, uint32_t player)
{
    double sum = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->count; i++) {
        if (view->seats[i].party == view->seats[player].party) {
            sum += view->seats[i].level;
            count++;
        }
    }
    return sum / count;
}

/* The highest and the lowest level of a team's players; NULL: of all. */
static double level_max(const struct view *view, const char *team)
{
    double max = -HUGE_VAL;
    for (uint32_t i = 0; i < view->count; i++) {
        if (team == NULL || strcmp(view->seats[i].team, team) == 0) {
            max = fmax(max, level_of(view, i));
        }
    }
    return max;
}

static double level_spread(const struct view *view)
{
    double min = HUGE_VAL;
    for (uint32_t i = 0; i < view->count; i++) {
        min = fmin(min, level_of(view, i));
    }
    return level_max(view, NULL) - min;
}

/* A limit that changes once. */
static double limit(const struct view *view, double first, double at_s, double then)
{
    return view->age_s >= at_s ? then : first;
}

static bool knows_classes(const struct view *view, bool same)
{
    for (uint32_t i = 1; i < view->count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            const char *a = view->seats[i].class[0] == '\0' ? "a" : view->seats[i].class;
            const char *b = view->seats[k].class[0] == '\0' ? "a" : view->seats[k].class;
            if ((strcmp(a, b) == 0) != same) {
                return false;
            }
        }
    }
    return true;
}

static bool all_have_class(const struct view *view)
{
    for (uint32_t i = 0; i < view->count; i++) {
        if (view->seats[i].class[0] == '\0') {
            return false;
        }
    }
    return true;
}

static bool is_unblocked(struct view *view)
{
    for (uint32_t i = 0; i < view->count; i++) {
        for (uint32_t k = 0; k < view->seats[i].blocked_count; k++) {
            if (seat_of(view, view->seats[i].blocked[k]) != NULL) {
                return false;
            }
        }
    }
    return true;
}

/* Whether the mean latency of each party in the match's region is within the cap. */
static bool is_near(const struct view *view, double cap_ms)
{
    double sums[PLAYERS_MAX] = { 0 };
    uint32_t counts[PLAYERS_MAX] = { 0 };
    for (uint32_t i = 0; i < view->count; i++) {
        int32_t ms = view->seats[i].latency_ms[view->region];
        if (ms < 0) {
            return false;
        }
        sums[view->seats[i].party] += ms;
        counts[view->seats[i].party]++;
    }
    for (uint32_t i = 0; i < view->parties_count; i++) {
        double slack_ms = counts[i] > 1 ? ROUNDED_MS : 0;
        if (counts[i] > 0 && sums[i] / counts[i] > cap_ms + slack_ms) {
            return false;
        }
    }
    return true;
}

/* Whether each side has at most one tank and one mage, who want to be that. */
static bool has_roles(const struct view *view)
{
    uint32_t counts[2][2] = { { 0 } }; /* by side, and tanks first */
    for (uint32_t i = 0; i < view->count; i++) {
        const struct seat *seat = &view->seats[i];
        bool tank = strcmp(seat->role, "tank") == 0;
        if (tank ? !seat->tank : strcmp(seat->role, "mage") != 0 || !seat->mage) {
            return false;
        }
        if (++counts[strcmp(seat->team, "red") == 0][tank ? 0 : 1] > 1) {
            return false;
        }
    }
    return true;
}

/* Whether there is a role that everybody names, or one of his party for him. */
static bool shares_taste(const struct view *view)
{
    bool tank = true;
    bool mage = true;
    for (uint32_t i = 0; i < view->count; i++) {
        bool party_tank = false;
        bool party_mage = false;
        for (uint32_t k = 0; k < view->count; k++) {
            bool mate = view->seats[k].party == view->seats[i].party;
            party_tank = party_tank || (mate && view->seats[k].tank);
            party_mage = party_mage || (mate && view->seats[k].mage);
        }
        tank = tank && party_tank && view->seats[i].has_roles;
        mage = mage && party_mage && view->seats[i].has_roles;
    }
    return tank || mage;
}

static bool has_squads(const struct view *view)
{
    static const char *const names[] = { "squad_1", "squad_2", "squad_3" };
    uint32_t teams = 0;
    uint32_t players = 0;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t size = size_of(view, names[i]);
        teams += size > 0 ? 1 : 0;
        players += size;
        if (size > 2) {
            return false;
        }
    }
    return teams >= 2 && players == view->count;
}

static bool has_monster(const struct view *view)
{
    uint32_t hunters = size_of(view, "hunters");
    return size_of(view, "monster") == 1 && hunters <= 3 && hunters + 1 == view->count &&
           hunters >= limit(view, 2, 3, 1) &&
           level_max(view, "monster") >= level_max(view, "hunters");
}

static bool is_legal(struct view *view, enum rules_kind kind)
{
    double gap = level_spread(view);
    bool whole = is_whole(view);
    switch (kind) {
    case RULES_PLAIN: return whole && has_sides(view, 1, 1);
    case RULES_NEAR: /* each is half of the gap from the mean */
        return has_sides(view, 1, 1) && gap <= 2 * limit(view, limit(view, 0.5, 2, 1), 4, 1.5);
    case RULES_CLASSES:
        return has_sides(view, 1, 1) && all_have_class(view) && knows_classes(view, false);
    case RULES_BLOCKS: return whole && has_sides(view, 1, 2) && is_unblocked(view);
    case RULES_LATENCY:
        return whole && has_sides(view, 1, 2) && is_near(view, limit(view, 25, 3, 40));
    case RULES_ROLES: return whole && has_sides(view, 1, 2) && has_roles(view);
    case RULES_MONSTER: return whole && has_monster(view);
    case RULES_SQUADS: return whole && has_squads(view);
    case RULES_ALL:
        return size_of(view, "") == view->count && view->count >= 2 && view->count <= 8 &&
               gap <= limit(view, 1, 3, 2);
    case RULES_CROWD: return whole && has_sides(view, 1, 25) && knows_classes(view, true);
    case RULES_SOFT: return whole && has_even_sides(view, 2);
    case RULES_SHAPES: return whole && has_even_sides(view, 2);
    case RULES_SPAN: return has_even_sides(view, 2);
    case RULES_EITHER: return has_sides(view, 1, 1) && (knows_classes(view, true) || gap <= 1);
    case RULES_TASTE: return whole && has_sides(view, 1, 2) && shares_taste(view);
    case RULES_KINDS: break;
    }
    return true;
}

/* Matches. */

/* Adds the tickets of a match, and then its seats. */
static bool read_match(struct sim *sim, struct mu_decoder *decoder,
                       const struct mu_msg_match *match, struct view *ret)
{
    static struct mu_msg record; /* large */
    for (uint32_t i = 0; i < match->players_count; i++) {
        if (seat_of(ret, match->players[i].id) != NULL) {
            continue;
        }
        if (!read_record(sim, decoder, MU_TABLE_TICKET, slice_of(match->players[i].ticket),
                         &record)) {
            sim_fail(sim, "match %s: %s has no ticket", match->id, match->players[i].id);
            return false;
        }
        add_ticket(ret, &record.ticket, (int64_t)match->created_ms);
    }
    for (uint32_t i = 0; i < match->players_count; i++) {
        const struct mu_msg_match_player *player = &match->players[i];
        struct seat *seat = seat_of(ret, player->id);
        if (seat == NULL) {
            sim_fail(sim, "match %s: %s is not in his ticket", match->id, player->id);
            return false;
        }
        if (player->team < match->team_names_count) {
            memcpy(seat->team, match->team_names[player->team].text, sizeof seat->team);
        }
        memcpy(seat->role, player->role, sizeof seat->role);
    }
    if (ret->count != match->players_count) {
        sim_fail(sim, "match %s has %u players, their tickets %u", match->id, match->players_count,
                 ret->count);
    }
    return true;
}

void check_rules_match(struct sim *sim, struct mu_decoder *decoder,
                       const struct mu_msg_match *match)
{
    static struct view view; /* large */
    enum rules_kind kind = kind_of(sim, decoder, match->mode, match->rules);
    view = (struct view){ .sim = sim };
    if (kind == RULES_KINDS || !read_match(sim, decoder, match, &view)) {
        return;
    }
    view.region = mu_config_region(&sim->config, match->region);
    if (sim->faults.clock_ppm > 0) {
        view.age_s = HUGE_VAL; /* steps of the clock make tickets look younger or older */
    }
    sim_trace(sim, "rules", "match %s: kind %u, %u players", match->id, kind, view.count);
    if (!is_legal(&view, kind)) {
        sim_fail(sim, "match %s of %s: %u players, against version %" PRIu64 " (kind %u)",
                 match->id, match->mode, view.count, match->rules, (unsigned)kind);
    }
}

/* Pairs. */

uint64_t check_rules_version(struct sim *sim, struct mu_decoder *decoder, const char *mode)
{
    static struct mu_msg record; /* large */
    return read_record(sim, decoder, MU_TABLE_RULESET, slice_of(mode), &record)
               ? record.ruleset.version
               : 0;
}

/* Adds a ticket that waits.  Returns false when it is no solo of that mode. */
static bool add_solo(struct sim *sim, struct mu_decoder *decoder, const char *id, const char *mode,
                     struct view *view)
{
    static struct mu_msg record; /* large */
    const struct mu_msg_ticket *ticket = &record.ticket;
    if (!read_record(sim, decoder, MU_TABLE_TICKET, slice_of(id), &record) ||
        ticket->players_count != 1 || strcmp(ticket->mode, mode) != 0) {
        return false;
    }
    add_ticket(view, ticket, 0);
    view->region = mu_config_region(&sim->config, ticket->region);
    return true;
}

bool check_rules_pair(struct sim *sim, struct mu_decoder *decoder, const char *mode,
                      const char *const tickets[2])
{
    static const char *const teams[][2] = { { "red", "blue" },        { "blue", "red" },
                                            { "hunters", "monster" }, { "monster", "hunters" },
                                            { "squad_1", "squad_2" }, { "", "" } };
    static struct view view; /* large */
    uint64_t version = check_rules_version(sim, decoder, mode);
    enum rules_kind kind = version == 0 ? RULES_KINDS : kind_of(sim, decoder, mode, version);
    view = (struct view){ .sim = sim };
    if (kind == RULES_KINDS || !add_solo(sim, decoder, tickets[0], mode, &view) ||
        !add_solo(sim, decoder, tickets[1], mode, &view)) {
        return false;
    }
    view.age_s = HUGE_VAL;
    for (uint32_t i = 0; i < sizeof teams / sizeof teams[0]; i++) {
        for (uint32_t k = 0; k < 2; k++) {
            (void)snprintf(view.seats[k].team, sizeof view.seats[k].team, "%s", teams[i][k]);
        }
        if (is_legal(&view, kind)) {
            return true;
        }
    }
    return false;
}
