#include "tools/cluster.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_USAGE      64 /* sysexits.h */
#define EXIT_CONFIG     78
#define EXIT_CANNOT_RUN 127

void mu_cluster_init(struct mu_cluster *cluster, mu_cluster_tell_fn *tell, void *context)
{
    *cluster = (struct mu_cluster){ .tell = tell, .context = context };
}

void mu_cluster_add(struct mu_cluster *cluster, const char *name, enum mu_stage stage,
                    const char *const *argv, const char *logs)
{
    assert(cluster->children_count < MU_CHILDREN_MAX);
    struct mu_child *child = &cluster->children[cluster->children_count++];
    *child = (struct mu_child){ .stage = stage };
    (void)snprintf(child->name, sizeof child->name, "%s", name);
    uint32_t n = 0;
    while (argv[n] != NULL) {
        assert(n < MU_CHILD_ARGUMENTS);
        child->argv[n] = argv[n];
        n++;
    }
    assert(n > 0);
    if (logs != NULL) {
        char file[sizeof child->name];
        memcpy(file, child->name, sizeof file);
        for (char *slash = file; (slash = strchr(slash, '/')) != NULL;) {
            *slash = '-';
        }
        int used = snprintf(child->log, sizeof child->log, "%s/%s.log", logs, file);
        assert(used > 0 && (size_t)used < sizeof child->log);
    }
    mu_supervise_init(&child->supervise, 0);
}

/* "killed by signal 9", "exit code 1" */
static void describe(int status, char *ret, size_t ret_bytes)
{
    if (WIFSIGNALED(status)) {
        (void)snprintf(ret, ret_bytes, "killed by signal %d", WTERMSIG(status));
    } else {
        (void)snprintf(ret, ret_bytes, "exit code %d", WEXITSTATUS(status));
    }
}

static void on_end(struct mu_cluster *cluster, struct mu_child *child, int status, int64_t now_ms)
{
    char how[64];
    char text[160];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    bool refused = code == EXIT_USAGE || code == EXIT_CONFIG || code == EXIT_CANNOT_RUN;
    child->pid = 0;
    mu_supervise_ended(&child->supervise, now_ms, refused);
    if (cluster->stopping) {
        return;
    }
    describe(status, how, sizeof how);
    if (refused) {
        (void)snprintf(text, sizeof text, "%s ended: %s", child->name, how);
    } else {
        (void)snprintf(text, sizeof text, "%s ended: %s; starts again in %lld ms", child->name, how,
                       (long long)(child->supervise.due_ms - now_ms));
    }
    cluster->tell(cluster->context, text, refused);
}

static void reap(struct mu_cluster *cluster, int64_t now_ms)
{
    for (uint32_t i = 0; i < cluster->children_count; i++) {
        struct mu_child *child = &cluster->children[i];
        int status = 0;
        /* Each by its id: other children of the process are not ours. */
        if (child->supervise.running && waitpid(child->pid, &status, WNOHANG) == child->pid) {
            on_end(cluster, child, status, now_ms);
        }
    }
}

static void start(struct mu_cluster *cluster, struct mu_child *child, int64_t now_ms)
{
    char text[160];
    int r = mu_process_start(child->argv, child->log[0] == '\0' ? NULL : child->log, &child->pid);
    if (r == 0) {
        mu_supervise_started(&child->supervise, now_ms);
        return;
    }
    mu_supervise_ended(&child->supervise, now_ms, false);
    (void)snprintf(text, sizeof text, "%s cannot be started: %s", child->name, strerror(-r));
    cluster->tell(cluster->context, text, false);
}

/* A log that has grown too long begins anew; the child appends, so it goes on at the start. */
static void bound_log(const struct mu_child *child)
{
    struct stat about;
    if (child->log[0] != '\0' && stat(child->log, &about) == 0 &&
        about.st_size > MU_CHILD_LOG_BYTES && truncate(child->log, 0) != 0) {
        return; /* the next turn tries again */
    }
}

static void signal_stage(const struct mu_cluster *cluster, enum mu_stage stage, int signal)
{
    for (uint32_t i = 0; i < cluster->children_count; i++) {
        const struct mu_child *child = &cluster->children[i];
        if (child->stage == stage && child->supervise.running) {
            (void)kill(child->pid, signal); /* it is ours and not reaped: it exists */
        }
    }
}

static bool stage_runs(const struct mu_cluster *cluster, enum mu_stage stage)
{
    for (uint32_t i = 0; i < cluster->children_count; i++) {
        if (cluster->children[i].stage == stage && cluster->children[i].supervise.running) {
            return true;
        }
    }
    return false;
}

/* Moves on to the first stage with somebody alive. */
static void go_on_stopping(struct mu_cluster *cluster, int64_t now_ms)
{
    enum mu_stage before = cluster->stage;
    while (cluster->stage < MU_STAGES_COUNT && !stage_runs(cluster, cluster->stage)) {
        cluster->stage++;
    }
    if (cluster->stage == MU_STAGES_COUNT) {
        return;
    }
    if (cluster->stage != before) {
        cluster->patience_ms = now_ms + MU_CLUSTER_PATIENCE_MS;
        signal_stage(cluster, cluster->stage, SIGTERM);
    } else if (now_ms >= cluster->patience_ms) {
        signal_stage(cluster, cluster->stage, SIGKILL);
    }
}

void mu_cluster_turn(struct mu_cluster *cluster, int64_t now_ms)
{
    reap(cluster, now_ms);
    if (cluster->stopping) {
        go_on_stopping(cluster, now_ms);
        return;
    }
    for (uint32_t i = 0; i < cluster->children_count; i++) {
        struct mu_child *child = &cluster->children[i];
        bound_log(child);
        if (now_ms >= child->supervise.due_ms) {
            start(cluster, child, now_ms);
        }
    }
}

void mu_cluster_stop(struct mu_cluster *cluster, int64_t now_ms)
{
    cluster->stopping = true;
    for (uint32_t i = 0; i < cluster->children_count; i++) {
        mu_supervise_stop(&cluster->children[i].supervise);
    }
    cluster->stage = MU_STAGE_BOTS;
    cluster->patience_ms = now_ms + MU_CLUSTER_PATIENCE_MS;
    signal_stage(cluster, cluster->stage, SIGTERM);
    go_on_stopping(cluster, now_ms);
}

void mu_cluster_kill(struct mu_cluster *cluster)
{
    for (int stage = 0; stage < MU_STAGES_COUNT; stage++) {
        signal_stage(cluster, (enum mu_stage)stage, SIGKILL);
    }
}

bool mu_cluster_ended(const struct mu_cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->children_count; i++) {
        if (cluster->children[i].supervise.running) {
            return false;
        }
    }
    return true;
}

const char *mu_cluster_hopeless(const struct mu_cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->children_count; i++) {
        if (cluster->children[i].supervise.starts >= MU_CLUSTER_TRIES) {
            return cluster->children[i].name;
        }
    }
    return NULL;
}

uint32_t mu_cluster_restarts(const struct mu_cluster *cluster)
{
    uint32_t ret = 0;
    for (uint32_t i = 0; i < cluster->children_count; i++) {
        uint32_t starts = cluster->children[i].supervise.starts;
        ret += starts > 1 ? starts - 1 : 0;
    }
    return ret;
}
