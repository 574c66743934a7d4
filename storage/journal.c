/* storage/journal.c - encodes and decodes the writes of a commit. */
#include "storage/journal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "storage/bytes.h"
#include "storage/range.h"

#define WRITE_HEADER_BYTES 8
#define KEEP_BYTES         (1024 * 1024)

enum op { OP_PUT = 1, OP_REMOVE = 2 };

static int reserve(struct mu_journal_batch *batch, size_t bytes)
{
    if (batch->size + bytes <= batch->capacity)
        return 0;
    size_t capacity = batch->capacity < 4096 ? 4096 : batch->capacity;
    while (capacity < batch->size + bytes)
        capacity *= 2;
    uint8_t *grown = realloc(batch->bytes, capacity);
    if (grown == NULL)
        return -ENOMEM;
    batch->bytes = grown;
    batch->capacity = capacity;
    return 0;
}

int mu_journal_append(struct mu_journal_batch *batch, const struct mu_journal_write *write)
{
    assert(write->key.size >= 1 && write->key.size <= MU_STORE_KEY_MAX);
    assert(!write->removes || write->value.size == 0);
    size_t bytes = WRITE_HEADER_BYTES + write->key.size + write->value.size;
    int r = reserve(batch, bytes);
    if (r != 0)
        return r;
    uint8_t *at = batch->bytes + batch->size;
    at[0] = write->removes ? OP_REMOVE : OP_PUT;
    at[1] = write->table;
    mu_bytes_put16(at + 2, (uint16_t)write->key.size);
    mu_bytes_put32(at + 4, write->value.size);
    memcpy(at + WRITE_HEADER_BYTES, write->key.data, write->key.size);
    if (write->value.size > 0)
        memcpy(at + WRITE_HEADER_BYTES + write->key.size, write->value.data, write->value.size);
    batch->size += bytes;
    batch->count++;
    return 0;
}

struct mu_slice mu_journal_chunk(const struct mu_journal_batch *batch, size_t offset)
{
    assert(offset <= batch->size);
    size_t end = offset;
    while (end < batch->size) {
        const uint8_t *at = batch->bytes + end;
        size_t bytes = WRITE_HEADER_BYTES + (size_t)mu_bytes_get16(at + 2) + mu_bytes_get32(at + 4);
        if (end > offset && end + bytes - offset > MU_JOURNAL_CHUNK_BYTES)
            break;
        end += bytes;
    }
    assert(end <= batch->size);
    if (end == offset)
        return (struct mu_slice){ NULL, 0 };
    return (struct mu_slice){ batch->bytes + offset, (uint32_t)(end - offset) };
}

void mu_journal_clear(struct mu_journal_batch *batch)
{
    if (batch->capacity > KEEP_BYTES)
        mu_journal_release(batch);
    batch->size = 0;
    batch->count = 0;
}

void mu_journal_release(struct mu_journal_batch *batch)
{
    free(batch->bytes);
    *batch = (struct mu_journal_batch){ 0 };
}

int mu_journal_decode(struct mu_slice chunk, uint32_t *offset, struct mu_journal_write *ret)
{
    assert(*offset <= chunk.size);
    uint32_t left = chunk.size - *offset;
    if (left == 0)
        return -ENOENT;
    if (left < WRITE_HEADER_BYTES)
        return -EBADMSG;
    const uint8_t *at = chunk.data + *offset;
    uint32_t key_size = mu_bytes_get16(at + 2);
    uint32_t value_size = mu_bytes_get32(at + 4);
    left -= WRITE_HEADER_BYTES;
    if (at[0] != OP_PUT && at[0] != OP_REMOVE)
        return -EBADMSG;
    if (!mu_range_table_known((enum mu_table)at[1]))
        return -EBADMSG;
    if (key_size < 1 || key_size > MU_STORE_KEY_MAX || value_size > MU_STORE_VALUE_MAX)
        return -EBADMSG;
    if (key_size + value_size > left || (at[0] == OP_REMOVE && value_size != 0))
        return -EBADMSG;
    *ret = (struct mu_journal_write){
        .table = at[1],
        .removes = at[0] == OP_REMOVE,
        .key = { at + WRITE_HEADER_BYTES, key_size },
        .value = { at + WRITE_HEADER_BYTES + key_size, value_size },
    };
    *offset += WRITE_HEADER_BYTES + key_size + value_size;
    return 0;
}
