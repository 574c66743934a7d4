/* storage/record.c - seals, opens and hashes records. */
#include "storage/record.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "storage/bytes.h"
#include "storage/crc32c.h"

static uint32_t sum(uint8_t table, struct mu_slice key, const uint8_t *header,
                    struct mu_slice payload)
{
    /* The key's size stands in front of it, so that no byte can move between key and payload. */
    uint8_t lead[8] = { header[0], header[1], table };
    mu_bytes_put32(lead + 4, key.size);
    uint32_t crc = mu_crc32c(0, lead, sizeof lead);
    crc = mu_crc32c(crc, key.data, key.size);
    return mu_crc32c(crc, payload.data, payload.size);
}

void mu_record_seal(uint8_t table, struct mu_slice key, struct mu_slice payload, uint8_t *ret)
{
    assert(ret != NULL);
    memset(ret, 0, MU_RECORD_HEADER_BYTES);
    ret[0] = MU_RECORD_SCHEMA;
    mu_bytes_put32(ret + 4, sum(table, key, ret, payload));
}

int mu_record_open(uint8_t table, struct mu_slice key, struct mu_slice record,
                   struct mu_slice *ret_payload)
{
    assert(ret_payload != NULL);
    if (record.size < MU_RECORD_HEADER_BYTES)
        return -EBADMSG;
    const uint8_t *header = record.data;
    if (header[0] != MU_RECORD_SCHEMA || header[1] != 0 || mu_bytes_get16(header + 2) != 0)
        return -EBADMSG;
    struct mu_slice payload = { record.data + MU_RECORD_HEADER_BYTES,
                                record.size - MU_RECORD_HEADER_BYTES };
    if (mu_bytes_get32(header + 4) != sum(table, key, header, payload))
        return -EBADMSG;
    *ret_payload = payload;
    return 0;
}

/* One round: multiply by an odd constant, fold the high half down.  Each step is a bijection of
 * the state for given input, so two inputs that differ in one word never meet in that word. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
}

static uint64_t absorb(uint64_t hash, struct mu_slice bytes)
{
    const uint8_t *at = bytes.data;
    uint32_t left = bytes.size;
    hash = mix(hash, bytes.size);
    for (; left >= 8; left -= 8, at += 8)
        hash = mix(hash, mu_bytes_get64(at));
    uint64_t tail = 0;
    for (; left > 0; left--)
        tail = tail << 8 | *at++;
    return mix(hash, tail);
}

uint64_t mu_record_hash(uint8_t table, struct mu_slice key, struct mu_slice record)
{
    uint64_t hash = mix(0x6D75737465722D31u, table);
    hash = absorb(hash, key);
    hash = absorb(hash, record);
    return mix(hash, 0);
}
