/* gateway/json_tree.h - a part of a parsed document, written again as compact JSON. */
#ifndef MU_GATEWAY_JSON_TREE_H
#define MU_GATEWAY_JSON_TREE_H

#include <stdint.h>

#include "gateway/json.h"
#include "gateway/json_write.h"

/* Writes the value `root` and all below it, keys in their order.  Iterative; O(values). */
void mu_json_tree_write(struct mu_json_writer *writer, const struct mu_json *json, uint32_t root);

#endif /* MU_GATEWAY_JSON_TREE_H */
