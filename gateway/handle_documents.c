/* gateway/handle_documents.c - /openapi.json. */
#include <assert.h>

#include "gateway/documents.h"
#include "gateway/gateway_state.h"
#include "gateway/handlers.h"

static_assert(MU_DOCUMENT_BYTES_MAX <= MU_GATEWAY_TEXT_MAX, "a document fits there");

void mu_handle_openapi(struct mu_gateway *gw, struct mu_exchange *x,
                       const struct mu_http_request *request)
{
    (void)request;
    mu_json_writer_init(&gw->writer, gw->text, sizeof gw->text);
    mu_openapi_write(&gw->writer);
    assert(mu_json_complete(&gw->writer));
    mu_answer_text(gw, x, "application/json", gw->text, gw->writer.used);
}
