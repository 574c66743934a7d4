#include "tests/bench/e2e_raw.h"

#include <assert.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#define PATH_BYTES 600
#define MAP_BYTES  (8ull << 30) /* sparse */
#define ECHO_BYTES 128

struct mu_raw {
    char lmdb[PATH_BYTES];
    char path[PATH_BYTES]; /* of the file */
    char bus[PATH_BYTES];  /* ipc:// endpoint of the echo */
    MDB_env *env;
    MDB_dbi table;
    uint64_t next; /* key */
    int file;
    off_t file_bytes;
    pid_t echo; /* the other process */
    void *zmq;
    void *socket;
    uint8_t bytes[MU_RAW_GROUP_MAX * MU_RAW_RECORD_BYTES];
};

static void must(bool fine, const char *what)
{
    if (!fine) {
        (void)fprintf(stderr, "bench: %s failed\n", what);
        exit(1);
    }
}

/* The other process: sends back what comes, until it is an empty message. */
static void serve_echo(const char *bus, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(1);
    }
    void *zmq = zmq_ctx_new();
    void *socket = zmq_socket(zmq, ZMQ_ROUTER);
    bool fine = socket != NULL && zmq_bind(socket, bus) == 0;
    while (fine) {
        zmq_msg_t id;
        zmq_msg_t body;
        (void)zmq_msg_init(&id);
        (void)zmq_msg_init(&body);
        fine = zmq_msg_recv(&id, socket, 0) >= 0 && zmq_msg_recv(&body, socket, 0) > 0 &&
               zmq_msg_send(&id, socket, ZMQ_SNDMORE) >= 0 && zmq_msg_send(&body, socket, 0) >= 0;
        (void)zmq_msg_close(&id); /* what was sent is empty by now */
        (void)zmq_msg_close(&body);
    }
    _exit(0);
}

static void open_echo(struct mu_raw *raw)
{
    pid_t parent = getpid();
    raw->echo = fork();
    must(raw->echo >= 0, "fork");
    if (raw->echo == 0) {
        serve_echo(raw->bus, parent);
    }
    raw->zmq = zmq_ctx_new();
    raw->socket = zmq_socket(raw->zmq, ZMQ_DEALER);
    int patience_ms = 5000;
    int linger_ms = 1000;
    must(raw->socket != NULL, "zmq_socket");
    (void)zmq_setsockopt(raw->socket, ZMQ_RCVTIMEO, &patience_ms, sizeof patience_ms);
    (void)zmq_setsockopt(raw->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    must(zmq_connect(raw->socket, raw->bus) == 0, "zmq_connect");
}

static void open_lmdb(struct mu_raw *raw)
{
    MDB_txn *txn = NULL;
    must(mkdir(raw->lmdb, 0700) == 0, "mkdir");
    must(mdb_env_create(&raw->env) == 0 && mdb_env_set_mapsize(raw->env, MAP_BYTES) == 0 &&
             mdb_env_set_maxdbs(raw->env, 1) == 0 &&
             mdb_env_open(raw->env, raw->lmdb, 0, 0600) == 0 &&
             mdb_txn_begin(raw->env, NULL, 0, &txn) == 0 &&
             mdb_dbi_open(txn, "journal", MDB_CREATE, &raw->table) == 0 && mdb_txn_commit(txn) == 0,
         "LMDB");
}

struct mu_raw *mu_raw_create(const char *folder)
{
    struct mu_raw *raw = calloc(1, sizeof *raw);
    must(raw != NULL, "calloc");
    for (size_t i = 0; i < sizeof raw->bytes; i++) {
        raw->bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    (void)snprintf(raw->lmdb, sizeof raw->lmdb, "%s/raw-lmdb", folder);
    (void)snprintf(raw->path, sizeof raw->path, "%s/raw-file", folder);
    (void)snprintf(raw->bus, sizeof raw->bus, "ipc://%s/raw-echo", folder);
    open_echo(raw); /* before anything else is open that the child would share */
    open_lmdb(raw);
    raw->file = open(raw->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    must(raw->file >= 0, "open");
    return raw;
}

void mu_raw_destroy(struct mu_raw *raw)
{
    if (raw == NULL) {
        return;
    }
    (void)zmq_send(raw->socket, "", 0, 0); /* lost: killed below */
    (void)zmq_close(raw->socket);
    (void)zmq_ctx_term(raw->zmq);
    (void)kill(raw->echo, SIGKILL); /* it is ours and not reaped: it exists */
    (void)waitpid(raw->echo, NULL, 0);
    mdb_env_close(raw->env);
    (void)close(raw->file); /* nobody reads it again */
    char name[PATH_BYTES + 16];
    (void)snprintf(name, sizeof name, "%s/data.mdb", raw->lmdb);
    (void)unlink(name); /* the folder's owner removes what is left */
    (void)snprintf(name, sizeof name, "%s/lock.mdb", raw->lmdb);
    (void)unlink(name);
    (void)rmdir(raw->lmdb);
    (void)unlink(raw->path);
    free(raw);
}

static void commit_lmdb(struct mu_raw *raw, uint32_t group)
{
    MDB_txn *txn = NULL;
    must(mdb_txn_begin(raw->env, NULL, 0, &txn) == 0, "mdb_txn_begin");
    for (uint32_t i = 0; i < group; i++) {
        uint8_t key[8];
        uint64_t number = raw->next++;
        for (int at = 7; at >= 0; at--) {
            key[at] = (uint8_t)number;
            number >>= 8;
        }
        MDB_val key_val = { sizeof key, key };
        MDB_val val = { MU_RAW_RECORD_BYTES, raw->bytes + (size_t)i * MU_RAW_RECORD_BYTES };
        must(mdb_put(txn, raw->table, &key_val, &val, MDB_APPEND) == 0, "mdb_put");
    }
    must(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
}

static void commit_file(struct mu_raw *raw, uint32_t group)
{
    size_t size = (size_t)group * MU_RAW_RECORD_BYTES;
    must(pwrite(raw->file, raw->bytes, size, raw->file_bytes) == (ssize_t)size, "pwrite");
    must(fdatasync(raw->file) == 0, "fdatasync");
    raw->file_bytes += (off_t)size;
}

double mu_raw_commits(struct mu_raw *raw, enum mu_raw_way way, uint32_t group, int64_t for_ns,
                      struct mu_samples *ret_us)
{
    uint64_t commits = 0;
    int64_t begin_ns = mu_bench_now_ns();
    int64_t at_ns = begin_ns;
    assert(group >= 1 && group <= MU_RAW_GROUP_MAX);
    while (at_ns - begin_ns < for_ns) {
        int64_t before_ns = at_ns;
        if (way == MU_RAW_LMDB) {
            commit_lmdb(raw, group);
        } else {
            commit_file(raw, group);
        }
        at_ns = mu_bench_now_ns();
        commits++;
        if (ret_us != NULL) {
            mu_samples_add(ret_us, (double)(at_ns - before_ns) / 1e3);
        }
    }
    return (double)(commits * group) * 1e9 / (double)(at_ns - begin_ns);
}

void mu_raw_echo(struct mu_raw *raw, int64_t for_ns, struct mu_samples *ret_us)
{
    int64_t begin_ns = mu_bench_now_ns();
    int64_t at_ns = begin_ns;
    uint8_t back[ECHO_BYTES];
    while (at_ns - begin_ns < for_ns) {
        int64_t before_ns = at_ns;
        must(zmq_send(raw->socket, raw->bytes, ECHO_BYTES, 0) == ECHO_BYTES, "zmq_send");
        must(zmq_recv(raw->socket, back, sizeof back, 0) == ECHO_BYTES, "zmq_recv");
        at_ns = mu_bench_now_ns();
        mu_samples_add(ret_us, (double)(at_ns - before_ns) / 1e3);
    }
}
