/* gateway/handle_admin.c - health, version, metrics, and what error codes mean. */
#include "gateway/handlers.h"

#include <string.h>

#include "gateway/gateway_state.h"
#include "gateway/present.h"
#include "gateway/problem.h"

void mu_handle_livez(struct mu_gateway *gw, struct mu_exchange *x,
                     const struct mu_http_request *request)
{
    (void)request;
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
    mu_put_text(writer, "status", "ok");
    mu_answer_end(gw, x, 200);
}

void mu_handle_readyz(struct mu_gateway *gw, struct mu_exchange *x,
                      const struct mu_http_request *request)
{
    (void)request;
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
    int status = mu_health_write(gw, writer);
    mu_answer_end(gw, x, status);
}

void mu_handle_version(struct mu_gateway *gw, struct mu_exchange *x,
                       const struct mu_http_request *request)
{
    (void)request;
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
    mu_put_text(writer, "name", "muster");
    mu_put_text(writer, "version", MU_VERSION);
    mu_put_text(writer, "api", "v1");
    mu_put_text(writer, "mode", gw->open ? "open" : "keys");
    mu_answer_end(gw, x, 200);
}

void mu_handle_metrics(struct mu_gateway *gw, struct mu_exchange *x,
                       const struct mu_http_request *request)
{
    (void)request;
    size_t bytes = mu_metrics_write(gw, gw->text, sizeof gw->text);
    mu_answer_text(gw, x, "text/plain; version=0.0.4; charset=utf-8", gw->text, bytes);
}

void mu_handle_problem_get(struct mu_gateway *gw, struct mu_exchange *x,
                           const struct mu_http_request *request)
{
    (void)request;
    uint32_t error = mu_problem_by_name(x->params[0]);
    if (error == 0) {
        mu_refuse(gw, x, MU_ERROR_NOT_FOUND, "There is no such error code.");
        return;
    }
    const struct mu_error_info *info = mu_error_info(error);
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "");
    mu_put_text(writer, "code", info->name);
    mu_put_i64(writer, "status", info->status);
    mu_put_text(writer, "title", info->title);
    mu_answer_end(gw, x, 200);
}
