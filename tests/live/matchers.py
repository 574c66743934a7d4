"""Matchers come and go while players play: one that starts has its share within a second, one that is asked to end hands
it over first, one that is killed costs time only.

`muster dev` runs one matcher; the test adds others.  Of each queue there is one in every region, and one of them is hot:
so many wait in it, for a match that is too large, that it is cut into as many slices as there are matchers.
"""

import asyncio
import re
import time
import urllib.request

import kill
import live as l
import recorded
from history import History

REGION = "eu-west-1"
PLAYERS = 4  # who play
WAITING = 24  # in the hot queue: all with the same rating
JOIN_S = 1.0  # from the start of a process to its first slices
DRAIN_S = 1.2  # longest until one that is asked to end has ended; below what shards' silence would take
SHARE_S = 12.0  # until it is so, and /metrics shows it: one that was killed may come back for some seconds
WHOLE_S = 6.0  # from a kill to a result of a request that came after it
CROWD = """  - name: crowd
    teams: 2
    team_min: 20
    team_max: 20
    rated: true
    accept_ms: 0
    window_points: 2900
    window_per_second: 0
    window_max: 2900
    latency_max_ms: 0
    fill_ms: 0
    spill_ms: 0
    wait_max_ms: 600000
"""


class Matchers:
    """Those that the test has started, and what /metrics says of all."""

    def __init__(self, live, cluster):
        self.live = live
        self.cluster = cluster
        self.processes = {}
        self.living = set()  # instances: /metrics shows those that are gone for a while

    def command(self, name):
        """How `muster dev` started a process of that kind or name."""
        return next(l.command_of(pid) for pid, known in self.cluster.children().items() if known == name)

    async def metrics(self):
        words = self.command("gateway")
        port = words[words.index("--admin-port") + 1]
        get = lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
        return await asyncio.get_running_loop().run_in_executor(None, get)

    async def pools(self):
        """Instance -> slices that it has."""
        pattern = r'muster_pools\{[^}]*kind="matcher"[^}]*instance_id="([^"]*)"[^}]*\} (\d+)'
        return {name: int(value) for name, value in re.findall(pattern, await self.metrics())}

    async def slices(self):
        """Of the hot queue."""
        pattern = rf'muster_queue_slices\{{mode="crowd",region="{REGION}"\}} (\d+)'
        found = re.search(pattern, await self.metrics())
        return int(found[1]) if found else 0

    async def start(self, name):
        """Starts one.  Returns how long it took until it had slices."""
        known = await self.pools()
        words = self.command("matcher")
        begun = time.monotonic()
        self.processes[name] = await asyncio.create_subprocess_exec(
            words[0], "--kind", "matcher", "--name", name, "--broker", words[words.index("--broker") + 1],
            "--config", words[words.index("--config") + 1], "--log", "info", "--die-with-parent",
            stderr=open(self.live.path("log"), "ab"))

        async def fresh():
            return next((one for one, count in (await self.pools()).items() if one not in known and count > 0), None)
        self.living.add(await l.wait_for(f"slices of {name}", fresh))
        return time.monotonic() - begun

    async def are(self, count):
        """Waits until the hot queue has that many slices and each of that many matchers has its share."""
        async def shared():
            pools = await self.pools()
            shares = [pools.get(instance, 0) for instance in self.living]
            return await self.slices() == count and min(shares) > 0 and max(shares) <= min(shares) + 2
        await l.wait_for(f"{count} matchers with equal shares", shared, SHARE_S)

    def end(self):
        for process in self.processes.values():
            if process.returncode is None:
                process.kill()


async def wait_in_crowd(cluster):
    """Fills the hot queue."""
    http = l.Http(cluster.door)
    for number in range(WAITING):
        body = {"username": f"crowd-{number}", "region": REGION}
        _, answer = await http.definite("POST", "/v1/players/register", body, f"register-{number}")
        body = {"playerId": answer["player"]["playerId"], "gameMode": "crowd", "region": REGION,
                "latencies": {REGION: 20}}
        status, _ = await http.definite("POST", "/v1/matchmaking/queue", body, f"queue-{number}")
        if status != 201:
            raise l.Failed(f"cannot queue: {status}")
    http.close()


async def goes_on(live, history, what):
    """Waits for a result of a request that comes after this."""
    since = time.monotonic()
    await l.wait_for(f"a result after {what}", lambda: history.cycles[REGION] > since, WHOLE_S + l.EVENT_S)
    took = time.monotonic() - since
    live.check(took < WHOLE_S, f"matches go on after {what}: a result in {took:.2f} s")


async def come_and_go(live, cluster, history, matchers):
    await wait_in_crowd(cluster)
    first = set(await matchers.pools())
    matchers.living = set(first)
    await matchers.are(1)
    for count in (2, 3):
        took = await matchers.start(f"matcher/extra-{count}")
        live.check(took < JOIN_S, f"matcher {count} has slices after {took:.2f} s")
        await matchers.are(count)
    live.check(True, "three matchers share the hot queue")
    leaving = matchers.processes["matcher/extra-2"]
    begun = time.monotonic()
    leaving.terminate()
    live.equal(await leaving.wait(), 0, "the one that was asked to end ended well")
    took = time.monotonic() - begun
    live.check(took < DRAIN_S, f"it handed over, and ended after {took:.2f} s")
    await goes_on(live, history, "SIGTERM")
    matchers.processes["matcher/extra-3"].kill()
    await goes_on(live, history, "kill -9")
    matchers.living = first
    took = await matchers.start("matcher/extra-4")
    live.check(took < JOIN_S, f"another one has slices after {took:.2f} s")
    await matchers.are(2)
    live.check(True, "two matchers share the hot queue")


async def run(live):
    config = live.path("muster.yaml")
    with open(config, "w", encoding="ascii") as file:
        file.write(kill.CONFIG.replace("settings:\n", "settings:\n  slice_tickets_min: 2\n") + CROWD)
    cluster = await l.Cluster(live, live.path("data"), "--bots", "4", "--matchers", "1", "--config", config).start()
    history = History()
    world = recorded.World(history, [cluster.door], live.random)
    players = [recorded.Player(world, f"rec-{i}", REGION) for i in range(PLAYERS)]
    await asyncio.gather(*(player.register() for player in players))
    tasks = [asyncio.ensure_future(player.run()) for player in players]
    matchers = Matchers(live, cluster)
    coming = asyncio.ensure_future(come_and_go(live, cluster, history, matchers))
    try:
        await asyncio.wait([coming, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # a player broke
        await coming
    finally:
        coming.cancel()
        world.stopping = True
        await asyncio.gather(coming, *tasks, return_exceptions=True)
        begun = time.monotonic()
        code, left = await cluster.stop()
        live.equal((code, left), (0, []), f"Ctrl-C ends the cluster, in {time.monotonic() - begun:.2f} s")
        matchers.end()
    await kill.prove(live, cluster, history)


if __name__ == "__main__":
    l.main(run)
