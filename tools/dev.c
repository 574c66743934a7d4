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

#include "core/address.h"
#include "core/config_yaml.h"
#include "tools/bots.h"
#include "tools/cluster.h"
#include "tools/command.h"
#include "tools/dev_folder.h"
#include "tools/http_client.h"
#include "tools/key_file.h"
#include "tools/options.h"
#include "tools/table.h"

#define TURN_MS      20    /* while it starts or stops */
#define CALM_MS      100   /* between two looks at the children, later */
#define SHOW_MS      1000  /* between two frames of the table */
#define LINE_MS      5000  /* between two lines without a terminal */
#define SLOW_MS      10000 /* not ready after so long: say what fails */
#define MATCHERS_MAX 16
#define NEWS_MAX     3 /* messages below the table */
#define TEXT_MAX     256
#define KEY_ID       "dev"

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

/* Strings that the children's command lines borrow. */
struct dev_texts {
    char broker[MU_PATH_BYTES];
    char actor[MU_PATH_BYTES];
    char gateway[MU_PATH_BYTES];
    char self[MU_PATH_BYTES];
    char bus[MU_PATH_BYTES];
    char port[8];
    char admin_port[8];
    char address[32]; /* "127.0.0.1:8080" */
    char bots[16];
    char partitions[MU_REGIONS_MAX][MU_ADDRESS_MAX + 1];
};

struct dev {
    struct dev_values values;
    struct mu_config config;
    struct mu_dev_folder folder;
    struct dev_texts texts;
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
                   dev->texts.address, (long long)((mu_process_now_ms() - dev->begun_ms) / 1000),
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

static void on_child(void *context, const char *text, bool lost)
{
    struct dev *dev = context;
    tell(dev, text);
    if (lost) {
        dev->lost = true;
        (void)fprintf(stderr, "muster dev: it cannot run; see %s\n",
                      dev->style.in_place ? dev->folder.logs : "above");
    }
}

static void add_bots(struct dev *dev)
{
    if (dev->values.bots == 0) {
        return;
    }
    const char *argv[MU_CHILD_ARGUMENTS + 1] = {
        dev->texts.self, "bots",
        "--gateway",     dev->texts.address,
        "--count",       dev->texts.bots,
        "--file",        dev->folder.bots,
        "--key-file",    dev->values.key_file == NULL ? dev->folder.key : dev->values.key_file,
    };
    if (dev->values.config != NULL) {
        argv[10] = "--config";
        argv[11] = dev->values.config;
    }
    mu_cluster_add(&dev->cluster, "bots", MU_STAGE_BOTS, argv,
                   dev->style.in_place ? dev->folder.logs : NULL);
}

static void become_ready(struct dev *dev)
{
    int64_t now_ms = mu_process_now_ms();
    dev->state = DEV_READY;
    (void)printf("ready http://%s\nkey %s\n", dev->texts.address, dev->key);
    if (dev->style.in_place) {
        (void)printf("\ndata  %s\ntry   curl -d '{\"username\":\"ann\",\"region\":\"%s\"}' "
                     "-H 'Content-Type: application/json' http://%s/v1/players/register\n",
                     dev->folder.root, dev->config.regions[0].name, dev->texts.address);
    }
    (void)fflush(stdout); /* somebody may wait for the line; if not, no harm */
    dev->show_ms = now_ms + (dev->style.in_place ? 3 * SHOW_MS : LINE_MS);
    add_bots(dev);
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

/* Adds one of our programs, with what all of them take. */
static void add(struct dev *dev, const char *name, enum mu_stage stage, const char *const *argv)
{
    const char *whole[MU_CHILD_ARGUMENTS + 1] = { NULL };
    uint32_t n = 0;
    while (argv[n] != NULL) {
        assert(n + 5 < MU_CHILD_ARGUMENTS);
        whole[n] = argv[n];
        n++;
    }
    if (dev->values.config != NULL) {
        whole[n++] = "--config";
        whole[n++] = dev->values.config;
    }
    whole[n++] = "--log";
    whole[n++] = dev->style.in_place ? "info" : "warn";
    mu_cluster_add(&dev->cluster, name, stage, whole,
                   dev->style.in_place ? dev->folder.logs : NULL);
}

static void add_children(struct dev *dev)
{
    struct dev_texts *texts = &dev->texts;
    add(dev, "broker", MU_STAGE_BROKER,
        (const char *const[]){ texts->broker, "--bind", texts->bus, NULL });
    add(dev, "store", MU_STAGE_STORE,
        (const char *const[]){ texts->actor, "--kind", "store", "--broker", texts->bus, "--data",
                               dev->folder.store, "--any-filesystem", NULL });
    add(dev, "gateway", MU_STAGE_GATEWAY,
        (const char *const[]){ texts->gateway, "--broker", texts->bus, "--port", texts->port,
                               "--admin-port", texts->admin_port, NULL });
    for (uint32_t i = 0; i < dev->config.regions_count; i++) {
        char *partition = texts->partitions[i];
        mu_address_queue(dev->config.regions[i].name, partition);
        add(dev, partition, MU_STAGE_WORKERS,
            (const char *const[]){ texts->actor, "--kind", "queue", "--partition", partition,
                                   "--broker", texts->bus, NULL });
    }
    for (uint32_t i = 0; i < dev->values.matchers; i++) {
        char name[MU_CHILD_NAME_MAX + 1];
        (void)snprintf(name, sizeof name, "matcher/%u", (unsigned)i);
        add(dev, name, MU_STAGE_WORKERS,
            (const char *const[]){ texts->actor, "--kind", "matcher", "--broker", texts->bus,
                                   NULL });
    }
    add(dev, "lobby/0", MU_STAGE_WORKERS,
        (const char *const[]){ texts->actor, "--kind", "lobby", "--broker", texts->bus, NULL });
}

/* Finds the programs and the ports.  Returns 0 or the exit code, after saying why. */
static int prepare(struct dev *dev)
{
    struct dev_texts *texts = &dev->texts;
    uint16_t port = (uint16_t)dev->values.port;
    uint16_t admin_port = 0;
    if (mu_process_beside("muster-broker", texts->broker) != 0 ||
        mu_process_beside("muster-actor", texts->actor) != 0 ||
        mu_process_beside("muster-gateway", texts->gateway) != 0 ||
        mu_process_beside("muster", texts->self) != 0) {
        (void)fprintf(stderr, "muster dev: muster-broker, muster-actor and muster-gateway must be "
                              "beside muster; build or install them all\n");
        return MU_EXIT_UNAVAILABLE;
    }
    int r = port == 0 ? mu_process_free_port(&port) : mu_process_try_port(port);
    if (r != 0) {
        (void)fprintf(stderr, "muster dev: port %u: %s; try --port 0\n", (unsigned)port,
                      strerror(-r));
        return MU_EXIT_UNAVAILABLE;
    }
    do {
        r = mu_process_free_port(&admin_port);
    } while (r == 0 && admin_port == port);
    if (r != 0) {
        (void)fprintf(stderr, "muster dev: no port is free\n");
        return MU_EXIT_UNAVAILABLE;
    }
    (void)snprintf(texts->bus, sizeof texts->bus, "%s", dev->folder.bus);
    (void)snprintf(texts->port, sizeof texts->port, "%u", (unsigned)port);
    (void)snprintf(texts->admin_port, sizeof texts->admin_port, "%u", (unsigned)admin_port);
    (void)snprintf(texts->address, sizeof texts->address, "127.0.0.1:%u", (unsigned)port);
    (void)snprintf(texts->bots, sizeof texts->bots, "%llu", (unsigned long long)dev->values.bots);
    dev->base = event_base_new();
    if (dev->base != NULL) {
        dev->client = mu_client_create(dev->base, "127.0.0.1", admin_port, "", 1);
    }
    return dev->client == NULL ? MU_EXIT_UNAVAILABLE : 0;
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
    if (dev->config.keys_count > 0 && dev->values.key_file == NULL) {
        (void)fprintf(stderr, "muster dev: %s has keys: name a file that holds one, --key-file\n",
                      dev->values.config);
        return MU_EXIT_CONFIG;
    }
    return 0;
}

static int work(struct dev *dev)
{
    char error[MU_CONFIG_ERROR_MAX];
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
    if (r == 0) {
        r = prepare(dev);
    }
    if (r == 0) {
        dev->begun_ms = mu_process_now_ms();
        dev->style = mu_table_style_of(stdout, !dev->values.no_table);
        mu_cluster_init(&dev->cluster, on_child, dev);
        add_children(dev);
        r = run(dev) != 0 || dev->lost ? 1 : 0;
    }
    return r;
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
          .min = 1, .max = MATCHERS_MAX },
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
            "matchers, lobby and gateway, each a process, started again when it ends.  Prints\n"
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
