"""/v1/players: every field, bound and refusal."""

import re

PLAYER = ["playerId", "username", "skillRating", "tier", "wins", "losses", "draws", "winRate", "matchesPlayed", "region",
          "status", "currentStreak", "maxStreak", "preferences", "createdAt", "updatedAt"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
REGISTER = "/v1/players/register"
BAD = (400, "VALIDATION_FAILED")


async def registration(api):
    answer = await api.call("POST", REGISTER, {
        "username": "First Player.1_-", "region": "eu-west", "preferredGameMode": "ranked", "maxAcceptableLatency": 80,
        "preferences": {"a": [1, 2.5, None, True], "b": {"ü": "✓"}}, "unknown": 1})
    player = answer["player"]
    api.equal(answer.status, 201, "register: 201")
    api.has(player, PLAYER, "register: every field of a player")
    api.check(isinstance(answer["message"], str), "register: a message")
    api.equal((player["skillRating"], player["tier"], player["region"], player["preferredGameMode"], player["maxAcceptableLatency"],
               player["preferences"], player["status"], player["winRate"], player["matchesPlayed"]),
              (1200, "GOLD", "eu-west-1", "ranked", 80, {"a": [1, 2.5, None, True], "b": {"ü": "✓"}}, "IDLE", 0, 0),
              "register: what was given, and the defaults; an alias becomes the region")
    api.check(TIME.fullmatch(player["createdAt"]) and TIME.fullmatch(player["updatedAt"]), "times are RFC 3339, UTC")
    again = await api.call("GET", f"/v1/players/{player['playerId']}")
    api.equal((again.status, again["player"]), (200, player), "GET says the same")
    return player["playerId"]


async def bounds(api):
    region = {"region": "us-east-1"}
    good = ["abc", "x" * 30, "A.b-c_d 9", "a  b", "0_0"]
    answers = [(await api.call("POST", REGISTER, {"username": name, **region})).status for name in good]
    api.equal(answers, [201] * len(good), "user names at the bounds are taken")
    bad = ["ab", "x" * 31, "", " abc", "abc ", "a\tb", "a/b", "naïve", "ab😀", "a\nb", "\u202eabc", 123, ["abc"], {}, True]
    cases = [("POST", REGISTER, {"username": name, **region}, *BAD, ["/username"]) for name in bad]
    cases += [
        ("POST", REGISTER, {"username": None, **region}, *BAD, ["/username"]),
        ("POST", REGISTER, region, *BAD, ["/username"]),
        ("POST", REGISTER, {}, *BAD, ["/region", "/username"]),
        ("POST", REGISTER, None, *BAD, ["/region", "/username"]),
        ("POST", REGISTER, {"username": "ABC", **region}, 409, "USERNAME_TAKEN"),
        ("POST", REGISTER, {"username": "First player.1_-", **region}, 409, "USERNAME_TAKEN"),
        ("POST", REGISTER, {"username": "nobody", "region": "mars"}, 400, "REGION_NOT_SUPPORTED", ["/region"]),
        ("POST", REGISTER, {"username": "nobody", "region": ""}, 400, "REGION_NOT_SUPPORTED", ["/region"]),
        ("POST", REGISTER, {"username": "nobody", "region": "US-EAST-1"}, 400, "REGION_NOT_SUPPORTED", ["/region"]),
        ("POST", REGISTER, {"username": "nobody", "region": 1}, *BAD, ["/region"]),
        ("POST", REGISTER, {"username": "nobody", **region, "preferredGameMode": "chess"}, 400, "GAME_MODE_NOT_FOUND"),
        ("POST", REGISTER, {"username": "nobody", **region, "maxAcceptableLatency": -1}, *BAD, ["/maxAcceptableLatency"]),
        ("POST", REGISTER, {"username": "nobody", **region, "maxAcceptableLatency": 1001}, *BAD, ["/maxAcceptableLatency"]),
        ("POST", REGISTER, {"username": "nobody", **region, "maxAcceptableLatency": "50"}, *BAD, ["/maxAcceptableLatency"]),
        ("POST", REGISTER, {"username": "nobody", **region, "preferences": []}, *BAD, ["/preferences"]),
        ("POST", REGISTER, {"username": "nobody", **region, "preferences": {"x": "y" * 3000}}, *BAD, ["/preferences"]),
        ("POST", REGISTER, {"username": "x", "region": "mars", "preferredGameMode": 5, "maxAcceptableLatency": 1e9,
                            "preferences": 1}, *BAD,
         ["/maxAcceptableLatency", "/preferences", "/preferredGameMode", "/region", "/username"]),
    ]
    await api.table("register: every bound is kept, and all faults told at once", cases)
    aliases = {"us-east": "us-east-1", "us-west": "us-west-2", "eu-west": "eu-west-1", "asia-pacific": "ap-southeast-1"}
    got = {}
    for alias in aliases:
        answer = await api.call("POST", REGISTER, {"username": api.name("alias"), "region": alias})
        got[alias] = answer["player"]["region"]
    api.equal(got, aliases, "region aliases")


async def updates(api, player):
    path = f"/v1/players/{player}"
    before = (await api.call("GET", path))["player"]
    answer = await api.call("PATCH", path, {"username": "Renamed", "region": "us-west", "preferences": {"k": 1}})
    api.equal((answer.status, answer["player"]["username"], answer["player"]["region"], answer["player"]["preferences"]),
              (200, "Renamed", "us-west-2", {"k": 1}), "PATCH changes what it names")
    api.check(answer["player"]["updatedAt"] > before["updatedAt"] and answer["player"]["createdAt"] == before["createdAt"],
              "PATCH: updatedAt moves, createdAt stays")
    kept = await api.call("PATCH", path, {"preferences": {"k": 2}})
    api.equal((kept["player"]["username"], kept["player"]["region"], kept["player"]["preferences"]),
              ("Renamed", "us-west-2", {"k": 2}), "PATCH leaves what it does not name")
    case = await api.call("PATCH", path, {"username": "RENAMED"})
    api.equal((case.status, case["player"]["username"]), (200, "RENAMED"), "a player may change the capitals of his own name")
    free = await api.call("POST", REGISTER, {"username": "first player.1_-", "region": "us-east-1"})
    api.equal(free.status, 201, "and his old name is free")
    await api.table("PATCH: refusals", [
        ("PATCH", path, {"username": "abc"}, 409, "USERNAME_TAKEN"),
        ("PATCH", path, {"username": "ab"}, *BAD, ["/username"]),
        ("PATCH", path, {"region": "mars"}, 400, "REGION_NOT_SUPPORTED", ["/region"]),
        ("PATCH", path, {"preferences": "x"}, *BAD, ["/preferences"]),
        ("PATCH", path, [], 400, "BAD_REQUEST", [""]),
        ("PATCH", "/v1/players/ply_none", {"username": "zzzz"}, 404, "PLAYER_NOT_FOUND"),
        ("GET", "/v1/players/ply_none", None, 404, "PLAYER_NOT_FOUND"),
        ("GET", "/v1/players/" + "x" * 64, None, 404, "PLAYER_NOT_FOUND"),
        ("GET", "/v1/players/a%20b", None, *BAD),
        ("GET", "/v1/players/caf%C3%A9", None, *BAD),
    ])


async def stats(api):
    player = await api.player()
    path = f"/v1/players/{player}/stats"
    results = [("win", 1), ("win", 2), ("loss", -1), ("draw", 0), ("win", 1)]
    streaks = []
    for result, _ in results:
        answer = await api.call("PUT", path, {"matchResult": result, "opponentRating": 1200})
        streaks.append(answer["player"]["currentStreak"])
    got = answer["player"]
    api.equal(streaks, [streak for _, streak in results], "stats: streaks")
    api.equal((answer.status, got["wins"], got["losses"], got["draws"], got["winRate"], got["matchesPlayed"], got["maxStreak"]),
              (200, 3, 1, 1, 0.6, 5, 2), "stats: wins, losses, draws, rate and streaks are counted")
    api.check(1200 < got["skillRating"] < 1264, "stats: the rating moves")
    await api.table("stats: refusals", [
        ("PUT", path, {"matchResult": "won", "opponentRating": 1200}, *BAD, ["/matchResult"]),
        ("PUT", path, {"matchResult": "WIN", "opponentRating": 1200}, *BAD, ["/matchResult"]),
        ("PUT", path, {}, *BAD, ["/matchResult", "/opponentRating"]),
        ("PUT", path, {"matchResult": "win", "opponentRating": 99}, 400, "INVALID_SKILL_RANGE", ["/opponentRating"]),
        ("PUT", path, {"matchResult": "win", "opponentRating": 3001}, 400, "INVALID_SKILL_RANGE", ["/opponentRating"]),
        ("PUT", path, {"matchResult": "win", "opponentRating": "1200"}, *BAD, ["/opponentRating"]),
        ("PUT", path, {"matchResult": "win", "opponentRating": 1200.5}, *BAD, ["/opponentRating"]),
        ("PUT", "/v1/players/ply_none/stats", {"matchResult": "win", "opponentRating": 1200}, 404, "PLAYER_NOT_FOUND"),
    ])
    for rating in (100, 3000):
        answer = await api.call("PUT", path, {"matchResult": "draw", "opponentRating": rating})
        api.equal(answer.status, 200, f"stats: an opponent of {rating} is possible")
    low = await api.player()
    for _ in range(45):
        answer = await api.call("PUT", f"/v1/players/{low}/stats", {"matchResult": "loss", "opponentRating": 100})
    api.check(100 <= answer["player"]["skillRating"] < 800 and answer["player"]["tier"] == "BRONZE",
              f"stats: 45 losses to the weakest make BRONZE, not below 100: {answer['player']['skillRating']}")
    tiers = set()
    high = await api.player()
    for _ in range(80):
        answer = await api.call("PUT", f"/v1/players/{high}/stats", {"matchResult": "win", "opponentRating": 3000})
        rating = answer["player"]["skillRating"]
        wanted = next(name for top, name in ((800, "BRONZE"), (1200, "SILVER"), (1600, "GOLD"), (2000, "PLATINUM"),
                                             (2400, "DIAMOND"), (9999, "MASTER")) if rating < top)
        tiers.add((answer["player"]["tier"] == wanted, wanted))
    api.check(all(right for right, _ in tiers) and len(tiers) >= 4 and rating <= 3000,
              f"stats: tiers by rating, up to {rating}: {sorted(tiers)}")


async def run(api):
    player = await registration(api)
    await bounds(api)
    await updates(api, player)
    await stats(api)
