"""Rule sets in a real cluster: vectors of the engine's tests through the API, and rules that change while tickets wait.

The tickets of a vector come while a rule set holds that keeps everybody waiting; then its own is
applied.  Each vector has a game mode for itself, and all of them run side by side.
"""

import asyncio
import datetime
import json
import time

import api_client
import live as l
import vector_file

REGION = "eu-west-1"
LANES = 24  # vectors at a time, each in a mode of its own
QUIET_S = 0.7  # nothing more comes within it
EARLY_S = 0.02  # rounding of times
LATE_S = 4  # as late as a match may come on a busy machine
LOOK_S = 0.05  # between two looks at a case
HOLD = json.dumps({"teams": [{"name": "nobody", "minPlayers": 200, "maxPlayers": 200}]})
CASES = {
    "hunters": ["three wait for a minute", "four wait for half a minute", "five and one", "too weak for one, who is left out in the end",
                "two monsters for five: one is left", "parties of hunters"],
    "even": ["the newest ticket's age counts", "two parties a hundred and sixty apart", "two parties a hundred apart", "eight equal",
             "nine equal: one is left", "sixteen equal: one match rather than two", "four and four solos a hundred apart are mixed"],
    "trio": ["one of them is far away", "one who does not say", "one is elsewhere", "nine peasants", "one medic too many", "thirteen"],
    "shapes": ["an eighth comes in time", "as many as there are", "the second shape when there are not", "the block list that is built in",
               "squads of parties"],
    "large": ["a hundred and five at fifteen seconds", "parties of five"],
    "duel": ["the same character", "another character", "no character", "each finds his own"],
    "blocks": ["one blocks another", "an eleventh takes the place of one of them", "a party that blocks a solo"],
    "latency": ["the worst of a party counts", "the region that is best for all", "two regions, two matches"],
    "parties": ["a party of four may play against itself", "a full party plays by itself, whoever else is there",
                "one who plays anything fills the gap", "a party brings two roles"],
}
MODE = ("  - {{name: {}, teams: 2, team_min: 1, team_max: 1, rated: false, accept_ms: 0, window_points: 400, window_per_second: 20,\n"
        "     window_max: 2900, latency_max_ms: 0, fill_ms: 0, spill_ms: 0, wait_max_ms: 300000}}\n")
OTHERS = ["changed", "first", "second"]  # modes of the tests below
CONFIG = "modes:\n{}settings:\n  server_wait_ms: 60000\n  server_give_up_ms: 600000\n"


def seconds_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class World:
    """The cluster, and who is in it."""

    def __init__(self, live, cluster, client):
        self.live = live
        self.cluster = cluster
        self.call = client.call
        self.registered = 0
        self.posting = asyncio.Lock()

    async def player(self):
        self.registered += 1
        body = {"username": f"player {self.registered}", "region": REGION}
        return (await self.call("POST", "/v1/players/register", body))["player"]["playerId"]

    async def put(self, mode, document):
        """Applies a rule set by the API; its version."""
        answer = await self.call("PUT", f"/v1/rulesets/{mode}", document)
        if answer.status not in (200, 201):
            raise l.Failed(f"{mode}: {answer.status} {answer.body.decode()}")
        return answer["ruleSet"]["version"]

    async def apply(self, mode, document):
        """The same by `muster rules apply`."""
        path = self.live.path(f"{mode}.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(document)
        code, out, err = await self.live.muster("rules", "apply", mode, path, "--gateway", f"127.0.0.1:{self.cluster.port}")
        if code != 0:
            raise l.Failed(f"muster rules apply {mode}: {out}{err}")
        return int(out.split()[2])

    async def post(self, queues, players):
        return await self.call("POST", "/v1/tickets", {"queues": queues, "players": players, "region": REGION})

    async def ticket(self, ticket):
        return (await self.call("GET", f"/v1/tickets/{ticket}"))["ticket"]

    async def match(self, match):
        return (await self.call("GET", f"/v1/matches/{match}"))["match"]

    async def holds(self, mode, version):
        """Waits until the queue works by that version, as all regions say."""
        async def told():
            queues = {queue["gameMode"]: queue for queue in (await self.call("GET", "/v1/queues"))["queues"]}
            return queues[mode]["rulesVersion"] == version
        await l.wait_for(f"version {version} of {mode}", told)


class Run:
    """A vector that is run."""

    def __init__(self, world, case, mode):
        self.world = world
        self.case = case
        self.mode = mode
        self.version = 0
        self.players = {}  # name -> id
        self.names = {}  # id -> name
        self.waiting = {}  # ticket's name -> id
        self.queued = {}  # ticket's name -> when
        self.found = {}  # match id -> what it is
        self.wrong = []

    async def register(self):
        for ticket in self.case.tickets:
            for name in ticket.names:
                self.players[name] = await self.world.player()
                self.names[self.players[name]] = name

    def body(self, ticket):
        """The players of a ticket; names in lists of players are theirs here."""
        players = []
        for name, said in zip(ticket.names, ticket.said):
            attributes = {key: [self.players.get(item, item) for item in value] if key.lower() in ("blocklist", "recentopponents") else value
                          for key, value in said.get("attributes", {}).items()}
            player = {"playerId": self.players[name], **said}
            players.append({**player, "attributes": attributes} if attributes else player)
        return players

    async def enqueue(self, ticket):
        answer = await self.world.post([self.mode], self.body(ticket))
        if ticket.refused:
            if answer.said != (400, "VALIDATION_FAILED") or "player" not in answer["detail"].lower():
                self.wrong.append(f"{ticket.name} is not refused: {answer.status} {answer.body[:200]!r}")
            return
        if answer.status != 201:
            raise l.Failed(f"{self.case.name}: {ticket.name}: {answer.status} {answer.body[:300]!r}")
        self.waiting[ticket.name] = answer["ticket"]["ticketId"]
        self.queued[ticket.name] = seconds_of(answer["ticket"]["queuedAt"])

    async def look(self, ticket):
        """Whether a ticket waits still; its match is noted."""
        seen = await self.world.ticket(self.waiting[ticket])
        if seen["status"] == "SEARCHING":
            return True
        if "matchId" not in seen:
            self.wrong.append(f"{ticket} is {seen['status']}")
        elif seen["matchId"] not in self.found:
            match = await self.world.match(seen["matchId"])
            names = {player["playerId"]: self.names[player["playerId"]] for player in match["players"]}
            self.found[match["matchId"]] = {
                "region": match["region"], "at": seconds_of(match["createdAt"]), "version": match.get("rulesVersion"),
                "teams": {names[player["playerId"]]: player.get("teamName", "") for player in match["players"]},
                "roles": {names[player["playerId"]]: player["role"] for player in match["players"] if "role" in player}}
        del self.waiting[ticket]
        return False

    async def wait(self):
        """Until all matches have come that should, and nothing else comes for a while."""
        begun = time.monotonic()
        turn = 0
        last_s = max([match.at_s for match in self.case.matches], default=0)
        quiet_s = QUIET_S if self.case.left == 0 else self.case.last_s() + QUIET_S
        while len(self.found) < len(self.case.matches) or time.monotonic() < begun + quiet_s:
            if self.waiting:
                turn += 1
                await self.look(list(self.waiting)[turn % len(self.waiting)])
            elif len(self.found) >= len(self.case.matches):
                break
            if time.monotonic() > begun + last_s + LATE_S + quiet_s:
                break
            await asyncio.sleep(LOOK_S)
        for ticket in list(self.waiting):
            await self.look(ticket)

    def judge(self):
        """Each expected match is one of those that came, at its time."""
        at_first = min(self.queued.values(), default=0)
        at_last = max((self.queued[ticket.name] for ticket in self.case.tickets if ticket.name in self.queued and ticket.at_s == 0),
                      default=0)
        left = dict(self.found)
        for expected in self.case.matches:
            reasons = {match: vector_file.faults(self.case, expected, found) for match, found in left.items()}
            match = next((match for match, wrong in reasons.items() if not wrong), None)
            if match is None:
                self.wrong.append(f"no match at {expected.at_s} s: {list(reasons.values())}")
                continue
            found = left.pop(match)
            self.wrong += vector_file.wrong_roles(self.case, found)
            if found["version"] != self.version:
                self.wrong.append(f"made by version {found['version']}, not {self.version}")
            if not at_first + expected.at_s - EARLY_S <= found["at"] <= at_last + expected.at_s + LATE_S:
                self.wrong.append(f"a match at {found['at'] - at_first:.2f} s, not {expected.at_s} s")
        if left:
            self.wrong.append(f"{len(left)} more matches: {[found['teams'] for found in left.values()]}")
        if len(self.waiting) != self.case.left:
            self.wrong.append(f"{len(self.waiting)} tickets wait, not {self.case.left}")

    async def run(self):
        await self.world.put(self.mode, HOLD)
        await self.register()
        async with self.world.posting:  # the tickets of a vector come at once
            for ticket in self.case.tickets:
                if ticket.at_s == 0 and not ticket.refused:
                    await self.enqueue(ticket)
            self.version = await self.world.apply(self.mode, self.case.rules)
        begun = min(self.queued.values()) - time.time() + time.monotonic()
        if any(ticket.refused for ticket in self.case.tickets):
            await self.world.holds(self.mode, self.version)
        for ticket in sorted(self.case.tickets, key=lambda ticket: ticket.at_s):
            if ticket.at_s > 0 or ticket.refused:
                await l.wait_for("a ticket's time", lambda at=begun + ticket.at_s: time.monotonic() >= at)
                await self.enqueue(ticket)
        await self.wait()
        self.judge()
        for ticket in self.waiting.values():
            await self.world.call("DELETE", f"/v1/tickets/{ticket}")
        self.world.live.check(not self.wrong, self.case.name if not self.wrong else f"{self.case.name}: {'; '.join(self.wrong)}")


async def run_vectors(world):
    modes = asyncio.Queue()
    for i in range(LANES):
        modes.put_nowait(f"lane{i}")

    async def one(case):
        mode = await modes.get()
        try:
            await Run(world, case, mode).run()
        except l.Failed as failure:
            world.live.check(False, f"{case.name}: {failure}")
        modes.put_nowait(mode)
    cases = [vector_file.read(file)[words] for file, names in CASES.items() for words in names]
    cases.sort(key=vector_file.Case.last_s, reverse=True)
    await asyncio.gather(*(one(case) for case in cases))


# Rules that change, tickets in two queues.


def sides(name, size, **more):
    """Two sides of one size; a player is of a level."""
    return json.dumps({"name": name, "playerAttributes": [{"name": "level", "type": "number", "default": 1}],
                       "teams": [{"name": "side", "minPlayers": size, "maxPlayers": size, "quantity": 2}], **more})


def near(distance):
    """One against one whose levels differ by no more."""
    return sides(f"near {distance}", 1, rules=[{"name": "near", "type": "batchDistance", "batchAttribute": "level",
                                                "maxDistance": distance}])


async def enqueue(world, queues, level):
    answer = await world.post(queues, [{"playerId": await world.player(), "attributes": {"level": level}}])
    if answer.status != 201:
        raise l.Failed(f"a ticket at {level}: {answer.status} {answer.body[:300]!r}")
    return answer["ticket"]["ticketId"]


async def matched(world, tickets):
    """Waits until they are, all in the same match; the match."""
    async def all_are():
        seen = [await world.ticket(ticket) for ticket in tickets]
        matches = {ticket.get("matchId") for ticket in seen}
        return None if None in matches else matches
    matches = await l.wait_for(f"a match of {len(tickets)} tickets", all_are)
    if len(matches) > 1:
        raise l.Failed(f"{len(tickets)} tickets are in {len(matches)} matches")
    return await world.match(matches.pop())


async def waiting(world, tickets):
    """Those that wait, after a while in which more could have come."""
    await asyncio.sleep(QUIET_S)  # that nothing comes cannot be waited for
    return [ticket for ticket in tickets if (await world.ticket(ticket))["status"] == "SEARCHING"]


async def change(world):
    """A new version judges those who wait; so does a former one that holds again."""
    live, mode = world.live, "changed"
    first = await world.apply(mode, near(10))
    await world.holds(mode, first)
    a, b = await enqueue(world, [mode], 100), await enqueue(world, [mode], 150)
    live.equal(await waiting(world, [a, b]), [a, b], "change: too far apart by the first version")
    second = await world.apply(mode, near(60))
    match = await matched(world, [a, b])
    live.equal((first, second, match["rulesVersion"]), (1, 2, 2), "change: the second version matches those who waited")
    live.equal(sorted(player["teamName"] for player in match["players"]), ["side_1", "side_2"], "change: on teams that it names")
    third = await world.apply(mode, sides("pairs", 2))
    await world.holds(mode, third)
    c, d, e = [await enqueue(world, [mode], level) for level in (200, 205, 290)]
    live.equal(await waiting(world, [c, d, e]), [c, d, e], "change: three are too few for two sides of two")
    code, out, err = await live.muster("rules", "rollback", mode, "1", "--gateway", f"127.0.0.1:{world.cluster.port}")
    live.equal((code, out.strip()), (0, f"{mode}: version 1 holds again"), f"change: rolled back {err}")
    match = await matched(world, [c, d])
    live.equal(match["rulesVersion"], 1, "change: the first version matches two who are near enough")
    live.equal(await waiting(world, [e]), [e], "change: and not the third")
    await world.apply(mode, sides("pairs again", 2))
    more = [await enqueue(world, [mode], level) for level in (1, 1000, 2000)]
    match = await matched(world, [e] + more)
    live.equal((match["rulesVersion"], len(match["players"])), (4, 4), "change: who has seen all versions plays by the last")


async def refusals(world):
    """Tickets that can never match are refused at once, with what is against them."""
    live, mode = world.live, "changed"
    cases = [
        ("even", "eight equal", 8, {}, None), ("even", "eight equal", 9, {}, ""), ("parties", "two full parties", 6, {}, "party of 6"),
        ("blocks", "nobody blocks anybody", 2, {"attributes": {"BlockList": ["mate"]}}, "blocked"),
        ("trio", "nine peasants", 1, {}, "asks for latencies"), ("parties", "two of each role", 1, {"attributes": {"roles": ["bard"]}}, "role"),
        ("duel", "no character", 1, {"attributes": {"character": "seven"}}, "character"),
        ("latency", "the region that is best for all", 1, {"latencies": {REGION: 151}}, "no region is near enough"),
    ]
    for file, words, size, said, why in cases:
        await world.holds(mode, await world.put(mode, vector_file.read(file)[words].rules))
        players = [await world.player() for _ in range(size)]
        text = json.dumps([{"playerId": player, **said} for player in players]).replace("mate", players[-1])
        answer = await world.post([mode], json.loads(text))
        name = f"refusals: {file}, {size} with {json.dumps(said)}"
        if why is None:
            live.equal(answer.status, 201, f"{name}: taken")
            await world.call("DELETE", f"/v1/tickets/{answer['ticket']['ticketId']}")
        else:
            live.check(answer.said == (400, "VALIDATION_FAILED") and why in answer["detail"], f"{name}: {answer.status} {answer['detail']}")


async def two_queues(world):
    """A ticket in two queues is matched by whichever comes first, and is gone from the other."""
    live = world.live
    for mode in ("first", "second"):
        await world.holds(mode, await world.apply(mode, near(10)))
    for here, there in (("first", "second"), ("second", "first")):
        both = await enqueue(world, ["first", "second"], 500)
        seen = await world.ticket(both)
        live.equal((seen["status"], seen["queues"]), ("SEARCHING", ["first", "second"]), "queues: it waits in both")
        far = await enqueue(world, [here], 900)
        live.equal(await waiting(world, [both, far]), [both, far], f"queues: nobody near it in {here}")
        mate = await enqueue(world, [here], 505)
        match = await matched(world, [both, mate])
        live.equal(match["gameMode"], here, f"queues: {here} had somebody first")
        late = await enqueue(world, [there], 495)
        live.equal(await waiting(world, [late, far]), [late, far], f"queues: in {there} it is gone")

        async def counts(wanted=(there, here)):
            queues = {queue["gameMode"]: queue["tickets"] for queue in (await world.call("GET", "/v1/queues"))["queues"]}
            return [queues[mode] for mode in wanted] == [1, 1]
        await l.wait_for("one ticket in each queue", counts)
        for ticket in (late, far):
            await world.call("DELETE", f"/v1/tickets/{ticket}")
    a, b = await enqueue(world, ["first", "second"], 10), await enqueue(world, ["second", "first"], 11)
    match = await matched(world, [a, b])
    live.equal(len(match["players"]), 2, "queues: two that wait in the same two are matched once")


async def run(live):
    with open(live.path("vectors.yaml"), "w", encoding="ascii") as file:
        file.write(CONFIG.format("".join(MODE.format(name) for name in OTHERS + [f"lane{i}" for i in range(LANES)])))
    cluster = await l.Cluster(live, live.path("data"), "--bots", "0", "--config", live.path("vectors.yaml")).start()
    client = api_client.Client(cluster.port)
    world = World(live, cluster, client)
    children = sorted(cluster.children().items())
    await asyncio.gather(run_vectors(world), change(world), two_queues(world))
    await refusals(world)
    live.equal(sorted(cluster.children().items()), children, "no process died meanwhile")
    faults = "".join("\n" + fault for fault in sorted(set(client.faults))[:20])
    live.check(not client.faults, f"every answer is what all answers are{faults}")
    await client.close()
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "the cluster ends")
    code, out, err = await live.muster("verify", "--data", cluster.data)
    live.check(code == 0, f"muster verify: {out or err}".strip())


l.main(run)
