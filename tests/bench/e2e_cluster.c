#include "tests/bench/e2e_cluster.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/measure.h"
#include "tools/metrics_text.h"
#include "tools/process.h"

enum {
    START_MS = 15000,
    STOP_MS = 5000,
    POLL_MS = 20,
    METRICS_BYTES = 256 * 1024,
};

static const struct {
    const char *name;
    const char *program; /* below the build folder */
} processes[MU_E2E_PROCESSES] = {
    [MU_E2E_BROKER] = { "broker", "broker/muster-broker" },
    [MU_E2E_STORE] = { "store", "actors/muster-actor" },
    [MU_E2E_QUEUE] = { "queue", "actors/muster-actor" },
    [MU_E2E_LOBBY] = { "lobby", "actors/muster-actor" },
    [MU_E2E_GATEWAY] = { "gateway", "gateway/muster-gateway" },
    [MU_E2E_MATCHER] = { "matcher", "actors/muster-actor" },
};

/* No limits of rate; a match waits for a server longer than any benchmark takes, so that nobody is
 * queued twice. */
static const char config_text[] = "regions:\n"
                                  "  - name: " MU_E2E_REGION "\n"
                                  "modes:\n"
                                  "  - name: " MU_E2E_MODE "\n"
                                  "    teams: 2\n"
                                  "    team_min: 1\n"
                                  "    team_max: 1\n"
                                  "    rated: true\n"
                                  "    accept_ms: 0\n"
                                  "    window_points: 100\n"
                                  "    window_per_second: 10\n"
                                  "    window_max: 800\n"
                                  "    latency_max_ms: 0\n"
                                  "    fill_ms: 0\n"
                                  "    spill_ms: 0\n"
                                  "    wait_max_ms: 3600000\n"
                                  "settings:\n"
                                  "  rate_ip_per_minute: 0\n"
                                  "  rate_player_per_hour: 0\n"
                                  "  rate_socket_per_second: 0\n"
                                  "  connections_max: 20000\n"
                                  "  connections_per_address_max: 20000\n"
                                  "  request_budget_ms: 10000\n"
                                  "  server_give_up_ms: 600000\n";

const char *mu_e2e_name(enum mu_e2e_process process)
{
    return processes[process].name;
}

static int start_process(struct mu_e2e *e2e, enum mu_e2e_process process, const char *const *more)
{
    char program[2 * MU_E2E_PATH];
    char log[2 * MU_E2E_PATH];
    const char *argv[24] = { program, "--config", e2e->config, "--log", "warn" };
    size_t n = 5;
    (void)snprintf(program, sizeof program, "%s/%s", e2e->build, processes[process].program);
    (void)snprintf(log, sizeof log, "%s/%s.log", e2e->folder, processes[process].name);
    for (size_t i = 0; more[i] != NULL; i++) {
        assert(n < sizeof argv / sizeof argv[0] - 1);
        argv[n++] = more[i];
    }
    int r = mu_process_start(argv, log, &e2e->pids[process]);
    if (r != 0) {
        (void)fprintf(stderr, "bench: %s: %s\n", program, strerror(-r));
    }
    return r;
}

static int start_all(struct mu_e2e *e2e)
{
    const char *const broker[] = { "--bind", e2e->bus, NULL };
    const char *const store[] = {
        "--kind", "store", "--broker", e2e->bus, "--data", e2e->data, NULL
    };
    const char *const queue[] = { "--kind",   "queue",  "--partition", "queue/" MU_E2E_REGION,
                                  "--broker", e2e->bus, NULL };
    const char *const lobby[] = { "--kind", "lobby", "--broker", e2e->bus, NULL };
    const char *const gateway[] = { "--broker",     e2e->bus,        "--port", e2e->port_text,
                                    "--admin-port", e2e->admin_text, NULL };
    int r = start_process(e2e, MU_E2E_BROKER, broker);
    r = r == 0 ? start_process(e2e, MU_E2E_STORE, store) : r;
    r = r == 0 ? start_process(e2e, MU_E2E_QUEUE, queue) : r;
    r = r == 0 ? start_process(e2e, MU_E2E_LOBBY, lobby) : r;
    return r == 0 ? start_process(e2e, MU_E2E_GATEWAY, gateway) : r;
}

int mu_e2e_start_matcher(struct mu_e2e *e2e)
{
    const char *const matcher[] = { "--kind", "matcher", "--broker", e2e->bus, NULL };
    return start_process(e2e, MU_E2E_MATCHER, matcher);
}

static int make_folder(struct mu_e2e *e2e, const char *parent)
{
    (void)snprintf(e2e->folder, sizeof e2e->folder, "%s/muster-bench-XXXXXX", parent);
    if (mkdtemp(e2e->folder) == NULL) {
        int r = -errno;
        (void)fprintf(stderr, "bench: %s: %s\n", e2e->folder, strerror(-r));
        return r;
    }
    (void)snprintf(e2e->config, sizeof e2e->config, "%s/bench.yaml", e2e->folder);
    (void)snprintf(e2e->data, sizeof e2e->data, "%s/store", e2e->folder);
    (void)snprintf(e2e->bus, sizeof e2e->bus, "ipc://%s/bus", e2e->folder);
    FILE *file = fopen(e2e->config, "w");
    if (file == NULL || fputs(config_text, file) < 0 || fclose(file) != 0) {
        return -EIO;
    }
    int r = mu_process_free_port(&e2e->port);
    do {
        r = r == 0 ? mu_process_free_port(&e2e->admin_port) : r;
    } while (r == 0 && e2e->admin_port == e2e->port);
    (void)snprintf(e2e->port_text, sizeof e2e->port_text, "%u", (unsigned)e2e->port);
    (void)snprintf(e2e->admin_text, sizeof e2e->admin_text, "%u", (unsigned)e2e->admin_port);
    return r;
}

int mu_e2e_start(struct mu_e2e *e2e, const char *build, const char *parent)
{
    struct mu_e2e_counts counts;
    *e2e = (struct mu_e2e){ .port = 0 };
    (void)snprintf(e2e->build, sizeof e2e->build, "%s", build);
    int r = make_folder(e2e, parent);
    r = r == 0 ? start_all(e2e) : r;
    int64_t until_ns = mu_bench_now_ns() + INT64_C(1000000) * START_MS;
    while (r == 0 && (mu_e2e_counts(e2e, &counts) != 0 || !counts.ready)) {
        if (!mu_e2e_alive(e2e) || mu_bench_now_ns() > until_ns) {
            (void)fprintf(stderr, "bench: the cluster does not become ready\n");
            r = -ETIMEDOUT;
        }
        mu_bench_pause_ms(POLL_MS);
    }
    if (r != 0) {
        mu_e2e_stop(e2e);
    }
    return r;
}

/* Removes a folder with its files and the folders in it, whose names are ours. */
/* NOLINTNEXTLINE(misc-no-recursion): `depth` ends it */
static void remove_folder(const char *path, int depth)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[2 * MU_E2E_PATH];
        int bytes = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        bool self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!self && bytes < (int)sizeof name && unlink(name) != 0 && depth > 0) {
            remove_folder(name, depth - 1);
        }
    }
    (void)closedir(folder); /* only read */
    (void)rmdir(path);      /* what is left is not ours */
}

static void stop_process(struct mu_e2e *e2e, enum mu_e2e_process process)
{
    int64_t until_ns = mu_bench_now_ns() + INT64_C(1000000) * STOP_MS;
    pid_t pid = e2e->pids[process];
    if (pid <= 0) {
        return;
    }
    (void)kill(pid, SIGTERM); /* it is ours and not reaped: it exists */
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (mu_bench_now_ns() > until_ns) {
            (void)fprintf(stderr, "bench: %s does not end when asked to\n", mu_e2e_name(process));
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, NULL, 0);
            break;
        }
        mu_bench_pause_ms(POLL_MS);
    }
    e2e->pids[process] = 0;
}

void mu_e2e_stop(struct mu_e2e *e2e)
{
    static const enum mu_e2e_process order[] = { MU_E2E_GATEWAY, MU_E2E_MATCHER, MU_E2E_LOBBY,
                                                 MU_E2E_QUEUE,   MU_E2E_STORE,   MU_E2E_BROKER };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        stop_process(e2e, order[i]);
    }
    if (e2e->folder[0] != '\0') {
        remove_folder(e2e->folder, 2);
    }
}

/* The last line of a process' log, for people. */
static void show_log(const struct mu_e2e *e2e, enum mu_e2e_process process)
{
    char path[2 * MU_E2E_PATH];
    char line[512];
    (void)snprintf(path, sizeof path, "%s/%s.log", e2e->folder, mu_e2e_name(process));
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)fprintf(stderr, "bench: %s: %s", mu_e2e_name(process), line);
    }
    if (file != NULL) {
        (void)fclose(file); /* only read */
    }
}

bool mu_e2e_alive(struct mu_e2e *e2e)
{
    bool ret = true;
    for (int i = 0; i < MU_E2E_PROCESSES; i++) {
        if (e2e->pids[i] > 0 && waitpid(e2e->pids[i], NULL, WNOHANG) == e2e->pids[i]) {
            e2e->pids[i] = 0;
            (void)fprintf(stderr, "bench: %s has ended\n", mu_e2e_name((enum mu_e2e_process)i));
            show_log(e2e, (enum mu_e2e_process)i);
            ret = false;
        }
    }
    return ret;
}

double mu_e2e_cpu_s(const struct mu_e2e *e2e, enum mu_e2e_process process)
{
    clockid_t clock;
    struct timespec used;
    if (e2e->pids[process] <= 0 || clock_getcpuclockid(e2e->pids[process], &clock) != 0 ||
        clock_gettime(clock, &used) != 0) {
        return 0;
    }
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

double mu_e2e_rss(const struct mu_e2e *e2e, enum mu_e2e_process process)
{
    char path[64];
    char line[128] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)e2e->pids[process]);
    FILE *file = e2e->pids[process] <= 0 ? NULL : fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    char *at = fgets(line, sizeof line, file) == NULL ? line : line + strcspn(line, " ");
    (void)fclose(file); /* only read */
    at += *at == ' ' ? 1 : 0;
    return (double)mu_measure_digits(at) * (double)sysconf(_SC_PAGESIZE);
}

int64_t mu_e2e_fetch(uint16_t port, const char *path, char *ret, size_t ret_bytes)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char request[128];
    size_t used = 0;
    ssize_t n = 1;
    int bytes = snprintf(request, sizeof request,
                         "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n\r\n", path,
                         (unsigned)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        send(fd, request, (size_t)bytes, MSG_NOSIGNAL) != bytes) {
        n = -1;
    }
    while (n > 0 && used < ret_bytes - 1) {
        n = recv(fd, ret + used, ret_bytes - 1 - used, 0);
        used += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0) {
        (void)close(fd); /* all was read */
    }
    ret[used] = '\0';
    return n < 0 || strncmp(ret, "HTTP/1.1 200", 12) != 0 ? -EIO : (int64_t)used;
}

static void take_sample(const struct mu_sample *sample, struct mu_e2e_counts *ret, int *ready)
{
    const char *kind = mu_sample_label(sample, "kind");
    static const struct {
        const char *name;
        const char *kind;
        size_t offset;
    } wanted[] = {
        { "muster_store_commits_total", "store", offsetof(struct mu_e2e_counts, commits) },
        { "muster_store_writes_total", "store", offsetof(struct mu_e2e_counts, writes) },
        { "muster_tickets_added_total", "store", offsetof(struct mu_e2e_counts, added) },
        { "muster_tickets_cancelled_total", "store", offsetof(struct mu_e2e_counts, cancelled) },
        { "muster_tickets_expired_total", "store", offsetof(struct mu_e2e_counts, expired) },
        { "muster_matches_committed_total", "store", offsetof(struct mu_e2e_counts, committed) },
        { "muster_queue_tickets", "", offsetof(struct mu_e2e_counts, queued) },
        { "muster_broker_routed_total", "broker", offsetof(struct mu_e2e_counts, routed) },
        { "muster_broker_unroutable_total", "broker", offsetof(struct mu_e2e_counts, dropped) },
        { "muster_broker_overloaded_total", "broker", offsetof(struct mu_e2e_counts, dropped) },
        { "muster_broker_pipes_full_total", "broker", offsetof(struct mu_e2e_counts, dropped) },
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (strcmp(sample->name, wanted[i].name) == 0 && strcmp(kind, wanted[i].kind) == 0) {
            double *to = (double *)(void *)((char *)ret + wanted[i].offset);
            *to += sample->value;
        }
    }
    /* The shard calls itself ready once a matcher is there, but serves before. */
    if (strcmp(sample->name, "muster_ready") == 0 &&
        ((sample->value > 0 && (strcmp(kind, "store") == 0 || strcmp(kind, "lobby") == 0)) ||
         strcmp(kind, "queue") == 0)) {
        ++*ready;
    }
}

int mu_e2e_counts(const struct mu_e2e *e2e, struct mu_e2e_counts *ret)
{
    static char text[METRICS_BYTES];
    struct mu_sample sample;
    int ready = 0;
    if (mu_e2e_fetch(e2e->admin_port, "/metrics", text, sizeof text) < 0) {
        return -EIO;
    }
    const char *at = strstr(text, "\r\n\r\n");
    at = at == NULL ? text : at + 4;
    *ret = (struct mu_e2e_counts){ .ready = false };
    while (mu_sample_next(&at, &sample)) {
        take_sample(&sample, ret, &ready);
    }
    ret->ready = ready >= 3;
    return 0;
}
