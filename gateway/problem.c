#include "gateway/problem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/present.h"

#define TRACE_ID_OFFSET 3 /* in "00-<32 digits>-<16 digits>-<2 digits>" */
#define TRACE_ID_BYTES  32

enum mu_error mu_problem_of_faults(const struct mu_faults *faults)
{
    assert(faults->count > 0);
    for (uint32_t i = 1; i < faults->count; i++) {
        if (faults->at[i].code != faults->at[0].code) {
            return MU_ERROR_VALIDATION_FAILED;
        }
    }
    return faults->at[0].code;
}

uint32_t mu_problem_by_name(const char *name)
{
    static const struct {
        uint32_t number;
        const char *name;
    } errors[] = {
#define ERROR(number, NAME, status, title) { number, #NAME },
#include "wire/errors.def"
#undef ERROR
    };
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (strcmp(errors[i].name, name) == 0) {
            return errors[i].number;
        }
    }
    return 0;
}

static void put_faults(struct mu_json_writer *writer, const struct mu_faults *faults)
{
    mu_json_key(writer, "errors");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < faults->count; i++) {
        mu_json_object_begin(writer);
        mu_put_text(writer, "pointer", faults->at[i].pointer);
        mu_put_text(writer, "detail", faults->at[i].detail);
        mu_put_text(writer, "code", mu_error_info(faults->at[i].code)->name);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
}

static void put_rules_faults(struct mu_json_writer *writer,
                             const struct mu_msg_rules_refused *refused)
{
    mu_json_key(writer, "errors");
    mu_json_array_begin(writer);
    for (uint32_t i = 0; i < refused->faults_count; i++) {
        mu_json_object_begin(writer);
        mu_put_text(writer, "pointer", refused->faults[i].pointer);
        mu_put_text(writer, "detail", refused->faults[i].detail);
        mu_json_object_end(writer);
    }
    mu_json_array_end(writer);
}

/* INSUFFICIENT_PLAYERS tells who is not ready as "ply_a,ply_b". */
static void put_not_ready(struct mu_json_writer *writer, const char *ids)
{
    mu_json_key(writer, "notReady");
    mu_json_array_begin(writer);
    while (*ids != '\0') {
        size_t n = strcspn(ids, ", ");
        if (n > 4 && memcmp(ids, "ply_", 4) == 0) {
            mu_json_string_n(writer, ids, n);
        }
        ids += n;
        ids += strspn(ids, ", ");
    }
    mu_json_array_end(writer);
}

static void put_engagement(struct mu_json_writer *writer, const struct mu_msg_error *refusal)
{
    mu_json_key(writer, "engagement");
    mu_json_object_begin(writer);
    mu_put_text(writer, "kind", mu_enum_text(mu_engaged_texts, refusal->engaged));
    mu_put_text(writer, "id", refusal->subject);
    mu_json_object_end(writer);
    switch (refusal->engaged) {
    case MU_ENGAGED_NONE: break;
    case MU_ENGAGED_LOBBY: mu_put_text(writer, "lobbyId", refusal->subject); break;
    case MU_ENGAGED_TICKET: mu_put_text(writer, "ticketId", refusal->subject); break;
    case MU_ENGAGED_MATCH: mu_put_text(writer, "matchId", refusal->subject); break;
    }
}

void mu_problem_members(struct mu_json_writer *writer, const struct mu_problem *problem)
{
    const struct mu_error_info *info = mu_error_info(problem->error);
    const struct mu_msg_error *refusal = problem->refusal;
    const char *detail = problem->detail;
    char sentence[384];
    if (detail == NULL || detail[0] == '\0' ||
        problem->error == (uint32_t)MU_ERROR_INSUFFICIENT_PLAYERS) {
        detail = info->title;
    } else if (strchr(detail, ' ') == NULL) {           /* only a name: say what is with it */
        int title_bytes = (int)strlen(info->title) - 1; /* without its full stop */
        (void)snprintf(sentence, sizeof sentence, "%.*s: %s", title_bytes, info->title, detail);
        detail = sentence;
    }
    mu_put_text(writer, "title", info->title);
    mu_put_i64(writer, "status", info->status);
    mu_put_text(writer, "detail", detail);
    mu_put_text(writer, "code", info->name);
    if (problem->faults != NULL && problem->faults->count > 0) {
        put_faults(writer, problem->faults);
    }
    if (problem->rules != NULL) {
        put_rules_faults(writer, problem->rules);
    }
    if (refusal != NULL && refusal->engaged != MU_ENGAGED_NONE) {
        put_engagement(writer, refusal);
    }
    if (refusal != NULL && refusal->code == (uint64_t)MU_ERROR_INSUFFICIENT_PLAYERS) {
        put_not_ready(writer, refusal->detail);
    }
    if (problem->retry_after_ms > 0) {
        mu_put_u64(writer, "retryAfterMs", problem->retry_after_ms);
    }
    if (strlen(problem->trace) > TRACE_ID_OFFSET + TRACE_ID_BYTES) {
        mu_json_key(writer, "traceId");
        mu_json_string_n(writer, problem->trace + TRACE_ID_OFFSET, TRACE_ID_BYTES);
    }
    mu_put_text(writer, "message", detail);
    mu_put_text(writer, "error", info->title);
}
