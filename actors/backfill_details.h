/* actors/backfill_details.h - taking details apart: the object of each player, as text.
 *
 * A backfill is put together of what its players came with: of each one's object in the details of
 * his ticket (actors/facts.h says what is in it).  The objects are not looked into: who reads facts
 * of them says what is wrong with them. */
#ifndef MU_ACTORS_BACKFILL_DETAILS_H
#define MU_ACTORS_BACKFILL_DETAILS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/slice.h"

/* A JSON array that is being read; borrowed.  To begin: { .text = ... }, the rest zero. */
struct mu_details_reader {
    struct mu_slice text;
    uint32_t at;    /* bytes that have been read */
    bool malformed; /* it is no array of objects: nothing more comes */
};

/* The next object, from its brace to its brace, into *ret.  Returns whether there is one; an empty
 * text has none.  O(its bytes). */
bool mu_details_next(struct mu_details_reader *reader, struct mu_slice *ret);

/* The object of one player: "{}" when the text is empty.  Size 0: there is none, or the text is
 * malformed before it.  O(bytes before its end). */
struct mu_slice mu_details_object(struct mu_slice text, uint32_t index);

#endif /* MU_ACTORS_BACKFILL_DETAILS_H */
