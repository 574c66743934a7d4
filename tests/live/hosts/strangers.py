"""What h6 tries, a machine in the same network that has no business there, or whose keys are for something else.

Each is a row of the table: nothing of it may have an effect, and full service must be there afterwards.
"""

import json
import re

import layout
import live as l
from session import STRANGER

TRIES_S = 4  # how long somebody who must not get in tries
ENDLESS_S = 4
SILENT = 500
SILENT_S = 15
GROWTH_MIB = 64
HELLO_OK, ERROR = 3, 9
MATCH_COMMIT = "124"  # of wire/messages.def
UNIT_ACTIVE = "active"


def broker_line(session, broker="a"):
    host = session.lab[layout.BROKERS[broker]]
    return f"tcp://{host.address}:{layout.BUS_PORT}", session.public["broker-" + broker]


async def peer(session, *words):
    _, out = await session.lab[STRANGER].run("/usr/bin/python3", "/usr/local/lib/muster-tests/hosts/peer.py", *map(str, words))
    return json.loads(out)


async def never_ready(session, name, actor, public, listed_as=None):
    """An actor on h6 that must never become ready.  listed_as: as what its key is in the list of peers."""
    host = session.lab[STRANGER]
    if listed_as is not None:
        await layout.admit(session.lab["h1"], listed_as, public)
        layout.share_peers(session.lab)
    layout.write_unit(host, actor, session.brokers)
    await host.run("systemctl", "start", "--no-block", actor.unit)
    got_in = False
    try:
        async def ready():
            return (await host.units())[actor.unit][0] == UNIT_ACTIVE
        await l.wait_for("it to be let in", ready, TRIES_S)
        got_in = True
    except l.Failed:
        pass
    await host.run("systemctl", "stop", actor.unit)
    said = re.findall(r'event="([^"]*)"', host.read(f"/var/log/{actor.unit}.log"))
    await session.healed(name, f"{'WAS LET IN' if got_in else 'never let in'} in {TRIES_S} s, said {sorted(set(said))}", not got_in)


async def unlisted_key(session):
    """A matcher with a key that no broker was told of."""
    actor = session.stranger("matcher", "muster-actor --kind matcher")
    await never_ready(session, "unlisted key", actor, await layout.keygen(session.lab[STRANGER], actor.name))


async def wrong_role(session):
    """A matcher's key, used by a shard that would own us-east-1."""
    actor = session.stranger("queue", "muster-actor --kind queue", "queue/us-east-1")
    public = await layout.keygen(session.lab[STRANGER], actor.name)
    await never_ready(session, "wrong role", actor, public, layout.Actor(actor.name, STRANGER, "matcher", ""))


async def wrong_partition(session):
    """A shard's key for us-east-1, used for eu-west-1."""
    actor = session.stranger("queue", "muster-actor --kind queue", "queue/eu-west-1")
    public = await layout.keygen(session.lab[STRANGER], actor.name)
    await never_ready(session, "wrong partition", actor, public, layout.Actor(actor.name, STRANGER, "queue", "", "queue/us-east-1"))


async def listed(session, role, partition=None):
    """A key of h6 that is listed as that; its file."""
    actor = session.stranger(role, "", partition)
    public = await layout.keygen(session.lab[STRANGER], actor.name)
    await layout.admit(session.lab["h1"], actor, public)
    layout.share_peers(session.lab)
    return f"{layout.KEYS}/{actor.name}.key"


async def stolen_id(session):
    """A gateway's key, and the incarnation of another gateway, which its log told."""
    key = await listed(session, "gateway")
    victim = next(actor for actor in layout.actors(session.lab) if actor.role == "gateway" and actor.host == "h3")
    incarnation = re.findall(r"incarnation=([0-9a-f]+)", session.lab["h3"].read(f"/var/log/{victim.unit}.log"))[-1]

    async def answers(number):
        return await peer(session, "hello", *broker_line(session), key, "gateway", "", number)

    async def taken():
        said = await answers("abcdef0123456789")
        return said if HELLO_OK in [op for op, _ in said] else None
    own = await l.wait_for("its own name to be taken", taken)
    stolen = await answers(incarnation)
    good = HELLO_OK not in [op for op, _ in stolen]
    await session.healed("stolen id", f"as itself: {own}; as {incarnation}: {stolen}", good)


async def wrong_request(session):
    """A matcher orders the store to make a match."""
    key = await listed(session, "matcher")

    async def ask():
        said = await peer(session, "order", *broker_line(session), key, "matcher", MATCH_COMMIT, "store")
        return said if HELLO_OK in [op for op, _ in said] else None
    said = await l.wait_for("it to be let in", ask)
    refused = any(op == ERROR for op, _ in said)
    await session.healed("wrong request", f"MATCH_COMMIT of a matcher: {said}", refused)


async def memory_mib(session, broker):
    host = session.lab[layout.BROKERS[broker]]
    pid = (await host.units())[f"muster-broker@broker-{broker}"][1]
    return int(re.search(r"VmRSS:\s+(\d+)", (await host.run("cat", f"/proc/{pid}/status"))[1]).group(1)) / 1024


async def endless(session):
    """One message without end, by somebody without a key."""
    before = await memory_mib(session, "a")
    sent, closed = await peer(session, "endless", session.lab["h1"].address, layout.BUS_PORT, ENDLESS_S)
    grown = await memory_mib(session, "a") - before
    await session.healed("endless message", f"{sent / 2**20:.0f} MiB sent, cut off {closed} times, the broker grew by {grown:.1f} MiB",
                         closed > 0 and grown < GROWTH_MIB)


async def silent(session):
    """Connections that say nothing."""
    _, closed = await peer(session, "silent", session.lab["h1"].address, layout.BUS_PORT, SILENT, SILENT_S)
    await session.healed("silent connections", f"{closed} of {SILENT} cut off", closed == SILENT)


ALL = ((unlisted_key,), (wrong_role,), (wrong_partition,), (stolen_id,), (wrong_request,), (endless,), (silent,))
