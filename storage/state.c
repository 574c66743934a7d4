/* storage/state.c - the state record: three numbers; [id u8][count u64][digest u64] a table. */
#include "storage/state.h"

#include <assert.h>
#include <errno.h>

#include "storage/bytes.h"

#define HEAD_BYTES  24
#define TALLY_BYTES 17

uint32_t mu_state_encode(const struct mu_state *state, uint8_t *ret)
{
    assert(state->applied <= state->last);
    mu_bytes_put64(ret, state->transaction);
    mu_bytes_put64(ret + 8, state->applied);
    mu_bytes_put64(ret + 16, state->last);
    uint32_t size = HEAD_BYTES;
    for (uint32_t id = 0; id < 256; id++) {
        const struct mu_state_tally *tally = &state->tallies[id];
        if (tally->count == 0 && tally->digest == 0)
            continue;
        ret[size] = (uint8_t)id;
        mu_bytes_put64(ret + size + 1, tally->count);
        mu_bytes_put64(ret + size + 9, tally->digest);
        size += TALLY_BYTES;
    }
    assert(size <= MU_STATE_BYTES_MAX);
    return size;
}

int mu_state_decode(struct mu_slice payload, struct mu_state *ret)
{
    if (payload.size < HEAD_BYTES || (payload.size - HEAD_BYTES) % TALLY_BYTES != 0)
        return -EBADMSG;
    struct mu_state state = {
        .transaction = mu_bytes_get64(payload.data),
        .applied = mu_bytes_get64(payload.data + 8),
        .last = mu_bytes_get64(payload.data + 16),
    };
    if (state.applied > state.last)
        return -EBADMSG;
    int id_last = -1;
    for (uint32_t at = HEAD_BYTES; at < payload.size; at += TALLY_BYTES) {
        int id = payload.data[at];
        if (id <= id_last)
            return -EBADMSG;
        id_last = id;
        state.tallies[id].count = mu_bytes_get64(payload.data + at + 1);
        state.tallies[id].digest = mu_bytes_get64(payload.data + at + 9);
    }
    *ret = state;
    return 0;
}
