/* tests/unit/rules_check.h - what holds for every rule book that was compiled. */
#ifndef MU_TESTS_UNIT_RULES_CHECK_H
#define MU_TESTS_UNIT_RULES_CHECK_H

#include "actors/rules_compile.h"

/* Asserts every invariant of the book. */
void rules_check_book(const struct mu_rulebook *book);

/* A base by hand: one of a mode of two teams of five. */
void rules_check_base(struct mu_rules *ret);

#endif /* MU_TESTS_UNIT_RULES_CHECK_H */
