/* wire/slice.h - bytes that belong to somebody else. */
#ifndef MU_WIRE_SLICE_H
#define MU_WIRE_SLICE_H

#include <stdint.h>

/* Borrowed bytes: whoever hands one out says how long it lives. */
struct mu_slice {
    const uint8_t *data; /* NULL only when size is 0 */
    uint32_t size;       /* bytes */
};

#endif /* MU_WIRE_SLICE_H */
