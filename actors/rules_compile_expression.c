/* actors/rules_compile_expression.c - property expressions: "avg(teams[*].players.rating)".
 *
 *   expression  function ( expression ) | winProbability ( teams ) | quality ( ) | path
 *   path        [ teams [ * | name, ... ] . ] players [ property ]
 *   property    [playerId] | .attributes[name] | .rating | .ratingDeviation
 *
 * Functions only nest, so they are put on a stack as they come and applied from its end: nothing
 * recurses. */
#include "actors/rules_compile_read.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FUNCTIONS_MAX  8 /* that nest; what remains of them is at most MU_RULES_REDUCES_MAX */
#define WORD_BYTES_MAX 64

struct cursor {
    struct mu_reader *reader;
    const struct mu_place *place;
    const char *text;
    size_t at;
    bool failed;
};

static const char *const functions[] = {
    [MU_REDUCE_MIN] = "min",
    [MU_REDUCE_MAX] = "max",
    [MU_REDUCE_AVG] = "avg",
    [MU_REDUCE_MEDIAN] = "median",
    [MU_REDUCE_SUM] = "sum",
    [MU_REDUCE_COUNT] = "count",
    [MU_REDUCE_STDDEV] = "stddev",
    [MU_REDUCE_FLATTEN] = "flatten",
    [MU_REDUCE_INTERSECTION] = "set_intersection",
};
#define FUNCTIONS_COUNT (sizeof functions / sizeof functions[0])

static bool fail(struct cursor *cursor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Tells the first fault only: what follows it is a guess. */
static bool fail(struct cursor *cursor, const char *format, ...)
{
    char what[160];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments); /* cut when too long */
    va_end(arguments);
    if (!cursor->failed)
        mu_read_fault(cursor->reader, cursor->place, "character %zu: %s", cursor->at + 1, what);
    cursor->failed = true;
    return false;
}

static void pass_spaces(struct cursor *cursor)
{
    cursor->at += strspn(cursor->text + cursor->at, " \t\r\n");
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The word at the cursor, which stays; "" when there is none. */
static size_t peek_word(struct cursor *cursor, char ret[WORD_BYTES_MAX])
{
    size_t size = 0;
    pass_spaces(cursor);
    while (is_letter(cursor->text[cursor->at + size]))
        size++;
    size_t kept = size < WORD_BYTES_MAX ? size : WORD_BYTES_MAX - 1;
    memcpy(ret, cursor->text + cursor->at, kept);
    ret[kept] = '\0';
    return size;
}

static bool take(struct cursor *cursor, char c)
{
    pass_spaces(cursor);
    if (cursor->text[cursor->at] != c)
        return false;
    cursor->at++;
    return true;
}

static bool expect(struct cursor *cursor, char c, const char *why)
{
    return take(cursor, c) || fail(cursor, "expected '%c' %s", c, why);
}

static bool take_word(struct cursor *cursor, const char *word)
{
    char there[WORD_BYTES_MAX];
    size_t size = peek_word(cursor, there);
    if (strcmp(there, word) != 0)
        return false;
    cursor->at += size;
    return true;
}

/* A name up to one of the characters in `ends`, without the spaces around it. */
static bool take_name(struct cursor *cursor, const char *ends, char ret[MU_RULES_NAME_MAX + 1])
{
    pass_spaces(cursor);
    const char *name = cursor->text + cursor->at;
    size_t size = strcspn(name, ends);
    size_t passed = size;
    while (size > 0 && name[size - 1] == ' ')
        size--;
    if (size == 0 || size > MU_RULES_NAME_MAX || name[passed] == '\0')
        return fail(cursor, "expected a name and '%s'", ends + strlen(ends) - 1);
    memcpy(ret, name, size);
    ret[size] = '\0';
    cursor->at += passed;
    return true;
}

static void add_teams(struct mu_expression *expression, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        expression->teams[i / 8] |= (uint8_t)(1u << i % 8);
}

static bool unknown_team(struct cursor *cursor, const char *name)
{
    const struct mu_reader *reader = cursor->reader;
    const struct mu_shape_entries *shape = &reader->shapes[reader->shape];
    const char *names[MU_TEAMS_MAX];
    char hint[MU_HINT_BYTES];
    char which[32] = "";
    cursor->failed = cursor->failed || shape->count == 0; /* what is wrong is in the teams */
    for (uint32_t i = 0; i < shape->count; i++)
        names[i] = shape->entries[i].name;
    if (reader->shapes_count > 1)
        (void)snprintf(which, sizeof which, " of shape %u", reader->shape + 1);
    return fail(cursor, "names team \"%.40s\", which is not in teams%s%s", name, which,
                mu_read_hint(name, names, shape->count, hint));
}

/* A team, or all copies of one. */
static bool add_named(struct cursor *cursor, struct mu_expression *ret, const char *name)
{
    const struct mu_reader *reader = cursor->reader;
    const struct mu_shape_entries *shape = &reader->shapes[reader->shape];
    for (uint32_t i = 0; i < shape->count; i++) {
        if (strcmp(shape->entries[i].name, name) == 0) {
            add_teams(ret, shape->entries[i].first, shape->entries[i].count);
            ret->by_team = ret->by_team || shape->entries[i].count > 1;
            return true;
        }
    }
    uint32_t team = mu_rules_team(reader->rules, name);
    if (team == MU_RULES_NONE)
        return unknown_team(cursor, name);
    add_teams(ret, team, 1);
    return true;
}

/* Whoever names every team means all of them. */
static bool names_all(const struct mu_expression *expression, uint32_t teams_count)
{
    for (uint32_t i = 0; i < teams_count; i++) {
        if ((expression->teams[i / 8] >> i % 8 & 1u) == 0)
            return false;
    }
    return true;
}

/* From behind "teams" to behind its bracket. */
static bool take_teams(struct cursor *cursor, struct mu_expression *ret)
{
    char name[MU_RULES_NAME_MAX + 1];
    if (!expect(cursor, '[', "behind teams"))
        return false;
    if (take(cursor, '*')) {
        ret->all_teams = true;
        ret->by_team = true;
        return expect(cursor, ']', "behind *");
    }
    do {
        if (!take_name(cursor, ",]", name) || !add_named(cursor, ret, name))
            return false;
        ret->by_team = ret->by_team || cursor->text[cursor->at] == ',';
    } while (take(cursor, ','));
    if (!names_all(ret, cursor->reader->rules->teams_count))
        return expect(cursor, ']', "behind the teams");
    ret->all_teams = true;
    memset(ret->teams, 0, sizeof ret->teams);
    return expect(cursor, ']', "behind the teams");
}

static bool take_attribute(struct cursor *cursor, struct mu_expression *ret,
                           struct mu_result *result)
{
    char name[MU_RULES_NAME_MAX + 1];
    if (!expect(cursor, '[', "behind attributes") || !take_name(cursor, "]", name) ||
        !expect(cursor, ']', "behind the attribute"))
        return false;
    uint32_t index = mu_read_attribute_index(cursor->reader, cursor->place, name);
    if (index == MU_RULES_NONE) {
        cursor->failed = true;
        return false;
    }
    ret->property = MU_PROPERTY_ATTRIBUTE;
    ret->attribute = index;
    switch (cursor->reader->rules->attributes[index].type) {
    case MU_ATTRIBUTE_NUMBER: result->kind = MU_RESULT_NUMBER; break;
    case MU_ATTRIBUTE_STRING: result->kind = MU_RESULT_STRING; break;
    case MU_ATTRIBUTE_STRINGS:
        result->kind = MU_RESULT_STRING;
        result->depth++;
        break;
    case MU_ATTRIBUTE_MAP:
        return fail(cursor, "attribute \"%s\" is a string_number_map; only sort rules read those",
                    name);
    }
    return true;
}

/* What of the players is meant. */
static bool take_property(struct cursor *cursor, struct mu_expression *ret,
                          struct mu_result *result)
{
    static const char *const known[] = { "attributes", "rating", "ratingDeviation" };
    char word[WORD_BYTES_MAX];
    char hint[MU_HINT_BYTES];
    ret->property = MU_PROPERTY_PLAYER;
    if (take(cursor, '[')) {
        ret->property = MU_PROPERTY_ID;
        result->kind = MU_RESULT_STRING;
        return (take_word(cursor, "playerId") || fail(cursor, "expected playerId")) &&
               expect(cursor, ']', "behind playerId");
    }
    if (!take(cursor, '.'))
        return true;
    if (take_word(cursor, "attributes"))
        return take_attribute(cursor, ret, result);
    result->kind = MU_RESULT_NUMBER;
    ret->property = MU_PROPERTY_RATING;
    if (take_word(cursor, "rating"))
        return true;
    ret->property = MU_PROPERTY_DEVIATION;
    if (take_word(cursor, "ratingDeviation"))
        return true;
    (void)peek_word(cursor, word); /* only its text is wanted */
    return fail(cursor, "players have [playerId], .attributes[x], .rating, .ratingDeviation%s",
                mu_read_hint(word, known, 3, hint));
}

static bool take_path(struct cursor *cursor, struct mu_expression *ret, struct mu_result *result)
{
    char word[WORD_BYTES_MAX];
    ret->kind = MU_EXPRESSION_PLAYERS;
    *result = (struct mu_result){ .kind = MU_RESULT_PLAYER, .depth = 1 };
    (void)peek_word(cursor, word); /* only its text is wanted */
    if (take_word(cursor, "teams")) {
        if (!take_teams(cursor, ret) || !expect(cursor, '.', "and players behind the teams"))
            return false;
        result->depth += ret->by_team;
    } else {
        ret->all_teams = true;
    }
    if (!take_word(cursor, "players")) {
        return fail(cursor, "expected teams[...].players, players or a function, not \"%.20s\"",
                    cursor->text + cursor->at);
    }
    return take_property(cursor, ret, result);
}

/* winProbability(teams) and quality(), from behind the bracket. */
static bool take_match(struct cursor *cursor, struct mu_expression *ret, struct mu_result *result)
{
    *result = (struct mu_result){ .kind = MU_RESULT_NUMBER };
    if (ret->kind == MU_EXPRESSION_QUALITY)
        return expect(cursor, ')', "behind quality(");
    if (!take_word(cursor, "teams"))
        return fail(cursor, "expected teams: winProbability(teams)");
    if (take(cursor, '[') &&
        (!expect(cursor, '*', "in teams[*]") || !expect(cursor, ']', "in teams[*]")))
        return false;
    return expect(cursor, ')', "behind winProbability(teams");
}

const char *mu_result_text(const struct mu_result *result, char ret[MU_RESULT_BYTES])
{
    static const char *const one[] = { "a number", "a string", "a player" };
    static const char *const many[] = { "numbers", "strings", "players" };
    assert(result->depth <= 3);
    if (result->depth == 0) {
        (void)snprintf(ret, MU_RESULT_BYTES, "%s", one[result->kind]);
    } else {
        (void)snprintf(ret, MU_RESULT_BYTES, "a list of %s%s%s",
                       result->depth > 2 ? "lists of " : "", result->depth > 1 ? "lists of " : "",
                       many[result->kind]);
    }
    return ret;
}

/* Applies a function to what there is, and keeps it when something is left to be done. */
static bool apply(struct cursor *cursor, enum mu_reduce reduce, struct mu_expression *ret,
                  struct mu_result *result)
{
    char text[MU_RESULT_BYTES];
    bool lists = reduce == MU_REDUCE_FLATTEN || reduce == MU_REDUCE_INTERSECTION;
    bool numbers = !lists && reduce != MU_REDUCE_COUNT;
    if ((numbers && result->kind != MU_RESULT_NUMBER) ||
        (reduce == MU_REDUCE_INTERSECTION && result->kind != MU_RESULT_STRING) ||
        result->depth < (lists ? 2u : 1u)) {
        return fail(cursor, "%s() is for %s, but has %s", functions[reduce],
                    numbers                            ? "lists of numbers"
                    : reduce == MU_REDUCE_COUNT        ? "lists"
                    : reduce == MU_REDUCE_INTERSECTION ? "lists of lists of strings"
                                                       : "lists of lists",
                    mu_result_text(result, text));
    }
    bool listed = ret->property == MU_PROPERTY_ATTRIBUTE &&
                  cursor->reader->rules->attributes[ret->attribute].type == MU_ATTRIBUTE_STRINGS;
    result->depth--;
    if (reduce == MU_REDUCE_COUNT)
        result->kind = MU_RESULT_NUMBER;
    if (reduce == MU_REDUCE_FLATTEN && ret->reduces_count == 0 && ret->by_team) {
        ret->by_team = false;
        return true;
    }
    if (reduce == MU_REDUCE_COUNT && ret->reduces_count == 0 && !listed)
        ret->property = MU_PROPERTY_PLAYER;
    if (ret->reduces_count == MU_RULES_REDUCES_MAX)
        return fail(cursor, "more than %d functions on players", MU_RULES_REDUCES_MAX);
    ret->reduces[ret->reduces_count++] = reduce;
    return true;
}

/* The functions up to the path, outermost first. */
static bool take_functions(struct cursor *cursor, struct mu_expression *ret,
                           enum mu_reduce stack[FUNCTIONS_MAX], uint32_t *ret_count)
{
    char word[WORD_BYTES_MAX];
    char hint[MU_HINT_BYTES];
    for (*ret_count = 0;;) {
        size_t size = peek_word(cursor, word);
        if (size == 0 ||
            cursor->text[cursor->at + size + strspn(cursor->text + cursor->at + size, " ")] != '(')
            return true;
        uint32_t i = 0;
        while (i < FUNCTIONS_COUNT && strcmp(functions[i], word) != 0)
            i++;
        if (strcmp(word, "winProbability") == 0) {
            ret->kind = MU_EXPRESSION_WIN_PROBABILITY;
        } else if (strcmp(word, "quality") == 0) {
            ret->kind = MU_EXPRESSION_QUALITY;
        } else if (i == FUNCTIONS_COUNT) {
            return fail(cursor,
                        "\"%.20s\" is not a function%s; they are min max avg median sum "
                        "count stddev flatten set_intersection winProbability quality",
                        word, mu_read_hint(word, functions, FUNCTIONS_COUNT, hint));
        }
        cursor->at += size;
        (void)take(cursor, '('); /* it is there */
        if (ret->kind != MU_EXPRESSION_NONE)
            return true;
        if (*ret_count == FUNCTIONS_MAX)
            return fail(cursor, "more than %d functions nest", FUNCTIONS_MAX);
        stack[(*ret_count)++] = (enum mu_reduce)i;
    }
}

bool mu_read_expression(struct mu_reader *reader, const struct mu_node *node,
                        struct mu_expression *ret, struct mu_result *ret_result)
{
    enum mu_reduce stack[FUNCTIONS_MAX];
    uint32_t count = 0;
    *ret = (struct mu_expression){ .kind = MU_EXPRESSION_NONE };
    *ret_result = (struct mu_result){ .kind = MU_RESULT_NUMBER };
    const char *text = mu_read_string(reader, node);
    if (text == NULL)
        return false;
    struct cursor cursor = { .reader = reader, .place = &node->place, .text = text };
    if (!take_functions(&cursor, ret, stack, &count))
        return false;
    bool good = ret->kind == MU_EXPRESSION_NONE ? take_path(&cursor, ret, ret_result)
                                                : take_match(&cursor, ret, ret_result);
    while (good && count > 0) {
        good = expect(&cursor, ')', "of a function") &&
               apply(&cursor, stack[--count], ret, ret_result);
    }
    pass_spaces(&cursor);
    if (good && cursor.text[cursor.at] != '\0')
        good = fail(&cursor, "\"%.20s\" is too much", cursor.text + cursor.at);
    return good;
}

bool mu_is_expression(const char *text)
{
    char word[WORD_BYTES_MAX];
    struct cursor cursor = { .text = text };
    size_t size = peek_word(&cursor, word);
    const char *rest = text + cursor.at + size;
    char next = rest[strspn(rest, " ")];
    if (strcmp(word, "teams") == 0)
        return next == '[';
    if (strcmp(word, "players") == 0)
        return next == '.' || next == '[';
    if (next != '(')
        return false;
    return strstr(rest, "teams") != NULL || strstr(rest, "players") != NULL ||
           strcmp(word, "quality") == 0;
}
