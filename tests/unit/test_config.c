/* The configuration file: what loads, what is refused and in which words, and that muster.yaml
 * shows the defaults.  Runs in the root of the sources. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/config_yaml.h"

static struct mu_rng rng;
static struct mu_config config;
static char error[MU_CONFIG_ERROR_MAX];

#define FOLDER "tests/unit/config/"

static int load(const char *path)
{
    memset(&config, 0xa5, sizeof config); /* so that what is not written shows */
    return mu_config_load(path, &config, error, sizeof error);
}

static void test_defaults(void **state)
{
    (void)state;
    static struct mu_config defaults;
    mu_config_default(&defaults);
    assert_int_equal(load(NULL), 0);
    assert_string_equal(error, "");
    assert_memory_equal(&config, &defaults, sizeof config);
    assert_int_equal(mu_config_check(&config, NULL, 0), 0);
}

static void test_example_equals_defaults(void **state)
{
    (void)state;
    static struct mu_config defaults;
    mu_config_default(&defaults);
    int r = load("muster.yaml");
    assert_string_equal(error, "");
    assert_int_equal(r, 0);
    assert_memory_equal(&config, &defaults, sizeof config);
}

/* Equal values could also come from lines that are missing: each setting must be shown, in the
 * words of docs/SETTINGS.md. */
static void test_example_shows_all(void **state)
{
    (void)state;
    static char text[64 * 1024];
    FILE *file = fopen("muster.yaml", "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    assert_int_equal(fclose(file), 0);
    text[size] = '\0';
    char lines[512];
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    (void)snprintf(lines, sizeof lines, "\n  # %s, %llu-%llu: " doc "\n  %s: %llu\n", unit,        \
                   (unsigned long long)(min), (unsigned long long)(max), #name,                    \
                   (unsigned long long)(default_value));                                           \
    assert_non_null(strstr(text, lines));
#include "core/settings.def"
#undef SETTING
}

static void test_overrides(void **state)
{
    (void)state;
    static struct mu_config defaults;
    mu_config_default(&defaults);
    int r = load(FOLDER "good.yaml");
    assert_string_equal(error, "");
    assert_int_equal(r, 0);
    assert_int_equal(config.regions_count, 2);
    assert_int_equal(mu_config_region(&config, "n"), 0);
    assert_int_equal(mu_config_region(&config, "no"), 0); /* not YAML 1.1's false */
    assert_int_equal(mu_config_region(&config, "south"), 1);
    assert_int_equal(mu_config_region(&config, "eu-west-1"), -1);
    assert_memory_equal(config.modes, defaults.modes, sizeof config.modes);
    assert_int_equal(config.origins_count, 1);
    assert_string_equal(config.origins[0], "https://game.example:8443");
    assert_int_equal(config.keys_count, 2);
    assert_string_equal(config.keys[0].id, "shop");
    assert_int_equal(config.keys[0].role, MU_ROLE_BACKEND);
    assert_int_equal(config.keys[1].role, MU_ROLE_OPERATOR);
    assert_string_equal(config.jwt.keys, "/etc/muster/jwks.json");
    assert_string_equal(config.jwt.issuer, "https://id.game.example");
    assert_string_equal(config.jwt.audience, "muster");
    assert_int_equal(config.settings.elo_k, 24);
    assert_int_equal(config.settings.lobby_grace_ms, 0);
    assert_int_equal(config.settings.cooldown_ms, defaults.settings.cooldown_ms);
    assert_true(config.hash != defaults.hash);
    static struct mu_config again;
    assert_int_equal(mu_config_load(FOLDER "good.yaml", &again, error, sizeof error), 0);
    assert_true(again.hash == config.hash);

    assert_int_equal(load(FOLDER "empty.yaml"), 0);
    assert_memory_equal(&config, &defaults, sizeof config);
}

/* Software that does not know the newer settings must agree with this one: a cluster is upgraded
 * process by process. */
static void test_hash_lasts(void **state)
{
    (void)state;
    mu_config_default(&config);
    assert_true(config.hash == UINT64_C(0x133bb0b919b1fa58)); /* of version 0.1 */
    config.settings.takeover_ms++;
    mu_config_seal(&config);
    assert_true(config.hash != UINT64_C(0x133bb0b919b1fa58));
}

/* Each line of the text stands behind "tests/unit/config/NAME". */
struct refused {
    const char *name;
    const char *text;
};

static const struct refused refused[] = {
    { "unknown_section.yaml", ":1: setting: is not known; known are modes, regions, origins, keys, "
                              "jwt, settings, cluster" },
    { "unknown_field.yaml", ":3: regions[0].alias: is not known; known are name, aliases" },
    { "bad_values.yaml",
      ":6: regions[0].name: is longer than 31 bytes\n"
      ":7: regions[1].name: is missing\n"
      ":3: settings.elo_k: is \"010\", must be a whole number, 1 to 256 points\n"
      ":4: settings.cooldown_ms: is \"-5\", must be a whole number, 0 to 3600000 ms" },
    { "bad_mode.yaml", ":2: modes[0].teams: is \"two\", must be a whole number\n"
                       ":2: modes[0].rated: is \"yes\", must be true or false\n"
                       ":2: modes[0].wait_max_ms: is missing; needs a whole number" },
    { "wrong_kind.yaml", ":2: settings.elo_k: Expecting STRING, got event: SEQUENCE_START" },
    { "list_wanted.yaml", ":1: modes: Expecting SEQUENCE, got event: SCALAR" },
    { "twice.yaml", ":4: settings.elo_k: is given twice, first on line 2" },
    { "syntax.yaml", ":4: found unexpected end of stream" },
    { "alias.yaml", ":2: settings: anchors (&), aliases (*) and tags (!) are not taken" },
    { "two_documents.yaml", ":2: only one document is taken" },
    { "too_deep.yaml", ":1: regions[0][0][0][0][0]: is nested too deeply" },
    { "too_many.yaml", ":3: regions[0].aliases: Excessive entries (4 max) in sequence." },
    { "keys.yaml", ":1: origins[1]: must be a scheme and a host, as https://game.example\n"
                   ":1: origins[2]: must be a scheme and a host, as https://game.example\n"
                   ":4: keys[0].role: is \"admin\", must be backend or operator" },
};

static void test_refused(void **state)
{
    (void)state;
    static char expected[MU_CONFIG_ERROR_MAX];
    static struct mu_config before;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        size_t used = 0;
        char path[128];
        (void)snprintf(path, sizeof path, FOLDER "%s", refused[i].name);
        for (const char *line = refused[i].text; *line != '\0';) {
            int bytes = (int)strcspn(line, "\n");
            used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s%.*s",
                                     used > 0 ? "\n" : "", path, bytes, line);
            line += bytes + (line[bytes] == '\n');
        }
        memset(&before, 0xa5, sizeof before);
        assert_int_equal(load(path), -EINVAL);
        assert_string_equal(error, expected);
        assert_memory_equal(&config, &before, sizeof config);
    }
}

/* The words of mu_config_check() are its own; here count that each fault comes, with its line. */
static void test_check_is_told(void **state)
{
    (void)state;
    assert_int_equal(load(FOLDER "out_of_range.yaml"), -EINVAL);
    assert_non_null(strstr(error, FOLDER "out_of_range.yaml:3: settings.elo_k: is 0, must be 1"));
    assert_non_null(strstr(error, FOLDER "out_of_range.yaml:4: settings.heartbeat_ms: "));
    assert_non_null(strstr(error, FOLDER "out_of_range.yaml:7: regions[1].name: "));
    assert_non_null(strstr(error, FOLDER "out_of_range.yaml:8: modes"));
    uint32_t lines = 1;
    for (const char *at = error; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, 4);

    assert_int_equal(load(FOLDER "takeover.yaml"), -EINVAL);
    assert_non_null(strstr(error, FOLDER "takeover.yaml:4: settings.takeover_ms: is 3799, must be "
                                         "3800 at least"));

    assert_int_equal(load(FOLDER "jwt.yaml"), -EINVAL);
    assert_non_null(strstr(error, FOLDER "jwt.yaml:1: jwt.issuer: is missing: keys, issuer and "
                                         "audience are needed together\n"));
    assert_non_null(strstr(error, FOLDER "jwt.yaml:2: jwt.keys: is \"jwks.json\": write the whole "
                                         "path, as /etc/muster/jwks.json"));

    assert_int_equal(load(FOLDER "unknown_setting.yaml"), -EINVAL);
    assert_non_null(strstr(error, FOLDER "unknown_setting.yaml:3: settings.elo_kk: is not known"));
    assert_non_null(strstr(error, "elo_k, "));
    assert_non_null(strstr(error, "tickets_max"));
}

static void test_no_file(void **state)
{
    (void)state;
    assert_int_equal(load(FOLDER "absent.yaml"), -ENOENT);
    assert_string_equal(error, FOLDER "absent.yaml: No such file or directory");
    assert_int_equal(load(FOLDER), -EISDIR);
    char small[8] = "";
    assert_int_equal(mu_config_load(FOLDER "absent.yaml", &config, small, sizeof small), -ENOENT);
    assert_string_equal(small, "tests/u"); /* cut, and ended */
}

/* Writes to a new file, loads it, and removes it. */
static int load_text(const char *text, size_t bytes)
{
    const char *parent = getenv("TMPDIR");
    char path[256];
    (void)snprintf(path, sizeof path, "%s/muster-config-XXXXXX", parent != NULL ? parent : "/tmp");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, bytes), (ssize_t)bytes);
    assert_int_equal(close(fd), 0);
    int r = load(path);
    assert_int_equal(unlink(path), 0);
    return r;
}

static void test_too_large(void **state)
{
    (void)state;
    size_t bytes = MU_CONFIG_BYTES_MAX + 1;
    char *text = malloc(bytes);
    assert_non_null(text);
    memset(text, '#', bytes);
    assert_int_equal(load_text(text, bytes), -EFBIG);
    assert_int_equal(load_text(text, bytes - 1), 0);
    free(text);
}

/* Whatever bytes are changed: no crash, and what loads is sound. */
static void test_damaged(void **state)
{
    (void)state;
    static char good[16 * 1024];
    static char bad[sizeof good];
    FILE *file = fopen("muster.yaml", "r");
    assert_non_null(file);
    size_t size = fread(good, 1, sizeof good, file);
    assert_int_equal(fclose(file), 0);
    assert_true(size < sizeof good);
    for (uint32_t round = 0; round < 300; round++) {
        memcpy(bad, good, size);
        uint64_t edits = 1 + mu_rng_below(&rng, 4);
        for (uint64_t i = 0; i < edits; i++) {
            bad[mu_rng_below(&rng, size)] = (char)(1 + mu_rng_below(&rng, 255));
        }
        int r = load_text(bad, size);
        assert_true(r == 0 || r == -EINVAL);
        assert_true((r == 0) == (error[0] == '\0'));
        if (r == 0) {
            assert_int_equal(mu_config_check(&config, NULL, 0), 0);
        }
    }
}

int main(int argc, char **argv)
{
    rng.state = unit_seed(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),  cmocka_unit_test(test_example_equals_defaults),
        cmocka_unit_test(test_overrides), cmocka_unit_test(test_example_shows_all),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_check_is_told),
        cmocka_unit_test(test_no_file),   cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_damaged),   cmocka_unit_test(test_hash_lasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
