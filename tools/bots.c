/* tools/bots.c - `muster bots`: players and game servers that play by themselves. */
#include "tools/bots.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <event2/event.h>
#include <sodium.h>

#include "core/config_yaml.h"
#include "core/options.h"
#include "core/parse.h"
#include "tools/bot_player.h"
#include "tools/bot_server.h"
#include "tools/bots_file.h"
#include "tools/command.h"
#include "tools/key_file.h"
#include "tools/process.h"

#define CONNECTIONS     8    /* of the HTTP client */
#define SAVE_MS         1000 /* between two writes of the file */
#define BOTS_PER_REGION 10   /* at least, before another region is used */

/* The process. */
struct bots_process {
    struct mu_bots bots;
    struct mu_config config;
    const char *file;    /* of ids; NULL: none */
    int64_t save_due_ms; /* not before */
    bool save_failed;    /* and was told */
};

bool mu_bots_read(struct mu_bots *bots, const char *body, size_t body_bytes)
{
    struct mu_json_error error;
    return mu_json_parse(body, body_bytes, &bots->json, &error) == 0 &&
           bots->json.nodes[0].type == MU_JSON_OBJECT;
}

/* The member, or NULL. */
static const struct mu_json_node *member(const struct mu_bots *bots, uint32_t node,
                                         const char *name)
{
    if (node == MU_JSON_NONE || bots->json.nodes[node].type != MU_JSON_OBJECT) {
        return NULL;
    }
    uint32_t found = mu_json_member(&bots->json, node, name);
    return found == MU_JSON_NONE ? NULL : &bots->json.nodes[found];
}

const char *mu_bots_text(const struct mu_bots *bots, uint32_t node, const char *name)
{
    const struct mu_json_node *found = member(bots, node, name);
    return found != NULL && found->type == MU_JSON_STRING ? found->text : "";
}

int64_t mu_bots_number(const struct mu_bots *bots, uint32_t node, const char *name,
                       int64_t otherwise)
{
    const struct mu_json_node *found = member(bots, node, name);
    return found != NULL && found->type == MU_JSON_INTEGER ? found->integer : otherwise;
}

int64_t mu_bots_later(struct mu_bots *bots, int64_t base_ms, int64_t spread_ms)
{
    return bots->now_ms + base_ms + (int64_t)mu_rng_below(&bots->rng, (uint64_t)spread_ms + 1);
}

static void save(struct bots_process *process)
{
    if (process->file == NULL) {
        return;
    }
    int r = mu_bots_file_save(&process->bots, process->file);
    if (r != 0 && !process->save_failed) {
        (void)fprintf(stderr, "muster bots: cannot write %s: %s\n", process->file, strerror(-r));
    }
    process->save_failed = r != 0;
    process->bots.changed = false;
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    struct bots_process *process = context;
    struct mu_bots *bots = &process->bots;
    (void)fd;
    (void)what;
    bots->now_ms = mu_process_now_ms();
    for (uint32_t i = 0; i < bots->servers_count; i++) {
        mu_bot_server_turn(&bots->servers[i]);
    }
    for (uint32_t i = 0; i < bots->players_count; i++) {
        mu_bot_turn(&bots->players[i]);
    }
    if (bots->changed && bots->now_ms >= process->save_due_ms) {
        process->save_due_ms = bots->now_ms + SAVE_MS;
        save(process);
    }
}

static void on_signal(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)event_base_loopbreak(context); /* cannot fail for a base that runs */
}

/* Runs the loop until a signal.  Returns 0 or -ENOMEM. */
static int run(struct bots_process *process)
{
    static const struct timeval turn = { .tv_usec = MU_BOTS_TURN_MS * 1000 };
    struct event_base *base = process->bots.base;
    struct event *events[] = {
        event_new(base, -1, EV_PERSIST, on_turn, process),
        evsignal_new(base, SIGTERM, on_signal, base),
        evsignal_new(base, SIGINT, on_signal, base),
    };
    int r = 0;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (events[i] == NULL || event_add(events[i], i == 0 ? &turn : NULL) != 0) {
            r = -ENOMEM;
        }
    }
    if (r == 0) {
        (void)event_base_dispatch(base); /* ends by a signal only */
    }
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    return r;
}

static void release(struct mu_bots *bots)
{
    mu_client_destroy(bots->client);
    for (uint32_t i = 0; bots->players != NULL && i < bots->players_count; i++) {
        mu_bot_release(&bots->players[i]);
    }
    for (uint32_t i = 0; bots->servers != NULL && i < bots->servers_count; i++) {
        mu_bot_server_release(&bots->servers[i]);
    }
    free(bots->players);
    free(bots->servers);
    if (bots->base != NULL) {
        event_base_free(bots->base);
    }
}

/* Allocates everything, lets it play, and frees it.  Returns 0 or -errno. */
static int play(struct bots_process *process, uint32_t players)
{
    struct mu_bots *bots = &process->bots;
    assert(players > 0);
    bots->config = &process->config;
    bots->now_ms = mu_process_now_ms();
    randombytes_buf(&bots->rng.state, sizeof bots->rng.state);
    bots->servers_count = bots->config->regions_count;
    bots->regions = players / BOTS_PER_REGION;
    bots->regions = bots->regions < 1 ? 1 : bots->regions;
    if (bots->regions > bots->config->regions_count) {
        bots->regions = bots->config->regions_count;
    }
    bots->base = event_base_new();
    assert(bots->servers_count > 0); /* a configuration without regions does not load */
    bots->players = calloc(players, sizeof *bots->players);
    bots->servers = calloc(bots->servers_count, sizeof *bots->servers);
    if (bots->base != NULL) {
        bots->client =
            mu_client_create(bots->base, bots->address, bots->port, bots->key, CONNECTIONS);
    }
    int r = -ENOMEM;
    if (bots->client != NULL && bots->players != NULL && bots->servers != NULL) {
        bots->players_count = players;
        mu_bots_file_load(bots, process->file == NULL ? "" : process->file);
        r = run(process);
        save(process);
    }
    release(bots);
    return r;
}

int mu_command_bots(int argc, char **argv)
{
    const char *gateway = "127.0.0.1:8080";
    const char *key_file = NULL;
    const char *file = NULL;
    const char *config = NULL;
    uint64_t count = 50;
    const struct mu_option options[] = {
        { "gateway", "IP:PORT", "where they play [127.0.0.1:8080]", .ret_text = &gateway },
        { "count", "N", "players [50]", .ret_number = &count, .min = 1, .max = MU_BOTS_MAX },
        { "file", "FILE", "keeps who they are, to go on after a restart", .ret_text = &file },
        { "key-file", "FILE", "holds a backend's key, if the gateway wants one",
          .ret_text = &key_file },
        { "config", "FILE", "the cluster's configuration: regions and modes", .ret_text = &config },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "bots",
        .arguments = "[OPTION ...]",
        .text = "Players that register, queue, accept and play for ever, and in each region a\n"
                "game server that plays their matches.  They only use the public API.  Each has\n"
                "a true skill that Muster is not told: ratings should find it.\n",
        .options = options,
    };
    struct bots_process *process = NULL;
    char host[MU_HOST_MAX + 1];
    char key[MU_KEY_FILE_MAX + 1] = "";
    char error[MU_CONFIG_ERROR_MAX];
    int r = mu_options_parse(&manual, argc, argv, NULL);
    if (r != MU_OPTIONS_GO) {
        return r;
    }
    process = calloc(1, sizeof *process);
    if (process == NULL) {
        return 1;
    }
    /* The file holds keys: what we create is ours alone. */
    (void)umask(077);
    r = mu_config_load(config, &process->config, error, sizeof error);
    if (r != 0) {
        (void)fprintf(stderr, "%s\n", error);
        r = MU_EXIT_CONFIG;
    } else if (mu_parse_host_port(gateway, host, &process->bots.port) != 0) {
        (void)fprintf(stderr, "muster bots: --gateway must be IP:PORT\n");
        r = MU_EXIT_USAGE;
    } else if (key_file != NULL && mu_key_file_read(key_file, key) != 0) {
        (void)fprintf(stderr, "muster bots: cannot read a key from %s\n", key_file);
        r = MU_EXIT_UNAVAILABLE;
    } else {
        process->bots.address = host;
        process->bots.key = key;
        process->file = file;
        r = play(process, (uint32_t)count) == 0 ? 0 : 1;
    }
    free(process);
    return r;
}
