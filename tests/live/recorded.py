"""Players and game servers that write down every answer and every event they get, for promise.py to judge.

All of them may ask any of several gateways, `doors`, and ask another when one does not answer; whatever they ask has an
idempotency key and is asked again until the answer is definite.
"""

import asyncio
import json
import time

import websockets

import live as l
from history import definite

LOOK_S = 2  # of silence before a player looks what he is in
CANCEL = 0.3  # share of tickets that are cancelled at once
REPEAT = 0.05  # share of calls that are made once more after their answer, through another door
AGAIN_MAX_S = 0.5  # longest pause before something that failed is tried again


def shown(door):
    host, port = door()
    return f"{host}:{port}"


class World:
    """What all who play in one run share."""

    def __init__(self, history, doors, random, key=None, patience_s=l.EVENT_S):
        self.history = history
        self.doors = doors
        self.random = random
        self.key = key
        self.patience_s = patience_s
        self.stopping = False


class Caller:
    """Somebody with a name who calls, one call after the other."""

    def __init__(self, world, name, door=0):
        self.world = world
        self.name = name
        self.at = door  # index of the door that he uses
        self.https = [l.Http(door, world.key, world.patience_s) for door in world.doors]
        self.calls = 0

    @property
    def door(self):
        return self.world.doors[self.at % len(self.https)]

    def once(self):
        """A new idempotency key."""
        self.calls += 1
        return f"{self.name}-{self.calls}"

    async def attempt(self, what, once, method, path, body, **more):
        begun = time.monotonic()
        http = self.https[self.at % len(self.https)]
        status, answer = await http.call(method, path, body, once)
        self.world.history.call(self.name, what, once, shown(http.door), begun, status, answer, **more)
        return status, answer

    async def ask(self, what, method, path, body=None, **more):
        """Asks until the answer is definite."""
        once = None if method == "GET" else self.once()
        pause = l.AGAIN_S
        while True:
            status, answer = await self.attempt(what, once, method, path, body, **more)
            if definite(status):
                break
            self.at += 1
            await asyncio.sleep(pause)
            pause = min(2 * pause, AGAIN_MAX_S)
        if once is not None and self.world.random.random() < REPEAT:
            self.at += 1
            await self.attempt(what, once, method, path, body, **more)
            self.at -= 1
        return status, answer

    def close(self):
        for http in self.https:
            http.close()


class Player(Caller):
    """Queues, cancels or accepts, reports the result, and again."""

    def __init__(self, world, name, region, mode="duel", door=0, cancels=CANCEL):
        super().__init__(world, name, door)
        self.region = region
        self.mode = mode
        self.cancels = cancels
        self.id = None
        self.seq = 0  # of the newest event that was seen
        self.resolved = asyncio.Event()
        self.leaving = False
        self.connection = None
        self.bound = False  # a gateway pushes events to him
        self.begun = 0.0
        self.tasks = []
        self.reporter = None

    @property
    def stopping(self):
        return self.leaving or self.world.stopping

    async def register(self):
        status, answer = await self.ask("register", "POST", "/v1/players/register", {"username": self.name, "region": self.region})
        if status != 201:
            raise l.Failed(f"cannot register {self.name}: {status} {answer}")
        self.id = answer["player"]["playerId"]

    async def report(self, match):
        """Every recorded player of a match reports the same result: all get the same answer."""
        if self.reporter is None:
            self.reporter = Caller(self.world, f"{self.name}-reports", self.at)
        await self.reporter.ask("end", "POST", f"/v1/matches/{match}/end", {"winningTeam": "TEAM_A"}, match=match)

    async def ready(self, match):
        message = {"action": "READY", "lobbyId": "lob_" + match.partition("_")[2], "playerId": self.id}
        try:
            await self.connection.send(json.dumps(message))
        except (AttributeError, websockets.WebSocketException):
            pass  # it is being opened

    async def on_event(self, event):
        if "seq" not in event or event["seq"] <= self.seq:
            return  # no entry of his log, or sent again: it was pushed and fetched
        self.world.history.event(self.id, event)
        self.seq = event["seq"]
        kind = event["type"]
        if kind == "MATCH_FOUND":
            await self.ready(event["matchId"] if "matchId" in event else event["lobbyId"])
        elif kind == "MATCH_STARTED":
            self.tasks.append(asyncio.ensure_future(self.report(event["matchId"])))
        elif kind == "MATCH_ENDED":
            if self.begun > 0:
                self.world.history.cycle(self.region, shown(self.door), self.begun)
            self.begun = 0.0
            self.resolved.set()
        elif kind in ("TICKET_EXPIRED", "MATCH_CANCELLED"):
            self.resolved.set()  # looks, as he may be queued again

    async def connect(self):
        host, port = self.door()
        headers = {} if self.world.key is None else {"Authorization": f"Bearer {self.world.key}"}
        self.connection = await websockets.connect(f"ws://{host}:{port}/v1/ws", open_timeout=self.world.patience_s,
                                                   extra_headers=headers, ping_interval=1, ping_timeout=2)
        await self.connection.send(json.dumps({"action": "REGISTER", "playerId": self.id, "since": self.seq}))

    async def listen(self):
        """Holds a WebSocket open; after a cut it begins with what was missed."""
        while not self.stopping:
            try:
                await self.connect()
                async for text in self.connection:
                    message = json.loads(text)
                    if message.get("type") == "ERROR" and message.get("code") in ("UNAVAILABLE", "OVERLOADED", "STARTING"):
                        break  # not bound: once more
                    self.bound = self.bound or message.get("type") == "REGISTERED"
                    await self.on_event(message)
            except (OSError, EOFError, asyncio.TimeoutError, websockets.WebSocketException):
                pass
            self.bound = False
            if self.connection is not None:
                self.connection.transport.abort()
                self.connection = None
            if not self.stopping:
                self.at += 1
                await asyncio.sleep(l.AGAIN_S)

    async def cycle(self):
        self.resolved.clear()
        begun = time.monotonic()
        status, answer = await self.ask("enqueue", "POST", "/v1/matchmaking/queue", {
            "playerId": self.id, "gameMode": self.mode, "region": self.region, "latencies": {self.region: 20}}, player=self.id)
        if status == 201:
            self.begun = begun
            ticket = answer["queueData"]["ticketId"]
            if self.world.random.random() < self.cancels:
                status, answer = await self.ask("cancel", "DELETE", f"/v1/matchmaking/queue/{self.id}", ticket=ticket)
                if status == 200:
                    return
        elif status != 409:
            raise l.Failed(f"{self.name} cannot queue: {status} {answer}")
        while not self.stopping:
            try:
                await asyncio.wait_for(self.resolved.wait(), LOOK_S)
            except asyncio.TimeoutError:
                pass
            self.resolved.clear()
            status, answer = await self.ask("read", "GET", f"/v1/players/{self.id}")
            if status == 200 and answer["player"]["status"] == "IDLE":
                return
            if status == 200 and answer["player"]["status"] == "IN_MATCH":
                await self.look_at_match(answer["player"]["engagementId"])

    async def look_at_match(self, match):
        """Nothing was heard for long: what was sent may be lost, so it is sent again."""
        status, answer = await self.ask("read", "GET", f"/v1/matches/{match}")
        if status != 200:
            raise l.Failed(f"{self.name} is in match {match}, which is not there: {status}")
        if answer["match"]["status"] == "IN_PROGRESS":
            await self.report(match)
        elif answer["match"]["status"] == "REQUIRES_ACCEPTANCE":
            await self.ready(match)

    async def leave(self):
        """Ends listen(), and what is under way."""
        self.leaving = True
        if self.connection is not None:
            self.connection.transport.abort()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.close()
        if self.reporter is not None:
            self.reporter.close()

    async def run(self):
        listener = asyncio.ensure_future(self.listen())
        try:
            while not self.stopping:
                await self.cycle()
        finally:
            await self.leave()
            await listener


class GameServer(Caller):
    """Says that it lives; who plays on it reports for it."""

    async def run(self, region):
        status, answer = await self.ask("server", "POST", "/v1/servers", {"ip": "127.0.0.1", "port": 7777, "region": region,
                                                                         "slots": 1000})
        if status != 201:
            raise l.Failed(f"cannot register a game server: {status} {answer}")
        for http in self.https:
            http.key = answer["serverKey"]
        while not self.world.stopping:
            status, _ = await self.https[self.at % len(self.https)].call("POST", f"/v1/servers/{answer['server']['serverId']}/heartbeat")
            self.at += 0 if status == 200 else 1
            await asyncio.sleep(l.BEAT_S)
        self.close()
