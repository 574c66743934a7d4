#include "gateway/limit.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/map.h"

#define NONE      UINT32_MAX
#define NS_PER_MS INT64_C(1000000)

/* One key, in a list from the one used last to the one used longest ago. */
struct entry {
    char key[MU_LIMIT_KEY_MAX + 1];
    int64_t full_ns; /* when its bucket is full again, ns on the monotonic clock */
    uint32_t newer;
    uint32_t older;
};

struct mu_limit {
    uint64_t quota;
    int64_t window_ms;
    uint32_t capacity;
    uint32_t count;
    uint32_t newest;
    uint32_t oldest;
    struct mu_map *by_key;
    struct entry *entries; /* [capacity] */
};

struct mu_limit *mu_limit_create(uint32_t keys_max, uint64_t quota, int64_t window_ms,
                                 uint64_t seed)
{
    assert(keys_max > 0);
    assert(quota <= MU_LIMIT_QUOTA_MAX);
    assert(window_ms >= 1000 && window_ms <= 86400000);
    struct mu_limit *limit = calloc(1, sizeof *limit);
    if (limit == NULL) {
        return NULL;
    }
    limit->quota = quota;
    limit->window_ms = window_ms;
    limit->capacity = quota == 0 ? 1 : keys_max;
    limit->newest = NONE;
    limit->oldest = NONE;
    limit->by_key = mu_map_create(limit->capacity, MU_LIMIT_KEY_MAX, seed);
    limit->entries = calloc(limit->capacity, sizeof *limit->entries);
    if (limit->by_key == NULL || limit->entries == NULL) {
        mu_limit_destroy(limit);
        return NULL;
    }
    return limit;
}

void mu_limit_destroy(struct mu_limit *limit)
{
    if (limit != NULL) {
        mu_map_destroy(limit->by_key);
        free(limit->entries);
        free(limit);
    }
}

bool mu_bucket_take(int64_t *full_ns, uint64_t quota, int64_t window_ms, int64_t now_ms,
                    struct mu_limit_state *ret)
{
    *ret = (struct mu_limit_state){ .quota = quota, .window_ms = window_ms };
    if (quota == 0) {
        return true;
    }
    int64_t now_ns = now_ms * NS_PER_MS;
    int64_t token_ns = window_ms * NS_PER_MS / (int64_t)quota;
    int64_t depth_ns = token_ns * (int64_t)quota; /* not the window: exactly `quota` tokens */
    assert(token_ns > 0);
    int64_t full = *full_ns > now_ns ? *full_ns : now_ns;
    bool taken = full + token_ns <= now_ns + depth_ns;
    if (taken) {
        full += token_ns;
        *full_ns = full;
    } else {
        ret->wait_ms = (full + token_ns - now_ns - depth_ns + NS_PER_MS - 1) / NS_PER_MS;
    }
    ret->left = (uint64_t)((now_ns + depth_ns - full) / token_ns);
    ret->full_ms = (full - now_ns + NS_PER_MS - 1) / NS_PER_MS;
    assert(ret->left <= quota);
    return taken;
}

/* Takes entry `i` out of the list. */
static void unlink_entry(struct mu_limit *limit, uint32_t i)
{
    struct entry *entry = &limit->entries[i];
    *(entry->newer == NONE ? &limit->newest : &limit->entries[entry->newer].older) = entry->older;
    *(entry->older == NONE ? &limit->oldest : &limit->entries[entry->older].newer) = entry->newer;
}

static void link_newest(struct mu_limit *limit, uint32_t i)
{
    struct entry *entry = &limit->entries[i];
    entry->newer = NONE;
    entry->older = limit->newest;
    *(limit->newest == NONE ? &limit->oldest : &limit->entries[limit->newest].newer) = i;
    limit->newest = i;
}

/* The entry of `key`, made anew if it has none. */
static struct entry *entry_of(struct mu_limit *limit, const char *key)
{
    uint32_t i = mu_map_get(limit->by_key, key);
    if (i != MU_MAP_NONE) {
        unlink_entry(limit, i);
    } else {
        if (limit->count < limit->capacity) {
            i = limit->count++;
        } else {
            i = limit->oldest;
            unlink_entry(limit, i);
            (void)mu_map_remove(limit->by_key, limit->entries[i].key);
        }
        limit->entries[i].full_ns = 0;
        (void)snprintf(limit->entries[i].key, sizeof limit->entries[i].key, "%s", key);
        int r = mu_map_put(limit->by_key, key, i);
        assert(r == 0);
    }
    link_newest(limit, i);
    return &limit->entries[i];
}

bool mu_limit_take(struct mu_limit *limit, const char *key, int64_t now_ms,
                   struct mu_limit_state *ret)
{
    assert(key[0] != '\0' && strlen(key) <= MU_LIMIT_KEY_MAX);
    int64_t none_ns = 0;
    int64_t *full_ns = limit->quota == 0 ? &none_ns : &entry_of(limit, key)->full_ns;
    return mu_bucket_take(full_ns, limit->quota, limit->window_ms, now_ms, ret);
}

bool mu_limit_spent(const struct mu_limit *limit, const char *key, int64_t now_ms)
{
    struct mu_limit_state state;
    uint32_t i = limit->quota == 0 ? MU_MAP_NONE : mu_map_get(limit->by_key, key);
    int64_t full_ns = i == MU_MAP_NONE ? 0 : limit->entries[i].full_ns;
    return !mu_bucket_take(&full_ns, limit->quota, limit->window_ms, now_ms, &state);
}

void mu_limit_address_key(const char *address, char ret[MU_LIMIT_KEY_MAX + 1])
{
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };
    uint8_t bytes[16];
    if (inet_pton(AF_INET6, address, bytes) != 1) {
        (void)snprintf(ret, MU_LIMIT_KEY_MAX + 1, "%.*s", MU_LIMIT_KEY_MAX,
                       address[0] == '\0' ? "?" : address);
    } else if (memcmp(bytes, mapped, sizeof mapped) == 0) {
        (void)snprintf(ret, MU_LIMIT_KEY_MAX + 1, "%u.%u.%u.%u", bytes[12], bytes[13], bytes[14],
                       bytes[15]);
    } else {
        (void)snprintf(ret, MU_LIMIT_KEY_MAX + 1, "%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64",
                       bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6],
                       bytes[7]);
    }
}

uint32_t mu_limit_count(const struct mu_limit *limit)
{
    return limit->count;
}

void mu_limit_check(const struct mu_limit *limit)
{
    uint32_t n = 0;
    uint32_t newer = NONE;
    assert(limit->count <= limit->capacity);
    for (uint32_t i = limit->newest; i != NONE; i = limit->entries[i].older) {
        assert(i < limit->count);
        assert(limit->entries[i].newer == newer);
        assert(mu_map_get(limit->by_key, limit->entries[i].key) == i);
        newer = i;
        n++;
        assert(n <= limit->count);
    }
    assert(limit->oldest == newer);
    assert(n == limit->count && mu_map_count(limit->by_key) == n);
}
