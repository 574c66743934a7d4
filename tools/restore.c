/* tools/restore.c - `muster restore`: a store from a backup. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "core/options.h"
#include "tools/command.h"
#include "tools/restoration.h"

static void tell(const char *backup, const char *target, const struct mu_restoration *done)
{
    (void)printf("%s\n  copied    %" PRIu64 " bytes from %s\n"
                 "  checked   every page, record and digest; no contradiction\n"
                 "  holds     %" PRIu64 " players, %" PRIu64 " matches\n"
                 "  fenced    %" PRIu32 " partitions: no epoch is below %" PRIu64
                 ", the store's generation (was %" PRIu64 ")\n"
                 "Start the whole cluster anew, gateways too; see docs/OPERATIONS.md.\n",
                 target, done->bytes, backup, done->players, done->matches,
                 done->generation.partitions, done->generation.now, done->generation.former);
}

int mu_command_restore(int argc, char **argv)
{
    const char *backup = NULL;
    const char *target = NULL;
    const struct mu_option options[] = {
        { "data", "DIR", "the store's new folder; missing, or empty", .ret_text = &target },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "restore",
        .arguments = "BACKUP-DIR --data DIR",
        .text =
            "Makes the folder of a store from a backup that `muster backup` wrote.  Checks all of\n"
            "it first, as `muster verify` does; a damaged backup is refused, and DIR is made only\n"
            "when it is whole.  Raises the epochs of all partitions, so that what still runs of\n"
            "the cluster before can change nothing.  For `muster dev --data D`, DIR is D/store.\n"
            "Exit code: 0 restored, 65 the backup is damaged, 69 cannot read it, or DIR is not\n"
            "empty or cannot be made.\n",
        .options = options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    char error[MU_RESTORATION_ERROR_MAX];
    struct mu_restoration done;
    struct timespec now;
    int r = mu_options_parse(&manual, argc, argv, &backup);
    if (r != MU_OPTIONS_GO) {
        return r;
    }
    if (target == NULL) {
        (void)fprintf(stderr, "muster restore: --data DIR is needed\n");
        return MU_EXIT_USAGE;
    }
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < 0) {
        now.tv_sec = 0; /* the epochs still grow */
    }
    r = mu_restore(backup, target, (uint64_t)now.tv_sec, &done, error);
    if (r != 0) {
        (void)fprintf(stderr, "muster restore: %s\n", error);
        return r == -EBADMSG ? MU_EXIT_DATA : MU_EXIT_UNAVAILABLE;
    }
    tell(backup, target, &done);
    return fflush(stdout) == 0 ? 0 : 1;
}
