"""The edge itself: framing, JSON, methods, headers, idempotency, CORS, health."""

import asyncio
import json
import subprocess

from api_client import read_answer

REGISTER = "/v1/players/register"


def post(body, *headers, path=REGISTER):
    """A POST as bytes."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *(headers or ("Content-Type: application/json",))]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def said(client, cases, text, check):
    wrong = []
    for data, status, code in cases:
        answer = await client.raw(data)
        if answer is None or answer.said != (status, code):
            wrong.append(f"{data[:90]!r}: {answer and (answer.status, answer.body[:160])}, not {status} {code}")
    check(not wrong, f"{text} ({len(cases)} cases)" if not wrong else f"{text}: " + "; ".join(wrong))


async def bodies(api):
    def with_name(name):
        return f"{{\"username\":{name},\"region\":\"us-east-1\"}}"
    deep = "[" * 15 + "]" * 15
    malformed = [
        "{", "nul", "{'a':1}", "{\"a\":1,}", "{\"a\":1}x", "[1,2", "\"\\x\"", with_name("\"a\u0001b\""), with_name("\"abc\\u0000\""),
        with_name("\"\\ud800abc\""), with_name("\"\\udc00\\ud800\""), with_name("1e400"), with_name("-1e999"),
        with_name("123456789012345678901234567890"), with_name("01"), with_name("+1"), with_name(".5"), with_name("NaN"),
        with_name("Infinity"), "{\"username\":\"abc\",\"username\":\"abd\"}",
        "{\"preferences\":{\"a\":1,\"a\":2}}", "\ufeff{}", with_name(f"[{deep[:15]}[{'[' * 3}"), "[" * 60000, "{\"a\":" * 10000,
    ]
    cases = [(post(text), 400, "BAD_REQUEST") for text in malformed]
    cases += [(post(b"{\"username\":\"\xff\xfe\xfd\"}"), 400, "BAD_REQUEST"), (post(b"{\"username\":\"a\x00b\"}"), 400, "BAD_REQUEST"),
              (post(b"\x00"), 400, "BAD_REQUEST"), (post(b"{\"username\":\"\xed\xa0\x80abc\"}"), 400, "BAD_REQUEST"),
              (post(b"{\"username\":\"\xc0\xafabc\"}"), 400, "BAD_REQUEST")]
    cases += [(post(text), 400, "BAD_REQUEST") for text in ("[]", "1", "\"x\"", "true", "null")]
    cases += [
        (post(json.dumps({"username": "depth", "region": "x", "preferences": json.loads("[" * 15 + "]" * 15)})), 400, "VALIDATION_FAILED"),
        (post(json.dumps({"username": "depth", "region": "x", "preferences": json.loads("[" * 16 + "]" * 16)})), 400, "BAD_REQUEST"),
        (post(b"{\"x\":\"" + b"y" * (65536 - 8) + b"\"}"), 400, "VALIDATION_FAILED"),
        (post(b"{\"x\":\"" + b"y" * (65537 - 8) + b"\"}"), 413, "PAYLOAD_TOO_LARGE"),
        (post(b"x" * 10, "Content-Length: 99999999999999999999"), 400, "BAD_REQUEST"),
        (post("{}", "Content-Type: text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (post("a=b", "Content-Type: application/x-www-form-urlencoded"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (post("{}", "Content-Type: application/jsonp"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (post("{}", "Content-Type: application/json; charset=utf-8"), 400, "VALIDATION_FAILED"),
        (post("{}", "Content-Type: Application/JSON"), 400, "VALIDATION_FAILED"),
    ]
    await said(api.client, cases, "bodies: what is malformed, too deep, too large or no JSON", api.check)


async def framing(api):
    client = api.client
    get = "GET /livez HTTP/1.1\r\n"
    cases = [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /livez\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n", 505, "HTTP_VERSION_NOT_SUPPORTED"),
        (b"BREW /livez HTTP/1.1\r\nHost: x\r\n\r\n", 501, "NOT_IMPLEMENTED"),
        (f"{get}\r\n".encode(), 400, "BAD_REQUEST"),
        (f"{get}Host: a\r\nHost: b\r\n\r\n".encode(), 400, "BAD_REQUEST"),
        (f"{get}Host: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n".encode(), 400, "BAD_REQUEST"),
        (f"{get}Host: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".encode(), 400, "BAD_REQUEST"),
        (f"{get}Host: x\r\nContent-Length: -1\r\n\r\n".encode(), 400, "BAD_REQUEST"),
        (f"{get}Host : x\r\n\r\n".encode(), 400, "BAD_REQUEST"),
        (f"{get}Host: x\r\nA: b\r\n c\r\n\r\n".encode(), 400, "BAD_REQUEST"),
        (f"{get}Host: x\r\nA: b\x00c\r\n\r\n".encode(), 400, "BAD_REQUEST"),
        (f"{get}Host: x\r\nA: {'b' * 16384}\r\n\r\n".encode(), 431, "HEADERS_TOO_LARGE"),
        (f"{get}Host: x\r\n{''.join(f'A{i}: b{chr(13)}{chr(10)}' for i in range(300))}\r\n".encode(), 431, "HEADERS_TOO_LARGE"),
        (f"GET /{'x' * 17000} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 414, "URI_TOO_LONG"),
        (b"GET /v1/players/%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /v1/players/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"),
        (b"GET /v1/players/% HTTP/1.1\r\nHost: x\r\n\r\n", 400, "BAD_REQUEST"),
        (f"{get}Host: x\r\nExpect: 200-maybe\r\n\r\n".encode(), 417, "EXPECTATION_FAILED"),
        (b"POST /v1/players/register HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 0\r\n\r\n",
         400, "BAD_REQUEST"),
    ]
    await said(client, cases, "framing: what is no HTTP/1.1, or two ways to read it", api.check)
    chunked = (f"POST {REGISTER} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
               "2\r\n{}\r\n0\r\n\r\n").encode()
    api.equal((await client.raw(chunked)).said, (400, "VALIDATION_FAILED"), "framing: chunks are read")
    old = await client.raw(b"GET /livez HTTP/1.0\r\n\r\n")
    api.equal(old.status, 200, "framing: HTTP/1.0 is spoken")
    reader, writer = await client.connect()
    writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /version HTTP/1.1\r\nHost: x\r\n\r\n")
    first, second = await read_answer(reader), await read_answer(reader)
    api.equal((first["status"], second["name"]), ("ok", "muster"), "framing: pipelined requests are answered in order")
    writer.write((f"POST {REGISTER} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                  "Expect: 100-continue\r\n\r\n").encode())
    line = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.write(b"{}")
    last = await read_answer(reader)
    api.equal((line[:12], last.status), (b"HTTP/1.1 100", 400), "framing: Expect: 100-continue")
    writer.close()


async def paths(api):
    player = await api.player()
    escaped = "".join(f"%{ord(c):02X}" for c in player)
    answer = await api.call("GET", f"/v1/players/{escaped}")
    api.equal((answer.status, answer["player"]["playerId"]), (200, player), "paths: percent escapes are decoded")
    await api.table("paths: what is not there", [
        ("GET", "/", None, 404, "NOT_FOUND"), ("GET", "/v1", None, 404, "NOT_FOUND"), ("GET", "/v1/players", None, 404, "NOT_FOUND"),
        ("GET", f"/v1/players/{player}/", None, 404, "NOT_FOUND"), ("GET", f"//v1/players/{player}", None, 404, "NOT_FOUND"),
        ("GET", f"/V1/players/{player}", None, 404, "NOT_FOUND"), ("GET", f"/v1/./players/{player}", None, 404, "NOT_FOUND"),
        ("GET", f"/v1/players/{player}%2F", None, 400, "VALIDATION_FAILED"), ("GET", "/v1/players/..%2Fx", None, 400, "VALIDATION_FAILED"),
        ("GET", "/v1/players/" + "x" * 65, None, 404, "NOT_FOUND"), ("GET", "/v1/players/" + "x" * 5000, None, 404, "NOT_FOUND"),
        ("GET", "/v1/players/%F0%9F%A6%8A", None, 400, "VALIDATION_FAILED"), ("GET", "/problems/NONSENSE", None, 404, "NOT_FOUND"),
    ])
    wrong = {"/v1/players/register": "DELETE", f"/v1/players/{player}": "DELETE", "/v1/matchmaking/queue": "GET", "/v1/lobbies": "PUT",
             "/v1/matches/x": "POST", "/v1/matches/x/end": "GET", "/livez": "POST", f"/v1/players/{player}/stats": "POST"}
    allows = {}
    for path, method in wrong.items():
        answer = await api.call(method, path)
        allows[path] = (answer.said, answer.header("allow"))
    api.check(all(said_ == (405, "METHOD_NOT_ALLOWED") and allow and "OPTIONS" in allow for said_, allow in allows.values()),
              f"paths: another method is 405 with Allow: {allows}")
    api.equal(allows["/v1/matches/x"][1], "GET, HEAD, PUT, OPTIONS", "paths: Allow says which")
    head, get = await api.call("HEAD", f"/v1/players/{player}"), await api.call("GET", f"/v1/players/{player}")
    api.equal((head.status, head.header("content-length"), head.body), (200, get.header("content-length"), b""),
              "paths: HEAD is GET without body")
    head = await api.call("HEAD", "/v1/players/ply_none")
    api.equal((head.status, head.body, head.header("content-type")), (404, b"", "application/problem+json"), "paths: also when refused")
    options = await api.call("OPTIONS", f"/v1/players/{player}")
    api.equal((options.status, options.header("allow"), options.body), (204, "GET, HEAD, PATCH, OPTIONS", b""), "paths: OPTIONS")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await api.call("GET", "/v1/players/ply_none", headers={"traceparent": trace})
    api.equal(answer["traceId"], trace[3:35], "paths: a traceparent is taken")
    answer = await api.call("GET", "/v1/players/ply_none", headers={"traceparent": trace.upper()})
    api.check(answer.status == 404 and answer["traceId"] != trace[3:35].upper(), "paths: a malformed one is not")
    known = await api.call("GET", f"/problems/{answer.code}")
    api.equal((known.status, known["code"]), (200, "PLAYER_NOT_FOUND"), "paths: the problem's type can be read")


async def idempotency(api):
    name = api.name("once")
    body = {"username": name, "region": "us-east-1"}
    first = await api.call("POST", REGISTER, body, once="k 1")
    again = await api.call("POST", REGISTER, body, once="k 1")
    api.equal((first.status, again.status, again.body), (201, 201, first.body), "once: the same request again is answered the same")
    respaced = await api.call("POST", REGISTER, json.dumps(body, indent=3), once="k 1")
    api.equal((respaced.status, respaced.body), (201, first.body), "once: spaces in JSON make no other request")
    other = await api.call("POST", REGISTER, {**body, "username": name + "b"}, once="k 1")
    api.equal(other.said, (422, "IDEMPOTENCY_KEY_REUSED"), "once: another body is 422")
    other = await api.call("POST", "/v1/lobbies", {"hostPlayerId": first["player"]["playerId"], "gameMode": "duel"}, once="k 1")
    api.equal(other.said, (422, "IDEMPOTENCY_KEY_REUSED"), "once: another call is 422")
    taken = await api.call("POST", REGISTER, body, once="k 2")
    await api.call("PATCH", f"/v1/players/{first['player']['playerId']}", {"username": name + "c"})
    again = await api.call("POST", REGISTER, body, once="k 2")
    api.equal((taken.said, again.said), ((409, "USERNAME_TAKEN"),) * 2, "once: a refusal stands, though the name is free by now")
    player = await api.player()
    join = {"playerId": player, "gameMode": "squad_battle"}
    tickets = [(await api.call("POST", "/v1/matchmaking/queue", join, once="k 3"))["queueData"]["ticketId"] for _ in range(3)]
    api.equal(len(set(tickets)), 1, "once: one ticket for three requests")
    gone = [(await api.call("DELETE", f"/v1/matchmaking/queue/{player}", once="k 4")).status for _ in range(2)]
    api.equal(gone, [200, 200], "once: DELETE, too")
    late = await api.call("POST", "/v1/matchmaking/queue", join, once="k 3")
    status = (await api.call("GET", f"/v1/players/{player}"))["player"]["status"]
    api.equal((late.status, status), (201, "IDLE"), "once: a late repeat does nothing")
    bad = await api.client.raw(post("{}", "Content-Type: application/json", "Idempotency-Key: " + "x" * 256))
    api.equal(bad.said, (400, "BAD_REQUEST"), "once: a key has 255 characters at most")


async def cors(api):
    good, evil = {"Origin": "https://game.example"}, {"Origin": "https://evil.example"}
    player = await api.player()
    path = f"/v1/players/{player}"
    answer = await api.call("GET", path, headers=good)
    api.equal((answer.header("access-control-allow-origin"), answer.header("access-control-allow-credentials")),
              ("https://game.example", None), "cors: a configured page may read")
    api.check("Retry-After" in (answer.header("access-control-expose-headers") or ""), "cors: and see the limits")
    for origin in (evil, {"Origin": "null"}, {"Origin": "https://game.example.evil.example"}, {"Origin": "http://game.example"}):
        answer = await api.call("GET", path, headers=origin)
        api.equal((answer.status, answer.header("access-control-allow-origin"), answer.header("vary")), (200, None, "Origin"),
                  f"cors: {origin['Origin']} may not")
    refused = await api.call("GET", "/v1/players/ply_none", headers=good)
    api.equal(refused.header("access-control-allow-origin"), "https://game.example", "cors: refusals can be read, too")
    ask = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "content-type,idempotency-key"}
    answer = await api.call("OPTIONS", path, headers={**good, **ask})
    headers = (answer.header("access-control-allow-headers") or "").lower()
    api.check(answer.status == 204 and "PATCH" in answer.header("access-control-allow-methods")
              and int(answer.header("access-control-max-age")) > 0 and "content-type" in headers and "idempotency-key" in headers
              and "authorization" in headers, "cors: a preflight is answered, and cached")
    answer = await api.call("OPTIONS", path, headers={**evil, **ask})
    api.equal((answer.header("access-control-allow-origin"), answer.header("access-control-allow-methods")),
              (None, None), "cors: but not to strangers")
    stranger = await api.call("POST", REGISTER, {"username": "victim", "region": "us-east-1"}, headers=evil)
    api.equal(stranger.status, 403, "cors: without keys, a strange page changes nothing")


async def health(api):
    live, ready, version = [await api.call("GET", path) for path in ("/livez", "/readyz", "/version")]
    api.equal((live.status, ready.status, ready["failing"], version.status, version["api"]), (200, 200, [], 200, "v1"),
              "health: live, ready, version")
    api.equal(live.header("muster-mode"), "open", "health: a gateway without keys says so")
    metrics = await api.call("GET", "/metrics")
    api.check(metrics.status == 200 and metrics.header("content-type").startswith("text/plain; version=0.0.4"), "health: metrics")
    process = await asyncio.create_subprocess_exec("promtool", "check", "metrics", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                   stderr=subprocess.STDOUT)
    out, _ = await process.communicate(metrics.body)
    api.equal((process.returncode, out), (0, b""), "health: promtool finds no fault in the metrics")


async def slow(api):
    """A client that never ends its headers is cut after 10 s."""
    reader, writer = await api.client.connect()
    writer.write(b"GET /livez HTTP/1.1\r\nHost:")
    begun = asyncio.get_running_loop().time()
    try:
        got = await asyncio.wait_for(reader.read(), 20)
        took = asyncio.get_running_loop().time() - begun
        api.check(8 < took < 14 and (not got or b" 408 " in got[:20]), f"slow: headers in 10 s, or the end ({took:.1f} s)")
    except asyncio.TimeoutError:
        api.check(False, "slow: a connection without headers stays for 20 s")
    writer.close()


async def run(api):
    waiting = asyncio.ensure_future(slow(api))
    await bodies(api)
    await framing(api)
    await paths(api)
    await idempotency(api)
    await cors(api)
    await health(api)
    await waiting
