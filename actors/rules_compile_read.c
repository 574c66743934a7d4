/* actors/rules_compile_read.c - faults, places, and reading one value of a document. */
#include "actors/rules_compile_read.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/utf8.h"

#define WORDS_MAX 32 /* in a list of words */

/* A list of words taken apart. */
struct words {
    char text[512];
    uint32_t count;
    const char *words[WORDS_MAX];
};

/* What is shown must be valid UTF-8 without control characters, also when it was cut. */
static void make_printable(char *text)
{
    bool valid = mu_utf8_valid(text, strlen(text));
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !valid))
            *text = '?';
    }
}

static bool is_told(const struct mu_reader *reader, const struct mu_rules_fault *fault)
{
    for (uint32_t i = 0; i < reader->faults_count; i++) {
        if (strcmp(reader->faults[i].pointer, fault->pointer) == 0 &&
            strcmp(reader->faults[i].what, fault->what) == 0)
            return true;
    }
    return false;
}

void mu_read_fault(struct mu_reader *reader, const struct mu_place *place, const char *format, ...)
{
    struct mu_rules_fault fault = { .what = "" };
    memcpy(fault.pointer, place->text, sizeof fault.pointer);
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(fault.what, sizeof fault.what, format, arguments);
    va_end(arguments);
    if (bytes >= (int)sizeof fault.what)
        memcpy(fault.what + sizeof fault.what - 4, "...", 4);
    make_printable(fault.what);
    if (reader->faults_count < MU_RULES_FAULTS_MAX && !is_told(reader, &fault))
        reader->faults[reader->faults_count++] = fault;
}

/* Appends "/" and a key, in which "~" is "~0" and "/" is "~1" (RFC 6901, 3).  What does not fit
 * leaves the place of the container. */
struct mu_place mu_place_member(const struct mu_place *at, const char *key)
{
    struct mu_place ret = *at;
    size_t used = strlen(at->text);
    size_t bytes = 1;
    for (size_t i = 0; key[i] != '\0'; i++)
        bytes += key[i] == '~' || key[i] == '/' ? 2 : 1;
    ret.cut = at->cut || used + bytes >= sizeof ret.text;
    if (ret.cut)
        return ret;
    ret.text[used++] = '/';
    for (; *key != '\0'; key++) {
        if (*key != '~' && *key != '/') {
            ret.text[used++] = *key;
            continue;
        }
        memcpy(ret.text + used, *key == '~' ? "~0" : "~1", 2);
        used += 2;
    }
    ret.text[used] = '\0';
    return ret;
}

struct mu_place mu_place_item(const struct mu_place *at, size_t index)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%zu", index);
    return mu_place_member(at, digits);
}

struct mu_node mu_node_member(const struct mu_node *object, const char *key)
{
    return (struct mu_node){ .json = json_object_get(object->json, key),
                             .place = mu_place_member(&object->place, key) };
}

struct mu_node mu_node_item(const struct mu_node *array, size_t index)
{
    return (struct mu_node){ .json = json_array_get(array->json, index),
                             .place = mu_place_item(&array->place, index) };
}

static void split(const char *list, struct words *ret)
{
    size_t size = strlen(list);
    assert(size < sizeof ret->text);
    memcpy(ret->text, list, size + 1);
    ret->count = 0;
    for (char *word = ret->text; *word != '\0';) {
        assert(ret->count < WORDS_MAX);
        ret->words[ret->count++] = word;
        word += strcspn(word, " ");
        if (*word == ' ')
            *word++ = '\0';
    }
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* How many letters differ: Levenshtein's distance, by rows; long names are far from everything. */
static uint32_t distance(const char *a, const char *b)
{
    uint32_t row[MU_RULES_NAME_MAX + 2];
    size_t size = strlen(b);
    if (strcasecmp(a, b) == 0)
        return 0;
    if (size > MU_RULES_NAME_MAX || strlen(a) > MU_RULES_NAME_MAX)
        return UINT32_MAX;
    for (uint32_t k = 0; k <= size; k++)
        row[k] = k;
    for (uint32_t i = 1; a[i - 1] != '\0'; i++) {
        uint32_t corner = row[0];
        row[0] = i;
        for (uint32_t k = 1; k <= size; k++) {
            uint32_t change = corner + (a[i - 1] != b[k - 1]);
            corner = row[k];
            row[k] = least(change, least(row[k], row[k - 1]) + 1);
        }
    }
    return row[size];
}

const char *mu_read_hint(const char *name, const char *const *names, uint32_t count, char *ret)
{
    uint32_t best = UINT32_MAX;
    const char *nearest = NULL;
    ret[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        uint32_t d = distance(name, names[i]);
        if (d < best) {
            best = d;
            nearest = names[i];
        }
    }
    if (nearest != NULL && best <= (strlen(nearest) + 2) / 3 && best < strlen(name))
        (void)snprintf(ret, MU_HINT_BYTES, " (did you mean \"%s\"?)", nearest);
    return ret;
}

static const char *kind_of(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER:
    case JSON_REAL: return "a number";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_NULL: return "null";
    }
    return "nothing";
}

bool mu_read_object(struct mu_reader *reader, const struct mu_node *node, const char *known)
{
    struct words words;
    char hint[MU_HINT_BYTES];
    if (node->json == NULL)
        return false;
    if (!json_is_object(node->json)) {
        mu_read_fault(reader, &node->place, "is %s, must be an object", kind_of(node->json));
        return false;
    }
    split(known, &words);
    for (void *i = json_object_iter(node->json); i != NULL;
         i = json_object_iter_next(node->json, i)) {
        const char *key = json_object_iter_key(i);
        uint32_t k = 0;
        while (k < words.count && strcmp(words.words[k], key) != 0)
            k++;
        if (k < words.count)
            continue;
        struct mu_place place = mu_place_member(&node->place, key);
        if (mu_read_hint(key, words.words, words.count, hint)[0] != '\0') {
            mu_read_fault(reader, &place, "\"%.64s\" is not a field here%s", key, hint);
        } else {
            mu_read_fault(reader, &place, "\"%.32s\" is not a field here; fields are: %s", key,
                          known);
        }
    }
    return true;
}

struct mu_node mu_read_required(struct mu_reader *reader, const struct mu_node *object,
                                const char *key)
{
    struct mu_node node = mu_node_member(object, key);
    if (node.json == NULL)
        mu_read_fault(reader, &object->place, "needs the field \"%s\"", key);
    return node;
}

bool mu_read_array(struct mu_reader *reader, const struct mu_node *node, size_t min, size_t max)
{
    if (node->json == NULL)
        return false;
    if (!json_is_array(node->json)) {
        mu_read_fault(reader, &node->place, "is %s, must be an array", kind_of(node->json));
        return false;
    }
    size_t count = json_array_size(node->json);
    if (count < min || count > max) {
        mu_read_fault(reader, &node->place, "has %zu elements, must have %zu to %zu", count, min,
                      max);
        return false;
    }
    return true;
}

const char *mu_read_string(struct mu_reader *reader, const struct mu_node *node)
{
    if (node->json == NULL)
        return NULL;
    if (!json_is_string(node->json)) {
        mu_read_fault(reader, &node->place, "is %s, must be a string", kind_of(node->json));
        return NULL;
    }
    return json_string_value(node->json);
}

bool mu_read_name(struct mu_reader *reader, const struct mu_node *node,
                  char ret[MU_RULES_NAME_MAX + 1])
{
    const char *text = mu_read_string(reader, node);
    if (text == NULL)
        return false;
    size_t size = strlen(text);
    bool good = size >= 1 && size <= MU_RULES_NAME_MAX && text[0] != ' ' && text[size - 1] != ' ';
    for (size_t i = 0; i < size; i++)
        good = good && (unsigned char)text[i] >= 0x20 && strchr("[](),*\"\x7f", text[i]) == NULL;
    if (!good) {
        mu_read_fault(reader, &node->place,
                      "is \"%.40s\", must be a name: 1 to %d bytes without []()*,\" and control "
                      "characters, no space at its ends",
                      text, MU_RULES_NAME_MAX);
        return false;
    }
    memcpy(ret, text, size + 1);
    return true;
}

bool mu_read_decimal(const char *text, double *ret)
{
    size_t size = strlen(text);
    if (size == 0 || size > 40 || strspn(text, "0123456789+-.eE") != size)
        return false;
    json_t *number = json_loadb(text, size, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    if (number == NULL)
        return false;
    *ret = json_number_value(number);
    json_decref(number);
    return true;
}

bool mu_read_number(struct mu_reader *reader, const struct mu_node *node, double min, double max,
                    double *ret)
{
    double value = 0.0;
    if (node->json == NULL)
        return false;
    bool good = json_is_number(node->json);
    if (good) {
        value = json_number_value(node->json);
    } else if (json_is_string(node->json)) {
        good = mu_read_decimal(json_string_value(node->json), &value);
    }
    if (!good && min <= -MU_RULES_NUMBER_MAX) {
        mu_read_fault(reader, &node->place, "is %s, must be a number", kind_of(node->json));
        return false;
    }
    if (!good) {
        mu_read_fault(reader, &node->place, "is %s, must be a number, %.10g to %.10g",
                      kind_of(node->json), min, max);
        return false;
    }
    if (!(value >= min && value <= max)) {
        mu_read_fault(reader, &node->place, "is %.10g, must be %.10g to %.10g", value, min, max);
        return false;
    }
    *ret = value;
    return true;
}

bool mu_read_whole(struct mu_reader *reader, const struct mu_node *node, uint32_t min, uint32_t max,
                   uint32_t *ret)
{
    double value = 0.0;
    if (!mu_read_number(reader, node, min, max, &value))
        return false;
    if (floor(value) < value) {
        mu_read_fault(reader, &node->place, "is %.10g, must be a whole number", value);
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

bool mu_read_seconds(struct mu_reader *reader, const struct mu_node *node, int64_t min_ms,
                     int64_t *ret_ms)
{
    double seconds = 0.0;
    if (!mu_read_number(reader, node, (double)min_ms / 1000.0, MU_RULES_SECONDS_MAX, &seconds))
        return false;
    *ret_ms = (int64_t)(seconds * 1000.0 + 0.5);
    return true;
}

bool mu_read_bool(struct mu_reader *reader, const struct mu_node *node, bool *ret)
{
    if (node->json == NULL)
        return false;
    if (!json_is_boolean(node->json)) {
        mu_read_fault(reader, &node->place, "is %s, must be true or false", kind_of(node->json));
        return false;
    }
    *ret = json_is_true(node->json);
    return true;
}

bool mu_read_choice(struct mu_reader *reader, const struct mu_node *node, const char *choices,
                    uint32_t *ret)
{
    struct words words;
    const char *text = mu_read_string(reader, node);
    if (text == NULL)
        return false;
    split(choices, &words);
    for (uint32_t i = 0; i < words.count; i++) {
        if (strcmp(words.words[i], text) == 0) {
            *ret = i;
            return true;
        }
    }
    mu_read_fault(reader, &node->place, "is \"%.40s\", must be one of: %s", text, choices);
    return false;
}

struct mu_limit mu_limit_fixed(double value)
{
    return (struct mu_limit){ .value = value };
}
