/* core/file.h - reads small files whole.  Host code. */
#ifndef MU_CORE_FILE_H
#define MU_CORE_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Reads the file at `path`.
 *
 * bytes_max  it may have, at least 1
 * ret        *ret_size bytes, the caller's to free; untouched on failure
 *
 * Returns 0, -EFBIG: it is larger; -ENOMEM; or what open(2) or read(2) said. */
int mu_file_read(const char *path, size_t bytes_max, uint8_t **ret, size_t *ret_size);

#endif /* MU_CORE_FILE_H */
