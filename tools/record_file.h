/* tools/record_file.h - a file of lines that grows while something runs.
 *
 * Lines are collected and handed to the system when the owner says so (or when many have come), so
 * that a file that is being written can be read up to the last second, and a crash of the machine
 * loses what fsync(2) at the end would have saved.  When the disk is full the file is cut behind
 * its last whole line: what stands in it stays good. */
#ifndef MU_TOOLS_RECORD_FILE_H
#define MU_TOOLS_RECORD_FILE_H

#include <stddef.h>
#include <stdint.h>

#define MU_RECORD_FILE_BYTES (1024 * 1024) /* collected at most; then they are written */

struct mu_record_file {
    int file;      /* -1: not open */
    int failed;    /* -errno of the first failure, which every later call returns; 0: none */
    int64_t bytes; /* written, whole lines */
    size_t used;   /* of buffer */
    char *buffer;  /* [MU_RECORD_FILE_BYTES] */
};

/* Makes the file, readable by its owner only.  Returns 0, -EEXIST when there is one (a recording
 * cannot be made again, so none is overwritten), another -errno of open(2), or -ENOMEM. */
int mu_record_file_create(struct mu_record_file *file, const char *path);

/* Appends whole lines, of at most MU_RECORD_FILE_BYTES (asserted).  `context` is the struct
 * mu_record_file.  Returns 0 or -errno. */
int mu_record_file_write(void *context, const char *lines, size_t size);

/* Hands the system what was collected.  Returns 0 or -errno. */
int mu_record_file_flush(struct mu_record_file *file);

/* Writes over bytes that were flushed (asserted).  Returns 0 or -errno. */
int mu_record_file_patch(struct mu_record_file *file, int64_t at, const char *bytes, size_t size);

/* Flushes, waits until the disk has it, closes.  Returns 0, or -errno of the first failure.  Of one
 * that is not open it does nothing. */
int mu_record_file_close(struct mu_record_file *file);

#endif /* MU_TOOLS_RECORD_FILE_H */
