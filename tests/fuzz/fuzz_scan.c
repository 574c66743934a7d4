/* The scan never reads beyond its bytes, and what it lets pass the library unpacks in bounded
 * memory (checked by the sanitizers and libFuzzer's memory limit). */
#include <assert.h>
#include <msgpack.h>
#include <stdint.h>

#include "wire/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!mu_scan(data, size)) {
        return 0;
    }
    msgpack_zone zone;
    if (!msgpack_zone_init(&zone, 4096)) {
        return 0;
    }
    msgpack_object object;
    size_t offset = 0;
    msgpack_unpack_return r = msgpack_unpack((const char *)data, size, &offset, &zone, &object);
    assert(r == MSGPACK_UNPACK_SUCCESS && offset == size);
    msgpack_zone_destroy(&zone);
    return 0;
}
