/* tools/verify.c - `muster verify`: whether a store is whole and agrees with itself. */
#include <stdio.h>

#include "actors/audit.h"
#include "core/options.h"
#include "core/store.h"
#include "tools/command.h"
#include "tools/store_open.h"

int mu_command_verify(int argc, char **argv)
{
    const char *folder = NULL;
    const struct mu_option options[] = {
        { "data", "DIR", "the store's folder, or that of muster dev", .ret_text = &folder },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "verify",
        .arguments = "--data DIR",
        .text =
            "Checks every record of a store whose cluster is stopped: that none is damaged or\n"
            "missing, and that none contradicts another (a player in two matches, a ticket that\n"
            "nobody follows, ...).  Exit code: 0 all is well, 65 it is not, 69 cannot open it.\n",
        .options = options,
    };
    char error[512];
    struct mu_store *store = NULL;
    int r = mu_options_parse(&manual, argc, argv, NULL);
    if (r != MU_OPTIONS_GO) {
        return r;
    }
    r = mu_store_open("verify", folder, &store);
    if (r != 0) {
        return r;
    }
    if (store->ops->verify(store) != 0) {
        (void)fprintf(stderr, "muster verify: a record is damaged, or one is missing\n");
        r = MU_EXIT_DATA;
    } else if (mu_store_audit(store, error, sizeof error) != 0) {
        (void)fprintf(stderr, "muster verify: %s\n", error);
        r = MU_EXIT_DATA;
    } else {
        struct mu_store_stats stats;
        store->ops->stats(store, &stats);
        (void)printf("%s: whole, no contradiction (%llu bytes)\n", folder,
                     (unsigned long long)stats.bytes_used);
    }
    store->ops->destroy(store);
    return r;
}
