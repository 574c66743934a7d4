"""Two processes for one partition: the second takes over when the first drains, dies or stands still, while players play.

`muster dev` runs the cluster, and starts its own shard and lobby actor again whenever they end; the test adds one of
each.  Ownership goes to and fro: SIGSTOP of dev's process gives it to ours after takeover_ms, and SIGCONT shows that a
zombie is fenced and ends; SIGTERM of ours hands it back at once, kill -9 of ours after takeover_ms.  What the recorded
players were told is held against the store at the end: no acknowledged ticket is lost.
"""

import asyncio
import os
import re
import signal
import time
import urllib.request

import kill
import live as l
import recorded
from history import History

TAKEOVER_S = 3.0  # settings.takeover_ms
SILENT_S = TAKEOVER_S + 1.0  # longest absence after an owner has gone without a word
DRAIN_S = 1.5  # longest absence when it hands over
PROBE_S = 0.1  # between the begins of two probes
REGION = "eu-west-1"
PLAYERS = 4


class Pair:
    """The processes of one partition: dev's own, and ours."""

    def __init__(self, live, cluster, partition):
        self.live = live
        self.cluster = cluster
        self.partition = partition
        self.ours = None

    def dev(self):
        """Pid of dev's process, or None while there is none."""
        for pid, _ in self.cluster.children().items():
            words = l.command_of(pid)
            if "--name" in words and words[words.index("--name") + 1] == self.partition:
                return pid
        return None

    async def metrics(self):
        words = next(l.command_of(pid) for pid, name in self.cluster.children().items() if name == "gateway")
        port = words[words.index("--admin-port") + 1]
        get = lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
        return await asyncio.get_running_loop().run_in_executor(None, get)

    async def instances(self):
        """Instances that have said something lately -> whether they serve."""
        pattern = rf'muster_ready\{{[^}}]*partition="{self.partition}",instance_id="([^"]*)"\}} ([01])'
        return {name: value == "1" for name, value in re.findall(pattern, await self.metrics())}

    async def newcomer(self, known):
        """Waits until an instance is there that was not, and stands by."""
        async def look():
            now = await self.instances()
            return [name for name, serves in now.items() if name not in known and not serves]
        await l.wait_for(f"another process for {self.partition}", look)

    def ready(self):
        """How often ours has said that it is ready, without an epoch."""
        with open(self.live.path("log"), encoding="utf-8", errors="replace") as file:
            return len(re.findall(rf'actor={self.partition} event="ready" .*epoch=0 ', file.read(), re.MULTILINE))

    async def start(self):
        """Starts ours, which stands by, and says that it is ready for that."""
        known, before = await self.instances(), self.ready()
        words = l.command_of(await l.wait_for(f"dev's {self.partition}", self.dev))
        actor, broker, config = words[0], words[words.index("--broker") + 1], words[words.index("--config") + 1]
        kind = self.partition.partition("/")[0]
        self.ours = await asyncio.create_subprocess_exec(
            actor, "--kind", kind, "--partition", self.partition, "--name", f"{self.partition}/2", "--broker", broker,
            "--config", config, "--log", "info", "--die-with-parent", stderr=open(self.live.path("log"), "ab"))
        await self.newcomer(known)
        await l.wait_for("its being ready", lambda: self.ready() > before)

    def end(self):
        if self.ours is not None and self.ours.returncode is None:
            self.ours.kill()


class Probe:
    """Asks something that only the owner of a partition answers, again and again; never waits for the one before."""

    def __init__(self, cluster, ask):
        self.cluster = cluster
        self.ask = ask
        self.answered = 0.0  # begin of the newest probe that was answered
        self.asking = set()
        self.task = asyncio.ensure_future(self.run())

    async def one(self):
        begun = time.monotonic()
        http = l.Http(self.cluster.door)
        if await self.ask(http):
            self.answered = max(self.answered, begun)
        http.close()

    async def run(self):
        while True:
            task = asyncio.ensure_future(self.one())
            self.asking.add(task)
            task.add_done_callback(self.asking.discard)
            await asyncio.sleep(PROBE_S)

    async def back(self, since):
        """Waits until one is answered that began after `since`.  Returns how long it took."""
        await l.wait_for("an answer of the partition", lambda: self.answered > since)
        return time.monotonic() - since

    async def close(self):
        self.task.cancel()
        await asyncio.gather(self.task, *self.asking, return_exceptions=True)


async def queue_probe(cluster):
    """A player who asks for a ticket: the owner passes it to the store, which says that he has one, or gives it."""
    http = l.Http(cluster.door)
    _, answer = await http.definite("POST", "/v1/players/register", {"username": "probe", "region": REGION}, "probe")
    http.close()
    body = {"playerId": answer["player"]["playerId"], "gameMode": "alone", "region": REGION, "latencies": {REGION: 20}}

    async def ask(connection):
        status, _ = await connection.call("POST", "/v1/matchmaking/queue", body)
        return status in (201, 409)
    return Probe(cluster, ask)


async def lobby_probe(cluster):
    """A game server's heartbeat; it plays what nobody asks for."""
    status, answer = await cluster.call("POST", "/v1/servers", {
        "ip": "192.0.2.9", "port": 7009, "region": REGION, "maxSessions": 1, "gameModes": ["alone"]})
    if status != 201:
        raise l.Failed(f"cannot register a server: {status} {answer}")
    server, key = answer["server"]["serverId"], answer["serverKey"]

    async def ask(_):
        status, _ = await cluster.call("POST", f"/v1/servers/{server}/heartbeat", key=key)
        return status == 200
    return Probe(cluster, ask)


async def hand_over(live, pair, probe):
    """SIGTERM of the owner: dev's process has it at once."""
    begun = time.monotonic()
    pair.ours.terminate()
    took = await probe.back(begun)
    live.check(took < DRAIN_S, f"{pair.partition}: handed over in {took:.2f} s")
    live.equal(await pair.ours.wait(), 0, f"{pair.partition}: the one that handed over ended well")
    await pair.start()


async def kill_ours(live, pair, probe):
    """kill -9 of the owner: dev's process takes over."""
    begun = time.monotonic()
    pair.ours.kill()
    took = await probe.back(begun)
    live.check(took < SILENT_S, f"{pair.partition}: taken over {took:.2f} s after kill -9")
    await pair.ours.wait()


async def stop_dev(live, pair, probe):
    """SIGSTOP of the owner: ours takes over; the zombie is fenced when it goes on, and its successor stands by."""
    known = await pair.instances()
    zombie = pair.dev()
    begun = time.monotonic()
    os.kill(zombie, signal.SIGSTOP)
    try:
        took = await probe.back(begun)
    finally:
        os.kill(zombie, signal.SIGCONT)
    live.check(took < SILENT_S, f"{pair.partition}: taken over {took:.2f} s after SIGSTOP")
    await l.wait_for("the end of the zombie", lambda: l.parent_of(zombie) is None)
    await pair.newcomer(known)
    live.check(pair.ours.returncode is None, f"{pair.partition}: the zombie has ended, the new owner has not")


async def play(live, cluster, history, pairs):
    queue, lobby = pairs
    probes = {queue: await queue_probe(cluster), lobby: await lobby_probe(cluster)}
    try:
        for pair, probe in probes.items():
            await pair.start()
            for fault in (stop_dev, hand_over, stop_dev, kill_ours):
                await fault(live, pair, probe)
                since = time.monotonic()
                await l.wait_for("a result of a request after it", lambda: history.cycles[REGION] > since, kill.WHOLE_S)
    finally:
        for probe in probes.values():
            await probe.close()


async def run(live):
    config = live.path("muster.yaml")
    mode = kill.CONFIG.partition("modes:\n")[2]
    with open(config, "w", encoding="ascii") as file:
        one = kill.CONFIG.replace("lobbies: 2", "lobbies: 1")  # so that every game server is at home in the pair's
        file.write(one + mode.replace("name: duel", "name: alone"))
    cluster = await l.Cluster(live, live.path("data"), "--bots", "4", "--config", config).start()
    history = History()
    world = recorded.World(history, [cluster.door], live.random)
    players = [recorded.Player(world, f"rec-{i}", REGION) for i in range(PLAYERS)]
    await asyncio.gather(*(player.register() for player in players))
    tasks = [asyncio.ensure_future(player.run()) for player in players]
    pairs = [Pair(live, cluster, f"queue/{REGION}"), Pair(live, cluster, "lobby/0")]
    playing = asyncio.ensure_future(play(live, cluster, history, pairs))
    try:
        await asyncio.wait([playing, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # a player broke
        await playing
    finally:
        playing.cancel()
        world.stopping = True
        await asyncio.gather(playing, *tasks, return_exceptions=True)
        begun = time.monotonic()
        code, left = await cluster.stop()
        live.equal((code, left), (0, []), f"Ctrl-C ends the cluster, in {time.monotonic() - begun:.2f} s")
        for pair in pairs:
            pair.end()
    await kill.prove(live, cluster, history)


if __name__ == "__main__":
    l.main(run)
