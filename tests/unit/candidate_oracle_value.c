/* tests/unit/candidate_oracle_value.c - what expressions measure; see candidate_oracle.h. */
#include <assert.h>
#include <math.h>

#include "tests/unit/candidate_oracle_private.h"

uint32_t oracle_party(const struct seat *seat, const struct world_player **ret)
{
    if (seat->ticket->entrant.backfill) {
        *ret = seat->player;
        return 1;
    }
    *ret = seat->ticket->players;
    return seat->ticket->entrant.players;
}

double oracle_aggregate(const double *values, uint32_t count, enum mu_aggregation aggregation)
{
    assert(count > 0);
    double sum = 0;
    double min = values[0];
    double max = values[0];
    for (uint32_t i = 0; i < count; i++) {
        sum += values[i];
        min = fmin(min, values[i]);
        max = fmax(max, values[i]);
    }
    if (aggregation == MU_AGGREGATE_MIN) {
        return min;
    }
    return aggregation == MU_AGGREGATE_MAX ? max : sum / (double)count;
}

static struct tree *number_value(const struct mu_expression *expression, const struct seat *seat,
                                 enum mu_aggregation aggregation)
{
    const struct world_player *party;
    uint32_t count = oracle_party(seat, &party);
    double values[WORLD_PLAYERS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        values[i] = expression->property == MU_PROPERTY_RATING ? (double)party[i].rating
                    : expression->property == MU_PROPERTY_DEVIATION
                        ? (double)party[i].deviation
                        : party[i].number[expression->attribute];
    }
    return tree_number(oracle_aggregate(values, count, aggregation));
}

static bool has_string(const struct world_player *player, uint32_t attribute, uint32_t string)
{
    for (uint32_t i = 0; i < player->strings_count[attribute]; i++) {
        if (player->strings[attribute][i] == string) {
            return true;
        }
    }
    return false;
}

static struct tree *set_value(uint32_t attribute, const struct seat *seat,
                              enum mu_aggregation aggregation)
{
    const struct world_player *party;
    uint32_t count = oracle_party(seat, &party);
    struct tree *set = tree_list(true);
    for (uint32_t string = 0; string < 200; string++) {
        uint32_t have = 0;
        for (uint32_t i = 0; i < count; i++) {
            have += has_string(&party[i], attribute, string) ? 1 : 0;
        }
        if (have == count || (have > 0 && aggregation != MU_AGGREGATE_INTERSECTION)) {
            tree_append(set, tree_string(world_symbol(string)));
        }
    }
    return set;
}

static struct tree *player_value(const struct oracle *oracle,
                                 const struct mu_expression *expression, const struct seat *seat,
                                 enum mu_aggregation aggregation)
{
    if (expression->property == MU_PROPERTY_ID) {
        return tree_string(world_symbol(100 + seat->player->id));
    }
    if (expression->property == MU_PROPERTY_PLAYER) {
        return tree_number(0);
    }
    if (expression->property == MU_PROPERTY_ATTRIBUTE) {
        enum mu_attribute_type type = oracle->rules->attributes[expression->attribute].type;
        if (type == MU_ATTRIBUTE_STRING) {
            return tree_string(world_symbol(seat->player->strings[expression->attribute][0]));
        }
        if (type != MU_ATTRIBUTE_NUMBER) {
            return set_value(expression->attribute, seat, aggregation);
        }
    }
    return number_value(expression, seat, aggregation);
}

static struct value players_value(const struct oracle *oracle,
                                  const struct mu_expression *expression,
                                  enum mu_aggregation aggregation)
{
    const struct mu_rules *rules = oracle->rules;
    bool sets = expression->property == MU_PROPERTY_ATTRIBUTE &&
                rules->attributes[expression->attribute].type == MU_ATTRIBUTE_STRINGS;
    struct tree *all = tree_list(false);
    struct tree *teams = tree_list(false);
    for (uint32_t i = 0; i < rules->teams_count; i++) {
        bool meant = expression->all_teams || (expression->teams[i / 8] & 1u << (i % 8)) != 0;
        if (!meant || (oracle_may_stay_away(rules) && oracle->team_players[i] == 0)) {
            continue;
        }
        struct tree *team = tree_list(false);
        for (uint32_t j = 0; j < oracle->seats_count; j++) {
            if (oracle->seats[j].team == i) {
                tree_append(team, player_value(oracle, expression, &oracle->seats[j], aggregation));
                tree_append(all, player_value(oracle, expression, &oracle->seats[j], aggregation));
            }
        }
        tree_append(teams, team);
    }
    return (struct value){ expression->by_team ? teams : all,
                           (expression->by_team ? 2u : 1u) + (sets ? 1u : 0u) };
}

struct value oracle_value(const struct oracle *oracle, const struct mu_expression *expression,
                          enum mu_aggregation aggregation)
{
    struct value value = { NULL, 0 };
    switch (expression->kind) {
    case MU_EXPRESSION_NONE: break;
    case MU_EXPRESSION_NUMBER: value.tree = tree_number(expression->number); break;
    case MU_EXPRESSION_STRINGS:
        value = (struct value){ tree_list(false), 1 };
        for (uint32_t i = 0; i < expression->symbols_count; i++) {
            tree_append(value.tree, tree_string(expression->symbols[i]));
        }
        break;
    case MU_EXPRESSION_WIN_PROBABILITY: value.tree = tree_number(oracle->probability); break;
    case MU_EXPRESSION_QUALITY: value.tree = tree_number(oracle->plain); break;
    case MU_EXPRESSION_PLAYERS:
        value = players_value(oracle, expression, aggregation);
        for (uint32_t i = 0; i < expression->reduces_count && value.tree != NULL; i++) {
            value.tree = tree_reduce(value.tree, expression->reduces[i], value.depth);
            value.depth--;
        }
        break;
    }
    return value;
}
