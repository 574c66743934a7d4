"""/v1/matches and the way to one: found, accepted, declined, started, reported, ended."""

import asyncio

QUEUE = "/v1/matchmaking/queue"
BAD = (400, "VALIDATION_FAILED")
MATCH = ["matchId", "lobbyId", "gameMode", "region", "status", "players", "quality", "gameServer", "createdAt", "startedAt",
         "endedAt", "winningTeam", "duration"]
PLAYER = ["playerId", "username", "skillRating", "team", "score", "status"]
REGION = "us-west-2"

HEARTBEAT_S = 0.5  # between two signs of life of a game server


class GameServer:
    """A game server that lives as long as the test."""

    def __init__(self, api, answer):
        self.id = answer["server"]["serverId"]
        self.key = answer["serverKey"]
        self.client = api.client.other(key=self.key)
        self.sessions = []
        self.task = asyncio.ensure_future(self.beat())

    async def beat(self):
        while True:
            answer = await self.client.call("POST", f"/v1/servers/{self.id}/heartbeat")
            self.sessions = [session["matchId"] for session in answer["sessions"]]
            await asyncio.sleep(HEARTBEAT_S)

    async def close(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.client.close()


async def servers(api):
    path = "/v1/servers"
    good = {"ip": "127.0.0.1", "port": 7777, "region": REGION, "slots": 50}
    await api.table("servers: every bound is kept", [
        ("POST", path, {}, *BAD, ["/ip", "/port", "/region"]),
        ("POST", path, {**good, "port": 0}, *BAD, ["/port"]),
        ("POST", path, {**good, "port": 65536}, *BAD, ["/port"]),
        ("POST", path, {**good, "port": "7777"}, *BAD, ["/port"]),
        ("POST", path, {**good, "slots": 0}, *BAD, ["/slots"]),
        ("POST", path, {**good, "ip": "a b"}, *BAD, ["/ip"]),
        ("POST", path, {**good, "region": "mars"}, 400, "REGION_NOT_SUPPORTED", ["/region"]),
        ("POST", path, {**good, "gameModes": ["chess"]}, 400, "GAME_MODE_NOT_FOUND", ["/gameModes"]),
        ("POST", path, {**good, "gameModes": "duel"}, *BAD, ["/gameModes"]),
        ("POST", f"{path}/srv_none/heartbeat", None, 404, "SERVER_NOT_FOUND"),
        ("POST", f"{path}/srv_none/drain", None, 404, "SERVER_NOT_FOUND"),
        ("DELETE", f"{path}/srv_none", None, 404, "SERVER_NOT_FOUND"),
    ])
    answer = await api.call("POST", path, good, once="server-1")
    again = await api.call("POST", path, good, once="server-1")
    api.equal((answer.status, again.json), (201, answer.json), "servers: registered once, with the same key for the same request")
    server = GameServer(api, answer)
    other = await api.call("POST", path, {**good, "region": "eu-west-1", "port": 7778})
    stranger = GameServer(api, other)
    refused = await stranger.client.call("POST", f"/v1/servers/{server.id}/heartbeat")
    api.equal(refused.status, 403, "servers: a server beats only for itself")
    api.equal((await stranger.client.call("POST", f"/v1/servers/{server.id}/drain")).status, 403, "servers: and drains only itself")
    return server, stranger


async def pair(api, mode, region=REGION):
    """Two players in a queue, found: (players, sockets, their MATCH_FOUND)."""
    players = [await api.player(region=region) for _ in range(2)]
    sockets = [await api.cluster.socket(player) for player in players]
    for player in players:
        await api.call("POST", QUEUE, {"playerId": player, "gameMode": mode, "region": region, "latency": 10})
    return players, sockets, [await socket.expect("MATCH_FOUND") for socket in sockets]


async def close(sockets):
    for socket in sockets:
        await socket.close()


async def started(api, server):
    players, sockets, found = await pair(api, "duel")
    for event in found:
        api.has(event, ["seq", "lobbyId", "gameMode", "players", "acceptBy"], "match: MATCH_FOUND has every field")
    api.equal((found[0]["lobbyId"], found[0]["gameMode"], sorted(p["playerId"] for p in found[0]["players"])),
              (found[1]["lobbyId"], "duel", sorted(players)), "match: both are told of the same")
    lobby = found[0]["lobbyId"]
    seen = await api.call("GET", f"/v1/lobbies/{lobby}")
    api.equal((seen.status, seen["lobby"]["lobbyId"], len(seen["lobby"]["players"])), (200, lobby, 2), "match: its lobby can be read")
    late = await api.call("DELETE", f"{QUEUE}/{players[0]}")
    match = late.json.get("matchId")
    api.equal((late.said, late.json.get("engagement")), ((409, "TICKET_MATCHED"), {"kind": "match", "id": match}),
              "match: who cancels too late is told of the match")
    ticket = (await api.call("GET", f"{QUEUE}/{players[0]}"))["queueData"]
    api.equal((ticket["status"], ticket.get("matchId"), ticket.get("lobbyId")), ("MATCHED", match, lobby), "match: the ticket names it")
    again = await api.call("POST", QUEUE, {"playerId": players[0], "gameMode": "duel"})
    api.equal((again.said, again.json.get("engagement")), ((409, "PLAYER_IN_MATCH"), {"kind": "match", "id": match}),
              "match: nobody queues meanwhile")
    early = await api.call("GET", f"/v1/matches/{match}")
    api.has(early["match"], MATCH, "match: every field, before it starts")
    api.equal((early["match"]["status"], early["match"]["gameServer"], early["match"]["startedAt"], early["match"]["duration"]),
              ("REQUIRES_ACCEPTANCE", None, None, None), "match: it waits for acceptance")
    unplayed = await api.call("POST", f"/v1/matches/{match}/end", {"winningTeam": "TEAM_A"})
    api.equal(unplayed.said, (409, "MATCH_NOT_LIVE"), "match: what does not run cannot end")
    for player, socket in zip(players, sockets):
        await socket.send(action="READY", lobbyId=lobby, playerId=player)
        update = await socket.expect("READY_UPDATE", lambda m, player=player: m["ready"] == players.index(player) + 1)
        api.has(update, ["seq", "lobbyId", "ready", "total"], "match: READY_UPDATE has every field")
    begun = [await socket.expect("MATCH_STARTED") for socket in sockets]
    for event in begun:
        api.has(event, ["seq", "matchId", "team", "gameServer", "joinToken", "players"], "match: MATCH_STARTED has every field")
        api.has(event["gameServer"], ["ip", "port", "region"], "match: and gameServer has")
    api.equal((begun[0]["matchId"], sorted(event["team"] for event in begun), begun[0]["gameServer"]["port"]),
              (match, ["TEAM_A", "TEAM_B"], 7777), "match: a team each, and where to play")
    api.check(begun[0]["joinToken"] != begun[1]["joinToken"], "match: a join token each")
    full = (await api.call("GET", f"/v1/matches/{match}"))["match"]
    api.has(full, MATCH, "match: every field, while it runs")
    for player in full["players"]:
        api.has(player, PLAYER, "match: every field of a player")
    api.equal((full["status"], full["lobbyId"], full["region"], full["winningTeam"], full["endedAt"], full["gameServer"]["ip"]),
              ("IN_PROGRESS", lobby, REGION, None, None, "127.0.0.1"), "match: it runs")
    api.check(0 <= full["quality"] <= 1 and full["startedAt"] >= full["createdAt"], "match: quality from 0 to 1, times in order")
    return players, sockets, match, {event["team"]: player for event, player in zip(begun, players)}


async def updating(api, server, stranger, players, match):
    path = f"/v1/matches/{match}"
    body = {"updates": {"scores": [{"playerId": players[0], "score": 12}],
                        "playerStatus": [{"playerId": players[1], "status": "DISCONNECTED"}]}}
    answer = await server.client.call("PUT", path, body)
    of = {player["playerId"]: player for player in answer["match"]["players"]}
    api.equal((answer.status, of[players[0]]["score"], of[players[1]]["status"]), (200, 12, "DISCONNECTED"), "match: scores and states")
    api.equal((await stranger.client.call("PUT", path, body)).said, (403, "FORBIDDEN"), "match: another server's key may not report")
    api.equal((await stranger.client.call("POST", f"{path}/end", {"winningTeam": "TEAM_A"})).said, (403, "FORBIDDEN"),
              "match: nor end it")
    api.equal((await stranger.client.call("GET", path)).status, 200, "match: but read it")
    token = (await api.call("POST", f"/v1/players/{players[0]}/tokens"))["token"]
    player = api.client.other(key=token)
    api.equal([(await player.call("PUT", path, body)).said,
               (await player.call("POST", f"{path}/end", {"winningTeam": "TEAM_A"})).said,
               (await player.call("PUT", f"/v1/players/{players[0]}/stats", {"matchResult": "win", "opponentRating": 3000})).said],
              [(403, "FORBIDDEN")] * 3, "match: a player reports nothing and does not rate himself")
    await player.close()

    def scores(*items):
        return {"updates": {"scores": list(items)}}
    await api.table("match: PUT: every bound is kept", [
        ("PUT", path, {}, *BAD, ["/updates"]),
        ("PUT", path, {"updates": []}, *BAD, ["/updates"]),
        ("PUT", path, {"updates": {"scores": {}}}, *BAD, ["/updates/scores"]),
        ("PUT", path, scores({"playerId": players[0]}), *BAD, ["/updates/scores/0/score"]),
        ("PUT", path, scores({"score": 1}), *BAD, ["/updates/scores/0/playerId"]),
        ("PUT", path, scores({"playerId": players[0], "score": 1e10}), *BAD, ["/updates/scores/0/score"]),
        ("PUT", path, scores({"playerId": players[0], "score": "9"}), *BAD, ["/updates/scores/0/score"]),
        ("PUT", path, scores({"playerId": players[0], "score": 1}, 7), *BAD, ["/updates/scores/1"]),
        ("PUT", path, scores({"playerId": "ply_none", "score": 1}), 409, "NOT_IN_MATCH"),
        ("PUT", path, {"updates": {"playerStatus": [{"playerId": players[0], "status": "left early"}]}}, *BAD,
         ["/updates/playerStatus/0/status"]),
        ("PUT", "/v1/matches/mch_none", scores(), 404, "MATCH_NOT_FOUND"),
        ("GET", "/v1/matches/mch_none", None, 404, "MATCH_NOT_FOUND"),
        ("POST", "/v1/matches/mch_none/end", {"winningTeam": "TEAM_A"}, 404, "MATCH_NOT_FOUND"),
    ])


async def ending(api, server, players, sockets, match, teams):
    path = f"/v1/matches/{match}/end"

    def ranking(*items):
        return {"ranking": list(items)}
    await api.table("match: end: every bound is kept", [
        ("POST", path, {}, *BAD, ["/winningTeam"]),
        ("POST", path, {"winningTeam": "TEAM_C"}, *BAD, ["/winningTeam"]),
        ("POST", path, {"winningTeam": "team_a"}, *BAD, ["/winningTeam"]),
        ("POST", path, {"winningTeam": 1}, *BAD, ["/winningTeam"]),
        ("POST", path, {"winningTeam": "TEAM_A", "leavers": players[0]}, *BAD, ["/leavers"]),
        ("POST", path, {"winningTeam": "TEAM_A", "leavers": ["ply_none"]}, 409, "NOT_IN_MATCH"),
        ("POST", path, ranking(), *BAD, ["/ranking"]),
        ("POST", path, ranking({"team": "TEAM_A", "rank": 1}), *BAD, ["/ranking"]),
        ("POST", path, ranking({"team": "TEAM_A", "rank": 1}, {"team": "TEAM_A", "rank": 2}), *BAD),
        ("POST", path, ranking({"team": "TEAM_A", "rank": 0}, {"team": "TEAM_B", "rank": 1}), *BAD, ["/ranking/0/rank"]),
        ("POST", path, ranking({"team": "TEAM_A", "rank": 1}, {"team": "DRAW", "rank": 1}), *BAD, ["/ranking/1/team"]),
    ])
    first = await server.client.call("POST", path, {"winningTeam": "TEAM_B"})
    results = first["results"]
    api.equal(first.status, 200, "match: end: 200")
    api.has(results, ["matchId", "winningTeam", "duration", "winners", "losers", "ratings"], "match: end: every field of results")
    ratings = {change["playerId"]: (change["before"], change["after"]) for change in results["ratings"]}
    winner, loser = teams["TEAM_B"], teams["TEAM_A"]
    api.equal((results["matchId"], results["winningTeam"], results["winners"], results["losers"], ratings),
              (match, "TEAM_B", [winner], [loser], {winner: (1200, 1216), loser: (1200, 1184)}), "match: end: who won what")
    api.check(isinstance(first["message"], str) and results["duration"] >= 0, "match: end: a message, and how long")
    same = [{"winningTeam": "TEAM_B"}, {"ranking": [{"team": "TEAM_A", "rank": 7}, {"team": "TEAM_B", "rank": 2}]},
            {"winningTeam": "TEAM_B", "leavers": [], "ranking": None}]
    answers = [(await api.call("POST", path, body)).json for body in same]
    api.equal(answers, [first.json] * len(same), "match: the same result again, however said: the same answer")
    await api.table("match: another result is refused", [
        ("POST", path, {"winningTeam": "TEAM_A"}, 409, "RESULT_CONFLICT"),
        ("POST", path, {"winningTeam": "DRAW"}, 409, "RESULT_CONFLICT"),
        ("POST", path, {"winningTeam": "TEAM_B", "leavers": [loser]}, 409, "RESULT_CONFLICT"),
        ("PUT", f"/v1/matches/{match}", {"updates": {"scores": [{"playerId": winner, "score": 1}]}}, 409, "MATCH_NOT_LIVE"),
    ])
    for player, socket in zip(players, sockets):
        event = await socket.expect("MATCH_ENDED")
        api.equal((event["matchId"], event["result"], (event["rating"]["before"], event["rating"]["after"]), "seq" in event),
                  (match, "win" if player == winner else "loss", ratings[player], True), "match: MATCH_ENDED has every field")
    full = (await api.call("GET", f"/v1/matches/{match}"))["match"]
    api.has(full, MATCH, "match: every field, when it is over")
    api.equal((full["status"], full["winningTeam"], full["duration"]), ("COMPLETED", "TEAM_B", results["duration"]), "match: it is over")
    player = (await api.call("GET", f"/v1/players/{winner}"))["player"]
    api.equal((player["status"], player["skillRating"], player["wins"], player["currentStreak"]), ("IDLE", 1216, 1, 1),
              "match: the winner is free")
    gone = await api.call("GET", f"{QUEUE}/{winner}")
    api.equal(gone.said, (404, "PLAYER_NOT_IN_QUEUE"), "match: and in no queue")


async def refused(api):
    """One declines, one stays silent: those who accepted go back, the others wait."""
    players, sockets, found = await pair(api, "ranked")
    lobby = found[0]["lobbyId"]
    await sockets[0].send(action="READY", lobbyId=lobby, playerId=players[0])
    await sockets[0].expect("READY_UPDATE")
    await sockets[1].send(action="DECLINE", lobbyId=lobby, playerId=players[1])
    events = [await socket.expect("MATCH_CANCELLED") for socket in sockets]
    api.equal([(event["lobbyId"], event["reason"], event["requeued"]) for event in events],
              [(lobby, "DECLINED", True), (lobby, "DECLINED", False)], "match: MATCH_CANCELLED says who goes back")
    back = await api.call("GET", f"{QUEUE}/{players[0]}")
    api.equal((back.status, back["queueData"]["status"]), (200, "SEARCHING"), "match: who accepted waits again")
    cooled = await api.call("POST", QUEUE, {"playerId": players[1], "gameMode": "ranked"})
    api.equal(cooled.said, (409, "COOLDOWN"), "match: who declined has to wait")
    api.check(1 <= int(cooled.header("retry-after") or 0) <= 60, "match: and is told how long")
    api.equal((await api.call("DELETE", f"{QUEUE}/{players[0]}")).status, 200, "match: who waits again may leave")
    await sockets[0].send(action="READY", lobbyId=lobby, playerId=players[0])
    api.equal((await sockets[0].expect("ERROR"))["code"], "NOT_ACCEPTING", "match: too late to accept")
    await close(sockets)


async def silent(api):
    players, sockets, found = await pair(api, "tournament")  # of two, 1 s to accept, in this test's configuration
    await sockets[0].send(action="READY", lobbyId=found[0]["lobbyId"], playerId=players[0])
    events = [await socket.expect("MATCH_CANCELLED") for socket in sockets]
    api.equal([(event["reason"], event["requeued"]) for event in events], [("NOT_ACCEPTED", True), ("NOT_ACCEPTED", False)],
              "match: silence is no acceptance")
    await api.call("DELETE", f"{QUEUE}/{players[0]}")
    await close(sockets)


async def custom(api, server):
    """A lobby of three without teams; then one in a region where no server is."""
    players = [await api.player(region=REGION) for _ in range(3)]
    lobby = (await api.call("POST", "/v1/lobbies", {"hostPlayerId": players[0], "gameMode": "casual"}))["lobby"]["lobbyId"]
    sockets = [await api.cluster.socket(player) for player in players]
    for player, socket in zip(players[1:], sockets[1:]):
        await api.call("POST", f"/v1/lobbies/{lobby}/join", {"playerId": player})
        await socket.send(action="READY", lobbyId=lobby, playerId=player)
        await socket.expect("ACK")
    answer = await api.call("POST", f"/v1/lobbies/{lobby}/start", {"playerId": players[0]})
    match = answer["match"]
    api.equal(answer.status, 200, "custom: start: 200")
    api.has(match, MATCH, "custom: every field of a match")
    api.has(match["gameServer"], ["ip", "port", "region"], "custom: and where to play")
    again = await api.call("POST", f"/v1/lobbies/{lobby}/start", {"playerId": players[0]})
    api.equal((again.status, again["match"]["matchId"]), (200, match["matchId"]), "custom: started once")
    teams = {player["playerId"]: player["team"] for player in match["players"]}
    events = {player: await socket.expect("MATCH_STARTED") for player, socket in zip(players, sockets)}
    api.equal({player: event["team"] for player, event in events.items()}, teams,
              "custom: without teams, MATCH_STARTED and GET name the same one")
    api.equal([{p["playerId"]: p["team"] for p in event["players"]} for event in events.values()], [teams] * 3, "custom: and for everybody")
    path = f"/v1/matches/{match['matchId']}/end"
    ranks = [{"playerId": player, "rank": place} for place, player in enumerate((players[2], players[0], players[1]), 1)]
    await api.table("custom: rankings of players", [
        ("POST", path, {"ranking": ranks[:2]}, *BAD, ["/ranking"]),
        ("POST", path, {"ranking": ranks[:2] + [{"playerId": "ply_none", "rank": 3}]}, *BAD, ["/ranking/2/playerId"]),
    ])
    ended = await server.client.call("POST", path, {"ranking": ranks, "leavers": [players[1]]})
    api.equal((ended.status, ended["results"]["winningTeam"], ended["results"]["winners"], sorted(ended["results"]["losers"])),
              (200, teams[players[2]], [players[2]], sorted(players[:2])), "custom: a ranking of players; who left has lost")
    api.equal([change["after"] - change["before"] for change in ended["results"]["ratings"]], [0] * 3, "custom: casual is not rated")
    await close(sockets)
    host, guest = await api.player(), await api.player()
    duel = {"hostPlayerId": host, "gameMode": "duel", "region": "us-east-1"}
    lobby = (await api.call("POST", "/v1/lobbies", duel))["lobby"]["lobbyId"]
    await api.call("POST", f"/v1/lobbies/{lobby}/join", {"playerId": guest})
    socket = await api.cluster.socket(guest)
    await socket.send(action="READY", lobbyId=lobby, playerId=guest)
    await socket.expect("ACK")
    none = await api.call("POST", f"/v1/lobbies/{lobby}/start", {"playerId": host})
    api.equal((none.said, bool(none.header("retry-after"))), ((503, "NO_SERVER"), True), "custom: no server is 503, to be tried again")
    await socket.close()
    for player in (host, guest):
        await api.call("POST", f"/v1/lobbies/{lobby}/leave", {"playerId": player})


async def run(api):
    server, stranger = await servers(api)
    players, sockets, match, teams = await started(api, server)
    await updating(api, server, stranger, players, match)
    await ending(api, server, players, sockets, match, teams)
    await close(sockets)
    await asyncio.gather(refused(api), silent(api), custom(api, server))
    drained = await server.client.call("POST", f"/v1/servers/{server.id}/drain")
    api.equal((drained.status, drained["server"]["status"]), (200, "DRAINING"), "servers: drain")
    await server.close()
    gone = await api.call("DELETE", f"/v1/servers/{server.id}")
    api.equal((gone.status, gone["server"]["status"]), (200, "GONE"), "servers: delete")
    await stranger.close()
