/* tools/drain.c - `muster drain`: has one process of a running cluster hand over, and end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/options.h"
#include "gateway/json_write.h"
#include "tools/command.h"
#include "tools/remote.h"

#define NAME_BYTES_MAX 128 /* of a name as given; what is wrong with it the gateway says */

static int drain(struct mu_remote *remote, const char *name, uint64_t patience_ms)
{
    char body[1024];
    struct mu_json_writer writer;
    mu_json_writer_init(&writer, body, sizeof body - 1);
    mu_json_object_begin(&writer);
    mu_json_key(&writer, name[0] == '#' ? "instance" : "name");
    mu_json_string_n(&writer, name, strnlen(name, NAME_BYTES_MAX));
    mu_json_key(&writer, "patienceMs");
    mu_json_u64(&writer, patience_ms);
    mu_json_object_end(&writer);
    body[mu_json_complete(&writer) ? writer.used : 0] = '\0';
    int r = mu_remote_ask_json(remote, "POST", "/v1/admin/drain", body);
    if (r == 0) {
        (void)printf("%s %s: it hands over what it has, and ends\n",
                     mu_remote_text(&remote->answer, 0, "name"),
                     mu_remote_text(&remote->answer, 0, "instance"));
    }
    return r;
}

int mu_command_drain(int argc, char **argv)
{
    uint64_t patience_ms = 0;
    const char *name = NULL;
    struct mu_remote *remote = calloc(1, sizeof *remote);
    if (remote == NULL) {
        return 1;
    }
    mu_remote_init(remote, "drain");
    const struct mu_option options[] = {
        { "patience", "MS", "it ends after so long all the same; 0: its own setting [0]",
          .ret_number = &patience_ms, .max = 600000 },
        mu_remote_option_gateway(remote),
        mu_remote_option_key_file(remote),
        mu_remote_option_wait(remote),
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "drain",
        .arguments = "[OPTION ...] NAME|INSTANCE",
        .text = "Asks one process to hand over what it has, and to end with exit code 0; NAME and\n"
                "INSTANCE (it begins with #) are those that `muster status` shows.  systemd does\n"
                "not start it again.  A broker cannot be drained: stop it.  With keys, --gateway\n"
                "is a gateway's admin listener, and --key-file an operator's key.\n"
                "Exit code: 0 it has begun, 1 refused, 69 no answer.\n",
        .options = options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    int r = mu_options_parse(&manual, argc, argv, &name);
    if (r == MU_OPTIONS_GO) {
        r = mu_remote_begin(remote);
        r = r == 0 ? drain(remote, name, patience_ms) : r;
    }
    free(remote);
    return r == 0 && fflush(stdout) != 0 ? 1 : r;
}
