/* gateway/websocket.c - WebSocket on streams taken over from evhttp, framed by wslay. */
#include "gateway/websocket.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <wslay/wslay.h>

#include "gateway/handshake.h"
#include "gateway/http.h"
#include "gateway/linger.h"
#include "wire/utf8.h"

#define READERS_CACHED_MAX 64 /* contexts kept for the next message: 1.6 MB */
#define FRAME_HEADER_BYTES 6  /* of a client's frame with a 7 bit length: mask included */

/* Reads one socket's messages.  Lent to a connection while something of a message is missing. */
struct mu_websocket_reader {
    wslay_event_context_ptr context;
    struct mu_connection *connection; /* that is being read */
    struct mu_websocket_reader *next; /* in the pool */
    uint64_t taken;                   /* bytes that wslay took since it was lent */
    uint64_t framed;                  /* bytes of the frames that began since then */
    int fault;                        /* close code for what wslay does not refuse itself, or 0 */
    bool control;                     /* the frame being read is a control frame */
    bool open;                        /* a message has begun */
    bool busy;                        /* on the stack */
    size_t text_bytes;                /* of the message so far */
    char text[MU_WS_MESSAGE_MAX + 1];
};

/* Outgoing frames. */

static ssize_t on_sender_output(const uint8_t *data, size_t size, int flags, void *argument)
{
    (void)flags;
    struct mu_transport *transport = argument;
    /* A failure is noted and not told, for wslay would go on with this frame at the next one. */
    if (evbuffer_add(transport->sender_output, data, size) != 0)
        transport->sender_failed = true;
    return (ssize_t)size;
}

/* Appends one whole frame.  Without memory the stream would be broken in the middle of a frame,
 * so that is the end of the connection: false. */
static bool write_frame(struct mu_transport *transport, struct evbuffer *output, uint8_t opcode,
                        const char *payload, size_t size)
{
    struct wslay_frame_iocb frame = { .fin = 1,
                                      .opcode = opcode,
                                      .payload_length = size,
                                      .data = (const uint8_t *)payload,
                                      .data_length = size };
    transport->sender_output = output;
    transport->sender_failed = false;
    ssize_t n = wslay_frame_send(transport->sender, &frame);
    assert(n == (ssize_t)size);
    return !transport->sender_failed;
}

/* The buffer for frames to the connection: a handshake that is being decided has its own. */
static struct evbuffer *output_of(const struct mu_connection *connection)
{
    struct mu_transport *transport = connection->transport;
    return connection == transport->opening ? transport->opening_output
                                            : bufferevent_get_output(connection->stream);
}

/* The pool of readers. */

static void reader_free(struct mu_websocket_reader *reader)
{
    wslay_event_context_free(reader->context);
    free(reader);
}

static ssize_t on_wanted(wslay_event_context_ptr context, uint8_t *data, size_t size, int flags,
                         void *argument)
{
    (void)flags;
    struct mu_websocket_reader *reader = argument;
    struct mu_connection *connection = reader->connection;
    int n = 0;
    if (connection->state == MU_CONNECTION_SOCKET)
        n = evbuffer_remove(bufferevent_get_input(connection->stream), data, size);
    if (n <= 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    reader->taken += (uint64_t)n;
    return n;
}

static void set_fault(struct mu_websocket_reader *reader, int code)
{
    reader->fault = code;
    wslay_event_shutdown_read(reader->context);
}

/* wslay's own answers: pongs and the echo of a close. */
static ssize_t on_answer(wslay_event_context_ptr context, const uint8_t *data, size_t size,
                         int flags, void *argument)
{
    (void)context;
    (void)flags;
    struct mu_websocket_reader *reader = argument;
    struct evbuffer *output = bufferevent_get_output(reader->connection->stream);
    if (evbuffer_add(output, data, size) == 0)
        return (ssize_t)size;
    set_fault(reader, 1011);
    return -1;
}

static void on_frame(wslay_event_context_ptr context,
                     const struct wslay_event_on_frame_recv_start_arg *frame, void *argument)
{
    (void)context;
    struct mu_websocket_reader *reader = argument;
    uint64_t length_bytes = frame->payload_length < 126 ? 0 : frame->payload_length < 65536 ? 2 : 8;
    reader->framed += FRAME_HEADER_BYTES + length_bytes + frame->payload_length;
    reader->control = wslay_is_ctrl_frame(frame->opcode) != 0;
    if (reader->control)
        return;
    reader->open = true;
    if (frame->opcode == WSLAY_BINARY_FRAME) {
        set_fault(reader, 1003);
    } else if (reader->text_bytes + frame->payload_length > MU_WS_MESSAGE_MAX) {
        set_fault(reader, 1009); /* wslay itself only bounds a single frame when unbuffered */
    }
}

static void on_piece(wslay_event_context_ptr context,
                     const struct wslay_event_on_frame_recv_chunk_arg *piece, void *argument)
{
    (void)context;
    struct mu_websocket_reader *reader = argument;
    if (reader->control || reader->fault != 0)
        return;
    assert(reader->text_bytes + piece->data_length <= MU_WS_MESSAGE_MAX);
    if (piece->data_length > 0)
        memcpy(reader->text + reader->text_bytes, piece->data, piece->data_length);
    reader->text_bytes += piece->data_length;
}

static void on_message(wslay_event_context_ptr context,
                       const struct wslay_event_on_msg_recv_arg *message, void *argument)
{
    struct mu_websocket_reader *reader = argument;
    struct mu_connection *connection = reader->connection;
    if (message->opcode == WSLAY_PONG)
        connection->pong_ms = mu_transport_now();
    if (message->opcode == WSLAY_PING)
        (void)wslay_event_send(context); /* in order with the answers to texts; else a fault */
    /* wslay takes half of a code for none. */
    if (message->opcode == WSLAY_CONNECTION_CLOSE && message->msg_length == 1)
        set_fault(reader, 1002);
    /* wslay checks a close's reason only when it arrives in one piece. */
    if (message->opcode == WSLAY_CONNECTION_CLOSE && message->msg_length > 2 &&
        !mu_utf8_valid((const char *)message->msg + 2, message->msg_length - 2))
        set_fault(reader, 1007);
    if (message->opcode != WSLAY_TEXT_FRAME || reader->fault != 0)
        return;
    const struct mu_transport_handler *handler = &connection->transport->handler;
    size_t text_bytes = reader->text_bytes;
    reader->text[text_bytes] = '\0';
    reader->text_bytes = 0;
    reader->open = false;
    handler->socket_text(handler->context, mu_connections_id(connection), reader->text, text_bytes);
}

static struct mu_websocket_reader *reader_create(void)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_wanted,
        .send_callback = on_answer,
        .on_frame_recv_start_callback = on_frame,
        .on_frame_recv_chunk_callback = on_piece,
        .on_msg_recv_callback = on_message,
    };
    struct mu_websocket_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    if (wslay_event_context_server_init(&reader->context, &callbacks, reader) != 0) {
        free(reader);
        return NULL;
    }
    wslay_event_config_set_no_buffering(reader->context, 1);
    wslay_event_config_set_max_recv_msg_length(reader->context, MU_WS_MESSAGE_MAX);
    return reader;
}

static struct mu_websocket_reader *reader_lend(struct mu_connection *connection)
{
    struct mu_transport *transport = connection->transport;
    struct mu_websocket_reader *reader = transport->readers_free;
    if (reader != NULL) {
        transport->readers_free = reader->next;
        transport->readers_free_count--;
    } else {
        reader = reader_create();
        if (reader == NULL)
            return NULL;
    }
    reader->connection = connection;
    reader->taken = 0;
    reader->framed = 0;
    connection->reader = reader;
    return reader;
}

/* Takes the reader back when the socket is between two messages and two frames. */
static void reader_return(struct mu_connection *connection)
{
    struct mu_websocket_reader *reader = connection->reader;
    struct mu_transport *transport = connection->transport;
    if (reader->open || reader->taken != reader->framed)
        return;
    connection->reader = NULL;
    reader->connection = NULL;
    if (transport->readers_free_count >= READERS_CACHED_MAX) {
        reader_free(reader);
        return;
    }
    reader->next = transport->readers_free;
    transport->readers_free = reader;
    transport->readers_free_count++;
}

void mu_websocket_forget(struct mu_connection *connection)
{
    if (connection->reader == NULL)
        return;
    assert(!connection->reader->busy);
    reader_free(connection->reader); /* its state is of no use to another socket */
    connection->reader = NULL;
}

/* A socket's life. */

/* The close frame is written: no more reading, and the handler has to be told. */
static void end_socket(struct mu_connection *connection)
{
    assert(connection->state == MU_CONNECTION_SOCKET);
    if (connection->reader != NULL && connection->reader->busy) {
        wslay_event_shutdown_read(connection->reader->context);
    } else {
        mu_websocket_forget(connection);
    }
    mu_linger_begin(connection);
    mu_transport_mark(connection, MU_DIRTY_CLOSED);
}

static bool write_close(struct mu_connection *connection, int code, const char *reason)
{
    char payload[2 + MU_WS_CLOSE_REASON_MAX];
    size_t bytes = strnlen(reason, MU_WS_CLOSE_REASON_MAX + 1);
    if (bytes > MU_WS_CLOSE_REASON_MAX) {
        bytes = MU_WS_CLOSE_REASON_MAX;
        while (bytes > 0 && ((unsigned char)reason[bytes] & 0xc0) == 0x80)
            bytes--;
    }
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xff);
    memcpy(payload + 2, reason, bytes);
    return write_frame(connection->transport, output_of(connection), WSLAY_CONNECTION_CLOSE,
                       payload, bytes + 2);
}

void mu_websocket_close(struct mu_connection *connection, int code, const char *reason)
{
    struct mu_transport *transport = connection->transport;
    assert(code >= 1000 && code <= 4999);
    if (connection == transport->opening) {
        if (transport->opening_closed)
            return;
        transport->opening_closed = true;
        (void)write_close(connection, code, reason); /* else just the end of the stream */
    } else if (connection->state == MU_CONNECTION_SOCKET) {
        (void)write_close(connection, code, reason);
        end_socket(connection);
    }
}

void mu_websocket_send(struct mu_connection *connection, const char *text, size_t text_bytes)
{
    struct mu_transport *transport = connection->transport;
    bool opening = connection == transport->opening;
    if ((opening && transport->opening_closed) ||
        (!opening && connection->state != MU_CONNECTION_SOCKET)) {
        transport->counters.sends_dropped++;
        return;
    }
    struct evbuffer *output = output_of(connection);
    bool fits = evbuffer_get_length(output) + text_bytes <= transport->options.unread_bytes_max;
    if (fits && write_frame(transport, output, WSLAY_TEXT_FRAME, text, text_bytes))
        return;
    transport->counters.sockets_slow++;
    transport->counters.sends_dropped++;
    mu_websocket_close(connection, 4008, "too much unread output");
}

/* What came out of wslay: a fault, a close, or pongs to send. */
static void settle(struct mu_connection *connection, int r)
{
    struct mu_websocket_reader *reader = connection->reader;
    struct mu_transport *transport = connection->transport;
    wslay_event_context_ptr context = reader->context;
    if (connection->state != MU_CONNECTION_SOCKET) { /* closed by the handler meanwhile */
        mu_websocket_forget(connection);
        return;
    }
    /* For a broken frame wslay would send a close without a code. */
    int fault = reader->fault != 0 ? reader->fault : r != 0 ? 1002 : 0;
    if (fault != 0) {
        transport->counters.sockets_faulty++;
        mu_websocket_close(connection, fault, "");
        return;
    }
    bool sent = !wslay_event_want_write(context) || wslay_event_send(context) == 0;
    if (!wslay_event_get_read_enabled(context) || !sent) {
        if (!wslay_event_get_close_received(context))
            transport->counters.sockets_faulty++;
        end_socket(connection);
        return;
    }
    size_t unread = evbuffer_get_length(bufferevent_get_output(connection->stream));
    if (unread > transport->options.unread_bytes_max) { /* pings, and nobody reads the pongs */
        transport->counters.sockets_slow++;
        mu_websocket_close(connection, 4008, "too much unread output");
        return;
    }
    reader_return(connection);
}

void mu_websocket_read(struct mu_connection *connection)
{
    if (connection->state != MU_CONNECTION_SOCKET)
        return;
    if (evbuffer_get_length(bufferevent_get_input(connection->stream)) == 0)
        return;
    struct mu_websocket_reader *reader = connection->reader;
    if (reader == NULL)
        reader = reader_lend(connection);
    if (reader == NULL) { /* no memory */
        mu_websocket_close(connection, 1013, "try again later");
        return;
    }
    assert(!reader->busy);
    reader->busy = true;
    int r = wslay_event_recv(reader->context);
    reader->busy = false;
    settle(connection, r);
}

static void on_read(struct bufferevent *stream, void *argument)
{
    (void)argument;
    mu_websocket_read(mu_linger_connection(stream));
}

static void on_event(struct bufferevent *stream, short what, void *argument)
{
    (void)what; /* end or error, and no difference */
    (void)argument;
    mu_http_close(mu_linger_connection(stream));
}

void mu_websocket_ping(struct mu_connection *connection)
{
    struct mu_transport *transport = connection->transport;
    int64_t now_ms = mu_transport_now();
    if (now_ms - connection->pong_ms >= transport->options.pong_ms) {
        transport->counters.sockets_dead++;
        mu_http_close(connection);
        return;
    }
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    mu_connections_arm(transport->connections, connection, MU_DEADLINE_PING, now_ms);
    if (!write_frame(transport, output, WSLAY_PING, NULL, 0))
        mu_http_close(connection);
}

/* The handshake. */

bool mu_websocket_offered(const struct mu_connection *connection,
                          const struct mu_http_request *request)
{
    return !connection->admin && request->method == MU_HTTP_GET &&
           (strcmp(request->path, "/v1/ws") == 0 || strcmp(request->path, "/ws") == 0);
}

/* Takes the stream away from evhttp, which keeps an empty shell until the close. */
static void take_over(struct mu_connection *connection, const struct mu_handshake *handshake)
{
    struct mu_transport *transport = connection->transport;
    struct bufferevent *stream = connection->stream;
    struct evbuffer *output = bufferevent_get_output(stream);
    mu_http_unwatch(connection);
    evhttp_clear_headers(evhttp_request_get_input_headers(connection->request));
    connection->request = NULL;
    connection->state = MU_CONNECTION_SOCKET;
    connection->owes_closed = true;
    connection->pong_ms = mu_transport_now();
    transport->counters.sockets_opened++;
    mu_connections_arm(transport->connections, connection, MU_DEADLINE_PING, connection->pong_ms);
    bufferevent_setcb(stream, on_read, NULL, on_event, connection);
    int n = evbuffer_add_printf(
        output,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
        handshake->accept,
        handshake->protocol ? "Sec-WebSocket-Protocol: " MU_WS_PROTOCOL "\r\n" : "");
    bool written = n > 0 && evbuffer_add_buffer(output, transport->opening_output) == 0;
    bufferevent_enable(stream, EV_READ | EV_WRITE);
    if (transport->opening_closed || !written) {
        end_socket(connection);
    } else {
        mu_transport_mark(connection, MU_DIRTY_READ); /* frames may have come with the request */
    }
}

void mu_websocket_handshake(struct mu_connection *connection, const struct mu_http_request *request)
{
    struct mu_transport *transport = connection->transport;
    struct mu_handshake handshake;
    mu_handshake_read(evhttp_request_get_input_headers(connection->request), &handshake);
    if (handshake.status == 101 && (connection->scan.http10 || request->body_bytes > 0)) {
        handshake.status = 400;
        handshake.detail = "A handshake is HTTP/1.1 and has no body.";
    }
    if (handshake.status != 101) {
        mu_linger_refuse(connection, handshake.status, handshake.detail);
        return;
    }
    transport->counters.requests++;
    transport->opening = connection;
    transport->opening_closed = false;
    bool accepted =
        transport->handler.socket_open(transport->handler.context, request->id, request);
    transport->opening = NULL;
    if (accepted) {
        assert(connection->state == MU_CONNECTION_PENDING);
        take_over(connection, &handshake);
    }
    struct evbuffer *unsent = transport->opening_output;
    (void)evbuffer_drain(unsent, evbuffer_get_length(unsent));
}

/* What all sockets share. */

int mu_websocket_init(struct mu_transport *transport)
{
    static const struct wslay_frame_callbacks callbacks = { .send_callback = on_sender_output };
    transport->opening_output = evbuffer_new();
    if (transport->opening_output == NULL)
        return -ENOMEM;
    return wslay_frame_context_init(&transport->sender, &callbacks, transport) == 0 ? 0 : -ENOMEM;
}

void mu_websocket_release(struct mu_transport *transport)
{
    while (transport->readers_free != NULL) {
        struct mu_websocket_reader *reader = transport->readers_free;
        transport->readers_free = reader->next;
        reader_free(reader);
    }
    if (transport->sender != NULL)
        wslay_frame_context_free(transport->sender);
    if (transport->opening_output != NULL)
        evbuffer_free(transport->opening_output);
}
