/* tests/unit/test_transport_ws.c - tables of WebSocket handshakes and frames, on real sockets.
 *
 * Every row of frames is sent in one piece, byte by byte, and cut at random places. */
#include "tests/unit/edge_frame.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define FRAMES_MAX   5
#define ACCEPT       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" /* RFC 6455, 1.3 */

static struct mu_rng rng;

/* Handshakes. */

struct handshake {
    const char *name;
    const char *bytes;
    const char *statuses;
    const char *holds;
};

static const struct handshake handshakes[] = {
    { "good", "GET /v1/ws HTTP/1.1\r\n" FULL "\r\n", "101", ACCEPT },
    { "the other path", "GET /ws HTTP/1.1\r\n" FULL "\r\n", "101", "Upgrade: websocket\r\n" },
    { "with a query", "GET /ws?a=b HTTP/1.1\r\n" FULL "\r\n", "101", ACCEPT },
    { "in any case",
      "GET /ws HTTP/1.1\r\n" HOST KEY VERSION "UPGRADE: WebSocket\r\n"
      "connection: keep-alive, UPGRADE\r\n\r\n",
      "101", ACCEPT },
    { "two connection lines", "GET /ws HTTP/1.1\r\n" FULL "Connection: keep-alive\r\n\r\n", "101",
      ACCEPT },
    { "our protocol",
      "GET /ws HTTP/1.1\r\n" FULL "Sec-WebSocket-Protocol: other, muster.v1.json\r\n\r\n", "101",
      "Sec-WebSocket-Protocol: muster.v1.json\r\n" },
    { "extensions are not agreed to",
      "GET /ws HTTP/1.1\r\n" FULL "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "101",
      ACCEPT },
    { "refused by the handler", "GET /ws?refuse HTTP/1.1\r\n" FULL "\r\n", "403", "X-Test: yes" },
    { "no upgrade", "GET /ws HTTP/1.1\r\n" HOST "\r\n", "426", "Sec-WebSocket-Version: 13" },
    { "upgrade to another",
      "GET /ws HTTP/1.1\r\n" HOST KEY VERSION "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "426",
      "UPGRADE_REQUIRED" },
    { "not in connection",
      "GET /ws HTTP/1.1\r\n" HOST KEY VERSION
      "Upgrade: websocket\r\nConnection: keep-alive\r\n\r\n",
      "426", NULL },
    { "version 12", "GET /ws HTTP/1.1\r\n" HOST UPGRADE KEY "Sec-WebSocket-Version: 12\r\n\r\n",
      "426", "Sec-WebSocket-Version: 13" },
    { "no version", "GET /ws HTTP/1.1\r\n" HOST UPGRADE KEY "\r\n", "426", NULL },
    { "two versions", "GET /ws HTTP/1.1\r\n" FULL VERSION "\r\n", "400", NULL },
    { "no key", "GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION "\r\n", "400", "Sec-WebSocket-Key" },
    { "two keys", "GET /ws HTTP/1.1\r\n" FULL KEY "\r\n", "400", NULL },
    { "short key", "GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION "Sec-WebSocket-Key: abc\r\n\r\n",
      "400", NULL },
    { "key of other letters",
      "GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ*==\r\n\r\n",
      "400", NULL },
    { "key of 18 bytes",
      "GET /ws HTTP/1.1\r\n" HOST UPGRADE VERSION
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n\r\n",
      "400", NULL },
    { "in 1.0", "GET /ws HTTP/1.0\r\n" FULL "\r\n", "400", NULL },
    { "with a body", "GET /ws HTTP/1.1\r\n" FULL "Content-Length: 2\r\n\r\nab", "400", NULL },
    { "by POST", "POST /ws HTTP/1.1\r\n" FULL "\r\n", "200", "POST /ws" },
    { "on another path", "GET /v1/wsx HTTP/1.1\r\n" FULL "\r\n", "200", "GET /v1/wsx" },
    { "on an escaped path", "GET /v1%2Fws HTTP/1.1\r\n" FULL "\r\n", "200", "GET /v1%2Fws" },
    { "behind another request", "GET /a HTTP/1.1\r\n" HOST "\r\nGET /ws HTTP/1.1\r\n" FULL "\r\n",
      "200 101", ACCEPT },
};

static void run_handshake(struct edge_server *server, const struct handshake *row, bool bytewise)
{
    struct edge_client client;
    char statuses[64] = "";
    size_t rest, size = strlen(row->bytes);
    edge_connect(&client, mu_transport_port(server->transport));
    for (size_t sent = 0; sent < size;) {
        size_t piece = bytewise ? 1 : size;
        if (!edge_send(server, &client, row->bytes + sent, piece)) {
            break;
        }
        sent += piece;
    }
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (strlen(statuses) < strlen(row->statuses) && edge_now() < end_ms) {
        edge_turn(server, &client, 5);
        (void)edge_statuses(&client, false, statuses, sizeof statuses, &rest);
    }
    if (strcmp(statuses, row->statuses) != 0 ||
        (row->holds != NULL && strstr(client.received, row->holds) == NULL)) {
        fail_msg("%s: wanted '%s' and '%s', got:\n%s", row->name, row->statuses,
                 row->holds != NULL ? row->holds : "", client.received);
    }
    assert_null(strstr(client.received, "Sec-WebSocket-Extensions"));
    edge_disconnect(&client);
}

static void test_handshakes(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    (void)state;
    edge_options(&options);
    edge_start(&server, &options);
    for (size_t i = 0; i < COUNT(handshakes); i++) {
        run_handshake(&server, &handshakes[i], false);
        run_handshake(&server, &handshakes[i], true);
    }
    edge_end(&server);
}

/* Frames. */

struct row {
    const char *name;
    struct frame frames[FRAMES_MAX];
    const char *want; /* the server's frames: "text:a pong:b close:1000"; long texts as "text#N" */
    bool open;        /* the socket stays open */
};

static const struct row rows[] = {
    /* Texts. */
    { "text", { { .head = TEXT, .payload = "hello" } }, "text:hello", true },
    { "empty text", { { .head = TEXT, .payload = "" } }, "text:", true },
    { "two texts",
      { { .head = TEXT, .payload = "a" }, { .head = TEXT, .payload = "b" } },
      "text:a text:b",
      true },
    { "125 bytes", { { .head = TEXT, .fill = 125 } }, "text#125", true },
    { "126 bytes", { { .head = TEXT, .fill = 126 } }, "text#126", true },
    { "the largest", { { .head = TEXT, .fill = 16384 } }, "text#16384", true },
    { "UTF-8",
      { { .head = TEXT, .payload = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" } },
      "text:\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
      true },
    { "NUL in a text", { { .head = TEXT, .payload = "a\0b", .bytes = 3 } }, "text#3", true },
    { "two answers", { { .head = TEXT, .payload = "twice" } }, "text:one text:two", true },
    /* Fragments. */
    { "two fragments",
      { { .head = 0x01, .payload = "hel" }, { .head = 0x80, .payload = "lo" } },
      "text:hello",
      true },
    { "three fragments, one empty",
      { { .head = 0x01, .payload = "a" },
        { .head = 0x00, .payload = "" },
        { .head = 0x80, .payload = "b" } },
      "text:ab",
      true },
    { "a character cut by fragments",
      { { .head = 0x01, .payload = "\xe2\x82" }, { .head = 0x80, .payload = "\xac" } },
      "text:\xe2\x82\xac",
      true },
    { "ping between fragments",
      { { .head = 0x01, .payload = "a" },
        { .head = PING, .payload = "p" },
        { .head = 0x80, .payload = "b" } },
      "pong:p text:ab",
      true },
    { "fragments of the largest",
      { { .head = 0x01, .fill = 10000 }, { .head = 0x80, .fill = 6384 } },
      "text#16384",
      true },
    { "fragments too large together",
      { { .head = 0x01, .fill = 10000 },
        { .head = 0x00, .fill = 6000 },
        { .head = 0x80, .fill = 385 } },
      "close:1009",
      false },
    { "continuation of nothing", { { .head = 0x80, .payload = "a" } }, "close:1002", false },
    { "a new text inside of a text",
      { { .head = 0x01, .payload = "a" }, { .head = TEXT, .payload = "b" } },
      "close:1002",
      false },
    /* Sizes. */
    { "too large by one", { { .head = TEXT, .fill = 16385 } }, "close:1009", false },
    { "announced too large",
      { { .head = TEXT, .payload = "a", .length_form = 8, .announce = 0x7fffffff } },
      "close:1009",
      false },
    { "long form of a short length",
      { { .head = TEXT, .payload = "a", .length_form = 2 } },
      "close:1002",
      false },
    { "longest form of a short length",
      { { .head = TEXT, .payload = "a", .length_form = 8 } },
      "close:1002",
      false },
    /* Framing. */
    { "unmasked", { { .head = TEXT, .payload = "a", .unmasked = true } }, "close:1002", false },
    { "unmasked ping", { { .head = PING, .unmasked = true } }, "close:1002", false },
    { "unmasked and empty", { { .head = TEXT, .unmasked = true } }, "close:1002", false },
    { "RSV1", { { .head = TEXT | 0x40, .payload = "a" } }, "close:1002", false },
    { "RSV2", { { .head = TEXT | 0x20, .payload = "a" } }, "close:1002", false },
    { "RSV3", { { .head = TEXT | 0x10, .payload = "a" } }, "close:1002", false },
    { "RSV1 on a ping", { { .head = PING | 0x40 } }, "close:1002", false },
    { "opcode 3", { { .head = 0x83, .payload = "a" } }, "close:1002", false },
    { "opcode 7", { { .head = 0x87 } }, "close:1002", false },
    { "opcode 11", { { .head = 0x8b } }, "close:1002", false },
    { "opcode 15", { { .head = 0x8f } }, "close:1002", false },
    { "binary", { { .head = BINARY, .payload = "a" } }, "close:1003", false },
    { "binary in fragments",
      { { .head = 0x02, .payload = "a" }, { .head = 0x80, .payload = "b" } },
      "close:1003",
      false },
    { "text, then binary",
      { { .head = TEXT, .payload = "a" }, { .head = BINARY, .payload = "b" } },
      "text:a close:1003",
      false },
    { "text, then unmasked",
      { { .head = TEXT, .payload = "a" }, { .head = TEXT, .payload = "b", .unmasked = true } },
      "text:a close:1002",
      false },
    /* Control frames. */
    { "ping", { { .head = PING, .payload = "abc" } }, "pong:abc", true },
    { "empty ping", { { .head = PING } }, "pong:", true },
    { "largest ping", { { .head = PING, .fill = 125 } }, "pong#125", true },
    { "ping too large", { { .head = PING, .fill = 126 } }, "close:1002", false },
    { "ping in fragments",
      { { .head = 0x09, .payload = "a" }, { .head = 0x80, .payload = "b" } },
      "close:1002",
      false },
    { "close in fragments", { { .head = 0x08, .payload = "\x03\xe8" } }, "close:1002", false },
    { "pong unasked for",
      { { .head = PONG, .payload = "x" }, { .head = TEXT, .payload = "a" } },
      "text:a",
      true },
    /* UTF-8. */
    { "a lone continuation", { { .head = TEXT, .payload = "\x80" } }, "close:1007", false },
    { "long form", { { .head = TEXT, .payload = "\xc0\xaf" } }, "close:1007", false },
    { "surrogate", { { .head = TEXT, .payload = "\xed\xa0\x80" } }, "close:1007", false },
    { "beyond U+10FFFF", { { .head = TEXT, .payload = "\xf4\x90\x80\x80" } }, "close:1007", false },
    { "cut at the end", { { .head = TEXT, .payload = "a\xe2\x82" } }, "close:1007", false },
    { "cut at the end of fragments",
      { { .head = 0x01, .payload = "\xe2\x82" }, { .head = 0x80, .payload = "" } },
      "close:1007",
      false },
    { "bad in the second fragment",
      { { .head = 0x01, .payload = "a" }, { .head = 0x80, .payload = "\xff" } },
      "close:1007",
      false },
    /* Closes. */
    { "close 1000", { { .head = CLOSE, .payload = "\x03\xe8" } }, "close:1000", false },
    { "close with a reason",
      { { .head = CLOSE,
          .payload = "\x03\xe8"
                     "bye" } },
      "close:1000",
      false },
    { "close 4321", { { .head = CLOSE, .payload = "\x10\xe1" } }, "close:4321", false },
    { "close without a code", { { .head = CLOSE } }, "close:", false },
    { "close with half a code", { { .head = CLOSE, .payload = "\x03" } }, "close:1002", false },
    { "close 999", { { .head = CLOSE, .payload = "\x03\xe7" } }, "close:1002", false },
    { "close 1005", { { .head = CLOSE, .payload = "\x03\xed" } }, "close:1002", false },
    { "close 5000", { { .head = CLOSE, .payload = "\x13\x88" } }, "close:1002", false },
    { "close with a bad reason",
      { { .head = CLOSE, .payload = "\x03\xe8\xff" } },
      "close:1007",
      false },
    { "text behind a close",
      { { .head = CLOSE, .payload = "\x03\xe8" }, { .head = TEXT, .payload = "a" } },
      "close:1000",
      false },
    { "the handler closes",
      { { .head = TEXT, .payload = "close 4003" }, { .head = TEXT, .payload = "a" } },
      "close:4003",
      false },
    { "the handler closes inside of a message",
      { { .head = TEXT, .payload = "close 4003" }, { .head = 0x01, .payload = "a" } },
      "close:4003",
      false },
    { "garbage", { { .head = 0xff, .payload = "\xff\xff\xff\xff" } }, "close:1002", false },
};

static bool is_nothing(const struct frame *frame)
{
    return frame->head == 0 && frame->payload == NULL && frame->fill == 0;
}

static void run_row(struct edge_server *server, const struct row *row, int cut)
{
    static uint8_t bytes[FRAMES_MAX * 17000];
    struct edge_client client;
    size_t size = 0;
    uint32_t closed = server->closed;
    for (size_t i = 0; i < FRAMES_MAX && !is_nothing(&row->frames[i]); i++) {
        size += put_frame(&rng, &row->frames[i], bytes + size);
    }
    open_socket(server, &client, "");
    for (size_t sent = 0; sent < size;) {
        size_t left = size - sent;
        size_t piece = cut == 0   ? left
                       : cut == 1 ? (sent < 300 || left <= 300 ? 1 : left - 300)
                                  : 1 + (size_t)mu_rng_below(&rng, left);
        if (!edge_send(server, &client, (char *)bytes + sent, piece)) {
            break;
        }
        sent += piece;
    }
    until_frames(server, &client, row->name, row->want, row->open);
    assert_true(server->closed == closed + (row->open ? 0 : 1));
    edge_disconnect(&client);
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (server->closed == closed && edge_now() < end_ms) {
        assert_int_equal(mu_transport_run_once(server->transport, 5), 0);
    }
    assert_true(server->closed == closed + 1); /* told once, whoever closed */
}

static void test_frames(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    (void)state;
    edge_options(&options);
    edge_start(&server, &options);
    for (int cut = 0; cut < 3; cut++) {
        for (size_t i = 0; i < COUNT(rows); i++) {
            run_row(&server, &rows[i], cut);
        }
    }
    edge_end(&server);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handshakes),
        cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
