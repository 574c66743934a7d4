#include "core/address.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { INSTANCE_DIGITS = 16 };

static const char id_characters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

enum mu_address_kind mu_address_kind(const char *address)
{
    size_t length = strnlen(address, MU_ADDRESS_MAX + 1);
    if (length == 0 || length > MU_ADDRESS_MAX) {
        return MU_ADDRESS_BAD;
    }
    size_t first = address[0] == '#' || address[0] == '*' ? 1 : 0;
    size_t word = strspn(address + first, id_characters);
    if (word == 0) {
        return MU_ADDRESS_BAD;
    }
    if (first + word == length) {
        return address[0] == '#'   ? MU_ADDRESS_INSTANCE
               : address[0] == '*' ? MU_ADDRESS_ALL
                                   : MU_ADDRESS_SERVICE;
    }
    size_t rest = first + word + 1;
    if (first == 1 || address[word] != '/' || rest == length ||
        rest + strspn(address + rest, id_characters) != length) {
        return MU_ADDRESS_BAD;
    }
    return strncmp(address, "player/", 7) == 0 ? MU_ADDRESS_PLAYER : MU_ADDRESS_PARTITION;
}

void mu_address_instance(uint64_t incarnation, char ret[MU_ADDRESS_MAX + 1])
{
    (void)snprintf(ret, MU_ADDRESS_MAX + 1, "#%016" PRIx64, incarnation);
}

uint64_t mu_address_incarnation(const char *address)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t incarnation = 0;
    if (address[0] != '#' || strnlen(address, MU_ADDRESS_MAX) != 1 + INSTANCE_DIGITS) {
        return 0;
    }
    for (const char *c = address + 1; *c != '\0'; c++) {
        const char *digit = strchr(digits, *c);
        if (digit == NULL) {
            return 0;
        }
        incarnation = incarnation << 4 | (uint64_t)(digit - digits);
    }
    return incarnation;
}

void mu_address_player(const char *player, char ret[MU_ADDRESS_MAX + 1])
{
    (void)snprintf(ret, MU_ADDRESS_MAX + 1, "player/%s", player);
}

void mu_address_queue(const char *region, char ret[MU_ADDRESS_MAX + 1])
{
    (void)snprintf(ret, MU_ADDRESS_MAX + 1, "queue/%s", region);
}
