/* tools/top.c - `muster top`: the cluster as it works, once a second. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/options.h"
#include "tools/command.h"
#include "tools/process.h"
#include "tools/remote.h"
#include "tools/table.h"
#include "tools/topology.h"
#include "tools/topology_page.h"

#define INTERVAL_MS_MIN 100
#define CURSOR_HIDE     "\033[?25l"
#define CURSOR_SHOW     "\033[?25h"
#define CLEAR           "\033[2J"

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
    (void)signal;
    stop = 1;
}

struct top {
    struct mu_remote remote;
    struct mu_table_style style;
    uint64_t interval_ms;
    uint64_t count;          /* frames; 0: no bound */
    bool keys;               /* they are read from stdin, one by one */
    struct termios terminal; /* as it was; `keys` only */
    bool seen;               /* `now` holds an answer */
    struct mu_topology now;
    struct mu_topology before;
};

static void set_up(struct top *top)
{
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGTERM, &action, NULL); /* cannot fail for these */
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    top->keys = top->style.in_place && isatty(STDIN_FILENO) != 0 &&
                tcgetattr(STDIN_FILENO, &top->terminal) == 0;
    if (top->keys) {
        struct termios raw = top->terminal;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw); /* else q needs Enter behind it */
    }
    if (top->style.in_place) {
        (void)fputs(CLEAR CURSOR_HIDE, stdout);
    }
}

static void put_back(const struct top *top)
{
    if (top->keys) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &top->terminal); /* there is nobody to tell */
    }
    if (top->style.in_place) {
        (void)fputs(CURSOR_SHOW, stdout);
    }
}

/* Waits until the next frame is due, or somebody wants to end. */
static void wait_until(struct top *top, int64_t due_ms)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    int64_t now_ms = mu_process_now_ms();
    while (stop == 0 && now_ms < due_ms) {
        int n = poll(&input, top->keys ? 1 : 0, (int)(due_ms - now_ms));
        char key = 0;
        if (n > 0) {
            ssize_t got = read(STDIN_FILENO, &key, 1);
            stop = got <= 0 || key == 'q' || key == 'Q';
        }
        now_ms = mu_process_now_ms();
    }
}

/* Asks for the next frame and shows it.  Returns 0 or the exit code. */
static int frame(struct top *top)
{
    struct mu_ask_answer answer;
    int r = mu_remote_ask(&top->remote, "GET", "/v1/admin/cluster", NULL, &answer);
    if (r != 0) {
        return r;
    }
    memcpy(&top->before, &top->now, sizeof top->before);
    r = mu_topology_read(answer.body, answer.body_bytes, mu_process_now_ms(), &top->now);
    free(answer.body);
    if (r != 0) {
        (void)fprintf(stderr, "muster top: the answer does not parse\n");
        return MU_EXIT_UNAVAILABLE;
    }
    if (top->seen) {
        mu_topology_rates(&top->before, &top->now);
    }
    top->seen = true;
    mu_topology_page_live(&top->now, top->remote.address, &top->style, stdout);
    if (!top->style.in_place) {
        (void)putchar('\n');
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

/* Returns the exit code. */
static int run(struct top *top)
{
    int64_t due_ms = mu_process_now_ms();
    int r = 0;
    top->style = mu_table_style_of(stdout, true);
    set_up(top);
    for (uint64_t n = 0; stop == 0 && r == 0 && (top->count == 0 || n < top->count); n++) {
        if (n > 0) {
            wait_until(top, due_ms);
        }
        r = stop == 0 ? frame(top) : 0;
        int64_t now_ms = mu_process_now_ms();
        due_ms += (int64_t)top->interval_ms;
        due_ms = due_ms < now_ms ? now_ms : due_ms; /* a slow answer is not made up for */
    }
    put_back(top);
    return r;
}

int mu_command_top(int argc, char **argv)
{
    struct top *top = calloc(1, sizeof *top);
    if (top == NULL) {
        return 1;
    }
    mu_remote_init(&top->remote, "top");
    top->interval_ms = 1000;
    const struct mu_option options[] = {
        { "interval", "MS", "between two frames [1000]", .ret_number = &top->interval_ms,
          .min = INTERVAL_MS_MIN, .max = 3600000 },
        { "count", "N", "end after so many; 0: go on until q or Ctrl-C [0]",
          .ret_number = &top->count, .max = UINT64_MAX },
        mu_remote_option_gateway(&top->remote),
        mu_remote_option_key_file(&top->remote),
        mu_remote_option_wait(&top->remote),
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "top",
        .arguments = "[OPTION ...]",
        .text =
            "Shows the cluster as it works: queues by players that wait, processes by messages\n"
            "a second, with the longest step of the last second.  Rates are those since the\n"
            "frame before, so the first one has none.  q or Ctrl-C ends it; without a\n"
            "terminal frames come below each other.  With keys, --gateway is a gateway's\n"
            "admin listener, and --key-file an operator's key.\n"
            "Exit code: 0 ended, 1 refused, 69 the gateway does not answer within --wait.\n",
        .options = options,
    };
    int r = mu_options_parse(&manual, argc, argv, NULL);
    if (r == MU_OPTIONS_GO) {
        r = mu_remote_begin(&top->remote);
        r = r == 0 ? run(top) : r;
    }
    free(top);
    return r;
}
