#include "tools/plot.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>

/* Of a panel, in units of the SVG. */
#define WIDTH   390
#define HEIGHT  240
#define LEFT    44 /* of the axes */
#define RIGHT   84 /* with the legend */
#define TOP     40
#define BOTTOM  38
#define HEAD    26 /* above all panels */
#define KEY_ROW 12 /* of a legend */
#define TICKS   5

/* Middle tones: they stand out from white and from black. */
static const char *const colours[MU_PLOT_SERIES_MAX] = {
    "#3b82c4", "#d9772b", "#3a9d5d", "#b0519b", "#a88a2a", "#4aa8a8",
    "#c4505a", "#7a6fd0", "#8a8a8a", "#6b8e23", "#cd7f9b", "#5f9ea0",
};

/* The part of the plane that is shown. */
struct frame {
    double left; /* of the panel in the SVG */
    double top;
    double y_min; /* values */
    double x_max;
    double y_max;
};

void mu_plot_add(struct mu_plot_panel *panel, const struct mu_plot_series *series)
{
    if (panel->series_count < MU_PLOT_SERIES_MAX) {
        panel->series[panel->series_count++] = *series;
    }
}

/* 1, 2 or 5 times a power of ten, at least `rough`. */
static double round_step(double rough)
{
    double power = pow(10, floor(log10(rough)));
    double part = rough / power;
    return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static double map_x(const struct frame *frame, double x)
{
    double share = x / frame->x_max;
    share = share > 1 ? 1 : share;
    return frame->left + LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double map_y(const struct frame *frame, double y)
{
    double share = (y - frame->y_min) / (frame->y_max - frame->y_min);
    share = share > 1 ? 1 : share < 0 ? 0 : share;
    return frame->top + HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

/* Text with the characters that mean something in XML replaced. */
static void put_text(FILE *file, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<': (void)fputs("&lt;", file); break;
        case '>': (void)fputs("&gt;", file); break;
        case '&': (void)fputs("&amp;", file); break;
        default: (void)fputc(*text, file); break;
        }
    }
}

static void label(FILE *file, double x, double y, const char *attributes, const char *text)
{
    (void)fprintf(file, "<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, attributes);
    put_text(file, text);
    (void)fputs("</text>\n", file);
}

static void frame_of(const struct mu_plot_panel *panel, struct frame *ret)
{
    double y_min = INFINITY;
    for (uint32_t i = 0; i < panel->series_count; i++) {
        const struct mu_plot_series *series = &panel->series[i];
        for (uint32_t k = 0; k < series->count; k++) {
            assert(isfinite(series->x[k]) && isfinite(series->y[k]));
            ret->x_max = fmax(ret->x_max, series->x[k]);
            ret->y_max = fmax(ret->y_max, series->y[k]);
            y_min = fmin(y_min, series->y[k]);
        }
    }
    ret->x_max = panel->x_max > 0 ? panel->x_max : ret->x_max > 0 ? ret->x_max * 1.02 : 1;
    ret->y_max = panel->y_max > 0 ? panel->y_max : ret->y_max > 0 ? ret->y_max * 1.02 : 1;
    if (panel->y_data && isfinite(y_min) && y_min < ret->y_max) {
        ret->y_min = floor(y_min * 10) / 10;
    }
}

static void draw_axes(const struct mu_plot_panel *panel, const struct frame *frame, FILE *file)
{
    char number[24];
    double bottom = frame->top + HEIGHT - BOTTOM;
    double x_step = round_step(frame->x_max / TICKS);
    double y_step = round_step((frame->y_max - frame->y_min) / TICKS);
    for (uint32_t i = 0; i * x_step <= frame->x_max * (1 + 1e-9); i++) {
        double x = i * x_step;
        (void)snprintf(number, sizeof number, "%g", x);
        label(file, map_x(frame, x), bottom + 12, " text-anchor=\"middle\"", number);
    }
    double y_first = ceil(frame->y_min / y_step) * y_step;
    for (uint32_t i = 0; y_first + i * y_step <= frame->y_max * (1 + 1e-9); i++) {
        double y = y_first + i * y_step;
        (void)fprintf(file, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"#8884\"/>\n", frame->left + LEFT,
                      map_y(frame, y), frame->left + WIDTH - RIGHT);
        (void)snprintf(number, sizeof number, "%g", fabs(y) < y_step / 1e6 ? 0 : y);
        label(file, frame->left + LEFT - 4, map_y(frame, y) + 3, " text-anchor=\"end\"", number);
    }
    (void)fprintf(file, "<path d=\"M%.1f %.1fV%.1fH%.1f\" stroke=\"#888\" fill=\"none\"/>\n",
                  frame->left + LEFT, frame->top + TOP, bottom, frame->left + WIDTH - RIGHT);
    label(file, frame->left + LEFT, frame->top + 14, " font-weight=\"bold\"", panel->title);
    label(file, frame->left + LEFT, frame->top + 30, "", panel->y_label);
    label(file, frame->left + WIDTH - RIGHT, bottom + 26, " text-anchor=\"end\"", panel->x_label);
}

static void draw_series(const struct mu_plot_series *series, const char *colour,
                        const struct frame *frame, FILE *file)
{
    if (series->points) {
        /* Lines of no length with round ends: dots, in a third of the bytes of circles. */
        (void)fprintf(file, "<path stroke=\"%s\" stroke-linecap=\"round\" stroke-width=\"%s\" d=\"",
                      colour, series->strong ? "7" : "4");
        for (uint32_t i = 0; i < series->count; i++) {
            (void)fprintf(file, "M%.1f %.1fh0", map_x(frame, series->x[i]),
                          map_y(frame, series->y[i]));
        }
        (void)fputs("\"/>\n", file);
        return;
    }
    (void)fprintf(file, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" d=\"", colour,
                  series->strong ? "2.5" : "1.6");
    for (uint32_t i = 0; i < series->count; i++) {
        (void)fprintf(file, "%c%.1f %.1f", i == 0 ? 'M' : 'L', map_x(frame, series->x[i]),
                      map_y(frame, series->y[i]));
    }
    (void)fputs("\"/>\n", file);
}

static void draw_panel(const struct mu_plot_panel *panel, double left, double top, FILE *file)
{
    struct frame frame = { .left = left, .top = top };
    frame_of(panel, &frame);
    draw_axes(panel, &frame, file);
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < panel->series_count; i++) {
            if (panel->series[i].strong == (pass == 1)) {
                draw_series(&panel->series[i], colours[i], &frame, file);
            }
        }
    }
    for (uint32_t i = 0; i < panel->series_count; i++) {
        double y = top + TOP + 10 + KEY_ROW * i;
        (void)fprintf(file, "<rect x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\" fill=\"%s\"/>\n",
                      left + WIDTH - RIGHT + 8, y - 8, colours[i]);
        label(file, left + WIDTH - RIGHT + 20, y, "", panel->series[i].label);
    }
}

int mu_plot_write(const char *title, const struct mu_plot_panel *panels, uint32_t count,
                  uint32_t columns, FILE *file)
{
    assert(columns > 0 && count <= MU_PLOT_PANELS_MAX);
    uint32_t rows = (count + columns - 1) / columns;
    (void)fprintf(file,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %" PRIu32 " %" PRIu32
                  "\" font-family=\"sans-serif\" font-size=\"10\" fill=\"#888\">\n",
                  columns * WIDTH, rows * HEIGHT + HEAD);
    label(file, LEFT, 18, " font-size=\"13\" font-weight=\"bold\"", title);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t column = i % columns;
        uint32_t row = i / columns;
        draw_panel(&panels[i], column * (double)WIDTH, HEAD + row * (double)HEIGHT, file);
    }
    (void)fputs("</svg>\n", file);
    return ferror(file) != 0 ? -EIO : 0;
}
