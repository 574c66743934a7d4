#include "gateway/jwks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/watched.h"
#include "gateway/jwks_keys.h"

struct mu_jwks {
    struct mu_log *log;
    struct mu_watched file;
    struct mu_jwks_keys keys; /* in force */
    char error[MU_JWKS_ERROR_MAX];
};

/* Reads the file into ret.  Returns as mu_watched_read(), and -EINVAL: it has faults. */
static int read_keys(struct mu_jwks *jwks, struct mu_jwks_keys *ret)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int r = mu_watched_read(&jwks->file, &bytes, &size);
    if (r == 0) {
        r = mu_jwks_keys_parse(jwks->file.path, bytes, size, ret, jwks->error);
        mu_watched_done(&jwks->file, bytes, size, r != -ENOMEM);
    }
    return r;
}

static void refuse(struct mu_jwks *jwks, int r)
{
    if (r == -EINVAL) {
        mu_watched_tell(jwks->log, "token keys refused", jwks->error);
    } else {
        mu_log_line(jwks->log, MU_LOG_ERROR, NULL, "token keys cannot be read",
                    "path=\"%s\" error=\"%s\"", jwks->file.path, strerror(-r));
    }
}

int mu_jwks_create(const char *path, struct mu_log *log, struct mu_jwks **ret)
{
    struct mu_jwks *jwks = calloc(1, sizeof *jwks);
    if (jwks == NULL) {
        return -ENOMEM;
    }
    jwks->log = log;
    jwks->file = (struct mu_watched){ .path = path, .bytes_max = MU_JWKS_BYTES_MAX };
    int r = read_keys(jwks, &jwks->keys);
    if (r != 0) {
        refuse(jwks, r);
        mu_jwks_destroy(jwks);
        return r;
    }
    *ret = jwks;
    return 0;
}

void mu_jwks_destroy(struct mu_jwks *jwks)
{
    if (jwks != NULL) {
        mu_jwks_keys_release(&jwks->keys);
        free(jwks);
    }
}

uint32_t mu_jwks_count(const struct mu_jwks *jwks)
{
    return jwks->keys.count;
}

bool mu_jwks_look(struct mu_jwks *jwks)
{
    struct mu_jwks_keys next = { .count = 0 };
    int r = read_keys(jwks, &next);
    if (r == -EALREADY) {
        return false;
    }
    if (r != 0) {
        refuse(jwks, r);
        mu_log_line(jwks->log, MU_LOG_ERROR, NULL, "the former token keys stay in force", "keys=%u",
                    jwks->keys.count);
        return false;
    }
    mu_jwks_keys_release(&jwks->keys);
    jwks->keys = next;
    mu_log_line(jwks->log, MU_LOG_INFO, NULL, "token keys read", "keys=%u", jwks->keys.count);
    return true;
}

bool mu_jwks_verify(void *context, const struct mu_jwt_signature *signature)
{
    const struct mu_jwks *jwks = context;
    return mu_jwks_keys_verify(&jwks->keys, signature);
}
