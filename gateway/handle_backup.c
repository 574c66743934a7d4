/* gateway/handle_backup.c - /v1/admin/backups. */
#include "gateway/handlers.h"

#include "gateway/bounds.h"
#include "gateway/gateway_state.h"
#include "gateway/present.h"

void mu_handle_backup_make(struct mu_gateway *gw, struct mu_exchange *x,
                           const struct mu_http_request *request)
{
    static const struct mu_text_rule rule = MU_BOUND_BACKUP;
    struct mu_msg_store_backup *ask = &gw->msg.store_backup;
    (void)request;
    gw->msg.op = MU_OP_STORE_BACKUP;
    *ask = (struct mu_msg_store_backup){ .name = "" };
    (void)mu_field_text(&gw->fields, "name", MU_OPTIONAL, &rule, ask->name);
    if (ask->name[0] == '.') {
        mu_fields_fault(&gw->fields, "name", MU_ERROR_VALIDATION_FAILED,
                        "must not begin with a dot");
    }
    if (gw->faults.count > 0) {
        mu_refuse_faults(gw, x);
        return;
    }
    (void)mu_exchange_ask(gw, x, "store", &gw->msg, MU_OP_BACKUP);
}

void mu_done_backup_make(struct mu_gateway *gw, struct mu_exchange *x, const struct mu_msg *msg)
{
    const struct mu_msg_backup *backup = &msg->backup;
    struct mu_json_writer *writer = mu_answer_begin(gw, x, "BACKUP");
    mu_put_text(writer, "message",
                backup->complete ? "Backup written." : "The backup is being written; ask again.");
    mu_json_key(writer, "backup");
    mu_json_object_begin(writer);
    mu_put_text(writer, "name", backup->name);
    mu_put_bool(writer, "complete", backup->complete);
    mu_put_u64(writer, "bytes", backup->bytes);
    mu_put_u64(writer, "tookMs", backup->took_ms);
    mu_json_object_end(writer);
    mu_answer_end(gw, x, backup->complete ? 201 : 202);
}
