/* tests/unit/test_transport.c - what the transport does over time: late answers, clients that
 * vanish, pipelines, deadlines.  The tables of bytes are in test_transport_http.c and
 * test_transport_ws.c, limits and draining in test_transport_limits.c. */
#include "tests/unit/edge_client.h"

#include <string.h>
#include <sys/socket.h>

#define HOST "Host: a\r\n"
#define HOLD "GET /hold HTTP/1.1\r\n" HOST "\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST "\r\n"

static void test_late_answer(void **state)
{
    struct edge_server server;
    struct edge_client client;
    (void)state;
    edge_start_plain(&server);
    edge_connect(&client, mu_transport_port(server.transport));
    for (uint32_t i = 1; i <= 3; i++) {
        char body[16];
        (void)snprintf(body, sizeof body, "answer %u", i);
        edge_text(&server, &client, HOLD);
        edge_until_number(&server, &server.requests, i);
        edge_turn(&server, &client, 20);
        assert_null(strstr(client.received, body));
        edge_answer(&server, server.held_id, body);
        edge_answer(&server, server.held_id, "a second one is dropped");
        edge_until(&server, &client, body);
    }
    assert_true(server.gone == 0);
    assert_true(mu_transport_counters(server.transport)->replies_dropped == 3);
    edge_disconnect(&client);
    edge_until_connections(&server, 0);
    assert_true(server.gone == 0);
    edge_end(&server);
}

/* The client leaves while its request is pending, in order or by a reset; the answer must not
 * reach whoever has the slot and the file descriptor next. */
static void test_client_vanishes(void **state)
{
    struct edge_server server;
    struct edge_client client, next;
    (void)state;
    edge_start_plain(&server);
    for (uint32_t i = 1; i <= 6; i++) {
        edge_connect(&client, mu_transport_port(server.transport));
        edge_text(&server, &client, HOLD);
        if (i % 3 == 0) { /* with more requests behind it, which must not upset evhttp */
            edge_text(&server, &client, GET GET GET);
        }
        edge_until_number(&server, &server.requests, 2 * i - 1);
        uint64_t id = server.held_id;
        if (i % 2 == 0) {
            edge_reset(&client);
        }
        edge_disconnect(&client);
        edge_until_number(&server, &server.gone, i);
        assert_true(server.gone_id == id);
        edge_connect(&next, mu_transport_port(server.transport));
        edge_text(&server, &next, HOLD);
        edge_until_number(&server, &server.requests, 2 * i);
        assert_true(server.held_id != id);
        edge_answer(&server, id, "for the one who left");
        edge_answer(&server, server.held_id, "for the next");
        edge_until(&server, &next, "for the next");
        assert_null(strstr(next.received, "who left"));
        edge_disconnect(&next);
        edge_until_connections(&server, 0);
    }
    assert_true(server.gone == 6);
    assert_true(mu_transport_counters(server.transport)->requests_gone == 6);
    edge_end(&server);
}

/* A client may pipeline while its request is pending, but not without end. */
static void test_pipelining_without_end(void **state)
{
    struct edge_server server;
    struct edge_client client;
    (void)state;
    edge_start_plain(&server);
    edge_connect(&client, mu_transport_port(server.transport));
    edge_text(&server, &client, HOLD);
    edge_until_number(&server, &server.requests, 1);
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (server.gone == 0) {
        (void)send(client.fd, GET GET GET GET, 4 * (sizeof GET - 1), MSG_NOSIGNAL);
        assert_int_equal(mu_transport_run_once(server.transport, 0), 0);
        assert_true(edge_now() < end_ms);
    }
    assert_true(server.requests == 1);
    edge_disconnect(&client);
    edge_end(&server);
}

static void test_pipelining(void **state)
{
    struct edge_server server;
    struct edge_client client;
    char requests[50 * 128], statuses[512];
    size_t used = 0, rest;
    (void)state;
    edge_start_plain(&server);
    edge_connect(&client, mu_transport_port(server.transport));
    for (int i = 0; i < 50; i++) {
        used +=
            (size_t)snprintf(requests + used, sizeof requests - used,
                             "POST /n%d HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n%04d", i, i);
    }
    edge_text(&server, &client, HOLD); /* the first answer comes last, and all wait for it */
    assert_true(edge_send(&server, &client, requests, used));
    edge_until_number(&server, &server.requests, 1);
    edge_turn(&server, &client, 20);
    assert_true(server.requests == 1 && client.used == 0);
    edge_answer(&server, server.held_id, "first");
    edge_until(&server, &client, "POST /n49? 4:0049");
    assert_int_equal(edge_statuses(&client, false, statuses, sizeof statuses, &rest), 51);
    const char *at = client.received;
    for (int i = 0; i < 50; i++) { /* in order */
        char line[32];
        (void)snprintf(line, sizeof line, "POST /n%d? 4:%04d", i, i);
        at = strstr(at, line);
        assert_non_null(at);
    }
    edge_disconnect(&client);
    edge_end(&server);
}

static void test_expect_continue(void **state)
{
    struct edge_server server;
    struct edge_client client;
    (void)state;
    edge_start_plain(&server);
    edge_connect(&client, mu_transport_port(server.transport));
    edge_text(&server, &client,
              "POST /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    edge_until(&server, &client, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_true(server.requests == 0);
    edge_text(&server, &client, "body");
    edge_until(&server, &client, "POST /x? 4:body");
    edge_disconnect(&client);
    /* Too large: refused before it is sent. */
    edge_connect(&client, mu_transport_port(server.transport));
    edge_text(&server, &client,
              "POST /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 400000\r\n\r\n");
    edge_until(&server, &client, "HTTP/1.1 413 ");
    assert_null(strstr(client.received, "100 Continue"));
    edge_disconnect(&client);
    edge_end(&server);
}

/* Sends `first`, then one byte of `more` every few milliseconds until it is cut; returns after
 * how many milliseconds that was. */
static int64_t drip(struct edge_server *server, const char *first, const char *more)
{
    struct edge_client client;
    int64_t start_ms = edge_now();
    edge_connect(&client, mu_transport_port(server->transport));
    edge_text(server, &client, first);
    size_t at = 0;
    while (!client.ended && edge_now() < start_ms + EDGE_WAIT_MS) {
        if (more[at] != '\0' && !edge_send(server, &client, more + at, 1)) {
            break;
        }
        at += more[at] != '\0';
        edge_turn(server, &client, 4);
    }
    assert_true(client.used == 0);
    edge_disconnect(&client);
    return edge_now() - start_ms;
}

static void test_slow_requests_are_cut(void **state)
{
    static const char *const beginnings[] = {
        "",
        "GET / HTTP/1.1\r\nX: ",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nFFF\r\n",
    };
    static char letters[8192];
    struct edge_server server;
    struct mu_transport_options options;
    (void)state;
    memset(letters, 'a', sizeof letters - 1);
    edge_options(&options);
    options.request_ms = 150;
    edge_start(&server, &options);
    /* However slow the test's machine is, none is cut before its time. */
    assert_true(drip(&server, "", "") >= 150);
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        assert_true(drip(&server, beginnings[i], letters) >= 150);
    }
    assert_true(mu_transport_counters(server.transport)->timeouts == 5);
    assert_true(server.requests == 0);
    edge_end(&server);
}

static void test_idle_is_cut(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client client;
    (void)state;
    edge_options(&options);
    options.idle_ms = 100;
    edge_start(&server, &options);
    edge_connect(&client, mu_transport_port(server.transport));
    int64_t start_ms = 0;
    for (uint32_t i = 1; i <= 3; i++) {
        start_ms = edge_now();
        edge_text(&server, &client, GET);
        edge_until_number(&server, &server.requests, i);
        edge_turn(&server, &client, 20);
    }
    edge_until_end(&server, &client);
    assert_true(edge_now() - start_ms >= 100);
    /* A pending request is not idle. */
    edge_disconnect(&client);
    edge_connect(&client, mu_transport_port(server.transport));
    edge_text(&server, &client, HOLD);
    start_ms = edge_now();
    while (edge_now() < start_ms + 250) {
        edge_turn(&server, &client, 10);
    }
    assert_false(client.ended);
    edge_answer(&server, server.held_id, "at last");
    edge_until(&server, &client, "at last");
    edge_disconnect(&client);
    edge_end(&server);
}

static void test_no_answer(void **state)
{
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client client;
    (void)state;
    edge_options(&options);
    options.pending_ms = 80;
    edge_start(&server, &options);
    edge_connect(&client, mu_transport_port(server.transport));
    edge_text(&server, &client, HOLD);
    edge_until_end(&server, &client);
    assert_non_null(strstr(client.received, "HTTP/1.1 504 "));
    assert_non_null(strstr(client.received, "application/problem+json"));
    assert_true(server.gone == 1 && server.gone_id == server.held_id);
    edge_answer(&server, server.held_id, "too late");
    assert_true(mu_transport_counters(server.transport)->replies_dropped == 1);
    edge_disconnect(&client);
    edge_end(&server);
}

static void test_large_answers(void **state)
{
    static const char huge[] = "GET /big?67108864 HTTP/1.1\r\n" HOST "\r\n";
    struct edge_server server;
    struct mu_transport_options options;
    struct edge_client client;
    char statuses[64];
    size_t rest;
    (void)state;
    edge_options(&options);
    options.send_ms = 300;
    edge_start(&server, &options);
    edge_connect(&client, mu_transport_port(server.transport));
    edge_text(&server, &client, "GET /big?900000 HTTP/1.1\r\n" HOST "\r\n");
    int64_t end_ms = edge_now() + EDGE_WAIT_MS;
    while (edge_statuses(&client, false, statuses, sizeof statuses, &rest) < 1) {
        edge_turn(&server, &client, 5);
        assert_true(edge_now() < end_ms);
    }
    assert_string_equal(statuses, "200");
    edge_disconnect(&client);
    /* Not read: cut after send_ms.  64 MB do not fit into the kernel's buffers. */
    edge_connect(&client, mu_transport_port(server.transport));
    assert_int_equal(send(client.fd, huge, sizeof huge - 1, MSG_NOSIGNAL), sizeof huge - 1);
    edge_until_number(&server, &server.requests, 2);
    edge_until_connections(&server, 0);
    assert_true(mu_transport_counters(server.transport)->timeouts == 1);
    edge_disconnect(&client);
    edge_end(&server);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv); /* nothing here is random */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_answer),
        cmocka_unit_test(test_client_vanishes),
        cmocka_unit_test(test_pipelining_without_end),
        cmocka_unit_test(test_pipelining),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_slow_requests_are_cut),
        cmocka_unit_test(test_idle_is_cut),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_large_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
