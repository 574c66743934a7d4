/* tools/plot.h - small plots as SVG: lines and points in panels, readable on light and dark. */
#ifndef MU_TOOLS_PLOT_H
#define MU_TOOLS_PLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define MU_PLOT_SERIES_MAX 12
#define MU_PLOT_PANELS_MAX 64

struct mu_plot_series {
    char label[48];
    uint32_t count;
    const double *x; /* [count]; borrowed */
    const double *y; /* [count]; borrowed */
    bool points;     /* dots; else a line in the given order */
    bool strong;     /* ours: drawn last and larger */
};

struct mu_plot_panel {
    char title[64];
    char x_label[48];
    char y_label[48];
    double x_max; /* 0: as the data; the axes begin at x_min and 0 */
    double y_max; /* 0: as the data */
    bool y_data;  /* the vertical axis begins near the lowest value, not at 0 */
    uint32_t series_count;
    struct mu_plot_series series[MU_PLOT_SERIES_MAX];
};

/* Adds a series; beyond MU_PLOT_SERIES_MAX it is left out. */
void mu_plot_add(struct mu_plot_panel *panel, const struct mu_plot_series *series);

/* Writes the panels, `columns` in a row.  Values must be finite (asserted).  Returns 0 or -EIO. */
int mu_plot_write(const char *title, const struct mu_plot_panel *panels, uint32_t count,
                  uint32_t columns, FILE *file);

#endif /* MU_TOOLS_PLOT_H */
