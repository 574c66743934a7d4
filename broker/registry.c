/* broker/registry.c - peers, services and partitions: who registers, who replaces whom. */
#include "broker/router_state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/address.h"

enum { NOTE_MAX = 199 }; /* bytes of a note */

void mu_registry_note(struct mu_router *router, uint32_t peer, enum mu_counter counter,
                      const char *format, ...)
{
    char note[NOTE_MAX + 1];
    va_list args;
    router->counters.values[counter]++;
    if (router->options.note == NULL) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(note, sizeof note, format, args);
    va_end(args);
    router->options.note(router->options.context, peer, note);
}

void mu_registry_bye(struct mu_router *router, uint32_t peer, const char *reason)
{
    router->control->op = MU_OP_BYE;
    router->control->bye = (struct mu_msg_bye){ .reason = "" };
    (void)snprintf(router->control->bye.reason, sizeof router->control->bye.reason, "%s", reason);
    (void)mu_route_control(router, peer, router->control); /* lost: its next frame gets WHO */
}

/* The destination of that name, made when it is new; MU_ROUTER_NONE when there are too many. */
static uint32_t find_destination(struct mu_router *router, const char *name)
{
    uint32_t found = mu_map_get(router->names, name);
    if (found != MU_MAP_NONE) {
        return found;
    }
    uint32_t i = 0;
    while (i < router->options.destinations_max && router->destinations[i].used) {
        i++;
    }
    if (i == router->options.destinations_max || mu_map_put(router->names, name, i) != 0) {
        return MU_ROUTER_NONE;
    }
    struct mu_destination *destination = &router->destinations[i];
    assert(mu_queue_count(destination->queue) == 0);
    destination->used = true;
    destination->first_member = MU_ROUTER_NONE;
    destination->owner = MU_ROUTER_NONE;
    (void)snprintf(destination->name, sizeof destination->name, "%s", name);
    return i;
}

static void release_destination(struct mu_router *router, uint32_t i)
{
    struct mu_destination *destination = &router->destinations[i];
    if (destination->first_member == MU_ROUTER_NONE && destination->owner == MU_ROUTER_NONE) {
        mu_route_flush(router, destination);
        (void)mu_map_remove(router->names, destination->name);
        destination->used = false;
    }
}

static void join_service(struct mu_router *router, uint32_t peer, uint32_t service)
{
    uint32_t *link = &router->destinations[service].first_member;
    while (*link != MU_ROUTER_NONE) {
        link = &router->peers[*link].next_member;
    }
    *link = peer;
    router->peers[peer].next_member = MU_ROUTER_NONE;
    router->peers[peer].service = service;
}

static void leave_partition(struct mu_router *router, uint32_t peer)
{
    uint32_t partition = router->peers[peer].partition;
    if (partition != MU_ROUTER_NONE) {
        assert(router->destinations[partition].owner == peer);
        router->peers[peer].partition = MU_ROUTER_NONE;
        router->destinations[partition].owner = MU_ROUTER_NONE;
    }
}

/* Takes a registered peer out of everything; it stays a connection that has not said HELLO. */
static void unregister(struct mu_router *router, uint32_t i)
{
    struct mu_peer *peer = &router->peers[i];
    assert(peer->state == MU_PEER_REGISTERED);
    uint32_t service = peer->service;
    uint32_t partition = peer->partition;
    uint32_t *link = &router->destinations[service].first_member;
    while (*link != i) {
        assert(*link != MU_ROUTER_NONE);
        link = &router->peers[*link].next_member;
    }
    *link = peer->next_member;
    leave_partition(router, i);
    mu_presence_forget(router->presence, i);
    (void)mu_map_remove(router->instances, peer->instance);
    peer->state = MU_PEER_NEW;
    router->registered--;
    release_destination(router, service);
    if (partition != MU_ROUTER_NONE) {
        release_destination(router, partition);
    }
}

/* Makes `peer` the owner of the partition it announced, if its epoch is the highest.
 * Returns false when it lost to a newer owner. */
static bool claim_partition(struct mu_router *router, uint32_t peer, uint32_t partition,
                            uint64_t epoch)
{
    struct mu_destination *destination = &router->destinations[partition];
    uint32_t owner = destination->owner;
    if (owner == peer) { /* a late HELLO may carry an old epoch */
        struct mu_peer *self = &router->peers[peer];
        self->epoch = epoch > self->epoch ? epoch : self->epoch;
        return true;
    }
    if (owner != MU_ROUTER_NONE) {
        if (epoch <= router->peers[owner].epoch) {
            return epoch == router->peers[owner].epoch;
        }
        leave_partition(router, owner);
        mu_registry_bye(router, owner, "superseded");
        mu_registry_drop(router, owner);
    }
    destination->owner = peer;
    router->peers[peer].partition = partition;
    router->peers[peer].epoch = epoch;
    return true;
}

/* Gives the partition up that `peer` owns no more. */
static void disclaim_partition(struct mu_router *router, uint32_t peer)
{
    uint32_t partition = router->peers[peer].partition;
    if (partition != MU_ROUTER_NONE) {
        leave_partition(router, peer);
        release_destination(router, partition);
    }
}

/* Whether the HELLO says what an earlier one of this peer said, but for epoch and credit. */
static bool is_refresh(const struct mu_router *router, const struct mu_peer *peer,
                       const struct mu_msg_hello *hello, uint64_t incarnation)
{
    if (peer->state != MU_PEER_REGISTERED || peer->incarnation != incarnation ||
        strcmp(router->destinations[peer->service].name, hello->service) != 0) {
        return false;
    }
    return peer->partition == MU_ROUTER_NONE ||
           strcmp(router->destinations[peer->partition].name, hello->partition) == 0;
}

/* Enters a new peer.  Returns false when there are too many services. */
static bool enter(struct mu_router *router, uint32_t i)
{
    struct mu_peer *peer = &router->peers[i];
    mu_address_instance(peer->incarnation, peer->instance);
    uint32_t service = find_destination(router, peer->hello.service);
    if (service == MU_ROUTER_NONE || mu_map_put(router->instances, peer->instance, i) != 0) {
        return false;
    }
    join_service(router, i, service);
    peer->partition = MU_ROUTER_NONE;
    peer->epoch = 0;
    peer->served = 0;
    peer->state = MU_PEER_REGISTERED;
    router->registered++;
    return true;
}

static const char *hello_fault(const struct mu_msg_hello *hello, uint64_t incarnation)
{
    if (hello->version_min > 1 || hello->version_max < 1) {
        return "no common version";
    }
    if (incarnation == 0 || mu_address_kind(hello->service) != MU_ADDRESS_SERVICE) {
        return "bad service";
    }
    if (hello->partition[0] != '\0' && mu_address_kind(hello->partition) != MU_ADDRESS_PARTITION) {
        return "bad partition";
    }
    return NULL;
}

/* Whether another key's process has that incarnation; then it is told. */
static bool is_taken(struct mu_router *router, uint32_t i, uint64_t incarnation)
{
    char instance[MU_ADDRESS_MAX + 1];
    const struct mu_identity *who = router->peers[i].who;
    mu_address_instance(incarnation, instance);
    uint32_t other = mu_map_get(router->instances, instance);
    if (who == NULL || other == MU_MAP_NONE ||
        strcmp(router->peers[other].who->name, who->name) == 0) {
        return false;
    }
    mu_registry_note(router, i, MU_COUNTER_IMPOSTORS, "%s is the incarnation of %s", instance,
                     router->peers[other].who->name);
    return true;
}

static const char taken[] = "the incarnation is that of another key";

/* What the peer's key does not allow of its HELLO; NULL: nothing. */
static const char *identity_fault(struct mu_router *router, uint32_t i,
                                  const struct mu_msg_hello *hello, uint64_t incarnation)
{
    const struct mu_identity *who = router->peers[i].who;
    if (who == NULL) {
        return NULL;
    }
    if (strcmp(hello->service, mu_peer_role_name(who->role)) != 0) {
        mu_registry_note(router, i, MU_COUNTER_IMPOSTORS, "a %s may not register as %s",
                         mu_peer_role_name(who->role), hello->service);
        return "the key is not for this service";
    }
    if (hello->partition[0] != '\0' && !mu_identity_may_own(who, hello->partition)) {
        mu_registry_note(router, i, MU_COUNTER_IMPOSTORS, "may not own %s", hello->partition);
        return "the key is not for this partition";
    }
    if (incarnation >> 32 != router->peers[i].mark) {
        mu_registry_note(router, i, MU_COUNTER_IMPOSTORS,
                         "%016" PRIx64 " is no incarnation of this key", incarnation);
        return taken;
    }
    return is_taken(router, i, incarnation) ? taken : NULL;
}

/* Takes what a HELLO says that may change.  Returns NULL, or why the peer has to go. */
static const char *take_hello(struct mu_router *router, uint32_t peer,
                              const struct mu_msg_hello *hello)
{
    struct mu_peer *at = &router->peers[peer];
    if (hello->partition[0] == '\0' || hello->epoch == 0) { /* 0: stands by, or owns it no more */
        disclaim_partition(router, peer);
    } else {
        uint32_t partition = find_destination(router, hello->partition);
        if (partition == MU_ROUTER_NONE) {
            return "too many partitions";
        }
        if (!claim_partition(router, peer, partition, hello->epoch)) {
            return "superseded";
        }
    }
    at->sent = 0;
    at->window = hello->credit;
    at->granted = hello->credit;
    return NULL;
}

/* A process that says HELLO by a new connection has given up the one before. */
static void forget_former(struct mu_router *router, uint32_t peer, uint64_t incarnation)
{
    char instance[MU_ADDRESS_MAX + 1];
    mu_address_instance(incarnation, instance);
    uint32_t former = mu_map_get(router->instances, instance);
    if (former != MU_MAP_NONE) {
        unregister(router, former);
        if (former != peer) {
            mu_registry_drop(router, former);
        }
    }
}

void mu_registry_hello(struct mu_router *router, uint32_t peer, int64_t now_ms)
{
    struct mu_peer *at = &router->peers[peer];
    const struct mu_msg_hello hello = router->control->hello;
    uint64_t incarnation = router->in->envelope.incarnation;
    uint64_t number = router->in->envelope.sequence;
    if (number != 0 && number <= at->hellos && incarnation == at->incarnation) {
        return; /* a late one */
    }
    const char *fault = hello_fault(&hello, incarnation);
    fault = fault == NULL ? identity_fault(router, peer, &hello, incarnation) : fault;
    bool refresh = is_refresh(router, at, &hello, incarnation);
    if (fault == NULL && refresh) {
        fault = take_hello(router, peer, &hello);
    }
    if (fault != NULL) {
        mu_registry_bye(router, peer, fault);
        mu_registry_drop(router, peer);
        return;
    }
    if (!refresh) {
        if (at->state == MU_PEER_REGISTERED) {
            unregister(router, peer);
        }
        forget_former(router, peer, incarnation);
        at->hello = hello;
        at->greeted = true;
        at->incarnation = incarnation;
    }
    at->hellos = number;
    at->credit_ms = now_ms;
    router->control->op = MU_OP_HELLO_OK;
    router->control->hello_ok =
        (struct mu_msg_hello_ok){ .version = 1, .heartbeat_ms = router->options.heartbeat_ms };
    (void)mu_route_control(router, peer, router->control); /* lost: it says HELLO again */
    if (refresh) {
        mu_route_drain(router, peer, now_ms);
    }
}

void mu_registry_enter(struct mu_router *router, uint32_t peer, int64_t now_ms)
{
    struct mu_peer *at = &router->peers[peer];
    assert(at->state == MU_PEER_NEW && at->greeted);
    const char *fault = "too many services";
    at->greeted = false;
    at->credit_ms = now_ms;
    if (is_taken(router, peer, at->incarnation)) { /* since its HELLO */
        fault = taken;
    } else {
        forget_former(router, peer, at->incarnation); /* it may speak by two connections a while */
        if (enter(router, peer)) {
            fault = take_hello(router, peer, &at->hello);
        }
    }
    if (fault != NULL) {
        mu_registry_bye(router, peer, fault);
        mu_registry_drop(router, peer);
        return;
    }
    mu_route_drain(router, peer, now_ms);
}

void mu_registry_block(struct mu_router *router, uint32_t peer)
{
    if (router->peers[peer].state == MU_PEER_REGISTERED) {
        unregister(router, peer);
    }
    router->peers[peer].state = MU_PEER_BLOCKED;
}

void mu_registry_drop(struct mu_router *router, uint32_t peer)
{
    assert(router->peers[peer].state != MU_PEER_FREE);
    router->peers[peer].gone = true;
    router->reap = true;
}

void mu_registry_reap(struct mu_router *router)
{
    while (router->reap) { /* to forget one can show that another is gone too */
        router->reap = false;
        for (uint32_t i = 0; i < router->peers_used; i++) {
            struct mu_peer *peer = &router->peers[i];
            if (!peer->gone) {
                continue;
            }
            if (peer->state == MU_PEER_REGISTERED) {
                unregister(router, i);
            }
            *peer = (struct mu_peer){ .state = MU_PEER_FREE };
            router->options.gone(router->options.context, i);
        }
    }
}

static void check_destination(const struct mu_router *router, uint32_t d)
{
    const struct mu_destination *destination = &router->destinations[d];
    mu_queue_check(destination->queue);
    if (!destination->used) {
        assert(mu_queue_count(destination->queue) == 0);
        return;
    }
    assert(mu_map_get(router->names, destination->name) == d);
    assert(destination->first_member != MU_ROUTER_NONE || destination->owner != MU_ROUTER_NONE);
    uint32_t members = 0;
    for (uint32_t i = destination->first_member; i != MU_ROUTER_NONE;
         i = router->peers[i].next_member) {
        assert(router->peers[i].state == MU_PEER_REGISTERED && router->peers[i].service == d);
        members++;
        assert(members <= router->registered);
    }
    assert(destination->owner == MU_ROUTER_NONE ||
           router->peers[destination->owner].partition == d);
}

void mu_registry_check(const struct mu_router *router)
{
    uint32_t registered = 0;
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < router->options.peers_max; i++) {
        const struct mu_peer *peer = &router->peers[i];
        assert(i < router->peers_used || peer->state == MU_PEER_FREE);
        assert(!peer->gone);
        if (peer->state != MU_PEER_REGISTERED) {
            continue;
        }
        registered++;
        assert(mu_map_get(router->instances, peer->instance) == i);
        assert(peer->who == NULL || strcmp(router->destinations[peer->service].name,
                                           mu_peer_role_name(peer->who->role)) == 0);
        assert(peer->granted <= peer->sent + peer->window);
        assert(router->destinations[peer->service].used);
        assert(peer->partition == MU_ROUTER_NONE ||
               router->destinations[peer->partition].owner == i);
    }
    for (uint32_t d = 0; d < router->options.destinations_max; d++) {
        check_destination(router, d);
        waiting += mu_queue_count(router->destinations[d].queue);
    }
    assert(registered == router->registered && registered == mu_map_count(router->instances));
    assert(waiting == router->waiting);
}
