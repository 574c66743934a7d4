#include "core/yaml_faults.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append(struct mu_yaml_faults *faults, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(struct mu_yaml_faults *faults, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = faults->error_size - faults->error_used;
    int n = vsnprintf(faults->error + faults->error_used, room, format, args);
    va_end(args);
    if (n > 0) {
        faults->error_used += (size_t)n < room ? (size_t)n : room - 1;
    }
}

void mu_yaml_faults_found(struct mu_yaml_faults *faults, const struct mu_yaml_fault *fault)
{
    assert(faults->error_size > 0);
    if (++faults->count > MU_YAML_FAULTS_MAX) {
        return;
    }
    uint32_t line = fault->line > 0 ? fault->line : mu_yaml_lines_near(faults->lines, fault->where);
    append(faults, "%s%s:", faults->error_used > 0 ? "\n" : "", faults->path);
    if (line > 0) {
        append(faults, "%u:", line);
    }
    append(faults, fault->where[0] != '\0' ? " %s: %s" : "%s %s", fault->where, fault->what);
}

void mu_yaml_faults_add(struct mu_yaml_faults *faults, const char *where, const char *format, ...)
{
    struct mu_yaml_fault fault = { .line = 0 };
    va_list args;
    (void)snprintf(fault.where, sizeof fault.where, "%s", where);
    va_start(args, format);
    (void)vsnprintf(fault.what, sizeof fault.what, format, args);
    va_end(args);
    mu_yaml_faults_found(faults, &fault);
}

void mu_yaml_faults_end(struct mu_yaml_faults *faults)
{
    if (faults->count > MU_YAML_FAULTS_MAX) {
        append(faults, "\n%s: and %u more", faults->path, faults->count - MU_YAML_FAULTS_MAX);
    }
}

void mu_yaml_place(const char *list, uint32_t index, const char *field,
                   char ret[MU_YAML_PATH_MAX + 1])
{
    (void)snprintf(ret, MU_YAML_PATH_MAX + 1, "%s[%u]%s%s", list, index,
                   field[0] != '\0' ? "." : "", field);
}

void mu_yaml_take_text(struct mu_yaml_faults *faults, const char *where, const char *raw,
                       size_t ret_bytes, char *ret)
{
    if (raw == NULL) {
        mu_yaml_faults_add(faults, where, "is missing");
    } else if (strlen(raw) >= ret_bytes) {
        mu_yaml_faults_add(faults, where, "is longer than %zu bytes", ret_bytes - 1);
    } else {
        (void)snprintf(ret, ret_bytes, "%s", raw);
    }
}
