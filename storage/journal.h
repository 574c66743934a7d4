/* storage/journal.h - the writes of a commit as bytes: what the journal table holds.
 *
 * A write is [op u8][table u8][key size u16 BE][value size u32 BE][key][value]; a removal has op 2
 * and no value.  A commit is a run of writes, cut between writes into chunks of about
 * MU_JOURNAL_CHUNK_BYTES; each chunk becomes one record of the journal table. */
#ifndef MU_STORAGE_JOURNAL_H
#define MU_STORAGE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/slice.h"

/* A chunk is closed before the write that would take it above this, unless it is the first. */
#define MU_JOURNAL_CHUNK_BYTES (32 * 1024)

struct mu_journal_write {
    uint8_t table; /* enum mu_table, known */
    bool removes;
    struct mu_slice key;
    struct mu_slice value; /* empty when it removes */
};

/* The writes of one batch; all zero is an empty one. */
struct mu_journal_batch {
    uint8_t *bytes;  /* owned */
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
    size_t count;    /* writes */
};

/* Appends a write, copying it.  Returns 0 or -ENOMEM, and then nothing changed. */
int mu_journal_append(struct mu_journal_batch *batch, const struct mu_journal_write *write);

/* The chunk that begins at `offset` (0, or the end of another chunk); empty at the end.
 * Borrowed until the batch changes. */
struct mu_slice mu_journal_chunk(const struct mu_journal_batch *batch, size_t offset);

/* Empties the batch; keeps its memory up to 1 MiB. */
void mu_journal_clear(struct mu_journal_batch *batch);
void mu_journal_release(struct mu_journal_batch *batch);

/* Decodes the write at *offset of a chunk that came from disk, and moves *offset behind it.
 * ret->key and ret->value are borrowed from `chunk`.
 * Returns 0, -ENOENT at the end, or -EBADMSG. */
int mu_journal_decode(struct mu_slice chunk, uint32_t *offset, struct mu_journal_write *ret);

#endif /* MU_STORAGE_JOURNAL_H */
