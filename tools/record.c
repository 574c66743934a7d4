/* tools/record.c - `muster record`: what a running cluster is asked to match, as a workload. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "actors/host.h"
#include "core/config_yaml.h"
#include "core/options.h"
#include "tools/command.h"
#include "tools/dev_folder.h"
#include "tools/recorder.h"

#ifndef MU_VERSION
#define MU_VERSION "unknown"
#endif

#define SECONDS_MAX (30 * 86400)

static volatile sig_atomic_t asked; /* to stop */

static void on_signal(int signal)
{
    (void)signal;
    asked = 1;
}

struct values {
    const char *out;
    const char *matches;
    const char *data;
    const char *config;
    const char *key;
    struct mu_option_list brokers;
    struct mu_option_list broker_keys;
    struct mu_option_list modes;
    uint64_t seconds;
    bool keep_ids;
};

/* Everything of one call. */
struct call {
    struct values values;
    struct mu_recorder_config cluster;
    struct mu_host_options host;
    char bus[MU_PATH_BYTES]; /* endpoint, when no broker was named */
    uint32_t modes;          /* bit i: mode i is recorded */
    struct mu_record_file tickets;
    struct mu_record_file matches;
    struct mu_recorder_job job;
};

static int say(int code, const char *what, const char *which)
{
    (void)fprintf(stderr, "muster record: %s%s\n", what, which);
    return code;
}

/* Returns 0 or an exit code, as all below. */
static int load_config(struct call *call)
{
    char error[MU_CONFIG_ERROR_MAX];
    struct mu_config *config = &call->cluster.config;
    if (mu_config_load(call->values.config, config, error, sizeof error) != 0) {
        (void)fprintf(stderr, "%s\n", error);
        return MU_EXIT_CONFIG;
    }
    for (uint32_t i = 0; i < call->values.modes.count; i++) {
        int32_t mode = mu_config_mode(config, call->values.modes.items[i]);
        if (mode < 0) {
            return say(MU_EXIT_USAGE, "the configuration has no mode ",
                       call->values.modes.items[i]);
        }
        call->modes |= 1u << mode;
    }
    if (call->modes == 0) {
        call->modes = config->modes_count == 32 ? UINT32_MAX : (1u << config->modes_count) - 1;
    }
    return 0;
}

static int choose_brokers(struct call *call)
{
    struct mu_host_options *host = &call->host;
    const struct mu_option_list *named = &call->values.brokers;
    if (named->count > MU_BUS_BROKERS_MAX) {
        return say(MU_EXIT_USAGE, "there are at most three brokers", "");
    }
    host->brokers_count = named->count;
    for (uint32_t i = 0; i < named->count; i++) {
        host->brokers[i] = named->items[i];
    }
    if (named->count == 0) {
        if (mu_dev_folder_bus(call->values.data, call->bus) != 0) {
            return say(MU_EXIT_UNAVAILABLE,
                       "no cluster of muster dev uses this folder (name another with --data, or "
                       "the broker with --broker): ",
                       call->values.data);
        }
        host->brokers_count = 1;
        host->brokers[0] = call->bus;
    }
    const struct mu_dealer_words words = {
        .file = call->values.key,
        .brokers_count = host->brokers_count,
        .brokers = host->brokers,
        .broker_keys_count = call->values.broker_keys.count,
        .broker_keys = call->values.broker_keys.items,
    };
    char error[MU_KEY_PAIR_ERROR_MAX];
    if (mu_dealer_keys_load(&words, &host->keys, error) != 0) {
        return say(MU_EXIT_USAGE, error, "");
    }
    return 0;
}

static int create_file(struct mu_record_file *file, const char *path)
{
    int r = mu_record_file_create(file, path);
    if (r == -EEXIST) {
        return say(MU_EXIT_USAGE, "it exists already, and a recording overwrites nothing: ", path);
    }
    if (r != 0) {
        (void)fprintf(stderr, "muster record: cannot write %s: %s\n", path, strerror(-r));
        return MU_EXIT_UNAVAILABLE;
    }
    return 0;
}

/* The part of a path behind the last slash. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static int create_recording(struct call *call)
{
    struct mu_recording_options options = {
        .config = &call->cluster.config,
        .modes = call->modes,
        .names = { .off = call->values.keep_ids },
        .name = name_of(call->values.out),
        .version = MU_VERSION,
        .write_ticket = mu_record_file_write,
        .tickets = &call->tickets,
        .write_match = call->values.matches == NULL ? NULL : mu_record_file_write,
        .matches = &call->matches,
    };
    randombytes_buf(options.names.key, sizeof options.names.key);
    call->job.recording = mu_recording_create(&options);
    sodium_memzero(options.names.key, sizeof options.names.key);
    return call->job.recording == NULL ? say(1, "out of memory", "") : 0;
}

static void set_up_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGTERM, &action, NULL); /* cannot fail for these */
    (void)sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    (void)sigaction(SIGXFSZ, &action, NULL); /* a file that may not grow is an error to tell */
}

static void print_row(const char *name, const struct mu_recording_mode *mode)
{
    (void)printf("%-24s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
                 " %10" PRIu64 "\n",
                 name, mode->tickets, mode->players, mode->matched, mode->left, mode->waiting,
                 mode->matches);
}

static void add_row(struct mu_recording_mode *sum, const struct mu_recording_mode *mode)
{
    sum->tickets += mode->tickets;
    sum->players += mode->players;
    sum->matched += mode->matched;
    sum->left += mode->left;
    sum->waiting += mode->waiting;
    sum->matches += mode->matches;
}

/* What should not be passed over. */
static void print_remarks(const struct mu_recording_counts *counts,
                          const struct mu_recorder_job *job)
{
    const struct {
        uint64_t count;
        const char *text;
    } remarks[] = {
        { counts->returned, "came back from a match that was not accepted: new arrivals" },
        { counts->late, "became known late and stand at a later time" },
        { counts->cut, "could not be waited for, as too many waited before them" },
        { counts->unknown, "were of modes that the configuration does not have: left out" },
        { counts->incomplete, "matches were left out: a ticket of theirs is not known" },
        { counts->rules, "times a rule set changed; the header names the first ones" },
        { job->gaps, "times the log was lost as it was not read in time: tickets may be missing" },
    };
    for (size_t i = 0; i < sizeof remarks / sizeof remarks[0]; i++) {
        if (remarks[i].count > 0) {
            (void)printf("%" PRIu64 " %s\n", remarks[i].count, remarks[i].text);
        }
    }
    if (job->missing_ms > 0) {
        (void)printf("the store did not answer at the end: the last %.1f s are missing\n",
                     (double)job->missing_ms / 1000);
    }
}

static void print_summary(const struct call *call)
{
    const struct mu_config *config = &call->cluster.config;
    const struct mu_recording_counts *counts = mu_recording_counts(call->job.recording);
    struct mu_recording_mode sum = { .tickets = 0 };
    (void)printf("recorded %.1f s to %s\n\n%-24s %10s %10s %10s %10s %10s %10s\n",
                 (double)(call->job.end_ms - call->job.start_ms) / 1000, call->values.out, "mode",
                 "tickets", "players", "matched", "left", "waiting", "matches");
    for (uint32_t i = 0; i < config->modes_count; i++) {
        if ((call->modes >> i & 1) != 0) {
            print_row(config->modes[i].name, &counts->modes[i]);
            add_row(&sum, &counts->modes[i]);
        }
    }
    print_row("all", &sum);
    print_remarks(counts, &call->job);
}

/* Writes how long it took into the header, and closes the files. */
static int close_files(struct call *call)
{
    struct mu_recorder_job *job = &call->job;
    char duration[MU_RECORDING_DURATION + 1];
    int r = job->failed;
    int n = snprintf(duration, sizeof duration, "%*.3f", MU_RECORDING_DURATION,
                     (double)(job->end_ms - job->start_ms) / 1000);
    if (job->begun && r == 0 && n == MU_RECORDING_DURATION) {
        r = mu_record_file_patch(&call->tickets, mu_recording_duration_at(job->recording), duration,
                                 MU_RECORDING_DURATION);
    }
    int closed = mu_record_file_close(&call->tickets);
    r = r == 0 ? closed : r;
    if (r != 0) {
        (void)fprintf(stderr,
                      "muster record: cannot write %s: %s; what stands there is whole lines, and "
                      "can be replayed\n",
                      call->values.out, strerror(-r));
        job->failed = r;
    }
    closed = call->values.matches == NULL ? 0 : mu_record_file_close(&call->matches);
    if (closed != 0 && r == 0) {
        (void)fprintf(stderr, "muster record: cannot write %s: %s\n", call->values.matches,
                      strerror(-closed));
        job->failed = closed;
    }
    return job->failed == 0 ? 0 : 1;
}

/* Removes files in which nothing stands. */
static void discard_files(const struct call *call)
{
    (void)remove(call->values.out); /* we made them a moment ago */
    if (call->values.matches != NULL) {
        (void)remove(call->values.matches);
    }
}

static int run(struct call *call)
{
    struct mu_host_options *host = &call->host;
    struct mu_log *log = mu_log_create("record", MU_LOG_WARN);
    if (log == NULL) {
        return say(1, "out of memory", "");
    }
    call->cluster.job = &call->job;
    host->ops = &mu_recorder_ops;
    host->partition = "";
    host->build = MU_VERSION;
    host->name = "record";
    host->config = &call->cluster.config;
    host->log = log;
    host->stop = &call->job.ended;
    set_up_signals();
    int code = mu_host_run(host);
    mu_log_destroy(log);
    return code == MU_HOST_EXIT_OK ? 0 : code;
}

static int record(struct call *call)
{
    struct mu_recorder_job *job = &call->job;
    int code = choose_brokers(call);
    if (code == 0) {
        code = create_file(&call->tickets, call->values.out);
    }
    if (code == 0 && call->values.matches != NULL) {
        code = create_file(&call->matches, call->values.matches);
        if (code != 0) {
            (void)mu_record_file_close(&call->tickets); /* empty */
            (void)remove(call->values.out);             /* we made it a moment ago */
            return code;
        }
    }
    if (code != 0) {
        return code;
    }
    job->tickets = &call->tickets;
    job->matches = call->values.matches == NULL ? NULL : &call->matches;
    job->duration_ms = (int64_t)call->values.seconds * 1000;
    job->asked = &asked;
    code = create_recording(call);
    if (code == 0) {
        code = run(call);
    }
    int closed = close_files(call);
    if (!job->begun) {
        discard_files(call);
    } else if (job->failed == 0 && code == 0) {
        print_summary(call);
    }
    if (job->problem[0] != '\0') {
        return say(MU_EXIT_UNAVAILABLE, job->problem, "");
    }
    return code != 0 ? code : closed;
}

static int go(struct call *call)
{
    const struct values *values = &call->values;
    if (values->out == NULL) {
        return say(MU_EXIT_USAGE, "needs --out FILE", "");
    }
    if (values->matches != NULL && strcmp(values->matches, values->out) == 0) {
        return say(MU_EXIT_USAGE, "--out and --matches must be two files", "");
    }
    int code = load_config(call);
    return code == 0 ? record(call) : code;
}

int mu_command_record(int argc, char **argv)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return 1;
    }
    struct values *v = &call->values;
    v->data = "muster-data";
    call->tickets.file = -1;
    call->matches.file = -1;
    const struct mu_option options[] = {
        { "out", "FILE", "where the tickets go; must not exist", .ret_text = &v->out },
        { "matches", "FILE", "where the cluster's own matches go", .ret_text = &v->matches },
        { "seconds", "N", "ends by itself after so long", .ret_number = &v->seconds, .min = 1,
          .max = SECONDS_MAX },
        { "mode", "NAME", "only this mode; may be given several times", .ret_list = &v->modes },
        { "config", "FILE", "the cluster's configuration (default: built in)",
          .ret_text = &v->config },
        { "data", "DIR", "of the muster dev that is recorded [muster-data]", .ret_text = &v->data },
        { "broker", "ENDPOINT", "instead: the cluster's broker; up to three times",
          .ret_list = &v->brokers },
        { "key", "FILE", "its own key, whose role is tool", .ret_text = &v->key },
        { "broker-key", "KEY", "a broker's public key, in the brokers' order",
          .ret_list = &v->broker_keys },
        { "keep-ids", NULL, "players and tickets by their ids", .ret_flag = &v->keep_ids },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "record",
        .arguments = "--out FILE [OPTION ...]",
        .text =
            "Writes the tickets of a running cluster to a file that muster simulate replays,\n"
            "until --seconds are over or Ctrl-C; it ends a second or two later, when all until\n"
            "then is known.  It only reads along: the cluster neither waits for it nor changes.\n"
            "With --matches the matches that were formed are written too, to be compared:\n\n"
            "  muster record --out week.jsonl --matches live.jsonl --seconds 600\n"
            "  muster simulate --workload week.jsonl --config muster.yaml \\\n"
            "      --compare live.jsonl default\n\n"
            "Times are seconds since the beginning; who waited then, arrives at 0.  pat, the\n"
            "patience, is the time until a ticket was cancelled or expired; of one that was\n"
            "matched, or waits at the end, the longest it might have waited, as nobody knows\n"
            "when its players would have gone.  A line is written when that is known, so the\n"
            "file stays behind; lines stand in the order of arrival.  A ticket that comes\n"
            "back from a match that was not accepted is a new arrival.\n\n"
            "Players have pseudonyms, and tickets numbers, as recordings are handed around,\n"
            "and who plays when, with whom, and how well is nobody's affair: the same player\n"
            "has the same name throughout a file, another one in the next; the key is thrown\n"
            "away.  Attributes stay as they are, as rules read them, but for players' ids in\n"
            "them: look whether yours name somebody.  --keep-ids is for the operator's eyes.\n",
        .options = options,
    };
    int code = mu_options_parse(&manual, argc, argv, NULL);
    if (code == MU_OPTIONS_GO) {
        code = go(call);
    }
    mu_recording_destroy(call->job.recording);
    mu_dealer_keys_release(&call->host.keys);
    free(call);
    return code == 0 && fflush(stdout) != 0 ? 1 : code;
}
