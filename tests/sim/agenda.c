#include "agenda.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool before(const struct item *a, const struct item *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void agenda_release(struct agenda *agenda)
{
    for (uint32_t i = 0; i < agenda->count; i++) {
        free(agenda->items[i]);
    }
    free(agenda->items);
    *agenda = (struct agenda){ 0 };
}

struct item *agenda_add(struct agenda *agenda, int64_t at_ms, const void *first,
                        uint32_t first_size, const void *second, uint32_t second_size)
{
    if (agenda->count == agenda->capacity) {
        agenda->capacity = agenda->capacity == 0 ? 1024 : 2 * agenda->capacity;
        agenda->items = realloc(agenda->items, agenda->capacity * sizeof(struct item *));
        assert(agenda->items != NULL);
    }
    struct item *item = calloc(1, sizeof *item + first_size + second_size + 1);
    assert(item != NULL);
    item->at_ms = at_ms;
    item->order = agenda->next_order++;
    item->sizes[0] = first_size;
    item->sizes[1] = second_size;
    if (first_size > 0) {
        memcpy(item->bytes, first, first_size);
    }
    if (second_size > 0) {
        memcpy(item->bytes + first_size, second, second_size);
    }
    uint32_t at = agenda->count++;
    while (at > 0 && before(item, agenda->items[(at - 1) / 2])) {
        agenda->items[at] = agenda->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    agenda->items[at] = item;
    return item;
}

void agenda_again(struct agenda *agenda, int64_t at_ms, const struct item *item)
{
    struct item *again = agenda_add(agenda, at_ms, item->bytes, item->sizes[0],
                                    item->bytes + item->sizes[0], item->sizes[1]);
    again->run = item->run;
    again->node = item->node;
    again->broker = item->broker;
    again->peer = item->peer;
    again->life = item->life;
}

struct item *agenda_take(struct agenda *agenda)
{
    if (agenda->count == 0) {
        return NULL;
    }
    struct item *first = agenda->items[0];
    struct item *last = agenda->items[--agenda->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= agenda->count) {
            break;
        }
        if (child + 1 < agenda->count && before(agenda->items[child + 1], agenda->items[child])) {
            child++;
        }
        if (!before(agenda->items[child], last)) {
            break;
        }
        agenda->items[at] = agenda->items[child];
        at = child;
    }
    if (agenda->count > 0) {
        agenda->items[at] = last;
    }
    return first;
}

int64_t agenda_next(const struct agenda *agenda)
{
    return agenda->count > 0 ? agenda->items[0]->at_ms : INT64_MAX;
}
