/* tests/unit/test_transport_limits.c - how many connections there may be, how it all ends, and
 * requests with random damage. */
#include "tests/unit/edge_client.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "core/counters.h"

#define HOST "Host: a\r\n"
#define HOLD "GET /hold HTTP/1.1\r\n" HOST "\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST "\r\n"
#define UPGRADE                                                                                    \
    HOST "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"              \
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static struct mu_rng rng;

static void test_connections_of_an_address(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client clients[3], more, admin;
    (void)state;
    edge_options(&options);
    options.connections_max = 4;
    options.per_address_max = 3;
    options.admin_address = "127.0.0.1";
    edge_start(&server, &options);
    uint16_t port = mu_transport_port(server.transport);
    for (int i = 0; i < 3; i++) {
        edge_connect(&clients[i], port);
        edge_text(&server, &clients[i], GET);
        edge_until(&server, &clients[i], "200 OK");
    }
    edge_connect(&more, port);
    edge_until_end(&server, &more);
    assert_non_null(strstr(more.received, "HTTP/1.1 429 "));
    assert_non_null(strstr(more.received, "Retry-After: 1\r\n"));
    assert_true(mu_transport_counters(server.transport)->refused_address == 1);
    struct mu_counters shown = { 0 };
    mu_transport_export(server.transport, &shown);
    assert_true(shown.values[MU_COUNTER_CONNECTIONS_REFUSED] == 1);
    assert_true(shown.values[MU_COUNTER_CONNECTIONS] == mu_transport_connections(server.transport));
    edge_disconnect(&more);
    /* The admin listener is not counted, and has no WebSocket. */
    edge_connect(&admin, mu_transport_admin_port(server.transport));
    edge_text(&server, &admin, "GET /ws HTTP/1.1\r\n" UPGRADE);
    edge_until(&server, &admin, "GET /ws? 0: auth= type= key= origin= admin");
    edge_disconnect(&admin);
    edge_disconnect(&clients[0]);
    edge_until_connections(&server, 2);
    edge_connect(&more, port);
    edge_text(&server, &more, GET);
    edge_until(&server, &more, "200 OK");
    edge_disconnect(&more);
    edge_disconnect(&clients[1]);
    edge_disconnect(&clients[2]);
    edge_until_connections(&server, 0);
    edge_end(&server);
}

static void test_connections_together(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client clients[4], admin;
    (void)state;
    edge_options(&options);
    options.connections_max = 2;
    options.admin_address = "127.0.0.1";
    edge_start(&server, &options);
    for (int i = 0; i < 4; i++) {
        edge_connect(&clients[i], mu_transport_port(server.transport));
    }
    edge_until_end(&server, &clients[2]);
    edge_until_end(&server, &clients[3]);
    assert_non_null(strstr(clients[2].received, "HTTP/1.1 503 "));
    assert_non_null(strstr(clients[3].received, "OVERLOADED"));
    assert_true(mu_transport_counters(server.transport)->refused_total == 2);
    edge_text(&server, &clients[0], GET);
    edge_until(&server, &clients[0], "200 OK");
    edge_connect(&admin, mu_transport_admin_port(server.transport));
    edge_text(&server, &admin, GET);
    edge_until(&server, &admin, "200 OK");
    for (int i = 0; i < 4; i++) {
        edge_disconnect(&clients[i]);
    }
    edge_disconnect(&admin);
    edge_end(&server);
}

/* More connections in one turn than arrivals are noted in one turn. */
static void test_burst_of_connections(void **state)
{
    enum { BURST = 200 };
    static struct edge_client clients[BURST];
    struct edge_server server;
    (void)state;
    edge_start_plain(&server);
    for (int i = 0; i < BURST; i++) {
        edge_connect(&clients[i], mu_transport_port(server.transport));
    }
    edge_until_connections(&server, BURST);
    for (int i = 0; i < BURST; i++) {
        edge_text(&server, &clients[i], GET);
        edge_until(&server, &clients[i], "200 OK");
    }
    mu_transport_check(server.transport);
    for (int i = 0; i < BURST; i++) {
        edge_disconnect(&clients[i]);
    }
    edge_until_connections(&server, 0);
    edge_end(&server);
}

/* Without file descriptors the loop must not spin, and must go on when there are some. */
static void test_no_file_descriptors(void **state)
{
    struct edge_server server;
    struct edge_client client, next;
    struct rlimit old;
    (void)state;
    edge_start_plain(&server);
    edge_connect(&client, mu_transport_port(server.transport));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    const struct rlimit none = { .rlim_cur = (rlim_t)client.fd + 1, .rlim_max = old.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int64_t start_ms = edge_now();
    uint32_t turns = 0;
    while (edge_now() < start_ms + 300) {
        assert_int_equal(mu_transport_run_once(server.transport, 100), 0);
        turns++;
    }
    uint32_t connections = mu_transport_connections(server.transport);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(connections, 0);
    assert_in_range(turns, 1, 100);
    /* Under valgrind, which counts file descriptors its own way, the first is lost. */
    edge_connect(&next, mu_transport_port(server.transport));
    edge_text(&server, &next, GET);
    edge_until(&server, &next, "200 OK");
    edge_disconnect(&next);
    (void)edge_send(&server, &client, GET, sizeof GET - 1);
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (!client.ended && strstr(client.received, "200 OK") == NULL) {
        edge_turn(&server, &client, 5);
        assert_true(edge_now() < end_ms);
    }
    edge_disconnect(&client);
    edge_end(&server);
}

static void test_upgrade_decided_later(void **state)
{
    struct edge_server server;
    struct edge_client client;
    (void)state;
    edge_start_plain(&server);
    edge_connect(&client, mu_transport_port(server.transport));
    edge_text(&server, &client, "GET /ws?hold HTTP/1.1\r\n" UPGRADE);
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (server.held_id == 0) {
        edge_turn(&server, &client, 5);
        assert_true(edge_now() < end_ms);
    }
    edge_answer(&server, server.held_id, "no");
    edge_until(&server, &client, "HTTP/1.1 200 OK");
    edge_text(&server, &client, GET); /* still HTTP */
    edge_until(&server, &client, "GET /?");
    server.held_id = 0;
    edge_text(&server, &client, "GET /ws?hold HTTP/1.1\r\n" UPGRADE);
    while (server.held_id == 0) {
        edge_turn(&server, &client, 5);
        assert_true(edge_now() < end_ms);
    }
    edge_disconnect(&client);
    edge_until_number(&server, &server.gone, 1);
    assert_true(server.opened == 0 && server.closed == 0);
    edge_end(&server);
}

static void test_drain(void **state)
{
    static const char close_frame[] = "\x88\x19\x03\xe9the gateway is stopping";
    struct edge_server server;
    struct edge_client idle, silent, pending, partial, socket;
    (void)state;
    edge_start_plain(&server);
    uint16_t port = mu_transport_port(server.transport);
    edge_connect(&idle, port);
    edge_text(&server, &idle, GET);
    edge_until(&server, &idle, "200 OK");
    edge_connect(&silent, port);
    edge_connect(&pending, port);
    edge_text(&server, &pending, HOLD);
    edge_connect(&partial, port);
    edge_text(&server, &partial, "POST /p HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nab");
    edge_connect(&socket, port);
    edge_text(&server, &socket, "GET /ws HTTP/1.1\r\n" UPGRADE);
    edge_until(&server, &socket, "101 Switching");
    edge_until_number(&server, &server.requests, 2);
    edge_until_connections(&server, 5);

    mu_transport_stop(server.transport, 0);
    mu_transport_stop(server.transport, 0);
    edge_until_end(&server, &idle);
    edge_until_end(&server, &silent);
    edge_until_end(&server, &socket);
    assert_memory_equal(socket.received + socket.used - 27, close_frame, 27);
    assert_true(server.closed == 1);
    assert_false(mu_transport_drained(server.transport));
    edge_text(&server, &partial, "cd");
    edge_until(&server, &partial, "POST /p? 4:abcd");
    assert_non_null(strstr(partial.received, "Connection: close"));
    edge_until_end(&server, &partial);
    edge_answer(&server, server.held_id, "in time");
    edge_until(&server, &pending, "in time");
    edge_until_end(&server, &pending);
    edge_disconnect(&socket);
    edge_until_connections(&server, 0);
    assert_true(mu_transport_drained(server.transport));
    edge_disconnect(&idle);
    edge_disconnect(&silent);
    edge_disconnect(&pending);
    edge_disconnect(&partial);
    edge_end(&server);
}

static void test_drain_is_bounded(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client client;
    (void)state;
    edge_options(&options);
    options.drain_ms = 100;
    edge_start(&server, &options);
    edge_connect(&client, mu_transport_port(server.transport));
    edge_text(&server, &client, HOLD);
    edge_until_number(&server, &server.requests, 1);
    mu_transport_stop(server.transport, 0);
    int64_t start_ms = edge_now();
    while (!mu_transport_drained(server.transport)) {
        edge_turn(&server, &client, 10);
        assert_true(edge_now() < start_ms + EDGE_WAIT_MS);
    }
    assert_true(edge_now() - start_ms >= 99); /* it began within a millisecond before */
    assert_true(server.gone == 1);
    edge_disconnect(&client);
    edge_end(&server);
}

/* Destroyed with connections in every state; the sanitizers look for what is left. */
static void test_destroy_in_the_middle(void **state)
{
    static const char *const openings[] = {
        "",
        "GET",
        GET,
        HOLD,
        HOLD GET,
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nab",
        "GET /ws HTTP/1.1\r\n" UPGRADE,
        "GET /ws HTTP/1.1\r\n" UPGRADE "\x81\x85",
        "BAD\r\n\r\n",
        "GET /big?8000000 HTTP/1.1\r\n" HOST "\r\n",
    };
    enum { OPENINGS = sizeof openings / sizeof openings[0] };
    struct edge_server server;
    struct edge_client clients[OPENINGS];
    (void)state;
    edge_start_plain(&server);
    for (int i = 0; i < OPENINGS; i++) {
        edge_connect(&clients[i], mu_transport_port(server.transport));
        (void)send(clients[i].fd, openings[i], strlen(openings[i]), MSG_NOSIGNAL);
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(mu_transport_run_once(server.transport, 2), 0);
    }
    uint32_t gone = server.gone, closed = server.closed;
    edge_end(&server);
    assert_true(server.gone == gone && server.closed == closed);
    for (int i = 0; i < OPENINGS; i++) {
        edge_disconnect(&clients[i]);
    }
}

static const char *const seeds[] = {
    GET GET,
    HOLD GET,
    "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello" GET,
    "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" GET,
    "POST /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    "GET /ws HTTP/1.1\r\n" UPGRADE "\x81\x85\x01\x02\x03\x04\x69\x67\x6f\x68\x6e",
    "GET http://a.example/x?y HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
};

/* A seed with up to three bytes changed, taken out or doubled.  Returns its size. */
static size_t mutate(char *bytes, size_t room)
{
    const char *seed = seeds[mu_rng_below(&rng, sizeof seeds / sizeof seeds[0])];
    size_t size = (size_t)snprintf(bytes, room, "%s", seed);
    for (uint64_t i = mu_rng_below(&rng, 4); i > 0; i--) {
        size_t at = (size_t)mu_rng_below(&rng, size);
        switch (mu_rng_below(&rng, 3)) {
        case 0: bytes[at] = (char)mu_rng_next(&rng); break;
        case 1:
            memmove(bytes + at, bytes + at + 1, size - at - 1);
            size--;
            break;
        default:
            memmove(bytes + at + 1, bytes + at, size - at);
            size++;
            break;
        }
    }
    return size;
}

/* Nothing but an answer or an end may come of a damaged request. */
static void test_mutations(void **state)
{
    struct edge_server server;
    struct edge_client client;
    (void)state;
    edge_start_plain(&server);
    for (int round = 0; round < 3000; round++) {
        char bytes[512];
        size_t size = mutate(bytes, sizeof bytes - 4);
        edge_connect(&client, mu_transport_port(server.transport));
        size_t cut = (size_t)mu_rng_below(&rng, size + 1);
        (void)edge_send(&server, &client, bytes, cut);
        (void)edge_send(&server, &client, bytes + cut, size - cut);
        edge_turn(&server, &client, 0);
        assert_true(client.used == 0 || strncmp(client.received, "HTTP/1.", 7) == 0);
        if (strstr(client.received, "<HTML") != NULL) {
            fail_msg("round %d: '%.*s' gave:\n%s", round, (int)size, bytes, client.received);
        }
        if (round % 2 == 0) {
            edge_reset(&client);
        }
        edge_disconnect(&client);
    }
    edge_until_connections(&server, 0);
    assert_true(server.opened == server.closed);
    edge_end(&server);
}

/* The bounds that clients are promised. */
static void test_default_options(void **state)
{
    struct mu_transport_options options;
    (void)state;
    mu_transport_options_init(&options);
    assert_int_equal(options.body_bytes_max, 65536);
    assert_int_equal(options.header_bytes_max, 16384);
    assert_int_equal(options.unread_bytes_max, 262144);
    assert_int_equal(options.request_ms, 10000);
    assert_int_equal(options.idle_ms, 60000);
    assert_int_equal(options.pong_ms, 40000);
    assert_true(options.ping_ms * 2 <= options.pong_ms); /* one ping may be lost */
}

static void test_bad_options(void **state)
{
    struct mu_transport_options options;
    struct mu_transport *transport = NULL;
    struct edge_server server;
    (void)state;
    edge_start_plain(&server);
    edge_options(&options);
    options.address = "localhost"; /* no names: they would need a resolver */
    assert_int_equal(edge_try(&options, &transport), -EINVAL);
    edge_options(&options);
    options.connections_max = 0;
    assert_int_equal(edge_try(&options, &transport), -EINVAL);
    edge_options(&options);
    options.ping_ms = 0;
    assert_int_equal(edge_try(&options, &transport), -EINVAL);
    edge_options(&options);
    options.body_bytes_max = MU_HTTP_BODY_MAX + 1;
    assert_int_equal(edge_try(&options, &transport), -EINVAL);
    edge_options(&options);
    options.port = mu_transport_port(server.transport);
    assert_int_equal(edge_try(&options, &transport), -EADDRINUSE);
    edge_options(&options);
    options.admin_address = "256.0.0.1";
    assert_int_equal(edge_try(&options, &transport), -EINVAL);
    assert_null(transport);
    edge_options(&options);
    options.address = "::1";
    if (edge_try(&options, &transport) == 0) { /* where there is IPv6 */
        assert_true(mu_transport_port(transport) != 0);
        mu_transport_destroy(transport);
    }
    mu_transport_destroy(NULL);
    edge_end(&server);
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections_of_an_address),
        cmocka_unit_test(test_connections_together),
        cmocka_unit_test(test_burst_of_connections),
        cmocka_unit_test(test_no_file_descriptors),
        cmocka_unit_test(test_upgrade_decided_later),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_drain_is_bounded),
        cmocka_unit_test(test_destroy_in_the_middle),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_default_options),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
