"""`muster record` beside a cluster with bots: what it writes is replayed alike, and scored; the cluster does not mind."""

import asyncio
import json
import os
import re
import signal

import live as l

BOTS = 40
SECONDS = 8  # of a recording that ends by itself
MATCHES_S = 10  # from ready to the first match
PAIRS = {"name": "ranked", "teams": [{"name": "side", "minPlayers": 1, "maxPlayers": 2, "quantity": 2}]}


def total(metrics, name):
    """The sum of a metric over all its labels."""
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", metrics, re.M))


async def metrics_of(cluster):
    status, text = await cluster.call("GET", "/metrics")
    return text if status == 200 else ""


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def text_of(path):
    with open(path, "rb") as file:
        return file.read()


class Recorder:
    """`muster record` as a child process."""

    def __init__(self, live, *arguments):
        self.live = live
        self.arguments = arguments
        self.process = None
        self.began = False
        self.out = ""

    async def start(self):
        """Returns when it records."""
        self.process = await asyncio.create_subprocess_exec(
            self.live.arguments.muster, "record", *self.arguments, stdout=asyncio.subprocess.PIPE,
            stderr=open(self.live.path("log"), "ab"))
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), l.EVENT_S)
        except asyncio.TimeoutError:
            self.process.kill()
            raise l.Failed("muster record does not begin") from None
        self.began = line == b"recording\n"
        return self

    async def end(self, seconds=l.EVENT_S):
        """Its exit code."""
        try:
            out, _ = await asyncio.wait_for(self.process.communicate(), seconds)
        except asyncio.TimeoutError:
            self.process.kill()
            raise l.Failed("muster record does not end") from None
        self.out = out.decode()
        return self.process.returncode


def check_form(live, tickets, matches):
    """The tickets in order, each once; the matches of known tickets, each of which is in one at most."""
    times = [ticket["t"] for ticket in tickets[1:]]
    ids = [ticket["id"] for ticket in tickets[1:]]
    live.check(len(tickets) > 10, f"tickets were recorded: {len(tickets) - 1}")
    live.check(times == sorted(times), "in the order of their time")
    live.equal(len(set(ids)), len(ids), "each id once")
    header = tickets[0]
    live.check(0 < header["duration"] <= SECONDS + 0.001, f"the header has the duration, {header['duration']} s")
    live.check(all(ticket["m"] in header["modes"] and ticket["pat"] >= 0 for ticket in tickets[1:]),
               "each has a mode of the header, and a patience")
    played = [ticket for match in matches[1:] for team in match["teams"] for ticket in set(team)]
    live.check(len(matches) > 1, f"matches were recorded: {len(matches) - 1}")
    live.check(set(played) <= set(ids), "their tickets are among those recorded")


async def check_replays(live, tickets, matches):
    """Two replays are the same byte for byte; another seed changes its own name only; the cluster's matches are scored."""
    texts = []
    for name, seed in (("one", "1"), ("two", "1"), ("other", "4711")):
        code, _, err = await live.muster("simulate", "--workload", tickets, "--seed", seed, "--out", live.path(name))
        live.equal((code, err), (0, ""), f"replay {name}")
        texts.append(text_of(live.path(name)))
    live.check(texts[0] == texts[1], f"two replays are the same, {len(texts[0])} bytes")
    live.check(texts[0].split(b"\n")[1:] == texts[2].split(b"\n")[1:], "the seed changes no match")
    live.check(texts[0].count(b"\n") > 1, "the replay has matches")
    code, out, _ = await live.muster("simulate", "--workload", tickets, "--compare", matches, "default")
    live.equal(code, 0, "the live matches are compared with a replay")
    scored = sum(float(a) for a in re.findall(r"^matches +(\S+)", out, re.M))
    live.equal(scored, len(lines_of(matches)) - 1, "every live match was scored")


async def make_config(live):
    """A configuration whose modes have narrower windows than the built-in ones; its path."""
    code, text, err = await live.muster("config", "print")
    live.equal((code, err), (0, ""), "the configuration is printed")
    with open(live.path("config.yaml"), "w", encoding="utf-8") as file:
        file.write(re.sub(r"window_points: \d+", "window_points: 55", text))
    return live.path("config.yaml")


async def apply_rules(live, cluster):
    """A mode of two players gets a rule set of two to four; its path."""
    with open(live.path("pairs.json"), "w", encoding="utf-8") as file:
        json.dump(PAIRS, file)
    code, _, err = await live.muster("rules", "apply", "ranked", live.path("pairs.json"), "--gateway",
                                     f"127.0.0.1:{cluster.port}")
    live.equal((code, err), (0, ""), "a rule set is applied")
    return live.path("pairs.json")


async def rules_of(live, name, *arguments):
    """Plays, and tells by which rules: (hash by mode, the outcome's bytes)."""
    code, _, err = await live.muster("simulate", *arguments, "--out", live.path(name))
    live.equal((code, err), (0, ""), f"replay {name}")
    return lines_of(live.path(name))[0]["rules"], text_of(live.path(name))


async def check_configured(live, tickets, matches, config, rules):
    """With the cluster's configuration its rules are played by, whatever stands in the header, and each time alike."""
    by_header, _ = await rules_of(live, "by-header", "--workload", tickets)
    by_config, first = await rules_of(live, "by-config", "--workload", tickets, "--config", config)
    _, second = await rules_of(live, "by-config-again", "--workload", tickets, "--config", config)
    live.check(first == second, "two replays by the configuration are the same")
    code, _, _ = await live.muster("simulate", "--generate", "small", "--out", live.path("made"))
    live.equal(code, 0, "tickets are made up")
    for mode in ("duel", "ranked"):
        # What is played there has another header, and no such mode.
        alone, _ = await rules_of(live, mode, "--workload", live.path("made"), "--config", config, "--mode", mode)
        live.equal(by_config.get(mode), alone[mode], f"recorded and other tickets play {mode} by the same rules")
        live.check(by_config.get(mode) != by_header.get(mode), f"which are not those of the header, {mode}")
    only = ("--workload", tickets, "--config", config, "--mode", "ranked")
    with_rules, _ = await rules_of(live, "with-rules", *only, "--rules", rules)
    live.check(with_rules["ranked"] != by_config["ranked"], "the rule set stands above the configuration")
    code, out, _ = await live.muster("simulate", *only, "--rules", rules, "--compare", matches, "default")
    live.check(code == 0 and "not valid" not in out, "live matches of that rule set are compared with its replay")
    code, _, err = await live.muster("simulate", "--workload", live.path("made"), "--config", config)
    live.check(code == 64 and "no mode" in err, "modes that the configuration does not have are told")


async def check_refusals(live, data, tickets):
    code, _, err = await live.muster("record", "--data", data, "--out", tickets)
    live.check(code == 64 and "exists" in err, "a recording overwrites nothing")
    code, _, err = await live.muster("record", "--data", live.path("nowhere"), "--out", live.path("x"))
    live.check(code == 69 and "nowhere" in err, "no cluster is told")
    code, _, err = await live.muster("record", "--data", data, "--out", live.path("x"), "--mode", "nonsense")
    live.check(code == 64 and "nonsense" in err, "an unknown mode is told")
    live.check(not os.path.exists(live.path("x")), "and no file is left")


async def run(live):
    data = live.path("data")
    config = await make_config(live)
    cluster = l.Cluster(live, data, "--bots", str(BOTS), "--config", config)
    await cluster.start()
    rules = await apply_rules(live, cluster)
    tickets, matches = live.path("tickets"), live.path("matches")
    recorder = await Recorder(live, "--data", data, "--out", tickets, "--matches", matches, "--config", config,
                              "--seconds", str(SECONDS)).start()
    live.check(recorder.began, "it records")
    # A second one at the same time, of one mode and with ids, until it is asked to end.
    other = await Recorder(live, "--data", data, "--out", live.path("kept"), "--mode", "duel", "--mode", "ranked",
                           "--config", config, "--keep-ids").start()
    live.equal(await recorder.end(SECONDS + l.EVENT_S), 0, "it ends by itself")
    live.check("recorded" in recorder.out and "all " in recorder.out, "with a table")
    check_form(live, lines_of(tickets), lines_of(matches))
    header = lines_of(tickets)[0]
    live.equal(header["modes"]["ranked"], {"teams": 2, "team_size": 2, "min_teams": 2, "team_min": 1},
               "the header has the sizes of the rule set that holds")
    live.equal(header["rules"]["ranked"]["version"], 1, "and names it")
    live.check(b"ply_" not in text_of(tickets) and b"tkt_" not in text_of(tickets), "without anybody's id")

    before = total(await metrics_of(cluster), "muster_queue_matches_total")

    async def more():
        return total(await metrics_of(cluster), "muster_queue_matches_total") > before
    await l.wait_for("matches while somebody reads along", more, MATCHES_S)
    other.process.send_signal(signal.SIGINT)
    live.equal(await other.end(), 0, "the other one ends after SIGINT")
    kept = lines_of(live.path("kept"))
    live.check(len(kept) > 1 and all(ticket["m"] in ("duel", "ranked") for ticket in kept[1:]), "it has two modes only")
    live.check(all(re.fullmatch(r"tkt_[0-9A-Z]{26}[b-z]?", str(ticket["id"])) for ticket in kept[1:]), "and ids")

    await check_replays(live, tickets, matches)
    await check_configured(live, tickets, matches, config, rules)
    await check_refusals(live, data, tickets)
    ready, _ = await cluster.call("GET", "/readyz")
    live.equal(ready, 200, "the cluster is as ready as before")
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "and ends well")


l.main(run)
