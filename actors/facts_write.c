/* actors/facts_write.c - making a block of facts; see actors/facts_write.h. */
#include "actors/facts_write.h"

#include <errno.h>
#include <string.h>

/* Symbols of a party's list, ascending. */
struct set {
    uint32_t count;
    uint64_t symbols[MU_TICKET_PLAYERS_MAX * MU_FACTS_STRINGS_MAX];
};

int mu_facts_block_begin(struct mu_facts_block *block, const struct mu_rules *rules,
                         uint32_t regions_count, const struct mu_facts_player *players,
                         uint32_t count)
{
    struct mu_facts head = { .players_count = count,
                             .attributes_count = rules->attributes_count,
                             .regions_count = regions_count };
    block->used = mu_facts_at_lists(&head);
    if (block->bytes_max < block->used) {
        return -ENOBUFS;
    }
    *block->facts = head;
    void *ids = block->bytes + sizeof head;
    void *ratings = block->bytes + mu_facts_at_ratings(&head);
    uint64_t *id = ids;
    double *rating = ratings;
    for (uint32_t i = 0; i < count; i++) {
        id[i] = mu_symbol(players[i].id, strlen(players[i].id));
        rating[i] = (double)players[i].rating;
        rating[count + i] = (double)players[i].deviation;
    }
    size_t latencies = mu_facts_at_latencies(&head);
    size_t types = mu_facts_at_types(&head);
    memset(block->bytes + latencies, 0xff, types - latencies);
    for (uint32_t i = 0; i < head.attributes_count; i++) {
        block->bytes[types + i] = (char)rules->attributes[i].type;
    }
    size_t end = types + head.attributes_count;
    memset(block->bytes + end, 0, block->used - end);
    return 0;
}

/* Room at the end of the block, or NULL. */
static void *take(struct mu_facts_block *block, size_t bytes)
{
    assert(bytes % 8 == 0 && block->used % 8 == 0);
    if (bytes > block->bytes_max - block->used) {
        return NULL;
    }
    void *at = block->bytes + block->used;
    block->used += bytes;
    return at;
}

/* numbers  beside the symbols, or NULL */
static void sort_symbols(uint64_t *symbols, double *numbers, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint64_t symbol = symbols[i];
        double number = numbers != NULL ? numbers[i] : 0;
        uint32_t at = i;
        for (; at > 0 && symbols[at - 1] > symbol; at--) {
            symbols[at] = symbols[at - 1];
            if (numbers != NULL) {
                numbers[at] = numbers[at - 1];
            }
        }
        symbols[at] = symbol;
        if (numbers != NULL) {
            numbers[at] = number;
        }
    }
}

int mu_facts_block_list(struct mu_facts_block *block, struct mu_facts_strings *strings, bool map,
                        struct mu_facts_list *ret)
{
    if (map) {
        sort_symbols(strings->symbols, strings->numbers, strings->count);
    }
    *ret = (struct mu_facts_list){ .offset = (uint32_t)block->used, .count = strings->count };
    size_t bytes = 8 * (size_t)strings->count;
    uint64_t *at = take(block, bytes * (map ? 3 : 2));
    if (at == NULL) {
        return -ENOBUFS;
    }
    memcpy(at, strings->symbols, bytes);
    memcpy(at + strings->count, strings->symbols, bytes);
    sort_symbols(at + strings->count, NULL, strings->count);
    if (map) {
        memcpy(at + 2 * (size_t)strings->count, strings->numbers, bytes);
    }
    return 0;
}

/* Adds what is new, or keeps what is in both; both ascend. */
static void set_merge(struct set *set, const uint64_t *symbols, uint32_t count, bool all)
{
    struct set old;
    uint32_t i = 0;
    uint32_t j = 0;
    old.count = set->count;
    memcpy(old.symbols, set->symbols, 8 * (size_t)set->count);
    set->count = 0;
    while (i < old.count || j < count) {
        bool in_old = i < old.count && (j == count || old.symbols[i] <= symbols[j]);
        bool in_new = j < count && (i == old.count || symbols[j] <= old.symbols[i]);
        if (!all || (in_old && in_new)) {
            set->symbols[set->count++] = in_old ? old.symbols[i] : symbols[j];
        }
        i += in_old ? 1 : 0;
        j += in_new ? 1 : 0;
    }
}

/* What all of a party have of an attribute, or any of them. */
static int write_party(struct mu_facts_block *block, uint32_t attribute, bool all,
                       struct mu_facts_list *ret)
{
    const struct mu_facts *facts = block->facts;
    if (facts->players_count == 1) { /* the player's own, ascending */
        struct mu_facts_list own = mu_facts_slot(facts, 0, attribute)->list;
        *ret = (struct mu_facts_list){ .offset = own.offset + 8 * own.count, .count = own.count };
        return 0;
    }
    struct set set;
    const uint64_t *symbols = mu_facts_set(facts, 0, attribute, &set.count);
    memcpy(set.symbols, symbols, 8 * (size_t)set.count);
    for (uint32_t i = 1; i < facts->players_count; i++) {
        uint32_t count;
        symbols = mu_facts_set(facts, i, attribute, &count);
        set_merge(&set, symbols, count, all);
    }
    *ret = (struct mu_facts_list){ .offset = (uint32_t)block->used, .count = set.count };
    void *at = take(block, 8 * (size_t)set.count);
    if (at == NULL) {
        return -ENOBUFS;
    }
    memcpy(at, set.symbols, 8 * (size_t)set.count);
    return 0;
}

int mu_facts_block_end(struct mu_facts_block *block)
{
    struct mu_facts *facts = block->facts;
    void *at = block->bytes + mu_facts_at_parties(facts);
    struct mu_facts_list *parties = at;
    for (uint32_t i = 0; i < facts->attributes_count; i++) {
        enum mu_attribute_type type = mu_facts_type(facts, i);
        bool lists = type == MU_ATTRIBUTE_STRINGS || type == MU_ATTRIBUTE_MAP;
        parties[2 * i] = (struct mu_facts_list){ 0 };
        parties[2 * i + 1] = (struct mu_facts_list){ 0 };
        if (!lists || facts->players_count > MU_TICKET_PLAYERS_MAX) {
            continue; /* a backfill is no party */
        }
        int r = write_party(block, i, true, &parties[2 * i]);
        if (r == 0) {
            r = write_party(block, i, false, &parties[2 * i + 1]);
        }
        if (r != 0) {
            return r;
        }
    }
    facts->bytes = (uint32_t)block->used;
    assert(facts->bytes % 8 == 0 && facts->bytes <= block->bytes_max);
    return 0;
}
