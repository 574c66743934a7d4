/* broker/proof.h - proves, before a broker listens, that it refuses who is not listed.
 *
 * libzmq fails open: a CURVE server whose ZAP handler is missing lets every key in.  So nothing is
 * believed that was not seen: on an address that only this process knows, with the very options of
 * the public socket, real connections are tried.  Host code. */
#ifndef MU_BROKER_PROOF_H
#define MU_BROKER_PROOF_H

#include "broker/zap.h"
#include "core/key_pair.h"

#define MU_PROOF_MS 3000 /* for all of it; then it has failed */

/* Before there is a ZAP handler: that nobody is let in while there is none.
 *
 * zmq  the broker's context
 * key  the broker's own
 *
 * Returns NULL when it holds, else one sentence that says what does not. */
const char *mu_proof_closed(void *zmq, const struct mu_key_pair *key);

/* With the handler: that `stranger`, which it must not let in, is refused, and that `guest`, which
 * it must let in, is let in and known by its key. */
const char *mu_proof_handler(void *zmq, const struct mu_key_pair *key, struct mu_zap *zap,
                             const struct mu_key_pair *stranger, const struct mu_key_pair *guest);

#endif /* MU_BROKER_PROOF_H */
