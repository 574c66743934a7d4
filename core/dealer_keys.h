/* core/dealer_keys.h - the keys with which a process speaks to its brokers, as its command line
 * names them.  Host code. */
#ifndef MU_CORE_DEALER_KEYS_H
#define MU_CORE_DEALER_KEYS_H

#include <stdint.h>

#include "core/bus.h"
#include "core/key_pair.h"

/* Zeroed: there are no keys, and only brokers on this host can be spoken to. */
struct mu_dealer_keys {
    struct mu_key_pair *own; /* NULL: no keys */
    uint8_t brokers[MU_BUS_BROKERS_MAX]
                   [MU_PUBLIC_KEY_BYTES]; /* public keys, in the brokers' order */
};

/* What the command line says of them. */
struct mu_dealer_words {
    const char *file;               /* of the own key (--key); NULL: none */
    uint32_t brokers_count;         /* 1..MU_BUS_BROKERS_MAX */
    const char *const *brokers;     /* endpoints */
    uint32_t broker_keys_count;     /* without own key 0, else brokers_count */
    const char *const *broker_keys; /* public keys as text (--broker-key), in the brokers' order */
};

/* Checks the endpoints (mu_endpoint_fault()) and reads the keys.
 *
 * ret    to be released by the caller; untouched on failure
 * error  [MU_KEY_PAIR_ERROR_MAX] what is wrong, in one line
 *
 * Returns 0 or -errno: the configuration is wrong. */
int mu_dealer_keys_load(const struct mu_dealer_words *words, struct mu_dealer_keys *ret,
                        char error[MU_KEY_PAIR_ERROR_MAX]);

/* Wipes them. */
void mu_dealer_keys_release(struct mu_dealer_keys *keys);

#endif /* MU_CORE_DEALER_KEYS_H */
