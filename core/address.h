/* core/address.h - the forms of a destination, and what each reaches.
 *
 *   "store"             a service: the instance with the most credit left
 *   "queue/eu-west-1"   a partition: its owner with the highest epoch
 *   "#9f3c..."          an instance: '#' and its incarnation as 16 hex digits
 *   "*gateway"          all instances of a service; events only
 *   "player/ply_..."    the gateways to which that player is connected; events only
 *
 * Characters: those of ids, and / # *.  At most MU_ADDRESS_MAX bytes. */
#ifndef MU_CORE_ADDRESS_H
#define MU_CORE_ADDRESS_H

#include <stdint.h>

#include "wire/msg.h"

enum mu_address_kind {
    MU_ADDRESS_BAD,
    MU_ADDRESS_SERVICE,
    MU_ADDRESS_PARTITION,
    MU_ADDRESS_INSTANCE,
    MU_ADDRESS_ALL,
    MU_ADDRESS_PLAYER,
};

/* Which form `address` has.  O(length). */
enum mu_address_kind mu_address_kind(const char *address);

/* Writes "#" and 16 hex digits. */
void mu_address_instance(uint64_t incarnation, char ret[MU_ADDRESS_MAX + 1]);

/* The incarnation that an instance's address names; 0 when `address` is none. */
uint64_t mu_address_incarnation(const char *address);

/* Writes "player/" and the id. */
void mu_address_player(const char *player, char ret[MU_ADDRESS_MAX + 1]);

/* Writes "queue/" and the region. */
void mu_address_queue(const char *region, char ret[MU_ADDRESS_MAX + 1]);

#endif /* MU_CORE_ADDRESS_H */
