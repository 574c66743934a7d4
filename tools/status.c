/* tools/status.c - `muster status`: the whole cluster at one moment. */
#include <stdio.h>
#include <stdlib.h>

#include "core/options.h"
#include "tools/command.h"
#include "tools/process.h"
#include "tools/remote.h"
#include "tools/table.h"
#include "tools/topology.h"
#include "tools/topology_page.h"

/* Shows the answer.  Returns the exit code. */
static int show(const struct mu_remote *remote, const struct mu_ask_answer *answer, bool json)
{
    const struct mu_table_style style = mu_table_style_of(stdout, false);
    struct mu_topology *topology = calloc(1, sizeof *topology);
    int r = 1;
    if (topology == NULL ||
        mu_topology_read(answer->body, answer->body_bytes, mu_process_now_ms(), topology) != 0) {
        (void)fprintf(stderr, "muster status: the answer does not parse\n");
        r = MU_EXIT_UNAVAILABLE;
    } else {
        if (json) {
            (void)puts(answer->body);
        } else {
            mu_topology_page_all(topology, remote->address, &style, stdout);
        }
        r = topology->ready ? 0 : 1;
    }
    free(topology);
    return r;
}

int mu_command_status(int argc, char **argv)
{
    bool json = false;
    struct mu_remote *remote = calloc(1, sizeof *remote);
    if (remote == NULL) {
        return 1;
    }
    mu_remote_init(remote, "status");
    remote->wait_s = 0;
    const struct mu_option options[] = {
        { "json", NULL, "print the answer as it came", .ret_flag = &json },
        mu_remote_option_gateway(remote),
        mu_remote_option_key_file(remote),
        mu_remote_option_wait(remote),
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "status",
        .arguments = "[OPTION ...]",
        .text = "Shows every process with its state, epoch, build and the age of its last sign of\n"
                "life, who owns which partition and how many stand by, and the queues that are in\n"
                "use, as a gateway knows them; last, what an operator should look at.  With keys,\n"
                "--gateway is its admin listener, and --key-file an operator's key.\n"
                "Exit code: 0 ready, 1 not ready or refused, 69 the gateway does not answer.\n",
        .options = options,
    };
    int r = mu_options_parse(&manual, argc, argv, NULL);
    if (r == MU_OPTIONS_GO) {
        r = mu_remote_begin(remote);
        struct mu_ask_answer answer = { .status = 0 };
        r = r == 0 ? mu_remote_ask(remote, "GET", "/v1/admin/cluster", NULL, &answer) : r;
        if (r == 0) {
            r = show(remote, &answer, json);
            free(answer.body);
        }
    }
    free(remote);
    return r == 0 && fflush(stdout) != 0 ? 1 : r;
}
