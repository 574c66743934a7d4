#include "gateway/json_tree.h"

#include <assert.h>
#include <stdbool.h>

static void write_scalar(struct mu_json_writer *writer, const struct mu_json_node *node)
{
    switch (node->type) {
    case MU_JSON_NULL: mu_json_null(writer); break;
    case MU_JSON_FALSE: mu_json_bool(writer, false); break;
    case MU_JSON_TRUE: mu_json_bool(writer, true); break;
    case MU_JSON_INTEGER: mu_json_i64(writer, node->integer); break;
    case MU_JSON_REAL: mu_json_real(writer, node->real); break;
    case MU_JSON_STRING: mu_json_string(writer, node->text); break;
    case MU_JSON_ARRAY:
    case MU_JSON_OBJECT: assert(false);
    }
}

/* Iterative: the depth came from outside. */
void mu_json_tree_write(struct mu_json_writer *writer, const struct mu_json *json, uint32_t root)
{
    uint32_t above[MU_JSON_DEPTH_MAX + 1]; /* containers that are open */
    uint32_t depth = 0;
    uint32_t at = root;
    while (true) {
        const struct mu_json_node *node = &json->nodes[at];
        if (depth > 0 && node->key != NULL) {
            mu_json_key(writer, node->key);
        }
        if (node->type == MU_JSON_OBJECT || node->type == MU_JSON_ARRAY) {
            assert(depth <= MU_JSON_DEPTH_MAX);
            (node->type == MU_JSON_OBJECT ? mu_json_object_begin : mu_json_array_begin)(writer);
            above[depth++] = at;
            at = node->first;
        } else {
            write_scalar(writer, node);
            at = depth > 0 ? node->next : MU_JSON_NONE;
        }
        while (at == MU_JSON_NONE && depth > 0) { /* the container is done */
            const struct mu_json_node *done = &json->nodes[above[--depth]];
            (done->type == MU_JSON_OBJECT ? mu_json_object_end : mu_json_array_end)(writer);
            at = depth > 0 ? done->next : MU_JSON_NONE;
        }
        if (depth == 0) {
            return;
        }
    }
}
