/* tests/scenarios/run.c - muster-scenario: plays scenario files in the simulated cluster.
 *
 *   muster-scenario FILE|FOLDER...    plays each .scn file; exit status 1 when one fails
 *   muster-scenario -v FILE           and prints everything that happens, as muster-sim does
 *   UPDATE=1 muster-scenario ...      writes the traces anew; their diff is reviewed like code
 *
 * A scenario is lines of words; '#' begins a comment, and a line that begins with a space goes on
 * with the one before.  Time is virtual, and goes on only while a line waits.  Nothing happens by
 * chance: what gets lost, the scenario says.
 *
 *   set NAME NUMBER                a setting, or MODE.FIELD as ranked.accept_ms; before any start
 *   set brokers NUMBER             they are broker-0, broker-1 and broker-2 then; else one, broker
 *   start [NODE]...                without names the cluster: all but matcher-1 and gateway-1
 *   kill NODE | kill SERVER        it is down until it is started (SERVER: sends no heartbeats)
 *   kill NODE before OPERATION     it dies when it is about to send its next message of that kind
 *   restart NODE | restart SERVER  dies and starts at once; who dies by itself restarts by itself
 *   player NAME [region=R] [gateway=NODE]            registers, by HTTP and at a WebSocket
 *   server NAME [region=R] [slots=N] [gateway=NODE]  registers, and sends heartbeats from then on
 *   drop FROM TO OPERATION [N]     the next N messages of that kind from node to node get lost
 *   kill BROKER silently           as when its machine dies: nobody is told that it is gone
 *   cut NODE | cut PLAYER          its links carry nothing; his WebSocket is closed
 *   cut NODE BROKER [up|down]      one link carries nothing; or not to the broker, or not from it
 *   heal NODE [...] | heal PLAYER  it carries again; he connects, and asks for what he missed
 *   fail commit lost|durable       the store's next commit reports an error, and was (not) made
 *   fail room ok|low|none          how much room the store's disk has
 *   fail bus N                     N packets of random bytes
 *   advance DURATION               500ms, 3s, 2m
 *   check                          audits the store and every invariant (the end does it, too)
 *
 *   WHO METHOD PATH [key=KEY] [JSON]                       asks the gateway over HTTP, once
 *   WHO expect STATUS [FIELD=VALUE]... [within DURATION]   waits for the answer; 0: none came
 *   WHO says JSON                                          speaks on his WebSocket
 *   WHO hears TYPE [FIELD=VALUE]... [within DURATION]      waits for a message not yet passed
 *   NODE notes "TEXT" [within DURATION]                    waits for a note that has TEXT in it
 *
 * WHO is one name or several, as ann,ben: then each does it, in order.  NODE is a broker, store,
 * queue/REGION, lobby/0, matcher-0, matcher-1, gateway-0 or gateway-1; OPERATION is a name of
 * wire/messages.def.  A FIELD is a path into the JSON, as queueData.ticketId or players.0.team.
 * $name stands for a value: $ann for her id, $me for the id of who acts; a demand FIELD=$name
 * gives a new name its value, and holds a known one to it.  A wait is 10 seconds at most, if not
 * said.
 *
 * The trace stands at the end of the file: what happened, by the second (trace.h): answers as
 * WHO STATUS, messages as WHO hears TYPE, notes that were demanded, and faults as "* ...". */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "world.h"

enum { EXIT_USAGE = 64, PATH_BYTES = 1024 };

struct totals {
    uint64_t passed;
    uint64_t failed;
    bool update;
    bool verbose;
};

/* One deed of one player or game server. */
static bool deed(struct world *world, struct member *member, const struct words *words)
{
    static const struct {
        const char *name;
        bool (*run)(struct world *world, struct member *member, const struct words *words);
    } deeds[] = {
#define VERB(name, function)
#define DEED(name, function) { #name, function },
#include "verbs.def"
#undef VERB
#undef DEED
    };
    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++) {
        if (strcmp(words->at[1], deeds[i].name) == 0) {
            return deeds[i].run(world, member, words);
        }
    }
    return cast_ask(world, member, words);
}

/* A line that begins with one name or several: a node that notes, or who does something. */
static bool by_name(struct world *world, const struct words *words)
{
    char name[SCRIPT_NAME_MAX + 1];
    if (words->count < 2) {
        return world_fail(world, "there is no verb \"%s\"", words->at[0]);
    }
    if (strcmp(words->at[1], "notes") == 0) {
        return world_notes(world, words);
    }
    for (const char *at = words->at[0]; *at != '\0';) {
        size_t n = strcspn(at, ",");
        (void)snprintf(name, sizeof name, "%.*s", (int)n, at);
        struct member *member = world_member(world, name);
        if (member == NULL) {
            return world_fail(world, "there is no verb and nobody called \"%s\"", name);
        }
        if (!deed(world, member, words)) {
            return false;
        }
        at += n + (at[n] == ',');
    }
    return true;
}

static bool run_line(struct world *world, const char *line)
{
    static const struct {
        const char *name;
        bool (*run)(struct world *world, const struct words *words);
    } verbs[] = {
#define VERB(name, function) { #name, function },
#define DEED(name, function)
#include "verbs.def"
#undef VERB
#undef DEED
    };
    struct words words;
    if (!script_words(line, &words)) {
        return world_fail(world, "the line is too long");
    }
    if (words.count == 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(words.at[0], verbs[i].name) == 0) {
            return verbs[i].run(world, &words);
        }
    }
    return by_name(world, &words);
}

/* Plays all lines.  Returns the number of the one that failed, from 1, or 0. */
static uint32_t play(struct world *world, const struct script *script)
{
    static const struct words nothing;
    char line[SCRIPT_LINE_MAX + 1];
    uint32_t taken = 1;
    for (uint32_t i = 0; i < script->lines_count; i += taken) {
        taken = script_line(script, i, line);
        if (taken == 0 || !run_line(world, line)) {
            (void)world_fail(world, "the line is too long");
            return i + 1;
        }
    }
    bool ok = world_faults_happened(world) && world_check(world, &nothing);
    return ok ? 0 : script->lines_count;
}

/* Compares the trace with the file's, or writes it there.  Returns whether all is well. */
static bool judge(const struct world *world, const struct script *script, const char *path,
                  bool update)
{
    const struct trace *trace = &world->trace;
    if (!update) {
        bool differs = trace_differs(script->expected, script->expected_count, trace->lines,
                                     trace->lines_count);
        if (differs) {
            (void)printf("%s: the trace differs (UPDATE=1 writes it anew)\n", path);
        }
        return !differs;
    }
    int r = script_write(script, path, trace->lines, trace->lines_count);
    if (r != 0) {
        (void)printf("%s: %s\n", path, strerror(-r));
    }
    return r == 0;
}

static void run_file(struct totals *totals, const char *path)
{
    static struct world world; /* large */
    struct script script;
    int r = script_read(path, &script);
    if (r != 0) {
        (void)printf("%s: %s\n", path, r == -EBADMSG ? "its trace has no end" : strerror(-r));
        totals->failed++;
        return;
    }
    world_init(&world, totals->verbose);
    uint32_t line = play(&world, &script);
    bool ok = line == 0 && judge(&world, &script, path, totals->update);
    if (line > 0) {
        for (uint32_t i = 0; i < world.trace.lines_count; i++) {
            (void)printf("    %s\n", world.trace.lines[i]);
        }
        (void)printf("%s:%" PRIu32 ": %s\n", path, line, world.error);
    }
    totals->passed += ok;
    totals->failed += !ok;
    world_release(&world);
    script_release(&script);
}

static int is_scenario(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 4 && strcmp(entry->d_name + n - 4, ".scn") == 0;
}

/* A file, or the scenarios of a folder in the order of their names. */
static void run_path(struct totals *totals, const char *path)
{
    struct stat status;
    struct dirent **entries = NULL;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        run_file(totals, path);
        return;
    }
    int count = scandir(path, &entries, is_scenario, alphasort);
    if (count <= 0) {
        (void)printf("%s: no scenario in it\n", path);
        totals->failed++;
    }
    for (int i = 0; i < count; i++) {
        char file[PATH_BYTES];
        (void)snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        run_file(totals, file);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    const char *update = getenv("UPDATE");
    struct totals totals = { .update = update != NULL && strcmp(update, "1") == 0 };
    int option;
    while ((option = getopt(argc, argv, "v")) == 'v') {
        totals.verbose = true;
    }
    if (option != -1 || optind == argc) {
        (void)fputs("usage: muster-scenario [-v] FILE|FOLDER...\n", stderr);
        return EXIT_USAGE;
    }
    for (int i = optind; i < argc; i++) {
        run_path(&totals, argv[i]);
    }
    (void)printf("%" PRIu64 " passed, %" PRIu64 " failed\n", totals.passed, totals.failed);
    return totals.failed == 0 ? 0 : 1;
}
