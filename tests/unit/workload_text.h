/* tests/unit/workload_text.h - workloads that stand in a test as text. */
#ifndef MU_TESTS_UNIT_WORKLOAD_TEXT_H
#define MU_TESTS_UNIT_WORKLOAD_TEXT_H

#include <string.h>

#include "tests/unit/unit.h"
#include "tools/workload.h"

/* A header line with two regions and the modes duel (1v1), pairs (2v2) and crowd (3 or 4 alone). */
#define WORKLOAD_HEADER                                                                            \
    "{\"type\":\"header\",\"format\":\"mm-workload/1\",\"name\":\"hand\",\"seed\":7,"              \
    "\"duration\":100,\"regions\":[\"east\",\"west\"],\"modes\":{"                                 \
    "\"duel\":{\"teams\":2,\"team_size\":1,\"min_teams\":2},"                                      \
    "\"pairs\":{\"teams\":2,\"team_size\":2,\"min_teams\":2},"                                     \
    "\"crowd\":{\"teams\":4,\"team_size\":1,\"min_teams\":3}},"                                    \
    "\"score\":{\"beta\":200,\"party_bonus\":[0,0,15],\"lat_good\":40,\"lat_bad\":260,\"modes\":{" \
    "\"duel\":{\"W0\":240,\"D0\":300,\"wI\":1},\"pairs\":{\"W0\":300,\"D0\":300,\"wI\":1},"        \
    "\"crowd\":{\"W0\":360,\"D0\":400,\"wI\":0.4}}}}\n"

/* Reads a workload from text; what was wrong is in faults[faults_bytes].  Returns what
 * mu_workload_read() does. */
static inline int workload_text(const char *text, char *faults, size_t faults_bytes,
                                struct mu_workload *ret)
{
    char copy[16384];
    size_t size = strlen(text);
    assert_true(size < sizeof copy);
    (void)snprintf(copy, sizeof copy, "%s", text);
    FILE *file = fmemopen(copy, size, "r");
    FILE *told = fmemopen(faults, faults_bytes, "w");
    assert_non_null(file);
    assert_non_null(told);
    int r = mu_workload_read(file, "file", told, ret);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(fclose(told), 0);
    return r;
}

#endif /* MU_TESTS_UNIT_WORKLOAD_TEXT_H */
