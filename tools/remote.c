#include "tools/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/parse.h"
#include "tools/key_file.h"

void mu_remote_init(struct mu_remote *remote, const char *command)
{
    remote->command = command;
    remote->address = "127.0.0.1:8080";
    remote->key_file = NULL;
    remote->wait_s = 10;
}

struct mu_option mu_remote_option_gateway(struct mu_remote *remote)
{
    return (struct mu_option){
        "gateway",
        "IP:PORT",
        "whom to ask [127.0.0.1:8080]",
        .ret_text = &remote->address,
    };
}

struct mu_option mu_remote_option_key_file(struct mu_remote *remote)
{
    return (struct mu_option){
        "key-file",
        "FILE",
        "holds an operator's or backend's key",
        .ret_text = &remote->key_file,
    };
}

struct mu_option mu_remote_option_wait(struct mu_remote *remote)
{
    return (struct mu_option){
        "wait",       "S", "give up after so many seconds [10]", .ret_number = &remote->wait_s,
        .max = 86400,
    };
}

int mu_remote_begin(struct mu_remote *remote)
{
    struct mu_ask_gateway *gateway = &remote->gateway;
    gateway->wait_ms = (int64_t)remote->wait_s * 1000;
    if (mu_parse_host_port(remote->address, gateway->host, &gateway->port) != 0) {
        (void)fprintf(stderr, "muster %s: --gateway must be IP:PORT\n", remote->command);
        return MU_EXIT_USAGE;
    }
    if (remote->key_file != NULL && mu_key_file_read(remote->key_file, gateway->key) != 0) {
        (void)fprintf(stderr, "muster %s: cannot read a key from %s\n", remote->command,
                      remote->key_file);
        return MU_EXIT_UNAVAILABLE;
    }
    return 0;
}

/* Says why the answer is not what was wanted.  Returns the exit code. */
static int tell_refusal(struct mu_remote *remote, const struct mu_ask_answer *answer)
{
    struct mu_json *json = &remote->answer;
    struct mu_json_error error;
    if (answer->status == 0) {
        (void)fprintf(stderr, "muster %s: %s does not answer\n", remote->command, remote->address);
        return MU_EXIT_UNAVAILABLE;
    }
    if (mu_json_parse(answer->body, answer->body_bytes, json, &error) != 0) {
        (void)fprintf(stderr, "muster %s: %s answers %d, which is no Muster\n", remote->command,
                      remote->address, answer->status);
        return MU_EXIT_UNAVAILABLE;
    }
    uint32_t errors = mu_remote_member(json, 0, "errors");
    bool listed = errors != MU_JSON_NONE && json->nodes[errors].type == MU_JSON_ARRAY;
    if (!listed) {
        const char *match = mu_remote_text(json, 0, "matchId"); /* that was formed first */
        (void)fprintf(stderr, "muster %s: %s%s%s (%d)\n", remote->command,
                      mu_remote_text(json, 0, "detail"), match[0] == '\0' ? "" : " It is ", match,
                      answer->status);
    }
    for (uint32_t at = listed ? json->nodes[errors].first : MU_JSON_NONE; at != MU_JSON_NONE;
         at = json->nodes[at].next) {
        const char *pointer = mu_remote_text(json, at, "pointer");
        (void)fprintf(stderr, "%s: %s\n", pointer[0] == '\0' ? "the document" : pointer,
                      mu_remote_text(json, at, "detail"));
    }
    if (answer->status == 503 || answer->status == 429) {
        return MU_EXIT_UNAVAILABLE;
    }
    return answer->status == 422 ? MU_EXIT_DATA : 1;
}

int mu_remote_ask(struct mu_remote *remote, const char *method, const char *path, const char *body,
                  struct mu_ask_answer *ret)
{
    *ret = (struct mu_ask_answer){ .status = 0 };
    if (mu_ask(&remote->gateway, method, path, body, ret) != 0) {
        (void)fprintf(stderr, "muster %s: out of memory\n", remote->command);
        return 1;
    }
    if (ret->status >= 200 && ret->status < 300) {
        return 0;
    }
    int r = tell_refusal(remote, ret);
    free(ret->body);
    ret->body = NULL;
    return r;
}

int mu_remote_ask_json(struct mu_remote *remote, const char *method, const char *path,
                       const char *body)
{
    struct mu_ask_answer answer;
    struct mu_json_error error;
    int r = mu_remote_ask(remote, method, path, body, &answer);
    if (r != 0) {
        return r;
    }
    if (mu_json_parse(answer.body, answer.body_bytes, &remote->answer, &error) != 0) {
        (void)fprintf(stderr, "muster %s: the answer does not parse: %s\n", remote->command,
                      error.detail);
        r = MU_EXIT_UNAVAILABLE;
    }
    free(answer.body);
    return r;
}

bool mu_remote_name_valid(const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t bytes = strlen(name);
    return bytes >= 1 && bytes <= MU_REMOTE_NAME_MAX && strspn(name, letters) == bytes;
}

uint32_t mu_remote_member(const struct mu_json *json, uint32_t node, const char *key)
{
    bool object = node < json->count && json->nodes[node].type == MU_JSON_OBJECT;
    return object ? mu_json_member(json, node, key) : MU_JSON_NONE;
}

uint32_t mu_remote_first(const struct mu_json *json, uint32_t node, const char *key)
{
    uint32_t at = mu_remote_member(json, node, key);
    return at == MU_JSON_NONE || json->nodes[at].type != MU_JSON_ARRAY ? MU_JSON_NONE
                                                                       : json->nodes[at].first;
}

const char *mu_remote_text(const struct mu_json *json, uint32_t node, const char *key)
{
    uint32_t at = mu_remote_member(json, node, key);
    return at != MU_JSON_NONE && json->nodes[at].type == MU_JSON_STRING ? json->nodes[at].text : "";
}

int64_t mu_remote_number(const struct mu_json *json, uint32_t node, const char *key)
{
    uint32_t at = mu_remote_member(json, node, key);
    return at != MU_JSON_NONE && json->nodes[at].type == MU_JSON_INTEGER ? json->nodes[at].integer
                                                                         : 0;
}
