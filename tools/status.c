/* tools/status.c - `muster status`: how a cluster does, as a table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "core/options.h"
#include "core/parse.h"
#include "tools/command.h"
#include "tools/http_client.h"
#include "tools/key_file.h"
#include "tools/process.h"
#include "tools/table.h"

/* What is asked for, one after the other, and what came. */
struct status {
    struct event_base *base;
    struct mu_client *client;
    int ready_status;
    int metrics_status;
    char ready[4096]; /* body of /readyz */
    struct mu_view view;
};

static void on_metrics(void *context, int status, const char *body, size_t body_bytes)
{
    struct status *asked = context;
    (void)body_bytes;
    asked->metrics_status = status;
    if (status == 200) {
        mu_view_take(&asked->view, body, mu_process_now_ms());
    }
    (void)event_base_loopbreak(asked->base); /* cannot fail for a base that runs */
}

static void on_readyz(void *context, int status, const char *body, size_t body_bytes)
{
    struct status *asked = context;
    const struct mu_client_request request = {
        .method = "GET",
        .path = "/metrics",
        .done = on_metrics,
        .context = asked,
    };
    (void)body_bytes;
    asked->ready_status = status;
    (void)snprintf(asked->ready, sizeof asked->ready, "%s", body);
    if (status == 0 || mu_client_send(asked->client, &request) != 0) {
        (void)event_base_loopbreak(asked->base); /* likewise */
    }
}

/* Asks and waits.  Returns 0 or an exit code. */
static int gather(struct status *asked, const char *host, uint16_t port, const char *key)
{
    const struct mu_client_request request = {
        .method = "GET",
        .path = "/readyz",
        .done = on_readyz,
        .context = asked,
    };
    asked->base = event_base_new();
    if (asked->base != NULL) {
        asked->client = mu_client_create(asked->base, host, port, key, 1);
    }
    if (asked->client == NULL || mu_client_send(asked->client, &request) != 0) {
        return MU_EXIT_UNAVAILABLE;
    }
    (void)event_base_dispatch(asked->base); /* ends with the last answer */
    return asked->ready_status == 0 ? MU_EXIT_UNAVAILABLE : 0;
}

static void show(const struct status *asked, const char *gateway)
{
    const struct mu_table_style style = mu_table_style_of(stdout, false);
    char title[160];
    (void)snprintf(title, sizeof title, "%.100s  %s", gateway,
                   asked->ready_status == 200 ? "ready" : "NOT READY");
    if (asked->metrics_status != 200) {
        (void)printf("%s\nno /metrics here (%d): ask the gateway's admin listener\n", title,
                     asked->metrics_status);
        return;
    }
    (void)mu_table_draw(&asked->view, &style, title, stdout);
    (void)printf("\n");
    mu_table_processes(&asked->view, &style, stdout);
    if (asked->ready_status != 200) {
        (void)printf("\n%s\n", asked->ready);
    }
}

int mu_command_status(int argc, char **argv)
{
    const char *gateway = "127.0.0.1:8080";
    const char *key_file = NULL;
    const struct mu_option options[] = {
        { "gateway", "IP:PORT", "whom to ask; with keys: its admin listener [127.0.0.1:8080]",
          .ret_text = &gateway },
        { "key-file", "FILE", "holds an operator's key", .ret_text = &key_file },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "status",
        .arguments = "[OPTION ...]",
        .text = "Shows a cluster's queues and processes, as a gateway knows them.\n"
                "Exit code: 0 ready, 1 not ready, 69 the gateway does not answer.\n",
        .options = options,
    };
    char host[MU_HOST_MAX + 1];
    char key[MU_KEY_FILE_MAX + 1] = "";
    uint16_t port = 0;
    int r = mu_options_parse(&manual, argc, argv, NULL);
    if (r != MU_OPTIONS_GO) {
        return r;
    }
    if (mu_parse_host_port(gateway, host, &port) != 0) {
        (void)fprintf(stderr, "muster status: --gateway must be IP:PORT\n");
        return MU_EXIT_USAGE;
    }
    if (key_file != NULL && mu_key_file_read(key_file, key) != 0) {
        (void)fprintf(stderr, "muster status: cannot read a key from %s\n", key_file);
        return MU_EXIT_UNAVAILABLE;
    }
    struct status *asked = calloc(1, sizeof *asked);
    if (asked == NULL) {
        return 1;
    }
    r = gather(asked, host, port, key);
    if (r == 0) {
        show(asked, gateway);
        r = asked->ready_status == 200 ? 0 : 1;
    } else {
        (void)fprintf(stderr, "muster status: %s does not answer\n", gateway);
    }
    mu_client_destroy(asked->client);
    if (asked->base != NULL) {
        event_base_free(asked->base);
    }
    free(asked);
    return r;
}
