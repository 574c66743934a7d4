#include "actors/backfill_details.h"

#include <string.h>

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static void pass_space(struct mu_details_reader *reader)
{
    while (reader->at < reader->text.size && is_space(reader->text.data[reader->at])) {
        reader->at++;
    }
}

/* Passes over one character, if it is there. */
static bool pass(struct mu_details_reader *reader, char wanted)
{
    pass_space(reader);
    if (reader->at == reader->text.size || reader->text.data[reader->at] != (uint8_t)wanted) {
        return false;
    }
    reader->at++;
    return true;
}

/* From behind an opening brace to behind its closing one.  Returns whether there is one. */
static bool pass_object(struct mu_details_reader *reader)
{
    bool quoted = false;
    uint32_t depth = 1;
    while (reader->at < reader->text.size && depth > 0) {
        uint8_t byte = reader->text.data[reader->at++];
        if (quoted) {
            quoted = byte != '"';
            reader->at += byte == '\\' && reader->at < reader->text.size ? 1 : 0;
        } else {
            quoted = byte == '"';
            depth += byte == '{' || byte == '[' ? 1 : 0;
            depth -= byte == '}' || byte == ']' ? 1 : 0;
        }
    }
    return depth == 0;
}

bool mu_details_next(struct mu_details_reader *reader, struct mu_slice *ret)
{
    if (reader->malformed || reader->text.size == 0) {
        return false;
    }
    bool first = reader->at == 0;
    if (first && !pass(reader, '[')) {
        reader->malformed = true;
        return false;
    }
    if (pass(reader, ']')) {
        pass_space(reader);
        reader->malformed = reader->at < reader->text.size;
        reader->text.size = 0; /* nothing comes behind it */
        return false;
    }
    if ((!first && !pass(reader, ',')) || !pass(reader, '{')) {
        reader->malformed = true;
        return false;
    }
    uint32_t from = reader->at - 1;
    if (!pass_object(reader)) {
        reader->malformed = true;
        return false;
    }
    *ret = (struct mu_slice){ reader->text.data + from, reader->at - from };
    return true;
}

struct mu_slice mu_details_object(struct mu_slice text, uint32_t index)
{
    static const char nothing[] = "{}";
    if (text.size == 0) {
        return (struct mu_slice){ (const uint8_t *)nothing, sizeof nothing - 1 };
    }
    struct mu_details_reader reader = { .text = text };
    struct mu_slice object = { NULL, 0 };
    for (uint32_t i = 0; i <= index; i++) {
        if (!mu_details_next(&reader, &object)) {
            return (struct mu_slice){ NULL, 0 };
        }
    }
    return object;
}
