/* tools/backup.c - `muster backup`: has the store of a running cluster write a copy of itself. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <sodium.h>

#include "core/options.h"
#include "core/parse.h"
#include "gateway/json.h"
#include "gateway/json_write.h"
#include "tools/command.h"
#include "tools/http_client.h"
#include "tools/key_file.h"
#include "tools/process.h"

#define AGAIN_MS       500 /* after an answer that says nothing for sure */
#define NAME_BYTES_MAX 128 /* of a name as given; what is wrong with it the gateway says */

/* One backup, asked for until the answer is definite: the key makes it one, however often. */
struct request {
    struct event_base *base;
    struct mu_client *client;
    struct event *again; /* the timer before the next try */
    int64_t until_ms;    /* gives up */
    int status;          /* of the last answer; 0: none */
    char body[1024];
    char once[33];
    char answer[8192];
    struct mu_json json; /* the answer, once it is definite */
};

static void ask(struct request *request);

static void on_again(evutil_socket_t none, short what, void *context)
{
    (void)none;
    (void)what;
    ask(context);
}

static void on_answer(void *context, int status, const char *body, size_t body_bytes)
{
    struct request *request = context;
    (void)body_bytes;
    request->status = status;
    (void)snprintf(request->answer, sizeof request->answer, "%s", body);
    bool unsure =
        status == 0 || status == 202 || (status == 503 && strstr(body, "STORAGE_FULL") == NULL);
    if (unsure && mu_process_now_ms() < request->until_ms) {
        const struct timeval wait = { 0, status == 202 ? 1 : AGAIN_MS * 1000 };
        if (evtimer_add(request->again, &wait) == 0) {
            return;
        }
    }
    (void)event_base_loopbreak(request->base); /* cannot fail for a base that runs */
}

static void ask(struct request *request)
{
    const struct mu_client_request what = {
        .method = "POST",
        .path = "/v1/admin/backups",
        .body = request->body,
        .once = request->once,
        .done = on_answer,
        .context = request,
    };
    if (mu_client_send(request->client, &what) != 0) {
        (void)event_base_loopbreak(request->base); /* likewise; the status says what was last */
    }
}

static void write_body(struct request *request, const char *name)
{
    struct mu_json_writer writer;
    mu_json_writer_init(&writer, request->body, sizeof request->body - 1);
    mu_json_object_begin(&writer);
    mu_json_key(&writer, "name");
    mu_json_string_n(&writer, name, strnlen(name, NAME_BYTES_MAX));
    mu_json_object_end(&writer);
    request->body[mu_json_complete(&writer) ? writer.used : 0] = '\0';
}

/* Says what the answer says.  Returns the exit code. */
static int tell(struct request *request, const char *gateway)
{
    struct mu_json *json = &request->json;
    struct mu_json_error error;
    if (request->status == 0) {
        (void)fprintf(stderr, "muster backup: %s does not answer\n", gateway);
        return MU_EXIT_UNAVAILABLE;
    }
    bool parsed = mu_json_parse(request->answer, strlen(request->answer), json, &error) == 0;
    uint32_t backup = parsed ? mu_json_member(json, 0, "backup") : MU_JSON_NONE;
    if (request->status == 201 && backup != MU_JSON_NONE) {
        uint32_t name = mu_json_member(json, backup, "name");
        uint32_t bytes = mu_json_member(json, backup, "bytes");
        uint32_t took = mu_json_member(json, backup, "tookMs");
        if (name != MU_JSON_NONE && bytes != MU_JSON_NONE && took != MU_JSON_NONE) {
            (void)printf(
                "backups/%s in the store's folder: %" PRId64 " bytes, read back, %" PRId64 " ms\n",
                json->nodes[name].text, json->nodes[bytes].integer, json->nodes[took].integer);
            return 0;
        }
    }
    uint32_t detail = parsed ? mu_json_member(json, 0, "detail") : MU_JSON_NONE;
    (void)fprintf(stderr, "muster backup: %s (%d)\n",
                  request->status == 202   ? "it is being written still"
                  : detail != MU_JSON_NONE ? json->nodes[detail].text
                                           : request->answer,
                  request->status);
    return request->status == 202 || request->status == 503 ? MU_EXIT_UNAVAILABLE : 1;
}

/* Asks, waits, tells.  Returns the exit code. */
static int run(struct request *request, const char *gateway, const char *key)
{
    char host[MU_HOST_MAX + 1];
    uint16_t port = 0;
    if (mu_parse_host_port(gateway, host, &port) != 0) {
        (void)fprintf(stderr, "muster backup: --gateway must be IP:PORT\n");
        return MU_EXIT_USAGE;
    }
    request->base = event_base_new();
    if (request->base != NULL) {
        request->client = mu_client_create(request->base, host, port, key, 1);
        request->again = evtimer_new(request->base, on_again, request);
    }
    if (request->client == NULL || request->again == NULL) {
        return MU_EXIT_UNAVAILABLE;
    }
    ask(request);
    (void)event_base_dispatch(request->base); /* ends with the last answer */
    return tell(request, gateway);
}

static void release(struct request *request)
{
    mu_client_destroy(request->client);
    if (request->again != NULL) {
        event_free(request->again);
    }
    if (request->base != NULL) {
        event_base_free(request->base);
    }
    free(request);
}

/* A name for now: 20261123T074500Z. */
static void name_now(char ret[NAME_BYTES_MAX])
{
    struct timespec now;
    struct tm utc;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || gmtime_r(&now.tv_sec, &utc) == NULL ||
        strftime(ret, NAME_BYTES_MAX, "%Y%m%dT%H%M%SZ", &utc) == 0) {
        (void)snprintf(ret, NAME_BYTES_MAX, "backup");
    }
}

int mu_command_backup(int argc, char **argv)
{
    const char *gateway = "127.0.0.1:8080";
    const char *key_file = NULL;
    uint64_t wait_s = 600;
    const struct mu_option options[] = {
        { "gateway", "IP:PORT", "whom to ask; with keys: its admin listener [127.0.0.1:8080]",
          .ret_text = &gateway },
        { "key-file", "FILE", "holds an operator's or backend's key", .ret_text = &key_file },
        { "wait", "S", "give up after so many seconds [600]", .ret_number = &wait_s, .max = 86400 },
        { .name = NULL },
    };
    const struct mu_manual manual = {
        .name = "backup",
        .arguments = "[OPTION ...] [NAME]",
        .text =
            "Writes a backup of a running cluster, as backups/NAME in the store's folder; NAME\n"
            "is the time unless given.  The cluster goes on meanwhile.  The backup holds\n"
            "everything that was acknowledged before this command was given, and has been\n"
            "read back and checked when it ends.  Copy it to another machine; see `muster\n"
            "restore`.  Exit code: 0 it is written, 1 refused (as when there is one of that\n"
            "name), 69 no answer, no room or not finished in time.\n",
        .options = options,
        .arguments_max = 1,
    };
    char made[NAME_BYTES_MAX];
    char key[MU_KEY_FILE_MAX + 1] = "";
    const char *name = made;
    name_now(made);
    int r = mu_options_parse(&manual, argc, argv, &name);
    if (r != MU_OPTIONS_GO) {
        return r;
    }
    if (key_file != NULL && mu_key_file_read(key_file, key) != 0) {
        (void)fprintf(stderr, "muster backup: cannot read a key from %s\n", key_file);
        return MU_EXIT_UNAVAILABLE;
    }
    struct request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        return MU_EXIT_UNAVAILABLE;
    }
    unsigned char random[16];
    randombytes_buf(random, sizeof random);
    (void)sodium_bin2hex(request->once, sizeof request->once, random, sizeof random);
    request->until_ms = mu_process_now_ms() + (int64_t)wait_s * 1000;
    write_body(request, name);
    r = run(request, gateway, key);
    release(request);
    return r;
}
