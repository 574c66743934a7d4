/* storage/pages_format.h - the layout of LMDB's pages, for pages.c alone.
 *
 * Numbers are read as the machine keeps them, since LMDB writes them so. */
#ifndef MU_STORAGE_PAGES_FORMAT_H
#define MU_STORAGE_PAGES_FORMAT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MU_PAGE_HEADER_BYTES       16
#define MU_PAGES_META_BYTES        152 /* header included */
#define MU_PAGES_DB_BYTES          48
#define MU_PAGES_NODE_HEADER_BYTES 8
#define MU_PAGES_DEPTH_MAX         32 /* LMDB's cursor stack */
#define MU_PAGES_MAGIC             0xBEEFC0DEu
#define MU_PAGES_DATA_VERSION      1u
#define MU_PAGES_NO_PAGE           UINT64_MAX

enum mu_pages_page_flag {
    MU_PAGE_BRANCH = 0x01,
    MU_PAGE_LEAF = 0x02,
    MU_PAGE_OVERFLOW = 0x04,
    MU_PAGE_META = 0x08
};
enum mu_pages_node_flag { MU_PAGES_NODE_BIG = 0x01, MU_PAGES_NODE_TABLE = 0x02 };
enum mu_pages_db_flag { MU_PAGES_DB_INTEGER_KEY = 0x08 };

/* What a tree holds. */
enum mu_pages_kind {
    MU_PAGES_KIND_FREE, /* transaction -> list of free pages */
    MU_PAGES_KIND_MAIN, /* name -> table */
    MU_PAGES_KIND_TABLE,
};

/* struct MDB_db of the file. */
struct mu_pages_tree {
    enum mu_pages_kind kind;
    uint16_t flags;
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t root; /* MU_PAGES_NO_PAGE when empty */
    bool is_engine;
};

struct mu_pages_meta {
    uint32_t page_size;
    struct mu_pages_tree free_list;
    struct mu_pages_tree main;
    uint64_t last_page;
    uint64_t transaction;
};

static inline uint16_t mu_pages_read16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint32_t mu_pages_read32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t mu_pages_read64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline struct mu_pages_tree mu_pages_read_tree(const uint8_t *at, enum mu_pages_kind kind)
{
    return (struct mu_pages_tree){
        .kind = kind,
        .flags = mu_pages_read16(at + 4),
        .depth = mu_pages_read16(at + 6),
        .branch_pages = mu_pages_read64(at + 8),
        .leaf_pages = mu_pages_read64(at + 16),
        .overflow_pages = mu_pages_read64(at + 24),
        .entries = mu_pages_read64(at + 32),
        .root = mu_pages_read64(at + 40),
    };
}

#endif /* MU_STORAGE_PAGES_FORMAT_H */
