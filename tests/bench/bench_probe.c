/* tests/bench/bench_probe.c - runs a command and says how quiet the machine was meanwhile.
 *
 * usage: bench_probe COMMAND [ARGUMENT ...]
 *
 * The command's output passes; the last line of ours is "noise {...}", as tests/bench/measure.h
 * has it.  Exit code: the command's; 127 when it cannot be run, 128 + n when signal n ended it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/measure.h"

int main(int argc, char **argv)
{
    struct mu_noise noise = { 0 };
    struct mu_noise after = { 0 };
    struct mu_noise_mark from;
    struct mu_noise_mark to;
    int status = 0;
    if (argc < 2) {
        (void)fprintf(stderr, "usage: bench_probe COMMAND [ARGUMENT ...]\n");
        return 64;
    }
    mu_noise_probe(&noise);
    mu_noise_mark(&from);
    pid_t child = fork();
    if (child == 0) {
        (void)execv(argv[1], argv + 1);
        (void)fprintf(stderr, "bench_probe: %s: %s\n", argv[1], strerror(errno));
        _exit(127);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (child < 0) {
        perror("bench_probe: fork");
        return 1;
    }
    mu_noise_mark(&to);
    mu_noise_probe(&after);
    mu_noise_between(&from, &to, 0, &after);
    mu_noise_worse(&noise, &after);
    (void)printf("noise ");
    mu_noise_print(&noise);
    (void)printf("\n");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
