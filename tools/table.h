/* tools/table.h - a cluster as a table on a terminal, or as a line in a log. */
#ifndef MU_TOOLS_TABLE_H
#define MU_TOOLS_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/view.h"

struct mu_table_style {
    bool colour;      /* may use it: a terminal, and NO_COLOR is not set (no-color.org) */
    bool in_place;    /* draws over what it drew before, from the top of the screen */
    uint32_t rows;    /* of the terminal; the table is cut to fit; 0: no bound */
    uint32_t columns; /* likewise */
};

/* The style for a file: a terminal or not, its height, NO_COLOR. */
struct mu_table_style mu_table_style_of(FILE *file, bool in_place);

/* Draws queues and totals.  Returns the lines written. */
uint32_t mu_table_draw(const struct mu_view *view, const struct mu_table_style *style,
                       const char *title, FILE *file);

/* Ends a frame that was drawn in place: clears what is left below. */
void mu_table_end(const struct mu_table_style *style, FILE *file);

/* Writes "waiting=12 matches=345 ..." */
void mu_table_line(const struct mu_view *view, FILE *file);

#endif /* MU_TOOLS_TABLE_H */
