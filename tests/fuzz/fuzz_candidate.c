/* Any rules, tickets and steps: a candidate that came to be by additions, removals, moves and
 * exchanges is judged like one that was made at once, and keeps what its header promises.
 *
 * The first byte says which document: one of those that the tests have, or what follows the other
 * bytes.  The next ones are what players have, and then steps. */
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "actors/candidate.h"
#include "actors/rules_compile.h"
#include "tests/unit/engine_lineup.h"
#include "tests/unit/rules_check.h"

enum {
    TICKETS = 8,
    PARTY_MAX = 3,
    STEPS_MAX = 64,
    REGIONS = 3,
    UNITS_MAX = TICKETS * PARTY_MAX,
    NOW_MS = 100000,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at;
    size_t left;
};

struct ticket {
    struct mu_entrant entrant;
    uint16_t reach_ms[REGIONS];
    float nearness[REGIONS];
    uint64_t facts[4096];
};

struct unit {
    uint32_t ticket;
    uint32_t player;
    uint32_t team;
};

struct stage {
    struct mu_config config;
    struct mu_rules base;
    const struct mu_rules *rules;
    struct mu_candidate *candidate;
    struct mu_candidate *fresh;
    struct ticket tickets[TICKETS];
    uint32_t count;
    struct unit units[UNITS_MAX];
};

static uint8_t next(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

/* A text that grows. */
struct text {
    size_t used;
    char bytes[16384];
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int more = vsnprintf(text->bytes + text->used, sizeof text->bytes - text->used, format, list);
    va_end(list);
    assert(more >= 0 && (size_t)more < sizeof text->bytes - text->used);
    text->used += (size_t)more;
}

static void say_value(enum mu_attribute_type type, struct input *input, struct text *text)
{
    uint8_t count = next(input);
    switch (type) {
    case MU_ATTRIBUTE_NUMBER: say(text, "%d", (int8_t)count); return;
    case MU_ATTRIBUTE_STRING: say(text, "\"%u\"", count % 5U); return;
    case MU_ATTRIBUTE_STRINGS:
        say(text, "[");
        for (uint8_t i = 0; i < count % 4; i++) {
            say(text, "%s\"%u\"", i == 0 ? "" : ", ", next(input) % 6U);
        }
        say(text, "]");
        return;
    case MU_ATTRIBUTE_MAP:
        say(text, "{");
        for (uint8_t i = 0; i < count % 4; i++) { /* each key once */
            say(text, "%s\"%u\": %d", i == 0 ? "" : ", ", i + 1U, (int8_t)next(input));
        }
        say(text, "}");
        return;
    }
}

/* What the players of a ticket bring. */
static void say_details(const struct stage *stage, uint32_t players, struct input *input,
                        struct text *text)
{
    text->used = 0;
    for (uint32_t i = 0; i < players; i++) {
        const char *comma = "";
        say(text, "%s{\"attributes\": {", i == 0 ? "[" : ", ");
        for (uint32_t k = 0; k < stage->rules->attributes_count; k++) {
            const struct mu_attribute *attribute = &stage->rules->attributes[k];
            if (strchr(attribute->name, '\\') == NULL) { /* which JSON writes otherwise */
                say(text, "%s\"%s\": ", comma, attribute->name);
                say_value(attribute->type, input, text);
                comma = ", ";
            }
        }
        say(text, "}, \"latencies\": {");
        comma = "";
        for (uint32_t k = 0; k < REGIONS; k++) {
            uint8_t ms = next(input);
            if (ms < 200) {
                say(text, "%s\"%s\": %u", comma, stage->config.regions[k].name, ms);
                comma = ", ";
            }
        }
        say(text, "}}");
    }
    say(text, "]");
}

/* Returns whether the ticket can be. */
static bool make_ticket(struct stage *stage, uint32_t index, struct input *input)
{
    struct ticket *ticket = &stage->tickets[index];
    struct mu_facts_player players[PARTY_MAX];
    char ids[PARTY_MAX][8];
    uint8_t byte = next(input);
    uint32_t count = 1 + byte % PARTY_MAX;
    int32_t rating = 1000 + 4 * next(input);
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%u", (unsigned)((index + 3 * i) % 6));
        players[i] = (struct mu_facts_player){ ids[i], rating, byte };
    }
    static struct text details;
    say_details(stage, count, input, &details);
    struct mu_facts *facts = (struct mu_facts *)(void *)ticket->facts;
    if (mu_facts_read(stage->rules, &stage->config, players, count, details.bytes, details.used,
                      NULL, facts, sizeof ticket->facts) != 0) {
        return false; /* an attribute without a default is missing */
    }
    for (uint32_t i = 0; i < REGIONS; i++) {
        ticket->reach_ms[i] = 0;
        for (uint32_t k = 0; k < count; k++) {
            uint16_t ms = mu_facts_latency(facts, k, i);
            ticket->reach_ms[i] = ms > ticket->reach_ms[i] ? ms : ticket->reach_ms[i];
        }
        ticket->nearness[i] =
            ticket->reach_ms[i] > 250 ? 0 : 1 - (float)ticket->reach_ms[i] / 256.0F;
    }
    ticket->entrant = (struct mu_entrant){
        .since_ms = NOW_MS - 250 * (int64_t)next(input),
        .players = count,
        .rating = rating,
        .sum = (double)rating * count,
        .squares = (double)rating * rating * count,
        .variance = (double)byte * byte * count,
        .reach_ms = ticket->reach_ms,
        .nearness = ticket->nearness,
        .facts = facts,
    };
    return true;
}

static bool is_in(const struct stage *stage, uint32_t ticket, uint32_t player)
{
    for (uint32_t i = 0; i < stage->count; i++) {
        const struct unit *unit = &stage->units[i];
        if (unit->ticket == ticket &&
            (unit->player == MU_RULES_NONE || player == MU_RULES_NONE || unit->player == player)) {
            return true;
        }
    }
    return false;
}

static void add(struct stage *stage, struct input *input)
{
    uint8_t byte = next(input);
    uint32_t ticket = byte % TICKETS;
    const struct mu_entrant *entrant = &stage->tickets[ticket].entrant;
    uint32_t player = byte / TICKETS % 4 == 3 ? byte / 32 % entrant->players : MU_RULES_NONE;
    uint32_t team = next(input) % stage->rules->teams_count;
    if (is_in(stage, ticket, player) || stage->count == UNITS_MAX) {
        return;
    }
    bool in = byte >= 128 ? mu_candidate_add(stage->candidate, entrant, player, team)
                          : mu_candidate_put(stage->candidate, entrant, player, team);
    if (in) {
        stage->units[stage->count++] = (struct unit){ ticket, player, team };
    }
}

static void change(struct stage *stage, uint8_t what, struct input *input)
{
    uint32_t a = next(input) % stage->count;
    uint32_t b = next(input);
    struct unit *unit = &stage->units[a];
    switch (what) {
    case 0:
        mu_candidate_remove(stage->candidate, a);
        *unit = stage->units[--stage->count];
        break;
    case 1:
        unit->team = b % stage->rules->teams_count;
        mu_candidate_move(stage->candidate, a, unit->team);
        break;
    default:
        b %= stage->count;
        mu_candidate_exchange(stage->candidate, a, b);
        uint32_t team = unit->team;
        unit->team = stage->units[b].team;
        stage->units[b].team = team;
        break;
    }
}

/* Made at once, the units in the order that they have by now. */
static void compare(struct stage *stage)
{
    struct mu_verdict one;
    struct mu_verdict other;
    mu_candidate_begin(stage->fresh, stage->rules, REGIONS, NOW_MS);
    for (uint32_t i = 0; i < stage->count; i++) {
        const struct unit *unit = &stage->units[i];
        bool in = mu_candidate_put(stage->fresh, &stage->tickets[unit->ticket].entrant,
                                   unit->player, unit->team);
        assert(in);
    }
    mu_candidate_judge(stage->candidate, &one);
    mu_candidate_judge(stage->fresh, &other);
    assert(one.legal == other.legal && one.sizes == other.sizes && one.fill == other.fill);
    assert(one.window == other.window && one.parties == other.parties);
    assert(one.roles == other.roles && one.backfill == other.backfill);
    assert(one.broken == other.broken && one.regions == other.regions);
    assert(one.legal == (one.violation == 0) && one.violation >= 0 && isfinite(one.violation));
    assert(fabs(one.violation - other.violation) <= 1e-6 * (1 + one.violation));
    double quality = mu_candidate_quality(stage->candidate);
    assert(quality >= 0 && quality <= 1);
    assert(!one.roles || fabs(quality - mu_candidate_quality(stage->fresh)) < 1e-6);
    double probability = mu_candidate_win_probability(stage->candidate);
    assert(probability >= 0.5 && probability <= 1);
    if (one.regions != 0) {
        uint32_t region = mu_candidate_region(stage->candidate, one.regions);
        assert((one.regions >> region & 1) != 0);
    }
}

static void play(struct stage *stage, struct input *input)
{
    for (uint32_t i = 0; i < TICKETS; i++) {
        if (!make_ticket(stage, i, input)) {
            return;
        }
    }
    stage->count = 0;
    mu_candidate_begin(stage->candidate, stage->rules, REGIONS, NOW_MS);
    for (uint32_t i = 0; i < STEPS_MAX && input->left > 0; i++) {
        uint8_t what = next(input) % 8;
        if (what < 3 && stage->count > 0) {
            change(stage, what, input);
        } else {
            add(stage, input);
        }
        if (i % 4 == 3) {
            compare(stage);
        }
    }
    compare(stage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stage stage;
    char document[4096];
    struct mu_rules_fault fault;
    struct mu_rulebook book;
    if (size < 2) {
        return 0;
    }
    if (stage.candidate == NULL) {
        mu_config_default(&stage.config);
        rules_check_base(&stage.base);
        stage.candidate = mu_candidate_create();
        stage.fresh = mu_candidate_create();
        assert(stage.candidate != NULL && stage.fresh != NULL);
    }
    struct input input = { data + 1, size - 1 };
    const char *text = (const char *)data + 1;
    size_t length;
    if (data[0] % 16 < lineup_kinds_count) {
        text = document;
        length =
            (size_t)snprintf(document, sizeof document, "{%s", lineup_kinds[data[0] % 16].document);
    } else {
        const uint8_t *end = memchr(input.at, '\0', input.left);
        length = end == NULL ? input.left : (size_t)(end - input.at);
        input.at += length;
        input.left -= length;
    }
    if (mu_rules_compile(text, length, &stage.base, 1, &fault, 1, &book) == 0) {
        for (uint32_t i = 0; i < book.shapes_count; i++) {
            stage.rules = book.shapes[i];
            play(&stage, &input);
        }
        mu_rulebook_release(&book);
    }
    return 0;
}
