/* gateway/handle_documents.c - /openapi.json, /asyncapi.json. */
#include <assert.h>

#include "gateway/documents.h"
#include "gateway/gateway_state.h"
#include "gateway/handlers.h"

static_assert(MU_DOCUMENT_BYTES_MAX <= MU_GATEWAY_TEXT_MAX, "a document fits there");

static void answer(struct mu_gateway *gw, struct mu_exchange *x,
                   void (*write)(struct mu_json_writer *writer))
{
    mu_json_writer_init(&gw->writer, gw->text, sizeof gw->text);
    write(&gw->writer);
    assert(mu_json_complete(&gw->writer));
    mu_answer_text(gw, x, "application/json", gw->text, gw->writer.used);
}

void mu_handle_openapi(struct mu_gateway *gw, struct mu_exchange *x,
                       const struct mu_http_request *request)
{
    (void)request;
    answer(gw, x, mu_openapi_write);
}

void mu_handle_asyncapi(struct mu_gateway *gw, struct mu_exchange *x,
                        const struct mu_http_request *request)
{
    (void)request;
    answer(gw, x, mu_asyncapi_write);
}
