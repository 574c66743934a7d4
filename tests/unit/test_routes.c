/* tests/unit/test_routes.c - paths and methods to routes; 404, 405 and OPTIONS. */
#include "gateway/routes.h"

#include "tests/unit/unit.h"

#include <string.h>

static struct mu_routed routed;

static enum mu_route_result find(enum mu_http_method method, const char *path)
{
    memset(&routed, 0, sizeof routed);
    return mu_route_find(method, path, false, false, &routed);
}

static void test_finds_every_route(void **state)
{
    (void)state;
    for (int i = 0; i < MU_ROUTES_COUNT; i++) {
        const struct mu_route *route = mu_route_at((enum mu_route_id)i);
        char path[256] = "";
        size_t used = 0;
        uint32_t params = 0;
        for (const char *p = route->pattern; *p != '\0'; p++) {
            if (*p == '{') {
                used += (size_t)snprintf(path + used, sizeof path - used, "x%u", params++);
                p += strcspn(p, "}");
            } else {
                path[used++] = *p;
                path[used] = '\0';
            }
        }
        assert_int_equal(
            mu_route_find(route->method, path, route->where == MU_ROUTE_ADMIN, false, &routed),
            MU_ROUTE_FOUND);
        assert_ptr_equal(routed.route, route);
        assert_int_equal(routed.params_count, params);
        assert_true(strlen(route->doc) > 0);
    }
}

static void test_decodes_parameters(void **state)
{
    (void)state;
    assert_int_equal(find(MU_HTTP_GET, "/v1/players/ply%5F1%2Fx"), MU_ROUTE_FOUND);
    assert_int_equal(routed.route->id, MU_ROUTE_player_get);
    assert_string_equal(routed.params[0], "ply_1/x");
    assert_int_equal(find(MU_HTTP_HEAD, "/v1/players/a"), MU_ROUTE_FOUND);
    assert_int_equal(routed.route->id, MU_ROUTE_player_get);
    assert_int_equal(find(MU_HTTP_GET, "/v1/players/register"), MU_ROUTE_FOUND);
    assert_int_equal(routed.route->id, MU_ROUTE_player_get);
    assert_int_equal(find(MU_HTTP_POST, "/v1/players/register"), MU_ROUTE_FOUND);
    assert_int_equal(routed.route->id, MU_ROUTE_player_register);
}

static void test_refuses_other_paths(void **state)
{
    static const char *const paths[] = {
        "/",
        "",
        "/v1",
        "/v1/",
        "/v2/players/a",
        "/v1/players",
        "/v1/players/",
        "//v1/players/a",
        "/v1/players/a/",
        "/v1/players/a/b",
        "/v1//players/a",
        "/V1/players/a",
        "/v1/player%73/a",
        "/v1/players/%00",
        "/v1/players/%zz",
        "/v1/players/%",
        "/v1/lobbies/a/b/start",
        "v1/players/a",
        "/v1/players/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "/metrics",
    };
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        for (int method = MU_HTTP_GET; method <= MU_HTTP_OPTIONS; method++) {
            assert_int_equal(find((enum mu_http_method)method, paths[i]), MU_ROUTE_NOT_FOUND);
        }
    }
}

static void test_tells_which_methods_a_path_takes(void **state)
{
    (void)state;
    assert_int_equal(find(MU_HTTP_PUT, "/v1/players/a"), MU_ROUTE_NOT_ALLOWED);
    assert_string_equal(routed.allow, "GET, HEAD, PATCH, OPTIONS");
    assert_int_equal(find(MU_HTTP_DELETE, "/v1/players/register"), MU_ROUTE_NOT_ALLOWED);
    assert_string_equal(routed.allow, "GET, HEAD, POST, PATCH, OPTIONS");
    assert_int_equal(find(MU_HTTP_OPTIONS, "/v1/matches/a"), MU_ROUTE_OPTIONS);
    assert_string_equal(routed.allow, "GET, HEAD, PUT, OPTIONS");
    assert_int_equal(find(MU_HTTP_HEAD, "/v1/lobbies"), MU_ROUTE_NOT_ALLOWED);
    assert_string_equal(routed.allow, "POST, OPTIONS");
}

static void test_keeps_listeners_apart(void **state)
{
    (void)state;
    assert_int_equal(mu_route_find(MU_HTTP_GET, "/metrics", true, false, &routed), MU_ROUTE_FOUND);
    assert_int_equal(mu_route_find(MU_HTTP_GET, "/metrics", false, true, &routed), MU_ROUTE_FOUND);
    assert_int_equal(mu_route_find(MU_HTTP_GET, "/readyz", true, false, &routed), MU_ROUTE_FOUND);
    assert_int_equal(mu_route_find(MU_HTTP_GET, "/readyz", false, false, &routed), MU_ROUTE_FOUND);
    assert_int_equal(mu_route_find(MU_HTTP_GET, "/v1/players/a", true, false, &routed),
                     MU_ROUTE_NOT_FOUND);
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_every_route),
        cmocka_unit_test(test_decodes_parameters),
        cmocka_unit_test(test_refuses_other_paths),
        cmocka_unit_test(test_tells_which_methods_a_path_takes),
        cmocka_unit_test(test_keeps_listeners_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
