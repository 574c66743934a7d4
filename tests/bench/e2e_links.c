#include "tests/bench/e2e_links.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "tests/bench/measure.h"

enum {
    IN_BYTES = 8192,   /* the longest answer or message */
    OUT_BYTES = 2048,  /* the longest request or message */
    EVENTS = 256,      /* of one turn */
    PATIENCE_S = 10,   /* for a handshake */
    TIMER = INT32_MAX, /* as an event's number: not a link */
    FRAME_TEXT = 0x81, /* RFC 6455, 5.2: FIN and opcode */
    FRAME_CLOSE = 0x88,
    FRAME_PING = 0x89,
    FRAME_PONG = 0x8a,
};

struct link {
    int fd; /* -1: gone */
    uint32_t used;
    char in[IN_BYTES + 1]; /* with room for a NUL */
};

struct mu_links {
    int epoll;
    int timer;
    uint32_t count;
    bool sockets;
    char host[32];
    mu_links_fn *take;
    void *context;
    struct link *links; /* [count] */
};

static int connect_one(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    static const struct timeval patience = { .tv_sec = PATIENCE_S };
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int r = -errno;
        (void)close(fd); /* it held nothing */
        return r;
    }
    return fd;
}

/* Blocks until the answer is there.  Returns 0 or -EPROTO. */
static int shake(const struct mu_links *links, struct link *link)
{
    char hello[256];
    int bytes = snprintf(hello, sizeof hello,
                         "GET /v1/ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                         links->host);
    if (send(link->fd, hello, (size_t)bytes, MSG_NOSIGNAL) != bytes) {
        return -EPROTO;
    }
    for (;;) {
        ssize_t n = recv(link->fd, link->in + link->used, IN_BYTES - link->used, 0);
        if (n <= 0) {
            return -EPROTO;
        }
        link->used += (uint32_t)n;
        link->in[link->used] = '\0';
        const char *end = strstr(link->in, "\r\n\r\n");
        if (end != NULL) {
            bool fine = strncmp(link->in, "HTTP/1.1 101", 12) == 0;
            link->used = 0; /* the gateway says nothing before it was spoken to */
            return fine && end[4] == '\0' ? 0 : -EPROTO;
        }
    }
}

static int open_link(struct mu_links *links, uint32_t i, uint16_t port)
{
    struct link *link = &links->links[i];
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
    link->fd = connect_one(port);
    if (link->fd < 0) {
        return link->fd;
    }
    int r = links->sockets ? shake(links, link) : 0;
    if (r == 0 && (fcntl(link->fd, F_SETFL, O_NONBLOCK) != 0 ||
                   epoll_ctl(links->epoll, EPOLL_CTL_ADD, link->fd, &event) != 0)) {
        r = -errno;
    }
    return r;
}

struct mu_links *mu_links_create(uint16_t port, uint32_t count, bool sockets, mu_links_fn *take,
                                 void *context)
{
    struct mu_links *links = calloc(1, sizeof *links);
    struct epoll_event timer = { .events = EPOLLIN, .data.u32 = TIMER };
    assert(count > 0 && count < TIMER);
    if (links == NULL) {
        return NULL;
    }
    *links =
        (struct mu_links){ .count = count, .sockets = sockets, .take = take, .context = context };
    (void)snprintf(links->host, sizeof links->host, "127.0.0.1:%u", (unsigned)port);
    links->links = calloc(count, sizeof links->links[0]);
    links->epoll = epoll_create1(EPOLL_CLOEXEC);
    links->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int r = links->links == NULL || links->epoll < 0 || links->timer < 0 ||
                    epoll_ctl(links->epoll, EPOLL_CTL_ADD, links->timer, &timer) != 0
                ? -ENOMEM
                : 0;
    for (uint32_t i = 0; links->links != NULL && i < count; i++) {
        links->links[i].fd = -1;
    }
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        r = open_link(links, i, port);
    }
    if (r != 0) {
        (void)fprintf(stderr, "bench: cannot open %u connections: %s\n", (unsigned)count,
                      strerror(-r));
        mu_links_destroy(links);
        return NULL;
    }
    return links;
}

void mu_links_destroy(struct mu_links *links)
{
    if (links == NULL) {
        return;
    }
    for (uint32_t i = 0; links->links != NULL && i < links->count; i++) {
        if (links->links[i].fd >= 0) {
            (void)close(links->links[i].fd); /* what it held has no reader any more */
        }
    }
    if (links->timer >= 0) {
        (void)close(links->timer);
    }
    if (links->epoll >= 0) {
        (void)close(links->epoll);
    }
    free(links->links);
    free(links);
}

static void lose(struct mu_links *links, uint32_t i)
{
    (void)close(links->links[i].fd); /* the peer has closed it */
    links->links[i].fd = -1;
    links->take(links->context, i, 0, "", 0);
}

static int send_all(struct link *link, const char *bytes, size_t size)
{
    if (link->fd < 0 || send(link->fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) {
        return -EPIPE; /* a buffer that a few requests have filled: the peer does not read */
    }
    return 0;
}

static int say(struct link *link, int opcode, const char *text, size_t bytes)
{
    uint8_t frame[OUT_BYTES + 8];
    size_t used = 0;
    assert(bytes <= OUT_BYTES);
    frame[used++] = (uint8_t)opcode;
    if (bytes < 126) {
        frame[used++] = (uint8_t)(0x80 | bytes);
    } else {
        frame[used++] = 0x80 | 126;
        frame[used++] = (uint8_t)(bytes >> 8);
        frame[used++] = (uint8_t)bytes;
    }
    memset(frame + used, 0, 4); /* the masking key */
    used += 4;
    memcpy(frame + used, text, bytes);
    return send_all(link, (const char *)frame, used + bytes);
}

int mu_links_say(struct mu_links *links, uint32_t link, const char *text, size_t bytes)
{
    assert(links->sockets && link < links->count);
    return say(&links->links[link], FRAME_TEXT, text, bytes);
}

int mu_links_ask(struct mu_links *links, uint32_t link, const char *method, const char *path,
                 const char *body)
{
    char request[OUT_BYTES];
    int bytes = body == NULL
                    ? snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                               method, path, links->host)
                    : snprintf(request, sizeof request,
                               "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                               "Content-Length: %zu\r\n\r\n%s",
                               method, path, links->host, strlen(body), body);
    assert(!links->sockets && link < links->count);
    assert(bytes > 0 && bytes < OUT_BYTES);
    return send_all(&links->links[link], request, (size_t)bytes);
}

/* Hands over one message with a NUL behind it, which is then put back. */
static void hand_over(struct mu_links *links, uint32_t i, int status, char *text, size_t bytes)
{
    char kept = text[bytes];
    text[bytes] = '\0';
    links->take(links->context, i, status, text, bytes);
    text[bytes] = kept;
}

/* Takes one HTTP answer.  Returns its bytes, 0: not all there, -EPROTO. */
static int64_t take_answer(struct mu_links *links, uint32_t i, char *at, size_t size)
{
    at[size] = '\0';
    char *end = strstr(at, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    const char *length = strstr(at, "Content-Length: ");
    uint64_t body = length == NULL || length > end ? 0 : mu_measure_digits(length + 16);
    size_t head = (size_t)(end - at) + 4;
    if (body > IN_BYTES - head || strncmp(at, "HTTP/1.1 ", 9) != 0) {
        return -EPROTO;
    }
    if (size < head + (size_t)body) {
        return 0;
    }
    hand_over(links, i, (int)mu_measure_digits(at + 9), at + head, (size_t)body);
    return (int64_t)(head + (size_t)body);
}

/* Takes one frame.  Returns as take_answer(). */
static int64_t take_frame(struct mu_links *links, uint32_t i, char *at, size_t size)
{
    const uint8_t *head = (const uint8_t *)at;
    if (size < 2) {
        return 0;
    }
    size_t bytes = head[1];
    size_t skip = 2;
    if (bytes == 126) {
        if (size < 4) {
            return 0;
        }
        bytes = (size_t)head[2] << 8 | head[3];
        skip = 4;
    }
    if (bytes > IN_BYTES - skip || head[1] > 126 || head[0] == FRAME_CLOSE) {
        return -EPROTO;
    }
    if (size < skip + bytes) {
        return 0;
    }
    if (head[0] == FRAME_TEXT) {
        hand_over(links, i, 101, at + skip, bytes);
    } else if (head[0] == FRAME_PING) {
        (void)say(&links->links[i], FRAME_PONG, at + skip, bytes); /* gone: told by recv() */
    } else if (head[0] != FRAME_PONG) {
        return -EPROTO;
    }
    return (int64_t)(skip + bytes);
}

static void take_all(struct mu_links *links, uint32_t i)
{
    struct link *link = &links->links[i];
    uint32_t done = 0;
    int64_t took = 1;
    while (took > 0 && done < link->used) {
        char *at = link->in + done;
        took = links->sockets ? take_frame(links, i, at, link->used - done)
                              : take_answer(links, i, at, link->used - done);
        done += took > 0 ? (uint32_t)took : 0;
    }
    if (took < 0) {
        lose(links, i);
        return;
    }
    memmove(link->in, link->in + done, link->used - done);
    link->used -= done;
}

static void receive(struct mu_links *links, uint32_t i)
{
    struct link *link = &links->links[i];
    if (link->fd < 0) {
        return;
    }
    ssize_t n = recv(link->fd, link->in + link->used, IN_BYTES - link->used, 0);
    if (n > 0) {
        link->used += (uint32_t)n;
        take_all(links, i);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        lose(links, i);
    }
}

/* Waits in epoll until then, to the microsecond: its own timeout knows only milliseconds. */
static void arm(const struct mu_links *links, int64_t until_ns)
{
    const struct itimerspec at = { .it_value = { .tv_sec = until_ns / 1000000000,
                                                 .tv_nsec = until_ns % 1000000000 } };
    int r = timerfd_settime(links->timer, TFD_TIMER_ABSTIME, &at, NULL);
    assert(r == 0);
}

void mu_links_run(struct mu_links *links, int64_t until_ns, const bool *stop)
{
    struct epoll_event events[EVENTS];
    bool late = mu_bench_now_ns() >= until_ns;
    if (!late) {
        arm(links, until_ns);
    }
    do {
        int n = epoll_wait(links->epoll, events, EVENTS, late ? 0 : -1);
        for (int e = 0; e < n; e++) {
            if (events[e].data.u32 != TIMER) {
                receive(links, events[e].data.u32);
            }
        }
        late = mu_bench_now_ns() >= until_ns;
    } while (!late && (stop == NULL || !*stop));
}
