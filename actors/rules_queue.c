/* actors/rules_queue.c - the rules of a queue: its mode's, and its document's. */
#include "actors/rules_compile.h"

#include <errno.h>

int mu_rules_of_queue(const struct mu_config *config, uint32_t mode, struct mu_slice text,
                      uint64_t version, struct mu_rulebook *ret)
{
    struct mu_rulebook of_mode;
    int r = mu_rules_from_mode(config, mode, &of_mode);
    if (r != 0 || text.size == 0) {
        if (r == 0) {
            *ret = of_mode;
        }
        return r;
    }
    r = mu_rules_compile((const char *)text.data, text.size, of_mode.shapes[0], version, NULL, 0,
                         ret);
    mu_rulebook_release(&of_mode);
    return r > 0 ? -EINVAL : r;
}
