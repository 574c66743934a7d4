"""Many at once: exactly one wins, and nothing is overfull."""

import asyncio
from collections import Counter


async def enqueue(api):
    player = await api.player()
    answers = await asyncio.gather(*(
        api.call("POST", "/v1/matchmaking/queue", {"playerId": player, "gameMode": "squad_battle", "region": "us-east-1"},
                 once=f"race-{i}")
        for i in range(200)))
    count = Counter(answer.said for answer in answers)
    api.equal(count, {(201, None): 1, (409, "PLAYER_ALREADY_IN_QUEUE"): 199}, "race: 200 times into a queue: one ticket")
    ticket = next(answer for answer in answers if answer.status == 201)["queueData"]["ticketId"]
    api.equal({answer["ticketId"] for answer in answers if answer.status == 409}, {ticket}, "race: and all others are told of it")
    answers = await asyncio.gather(*(api.call("DELETE", f"/v1/matchmaking/queue/{player}", once=f"unrace-{i}") for i in range(50)))
    count = Counter(answer.said for answer in answers)
    api.equal(count, {(200, None): 1, (404, "PLAYER_NOT_IN_QUEUE"): 49}, "race: 50 times out of it: one leaves")


async def regions(api):
    """The same player into four regions, a lobby of his own and another's, all at once."""
    player, host = await api.player(), await api.player()
    lobby = (await api.call("POST", "/v1/lobbies", {"hostPlayerId": host, "gameMode": "casual"}))["lobby"]["lobbyId"]
    calls = [("/v1/matchmaking/queue", {"playerId": player, "gameMode": "squad_battle", "region": region})
             for region in ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-1")] * 5
    calls += [("/v1/lobbies", {"hostPlayerId": player, "gameMode": "casual"}), (f"/v1/lobbies/{lobby}/join",
                                                                                  {"playerId": player})] * 5
    api.live.random.shuffle(calls)
    answers = await asyncio.gather(*(api.call("POST", path, body) for path, body in calls))
    # Who is in the lobby and joins it once more is in it: that is said with 200, too.
    won = [(path, answer) for (path, _), answer in zip(calls, answers) if answer.status in (200, 201)]
    api.check(len({path for path, _ in won}) == 1 and (len(won) == 1 or won[0][0].endswith("/join"))
              and all(answer.status == 409 for answer in answers if answer.status not in (200, 201)),
              f"race: queues and lobbies at once: one place only ({Counter(answer.said for answer in answers)})")


async def join(api):
    host = await api.player()
    guests = [await api.player() for _ in range(50)]
    lobby = (await api.call("POST", "/v1/lobbies", {"hostPlayerId": host, "gameMode": "casual", "maxPlayers": 4}))["lobby"]["lobbyId"]
    path = f"/v1/lobbies/{lobby}"
    answers = await asyncio.gather(*(api.call("POST", f"{path}/join", {"playerId": guest}) for guest in guests))
    count = Counter(answer.said for answer in answers)
    api.equal(count, {(200, None): 3, (409, "LOBBY_FULL"): 47}, "race: 50 into a lobby of 4: three get in")
    members = {player["playerId"] for player in (await api.call("GET", path))["lobby"]["players"]}
    inside = {host} | {guest for guest, answer in zip(guests, answers) if answer.status == 200}
    api.equal(members, inside, "race: those who were told so, and nobody else")
    everybody = await asyncio.gather(*(api.call("POST", f"{path}/leave", {"playerId": guest}) for guest in inside))
    api.equal([answer.status for answer in everybody], [200] * 4, "race: all four leave at once")
    api.equal((await api.call("POST", f"{path}/join", {"playerId": guests[0]})).said, (404, "LOBBY_NOT_FOUND"),
              "race: then it has ended")


async def names(api):
    name = api.name("race")
    variants = [name.upper() if i % 2 else name for i in range(60)]
    answers = await asyncio.gather(*(api.call("POST", "/v1/players/register", {"username": v, "region": "us-east-1"}) for v in variants))
    api.equal(Counter(answer.said for answer in answers), {(201, None): 1, (409, "USERNAME_TAKEN"): 59},
              "race: 60 times one name: one player")
    body = {"username": name + "x", "region": "us-east-1"}
    once = await asyncio.gather(*(api.call("POST", "/v1/players/register", body, once="race-name")
                                  for _ in range(40)))
    api.equal((Counter(answer.status for answer in once), len({answer.body for answer in once})), ({201: 40}, 1),
              "race: 40 times one request: one player, 40 same answers")


async def cancel(api):
    """Cancelling while a match is made: either the ticket is gone, or the match is told; never both."""
    wrong, won = [], Counter()
    for _ in range(12):
        players = [await api.player(region="eu-west-1") for _ in range(2)]
        for player in players:
            await api.call("POST", "/v1/matchmaking/queue", {"playerId": player, "gameMode": "instant", "region": "eu-west-1"})
        await asyncio.sleep(api.live.random.random() * 0.02)
        answer = await api.call("DELETE", f"/v1/matchmaking/queue/{players[0]}")
        state = (await api.call("GET", f"/v1/players/{players[0]}"))["player"]["status"]
        won[answer.said] += 1
        if (answer.said, state) not in (((200, None), "IDLE"), ((409, "TICKET_MATCHED"), "IN_MATCH")):
            wrong.append((answer.status, answer.body[:200], state))
        if answer.status == 200:
            await api.call("DELETE", f"/v1/matchmaking/queue/{players[1]}")
    api.check(not wrong, f"race: cancel or match, never both, never neither ({dict(won)}){wrong or ''}")


async def run(api):
    await enqueue(api)
    await regions(api)
    await join(api)
    await names(api)
    await cancel(api)
