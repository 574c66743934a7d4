/* gateway/problem.h - an error as application/problem+json (RFC 9457).
 *
 *   {"type":"/problems/LOBBY_FULL","title":...,"status":409,"detail":...,"code":"LOBBY_FULL",
 *    "errors":[{"pointer","detail"}],"traceId":...,"message":...,"error":...}
 *
 * and, where they say something: engagement{kind,id}, matchId, notReady[], retryAfterMs.
 * message and error repeat detail and title for clients of the former system. */
#ifndef MU_GATEWAY_PROBLEM_H
#define MU_GATEWAY_PROBLEM_H

#include <stdint.h>

#include "gateway/fields.h"
#include "gateway/json_write.h"
#include "wire/msg.h"

struct mu_problem {
    uint32_t error;                     /* a number of wire/errors.def */
    const char *detail;                 /* what exactly; NULL or empty: the error's own sentence */
    const char *trace;                  /* traceparent; "" for none */
    const struct mu_faults *faults;     /* NULL: none */
    const struct mu_msg_error *refusal; /* the actor's answer; NULL: the gateway's own error */
    const struct mu_msg_rules_refused *rules; /* faults of a rule set; NULL: none */
    uint64_t retry_after_ms;                  /* 0: no hint */
};

/* Writes all members but `type` into an object that is open. */
void mu_problem_members(struct mu_json_writer *writer, const struct mu_problem *problem);

/* The error that stands for all the faults: theirs, when they agree, else VALIDATION_FAILED. */
enum mu_error mu_problem_of_faults(const struct mu_faults *faults);

/* The number of an error's name, or 0. */
uint32_t mu_problem_by_name(const char *name);

#endif /* MU_GATEWAY_PROBLEM_H */
