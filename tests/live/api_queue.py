"""/v1/matchmaking/queue: joining, reading, leaving."""

QUEUE = "/v1/matchmaking/queue"
BAD = (400, "VALIDATION_FAILED")


async def joining(api):
    player = await api.player(region="eu-west-1")
    answer = await api.call("POST", QUEUE, {"playerId": player, "gameMode": "squad_battle"})
    data = answer["queueData"]
    api.equal(answer.status, 201, "queue: 201")
    api.has(data, ["playerId", "gameMode", "ticketId", "estimatedWaitTime", "queuePosition"], "queue: every field of queueData")
    api.equal((data["playerId"], data["gameMode"], data["region"], data["queuePosition"], isinstance(answer["message"], str)),
              (player, "squad_battle", "eu-west-1", 1, True), "queue: at home without a region, first in line")
    api.check(isinstance(data["estimatedWaitTime"], int) and data["estimatedWaitTime"] >= 0, "queue: an estimate in seconds")
    seen = await api.call("GET", f"{QUEUE}/{player}")
    api.has(seen["queueData"], ["playerId", "gameMode", "ticketId", "estimatedWaitTime", "queuePosition", "status", "waitedSeconds"],
            "queue: GET has every field")
    api.equal((seen.status, seen["queueData"]["ticketId"], seen["queueData"]["status"], seen["queueData"]["queuePosition"]),
              (200, data["ticketId"], "SEARCHING", 1), "queue: GET says the same")
    api.equal((await api.call("GET", f"/v1/players/{player}"))["player"]["status"], "IN_QUEUE", "queue: the player shows it")
    second = await api.player(region="eu-west-1")
    answer = await api.call("POST", QUEUE, {"playerId": second, "gameMode": "squad_battle", "region": "eu-west"})
    api.equal((answer.status, answer["queueData"]["queuePosition"], answer["queueData"]["region"]), (201, 2, "eu-west-1"),
              "queue: the next is second, an alias is a region")
    again = await api.call("POST", QUEUE, {"playerId": player, "gameMode": "ranked"})
    api.equal((again.said, again.json.get("engagement")), ((409, "PLAYER_ALREADY_IN_QUEUE"), {"kind": "ticket", "id": data["ticketId"]}),
              "queue: twice is 409 with the engagement")
    lobby = await api.call("POST", "/v1/lobbies", {"hostPlayerId": player, "gameMode": "casual"})
    api.equal((lobby.said, lobby.json.get("ticketId")), ((409, "PLAYER_ALREADY_IN_QUEUE"), data["ticketId"]),
              "queue: who waits opens no lobby")
    for who in (player, second):
        gone = await api.call("DELETE", f"{QUEUE}/{who}")
        api.equal(gone.status, 200, "queue: DELETE")
    await api.table("queue: gone is gone", [
        ("DELETE", f"{QUEUE}/{player}", None, 404, "PLAYER_NOT_IN_QUEUE"),
        ("GET", f"{QUEUE}/{player}", None, 404, "PLAYER_NOT_IN_QUEUE"),
        ("DELETE", f"{QUEUE}/ply_none", None, 404, "PLAYER_NOT_FOUND"),
        ("GET", f"{QUEUE}/ply_none", None, 404, "PLAYER_NOT_FOUND"),
    ])
    api.equal((await api.call("GET", f"/v1/players/{player}"))["player"]["status"], "IDLE", "queue: and the player is free")
    return player


async def bounds(api, player):
    def join(**more):
        return {"playerId": player, "gameMode": "tournament", "region": "us-east-1", **more}
    bad = [
        ("POST", QUEUE, {}, *BAD, ["/gameMode", "/playerId"]),
        ("POST", QUEUE, {"playerId": player}, *BAD, ["/gameMode"]),
        ("POST", QUEUE, {"gameMode": "duel"}, *BAD, ["/playerId"]),
        ("POST", QUEUE, join(playerId="ply_none"), 404, "PLAYER_NOT_FOUND"),
        ("POST", QUEUE, join(playerId="a b"), *BAD, ["/playerId"]),
        ("POST", QUEUE, join(playerId="x" * 65), *BAD, ["/playerId"]),
        ("POST", QUEUE, join(playerId=""), *BAD, ["/playerId"]),
        ("POST", QUEUE, join(playerId=7), *BAD, ["/playerId"]),
        ("POST", QUEUE, join(gameMode="chess"), 400, "GAME_MODE_NOT_FOUND", ["/gameMode"]),
        ("POST", QUEUE, join(gameMode="Casual"), 400, "GAME_MODE_NOT_FOUND", ["/gameMode"]),
        ("POST", QUEUE, join(region="mars"), 400, "REGION_NOT_SUPPORTED", ["/region"]),
        ("POST", QUEUE, join(gameMode="chess", region="mars"), *BAD, ["/gameMode", "/region"]),
        ("POST", QUEUE, join(latency=-1), *BAD, ["/latency"]),
        ("POST", QUEUE, join(latency=1001), *BAD, ["/latency"]),
        ("POST", QUEUE, join(latency="20"), *BAD, ["/latency"]),
        ("POST", QUEUE, join(latency=[]), *BAD, ["/latency"]),
        ("POST", QUEUE, join(latencies=20), *BAD, ["/latencies"]),
        ("POST", QUEUE, join(latencies={"us-east-1": 1001}), *BAD, ["/latencies/us-east-1"]),
        ("POST", QUEUE, join(latencies={"us-east-1": None, "us-west-2": "x"}), *BAD, ["/latencies/us-west-2"]),
        ("POST", QUEUE, join(latencies={"mars/moon~": 5}), 400, "REGION_NOT_SUPPORTED", ["/latencies/mars~1moon~0"]),
        ("POST", QUEUE, join(maxWaitTime=0), *BAD, ["/maxWaitTime"]),
        ("POST", QUEUE, join(maxWaitTime=-5), *BAD, ["/maxWaitTime"]),
        ("POST", QUEUE, join(maxWaitTime="60"), *BAD, ["/maxWaitTime"]),
        ("POST", QUEUE, join(latency=999), 400, "HIGH_LATENCY"),
        ("POST", QUEUE, join(latencies={"us-east-1": 900, "eu-west": 901}), 400, "HIGH_LATENCY"),
    ]
    await api.table("queue: every bound is kept", bad)
    api.equal((await api.call("GET", f"/v1/players/{player}"))["player"]["status"], "IDLE", "queue: what was refused did nothing")
    good = [join(), join(latency=0), join(latency=45.7), join(latency=200), join(latencies={"us-east": 20, "eu-west-1": 900}),
            join(latencies={}), join(maxWaitTime=1), join(maxWaitTime=86400), join(extra={"x": 1}, region=None)]
    statuses = []
    for body in good:
        statuses.append((await api.call("POST", QUEUE, body)).status)
        await api.call("DELETE", f"{QUEUE}/{player}")
    api.equal(statuses, [201] * len(good), "queue: what is at the bounds is taken")
    picky = await api.player(maxAcceptableLatency=30)
    near = {"playerId": picky, "gameMode": "tournament", "region": "us-east-1"}
    api.equal((await api.call("POST", QUEUE, {**near, "latency": 31})).said, (400, "HIGH_LATENCY"), "queue: above what the player accepts")
    api.equal((await api.call("POST", QUEUE, {**near, "latency": 30})).status, 201, "queue: as much as he accepts")
    await api.call("DELETE", f"{QUEUE}/{picky}")


async def expiry(api):
    player = await api.player()
    socket = await api.cluster.socket(player)
    await api.call("POST", QUEUE, {"playerId": player, "gameMode": "tournament", "maxWaitTime": 1})
    event = await socket.expect("TICKET_EXPIRED")
    api.has(event, ["seq", "ticketId", "gameMode"], "queue: TICKET_EXPIRED after maxWaitTime")
    gone = await api.call("DELETE", f"{QUEUE}/{player}")
    api.equal(gone.said, (404, "PLAYER_NOT_IN_QUEUE"), "queue: an expired ticket is gone")
    await socket.close()


async def run(api):
    player = await joining(api)
    await bounds(api, player)
    await expiry(api)
