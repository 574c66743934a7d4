#include "wire/utf8.h"

#include <stdint.h>

/* Bytes of the sequence that starts with `lead`, and the range of its second byte (RFC 3629,
 * section 4); 0 when no sequence starts so. */
static size_t sequence(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
        return 2;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        *low = lead == 0xe0 ? 0xa0 : 0x80;
        *high = lead == 0xed ? 0x9f : 0xbf;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *low = lead == 0xf0 ? 0x90 : 0x80;
        *high = lead == 0xf4 ? 0x8f : 0xbf;
        return 4;
    }
    return 0;
}

bool mu_utf8_valid(const char *text, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)text;
    for (size_t i = 0; i < size;) {
        if (bytes[i] >= 0x01 && bytes[i] <= 0x7f) {
            i++;
            continue;
        }
        uint8_t low;
        uint8_t high;
        size_t length = sequence(bytes[i], &low, &high);
        if (length == 0 || length > size - i || bytes[i + 1] < low || bytes[i + 1] > high) {
            return false;
        }
        for (size_t k = 2; k < length; k++) {
            if ((bytes[i + k] & 0xc0) != 0x80) {
                return false;
            }
        }
        i += length;
    }
    return true;
}
