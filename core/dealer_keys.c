#include "core/dealer_keys.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/endpoint.h"

static int complain(char error[MU_KEY_PAIR_ERROR_MAX], const char *what, const char *why)
{
    (void)snprintf(error, MU_KEY_PAIR_ERROR_MAX, "%s: %s", what, why);
    return -EINVAL;
}

int mu_dealer_keys_load(const struct mu_dealer_words *words, struct mu_dealer_keys *ret,
                        char error[MU_KEY_PAIR_ERROR_MAX])
{
    struct mu_dealer_keys keys = { .own = NULL };
    assert(words->brokers_count <= MU_BUS_BROKERS_MAX);
    for (uint32_t i = 0; i < words->brokers_count; i++) {
        const char *fault = mu_endpoint_fault(words->brokers[i], words->file != NULL);
        if (fault != NULL) {
            return complain(error, words->brokers[i], fault);
        }
    }
    if (words->broker_keys_count != (words->file != NULL ? words->brokers_count : 0)) {
        return complain(error, "the keys of the brokers",
                        words->file != NULL
                            ? "each broker's is needed: cluster.brokers[].key in the file of "
                              "--config, or --broker-key for each, in the brokers' order"
                            : "are of no use without an own one: --key FILE, or cluster.keys");
    }
    for (uint32_t i = 0; i < words->broker_keys_count; i++) {
        if (mu_public_key_parse(words->broker_keys[i], keys.brokers[i]) != 0) {
            return complain(error, words->brokers[i],
                            "its --broker-key, or cluster.brokers[].key, is no public key: muster "
                            "keygen prints 64 hex digits");
        }
    }
    int r = words->file != NULL ? mu_key_pair_read(words->file, &keys.own, error) : 0;
    if (r == 0) {
        *ret = keys;
    }
    return r;
}

void mu_dealer_keys_release(struct mu_dealer_keys *keys)
{
    mu_key_pair_destroy(keys->own);
    *keys = (struct mu_dealer_keys){ .own = NULL };
}
