/* core/key.c - ordered keys; see the header for their form. */
#include "core/key.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static void append(struct mu_key *key, const void *bytes, size_t size)
{
    assert(size <= MU_STORE_KEY_MAX - key->size);
    memcpy(key->bytes + key->size, bytes, size);
    key->size += (uint32_t)size;
}

static void append_number(struct mu_key *key, uint64_t number, uint32_t size)
{
    uint8_t bytes[8];
    assert(size <= sizeof bytes);
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(number >> (8 * (size - 1 - i)));
    }
    append(key, bytes, size);
}

void mu_key_begin(struct mu_key *key)
{
    key->size = 0;
}

void mu_key_text(struct mu_key *key, const char *text)
{
    append(key, text, strlen(text) + 1);
}

void mu_key_last_text(struct mu_key *key, const char *text)
{
    append(key, text, strlen(text));
}

void mu_key_u16(struct mu_key *key, uint16_t number)
{
    append_number(key, number, 2);
}

void mu_key_u64(struct mu_key *key, uint64_t number)
{
    append_number(key, number, 8);
}

struct mu_slice mu_key_slice(const struct mu_key *key)
{
    assert(key->size <= MU_STORE_KEY_MAX);
    return (struct mu_slice){ .data = key->bytes, .size = key->size };
}

static void skip(struct mu_key_reader *reader, uint32_t bytes)
{
    assert(bytes <= reader->left.size);
    if (bytes > 0) {
        reader->left.data += bytes;
        reader->left.size -= bytes;
    }
}

/* Bytes in front of the first zero byte, or all when there is none. */
static uint32_t text_bytes(const struct mu_slice *left)
{
    if (left->size == 0) {
        return 0; /* data may be NULL */
    }
    const uint8_t *end = memchr(left->data, 0, left->size);
    return end == NULL ? left->size : (uint32_t)(end - left->data);
}

static void copy_text(const struct mu_slice *from, uint32_t bytes, char *ret)
{
    if (bytes > 0) {
        memcpy(ret, from->data, bytes);
    }
    ret[bytes] = '\0';
}

int mu_key_take_text(struct mu_key_reader *reader, size_t ret_bytes, char *ret)
{
    uint32_t bytes = text_bytes(&reader->left);
    if (bytes == reader->left.size || bytes >= ret_bytes) {
        return -EBADMSG;
    }
    copy_text(&reader->left, bytes, ret);
    skip(reader, bytes + 1);
    return 0;
}

int mu_key_take_last_text(struct mu_key_reader *reader, size_t ret_bytes, char *ret)
{
    uint32_t bytes = text_bytes(&reader->left);
    if (bytes != reader->left.size || bytes >= ret_bytes) {
        return -EBADMSG;
    }
    copy_text(&reader->left, bytes, ret);
    skip(reader, bytes);
    return 0;
}

/* Takes a number of `size` bytes, 1..8. */
static int take_number(struct mu_key_reader *reader, uint32_t size, uint64_t *ret)
{
    uint64_t number = 0;
    if (reader->left.size < size) {
        return -EBADMSG;
    }
    for (uint32_t i = 0; i < size; i++) {
        number = number << 8 | reader->left.data[i];
    }
    skip(reader, size);
    *ret = number;
    return 0;
}

int mu_key_take_u16(struct mu_key_reader *reader, uint16_t *ret)
{
    uint64_t number = 0;
    int r = take_number(reader, 2, &number);
    if (r == 0) {
        *ret = (uint16_t)number;
    }
    return r;
}

int mu_key_take_u64(struct mu_key_reader *reader, uint64_t *ret)
{
    return take_number(reader, 8, ret);
}

bool mu_key_at_end(const struct mu_key_reader *reader)
{
    return reader->left.size == 0;
}
