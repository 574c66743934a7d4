"""The WebSocket: every action and message, what it refuses, and that no event is lost."""

import asyncio
import json

import websockets

from live import wait_for

QUEUE = "/v1/matchmaking/queue"


async def closed(socket):
    """The code with which the other side closed it."""
    await wait_for("the close of a WebSocket", lambda: socket.connection.closed)
    return socket.connection.close_code


async def refusals(api):
    player = await api.player()
    socket = await api.cluster.socket()
    cases = [
        ("{\"action\":", "BAD_REQUEST"), ("", "VALIDATION_FAILED"), ("nonsense", "BAD_REQUEST"), ("[]", "BAD_REQUEST"),
        ("[" * 17 + "]" * 17, "BAD_REQUEST"), ("{\"action\":\"PING\",\"action\":\"PING\"}", "BAD_REQUEST"),
        ("{\"action\":\"PING\",\"x\":1e400}", "BAD_REQUEST"), ("{\"action\":\"PING\",\"x\":\"\\ud800\"}", "BAD_REQUEST"),
        ("{\"action\":\"PING\",\"x\":\"\\u0000\"}", "BAD_REQUEST"),
        ("{}", "VALIDATION_FAILED"), ("{\"action\":1}", "VALIDATION_FAILED"), ("{\"action\":\"ping\"}", "UNKNOWN_ACTION"),
        ("{\"action\":\"FLY\"}", "UNKNOWN_ACTION"), ("{\"action\":\"RESUME\"}", "UNKNOWN_ACTION"),
        ("{\"action\":\"NONE\"}", "UNKNOWN_ACTION"),
        ("{\"action\":\"REGISTER\"}", "VALIDATION_FAILED"), ("{\"action\":\"REGISTER\",\"playerId\":\"a b\"}", "VALIDATION_FAILED"),
        ("{\"action\":\"REGISTER\",\"playerId\":\"ply_none\"}", "PLAYER_NOT_FOUND"),
        ("{\"action\":\"READY\"}", "VALIDATION_FAILED"),
        (json.dumps({"action": "READY", "playerId": player, "lobbyId": "lob_none"}), "LOBBY_NOT_FOUND"),
        (json.dumps({"action": "LEAVE_QUEUE", "playerId": player}), "PLAYER_NOT_IN_QUEUE"),
        (json.dumps({"action": "JOIN_QUEUE", "playerId": player, "gameMode": "chess"}), "GAME_MODE_NOT_FOUND"),
    ]
    wrong = []
    for text, code in cases:
        await socket.connection.send(text)
        error = await socket.expect("ERROR")
        if error.get("code") != code or not {"title", "status", "detail", "message", "error"} <= set(error):
            wrong.append((text[:60], error, code))
    api.check(not wrong, f"socket: {len(cases)} messages are refused, each with its code{wrong or ''}")
    await socket.send(action="PING")
    api.check(await socket.expect("PONG"), "socket: and the connection stays")
    for tag in (7, "x" * 65, None, {}):
        await socket.send(action="PING", id=tag)
        api.equal((await socket.expect("PONG")).get("re"), None, f"socket: an id that is none of ours is ignored: {str(tag)[:8]}")
    await socket.connection.send("{\"action\":\"PING\",\"pad\":\"" + "x" * (16384 - 26) + "\"}")
    api.check(await socket.expect("PONG"), "socket: 16 KiB are taken")
    pong = await socket.connection.ping()
    await asyncio.wait_for(pong, 5)
    api.check(True, "socket: a ping frame is answered")
    await socket.connection.send("{\"action\":\"PING\",\"pad\":\"" + "x" * 16384 + "\"}")
    api.equal(await closed(socket), 1009, "socket: more than 16 KiB closes with 1009")
    socket = await api.cluster.socket()
    await socket.connection.send(b"{\"action\":\"PING\"}")
    api.equal(await closed(socket), 1003, "socket: binary closes with 1003")
    socket = await api.cluster.socket()
    await socket.connection.close(1000, "bye")
    api.equal(socket.connection.close_code, 1000, "socket: a close is answered")


async def handshakes(api):
    port = api.cluster.port
    for path in ("/v1/ws", "/ws"):
        async with websockets.connect(f"ws://127.0.0.1:{port}{path}") as connection:
            await connection.send("{\"action\":\"PING\"}")
            api.equal(json.loads(await connection.recv())["type"], "PONG", f"socket: {path} speaks")
    async with websockets.connect(f"ws://127.0.0.1:{port}/ws", origin="https://game.example") as connection:
        api.check(connection.open, "socket: a page that is configured may open it")
    try:
        await websockets.connect(f"ws://127.0.0.1:{port}/ws", origin="https://evil.example")
        api.check(False, "socket: a strange page was let in")
    except websockets.InvalidStatusCode as refusal:
        api.equal(refusal.status_code, 403, "socket: a strange page is refused with 403")
    plain = await api.call("GET", "/v1/ws")
    api.equal((plain.status, plain.header("upgrade"), plain.header("sec-websocket-version")), (426, "websocket", "13"),
              "socket: a plain GET is told to upgrade")


def frame(first, payload, masked=True):
    """A frame as bytes; first: FIN, RSV and opcode."""
    assert len(payload) < 126
    return bytes([first, (0x80 if masked else 0) | len(payload)]) + (b"\0\0\0\0" if masked else b"") + payload


async def frames(api):
    """What RFC 6455 says of frames: each case on a connection of its own, and the code that ends it."""
    hello = (b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
    ping = b"{\"action\":\"PING\"}"
    pong = b"\x81\x0f{\"type\":\"PONG\"}"
    cases = [
        ("a message in pieces, with a ping between", frame(0x01, ping[:5]) + frame(0x89, b"hi") + frame(0x80, ping[5:]),
         b"\x8a\x02hi" + pong),
        ("not masked", frame(0x81, ping, masked=False), b"\x88\x02\x03\xea"), ("a reserved bit", frame(0xC1, ping), b"\x88\x02\x03\xea"),
        ("a reserved opcode", frame(0x83, ping), b"\x88\x02\x03\xea"), ("a piece of nothing", frame(0x80, ping), b"\x88\x02\x03\xea"),
        ("no UTF-8", frame(0x81, b"\xff\xfe"), b"\x88\x02\x03\xef"), ("binary", frame(0x82, ping), b"\x88\x02\x03\xeb"),
        ("a close", frame(0x88, b"\x03\xe8"), b"\x88\x02\x03\xe8"),
        ("a close with a code that is none", frame(0x88, b"\x00\x01"), b"\x88\x02\x03\xea"),
    ]
    wrong = []
    for name, sent, wanted in cases:
        reader, writer = await api.client.connect()
        writer.write(hello + sent)
        await reader.readuntil(b"\r\n\r\n")
        got = b""
        try:
            while len(got) < len(wanted):
                got += await asyncio.wait_for(reader.read(4096), 5) or b"END" * 40
        except asyncio.TimeoutError:
            pass
        writer.close()
        if got[:len(wanted)] != wanted:
            wrong.append((name, got[:40], wanted))
    api.check(not wrong, f"socket: {len(cases)} frames as RFC 6455 wants{wrong or ''}")


async def queueing(api):
    player, other = await api.player(), await api.player()
    socket = await api.cluster.socket(player)
    await socket.send(action="JOIN_QUEUE", gameMode="squad_battle", latencies={"us-east": 20}, id="j1")
    status = await socket.expect("QUEUE_STATUS")
    api.has(status, ["playerId", "gameMode", "ticketId", "estimatedWaitTime", "queuePosition", "status"],
            "socket: JOIN_QUEUE answers QUEUE_STATUS")
    seen = await api.call("GET", f"{QUEUE}/{player}")
    api.equal((seen["queueData"]["ticketId"], status["re"]), (status["ticketId"], "j1"), "socket: it is the same queue")
    await socket.send(action="JOIN_QUEUE", gameMode="duel", region="us-east-1")
    error = await socket.expect("ERROR")
    api.equal((error["code"], error.get("ticketId")), ("PLAYER_ALREADY_IN_QUEUE", status["ticketId"]), "socket: only once")
    await socket.send(action="LEAVE_QUEUE")
    api.equal((await socket.expect("QUEUE_STATUS"))["status"], "CANCELLED", "socket: LEAVE_QUEUE")
    await socket.send(action="LEAVE_QUEUE", playerId=other)
    api.equal((await socket.expect("ERROR"))["code"], "FORBIDDEN", "socket: a bound connection speaks for its player")
    await socket.send(action="REGISTER", playerId=other)
    api.equal((await socket.expect("REGISTERED"))["playerId"], other, "socket: and may be bound anew")
    await socket.close()


async def events(api):
    """Gap-free numbers, to every connection, and again from any number."""
    host, guest = await api.player(), await api.player()
    sockets = [await api.cluster.socket(host) for _ in range(2)]
    lobby = (await api.call("POST", "/v1/lobbies", {"hostPlayerId": host, "gameMode": "casual"}))["lobby"]["lobbyId"]
    path = f"/v1/lobbies/{lobby}"
    for _ in range(10):
        await api.call("POST", f"{path}/join", {"playerId": guest})
        await api.call("POST", f"{path}/leave", {"playerId": guest})

    def numbered(socket):
        return [message for message in socket.all if "seq" in message]
    for socket in sockets:
        await wait_for("20 events", lambda socket=socket: len(numbered(socket)) >= 20)
    api.equal([[event["seq"] for event in numbered(socket)] for socket in sockets], [list(range(1, 21))] * 2,
              "socket: 20 events, numbered without gaps, on both connections")
    log = numbered(sockets[0])
    await sockets[1].close()
    newest = 20
    for since in (0, 7, 20, 9999):
        socket = await api.cluster.socket(host, lastSeq=since)
        await api.call("POST", f"{path}/join", {"playerId": guest})
        await api.call("POST", f"{path}/leave", {"playerId": guest})
        newest += 2
        await wait_for("two more events", lambda newest=newest: numbered(sockets[0])[-1]["seq"] == newest)
        await wait_for("the same on the new connection",
                       lambda socket=socket, newest=newest: numbered(socket) and numbered(socket)[-1]["seq"] >= newest)
        first = min(since, newest - 2)
        api.equal(numbered(socket), numbered(sockets[0])[first:], f"socket: resumes after {since} with exactly what was missed")
        await socket.close()
    pages, since = [], 0
    while True:
        page = await api.call("GET", f"/v1/players/{host}/events?since={since}")
        if not page["events"]:
            break
        pages += page["events"]
        since = page["lastSeq"]
    api.equal(pages, numbered(sockets[0]), "events: GET tells the same, page by page")
    api.equal(log, pages[:20], "events: and they never change")
    await api.table("events: refusals", [
        ("GET", f"/v1/players/{host}/events?since=-1", None, 400, "VALIDATION_FAILED"),
        ("GET", f"/v1/players/{host}/events?since=x", None, 400, "VALIDATION_FAILED"),
        ("GET", f"/v1/players/{host}/events?since=99999999999999999999", None, 400, "VALIDATION_FAILED"),
        ("GET", "/v1/players/ply_none/events?since=0", None, 404, "PLAYER_NOT_FOUND"),
    ])
    await sockets[0].close()
    await api.call("POST", f"{path}/leave", {"playerId": host})


async def resumed_match(api):
    """What a player who was away is told of a match is what he would have been told."""
    players = [await api.player(region="ap-southeast-1") for _ in range(2)]
    socket = await api.cluster.socket(players[0])
    for player in players:
        await api.call("POST", QUEUE, {"playerId": player, "gameMode": "duel", "region": "asia-pacific"})
    found = await socket.expect("MATCH_FOUND")
    later = await api.cluster.socket(players[0], lastSeq=0)
    again = await later.expect("MATCH_FOUND")
    api.equal(again, found, "socket: a MATCH_FOUND that was missed is told in full")
    await later.send(action="READY", lobbyId=found["lobbyId"], playerId=players[0])
    other = await api.cluster.socket(players[1], lastSeq=0)
    await other.send(action="DECLINE", lobbyId=found["lobbyId"], playerId=players[1])
    await later.expect("MATCH_CANCELLED")
    await api.call("DELETE", f"{QUEUE}/{players[0]}")
    for each in (socket, later, other):
        await each.close()


async def run(api):
    await handshakes(api)
    await refusals(api)
    await frames(api)
    await queueing(api)
    await events(api)
    await resumed_match(api)
