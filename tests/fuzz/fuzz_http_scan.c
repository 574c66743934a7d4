/* The scanner of requests never reads beyond its bytes, and comes to the same end however they
 * are cut: the first byte says where. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "gateway/http_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mu_http_scan whole, cut;
    if (size < 1) {
        return 0;
    }
    size_t step = 1 + data[0] % 16;
    data++;
    size--;
    mu_http_scan_init(&whole, 4096, 4096);
    mu_http_scan_init(&cut, 4096, 4096);
    size_t taken = mu_http_scan_feed(&whole, data, size);
    assert(taken == size || whole.state == MU_HTTP_SCAN_DONE || whole.state == MU_HTTP_SCAN_BAD);
    size_t at = 0;
    while (at < size) {
        size_t piece = size - at < step ? size - at : step;
        size_t n = mu_http_scan_feed(&cut, data + at, piece);
        at += n;
        if (n < piece) {
            break;
        }
    }
    assert(at == taken && cut.state == whole.state && cut.status == whole.status);
    assert(cut.body_bytes == whole.body_bytes);
    if (whole.state == MU_HTTP_SCAN_BAD) {
        assert(whole.status >= 400 && whole.status < 600 && whole.detail != NULL);
    }
    return 0;
}
