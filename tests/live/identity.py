"""Who calls: every route against every caller, players' tokens of an identity service, and secrets that show up nowhere.

A cluster with keys and a key set.  The table below has a row for each entry of gateway/routes.def, in an order in which the rows
find what they need; a route without a row fails the test.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import time

import websockets

import api_client
import api_matches
import live as l

ISSUER, AUDIENCE = "https://id.game.example", "muster"
ROUTES = os.path.join(os.path.dirname(__file__), "..", "..", "gateway", "routes.def")
CONFIG = """origins: ["https://game.example"]
keys:
{}
jwt: {{keys: {}, issuer: "{}", audience: {}}}
modes:
  - {{name: swift, teams: 2, team_min: 2, team_max: 2, rated: true, accept_ms: 0, window_points: 400, window_per_second: 20,
     window_max: 2900, latency_max_ms: 0, fill_ms: 500, spill_ms: 0, wait_max_ms: 300000}}
  - {{name: duel, teams: 2, team_min: 1, team_max: 1, rated: true, accept_ms: 20000, window_points: 400, window_per_second: 20,
     window_max: 2900, latency_max_ms: 0, fill_ms: 500, spill_ms: 0, wait_max_ms: 300000}}
settings:
  rate_ip_per_minute: 0
  rate_player_per_hour: 0
"""
RULES = {"name": "duel", "ruleLanguageVersion": "1.0", "teams": [{"name": "a", "minPlayers": 1, "maxPlayers": 1, "quantity": 2}]}
ROLES = ["none", "other", "stranger", "self", "match", "own", "backend", "operator"]
# A caller's answers, in the order of ROLES.  other: a player who has no part in it; stranger: a game server likewise; match: the token of a match; self and own:
# the player and the server that it is about.  Those who may are after those who may not, so that nothing has changed before.
# A ticket of others is not found (404); whoever may ask for what is there already is told so (409).
ANY = [200] * 8
TABLE = [  # method and pattern, body, statuses
    ("POST /v1/players/register", {"username": "{role}", "region": "us-west-2"}, [401, 201, 403, 201, 403, 403, 201, 201]),
    ("GET /v1/players/{playerId}", None, [401, 403, 403, 200, 403, 403, 200, 200]),
    ("PATCH /v1/players/{playerId}", {"preferences": {"a": 1}}, [401, 403, 403, 200, 403, 403, 200, 200]),
    ("PUT /v1/players/{playerId}/stats", {"matchResult": "win", "opponentRating": 1200}, [401, 403, 403, 403, 403, 403, 200, 200]),
    ("POST /v1/players/{playerId}/tokens", {}, [401, 403, 403, 403, 403, 403, 201, 201]),
    ("GET /v1/players/{playerId}/events", None, [401, 403, 403, 200, 403, 403, 200, 200]),
    ("POST /v1/tickets", {"queues": ["duel"], "players": [{"playerId": "{playerId}"}]}, [401, 403, 403, 201, 403, 403, 409, 409]),
    ("GET /v1/tickets/{ticketId}", None, [401, 404, 403, 200, 403, 403, 200, 200]),
    ("GET /v1/tickets/{ticketId}/explain", None, [401, 404, 403, 200, 403, 403, 200, 200]),
    ("DELETE /v1/tickets/{ticketId}", None, [401, 404, 403, 200, 403, 403, 200, 200]),
    ("POST /v1/matchmaking/queue", {"playerId": "{playerId}", "gameMode": "duel"}, [401, 403, 403, 201, 403, 403, 409, 409]),
    ("GET /v1/matchmaking/queue/{playerId}", None, [401, 403, 403, 200, 403, 403, 200, 200]),
    ("DELETE /v1/matchmaking/queue/{playerId}", None, [401, 403, 403, 200, 403, 403, 404, 404]),
    ("GET /v1/queues", None, [401, 200, 403, 200, 403, 403, 200, 200]),
    ("PUT /v1/rulesets/{name}", RULES, [401, 403, 403, 403, 403, 403, 201, 200]),
    ("GET /v1/rulesets", None, [401, 403, 403, 403, 403, 403, 200, 200]),
    ("GET /v1/rulesets/{name}", None, [401, 403, 403, 403, 403, 403, 200, 200]),
    ("GET /v1/rulesets/{name}/document", None, [401, 403, 403, 403, 403, 403, 200, 200]),
    ("POST /v1/rulesets/{name}/rollback", {"version": 9}, [401, 403, 403, 403, 403, 403, 404, 404]),
    ("POST /v1/lobbies", {"hostPlayerId": "{playerId}", "gameMode": "duel"}, [401, 403, 403, 201, 403, 403, 409, 409]),
    ("GET /v1/lobbies/{lobbyId}", None, [401, 200, 403, 200, 403, 403, 200, 200]),
    ("POST /v1/lobbies/{lobbyId}/join", {"playerId": "{playerId}"}, [401, 403, 403, 200, 403, 403, 200, 200]),
    ("POST /v1/lobbies/{lobbyId}/start", {"playerId": "{playerId}"}, [401, 403, 403, 409, 403, 403, 409, 409]),
    ("POST /v1/lobbies/{lobbyId}/leave", {"playerId": "{playerId}"}, [401, 403, 403, 200, 403, 403, 404, 404]),
    ("GET /v1/matches/{matchId}", None, [401, 200, 200, 200, 200, 200, 200, 200]),
    ("PUT /v1/matches/{matchId}", {"updates": {"playerStatus": [{"playerId": "{leaver}", "status": "LEFT"}]}},
     [401, 403, 403, 403, 200, 200, 200, 200]),
    ("POST /v1/backfills", {"matchId": "{matchId}"}, [401, 403, 403, 403, 403, 201, 200, 200]),
    ("GET /v1/backfills/{backfillId}", None, [401, 403, 403, 403, 403, 200, 200, 200]),
    ("PUT /v1/backfills/{backfillId}", {}, [401, 403, 403, 403, 403, 200, 200, 200]),
    ("DELETE /v1/backfills/{backfillId}", None, [401, 403, 403, 403, 403, 200, 200, 200]),
    ("POST /v1/matches/{matchId}/end", {"winningTeam": "TEAM_A"}, [401, 403, 403, 403, 200, 200, 200, 200]),
    ("POST /v1/servers", {"ip": "127.0.0.1", "port": 9, "region": "us-east-1"}, [401, 403, 403, 403, 403, 403, 201, 201]),
    ("POST /v1/servers/{serverId}/heartbeat", None, [401, 403, 403, 403, 403, 200, 200, 200]),
    ("POST /v1/servers/{serverId}/drain", None, [401, 403, 403, 403, 403, 200, 200, 200]),
    ("DELETE /v1/servers/{serverId}", None, [401, 403, 403, 403, 403, 200, 200, 200]),
    ("GET /problems/{code}", None, ANY),
    ("GET /livez", None, ANY),
    ("GET /readyz", None, ANY),
    ("GET /version", None, ANY),
    ("GET /openapi.json", None, ANY),
    ("GET /asyncapi.json", None, ANY),
    ("GET /metrics", None, ANY),
    ("POST /v1/admin/backups", {"name": "x"}, [401, 403, 403, 403, 403, 403, 201, 409]),
    ("GET /v1/admin/cluster", None, [401, 403, 403, 403, 403, 403, 403, 200]),
    ("POST /v1/admin/drain", {"name": "nobody"}, [401, 403, 403, 403, 403, 403, 403, 404]),
]


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(secret, kid, header=None, **claims):
    """A JWT of HS256."""
    now = time.time()
    said = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(now) + 600, **claims}
    text = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": kid, **(header or {})}, said))
    return f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def write(path, text):
    """Replaces a file in one step."""
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(text)
    os.replace(path + ".new", path)


def key_set(**secrets):
    return json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "kid": kid, "k": b64(secret)} for kid, secret in secrets.items()]})


def routes():
    """"GET /livez" -> "BOTH", of every route there is."""
    with open(ROUTES, encoding="utf-8") as file:
        found = re.findall(r'^(?:ROUTE|LOCAL)\((\w+), "([^"]+)", \w+, (\w+),', file.read(), re.MULTILINE)
    return {f"{method} {pattern}": where for method, pattern, where in found}


def fill(value, names):
    """A body or path with {name}s in it."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], value)
    if isinstance(value, dict):
        return {key: fill(item, names) for key, item in value.items()}
    return [fill(item, names) for item in value] if isinstance(value, list) else value


async def play(backend, names):
    """A match of four on the own server; the first of its second team is to leave."""
    players = [await register(backend, f"player-{i}") for i in range(4)]
    for player in players:
        await backend.call("POST", "/v1/matchmaking/queue", {"playerId": player, "gameMode": "swift", "region": "us-west-2"})

    async def started():
        events = (await backend.call("GET", f"/v1/players/{players[0]}/events?since=0"))["events"]
        return next((event for event in events if event["type"] == "MATCH_STARTED"), None)
    match = await l.wait_for("a match", started, 20)
    names.update(matchId=match["matchId"], leaver=players[1])


async def register(backend, name):
    answer = await backend.call("POST", "/v1/players/register", {"username": name, "region": "us-west-2"})
    return answer["player"]["playerId"]


async def every_route(api, backend, operator, admin_port, secret):
    known = routes()
    missing, unknown = sorted(set(known) - {row[0] for row in TABLE}), sorted({row[0] for row in TABLE} - set(known))
    api.check(not missing and not unknown, f"roles: each of {len(known)} routes has its row {missing or ''}{unknown or ''}")
    names = {"playerId": await register(backend, "ann"), "name": "duel", "code": "NOT_FOUND"}
    other = await register(backend, "ben")
    servers = []
    for region, port in (("us-west-2", 7001), ("eu-west-1", 7002)):
        answer = await backend.call("POST", "/v1/servers", {"ip": "127.0.0.1", "port": port, "region": region, "slots": 5})
        servers.append(api_matches.GameServer(api, answer))
    names["serverId"] = servers[0].id
    await play(backend, names)
    beat = await servers[0].client.call("POST", f"/v1/servers/{servers[0].id}/heartbeat")
    api.equal([session["matchId"] for session in beat["sessions"]], [names["matchId"]], "roles: the server is told its match")
    callers = {
        "none": backend.other(), "backend": backend, "operator": operator, "own": servers[0].client, "stranger": servers[1].client,
        "match": backend.other(key=beat["sessions"][0]["matchToken"]),
        "self": backend.other(key=token(secret, "lab", sub=names["playerId"])), "other": backend.other(key=token(secret, "lab", sub=other)),
    }
    admins = {role: api_client.Client(admin_port, key=caller.key, faults=backend.faults) for role, caller in callers.items()}
    for title, body, expected in TABLE:
        method, pattern = title.split()
        got = []
        for role in ROLES:
            caller = (admins if known.get(title) == "ADMIN" else callers)[role]
            answer = await caller.call(method, fill(pattern, names), fill(body, {**names, "role": f"new-{role}"}))
            got.append(answer.status)
            for part, name in (("ticket", "ticketId"), ("lobby", "lobbyId"), ("backfill", "backfillId")):
                if answer.status == 201 and isinstance(answer.json, dict) and part in answer.json:
                    names.setdefault(name, answer.json[part][name])
        wrong = {role: (is_, want) for role, is_, want in zip(ROLES, got, expected) if is_ != want}
        api.check(not wrong, f"roles: {title} {'(is, should be) ' + str(wrong) if wrong else ''}")
    for server in servers:
        await server.close()
    for client in [*(callers[role] for role in ("none", "self", "other", "match")), *admins.values()]:
        await client.close()
    return names["playerId"], other


async def tokens(api, live, backend, player, other, secret):
    """What makes a token good, on a real gateway; and keys that change while it runs."""
    path = f"/v1/players/{player}"

    async def said(text, address="127.0.0.20"):
        client = backend.other(key=text, address=address)
        answer = await client.call("GET", path)
        await client.close()
        return answer.status
    good = token(secret, "lab", sub=player)
    none = f"{b64(json.dumps({'alg': 'none', 'kid': 'lab'}).encode())}.{good.split('.')[1]}."
    cases = {
        "good": (good, 200), "two audiences": (token(secret, "lab", sub=player, aud=["x", AUDIENCE]), 200),
        "within the leeway": (token(secret, "lab", sub=player, exp=int(time.time()) - 15), 200),
        "expired": (token(secret, "lab", sub=player, exp=int(time.time()) - 60), 401), "no exp": (token(secret, "lab", sub=player, exp=None), 401),
        "not yet": (token(secret, "lab", sub=player, nbf=int(time.time()) + 60), 401), "issuer": (token(secret, "lab", sub=player, iss="x"), 401),
        "audience": (token(secret, "lab", sub=player, aud="x"), 401), "no sub": (token(secret, "lab"), 401),
        "another's": (token(secret, "lab", sub=other), 403), "other secret": (token(b"x" * 32, "lab", sub=player), 401),
        "other kid": (token(secret, "new", sub=player), 401), "none": (none, 401), "none, with a signature": (none + good.split(".")[2], 401),
        "another algorithm": (token(secret, "lab", {"alg": "RS256"}, sub=player), 401), "crit": (token(secret, "lab", {"crit": ["a"]}, sub=player), 401),
        "long": (token(secret, "lab", sub=player, pad="x" * 4096), 401),
    }
    wrong = {name: (status, want) for name, (text, want) in cases.items() if (status := await said(text)) != want}
    api.check(not wrong, f"tokens: {len(cases)} are judged rightly {wrong or ''}")
    fresh = os.urandom(32)
    write(live.path("jwks.json"), key_set(lab=secret, new=fresh))

    async def follows(text, status):
        async def holds():
            return await said(text, "127.0.0.21") == status
        await l.wait_for(f"{status} after a change of keys", holds, 5)
    await follows(token(fresh, "new", sub=player), 200)
    write(live.path("jwks.json"), "{\"keys\": [{\"kty\": \"oct\"}]}")

    def told():
        with open(live.path("log"), encoding="utf-8", errors="replace") as file:
            return "the former token keys stay in force" in file.read()
    await l.wait_for("the line that says so", told, 5)
    api.equal(await said(good), 200, "tokens: a faulty file leaves the former keys in force")
    write(live.path("jwks.json"), key_set(new=fresh))
    await follows(good, 401)
    api.equal(await said(token(fresh, "new", sub=player)), 200, "tokens: keys change while the gateway runs")
    return fresh


async def sockets(api, backend, player, fresh):
    url = f"ws://127.0.0.1:{backend.port}/v1/ws"
    async with websockets.connect(url, extra_headers={"Authorization": f"Bearer {token(fresh, 'new', sub=player)}"}) as socket:
        await socket.send(json.dumps({"action": "REGISTER", "playerId": player}))
        api.equal(json.loads(await socket.recv())["type"], "REGISTERED", "tokens: at the handshake of a WebSocket")
    async with websockets.connect(url) as socket:
        ends = token(fresh, "new", sub=player, exp=int(time.time()) - 27)
        await socket.send(json.dumps({"action": "REGISTER", "playerId": player, "token": ends}))
        api.equal(json.loads(await socket.recv())["type"], "REGISTERED", "tokens: in the first message")
        await asyncio.wait_for(socket.wait_closed(), 10)
        api.equal(socket.close_code, 4001, "tokens: a WebSocket ends with its token")


async def talkative(live, words):
    """Another gateway, which logs all that there is: (process, port, port of its admin listener)."""
    for option, value in (("--port", "0"), ("--admin-port", "0"), ("--log", "debug")):
        words[words.index(option) + 1] = value
    process = await asyncio.create_subprocess_exec(*words, stderr=open(live.path("debug"), "wb"))

    def listening():
        with open(live.path("debug"), encoding="utf-8", errors="replace") as file:
            return re.search(r"event=\"listening\".* port=(\d+) admin_port=(\d+).*event=\"ready\"", file.read(), re.DOTALL)
    try:
        found = await l.wait_for("another gateway", listening, 20)
    except l.Failed:
        process.kill()
        raise
    return process, int(found[1]), int(found[2])


async def canary(api, live, backend, operator, admin_port, player, secrets):
    """Shows wrong credentials until the address is refused; then looks for every secret in all that was written.  At a gateway that
    logs everything."""
    planted = {"password": "c4nary-pass-" + os.urandom(8).hex(), "key": "mu_shop_" + os.urandom(32).hex(), "jwt": token(os.urandom(32), "new", sub=player)}
    answers = []
    for name in ("key", "jwt"):
        guesser = backend.other(key=planted[name], address="127.0.0.30")
        answers += [await guesser.call("GET", f"/v1/players/{player}") for _ in range(20)]
        await guesser.close()
    statuses = [answer.status for answer in answers]
    api.check(statuses[:30] == [401] * 30 and set(statuses[30:]) <= {401, 429} and statuses.count(429) >= 8,
              f"failures: 30 a minute from one address ({statuses.count(401)} refused, {statuses.count(429)} limited)")
    shouting = backend.other(key=backend.key, address="127.0.0.30")
    api.equal((await shouting.call("GET", f"/v1/players/{player}")).status, 200, "failures: a backend's key goes on from there")
    async with websockets.connect(f"ws://127.0.0.1:{backend.port}/v1/ws") as socket:
        await socket.send(json.dumps({"action": "REGISTER", "playerId": player, "token": planted["key"]}))
        answers.append(api_client.Answer(0, {}, (await socket.recv()).encode()))
    body = {"hostPlayerId": player, "gameMode": "duel", "isPrivate": True, "password": planted["password"]}
    lobby = (await backend.call("POST", "/v1/lobbies", body))
    answers += [lobby, await backend.call("GET", f"/v1/lobbies/{lobby['lobby']['lobbyId']}"),
                await backend.call("POST", "/v1/lobbies", {**body, "password": 9 * planted["password"]}),
                await backend.call("POST", f"/v1/lobbies/{lobby['lobby']['lobbyId']}/join", {"playerId": "x", "password": planted["password"] + "!"})]
    admin = api_client.Client(admin_port, key=operator.key, faults=backend.faults)
    metrics = await admin.call("GET", "/metrics")
    answers += [metrics, await admin.call("GET", "/v1/admin/cluster")]
    counted = re.search(rb"^muster_credentials_refused_total\S* (\d+)", metrics.body, re.MULTILINE)
    api.check(counted is not None and int(counted[1]) >= 41, f"failures: counted in /metrics ({counted and int(counted[1])})")
    log = ""
    for name in ("log", "debug"):
        with open(live.path(name), encoding="utf-8", errors="replace") as file:
            log += file.read()
    api.check("credentials refused: address 127.0.0.30: The key is not" in log, "failures: the log says from where and why")
    said = log + "".join(answer.body.decode(errors="replace") + str(answer.headers) for answer in answers)
    hidden = {**planted, "jwt signature": planted["jwt"].split(".")[2], **secrets}
    seen = sorted(name for name, text in hidden.items() if text in said)
    api.check("level=debug actor=gateway" in log and not seen, f"canary: none of {len(hidden)} secrets in log, metrics and answers {seen or ''}")
    for client in (shouting, admin):
        await client.close()


async def run(live):
    secret, keys, entries = os.urandom(32), {}, []
    for name, role in (("shop", "backend"), ("ops", "operator")):
        code, out, err = await live.muster("key", "new", "--id", name, "--role", role)
        if code != 0:
            raise l.Failed(f"muster key: {err}")
        keys[name] = out.splitlines()[0].strip()
        entries.append(out.splitlines()[1])
    write(live.path("jwks.json"), key_set(lab=secret))
    write(live.path("keys.yaml"), CONFIG.format("\n".join(entries), live.path("jwks.json"), ISSUER, AUDIENCE))
    write(live.path("key"), keys["shop"] + "\n")
    cluster = await l.Cluster(live, live.path("data"), "--bots", "0", "--matchers", "1", "--config", live.path("keys.yaml"),
                              "--key-file", live.path("key")).start()
    backend, operator = (api_client.Client(cluster.port, key=keys[name]) for name in ("shop", "ops"))
    api = api_client.Api(live, cluster, backend)
    gateway = next(pid for pid, name in cluster.children().items() if name == "gateway")
    words = [word for word in l.command_of(gateway) if word]
    admin_port = int(words[words.index("--admin-port") + 1])
    player, other = await every_route(api, backend, operator, admin_port, secret)
    fresh = await tokens(api, live, backend, player, other, secret)
    await sockets(api, backend, player, fresh)
    process, port, admin_port = await talkative(live, words)
    loud = [api_client.Client(port, key=client.key, faults=backend.faults) for client in (backend, operator)]
    try:
        await canary(api, live, *loud, admin_port, player, {**keys, "old secret": b64(secret), "new secret": b64(fresh)})
    finally:
        process.terminate()
    api.equal(await asyncio.wait_for(process.wait(), 20), 0, "canary: the gateway ends")
    live.check(not backend.faults, f"every answer is what all answers are {sorted(set(backend.faults))[:5] or ''}")
    for client in (backend, operator, *loud):
        await client.close()
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "the cluster ends")


l.main(run)
