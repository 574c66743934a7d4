/* tests/unit/test_rules_faults.c - rule set documents that are refused, in which words; and that
 * any document is either refused with pointers into it, or is a good rule book.  Runs in the root
 * of the sources.
 *
 * Documents are tests/unit/rules/NAME.json; what is wrong with them is in NAME.faults beside it,
 * one fault a line, "pointer: what".  UPDATE=1 writes those. */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <string.h>

#include "tests/unit/rules_check.h"
#include "wire/utf8.h"

#define FOLDER       "tests/unit/rules/"
#define TEXT_MAX     (MU_RULES_TEXT_MAX + 64)
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { TREES = 20000, BYTES = 20000, PLACES_MAX = 1024, BROKEN = 3 };

static struct mu_rng rng;
static struct mu_rules base;
static struct mu_rules_fault faults[MU_RULES_FAULTS_MAX];
static struct mu_rulebook book;
static char document[TEXT_MAX];
static char expected[TEXT_MAX];
static char found[TEXT_MAX];

static const char *const good[] = {
    "block_list",   "different_characters", "even_teams",    "every_rule",  "extensions",
    "free_for_all", "hunters_and_monster",  "large_default", "large_match", "trio",
};

static const char *const bad[] = {
    "bad_attributes",  "bad_balanced",   "bad_comment",     "bad_copies", "bad_depth",
    "bad_exhaustive",  "bad_expansions", "bad_expressions", "bad_fields", "bad_kinds",
    "bad_large",       "bad_no_roles",   "bad_quality",     "bad_roles",  "bad_root",
    "bad_rules",       "bad_shapes",     "bad_statements",  "bad_syntax", "bad_teams",
    "bad_two_targets",
};

static size_t read_file(const char *name, const char *ending, char ret[TEXT_MAX])
{
    char path[128];
    (void)snprintf(path, sizeof path, FOLDER "%s%s", name, ending);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s: cannot be read", path);
    size_t size = fread(ret, 1, TEXT_MAX - 1, file);
    assert_int_equal(fclose(file), 0);
    ret[size] = '\0';
    return size;
}

static void write_file(const char *name, const char *ending, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, FOLDER "%s%s", name, ending);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        fail_msg("%s: cannot be written", path);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int compile(const char *text, size_t size)
{
    int count = mu_rules_compile(text, size, &base, 7, faults, MU_RULES_FAULTS_MAX, &book);
    assert_true(count >= 0 && count <= MU_RULES_FAULTS_MAX);
    for (int i = 0; i < count; i++) {
        assert_true(faults[i].what[0] != '\0');
        assert_true(mu_utf8_valid(faults[i].what, strlen(faults[i].what)));
    }
    if (count == 0) {
        rules_check_book(&book);
        mu_rulebook_release(&book);
    }
    return count;
}

/* The faults of a document in lines. */
static void list_faults(const char *name)
{
    size_t size = read_file(name, ".json", document);
    int count = compile(document, size);
    size_t used = 0;
    found[0] = '\0';
    for (int i = 0; i < count; i++) {
        used += (size_t)snprintf(found + used, sizeof found - used, "%s: %s\n", faults[i].pointer,
                                 faults[i].what);
    }
    assert_true(used < sizeof found);
}

static void test_refused(void **state)
{
    (void)state;
    const char *update = getenv("UPDATE");
    for (size_t i = 0; i < COUNT(bad); i++) {
        list_faults(bad[i]);
        if (update != NULL)
            write_file(bad[i], ".faults", found);
        (void)read_file(bad[i], ".faults", expected);
        assert_string_equal(found, expected);
        assert_true(found[0] != '\0');
    }
}

/* Every document in docs/RULES.md compiles. */
static void test_manual(void **state)
{
    (void)state;
    static const char begins[] = "```json\n";
    uint32_t count = 0;
    FILE *file = fopen("docs/RULES.md", "r");
    assert_non_null(file);
    size_t size = fread(document, 1, sizeof document - 1, file);
    assert_int_equal(fclose(file), 0);
    document[size] = '\0';
    for (char *text = document; (text = strstr(text, begins)) != NULL; count++) {
        text += sizeof begins - 1;
        const char *end = strstr(text, "\n```");
        assert_non_null(end);
        if (compile(text, (size_t)(end - text)) != 0)
            fail_msg("%.60s: %s: %s", text, faults[0].pointer, faults[0].what);
    }
    assert_true(count >= 4);
}

/* Nothing is written on a fault; how many there are is told also to who wants none of them. */
static void test_untouched(void **state)
{
    (void)state;
    size_t size = read_file("bad_teams", ".json", document);
    struct mu_rulebook untouched = { .shapes_count = 77 };
    int all = mu_rules_compile(document, size, &base, 7, faults, MU_RULES_FAULTS_MAX, &untouched);
    assert_true(all > 1);
    assert_int_equal(mu_rules_compile(document, size, &base, 7, NULL, 0, &untouched), all);
    memset(faults, 0x55, sizeof faults);
    assert_int_equal(mu_rules_compile(document, size, &base, 7, faults, 1, &untouched), all);
    assert_true(faults[1].what[0] == 0x55);
    assert_int_equal(untouched.shapes_count, 77);
}

static void test_sizes(void **state)
{
    (void)state;
    static char text[MU_RULES_TEXT_MAX + 2];
    memset(text, ' ', sizeof text);
    size_t size = read_file("trio", ".json", document);
    memcpy(text, document, size);
    assert_int_equal(compile(text, MU_RULES_TEXT_MAX), 0);
    assert_int_equal(compile(text, MU_RULES_TEXT_MAX + 1), 1);
    assert_string_equal(faults[0].pointer, "");
    assert_string_equal(faults[0].what, "has 65537 bytes, at most 65536 are taken");
    assert_int_equal(compile("", 0), 1);
    assert_int_equal(compile(NULL, 0), 1);
}

/* A key that does not fit into a pointer: the fault is at what holds it. */
static void test_long_pointer(void **state)
{
    (void)state;
    static char key[200];
    static char text[1024];
    memset(key, 'k', sizeof key - 1);
    (void)snprintf(
        text, sizeof text,
        "{\"teams\": [{\"name\": \"a\", \"minPlayers\": 1, \"maxPlayers\": 2, \"%s\": 1}]}", key);
    assert_int_equal(compile(text, strlen(text)), 1);
    assert_string_equal(faults[0].pointer, "/teams/0");
}

/* Reads one token of a pointer and goes there; NULL when there is nothing. */
static json_t *step_down(json_t *json, const char **pointer)
{
    char key[256];
    size_t used = 0;
    size_t index = 0;
    const char *c = *pointer + 1;
    for (; *c != '\0' && *c != '/' && used + 1 < sizeof key; c++) {
        char letter = *c;
        if (letter == '~') {
            c++;
            assert_true(*c == '0' || *c == '1');
            letter = *c == '0' ? '~' : '/';
        }
        index = index * 10 + (size_t)(letter - '0');
        key[used++] = letter;
    }
    key[used] = '\0';
    *pointer = c;
    return json_is_array(json) ? json_array_get(json, index) : json_object_get(json, key);
}

/* Whether a pointer, or what would hold it, is there. */
static bool resolves(json_t *root, const char *pointer)
{
    json_t *json = root;
    while (*pointer != '\0') {
        json_t *parent = json;
        assert_true(*pointer == '/');
        json = step_down(json, &pointer);
        if (json == NULL)
            return *pointer == '\0' && (json_is_object(parent) || json_is_array(parent));
    }
    return true;
}

/* A value in a tree, by what holds it. */
struct spot {
    json_t *parent;
    char key[64]; /* in an object */
    size_t index; /* in an array */
};

static struct spot spots[PLACES_MAX];
static uint32_t spots_count;

/* Bounded by the depth of the documents, which is not more than ten. */
static void collect(json_t *json) // NOLINT(misc-no-recursion)
{
    const char *key = NULL;
    json_t *value = NULL;
    size_t index = 0;
    json_object_foreach(json, key, value)
    {
        if (spots_count < PLACES_MAX && strlen(key) < sizeof spots[0].key) {
            spots[spots_count] = (struct spot){ .parent = json };
            memcpy(spots[spots_count++].key, key, strlen(key) + 1);
        }
        collect(value);
    }
    if (json_is_array(json)) {
        json_array_foreach(json, index, value)
        {
            if (spots_count < PLACES_MAX)
                spots[spots_count++] = (struct spot){ .parent = json, .index = index };
            collect(value);
        }
    }
}

static json_t *value_at(const struct spot *spot)
{
    return json_is_object(spot->parent) ? json_object_get(spot->parent, spot->key)
                                        : json_array_get(spot->parent, spot->index);
}

/* Takes value. */
static void put_at(const struct spot *spot, json_t *value)
{
    int r = json_is_object(spot->parent) ? json_object_set_new(spot->parent, spot->key, value)
                                         : json_array_set_new(spot->parent, spot->index, value);
    assert_int_equal(r, 0);
}

static json_t *any_value(void)
{
    static const char *const strings[] = {
        "",
        "500",
        "teams[*].players",
        "avg(teams[red].players.rating)",
        "players.attributes[skill]",
        "flatten(teams[*].players[playerId])",
        "rules[FairTeamSkill].maxDistance",
        "or(A, not(B))",
        "balanced",
        "distance",
        "<",
        "skill",
        "\xc3\xa9\xe2\x82\xac",
        "[](),*",
        "-1e3",
        "a/b~c",
        "teams[*].minPlayers",
        "number",
        "string_list",
        "contains",
        "sorted",
        "compound",
    };
    static const double numbers[] = { 0, 1, -1, 2, 3, 5, 8, 0.5, 40, 41, 200, 201, 1e9, -1e300 };
    switch (mu_rng_below(&rng, 7)) {
    case 0: return json_null();
    case 1: return json_boolean(mu_rng_below(&rng, 2));
    case 2: return json_array();
    case 3: return json_object();
    case 4:
    case 5: return json_string(strings[mu_rng_below(&rng, COUNT(strings))]);
    default: return json_real(numbers[mu_rng_below(&rng, COUNT(numbers))]);
    }
}

static void mutate_tree(json_t *root)
{
    spots_count = 0;
    collect(root);
    if (spots_count == 0)
        return;
    const struct spot *spot = &spots[mu_rng_below(&rng, spots_count)];
    const struct spot *other = &spots[mu_rng_below(&rng, spots_count)];
    switch (mu_rng_below(&rng, 5)) {
    case 0:
        if (json_is_object(spot->parent)) {
            (void)json_object_del(spot->parent, spot->key); /* it is there */
        } else {
            (void)json_array_remove(spot->parent, spot->index); /* it is there */
        }
        break;
    case 1: put_at(spot, any_value()); break;
    case 2: put_at(spot, json_deep_copy(value_at(other))); break;
    case 3:
        if (json_is_array(spot->parent))
            (void)json_array_append_new(spot->parent, json_deep_copy(value_at(spot))); /* room */
        break;
    default:
        if (json_is_object(spot->parent) && other->key[0] != '\0')
            (void)json_object_set_new(spot->parent, other->key, any_value()); /* a value */
        break;
    }
}

static json_t *load_tree(const char *name)
{
    size_t size = read_file(name, ".json", document);
    /* Comments are not for this parser. */
    for (char *c = document; (c = strstr(c, "//")) != NULL;)
        memset(c, ' ', strcspn(c, "\n"));
    char *begin = strstr(document, "/*");
    char *end = strstr(document, "*/");
    if (begin != NULL && end != NULL)
        memset(begin, ' ', (size_t)(end + 2 - begin));
    json_t *root = json_loadb(document, size, 0, NULL);
    assert_non_null(root);
    return root;
}

/* Any tree is refused with pointers that lead somewhere, or compiles. */
static void test_trees(void **state)
{
    (void)state;
    uint32_t fine = 0;
    for (uint32_t i = 0; i < TREES; i++) {
        json_t *root = load_tree(good[mu_rng_below(&rng, COUNT(good))]);
        for (uint64_t n = mu_rng_below(&rng, BROKEN) + 1; n > 0; n--)
            mutate_tree(root);
        char *text = json_dumps(root, JSON_COMPACT);
        assert_non_null(text);
        int count = compile(text, strlen(text));
        fine += count == 0;
        for (int k = 0; k < count; k++) {
            if (!resolves(root, faults[k].pointer))
                fail_msg("%s: %s %s", text, faults[k].pointer, faults[k].what);
        }
        free(text);
        json_decref(root);
    }
    assert_true(fine > TREES / 50 && fine < TREES / 2);
}

/* Any bytes are refused or compile. */
static void test_bytes(void **state)
{
    (void)state;
    static const char signs[] = "{}[],:\"\\/*0159-.eE \nateams(){}";
    for (uint32_t i = 0; i < BYTES; i++) {
        size_t size = read_file(good[mu_rng_below(&rng, COUNT(good))], ".json", document);
        for (uint64_t n = mu_rng_below(&rng, 4) + 1; n > 0; n--) {
            size_t at = (size_t)mu_rng_below(&rng, size);
            uint8_t byte = (uint8_t)mu_rng_below(&rng, 256);
            document[at] = signs[mu_rng_below(&rng, sizeof signs - 1)];
            if (mu_rng_below(&rng, 4) == 0)
                memcpy(document + at, &byte, 1);
        }
        (void)compile(document, mu_rng_below(&rng, 8) == 0 ? mu_rng_below(&rng, size) : size);
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    rules_check_base(&base);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),      cmocka_unit_test(test_manual),
        cmocka_unit_test(test_untouched),    cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_long_pointer), cmocka_unit_test(test_trees),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
