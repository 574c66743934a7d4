#include "tools/rules_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/rules.h"
#include "core/options.h"

int mu_rules_file_read(const char *path, char **ret, size_t *ret_bytes)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return MU_EXIT_UNAVAILABLE;
    }
    /* One byte more than may be, so that the compiler sees that it is too large. */
    char *text = malloc(MU_RULES_TEXT_MAX + 1);
    size_t size = text == NULL ? 0 : fread(text, 1, MU_RULES_TEXT_MAX + 1, file);
    int code = text == NULL ? 1 : ferror(file) != 0 ? MU_EXIT_UNAVAILABLE : 0;
    (void)fclose(file);
    if (code != 0) {
        (void)fprintf(stderr, "%s: cannot be read\n", path);
        free(text);
        return code;
    }
    *ret = text;
    *ret_bytes = size;
    return 0;
}
