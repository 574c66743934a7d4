/* tools/dump.c - `muster dump`: the records of a store as JSON, one a line. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/store_rows.h"
#include "core/options.h"
#include "core/store.h"
#include "gateway/json_write.h"
#include "tools/command.h"
#include "tools/record_json.h"
#include "tools/store_open.h"

#define LINE_BYTES (1024 * 1024) /* the longest record is 128 KB, as JSON a few times that */

static const struct {
    enum mu_table table;
    const char *name;
} tables[] = {
#define TABLE(id, NAME, name, doc) { MU_TABLE_##NAME, #name },
#include "core/tables.def"
#undef TABLE
};

#define TABLES_COUNT (sizeof tables / sizeof tables[0])

/* A table that is being written. */
struct dump {
    enum mu_table table;
    const char *name;
    struct mu_decoder *decoder;
    struct mu_msg *record;
    char *line;   /* [LINE_BYTES] */
    bool damaged; /* a record did not decode */
    bool failed;  /* stdout takes no more */
};

static bool write_record(void *context, struct mu_slice key, struct mu_slice value)
{
    struct dump *dump = context;
    struct mu_json_writer writer;
    enum mu_op op = mu_rows_op(dump->table);
    mu_json_writer_init(&writer, dump->line, LINE_BYTES - 1);
    mu_json_object_begin(&writer);
    mu_json_key(&writer, "table");
    mu_json_string(&writer, dump->name);
    mu_json_key(&writer, "key");
    mu_record_bytes(&writer, key);
    if (op == MU_OP_NONE) {
        mu_json_key(&writer, "value");
        mu_record_bytes(&writer, value);
    } else if (mu_msg_decode(dump->decoder, op, value.data, value.size, dump->record) == 0) {
        mu_json_key(&writer, "record");
        mu_record_json(&writer, dump->record);
    } else {
        dump->damaged = true;
    }
    mu_json_object_end(&writer);
    if (writer.overflow) {
        dump->damaged = true;
        return true;
    }
    dump->line[writer.used] = '\n';
    dump->failed = fwrite(dump->line, 1, writer.used + 1, stdout) != writer.used + 1;
    return !dump->failed;
}

/* Writes the tables that are wanted.  Returns the exit code. */
static int write_tables(struct mu_store *store, const char *wanted)
{
    struct dump dump = {
        .decoder = mu_decoder_create(),
        .record = calloc(1, sizeof *dump.record),
        .line = malloc(LINE_BYTES),
    };
    int r = dump.decoder == NULL || dump.record == NULL || dump.line == NULL ? 1 : 0;
    for (size_t i = 0; r == 0 && i < TABLES_COUNT; i++) {
        if (wanted != NULL && strcmp(wanted, tables[i].name) != 0) {
            continue;
        }
        const struct mu_store_range all = { .table = tables[i].table };
        dump.table = tables[i].table;
        dump.name = tables[i].name;
        if (store->ops->scan(store, &all, write_record, &dump) < 0) {
            dump.damaged = true;
        }
    }
    if (r == 0 && dump.damaged) {
        (void)fprintf(stderr, "muster dump: some records are damaged\n");
        r = MU_EXIT_DATA;
    }
    if (r == 0 && (dump.failed || fflush(stdout) != 0)) {
        r = 1;
    }
    mu_decoder_destroy(dump.decoder);
    free(dump.record);
    free(dump.line);
    return r;
}

static bool is_table(const char *name)
{
    for (size_t i = 0; i < TABLES_COUNT; i++) {
        if (strcmp(tables[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

int mu_command_dump(int argc, char **argv)
{
    const char *folder = NULL;
    const char *table = NULL;
    const struct mu_option options[] = {
        { "data", "DIR", "the store's folder, or that of muster dev", .ret_text = &folder },
        { "table", "NAME", "only this one: player, ticket, match, history, ...",
          .ret_text = &table },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "dump",
        .arguments = "--data DIR [--table NAME]",
        .text = "Prints the records of a store whose cluster is stopped, each as a line of JSON:\n"
                "{\"table\":...,\"key\":...,\"record\":{...}}.  For people and tests; it shows "
                "hashes of\n"
                "passwords and keys, and is no backup.\n",
        .options = options,
    };
    struct mu_store *store = NULL;
    int r = mu_options_parse(&manual, argc, argv, NULL);
    if (r != MU_OPTIONS_GO) {
        return r;
    }
    if (table != NULL && !is_table(table)) {
        (void)fprintf(stderr, "muster dump: there is no table %s\n", table);
        return MU_EXIT_USAGE;
    }
    r = mu_store_open("dump", folder, &store);
    if (r != 0) {
        return r;
    }
    r = write_tables(store, table);
    store->ops->destroy(store);
    return r;
}
