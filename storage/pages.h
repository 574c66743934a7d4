/* storage/pages.h - checks the pages of a data file before LMDB, which trusts them, reads it.
 *
 * LMDB keeps no sums.  A flipped bit in a record is found by its own sum (storage/record.h); one
 * in what holds the records together is not: it can crash LMDB (an offset outside of its page),
 * hide records (a key of a branch page), bring back an older state (a number of a meta page) or
 * have live pages overwritten later (the list of free ones).  So this walks the whole file and
 * requires what LMDB's format promises:
 *   - the two meta pages are of consecutive transactions, each on its own side, and each leads to a
 *     state record that its own transaction wrote: so the newer one is the newest commit;
 *   - every page has its own number and the kind expected, its nodes lie in it, side by side;
 *   - keys ascend, and stay within the branch keys above them;
 *   - depth, pages and entries of each table are as it says;
 *   - each page is used once: in a table, as an overflow, or in the list of free ones.
 *
 * Source: the format of LMDB 0.9 as its lmdb.h and mdb.c (0.9.24) give it, data version 1,
 * 64 bit, little endian.  Pure; safe on any bytes. */
#ifndef MU_STORAGE_PAGES_H
#define MU_STORAGE_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* image      [size] the whole file, 8-byte aligned
 * ret_error  [error_size] what is wrong and what to do, when it fails
 *
 * Returns 0, -EBADMSG, or -ENOMEM.  One pass; memory: two bits a page. */
int mu_pages_check(const uint8_t *image, size_t size, char *ret_error, size_t error_size);

#endif /* MU_STORAGE_PAGES_H */
