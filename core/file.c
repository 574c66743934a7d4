#include "core/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int mu_file_read(const char *path, size_t bytes_max, uint8_t **ret, size_t *ret_size)
{
    assert(bytes_max > 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    uint8_t *bytes = malloc(bytes_max + 1);
    size_t size = 0;
    int r = bytes == NULL ? -ENOMEM : 0;
    while (r == 0 && size <= bytes_max) {
        ssize_t n = read(fd, bytes + size, bytes_max + 1 - size);
        if (n == 0) {
            break;
        }
        if (n > 0) {
            size += (size_t)n;
        } else if (errno != EINTR) {
            r = -errno;
        }
    }
    (void)close(fd); /* read only: nothing can be lost */
    if (r == 0 && size > bytes_max) {
        r = -EFBIG;
    }
    if (r != 0) {
        free(bytes);
        return r;
    }
    *ret = bytes;
    *ret_size = size;
    return 0;
}
