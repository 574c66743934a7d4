#include "core/config_print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "core/config_raw.h"

/* Where the text goes. */
struct print {
    FILE *file;
    const struct mu_config_origins *origins; /* or NULL */
};

/* Columns before the comment of most lines; it only has to look well. */
enum { COMMENT_COLUMN = 40 };

/* Ends a line that shows the value at `where`; `used` columns are written already. */
static void end_line(const struct print *print, int used, const char *where)
{
    char origin[MU_CONFIG_ORIGIN_MAX + 1];
    if (print->origins != NULL) {
        mu_config_origins_say(print->origins, where, origin);
        (void)fprintf(print->file, "%*s  # %s", used < COMMENT_COLUMN ? COMMENT_COLUMN - used : 0,
                      "", origin);
    }
    (void)fputc('\n', print->file);
}

/* Writes one line, "  elo_k: 32", of the value at `where`. */
static void line(const struct print *print, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void line(const struct print *print, const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int used = vfprintf(print->file, format, args);
    va_end(args);
    end_line(print, used, where);
}

/* Writes "  field: "text"" of the value at `where`, unless the text is empty.  In double quotes
 * YAML takes all that a text of ours can hold, but for these two. */
static void text_line(const struct print *print, const char *where, const char *field,
                      const char *text)
{
    if (text[0] == '\0') {
        return;
    }
    int used = fprintf(print->file, "%s\"", field);
    for (const char *c = text; *c != '\0'; c++) {
        used += fprintf(print->file, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
    }
    used += fprintf(print->file, "\"");
    end_line(print, used, where);
}

static void place(char ret[MU_YAML_PATH_MAX + 1], const char *list, uint32_t index,
                  const char *field)
{
    (void)snprintf(ret, MU_YAML_PATH_MAX + 1, "%s[%" PRIu32 "]%s", list, index, field);
}

/* What stands around a name: one that begins with - could be taken for an entry of a list. */
static const char *quote(const char *name)
{
    return name[0] == '-' ? "\"" : "";
}

static void print_regions(const struct print *print, const struct mu_config *config)
{
    char where[MU_YAML_PATH_MAX + 1];
    line(print, "regions", "regions:");
    for (uint32_t i = 0; i < config->regions_count; i++) {
        const struct mu_region *region = &config->regions[i];
        place(where, "regions", i, ".name");
        line(print, where, "  - name: %s%s%s", quote(region->name), region->name,
             quote(region->name));
        int used = fprintf(print->file, "    aliases: [");
        for (uint32_t k = 0; k < region->aliases_count; k++) {
            const char *alias = region->aliases[k];
            used += fprintf(print->file, "%s%s%s%s", k == 0 ? "" : ", ", quote(alias), alias,
                            quote(alias));
        }
        used += fprintf(print->file, "]");
        place(where, "regions", i, ".aliases");
        end_line(print, used, where);
    }
}

static void print_modes(const struct print *print, const struct mu_config *config)
{
    char where[MU_YAML_PATH_MAX + 1];
    line(print, "modes", "modes:");
    for (uint32_t i = 0; i < config->modes_count; i++) {
        const struct mu_mode *mode = &config->modes[i];
        place(where, "modes", i, ".name");
        line(print, where, "  - name: %s%s%s", quote(mode->name), mode->name, quote(mode->name));
#define NUMBER(field)                                                                              \
    place(where, "modes", i, "." #field);                                                          \
    line(print, where, "    " #field ": %" PRIu32, mode->field);
#define FLAG(field)                                                                                \
    place(where, "modes", i, "." #field);                                                          \
    line(print, where, "    " #field ": %s", mode->field ? "true" : "false");
        MU_RAW_MODE_FIELDS(NUMBER, FLAG, NUMBER)
#undef NUMBER
#undef FLAG
    }
}

static void print_keys(const struct print *print, const struct mu_config *config)
{
    char where[MU_YAML_PATH_MAX + 1];
    line(print, "keys", "keys:%s", config->keys_count == 0 ? " []" : "");
    for (uint32_t i = 0; i < config->keys_count; i++) {
        const struct mu_api_key *key = &config->keys[i];
        place(where, "keys", i, "");
        line(print, where, "  - {id: %s%s%s, role: %s, hash: %s}", quote(key->id), key->id,
             quote(key->id), key->role == MU_ROLE_OPERATOR ? "operator" : "backend", key->hash);
    }
}

static void print_jwt(const struct print *print, const struct mu_config_jwt *jwt)
{
    line(print, "jwt", "jwt:%s", jwt->keys[0] == '\0' ? " {}" : "");
    text_line(print, "jwt.keys", "  keys: ", jwt->keys);
    text_line(print, "jwt.issuer", "  issuer: ", jwt->issuer);
    text_line(print, "jwt.audience", "  audience: ", jwt->audience);
}

static void print_cluster(const struct print *print, const struct mu_config_cluster *cluster)
{
    char where[MU_YAML_PATH_MAX + 1];
    line(print, "cluster", "cluster:");
    line(print, "cluster.brokers", "  brokers:%s", cluster->brokers_count == 0 ? " []" : "");
    for (uint32_t i = 0; i < cluster->brokers_count; i++) {
        const struct mu_cluster_broker *broker = &cluster->brokers[i];
        place(where, "cluster.brokers", i, ".name");
        text_line(print, where, "    - name: ", broker->name);
        place(where, "cluster.brokers", i, ".endpoint");
        text_line(print, where, "      endpoint: ", broker->endpoint);
        place(where, "cluster.brokers", i, ".bind");
        text_line(print, where, "      bind: ", broker->bind);
        place(where, "cluster.brokers", i, ".key");
        text_line(print, where, "      key: ", broker->key);
    }
    if (cluster->store_data[0] != '\0') {
        line(print, "cluster.store", "  store:");
        text_line(print, "cluster.store.data", "    data: ", cluster->store_data);
    }
    line(print, "cluster.gateways", "  gateways:%s", cluster->gateways_count == 0 ? " []" : "");
    for (uint32_t i = 0; i < cluster->gateways_count; i++) {
        const struct mu_cluster_gateway *gateway = &cluster->gateways[i];
        place(where, "cluster.gateways", i, ".name");
        text_line(print, where, "    - name: ", gateway->name);
        place(where, "cluster.gateways", i, ".listen");
        text_line(print, where, "      listen: ", gateway->listen);
        place(where, "cluster.gateways", i, ".admin");
        text_line(print, where, "      admin: ", gateway->admin);
    }
    text_line(print, "cluster.keys", "  keys: ", cluster->keys);
    text_line(print, "cluster.peers", "  peers: ", cluster->peers);
}

void mu_config_print(FILE *file, const struct mu_config *config,
                     const struct mu_config_origins *origins)
{
    const struct print print = { .file = file, .origins = origins };
    char where[MU_YAML_PATH_MAX + 1];
    print_regions(&print, config);
    print_modes(&print, config);
    line(&print, "origins", "origins:%s", config->origins_count == 0 ? " []" : "");
    for (uint32_t i = 0; i < config->origins_count; i++) {
        place(where, "origins", i, "");
        text_line(&print, where, "  - ", config->origins[i]);
    }
    print_keys(&print, config);
    print_jwt(&print, &config->jwt);
    line(&print, "settings", "settings:");
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    line(&print, "settings." #name, "  " #name ": %" PRIu64, config->settings.name);
#include "core/settings.def"
#undef SETTING
    print_cluster(&print, &config->cluster);
}
