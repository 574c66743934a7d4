/* tests/unit/test_transport_sockets.c - a WebSocket's life: its first frames, pings, slow and
 * vanishing clients.  The tables of frames are in test_transport_ws.c. */
#include "tests/unit/edge_frame.h"

#include <string.h>
#include <sys/socket.h>

static struct mu_rng rng;

/* Frames right behind the handshake, and answers given while it is decided. */
static void test_frames_with_the_handshake(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client client;
    uint8_t bytes[512];
    static const char request[] = "GET /ws?welcome HTTP/1.1\r\n" FULL "\r\n";
    const struct frame frame = { .head = TEXT, .payload = "early" };
    (void)state;
    edge_options(&options);
    edge_start(&server, &options);
    memcpy(bytes, request, sizeof request - 1);
    size_t size = sizeof request - 1 + put_frame(&rng, &frame, bytes + sizeof request - 1);
    edge_connect(&client, mu_transport_port(server.transport));
    assert_true(edge_send(&server, &client, (char *)bytes, size));
    edge_until(&server, &client, "early");
    char *head_end = strstr(client.received, "\r\n\r\n");
    assert_non_null(head_end);
    char got[64];
    size_t head = (size_t)(head_end - client.received) + 4;
    describe((uint8_t *)client.received + head, client.used - head, got, sizeof got);
    assert_string_equal(got, "text:hello text:early");
    edge_disconnect(&client);

    open_socket(&server, &client, "?goodbye");
    until_frames(&server, &client, "goodbye", "text:hello close:4001", false);
    assert_true(server.closed_socket == server.socket);
    assert_true(mu_transport_counters(server.transport)->sends_dropped == 1);
    edge_disconnect(&client);
    edge_end(&server);
}

static void test_pings_and_silence(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client client;
    (void)state;
    edge_options(&options);
    options.ping_ms = 100;
    options.pong_ms = 400; /* a busy machine may well keep us waiting for a part of that */
    edge_start(&server, &options);
    open_socket(&server, &client, "");
    /* Answers ten pings, so it lives for longer than twice pong_ms. */
    const struct frame pong = { .head = PONG };
    uint8_t bytes[16];
    for (int i = 0; i < 10; i++) {
        size_t used = client.used;
        int64_t end_ms = edge_now() + EDGE_WAIT_MS;
        while (client.used == used && !client.ended) {
            edge_turn(&server, &client, 5);
            assert_true(edge_now() < end_ms);
        }
        assert_false(client.ended);
        assert_true(edge_send(&server, &client, (char *)bytes, put_frame(&rng, &pong, bytes)));
    }
    /* Falls silent. */
    edge_until_end(&server, &client);
    assert_true(server.closed == 1);
    assert_true(mu_transport_counters(server.transport)->sockets_dead == 1);
    edge_disconnect(&client);
    edge_end(&server);
}

/* A client that does not read is closed with 4008 and cut, and holds no more than the cap. */
static void test_slow_reader(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client client;
    const struct frame spam = { .head = TEXT, .payload = "spam" };
    uint8_t bytes[32];
    (void)state;
    edge_options(&options);
    edge_start(&server, &options);
    open_socket(&server, &client, "");
    size_t size = put_frame(&rng, &spam, bytes);
    assert_int_equal(send(client.fd, bytes, size, MSG_NOSIGNAL), size);
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (server.closed == 0) {
        assert_int_equal(mu_transport_run_once(server.transport, 5), 0);
        assert_true(edge_now() < end_ms);
    }
    assert_true(mu_transport_counters(server.transport)->sockets_slow == 1);
    assert_true(mu_transport_counters(server.transport)->sends_dropped > 900);
    /* What it was sent before the cap, and the close, it still gets. */
    edge_until_end(&server, &client);
    assert_true(client.used > 200 * 1024 && client.used < 400 * 1024);
    const uint8_t *end = (uint8_t *)client.received + client.used;
    static const char last[] = "too much unread output";
    assert_true(memcmp(end - strlen(last), last, strlen(last)) == 0);
    assert_true(end[-(int)strlen(last) - 2] == 4008 >> 8);
    edge_disconnect(&client);
    edge_end(&server);
}

/* Pings without number from a client that does not read the pongs. */
static void test_ping_flood(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client client;
    static uint8_t bytes[200 * 140];
    const struct frame ping = { .head = PING, .fill = 125 };
    size_t size = 0;
    (void)state;
    edge_options(&options);
    edge_start(&server, &options);
    open_socket(&server, &client, "");
    for (int i = 0; i < 200; i++) {
        size += put_frame(&rng, &ping, bytes + size);
    }
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    for (size_t sent = 0; server.closed == 0;) {
        ssize_t n = send(client.fd, bytes + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent = n > 0 ? (sent + (size_t)n) % size : sent;
        assert_int_equal(mu_transport_run_once(server.transport, 0), 0);
        assert_true(edge_now() < end_ms);
    }
    assert_true(mu_transport_counters(server.transport)->sockets_slow == 1);
    edge_disconnect(&client);
    while (mu_transport_connections(server.transport) > 0) {
        assert_int_equal(mu_transport_run_once(server.transport, 5), 0);
        assert_true(edge_now() < end_ms);
    }
    assert_true(server.closed == 1);
    edge_end(&server);
}

/* Clients that vanish at any point of a message; what they borrowed comes back. */
static void test_vanishing(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client client;
    uint8_t bytes[256];
    const struct frame first = { .head = 0x01, .payload = "abc" };
    const struct frame last = { .head = 0x80, .fill = 200 };
    (void)state;
    edge_options(&options);
    edge_start(&server, &options);
    size_t size = put_frame(&rng, &first, bytes);
    size += put_frame(&rng, &last, bytes + size);
    for (size_t sent = 0; sent <= size; sent++) {
        open_socket(&server, &client, "");
        assert_true(edge_send(&server, &client, (char *)bytes, sent));
        if (sent % 2 == 0) { /* with a reset */
            const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
            (void)setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        }
        edge_disconnect(&client);
        int64_t end_ms = edge_now() + EDGE_WAIT_MS;
        while (mu_transport_connections(server.transport) > 0) {
            assert_int_equal(mu_transport_run_once(server.transport, 5), 0);
            assert_true(edge_now() < end_ms);
        }
    }
    assert_true(server.opened == size + 1 && server.closed == size + 1);
    edge_end(&server);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_with_the_handshake),
        cmocka_unit_test(test_pings_and_silence),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_ping_flood),
        cmocka_unit_test(test_vanishing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
