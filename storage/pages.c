/* storage/pages.c - walks a data file's trees by its own arithmetic. */
#include "storage/pages.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/bytes.h"
#include "storage/pages_format.h"
#include "storage/range.h"
#include "storage/record.h"
#include "storage/state.h"

#define TABLES_MAX 64 /* named ones in a file */
/* Pages given out and taken back in one transaction are never written; at the end of the file
 * they leave it shorter than its highest page number. */
#define PAGES_UNWRITTEN_MAX (1u << 20)

/* The two ends of what a page may hold: low <= key < high. */
struct bounds {
    struct mu_slice low;  /* size 0: none */
    struct mu_slice high; /* size 0: none */
};

struct frame {
    uint64_t page;
    uint32_t next; /* child to visit */
    struct bounds bounds;
};

struct node {
    uint16_t flags;
    struct mu_slice key;
    uint64_t page;       /* of a branch: the child; of MU_PAGES_NODE_BIG: the first overflow page */
    const uint8_t *data; /* of a leaf */
    uint64_t data_size;  /* bytes of the value, wherever it lies */
};

struct walk {
    const uint8_t *image;
    size_t size;
    uint32_t page_size;
    uint64_t pages;            /* one above the highest page number */
    uint8_t *used;             /* bit per page */
    struct mu_pages_tree seen; /* counts of the tree being walked */
    struct mu_pages_tree tables[TABLES_MAX];
    uint32_t tables_count;
    uint64_t state_transaction; /* of the state record, or 0 */
    uint16_t schema_major;      /* of the schema record */
    const char *problem;        /* NULL while all is well */
    uint64_t problem_page;
};

static bool fail(struct walk *walk, uint64_t page, const char *problem)
{
    if (walk->problem == NULL) {
        walk->problem = problem;
        walk->problem_page = page;
    }
    return false;
}

static const uint8_t *page_at(const struct walk *walk, uint64_t page)
{
    return walk->image + page * walk->page_size;
}

/* Marks `count` pages as used, once. */
static bool use(struct walk *walk, uint64_t page, uint64_t count)
{
    if (page < 2 || page >= walk->pages || count > walk->pages - page)
        return fail(walk, page, "is out of range");
    for (uint64_t i = page; i < page + count; i++) {
        uint8_t bit = (uint8_t)(1u << (i & 7));
        if ((walk->used[i / 8] & bit) != 0)
            return fail(walk, i, "is used twice");
        walk->used[i / 8] |= bit;
    }
    return true;
}

/* Marks pages that must have been written. */
static bool use_written(struct walk *walk, uint64_t page, uint64_t count)
{
    if (!use(walk, page, count))
        return false;
    if (page + count > walk->size / walk->page_size)
        return fail(walk, page, "is beyond the end of the file");
    return true;
}

static uint32_t node_count(const uint8_t *page)
{
    return (mu_pages_read16(page + 12) - MU_PAGE_HEADER_BYTES) / 2u;
}

/* Reads node `index` of a page whose header was checked. */
static bool read_node(struct walk *walk, const uint8_t *page, uint32_t index, struct node *ret,
                      uint32_t *ret_bytes)
{
    uint64_t number = mu_pages_read64(page);
    uint32_t offset = mu_pages_read16(page + MU_PAGE_HEADER_BYTES + 2 * index);
    if (offset % 2 != 0 || offset < mu_pages_read16(page + 14) ||
        offset + MU_PAGES_NODE_HEADER_BYTES > walk->page_size)
        return fail(walk, number, "has a node outside of it");
    const uint8_t *at = page + offset;
    uint32_t key_size = mu_pages_read16(at + 6);
    uint32_t low = mu_pages_read16(at) | (uint32_t)mu_pages_read16(at + 2) << 16;
    struct node node = { .flags = mu_pages_read16(at + 4),
                         .key = { at + MU_PAGES_NODE_HEADER_BYTES, key_size } };
    uint32_t left = walk->page_size - offset - MU_PAGES_NODE_HEADER_BYTES;
    uint32_t inside = 0; /* bytes of the value that lie in this page */
    if (mu_pages_read16(page + 10) == MU_PAGE_BRANCH) {
        node.page = low | (uint64_t)node.flags << 32;
    } else {
        node.data_size = low;
        inside = (node.flags & MU_PAGES_NODE_BIG) != 0 ? 8 : low;
    }
    if (key_size > left || inside > left - key_size)
        return fail(walk, number, "has a node that ends outside of it");
    node.data = node.key.data + key_size;
    if (mu_pages_read16(page + 10) != MU_PAGE_BRANCH && (node.flags & MU_PAGES_NODE_BIG) != 0)
        node.page = mu_pages_read64(node.data);
    *ret = node;
    *ret_bytes = (MU_PAGES_NODE_HEADER_BYTES + key_size + inside + 1) & ~1u;
    return true;
}

static int compare(const struct walk *walk, struct mu_slice a, struct mu_slice b)
{
    if (walk->seen.kind != MU_PAGES_KIND_FREE)
        return mu_range_compare(a, b);
    uint64_t number_a = mu_pages_read64(a.data);
    uint64_t number_b = mu_pages_read64(b.data);
    return (number_a > number_b) - (number_a < number_b);
}

/* Header, nodes and order of a branch or leaf page. */
static bool check_page(struct walk *walk, uint64_t number, uint16_t flags, struct bounds bounds)
{
    const uint8_t *page = page_at(walk, number);
    uint32_t lower = mu_pages_read16(page + 12);
    uint32_t upper = mu_pages_read16(page + 14);
    if (mu_pages_read64(page) != number || mu_pages_read16(page + 10) != flags)
        return fail(walk, number, "is not the page that belongs there");
    if (lower <= MU_PAGE_HEADER_BYTES || lower % 2 != 0 || lower > upper || upper > walk->page_size)
        return fail(walk, number, "has a damaged header");
    uint32_t bytes = 0;
    struct mu_slice last = bounds.low;
    for (uint32_t i = 0; i < node_count(page); i++) {
        struct node node;
        uint32_t node_bytes = 0;
        if (!read_node(walk, page, i, &node, &node_bytes))
            return false;
        bytes += node_bytes;
        if (flags == MU_PAGE_BRANCH && i == 0)
            continue; /* its key counts as minus infinity, whatever it says */
        if (node.key.size == 0 || (walk->seen.kind == MU_PAGES_KIND_FREE && node.key.size != 8))
            return fail(walk, number, "has a key of a wrong size");
        int order = last.size == 0 ? -1 : compare(walk, last, node.key);
        bool first = flags == MU_PAGE_LEAF && i == 0; /* may equal the branch key above */
        if (order > 0 || (order == 0 && !first) ||
            (bounds.high.size > 0 && compare(walk, node.key, bounds.high) >= 0))
            return fail(walk, number, "has keys out of order");
        last = node.key;
    }
    return bytes == walk->page_size - upper || fail(walk, number, "has damaged nodes");
}

/* Finds the value of a leaf's node, which may lie on overflow pages. */
static bool find_value(struct walk *walk, const struct node *node, const uint8_t **ret)
{
    *ret = node->data;
    if ((node->flags & MU_PAGES_NODE_BIG) == 0)
        return true;
    uint64_t first = node->page;
    if (first < 2 || first >= walk->size / walk->page_size)
        return fail(walk, first, "is out of range");
    const uint8_t *page = page_at(walk, first);
    uint64_t count = mu_pages_read32(page + 12);
    if (mu_pages_read64(page) != first || mu_pages_read16(page + 10) != MU_PAGE_OVERFLOW ||
        count * walk->page_size < MU_PAGE_HEADER_BYTES + node->data_size)
        return fail(walk, first, "is not the overflow page that belongs there");
    walk->seen.overflow_pages += count;
    *ret = page + MU_PAGE_HEADER_BYTES;
    return use_written(walk, first, count);
}

/* A record of the free list: its length, then page numbers, descending. */
static bool check_free(struct walk *walk, uint64_t page, const uint8_t *data, uint64_t size)
{
    if (size < 8 || mu_pages_read64(data) > size / 8 - 1)
        return fail(walk, page, "has a damaged list of free pages");
    uint64_t count = mu_pages_read64(data);
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t number = mu_pages_read64(data + 8 * i);
        if (i > 1 && number >= mu_pages_read64(data + 8 * (i - 1)))
            return fail(walk, page, "has a list of free pages out of order");
        if (!use(walk, number, 1))
            return false;
    }
    return true;
}

static bool slice_is(struct mu_slice slice, const char *text)
{
    return slice.size == strlen(text) && memcmp(slice.data, text, slice.size) == 0;
}

/* A record of the engine's table; the schema comes before the state. */
static bool check_engine_record(struct walk *walk, uint64_t page, struct mu_slice key,
                                struct mu_slice record)
{
    struct mu_slice payload;
    struct mu_state state;
    if (mu_record_open(MU_RECORD_TABLE_ENGINE, key, record, &payload) != 0)
        return fail(walk, page, "has a damaged record of the engine");
    if (slice_is(key, MU_STATE_SCHEMA_KEY) && payload.size >= 2)
        walk->schema_major = mu_bytes_get16(payload.data);
    if (!slice_is(key, MU_STATE_KEY) || walk->schema_major != MU_STATE_SCHEMA_MAJOR)
        return true;
    if (mu_state_decode(payload, &state) != 0)
        return fail(walk, page, "has a damaged state record");
    walk->state_transaction = state.transaction;
    return true;
}

static bool check_value(struct walk *walk, uint64_t page, const struct node *node)
{
    const uint8_t *data = NULL;
    unsigned flags = node->flags & (unsigned)~MU_PAGES_NODE_BIG;
    unsigned wanted = walk->seen.kind == MU_PAGES_KIND_MAIN ? (unsigned)MU_PAGES_NODE_TABLE : 0;
    if (flags != wanted || (wanted != 0 && (node->flags & MU_PAGES_NODE_BIG) != 0))
        return fail(walk, page, "has a node of a wrong kind");
    if (!find_value(walk, node, &data))
        return false;
    if (walk->seen.kind == MU_PAGES_KIND_FREE)
        return check_free(walk, page, data, node->data_size);
    if (walk->seen.kind == MU_PAGES_KIND_MAIN) {
        if (node->data_size != MU_PAGES_DB_BYTES || walk->tables_count == TABLES_MAX)
            return fail(walk, page, "has a damaged list of tables");
        struct mu_pages_tree *table = &walk->tables[walk->tables_count++];
        *table = mu_pages_read_tree(data, MU_PAGES_KIND_TABLE);
        table->is_engine = slice_is(node->key, MU_STATE_ENGINE_TABLE);
        return true;
    }
    struct mu_slice record = { data, (uint32_t)node->data_size };
    return !walk->seen.is_engine || check_engine_record(walk, page, node->key, record);
}

static bool check_leaf(struct walk *walk, uint64_t number, struct bounds bounds)
{
    if (!use_written(walk, number, 1) || !check_page(walk, number, MU_PAGE_LEAF, bounds))
        return false;
    const uint8_t *page = page_at(walk, number);
    walk->seen.leaf_pages++;
    for (uint32_t i = 0; i < node_count(page); i++) {
        struct node node;
        uint32_t bytes = 0;
        if (!read_node(walk, page, i, &node, &bytes) || !check_value(walk, number, &node))
            return false;
        walk->seen.entries++;
    }
    return true;
}

static bool enter_branch(struct walk *walk, struct frame *frame)
{
    if (!use_written(walk, frame->page, 1) ||
        !check_page(walk, frame->page, MU_PAGE_BRANCH, frame->bounds))
        return false;
    walk->seen.branch_pages++;
    return true;
}

/* The next child of a branch page that was checked, with the keys around it; false at the end. */
static bool next_child(struct walk *walk, struct frame *frame, struct frame *ret)
{
    const uint8_t *page = page_at(walk, frame->page);
    uint32_t count = node_count(page);
    if (frame->next == count)
        return false;
    struct node node;
    uint32_t bytes = 0;
    struct bounds bounds = frame->bounds;
    (void)read_node(walk, page, frame->next, &node, &bytes); /* went well in check_page() */
    ret->page = node.page;
    ret->next = 0;
    if (frame->next > 0)
        bounds.low = node.key;
    if (frame->next + 1 < count) {
        (void)read_node(walk, page, frame->next + 1, &node, &bytes);
        bounds.high = node.key;
    }
    ret->bounds = bounds;
    frame->next++;
    return true;
}

static bool counts_agree(const struct mu_pages_tree *a, const struct mu_pages_tree *b)
{
    return a->branch_pages == b->branch_pages && a->leaf_pages == b->leaf_pages &&
           a->overflow_pages == b->overflow_pages && a->entries == b->entries;
}

static bool walk_tree(struct walk *walk, const struct mu_pages_tree *tree)
{
    uint16_t flags = tree->kind == MU_PAGES_KIND_FREE ? MU_PAGES_DB_INTEGER_KEY : 0;
    walk->seen = (struct mu_pages_tree){ .kind = tree->kind, .is_engine = tree->is_engine };
    if (tree->flags != flags || tree->depth > MU_PAGES_DEPTH_MAX)
        return fail(walk, tree->root, "is the root of a damaged table");
    if ((tree->root == MU_PAGES_NO_PAGE) != (tree->depth == 0))
        return fail(walk, tree->root, "is the root of a table of a wrong depth");
    struct frame stack[MU_PAGES_DEPTH_MAX + 1];
    uint32_t depth = 0; /* branch pages on the stack */
    stack[0] = (struct frame){ .page = tree->root };
    if (tree->depth == 1 && !check_leaf(walk, tree->root, stack[0].bounds))
        return false;
    if (tree->depth > 1) {
        if (!enter_branch(walk, &stack[0]))
            return false;
        depth = 1;
    }
    while (depth > 0) {
        struct frame *child = &stack[depth];
        bool fine = true;
        if (!next_child(walk, &stack[depth - 1], child)) {
            depth--;
        } else if (depth + 1u == tree->depth) {
            fine = check_leaf(walk, child->page, child->bounds);
        } else {
            fine = enter_branch(walk, &stack[depth++]);
        }
        if (!fine)
            return false;
    }
    if (!counts_agree(&walk->seen, tree))
        return fail(walk, tree->root, "is the root of a table that lacks something");
    return true;
}

/* Reads the meta page at `number`, 0 or 1. */
static bool read_meta(struct walk *walk, uint64_t number, struct mu_pages_meta *ret)
{
    const uint8_t *page = walk->image + number * walk->page_size;
    if (number * walk->page_size + MU_PAGES_META_BYTES > walk->size)
        return fail(walk, number, "is beyond the end of the file");
    if (mu_pages_read64(page) != number || mu_pages_read16(page + 10) != MU_PAGE_META ||
        mu_pages_read32(page + 16) != MU_PAGES_MAGIC ||
        mu_pages_read32(page + 20) != MU_PAGES_DATA_VERSION)
        return fail(walk, number, "is no head of a data file");
    *ret = (struct mu_pages_meta){
        .page_size = mu_pages_read32(page + 40),
        .free_list = mu_pages_read_tree(page + 40, MU_PAGES_KIND_FREE),
        .main = mu_pages_read_tree(page + 88, MU_PAGES_KIND_MAIN),
        .last_page = mu_pages_read64(page + 136),
        .transaction = mu_pages_read64(page + 144),
    };
    if (ret->page_size < 512 || ret->page_size > 65536 ||
        (ret->page_size & (ret->page_size - 1)) != 0)
        return fail(walk, number, "has a damaged page size");
    return true;
}

/* Walks what belongs to `meta`; of the older one only what leads to the state record: the rest of
 * it is of no more use. */
static bool walk_meta(struct walk *walk, const struct mu_pages_meta *meta, bool newest)
{
    uint64_t side = meta->transaction & 1;
    uint64_t written = walk->size / walk->page_size;
    if (meta->last_page < 1 || meta->last_page >= written + PAGES_UNWRITTEN_MAX)
        return fail(walk, side, "has a damaged highest page");
    walk->pages = meta->last_page + 1;
    walk->tables_count = 0;
    walk->state_transaction = 0;
    walk->schema_major = 0;
    memset(walk->used, 0, (written + PAGES_UNWRITTEN_MAX) / 8 + 1);
    if (newest && !walk_tree(walk, &meta->free_list))
        return false;
    if (!walk_tree(walk, &meta->main))
        return false;
    for (uint32_t i = 0; i < walk->tables_count; i++) {
        struct mu_pages_tree table = walk->tables[i];
        if ((newest || table.is_engine) && !walk_tree(walk, &table))
            return false;
    }
    /* A compacted copy begins to count anew, at 1; transaction 0 is before the first. */
    bool foreign = walk->schema_major != 0 && walk->schema_major != MU_STATE_SCHEMA_MAJOR;
    if (meta->transaction > 1 && !foreign && walk->state_transaction != meta->transaction)
        return fail(walk, side, "does not lead to the state that it wrote");
    return true;
}

static bool walk_file(struct walk *walk)
{
    struct mu_pages_meta metas[2];
    walk->page_size = 512; /* for page 0 any will do */
    if (!read_meta(walk, 0, &metas[0]))
        return false;
    walk->page_size = metas[0].page_size;
    if (!read_meta(walk, 1, &metas[1]))
        return false;
    if (metas[1].page_size != walk->page_size)
        return fail(walk, 1, "has a damaged page size");
    uint64_t a = metas[0].transaction;
    uint64_t b = metas[1].transaction;
    if (a == 0 && b == 0) { /* created, and nothing written yet */
        if (metas[0].main.root == MU_PAGES_NO_PAGE && metas[1].main.root == MU_PAGES_NO_PAGE)
            return true;
        return fail(walk, 0, "has a damaged number of transaction");
    }
    bool consecutive = a > b ? a - b == 1 : b - a == 1;
    if (!consecutive || (a & 1) != 0 || (b & 1) != 1)
        return fail(walk, a > b ? 0 : 1, "has a damaged number of transaction");
    return walk_meta(walk, &metas[a < b ? 0 : 1], false) &&
           walk_meta(walk, &metas[a < b ? 1 : 0], true);
}

int mu_pages_check(const uint8_t *image, size_t size, char *ret_error, size_t error_size)
{
    assert(image != NULL);
    assert(ret_error != NULL && error_size > 0);
    struct walk *walk = calloc(1, sizeof *walk);
    uint8_t *used = calloc(1, (size / 512 + PAGES_UNWRITTEN_MAX) / 8 + 1);
    int r = walk == NULL || used == NULL ? -ENOMEM : 0;
    if (r == 0) {
        walk->image = image;
        walk->size = size;
        walk->used = used;
        r = walk_file(walk) ? 0 : -EBADMSG;
    }
    if (r == -EBADMSG) {
        (void)snprintf(ret_error, error_size,
                       "data.mdb is damaged (page %llu %s): restore a backup",
                       (unsigned long long)walk->problem_page, walk->problem);
    }
    free(used);
    free(walk);
    return r;
}
