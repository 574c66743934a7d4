/* tests/unit/test_record.c - the formats of the disk: known sums, golden bytes, every flip. */
#include "storage/record.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "storage/crc32c.h"
#include "storage/journal.h"
#include "storage/state.h"

static struct mu_rng rng;

static struct mu_slice text(const char *s)
{
    return (struct mu_slice){ (const uint8_t *)s, (uint32_t)strlen(s) };
}

/* RFC 3720, appendix B.4, and the check value of the CRC catalogue. */
static void test_known_sums(void **state)
{
    uint8_t bytes[32] = { 0 };
    (void)state;
    assert_int_equal(mu_crc32c(0, NULL, 0), 0);
    assert_int_equal(mu_crc32c(0, "123456789", 9), 0xE3069283u);
    assert_int_equal(mu_crc32c(0, bytes, 32), 0x8A9136AAu);
    memset(bytes, 0xFF, 32);
    assert_int_equal(mu_crc32c(0, bytes, 32), 0x62A8AB43u);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    assert_int_equal(mu_crc32c(0, bytes, 32), 0x46DD794Eu);
    for (uint8_t i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(mu_crc32c(0, bytes, 32), 0x113FDB5Cu);
}

static void test_sums_continue(void **state)
{
    uint8_t bytes[300];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)mu_rng_next(&rng);
    }
    uint32_t whole = mu_crc32c(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        uint32_t first = mu_crc32c(0, bytes, cut);
        assert_int_equal(mu_crc32c(first, bytes + cut, sizeof bytes - cut), whole);
    }
}

/* What stands on disks must be readable for ever. */
static void test_golden_record(void **state)
{
    static const uint8_t golden[] = { 1, 0, 0, 0, 0x93, 0xF6, 0x79, 0x94, 'v', 'a', 'l' };
    uint8_t header[MU_RECORD_HEADER_BYTES];
    struct mu_slice payload;
    (void)state;
    mu_record_seal(3, text("ply_1"), text("val"), header);
    assert_memory_equal(header, golden, sizeof header);
    struct mu_slice record = { golden, sizeof golden };
    assert_int_equal(mu_record_open(3, text("ply_1"), record, &payload), 0);
    assert_int_equal(payload.size, 3);
    assert_memory_equal(payload.data, "val", 3);
    assert_true(mu_record_hash(3, text("ply_1"), record) == 0x17CFD0664E59220Au);
}

/* One record as bytes, in a buffer of its own. */
static struct mu_slice sealed(uint8_t table, const char *key, const char *value, uint8_t ret[64])
{
    struct mu_slice payload = text(value);
    mu_record_seal(table, text(key), payload, ret);
    memcpy(ret + MU_RECORD_HEADER_BYTES, payload.data, payload.size);
    return (struct mu_slice){ ret, MU_RECORD_HEADER_BYTES + payload.size };
}

static void test_every_flip_is_seen(void **state)
{
    uint8_t bytes[64];
    char key[] = "some key";
    struct mu_slice payload;
    (void)state;
    struct mu_slice record = sealed(7, key, "the payload of it", bytes);
    uint64_t hash = mu_record_hash(7, text(key), record);
    for (uint32_t bit = 0; bit < record.size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(mu_record_open(7, text(key), record, &payload), -EBADMSG);
        assert_true(mu_record_hash(7, text(key), record) != hash);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (uint32_t bit = 0; bit < 8 * (sizeof key - 1); bit++) {
        key[bit / 8] = (char)(key[bit / 8] ^ 1 << bit % 8);
        struct mu_slice flipped = { (const uint8_t *)key, sizeof key - 1 };
        assert_int_equal(mu_record_open(7, flipped, record, &payload), -EBADMSG);
        assert_true(mu_record_hash(7, flipped, record) != hash);
        key[bit / 8] = (char)(key[bit / 8] ^ 1 << bit % 8);
    }
    assert_int_equal(mu_record_open(7, text(key), record, &payload), 0);
}

static void test_a_misplaced_record_is_seen(void **state)
{
    uint8_t bytes[64];
    struct mu_slice payload;
    (void)state;
    struct mu_slice record = sealed(7, "ab", "cd", bytes);
    assert_int_equal(mu_record_open(8, text("ab"), record, &payload), -EBADMSG);
    assert_int_equal(mu_record_open(7, text("ac"), record, &payload), -EBADMSG);
    assert_int_equal(mu_record_open(7, text("a"), record, &payload), -EBADMSG);
    assert_int_equal(mu_record_open(7, text("abc"), record, &payload), -EBADMSG);
    for (uint32_t size = 0; size < record.size; size++) {
        struct mu_slice cut = { bytes, size };
        assert_int_equal(mu_record_open(7, text("ab"), cut, &payload), -EBADMSG);
    }
}

static void test_a_journal_chunk_comes_back(void **state)
{
    struct mu_journal_batch batch = { 0 };
    static uint8_t value[20000];
    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        uint8_t key[2] = { (uint8_t)i, 7 };
        struct mu_journal_write write = { .table = 5, .removes = i % 3 == 0, .key = { key, 2 } };
        if (!write.removes) {
            write.value = (struct mu_slice){ value, i * 500 };
        }
        assert_int_equal(mu_journal_append(&batch, &write), 0);
    }
    assert_int_equal(batch.count, 40);
    uint32_t seen = 0;
    uint32_t chunks = 0;
    for (size_t offset = 0; offset < batch.size; chunks++) {
        struct mu_slice chunk = mu_journal_chunk(&batch, offset);
        assert_true(chunk.size > 0 && chunk.size <= MU_JOURNAL_CHUNK_BYTES);
        offset += chunk.size;
        uint32_t at = 0;
        struct mu_journal_write write;
        while (mu_journal_decode(chunk, &at, &write) == 0) {
            assert_int_equal(write.table, 5);
            assert_int_equal(write.removes, seen % 3 == 0);
            assert_int_equal(write.key.data[0], seen);
            assert_int_equal(write.value.size, seen % 3 == 0 ? 0 : seen * 500);
            seen++;
        }
        assert_int_equal(at, chunk.size);
    }
    assert_int_equal(seen, 40);
    assert_true(chunks > 5);
    assert_int_equal(mu_journal_chunk(&batch, batch.size).size, 0);
    mu_journal_clear(&batch);
    assert_int_equal(batch.count, 0);
    mu_journal_release(&batch);
}

static void test_damaged_chunks_are_refused(void **state)
{
    struct mu_journal_write write;
    (void)state;
    static const uint8_t chunks[][10] = {
        { 0, 5, 0, 1, 0, 0, 0, 1, 'k', 'v' }, /* no operation 0 */
        { 3, 5, 0, 1, 0, 0, 0, 1, 'k', 'v' }, /* nor 3 */
        { 1, 0, 0, 1, 0, 0, 0, 1, 'k', 'v' }, /* no table 0 */
        { 1, 99, 0, 1, 0, 0, 0, 1, 'k', 'v' },
        { 1, 5, 0, 0, 0, 0, 0, 2, 'k', 'v' }, /* an empty key */
        { 1, 5, 0, 251, 0, 0, 0, 1, 'k', 'v' },
        { 1, 5, 0, 1, 0, 0, 0, 2, 'k', 'v' }, /* beyond the end */
        { 1, 5, 0, 1, 255, 255, 255, 255, 'k', 'v' },
        { 2, 5, 0, 1, 0, 0, 0, 1, 'k', 'v' }, /* a removal with a value */
    };
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        uint32_t offset = 0;
        struct mu_slice chunk = { chunks[i], 10 };
        assert_int_equal(mu_journal_decode(chunk, &offset, &write), -EBADMSG);
        assert_int_equal(offset, 0);
    }
    uint32_t offset = 0;
    struct mu_slice cut = { chunks[0], 7 };
    assert_int_equal(mu_journal_decode(cut, &offset, &write), -EBADMSG);
}

static void test_the_state_comes_back(void **state)
{
    static struct mu_state written;
    static struct mu_state read;
    uint8_t bytes[MU_STATE_BYTES_MAX];
    (void)state;
    memset(&written, 0, sizeof written);
    written.transaction = 12345678901234u;
    written.applied = 7;
    written.last = 9;
    for (int id = 0; id < 256; id += 5) {
        written.tallies[id].count = (uint64_t)id + 1;
        written.tallies[id].digest = mu_rng_next(&rng);
    }
    uint32_t size = mu_state_encode(&written, bytes);
    assert_int_equal(mu_state_decode((struct mu_slice){ bytes, size }, &read), 0);
    assert_memory_equal(&written, &read, sizeof read);
    for (uint32_t cut = 0; cut < size; cut++) {
        int r = mu_state_decode((struct mu_slice){ bytes, cut }, &read);
        assert_int_equal(r, cut >= 24 && (cut - 24) % 17 == 0 ? 0 : -EBADMSG);
    }
    bytes[24 + 17] = 0; /* the same table twice */
    assert_int_equal(mu_state_decode((struct mu_slice){ bytes, size }, &read), -EBADMSG);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_sums),
        cmocka_unit_test(test_sums_continue),
        cmocka_unit_test(test_golden_record),
        cmocka_unit_test(test_every_flip_is_seen),
        cmocka_unit_test(test_a_misplaced_record_is_seen),
        cmocka_unit_test(test_a_journal_chunk_comes_back),
        cmocka_unit_test(test_damaged_chunks_are_refused),
        cmocka_unit_test(test_the_state_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
