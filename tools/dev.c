/* tools/dev.c - `muster dev`: a whole cluster on this machine, for development. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "core/config_yaml.h"
#include "core/options.h"
#include "gateway/access.h"
#include "tools/bots.h"
#include "tools/cluster.h"
#include "tools/command.h"
#include "tools/dev_folder.h"
#include "tools/dev_plan.h"
#include "tools/http_client.h"
#include "tools/key_file.h"
#include "tools/table.h"

#define TURN_MS  20    /* while it starts or stops */
#define CALM_MS  100   /* between two looks at the children, later */
#define SHOW_MS  1000  /* between two frames of the table */
#define LINE_MS  5000  /* between two lines without a terminal */
#define SLOW_MS  10000 /* not ready after so long: say what fails */
#define NEWS_MAX 3     /* messages below the table */
#define TEXT_MAX 256
#define KEY_ID   "dev"

/* The command line. */
struct dev_values {
    const char *data;
    const char *host;
    const char *config;
    const char *key_file;
    uint64_t bots;
    uint64_t port;
    uint64_t matchers;
    bool no_table;
};

enum dev_state {
    DEV_STARTING,
    DEV_READY,
    DEV_STOPPING,
};

struct dev {
    struct dev_values values;
    struct mu_config config;
    struct mu_dev_folder folder;
    struct mu_dev_plan plan;
    char key[MU_KEY_FILE_MAX + 1];
    struct event_base *base;
    struct event *turn;
    struct mu_client *client;
    struct mu_table_style style; /* in_place: the table is shown */
    enum dev_state state;
    int64_t begun_ms;
    int64_t show_ms;               /* next frame or line */
    bool asking;                   /* a request to the gateway is under way */
    bool slow;                     /* it was said that it takes long */
    bool lost;                     /* it ends because a child cannot run */
    uint32_t signals;              /* so many said to end it */
    char news[NEWS_MAX][TEXT_MAX]; /* newest last */
    struct mu_cluster cluster;
    struct mu_view view;
};

static void draw(struct dev *dev)
{
    char title[128];
    (void)snprintf(title, sizeof title, "muster dev  http://%s  up %lld s  restarts %u",
                   dev->plan.address, (long long)((mu_process_now_ms() - dev->begun_ms) / 1000),
                   (unsigned)mu_cluster_restarts(&dev->cluster));
    (void)mu_table_draw(&dev->view, &dev->style, title, stdout);
    for (uint32_t i = 0; i < NEWS_MAX; i++) {
        if (dev->news[i][0] != '\0') {
            (void)printf("%.79s\033[K\n", dev->news[i]);
        }
    }
    mu_table_end(&dev->style, stdout);
}

/* Says something: below the table, or on stderr. */
static void tell(struct dev *dev, const char *text)
{
    if (!dev->style.in_place || dev->state != DEV_READY) {
        (void)fprintf(stderr, "muster dev: %s\n", text);
    }
    memmove(dev->news[0], dev->news[1], sizeof dev->news - sizeof dev->news[0]);
    (void)snprintf(dev->news[NEWS_MAX - 1], TEXT_MAX, "%s", text);
}

static void stop(struct dev *dev)
{
    if (dev->state != DEV_STOPPING) {
        dev->state = DEV_STOPPING;
        mu_cluster_stop(&dev->cluster, mu_process_now_ms());
    }
}

/* Says that it cannot go on; the next turn ends it. */
static void lose(struct dev *dev, const char *child)
{
    dev->lost = true;
    (void)fprintf(stderr, "muster dev: %s cannot run; see %s\n", child,
                  dev->style.in_place ? dev->folder.logs : "above");
}

static void on_child(void *context, const char *text, bool lost)
{
    struct dev *dev = context;
    tell(dev, text);
    if (lost && !dev->lost) {
        lose(dev, "a part");
    }
}

static void become_ready(struct dev *dev)
{
    int64_t now_ms = mu_process_now_ms();
    dev->state = DEV_READY;
    (void)printf("ready http://%s\nkey %s\n", dev->plan.address, dev->key);
    if (dev->style.in_place) {
        (void)printf("\ndata  %s\ntry   curl -d '{\"username\":\"ann\",\"region\":\"%s\"}' "
                     "-H 'Content-Type: application/json' http://%s/v1/players/register\n",
                     dev->folder.root, dev->config.regions[0].name, dev->plan.address);
    }
    (void)fflush(stdout); /* somebody may wait for the line; if not, no harm */
    dev->show_ms = now_ms + (dev->style.in_place ? 3 * SHOW_MS : LINE_MS);
    mu_dev_plan_bots(&dev->plan, &dev->cluster);
}

static void on_readyz(void *context, int status, const char *body, size_t body_bytes)
{
    struct dev *dev = context;
    (void)body_bytes;
    dev->asking = false;
    if (dev->state != DEV_STARTING) {
        return;
    }
    if (status == 200) {
        become_ready(dev);
    } else if (!dev->slow && mu_process_now_ms() - dev->begun_ms > SLOW_MS) {
        char text[TEXT_MAX];
        (void)snprintf(text, sizeof text, "not ready yet: %.200s",
                       status == 0 ? "the gateway does not answer" : body);
        tell(dev, text);
        dev->slow = true;
    }
}

static void on_metrics(void *context, int status, const char *body, size_t body_bytes)
{
    struct dev *dev = context;
    (void)body_bytes;
    dev->asking = false;
    if (status == 200 && dev->state == DEV_READY) {
        mu_view_take(&dev->view, body, mu_process_now_ms());
        if (dev->style.in_place) {
            draw(dev);
        } else {
            mu_table_line(&dev->view, stdout);
        }
    }
}

static void ask(struct dev *dev, const char *path, mu_client_done_fn *done)
{
    const struct mu_client_request request = {
        .method = "GET",
        .path = path,
        .done = done,
        .context = dev,
    };
    if (!dev->asking) {
        dev->asking = mu_client_send(dev->client, &request) == 0;
    }
}

static void turn(struct dev *dev)
{
    int64_t now_ms = mu_process_now_ms();
    mu_cluster_turn(&dev->cluster, now_ms);
    const char *hopeless = mu_cluster_hopeless(&dev->cluster);
    if (dev->state == DEV_STARTING && hopeless != NULL && !dev->lost) {
        lose(dev, hopeless);
    }
    if (dev->lost) {
        stop(dev);
    }
    switch (dev->state) {
    case DEV_STARTING: ask(dev, "/readyz", on_readyz); break;
    case DEV_READY:
        if (now_ms >= dev->show_ms) {
            dev->show_ms = now_ms + (dev->style.in_place ? SHOW_MS : LINE_MS);
            ask(dev, "/metrics", on_metrics);
        }
        break;
    case DEV_STOPPING:
        if (mu_cluster_ended(&dev->cluster)) {
            (void)event_base_loopbreak(dev->base); /* cannot fail for a base that runs */
        }
        break;
    }
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    struct dev *dev = context;
    (void)fd;
    (void)what;
    turn(dev);
    struct timeval next = { .tv_usec = (dev->state == DEV_READY ? CALM_MS : TURN_MS) * 1000 };
    int r = event_add(dev->turn, &next);
    assert(r == 0); /* there is a free place: it was just taken out */
}

static void on_child_signal(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    turn(context);
}

static void on_stop_signal(evutil_socket_t fd, short what, void *context)
{
    struct dev *dev = context;
    (void)fd;
    (void)what;
    if (dev->signals++ > 0) {
        mu_cluster_kill(&dev->cluster);
    }
    stop(dev);
}

/* Runs the loop until all children have ended.  Returns 0 or -ENOMEM. */
static int run(struct dev *dev)
{
    static const struct timeval now = { .tv_usec = 0 };
    dev->turn = evtimer_new(dev->base, on_turn, dev);
    struct event *signals[] = {
        evsignal_new(dev->base, SIGCHLD, on_child_signal, dev),
        evsignal_new(dev->base, SIGINT, on_stop_signal, dev),
        evsignal_new(dev->base, SIGTERM, on_stop_signal, dev),
        evsignal_new(dev->base, SIGHUP, on_stop_signal, dev),
    };
    int r = dev->turn == NULL || event_add(dev->turn, &now) != 0 ? -ENOMEM : 0;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (signals[i] == NULL || event_add(signals[i], NULL) != 0) {
            r = -ENOMEM;
        }
    }
    if (r == 0) {
        (void)signal(SIGPIPE, SIG_IGN); /* a closed stdout is no reason to leave children behind */
        (void)event_base_dispatch(dev->base); /* ends when told to */
    }
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (signals[i] != NULL) {
            event_free(signals[i]);
        }
    }
    if (dev->turn != NULL) {
        event_free(dev->turn);
    }
    return r;
}

/* The key: without keys in the configuration the gateway trusts everybody on this machine and
 * takes any key of the right form, so that programs that send one can be tried. */
static int load_key(struct dev *dev)
{
    int r = dev->values.key_file != NULL ? mu_key_file_read(dev->values.key_file, dev->key)
                                         : mu_key_file_keep(dev->folder.key, KEY_ID, dev->key);
    if (r != 0) {
        (void)fprintf(stderr, "muster dev: cannot keep a key in %s: %s\n",
                      dev->values.key_file != NULL ? dev->values.key_file : dev->folder.key,
                      strerror(-r));
        return MU_EXIT_UNAVAILABLE;
    }
    if (!mu_access_open(&dev->config) && dev->values.key_file == NULL) {
        (void)fprintf(stderr,
                      "muster dev: %s has keys or tokens: name a file that holds one, --key-file\n",
                      dev->values.config);
        return MU_EXIT_CONFIG;
    }
    return 0;
}

/* Runs the cluster, once folder and key are there.  Returns the exit code. */
static int serve(struct dev *dev)
{
    uint16_t admin_port = 0;
    dev->begun_ms = mu_process_now_ms();
    dev->style = mu_table_style_of(stdout, !dev->values.no_table);
    dev->plan = (struct mu_dev_plan){
        .config = &dev->config,
        .folder = &dev->folder,
        .config_path = dev->values.config,
        .key_path = dev->values.key_file != NULL ? dev->values.key_file : dev->folder.key,
        .bots = dev->values.bots,
        .matchers = dev->values.matchers,
        .logs = dev->style.in_place,
    };
    int r = mu_dev_plan_make(&dev->plan, (uint16_t)dev->values.port, &admin_port);
    if (r != 0) {
        return r;
    }
    dev->base = event_base_new();
    if (dev->base != NULL) {
        dev->client = mu_client_create(dev->base, "127.0.0.1", admin_port, "", 1);
    }
    if (dev->client == NULL) {
        return 1;
    }
    mu_cluster_init(&dev->cluster, on_child, dev);
    mu_dev_plan_cluster(&dev->plan, &dev->cluster);
    return run(dev) != 0 || dev->lost ? 1 : 0;
}

static int work(struct dev *dev)
{
    char error[MU_CONFIG_ERROR_MAX];
    const char *variable = getenv("MUSTER_CONFIG"); /* the children would take it, too */
    if (dev->values.config == NULL && variable != NULL && variable[0] != '\0') {
        dev->values.config = variable;
    }
    if (mu_config_load(dev->values.config, &dev->config, error, sizeof error) != 0) {
        (void)fprintf(stderr, "%s\n", error);
        return MU_EXIT_CONFIG;
    }
    int r = mu_dev_folder_open(dev->values.data, &dev->folder);
    if (r != 0) {
        (void)fprintf(stderr, "muster dev: %s: %s\n", dev->values.data,
                      r == -EBUSY ? "another muster dev uses it" : strerror(-r));
        return MU_EXIT_UNAVAILABLE;
    }
    r = load_key(dev);
    return r == 0 ? serve(dev) : r;
}

/* Whether an address names this machine only. */
static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0;
}

int mu_command_dev(int argc, char **argv)
{
    struct dev *dev = calloc(1, sizeof *dev);
    if (dev == NULL) {
        return 1;
    }
    struct dev_values *values = &dev->values;
    *values = (struct dev_values){
        .data = "muster-data", .host = "127.0.0.1", .port = 8080, .matchers = 2
    };
    const struct mu_option options[] = {
        { "bots", "N", "players that play by themselves [0]", .ret_number = &values->bots,
          .max = MU_BOTS_MAX },
        { "data", "DIR", "where everything is kept [muster-data]", .ret_text = &values->data },
        { "port", "P", "of the API, on 127.0.0.1; 0: any that is free [8080]",
          .ret_number = &values->port, .max = 65535 },
        { "matchers", "N", "processes that look for matches [2]", .ret_number = &values->matchers,
          .min = 1, .max = MU_DEV_MATCHERS_MAX },
        { "config", "FILE", "configuration of the cluster; muster.yaml shows the form",
          .ret_text = &values->config },
        { "key-file", "FILE", "holds a backend's key of that configuration",
          .ret_text = &values->key_file },
        { "host", "ADDRESS", "refused unless it is this machine's own", .ret_text = &values->host },
        { "no-table", NULL, "a line every 5 s, also on a terminal", .ret_flag = &values->no_table },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "dev",
        .arguments = "[OPTION ...]",
        .text =
            "Runs a whole cluster on this machine: broker, store, a shard for each region,\n"
            "matchers, lobbies and gateway, each a process, started again when it ends.  Prints\n"
            "\"ready http://127.0.0.1:PORT\" and a key once it serves; then shows what happens.\n"
            "Ctrl-C ends it; started again on the same data it goes on.  Loopback only.\n",
        .options = options,
    };
    int r = mu_options_parse(&manual, argc, argv, NULL);
    if (r == MU_OPTIONS_GO && !is_loopback(values->host)) {
        (void)fprintf(stderr, "muster dev: it serves this machine only, as it trusts everybody; "
                              "run muster gateway with keys for others\n");
        r = MU_EXIT_USAGE;
    }
    if (r == MU_OPTIONS_GO) {
        dev->folder.lock = -1;
        r = work(dev);
    }
    mu_client_destroy(dev->client);
    if (dev->base != NULL) {
        event_base_free(dev->base);
    }
    mu_dev_folder_release(&dev->folder);
    free(dev);
    return r;
}
