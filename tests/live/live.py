"""What the live tests share: a cluster of real processes, HTTP by curl, WebSockets, and checks.

A test is `async def run(live)`; live.main(run) gives it a folder of its own, prints the seed and at
the end "N passed, N failed", and leaves nothing behind.  Nothing waits for a fixed time: wait_for()
looks until something holds or a deadline has passed.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback

import websockets

import documents
from history import definite

POLL_S = 0.02  # between two looks at what is waited for
AGAIN_S = 0.1  # before something that failed is tried again
BEAT_S = 0.2  # between two heartbeats of a server
EVENT_S = 15  # longest wait for an event
READY_S = 30  # longest start of a cluster
STOP_S = 30  # longest stop


class Failed(Exception):
    """What a test cannot go on without did not come."""


class Live:
    """One run: arguments, folder, and the checks that were made."""

    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.random = random.Random(arguments.seed)
        self.passed = 0
        self.failed = 0
        self.clusters = []

    def check(self, holds, text):
        """Counts a check; the test goes on either way."""
        if holds:
            self.passed += 1
            print(f"ok    {text}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL  {text}", flush=True)
        return bool(holds)

    def equal(self, actual, expected, text):
        return self.check(actual == expected, text if actual == expected else f"{text}: {actual!r}, not {expected!r}")

    def path(self, name):
        return os.path.join(self.folder, name)

    async def muster(self, *arguments):
        """Runs `muster ARGUMENT...`: (exit code, stdout, stderr)."""
        process = await asyncio.create_subprocess_exec(
            self.arguments.muster, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()


async def wait_for(what, holds, seconds=EVENT_S):
    """Looks until holds() gives something true; that is returned.  holds may be a coroutine function."""
    end = time.monotonic() + seconds
    while True:
        value = holds()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"waited {seconds} s in vain for {what}")
        await asyncio.sleep(POLL_S)


async def learn(live, call):
    """From now on all that gateways say is held against their documents, once this has been called.  call: as Http.call."""
    if not documents.known():
        (status, openapi), (other, asyncapi) = [await call("GET", f"/{name}.json") for name in ("openapi", "asyncapi")]
        live.equal((status, other), (200, 200), "the gateway serves /openapi.json and /asyncapi.json")
        documents.learn(openapi, asyncapi)


def parent_of(pid):
    """The parent of a living process, or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[1])


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def name_of(words):
    """broker, gateway, bots, store, lobby, matcher, queue/<region>."""
    if "--partition" in words:
        return words[words.index("--partition") + 1]
    if "--kind" in words:
        return words[words.index("--kind") + 1]
    if len(words) > 1 and words[1] == "bots":
        return "bots"
    return os.path.basename(words[0]).replace("muster-", "")


class Cluster:
    """`muster dev` as a child process."""

    def __init__(self, live, data, *options):
        self.live = live
        self.data = data
        self.options = options
        self.process = None
        self.url = None
        self.key = None
        self.lines = []
        self.ready_s = None
        self.reader = None
        live.clusters.append(self)

    async def start(self):
        begun = time.monotonic()
        self.lines = []
        self.process = await asyncio.create_subprocess_exec(
            self.live.arguments.muster, "dev", "--data", self.data, "--port", "0", *self.options,
            stdout=asyncio.subprocess.PIPE, stderr=open(self.live.path("log"), "ab"), start_new_session=True)
        self.reader = asyncio.ensure_future(self.read())
        await wait_for("the line 'ready URL' and the key",
                       lambda: len(self.lines) >= 2 or self.process.returncode is not None, READY_S)
        if len(self.lines) < 2 or not self.lines[0].startswith("ready "):
            raise Failed(f"muster dev is not ready: exit code {self.process.returncode}, {self.lines}")
        self.ready_s = time.monotonic() - begun
        self.url = self.lines[0].split()[1]
        self.key = self.lines[1].split()[1]
        await learn(self.live, self.call)
        return self

    async def read(self):
        while line := await self.process.stdout.readline():
            self.lines.append(line.decode(errors="replace").rstrip())

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def door(self):
        """Where its gateway is."""
        return "127.0.0.1", self.port

    def children(self):
        """pid -> name of the processes that it runs now."""
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        commands = {pid: command_of(pid) for pid in pids if parent_of(pid) == self.process.pid}
        return {pid: name_of(words) for pid, words in commands.items() if words and words[0]}

    async def stop(self):
        """Ctrl-C.  Returns the exit code, and the pids of children that are left."""
        children = self.children()
        self.process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S)
        except asyncio.TimeoutError:
            raise Failed("muster dev does not end after SIGINT") from None
        await self.reader
        return self.process.returncode, [pid for pid in children if parent_of(pid) is not None]

    async def end(self):
        """Whatever happened: nothing of it is left.  Its children die with it."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.kill()
        await self.process.wait()

    async def call(self, method, path, body=None, key=None, once=None):
        """A call by curl: (status, JSON or text)."""
        text = None
        words = ["curl", "-sS", "--max-time", "20", "-X", method, "-w", "\n%{http_code} %{content_type}", self.url + path]
        if body is not None:
            text = body if isinstance(body, str) else json.dumps(body)
            words += ["-H", "Content-Type: application/json", "--data-binary", text]
        if key is not None:
            words += ["-H", f"Authorization: Bearer {key}"]
        if once is not None:
            words += ["-H", f"Idempotency-Key: {once}"]
        process = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        out, err = await process.communicate()
        if process.returncode != 0:
            return 0, err.decode()
        answer, _, last = out.decode().rpartition("\n")
        status, _, kind = last.partition(" ")
        documents.http(method, path, text, int(status), kind, answer)
        try:
            return int(status), json.loads(answer)
        except ValueError:
            return int(status), answer

    async def socket(self, player=None, **more):
        """An open WebSocket, registered for a player if one is given."""
        socket = Socket(await websockets.connect(f"ws://127.0.0.1:{self.port}/v1/ws", ping_interval=None))
        if player is not None:
            await socket.send(action="REGISTER", playerId=player, **more)
            await socket.expect("REGISTERED")
        return socket


class Socket:
    """A WebSocket that remembers every message until somebody expects it."""

    def __init__(self, connection):
        self.connection = connection
        self.messages = []
        self.all = []
        self.reader = asyncio.ensure_future(self.read())

    async def read(self):
        try:
            async for text in self.connection:
                self.messages.append(json.loads(text))
                self.all.append(self.messages[-1])
                documents.socket(self.messages[-1])
        except websockets.ConnectionClosed:
            pass

    async def send(self, **message):
        await self.connection.send(json.dumps(message))

    async def expect(self, kind, where=lambda message: True, seconds=EVENT_S):
        """The next message of that type, which is taken out; earlier ones of other types stay."""
        def take():
            for message in self.messages:
                if message.get("type") == kind and where(message):
                    self.messages.remove(message)
                    return message
            return None
        return await wait_for(f"{kind}, among {[m.get('type') for m in self.messages]}", take, seconds)

    async def cut(self):
        """Ends without a goodbye, as when the line is cut."""
        self.connection.transport.abort()
        await self.reader

    async def close(self):
        await self.connection.close()
        await self.reader


class Http:
    """One connection that stays open, for many calls one after the other.

    door: function that gives (host, port) of a gateway; key: what is sent as Authorization, or None.
    """

    def __init__(self, door, key=None, patience_s=EVENT_S):
        self.door = door
        self.key = key
        self.patience_s = patience_s
        self.reader = None
        self.writer = None
        self.turn = asyncio.Lock()

    async def exchange(self, method, path, body, once):
        if self.writer is not None and self.reader.at_eof():
            self.close()  # the gateway has closed it since
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(*self.door())
        text = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: muster\r\nContent-Length: {len(text)}\r\n"
        head += "Content-Type: application/json\r\n" if body is not None else ""
        head += f"Idempotency-Key: {once}\r\n" if once is not None else ""
        head += f"Authorization: Bearer {self.key}\r\n" if self.key is not None else ""
        self.writer.write(head.encode() + b"\r\n" + text)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in answer[1:] if line)
        status, said = int(answer[0].split()[1]), await self.reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        documents.http(method, path, text.decode(), status, headers.get("content-type"), said.decode())
        return status, json.loads(said)

    async def call(self, method, path, body=None, once=None):
        """(status, JSON), or (0, None): no answer came, and nobody knows what was done."""
        async with self.turn:
            try:
                return await asyncio.wait_for(self.exchange(method, path, body, once), self.patience_s)
            except (OSError, EOFError, ValueError, asyncio.TimeoutError):
                self.close()
                return 0, None

    async def definite(self, method, path, body=None, once=None):
        """Asks again until the answer is definite; with `once` that is safe whatever it asks."""
        while True:
            status, answer = await self.call(method, path, body, once)
            if definite(status):
                return status, answer
            await asyncio.sleep(AGAIN_S)

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None


class Server:
    """A game server that says that it lives, and knows what it is to play."""

    def __init__(self, cluster, answer):
        self.cluster = cluster
        self.id = answer["server"]["serverId"]
        self.key = answer["serverKey"]
        self.sessions = []
        self.beats = 0
        self.task = asyncio.ensure_future(self.beat())

    async def beat(self):
        while True:
            status, answer = await self.cluster.call("POST", f"/v1/servers/{self.id}/heartbeat", key=self.key)
            if status == 200:
                self.beats += 1
                self.sessions = [session["matchId"] for session in answer["sessions"]]
            await asyncio.sleep(BEAT_S)

    async def plays(self, match):
        await wait_for(f"{match} among the server's sessions", lambda: match in self.sessions)

    async def close(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def main(run, **defaults):
    parser = argparse.ArgumentParser()
    parser.add_argument("muster", help="the program build/tools/muster")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="muster-live-")
    live = Live(arguments, folder)
    print(f"seed {arguments.seed}", flush=True)

    async def whole():
        try:
            await run(live)
            if documents.known():
                told = "".join("\n" + fault for fault in documents.faults)
                live.check(not documents.faults, f"every answer is as the documents say{told}")
        except Failed as failure:
            live.check(False, str(failure))
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
            live.check(False, "the test itself broke")
        finally:
            for cluster in live.clusters:
                await cluster.end()

    asyncio.run(whole())
    if live.failed > 0:
        log = live.path("log")
        if os.path.exists(log):
            with open(log, encoding="utf-8", errors="replace") as file:
                print("--- end of the cluster's log", *file.read().splitlines()[-60:], sep="\n")
    if arguments.keep:
        print(f"kept {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{live.passed} passed, {live.failed} failed", flush=True)
    sys.exit(0 if live.failed == 0 else 1)
