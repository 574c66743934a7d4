/* storage/crc32c.h - the checksum of everything that storage writes to disk. */
#ifndef MU_STORAGE_CRC32C_H
#define MU_STORAGE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Extends `crc` (0 to begin) by `size` bytes; mu_crc32c(mu_crc32c(0, a), b) is the sum of a
 * followed by b.  `data` may be NULL when size is 0.  About 0.5 ns a byte.
 *
 * Source: RFC 3720, appendix B.4 (Castagnoli polynomial, reflected, inverted in and out). */
uint32_t mu_crc32c(uint32_t crc, const void *data, size_t size);

#endif /* MU_STORAGE_CRC32C_H */
