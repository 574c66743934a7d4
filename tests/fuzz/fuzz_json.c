/* Any bytes are either refused with a place and a plain text, or become a tree whose nodes are
 * each reached once and whose strings lie inside of its storage. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "gateway/json.h"
#include "wire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct mu_json *json, const char *text)
{
    assert(text >= json->text && text < json->text + json->text_used);
    assert(mu_utf8_valid(text, strlen(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mu_json json;
    struct mu_json_error error = { 0 };
    uint32_t children = 0, linked = 0;
    int r = mu_json_parse((const char *)data, size, &json, &error);
    if (r != 0) {
        assert(r == -EBADMSG || r == -E2BIG);
        assert(error.line >= 1 && error.column >= 1 && error.detail[0] != '\0');
        return 0;
    }
    assert(json.count >= 1 && json.count <= MU_JSON_NODES_MAX);
    for (uint32_t i = 0; i < json.count; i++) {
        const struct mu_json_node *node = &json.nodes[i];
        children += node->count;
        if (node->key != NULL) {
            check_text(&json, node->key);
        }
        if (node->type == MU_JSON_STRING) {
            check_text(&json, node->text);
        }
        for (uint32_t c = node->first; c != MU_JSON_NONE; c = json.nodes[c].next) {
            assert(c > i && c < json.count);
            linked++;
        }
    }
    assert(children == json.count - 1 && linked == children);
    return 0;
}
