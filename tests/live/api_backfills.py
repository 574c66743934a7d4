"""/v1/backfills: players for the open places of a match that is played."""

import live as l

BACKFILLS = "/v1/backfills"
QUEUE = "/v1/matchmaking/queue"
BAD = (400, "VALIDATION_FAILED")
ALL = ["backfillId", "matchId", "gameMode", "region", "status", "players", "joined", "leaseSeconds", "leaseUntil", "createdAt", "endedAt"]
REGION = "ap-southeast-1"  # nobody else plays there


async def match(api):
    """A match of two against two, without acceptance: (players, their sockets, match)."""
    players = [await api.player(region=REGION) for _ in range(4)]
    sockets = [await api.cluster.socket(player) for player in players]
    for player in players:
        await api.call("POST", QUEUE, {"playerId": player, "gameMode": "swift", "region": REGION})
    begun = [await socket.expect("MATCH_STARTED") for socket in sockets]
    return players, sockets, begun[0]["matchId"], {player: event["team"] for player, event in zip(players, begun)}


async def filled(api, server, stranger, players, found, teams):
    path, leaver = f"/v1/matches/{found}", players[1]
    full = await server.client.call("POST", BACKFILLS, {"matchId": found})
    api.equal(full.said, (409, "MATCH_FULL"), "backfills: a match with an open place only")
    await server.client.call("PUT", path, {"updates": {"playerStatus": [{"playerId": leaver, "status": "LEFT"}]}})
    api.equal((await api.call("GET", f"/v1/players/{leaver}"))["player"]["status"], "IN_MATCH", "backfills: who left is in it still")
    body = {"matchId": found, "leaseSeconds": 30, "players": [{"playerId": players[0], "attributes": {"skill": 3}}]}
    api.equal((await stranger.client.call("POST", BACKFILLS, body)).said, (403, "FORBIDDEN"), "backfills: of another server, not")
    answer = await server.client.call("POST", BACKFILLS, body, once="backfill-1")
    again = await server.client.call("POST", BACKFILLS, body, once="backfill-1")
    api.equal((answer.status, again.json), (201, answer.json), "backfills: one for one key")
    backfill = answer["backfill"]
    api.has(backfill, ALL, "backfills: every field")
    api.equal((backfill["matchId"], backfill["status"], {p["playerId"]: p["team"] for p in backfill["players"]}),
              (found, "SEARCHING", {player: teams[player] for player in players if player != leaver}), "backfills: of those who play")
    api.equal((await api.call("GET", f"/v1/players/{leaver}"))["player"]["status"], "IDLE", "backfills: he who left is free")
    back = await server.client.call("PUT", path, {"updates": {"playerStatus": [{"playerId": leaver, "status": "CONNECTED"}]}})
    api.equal(back.said, (409, "NOT_IN_MATCH"), "backfills: and cannot come back")
    one = f"{BACKFILLS}/{backfill['backfillId']}"
    api.equal((await stranger.client.call("GET", one)).said, (403, "FORBIDDEN"), "backfills: a server reads its own")
    more = await server.client.call("POST", BACKFILLS, {"matchId": found})
    api.equal((more.status, more["backfill"]["backfillId"]), (200, backfill["backfillId"]), "backfills: a match has one at most")
    comer = await api.player(region=REGION)
    socket = await api.cluster.socket(comer)
    await api.call("POST", QUEUE, {"playerId": comer, "gameMode": "swift", "region": REGION})
    begun = await socket.expect("MATCH_STARTED")
    api.equal((begun["matchId"], begun["team"], sorted(p["playerId"] for p in begun["players"])),
              (found, teams[leaver], sorted([comer] + [p for p in players if p != leaver])), "backfills: one comes, onto his team")
    api.check(len(begun["joinToken"]) == 64, "backfills: with a join token")
    done = await server.client.call("PUT", one)
    api.equal((done["backfill"]["status"], done["backfill"]["joined"]), ("FILLED", [comer]), "backfills: the server is told who came")
    return comer, socket


async def expired(api, server, found, leaver):
    answer = await server.client.call("POST", BACKFILLS, {"matchId": found, "leavers": [leaver], "leaseSeconds": 5})
    one = f"{BACKFILLS}/{answer['backfill']['backfillId']}"

    async def over():
        return (await server.client.call("GET", one))["backfill"]["status"] == "TIMED_OUT"
    await l.wait_for("the lease's end", over, 15)
    cancelled = await server.client.call("POST", BACKFILLS, {"matchId": found})
    one = f"{BACKFILLS}/{cancelled['backfill']['backfillId']}"
    gone = await server.client.call("DELETE", one)
    api.equal((gone.status, gone["backfill"]["status"]), (200, "CANCELLED"), "backfills: DELETE says how it ended")
    last = await server.client.call("POST", BACKFILLS, {"matchId": found})
    return f"{BACKFILLS}/{last['backfill']['backfillId']}"


async def bounds(api, server, found, player):
    def add(**more):
        return {"matchId": found, **more}
    await api.table("backfills: every bound is kept", [
        ("POST", BACKFILLS, {}, *BAD, ["/matchId"]),
        ("POST", BACKFILLS, add(leaseSeconds=4), *BAD, ["/leaseSeconds"]),
        ("POST", BACKFILLS, add(leaseSeconds=601), *BAD, ["/leaseSeconds"]),
        ("POST", BACKFILLS, add(leavers=[1]), *BAD, ["/leavers"]),
        ("POST", BACKFILLS, add(leavers=["ply_none"]), 409, "NOT_IN_MATCH"),
        ("POST", BACKFILLS, add(players=[{"playerId": "ply_none"}]), 409, "NOT_IN_MATCH"),
        ("POST", BACKFILLS, add(players=[{"playerId": player}] * 2), *BAD),
        ("POST", BACKFILLS, add(players=[{"playerId": player, "team": "TEAM_A"}]), *BAD, ["/players/0/team"]),
        ("POST", BACKFILLS, add(players=[{"playerId": f"p{i}"} for i in range(201)]), *BAD, ["/players"]),
        ("POST", BACKFILLS, add(server=server.id), *BAD, ["/server"]),
        ("POST", BACKFILLS, {"matchId": "mch_none"}, 404, "MATCH_NOT_FOUND"),
        ("GET", f"{BACKFILLS}/bkf_none", None, 404, "BACKFILL_NOT_FOUND"),
        ("PUT", f"{BACKFILLS}/bkf_none", None, 404, "BACKFILL_NOT_FOUND"),
        ("PUT", f"{BACKFILLS}/bkf_none", {"lease": 1}, *BAD, ["/lease"]),
        ("DELETE", f"{BACKFILLS}/bkf_none", None, 404, "BACKFILL_NOT_FOUND"),
        ("GET", BACKFILLS, None, 405, "METHOD_NOT_ALLOWED")])


async def run(api, game_server):
    """game_server(api, answer): a game server with heartbeats, as api_matches has it."""
    good = {"ip": "127.0.0.1", "port": 7790, "region": REGION, "slots": 1}
    server = game_server(api, await api.call("POST", "/v1/servers", good))
    stranger = game_server(api, await api.call("POST", "/v1/servers", {**good, "region": "us-east-1", "gameModes": ["tournament"]}))
    players, sockets, found, teams = await match(api)
    comer, socket = await filled(api, server, stranger, players, found, teams)
    last = await expired(api, server, found, players[2])
    await bounds(api, server, found, players[0])
    ended = await server.client.call("POST", f"/v1/matches/{found}/end", {"winningTeam": teams[players[1]]})
    outcomes = {rating["playerId"]: rating["result"] for rating in ended["results"]["ratings"]}
    api.equal((outcomes[comer], outcomes[players[1]], outcomes[players[2]]), ("win", "loss", "loss"), "backfills: who left has lost")
    api.equal((await server.client.call("GET", last))["backfill"]["status"], "MATCH_ENDED", "backfills: one ends with its match")
    for open_one in [*sockets, socket]:
        await open_one.close()
    await server.close()
    await stranger.close()
