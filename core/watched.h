/* core/watched.h - a file that is read again whenever its content is another one.
 *
 * Its content decides, not its dates, which two edits in one moment share.  The file must be on a
 * local disk: whoever looks waits for it.  Host code. */
#ifndef MU_CORE_WATCHED_H
#define MU_CORE_WATCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/log.h"

#define MU_WATCHED_DIGEST_BYTES 32

/* Begin with path and bytes_max. */
struct mu_watched {
    const char *path;                        /* borrowed */
    size_t bytes_max;                        /* that it may have */
    int failed;                              /* why it could not be read last; 0: it could */
    uint8_t digest[MU_WATCHED_DIGEST_BYTES]; /* of the content that was judged last */
};

/* Looks at the file.
 *
 * Returns 0: its content is new, and *ret must go back by mu_watched_done(); -EALREADY: as at the
 * last look, also when it cannot be read for the same reason; or -errno. */
int mu_watched_read(struct mu_watched *watched, uint8_t **ret, size_t *ret_size);

/* Takes back what mu_watched_read() gave, and wipes it.
 *
 * judged  it was found good or bad; else the next look tries it again */
void mu_watched_done(struct mu_watched *watched, uint8_t *bytes, size_t size, bool judged);

/* Logs an error text, one fault a line, as lines of `event`; changes the text. */
void mu_watched_tell(struct mu_log *log, const char *event, char *error);

#endif /* MU_CORE_WATCHED_H */
