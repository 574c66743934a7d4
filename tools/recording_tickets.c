/* tools/recording_tickets.c - the tickets of a recording: stays in the queue, and their lines. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/recording_private.h"

/* Forgets a stay, whose line was written or is not wanted. */
void mu_recording_forget(struct mu_recording *recording, uint32_t index)
{
    struct mu_stay *slot = &recording->slots[index];
    (void)mu_heap_remove(recording->order, index);
    (void)mu_heap_remove(recording->old, index);
    if (slot->older != MU_STAY_NONE) {
        recording->slots[slot->older].newer = slot->newer;
    }
    if (slot->newer != MU_STAY_NONE) {
        recording->slots[slot->newer].older = slot->older;
    } else if (slot->older != MU_STAY_NONE) {
        (void)mu_map_put(recording->tickets, slot->id, slot->older); /* known, so it has room */
    } else {
        (void)mu_map_remove(recording->tickets, slot->id); /* known */
    }
    recording->bytes -= slot->head_bytes;
    free(slot->head);
    *slot = (struct mu_stay){ .next_free = recording->slots_free };
    recording->slots_free = index;
}

static void schedule_forgetting(struct mu_recording *recording, uint32_t index)
{
    const struct mu_stay *slot = &recording->slots[index];
    int64_t last_ms = slot->stage == MU_STAY_WAITS ? slot->deadline_ms : slot->ended_ms;
    if (slot->written) {
        mu_heap_set(recording->old, index, last_ms + MU_STAY_KNOWN_MS);
    }
}

void mu_recording_settle(struct mu_stay *stay, int64_t start_ms, int64_t until_ms)
{
    int64_t patience_ms = until_ms - start_ms - stay->at_ms;
    stay->patience_ms = patience_ms > 0 ? patience_ms : 0;
    stay->settled = true;
}

/* For as long as it might have waited. */
void mu_recording_settle_at_most(struct mu_stay *stay, int64_t start_ms, int64_t seen_ms)
{
    mu_recording_settle(stay, start_ms, stay->deadline_ms > seen_ms ? stay->deadline_ms : seen_ms);
}

/* Writes the line of a stay that is settled. */
int mu_recording_write_line(struct mu_recording *recording, uint32_t index)
{
    const struct mu_recording_options *options = &recording->options;
    struct mu_stay *slot = &recording->slots[index];
    struct mu_recording_mode *counts = &recording->counts.modes[slot->mode];
    char end[128];
    assert(slot->settled && !slot->written && slot->at_ms >= recording->horizon_ms);
    size_t end_bytes =
        mu_recording_put_end(options->config->modes[slot->mode].name, slot->patience_ms, end);
    assert(slot->head_bytes + end_bytes <= MU_RECORDING_LINE_MAX);
    memcpy(recording->line, slot->head, slot->head_bytes);
    memcpy(recording->line + slot->head_bytes, end, end_bytes);
    int r = options->write_ticket(options->tickets, recording->line, slot->head_bytes + end_bytes);
    counts->tickets++;
    counts->players += slot->players;
    counts->matched += slot->stage == MU_STAY_MATCHED ? 1 : 0;
    counts->left += slot->stage == MU_STAY_LEFT ? 1 : 0;
    counts->waiting += slot->stage == MU_STAY_WAITS ? 1 : 0;
    recording->horizon_ms = slot->at_ms;
    recording->bytes -= slot->head_bytes;
    free(slot->head);
    slot->head = NULL;
    slot->head_bytes = 0;
    slot->written = true;
    (void)mu_heap_remove(recording->order, index);
    schedule_forgetting(recording, index);
    return r;
}

/* Writes the oldest line that is held, whatever becomes of its ticket. */
static int cut(struct mu_recording *recording)
{
    uint32_t index = mu_heap_first(recording->order);
    struct mu_stay *slot = &recording->slots[index];
    if (!slot->settled) {
        recording->counts.cut++;
        mu_recording_settle_at_most(slot, recording->start_ms, recording->safe_ms);
    }
    return mu_recording_write_line(recording, index);
}

/* Finds room for a stay; there always is, if the oldest are given up. */
static int take_slot(struct mu_recording *recording, uint32_t *ret)
{
    int r = 0;
    if (recording->slots_free == MU_STAY_NONE && recording->slots_end == MU_RECORDING_TICKETS_MAX) {
        if (mu_heap_count(recording->old) == 0 && recording->begun) {
            r = cut(recording);
        }
        /* Before the beginning there are no lines: the rest of a queue that is as large as that is
         * not recorded. */
        if (mu_heap_count(recording->old) == 0) {
            *ret = MU_STAY_NONE;
            recording->counts.cut++;
            return r;
        }
        mu_recording_forget(recording, mu_heap_first(recording->old));
    }
    if (recording->slots_free != MU_STAY_NONE) {
        *ret = recording->slots_free;
        recording->slots_free = recording->slots[*ret].next_free;
    } else {
        *ret = recording->slots_end++;
    }
    return r;
}

/* Keeps the line's beginning, which is in the scratch buffer. */
static int keep_head(struct mu_recording *recording, struct mu_stay *slot, size_t size)
{
    slot->head = malloc(size);
    if (slot->head == NULL) {
        return -ENOMEM;
    }
    memcpy(slot->head, recording->line, size);
    slot->head_bytes = size;
    recording->bytes += size;
    return 0;
}

/* Tickets. */

/* The first of the ticket's modes that is recorded, or -1; and whether there are several. */
static int32_t choose_mode(struct mu_recording *recording, const struct mu_msg_ticket *ticket,
                           bool *ret_several)
{
    const struct mu_recording_options *options = &recording->options;
    int32_t ret = -1;
    *ret_several = ticket->others_count > 0;
    for (uint32_t i = 0; i <= ticket->others_count; i++) {
        int32_t mode =
            mu_config_mode(options->config, i == 0 ? ticket->mode : ticket->others[i - 1].id);
        if (mode >= 0 && ret < 0 && (options->modes >> mode & 1) != 0) {
            ret = mode;
        }
    }
    if (mu_config_mode(options->config, ticket->mode) < 0 && ticket->version == 1) {
        recording->counts.unknown++;
    }
    return ret;
}

/* When it arrives: when it was enqueued, or, if it came back, when that was learned. */
static int64_t arrival(struct mu_recording *recording, const struct mu_msg_ticket *ticket,
                       int64_t wall_ms)
{
    int64_t at_ms = (int64_t)ticket->enqueued_ms;
    if (!recording->begun) {
        return 0;
    }
    if (ticket->priority > 0) {
        int64_t ended_ms = (int64_t)ticket->ended_ms;
        at_ms = ended_ms > 0 && ended_ms < wall_ms ? ended_ms : wall_ms;
        recording->counts.returned++;
    }
    at_ms = at_ms > recording->start_ms ? at_ms - recording->start_ms : 0;
    if (at_ms < recording->horizon_ms) {
        recording->counts.late++;
        at_ms = recording->horizon_ms;
    }
    return at_ms;
}

/* Puts a stay of the ticket into a slot, as the newest. */
static void link_stay(struct mu_recording *recording, uint32_t index, const char *ticket)
{
    struct mu_stay *slot = &recording->slots[index];
    uint32_t older = mu_map_get(recording->tickets, ticket);
    memcpy(slot->id, ticket, sizeof slot->id);
    slot->newer = MU_STAY_NONE;
    slot->older = older;
    if (older != MU_STAY_NONE) {
        recording->slots[older].newer = index;
    }
    int r = mu_map_put(recording->tickets, slot->id, index);
    assert(r == 0); /* as many fit as there are slots */
    (void)r;
    mu_heap_set(recording->order, index, slot->at_ms);
}
static_assert(MU_STAY_NONE == MU_MAP_NONE, "the end of a chain");

/* Adds a stay of the ticket.  ret: MU_STAY_NONE when there is no room, or it is not recorded. */
static int add(struct mu_recording *recording, const struct mu_msg_ticket *ticket, int64_t wall_ms,
               uint32_t *ret)
{
    struct mu_json_writer writer;
    bool several = false;
    int32_t mode = choose_mode(recording, ticket, &several);
    uint32_t index = MU_STAY_NONE;
    int r = 0;
    if (mode >= 0 && ticket->players_count > 0) {
        r = take_slot(recording, &index);
    }
    *ret = index;
    if (r != 0 || index == MU_STAY_NONE) {
        return r;
    }
    struct mu_stay *slot = &recording->slots[index];
    *slot = (struct mu_stay){
        .version = ticket->version,
        .stay = ticket->priority,
        .stage = MU_STAY_WAITS,
        .mode = (uint32_t)mode,
        .players = ticket->players_count,
        .several = several,
        .at_ms = arrival(recording, ticket, wall_ms),
        .deadline_ms = (int64_t)(ticket->enqueued_ms + ticket->wait_max_ms),
    };
    link_stay(recording, index, ticket->id);
    mu_recording_name(&recording->options, ++recording->number, ticket->id, slot->stay,
                      &slot->name);
    mu_json_writer_init(&writer, recording->line, MU_RECORDING_LINE_MAX);
    mu_recording_put_ticket(&writer, &recording->options, ticket, &slot->name, slot->at_ms,
                            recording->json);
    assert(!writer.overflow);
    return keep_head(recording, slot, writer.used);
}

/* It stopped waiting. */
static void leave(struct mu_recording *recording, uint32_t index, enum mu_stay_stage stage,
                  int64_t ended_ms, const char *match)
{
    struct mu_stay *slot = &recording->slots[index];
    assert(slot->stage == MU_STAY_WAITS && stage != MU_STAY_WAITS);
    slot->stage = stage;
    slot->ended_ms = ended_ms;
    if (match[0] != '\0') {
        (void)snprintf(slot->match, sizeof slot->match, "%s", match);
    }
    if (!recording->begun) {
        mu_recording_forget(recording, index);
        return;
    }
    if (!slot->written && stage == MU_STAY_LEFT) {
        mu_recording_settle(slot, recording->start_ms, ended_ms);
    } else if (!slot->written && !slot->several) {
        mu_recording_settle_at_most(slot, recording->start_ms, ended_ms);
    }
    schedule_forgetting(recording, index);
}

/* Ends the stay as its record says. */
static void end_stay(struct mu_recording *recording, uint32_t index,
                     const struct mu_msg_ticket *ticket)
{
    recording->slots[index].version = ticket->version;
    leave(recording, index, ticket->state == MU_TICKET_MATCHED ? MU_STAY_MATCHED : MU_STAY_LEFT,
          (int64_t)ticket->ended_ms, ticket->match);
}

/* Lines that are held beyond the bound. */
static int bound_bytes(struct mu_recording *recording)
{
    int r = 0;
    while (r == 0 && recording->begun && recording->bytes > MU_RECORDING_BYTES_MAX) {
        r = cut(recording);
    }
    return r;
}

/* The ticket's newest stay changed. */
static int change(struct mu_recording *recording, uint32_t index,
                  const struct mu_msg_ticket *ticket, int64_t wall_ms)
{
    struct mu_stay *slot = &recording->slots[index];
    bool waits = ticket->state == MU_TICKET_QUEUED;
    uint32_t added = MU_STAY_NONE;
    if (ticket->version <= slot->version) {
        return 0;
    }
    slot->version = ticket->version;
    if (ticket->priority == slot->stay && (!waits || slot->stage == MU_STAY_WAITS)) {
        /* A match that failed by its players' fault changes nothing: it was formed. */
        if (!waits && slot->stage == MU_STAY_WAITS) {
            end_stay(recording, index, ticket);
        }
        return 0;
    }
    if (slot->stage == MU_STAY_WAITS) {
        /* It was matched meanwhile and came back; the match will say that it was this stay. */
        leave(recording, index, MU_STAY_MATCHED, wall_ms, "");
    }
    int r = add(recording, ticket, wall_ms, &added);
    if (r == 0 && added != MU_STAY_NONE && !waits) {
        end_stay(recording, added, ticket);
    }
    return r;
}

int mu_recording_ticket(struct mu_recording *recording, const struct mu_msg_ticket *ticket,
                        int64_t wall_ms)
{
    uint32_t index = mu_map_get(recording->tickets, ticket->id);
    int64_t ended_ms = (int64_t)ticket->ended_ms;
    uint32_t added = MU_STAY_NONE;
    int r = 0;
    if (ticket->version == 0 || ticket->state == MU_TICKET_NONE || ticket->id[0] == '\0') {
        return 0; /* no record of a store */
    }
    if (index != MU_STAY_NONE) {
        r = change(recording, index, ticket, wall_ms);
    } else if (ticket->state == MU_TICKET_QUEUED) {
        r = add(recording, ticket, wall_ms, &added);
    } else if (recording->begun && ended_ms > recording->start_ms &&
               ended_ms + MU_STAY_KNOWN_MS > recording->safe_ms) {
        /* It came and went between two looks; one that ended earlier was known. */
        r = add(recording, ticket, wall_ms, &added);
        if (r == 0 && added != MU_STAY_NONE) {
            end_stay(recording, added, ticket);
        }
    }
    return r != 0 ? r : bound_bytes(recording);
}

void mu_recording_gone(struct mu_recording *recording, const char *ticket, int64_t wall_ms)
{
    uint32_t index = mu_map_get(recording->tickets, ticket);
    if (index != MU_MAP_NONE && recording->slots[index].stage == MU_STAY_WAITS) {
        leave(recording, index, MU_STAY_LEFT, wall_ms, "");
    }
}
