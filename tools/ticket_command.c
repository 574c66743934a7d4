/* tools/ticket_command.c - `muster ticket show|explain`: a ticket of a running cluster, and why it
 * still waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/remote.h"
#include "tools/ticket_page.h"

/* What the command line says. */
struct call {
    struct mu_remote remote;
    const char *queue;    /* --queue, or NULL */
    bool json;            /* --json */
    const char *words[2]; /* subcommand, ticket */
};

/* Asks, and prints the answer as it came, or as a page.  Returns the exit code. */
static int print(struct call *call, const char *path, const char *member,
                 void (*page)(const struct mu_json *json, uint32_t node, FILE *file))
{
    struct mu_remote *remote = &call->remote;
    if (!call->json) {
        int r = mu_remote_ask_json(remote, "GET", path, NULL);
        if (r == 0) {
            page(&remote->answer, mu_remote_member(&remote->answer, 0, member), stdout);
        }
        return r;
    }
    struct mu_ask_answer answer;
    int r = mu_remote_ask(remote, "GET", path, NULL, &answer);
    if (r == 0 && (fputs(answer.body, stdout) == EOF || fputc('\n', stdout) == EOF)) {
        r = 1;
    }
    free(answer.body);
    return r;
}

static int show(struct call *call)
{
    char path[MU_REMOTE_NAME_MAX + 32];
    if (call->queue != NULL) {
        (void)fprintf(stderr, "muster ticket: --queue is for explain\n");
        return MU_EXIT_USAGE;
    }
    (void)snprintf(path, sizeof path, "/v1/tickets/%s", call->words[1]);
    return print(call, path, "ticket", mu_ticket_page_ticket);
}

static int explain(struct call *call)
{
    char path[2 * MU_REMOTE_NAME_MAX + 48];
    if (call->queue != NULL && !mu_remote_name_valid(call->queue)) {
        (void)fprintf(stderr, "muster ticket: %s is no name of a game mode\n", call->queue);
        return MU_EXIT_USAGE;
    }
    (void)snprintf(path, sizeof path, "/v1/tickets/%s/explain%s%s", call->words[1],
                   call->queue == NULL ? "" : "?queue=", call->queue == NULL ? "" : call->queue);
    return print(call, path, "explanation", mu_ticket_page_explanation);
}

/* Runs the subcommand.  Returns the exit code; -1: there is none of that name. */
static int run(struct call *call)
{
    bool shows = strcmp(call->words[0], "show") == 0;
    if (!shows && strcmp(call->words[0], "explain") != 0) {
        return -1;
    }
    if (!mu_remote_name_valid(call->words[1])) {
        (void)fprintf(stderr, "muster ticket: %s is no ticket's id\n", call->words[1]);
        return MU_EXIT_USAGE;
    }
    return shows ? show(call) : explain(call);
}

static const char manual_text[] =
    "show ID      a ticket: its state, its queues, its place, its players\n"
    "explain ID   why it still waits: what its rules ask now and what they ask next, how\n"
    "             many others pass each of them, and what the nearest that fails lacks\n\n"
    "docs/TICKETS.md explains the page.  Exit code: 0 done, 1 refused (no such ticket, or\n"
    "it does not wait any more), 69 no answer or not in time.\n";

int mu_command_ticket(int argc, char **argv)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return 1;
    }
    mu_remote_init(&call->remote, "ticket");
    const struct mu_option options[] = {
        { "queue", "MODE", "explain: in this queue of the ticket, not in its first",
          .ret_text = &call->queue },
        { "json", NULL, "print the answer as it came", .ret_flag = &call->json },
        mu_remote_option_gateway(&call->remote),
        mu_remote_option_key_file(&call->remote),
        mu_remote_option_wait(&call->remote),
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "ticket",
        .arguments = "show|explain [OPTION ...] ID",
        .text = manual_text,
        .options = options,
        .arguments_min = 2,
        .arguments_max = 2,
    };
    int r = mu_options_parse(&manual, argc, argv, call->words);
    if (r != MU_OPTIONS_GO) {
        free(call);
        return r;
    }
    r = mu_remote_begin(&call->remote);
    if (r == 0) {
        r = run(call);
    }
    if (r == -1) {
        mu_options_print(&manual, stderr);
        r = MU_EXIT_USAGE;
    }
    free(call);
    return r == 0 && fflush(stdout) != 0 ? 1 : r;
}
