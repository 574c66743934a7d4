#include "wire/scan.h"

/* The next value: its header is read, its payload skipped. */
struct head {
    uint64_t body;  /* payload bytes that follow the header */
    uint64_t items; /* values that follow, for an array */
};

struct cursor {
    const uint8_t *at;
    size_t left;
};

static bool take_length(struct cursor *c, size_t bytes, uint64_t *ret)
{
    if (bytes > c->left) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | c->at[i];
    }
    c->at += bytes;
    c->left -= bytes;
    *ret = value;
    return true;
}

/* Source: the format table of the MessagePack specification. */
static bool take_head(struct cursor *c, struct head *ret)
{
    *ret = (struct head){ 0 };
    if (c->left == 0) {
        return false;
    }
    uint8_t tag = *c->at++;
    c->left--;
    if (tag <= 0x7f || tag >= 0xe0) { /* small integers */
        return true;
    }
    if ((tag & 0xf0) == 0x90) {
        ret->items = tag & 0x0f;
        return true;
    }
    if ((tag & 0xe0) == 0xa0) {
        ret->body = tag & 0x1f;
        return true;
    }
    switch (tag) {
    case 0xc0:
    case 0xc2:
    case 0xc3: return true; /* nil, booleans */
    case 0xcc:
    case 0xd0: ret->body = 1; return true; /* integers */
    case 0xcd:
    case 0xd1: ret->body = 2; return true;
    case 0xce:
    case 0xd2:
    case 0xca: ret->body = 4; return true; /* and float */
    case 0xcf:
    case 0xd3:
    case 0xcb: ret->body = 8; return true; /* and double */
    case 0xc4:
    case 0xd9: return take_length(c, 1, &ret->body); /* bytes, strings */
    case 0xc5:
    case 0xda: return take_length(c, 2, &ret->body);
    case 0xc6:
    case 0xdb: return take_length(c, 4, &ret->body);
    case 0xdc: return take_length(c, 2, &ret->items); /* arrays */
    case 0xdd: return take_length(c, 4, &ret->items);
    default: return false;
    }
}

bool mu_scan(const uint8_t *bytes, size_t size)
{
    struct cursor c = { bytes, size };
    uint64_t pending[MU_SCAN_DEPTH_MAX + 1] = { 1 }; /* values still to come, by level */
    size_t level = 0;
    uint32_t nodes = 0;

    for (;;) {
        while (pending[level] == 0) {
            if (level == 0) {
                return c.left == 0;
            }
            level--;
        }
        pending[level]--;
        struct head head;
        if (++nodes > MU_SCAN_NODES_MAX || !take_head(&c, &head)) {
            return false;
        }
        /* Each item takes at least one byte, so a count above the bytes left is a lie. */
        if (head.body > c.left || head.items > c.left) {
            return false;
        }
        c.at += head.body;
        c.left -= (size_t)head.body;
        if (head.items > 0) {
            if (level == MU_SCAN_DEPTH_MAX) {
                return false;
            }
            pending[++level] = head.items;
        }
    }
}
