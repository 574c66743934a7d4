/* tests/bench/bench_plot.c - a plot of what a benchmark has measured, for those that are no C.
 *
 * usage: bench_plot TITLE <LINES >FILE.svg
 *
 * Lines, in this order: "panel TITLE|X|Y", then for each of its series "line LABEL", "strong LABEL"
 * (ours) or "points LABEL", and its points "X Y".  Exit status: 0; 1 when they make no sense. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/plot.h"

enum { PANELS_MAX = 4, POINTS_MAX = 256, LINE_MAX_BYTES = 256 };

struct drawing {
    uint32_t panels_count;
    struct mu_plot_panel panels[PANELS_MAX];
    struct mu_plot_series series; /* at hand; count: of its points */
    double x[PANELS_MAX * MU_PLOT_SERIES_MAX][POINTS_MAX];
    double y[PANELS_MAX * MU_PLOT_SERIES_MAX][POINTS_MAX];
    uint32_t used; /* of these rows; the last one is at hand */
};

/* Adds what is at hand to its panel. */
static void finish(struct drawing *drawing)
{
    if (drawing->series.count > 0) {
        drawing->series.x = drawing->x[drawing->used - 1];
        drawing->series.y = drawing->y[drawing->used - 1];
        mu_plot_add(&drawing->panels[drawing->panels_count - 1], &drawing->series);
    }
    drawing->series = (struct mu_plot_series){ .count = 0 };
}

static bool take_panel(struct drawing *drawing, const char *text)
{
    if (drawing->panels_count == PANELS_MAX) {
        return false;
    }
    struct mu_plot_panel *panel = &drawing->panels[drawing->panels_count++];
    return sscanf(text, "%63[^|]|%47[^|]|%47[^\n]", panel->title, panel->x_label, panel->y_label) ==
           3;
}

static bool take_series(struct drawing *drawing, const char *label, bool points, bool strong)
{
    if (drawing->panels_count == 0 || drawing->used == PANELS_MAX * MU_PLOT_SERIES_MAX) {
        return false;
    }
    drawing->used++;
    drawing->series = (struct mu_plot_series){ .points = points, .strong = strong };
    (void)snprintf(drawing->series.label, sizeof drawing->series.label, "%.*s",
                   (int)strcspn(label, "\n"), label);
    return true;
}

static bool take_point(struct drawing *drawing, const char *text)
{
    char *end;
    double x = strtod(text, &end);
    double y = strtod(end, &end);
    if (drawing->used == 0 || drawing->series.count == POINTS_MAX || *end != '\n') {
        return false;
    }
    drawing->x[drawing->used - 1][drawing->series.count] = x;
    drawing->y[drawing->used - 1][drawing->series.count++] = y;
    return true;
}

static bool take(struct drawing *drawing, const char *line)
{
    static const struct {
        const char *word;
        bool points;
        bool strong;
    } kinds[] = { { "line ", false, false },
                  { "strong ", false, true },
                  { "points ", true, false } };
    if (strncmp(line, "panel ", 6) == 0) {
        finish(drawing);
        return take_panel(drawing, line + 6);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t length = strlen(kinds[i].word);
        if (strncmp(line, kinds[i].word, length) == 0) {
            finish(drawing);
            return take_series(drawing, line + length, kinds[i].points, kinds[i].strong);
        }
    }
    return take_point(drawing, line);
}

int main(int argc, char **argv)
{
    static struct drawing drawing;
    char line[LINE_MAX_BYTES];
    if (argc != 2) {
        (void)fputs("usage: bench_plot TITLE <LINES >FILE.svg\n", stderr);
        return 64;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (!take(&drawing, line)) {
            (void)fprintf(stderr, "bench_plot: what is '%.*s'?\n", (int)strcspn(line, "\n"), line);
            return 1;
        }
    }
    finish(&drawing);
    return mu_plot_write(argv[1], drawing.panels, drawing.panels_count, drawing.panels_count,
                         stdout) == 0
               ? 0
               : 1;
}
