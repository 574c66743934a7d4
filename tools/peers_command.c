/* tools/peers_command.c - `muster keygen` makes keys, `muster peers` says whom brokers let in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/peers_file.h"
#include "core/key_pair.h"
#include "core/options.h"
#include "tools/command.h"
#include "tools/peers_edit.h"
#include "tools/process.h"

/* Everything of one call of `muster peers`. */
struct call {
    const char *verb;
    const char *path;
    const char *name; /* NULL: none given */
    const char *role;
    const char *key_text;
    struct mu_option_list partitions;
    uint8_t key[MU_PUBLIC_KEY_BYTES]; /* of key_text, if there is one */
    struct mu_peers peers;
};

static int say(int code, const char *what, const char *which)
{
    (void)fprintf(stderr, "muster peers: %s%s\n", what, which);
    return code;
}

/* Makes the key of `name`, or reads the one that is there.  Returns 0, or -errno after it said
 * why. */
static int take_key(const char *name, const char *path, bool there, struct mu_key_pair **ret)
{
    char error[MU_KEY_PAIR_ERROR_MAX];
    if (there) {
        int r = mu_key_pair_read(path, ret, error);
        if (r != 0) {
            (void)fprintf(stderr, "muster keygen: %s\n", error);
        }
        return r;
    }
    struct mu_key_pair *pair = mu_key_pair_create();
    int r = pair == NULL ? -ENOMEM : mu_key_pair_write(pair, name, path);
    if (r == -EEXIST) {
        (void)fprintf(stderr,
                      "muster keygen: %s is there already, and stays: --print prints its public "
                      "half; for\na new key take another name, or remove it if nobody uses it\n",
                      path);
    } else if (r != 0) {
        (void)fprintf(stderr, "muster keygen: %s: %s\n", path, strerror(-r));
    }
    if (r != 0) {
        mu_key_pair_destroy(pair);
        return r;
    }
    *ret = pair;
    return 0;
}

int mu_command_keygen(int argc, char **argv)
{
    const char *out = ".";
    const char *name = NULL;
    bool print = false;
    const struct mu_option options[] = {
        { "out", "FOLDER", "where NAME.key is written [.]", .ret_text = &out },
        { "print", NULL, "make none, and print the public half of the one that is there",
          .ret_flag = &print },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "keygen",
        .arguments = "NAME [--out FOLDER] [--print]",
        .text =
            "Makes the key of a broker, or of a process that connects to one: NAME.key, for its\n"
            "owner's eyes only, which stays on that host.  Its public half, 64 hex digits, is\n"
            "printed: it goes into the brokers' list of peers, or, of a broker, to all others.\n\n"
            "  muster peers add peers.yaml store-1 --role store --key $(muster keygen store-1)\n\n"
            "An existing file is never overwritten.  See docs/KEYS.md.\n",
        .options = options,
        .arguments_min = 1,
        .arguments_max = 1,
    };
    char path[MU_PATH_BYTES];
    char public_key[MU_PUBLIC_KEY_HEX + 1];
    int r = mu_options_parse(&manual, argc, argv, &name);
    if (r != MU_OPTIONS_GO) {
        return r;
    }
    const char *fault = mu_peer_name_fault(name);
    int n = snprintf(path, sizeof path, "%s/%s.key", out, name);
    if (fault != NULL || n < 0 || (size_t)n >= sizeof path) {
        (void)fprintf(stderr, "muster keygen: the name %s\n",
                      fault != NULL ? fault : "is too long");
        return MU_EXIT_USAGE;
    }
    struct mu_key_pair *pair = NULL;
    if (take_key(name, path, print, &pair) != 0) {
        return MU_EXIT_UNAVAILABLE;
    }
    mu_public_key_print(pair->public_key, public_key);
    mu_key_pair_destroy(pair);
    return puts(public_key) < 0 || fflush(stdout) != 0 ? 1 : 0;
}

/* Fills in who is to be added.  Returns 0 or an exit code, as all below. */
static int read_identity(const struct call *call, struct mu_identity *ret)
{
    const char *fault = mu_peer_name_fault(call->name);
    if (fault != NULL) {
        return say(MU_EXIT_USAGE, "the name ", fault);
    }
    (void)snprintf(ret->name, sizeof ret->name, "%s", call->name);
    if (call->role == NULL || mu_peer_role_parse(call->role, &ret->role) != 0) {
        return say(MU_EXIT_USAGE, "--role is store, queue, matcher, lobby, gateway or tool", "");
    }
    if (call->partitions.count > MU_PEER_PARTITIONS_MAX) {
        return say(MU_EXIT_USAGE, "at most eight partitions", "");
    }
    for (uint32_t i = 0; i < call->partitions.count; i++) {
        fault = mu_peer_partition_fault(ret->role, call->partitions.items[i]);
        if (fault != NULL) {
            return say(MU_EXIT_USAGE, "--partition: ", fault);
        }
        (void)snprintf(ret->partitions[ret->partitions_count++], sizeof ret->partitions[0], "%s",
                       call->partitions.items[i]);
    }
    return 0;
}

static int list(struct call *call)
{
    (void)printf("%-32s %-8s %-5s %-64s %s\n", "NAME", "ROLE", "KEYS", "KEY", "PARTITIONS");
    for (uint32_t i = 0; i < call->peers.count; i++) {
        const struct mu_listed_peer *peer = &call->peers.peers[i];
        for (uint32_t k = 0; k < peer->keys_count; k++) {
            char key[MU_PUBLIC_KEY_HEX + 1];
            mu_public_key_print(peer->keys[k], key);
            (void)printf("%-32s %-8s %u/%-3u %-64s", peer->who.name,
                         mu_peer_role_name(peer->who.role), k + 1, peer->keys_count, key);
            for (uint32_t p = 0; p < peer->who.partitions_count; p++) {
                (void)printf(" %s", peer->who.partitions[p]);
            }
            (void)puts(peer->who.partitions_count == 0 ? " any" : "");
        }
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

/* Does what was asked for to the list.  Returns 0 or -EINVAL. */
static int change(struct call *call, const struct mu_identity *who, char *error)
{
    if (strcmp(call->verb, "add") == 0) {
        return mu_peers_add(&call->peers, who, call->key, error);
    }
    if (strcmp(call->verb, "rotate") == 0) {
        return mu_peers_rotate(&call->peers, call->name, call->key, error);
    }
    return mu_peers_revoke(&call->peers, call->name, call->key_text != NULL ? call->key : NULL,
                           error);
}

static int edit(struct call *call)
{
    char error[MU_PEERS_EDIT_ERROR_MAX];
    struct mu_identity who = { .name = "" };
    bool add = strcmp(call->verb, "add") == 0;
    if (call->name == NULL) {
        return say(MU_EXIT_USAGE, "whose? needs the name of a peer", "");
    }
    if (call->key_text == NULL && strcmp(call->verb, "revoke") != 0) {
        return say(MU_EXIT_USAGE, "needs --key, as muster keygen prints it", "");
    }
    int code = add ? read_identity(call, &who) : 0;
    if (code != 0) {
        return code;
    }
    if (change(call, &who, error) != 0) {
        return say(1, error, "");
    }
    return mu_peers_write(&call->peers, call->path, error) == 0
               ? 0
               : say(MU_EXIT_UNAVAILABLE, error, "");
}

/* Whether FILE and NAME may have changed places: a new list would be made of the wrong name. */
static bool looks_swapped(const struct call *call)
{
    const char *end = call->name != NULL ? strrchr(call->name, '.') : NULL;
    return end != NULL && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0);
}

/* Reads the file; one that is not there is an empty list for `add`. */
static int load(struct call *call)
{
    char error[MU_PEERS_ERROR_MAX];
    int r = mu_peers_read(call->path, &call->peers, error, sizeof error);
    if (r == -ENOENT && strcmp(call->verb, "add") == 0) {
        if (looks_swapped(call)) {
            return say(MU_EXIT_USAGE,
                       "the file comes first, then the name of the peer: there is "
                       "no file ",
                       call->path);
        }
        mu_peers_seal(&call->peers);
        return 0;
    }
    if (r != 0) {
        (void)fprintf(stderr, "%s\n", error);
        return r == -EINVAL ? MU_EXIT_DATA : MU_EXIT_UNAVAILABLE;
    }
    return 0;
}

/* What was said that the verb has no use for; NULL: nothing. */
static const char *unused(const struct call *call)
{
    bool list = strcmp(call->verb, "list") == 0;
    if (list && call->name != NULL) {
        return "a NAME";
    }
    if (list && call->key_text != NULL) {
        return "--key";
    }
    if (strcmp(call->verb, "add") == 0) {
        return NULL;
    }
    return call->role != NULL ? "--role" : call->partitions.count > 0 ? "--partition" : NULL;
}

static int go(struct call *call)
{
    static const char *const verbs[] = { "list", "add", "rotate", "revoke" };
    bool known = false;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        known |= strcmp(call->verb, verbs[i]) == 0;
    }
    if (!known) {
        return say(MU_EXIT_USAGE, "list, add, rotate or revoke, not ", call->verb);
    }
    const char *idle = unused(call);
    if (idle != NULL) {
        (void)fprintf(stderr, "muster peers: %s takes no such thing: %s\n", call->verb, idle);
        return MU_EXIT_USAGE;
    }
    if (call->key_text != NULL && mu_public_key_parse(call->key_text, call->key) != 0) {
        return say(MU_EXIT_USAGE, "--key is the 64 hex digits that muster keygen prints", "");
    }
    int code = load(call);
    if (code != 0) {
        return code;
    }
    return strcmp(call->verb, "list") == 0 ? list(call) : edit(call);
}

int mu_command_peers(int argc, char **argv)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return 1;
    }
    const char *arguments[3] = { NULL, NULL, NULL };
    const struct mu_option options[] = {
        { "role", "ROLE", "add: store, queue, matcher, lobby, gateway or tool",
          .ret_text = &call->role },
        { "key", "KEY", "add, rotate, revoke: a public key, 64 hex digits",
          .ret_text = &call->key_text },
        { "partition", "NAME", "add: all that it may own, as queue/eu-west-1; up to eight",
          .ret_list = &call->partitions },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "peers",
        .arguments = "list|add|rotate|revoke FILE [NAME] [OPTION ...]",
        .text =
            "Shows and changes the peers file of the brokers: who is let in, and as what.\n\n"
            "  list FILE                           shows it\n"
            "  add FILE NAME --role R --key K      lets somebody in\n"
            "  rotate FILE NAME --key NEW          lets him in with a second key, too\n"
            "  revoke FILE NAME [--key OLD]        no longer with that key, or with any\n\n"
            "The file is replaced in one step; running brokers follow within a second, and cut\n"
            "off whose key is gone.  See docs/KEYS.md.\n",
        .options = options,
        .arguments_min = 2,
        .arguments_max = 3,
    };
    int code = mu_options_parse(&manual, argc, argv, arguments);
    if (code == MU_OPTIONS_GO) {
        call->verb = arguments[0];
        call->path = arguments[1];
        call->name = arguments[2];
        code = go(call);
    }
    free(call);
    return code;
}
