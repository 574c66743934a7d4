/* wire/scan.h - refuse a frame before the msgpack library may allocate for it. */
#ifndef MU_WIRE_SCAN_H
#define MU_WIRE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MU_SCAN_DEPTH_MAX 8     /* levels of arrays */
#define MU_SCAN_NODES_MAX 65536 /* values in a frame */

/* True when `bytes` are exactly one msgpack value that is made of nil, booleans, numbers,
 * strings, bytes and arrays, whose claimed lengths all fit in what is left.  Maps and
 * extensions are not of our protocol.
 *
 * msgpack-c 4.0.0 allocates an array's whole claimed length up front, so that the five bytes
 * dd ff ff ff ff ask for 64 GiB; after this check it can ask for no more than 24 bytes a node.
 * O(size), iterative, no allocation. */
bool mu_scan(const uint8_t *bytes, size_t size);

#endif /* MU_WIRE_SCAN_H */
