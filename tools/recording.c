#include "tools/recording.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/rules_compile.h"
#include "tools/recording_private.h"

/* What the rules of a mode ask of a match, for the header: those of its document, if it has one. */
static int take_rules(struct mu_recording *recording, uint32_t mode, struct mu_slice text,
                      uint64_t version)
{
    struct mu_recording_rules *rules = &recording->rules[mode];
    struct mu_rulebook book;
    int r = mu_rules_of_queue(recording->options.config, mode, text, version, &book);
    if (r != 0) {
        /* The shards of this version do not understand it either, and go on as they did. */
        return r == -EINVAL ? 0 : r;
    }
    mu_workload_mode_shape(&rules->shape, &book);
    rules->objective = book.shapes[0]->objective;
    mu_rulebook_release(&book);
    return 0;
}

struct mu_recording *mu_recording_create(const struct mu_recording_options *options)
{
    struct mu_recording *ret = calloc(1, sizeof *ret);
    uint64_t seed = 0;
    assert(options->modes != 0 && options->write_ticket != NULL);
    if (ret == NULL) {
        return NULL;
    }
    memcpy(&seed, options->names.key, sizeof seed);
    ret->options = *options;
    ret->slots_free = MU_STAY_NONE;
    ret->evicted_ms = INT64_MIN;
    ret->slots = calloc(MU_RECORDING_TICKETS_MAX, sizeof ret->slots[0]);
    ret->tickets = mu_map_create(MU_RECORDING_TICKETS_MAX, MU_ID_MAX, seed);
    ret->order = mu_heap_create(MU_RECORDING_TICKETS_MAX);
    ret->old = mu_heap_create(MU_RECORDING_TICKETS_MAX);
    ret->matches = calloc(MU_RECORDING_MATCHES_MAX, sizeof(struct mu_held_match *));
    ret->matches_order = mu_heap_create(MU_RECORDING_MATCHES_MAX);
    ret->seen = mu_map_create(MU_RECORDING_SEEN_MAX, MU_ID_MAX, seed);
    ret->ring = calloc(MU_RECORDING_SEEN_MAX, sizeof ret->ring[0]);
    ret->ring_ms = calloc(MU_RECORDING_SEEN_MAX, sizeof ret->ring_ms[0]);
    ret->json = malloc(sizeof *ret->json);
    ret->line = malloc(MU_RECORDING_LINE_MAX);
    if (ret->slots == NULL || ret->tickets == NULL || ret->order == NULL || ret->old == NULL ||
        ret->matches == NULL || ret->matches_order == NULL || ret->seen == NULL ||
        ret->ring == NULL || ret->ring_ms == NULL || ret->json == NULL || ret->line == NULL) {
        mu_recording_destroy(ret);
        return NULL;
    }
    for (uint32_t i = 0; i < options->config->modes_count; i++) {
        if (take_rules(ret, i, (struct mu_slice){ NULL, 0 }, 0) != 0) {
            mu_recording_destroy(ret);
            return NULL;
        }
    }
    return ret;
}

void mu_recording_destroy(struct mu_recording *recording)
{
    if (recording == NULL) {
        return;
    }
    for (uint32_t i = 0; recording->slots != NULL && i < recording->slots_end; i++) {
        free(recording->slots[i].head);
    }
    for (uint32_t i = 0; recording->matches != NULL && i < MU_RECORDING_MATCHES_MAX; i++) {
        free(recording->matches[i]);
    }
    free(recording->slots);
    free(recording->matches);
    free(recording->ring);
    free(recording->ring_ms);
    free(recording->json);
    free(recording->line);
    mu_map_destroy(recording->tickets);
    mu_map_destroy(recording->seen);
    mu_heap_destroy(recording->order);
    mu_heap_destroy(recording->old);
    mu_heap_destroy(recording->matches_order);
    free(recording);
}

const struct mu_recording_counts *mu_recording_counts(const struct mu_recording *recording)
{
    return &recording->counts;
}

int64_t mu_recording_duration_at(const struct mu_recording *recording)
{
    return recording->duration_at;
}

int mu_recording_rules(struct mu_recording *recording, const char *mode,
                       const struct mu_msg_ruleset *ruleset)
{
    const struct mu_slice none = { NULL, 0 };
    uint64_t version = ruleset == NULL ? 0 : ruleset->version;
    int32_t index = mu_config_mode(recording->options.config, mode);
    if (index < 0 || recording->rules[index].version == version) {
        return 0;
    }
    struct mu_recording_rules *rules = &recording->rules[index];
    rules->version = version;
    (void)snprintf(rules->hash, sizeof rules->hash, "%s", ruleset == NULL ? "" : ruleset->hash);
    if (recording->begun) {
        recording->counts.rules++;
        return 0;
    }
    return take_rules(recording, (uint32_t)index, ruleset == NULL ? none : ruleset->text, version);
}

/* Ends the line in the scratch buffer and hands it over. */
int mu_recording_hand_over(const struct mu_recording *recording, struct mu_json_writer *writer,
                           mu_recording_write_fn *write, void *context)
{
    assert(mu_json_complete(writer) && writer->used < MU_RECORDING_LINE_MAX);
    recording->line[writer->used] = '\n';
    return write(context, recording->line, writer->used + 1);
}

int mu_recording_begin(struct mu_recording *recording, int64_t wall_ms)
{
    const struct mu_recording_options *options = &recording->options;
    struct mu_json_writer writer;
    assert(!recording->begun);
    recording->begun = true;
    recording->start_ms = wall_ms;
    recording->safe_ms = wall_ms;
    mu_json_writer_init(&writer, recording->line, MU_RECORDING_LINE_MAX);
    mu_recording_put_header(&writer, options, recording->rules, wall_ms, &recording->duration_at);
    int r = mu_recording_hand_over(recording, &writer, options->write_ticket, options->tickets);
    if (r == 0 && options->write_match != NULL) {
        mu_json_writer_init(&writer, recording->line, MU_RECORDING_LINE_MAX);
        mu_recording_put_outcome(&writer, options, recording->rules);
        r = mu_recording_hand_over(recording, &writer, options->write_match, options->matches);
    }
    return r;
}

/* Time passes. */

/* The first line that is held, if it can be written; else MU_STAY_NONE. */
static uint32_t next_line(struct mu_recording *recording)
{
    uint32_t index = mu_heap_first(recording->order);
    if (index == MU_HEAP_NONE ||
        recording->start_ms + mu_heap_deadline(recording->order) > recording->safe_ms) {
        return MU_STAY_NONE;
    }
    struct mu_stay *slot = &recording->slots[index];
    if (!slot->settled && slot->stage == MU_STAY_MATCHED && slot->ended_ms <= recording->safe_ms) {
        mu_recording_settle_at_most(slot, recording->start_ms,
                                    slot->ended_ms); /* its match is not known */
    }
    return slot->settled ? index : MU_STAY_NONE;
}

int mu_recording_advance(struct mu_recording *recording, int64_t safe_ms)
{
    uint32_t index = MU_STAY_NONE;
    int r = 0;
    if (!recording->begun || safe_ms <= recording->safe_ms) {
        return 0;
    }
    recording->safe_ms = safe_ms;
    while (r == 0 && mu_heap_count(recording->matches_order) > 0 &&
           recording->start_ms + mu_heap_deadline(recording->matches_order) <= safe_ms) {
        r = mu_recording_write_match(recording);
    }
    while (r == 0 && (index = next_line(recording)) != MU_STAY_NONE) {
        r = mu_recording_write_line(recording, index);
    }
    while (mu_heap_deadline(recording->old) <= safe_ms) {
        mu_recording_forget(recording, mu_heap_first(recording->old));
    }
    return r;
}

int mu_recording_end(struct mu_recording *recording, int64_t end_ms)
{
    assert(recording->begun);
    int r = mu_recording_advance(recording, end_ms);
    while (r == 0 && mu_heap_count(recording->order) > 0 &&
           recording->start_ms + mu_heap_deadline(recording->order) <= end_ms) {
        uint32_t index = mu_heap_first(recording->order);
        struct mu_stay *slot = &recording->slots[index];
        if (!slot->settled) {
            mu_recording_settle_at_most(slot, recording->start_ms, end_ms);
        }
        r = mu_recording_write_line(recording, index);
    }
    return r;
}

void mu_recording_check(const struct mu_recording *recording)
{
    uint64_t bytes = 0;
    uint32_t used = 0;
    for (uint32_t i = 0; i < recording->slots_end; i++) {
        const struct mu_stay *slot = &recording->slots[i];
        if (slot->stage == MU_STAY_FREE) {
            assert(slot->head == NULL);
            continue;
        }
        used++;
        bytes += slot->head_bytes;
        assert(slot->written == (slot->head == NULL));
        assert(mu_heap_has(recording->order, i) == !slot->written);
        assert(mu_heap_has(recording->old, i) == slot->written);
        assert(slot->written || !recording->begun || slot->at_ms >= recording->horizon_ms);
        assert(slot->newer == MU_STAY_NONE || recording->slots[slot->newer].older == i);
        assert((slot->newer == MU_STAY_NONE) == (mu_map_get(recording->tickets, slot->id) == i));
    }
    assert(bytes == recording->bytes);
    assert(used >= mu_map_count(recording->tickets));
}
