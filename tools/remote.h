/* tools/remote.h - what the subcommands share that ask a running cluster: options, requests,
 * refusals told to people, and reading answers.
 *
 *     struct mu_remote *remote = calloc(1, sizeof *remote);
 *     mu_remote_init(remote, "rules");
 *     const struct mu_option options[] = { mu_remote_option_gateway(remote), ... };
 *     ... mu_options_parse(...), mu_remote_begin(remote), mu_remote_ask_json(remote, ...)
 *
 * What goes wrong is told on stderr, after "muster COMMAND: "; functions return 0 or the exit code
 * with which the subcommand ends. */
#ifndef MU_TOOLS_REMOTE_H
#define MU_TOOLS_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/options.h"
#include "gateway/json.h"
#include "tools/http_ask.h"

#define MU_REMOTE_NAME_MAX 64 /* bytes of a name in a path */

struct mu_remote {
    const char *command;           /* the subcommand's name, for messages */
    const char *address;           /* --gateway */
    const char *key_file;          /* --key-file, or NULL */
    uint64_t wait_s;               /* --wait */
    struct mu_ask_gateway gateway; /* of these; set by mu_remote_begin() */
    struct mu_json answer;         /* the last one, parsed */
};

/* Sets what holds without options. */
void mu_remote_init(struct mu_remote *remote, const char *command);

/* The options, for a table of tools/options.h. */
struct mu_option mu_remote_option_gateway(struct mu_remote *remote);
struct mu_option mu_remote_option_key_file(struct mu_remote *remote);
struct mu_option mu_remote_option_wait(struct mu_remote *remote);

/* Takes what the options say.  Returns 0, MU_EXIT_USAGE or MU_EXIT_UNAVAILABLE. */
int mu_remote_begin(struct mu_remote *remote);

/* Asks; see mu_ask(); `body` NULL: none.  Returns 0 with a 2xx answer (free its body); or, the
 * refusal being told and ret->body NULL: MU_EXIT_UNAVAILABLE (no answer, 429, 503), MU_EXIT_DATA
 * (422), else 1. */
int mu_remote_ask(struct mu_remote *remote, const char *method, const char *path, const char *body,
                  struct mu_ask_answer *ret);

/* The same, for an answer that is JSON: remote->answer. */
int mu_remote_ask_json(struct mu_remote *remote, const char *method, const char *path,
                       const char *body);

/* Whether it may stand in a path as it is: letters, digits, "_.-", 1 to MU_REMOTE_NAME_MAX. */
bool mu_remote_name_valid(const char *name);

/* Reading answers.  `node` may be MU_JSON_NONE or no object: nothing is there then. */

/* The member called `key`, or MU_JSON_NONE. */
uint32_t mu_remote_member(const struct mu_json *json, uint32_t node, const char *key);

/* Its first child when it is an array, or MU_JSON_NONE; the next ones: json->nodes[i].next. */
uint32_t mu_remote_first(const struct mu_json *json, uint32_t node, const char *key);

/* Its text, or "" when it is none. */
const char *mu_remote_text(const struct mu_json *json, uint32_t node, const char *key);

/* Its number when it is a whole one, or 0. */
int64_t mu_remote_number(const struct mu_json *json, uint32_t node, const char *key);

#endif /* MU_TOOLS_REMOTE_H */
