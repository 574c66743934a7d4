/* storage/crc32c.c - CRC32C, eight bytes a step ("slicing by 8"). */
#include "storage/crc32c.h"

#include <assert.h>

/* A table entry is linear in the bits of its index, so eight constants span a table of 256.
 * Row k holds the sums of the bytes 0x01 .. 0x80 followed by k zero bytes. */
#define BIT(n, i, sum) (((n) >> (i)&1) != 0 ? (sum) : 0u)
#define SPAN(n, a, b, c, d, e, f, g, h)                                                            \
    (BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d) ^ BIT(n, 4, e) ^ BIT(n, 5, f) ^     \
     BIT(n, 6, g) ^ BIT(n, 7, h))

#define ROW0(n)                                                                                    \
    SPAN(n, 0xF26B8303u, 0xE13B70F7u, 0xC79A971Fu, 0x8AD958CFu, 0x105EC76Fu, 0x20BD8EDEu,          \
         0x417B1DBCu, 0x82F63B78u)
#define ROW1(n)                                                                                    \
    SPAN(n, 0x13A29877u, 0x274530EEu, 0x4E8A61DCu, 0x9D14C3B8u, 0x3FC5F181u, 0x7F8BE302u,          \
         0xFF17C604u, 0xFBC3FAF9u)
#define ROW2(n)                                                                                    \
    SPAN(n, 0xA541927Eu, 0x4F6F520Du, 0x9EDEA41Au, 0x38513EC5u, 0x70A27D8Au, 0xE144FB14u,          \
         0xC76580D9u, 0x8B277743u)
#define ROW3(n)                                                                                    \
    SPAN(n, 0xDD45AAB8u, 0xBF672381u, 0x7B2231F3u, 0xF64463E6u, 0xE964B13Du, 0xD725148Bu,          \
         0xABA65FE7u, 0x52A0C93Fu)
#define ROW4(n)                                                                                    \
    SPAN(n, 0x38116FACu, 0x7022DF58u, 0xE045BEB0u, 0xC5670B91u, 0x8F2261D3u, 0x1BA8B557u,          \
         0x37516AAEu, 0x6EA2D55Cu)
#define ROW5(n)                                                                                    \
    SPAN(n, 0xEF306B19u, 0xDB8CA0C3u, 0xB2F53777u, 0x6006181Fu, 0xC00C303Eu, 0x85F4168Du,          \
         0x0E045BEBu, 0x1C08B7D6u)
#define ROW6(n)                                                                                    \
    SPAN(n, 0x68032CC8u, 0xD0065990u, 0xA5E0C5D1u, 0x4E2DFD53u, 0x9C5BFAA6u, 0x3D5B83BDu,          \
         0x7AB7077Au, 0xF56E0EF4u)
#define ROW7(n)                                                                                    \
    SPAN(n, 0x493C7D27u, 0x9278FA4Eu, 0x211D826Du, 0x423B04DAu, 0x847609B4u, 0x0D006599u,          \
         0x1A00CB32u, 0x34019664u)

#define X4(ROW, n)  ROW(n), ROW((n) + 1), ROW((n) + 2), ROW((n) + 3)
#define X16(ROW, n) X4(ROW, n), X4(ROW, (n) + 4), X4(ROW, (n) + 8), X4(ROW, (n) + 12)
#define X64(ROW, n) X16(ROW, n), X16(ROW, (n) + 16), X16(ROW, (n) + 32), X16(ROW, (n) + 48)
#define X256(ROW)   X64(ROW, 0), X64(ROW, 64), X64(ROW, 128), X64(ROW, 192)

static const uint32_t table[8][256] = {
    { X256(ROW0) }, { X256(ROW1) }, { X256(ROW2) }, { X256(ROW3) },
    { X256(ROW4) }, { X256(ROW5) }, { X256(ROW6) }, { X256(ROW7) },
};

static uint32_t little32(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 24;
}

uint32_t mu_crc32c(uint32_t crc, const void *data, size_t size)
{
    assert(data != NULL || size == 0);
    const uint8_t *at = data;
    crc = ~crc;
    while (size >= 8) {
        uint32_t low = little32(at) ^ crc;
        uint32_t high = little32(at + 4);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^
              table[4][low >> 24] ^ table[3][high & 255] ^ table[2][high >> 8 & 255] ^
              table[1][high >> 16 & 255] ^ table[0][high >> 24];
        at += 8;
        size -= 8;
    }
    for (; size > 0; size--)
        crc = table[0][(crc ^ *at++) & 255] ^ crc >> 8;
    return ~crc;
}
