"""What h6 tries, a machine in the same network that has no business there, or whose keys are for something else.

Each is a row of the table: nothing of it may have an effect, and full service must be there afterwards.
"""

import json
import os
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


def broker_line(session, broker="broker-a"):
    host = session.lab[layout.BROKERS[broker]]
    return f"tcp://{host.address}:{layout.BUS_PORT}", session.public[broker]


def newcomer(session, role, instance=None, partition=None):
    """An actor on h6, whom nobody knows yet."""
    session.more += 1
    return layout.Actor(STRANGER, role, instance or f"stranger{session.more}", partition)


async def peer(session, *words):
    _, out = await session.lab[STRANGER].run("/usr/bin/python3", "/usr/local/lib/muster-tests/hosts/peer.py", *map(str, words))
    return json.loads(out)


async def never_ready(session, name, actor):
    """An actor on h6 that must never become ready."""
    host = session.lab[STRANGER]
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
    reasons = set(re.findall(r'event="broker does not serve us".*reason="([^"]*)"', host.read(f"/var/log/{actor.unit}.log")))
    await session.healed(name, f"{'WAS LET IN' if got_in else 'not let in'} in {TRIES_S} s: {', '.join(sorted(reasons))}", not got_in)


async def unlisted_key(session):
    """A matcher with a key that no broker was told of."""
    actor = newcomer(session, "matcher")
    await layout.keygen(session.lab[STRANGER], actor.name)
    await never_ready(session, "unlisted key", actor)


async def wrong_role(session):
    """A matcher's key, used by a shard that would own us-east-1."""
    actor = newcomer(session, "queue", "us-east-1", "queue/us-east-1")
    await relist(session, actor, "matcher")
    await never_ready(session, "wrong role", actor)


async def wrong_partition(session):
    """A shard's key for us-east-1, used for eu-west-1."""
    actor = newcomer(session, "queue", "eu-west-1", "queue/eu-west-1")
    await relist(session, actor, "queue", "queue/us-east-1")
    await never_ready(session, "wrong partition", actor)


async def relist(session, actor, role, partition=None):
    """A new key of h6, listed as that; its file."""
    host = session.lab[STRANGER]
    path = f"{layout.KEYS}/{actor.name}.key"
    if os.path.exists(host.path(path)):
        os.unlink(host.path(path))
        await session.lab["h1"].run("muster", "peers", "revoke", layout.PEERS, actor.name)
    await layout.admit(session.lab, actor.name, role, await layout.keygen(host, actor.name), partition)
    return path


async def stolen_id(session):
    """A gateway's key, and the incarnation of another gateway, which its log told."""
    key = await relist(session, newcomer(session, "gateway"), "gateway")
    incarnation = re.findall(r"incarnation=([0-9a-f]+)", session.lab["h3"].read("/var/log/muster-gateway@edge-3.log"))[-1]

    async def answers(number):
        return await peer(session, "hello", *broker_line(session), key, "gateway", "", number)

    async def taken():
        said = await answers("own")
        return said if HELLO_OK in [op for op, _ in said] else None
    own = await l.wait_for("its own name to be taken", taken)
    stolen = await answers(incarnation)
    good = HELLO_OK not in [op for op, _ in stolen]
    await session.healed("stolen id", f"as itself: {own}; as {incarnation}: {stolen}", good)


async def wrong_request(session):
    """A matcher orders the store to make a match."""
    key = await relist(session, newcomer(session, "matcher"), "matcher")

    async def ask():
        said = await peer(session, "order", *broker_line(session), key, "matcher", MATCH_COMMIT, "store")
        return said if HELLO_OK in [op for op, _ in said] else None
    said = await l.wait_for("it to be let in", ask)
    refused = any(op == ERROR for op, _ in said)
    await session.healed("wrong request", f"MATCH_COMMIT of a matcher: {said}", refused)


async def memory_mib(session, broker):
    host = session.lab[layout.BROKERS[broker]]
    pid = (await host.units())[f"muster-broker@{broker}"][1]
    return int(re.search(r"VmRSS:\s+(\d+)", (await host.run("cat", f"/proc/{pid}/status"))[1]).group(1)) / 1024


async def endless(session):
    """One message without end, by somebody without a key."""
    before = await memory_mib(session, "broker-a")
    sent, closed = await peer(session, "endless", session.lab["h1"].address, layout.BUS_PORT, ENDLESS_S)
    grown = await memory_mib(session, "broker-a") - before
    await session.healed("endless message", f"{sent / 2**20:.0f} MiB sent, cut off {closed} times, the broker grew by {grown:.1f} MiB",
                         closed > 0 and grown < GROWTH_MIB)


async def silent(session):
    """Connections that say nothing."""
    _, closed = await peer(session, "silent", session.lab["h1"].address, layout.BUS_PORT, SILENT, SILENT_S)
    await session.healed("silent connections", f"{closed} of {SILENT} cut off", closed == SILENT)


ALL = ((unlisted_key,), (wrong_role,), (wrong_partition,), (stolen_id,), (wrong_request,), (endless,), (silent,))
