/* The formats of the disk on any bytes: records, journal chunks, the state record, and whole data
 * files.  The first byte chooses.  What decodes must also encode to the same bytes. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "storage/journal.h"
#include "storage/pages.h"
#include "storage/record.h"
#include "storage/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(struct mu_slice bytes)
{
    uint32_t key_size = bytes.size < 4 ? bytes.size : 4;
    struct mu_slice key = { bytes.data, key_size };
    struct mu_slice rest = { bytes.data + key_size, bytes.size - key_size };
    struct mu_slice payload;
    (void)mu_record_hash(3, key, rest);
    if (mu_record_open(3, key, rest, &payload) == 0) {
        assert(payload.size + MU_RECORD_HEADER_BYTES == rest.size);
    }
    /* What is sealed opens, and does not open elsewhere. */
    uint8_t *record = malloc(MU_RECORD_HEADER_BYTES + rest.size);
    assert(record != NULL);
    mu_record_seal(3, key, rest, record);
    if (rest.size > 0) {
        memcpy(record + MU_RECORD_HEADER_BYTES, rest.data, rest.size);
    }
    struct mu_slice sealed = { record, MU_RECORD_HEADER_BYTES + rest.size };
    assert(mu_record_open(3, key, sealed, &payload) == 0);
    assert(mu_record_open(4, key, sealed, &payload) == -EBADMSG);
    free(record);
}

static void check_journal(struct mu_slice chunk)
{
    struct mu_journal_batch batch = { 0 };
    struct mu_journal_write write;
    uint32_t offset = 0;
    int r = mu_journal_decode(chunk, &offset, &write);
    while (r == 0) {
        assert(offset <= chunk.size);
        assert(mu_journal_append(&batch, &write) == 0);
        r = mu_journal_decode(chunk, &offset, &write);
    }
    assert(r == -ENOENT || r == -EBADMSG);
    assert(batch.size == offset);
    assert(offset == 0 || memcmp(batch.bytes, chunk.data, offset) == 0);
    mu_journal_release(&batch);
}

static void check_state(struct mu_slice payload)
{
    static struct mu_state state;
    static struct mu_state again;
    uint8_t bytes[MU_STATE_BYTES_MAX];
    if (mu_state_decode(payload, &state) != 0) {
        return;
    }
    uint32_t size = mu_state_encode(&state, bytes);
    assert(mu_state_decode((struct mu_slice){ bytes, size }, &again) == 0);
    assert(memcmp(&state, &again, sizeof state) == 0);
}

static void check_pages(struct mu_slice bytes)
{
    char error[256] = "";
    uint8_t *image = malloc(bytes.size + 1); /* aligned as a mapped file is */
    assert(image != NULL);
    memcpy(image, bytes.data, bytes.size);
    int r = mu_pages_check(image, bytes.size, error, sizeof error);
    assert(r == 0 || (r == -EBADMSG && error[0] != '\0'));
    free(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 1024 * 1024) {
        return 0;
    }
    struct mu_slice rest = { data + 1, (uint32_t)size - 1 };
    switch (data[0] % 4) {
    case 0: check_record(rest); break;
    case 1: check_journal(rest); break;
    case 2: check_state(rest); break;
    default: check_pages(rest); break;
    }
    return 0;
}
