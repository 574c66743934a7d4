"""/v1/rulesets and `muster rules`: documents as they were sent, versions that never change."""

import json

RULES = "/v1/rulesets"
MODE = "tournament"


def document(players, comment):
    teams = [{"name": name, "minPlayers": players, "maxPlayers": players} for name in ("red", "blue")]
    return "// " + comment + "\n" + json.dumps({"name": MODE, "ruleLanguageVersion": "1.0", "teams": teams}, indent=2) + "\n"


async def versions(api):
    first, second = document(1, "the first, 1 ≤ n"), document(1, "the second")
    await api.table("rules: none yet", [
        ("GET", f"{RULES}/{MODE}", None, 404, "RULESET_NOT_FOUND"), ("GET", f"{RULES}/{MODE}/document", None, 404, "RULESET_NOT_FOUND"),
        ("POST", f"{RULES}/{MODE}/rollback", {"version": 1}, 404, "RULESET_NOT_FOUND"),
        ("POST", f"{RULES}/{MODE}/rollback", {"version": 0, "x": 1}, 400, "VALIDATION_FAILED", ["/version", "/x"]),
        ("PUT", f"{RULES}/chess", first, 400, "GAME_MODE_NOT_FOUND"), ("PUT", f"{RULES}/{MODE}", "{", 422, "RULESET_INVALID", [""]),
        ("PUT", f"{RULES}/{MODE}", "", 422, "RULESET_INVALID", [""]), ("PUT", f"{RULES}/{MODE}", b"{\"\xff\":1}", 422, "RULESET_INVALID", [""]),
        ("PUT", f"{RULES}/{MODE}", "x" * 65537, 413, "PAYLOAD_TOO_LARGE"), ("DELETE", f"{RULES}/{MODE}", None, 405, "METHOD_NOT_ALLOWED")])
    put = await api.call("PUT", f"{RULES}/{MODE}", first)
    api.equal((put.status, put["ruleSet"]["version"], put["ruleSet"]["activeVersion"]), (201, 1, 1), "rules: PUT is 201")
    api.has(put["ruleSet"], ["name", "version", "activeVersion", "newestVersion", "hash", "createdAt"], "rules: every field")
    same = await api.call("PUT", f"{RULES}/{MODE}", first, kind="text/plain")
    api.equal((same.status, same["ruleSet"]["version"]), (200, 1), "rules: the same again is 200, and no new version")
    put = await api.call("PUT", f"{RULES}/{MODE}", second)
    api.equal((put.status, put["ruleSet"]["version"]), (201, 2), "rules: another is the next version")
    got = await api.call("GET", f"{RULES}/{MODE}/document?version=1")
    api.equal((got.status, got.body.decode()), (200, first), "rules: a version's document is byte for byte what was sent")
    got = (await api.call("GET", f"{RULES}/{MODE}"))["ruleSet"]
    api.equal((got["version"], got["document"]), (2, second), "rules: GET has the one that holds")
    back = await api.call("POST", f"{RULES}/{MODE}/rollback", {"version": 1})
    api.equal((back.status, back["ruleSet"]["activeVersion"], back["ruleSet"]["newestVersion"]), (200, 1, 2), "rules: rolled back")
    listed = {entry["name"]: entry["version"] for entry in (await api.call("GET", RULES))["ruleSets"]}
    api.equal(listed, {MODE: 1}, "rules: the list")
    player = await api.player(region="eu-west-1")

    async def told():
        ticket = (await api.call("POST", "/v1/tickets", {"queues": [MODE], "players": [{"playerId": player}]}))["ticket"]
        await api.call("DELETE", f"/v1/tickets/{ticket['ticketId']}")
        return ticket["rulesVersion"]
    api.equal(await told(), 1, "rules: the shard knows which version holds")


async def command(api):
    live, gateway = api.live, ("--gateway", f"127.0.0.1:{api.cluster.port}")
    with open(live.path("third.json"), "w", encoding="utf-8") as file:
        file.write(document(1, "the third"))
    with open(live.path("bad.json"), "w", encoding="utf-8") as file:
        file.write("{ \"teams\": [ }")

    async def rules(*arguments):
        return await live.muster("rules", *arguments, *gateway)
    code, out, err = await rules("list")
    api.check(code == 0 and MODE in out, f"muster rules list: {out}{err}")
    code, out, _ = await rules("diff", MODE, live.path("third.json"))
    api.check(code == 1 and "-// the first" in out and "+// the third" in out, f"muster rules diff: {code} {out}")
    code, out, err = await rules("apply", MODE, live.path("third.json"))
    api.equal((code, out.strip()), (0, f"{MODE}: version 3 holds"), f"muster rules apply {err}")
    code, out, _ = await rules("diff", MODE, live.path("third.json"))
    api.equal((code, out), (0, ""), "muster rules diff: no difference")
    code, out, _ = await rules("show", MODE, "--version", "3")
    api.equal((code, out), (0, document(1, "the third")), "muster rules show")
    code, out, err = await rules("apply", MODE, live.path("bad.json"))
    api.check(code == 65 and "the document" in err, f"muster rules apply: faults are told: {code} {err}")
    code, out, _ = await rules("rollback", MODE, "2")
    api.equal((code, out.strip()), (0, f"{MODE}: version 2 holds again"), "muster rules rollback")
    code, _, err = await rules("rollback", MODE, "9")
    api.check(code == 1 and "no version 9" in err, f"muster rules rollback: no such version: {code} {err}")
    code, _, _ = await rules("frobnicate")
    api.equal(code, 64, "muster rules: wrong usage")


async def run(api):
    await versions(api)
    await command(api)
