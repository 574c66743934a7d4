"""Seeded nonsense for every call: whatever comes, the answer is a refusal that says why, or it was no nonsense."""

import asyncio
import json
from collections import Counter

CALLS = 3000
AT_ONCE = 20
FIELDS = ["username", "region", "preferredGameMode", "maxAcceptableLatency", "preferences", "matchResult", "opponentRating", "playerId",
          "gameMode", "latency", "latencies", "maxWaitTime", "hostPlayerId", "name", "maxPlayers", "minPlayers", "isPrivate", "password",
          "settings", "customRules", "updates", "winningTeam", "ranking", "leavers", "ip", "port", "slots", "gameModes", "expiresIn"]
ROUTES = [("POST", "/v1/players/register"), ("GET", "/v1/players/{}"), ("PATCH", "/v1/players/{}"), ("PUT", "/v1/players/{}/stats"),
          ("POST", "/v1/players/{}/tokens"), ("GET", "/v1/players/{}/events?since={}&limit={}"), ("POST", "/v1/matchmaking/queue"),
          ("GET", "/v1/matchmaking/queue/{}"), ("DELETE", "/v1/matchmaking/queue/{}"), ("POST", "/v1/lobbies"), ("GET", "/v1/lobbies/{}"),
          ("POST", "/v1/lobbies/{}/join"), ("POST", "/v1/lobbies/{}/leave"), ("POST", "/v1/lobbies/{}/start"), ("GET", "/v1/matches/{}"),
          ("PUT", "/v1/matches/{}"), ("POST", "/v1/matches/{}/end"), ("POST", "/v1/servers"), ("POST", "/v1/servers/{}/heartbeat"),
          ("POST", "/v1/servers/{}/drain"), ("DELETE", "/v1/servers/{}"), ("GET", "/problems/{}"), ("GET", "/{}/{}")]


def value(random, known, depth=0):
    """Anything, often something that is known."""
    kind = random.randrange(12 if depth < 3 else 9)
    if kind < 3:
        return random.choice(known)
    if kind == 3:
        return random.choice([0, -1, 1, 2, 16, 17, 100, 1000, 1001, 3000, 65535, 65536, 2**31, 2**53 + 1, -2**63, 2**63 - 1])
    if kind == 4:
        return random.choice([0.5, -0.0, 1e300, -1e-300, 4.0, 999.5])
    if kind == 5:
        return random.choice([True, False, None])
    if kind < 9:
        length = random.choice([0, 1, 3, 4, 30, 31, 64, 65, 200, 3000])
        return "".join(chr(random.choice([random.randrange(32, 127), random.randrange(0xa0, 0xd800),
                                          random.randrange(0x10000, 0x110000)]))
                       for _ in range(length))[:length]
    if kind < 11:
        return {random.choice(FIELDS + known): value(random, known, depth + 1) for _ in range(random.randrange(5))}
    return [value(random, known, depth + 1) for _ in range(random.randrange(5))]


def segment(random, known):
    raw = random.choice(known) if random.random() < 0.7 else value(random, known)
    return "".join(f"%{byte:02X}" if not chr(byte).isalnum() and chr(byte) not in "_.-" else chr(byte)
                   for byte in str(raw).encode()[:300] if byte >= 0x20) or "x"


async def run(api):
    random = api.live.random
    players = [await api.player() for _ in range(8)]
    lobby = (await api.call("POST", "/v1/lobbies", {"hostPlayerId": players[0], "gameMode": "casual"}))["lobby"]["lobbyId"]
    known = players + [lobby, lobby.replace("lob_", "mch_"), "us-east-1", "duel", "casual", "win", "TEAM_A", "DRAW", "ply_none"]
    counts, broken = Counter(), []

    async def caller(calls):
        for _ in range(calls):
            method, path = random.choice(ROUTES)
            path = path.format(*(segment(random, known) for _ in range(3)))
            body = None
            if method in ("POST", "PUT", "PATCH"):
                names = random.sample(FIELDS, random.randrange(1, 12))
                body = {name: value(random, known) for name in names} if random.random() < 0.9 else value(random, known)
            answer = await api.call(method, path, body)
            counts[answer.status] += 1
            if answer.status >= 500 and answer.code not in ("NO_SERVER", "OVERLOADED"):
                broken.append(f"{method} {path} {json.dumps(body)[:300]}: {answer.status} {answer.body[:200]!r}")
    await asyncio.gather(*(caller(CALLS // AT_ONCE) for _ in range(AT_ONCE)))
    api.check(not broken, f"nonsense: {CALLS} calls, none breaks anything ({dict(sorted(counts.items()))}){broken[:5] or ''}")
    socket = await api.cluster.socket()
    actions = ["REGISTER", "READY", "UNREADY", "DECLINE", "PING", "JOIN_QUEUE", "LEAVE_QUEUE"]
    fields = ["playerId", "lobbyId", "gameMode", "region", "latency", "latencies", "maxWaitTime", "lastSeq", "since", "token", "id"]
    for _ in range(300):
        message = {name: value(random, known) for name in random.sample(fields, random.randrange(6))}
        text = json.dumps({"action": random.choice(actions), **message})
        await socket.connection.send(text if len(text) <= 16384 else "{}")
    await socket.connection.send(json.dumps({"action": "PING", "id": "last"}))
    await socket.expect("PONG", lambda message: message.get("re") == "last")
    bad = [m for m in socket.all if m.get("type") == "ERROR" and m.get("status", 500) >= 500 and m.get("code") != "OVERLOADED"]
    api.check(not bad, f"nonsense: 300 messages, and the connection stays{bad[:3] or ''}")
    await socket.close()
