"""CURVE between processes: who is not listed, or not as that, gets nothing; and keys change while it runs."""

import asyncio
import os
import re
import signal
import socket
import struct
import sys

import live as l
import msgpack
import zmq
import zmq.asyncio
import zmq.utils.z85

CONFIG = """regions:
  - {name: eu-west-1, aliases: []}
modes:
  - {name: duel, teams: 2, team_min: 1, team_max: 1, rated: true, accept_ms: 20000, window_points: 2900,
     window_per_second: 1, window_max: 2900, latency_max_ms: 0, fill_ms: 0, spill_ms: 0, wait_max_ms: 300000}
"""
FOLLOWS_S = 5  # a broker reads its list every second
GARBAGE_BYTES = 32 * 1024 * 1024
GROWTH_MAX = 16 * 1024 * 1024  # of a broker's memory under garbage
REQUEST, REPLY, EVENT, CONTROL = 1, 2, 3, 4  # wire/enums.def
HELLO, HELLO_OK, WHO, PING, PONG, BYE, ERROR = 2, 3, 4, 5, 6, 8, 9  # wire/messages.def
CHANGES, STORE_BACKUP = 163, 180
FORBIDDEN = 20  # wire/errors.def


class Process:
    """One program, and the log that it writes."""

    def __init__(self, world, name, *words):
        self.world = world
        self.name = name
        self.words = words
        self.log = world.live.path(f"{name}.log")
        self.process = None

    async def start(self):
        with open(self.log, "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                self.world.live.arguments.muster, *self.words, stderr=log, stdout=log)
        self.world.processes.append(self)
        return self

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    async def says(self, pattern, seconds=l.READY_S):
        return await l.wait_for(f"'{pattern}' in the log of {self.name}", lambda: re.search(pattern, self.text()),
                                seconds)

    async def stop(self, how=signal.SIGTERM):
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), l.STOP_S)

    def resident(self):
        """Bytes of memory that it has."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class World:
    """A cluster whose every process has a key of its own."""

    def __init__(self, live):
        self.live = live
        self.processes = []
        self.public = {}
        self.peers = live.path("peers.yaml")
        self.config = live.path("config.yaml")
        self.endpoint = None
        self.port = None

    async def key(self, name):
        """Makes a key, which nobody lists yet; its public half."""
        code, out, err = await self.live.muster("keygen", name, "--out", self.live.folder)
        if code != 0:
            raise l.Failed(f"muster keygen {name}: {err}")
        self.public[name] = out.strip()
        return self.public[name]

    def file(self, name):
        return self.live.path(f"{name}.key")

    def secret(self, name):
        with open(self.file(name), encoding="ascii") as file:
            return re.search(r"^secret (\w{64})$", file.read(), re.M)[1]

    async def edit(self, verb, *words):
        code, _, err = await self.live.muster("peers", verb, self.peers, *words)
        if code != 0:
            raise l.Failed(f"muster peers {verb} {words}: {err}")

    async def add(self, name, role, *more):
        await self.edit("add", name, "--role", role, "--key", await self.key(name), *more)

    def member(self, name, key, *words):
        """A process of the cluster with that key."""
        return Process(self, name, *words, "--broker", self.endpoint, "--key", self.file(key), "--broker-key",
                       self.public["broker"], "--config", self.config)

    def actor(self, name, key, kind, *more):
        return self.member(name, key, "actor", "--kind", kind, *more)

    async def call(self, path, body=None, method="POST"):
        """A definite answer of the gateway, however often it takes to ask."""
        http = l.Http(lambda: ("127.0.0.1", self.port))
        once = f"once-{self.live.random.getrandbits(64):x}"
        try:
            return await asyncio.wait_for(http.definite(method, path, body, once), l.READY_S)
        except asyncio.TimeoutError:
            raise l.Failed(f"no definite answer to {method} {path}") from None
        finally:
            http.close()


class Peer:
    """Whoever speaks to the broker as no program of ours would."""

    def __init__(self, world, public, secret):
        mark = world.live.random.getrandbits(32) if public is None else int(public[:8], 16)
        self.incarnation = mark << 32 | world.live.random.getrandbits(32) | 1
        self.sequence = 0
        self.socket = zmq.asyncio.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        if public is not None:
            self.socket.curve_serverkey = z85(world.public["broker"])
            self.socket.curve_publickey = z85(public)
            self.socket.curve_secretkey = z85(secret)
        self.socket.connect(world.endpoint)

    async def send(self, frame, op, body, to="", incarnation=None):
        self.sequence += 1
        header = [1, frame, op, "#liar", to, incarnation or self.incarnation, self.sequence, 0, 0, "",
                  5000 if frame == REQUEST else 0, "", 0]
        await self.socket.send_multipart([msgpack.packb(header), msgpack.packb(body)])

    async def hello(self, service, incarnation=None):
        await self.send(CONTROL, HELLO, [1, 1, service, "", 0, 16, "test"], incarnation=incarnation)

    async def answer(self, *ops, seconds=l.EVENT_S):
        """The body of the next message that is one of these, or None: there was none in that time."""
        try:
            while True:
                header, body = await asyncio.wait_for(self.socket.recv_multipart(), seconds)
                if msgpack.unpackb(header)[2] in ops:
                    return msgpack.unpackb(header)[2], msgpack.unpackb(body)
        except asyncio.TimeoutError:
            return None, None

    def close(self):
        self.socket.close()


def z85(digits):
    return zmq.utils.z85.encode(bytes.fromhex(digits))


async def refuses_to_start(world):
    """What would be open to everybody does not start, and says what to do."""
    live = world.live
    open(live.path("bad.yaml"), "w", encoding="ascii").write("peers:\n  - {name: x, role: king, key: 12}\n")
    os.chmod(world.file("loose"), 0o644)
    cases = (
        ("without keys it serves no other host", ("--bind", "tcp://0.0.0.0:*"), "for other hosts make keys"),
        ("a key that others can read is refused",
         ("--bind", "tcp://127.0.0.1:*", "--key", world.file("loose"), "--peers", world.peers), "chmod 600"),
        ("a list with faults is refused, with its lines",
         ("--bind", "tcp://127.0.0.1:*", "--key", world.file("broker"), "--peers", live.path("bad.yaml")),
         r"bad.yaml:2: peers\[0\].role: is .*king.*must be one of"),
    )
    for number, (what, words, says) in enumerate(cases):
        process = await Process(world, f"refused-{number}", "broker", *words).start()
        code = await asyncio.wait_for(process.process.wait(), l.STOP_S)
        if not live.check(code == 78 and re.search(says, process.text()), what):
            print(code, process.text())


async def begin(world):
    """Starts a cluster; its processes by name."""
    open(world.config, "w", encoding="ascii").write(CONFIG)
    for name, role in (("store", "store"), ("lobby", "lobby"), ("gateway", "gateway"), ("matcher", "matcher"),
                       ("spy", "matcher")):
        await world.add(name, role)
    await world.add("queue", "queue", "--partition", "queue/eu-west-1")
    broker = await Process(world, "broker", "broker", "--bind", "tcp://127.0.0.1:*", "--key", world.file("broker"),
                           "--peers", world.peers, "--config", world.config).start()
    world.endpoint = (await broker.says(r"listening.*endpoint=(\S+) .*keys=yes"))[1]
    world.live.check("unknown keys are refused" in broker.text(), "the broker has proved that it refuses unknown keys")
    return {
        "broker": broker,
        "store": await world.actor("store", "store", "store", "--data", world.live.path("data"),
                                   "--any-filesystem").start(),
        "lobby": await world.actor("lobby", "lobby", "lobby").start(),
        "matcher": await world.actor("matcher", "matcher", "matcher").start(),
        "queue": await world.actor("queue", "queue", "queue", "--partition", "queue/eu-west-1").start(),
        "gateway": await world.member("gateway", "gateway", "gateway", "--port", "0").start(),
    }


async def duel(world, what):
    """Two new players are matched: gateway, queue, matcher, store and broker all work."""
    players = []
    for _ in range(2):
        name = f"p{world.live.random.getrandbits(40):x}"
        status, answer = await world.call("/v1/players/register", {"username": name, "region": "eu-west-1"})
        if status != 201:
            raise l.Failed(f"register: {status} {answer}")
        players.append(answer["player"]["playerId"])
        status, answer = await world.call("/v1/matchmaking/queue",
                                          {"playerId": players[-1], "gameMode": "duel", "region": "eu-west-1"})
        if status != 201:
            raise l.Failed(f"queue: {status} {answer}")

    async def matched():
        states = [(await world.call(f"/v1/matchmaking/queue/{player}", method="GET"))[1] for player in players]
        return all(state.get("queueData", {}).get("status") == "MATCHED" for state in states)
    await l.wait_for(f"a match {what}", matched, l.READY_S)
    world.live.check(True, f"players are matched {what}")


class Traffic:
    """Calls all the time, each of which must get its answer."""

    def __init__(self, world):
        self.world = world
        self.done = 0
        self.ending = False
        self.task = asyncio.ensure_future(self.run())

    async def run(self):
        while not self.ending:
            name = f"t{self.world.live.random.getrandbits(40):x}"
            status, answer = await self.world.call("/v1/players/register", {"username": name, "region": "eu-west-1"})
            if status != 201:
                raise l.Failed(f"under traffic: {status} {answer}")
            self.done += 1

    async def more(self):
        """Waits for calls that begin from now on; raises what went wrong."""
        wanted = self.done + 3
        await l.wait_for("calls to get through", lambda: self.done >= wanted or self.task.done(), l.READY_S)
        if self.task.done():
            await self.task

    async def end(self):
        """Lets the call under way have its answer: to cancel it may be lost in asyncio.wait_for()."""
        self.ending = True
        await self.task


async def unknown_key(world, broker):
    public = await world.key("nobody")
    peer = Peer(world, public, world.secret("nobody"))
    await peer.hello("gateway")
    await broker.says(f"unknown key refused.*key={public}")
    _, body = await peer.answer(HELLO_OK, WHO, BYE, seconds=1)
    world.live.check(body is None, "an unknown key is refused, and hears nothing")
    peer.close()
    null = Peer(world, None, None)
    await null.hello("gateway")
    _, body = await null.answer(HELLO_OK, WHO, BYE, seconds=1)
    world.live.check(body is None, "a peer without any key hears nothing")
    null.close()
    for key, broker_key, says in (("nobody", "broker", "our key is not among its peers"),
                                  ("matcher", "nobody", "the handshake failed: .*--broker-key is not its key")):
        process = await Process(world, f"matcher-{key}", "actor", "--kind", "matcher", "--broker", world.endpoint,
                                "--key", world.file(key), "--broker-key", world.public[broker_key]).start()
        await process.says(f"broker does not serve us.*{says}")
        await process.stop()
    world.live.check(True, "who is refused is told why in his own log")


async def wrong_role(world, broker):
    process = await world.actor("false-store", "matcher", "store", "--data", world.live.path("false"),
                                "--any-filesystem").start()
    await broker.says("a matcher may not register as store")
    await process.says("broker does not serve us.*the key is not for this service")
    await process.stop()
    world.live.check(not re.search('event="ready"', process.text()), "a matcher's key does not make a store")


async def thief(world, broker, gateway):
    """A listed peer that wants to be somebody else, and to do what is not his."""
    live = world.live
    stolen = int(re.search(r"incarnation=(\w{16})", gateway.text())[1], 16)
    peer = Peer(world, world.public["spy"], world.secret("spy"))
    await peer.hello("matcher", stolen)
    _, body = await peer.answer(BYE, HELLO_OK)
    live.equal(body, ["the incarnation is that of another key"], "nobody takes the incarnation of another key")
    await broker.says(f"peer=spy.*{stolen:016x} is no incarnation of this key")
    await peer.hello("matcher")
    op, _ = await peer.answer(BYE, HELLO_OK)
    live.equal(op, HELLO_OK, "as himself he is let in")
    await peer.send(REQUEST, STORE_BACKUP, ["x"], "store")
    _, body = await peer.answer(ERROR)
    live.check(body is not None and body[0] == FORBIDDEN, f"a matcher may ask for no backup: {body}")
    await peer.send(EVENT, CHANGES, ["queue/eu-west-1"], "queue/eu-west-1")
    await broker.says("a matcher may not send CHANGES as a event")
    live.check(True, "nor speak as the store")
    return peer


async def revoked(world, broker, peer):
    """The spy is cut off in the middle of a connection."""
    live = world.live
    await peer.send(CONTROL, PING, [7])
    op, body = await peer.answer(PONG)
    live.equal((op, body), (PONG, [7]), "he is heard")
    await world.edit("revoke", "spy")
    await broker.says("peer revoked.*peer=spy", FOLLOWS_S)
    await peer.send(CONTROL, PING, [8])
    await broker.says("message under a revoked key dropped", FOLLOWS_S)
    op, _ = await peer.answer(PONG, WHO, HELLO_OK, seconds=1)
    live.equal(op, None, "once revoked he is not heard, though his connection is still open")
    peer.close()
    again = Peer(world, world.public["spy"], world.secret("spy"))
    await again.hello("matcher")
    await broker.says(f"unknown key refused.*key={world.public['spy']}")
    op, _ = await again.answer(HELLO_OK, WHO, seconds=1)
    live.equal(op, None, "nor let in again")
    again.close()


async def rotated(world, processes, traffic):
    """A queue changes over to another key while calls go on."""
    await world.edit("rotate", "queue", "--key", await world.key("queue-2"))
    await processes["broker"].says("peers file read.*keys=6", FOLLOWS_S)
    await traffic.more()
    await processes["queue"].stop()
    processes["queue"] = await world.actor("queue-again", "queue-2", "queue", "--partition",
                                           "queue/eu-west-1").start()
    await processes["queue"].says('event="ready"')
    await world.edit("revoke", "queue", "--key", world.public["queue"])
    await processes["broker"].says("peers file read.*keys=5", FOLLOWS_S)
    await traffic.more()
    await duel(world, "after the queue has changed its key")


async def damaged(world, broker, traffic):
    """A list with faults changes nothing."""
    with open(world.peers, encoding="ascii") as file:
        good = file.read()
    with open(world.peers, "w", encoding="ascii") as file:
        file.write(good.replace("role: gateway", "role: king"))
    await broker.says("peers file refused.*king", FOLLOWS_S)
    os.remove(world.peers)
    await broker.says("peers file cannot be read", FOLLOWS_S)
    await traffic.more()
    with open(world.peers, "w", encoding="ascii") as file:
        file.write(good + "# again\n")
    broker.process.send_signal(signal.SIGHUP)
    await traffic.more()
    world.live.check(broker.process.returncode is None, "a damaged or missing list changes nothing")


def flood(port, first, bytes_max):
    """Writes to the broker's port until it is closed; how many bytes it took."""
    sent = 0
    chunk = os.urandom(65536)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as raw:
        try:
            raw.sendall(first)
            while sent < bytes_max:
                sent += raw.send(chunk)
        except OSError:
            pass
    return sent


async def raw_bytes(world, broker, traffic):
    """Who speaks ZMTP without keys, or no ZMTP at all, gets nothing and costs nothing."""
    port = int(world.endpoint.rpartition(":")[2])
    greeting = b"\xff" + struct.pack(">Q", 1) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0".ljust(32, b"\0")
    ready = b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
    endless = b"\x03" + struct.pack(">Q", 1 << 40)  # a long frame with more to come
    before = broker.resident()
    starts = (greeting + ready, greeting + endless, b"GET / HTTP/1.1\r\n\r\n", b"", b"\xff" * 64,
              greeting.replace(b"NULL\0", b"CURVE") + endless)
    took = [await asyncio.to_thread(flood, port, start, GARBAGE_BYTES) for start in starts]
    await traffic.more()
    grown = broker.resident() - before
    world.live.check(grown < GROWTH_MAX, f"raw bytes do not fill its memory: {grown >> 10} KiB after {took}")


async def run(live):
    world = World(live)
    await world.key("broker")
    await world.key("loose")
    await refuses_to_start(world)
    try:
        processes = await begin(world)
        gateway = processes["gateway"]
        world.port = int((await gateway.says(r"listening.*? port=(\d+)"))[1])
        await gateway.says('event="ready"')
        await duel(world, "under keys")
        await unknown_key(world, processes["broker"])
        await wrong_role(world, processes["broker"])
        traffic = Traffic(world)
        spy = await thief(world, processes["broker"], gateway)
        await revoked(world, processes["broker"], spy)
        await traffic.more()
        await rotated(world, processes, traffic)
        await damaged(world, processes["broker"], traffic)
        await raw_bytes(world, processes["broker"], traffic)
        await traffic.end()
        live.check(traffic.done > 10, f"traffic went on all the time: {traffic.done} calls")
        logs = "".join(process.text() for process in world.processes)
        leaks = [name for name in world.public if world.secret(name) in logs]
        live.equal(leaks, [], "no secret stands in any log")
        wrong = [line for line in processes["broker"].text().splitlines()
                 if "peer refused" in line and not re.search("peer=(spy|matcher) ", line)]
        live.equal(wrong, [], "nobody else was refused anything")
    finally:
        for process in world.processes:
            await process.stop()
        if live.failed > 0 or sys.exc_info()[0] is not None:
            for process in world.processes:
                print(f"--- {process.name}", *process.text().splitlines()[-25:], sep="\n")


l.main(run)
