#include "actors/placed.h"

#include <errno.h>

#include "core/placement.h"

static struct mu_key placed_key(void)
{
    struct mu_key key;
    mu_key_begin(&key);
    mu_key_last_text(&key, "lobbies");
    return key;
}

int mu_placed_get(struct mu_store *store, uint64_t *ret)
{
    const struct mu_key key = placed_key();
    struct mu_slice value;
    int r = store->ops->get(store, MU_TABLE_META, mu_key_slice(&key), &value);
    if (r == -ENOENT) {
        *ret = 1;
        return 0;
    }
    struct mu_key_reader reader = { value };
    uint64_t lobbies = 0;
    if (r == 0 && (mu_key_take_u64(&reader, &lobbies) != 0 || !mu_key_at_end(&reader) ||
                   lobbies > MU_LOBBIES_MAX)) {
        r = -EBADMSG;
    }
    if (r == 0) {
        *ret = lobbies;
    }
    return r;
}

void mu_placed_put(struct mu_rows *rows, uint64_t lobbies)
{
    const struct mu_key key = placed_key();
    struct mu_key value;
    mu_key_begin(&value);
    mu_key_u64(&value, lobbies);
    mu_rows_put_bytes(rows, MU_TABLE_META, &key, mu_key_slice(&value));
}
