#include "tools/record_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int mu_record_file_create(struct mu_record_file *file, const char *path)
{
    char *buffer = malloc(MU_RECORD_FILE_BYTES);
    *file = (struct mu_record_file){ .file = -1 };
    if (buffer == NULL) {
        return -ENOMEM;
    }
    int opened = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (opened < 0) {
        int r = -errno;
        free(buffer);
        return r;
    }
    file->file = opened;
    file->buffer = buffer;
    return 0;
}

/* Cuts the file behind the last whole line of the first `size` bytes of the buffer. */
static void cut(struct mu_record_file *file, size_t size)
{
    while (size > 0 && file->buffer[size - 1] != '\n') {
        size--;
    }
    file->bytes += (int64_t)size;
    while (ftruncate(file->file, file->bytes) != 0 && errno == EINTR) {
        /* Failing otherwise it leaves a part of a line, which a reader names. */
    }
}

int mu_record_file_flush(struct mu_record_file *file)
{
    size_t done = 0;
    while (file->failed == 0 && done < file->used) {
        ssize_t n = write(file->file, file->buffer + done, file->used - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            file->failed = -errno;
            cut(file, done);
        }
    }
    if (file->failed == 0) {
        file->bytes += (int64_t)done;
    }
    file->used = 0;
    return file->failed;
}

int mu_record_file_write(void *context, const char *lines, size_t size)
{
    struct mu_record_file *file = context;
    assert(size <= MU_RECORD_FILE_BYTES && size > 0 && lines[size - 1] == '\n');
    if (size > MU_RECORD_FILE_BYTES - file->used) {
        (void)mu_record_file_flush(file); /* kept in `failed` */
    }
    if (file->failed == 0) {
        memcpy(file->buffer + file->used, lines, size);
        file->used += size;
    }
    return file->failed;
}

int mu_record_file_patch(struct mu_record_file *file, int64_t at, const char *bytes, size_t size)
{
    size_t done = 0;
    assert(file->failed != 0 || at + (int64_t)size <= file->bytes);
    while (file->failed == 0 && done < size) {
        ssize_t n = pwrite(file->file, bytes + done, size - done, at + (int64_t)done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            file->failed = -errno;
        }
    }
    return file->failed;
}

int mu_record_file_close(struct mu_record_file *file)
{
    if (file->file < 0) {
        return file->failed;
    }
    (void)mu_record_file_flush(file); /* kept in `failed` */
    if (fsync(file->file) != 0 && file->failed == 0) {
        file->failed = -errno;
    }
    if (close(file->file) != 0 && file->failed == 0) {
        file->failed = -errno;
    }
    free(file->buffer);
    file->buffer = NULL;
    file->file = -1;
    return file->failed;
}
