/* storage/disk_private.h - what disk.c and disk_open.c share; nobody else includes it. */
#ifndef MU_STORAGE_DISK_PRIVATE_H
#define MU_STORAGE_DISK_PRIVATE_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "storage/disk.h"
#include "storage/state.h"

struct mu_disk {
    MDB_env *env;
    MDB_dbi dbis[256];    /* by table id */
    MDB_txn *reader;      /* created once, then reset and renewed */
    bool reading;         /* the reader has a snapshot */
    MDB_cursor *scan;     /* of the reader; NULL when no scan is under way */
    MDB_txn *writer;      /* NULL outside of begin..commit */
    MDB_cursor *cursor;   /* of the writer, in cursor_table; NULL when none */
    uint8_t cursor_table; /* table id */
    uint64_t map_bytes;
    struct mu_state state;  /* committed */
    struct mu_state staged; /* what the open write transaction will make of it */
};

/* A table of the file. */
struct mu_disk_table {
    uint8_t id;
    const char *name;
};

/* The tables of core/tables.def, then the engine's own; ended by a NULL name. */
extern const struct mu_disk_table mu_disk_tables[];

int mu_disk_map_error(int r); /* LMDB's code as -errno */

/* Writes the state record into `txn`, with its number. */
int mu_disk_state_put(struct mu_disk *disk, MDB_txn *txn, struct mu_state *state);

__attribute__((format(printf, 3, 4))) void mu_disk_say(char *ret, size_t size, const char *format,
                                                       ...);

/* LMDB takes a mutable pointer for keys and values that it only reads. */
static inline MDB_val mu_disk_to_val(struct mu_slice slice)
{
    union {
        const void *from;
        void *to;
    } cast = { slice.data };
    return (MDB_val){ slice.size, cast.to };
}

static inline struct mu_slice mu_disk_from_val(MDB_val val)
{
    /* A record is at most MU_STORE_VALUE_MAX; a damaged length must not wrap around. */
    uint32_t size = val.mv_size > UINT32_MAX ? UINT32_MAX : (uint32_t)val.mv_size;
    return (struct mu_slice){ val.mv_data, size };
}

#endif /* MU_STORAGE_DISK_PRIVATE_H */
