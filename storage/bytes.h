/* storage/bytes.h - big-endian numbers in the records of the disk. */
#ifndef MU_STORAGE_BYTES_H
#define MU_STORAGE_BYTES_H

#include <stdint.h>

static inline void mu_bytes_put16(uint8_t *ret, uint16_t value)
{
    ret[0] = (uint8_t)(value >> 8);
    ret[1] = (uint8_t)value;
}

static inline void mu_bytes_put32(uint8_t *ret, uint32_t value)
{
    mu_bytes_put16(ret, (uint16_t)(value >> 16));
    mu_bytes_put16(ret + 2, (uint16_t)value);
}

static inline void mu_bytes_put64(uint8_t *ret, uint64_t value)
{
    mu_bytes_put32(ret, (uint32_t)(value >> 32));
    mu_bytes_put32(ret + 4, (uint32_t)value);
}

static inline uint16_t mu_bytes_get16(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

static inline uint32_t mu_bytes_get32(const uint8_t *data)
{
    return (uint32_t)mu_bytes_get16(data) << 16 | mu_bytes_get16(data + 2);
}

static inline uint64_t mu_bytes_get64(const uint8_t *data)
{
    return (uint64_t)mu_bytes_get32(data) << 32 | mu_bytes_get32(data + 4);
}

#endif /* MU_STORAGE_BYTES_H */
