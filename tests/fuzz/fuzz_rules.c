/* Any bytes as a rule set document: refused with faults that can be shown, or a rule book that
 * keeps every invariant; the same again the second time. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/rules_check.h"
#include "wire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct mu_rules base;
    static struct mu_rules_fault faults[MU_RULES_FAULTS_MAX];
    static struct mu_rules_fault again[MU_RULES_FAULTS_MAX];
    struct mu_rulebook book = { .shapes_count = 0 };
    struct mu_rulebook second = { .shapes_count = 0 };
    if (base.party_max == 0) {
        rules_check_base(&base);
    }
    int count =
        mu_rules_compile((const char *)data, size, &base, 1, faults, MU_RULES_FAULTS_MAX, &book);
    assert(count >= 0 && count <= MU_RULES_FAULTS_MAX);
    int r =
        mu_rules_compile((const char *)data, size, &base, 1, again, MU_RULES_FAULTS_MAX, &second);
    assert(r == count);
    for (int i = 0; i < count; i++) {
        assert(strcmp(faults[i].pointer, again[i].pointer) == 0);
        assert(strcmp(faults[i].what, again[i].what) == 0);
        assert(faults[i].what[0] != '\0');
        assert(faults[i].pointer[0] == '\0' || faults[i].pointer[0] == '/');
        assert(mu_utf8_valid(faults[i].what, strlen(faults[i].what)));
        assert(mu_utf8_valid(faults[i].pointer, strlen(faults[i].pointer)));
    }
    if (count == 0) {
        rules_check_book(&book);
        rules_check_book(&second);
        assert(book.shapes_count == second.shapes_count);
        mu_rulebook_release(&book);
        mu_rulebook_release(&second);
    }
    return 0;
}
