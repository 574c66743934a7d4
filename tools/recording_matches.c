/* tools/recording_matches.c - the matches of a recording. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/recording_private.h"

/* Whether the match was not seen before; then it is remembered. */
static bool is_new(struct mu_recording *recording, const struct mu_msg_match *match)
{
    int64_t formed_ms = (int64_t)match->created_ms;
    uint32_t at = recording->ring_next;
    if (formed_ms <= recording->evicted_ms ||
        mu_map_get(recording->seen, match->id) != MU_MAP_NONE) {
        return false;
    }
    if (recording->ring[at][0] != '\0') {
        (void)mu_map_remove(recording->seen, recording->ring[at]); /* known */
        if (recording->ring_ms[at] > recording->evicted_ms) {
            recording->evicted_ms = recording->ring_ms[at];
        }
    }
    (void)snprintf(recording->ring[at], sizeof recording->ring[at], "%s", match->id);
    recording->ring_ms[at] = formed_ms;
    recording->ring_next = (at + 1) % MU_RECORDING_SEEN_MAX;
    return mu_map_put(recording->seen, match->id, at) == 0; /* an empty id is none */
}

/* The stay that the match took, or MU_STAY_NONE. */
static uint32_t stay_of(const struct mu_recording *recording, const char *ticket, const char *match)
{
    uint32_t ret = MU_STAY_NONE;
    for (uint32_t i = mu_map_get(recording->tickets, ticket); i != MU_MAP_NONE;
         i = recording->slots[i].older) {
        const struct mu_stay *slot = &recording->slots[i];
        if (strcmp(slot->match, match) == 0) {
            return i;
        }
        if (slot->match[0] == '\0') {
            ret = i; /* the oldest that no match has named */
        }
    }
    return ret;
}

/* Ties the tickets to the match.  Returns whether all of them are known. */
static bool tie(struct mu_recording *recording, struct mu_held_match *held)
{
    bool recorded = (recording->options.modes >> held->mode & 1) != 0;
    bool whole = true;
    for (uint32_t i = 0; i < held->seats_count; i++) {
        uint32_t index = stay_of(recording, held->seats[i].ticket, held->id);
        if (index == MU_STAY_NONE) {
            whole = false;
            continue;
        }
        struct mu_stay *slot = &recording->slots[index];
        memcpy(slot->match, held->id, sizeof slot->match);
        if (slot->at_ms > held->at_ms) {
            held->at_ms = slot->at_ms; /* it was learned late that the ticket came back */
        }
        if (slot->several && recorded && !slot->written) {
            slot->mode = held->mode;
        }
        if (slot->several && slot->stage == MU_STAY_MATCHED && !slot->settled) {
            /* In a mode that is not recorded: for this recording it left. */
            slot->stage = recorded ? MU_STAY_MATCHED : MU_STAY_LEFT;
            if (recorded) {
                mu_recording_settle_at_most(slot, recording->start_ms, slot->ended_ms);
            } else {
                mu_recording_settle(slot, recording->start_ms, slot->ended_ms);
            }
        }
        slot->several = false;
    }
    return whole && recorded;
}

/* Whether the ticket of a seat has players on more than one team. */
static bool spans(const struct mu_held_match *held, uint32_t seat)
{
    for (uint32_t i = 0; i < held->seats_count; i++) {
        if (strcmp(held->seats[i].ticket, held->seats[seat].ticket) == 0 &&
            held->seats[i].team != held->seats[seat].team) {
            return true;
        }
    }
    return false;
}

static void put_teams(const struct mu_recording *recording, const struct mu_held_match *held,
                      struct mu_json_writer *writer)
{
    mu_json_key(writer, "teams");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < held->seats_count; i++) {
        const struct mu_held_seat *seat = &held->seats[i];
        bool same_team = i > 0 && held->seats[i - 1].team == seat->team;
        bool same_ticket = same_team && strcmp(held->seats[i - 1].ticket, seat->ticket) == 0;
        if (!same_team) {
            if (i > 0) {
                mu_json_array_end(writer);
            }
            mu_json_array_begin(writer);
        }
        if (!same_ticket || spans(held, i)) {
            uint32_t index = stay_of(recording, seat->ticket, held->id);
            mu_recording_put_name(writer, &recording->slots[index].name);
        }
    }
    mu_json_array_end(writer);
    mu_json_array_end(writer);
}

/* Takes the first match that is held out, and writes it if it can be. */
int mu_recording_write_match(struct mu_recording *recording)
{
    const struct mu_recording_options *options = &recording->options;
    uint32_t index = mu_heap_first(recording->matches_order);
    struct mu_held_match *held = recording->matches[index];
    struct mu_json_writer writer;
    int r = 0;
    bool whole = tie(recording, held);
    (void)mu_heap_remove(recording->matches_order, index);
    recording->matches[index] = NULL;
    if (whole) {
        recording->match_ms = held->at_ms > recording->match_ms ? held->at_ms : recording->match_ms;
        recording->counts.modes[held->mode].matches++;
    } else if ((options->modes >> held->mode & 1) != 0) {
        recording->counts.incomplete++;
    }
    if (whole && options->write_match != NULL) {
        mu_json_writer_init(&writer, recording->line, MU_RECORDING_LINE_MAX);
        mu_json_object_begin(&writer);
        mu_json_key(&writer, "type");
        mu_json_string(&writer, "match");
        mu_json_key(&writer, "t");
        mu_json_real(&writer, (double)recording->match_ms / 1000);
        mu_json_key(&writer, "m");
        mu_json_string(&writer, options->config->modes[held->mode].name);
        mu_json_key(&writer, "region");
        mu_json_u64(&writer, held->region);
        put_teams(recording, held, &writer);
        mu_json_object_end(&writer);
        r = mu_recording_hand_over(recording, &writer, options->write_match, options->matches);
    }
    free(held);
    return r;
}

static struct mu_held_match *hold(const struct mu_recording *recording,
                                  const struct mu_msg_match *match, uint32_t mode, uint32_t region)
{
    struct mu_held_match *ret =
        calloc(1, sizeof *ret + match->players_count * sizeof(struct mu_held_seat));
    if (ret == NULL) {
        return NULL;
    }
    memcpy(ret->id, match->id, sizeof ret->id);
    ret->at_ms = (int64_t)match->created_ms - recording->start_ms;
    ret->mode = mode;
    ret->region = region;
    ret->seats_count = match->players_count;
    for (uint32_t i = 0; i < match->players_count; i++) {
        const struct mu_msg_match_player *player = &match->players[i];
        memcpy(ret->seats[i].ticket, player->ticket, sizeof ret->seats[i].ticket);
        ret->seats[i].team = match->teams == 1 ? i : (uint32_t)player->team;
    }
    return ret;
}

int mu_recording_match(struct mu_recording *recording, const struct mu_msg_match *match)
{
    int32_t mode = mu_config_mode(recording->options.config, match->mode);
    int32_t region = mu_config_region(recording->options.config, match->region);
    uint32_t index = 0;
    int r = 0;
    if (match->custom || match->players_count == 0 || mode < 0 || region < 0 || !recording->begun ||
        (int64_t)match->created_ms <= recording->start_ms || !is_new(recording, match)) {
        return 0;
    }
    if (mu_heap_count(recording->matches_order) == MU_RECORDING_MATCHES_MAX) {
        r = mu_recording_write_match(recording);
    }
    while (recording->matches[index] != NULL) {
        index++;
    }
    recording->matches[index] = hold(recording, match, (uint32_t)mode, (uint32_t)region);
    if (recording->matches[index] == NULL) {
        return -ENOMEM;
    }
    mu_heap_set(recording->matches_order, index, recording->matches[index]->at_ms);
    return r;
}
