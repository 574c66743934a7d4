#include "tools/socket_client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sodium.h>
#include <wslay/wslay.h>

#define HANDSHAKE_MAX 4096 /* bytes of the server's answer to the handshake */
#define CONNECT_S     10   /* until the handshake must be done */

struct mu_socket {
    struct bufferevent *stream;
    wslay_event_context_ptr frames; /* NULL until the handshake is done */
    struct mu_socket_handler handler;
    bool busy;   /* in one of our callbacks: _destroy only marks it */
    bool doomed; /* destroyed while busy */
    bool closed; /* the handler was told */
};

static void release(struct mu_socket *socket)
{
    if (socket->frames != NULL) {
        wslay_event_context_free(socket->frames);
    }
    if (socket->stream != NULL) {
        bufferevent_free(socket->stream);
    }
    free(socket);
}

void mu_socket_destroy(struct mu_socket *socket)
{
    if (socket == NULL) {
        return;
    }
    if (socket->busy) {
        socket->doomed = true;
        socket->closed = true; /* the handler is not told */
        return;
    }
    release(socket);
}

static void tell_closed(struct mu_socket *socket)
{
    if (!socket->closed) {
        socket->closed = true;
        (void)bufferevent_disable(socket->stream, EV_READ | EV_WRITE); /* it is over either way */
        socket->handler.closed(socket->handler.context);
    }
}

/* What every callback of ours ends with. */
static void leave(struct mu_socket *socket)
{
    socket->busy = false;
    if (socket->doomed) {
        release(socket);
    }
}

static ssize_t take_bytes(wslay_event_context_ptr frames, uint8_t *ret, size_t size, int flags,
                          void *context)
{
    struct mu_socket *socket = context;
    (void)flags;
    int n = evbuffer_remove(bufferevent_get_input(socket->stream), ret, size);
    if (n <= 0) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    return n;
}

static ssize_t give_bytes(wslay_event_context_ptr frames, const uint8_t *bytes, size_t size,
                          int flags, void *context)
{
    struct mu_socket *socket = context;
    (void)flags;
    if (bufferevent_write(socket->stream, bytes, size) != 0) {
        wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    return (ssize_t)size;
}

static int make_mask(wslay_event_context_ptr frames, uint8_t *ret, size_t size, void *context)
{
    (void)frames;
    (void)context;
    randombytes_buf(ret, size);
    return 0;
}

static void on_message(wslay_event_context_ptr frames,
                       const struct wslay_event_on_msg_recv_arg *message, void *context)
{
    struct mu_socket *socket = context;
    (void)frames;
    if (message->opcode != WSLAY_TEXT_FRAME || socket->closed) {
        return;
    }
    /* wslay's buffer has no room for the NUL. */
    char *text = malloc(message->msg_length + 1);
    if (text == NULL) {
        return; /* as if it had been lost: the bot asks when it hears nothing */
    }
    memcpy(text, message->msg, message->msg_length);
    text[message->msg_length] = '\0';
    socket->handler.text(socket->handler.context, text, message->msg_length);
    free(text);
}

/* Reads the answer to the handshake.  Returns true once it is there and good; closes when it is
 * bad. */
static bool shake(struct mu_socket *socket)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = take_bytes,
        .send_callback = give_bytes,
        .genmask_callback = make_mask,
        .on_msg_recv_callback = on_message,
    };
    struct evbuffer *input = bufferevent_get_input(socket->stream);
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    char head[sizeof "HTTP/1.1 101" - 1];
    if (end.pos < 0) {
        if (evbuffer_get_length(input) > HANDSHAKE_MAX) {
            tell_closed(socket);
        }
        return false;
    }
    if (evbuffer_copyout(input, head, sizeof head) != (ssize_t)sizeof head ||
        memcmp(head, "HTTP/1.1 101", sizeof head) != 0 ||
        wslay_event_context_client_init(&socket->frames, &callbacks, socket) != 0) {
        tell_closed(socket);
        return false;
    }
    wslay_event_config_set_max_recv_msg_length(socket->frames, MU_SOCKET_MESSAGE_MAX);
    (void)evbuffer_drain(input, (size_t)end.pos + 4);           /* as much as was found */
    (void)bufferevent_set_timeouts(socket->stream, NULL, NULL); /* the server pings */
    socket->handler.opened(socket->handler.context);
    return !socket->closed;
}

static void on_read(struct bufferevent *stream, void *context)
{
    struct mu_socket *socket = context;
    (void)stream;
    socket->busy = true;
    if (socket->frames != NULL || shake(socket)) {
        /* Pings are answered by wslay, whence the send. */
        if (wslay_event_recv(socket->frames) != 0 || wslay_event_send(socket->frames) != 0 ||
            !wslay_event_want_read(socket->frames)) {
            tell_closed(socket);
        }
    }
    leave(socket);
}

static void on_event(struct bufferevent *stream, short what, void *context)
{
    struct mu_socket *socket = context;
    (void)stream;
    socket->busy = true;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) != 0) {
        tell_closed(socket);
    }
    leave(socket);
}

/* Writes the handshake into the output buffer, from where it leaves once connected.
 * Returns 0 or -ENOMEM. */
static int greet(struct mu_socket *socket, const char *address, uint16_t port, const char *path,
                 const char *key)
{
    uint8_t nonce[16];
    char nonce_text[sodium_base64_ENCODED_LEN(sizeof nonce, sodium_base64_VARIANT_ORIGINAL)];
    randombytes_buf(nonce, sizeof nonce);
    (void)sodium_bin2base64(nonce_text, sizeof nonce_text, nonce, sizeof nonce,
                            sodium_base64_VARIANT_ORIGINAL);
    struct evbuffer *output = bufferevent_get_output(socket->stream);
    int n = evbuffer_add_printf(output,
                                "GET %s HTTP/1.1\r\nHost: %s:%u\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: %s\r\n%s%s%s\r\n",
                                path, address, (unsigned)port, nonce_text,
                                key[0] == '\0' ? "" : "Authorization: Bearer ", key,
                                key[0] == '\0' ? "" : "\r\n");
    return n > 0 ? 0 : -ENOMEM;
}

struct mu_socket *mu_socket_open(struct event_base *base, const char *address, uint16_t port,
                                 const char *path, const char *key,
                                 const struct mu_socket_handler *handler)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
    static const struct timeval limit = { .tv_sec = CONNECT_S };
    struct mu_socket *socket = calloc(1, sizeof *socket);
    if (socket == NULL) {
        return NULL;
    }
    socket->handler = *handler;
    /* Deferred: no handler runs inside of our own functions. */
    socket->stream =
        bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (socket->stream == NULL || inet_pton(AF_INET, address, &in.sin_addr) != 1) {
        release(socket);
        return NULL;
    }
    bufferevent_setcb(socket->stream, on_read, NULL, on_event, socket);
    if (bufferevent_set_timeouts(socket->stream, &limit, NULL) != 0 ||
        greet(socket, address, port, path, key) != 0 ||
        bufferevent_enable(socket->stream, EV_READ | EV_WRITE) != 0 ||
        bufferevent_socket_connect(socket->stream, (const struct sockaddr *)&in, sizeof in) != 0) {
        release(socket);
        return NULL;
    }
    int on = 1;
    /* Only speed: a frame in two writes would wait for a delayed acknowledgement. */
    (void)setsockopt(bufferevent_getfd(socket->stream), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
}

int mu_socket_send(struct mu_socket *socket, const char *text)
{
    if (socket->frames == NULL || socket->closed) {
        return -ENOTCONN;
    }
    struct wslay_event_msg message = {
        .opcode = WSLAY_TEXT_FRAME,
        .msg = (const uint8_t *)text,
        .msg_length = strlen(text),
    };
    if (wslay_event_queue_msg(socket->frames, &message) != 0) {
        return -ENOMEM;
    }
    return wslay_event_send(socket->frames) == 0 ? 0 : -ENOTCONN;
}
