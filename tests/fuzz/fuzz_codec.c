/* Any bytes as the body of any message: refused, or decoded to something that encodes and
 * decodes to itself.  Input: two bytes of operation, then the body. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BUF_BYTES = 1 << 20, TEXT_BYTES = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mu_decoder *decoder;
    static struct mu_msg first;
    static struct mu_msg second;
    static uint8_t bytes[BUF_BYTES];
    static uint8_t again[BUF_BYTES];
    static char text[TEXT_BYTES];
    if (decoder == NULL) {
        decoder = mu_decoder_create();
    }
    if (decoder == NULL || size < 2) {
        return 0;
    }
    uint32_t op = (uint32_t)data[0] << 8 | data[1];
    if (mu_msg_decode(decoder, op % 256, data + 2, size - 2, &first) != 0) {
        return 0;
    }
    mu_msg_print(&first, text, sizeof text);
    int64_t n = mu_msg_encode(&first, bytes, sizeof bytes);
    assert(n > 0);
    int r = mu_msg_decode(decoder, op % 256, bytes, (size_t)n, &second);
    assert(r == 0);
    assert(mu_msg_encode(&second, again, sizeof again) == n);
    assert(memcmp(bytes, again, (size_t)n) == 0);
    return 0;
}
