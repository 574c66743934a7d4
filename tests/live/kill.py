"""kill -9 of every kind of process, and of all at once, while players play: nothing acknowledged is lost, nothing happens twice.

Bots make the load; recorded players write down every acknowledgement they get.  After each kill the service must be
whole again: a recorded player of that region gets from a new request to a result.  At the end the cluster is stopped,
`muster verify` audits the store, and a dump of it is held against what was written down.
"""

import asyncio
import os
import signal
import time

import live as l
import promise
import recorded
from history import History

# One mode in which whoever may play does so at once: what is measured is how the service comes back, not how choosy it is.
CONFIG = """settings:
  lobbies: 2
  cooldown_ms: 200
  cooldown_max_ms: 1000
modes:
  - name: duel
    teams: 2
    team_min: 1
    team_max: 1
    rated: true
    accept_ms: 20000
    window_points: 800
    window_per_second: 10
    window_max: 2900
    latency_max_ms: 150
    fill_ms: 0
    spill_ms: 10000
    wait_max_ms: 300000
    wait_cost_ms: 0
"""
REGIONS = ["us-east-1", "us-west-2", "eu-west-1", "ap-southeast-1"]
KINDS = ["broker", "store", "queue", "matcher", "lobby", "gateway"]
PLAYERS_A_REGION = 3
BOTS = 8
WHOLE_S = 45  # from a kill to a result of a request that came after it


async def kill_one(live, cluster, history, kind):
    """Kills a process of that kind; returns how long it took until the service was whole again."""
    children = {pid: name for pid, name in cluster.children().items() if name.partition("/")[0] == kind}
    if not children:
        raise l.Failed(f"there is no process of kind {kind}")
    pid = live.random.choice(sorted(children))
    name = children[pid]
    region = name.partition("/")[2] if kind == "queue" else live.random.choice(REGIONS)
    killed = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    count = len(children)
    await l.wait_for(f"a new {name}", lambda: len([p for p, n in cluster.children().items()
                                                  if n.partition("/")[0] == kind and p != pid]) == count)
    await l.wait_for(f"a result of a request after the end of {name}, in {region}",
                     lambda: history.cycles[region] > killed, WHOLE_S)
    return name, time.monotonic() - killed


async def kill_all(live, cluster, history):
    """Kills the supervisor, and with it every process at once, and starts the cluster again."""
    children = cluster.children()
    killed = time.monotonic()
    cluster.process.kill()
    await cluster.process.wait()
    await l.wait_for("the end of all children", lambda: not [pid for pid in children if l.parent_of(pid) is not None])
    await cluster.start()
    await l.wait_for("a result in every region", lambda: min(history.cycles[region] for region in REGIONS) > killed, WHOLE_S)
    return time.monotonic() - killed


async def dump(live, cluster, table):
    code, out, err = await live.muster("dump", "--data", cluster.data, "--table", table)
    if code != 0:
        raise l.Failed(f"muster dump --table {table}: {code} {err}")
    return out


async def prove(live, cluster, history):
    code, out, err = await live.muster("verify", "--data", cluster.data)
    live.check(code == 0, f"muster verify: {out or err}".strip())
    dumps = {name: await dump(live, cluster, name) for name in promise.TABLES}
    for good, text in promise.judge(history, promise.read_tables(dumps)):
        live.check(good, text)


async def run(live):
    config = live.path("muster.yaml")
    with open(config, "w", encoding="ascii") as file:
        file.write(CONFIG)
    cluster = await l.Cluster(live, live.path("data"), "--bots", str(BOTS), "--config", config).start()
    history = History()
    world = recorded.World(history, [cluster.door], live.random)
    players = [recorded.Player(world, f"rec-{region}-{i}", region) for region in REGIONS for i in range(PLAYERS_A_REGION)]
    await asyncio.gather(*(player.register() for player in players))
    tasks = [asyncio.ensure_future(player.run()) for player in players]

    async def kill():
        await l.wait_for("a result in every region", lambda: all(history.cycles[region] for region in REGIONS), WHOLE_S)
        for i in range(live.arguments.rounds):
            for kind in live.arguments.kinds.split(","):
                name, took = await kill_one(live, cluster, history, kind)
                live.check(True, f"round {i + 1}: {name} was killed, whole again in {took:.2f} s")
            took = await kill_all(live, cluster, history)
            live.check(True, f"round {i + 1}: all were killed at once, whole again in {took:.2f} s")
    killing = asyncio.ensure_future(kill())
    await asyncio.wait([killing, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()  # a player broke
    try:
        killing.result()
    finally:
        world.stopping = True
        await asyncio.gather(*tasks, return_exceptions=True)
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "Ctrl-C ends the cluster")
    await prove(live, cluster, history)


if __name__ == "__main__":
    l.main(run, rounds=2, kinds=",".join(KINDS))
