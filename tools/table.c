/* For struct winsize, which no standard has. */
#define _DEFAULT_SOURCE /* NOLINT(bugprone-reserved-identifier): the C library's own switch */

#include "tools/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FRAME_ROWS 7 /* lines of a frame beside those of queues, and room for messages below */
#define ROWS_MIN   12

#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define PLAIN "\033[0m"
#define HOME  "\033[H"
#define REST  "\033[K" /* clears the rest of the line */
#define BELOW "\033[J" /* clears all below */

struct mu_table_style mu_table_style_of(FILE *file, bool in_place)
{
    struct mu_table_style style = { .in_place = false };
    struct winsize size = { .ws_row = 0 };
    int fd = fileno(file);
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    if (isatty(fd) == 0 || term == NULL || strcmp(term, "dumb") == 0) {
        return style;
    }
    style.colour = no_color == NULL || no_color[0] == '\0';
    style.in_place = in_place;
    if (in_place && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row >= ROWS_MIN) {
        style.rows = size.ws_row;
        style.columns = size.ws_col;
    }
    return style;
}

/* Ends a line. */
static void newline(const struct mu_table_style *style, FILE *file)
{
    (void)fputs(style->in_place ? REST "\n" : "\n", file);
}

static void put_header(const struct mu_table_style *style, FILE *file)
{
    (void)fprintf(file, "%s%-16s %-14s %8s %8s %8s %8s %8s %8s %8s %7s%s", style->colour ? DIM : "",
                  "region", "mode", "waiting", "matches", "per s", "oldest", "p50 s", "p90 s",
                  "p99 s", "spread", style->colour ? PLAIN : "");
    newline(style, file);
}

static void put_queue(const struct mu_view_queue *queue, const struct mu_table_style *style,
                      FILE *file)
{
    (void)fprintf(file, "%-16s %-14s %8.0f %8.0f %8.1f %8.1f %8.1f %8.1f %8.1f %7.0f",
                  queue->region, queue->mode, queue->players, queue->matches, queue->per_second,
                  queue->oldest_s, queue->wait_s[0], queue->wait_s[1], queue->wait_s[2],
                  queue->spread);
    newline(style, file);
}

uint32_t mu_table_draw(const struct mu_view *view, const struct mu_table_style *style,
                       const char *title, FILE *file)
{
    struct mu_view_queue total;
    uint32_t lines = 4;
    uint32_t room = style->rows == 0 ? UINT32_MAX : style->rows - FRAME_ROWS;
    uint32_t hidden = 0;
    uint32_t shown = 0;
    mu_view_total(view, &total);
    (void)snprintf(total.region, sizeof total.region, "all");
    (void)fprintf(file, "%s%s%s%s", style->in_place ? HOME : "", style->colour ? BOLD : "", title,
                  style->colour ? PLAIN : "");
    newline(style, file);
    (void)fprintf(file,
                  "forming %.0f  live %.0f  ended %.0f  servers %.0f  lobbies %.0f  sockets %.0f",
                  view->matches_waiting, view->matches_live, view->matches_ended, view->servers,
                  view->lobbies, view->sockets);
    newline(style, file);
    put_header(style, file);
    for (uint32_t i = 0; i < view->queues_count; i++) {
        const struct mu_view_queue *queue = &view->queues[i];
        if (queue->players <= 0 && queue->matches <= 0) {
            continue; /* nobody ever wanted it */
        }
        if (shown == room) {
            hidden++;
            continue;
        }
        put_queue(queue, style, file);
        shown++;
    }
    if (hidden > 0) {
        (void)fprintf(file, "... and %u more", (unsigned)hidden);
        newline(style, file);
        lines++;
    }
    put_queue(&total, style, file);
    return lines + shown;
}

void mu_table_end(const struct mu_table_style *style, FILE *file)
{
    if (style->in_place) {
        (void)fputs(BELOW, file);
    }
    (void)fflush(file); /* what cannot be shown is not worth an error */
}

void mu_table_line(const struct mu_view *view, FILE *file)
{
    struct mu_view_queue total;
    mu_view_total(view, &total);
    (void)fprintf(file,
                  "waiting=%.0f matches=%.0f matches_per_s=%.1f wait_p50_s=%.1f wait_p90_s=%.1f "
                  "wait_p99_s=%.1f spread=%.0f live=%.0f ended=%.0f\n",
                  total.players, total.matches, total.per_second, total.wait_s[0], total.wait_s[1],
                  total.wait_s[2], total.spread, view->matches_live, view->matches_ended);
    (void)fflush(file); /* likewise */
}
