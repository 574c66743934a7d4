"""/v1/lobbies: opening, joining, leaving, starting."""

import asyncio

from live import wait_for

LOBBIES = "/v1/lobbies"
BAD = (400, "VALIDATION_FAILED")
LOBBY = ["lobbyId", "joinCode", "name", "gameMode", "region", "status", "hostPlayerId", "maxPlayers", "minPlayers",
         "currentPlayers", "isPrivate", "hasPassword", "players", "settings", "customRules", "createdAt"]


async def opening(api):
    host = await api.player(region="ap-southeast-1")
    answer = await api.call("POST", LOBBIES, {
        "hostPlayerId": host, "gameMode": "team_match", "name": "Füchse 🦊", "maxPlayers": 16, "minPlayers": 3, "isPrivate": True,
        "password": "pass word-✓", "region": "eu-west", "settings": {"map": "ice"}, "customRules": {"n": 3}})
    lobby = answer["lobby"]
    api.equal(answer.status, 201, "lobby: 201")
    api.has(lobby, LOBBY, "lobby: every field")
    api.equal((lobby["name"], lobby["gameMode"], lobby["region"], lobby["maxPlayers"], lobby["minPlayers"], lobby["isPrivate"],
               lobby["hasPassword"], lobby["settings"], lobby["customRules"], lobby["hostPlayerId"], lobby["currentPlayers"]),
              ("Füchse 🦊", "team_match", "eu-west-1", 16, 3, True, True, {"map": "ice"}, {"n": 3}, host, 1), "lobby: what was given")
    api.check(isinstance(answer["message"], str) and len(lobby["joinCode"]) >= 4, "lobby: a message and a code to join")
    seen = await api.call("GET", f"{LOBBIES}/{lobby['lobbyId']}")
    api.equal((seen.status, seen["lobby"]), (200, lobby), "lobby: GET says the same")
    api.check(b"pass word" not in seen.body + answer.body and b"argon2" not in seen.body + answer.body
              and b"asswordHash" not in seen.body + answer.body, "lobby: neither shows the password or its hash")
    twice = await api.call("POST", LOBBIES, {"hostPlayerId": host, "gameMode": "casual"})
    api.equal((twice.said, twice.json.get("engagement")), ((409, "PLAYER_IN_LOBBY"), {"kind": "lobby", "id": lobby["lobbyId"]}),
              "lobby: nobody hosts two")
    queue = await api.call("POST", "/v1/matchmaking/queue", {"playerId": host, "gameMode": "casual"})
    api.equal((queue.said, queue.json.get("lobbyId")), ((409, "PLAYER_IN_LOBBY"), lobby["lobbyId"]), "lobby: nor queues meanwhile")
    api.equal((await api.call("GET", f"/v1/players/{host}"))["player"]["status"], "IN_LOBBY", "lobby: the player shows it")
    guest = await api.player()
    path = f"{LOBBIES}/{lobby['lobbyId']}/join"
    await api.table("lobby: passwords", [
        ("POST", path, {"playerId": guest, "password": "wrong"}, 403, "WRONG_PASSWORD"),
        ("POST", path, {"playerId": guest, "password": ""}, 403, "WRONG_PASSWORD"),
        ("POST", path, {"playerId": guest}, 403, "WRONG_PASSWORD"),
        ("POST", path, {"playerId": guest, "password": 1234}, *BAD, ["/password"]),
        ("POST", path, {"playerId": guest, "password": "x" * 65}, *BAD, ["/password"]),
        ("POST", path, {"password": "x"}, *BAD, ["/playerId"]),
        ("POST", path, {"playerId": "ply_none", "password": "pass word-✓"}, 404, "PLAYER_NOT_FOUND"),
    ])
    joined = await api.call("POST", path, {"playerId": guest, "password": "pass word-✓"})
    api.equal((joined.status, [p["playerId"] for p in joined["lobby"]["players"]]), (200, [host, guest]), "lobby: the right one opens")
    api.check(b"pass word" not in joined.body, "lobby: and is not shown")
    again = await api.call("POST", path, {"playerId": guest, "password": "pass word-✓"})
    api.equal((again.status, again["lobby"]["currentPlayers"]), (200, 2), "lobby: joining twice is joining once")
    guesser = await api.player()
    guesses = [await api.call("POST", path, {"playerId": guesser, "password": f"guess{i}"}) for i in range(7)]
    api.check(guesses[0].said == (403, "WRONG_PASSWORD") and guesses[-1].said == (429, "RATE_LIMITED")
              and int(guesses[-1].header("retry-after")) >= 1, "lobby: who guesses on and on has to wait")
    return host, guest, lobby["lobbyId"]


async def bounds(api):
    host = await api.player()

    def create(**more):
        return {"hostPlayerId": host, "gameMode": "casual", **more}
    await api.table("lobby: every bound is kept", [
        ("POST", LOBBIES, {}, *BAD, ["/gameMode", "/hostPlayerId"]),
        ("POST", LOBBIES, create(gameMode="chess"), 400, "GAME_MODE_NOT_FOUND", ["/gameMode"]),
        ("POST", LOBBIES, create(region="mars"), 400, "REGION_NOT_SUPPORTED", ["/region"]),
        ("POST", LOBBIES, create(hostPlayerId="ply_none"), 404, "PLAYER_NOT_FOUND"),
        ("POST", LOBBIES, create(maxPlayers=1), *BAD),
        ("POST", LOBBIES, create(maxPlayers=17), *BAD, ["/maxPlayers"]),
        ("POST", LOBBIES, create(maxPlayers=4.5), *BAD, ["/maxPlayers"]),
        ("POST", LOBBIES, create(maxPlayers="4"), *BAD, ["/maxPlayers"]),
        ("POST", LOBBIES, create(minPlayers=1), *BAD, ["/minPlayers"]),
        ("POST", LOBBIES, create(minPlayers=11), *BAD, ["/minPlayers"]),
        ("POST", LOBBIES, create(maxPlayers=4, minPlayers=5), *BAD, ["/minPlayers"]),
        ("POST", LOBBIES, create(password="abc"), *BAD, ["/password"]),
        ("POST", LOBBIES, create(password="x" * 65), *BAD, ["/password"]),
        ("POST", LOBBIES, create(password=12345), *BAD, ["/password"]),
        ("POST", LOBBIES, create(isPrivate="yes"), *BAD, ["/isPrivate"]),
        ("POST", LOBBIES, create(isPrivate=1), *BAD, ["/isPrivate"]),
        ("POST", LOBBIES, create(name=""), *BAD, ["/name"]),
        ("POST", LOBBIES, create(name="x" * 101), *BAD, ["/name"]),
        ("POST", LOBBIES, create(name="a\nb"), *BAD, ["/name"]),
        ("POST", LOBBIES, create(settings=[1]), *BAD, ["/settings"]),
        ("POST", LOBBIES, create(customRules="x"), *BAD, ["/customRules"]),
        ("POST", LOBBIES, create(settings={"x": "y" * 3000}), *BAD, ["/settings"]),
    ])
    good = [create(), create(maxPlayers=2), create(maxPlayers=16, minPlayers=16), create(maxPlayers=4.0), create(password="abcd"),
            create(password="x" * 64), create(name="x" * 100), create(settings={"deep": {"er": [1, [2]]}}), create(isPrivate=False)]
    defaults, statuses = None, []
    for body in good:
        answer = await api.call("POST", LOBBIES, body)
        statuses.append(answer.status)
        lobby = answer["lobby"]
        defaults = defaults or (lobby["maxPlayers"], lobby["minPlayers"], lobby["isPrivate"], lobby["hasPassword"], lobby["region"])
        await api.call("POST", f"{LOBBIES}/{lobby['lobbyId']}/leave", {"playerId": host})
    api.equal(statuses, [201] * len(good), "lobby: what is at the bounds is taken")
    api.equal(defaults, (10, 2, False, False, "us-east-1"), "lobby: 2 to 10 players, public, at home, if nothing is said")
    ended = lobby["lobbyId"]
    await api.table("lobby: one that ended, and none", [
        ("POST", f"{LOBBIES}/{ended}/join", {"playerId": host}, 404, "LOBBY_NOT_FOUND"),
        ("POST", f"{LOBBIES}/{ended}/leave", {"playerId": host}, 404, "LOBBY_NOT_FOUND"),
        ("POST", f"{LOBBIES}/{ended}/start", {"playerId": host}, 404, "LOBBY_NOT_FOUND"),
        ("GET", f"{LOBBIES}/lob_none", None, 404, "LOBBY_NOT_FOUND"),
        ("POST", f"{LOBBIES}/lob_none/join", {"playerId": host}, 404, "LOBBY_NOT_FOUND"),
        ("POST", f"{LOBBIES}/lob_none/start", {"playerId": host}, 404, "LOBBY_NOT_FOUND"),
        ("POST", f"{LOBBIES}/lob_none/leave", {"playerId": host}, 404, "LOBBY_NOT_FOUND"),
        ("POST", f"{LOBBIES}/" + "x" * 64 + "/join", {"playerId": host}, 404, "LOBBY_NOT_FOUND"),
    ])


async def moving(api, host, guest, lobby):
    """Ready, leave, the host's place; then the end."""
    path = f"{LOBBIES}/{lobby}"
    third = await api.player()
    await api.call("POST", f"{path}/join", {"playerId": third, "password": "pass word-✓"})
    sockets = {who: await api.cluster.socket(who) for who in (host, guest, third)}
    await api.table("lobby: start is refused (no game server is free either)", [
        ("POST", f"{path}/start", {"playerId": guest}, 403, "NOT_HOST"),
        ("POST", f"{path}/start", {}, *BAD, ["/playerId"]),
    ])
    refused = await api.call("POST", f"{path}/start", {"playerId": host})
    api.equal((refused.said, sorted(refused.json.get("notReady", []))), ((409, "INSUFFICIENT_PLAYERS"), sorted([guest, third])),
              "lobby: not ready is 409 with notReady[]")
    for who in (guest, third):
        await sockets[who].send(action="READY", lobbyId=lobby, playerId=who)
        update = await sockets[host].expect("READY_UPDATE")
        api.has(update, ["seq", "lobbyId", "ready", "total"], "lobby: READY_UPDATE has every field")
    api.equal((update["ready"], update["total"]), (2, 3), "lobby: READY_UPDATE counts")
    await sockets[third].send(action="UNREADY", lobbyId=lobby, playerId=third)
    api.equal((await sockets[host].expect("READY_UPDATE"))["ready"], 1, "lobby: UNREADY")
    refused = await api.call("POST", f"{path}/start", {"playerId": host})
    api.equal(refused.json.get("notReady"), [third], "lobby: notReady[] names who is not")
    left = await api.call("POST", f"{path}/leave", {"playerId": host})
    api.equal((left.status, left["lobby"]["hostPlayerId"]), (200, guest),
              "lobby: the host's place goes to the longest-standing member")
    event = await sockets[third].expect("PLAYER_LEFT")
    api.equal((event["playerId"], event["newHost"], event["lobbyId"]), (host, guest, lobby), "lobby: PLAYER_LEFT says so")
    api.equal((await api.call("POST", f"{path}/leave", {"playerId": host})).said, (409, "NOT_IN_LOBBY"), "lobby: leaving twice")
    too_few = await api.call("POST", f"{path}/leave", {"playerId": third})
    api.equal(too_few.status, 200, "lobby: another leaves")
    refused = await api.call("POST", f"{path}/start", {"playerId": guest})
    api.equal((refused.said, refused.json.get("notReady")), ((409, "INSUFFICIENT_PLAYERS"), []), "lobby: too few is 409")
    last = await api.call("POST", f"{path}/leave", {"playerId": guest})
    api.equal((last.status, (await sockets[guest].expect("LOBBY_CLOSED"))["lobbyId"]), (200, lobby), "lobby: an empty one ends")
    api.equal((await api.call("GET", f"/v1/players/{guest}"))["player"]["status"], "IDLE", "lobby: and its last member is free")
    for socket in sockets.values():
        await socket.close()


async def full(api):
    host = await api.player()
    lobby = (await api.call("POST", LOBBIES, {"hostPlayerId": host, "gameMode": "casual", "maxPlayers": 2}))["lobby"]["lobbyId"]
    guests = [await api.player() for _ in range(2)]
    socket = await api.cluster.socket(host)
    api.equal((await api.call("POST", f"{LOBBIES}/{lobby}/join", {"playerId": guests[0]})).status, 200, "lobby: the second joins")
    event = await socket.expect("PLAYER_JOINED")
    api.equal((event["lobbyId"], event["player"]["playerId"], "seq" in event), (lobby, guests[0], True), "lobby: PLAYER_JOINED")
    third = await api.call("POST", f"{LOBBIES}/{lobby}/join", {"playerId": guests[1]})
    api.equal(third.said, (409, "LOBBY_FULL"), "lobby: the third finds it full")
    await socket.cut()

    async def moved():
        return (await api.call("GET", f"{LOBBIES}/{lobby}"))["lobby"]["hostPlayerId"] == guests[0]

    await wait_for("the host who was cut to be taken out", moved)
    api.check(True, "lobby: a host whose line is cut is taken out after the grace time")
    await api.call("POST", f"{LOBBIES}/{lobby}/leave", {"playerId": guests[0]})


async def run(api):
    host, guest, lobby = await opening(api)
    await asyncio.gather(bounds(api), full(api))
    await moving(api, host, guest, lobby)
