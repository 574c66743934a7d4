"""What the tests of hostile bytes share: a wire of raw bytes, and a neighbour who must not notice.

A neighbour is a well-behaved client: all the while he calls over a connection that stays open, and
talks over a WebSocket.  Each of his calls has a mark of its own, so that an answer which is somebody
else's is seen.  How long he waits is counted in rounds: rows of the table that end meanwhile.
"""

import asyncio
import json
import re
import secrets

import websockets

from api_client import read_answer
from live import Failed, wait_for

ANSWER_S = 10  # longest wait for bytes
PACE_S = 0.002  # between an answer and the neighbour's next call: he is there all the while, and not a flood
ROUNDS_MAX = 40  # rows that may end while the neighbour waits for one answer


def problem_of(answer):
    """What is wrong with a refusal as RFC 9457 and API.md want it, or None."""
    problem = answer.json if isinstance(answer.json, dict) else {}
    if answer.header("content-type") != "application/problem+json":
        return f"a refusal as {answer.header('content-type')}"
    if problem.get("status") != answer.status or problem.get("type") != f"/problems/{problem.get('code')}":
        return f"a problem that contradicts itself: {problem}"
    missing = {"type", "title", "status", "detail", "code", "message", "error"} - set(problem)
    return f"a problem without {missing}" if missing else None


class Wire:
    """One connection; bytes as they are."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port):
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, pieces):
        """pieces: bytes, or a list of them, each written by itself.  A gateway that has closed is no fault here."""
        for piece in [pieces] if isinstance(pieces, bytes) else pieces:
            self.writer.write(piece)
            try:
                await self.writer.drain()
            except OSError:
                return

    async def answer(self, head=False):
        """The next answer, or None at the end of the stream.  A reset is an end, too."""
        try:
            return await asyncio.wait_for(read_answer(self.reader, head=head), ANSWER_S)
        except asyncio.IncompleteReadError as end:
            if end.partial:
                raise Failed(f"bytes that are no answer: {end.partial[:80]!r}") from None
            return None
        except asyncio.TimeoutError:  # an OSError, too, for newer Pythons
            raise Failed("neither an answer nor an end") from None
        except OSError:
            return None

    def cut(self):
        self.writer.transport.abort()


class Neighbour:
    def __init__(self, port, player):
        self.port = port
        self.player = player
        self.rounds = 0  # rows that have ended, written by the table's runner
        self.calls = 0
        self.texts = 0
        self.longest = 0  # rounds that a call or text took
        self.faults = []
        self.ends = False
        self.tasks = []

    def begin(self):
        self.tasks = [asyncio.ensure_future(self.call()), asyncio.ensure_future(self.talk())]

    async def call(self):
        wire = await Wire.open(self.port)
        while not self.ends:
            trace = secrets.token_hex(16)
            begun = self.rounds
            await wire.send(f"GET /v1/players/{self.player} HTTP/1.1\r\nHost: x\r\ntraceparent: 00-{trace}-00f067aa0ba902b7-01\r\n\r\n".encode())
            answer = await wire.answer()
            if answer is None or answer.status != 200 or answer.header("traceparent").split("-")[1] != trace:
                self.faults.append(f"a call was answered {answer and (answer.status, answer.headers, answer.body[:120])}")
                break
            if answer["player"]["playerId"] != self.player:
                self.faults.append(f"was shown another player: {answer.body[:120]!r}")
            self.calls += 1
            self.longest = max(self.longest, self.rounds - begun)
            await asyncio.sleep(PACE_S)
        wire.cut()

    async def talk(self):
        async with websockets.connect(f"ws://127.0.0.1:{self.port}/v1/ws", ping_interval=None) as socket:
            while not self.ends:
                mark, begun = secrets.token_hex(8), self.rounds
                await socket.send(json.dumps({"action": "PING", "id": mark}))
                pong = json.loads(await asyncio.wait_for(socket.recv(), ANSWER_S))
                if (pong["type"], pong.get("re")) != ("PONG", mark):
                    self.faults.append(f"was told {pong}")
                self.texts += 1
                self.longest = max(self.longest, self.rounds - begun)
                await asyncio.sleep(PACE_S)

    async def end(self):
        self.ends = True
        for result in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(result, BaseException):
                self.faults.append(repr(result))


class Watch:
    """Whether the gateway is well: asked after every row, over one connection of its own."""

    def __init__(self, port):
        self.port = port
        self.wire = None
        self.resting = None  # connections that are open while no row runs

    async def get(self, path):
        await self.wire.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = await self.wire.answer()
        if answer is None or answer.status != 200:
            raise Failed(f"{path}: {answer and answer.status}")
        return answer.body.decode()

    async def value(self, name):
        found = re.search(rf'^muster_{name}\{{kind="gateway"[^}}]*\}} (\S+)$', await self.get("/metrics"), re.M)
        return int(found.group(1)) if found else 0

    async def begin(self):
        self.wire = await Wire.open(self.port)
        self.resting = await self.value("connections")
        if self.resting < 3:  # this one, and the neighbour's two
            raise Failed(f"/metrics tells of {self.resting} connections")

    async def well(self):
        """It lives, and has as many connections as before the first row."""
        if json.loads(await self.get("/livez"))["status"] != "ok":
            raise Failed("/livez is not ok")

        async def rests():
            return await self.value("connections") == self.resting
        await wait_for(f"{self.resting} connections, as before the row", rests, ANSWER_S)


async def run_table(live, cluster, rows, run_row):
    """Runs run_row(port, row) -> fault or None for each row, beside a neighbour.  A row's first two members are its name and
    where the expectation comes from."""
    status, answer = await cluster.call("POST", "/v1/players/register", {"username": "neighbour", "region": "us-east-1"})
    if status != 201:
        raise Failed(f"no neighbour: {status} {answer}")
    neighbour = Neighbour(cluster.port, answer["player"]["playerId"])
    neighbour.begin()
    await wait_for("the neighbour's first answers", lambda: neighbour.calls > 0 and neighbour.texts > 0)
    watch = Watch(cluster.port)
    await watch.begin()
    wrong = []
    for row in rows:
        try:
            fault = await run_row(cluster.port, row)
            await watch.well()
        except (Failed, OSError, EOFError, ValueError, asyncio.TimeoutError) as failure:
            fault = repr(failure)
        neighbour.rounds += 1
        if fault:
            wrong.append(row[0])
            print(f"FAIL  {row[0]} ({row[1]}): {fault}", flush=True)
        if neighbour.faults:
            print(f"FAIL  the neighbour noticed {row[0]}", flush=True)
            break
    names = [row[0] for row in rows]
    live.equal(len(set(names)), len(rows), "each row has a name of its own")
    live.check(not wrong, f"{len(rows)} rows are answered as stated" if not wrong else f"not as stated: {wrong}")
    await neighbour.end()
    live.equal(neighbour.faults, [], f"the neighbour saw no fault in {neighbour.calls} calls and {neighbour.texts} texts")
    live.check(neighbour.longest <= ROUNDS_MAX, f"and never waited longer than {neighbour.longest} rounds")
    watch.wire.cut()
