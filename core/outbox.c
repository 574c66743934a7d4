#include "core/outbox.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mu_outbox *mu_outbox_create(uint64_t incarnation)
{
    struct mu_outbox *out = calloc(1, sizeof *out);
    if (out == NULL) {
        return NULL;
    }
    out->incarnation = incarnation;
    out->entries = calloc(MU_OUTBOX_ENTRIES_MAX, sizeof *out->entries);
    out->bytes = malloc(MU_OUTBOX_BYTES_MAX); /* untouched pages cost nothing */
    if (out->entries == NULL || out->bytes == NULL) {
        mu_outbox_destroy(out);
        return NULL;
    }
    return out;
}

void mu_outbox_destroy(struct mu_outbox *out)
{
    if (out != NULL) {
        free(out->entries);
        free(out->bytes);
        free(out);
    }
}

void mu_outbox_clear(struct mu_outbox *out)
{
    out->count = 0;
    out->bytes_used = 0;
    out->notes_count = 0;
}

bool mu_outbox_full(const struct mu_outbox *out)
{
    /* Room for one more step and for the batch end that follows it. */
    return out->count + 2 * MU_OUTBOX_STEP_ENTRIES > MU_OUTBOX_ENTRIES_MAX ||
           out->bytes_used + 2 * MU_OUTBOX_STEP_BYTES > MU_OUTBOX_BYTES_MAX;
}

static struct mu_msg_envelope *append(struct mu_outbox *out, enum mu_frame frame, const char *to,
                                      const struct mu_msg *msg)
{
    assert(out->count < MU_OUTBOX_ENTRIES_MAX);
    struct mu_outbox_entry *entry = &out->entries[out->count];
    int64_t size =
        mu_msg_encode(msg, out->bytes + out->bytes_used, MU_OUTBOX_BYTES_MAX - out->bytes_used);
    assert(size > 0 && size <= MU_BODY_MAX);

    entry->envelope = (struct mu_msg_envelope){
        .version = 1,
        .frame = frame,
        .op = msg->op,
        .incarnation = out->incarnation,
        .sequence = ++out->sequence,
    };
    int n = snprintf(entry->envelope.destination, sizeof entry->envelope.destination, "%s", to);
    assert(n > 0 && n <= MU_ADDRESS_MAX);
    entry->offset = out->bytes_used;
    entry->size = (uint32_t)size;
    out->bytes_used += (uint32_t)size;
    out->count++;
    return &entry->envelope;
}

uint64_t mu_outbox_request(struct mu_outbox *out, const struct mu_request *request,
                           const struct mu_msg *msg)
{
    assert(request->budget_ms > 0);
    struct mu_msg_envelope *envelope = append(out, MU_FRAME_REQUEST, request->to, msg);
    envelope->budget_ms = request->budget_ms;
    envelope->fence = request->fence;
    if (request->idempotency_key != NULL) {
        (void)snprintf(envelope->idempotency_key, sizeof envelope->idempotency_key, "%s",
                       request->idempotency_key);
    }
    if (request->trace != NULL) {
        (void)snprintf(envelope->trace, sizeof envelope->trace, "%s", request->trace);
    }
    return envelope->sequence;
}

void mu_outbox_reply(struct mu_outbox *out, const struct mu_msg_envelope *request,
                     const struct mu_msg *msg)
{
    if (request->frame != MU_FRAME_REQUEST) {
        return;
    }
    struct mu_msg_envelope *envelope = append(out, MU_FRAME_REPLY, request->source, msg);
    envelope->answers_incarnation = request->incarnation;
    envelope->answers_sequence = request->sequence;
    memcpy(envelope->trace, request->trace, sizeof envelope->trace);
}

void mu_outbox_error(struct mu_outbox *out, const struct mu_msg_envelope *request,
                     enum mu_error error, const char *format, ...)
{
    struct mu_msg msg; /* an initialiser would zero all of the union, over 100 KB */
    msg.op = MU_OP_ERROR;
    msg.error = (struct mu_msg_error){ .code = error };
    va_list args;
    va_start(args, format);
    (void)vsnprintf(msg.error.detail, sizeof msg.error.detail, format, args);
    va_end(args);
    mu_outbox_reply(out, request, &msg);
}

void mu_outbox_event(struct mu_outbox *out, const char *to, const struct mu_msg *msg)
{
    (void)append(out, MU_FRAME_EVENT, to, msg);
}

static void note(struct mu_outbox *out, bool warning, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void note(struct mu_outbox *out, bool warning, const char *format, va_list args)
{
    if (out->notes_count < MU_OUTBOX_NOTES_MAX) {
        out->warnings[out->notes_count] = warning;
        (void)vsnprintf(out->notes[out->notes_count++], MU_OUTBOX_NOTE_MAX + 1, format, args);
    }
}

void mu_outbox_note(struct mu_outbox *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(out, false, format, args);
    va_end(args);
}

void mu_outbox_warn(struct mu_outbox *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(out, true, format, args);
    va_end(args);
}
