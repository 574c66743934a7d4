/* tests/unit/candidate_world_ticket.c - random tickets; see candidate_world.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/candidate_world.h"

static void world_string_text(uint32_t string, char ret[16])
{
    (void)snprintf(ret, 16, "%c%u", string < 100 ? 's' : 'p',
                   (unsigned)(string < 100 ? string : string - 100));
}

uint64_t world_symbol(uint32_t string)
{
    char text[16];
    world_string_text(string, text);
    return mu_symbol(text, strlen(text));
}

/* A JSON text in the making. */
struct text {
    char bytes[MU_DETAILS_MAX + 1];
    size_t used;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int bytes = vsnprintf(text->bytes + text->used, sizeof text->bytes - text->used, format, args);
    va_end(args);
    assert(bytes >= 0 && (size_t)bytes < sizeof text->bytes - text->used);
    text->used += (size_t)bytes;
}

static void put_strings(struct text *text, const struct world_player *player, uint32_t attribute)
{
    for (uint32_t i = 0; i < player->strings_count[attribute]; i++) {
        char string[16];
        world_string_text(player->strings[attribute][i], string);
        put(text, "%s\"%s\"", i > 0 ? "," : "", string);
    }
}

static void put_player(struct text *text, const struct world_player *player, bool backfill)
{
    put(text, "{\"attributes\":{\"a0\":%.17g,\"a1\":%.17g,\"a2\":", player->number[0],
        player->number[1]);
    put_strings(text, player, 2);
    for (uint32_t i = 3; i < WORLD_ATTRIBUTES; i++) {
        put(text, ",\"a%u\":[", (unsigned)i);
        put_strings(text, player, i);
        put(text, "]");
    }
    put(text, "},\"latencies\":{");
    bool any = false;
    for (uint32_t i = 0; i < WORLD_REGIONS; i++) {
        if (player->latency[i] != MU_LATENCY_NONE) {
            put(text, "%s\"r%u\":%u", any ? "," : "", (unsigned)i, (unsigned)player->latency[i]);
            any = true;
        }
    }
    put(text, "}");
    if (backfill) {
        put(text, ",\"team\":\"t%u\"", (unsigned)player->team);
    }
    put(text, "}");
}

static void make_player(struct world *world, uint32_t id, struct world_player *ret)
{
    *ret = (struct world_player){ .id = id,
                                  .rating = 1000 + (int32_t)world_below(world, 400),
                                  .deviation = (int32_t)world_below(world, 100),
                                  .team = world_below(world, world->rules.teams_count) };
    for (uint32_t i = 0; i < 2; i++) {
        ret->number[i] = (double)world_below(world, i == 0 ? 7 : 70) / (i == 0 ? 1.0 : 10.0);
    }
    ret->strings_count[2] = 1;
    ret->strings[2][0] = world_below(world, world_chance(world, 50) ? 2 : WORLD_STRINGS);
    for (uint32_t i = 3; i < WORLD_ATTRIBUTES; i++) {
        ret->strings_count[i] = world_below(world, WORLD_LIST_MAX + 1);
        for (uint32_t j = 0; j < ret->strings_count[i]; j++) {
            ret->strings[i][j] =
                world_chance(world, 15) ? 100 + world_below(world, 20) : world_below(world, 4);
        }
    }
    for (uint32_t i = 0; i < WORLD_REGIONS; i++) {
        ret->latency[i] =
            world_chance(world, 10) ? MU_LATENCY_NONE : (uint16_t)(20 + world_below(world, 100));
    }
}

void world_make_ticket(struct world *world, uint32_t *id, struct world_ticket *ticket)
{
    struct mu_entrant *entrant = &ticket->entrant;
    struct mu_facts_player players[WORLD_PLAYERS_MAX];
    char ids[WORLD_PLAYERS_MAX][16];
    static struct text text;
    text.used = 0;
    bool backfill = world_chance(world, 6);
    uint32_t count = 1 + (world_chance(world, 30) ? world_below(world, 4) : 0);
    count = backfill && world_chance(world, 50) ? WORLD_PLAYERS_MAX - world_below(world, 8) : count;
    double bonus = count > 1 ? 12.5 : 0;
    *entrant =
        (struct mu_entrant){ .since_ms = world->now_ms - 250 * (int64_t)world_below(world, 48),
                             .players = count,
                             .backfill = backfill,
                             .reach_ms = ticket->reach_ms,
                             .nearness = ticket->nearness };
    put(&text, "[");
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct world_player *player = &ticket->players[i];
        make_player(world, *id, player);
        world_string_text(100 + (*id)++, ids[i]);
        players[i] = (struct mu_facts_player){ ids[i], player->rating, player->deviation };
        put(&text, "%s", i > 0 ? "," : "");
        put_player(&text, player, backfill);
        double effective = (double)player->rating + bonus;
        sum += (double)player->rating;
        entrant->sum += effective;
        entrant->squares += effective * effective;
        entrant->variance += (double)player->deviation * (double)player->deviation;
    }
    put(&text, "]");
    entrant->rating = (int32_t)(sum / (double)count);
    for (uint32_t i = 0; i < WORLD_REGIONS; i++) {
        ticket->reach_ms[i] =
            world_chance(world, 10) ? MU_LATENCY_NONE : (uint16_t)(20 + world_below(world, 100));
        ticket->nearness[i] = (float)world_below(world, 9) / 8.0f;
    }
    void *facts = ticket->facts;
    struct mu_facts_fault fault;
    int r = mu_facts_read(&world->rules, &world->config, players, count, text.bytes, text.used,
                          &fault, facts, sizeof ticket->facts);
    assert(r == 0);
    entrant->facts = facts;
}
