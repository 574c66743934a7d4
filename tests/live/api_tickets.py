"""/v1/tickets and /v1/queues: parties with what they bring; every fault at once; why they wait."""

import json

from live import wait_for

TICKETS = "/v1/tickets"
BAD = (400, "VALIDATION_FAILED")
ALL = ["ticketId", "status", "queues", "region", "players", "queuedAt", "waitedSeconds", "maxWaitSeconds", "priority",
       "queuePosition", "estimatedWaitSeconds", "rulesVersion"]


async def party(api):
    ann, ben = await api.player(region="eu-west-1"), await api.player(region="us-east-1")
    players = [{"playerId": ann, "attributes": {"skill": 10.5, "roles": ["tank", "healer"], "maps": {"dust": 1}},
                "latencies": {"eu-west": 20, "us-east-1": 95}}, {"playerId": ben, "latencies": {"eu-west-1": 44.4}}]
    answer = await api.call("POST", TICKETS, {"queues": ["squad_battle"], "players": players, "maxWaitSeconds": 60})
    ticket = answer["ticket"]
    api.equal(answer.status, 201, "tickets: 201")
    api.has(ticket, ALL, "tickets: every field")
    api.equal((ticket["queues"], ticket["region"], ticket["status"], [p["playerId"] for p in ticket["players"]], ticket["maxWaitSeconds"]),
              (["squad_battle"], "eu-west-1", "SEARCHING", [ann, ben], 60), "tickets: as asked, at the first player's home")
    seen = (await api.call("GET", f"{TICKETS}/{ticket['ticketId']}"))["ticket"]
    api.has(seen, ALL, "tickets: GET has every field")
    api.equal((seen["ticketId"], seen["players"]), (ticket["ticketId"], ticket["players"]), "tickets: GET says the same")
    for player in (ann, ben):
        api.equal((await api.call("GET", f"/v1/players/{player}"))["player"]["status"], "IN_QUEUE", "tickets: each of the party waits")
    again = await api.call("POST", TICKETS, {"queues": ["ranked"], "players": [{"playerId": ben}]})
    api.equal((again.said, again.json.get("ticketId")), ((409, "PLAYER_ALREADY_IN_QUEUE"), ticket["ticketId"]),
              "tickets: who waits already is told where")
    old = await api.call("GET", f"/v1/matchmaking/queue/{ben}")
    api.equal(old["queueData"]["ticketId"], ticket["ticketId"], "tickets: the queue shows it too")
    queues = {queue["gameMode"]: queue for queue in (await api.call("GET", "/v1/queues"))["queues"]}
    api.has(queues["squad_battle"], ["teams", "teamMin", "teamMax", "minPlayers", "maxPlayers", "rated", "maxWaitSeconds", "rulesVersion",
                                     "tickets", "players", "regions"], "queues: every field")
    api.equal((queues["squad_battle"]["teams"], queues["squad_battle"]["maxPlayers"]), (2, 8), "queues: sizes")
    gone = await api.call("DELETE", f"{TICKETS}/{ticket['ticketId']}")
    api.equal((gone.status, gone["ticket"]["status"]), (200, "CANCELLED"), "tickets: DELETE says how it ended")
    gone = await api.call("DELETE", f"{TICKETS}/{ticket['ticketId']}")
    api.equal((gone.status, gone["ticket"]["status"]), (200, "CANCELLED"), "tickets: DELETE again says the same")
    api.equal((await api.call("GET", f"/v1/players/{ben}"))["player"]["status"], "IDLE", "tickets: and all are free")
    await api.table("tickets: what is not there", [
        ("GET", f"{TICKETS}/tkt_none", None, 404, "TICKET_NOT_FOUND"), ("DELETE", f"{TICKETS}/tkt_none", None, 404, "TICKET_NOT_FOUND"),
        ("GET", f"{TICKETS}/a b".replace(" ", "%20"), None, *BAD), ("GET", TICKETS, None, 405, "METHOD_NOT_ALLOWED")])
    return ann, ben


async def bounds(api, ann, ben):
    def add(players=None, **more):
        return {"queues": ["team_match"], "players": [{"playerId": ann}] if players is None else players, **more}

    def said(**more):
        return add([{"playerId": ann, **more}])
    many = {f"a{i}": i for i in range(33)}
    bad = [
        ("POST", TICKETS, {}, *BAD, ["/players", "/queues"]),
        ("POST", TICKETS, add(team="red", partyPolicy=1), *BAD, ["/partyPolicy", "/team"]),
        ("POST", TICKETS, add(queues=[]), *BAD, ["/queues"]),
        ("POST", TICKETS, add(queues=["duel", "duel"]), *BAD, ["/queues/1"]),
        ("POST", TICKETS, add(queues=["ranked", "duel", "casual", "team_match", "instant"]), *BAD, ["/queues"]),
        ("POST", TICKETS, add(queues="ranked"), *BAD, ["/queues"]),
        ("POST", TICKETS, add(queues=[7]), *BAD, ["/queues/0"]),
        ("POST", TICKETS, add(queues=["chess"]), 400, "GAME_MODE_NOT_FOUND", ["/queues/0"]),
        ("POST", TICKETS, add(region="mars"), 400, "REGION_NOT_SUPPORTED", ["/region"]),
        ("POST", TICKETS, add(maxWaitSeconds=0), *BAD, ["/maxWaitSeconds"]),
        ("POST", TICKETS, add([]), *BAD, ["/players"]),
        ("POST", TICKETS, add([7]), *BAD, ["/players/0"]),
        ("POST", TICKETS, add([{"playerId": ann}, {"playerId": ben}], queues=["ranked"]), *BAD),
        ("POST", TICKETS, add([{"playerId": f"ply_{i}"} for i in range(9)]), *BAD, ["/players"]),
        ("POST", TICKETS, add([{"playerId": ann}, {"playerId": ann}]), *BAD, ["/players/1/playerId"]),
        ("POST", TICKETS, add([{"playerId": ann}, {"playerId": "ply_none"}]), 404, "PLAYER_NOT_FOUND"),
        ("POST", TICKETS, said(skill=1), *BAD, ["/players/0/skill"]),
        ("POST", TICKETS, said(attributes=[]), *BAD, ["/players/0/attributes"]),
        ("POST", TICKETS, said(attributes=many), *BAD, ["/players/0/attributes"]),
        ("POST", TICKETS, said(attributes={"x": True, "y": None, "z": [1], "m": {"k": "v"}}), *BAD,
         ["/players/0/attributes/m/k", "/players/0/attributes/x", "/players/0/attributes/y", "/players/0/attributes/z/0"]),
        ("POST", TICKETS, said(attributes={"s": "x" * 256}), *BAD, ["/players/0/attributes/s"]),
        ("POST", TICKETS, said(attributes={"l": ["x"] * 101}), *BAD, ["/players/0/attributes/l"]),
        ("POST", TICKETS, said(attributes={"n" * 64: 1}), *BAD, ["/players/0/attributes/" + "n" * 64]),
        ("POST", TICKETS, said(attributes={f"a{i}": "x" * 255 for i in range(32)}), *BAD, ["/players"]),
        ("POST", TICKETS, said(latencies={"mars": 1}), 400, "REGION_NOT_SUPPORTED", ["/players/0/latencies/mars"]),
        ("POST", TICKETS, said(latencies={"eu-west": 1001}), *BAD, ["/players/0/latencies/eu-west"]),
        ("POST", TICKETS, said(latencies={"eu-west": 999}), 400, "HIGH_LATENCY"),
        ("POST", TICKETS, add([{"playerId": ann, "latencies": {"eu-west": 9}}, {"playerId": ben}]), *BAD, ["/players"]),
        ("POST", TICKETS, add([{"playerId": ann, "latencies": {"eu-west": 9}}, {"playerId": ben, "latencies": {"us-east": 9}}]), *BAD, ["/players"]),
    ]
    await api.table("tickets: every bound is kept", bad)
    api.equal((await api.call("GET", f"/v1/players/{ann}"))["player"]["status"], "IDLE", "tickets: what was refused did nothing")
    good = [said(attributes={"s": "x" * 255, "l": ["x"] * 100, "m": {"k": -1e9}, "n" * 63: 0.5}), said(latencies={"eu-west": 0}),
            said(attributes={f"a{i}": i for i in range(32)}), add(region="us-east", maxWaitSeconds=86400),
            add(queues=["ranked", "duel", "tournament", "team_match"])]
    statuses = []
    for body in good:
        answer = await api.call("POST", TICKETS, body)
        statuses.append(answer.status)
        await api.call("DELETE", f"{TICKETS}/{answer['ticket']['ticketId']}")
    api.equal(statuses, [201] * len(good), "tickets: what is at the bounds is taken")
    once = [await api.call("POST", TICKETS, said(attributes={"x": 1}), once="ticket-once") for _ in range(2)]
    api.equal((once[0].status, once[0].json["ticket"]["ticketId"]), (once[1].status, once[1].json["ticket"]["ticketId"]),
              "tickets: the same key, the same ticket")
    other = await api.call("POST", TICKETS, said(attributes={"x": 2}), once="ticket-once")
    api.equal(other.said, (422, "IDEMPOTENCY_KEY_REUSED"), "tickets: the key with other attributes is refused")
    await api.call("DELETE", f"{TICKETS}/{once[0].json['ticket']['ticketId']}")


CLOSE = {  # keeps apart who is more than 10 apart, for an hour
    "name": "ranked", "ruleLanguageVersion": "1.0", "playerAttributes": [{"name": "skill", "type": "number", "default": 0}],
    "teams": [{"name": "side", "minPlayers": 1, "maxPlayers": 1, "quantity": 2}],
    "rules": [{"name": "close", "type": "batchDistance", "batchAttribute": "skill", "maxDistance": 10}],
    "expansions": [{"target": "rules[close].maxDistance", "steps": [{"waitTimeSeconds": 3600, "value": 100}]}], "quality": {}}
EXPLAINED = ["ticketId", "queue", "rulesVersion", "status", "waitedMs", "estimatedWaitMs", "ageThatCounts", "reservation", "players", "limits",
             "limitsLeftOff", "nextChange", "others", "builtIn", "rules", "nearestMiss"]


async def why(api, ann, ben):
    put = await api.call("PUT", "/v1/rulesets/ranked", CLOSE)
    version = put["ruleSet"]["version"]

    async def wait(player, skill, *queues):
        body = {"queues": list(queues), "region": "eu-west", "players": [{"playerId": player, "attributes": {"skill": skill}}]}
        return (await api.call("POST", TICKETS, body))["ticket"]["ticketId"]

    async def both():
        answer = await api.call("GET", f"{TICKETS}/{mine}/explain")
        told = answer.json.get("explanation", {})
        return told if told.get("others", {}).get("lookedAt") == 1 and told["rulesVersion"] == version else None
    mine, other = await wait(ann, 0, "ranked"), await wait(ben, 25, "ranked", "squad_battle")
    told = await wait_for("a matcher that has both", both)
    api.has(told, EXPLAINED, "explain: every field")
    miss, limit = told["nearestMiss"], next(limit for limit in told["limits"] if limit["target"] == "rules[close].maxDistance")
    api.equal((told["ticketId"], told["queue"], told["status"], told["others"]),
              (mine, "ranked", "WAITING", {"waiting": 1, "lookedAt": 1, "able": 0, "ablePlayers": 0}), "explain: nobody can play with it")
    api.equal((miss["rule"], miss["by"], miss["against"]), ("close", 15, 1), "explain: the nearest miss names the rule, and by how much")
    api.equal([(rule["name"], rule["failed"], rule["failedAlone"]) for rule in told["rules"]], [("close", 1, 1)], "explain: rules are counted")
    api.equal((limit["value"], limit["then"], told["nextChange"]["target"]), (10, 100, limit["target"]), "explain: limits now and next")
    api.check(3500000 < limit["changesInMs"] <= 3600000 and 0 <= miss["opensInMs"] - limit["changesInMs"] < 60000,
              f"explain: the two can meet when the newer one's limit changes: {limit} {miss}")

    async def elsewhere():
        return (await api.call("GET", f"{TICKETS}/{other}/explain?queue=squad_battle")).json.get("explanation")
    second = await wait_for("a matcher that has the other queue", elsewhere)
    api.equal((second["queue"], second["others"]["waiting"], second["players"]["max"]), ("squad_battle", 0, 8), "explain: in another of its queues")
    await api.table("explain: what is not there", [
        ("GET", f"{TICKETS}/tkt_none/explain", None, 404, "TICKET_NOT_FOUND"),
        ("GET", f"{TICKETS}/{mine}/explain?queue=chess", None, 400, "GAME_MODE_NOT_FOUND"),
        ("GET", f"{TICKETS}/{mine}/explain?queue=squad_battle", None, 400, "GAME_MODE_NOT_FOUND"),
        ("POST", f"{TICKETS}/{mine}/explain", {}, 405, "METHOD_NOT_ALLOWED")])
    await why_command(api, mine, other)
    for ticket in (mine, other):
        await api.call("DELETE", f"{TICKETS}/{ticket}")
    api.equal((await api.call("GET", f"{TICKETS}/{mine}/explain")).said, (409, "CONFLICT"), "explain: it does not wait any more")


async def why_command(api, mine, other):
    async def ticket(*words):
        return await api.live.muster("ticket", *words, "--gateway", f"127.0.0.1:{api.cluster.port}")
    code, out, err = await ticket("explain", mine)
    good = code == 0 and out.startswith(f"{mine} in ranked, rule set version ") and "\nrules[close].maxDistance " in out
    good = good and "\nnearest miss: 0 points away, fails rule 'close' by 15, can meet in " in out
    api.check(good, f"muster ticket explain: the page{'' if good else f': {code} {out}{err}'}")
    code, out, _ = await ticket("explain", other, "--queue", "squad_battle", "--json")
    api.equal((code, json.loads(out)["explanation"]["queue"]), (0, "squad_battle"), "muster ticket explain --json")
    code, out, err = await ticket("show", other)
    good = code == 0 and out.startswith(f"{other}  SEARCHING\n") and "ranked squad_battle" in out
    api.check(good, f"muster ticket show: the page{'' if good else f': {code} {out}{err}'}")
    code, out, err = await ticket("explain", "tkt_none")
    api.equal((code, out, "404" in err), (1, "", True), "muster ticket explain: no such ticket")
    code, out, _ = await ticket("explain", "a/b")
    api.equal((code, out), (64, ""), "muster ticket explain: no id")


async def run(api):
    ann, ben = await party(api)
    await bounds(api, ann, ben)
    await why(api, ann, ben)
