/* tests/unit/edge_frame.h - WebSocket frames by hand, well-formed or not. */
#ifndef MU_TESTS_UNIT_EDGE_FRAME_H
#define MU_TESTS_UNIT_EDGE_FRAME_H

#include "tests/unit/edge_client.h"

/* The headers of a handshake. */
#define HOST    "Host: a.example\r\n"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define FULL    HOST UPGRADE KEY VERSION

/* FIN and opcode. */
enum { TEXT = 0x81, BINARY = 0x82, CLOSE = 0x88, PING = 0x89, PONG = 0x8a };

/* A frame of the client; one with nothing in it ends the list. */
struct frame {
    uint8_t head;        /* FIN, RSV and opcode */
    const char *payload; /* or NULL */
    uint32_t bytes;      /* of the payload; 0: its strlen */
    uint32_t fill;       /* a payload of that many 'f' instead */
    bool unmasked;
    uint8_t length_form; /* 2 or 8: that many length bytes; 0: the shortest */
    uint32_t announce;   /* the length to announce, or 0: the payload's */
};

/* Appends a frame, masked by random bytes; returns its bytes. */
size_t put_frame(struct mu_rng *rng, const struct frame *frame, uint8_t *ret);

/* The server's frames in words: "text:a pong:b close:1000", long texts as "text#N". */
void describe(const uint8_t *bytes, size_t size, char *ret, size_t ret_size);

/* Connects and shakes hands; what is received from then on is frames. */
void open_socket(struct edge_server *server, struct edge_client *client, const char *query);

/* Turns until the server's frames are `want`, and it closed or did not, as it should. */
void until_frames(struct edge_server *server, struct edge_client *client, const char *name,
                  const char *want, bool open);

#endif /* MU_TESTS_UNIT_EDGE_FRAME_H */
