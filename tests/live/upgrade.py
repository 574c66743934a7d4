"""A rolling upgrade and its way back, while players play: each process of one software is replaced by one of another.

`--old MUSTER` is the program of the former software; without it the same software is rolled over itself.  Two brokers, two
gateways, two matchers; every process has fixed endpoints, so that its successor takes its place.  After each replacement the
service must be whole: a recorded player of every region gets from a new request to a result.  First OLD -> NEW in the order
that docs/UPGRADE.md tells, then NEW -> OLD in the reverse order.  At the end the store is verified by both softwares, and a
dump of it is held against what the players wrote down.

Reported, and bounded: how long a step kept a region from results, and how often a call had to be asked again.
"""

import asyncio
import json
import os
import re
import signal
import socket
import time
from collections import Counter, defaultdict

import kill
import live as l
import promise
import recorded
from history import History, definite

CONFIG = re.sub(r"  lobbies: .*\n", "", kill.CONFIG)  # what the former software knows, too
REGIONS = kill.REGIONS
PLAYERS_A_REGION = 4
MATCHERS = 2
BEAT_S = 1.2  # in which every broker has told its numbers again
WHOLE_S = 45  # from a replacement to a result of a request that came after it
DOORS_MAX = 1  # gateways that a client may find without an answer, for one call
ANSWER_S = 10  # longest time from the first attempt to a definite answer

# Who is replaced first; docs/UPGRADE.md says why.
ORDER = ["broker", "store", "matcher", "queue", "lobby", "gateway"]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Part:
    """One process of the cluster: what starts it does not change with the software."""

    def __init__(self, name, program, *words):
        self.name = name
        self.kind = name.partition("/")[0]
        self.program = program
        self.words = words
        self.process = None


class Fleet:
    """All processes, each of the one software or the other."""

    def __init__(self, live, folders):
        self.live = live
        self.folders = folders  # "old", "new" -> the folder of the build
        self.brokers = [f"tcp://127.0.0.1:{free_port()}" for _ in range(2)]
        self.ports = [free_port() for _ in range(2)]
        self.data = live.path("store")
        connect = [word for broker in self.brokers for word in ("--broker", broker)]
        actor = "actors/muster-actor"
        self.parts = [Part(f"broker/{i}", "broker/muster-broker", "--bind", broker) for i, broker in enumerate(self.brokers)]
        self.parts.append(Part("store", actor, "--kind", "store", "--data", self.data, "--any-filesystem", *connect))
        self.parts += [Part(f"matcher/{i}", actor, "--kind", "matcher", *connect) for i in range(MATCHERS)]
        self.parts += [Part(f"queue/{region}", actor, "--kind", "queue", "--partition", f"queue/{region}", *connect)
                       for region in REGIONS]
        self.parts.append(Part("lobby/0", actor, "--kind", "lobby", *connect))
        self.parts += [Part(f"gateway/{i}", "gateway/muster-gateway", "--port", str(port), *connect)
                       for i, port in enumerate(self.ports)]
        live.clusters.append(self)

    def door(self, i):
        return lambda: ("127.0.0.1", self.ports[i])

    async def start(self, part, software):
        log = self.live.path("log")
        config = self.live.path("muster.yaml")
        program = os.path.join(self.folders[software], part.program)
        words = [program, *part.words, "--config", config, "--log", "info"]
        words += ["--name", part.name.replace("/", "-")] if await self.takes_names(program) else []
        with open(log, "ab") as file:
            part.process = await asyncio.create_subprocess_exec(*words, stderr=file, start_new_session=True)

    async def takes_names(self, program):
        """Whether that software has names for processes: the first one did not."""
        process = await asyncio.create_subprocess_exec(program, "--help", stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        return b"--name " in out

    async def stop(self, part):
        """In order, as systemd does it.  Returns its exit code."""
        part.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(part.process.wait(), l.STOP_S)
        except asyncio.TimeoutError:
            raise l.Failed(f"{part.name} does not end after SIGTERM") from None

    async def ready(self):
        """Until both gateways find everything."""
        async def holds():
            for i in range(len(self.ports)):
                http = l.Http(self.door(i))
                status, _ = await http.call("GET", "/readyz")
                http.close()
                if status != 200:
                    return False
            return True
        await l.wait_for("gateways that are ready", holds, WHOLE_S)
        http = l.Http(self.door(0))
        await l.learn(self.live, http.call)
        http.close()

    async def brokers_now(self):
        """Of each broker that a gateway has heard of lately: instance -> (uptime, registered peers)."""
        reader, writer = await asyncio.open_connection(*self.door(0)())
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: muster\r\nConnection: close\r\n\r\n")
        text = (await asyncio.wait_for(reader.read(), l.EVENT_S)).decode()
        writer.close()
        def values(name):
            return dict(re.findall(rf'^{name}\{{kind="broker",[^}}]*instance_id="([^"]*)"\}} (\S+)', text, re.M))
        peers = values("muster_broker_peers")
        return {name: (float(uptime), int(peers.get(name, 0))) for name, uptime in values("muster_uptime_seconds").items()}

    async def known(self):
        """Until every process is registered with every broker: else the next step might take the last way away.

        A broker that is gone is told of for a while, but its uptime stands still."""
        everybody = len(self.parts) - len(self.brokers)
        before, since = {}, 0.0

        async def holds():
            nonlocal before, since
            try:
                now = await self.brokers_now()
            except (OSError, asyncio.TimeoutError):
                return False
            alive = [peers for name, (uptime, peers) in now.items() if name not in before or uptime > before[name][0]]
            if time.monotonic() - since < BEAT_S:
                return False
            good = before and alive == [everybody] * len(self.brokers)
            before, since = now, time.monotonic()
            return good
        await l.wait_for("brokers that know everybody", holds, WHOLE_S)

    async def end(self):
        for part in self.parts:
            if part.process is not None and part.process.returncode is None:
                part.process.kill()
                await part.process.wait()


async def replace(live, fleet, history, part, software):
    """One step: the old process ends, the new one takes its place, and the service is whole again."""
    begun = time.monotonic()
    code = await fleet.stop(part)
    ended = time.monotonic()
    await fleet.start(part, software)
    await fleet.ready()
    await fleet.known()
    ready = time.monotonic()
    regions = [part.name.partition("/")[2]] if part.kind == "queue" else REGIONS
    await l.wait_for(f"a result in {regions} after {part.name}",
                     lambda: all(history.cycles[region] > ready for region in regions), WHOLE_S)
    live.check(code == 0, f"{part.name} of {software}: ended in {ended - begun:.2f} s with {code}, ready after "
               f"{ready - ended:.2f} s, whole after {time.monotonic() - ready:.2f} s more")


async def roll(live, fleet, history, software, order):
    for kind in order:
        for part in [part for part in fleet.parts if part.kind == kind]:
            await replace(live, fleet, history, part, software)
    live.check(True, f"every process is of the {software} software")


async def show(live, fleet):
    """What operators see half-way."""
    code, out, err = await live.muster("status", "--json", "--gateway", f"127.0.0.1:{fleet.ports[0]}", "--wait", "10")
    if code == 0:
        cluster = json.loads(out)
        names = Counter(f"{process['kind']} {process['build']} {process['state']}" for process in cluster["processes"])
        print(f"      {dict(names)}", flush=True)
    live.check(code == 0, f"muster status: {err.strip() or 'ready'}")


def count_again(live, history):
    """Whether calls had to be asked again, and elsewhere, before they had a definite answer; and how long that took."""
    calls = defaultdict(list)
    for line in history.lines:
        if line["kind"] == "call" and line["once"] is not None:
            calls[(line["who"], line["once"])].append(line)
    at_once, longest, worst = 0, 0.0, []
    for attempts in calls.values():
        attempts.sort(key=lambda line: line["begun"])
        first = next((i for i, line in enumerate(attempts) if definite(line["status"])), None)
        if first is None:
            continue  # it was under way at the end
        at_once += first == 0
        took = attempts[first]["ended"] - attempts[0]["begun"]
        longest = max(longest, took)
        if len({line["door"] for line in attempts[:first]}) > DOORS_MAX or took > ANSWER_S:
            worst.append((attempts[0]["what"], [(line["door"], line["status"]) for line in attempts[:first + 1]], round(took, 2)))
    live.check(not worst, f"{len(calls)} calls: {at_once} were answered at once, the others by the other gateway; the longest took "
               f"{longest:.2f} s" + (f": but {len(worst)}, as {worst[:5]}" if worst else ""))
    refused = [line for line in history.lines if line["kind"] == "call" and line["status"] >= 500]
    codes = Counter(line["answer"].get("code") if isinstance(line["answer"], dict) else None for line in refused)
    print(f"      answers of 5xx: {dict(codes)}; without an answer: "
          f"{sum(line['kind'] == 'call' and line['status'] == 0 for line in history.lines)}", flush=True)


async def prove(live, fleet, history):
    for software, folder in fleet.folders.items():
        process = await asyncio.create_subprocess_exec(os.path.join(folder, "tools/muster"), "verify", "--data", fleet.data,
                                                       stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        out, err = await process.communicate()
        live.check(process.returncode == 0, f"muster verify of the {software} software: {(out or err).decode()}".strip())
    fleet_dumps = {}
    for name in promise.TABLES:
        code, out, err = await live.muster("dump", "--data", fleet.data, "--table", name)
        if code != 0:
            raise l.Failed(f"muster dump --table {name}: {code} {err}")
        fleet_dumps[name] = out
    for good, text in promise.judge(history, promise.read_tables(fleet_dumps)):
        live.check(good, text)


async def run(live):
    new = os.path.dirname(os.path.dirname(os.path.abspath(live.arguments.muster)))
    old = os.path.dirname(os.path.dirname(os.path.abspath(live.arguments.old))) if live.arguments.old else new
    with open(live.path("muster.yaml"), "w", encoding="ascii") as file:
        file.write(CONFIG)
    fleet = Fleet(live, {"old": old, "new": new})
    for part in fleet.parts:
        await fleet.start(part, "old")
    await fleet.ready()

    history = History()
    world = recorded.World(history, [fleet.door(0), fleet.door(1)], live.random)
    players = [recorded.Player(world, f"rec-{region}-{i}", region, door=i) for region in REGIONS for i in range(PLAYERS_A_REGION)]
    await asyncio.gather(*(player.register() for player in players))
    servers = [recorded.GameServer(world, f"server-{region}") for region in REGIONS]
    tasks = [asyncio.ensure_future(server.run(region)) for server, region in zip(servers, REGIONS)]
    tasks += [asyncio.ensure_future(player.run()) for player in players]

    async def upgrade():
        await l.wait_for("a result in every region", lambda: all(history.cycles[region] for region in REGIONS), WHOLE_S)
        for i in range(live.arguments.rounds):
            await roll(live, fleet, history, "new", live.arguments.order.split(","))
            await show(live, fleet)
            if live.arguments.back:
                await roll(live, fleet, history, "old", reversed(live.arguments.order.split(",")))
    rolling = asyncio.ensure_future(upgrade())
    await asyncio.wait([rolling, *tasks], return_when=asyncio.FIRST_COMPLETED)
    try:
        for task in tasks:
            if task.done():
                task.result()  # a player broke
        rolling.result()
    finally:
        world.stopping = True
        await asyncio.gather(*tasks, return_exceptions=True)
    codes = [await fleet.stop(part) for part in reversed(fleet.parts)]
    live.equal(codes, [0] * len(codes), "SIGTERM ends each with 0")
    count_again(live, history)
    await prove(live, fleet, history)


if __name__ == "__main__":
    l.main(run, old="", rounds=1, back=1, order=",".join(ORDER))
