"""Holds the judge of promise.py against small histories: one that is as it should be, and one for each way to break it."""

import copy
import json
import sys

import promise
from history import History

ANN, BEN = "ply_ANN", "ply_BEN"
FIRST, SECOND = "mch_01", "mch_02"


def call(what, once, answer, status=200, **more):
    return {"kind": "call", "who": "ann", "what": what, "once": once, "door": "d", "begun": 1.0, "ended": 2.0, "status": status,
            "answer": answer, **more}


def event(player, seq, kind, match):
    return {"kind": "event", "who": player, "at": 1.0, "event": {"seq": seq, "type": kind, "matchId": match}}


def honest():
    """(lines, tables): two registered, queued and were matched; one match has ended, one is played; one ticket was cancelled."""
    ratings = [{"playerId": ANN, "before": 1200, "after": 1216}, {"playerId": BEN, "before": 1200, "after": 1184}]
    ended = {"results": {"ratings": ratings}}
    lines = [
        call("register", "r1", {"player": {"playerId": ANN}}, 201),
        {**call("register", "r2", {"player": {"playerId": BEN}}, 201), "who": "ben"},
        call("enqueue", "q1", {"queueData": {"ticketId": "tkt_1", "queuePosition": 2}}, 201, player=ANN),
        call("enqueue", "q1", {"queueData": {"ticketId": "tkt_1", "queuePosition": 1}}, 201, player=ANN),
        call("enqueue", "q2", {"queueData": {"ticketId": "tkt_3"}}, 201, player=ANN),
        call("cancel", "c1", None, 0, ticket="tkt_3"), call("cancel", "c1", {"message": "gone"}, ticket="tkt_3"),
        call("cancel", "c2", {"code": "TICKET_MATCHED", "engagement": {"id": FIRST}}, 409, ticket="tkt_1"),
        call("end", "e1", ended, match=FIRST), call("end", "e2", ended, match=FIRST),
        call("create", "l1", {"lobby": {"lobbyId": "lob_02"}}, 201), call("start", "s1", {}, lobby="lob_02", members=[ANN, BEN]),
        event(ANN, 1, "MATCH_FOUND", FIRST), event(ANN, 2, "MATCH_STARTED", FIRST), event(ANN, 3, "MATCH_ENDED", FIRST),
        event(ANN, 4, "MATCH_STARTED", SECOND),
    ]
    players = [{"id": ANN, "ticket": "tkt_1"}, {"id": BEN, "ticket": "tkt_2"}]
    untied = [{"id": ANN, "ticket": ""}, {"id": BEN, "ticket": ""}]
    rows = {ANN: {FIRST: {"before": 1200, "after": 1216}}, BEN: {FIRST: {"before": 1200, "after": 1184}}}
    counts = {"wins": 0, "losses": 0, "draws": 0}
    tables = {
        "player": {ANN: {"id": ANN, "username": "ann", "rating": 1216, **counts, "wins": 1},
                   BEN: {"id": BEN, "username": "ben", "rating": 1184, **counts, "losses": 1}},
        "ticket": {"tkt_1": {"id": "tkt_1", "state": "MATCHED", "players": [{"id": ANN}]},
                   "tkt_2": {"id": "tkt_2", "state": "MATCHED", "players": [{"id": BEN}]},
                   "tkt_3": {"id": "tkt_3", "state": "CANCELLED", "players": [{"id": ANN}]}},
        "match": {FIRST: {"id": FIRST, "state": "COMPLETED", "players": players, "created_ms": 10, "ended_ms": 20},
                  SECOND: {"id": SECOND, "state": "IN_PROGRESS", "players": untied, "created_ms": 20, "ended_ms": 0}},
        "lobby": {"lob_02": {"id": "lob_02"}},
        "history": rows,
    }
    return lines, tables


def edit(path, value):
    """A way to break tables: sets what a path of keys leads to; None: removes it."""
    def change(_, tables):
        at = tables
        for key in path[:-1]:
            at = at[key]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value
    return change


def add(*more):
    """Another way: something else was seen."""
    return lambda lines, _: lines.extend(more)


SEARCHING = {"id": "tkt_4", "state": "SEARCHING", "players": [{"id": "ply_X"}]}
FAULTS = [  # what is broken, and a word of what the judge says then, and of nothing else
    ("a player is gone", edit(("player", BEN), None), ["players lost"]),
    ("a ticket is gone", edit(("ticket", "tkt_1"), None), ["tickets lost"]),
    ("a ticket is another's", edit(("ticket", "tkt_1", "players"), [{"id": BEN}]), ["tickets lost"]),
    ("a ticket was given twice", add(call("enqueue", "q9", {"queueData": {"ticketId": "tkt_1"}}, 201, player=ANN)), ["tickets lost"]),
    ("a cancel did not hold", edit(("ticket", "tkt_3", "state"), "EXPIRED"), ["cancels hold"]),
    ("a cancelled ticket was matched", edit(("match", FIRST, "players", 0, "ticket"), "tkt_3"), ["cancels hold"]),
    ("a match was made up", add(call("cancel", "c9", {"code": "TICKET_MATCHED", "engagement": {"id": "mch_9"}}, 409, ticket="tkt_1")),
     ["lost races"]),
    ("a result is gone", edit(("history", ANN, FIRST), None), ["results lost", "counted twice"]),
    ("a result counted twice", edit(("player", ANN, "rating"), 1232), ["counted twice"]),
    ("a win counted twice", edit(("player", ANN, "wins"), 2), ["counted twice"]),
    ("a result was answered otherwise", add(call("end", "e9", {"results": {"ratings": []}}, match=FIRST)), ["told again"]),
    ("two matches at once", edit(("match", FIRST, "ended_ms"), 21), ["at once"]),
    ("two matches that live", edit(("match", FIRST, "state"), "PLACING"), ["at once"]),
    ("waits and plays", edit(("ticket", "tkt_2", "state"), "SEARCHING"), ["in a match and waits"]),
    ("waits twice", lambda _, tables: tables["ticket"].update(tkt_4=SEARCHING, tkt_5={**SEARCHING, "id": "tkt_5"}), ["waits twice"]),
    ("another answer", add(call("cancel", "c1", {"code": "PLAYER_NOT_IN_QUEUE"}, 404, ticket="tkt_3")), ["asked again"]),
    ("an event was missed", add(event(ANN, 6, "PLAYER_JOINED", "")), ["was missed"]),
    ("told of two matches", add(event(ANN, 5, "MATCH_FOUND", FIRST)), ["while he had another"]),
    ("a lobby is gone", edit(("lobby", "lob_02"), None), ["lobbies lost"]),
    ("a start came to nothing", edit(("match", SECOND), None), ["started lobbies"]),
]


def complaints(lines, tables):
    history = History()
    for line in lines:
        history.add(line)
    return [text for good, text in promise.judge(history, tables) if not good]


def main():
    lines, tables = honest()
    wrong = [("nothing is broken", text) for text in complaints(lines, tables)]
    for name, change, words in FAULTS:
        lines, tables = copy.deepcopy(honest())
        change(lines, tables)
        said = complaints(lines, tables)
        if len(said) != len(words) or not all(any(word in text for text in said) for word in words):
            wrong.append((name, said))
    for fault in wrong:
        print("FAIL ", json.dumps(fault))
    print(f"{1 + len(FAULTS) - len(wrong)} passed, {len(wrong)} failed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
