"""What is done to the cluster of the lab, one after the other: each ends when full service is back, and is a row of the table."""

import asyncio
import time

import layout
import live as l

OUTAGE_S = (0.5, 4.0)  # how long a fault lasts, drawn
LONG_S = (10.0, 20.0)  # in a campaign, sometimes
LONG = 0.2  # how often
UNDER_WAY_S = 0.5  # what was under way when a cut began may still end well
REFUSED = 10  # answers 503 that are enough to see
GUEST = "h3"  # where matchers are added
AROUND_S = 6.0  # until a way around a fault is found, at most
TAKEOVER_S = 8.0  # until who stands by has taken over (takeover_ms, and what was under way), at most


def wall_ms():
    return time.time_ns() // 1000000


async def outage(session):
    """Lets a fault last."""
    seconds = session.random.uniform(*(LONG_S if session.random.random() < session.long else OUTAGE_S))
    await asyncio.sleep(seconds)
    return seconds


async def kill_host(session, name):
    """A machine loses its power, and is switched on again."""
    host = session.lab[name]
    await host.kill()
    if name == "h5":
        await session.clients.reader
    seconds = await outage(session)
    await host.boot()
    if name == "h5":
        await session.play()
    await session.healed(f"kill {name}", f"pid 1 killed, off for {seconds:.1f} s")


async def unplug(session, name):
    await session.lab.unplug(name)
    seconds = await outage(session)
    await session.lab.heal()
    await session.healed(f"unplug {name}", f"line down for {seconds:.1f} s")


async def cut(session, one, other, both=True):
    """Between two hosts; everything else goes on, so there may be a way around."""
    await session.lab.cut(one, other)
    if both:
        await session.lab.cut(other, one)
    seconds = await outage(session)
    await session.lab.heal()
    arrow = "--" if both else "->"
    await session.healed(f"cut {one}{arrow}{other}", f"no packet {'either way' if both else 'that way'} for {seconds:.1f} s")


async def shard_cut(session):
    """The shard's host and the store's do not hear each other: the other broker carries them, or who stands by takes over."""
    await session.lab.split(["h1"], ["h4"])
    begun = time.monotonic()
    try:
        await session.clients.probe(regions=["us-east-1"], seconds=AROUND_S)
        text, good = f"us went on after {time.monotonic() - begun:.1f} s", True
    except l.Failed as failure:
        text, good = str(failure), False
    await session.lab.heal()
    await session.healed("around h1--h4", text, good)


async def takeover(session, name, region):
    """A shard's host is gone for good: who stands by takes the region over.  Back again, it stands by."""
    host = session.lab[name]
    await host.kill()
    begun = time.monotonic()
    there = [door for door, at in zip(layout.doors(session.lab), layout.EDGES.values()) if at != name]
    try:
        await session.clients.probe(regions=[region], doors=there, seconds=TAKEOVER_S)
        text, good = f"{region} taken over, a round after {time.monotonic() - begun:.1f} s", True
    except l.Failed as failure:
        text, good = str(failure), False
    await host.boot()
    await session.healed(f"lose {name}", text, good)


async def storeless(session):
    """The store is cut off from all: nobody is told yes, and nothing is matched."""
    await session.lab.unplug("h1")
    begun, begun_ms = time.monotonic(), wall_ms()
    session.clients.begin_probe()  # so that somebody asks

    def refused():
        return [call for call in session.calls_since(begun) if call["status"] == 503]
    await l.wait_for("many a 503", lambda: len(refused()) >= REFUSED)
    yes = [call for call in session.calls_since(begun + UNDER_WAY_S) if 200 <= call["status"] < 300]
    session.quiet.append((begun_ms + int(UNDER_WAY_S * 1000), wall_ms()))
    seconds = time.monotonic() - begun
    text = f"{seconds:.1f} s: {len(refused())} x 503, {len(yes)} x yes"
    await session.lab.heal()
    await session.healed("store cut off", text, not yes)


async def edge_cut(session):
    """A gateway and the lobby actor are cut off from all but the clients: that gateway says yes to nobody, the other one serves."""
    await session.lab.split(["h3"], ["h1", "h2", "h4"])
    begun = time.monotonic()
    near, far = layout.doors(session.lab)
    try:
        await session.clients.probe(doors=[far], seconds=TAKEOVER_S)
        text, good = f"rounds through the other gateway after {time.monotonic() - begun:.1f} s", True
    except l.Failed as failure:
        text, good = str(failure), False
    await l.wait_for("a 503", lambda: any(call["status"] == 503 for call in through(session, near, begun)))
    yes = [call for call in through(session, near, begun + UNDER_WAY_S) if 200 <= call["status"] < 300]
    await session.lab.heal()
    await session.healed("edge cut off", f"{text}; {len(yes)} x yes by the one cut off", good and not yes)


def through(session, door, begun):
    """What was asked through a gateway since then, but reads."""
    return [call for call in session.calls_since(begun) if call["door"] == f"{door[0]}:{door[1]}"]


async def slow(session, name):
    await session.lab.slow(name)
    begun = time.monotonic()
    try:
        took = await session.clients.probe()
        text, good = f"1 Mbit/s: a full round in {took:.1f} s", True
    except l.Failed as failure:
        text, good = f"1 Mbit/s for {time.monotonic() - begun:.0f} s: {failure}", False
    await session.lab.heal()
    await session.healed(f"slow {name}", text, good)


async def pause(session, name):
    host = session.lab[name]
    host.pause()
    seconds = await outage(session)
    host.resume()
    await session.healed(f"pause {name}", f"hung for {seconds:.1f} s")


async def kill_broker(session, broker):
    host = session.lab[layout.BROKERS[broker]]
    unit = f"muster-broker@{broker}"
    starts = (await host.units())[unit][2]
    await host.run("systemctl", "kill", "--signal=KILL", unit)

    async def again():
        state, _, now = (await host.units())[unit]
        return state == "active" and now > starts
    await session.healed(f"kill {broker}", "killed, started again by its supervisor")
    await l.wait_for("the broker", again)


async def matchers(session):
    """Two more matchers join while all play; one leaves in order, the other is killed again and again, and then leaves."""
    host = session.lab[GUEST]
    added = []
    for _ in range(2):
        session.more += 1
        actor = layout.Actor(GUEST, "matcher", f"more{session.more}")
        await layout.admit(session.lab, actor.name, "matcher", await layout.keygen(host, actor.name))
        added.append(actor.unit)
    begun = time.monotonic()
    await host.run("systemctl", "start", *added)
    await session.healed("matchers added", f"two more, ready in {time.monotonic() - begun:.1f} s")
    await host.run("systemctl", "stop", added[0])
    await session.healed("matcher removed", "by SIGTERM")
    await host.run("systemctl", "kill", "--signal=KILL", added[1])
    await session.healed("matcher killed", "and started again by its supervisor")
    await host.run("systemctl", "kill", "--signal=KILL", added[1])
    await host.run("systemctl", "stop", added[1])
    await session.healed("matcher gone", "killed, and not started again")


HOSTS = ("h1", "h2", "h3", "h4", "h5")
PAIRS = (("h1", "h2"), ("h1", "h3"), ("h1", "h4"), ("h2", "h3"), ("h2", "h4"), ("h3", "h5"), ("h4", "h5"))
ALL = (
    *((kill_host, name) for name in HOSTS),
    *((unplug, name) for name in HOSTS),
    *((cut, one, other) for one, other in PAIRS),
    *((cut, one, other, False) for pair in PAIRS for one, other in (pair, pair[::-1])),
    *((slow, name) for name in HOSTS),
    *((pause, name) for name in HOSTS),
    *((kill_broker, broker) for broker in layout.BROKERS),
    (shard_cut,),
    (takeover, "h4", "us-east-1"),
    (takeover, "h2", "eu-west-1"),
    (storeless,),
    (edge_cut,),
    (matchers,),
)
