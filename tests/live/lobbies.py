"""Several lobby actors: each has its own lobbies and matches, one that stands still or dies takes nothing from the others, and
a cluster that is started with another number of them goes on with what it has.
"""

import asyncio
import os
import signal

import live as l

SETTINGS = """settings:
  lobbies: {}
  request_budget_ms: 1000
  server_silence_ms: 60000
"""
REGION = "eu-west-1"
ROOMS = 24
SERVERS = 5


class World:
    """Players in pairs, each pair's lobby, and the game servers."""

    def __init__(self, live, cluster):
        self.live = live
        self.cluster = cluster
        self.pairs = []  # (host, guest)
        self.rooms = []
        self.servers = []

    async def register(self, name):
        status, answer = await self.cluster.call("POST", "/v1/players/register", {"username": name, "region": REGION})
        if status != 201:
            raise l.Failed(f"cannot register {name}: {status} {answer}")
        return answer["player"]["playerId"]

    async def populate(self):
        for i in range(ROOMS):
            self.pairs.append((await self.register(f"host-{i}"), await self.register(f"guest-{i}")))
        for _ in range(SERVERS):
            status, answer = await self.cluster.call("POST", "/v1/servers", {"ip": "192.0.2.1", "port": 7000, "region": REGION, "slots": 9})
            if status != 201:
                raise l.Failed(f"cannot register a server: {status} {answer}")
            self.servers.append(l.Server(self.cluster, answer))
        for host, _ in self.pairs:
            status, answer = await self.cluster.call("POST", "/v1/lobbies", {"hostPlayerId": host, "gameMode": "casual", "maxPlayers": 4})
            if status != 201:
                raise l.Failed(f"cannot open a lobby: {status} {answer}")
            self.rooms.append(answer["lobby"]["lobbyId"])

    async def join(self, i):
        status, _ = await self.cluster.call("POST", f"/v1/lobbies/{self.rooms[i]}/join", {"playerId": self.pairs[i][1]})
        return status

    async def join_all(self, rooms):
        """Whether every guest is in; who is in already is answered the same."""
        return [await self.join(i) for i in rooms] == [200] * len(rooms)

    async def play(self, i):
        """Starts the lobby's match.  Returns its id."""
        socket = await self.cluster.socket(self.pairs[i][1])
        await socket.send(action="READY", lobbyId=self.rooms[i], playerId=self.pairs[i][1])
        await socket.expect("READY_UPDATE")
        status, answer = await self.cluster.call("POST", f"/v1/lobbies/{self.rooms[i]}/start", {"playerId": self.pairs[i][0]})
        await socket.close()
        if status != 200:
            raise l.Failed(f"cannot start: {status} {answer}")
        match = answer["match"]
        server = next(s for s in self.servers if match["gameServer"]["serverId"] == s.id)
        await server.plays(match["matchId"])
        return match["matchId"]

    async def all_beat(self):
        """Every server is answered anew."""
        before = [server.beats for server in self.servers]
        await l.wait_for("an answer to every server",
                         lambda: all(s.beats > n for s, n in zip(self.servers, before)))


def pid_of(cluster, name):
    return next((pid for pid, child in cluster.children().items() if child == name), None)


async def stands_still(live, world):
    """Which lobbies are whose shows when one actor says nothing."""
    pid = pid_of(world.cluster, "lobby/1")
    os.kill(pid, signal.SIGSTOP)
    try:
        statuses = await asyncio.gather(*(world.join(i) for i in range(ROOMS)))
        near = [i for i in range(ROOMS) if statuses[i] == 200]
        far = [i for i in range(ROOMS) if statuses[i] == 503]
        live.check(near and far and len(near) + len(far) == ROOMS, f"one actor stands still: {statuses}")
        match = await world.play(near[0])
        live.check(match, "a lobby of the other one is played meanwhile")
    finally:
        os.kill(pid, signal.SIGCONT)
    await l.wait_for("the actor that stood still", lambda: world.join_all(far))
    live.check(True, "its lobbies are there when it goes on")
    return near, far, match


async def dies(live, world, near, far):
    pid = pid_of(world.cluster, "lobby/1")
    os.kill(pid, signal.SIGKILL)
    live.check(await world.join_all(near[1:]), "one actor is killed: the other's lobbies go on")
    await l.wait_for("a new lobby/1", lambda: pid_of(world.cluster, "lobby/1") not in (None, pid))
    await l.wait_for("its lobbies", lambda: world.join_all(far))
    live.check(True, "and its own come back with it")
    await world.all_beat()


async def refused(live):
    """What cannot be started is said."""
    config = live.path("muster.yaml")
    actor = ["actor", "--kind", "lobby", "--broker", f"ipc://{live.path('none')}", "--config", config]
    code, _, err = await live.muster(*actor)
    live.check(code == 64 and "--partition is needed" in err, f"a lobby actor without a partition, of several: {err.strip()}")
    code, _, err = await live.muster(*actor, "--partition", "lobby/2")
    live.check(code == 78 and "lobby/0 to lobby/1 only" in err, f"a partition that there is not: {err.strip()}")
    code, _, err = await live.muster(*actor, "--partition", "lobby/one")
    live.check(code == 78 and "lobby/0 to lobby/1 only" in err, "nor is that one")


async def run(live):
    def configure(lobbies):
        with open(live.path("muster.yaml"), "w", encoding="ascii") as file:
            file.write(SETTINGS.format(lobbies))

    configure(2)
    cluster = await l.Cluster(live, live.path("data"), "--bots", "0", "--matchers", "1", "--config", live.path("muster.yaml")).start()
    await refused(live)
    names = [name for name in cluster.children().values() if name.startswith("lobby/")]
    live.equal(sorted(names), ["lobby/0", "lobby/1"], "both actors run")
    world = World(live, cluster)
    await world.populate()
    near, far, match = await stands_still(live, world)
    await dies(live, world, near, far)
    matches = [match, await world.play(far[0]), await world.play(near[1])]
    left = near[2:] + far[1:]
    for lobbies in (5, 1):
        code, pids = await cluster.stop()
        live.equal((code, pids), (0, []), "Ctrl-C ends the cluster")
        code, out, err = await live.muster("verify", "--data", cluster.data)
        live.check(code == 0, f"muster verify: {out or err}".strip())
        configure(lobbies)
        await cluster.start()
        names = [name for name in cluster.children().values() if name.startswith("lobby/")]
        live.equal(len(names), lobbies, f"started again with {lobbies}")
        await l.wait_for("the lobbies", lambda: world.join_all(left))
        live.check(True, "every lobby is there")
        await world.all_beat()
        sessions = sorted(session for server in world.servers for session in server.sessions)
        live.equal(sessions, sorted(matches), "every server has its matches")
        status, answer = await cluster.call("POST", f"/v1/matches/{matches[0]}/end", {"winningTeam": "TEAM_A"})
        live.check(status == 200, f"a match ends where it is now: {status} {answer.get('code', '')}")
        matches = [*matches[1:], await world.play(left.pop())]
    for server in world.servers:
        await server.close()
    code, pids = await cluster.stop()
    live.equal((code, pids), (0, []), "Ctrl-C ends the cluster")
    code, out, err = await live.muster("verify", "--data", cluster.data)
    live.check(code == 0, f"muster verify: {out or err}".strip())


if __name__ == "__main__":
    l.main(run)
