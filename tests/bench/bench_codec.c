/* tests/bench/bench_codec.c - what a hot message costs on the wire: ns, bytes, allocations.
 *
 * usage: bench_codec [--quick]
 *
 * Each message goes through wire/'s codec, and in turn with it, in the same run, through a peer:
 * msgpack-c packing the same fields as a map with their names, and unpacking it by name into the
 * same struct, as a service without a schema does it.  Nanoseconds of CPU, median of the rounds;
 * allocations are counted, also those inside of libraries. */
#include <assert.h>
#include <msgpack.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/measure.h"
#include "wire/msg.h"

enum { ROUNDS = 7, BYTES_MAX = 65536 };

/* Counts allocations: glibc's own functions under the names that it exports for programs that put
 * theirs in front. */
static uint64_t allocations;

/* NOLINTBEGIN(readability-identifier-naming): glibc's names */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t nmemb, size_t size);
void *__libc_realloc(void *ptr, size_t size);
/* NOLINTEND(readability-identifier-naming) */

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t nmemb, size_t size)
{
    allocations++;
    return __libc_calloc(nmemb, size);
}

void *realloc(void *ptr, size_t size)
{
    allocations++;
    return __libc_realloc(ptr, size);
}

/* The peer: maps with names. */
/* NOLINTBEGIN(misc-no-recursion): as deep as wire/messages.def nests, which is two */

static void pack_text(msgpack_packer *packer, const char *text, size_t bytes)
{
    (void)msgpack_pack_str(packer, bytes);
    (void)msgpack_pack_str_body(packer, text, bytes);
}

static void pack_fields(msgpack_packer *packer, const struct mu_layout *layout,
                        const uint8_t *base);

static void pack_field(msgpack_packer *packer, const struct mu_field *field, const uint8_t *base)
{
    const uint8_t *at = base + field->offset;
    uint32_t small = 0;
    struct mu_slice slice;
    pack_text(packer, field->name, strlen(field->name));
    switch (field->type) {
    case MU_FIELD_STR: pack_text(packer, (const char *)at, strlen((const char *)at)); break;
    case MU_FIELD_UINT:
        (void)msgpack_pack_uint64(packer, *(const uint64_t *)(const void *)at);
        break;
    case MU_FIELD_INT: (void)msgpack_pack_int64(packer, *(const int64_t *)(const void *)at); break;
    case MU_FIELD_REAL: (void)msgpack_pack_double(packer, *(const double *)(const void *)at); break;
    case MU_FIELD_BOOL:
        (void)(*(const bool *)at ? msgpack_pack_true(packer) : msgpack_pack_false(packer));
        break;
    case MU_FIELD_ENUM:
        memcpy(&small, at, sizeof small);
        (void)msgpack_pack_uint32(packer, small);
        break;
    case MU_FIELD_LIST:
        memcpy(&small, base + field->count_offset, sizeof small);
        (void)msgpack_pack_array(packer, small);
        for (uint32_t i = 0; i < small; i++) {
            pack_fields(packer, mu_msg_layout(field->item), at + (size_t)i * field->item_bytes);
        }
        break;
    case MU_FIELD_ONE: pack_fields(packer, mu_msg_layout(field->item), at); break;
    case MU_FIELD_BYTES:
        memcpy(&slice, at, sizeof slice);
        (void)msgpack_pack_bin(packer, slice.size);
        (void)msgpack_pack_bin_body(packer, slice.size > 0 ? slice.data : at, slice.size);
        break;
    case MU_FIELD_END: assert(false); break;
    }
}

static void pack_fields(msgpack_packer *packer, const struct mu_layout *layout, const uint8_t *base)
{
    (void)msgpack_pack_map(packer, layout->fields_count);
    for (uint32_t i = 0; i < layout->fields_count; i++) {
        pack_field(packer, &layout->fields[i], base);
    }
}

static void unpack_fields(const msgpack_object *map, const struct mu_layout *layout, uint8_t *base);

static void unpack_field(const msgpack_object *value, const struct mu_field *field, uint8_t *base)
{
    uint8_t *at = base + field->offset;
    uint32_t small = 0;
    struct mu_slice slice;
    switch (field->type) {
    case MU_FIELD_STR:
        assert(value->type == MSGPACK_OBJECT_STR && value->via.str.size <= field->max);
        memcpy(at, value->via.str.ptr, value->via.str.size);
        at[value->via.str.size] = '\0';
        break;
    case MU_FIELD_UINT: memcpy(at, &value->via.u64, sizeof(uint64_t)); break;
    case MU_FIELD_INT: memcpy(at, &value->via.i64, sizeof(int64_t)); break;
    case MU_FIELD_REAL: memcpy(at, &value->via.f64, sizeof(double)); break;
    case MU_FIELD_BOOL: memcpy(at, &value->via.boolean, sizeof(bool)); break;
    case MU_FIELD_ENUM:
        small = (uint32_t)value->via.u64;
        memcpy(at, &small, sizeof small);
        break;
    case MU_FIELD_LIST:
        small = value->via.array.size;
        assert(value->type == MSGPACK_OBJECT_ARRAY && small <= field->max);
        memcpy(base + field->count_offset, &small, sizeof small);
        for (uint32_t i = 0; i < small; i++) {
            unpack_fields(&value->via.array.ptr[i], mu_msg_layout(field->item),
                          at + (size_t)i * field->item_bytes);
        }
        break;
    case MU_FIELD_ONE: unpack_fields(value, mu_msg_layout(field->item), at); break;
    case MU_FIELD_BYTES:
        slice = (struct mu_slice){ (const uint8_t *)value->via.bin.ptr, value->via.bin.size };
        memcpy(at, &slice, sizeof slice);
        break;
    case MU_FIELD_END: assert(false); break;
    }
}

/* Each field by its name; they are in our order, so the first guess is right. */
static void unpack_fields(const msgpack_object *map, const struct mu_layout *layout, uint8_t *base)
{
    assert(map->type == MSGPACK_OBJECT_MAP);
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        const struct mu_field *field = &layout->fields[i];
        bool known = strlen(field->name) == pair->key.via.str.size &&
                     memcmp(field->name, pair->key.via.str.ptr, pair->key.via.str.size) == 0;
        assert(known);
        unpack_field(&pair->val, field, base);
    }
}

/* NOLINTEND(misc-no-recursion) */

/* The messages. */

static void set_id(char *ret, const char *prefix, uint32_t i)
{
    (void)snprintf(ret, MU_ID_MAX + 1, "%s_01JD8Z7Q4XK9M3N5P7R%07u", prefix, (unsigned)i);
}

static void make_ticket_add(struct mu_msg *msg)
{
    struct mu_msg_ticket_add *add = &msg->ticket_add;
    msg->op = MU_OP_TICKET_ADD;
    *add = (struct mu_msg_ticket_add){ .players_count = 1,
                                       .mode = "ranked",
                                       .region = "eu-west-1",
                                       .latencies_count = 2,
                                       .wait_max_ms = 120000 };
    set_id(add->players[0].id, "ply", 1);
    add->latencies[0] = (struct mu_msg_latency){ .region = "eu-west-1", .ms = 31 };
    add->latencies[1] = (struct mu_msg_latency){ .region = "us-east-1", .ms = 96 };
}

/* One arrival, which is what a quiet pool sends. */
static void make_pool_sync(struct mu_msg *msg, uint32_t joins)
{
    struct mu_msg_pool_sync *sync = &msg->pool_sync;
    msg->op = MU_OP_POOL_SYNC;
    *sync = (struct mu_msg_pool_sync){ .mode = "ranked",
                                       .generation = 7,
                                       .seq = 123456,
                                       .ready = true,
                                       .config_hash = 0x123456789abcdef0,
                                       .joins_count = joins };
    for (uint32_t i = 0; i < joins; i++) {
        struct mu_msg_pool_ticket *join = &sync->joins[i];
        *join = (struct mu_msg_pool_ticket){
            .version = 1, .players = 1, .rating = 1200 + i, .waited_ms = 3, .reach_count = 2
        };
        set_id(join->id, "tkt", i);
        join->reach[0] = (struct mu_msg_reach){ .region = 2, .ms = 31 };
        join->reach[1] = (struct mu_msg_reach){ .region = 0, .ms = 96 };
    }
}

static void make_match_commit(struct mu_msg *msg)
{
    struct mu_msg_match_commit *commit = &msg->match_commit;
    msg->op = MU_OP_MATCH_COMMIT;
    *commit = (struct mu_msg_match_commit){ .mode = "ranked",
                                            .region = "eu-west-1",
                                            .shard = "queue/eu-west-1",
                                            .quality = 0.93,
                                            .tickets_count = 2 };
    set_id(commit->match, "mch", 1);
    for (uint32_t i = 0; i < 2; i++) {
        commit->tickets[i] =
            (struct mu_msg_ticket_ref){ .version = 1, .team = i, .state = MU_TICKET_QUEUED };
        set_id(commit->tickets[i].id, "tkt", i);
    }
}

/* MATCH_FOUND of a 1v1, as pushed. */
static void make_event(struct mu_msg *msg)
{
    struct mu_msg_event *event = &msg->event;
    msg->op = MU_OP_EVENT;
    memset(event, 0, sizeof *event);
    event->seq = 4;
    event->kind = MU_EVENT_MATCH_FOUND;
    event->at_ms = 1795413600000;
    event->accept_by_ms = 1795413620000;
    event->players_count = 2;
    (void)snprintf(event->mode, sizeof event->mode, "ranked");
    set_id(event->player, "ply", 1);
    set_id(event->match, "mch", 1);
    set_id(event->lobby, "lob", 1);
    for (uint32_t i = 0; i < 2; i++) {
        struct mu_msg_event_player *player = &event->players[i];
        set_id(player->id, "ply", i);
        (void)snprintf(player->username, sizeof player->username, "player-%u", (unsigned)i);
        player->rating = 1200;
        player->team = i;
    }
}

/* Measuring. */

struct way {
    size_t bytes;
    double encode_ns[ROUNDS];
    double decode_ns[ROUNDS];
    double encode_allocations;
    double decode_allocations;
};

static double cpu_ns(void)
{
    struct timespec at;
    int r = clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    assert(r == 0);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

struct bench {
    struct mu_decoder *decoder;
    struct mu_msg *msg;
    struct mu_msg *back;
    uint8_t bytes[BYTES_MAX];
    uint32_t operations; /* of one round */
};

static void run_ours(struct bench *bench, struct way *way, int round)
{
    int64_t size = 0;
    uint64_t before = allocations;
    double begin = cpu_ns();
    for (uint32_t i = 0; i < bench->operations; i++) {
        size = mu_msg_encode(bench->msg, bench->bytes, sizeof bench->bytes);
    }
    assert(size > 0);
    way->encode_ns[round] = (cpu_ns() - begin) / bench->operations;
    way->encode_allocations = (double)(allocations - before) / bench->operations;
    way->bytes = (size_t)size;
    before = allocations;
    begin = cpu_ns();
    int r = 0;
    for (uint32_t i = 0; i < bench->operations; i++) {
        r |= mu_msg_decode(bench->decoder, bench->msg->op, bench->bytes, way->bytes, bench->back);
    }
    assert(r == 0);
    way->decode_ns[round] = (cpu_ns() - begin) / bench->operations;
    way->decode_allocations = (double)(allocations - before) / bench->operations;
}

static void run_map(struct bench *bench, struct way *way, int round)
{
    const struct mu_layout *layout = mu_msg_layout(bench->msg->op);
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    uint64_t before = allocations;
    double begin = cpu_ns();
    for (uint32_t i = 0; i < bench->operations; i++) {
        msgpack_sbuffer_clear(&buffer);
        pack_fields(&packer, layout, (const uint8_t *)&bench->msg->envelope);
    }
    way->encode_ns[round] = (cpu_ns() - begin) / bench->operations;
    way->encode_allocations = (double)(allocations - before) / bench->operations;
    way->bytes = buffer.size;
    before = allocations;
    begin = cpu_ns();
    for (uint32_t i = 0; i < bench->operations; i++) {
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        msgpack_unpack_return r = msgpack_unpack_next(&unpacked, buffer.data, buffer.size, NULL);
        assert(r == MSGPACK_UNPACK_SUCCESS);
        unpack_fields(&unpacked.data, layout, (uint8_t *)&bench->back->envelope);
        msgpack_unpacked_destroy(&unpacked);
    }
    way->decode_ns[round] = (cpu_ns() - begin) / bench->operations;
    way->decode_allocations = (double)(allocations - before) / bench->operations;
    msgpack_sbuffer_destroy(&buffer);
}

static void measure(struct bench *bench, const char *name)
{
    struct way ours = { 0 };
    struct way map = { 0 };
    for (int round = 0; round < ROUNDS; round++) {
        run_ours(bench, &ours, round);
        run_map(bench, &map, round);
    }
    double ours_encode = mu_bench_median(ours.encode_ns, ROUNDS);
    double ours_decode = mu_bench_median(ours.decode_ns, ROUNDS);
    double map_encode = mu_bench_median(map.encode_ns, ROUNDS);
    double map_decode = mu_bench_median(map.decode_ns, ROUNDS);
    (void)printf("case {\"message\":\"%s\",\"bytes\":%zu,\"encode_ns\":%.1f,\"decode_ns\":%.1f,"
                 "\"allocations\":%.3f,\"map_bytes\":%zu,\"map_encode_ns\":%.1f,"
                 "\"map_decode_ns\":%.1f,\"map_allocations\":%.3f,\"ratio\":%.3f}\n",
                 name, ours.bytes, ours_encode, ours_decode,
                 ours.encode_allocations + ours.decode_allocations, map.bytes, map_encode,
                 map_decode, map.encode_allocations + map.decode_allocations,
                 (ours_encode + ours_decode) / (map_encode + map_decode));
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
    if (argc > 2 || (argc == 2 && !quick)) {
        (void)fprintf(stderr, "usage: bench_codec [--quick]\n");
        return 64;
    }
    bench.operations = quick ? 20000 : 200000;
    bench.decoder = mu_decoder_create();
    bench.msg = calloc(1, sizeof *bench.msg);
    bench.back = calloc(1, sizeof *bench.back);
    if (bench.decoder == NULL || bench.msg == NULL || bench.back == NULL) {
        (void)fprintf(stderr, "bench_codec: out of memory\n");
        return 1;
    }
    make_ticket_add(bench.msg);
    measure(&bench, "TICKET_ADD");
    make_pool_sync(bench.msg, 1);
    measure(&bench, "POOL_SYNC of 1");
    make_pool_sync(bench.msg, 64);
    bench.operations /= 32;
    measure(&bench, "POOL_SYNC of 64");
    bench.operations *= 32;
    make_match_commit(bench.msg);
    measure(&bench, "MATCH_COMMIT");
    make_event(bench.msg);
    measure(&bench, "EVENT");
    mu_decoder_destroy(bench.decoder);
    free(bench.msg);
    free(bench.back);
    return 0;
}
