#include "gateway/metrics_text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

void mu_metrics_put(struct mu_metrics_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->to + text->used, text->size - text->used, format, args);
    va_end(args);
    assert(n >= 0);
    if ((size_t)n < text->size - text->used) {
        text->used += (size_t)n;
        return;
    }
    while (text->used > 0 && text->to[text->used - 1] != '\n') {
        text->used--;
    }
    text->to[text->used] = '\0';
    text->size = text->used + 1;
}

const char *mu_metrics_label(const char *value, char ret[MU_METRICS_LABEL_MAX + 1])
{
    size_t used = 0;
    for (size_t i = 0; value[i] != '\0' && i < MU_ADDRESS_MAX; i++) {
        if (value[i] == '\\' || value[i] == '"') {
            ret[used++] = '\\';
        }
        bool control = (uint8_t)value[i] < 0x20 || value[i] == 0x7F;
        ret[used] = value[i];
        if (control) {
            ret[used] = '?';
        }
        used++;
    }
    ret[used] = '\0';
    return ret;
}
