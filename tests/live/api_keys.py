"""A cluster with keys: who may do what, and how often."""

import asyncio
import json

import websockets

from live import wait_for

REGISTER = "/v1/players/register"
QUOTA = 100  # requests a minute from one address, the default


async def register(client, name):
    answer = await client.call("POST", REGISTER, {"username": name, "region": "us-east-1"})
    return answer["player"]["playerId"]


async def roles(api, backend):
    nobody = backend.other(address="127.0.0.2")
    ann, ben = await register(backend, "ann"), await register(backend, "ben")
    token = (await backend.call("POST", f"/v1/players/{ann}/tokens", {"expiresIn": 600}))["token"]
    player = backend.other(key=token, address="127.0.0.3")
    secret = backend.key.rpartition("_")[2]
    forged = [f"mu_shop_{'0' * 64}", f"mu_nobody_{secret}", backend.key + "0", backend.key[:-1],
              token[:-1] + ("0" if token[-1] != "0" else "1"),
              token.replace(ann, ben), "x", "mu__", "a" * 500]
    wrong = []
    for key in forged:
        answer = await nobody.other(key=key).call("GET", f"/v1/players/{ann}")
        if answer.said != (401, "UNAUTHORIZED") or answer.header("www-authenticate") != "Bearer":
            wrong.append((key[:20], answer.status, answer.body[:80]))
    api.check(not wrong, f"keys: {len(forged)} keys that are none are 401{wrong or ''}")
    basic = await nobody.call("GET", f"/v1/players/{ann}", headers={"Authorization": "Basic eDp5"})
    api.equal(basic.said, (401, "UNAUTHORIZED"), "keys: only Bearer")
    for call in (("GET", f"/v1/players/{ann}"), ("POST", REGISTER), ("GET", "/v1/matches/x"), ("POST", "/v1/servers"),
                 ("PUT", f"/v1/players/{ann}/stats"), ("POST", f"/v1/players/{ann}/tokens")):
        api.equal((await nobody.call(*call)).said, (401, "UNAUTHORIZED"), f"keys: nobody may {call[0]} {call[1][:16]}")
    for path in ("/livez", "/readyz", "/version", "/problems/NOT_FOUND"):
        api.equal((await nobody.call("GET", path)).status, 200, f"keys: everybody may GET {path}")
    api.equal((await nobody.call("GET", "/metrics")).said, (404, "NOT_FOUND"), "keys: metrics are for the admin listener")
    answers = {
        "himself": (await player.call("GET", f"/v1/players/{ann}")).status,
        "another": (await player.call("GET", f"/v1/players/{ben}")).status,
        "change another": (await player.call("PATCH", f"/v1/players/{ben}", {"username": "gotcha"})).status,
        "rate himself": (await player.call("PUT", f"/v1/players/{ann}/stats", {"matchResult": "win", "opponentRating": 3000})).status,
        "queue himself": (await player.call("POST", "/v1/matchmaking/queue", {"playerId": ann, "gameMode": "duel"})).status,
        "queue another": (await player.call("POST", "/v1/matchmaking/queue", {"playerId": ben, "gameMode": "duel"})).status,
        "leave for another": (await player.call("DELETE", f"/v1/matchmaking/queue/{ben}")).status,
        "leave": (await player.call("DELETE", f"/v1/matchmaking/queue/{ann}")).status,
        "host for another": (await player.call("POST", "/v1/lobbies", {"hostPlayerId": ben, "gameMode": "duel"})).status,
        "events of another": (await player.call("GET", f"/v1/players/{ben}/events?since=0")).status,
        "a server": (await player.call("POST", "/v1/servers", {"ip": "127.0.0.1", "port": 1, "region": "us-east-1"})).status,
        "a token": (await player.call("POST", f"/v1/players/{ann}/tokens")).status,
    }
    api.equal(answers, {"himself": 200, "another": 403, "change another": 403, "rate himself": 403, "queue himself": 201,
                        "queue another": 403, "leave for another": 403, "leave": 200, "host for another": 403,
                        "events of another": 403, "a server": 403, "a token": 403}, "keys: a player acts for himself alone")
    answer = await backend.call("POST", "/v1/servers", {"ip": "127.0.0.1", "port": 7, "region": "us-east-1"})
    server = backend.other(key=answer["serverKey"], address="127.0.0.4")
    api.equal([(await server.call("POST", f"/v1/servers/{answer['server']['serverId']}/heartbeat")).status,
               (await server.call("GET", f"/v1/players/{ann}")).status, (await server.call("POST", REGISTER, {})).status,
               (await server.call("GET", "/v1/matches/mch_none")).status], [200, 403, 403, 404], "keys: a server is no backend")
    body = {"username": "carl", "region": "us-east-1"}
    once = [await backend.call("POST", REGISTER, body, once="k"),
            await player.call("POST", "/v1/lobbies", {"hostPlayerId": ann, "gameMode": "duel"}, once="k")]
    api.equal([answer.status for answer in once], [201, 201], "keys: each caller has his own idempotency keys")
    await player.call("POST", f"/v1/lobbies/{once[1]['lobby']['lobbyId']}/leave", {"playerId": ann})
    brief = backend.other(key=(await backend.call("POST", f"/v1/players/{ben}/tokens", {"expiresIn": 1}))["token"],
                          address="127.0.0.5")

    async def expired():
        return (await brief.call("GET", f"/v1/players/{ben}")).said == (401, "UNAUTHORIZED")
    await wait_for("the end of a token of 1 s", expired, 4)
    api.check(True, "keys: a token ends")
    for client in (nobody, player, server, brief):
        await client.close()
    return ann, ben, token


async def sockets(api, backend, ann, ben, token):
    url = f"ws://127.0.0.1:{backend.port}/v1/ws"
    async with websockets.connect(url, extra_headers={"Authorization": f"Bearer {token}"}) as socket:
        await socket.send(json.dumps({"action": "REGISTER", "playerId": ben}))
        api.equal(json.loads(await socket.recv())["code"], "FORBIDDEN", "keys: a socket is its token's player")
        await socket.send(json.dumps({"action": "REGISTER", "playerId": ann}))
        api.equal(json.loads(await socket.recv())["type"], "REGISTERED", "keys: by the Authorization header")
    async with websockets.connect(url) as socket:
        await socket.send(json.dumps({"action": "JOIN_QUEUE", "playerId": ann, "gameMode": "duel"}))
        api.equal(json.loads(await socket.recv())["code"], "UNAUTHORIZED", "keys: nothing without a token")
        await socket.send(json.dumps({"action": "REGISTER", "playerId": ann, "token": token[:-2]}))
        api.equal(json.loads(await socket.recv())["code"], "UNAUTHORIZED", "keys: nor with a wrong one")
        await socket.send(json.dumps({"action": "REGISTER", "playerId": ann, "token": token}))
        api.equal(json.loads(await socket.recv())["type"], "REGISTERED", "keys: by a token in the first message")
        for _ in range(60):
            await socket.send("{\"action\":\"PING\"}")
        got = []
        try:
            while True:
                got.append(json.loads(await asyncio.wait_for(socket.recv(), 10)))
        except websockets.ConnectionClosed:
            pass
        pongs = [message["type"] for message in got].count("PONG")
        errors = [message for message in got if message["type"] == "ERROR"]
        api.check(5 <= pongs <= 15 and [error["code"] for error in errors] == ["RATE_LIMITED"] and socket.close_code == 4029,
                  f"keys: above 10 messages a second there is one warning, then 4029 ({pongs}, {len(errors)}, {socket.close_code})")
    try:
        await websockets.connect(url, extra_headers={"Authorization": f"Bearer {token}x"})
        api.check(False, "keys: a wrong token opened a socket")
    except websockets.InvalidStatusCode as refusal:
        api.equal(refusal.status_code, 401, "keys: a wrong token is 401 at the handshake")
    stranger = await websockets.connect(url)
    begun = asyncio.get_running_loop().time()
    await asyncio.wait_for(stranger.wait_closed(), 15)
    took = asyncio.get_running_loop().time() - begun
    api.check(stranger.close_code == 4001 and 4 < took < 8, f"keys: who shows none in 5 s is closed with 4001 ({took:.1f} s)")


async def limits(api, backend):
    nobody = backend.other(address="127.0.0.9")
    answers = [await nobody.call("GET", "/v1/nothing") for _ in range(QUOTA + 5)]
    first, last = answers[0], answers[-1]
    refused = sum(answer.status == 429 for answer in answers)
    api.check(1 <= refused <= 5 and all(answer.status == 404 for answer in answers[:QUOTA]),
              f"limits: {QUOTA} requests a minute ({refused} refused)")
    api.equal((first.header("ratelimit-policy"), first.header("ratelimit").split(";")[:2]),
              (f"\"ip\";q={QUOTA};w=60", ["\"ip\"", f"r={QUOTA - 1}"]),
              "limits: the RateLimit fields count down")
    api.check(last.said == (429, "RATE_LIMITED") and 1 <= int(last.header("retry-after")) <= 60 and ";r=0" in last.header("ratelimit"),
              "limits: 429 with Retry-After and the RateLimit fields")
    api.equal((await nobody.call("GET", "/livez")).status, 200, "limits: health is free")
    other = backend.other(address="127.0.0.10")
    api.equal((await other.call("GET", "/v1/nothing")).status, 404, "limits: another address has its own")
    statuses = {(await backend.call("GET", "/v1/players/ply_none")).status for _ in range(QUOTA + 20)}
    api.equal(statuses, {404}, "limits: a trusted key is not throttled")
    cut = await register(backend, "dora")
    key = (await backend.call("POST", f"/v1/players/{cut}/tokens"))["token"]
    player = [backend.other(key=key, address=f"127.0.1.{i}") for i in range(1, 3)]
    answers = [await player[i % 2].call("GET", f"/v1/players/{cut}") for i in range(45)]
    last = answers[-1]
    api.check(answers[39].status == 200 and last.said == (429, "RATE_LIMITED") and int(last.header("retry-after")) >= 1
              and "\"player\"" in last.header("ratelimit"), "limits: a player has his own, from wherever he calls")
    for client in (nobody, other, *player):
        await client.close()


async def run(api, backend):
    ann, ben, token = await roles(api, backend)
    await asyncio.gather(sockets(api, backend, ann, ben, token), limits(api, backend))
    page = await backend.call("GET", f"/v1/players/{ann}", headers={"Origin": "https://game.example"})
    api.equal((page.header("access-control-allow-origin"), page.header("muster-mode")), ("https://game.example", None),
              "keys: CORS holds there, too")
