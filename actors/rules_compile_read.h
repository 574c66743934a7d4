/* actors/rules_compile_read.h - inside of the rule set compiler: its state, and reading one value.
 *
 *   rules_compile.c             a document into a rule book
 *   rules_compile_text.c        comments out, nesting bounded, text into values
 *   rules_compile_read.c        faults, places, single values
 *   rules_compile_attributes.c  playerAttributes
 *   rules_compile_teams.c       teams, their roles, shapes
 *   rules_compile_settings.c    algorithm, timing, parties
 *   rules_compile_quality.c     quality
 *   rules_compile_expression.c  "avg(teams[*].players.attributes[skill])"
 *   rules_compile_rule.c        rules
 *   rules_compile_kinds.c       what the types of rules ask of their fields
 *   rules_compile_statement.c   "or(and(A, B), not(C))"
 *   rules_compile_expansion.c   expansions
 *   rules_compile_judge.c       what must fit together
 *   rules_compile_derive.c      what follows from it: lasting, sized, needs
 *   rules_compile_alike.c       which teams are no different
 *
 * A document with several shapes is compiled once for each, with the same faults, which are told
 * once.  After a fault everything goes on with some value, so that all faults are found. */
#ifndef MU_ACTORS_RULES_COMPILE_READ_H
#define MU_ACTORS_RULES_COMPILE_READ_H

#include <jansson.h>
#include <math.h>

#include "actors/rules_compile.h"

#define MU_RULES_DEPTH_MAX   16    /* levels of nesting of a document */
#define MU_RULES_SECONDS_MAX 86400 /* of any time in a document */
#define MU_RULES_SMALL_MAX   40    /* players of a match with rules of every type */
#define MU_EXPANSIONS_MAX    256   /* of a document */
#define MU_RULES_NUMBER_MAX  1e12  /* of any number in a document, and its negative */

#define MU_UNLIMITED ((double)INFINITY) /* INFINITY is a float with clang */

/* Where in the document: a JSON Pointer. */
struct mu_place {
    char text[sizeof((struct mu_rules_fault *)0)->pointer];
    bool cut; /* too long: the text is that of a container of it */
};

/* A value and where it is. */
struct mu_node {
    json_t *json; /* borrowed; NULL: not there */
    struct mu_place place;
};

/* A team as the document lists it, before its copies are made. */
struct mu_team_entry {
    char name[MU_RULES_NAME_MAX + 1];
    uint32_t first; /* index of its first copy */
    uint32_t count; /* copies */
    struct mu_place place;
};

/* The teams of one shape, as the document lists them. */
struct mu_shape_entries {
    uint32_t count;
    struct mu_team_entry entries[MU_TEAMS_MAX];
};

struct mu_reader {
    const json_t *document;                           /* borrowed */
    const struct mu_rules *base;                      /* what the document does not say */
    struct mu_rules *rules;                           /* the shape in the making */
    struct mu_rules *made[MU_RULES_SHAPES_MAX];       /* all shapes */
    uint32_t shape;                                   /* index of the one in the making */
    uint32_t shapes_count;                            /* 1..MU_RULES_SHAPES_MAX */
    struct mu_shape_entries *shapes;                  /* [MU_RULES_SHAPES_MAX] */
    struct mu_place teams_place[MU_RULES_SHAPES_MAX]; /* of each shape's "teams" */
    struct mu_place least_place[MU_RULES_SHAPES_MAX]; /* of its "minQuantity" */
    struct mu_node rules_node[MU_RULES_COUNT_MAX];    /* of rules[i] */
    bool rules_broken[MU_RULES_COUNT_MAX];            /* rules[i] has a fault already */
    struct mu_node strategy; /* of the algorithm, as the document says it */
    bool prefer_changes;     /* an expansion has been applied to it, in this shape */
    bool out_of_memory;
    uint32_t faults_count;
    struct mu_rules_fault faults[MU_RULES_FAULTS_MAX];
};

/* Parses a text into values.  Returns them (to be given to json_decref), or NULL after a fault. */
json_t *mu_read_text(struct mu_reader *reader, const char *text, size_t size);

/* Places. */
struct mu_place mu_place_member(const struct mu_place *at, const char *key);
struct mu_place mu_place_item(const struct mu_place *at, size_t index);
struct mu_node mu_node_member(const struct mu_node *object, const char *key);
struct mu_node mu_node_item(const struct mu_node *array, size_t index);

/* Adds a fault, unless it is there. */
void mu_read_fault(struct mu_reader *reader, const struct mu_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* " (did you mean \"x\"?)" when one of the names is near enough, else "".  names [count]; ret is of
 * MU_HINT_BYTES. */
#define MU_HINT_BYTES 96
const char *mu_read_hint(const char *name, const char *const *names, uint32_t count, char *ret);

/* Whether the node is an object; faults what is not, and members that are not in `known`, a list of
 * names separated by spaces. */
bool mu_read_object(struct mu_reader *reader, const struct mu_node *node, const char *known);

/* A member that must be there. */
struct mu_node mu_read_required(struct mu_reader *reader, const struct mu_node *object,
                                const char *key);

/* Whether the node is an array of min..max elements; faults what is not. */
bool mu_read_array(struct mu_reader *reader, const struct mu_node *node, size_t min, size_t max);

/* The following return whether there is a good value; one that is not there is no fault. */

/* The text of a string, or NULL after a fault or when it is not there. */
const char *mu_read_string(struct mu_reader *reader, const struct mu_node *node);

/* A name: 1..MU_RULES_NAME_MAX bytes, none of them a bracket, parenthesis, comma or control
 * character, no space at its ends. */
bool mu_read_name(struct mu_reader *reader, const struct mu_node *node,
                  char ret[MU_RULES_NAME_MAX + 1]);

/* A number, or a string with one ("500"). */
bool mu_read_number(struct mu_reader *reader, const struct mu_node *node, double min, double max,
                    double *ret);
bool mu_read_whole(struct mu_reader *reader, const struct mu_node *node, uint32_t min, uint32_t max,
                   uint32_t *ret);

/* Seconds into ms; at least min_ms. */
bool mu_read_seconds(struct mu_reader *reader, const struct mu_node *node, int64_t min_ms,
                     int64_t *ret_ms);
bool mu_read_bool(struct mu_reader *reader, const struct mu_node *node, bool *ret);

/* One of several words, separated by spaces in `choices`: its index. */
bool mu_read_choice(struct mu_reader *reader, const struct mu_node *node, const char *choices,
                    uint32_t *ret);

/* A finite number as it is written in JSON.  Returns whether it is one. */
bool mu_read_decimal(const char *text, double *ret);

/* Limits that do not change. */
struct mu_limit mu_limit_fixed(double value);

/* Index of an attribute, or MU_RULES_NONE after a fault; of the node's name, with a type in
 * `types` (bit i: enum mu_attribute_type i); of a string_list, added when it is missing. */
uint32_t mu_read_attribute_index(struct mu_reader *reader, const struct mu_place *place,
                                 const char *name);
uint32_t mu_read_attribute_typed(struct mu_reader *reader, const struct mu_node *node,
                                 uint32_t types);
uint32_t mu_read_attribute_list(struct mu_reader *reader, const struct mu_place *place,
                                const char *name);
const char *mu_attribute_type_text(enum mu_attribute_type type);

/* What an expression results in. */
enum mu_result_kind { MU_RESULT_NUMBER, MU_RESULT_STRING, MU_RESULT_PLAYER };

struct mu_result {
    enum mu_result_kind kind;
    uint32_t depth; /* 0: one; 1: a list; 2: a list of lists; 3 */
};

/* Compiles an expression.  Returns false after a fault. */
bool mu_read_expression(struct mu_reader *reader, const struct mu_node *node,
                        struct mu_expression *ret, struct mu_result *ret_result);

/* Whether a reference is meant as an expression, and not as a string: it begins with a function or
 * with teams[ or players. */
bool mu_is_expression(const char *text);

/* "a number", "a list of strings", "a list of lists of players". */
#define MU_RESULT_BYTES 64
const char *mu_result_text(const struct mu_result *result, char ret[MU_RESULT_BYTES]);

/* The fields of one type of rule, into a rule that has its name and its defaults. */
typedef void mu_read_kind_fn(struct mu_reader *reader, const struct mu_node *node,
                             struct mu_rule *rule);
mu_read_kind_fn mu_read_distance, mu_read_comparison, mu_read_collection, mu_read_latency,
    mu_read_batch_distance, mu_read_sort, mu_read_history;

/* Compiles the statement of a compound rule; all rules have been read. */
void mu_read_statement(struct mu_reader *reader, const struct mu_node *node, struct mu_rule *rule);

/* Index of a rule, or MU_RULES_NONE after a fault. */
uint32_t mu_read_rule_index(struct mu_reader *reader, const struct mu_place *place,
                            const char *name);

/* The sections; what is not there gets its default. */
void mu_read_attributes(struct mu_reader *reader, const struct mu_node *root);
void mu_read_shapes(struct mu_reader *reader, const struct mu_node *root);
void mu_read_teams(struct mu_reader *reader, const struct mu_node *root);
void mu_read_algorithm(struct mu_reader *reader, const struct mu_node *root);
void mu_read_settings(struct mu_reader *reader, const struct mu_node *root);
void mu_read_quality(struct mu_reader *reader, const struct mu_node *root);
void mu_read_rules(struct mu_reader *reader, const struct mu_node *root);
void mu_read_expansions(struct mu_reader *reader, const struct mu_node *root);

/* Players of a team at the age at which it is largest. */
uint32_t mu_rules_team_largest(const struct mu_rules *rules, uint32_t team);

/* What must fit together at every age: sizes, limits, roles, the strategy. */
void mu_read_judge(struct mu_reader *reader);

/* Whether two expressions mean the same. */
bool mu_expression_equal(const struct mu_expression *a, const struct mu_expression *b);

/* Sets what follows from the rest: of each rule lasting and sized; needs.  Of each team `like`;
 * `alike`.  Only for rules without faults. */
void mu_rules_derive(struct mu_rules *rules);
void mu_rules_find_alike(struct mu_rules *rules);

#endif /* MU_ACTORS_RULES_COMPILE_READ_H */
