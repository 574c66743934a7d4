#include "tools/topology_page.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 320  /* of one line */
#define SILENT_MS      3000 /* a process that was not heard for so long is shown bold */
#define HEAD_ROWS      10   /* of a live page, beside its tables' lines; < ROWS_MIN of table.c */

#define OTHERS_MAX 8 /* processes with another configuration that are named */

#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define PLAIN "\033[0m"
#define HOME  "\033[H"
#define REST  "\033[K" /* clears the rest of the line */
#define BELOW "\033[J" /* clears all below */

/* What is being written. */
struct page {
    const struct mu_topology *topology;
    const struct mu_table_style *style;
    FILE *file;
    uint32_t lines;
};

/* Whether `count` more lines fit. */
static bool fits(const struct page *page, uint32_t count)
{
    return page->style->rows == 0 || page->lines + count < page->style->rows;
}

/* Writes a line, cut to the terminal; one that does not fit below the others is dropped.
 * look  BOLD, DIM or "" */
static void put(struct page *page, const char *look, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void put(struct page *page, const char *look, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    const struct mu_table_style *style = page->style;
    bool coloured = style->colour && look[0] != '\0';
    va_list args;
    if (!fits(page, 1)) {
        return;
    }
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0) {
        return;
    }
    if (style->columns > 0 && style->columns < sizeof line) {
        line[style->columns] = '\0';
    }
    for (size_t end = strlen(line); end > 0 && line[end - 1] == ' '; end--) {
        line[end - 1] = '\0';
    }
    (void)fprintf(page->file, "%s%s%s%s\n", coloured ? look : "", line, coloured ? PLAIN : "",
                  style->in_place ? REST : "");
    page->lines++;
}

/* The newest of several pages begins at the top. */
static struct page begin(const struct mu_topology *topology, const struct mu_table_style *style,
                         FILE *file)
{
    (void)fputs(style->in_place ? HOME : "", file);
    return (struct page){ .topology = topology, .style = style, .file = file };
}

static void put_state(struct page *page, const char *gateway)
{
    const struct mu_topology *topology = page->topology;
    char builds[LINE_MAX_BYTES] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < topology->builds_count && used < sizeof builds; i++) {
        int n = snprintf(builds + used, sizeof builds - used, "%s%s", i > 0 ? ", " : "",
                         topology->builds[i].text);
        used += n > 0 ? (size_t)n : 0;
    }
    put(page, BOLD, "%.60s  %s  processes %u  build %.200s", gateway,
        topology->ready ? "ready" : "NOT READY", (unsigned)topology->processes_count, builds);
}

static void put_sums(struct page *page)
{
    const struct mu_topology *topology = page->topology;
    const struct mu_topology_totals *totals = &topology->totals;
    int64_t tickets = 0;
    int64_t players = 0;
    for (uint32_t i = 0; i < topology->queues_count; i++) {
        tickets += topology->queues[i].tickets;
        players += topology->queues[i].players;
    }
    put(page, "",
        "waiting %" PRId64 " players, %" PRId64 " tickets  forming %" PRId64 "  live %" PRId64
        "  ended %" PRId64 "  servers %" PRId64 "  lobbies %" PRId64 "  sockets %" PRId64,
        players, tickets, totals->matches_waiting, totals->matches_live, totals->matches_ended,
        totals->servers, totals->lobbies, totals->sockets);
    if (topology->rated) {
        put(page, "", "per second: tickets %.1f  matches %.1f  requests %.1f",
            totals->tickets_per_s, totals->matches_per_s, totals->requests_per_s);
    }
}

/* How far it is; what it last said is nothing to rely on once it is silent. */
static const char *state_of(const struct mu_topology_process *process)
{
    return process->age_ms > SILENT_MS ? "SILENT" : process->state.text;
}

/* Brokers as "0,2". */
static void brokers_text(uint32_t brokers, char ret[24])
{
    size_t used = 0;
    ret[0] = '\0';
    for (uint32_t i = 0; i < 8; i++) {
        if ((brokers & 1u << i) != 0) {
            used += (size_t)snprintf(ret + used, 24 - used, "%s%u", used > 0 ? "," : "", i);
        }
    }
}

static void put_processes(struct page *page)
{
    const struct mu_topology *topology = page->topology;
    put(page, "", "%s", "");
    put(page, DIM, "%-8s %-24s %-17s %-20s %-8s %6s %-10s %6s %9s %-7s %7s", "kind", "name",
        "instance", "partition", "state", "epoch", "build", "age s", "uptime s", "brokers",
        "step ms");
    for (uint32_t i = 0; i < topology->processes_count; i++) {
        const struct mu_topology_process *process = &topology->processes[i];
        char brokers[24];
        brokers_text(process->brokers, brokers);
        put(page, process->age_ms > SILENT_MS ? BOLD : "",
            "%-8s %-24s %-17s %-20s %-8s %6" PRId64 " %-10s %6.1f %9.0f %-7s %7" PRId64,
            process->kind.text, process->name.text, process->instance.text, process->partition.text,
            state_of(process), process->epoch, process->build.text, (double)process->age_ms / 1e3,
            (double)process->uptime_ms / 1e3, brokers, process->step_ms_max);
    }
}

static void put_partitions(struct page *page)
{
    const struct mu_topology *topology = page->topology;
    put(page, "", "%s", "");
    put(page, DIM, "%-24s %-24s %-17s %6s %8s", "partition", "owner", "instance", "epoch",
        "standbys");
    for (uint32_t i = 0; i < topology->partitions_count; i++) {
        const struct mu_topology_partition *partition = &topology->partitions[i];
        bool owned = partition->instance.text[0] != '\0';
        put(page, owned ? "" : BOLD, "%-24s %-24s %-17s %6" PRId64 " %8" PRId64,
            partition->partition.text, owned ? partition->owner.text : "NOBODY",
            partition->instance.text, partition->epoch, partition->standbys);
    }
}

/* Whether somebody waits or has played there. */
static bool in_use(const struct mu_topology_queue *queue)
{
    return queue->tickets > 0 || queue->matches > 0;
}

static void put_queues(struct page *page, const struct mu_topology_queue *const *order,
                       uint32_t count, uint32_t room)
{
    bool rated = page->topology->rated;
    uint32_t shown = 0;
    put(page, "", "%s", "");
    put(page, DIM, "%-18s %-16s %8s %8s %6s %9s %8s %8s %9s %8s", "region", "mode", "players",
        "tickets", "slices", "oldest s", "p50 s", "p99 s", "matches", rated ? "per s" : "");
    for (uint32_t i = 0; i < count && shown < room; i++) {
        const struct mu_topology_queue *queue = order[i];
        char per_s[24] = "";
        if (rated) {
            (void)snprintf(per_s, sizeof per_s, "%8.1f", queue->per_s);
        }
        put(page, "",
            "%-18s %-16s %8" PRId64 " %8" PRId64 " %6" PRId64 " %9.1f %8.1f %8.1f %9" PRId64 " %s",
            queue->region.text, queue->mode.text, queue->players, queue->tickets, queue->slices,
            (double)queue->oldest_ms / 1e3, (double)queue->wait_p50_ms / 1e3,
            (double)queue->wait_p99_ms / 1e3, queue->matches, per_s);
        shown++;
    }
    if (shown < count) {
        put(page, DIM, "... and %u more", (unsigned)(count - shown));
    }
}

/* Returns how many there are. */
static uint32_t count_others(const struct mu_topology *topology)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < topology->processes_count; i++) {
        count += topology->processes[i].other_configuration;
    }
    return count;
}

/* Who runs by other modes, regions or settings than the store. */
static void put_others(struct page *page)
{
    const struct mu_topology *topology = page->topology;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < topology->processes_count && shown < OTHERS_MAX; i++) {
        const struct mu_topology_process *process = &topology->processes[i];
        if (process->other_configuration) {
            const char *name =
                process->name.text[0] != '\0' ? process->name.text : process->instance.text;
            put(page, BOLD, "another configuration than the store's: %s %s, hash %s",
                process->kind.text, name, process->configuration.text);
            shown++;
        }
    }
    uint32_t count = count_others(topology);
    if (shown < count) {
        put(page, BOLD, "... and %u more with another configuration", (unsigned)(count - shown));
    }
}

/* What an operator should look at. */
static void put_warnings(struct page *page)
{
    const struct mu_topology *topology = page->topology;
    if (topology->mixed || topology->failing_count > 0 || count_others(topology) > 0) {
        put(page, "", "%s", "");
    }
    for (uint32_t i = 0; i < topology->failing_count; i++) {
        put(page, BOLD, "not there, or not ready: %s", topology->failing[i].text);
    }
    if (topology->mixed) {
        put(page, BOLD, "%s", "builds differ: an upgrade is under way, or was left half done");
    }
    put_others(page);
}

void mu_topology_page_all(const struct mu_topology *topology, const char *gateway,
                          const struct mu_table_style *style, FILE *file)
{
    const struct mu_topology_queue *order[MU_TOPOLOGY_QUEUES_MAX];
    struct page page = begin(topology, style, file);
    uint32_t count = 0;
    for (uint32_t i = 0; i < topology->queues_count; i++) {
        if (in_use(&topology->queues[i])) {
            order[count++] = &topology->queues[i];
        }
    }
    put_state(&page, gateway);
    put_sums(&page);
    put_processes(&page);
    put_partitions(&page);
    put_queues(&page, order, count, UINT32_MAX);
    put_warnings(&page);
}

/* Most players first; then as they stand in the configuration. */
static int compare_queues(const void *a, const void *b)
{
    const struct mu_topology_queue *const *x = a;
    const struct mu_topology_queue *const *y = b;
    if ((*x)->players != (*y)->players) {
        return (*x)->players > (*y)->players ? -1 : 1;
    }
    return *x < *y ? -1 : 1; /* of one array */
}

static double traffic(const struct mu_topology_process *process)
{
    return process->in_per_s + process->out_per_s;
}

/* Most messages first; then as they come from the gateway. */
static int compare_processes(const void *a, const void *b)
{
    const struct mu_topology_process *const *x = a;
    const struct mu_topology_process *const *y = b;
    if (traffic(*x) > traffic(*y) || traffic(*x) < traffic(*y)) {
        return traffic(*x) > traffic(*y) ? -1 : 1;
    }
    return *x < *y ? -1 : 1; /* of one array */
}

static void put_busy_processes(struct page *page)
{
    const struct mu_topology *topology = page->topology;
    const struct mu_topology_process *order[MU_TOPOLOGY_PROCESSES_MAX];
    uint32_t count = topology->processes_count;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < count; i++) {
        order[i] = &topology->processes[i];
    }
    qsort(order, count, sizeof(const void *), compare_processes);
    put(page, "", "%s", "");
    put(page, DIM, "%-8s %-24s %-20s %-8s %6s %8s %8s %7s", "kind", "name", "partition", "state",
        "age s", "in/s", "out/s", "step ms");
    for (; shown < count && fits(page, shown + 1 < count ? 2 : 1); shown++) {
        const struct mu_topology_process *process = order[shown];
        bool named = process->name.text[0] != '\0';
        put(page, process->age_ms > SILENT_MS ? BOLD : "",
            "%-8s %-24s %-20s %-8s %6.1f %8.1f %8.1f %7" PRId64, process->kind.text,
            named ? process->name.text : process->instance.text, process->partition.text,
            state_of(process), (double)process->age_ms / 1e3, process->in_per_s, process->out_per_s,
            process->step_ms_max);
    }
    if (shown < count) {
        put(page, DIM, "... and %u more", (unsigned)(count - shown));
    }
}

void mu_topology_page_live(const struct mu_topology *topology, const char *gateway,
                           const struct mu_table_style *style, FILE *file)
{
    const struct mu_topology_queue *order[MU_TOPOLOGY_QUEUES_MAX];
    struct page page = begin(topology, style, file);
    uint32_t count = 0;
    for (uint32_t i = 0; i < topology->queues_count; i++) {
        if (in_use(&topology->queues[i])) {
            order[count++] = &topology->queues[i];
        }
    }
    qsort(order, count, sizeof(const void *), compare_queues);
    put_state(&page, gateway);
    put_sums(&page);
    /* Half of the screen for each table. */
    put_queues(&page, order, count, style->rows == 0 ? UINT32_MAX : (style->rows - HEAD_ROWS) / 2);
    put_busy_processes(&page);
    put_warnings(&page);
    (void)fputs(style->in_place ? BELOW : "", file);
}
