#include "tools/bots_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "core/id.h"
#include "tools/bot_player.h"
#include "tools/bot_server.h"

/* A string member, or "". */
static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

void mu_bots_file_load(struct mu_bots *bots, const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    const json_t *players = json_object_get(root, "players");
    const json_t *servers = json_object_get(root, "servers");
    for (uint32_t i = 0; i < bots->players_count; i++) {
        struct mu_bot *bot = &bots->players[i];
        mu_bot_init(bot, bots, i, "");
        const char *id = text_of(players, bot->name);
        if (mu_id_valid(id, MU_ID_PREFIX_PLAYER)) {
            mu_bot_init(bot, bots, i, id);
        }
    }
    for (uint32_t i = 0; i < bots->servers_count; i++) {
        const json_t *server = json_object_get(servers, bots->config->regions[i].name);
        const char *id = text_of(server, "id");
        const char *key = text_of(server, "key");
        bool good = mu_id_valid(id, MU_ID_PREFIX_SERVER) && key[0] != '\0' &&
                    strlen(key) <= MU_BOT_SERVER_KEY_MAX;
        mu_bot_server_init(&bots->servers[i], bots, i, good ? id : "", good ? key : "");
    }
    json_decref(root);
}

/* The document, or NULL when out of memory. */
static json_t *document(const struct mu_bots *bots)
{
    json_t *players = json_object();
    json_t *servers = json_object();
    for (uint32_t i = 0; i < bots->players_count; i++) {
        const struct mu_bot *bot = &bots->players[i];
        if (bot->id[0] != '\0') {
            (void)json_object_set_new(players, bot->name, json_string(bot->id));
        }
    }
    for (uint32_t i = 0; i < bots->servers_count; i++) {
        const struct mu_bot_server *server = &bots->servers[i];
        if (server->id[0] != '\0') {
            (void)json_object_set_new(
                servers, bots->config->regions[server->region].name,
                json_pack("{s:s, s:s}", "id", server->id, "key", server->key));
        }
    }
    /* Takes both, also on failure. */
    return json_pack("{s:o, s:o}", "players", players, "servers", servers);
}

int mu_bots_file_save(const struct mu_bots *bots, const char *path)
{
    char part[4096];
    int n = snprintf(part, sizeof part, "%s.part", path);
    if (n < 0 || (size_t)n >= sizeof part) {
        return -ENAMETOOLONG;
    }
    json_t *root = document(bots);
    int r = root == NULL ? -ENOMEM : 0;
    /* It holds the servers' keys: nobody else's to read. */
    if (r == 0 && json_dump_file(root, part, JSON_INDENT(1)) != 0) {
        r = -EIO;
    }
    json_decref(root);
    return r == 0 && rename(part, path) != 0 ? -errno : r;
}
