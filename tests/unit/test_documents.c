/* tests/unit/test_documents.c - the documents tell of every route, body, event and refusal. */
#include "gateway/documents.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/operations.h"
#include "wire/msg.h"

/* A row of operations.def or actions.def that is missing is found here. */
static void test_every_route_answers(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MU_ROUTES_COUNT; i++) {
        const struct mu_route *route = mu_route_at((enum mu_route_id)i);
        uint32_t good = 0;
        struct mu_answer answer;
        for (uint32_t n = 0; mu_operation_answer(route->id, n, &answer); n++) {
            assert_true(n < 4 && strlen(answer.when) > 0);
            good += answer.status >= 200 && answer.status < 300 ? 1 : 0;
        }
        if (good == 0) {
            fail_msg("gateway/operations.def has no ANSWER of %s", route->pattern);
        }
    }
}

static void test_bodies_are_of_routes_that_take_one(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MU_ROUTES_COUNT; i++) {
        const struct mu_route *route = mu_route_at((enum mu_route_id)i);
        bool told = mu_operation_body(route->id) != MU_SCHEMAS_COUNT;
        assert_true(!told || mu_operation_has_body(route));
        assert_true(!told || !route->text);
        bool creates =
            route->method == MU_HTTP_POST && route->keyed && route->id != MU_ROUTE_server_drain;
        if (creates && !told) {
            fail_msg("gateway/operations.def has no BODY of %s", route->pattern);
        }
    }
}

static bool refuses(const struct mu_codes *codes, uint32_t error)
{
    for (uint32_t i = 0; i < codes->count; i++) {
        if (codes->at[i] == error) {
            return true;
        }
    }
    return false;
}

static void test_refusals_follow_from_the_row(void **state)
{
    struct mu_codes codes;
    (void)state;
    for (uint32_t i = 0; i < MU_ROUTES_COUNT; i++) {
        const struct mu_route *route = mu_route_at((enum mu_route_id)i);
        mu_operation_codes(route, &codes);
        assert_true(refuses(&codes, MU_ERROR_UNAUTHORIZED));
        assert_int_equal(refuses(&codes, MU_ERROR_FORBIDDEN), route->who != MU_ROUTE_ANYONE);
        assert_int_equal(refuses(&codes, MU_ERROR_RATE_LIMITED), route->limited);
        assert_int_equal(refuses(&codes, MU_ERROR_IDEMPOTENCY_KEY_REUSED), route->keyed);
        assert_int_equal(refuses(&codes, MU_ERROR_UNAVAILABLE), !route->local);
    }
    mu_operation_codes(mu_route_at(MU_ROUTE_lobby_join), &codes);
    assert_true(refuses(&codes, MU_ERROR_WRONG_PASSWORD));
    assert_false(refuses(&codes, MU_ERROR_RESULT_CONFLICT));
}

/* Every kind of event is one of the options of Event, under its own type, and only once. */
static void test_every_event_has_a_schema(void **state)
{
    uint32_t kinds = 0;
    (void)state;
    for (; mu_event_kind_texts[kinds].text != NULL; kinds++) {
        uint32_t found = 0;
        for (uint32_t n = 0; n < mu_schema_options(MU_SCHEMA_Event); n++) {
            const char *type = mu_schema_only_word(mu_schema_option(MU_SCHEMA_Event, n), "type");
            assert_non_null(type);
            found += strcmp(type, mu_event_kind_texts[kinds].text) == 0 ? 1 : 0;
        }
        if (found != 1) {
            fail_msg("gateway/schemas.def has %u of event %s", found,
                     mu_event_kind_texts[kinds].text);
        }
    }
    assert_int_equal(mu_schema_options(MU_SCHEMA_Event), kinds);
}

static const char *const actions[] = {
#define ACTION(NAME, name, doc) #NAME,
#include "gateway/actions.def"
#undef ACTION
};

/* The same of every action, which is answered with something that the gateway says. */
static void test_every_action_has_a_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        uint32_t found = 0;
        bool said = false;
        for (uint32_t n = 0; n < mu_schema_options(MU_SCHEMA_Asked); n++) {
            const char *action =
                mu_schema_only_word(mu_schema_option(MU_SCHEMA_Asked, n), "action");
            assert_non_null(action);
            found += strcmp(action, actions[i]) == 0 ? 1 : 0;
        }
        for (uint32_t n = 0; n < mu_schema_options(MU_SCHEMA_Said); n++) {
            said = said || mu_schema_option(MU_SCHEMA_Said, n) == mu_operation_reply(actions[i]);
        }
        if (found != 1 || !said) {
            fail_msg("gateway/schemas.def or operations.def lacks action %s", actions[i]);
        }
    }
    assert_int_equal(mu_schema_options(MU_SCHEMA_Asked), sizeof actions / sizeof actions[0]);
}

static void test_roles_are_those_of_the_route(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MU_OPERATION_ROLES; i++) {
        bool player = strcmp(mu_operation_role(i), "player") == 0;
        bool server = strcmp(mu_operation_role(i), "server") == 0;
        bool operator= strcmp(mu_operation_role(i), "operator") == 0;
        assert_true(mu_operation_role_may(i, MU_ROUTE_EVERYONE));
        assert_int_equal(mu_operation_role_may(i, MU_ROUTE_CLIENTS), !server);
        assert_int_equal(mu_operation_role_may(i, MU_ROUTE_SERVERS), !player);
        assert_int_equal(mu_operation_role_may(i, MU_ROUTE_BACKENDS), !player && !server);
        assert_int_equal(mu_operation_role_may(i, MU_ROUTE_OPERATORS), operator);
    }
}

/* Writes a document; the caller frees it. */
static char *written(void (*write)(struct mu_json_writer *writer))
{
    struct mu_json_writer writer;
    char *text = malloc(MU_DOCUMENT_BYTES_MAX + 1);
    assert_non_null(text);
    mu_json_writer_init(&writer, text, MU_DOCUMENT_BYTES_MAX);
    write(&writer);
    assert_true(mu_json_complete(&writer));
    text[writer.used] = '\0';
    return text;
}

static void test_openapi_tells_of_every_route(void **state)
{
    (void)state;
    char *text = written(mu_openapi_write);
    for (uint32_t i = 0; i < MU_ROUTES_COUNT; i++) {
        char key[160];
        (void)snprintf(key, sizeof key, "\"%s\":{", mu_route_at((enum mu_route_id)i)->pattern);
        assert_non_null(strstr(text, key));
    }
    assert_non_null(strstr(text, "\"required\":[\"username\",\"region\"]"));
    assert_non_null(strstr(text, "\"minLength\":3,\"maxLength\":30"));
    free(text);
}

static void test_asyncapi_tells_of_every_message(void **state)
{
    static const enum mu_schema_id unions[] = { MU_SCHEMA_Asked, MU_SCHEMA_Said, MU_SCHEMA_Event };
    char key[160];
    (void)state;
    char *text = written(mu_asyncapi_write);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        (void)snprintf(key, sizeof key, "\"%s\":{\"action\":\"receive\"", actions[i]);
        assert_non_null(strstr(text, key));
    }
    for (size_t u = 0; u < sizeof unions / sizeof unions[0]; u++) {
        for (uint32_t n = 0; n < mu_schema_options(unions[u]); n++) {
            (void)snprintf(key, sizeof key, "{\"$ref\":\"#/channels/player/messages/%s\"}",
                           mu_schema_name(mu_schema_option(unions[u], n)));
            assert_non_null(strstr(text, key));
        }
    }
    free(text);
}

/* Also those that no document needs now: fields of ALSO, which is one level deep, are written. */
static void test_every_schema_can_be_written(void **state)
{
    static char text[MU_DOCUMENT_BYTES_MAX];
    struct mu_json_writer writer;
    bool all[MU_SCHEMAS_COUNT];
    (void)state;
    for (uint32_t i = 0; i < MU_SCHEMAS_COUNT; i++) {
        all[i] = true;
        assert_true(strlen(mu_schema_doc((enum mu_schema_id)i)) > 0);
    }
    mu_json_writer_init(&writer, text, sizeof text);
    mu_json_object_begin(&writer);
    mu_schemas_write(&writer, all);
    mu_json_object_end(&writer);
    assert_true(mu_json_complete(&writer));
}

int main(int argc, char **argv)
{
    (void)unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_answers),
        cmocka_unit_test(test_bodies_are_of_routes_that_take_one),
        cmocka_unit_test(test_refusals_follow_from_the_row),
        cmocka_unit_test(test_every_event_has_a_schema),
        cmocka_unit_test(test_every_action_has_a_schema),
        cmocka_unit_test(test_roles_are_those_of_the_route),
        cmocka_unit_test(test_openapi_tells_of_every_route),
        cmocka_unit_test(test_asyncapi_tells_of_every_message),
        cmocka_unit_test(test_every_schema_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
