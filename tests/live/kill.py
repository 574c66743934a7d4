"""kill -9 of every kind of process, and of all at once, while players play: nothing acknowledged is lost, nothing happens twice.

Bots make the load; recorded players write down every acknowledgement they get.  After each kill the service must be
whole again: a recorded player of that region gets from a new request to a result.  At the end the cluster is stopped,
`muster verify` audits the store, and a dump of it is held against what was written down.
"""

import asyncio
import json
import os
import signal
import time

import websockets

import live as l

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
LOOK_S = 2  # of silence before a player looks what he is in
CANCEL = 0.3  # share of tickets that are cancelled at once


class Log:
    """What was acknowledged."""

    def __init__(self):
        self.tickets = {}  # ticket -> player
        self.cancelled = set()  # tickets
        self.matched = set()  # matches that a cancel was told of
        self.results = {}  # match -> ratings as answered
        self.differing = []  # answers to the same result that were not the same
        self.gaps = []  # events that came out of order or not at all
        self.cycles = {region: 0.0 for region in REGIONS}  # begin of the newest cycle that came to a result


class Player:
    """Queues, cancels or accepts, reports the result, and again."""

    def __init__(self, live, cluster, log, region, number):
        self.live = live
        self.cluster = cluster
        self.log = log
        self.region = region
        self.name = f"rec-{region}-{number}"
        self.id = None
        self.http = l.Http(cluster)
        self.seq = 0  # of the newest event that was seen
        self.resolved = asyncio.Event()
        self.stopping = False
        self.connection = None
        self.begun = 0.0
        self.calls = 0

    def once(self):
        """A new idempotency key."""
        self.calls += 1
        return f"{self.name}-{self.calls}-{self.live.arguments.seed}"

    async def register(self):
        status, answer = await self.http.definite("POST", "/v1/players/register",
                                                  {"username": self.name, "region": self.region}, self.once())
        if status != 201:
            raise l.Failed(f"cannot register {self.name}: {status} {answer}")
        self.id = answer["player"]["playerId"]

    async def report(self, match):
        """Every recorded player of a match reports the same result: all get the same answer."""
        http = l.Http(self.cluster)
        status, answer = await http.definite("POST", f"/v1/matches/{match}/end", {"winningTeam": "TEAM_A"}, self.once())
        http.close()
        if status == 200:
            ratings = answer["results"]["ratings"]
            if self.log.results.setdefault(match, ratings) != ratings:
                self.log.differing.append(match)

    async def on_event(self, event, tasks):
        if "seq" not in event:
            return
        if event["seq"] <= self.seq:
            return  # sent again: it was pushed and fetched
        if event["seq"] != self.seq + 1:
            self.log.gaps.append((self.name, self.seq, event["seq"]))
        self.seq = event["seq"]
        kind = event["type"]
        if kind == "MATCH_FOUND":
            await self.connection.send(json.dumps({"action": "READY", "lobbyId": event["lobbyId"], "playerId": self.id}))
        elif kind == "MATCH_STARTED":
            tasks.append(asyncio.ensure_future(self.report(event["matchId"])))
        elif kind == "MATCH_ENDED":
            self.log.cycles[self.region] = max(self.log.cycles[self.region], self.begun)
            self.resolved.set()
        elif kind in ("TICKET_EXPIRED", "MATCH_CANCELLED"):
            self.resolved.set()  # looks, as he may be queued again

    async def listen(self):
        """Holds a WebSocket open; after a cut it begins with what was missed."""
        tasks = []
        while not self.stopping:
            try:
                self.connection = await websockets.connect(f"ws://127.0.0.1:{self.cluster.port}/v1/ws",
                                                           open_timeout=5, ping_interval=None)
                await self.connection.send(json.dumps({"action": "REGISTER", "playerId": self.id, "since": self.seq}))
                async for text in self.connection:
                    message = json.loads(text)
                    if message.get("type") == "ERROR" and message.get("code") in ("UNAVAILABLE", "OVERLOADED", "STARTING"):
                        break  # not bound: once more
                    await self.on_event(message, tasks)
            except (OSError, EOFError, asyncio.TimeoutError, websockets.WebSocketException):
                pass
            if self.connection is not None:
                await self.connection.close()
            await asyncio.sleep(l.AGAIN_S)
        await asyncio.gather(*tasks)

    async def cycle(self):
        self.resolved.clear()
        begun = time.monotonic()
        status, answer = await self.http.definite("POST", "/v1/matchmaking/queue", {
            "playerId": self.id, "gameMode": "duel", "region": self.region, "latencies": {self.region: 20}}, self.once())
        if status == 201:
            self.begun = begun
            ticket = answer["queueData"]["ticketId"]
            if ticket in self.log.tickets:
                self.live.check(False, f"ticket {ticket} was given twice")
            self.log.tickets[ticket] = self.id
            if self.live.random.random() < CANCEL:
                status, answer = await self.http.definite("DELETE", f"/v1/matchmaking/queue/{self.id}", None, self.once())
                if status == 200:
                    self.log.cancelled.add(ticket)
                    return
                if status == 409 and answer["code"] == "TICKET_MATCHED":
                    self.log.matched.add(answer["engagement"]["id"])
        elif status != 409:
            raise l.Failed(f"{self.name} cannot queue: {status} {answer}")
        while not self.stopping:
            try:
                await asyncio.wait_for(self.resolved.wait(), LOOK_S)
            except asyncio.TimeoutError:
                pass
            self.resolved.clear()
            status, answer = await self.http.definite("GET", f"/v1/players/{self.id}")
            if status == 200 and answer["player"]["status"] == "IDLE":
                return
            if status == 200 and answer["player"]["status"] == "IN_MATCH":
                await self.look_at_match(answer["player"]["engagementId"])

    async def look_at_match(self, match):
        """Nothing was heard for long: what was sent may be lost, so it is sent again."""
        status, answer = await self.http.definite("GET", f"/v1/matches/{match}")
        if status != 200:
            raise l.Failed(f"{self.name} is in match {match}, which is not there: {status}")
        if answer["match"]["status"] == "IN_PROGRESS":
            await self.report(match)
        elif answer["match"]["status"] == "REQUIRES_ACCEPTANCE":
            lobby = "lob_" + match.partition("_")[2]
            try:
                await self.connection.send(json.dumps({"action": "READY", "lobbyId": lobby, "playerId": self.id}))
            except (AttributeError, websockets.WebSocketException):
                pass  # it is being opened

    async def run(self):
        listener = asyncio.ensure_future(self.listen())
        while not self.stopping:
            await self.cycle()
        if self.connection is not None:
            await self.connection.close()
        await listener
        self.http.close()


async def kill_one(live, cluster, log, kind):
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
                     lambda: log.cycles[region] > killed, WHOLE_S)
    return name, time.monotonic() - killed


async def kill_all(live, cluster, log):
    """Kills the supervisor, and with it every process at once, and starts the cluster again."""
    children = cluster.children()
    killed = time.monotonic()
    cluster.process.kill()
    await cluster.process.wait()
    await l.wait_for("the end of all children", lambda: not [pid for pid in children if l.parent_of(pid) is not None])
    await cluster.start()
    await l.wait_for("a result in every region", lambda: min(log.cycles.values()) > killed, WHOLE_S)
    return time.monotonic() - killed


async def dump(live, cluster, table):
    code, out, err = await live.muster("dump", "--data", cluster.data, "--table", table)
    if code != 0:
        raise l.Failed(f"muster dump --table {table}: {code} {err}")
    return [json.loads(line) for line in out.splitlines()]


async def prove(live, cluster, log):
    code, out, err = await live.muster("verify", "--data", cluster.data)
    live.check(code == 0, f"muster verify: {out or err}".strip())
    tickets = {row["record"]["id"]: row["record"] for row in await dump(live, cluster, "ticket")}
    players = {row["record"]["id"]: row["record"] for row in await dump(live, cluster, "player")}
    matches = {row["record"]["id"]: row["record"] for row in await dump(live, cluster, "match")}
    histories = {}
    for row in await dump(live, cluster, "history"):
        player, _, match = row["key"].partition("%00")
        histories.setdefault(player, {})[match] = row["record"]

    lost = [ticket for ticket in log.tickets if ticket not in tickets]
    live.equal(lost, [], f"0 of {len(log.tickets)} acknowledged tickets lost")
    live.equal([t for t in log.cancelled if tickets[t]["state"] != "CANCELLED"], [],
               f"{len(log.cancelled)} acknowledged cancels hold")
    live.equal([m for m in log.matched if m not in matches], [], f"{len(log.matched)} lost races name real matches")
    searching = [p["id"] for t in tickets.values() if t["state"] == "SEARCHING" for p in t["players"]]
    live.equal(len(searching), len(set(searching)), "nobody waits twice")
    living = [p["id"] for m in matches.values() if m["state"] in ("REQUIRES_ACCEPTANCE", "PLACING", "IN_PROGRESS")
              for p in m["players"]]
    live.equal(len(living), len(set(living)), "nobody is in two matches")
    live.equal(set(living) & set(searching), set(), "nobody is in a match and waits")

    wrong = []
    for match, ratings in log.results.items():
        for change in ratings:
            row = histories.get(change["playerId"], {}).get(match)
            if row is None or (row["before"], row["after"]) != (change["before"], change["after"]):
                wrong.append((match, change, row))
    live.equal(wrong, [], f"0 of {len(log.results)} acknowledged results lost")
    live.equal(log.differing, [], "a result told again was answered the same")
    doubled = []
    for player in players.values():
        rows = histories.get(player["id"], {}).values()
        rating = 1200 + sum(row["after"] - row["before"] for row in rows)
        if rating != player["rating"] or len(rows) != player["wins"] + player["losses"] + player["draws"]:
            doubled.append((player["username"], player["rating"], rating, len(rows)))
    live.equal(doubled, [], f"0 of {sum(map(len, histories.values()))} results counted twice")
    live.equal(log.gaps, [], "no event was missed")


async def run(live):
    config = live.path("muster.yaml")
    with open(config, "w", encoding="ascii") as file:
        file.write(CONFIG)
    cluster = await l.Cluster(live, live.path("data"), "--bots", str(BOTS), "--config", config).start()
    log = Log()
    players = [Player(live, cluster, log, region, i) for region in REGIONS for i in range(PLAYERS_A_REGION)]
    await asyncio.gather(*(player.register() for player in players))
    tasks = [asyncio.ensure_future(player.run()) for player in players]

    async def kill():
        await l.wait_for("a result in every region", lambda: all(log.cycles.values()), WHOLE_S)
        for i in range(live.arguments.rounds):
            for kind in live.arguments.kinds.split(","):
                name, took = await kill_one(live, cluster, log, kind)
                live.check(True, f"round {i + 1}: {name} was killed, whole again in {took:.2f} s")
            took = await kill_all(live, cluster, log)
            live.check(True, f"round {i + 1}: all were killed at once, whole again in {took:.2f} s")
    killing = asyncio.ensure_future(kill())
    await asyncio.wait([killing, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done():
            task.result()  # a player broke
    try:
        killing.result()
    finally:
        for player in players:
            player.stopping = True
        await asyncio.gather(*tasks, return_exceptions=True)
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "Ctrl-C ends the cluster")
    await prove(live, cluster, log)


if __name__ == "__main__":
    l.main(run, rounds=2, kinds=",".join(KINDS))
