/* wire/utf8.h - is it UTF-8? */
#ifndef MU_WIRE_UTF8_H
#define MU_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True when text[0..size) is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms,
 * nothing above U+10FFFF) and holds no U+0000.  O(size). */
bool mu_utf8_valid(const char *text, size_t size);

#endif /* MU_WIRE_UTF8_H */
