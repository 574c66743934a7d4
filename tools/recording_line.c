#include "tools/recording_line.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/json_tree.h"

static void put_text(struct mu_json_writer *writer, const char *key, const char *value)
{
    mu_json_key(writer, key);
    mu_json_string(writer, value);
}

static void put_real(struct mu_json_writer *writer, const char *key, double value)
{
    mu_json_key(writer, key);
    mu_json_real(writer, value);
}

void mu_recording_name(const struct mu_recording_options *options, uint64_t number, const char *id,
                       uint64_t stay, struct mu_recording_name *ret)
{
    static const char letters[] = "bcdefghijklmnopqrstuvwxyz";
    size_t size = strlen(id);
    *ret = (struct mu_recording_name){ .number = number };
    /* An id leaves room for one letter; whoever comes back more often has a number. */
    if (!options->names.off || size + 1 > MU_ID_MAX || stay >= sizeof letters) {
        return;
    }
    memcpy(ret->id, id, size);
    if (stay > 0) {
        ret->id[size] = letters[stay - 1];
    }
}

void mu_recording_put_name(struct mu_json_writer *writer, const struct mu_recording_name *name)
{
    if (name->id[0] != '\0') {
        mu_json_string(writer, name->id);
    } else {
        mu_json_u64(writer, name->number);
    }
}

static void put_number(struct mu_json_writer *writer, const char *key, uint32_t value)
{
    mu_json_key(writer, key);
    mu_json_u64(writer, value);
}

static void put_shape(struct mu_json_writer *writer, const char *mode,
                      const struct mu_workload_mode *shape)
{
    mu_json_key(writer, mode);
    mu_json_object_begin(writer);
    put_number(writer, "teams", shape->teams);
    put_number(writer, "team_size", shape->team_max);
    put_number(writer, "min_teams", shape->teams_min);
    if (shape->team_min != shape->team_max) {
        put_number(writer, "team_min", shape->team_min);
    }
    if (shape->players_max != shape->teams * shape->team_max) {
        put_number(writer, "players_max", shape->players_max);
    }
    mu_json_object_end(writer);
}

static void put_objective(struct mu_json_writer *writer, const char *mode,
                          const struct mu_objective *objective)
{
    struct mu_workload_mode usual;
    mu_workload_mode_init(&usual, mode, 2, 1, 2);
    mu_json_key(writer, mode);
    mu_json_object_begin(writer);
    put_real(writer, "W0", objective->waits ? objective->wait_ms / 1000 : usual.wait_s);
    put_real(writer, "D0", objective->spread);
    put_real(writer, "wI", objective->imbalance_weight);
    mu_json_object_end(writer);
}

/* What all modes have in common, as the first one has it. */
static void put_common(struct mu_json_writer *writer, const struct mu_objective *objective)
{
    put_real(writer, "beta", objective->beta);
    put_real(writer, "lat_good", objective->latency_good_ms);
    put_real(writer, "lat_bad", objective->latency_bad_ms);
    mu_json_key(writer, "party_bonus");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i <= MU_TICKET_PLAYERS_MAX; i++) {
        mu_json_real(writer, objective->party_bonus[i]);
    }
    mu_json_array_end(writer);
}
static_assert(MU_TICKET_PLAYERS_MAX + 1 <= MU_WORKLOAD_BONUS_MAX, "a workload holds the bonuses");

/* What is a good match, as the rules say it. */
static void put_score(struct mu_json_writer *writer, const struct mu_recording_options *options,
                      const struct mu_recording_rules *rules)
{
    const struct mu_config *config = options->config;
    bool first = true;
    mu_json_key(writer, "score");
    mu_json_object_begin(writer);
    for (uint32_t i = 0; i < config->modes_count; i++) {
        if ((options->modes >> i & 1) == 0) {
            continue;
        }
        if (first) {
            put_common(writer, &rules[i].objective);
            mu_json_key(writer, "modes");
            mu_json_object_begin(writer);
            first = false;
        }
        put_objective(writer, config->modes[i].name, &rules[i].objective);
    }
    assert(!first);
    mu_json_object_end(writer);
    mu_json_object_end(writer);
}

/* The rule sets that hold, by mode: with their hashes, or with versions and hashes. */
static void put_rules(struct mu_json_writer *writer, const struct mu_recording_options *options,
                      const struct mu_recording_rules *rules, bool versions)
{
    mu_json_key(writer, "rules");
    mu_json_object_begin(writer);
    for (uint32_t i = 0; i < options->config->modes_count; i++) {
        if ((options->modes >> i & 1) == 0 || rules[i].version == 0) {
            continue;
        }
        mu_json_key(writer, options->config->modes[i].name);
        if (versions) {
            mu_json_object_begin(writer);
            mu_json_key(writer, "version");
            mu_json_u64(writer, rules[i].version);
            put_text(writer, "hash", rules[i].hash);
            mu_json_object_end(writer);
        } else {
            mu_json_string(writer, rules[i].hash);
        }
    }
    mu_json_object_end(writer);
}

void mu_recording_put_header(struct mu_json_writer *writer,
                             const struct mu_recording_options *options,
                             const struct mu_recording_rules *rules, int64_t started_ms,
                             int64_t *ret_duration_at)
{
    const struct mu_config *config = options->config;
    char duration[MU_RECORDING_DURATION + 1];
    mu_json_object_begin(writer);
    put_text(writer, "type", "header");
    put_text(writer, "format", "mm-workload/1");
    put_text(writer, "name", options->name);
    put_text(writer, "recorded_by", options->version);
    if (options->names.off) {
        mu_json_key(writer, "started_ms");
        mu_json_i64(writer, started_ms);
    }
    mu_json_key(writer, "duration");
    *ret_duration_at = (int64_t)writer->used;
    (void)snprintf(duration, sizeof duration, "%*d", MU_RECORDING_DURATION, 0);
    mu_json_raw(writer, duration, MU_RECORDING_DURATION);
    mu_json_key(writer, "regions");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < config->regions_count; i++) {
        mu_json_string(writer, config->regions[i].name);
    }
    mu_json_array_end(writer);
    mu_json_key(writer, "modes");
    mu_json_object_begin(writer);
    for (uint32_t i = 0; i < config->modes_count; i++) {
        if ((options->modes >> i & 1) != 0) {
            put_shape(writer, config->modes[i].name, &rules[i].shape);
        }
    }
    mu_json_object_end(writer);
    put_rules(writer, options, rules, true);
    put_score(writer, options, rules);
    mu_json_object_end(writer);
}

void mu_recording_put_outcome(struct mu_json_writer *writer,
                              const struct mu_recording_options *options,
                              const struct mu_recording_rules *rules)
{
    mu_json_object_begin(writer);
    put_text(writer, "type", "outcome");
    put_text(writer, "format", "mm-outcome/1");
    put_text(writer, "workload", options->name);
    put_text(writer, "matcher", "live");
    put_text(writer, "version", options->version);
    put_rules(writer, options, rules, false);
    mu_json_key(writer, "seed");
    mu_json_u64(writer, 0);
    mu_json_object_end(writer);
}

static void put_ratings(struct mu_json_writer *writer, const struct mu_msg_ticket *ticket)
{
    mu_json_key(writer, "r");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        mu_json_i64(writer, ticket->players[i].rating);
    }
    mu_json_array_end(writer);
    mu_json_key(writer, "s");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < ticket->players_count; i++) {
        mu_json_u64(writer, ticket->players[i].deviation);
    }
    mu_json_array_end(writer);
}

/* Where the shard lets it play, but for the bounds of the mode, which are the rules'. */
static void put_reach(struct mu_json_writer *writer, const struct mu_config *config,
                      const struct mu_msg_ticket *ticket)
{
    int64_t reach_ms[MU_REGIONS_MAX];
    int32_t home = mu_config_region(config, ticket->region);
    for (uint32_t i = 0; i < config->regions_count; i++) {
        bool at_home = home >= 0 && i == (uint32_t)home;
        reach_ms[i] = ticket->latencies_count == 0 && at_home ? 0 : -1;
    }
    for (uint32_t i = 0; i < ticket->latencies_count; i++) {
        const struct mu_msg_latency *latency = &ticket->latencies[i];
        int32_t region = mu_config_region(config, latency->region);
        if (region >= 0 && (ticket->latency_max_ms == 0 || latency->ms <= ticket->latency_max_ms)) {
            reach_ms[region] = (int64_t)latency->ms;
        }
    }
    mu_json_key(writer, "rtt");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < config->regions_count; i++) {
        if (reach_ms[i] < 0) {
            mu_json_null(writer);
        } else {
            mu_json_i64(writer, reach_ms[i]);
        }
    }
    mu_json_array_end(writer);
}

/* What the players brought.  `json` holds the ticket's details. */
static void put_players(struct mu_json_writer *writer, const struct mu_recording_options *options,
                        const struct mu_msg_ticket *ticket, const struct mu_json *json)
{
    uint32_t index = 0;
    mu_json_key(writer, "players");
    mu_json_array_begin(writer);
    for (uint32_t node = json->nodes[0].first; node != MU_JSON_NONE;
         node = json->nodes[node].next) {
        char name[MU_ID_MAX + 1];
        uint32_t attributes = mu_json_member(json, node, "attributes");
        uint32_t latencies = mu_json_member(json, node, "latencies");
        mu_pseudonym_of(&options->names, ticket->players[index++].id, name);
        mu_json_object_begin(writer);
        put_text(writer, "playerId", name);
        if (attributes != MU_JSON_NONE && json->nodes[attributes].type == MU_JSON_OBJECT) {
            mu_json_key(writer, "attributes");
            mu_pseudonym_attributes(&options->names, json, attributes, writer);
        }
        if (latencies != MU_JSON_NONE && json->nodes[latencies].type == MU_JSON_OBJECT) {
            mu_json_key(writer, "latencies");
            mu_json_tree_write(writer, json, latencies);
        }
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
}

/* Whether the ticket's details, parsed, are one object a player, as the gateway writes them. */
static bool details_good(const struct mu_msg_ticket *ticket, const struct mu_json *json)
{
    bool good =
        json->nodes[0].type == MU_JSON_ARRAY && json->nodes[0].count == ticket->players_count;
    for (uint32_t node = good ? json->nodes[0].first : MU_JSON_NONE; node != MU_JSON_NONE;
         node = json->nodes[node].next) {
        good = good && json->nodes[node].type == MU_JSON_OBJECT;
    }
    return good;
}

void mu_recording_put_ticket(struct mu_json_writer *writer,
                             const struct mu_recording_options *options,
                             const struct mu_msg_ticket *ticket,
                             const struct mu_recording_name *name, int64_t at_ms,
                             struct mu_json *json)
{
    struct mu_json_error error;
    size_t size = strlen(ticket->details);
    mu_json_object_begin(writer);
    put_real(writer, "t", (double)at_ms / 1000);
    mu_json_key(writer, "id");
    mu_recording_put_name(writer, name);
    put_ratings(writer, ticket);
    put_reach(writer, options->config, ticket);
    if (size > 0 && mu_json_parse(ticket->details, size, json, &error) == 0 &&
        details_good(ticket, json)) {
        put_players(writer, options, ticket, json);
    }
}

size_t mu_recording_put_end(const char *mode, int64_t patience_ms, char ret[128])
{
    struct mu_json_writer writer;
    mu_json_writer_init(&writer, ret, 127);
    mu_json_object_begin(&writer);
    put_text(&writer, "m", mode);
    put_real(&writer, "pat", (double)patience_ms / 1000);
    mu_json_object_end(&writer);
    assert(mu_json_complete(&writer));
    ret[0] = ','; /* it goes on behind what was there */
    ret[writer.used] = '\n';
    return writer.used + 1;
}
