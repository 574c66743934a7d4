"""The whole story of players, servers and lobbies, told to real processes through the public API."""

import asyncio

import live as l

CONFIG = """settings:
  lobby_grace_ms: 500
  cooldown_ms: 0
  password_memory_kib: 64
  password_passes: 1
"""
RULES = {"mapPool": ["dust", "ice"], "rounds": 3}


async def register(live, cluster, name, **more):
    status, answer = await cluster.call("POST", "/v1/players/register", {"username": name, "region": "eu-west-1", **more})
    if status != 201:
        raise l.Failed(f"cannot register {name}: {status} {answer}")
    return answer["player"]


async def matched(cluster, mode, players):
    """Queues (player id, socket) pairs and accepts what is found; the MATCH_STARTED of each."""
    for player, _ in players:
        status, answer = await cluster.call("POST", "/v1/matchmaking/queue",
                                            {"playerId": player, "gameMode": mode, "region": "eu-west-1"})
        if status != 201:
            raise l.Failed(f"cannot queue: {status} {answer}")
    for player, socket in players:
        found = await socket.expect("MATCH_FOUND")
        await socket.send(action="READY", lobbyId=found["lobbyId"], playerId=player)
    return [await socket.expect("MATCH_STARTED") for _, socket in players]


async def first_match(live, cluster):
    ann = await register(live, cluster, "ann", maxAcceptableLatency=120, preferences={"colour": "blue"})
    ben = await register(live, cluster, "ben")
    live.equal((ann["skillRating"], ann["region"], ann["preferences"]), (1200, "eu-west-1", {"colour": "blue"}),
               "a new player has rating 1200 and what was given")
    a, b = await cluster.socket(ann["playerId"]), await cluster.socket(ben["playerId"])
    status, answer = await cluster.call("POST", "/v1/servers", {"ip": "127.0.0.1", "port": 7777, "region": "eu-west-1",
                                                                "slots": 8}, key=cluster.key)
    live.equal(status, 201, "a server registers with the printed key")
    server = l.Server(cluster, answer)
    await l.wait_for("a heartbeat", lambda: server.beats > 0)

    status, answer = await cluster.call("POST", "/v1/matchmaking/queue",
                                        {"playerId": ann["playerId"], "gameMode": "duel", "latency": 30,
                                         "region": "eu-west"})
    live.check(status == 201 and answer["queueData"]["gameMode"] == "duel" and answer["queueData"]["queuePosition"] == 1,
               "ann queues, by a region's alias, and is first")
    status, answer = await cluster.call("POST", "/v1/matchmaking/queue",
                                        {"playerId": ann["playerId"], "gameMode": "duel", "region": "eu-west-1"})
    live.check(status == 409 and answer["code"] == "PLAYER_ALREADY_IN_QUEUE" and answer["engagement"]["kind"] == "ticket",
               "she cannot queue twice")
    status, answer = await cluster.call("GET", f"/v1/matchmaking/queue/{ann['playerId']}")
    live.check(status == 200 and answer["queueData"]["status"] == "SEARCHING", "her place can be read")
    await b.send(action="JOIN_QUEUE", playerId=ben["playerId"], gameMode="duel", region="eu-west-1")
    found = await a.expect("MATCH_FOUND")
    live.equal((await b.expect("MATCH_FOUND"))["lobbyId"], found["lobbyId"], "both find the same match")
    live.equal(sorted(p["username"] for p in found["players"]), ["ann", "ben"], "MATCH_FOUND names both")
    await a.send(action="READY", lobbyId=found["lobbyId"], playerId=ann["playerId"])
    update = await b.expect("READY_UPDATE")
    live.equal((update["ready"], update["total"]), (1, 2), "ben is told that ann is ready")
    await b.send(action="READY", lobbyId=found["lobbyId"], playerId=ben["playerId"])
    started, other = await a.expect("MATCH_STARTED"), await b.expect("MATCH_STARTED")
    match = started["matchId"]
    live.check(other["matchId"] == match and {started["team"], other["team"]} == {"TEAM_A", "TEAM_B"},
               "the match starts with two teams")
    live.equal((started["gameServer"]["ip"], started["gameServer"]["port"]), ("127.0.0.1", 7777), "on the server")
    await server.plays(match)
    status, answer = await cluster.call("PUT", f"/v1/matches/{match}", {"updates": {
        "scores": [{"playerId": ann["playerId"], "score": 13}],
        "playerStatus": [{"playerId": ben["playerId"], "status": "CONNECTED"}]}}, key=server.key)
    scores = {p["username"]: (p["score"], p["status"]) for p in answer["match"]["players"]} if status == 200 else answer
    live.check(status == 200 and scores["ann"][0] == 13 and scores["ben"][1] == "CONNECTED", "the server reports scores")
    result = {"winningTeam": started["team"]}
    status, answer = await cluster.call("POST", f"/v1/matches/{match}/end", result, key=server.key)
    live.check(status == 200 and answer["results"]["winners"] == [ann["playerId"]], "the server reports the result")
    status, again = await cluster.call("POST", f"/v1/matches/{match}/end", result, key=server.key)
    live.equal((status, again), (200, answer), "the same result again gets the same answer")
    status, answer = await cluster.call("POST", f"/v1/matches/{match}/end", {"winningTeam": other["team"]}, key=server.key)
    live.check(status == 409 and answer["code"] == "RESULT_CONFLICT", "another result is refused")
    ends = [await s.expect("MATCH_ENDED") for s in (a, b)]
    live.equal([(e["result"], e["rating"]) for e in ends],
               [("win", {"before": 1200, "after": 1216}), ("loss", {"before": 1200, "after": 1184})],
               "ratings are 1216 and 1184")
    status, answer = await cluster.call("GET", f"/v1/players/{ann['playerId']}")
    live.check(status == 200 and answer["player"]["skillRating"] == 1216 and answer["player"]["wins"] == 1
               and answer["player"]["status"] == "IDLE", "her record says so, and she is free")
    return {"ann": ann, "ben": ben, "a": a, "b": b, "server": server, "match": match}


async def cancel(live, cluster, story):
    """Leaving the queue while a match is being found: one of the two wins, and everybody is told which."""
    ann, ben, a, b = story["ann"]["playerId"], story["ben"]["playerId"], story["a"], story["b"]
    status, answer = await cluster.call("DELETE", f"/v1/matchmaking/queue/{ann}")
    live.check(status == 404 and answer["code"] == "PLAYER_NOT_IN_QUEUE", "who is not queued cannot leave")
    outcomes = []
    leave = ("DELETE", f"/v1/matchmaking/queue/{ann}")
    join = ("POST", "/v1/matchmaking/queue", {"playerId": ben, "gameMode": "duel", "region": "eu-west-1"})
    for i in range(8):
        await cluster.call(join[0], join[1], {**join[2], "playerId": ann})
        if i % 2 == 0:  # both at once, or as soon as the other is acknowledged
            joined, (status, answer) = await asyncio.gather(cluster.call(*join), cluster.call(*leave))
        else:
            joined, (status, answer) = await cluster.call(*join), await cluster.call(*leave)
        outcomes.append(status)
        if status == 200:
            status, _ = await cluster.call("DELETE", f"/v1/matchmaking/queue/{ben}")
            good = joined[0] == 201 and status == 200
        else:
            good = status == 409 and answer["code"] == "TICKET_MATCHED" and answer["engagement"]["kind"] == "match"
            found = await a.expect("MATCH_FOUND")
            await b.expect("MATCH_FOUND")
            await a.send(action="DECLINE", lobbyId=found["lobbyId"], playerId=ann)
            cancelled = await b.expect("MATCH_CANCELLED")
            good = good and cancelled["reason"] == "DECLINED" and cancelled["requeued"]
            good = good and not (await a.expect("MATCH_CANCELLED"))["requeued"]
            good = good and (await cluster.call("DELETE", f"/v1/matchmaking/queue/{ben}"))[0] == 200
        if not good:
            break
    live.check(good, f"leaving the queue as the match is found: {outcomes}")


async def custom_lobby(live, cluster, story):
    names = ["cat", "dan", "eve", "fay"]
    ids = {name: (await register(live, cluster, name))["playerId"] for name in names}
    sockets = {name: await cluster.socket(ids[name]) for name in names}
    status, answer = await cluster.call("POST", "/v1/lobbies", {
        "hostPlayerId": ids["cat"], "gameMode": "team_match", "name": "Friday", "password": "sesame", "maxPlayers": 4,
        "minPlayers": 2, "region": "eu-west-1", "settings": {"map": "ice"}, "customRules": RULES})
    live.equal(status, 201, "cat opens a lobby with a password")
    lobby = answer["lobby"]["lobbyId"]
    status, answer = await cluster.call("POST", f"/v1/lobbies/{lobby}/join", {"playerId": ids["dan"], "password": "wrong"})
    live.check(status == 403 and answer["code"] == "WRONG_PASSWORD", "a wrong password is refused")
    for name in names[1:]:
        status, answer = await cluster.call("POST", f"/v1/lobbies/{lobby}/join", {"playerId": ids[name], "password": "sesame"})
        live.equal(status, 200, f"{name} joins")
        await sockets["cat"].expect("PLAYER_JOINED", lambda m, name=name: m["player"]["username"] == name)
    status, answer = await cluster.call("GET", f"/v1/lobbies/{lobby}")
    text = str(answer)
    live.check(status == 200 and answer["lobby"]["currentPlayers"] == 4 and answer["lobby"]["customRules"] == RULES
               and "sesame" not in text and "passwordHash" not in text, "the lobby shows four, and no password")
    await story["a"].connection.ensure_open()
    status, answer = await cluster.call("POST", f"/v1/lobbies/{lobby}/join",
                                        {"playerId": story["ann"]["playerId"], "password": "sesame"})
    live.check(status == 409 and answer["code"] == "LOBBY_FULL", "a fifth finds it full")
    status, answer = await cluster.call("POST", f"/v1/lobbies/{lobby}/start", {"playerId": ids["dan"]})
    live.check(status == 403 and answer["code"] == "NOT_HOST", "only the host may start")
    status, answer = await cluster.call("POST", f"/v1/lobbies/{lobby}/start", {"playerId": ids["cat"]})
    live.check(status == 409 and answer["code"] == "INSUFFICIENT_PLAYERS"
               and sorted(answer["notReady"]) == sorted(ids[name] for name in names[1:]), "not before all are ready")
    await sockets["cat"].cut()
    left = await sockets["dan"].expect("PLAYER_LEFT")
    live.equal((left["playerId"], left["newHost"]), (ids["cat"], ids["dan"]), "the host's line is cut: dan is host")
    for name in ("eve", "fay"):
        await sockets[name].send(action="READY", lobbyId=lobby, playerId=ids[name])
        await sockets["dan"].expect("READY_UPDATE")
    status, answer = await cluster.call("POST", f"/v1/lobbies/{lobby}/start", {"playerId": ids["dan"]})
    live.check(status == 200 and len(answer["match"]["players"]) == 3 and answer["match"]["gameServer"]["port"] == 7777,
               "dan starts the match of three")
    started = [await sockets[name].expect("MATCH_STARTED") for name in names[1:]]
    match = started[0]["matchId"]
    await story["server"].plays(match)
    status, answer = await cluster.call("POST", f"/v1/matches/{match}/end", {"winningTeam": "DRAW", "leavers": [ids["fay"]]},
                                        key=story["server"].key)
    live.equal(status, 200, "and it ends in a draw that fay left")
    ends = [await sockets[name].expect("MATCH_ENDED") for name in names[1:]]
    live.check(ends[2]["result"] == "loss", "who left has lost")
    status, answer = await cluster.call("GET", f"/v1/players/{ids['cat']}")
    live.equal(answer["player"]["status"], "IDLE", "cat is free")
    for name in names[1:]:
        await sockets[name].close()
    return ids


async def refusals(live, cluster, story):
    ann = story["ann"]["playerId"]
    status, answer = await cluster.call("POST", "/v1/players/register", {"username": "x", "region": "mars",
                                                                         "maxAcceptableLatency": 5000})
    live.check(status == 400 and sorted(e["pointer"] for e in answer["errors"])
               == ["/maxAcceptableLatency", "/region", "/username"], "all faults are told at once")
    cases = [
        ("POST", "/v1/players/register", {"username": "ANN", "region": "eu-west-1"}, 409, "USERNAME_TAKEN"),
        ("POST", "/v1/players/register", "{\"username\":", 400, "BAD_REQUEST"),
        ("POST", "/v1/players/register", "{\"username\":\"zoe\",\"username\":\"zoe\"}", 400, "BAD_REQUEST"),
        ("POST", "/v1/players/register", "x" * 70000, 413, "PAYLOAD_TOO_LARGE"),
        ("GET", "/v1/players/ply_none", None, 404, "PLAYER_NOT_FOUND"),
        ("GET", "/v1/matches/mch_none", None, 404, "MATCH_NOT_FOUND"),
        ("GET", "/v1/lobbies/lob_none", None, 404, "LOBBY_NOT_FOUND"),
        ("GET", "/v1/nothing", None, 404, "NOT_FOUND"),
        ("PATCH", "/v1/lobbies", {}, 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/v1/matchmaking/queue", {"playerId": ann, "gameMode": "chess", "region": "eu-west-1"}, 400,
         "GAME_MODE_NOT_FOUND"),
        ("POST", "/v1/matchmaking/queue", {"playerId": ann, "gameMode": "duel", "region": "mars"}, 400,
         "REGION_NOT_SUPPORTED"),
        ("POST", "/v1/matchmaking/queue", {"playerId": ann, "gameMode": "duel", "region": "eu-west-1", "latency": 900}, 400,
         "HIGH_LATENCY"),
        ("POST", "/v1/matchmaking/queue", {"playerId": "ply_none", "gameMode": "duel", "region": "eu-west-1"}, 404,
         "PLAYER_NOT_FOUND"),
    ]
    for method, path, body, status, code in cases:
        got, answer = await cluster.call(method, path, body)
        live.equal((got, answer.get("code") if isinstance(answer, dict) else answer), (status, code), f"{method} {path}: {code}")
    await story["a"].send(action="FLY", playerId=ann)
    live.equal((await story["a"].expect("ERROR"))["code"], "UNKNOWN_ACTION", "an unknown action is refused")
    await story["a"].send(action="PING")
    live.check(await story["a"].expect("PONG"), "and the connection stays")
    first = await cluster.call("POST", "/v1/players/register", {"username": "gus", "region": "eu-west-1"}, once="k-1")
    again = await cluster.call("POST", "/v1/players/register", {"username": "gus", "region": "eu-west-1"}, once="k-1")
    live.check(first[0] == 201 and first == again, "the same request with its key again: the same answer")
    status, answer = await cluster.call("POST", "/v1/players/register", {"username": "hal", "region": "eu-west-1"}, once="k-1")
    live.equal((status, answer["code"]), (422, "IDEMPOTENCY_KEY_REUSED"), "another request with that key is refused")
    return first


async def restart(live, cluster, story, ids, once):
    ann, ben = story["ann"]["playerId"], story["ben"]["playerId"]
    status, answer = await cluster.call("POST", "/v1/matchmaking/queue",
                                        {"playerId": ann, "gameMode": "ranked", "region": "eu-west-1"})
    ticket = answer["queueData"]["ticketId"]
    queued_at = (await cluster.call("GET", f"/v1/matchmaking/queue/{ann}"))[1]["queueData"]["queuedAt"]
    status, answer = await cluster.call("POST", "/v1/lobbies", {"hostPlayerId": ids["eve"], "gameMode": "casual",
                                                                "name": "kept", "password": "sesame"})
    lobby = answer["lobby"]["lobbyId"]
    events = await cluster.call("GET", f"/v1/players/{ben}/events?since=0")
    before = await cluster.call("GET", f"/v1/matches/{story['match']}")
    await story["server"].close()
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "Ctrl-C ends the cluster, and nothing is left running")
    code, out, err = await live.muster("verify", "--data", cluster.data)
    live.check(code == 0, f"muster verify: {out or err}".strip())
    await cluster.start()
    status, answer = await cluster.call("GET", f"/v1/players/{ben}")
    live.equal((status, answer["player"]["skillRating"], answer["player"]["losses"]), (200, 1184, 1), "ratings are there")
    live.equal(await cluster.call("GET", f"/v1/matches/{story['match']}"), before, "the match is there")
    live.equal(await cluster.call("GET", f"/v1/players/{ben}/events?since=0"), events, "the events are there")
    status, answer = await cluster.call("GET", f"/v1/matchmaking/queue/{ann}")
    live.equal((status, answer["queueData"]["ticketId"], answer["queueData"]["status"], answer["queueData"]["queuedAt"]),
               (200, ticket, "SEARCHING", queued_at), "the ticket waits, with its age")
    status, answer = await cluster.call("POST", f"/v1/lobbies/{lobby}/join", {"playerId": ids["fay"], "password": "sesame"})
    live.check(status == 200 and answer["lobby"]["currentPlayers"] == 2, "the lobby is open, with its password")
    again = await cluster.call("POST", "/v1/players/register", {"username": "gus", "region": "eu-west-1"}, once="k-1")
    live.equal(again, once, "an idempotency key is remembered")
    # The place in the queue is worth what it was: whoever comes is matched with it.
    a, b = await cluster.socket(ann), await cluster.socket(ben)
    status, _ = await cluster.call("POST", "/v1/matchmaking/queue", {"playerId": ben, "gameMode": "ranked", "region": "eu-west-1"})
    found = await a.expect("MATCH_FOUND")
    live.equal((status, (await b.expect("MATCH_FOUND"))["lobbyId"]), (201, found["lobbyId"]), "and is matched")
    await a.close()
    await b.close()
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "and ends again")


async def run(live):
    config = live.path("muster.yaml")
    with open(config, "w", encoding="ascii") as file:
        file.write(CONFIG)
    cluster = await l.Cluster(live, live.path("data"), "--bots", "0", "--config", config).start()
    print(f"      ready in {cluster.ready_s:.2f} s", flush=True)
    story = await first_match(live, cluster)
    await cancel(live, cluster, story)
    ids = await custom_lobby(live, cluster, story)
    once = await refusals(live, cluster, story)
    await restart(live, cluster, story, ids, once)


l.main(run)
