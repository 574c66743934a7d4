#include "broker/peers_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/yaml_faults.h"
#include "core/yaml_form.h"

struct raw_peer {
    char *name;
    char *role;
    char *key;
    char *next;
    char **partitions;
    uint32_t partitions_count;
};

struct raw_file {
    struct raw_peer *peers;
    uint32_t peers_count;
};

static const cyaml_schema_field_t peer_fields[] = {
    MU_YAML_TEXT(struct raw_peer, name),
    MU_YAML_TEXT(struct raw_peer, role),
    MU_YAML_TEXT(struct raw_peer, key),
    MU_YAML_TEXT(struct raw_peer, next),
    MU_YAML_ROWS(struct raw_peer, partitions, &mu_yaml_text_value, MU_PEER_PARTITIONS_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t peer_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_peer, peer_fields),
};
static const cyaml_schema_field_t file_fields[] = {
    MU_YAML_ROWS(struct raw_file, peers, &peer_value, MU_PEERS_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t file_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw_file, file_fields),
};
static const struct mu_yaml_place places[] = { { "peers", peer_fields }, { NULL, file_fields } };
static const struct mu_yaml_form form = { &file_value, places };

/* One text on its way. */
struct load {
    struct mu_yaml_faults faults;
    struct mu_yaml_lines *lines;
    struct mu_peers peers; /* what is being filled */
};

/* Takes a key, unless somebody has it already. */
static void take_key(struct load *load, uint32_t index, const char *field, const char *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    uint8_t key[MU_PUBLIC_KEY_BYTES];
    struct mu_listed_peer *peer = &load->peers.peers[index];
    mu_yaml_place("peers", index, field, where);
    if (raw == NULL) {
        mu_yaml_faults_add(&load->faults, where, "is missing");
        return;
    }
    int r = mu_public_key_parse(raw, key);
    if (r != 0) {
        mu_yaml_faults_add(&load->faults, where,
                           r == -EDOM ? "is a key that has no secret"
                                      : "must be the 64 hex digits that muster keygen prints");
        return;
    }
    for (uint32_t i = 0; i <= index; i++) {
        const struct mu_listed_peer *other = &load->peers.peers[i];
        for (uint32_t k = 0; k < other->keys_count; k++) {
            if (memcmp(other->keys[k], key, sizeof key) == 0) {
                mu_yaml_faults_add(&load->faults, where, "is listed already, for peers[%u] %s", i,
                                   other->who.name);
                return;
            }
        }
    }
    memcpy(peer->keys[peer->keys_count++], key, sizeof key);
}

static void take_partitions(struct load *load, uint32_t index, const struct raw_peer *raw)
{
    struct mu_identity *who = &load->peers.peers[index].who;
    who->partitions_count = raw->partitions_count;
    for (uint32_t i = 0; i < raw->partitions_count; i++) {
        char where[MU_YAML_PATH_MAX + 1];
        char field[24];
        (void)snprintf(field, sizeof field, "partitions[%u]", i);
        mu_yaml_place("peers", index, field, where);
        mu_yaml_take_text(&load->faults, where, raw->partitions[i], sizeof who->partitions[i],
                          who->partitions[i]);
        const char *fault = mu_peer_partition_fault(who->role, raw->partitions[i]);
        if (fault != NULL && who->role != MU_PEER_ROLE_NONE) {
            mu_yaml_faults_add(&load->faults, where, "is \"%.40s\": %s", raw->partitions[i], fault);
        }
    }
}

static void take_role(struct load *load, uint32_t index, const char *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    char known[128];
    size_t used = 0;
    mu_yaml_place("peers", index, "role", where);
    if (raw != NULL && mu_peer_role_parse(raw, &load->peers.peers[index].who.role) == 0) {
        return;
    }
    for (uint32_t role = MU_PEER_ROLE_NONE + 1; role < MU_PEER_ROLES_END; role++) {
        int n = snprintf(known + used, sizeof known - used, "%s%s",
                         role == MU_PEER_ROLE_NONE + 1 ? "" : ", ",
                         mu_peer_role_name((enum mu_peer_role)role));
        assert(n > 0 && (size_t)n < sizeof known - used);
        used += (size_t)n;
    }
    mu_yaml_faults_add(&load->faults, where, "is \"%.40s\", must be one of: %s",
                       raw == NULL ? "" : raw, known);
}

static void take_peer(struct load *load, uint32_t index, const struct raw_peer *raw)
{
    char where[MU_YAML_PATH_MAX + 1];
    struct mu_listed_peer *peer = &load->peers.peers[index];
    const char *name = raw->name == NULL ? "" : raw->name;
    mu_yaml_place("peers", index, "name", where);
    const char *fault = mu_peer_name_fault(name);
    const struct mu_listed_peer *other = mu_peers_named(&load->peers, name);
    if (fault != NULL) {
        mu_yaml_faults_add(&load->faults, where, "is \"%.40s\": %s", name, fault);
    } else if (other != NULL) {
        mu_yaml_faults_add(&load->faults, where, "is the name of peers[%u] too",
                           (uint32_t)(other - load->peers.peers));
    } else {
        (void)snprintf(peer->who.name, sizeof peer->who.name, "%s", name);
    }
    take_role(load, index, raw->role);
    load->peers.count = index + 1;
    take_key(load, index, "key", raw->key);
    if (raw->next != NULL) {
        take_key(load, index, "next", raw->next);
    }
    take_partitions(load, index, raw);
}

static int take_text(struct load *load, const uint8_t *bytes, size_t size)
{
    struct mu_yaml_fault found;
    void *data = NULL;
    int r = mu_yaml_lines_create(bytes, size, &load->lines, &found);
    load->faults.lines = load->lines;
    if (r == 0 && mu_yaml_lines_find(load->lines, "peers") == 0) {
        mu_yaml_faults_add(&load->faults, "", "has no list of peers; to let nobody in: peers: []");
        return -EINVAL;
    }
    r = r == 0 ? mu_yaml_form_load(&form, bytes, size, &data, &found) : r;
    if (r == -EINVAL) {
        mu_yaml_faults_found(&load->faults, &found);
    }
    if (r != 0) {
        return r;
    }
    const struct raw_file *raw = data;
    for (uint32_t i = 0; i < raw->peers_count; i++) {
        take_peer(load, i, &raw->peers[i]);
    }
    mu_yaml_form_free(&form, data);
    return load->faults.count > 0 ? -EINVAL : 0;
}

int mu_peers_parse(const char *name, const uint8_t *bytes, size_t size, struct mu_peers *ret,
                   char *error, size_t error_size)
{
    assert(error_size > 0);
    error[0] = '\0';
    struct load *load = calloc(1, sizeof *load);
    if (load == NULL) {
        return -ENOMEM;
    }
    load->faults =
        (struct mu_yaml_faults){ .path = name, .error = error, .error_size = error_size };
    int r = take_text(load, bytes, size);
    if (r != 0 && load->faults.count == 0) {
        mu_yaml_faults_add(&load->faults, "", "%s", strerror(-r));
    }
    mu_yaml_faults_end(&load->faults);
    if (r == 0) {
        mu_peers_seal(&load->peers);
        *ret = load->peers;
    }
    mu_yaml_lines_destroy(load->lines);
    free(load);
    return r;
}

int mu_peers_read(const char *path, struct mu_peers *ret, char *error, size_t error_size)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int r = mu_file_read(path, MU_PEERS_BYTES_MAX, &bytes, &size);
    if (r != 0) {
        (void)snprintf(error, error_size, "%s: %s", path, strerror(-r));
        return r;
    }
    r = mu_peers_parse(path, bytes, size, ret, error, error_size);
    free(bytes);
    return r;
}
