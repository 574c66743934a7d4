#include "core/config_raw.h"

#include <stddef.h>

#include <cyaml/cyaml.h>

#include "core/yaml_form.h"

static const cyaml_schema_field_t mode_fields[] = {
    MU_YAML_TEXT(struct mu_raw_mode, name),
#define FIELD(field) MU_YAML_TEXT(struct mu_raw_mode, field),
    MU_RAW_MODE_FIELDS(FIELD, FIELD, FIELD)
#undef FIELD
        CYAML_FIELD_END,
};
static const cyaml_schema_value_t mode_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mu_raw_mode, mode_fields),
};

static const cyaml_schema_field_t region_fields[] = {
    MU_YAML_TEXT(struct mu_raw_region, name),
    MU_YAML_ROWS(struct mu_raw_region, aliases, &mu_yaml_text_value, MU_ALIASES_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t region_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mu_raw_region, region_fields),
};

static const cyaml_schema_field_t key_fields[] = {
    MU_YAML_TEXT(struct mu_raw_key, id),
    MU_YAML_TEXT(struct mu_raw_key, role),
    MU_YAML_TEXT(struct mu_raw_key, hash),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t key_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mu_raw_key, key_fields),
};

static const cyaml_schema_field_t jwt_fields[] = {
    MU_YAML_TEXT(struct mu_raw_jwt, keys),
    MU_YAML_TEXT(struct mu_raw_jwt, issuer),
    MU_YAML_TEXT(struct mu_raw_jwt, audience),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t settings_fields[] = {
#define SETTING(name, default_value, min, max, unit, doc)                                          \
    MU_YAML_TEXT(struct mu_raw_settings, name),
#include "core/settings.def"
#undef SETTING
    CYAML_FIELD_END,
};

/* How many brokers and gateways there may be is told by config_take.c, with more sense. */
static const cyaml_schema_field_t broker_fields[] = {
    MU_YAML_TEXT(struct mu_raw_broker, name),
    MU_YAML_TEXT(struct mu_raw_broker, endpoint),
    MU_YAML_TEXT(struct mu_raw_broker, bind),
    MU_YAML_TEXT(struct mu_raw_broker, key),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t broker_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mu_raw_broker, broker_fields),
};

static const cyaml_schema_field_t gateway_fields[] = {
    MU_YAML_TEXT(struct mu_raw_gateway, name),
    MU_YAML_TEXT(struct mu_raw_gateway, listen),
    MU_YAML_TEXT(struct mu_raw_gateway, admin),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t gateway_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct mu_raw_gateway, gateway_fields),
};

static const cyaml_schema_field_t store_fields[] = {
    MU_YAML_TEXT(struct mu_raw_store, data),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t cluster_fields[] = {
    MU_YAML_ROWS(struct mu_raw_cluster, brokers, &broker_value, CYAML_UNLIMITED),
    CYAML_FIELD_MAPPING("store", CYAML_FLAG_OPTIONAL, struct mu_raw_cluster, store, store_fields),
    MU_YAML_ROWS(struct mu_raw_cluster, gateways, &gateway_value, CYAML_UNLIMITED),
    MU_YAML_TEXT(struct mu_raw_cluster, keys),
    MU_YAML_TEXT(struct mu_raw_cluster, peers),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t config_fields[] = {
    MU_YAML_ROWS(struct mu_raw_config, modes, &mode_value, MU_MODES_MAX),
    MU_YAML_ROWS(struct mu_raw_config, regions, &region_value, MU_REGIONS_MAX),
    MU_YAML_ROWS(struct mu_raw_config, origins, &mu_yaml_text_value, MU_ORIGINS_MAX),
    MU_YAML_ROWS(struct mu_raw_config, keys, &key_value, MU_KEYS_MAX),
    CYAML_FIELD_MAPPING("jwt", CYAML_FLAG_OPTIONAL, struct mu_raw_config, jwt, jwt_fields),
    CYAML_FIELD_MAPPING("settings", CYAML_FLAG_OPTIONAL, struct mu_raw_config, settings,
                        settings_fields),
    CYAML_FIELD_MAPPING("cluster", CYAML_FLAG_OPTIONAL, struct mu_raw_config, cluster,
                        cluster_fields),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t config_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct mu_raw_config, config_fields),
};

static const struct mu_yaml_place places[] = {
    { "cluster.brokers", broker_fields },
    { "cluster.store", store_fields },
    { "cluster.gateways", gateway_fields },
    { "cluster", cluster_fields },
    { "modes", mode_fields },
    { "regions", region_fields },
    { "keys", key_fields },
    { "jwt", jwt_fields },
    { "settings", settings_fields },
    { NULL, config_fields },
};
static const struct mu_yaml_form form = { &config_value, places };

int mu_config_raw_create(const uint8_t *text, size_t bytes, struct mu_raw_config **ret,
                         struct mu_yaml_fault *ret_fault)
{
    void *raw = NULL;
    int r = mu_yaml_form_load(&form, text, bytes, &raw, ret_fault);
    if (r == 0) {
        *ret = raw;
    }
    return r;
}

void mu_config_raw_destroy(struct mu_raw_config *raw)
{
    mu_yaml_form_free(&form, raw);
}
