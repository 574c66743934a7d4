/* broker/peers_file.h - reads the peers file: which keys a broker lets in, and as what.
 *
 *     peers:
 *       - {name: store-1, role: store, key: 64 hex digits}
 *       - name: queue-eu
 *         role: queue
 *         key: 64 hex digits
 *         next: 64 hex digits          # while it changes over: both are let in
 *         partitions: [queue/eu-west-1] # may be left out: any of its role
 *
 * The roles are those of broker/roles.def.  `peers: []` lets nobody in.  A host file (libcyaml). */
#ifndef MU_BROKER_PEERS_FILE_H
#define MU_BROKER_PEERS_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "broker/peers.h"

#define MU_PEERS_BYTES_MAX (256 * 1024) /* of the file */
#define MU_PEERS_ERROR_MAX 8192         /* bytes that hold the longest error text */

/* Reads a peers file's text and seals the list.
 *
 * name   of the file, for the error text
 * ret    untouched on failure
 * error  [error_size] one fault a line, "peers.yaml:3: peers[0].role: is ...", without a newline at
 *        the end; cut to fit; empty when all is well
 *
 * Returns 0; -EINVAL: faults in the text; or -ENOMEM.  Syntax and form are told one fault at a
 * time, then all values that are wrong. */
int mu_peers_parse(const char *name, const uint8_t *bytes, size_t size, struct mu_peers *ret,
                   char *error, size_t error_size);

/* The same of a file; also -EFBIG: it is above MU_PEERS_BYTES_MAX; or what open(2) or read(2)
 * said. */
int mu_peers_read(const char *path, struct mu_peers *ret, char *error, size_t error_size);

#endif /* MU_BROKER_PEERS_FILE_H */
