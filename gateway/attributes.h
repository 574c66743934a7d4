/* gateway/attributes.h - what a client says of a ticket's players: attributes and latencies. */
#ifndef MU_GATEWAY_ATTRIBUTES_H
#define MU_GATEWAY_ATTRIBUTES_H

#include <stdint.h>

#include "core/config.h"
#include "gateway/fields.h"

#define MU_PARTY_MAX            8    /* players of a ticket, API.md 4 */
#define MU_ATTRIBUTES_MAX       32   /* of a player, API.md 4 */
#define MU_ATTRIBUTE_NAME_MAX   63   /* bytes */
#define MU_ATTRIBUTE_TEXT_MAX   255  /* bytes of a string */
#define MU_ATTRIBUTE_ITEMS_MAX  100  /* of a list of strings, or of a map of numbers */
#define MU_TICKET_DETAILS_MAX   8191 /* bytes, wire/messages.def */
#define MU_LATENCY_NOT_MEASURED (-1)

/* What was said of each player, in order. */
struct mu_party {
    uint32_t count;
    uint32_t attributes[MU_PARTY_MAX];                /* node of the object, or MU_JSON_NONE */
    bool measured[MU_PARTY_MAX];                      /* he reported a latency */
    int32_t latency_ms[MU_PARTY_MAX][MU_REGIONS_MAX]; /* or MU_LATENCY_NOT_MEASURED */
};

/* Reads "attributes" and "latencies" of one player's object as the next one of *party.  Attributes
 * are numbers, strings, lists of strings and maps of numbers. */
void mu_party_read(struct mu_fields *player, const struct mu_config *config,
                   struct mu_party *party);

/* Sets a ticket's latencies: the worst of its players, for each region that all of them report.
 * Faults are of `fields`, the request: some report none while others do, or no region is common. */
void mu_party_latencies(struct mu_fields *fields, const struct mu_config *config,
                        const struct mu_party *party, struct mu_msg_ticket_add *ret);

/* Writes a ticket's details (wire/messages.def); "" when nothing was said of anybody. */
void mu_party_details(struct mu_fields *fields, const struct mu_config *config,
                      const struct mu_party *party, char ret[MU_TICKET_DETAILS_MAX + 1]);

#endif /* MU_GATEWAY_ATTRIBUTES_H */
