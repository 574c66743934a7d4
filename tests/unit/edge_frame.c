/* tests/unit/edge_frame.c - WebSocket frames by hand, well-formed or not. */
#include "tests/unit/edge_frame.h"

#include <string.h>

/* Appends a frame; returns its bytes. */
size_t put_frame(struct mu_rng *rng, const struct frame *frame, uint8_t *ret)
{
    size_t bytes = frame->fill > 0          ? frame->fill
                   : frame->bytes > 0       ? frame->bytes
                   : frame->payload != NULL ? strlen(frame->payload)
                                            : 0;
    uint64_t length = frame->announce > 0 ? frame->announce : bytes;
    int form = frame->length_form > 0 ? frame->length_form
               : length > 65535       ? 8
               : length > 125         ? 2
                                      : 0;
    size_t at = 0;
    uint8_t mask[4];
    ret[at++] = frame->head;
    ret[at++] = (uint8_t)((frame->unmasked ? 0 : 0x80) | (form == 8   ? 127
                                                          : form == 2 ? 126
                                                                      : (int)length));
    for (int i = form - 1; i >= 0; i--) {
        ret[at++] = (uint8_t)(length >> (8 * i));
    }
    for (size_t i = 0; i < sizeof mask; i++) {
        mask[i] = frame->unmasked ? 0 : (uint8_t)mu_rng_next(rng);
    }
    if (!frame->unmasked) {
        memcpy(ret + at, mask, sizeof mask);
        at += sizeof mask;
    }
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = frame->fill > 0 ? 'f' : (uint8_t)frame->payload[i];
        ret[at++] = byte ^ mask[i % 4];
    }
    return at;
}

/* The server's frames in words, as in struct row.want. */
void describe(const uint8_t *bytes, size_t size, char *ret, size_t ret_size)
{
    size_t at = 0, out = 0;
    ret[0] = '\0';
    while (at + 2 <= size) {
        size_t length = bytes[at + 1] & 0x7f, head = 2;
        assert_true((bytes[at] & 0xf0) == 0x80 && (bytes[at + 1] & 0x80) == 0);
        if (length == 126 && at + 4 <= size) {
            length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
            head = 4;
        }
        if (at + head + length > size) {
            break;
        }
        uint8_t opcode = bytes[at] & 15;
        const char *payload = (const char *)bytes + at + head;
        const char *name = opcode == 1    ? "text"
                           : opcode == 10 ? "pong"
                           : opcode == 9  ? "ping"
                                          : "close";
        const char *space = out > 0 ? " " : "";
        bool longish = length > 60 || memchr(payload, 0, length) != NULL;
        int n;
        if (opcode == 8) {
            char code[8] = "";
            if (length >= 2) {
                (void)snprintf(code, sizeof code, "%u",
                               (unsigned)((uint8_t)payload[0] << 8 | (uint8_t)payload[1]));
            }
            n = snprintf(ret + out, ret_size - out, "%sclose:%s", space, code);
        } else if (longish) {
            n = snprintf(ret + out, ret_size - out, "%s%s#%zu", space, name, length);
        } else {
            n = snprintf(ret + out, ret_size - out, "%s%s:%.*s", space, name, (int)length, payload);
        }
        out += (size_t)n;
        assert_true(out < ret_size);
        at += head + length;
    }
}

/* Connects and shakes hands; what is received from then on is frames. */
void open_socket(struct edge_server *server, struct edge_client *client, const char *query)
{
    char request[512];
    int n = snprintf(request, sizeof request, "GET /v1/ws%s HTTP/1.1\r\n" FULL "\r\n", query);
    edge_connect(client, mu_transport_port(server->transport));
    assert_true(edge_send(server, client, request, (size_t)n));
    edge_until(server, client, "\r\n\r\n");
    assert_true(strncmp(client->received, "HTTP/1.1 101 ", 13) == 0);
    size_t head = (size_t)(strstr(client->received, "\r\n\r\n") - client->received) + 4;
    client->used -= head;
    memmove(client->received, client->received + head, client->used + 1);
}

/* Turns until the server's frames are `want`, and it closed or did not, as it should. */
void until_frames(struct edge_server *server, struct edge_client *client, const char *name,
                  const char *want, bool open)
{
    char got[1024];
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    for (;;) {
        describe((const uint8_t *)client->received, client->used, got, sizeof got);
        if (strcmp(got, want) == 0 && client->ended == !open) {
            return;
        }
        if (edge_now() >= end_ms || strlen(got) > strlen(want) || (open && client->ended)) {
            fail_msg("%s: wanted '%s', got '%s'%s", name, want, got,
                     client->ended ? ", closed" : "");
        }
        edge_turn(server, client, 5);
    }
}
