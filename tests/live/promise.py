"""Holds a history of clients against the store's tables: the promise, judged afterwards by somebody who had no part in it.

    0 lost       what was acknowledged is there: players, tickets, cancels, results, lobbies
    0 double     nobody is in two live matches at any instant, waits twice, or waits and plays
    0 twice      each result is counted once
    0 other      the same call asked again was answered the same
    0 gaps       nobody missed an event; his events tell of one match at a time
"""

import json
from collections import defaultdict

from history import definite

TABLES = ("ticket", "player", "match", "lobby", "history")
LIVING = ("REQUIRES_ACCEPTANCE", "PLACING", "IN_PROGRESS")
FIRST_RATING = 1200
OF_NOW = ("queuePosition", "estimatedWaitTime", "waitedSeconds")  # what an answer tells of the moment
SHOWN = 5  # faults of a kind in the text


def read_tables(dumps):
    """What judge() wants, of the output of `muster dump --table NAME` for each name of TABLES."""
    tables = {name: {row["record"]["id"]: row["record"] for row in map(json.loads, dumps[name].splitlines())}
              for name in TABLES if name != "history"}
    tables["history"] = defaultdict(dict)
    for row in map(json.loads, dumps["history"].splitlines()):
        player, _, match = row["key"].partition("%00")
        tables["history"][player][match] = row["record"]
    return tables


def timeless(answer):
    """An answer without what it tells of the moment."""
    if isinstance(answer, dict):
        return {name: timeless(value) for name, value in answer.items() if name not in OF_NOW}
    return answer


class Judge:
    def __init__(self, history, tables):
        self.history = history
        self.tables = tables
        self.said = []  # (good, text)

    def say(self, faults, text):
        more = f": {len(faults)} faults, as {faults[:SHOWN]}" if faults else ""
        self.said.append((not faults, text + more))

    def lost(self):
        tickets, players, matches = (self.tables[name] for name in ("ticket", "player", "match"))
        registered = self.history.acknowledged("register")
        self.say([call["who"] for call in registered
                  if players.get(call["answer"]["player"]["playerId"], {}).get("username") != call["who"]],
                 f"0 of {len(registered)} acknowledged players lost")
        owners, wrong = {}, []
        for call in self.history.acknowledged("enqueue"):
            ticket = call["answer"]["queueData"]["ticketId"]
            record = tickets.get(ticket)
            if record is None or [player["id"] for player in record["players"]] != [call["player"]]:
                wrong.append((ticket, record))
            if owners.setdefault(ticket, (call["player"], call["once"])) != (call["player"], call["once"]):
                wrong.append((ticket, "was given twice"))
        self.say(wrong, f"0 of {len(owners)} acknowledged tickets lost")
        cancelled = {call["ticket"] for call in self.history.acknowledged("cancel")}
        used = {player["ticket"] for match in matches.values() for player in match["players"]
                if match["state"] in LIVING or match["state"] == "COMPLETED"}
        self.say([ticket for ticket in cancelled if tickets.get(ticket, {}).get("state") != "CANCELLED" or ticket in used],
                 f"{len(cancelled)} acknowledged cancels hold")
        beaten = {call["answer"]["engagement"]["id"] for call in self.history.calls("cancel")
                  if call["status"] == 409 and call["answer"]["code"] == "TICKET_MATCHED"}
        self.say([match for match in beaten if match not in matches], f"{len(beaten)} lost races name real matches")

    def results(self):
        rows, first, differing, wrong = self.tables["history"], {}, [], []
        for call in self.history.acknowledged("end"):
            ratings = call["answer"]["results"]["ratings"]
            if first.setdefault(call["match"], ratings) != ratings:
                differing.append(call["match"])
            for change in ratings:
                row = rows[change["playerId"]].get(call["match"])
                if row is None or (row["before"], row["after"]) != (change["before"], change["after"]):
                    wrong.append((call["match"], change, row))
        self.say(wrong, f"0 of {len(first)} acknowledged results lost")
        self.say(differing, "a result told again was answered the same")
        doubled = []
        for player in self.tables["player"].values():
            changes = rows[player["id"]].values()
            rating = FIRST_RATING + sum(row["after"] - row["before"] for row in changes)
            if rating != player["rating"] or len(changes) != player["wins"] + player["losses"] + player["draws"]:
                doubled.append((player["username"], player["rating"], rating, len(changes)))
        self.say(doubled, f"0 of {sum(map(len, rows.values()))} results counted twice")

    def double(self):
        spans, living = defaultdict(list), []
        for match in self.tables["match"].values():
            living += [player["id"] for player in match["players"] if match["state"] in LIVING]
            for player in match["players"]:
                end = match["ended_ms"] if match["state"] not in LIVING else float("inf")
                spans[player["id"]].append((match["created_ms"], end, match["id"]))
        overlaps = []
        for player, matches in spans.items():
            matches.sort()
            overlaps += [(player, one, other) for one, other in zip(matches, matches[1:]) if other[0] < one[1]]
        self.say(overlaps, f"nobody was in two of {len(self.tables['match'])} matches at once")
        searching = [player["id"] for ticket in self.tables["ticket"].values() if ticket["state"] == "SEARCHING"
                     for player in ticket["players"]]
        self.say(sorted({player for player in searching if searching.count(player) > 1}), "nobody waits twice")
        self.say(sorted(set(living) & set(searching)), "nobody is in a match and waits")

    def repeats(self):
        answers, other = {}, []
        count = 0
        for line in self.history.lines:
            if line["kind"] != "call" or line["once"] is None or not definite(line["status"]):
                continue
            answer = (line["status"], timeless(line["answer"]) if line["status"] < 400 else line["answer"]["code"])
            before = answers.setdefault((line["who"], line["once"]), answer)
            count += before is not answer
            if before != answer:
                other.append((line["who"], line["once"], before, answer))
        self.say(other, f"{count} calls asked again got the answer of the first time")

    def events(self):
        last, match, gaps, two = defaultdict(int), {}, [], []
        count = 0
        for line in self.history.lines:
            if line["kind"] != "event":
                continue
            count += 1
            player, event = line["who"], line["event"]
            if event["seq"] != last[player] + 1:
                gaps.append((player, last[player], event["seq"]))
            last[player] = event["seq"]
            now = event.get("matchId") or "mch_" + event.get("lobbyId", "").partition("_")[2]
            if event["type"] in ("MATCH_FOUND", "MATCH_STARTED"):
                if match.setdefault(player, now) != now:
                    two.append((player, match[player], now))
            elif event["type"] in ("MATCH_ENDED", "MATCH_CANCELLED"):
                match.pop(player, None)
        self.say(gaps, f"none of {count} events was missed")
        self.say(two, "nobody was told of a match while he had another")

    def lobbies(self):
        lobbies, matches = self.tables["lobby"], self.tables["match"]
        opened = self.history.acknowledged("create")
        ids = {call["answer"]["lobby"]["lobbyId"] for call in opened}
        self.say(sorted(ids - set(lobbies)), f"0 of {len(ids)} acknowledged lobbies lost")
        wrong = []
        for call in self.history.acknowledged("start"):
            match = matches.get("mch_" + call["lobby"].partition("_")[2])
            if match is None or not {*call["members"]} <= {player["id"] for player in match["players"]}:
                wrong.append((call["lobby"], match))
        started = {call["lobby"] for call in self.history.acknowledged("start")}
        self.say(wrong, f"{len(started)} started lobbies became matches of their members")


def judge(history, tables):
    """[(good, text)]"""
    whole = Judge(history, tables)
    whole.lost()
    whole.results()
    whole.double()
    whole.repeats()
    whole.events()
    if history.calls("create"):
        whole.lobbies()
    return whole.said
