/* tools/keys.c - `muster key`: makes API keys. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "core/options.h"
#include "tools/command.h"
#include "tools/key_file.h"

/* What a key's id may be: _ would be ambiguous in mu_<id>_<secret>. */
static bool is_id(const char *id)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    size_t n = strlen(id);
    return n >= 1 && n <= MU_KEY_ID_MAX && strspn(id, set) == n && strcmp(id, "srv") != 0 &&
           strcmp(id, "ply") != 0 && strcmp(id, "mat") != 0;
}

int mu_command_key(int argc, char **argv)
{
    const char *id = NULL;
    const char *role = "backend";
    const char *what = NULL;
    const struct mu_option options[] = {
        { "id", "ID", "whose key: letters, digits and -", .ret_text = &id },
        { "role", "ROLE", "backend or operator [backend]", .ret_text = &role },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "key",
        .arguments = "new --id ID [--role backend|operator]",
        .text =
            "Makes an API key.  The key itself is printed once, on the first line; only its hash,\n"
            "on the second, goes into the configuration's list of keys.\n",
        .options = options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    char key[MU_KEY_FILE_MAX + 1];
    char hash[MU_KEY_HASH_BYTES];
    int r = mu_options_parse(&manual, argc, argv, &what);
    if (r != MU_OPTIONS_GO) {
        return r;
    }
    if (strcmp(what, "new") != 0 || id == NULL || !is_id(id) ||
        (strcmp(role, "backend") != 0 && strcmp(role, "operator") != 0)) {
        mu_options_print(&manual, stderr);
        return MU_EXIT_USAGE;
    }
    mu_key_make(id, key, hash);
    int n = printf("%s\n  - {id: %s, role: %s, hash: %s}\n", key, id, role, hash);
    sodium_memzero(key, sizeof key);
    return n < 0 || fflush(stdout) != 0 ? 1 : 0;
}
