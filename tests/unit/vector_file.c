/* tests/unit/vector_file.c - reads files of vectors. */
#include "tests/unit/vector_file.h"

#include <string.h>

#include "tests/unit/unit.h"

enum { LINE_MAX_BYTES = 8192 };

struct reader {
    const char *path;
    uint32_t line;
    bool in_rules;
    bool in_case;
    uint32_t cases;
    char rules[VECTOR_RULES_MAX];
    struct vector_case vector;
};

static void refuse(const struct reader *reader, const char *what)
{
    fail_msg("%s:%u: %s", reader->path, reader->line, what);
}

static void copy(const struct reader *reader, const char *from, size_t size, char *ret,
                 size_t ret_bytes)
{
    if (size >= ret_bytes) {
        refuse(reader, "is too long");
        size = 0; /* not reached */
    }
    memcpy(ret, from, size);
    ret[size] = '\0';
}

/* The number that the text begins with. */
static int64_t number(const struct reader *reader, const char *text)
{
    char digits[24];
    int64_t value = 0;
    copy(reader, text, strspn(text, "-0123456789"), digits, sizeof digits);
    if (mu_parse_i64(digits, INT32_MIN, INT32_MAX, &value) != 0) {
        refuse(reader, "must be a number");
    }
    return value;
}

static void names(const struct reader *reader, const char *text, struct vector_names *ret)
{
    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        if (ret->count == VECTOR_NAMES_MAX) {
            refuse(reader, "has too many names");
        }
        copy(reader, text, size, ret->names[ret->count++], VECTOR_NAME_MAX + 1);
        text += size + (text[size] == ',' ? 1 : 0);
    }
}

/* Takes the next word off the line; "": there is none. */
static void word(const struct reader *reader, const char **line, char ret[128])
{
    *line += strspn(*line, " ");
    size_t size = strcspn(*line, " ");
    copy(reader, *line, size, ret, 128);
    *line += size;
}

/* What stands behind `key=`, or NULL. */
static const char *value_of(const char *text, const char *key)
{
    size_t size = strlen(key);
    return strncmp(text, key, size) == 0 && text[size] == '=' ? text + size + 1 : NULL;
}

static void read_ticket(struct reader *reader, const char *line)
{
    struct vector_case *vector = &reader->vector;
    if (vector->tickets_count == VECTOR_TICKETS_MAX) {
        refuse(reader, "is one ticket line too many");
    }
    struct vector_ticket *ticket = &vector->tickets[vector->tickets_count++];
    *ticket = (struct vector_ticket){ .players = 1, .rating = 1200 };
    char text[128];
    word(reader, &line, text);
    copy(reader, text, strlen(text), ticket->name, sizeof ticket->name);
    for (;;) {
        line += strspn(line, " ");
        if (*line == '{' || *line == '[') {
            copy(reader, line, strlen(line), ticket->details, sizeof ticket->details);
            return;
        }
        word(reader, &line, text);
        const char *value;
        if (text[0] == '\0') {
            return;
        }
        if ((value = value_of(text, "n")) != NULL) {
            ticket->count = (uint32_t)number(reader, value);
        } else if ((value = value_of(text, "t")) != NULL) {
            ticket->at_ms = number(reader, value) * 1000;
        } else if ((value = value_of(text, "players")) != NULL) {
            ticket->players = (uint32_t)number(reader, value);
        } else if ((value = value_of(text, "rating")) != NULL) {
            ticket->rating = (int32_t)number(reader, value);
        } else if (strcmp(text, "backfill") == 0) {
            ticket->backfill = true;
        } else if (strcmp(text, "refused") == 0) {
            ticket->refused = true;
        } else {
            refuse(reader, "has a word that is not known");
        }
    }
}

static void read_sizes(const struct reader *reader, const char *text, struct vector_match *match)
{
    while (*text != '\0') {
        if (match->teams_count == VECTOR_TEAMS_MAX) {
            refuse(reader, "has too many teams");
        }
        match->sizes[match->teams_count++] = (uint32_t)number(reader, text);
        text += strcspn(text, ",");
        text += *text == ',' ? 1 : 0;
    }
}

/* A:B into two. */
static const char *pair(const struct reader *reader, const char *text, char *ret)
{
    size_t size = strcspn(text, ":");
    if (text[size] != ':') {
        refuse(reader, "must have a colon");
    }
    copy(reader, text, size, ret, VECTOR_NAME_MAX + 1);
    return text + size + 1;
}

static bool read_members(const struct reader *reader, const char *text, struct vector_match *match)
{
    const char *value;
    if ((value = value_of(text, "in")) != NULL) {
        names(reader, value, &match->in);
    } else if ((value = value_of(text, "out")) != NULL) {
        names(reader, value, &match->out);
    } else if ((value = value_of(text, "apart")) != NULL) {
        names(reader, value, &match->apart);
    } else if ((value = value_of(text, "together")) != NULL) {
        names(reader, value, &match->together);
    } else if ((value = value_of(text, "on")) != NULL) {
        names(reader, value, &match->on);
    } else {
        return false;
    }
    return true;
}

static void read_match(struct reader *reader, const char *line)
{
    struct vector_case *vector = &reader->vector;
    if (vector->matches_count == VECTOR_MATCHES_MAX) {
        refuse(reader, "is one match line too many");
    }
    struct vector_match *match = &vector->matches[vector->matches_count++];
    *match = (struct vector_match){ .line = reader->line };
    char text[128];
    for (word(reader, &line, text); text[0] != '\0'; word(reader, &line, text)) {
        const char *value;
        if (read_members(reader, text, match)) {
            continue;
        }
        if ((value = value_of(text, "t")) != NULL) {
            match->at_ms = number(reader, value) * 1000;
        } else if ((value = value_of(text, "sizes")) != NULL) {
            read_sizes(reader, value, match);
        } else if ((value = value_of(text, "players")) != NULL) {
            match->players = (uint32_t)number(reader, value);
        } else if ((value = value_of(text, "region")) != NULL) {
            copy(reader, value, strlen(value), match->region, sizeof match->region);
        } else if ((value = value_of(text, "even")) != NULL) {
            value = pair(reader, value, match->even_attribute);
            match->even_max = (double)number(reader, value);
        } else {
            refuse(reader, "has a word that is not known");
        }
    }
}

static void end_case(struct reader *reader, vector_case_fn *each, void *owner)
{
    if (!reader->in_case) {
        return;
    }
    if (!reader->vector.left_given) {
        refuse(reader, "the case above it does not say what is left");
    }
    reader->in_case = false;
    reader->cases++;
    each(owner, &reader->vector);
}

static void begin_case(struct reader *reader, const char *words)
{
    struct vector_case *vector = &reader->vector;
    memset(vector, 0, sizeof *vector);
    copy(reader, words, strlen(words), vector->words, sizeof vector->words);
    copy(reader, reader->rules, strlen(reader->rules), vector->rules, sizeof vector->rules);
    vector->line = reader->line;
    vector->until_ms = 600000;
    reader->in_case = true;
}

static void read_line(struct reader *reader, const char *line, vector_case_fn *each, void *owner)
{
    if (reader->in_rules) {
        if (strcmp(line, "end") == 0) {
            reader->in_rules = false;
            return;
        }
        size_t used = strlen(reader->rules);
        int size = snprintf(reader->rules + used, sizeof reader->rules - used, "%s\n", line);
        if (size < 0 || (size_t)size >= sizeof reader->rules - used) {
            refuse(reader, "the document is too long");
        }
        return;
    }
    char text[128];
    const char *rest = line;
    word(reader, &rest, text);
    rest += strspn(rest, " ");
    if (strcmp(text, "rules") == 0) {
        end_case(reader, each, owner);
        reader->rules[0] = '\0';
        reader->in_rules = true;
    } else if (strcmp(text, "case") == 0) {
        end_case(reader, each, owner);
        begin_case(reader, rest);
    } else if (text[0] != '\0' && !reader->in_case) {
        refuse(reader, "stands outside of a case");
    } else if (strcmp(text, "ticket") == 0) {
        read_ticket(reader, rest);
    } else if (strcmp(text, "match") == 0) {
        read_match(reader, rest);
    } else if (strcmp(text, "left") == 0) {
        reader->vector.left_given = true;
        reader->vector.left = (uint32_t)number(reader, rest);
    } else if (strcmp(text, "until") == 0) {
        reader->vector.until_ms = number(reader, rest) * 1000;
    } else if (text[0] != '\0') {
        refuse(reader, "is not understood");
    }
}

uint32_t vector_file_read(const char *path, vector_case_fn *each, void *owner)
{
    static struct reader reader;
    static char line[LINE_MAX_BYTES];
    memset(&reader, 0, sizeof reader);
    reader.path = path;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("%s: cannot be opened", path);
        return 0;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        reader.line++;
        size_t size = strcspn(line, "\n");
        while (size > 0 && line[size - 1] == ' ') {
            size--;
        }
        line[size] = '\0';
        if (line[0] != '#' || reader.in_rules) {
            read_line(&reader, line, each, owner);
        }
    }
    end_case(&reader, each, owner);
    assert_int_equal(fclose(file), 0);
    return reader.cases;
}
