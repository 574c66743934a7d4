/* core/yaml_form.h - loads a YAML text by a libcyaml schema, and says in words what does not fit.
 *
 * libcyaml tells what it found in its log only; this reads the log.  Values are best loaded as text
 * and parsed by the caller, because libcyaml takes 010 for 8 and "maybe" for true.  A host file
 * (libcyaml). */
#ifndef MU_CORE_YAML_FORM_H
#define MU_CORE_YAML_FORM_H

#include <stddef.h>
#include <stdint.h>

#include <cyaml/cyaml.h>

#include "core/yaml_lines.h"

/* A field of text that need not be there: `char *`, NULL when it is not. */
#define MU_YAML_TEXT(structure, field)                                                             \
    CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, structure, field, 0,  \
                           CYAML_UNLIMITED)
/* A list that need not be there: an array, and its count in <field>_count. */
#define MU_YAML_ROWS(structure, field, entry, max)                                                 \
    CYAML_FIELD_SEQUENCE(#field, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, structure, field,       \
                         entry, 0, max)

/* Which fields stand in the entries of a list, for the text about one that is not known. */
struct mu_yaml_place {
    const char *list;                   /* "modes"; NULL: everywhere else, which ends the table */
    const cyaml_schema_field_t *fields; /* ended by CYAML_FIELD_END */
};

struct mu_yaml_form {
    const cyaml_schema_value_t *value;  /* of the whole text: a mapping, by pointer */
    const struct mu_yaml_place *places; /* ended by list NULL */
};

/* A list of plain text: MU_YAML_ROWS(..., &mu_yaml_text_value, max). */
extern const cyaml_schema_value_t mu_yaml_text_value;

/* Loads the text, which mu_yaml_lines_create() has accepted and found not empty.
 *
 * ret        the structure of the schema, freed by mu_yaml_form_free(); untouched on failure
 * ret_fault  filled when -EINVAL is returned: a field that is not known, a list where text is
 *            wanted or the other way round, a list that is too long; its line is not set
 *
 * Returns 0, -EINVAL or -ENOMEM. */
int mu_yaml_form_load(const struct mu_yaml_form *form, const uint8_t *text, size_t bytes,
                      void **ret, struct mu_yaml_fault *ret_fault);
void mu_yaml_form_free(const struct mu_yaml_form *form, void *data); /* NULL is a no-op */

#endif /* MU_CORE_YAML_FORM_H */
