#include "core/nearest.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { LETTERS_MAX = 2, SHORT_BYTES = 3 };

static uint32_t least(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Letters to insert, remove or replace to make one of the other (Levenshtein). */
static uint32_t distance(const char *a, const char *b)
{
    uint32_t row[MU_NEAREST_BYTES_MAX + 1];
    size_t a_length = strnlen(a, MU_NEAREST_BYTES_MAX);
    size_t b_length = strnlen(b, MU_NEAREST_BYTES_MAX);
    for (uint32_t k = 0; k <= b_length; k++) {
        row[k] = k;
    }
    for (size_t i = 1; i <= a_length; i++) {
        uint32_t corner = row[0];
        row[0] = (uint32_t)i;
        for (size_t k = 1; k <= b_length; k++) {
            uint32_t above = row[k];
            row[k] = least(above + 1, row[k - 1] + 1, corner + (a[i - 1] == b[k - 1] ? 0u : 1u));
            corner = above;
        }
    }
    return row[b_length];
}

void mu_nearest_offer(struct mu_nearest *nearest, const char *name)
{
    assert(nearest->typed != NULL);
    uint32_t letters = distance(nearest->typed, name);
    size_t typed_bytes = strlen(nearest->typed);
    size_t name_bytes = strlen(name);
    size_t shorter = typed_bytes < name_bytes ? typed_bytes : name_bytes;
    uint32_t max = shorter < SHORT_BYTES ? 1 : LETTERS_MAX;
    if (letters <= max && (nearest->name == NULL || letters < nearest->letters)) {
        nearest->name = name;
        nearest->letters = letters;
    }
}
