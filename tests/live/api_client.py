"""What the API test shares: an HTTP client that sees everything, and holds every refusal against API.md.

Client.call() goes over connections that stay open; Client.raw() sends bytes as they are, and reads
what comes.  Both hold each answer against what is true of all: a refusal is a whole problem
(RFC 9457), an answer is JSON, and neither may be cached.
"""

import asyncio
import json
import time
from collections import defaultdict

import documents

ANSWER_S = 15  # longest wait for an answer
PROBLEM = {"type", "title", "status", "detail", "code", "message", "error"}


class Answer:
    """One HTTP answer.  headers: lower-case name -> list of values."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body
        try:
            self.json = json.loads(body) if body else None
        except ValueError:
            self.json = None

    def header(self, name):
        return ", ".join(self.headers.get(name.lower(), [])) or None

    @property
    def code(self):
        return self.json.get("code") if isinstance(self.json, dict) else None

    @property
    def said(self):
        """(status, code), for one comparison."""
        return self.status, self.code

    @property
    def pointers(self):
        return sorted(error["pointer"] for error in (self.json or {}).get("errors", []))

    def __getitem__(self, name):
        if not isinstance(self.json, dict) or name not in self.json:
            raise KeyError(f"{name} in {self.status} {self.body[:300]!r}")
        return self.json[name]


async def read_answer(reader, head=False):
    """Reads one answer; 100 Continue is passed over."""
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = defaultdict(list)
        for line in lines[1:]:
            if line:
                name, _, value = line.partition(":")
                headers[name.lower()].append(value.strip())
        if status != 100:
            break
    size = 0 if head or status in (204, 101) else int(headers["content-length"][0])
    return Answer(status, headers, await reader.readexactly(size))


class Client:
    """Calls of one gateway, from one address, with one key."""

    def __init__(self, port, key=None, address="127.0.0.1", faults=None):
        self.port = port
        self.key = key
        self.address = address
        self.idle = []
        self.faults = faults if faults is not None else []  # what is wrong with answers
        self.times = defaultdict(list)  # "GET /path" -> seconds

    def other(self, key=None, address=None):
        """Another caller, whose faults are noted with these."""
        return Client(self.port, key, address or self.address, self.faults)

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.address, 0))

    async def call(self, method, path, body=None, headers=None, once=None, kind="application/json"):
        """body: text, bytes, or what becomes JSON.  once: the Idempotency-Key."""
        text = body if isinstance(body, (str, bytes)) else b"" if body is None else json.dumps(body)
        text = text.encode() if isinstance(text, str) else text
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        if body is not None or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(text)}")
        if body is not None and kind is not None:
            lines.append(f"Content-Type: {kind}")
        if self.key is not None:
            lines.append(f"Authorization: Bearer {self.key}")
        if once is not None:
            lines.append(f"Idempotency-Key: {once}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        data = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + text
        answer = await asyncio.wait_for(self.exchange(method, path, data), ANSWER_S)
        self.judge(f"{method} {path}", answer)
        documents.http(method, path, text.decode("utf-8", "replace"), answer.status, answer.header("content-type"),
                       answer.body.decode("utf-8", "replace"))
        return answer

    async def exchange(self, method, path, data):
        reader, writer = self.idle.pop() if self.idle else await self.connect()
        begun = time.monotonic()
        writer.write(data)
        answer = await read_answer(reader, head=method == "HEAD")
        shape = "/".join("{id}" if part[3:4] == "_" or len(part) > 20 else part for part in path.split("?")[0].split("/"))
        self.times[f"{method} {shape}"].append(time.monotonic() - begun)
        if "close" in (answer.header("connection") or "").lower():
            writer.close()
        else:
            self.idle.append((reader, writer))
        return answer

    async def raw(self, data, end=False, head=False):
        """Bytes as they are, over a connection of their own; None: no answer came."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            if end:
                writer.write_eof()
            answer = await asyncio.wait_for(read_answer(reader, head=head), ANSWER_S)
        except (OSError, EOFError, asyncio.TimeoutError):
            return None
        finally:
            writer.close()
        self.judge(f"raw {data[:60]!r}", answer)
        return answer

    def judge(self, what, answer):
        """What holds for every answer."""
        def need(holds, text):
            if not holds:
                self.faults.append(f"{what}: {answer.status}: {text}: {dict(answer.headers)} {answer.body[:200]!r}")
        need(answer.header("cache-control") == "no-store", "may be cached")
        if answer.status < 400 or not answer.body:
            return
        need(answer.header("content-type") == "application/problem+json", "is no problem+json")
        problem = answer.json if isinstance(answer.json, dict) else {}
        need(PROBLEM <= set(problem), f"lacks {PROBLEM - set(problem)}")
        need(problem.get("status") == answer.status, "names another status")
        need(all(isinstance(problem.get(name), str) and problem.get(name) for name in PROBLEM - {"status"}), "empty members")
        need(problem.get("type") == f"/problems/{problem.get('code')}", "has another type than code")
        if "traceparent" not in answer.headers:  # refused before it was a request
            need("close" in (answer.header("connection") or ""), "has no traceparent, and yet goes on")
        else:
            trace = (answer.header("traceparent") or "").split("-")
            need(len(trace) == 4 and problem.get("traceId") == trace[1], "has another traceId than traceparent")
            need("Origin" in (answer.header("vary") or ""), "does not vary by Origin")
        for error in problem.get("errors", []):
            need(isinstance(error.get("pointer"), str) and error.get("detail"), "has an error without pointer or detail")

    async def close(self):
        for _, writer in self.idle:
            writer.close()
        self.idle = []


class Api:
    """The open cluster, and what the parts of the test share."""

    def __init__(self, live, cluster, client):
        self.live = live
        self.cluster = cluster
        self.client = client
        self.call = client.call
        self.check = live.check
        self.equal = live.equal
        self.names = 0

    def name(self, prefix="u"):
        self.names += 1
        return f"{prefix}-{self.names:04}"

    async def player(self, region="us-east-1", **more):
        """A new player's id."""
        answer = await self.call("POST", "/v1/players/register", {"username": self.name(), "region": region, **more})
        return answer["player"]["playerId"]

    async def table(self, text, cases):
        """cases: (method, path, body, status, code[, pointers]); one check for all of them."""
        wrong = []
        for method, path, body, status, code, *pointers in cases:
            answer = await self.call(method, path, body)
            if answer.said != (status, code) or (pointers and answer.pointers != pointers[0]):
                shown = repr(body)[:120]
                wrong.append(f"{method} {path} {shown}: {answer.status} {answer.body[:240]!r}, not {status} {code} {pointers}")
        self.check(not wrong, f"{text} ({len(cases)} cases)" if not wrong else f"{text}: " + "; ".join(wrong))

    def has(self, value, names, text):
        """All the fields are there."""
        missing = set(names) - set(value or {})
        self.check(not missing, text if not missing else f"{text}: lacks {sorted(missing)}")
