/* actors/rules_compile_statement.c - the statement of a compound rule: "or(and(A, B), not(C))".
 *
 * Read from left to right into postfix order with a stack of the operators that are open: nothing
 * recurses. */
#include "actors/rules_compile_read.h"

#include <string.h>

#define OPEN_MAX 8 /* operators that nest */

struct open {
    enum mu_logic logic;
    uint32_t operands; /* complete ones */
};

struct parse {
    struct mu_reader *reader;
    const struct mu_place *place;
    struct mu_rule *rule;
    const char *text;
    size_t at;
    uint32_t depth;
    struct open open[OPEN_MAX];
};

static bool emit(struct parse *parse, enum mu_logic logic, uint32_t operand)
{
    struct mu_rule *rule = parse->rule;
    if (rule->ops_count == MU_RULES_OPS_MAX) {
        mu_read_fault(parse->reader, parse->place, "has more than %d rules and operators",
                      MU_RULES_OPS_MAX);
        return false;
    }
    rule->ops[rule->ops_count++] = (struct mu_logic_op){ .logic = logic, .operand = operand };
    if (parse->depth > 0)
        parse->open[parse->depth - 1].operands++;
    return true;
}

/* A rule that may be part of a compound. */
static bool take_rule(struct parse *parse, const char *name)
{
    uint32_t index = mu_read_rule_index(parse->reader, parse->place, name);
    if (index == MU_RULES_NONE)
        return emit(parse, MU_LOGIC_RULE, 0); /* goes on, for what else there is */
    struct mu_rule *rule = &parse->reader->rules->rules[index];
    const char *why = NULL;
    switch (rule->type) {
    case MU_RULE_COMPOUND: why = "a compound rule: write its statement out"; break;
    case MU_RULE_BATCH_DISTANCE: why = "a batchDistance rule, which stands alone"; break;
    case MU_RULE_DISTANCE_SORT:
    case MU_RULE_ABSOLUTE_SORT: why = "a sort, which is neither true nor false"; break;
    case MU_RULE_DISTANCE:
    case MU_RULE_COMPARISON:
    case MU_RULE_COLLECTION:
    case MU_RULE_LATENCY: break;
    }
    if (why != NULL) {
        mu_read_fault(parse->reader, parse->place, "\"%s\" is %s", name, why);
    } else {
        rule->child = true;
    }
    return emit(parse, MU_LOGIC_RULE, index);
}

static bool take_operator(struct parse *parse, const char *name)
{
    static const char *const names[] = {
        [MU_LOGIC_AND] = "and", [MU_LOGIC_OR] = "or", [MU_LOGIC_XOR] = "xor", [MU_LOGIC_NOT] = "not"
    };
    for (uint32_t i = MU_LOGIC_AND; i <= MU_LOGIC_NOT; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        if (parse->depth == OPEN_MAX) {
            mu_read_fault(parse->reader, parse->place, "is nested more than %d levels deep",
                          OPEN_MAX);
            return false;
        }
        parse->open[parse->depth++] = (struct open){ .logic = (enum mu_logic)i };
        return true;
    }
    mu_read_fault(parse->reader, parse->place,
                  "character %zu: \"%s\" is not an operator; they are and, or, xor, not",
                  parse->at + 1, name);
    return false;
}

/* At a closing parenthesis: the operator and its operands become one operand. */
static bool close_operator(struct parse *parse)
{
    struct open open = parse->open[--parse->depth];
    if (open.logic == MU_LOGIC_NOT && open.operands != 1) {
        mu_read_fault(parse->reader, parse->place, "character %zu: not() takes one, has %u",
                      parse->at, open.operands);
        return false;
    }
    return emit(parse, open.logic, open.operands);
}

static bool expected(const struct parse *parse, const char *what)
{
    mu_read_fault(parse->reader, parse->place, "character %zu: expected %s, not \"%.20s\"",
                  parse->at + 1, what, parse->text + parse->at);
    return false;
}

static void pass_spaces(struct parse *parse)
{
    parse->at += strspn(parse->text + parse->at, " \t\r\n");
}

/* A rule, or an operator with its parenthesis, behind which its first operand comes. */
static bool take_operand(struct parse *parse, bool *ret_opened)
{
    char name[MU_RULES_NAME_MAX + 1];
    pass_spaces(parse);
    const char *text = parse->text + parse->at;
    size_t passed = strcspn(text, "(),");
    size_t size = passed;
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL)
        size--;
    if (size == 0 || size > MU_RULES_NAME_MAX)
        return expected(parse, "a rule or an operator");
    memcpy(name, text, size);
    name[size] = '\0';
    *ret_opened = text[passed] == '(';
    if (*ret_opened ? !take_operator(parse, name) : !take_rule(parse, name))
        return false;
    parse->at += passed + *ret_opened;
    return true;
}

/* What follows a complete operand: ")" as often as there are, then "," or the end. */
static bool take_end(struct parse *parse, bool *ret_done)
{
    for (;;) {
        pass_spaces(parse);
        char c = parse->text[parse->at];
        *ret_done = c == '\0' && parse->depth == 0;
        if (*ret_done)
            return true;
        if (c != ')' && c != ',')
            return expected(parse, parse->depth == 0 ? "the end" : "\",\" or \")\"");
        if (parse->depth == 0)
            return expected(parse, "the end");
        parse->at++;
        if (c == ',')
            return true;
        if (!close_operator(parse))
            return false;
    }
}

void mu_read_statement(struct mu_reader *reader, const struct mu_node *node, struct mu_rule *rule)
{
    struct mu_node statement = mu_read_required(reader, node, "statement");
    const char *text = mu_read_string(reader, &statement);
    if (text == NULL)
        return;
    struct parse parse = {
        .reader = reader, .place = &statement.place, .rule = rule, .text = text
    };
    bool done = false;
    while (!done) {
        bool opened = false;
        if (!take_operand(&parse, &opened) || (!opened && !take_end(&parse, &done)))
            return;
    }
}
