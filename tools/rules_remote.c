/* tools/rules_remote.c - `muster rules list|show|diff|apply|rollback`: the rule sets of a running
 * cluster. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/parse.h"
#include "tools/command.h"
#include "tools/remote.h"
#include "tools/text_diff.h"

#define DOCUMENT_BYTES_MAX (64 * 1024)
#define HASH_SHOWN         12 /* characters */

/* What the command line says. */
struct rules {
    struct mu_remote remote;
    uint64_t version;     /* --version; 0: the one that holds */
    const char *words[4]; /* subcommand, name, and what it takes */
};

/* Reads the document of a version (0: the one that holds).  Returns 0 with *ret to free, or an exit
 * code. */
static int ask_document(struct rules *rules, uint64_t version, char **ret)
{
    char path[MU_REMOTE_NAME_MAX + 80];
    struct mu_ask_answer answer;
    (void)snprintf(path, sizeof path, "/v1/rulesets/%s/document?version=%" PRIu64, rules->words[1],
                   version);
    int r = mu_remote_ask(&rules->remote, "GET", path, NULL, &answer);
    *ret = r == 0 ? answer.body : NULL;
    return r;
}

/* Reads a document from a file ("-": stdin).  Returns 0 with *ret to free, or an exit code. */
static int read_document(const char *path, char **ret)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    char *text = malloc(DOCUMENT_BYTES_MAX + 2);
    if (file == NULL || text == NULL) {
        (void)fprintf(stderr, "muster rules: cannot read %s: %s\n", path, strerror(errno));
        free(text);
        if (file != NULL && !standard) {
            (void)fclose(file); /* it was only to be read */
        }
        return MU_EXIT_UNAVAILABLE;
    }
    size_t bytes = fread(text, 1, DOCUMENT_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    if (!standard) {
        (void)fclose(file); /* likewise */
    }
    text[bytes] = '\0';
    bool whole = bytes <= DOCUMENT_BYTES_MAX && strlen(text) == bytes;
    if (failed || !whole) {
        (void)fprintf(stderr, "muster rules: %s %s\n", path,
                      failed                       ? "cannot be read"
                      : bytes > DOCUMENT_BYTES_MAX ? "is larger than 64 KiB"
                                                   : "has a zero byte in it");
        free(text);
        return failed ? MU_EXIT_UNAVAILABLE : MU_EXIT_DATA;
    }
    *ret = text;
    return 0;
}

/* The subcommands. */

static int list(struct rules *rules)
{
    const struct mu_json *json = &rules->remote.answer;
    int r = mu_remote_ask_json(&rules->remote, "GET", "/v1/rulesets", NULL);
    if (r != 0) {
        return r;
    }
    (void)printf("%-31s  %7s  %6s  %-24s  %s\n", "GAME MODE", "VERSION", "NEWEST", "MADE", "HASH");
    for (uint32_t at = mu_remote_first(json, 0, "ruleSets"); at != MU_JSON_NONE;
         at = json->nodes[at].next) {
        (void)printf(
            "%-31s  %7" PRId64 "  %6" PRId64 "  %-24s  %.*s\n", mu_remote_text(json, at, "name"),
            mu_remote_number(json, at, "version"), mu_remote_number(json, at, "newestVersion"),
            mu_remote_text(json, at, "createdAt"), HASH_SHOWN, mu_remote_text(json, at, "hash"));
    }
    return 0;
}

static int show(struct rules *rules)
{
    char *text = NULL;
    int r = ask_document(rules, rules->version, &text);
    if (r == 0 && fputs(text, stdout) == EOF) {
        r = 1;
    }
    free(text);
    return r;
}

static int diff(struct rules *rules)
{
    uint64_t from = 0;
    uint64_t to = 0;
    char *old = NULL;
    char *new = NULL;
    bool versions = rules->words[3] != NULL;
    if (versions && (mu_parse_u64(rules->words[2], 1, INT64_MAX, &from) != 0 ||
                     mu_parse_u64(rules->words[3], 1, INT64_MAX, &to) != 0)) {
        (void)fprintf(stderr, "muster rules: versions are whole numbers, from 1\n");
        return MU_EXIT_USAGE;
    }
    int r = ask_document(rules, versions ? from : rules->version, &old);
    if (r == 0) {
        r = versions ? ask_document(rules, to, &new) : read_document(rules->words[2], &new);
    }
    if (r == 0) {
        r = mu_text_diff(old, new, stdout);
        r = r < 0 ? MU_EXIT_UNAVAILABLE : r;
    } else if (r == 1) {
        r = MU_EXIT_DATA; /* 1 says that they differ */
    }
    free(old);
    free(new);
    return r;
}

/* Says which version holds now. */
static void tell_active(const struct rules *rules, const char *how)
{
    const struct mu_json *json = &rules->remote.answer;
    uint32_t ruleset = mu_remote_member(json, 0, "ruleSet");
    (void)printf("%s: version %" PRId64 " holds%s\n", rules->words[1],
                 mu_remote_number(json, ruleset, "activeVersion"), how);
}

static int apply(struct rules *rules)
{
    char path[MU_REMOTE_NAME_MAX + 32];
    char *text = NULL;
    int r = read_document(rules->words[2], &text);
    if (r != 0) {
        return r;
    }
    (void)snprintf(path, sizeof path, "/v1/rulesets/%s", rules->words[1]);
    r = mu_remote_ask_json(&rules->remote, "PUT", path, text);
    free(text);
    if (r == 0) {
        tell_active(rules, "");
    }
    return r;
}

static int rollback(struct rules *rules)
{
    char path[MU_REMOTE_NAME_MAX + 32];
    char body[64];
    uint64_t version = 0;
    if (mu_parse_u64(rules->words[2], 1, INT64_MAX, &version) != 0) {
        (void)fprintf(stderr, "muster rules: versions are whole numbers, from 1\n");
        return MU_EXIT_USAGE;
    }
    (void)snprintf(path, sizeof path, "/v1/rulesets/%s/rollback", rules->words[1]);
    (void)snprintf(body, sizeof body, "{\"version\":%" PRIu64 "}", version);
    int r = mu_remote_ask_json(&rules->remote, "POST", path, body);
    if (r == 0) {
        tell_active(rules, " again");
    }
    return r;
}

static const struct {
    const char *name;
    int (*run)(struct rules *rules);
    uint32_t words_min; /* behind its own name */
    uint32_t words_max;
} subcommands[] = {
    { "list", list, 0, 0 },   { "show", show, 1, 1 },         { "diff", diff, 2, 3 },
    { "apply", apply, 2, 2 }, { "rollback", rollback, 2, 2 },
};

/* Runs the subcommand.  Returns the exit code; -1: there is none of that form. */
static int run(struct rules *rules)
{
    uint32_t words = 0;
    while (words < 3 && rules->words[words + 1] != NULL) {
        words++;
    }
    for (size_t i = 0; i < sizeof subcommands / sizeof subcommands[0]; i++) {
        if (strcmp(subcommands[i].name, rules->words[0]) != 0 || words < subcommands[i].words_min ||
            words > subcommands[i].words_max) {
            continue;
        }
        if (words > 0 && !mu_remote_name_valid(rules->words[1])) {
            (void)fprintf(stderr, "muster rules: %s is no name of a game mode\n", rules->words[1]);
            return MU_EXIT_USAGE;
        }
        return subcommands[i].run(rules);
    }
    return -1;
}

static const char manual_text[] =
    "list                  the rule sets that hold\n"
    "show NAME             prints game mode NAME's document, as it was sent\n"
    "diff NAME FILE        what FILE would change in it; FILE - is standard input\n"
    "diff NAME FROM TO     what version TO changed in version FROM\n"
    "apply NAME FILE       makes FILE NAME's rule set, as a new version (none when it is\n"
    "                      the one that holds); tells every fault when it has some\n"
    "rollback NAME VERSION makes a former version hold again\n\n"
    "Versions never change; each apply that changes something makes the next one.\n"
    "Exit code: 0 done (diff: no difference), 1 refused (diff: they differ), 65 the\n"
    "document has faults (diff: refused), 69 no answer or not in time.\n";

int mu_command_rules_remote(int argc, char **argv)
{
    struct rules *rules = calloc(1, sizeof *rules);
    if (rules == NULL) {
        return 1;
    }
    mu_remote_init(&rules->remote, "rules");
    const struct mu_option options[] = {
        mu_remote_option_gateway(&rules->remote),
        mu_remote_option_key_file(&rules->remote),
        { "version", "N", "show, diff: of this version, not of the one that holds",
          .ret_number = &rules->version, .min = 1, .max = INT64_MAX },
        mu_remote_option_wait(&rules->remote),
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "rules",
        .arguments = "list|show|diff|apply|rollback [OPTION ...] [NAME] [FILE|VERSION ...]",
        .text = manual_text,
        .options = options,
        .arguments_min = 1,
        .arguments_max = 4,
    };
    int r = mu_options_parse(&manual, argc, argv, rules->words);
    if (r != MU_OPTIONS_GO) {
        free(rules);
        return r;
    }
    r = mu_remote_begin(&rules->remote);
    if (r == 0) {
        r = run(rules);
    }
    if (r == -1) {
        mu_options_print(&manual, stderr);
        r = MU_EXIT_USAGE;
    }
    free(rules);
    return r == 0 && fflush(stdout) != 0 ? 1 : r;
}
