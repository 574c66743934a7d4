"""Holds documents.py against answers: one that is as it should be, and one for each way to be wrong.

usage: documents_judge.py PRINT_DOCS
"""

import json
import subprocess
import sys

import jsonschema

import documents

JSON = "application/json"
PATH = "/v1/players/ply_1"
PLAYER = {
    "playerId": "ply_1", "username": "ann", "skillRating": 1200, "tier": "GOLD", "wins": 0, "losses": 0, "draws": 0, "winRate": 0,
    "matchesPlayed": 0, "region": "eu-west-1", "status": "IDLE", "engagementId": None, "currentStreak": 0, "maxStreak": 0,
    "preferredGameMode": None, "maxAcceptableLatency": None, "preferences": {}, "createdAt": "2026-11-23T06:24:00.000Z", "updatedAt": None,
}
PROBLEM = {"type": "/problems/PLAYER_NOT_FOUND", "title": "t", "status": 404, "detail": "d", "code": "PLAYER_NOT_FOUND", "message": "d",
           "error": "t", "traceId": "0af7651916cd43dd8448eb211c80319c"}
EVENT = {"type": "READY_UPDATE", "seq": 1, "at": "2026-11-23T06:24:00.000Z", "lobbyId": "lob_1", "ready": 1, "total": 2}

failed = []
checks = 0


def check(holds, text):
    global checks  # pylint: disable=global-statement
    checks += 1
    if not holds:
        failed.append(text)
        print(f"FAIL  {text}")


def wrong(method, path, body, status, kind, answer):
    """Whether a call is found to be wrong."""
    documents.faults.clear()
    sent = None if body is None else json.dumps(body)
    documents.http(method, path, sent, status, kind, answer if isinstance(answer, str) else json.dumps(answer))
    return bool(documents.faults)


def once(pairs):
    """An object, none of whose keys is there twice."""
    if len(dict(pairs)) != len(pairs):
        check(False, f"a key is there twice among {[key for key, _ in pairs]}")
    return dict(pairs)


def answers():
    good, register = {"player": PLAYER}, {"username": "ann", "region": "eu-west-1"}
    check(not wrong("GET", PATH, None, 200, JSON, good), "an answer that is right")
    check(not wrong("GET", PATH + "?x=1", None, 200, JSON + "; charset=utf-8", good), "the same, with a query and a charset")
    check(not wrong("HEAD", PATH, None, 200, JSON, ""), "HEAD has no body")
    check(not wrong("GET", PATH, None, 404, documents.PROBLEM, PROBLEM), "a refusal that is right")
    check(not wrong("GET", "/nothing", None, 404, documents.PROBLEM, {**PROBLEM, "code": "NOT_FOUND"}), "a path that is not there")
    check(not wrong("OPTIONS", PATH, None, 204, "", ""), "OPTIONS")
    check(not wrong("GET", "/metrics", None, 200, "text/plain; version=0.0.4", "a 1"), "plain text")
    check(not wrong("GET", PATH, None, 431, documents.PROBLEM, {key: PROBLEM[key] for key in PROBLEM if key != "traceId"}), "refused before it was a request")
    check(not wrong("POST", "/v1/players/register", {**register, "preferredGameMode": None}, 201, JSON, good), "null counts as absent")
    check(not wrong("POST", "/v1/players/register", {"username": "a"}, 400, documents.PROBLEM, {**PROBLEM, "code": "VALIDATION_FAILED"}),
          "a body that is refused may be anything")
    for name in PLAYER:
        check(wrong("GET", PATH, None, 200, JSON, {"player": {key: value for key, value in PLAYER.items() if key != name}}), f"without {name}")
        check(wrong("GET", PATH, None, 200, JSON, {"player": {**PLAYER, name: [1]}}), f"{name} of another type")
    check(wrong("GET", PATH, None, 200, JSON, {"player": {**PLAYER, "email": "a@b"}}), "a field that nobody told of")
    check(wrong("GET", PATH, None, 200, JSON, {**good, "more": 1}), "another one")
    check(wrong("GET", PATH, None, 200, JSON, {"player": {**PLAYER, "tier": "WOOD"}}), "a word that is none")
    check(wrong("GET", PATH, None, 200, JSON, {"player": {**PLAYER, "createdAt": "yesterday"}}), "a time that is none")
    check(wrong("GET", PATH, None, 200, JSON, "{"), "no JSON")
    check(wrong("GET", PATH, None, 200, "text/html", good), "another content type")
    check(wrong("GET", PATH, None, 201, JSON, good), "another status")
    check(wrong("GET", PATH, None, 404, documents.PROBLEM, {**PROBLEM, "code": "LOBBY_NOT_FOUND"}), "a code that is not its own")
    check(wrong("GET", PATH, None, 404, documents.PROBLEM, {**PROBLEM, "hint": "x"}), "a refusal with more in it")
    check(wrong("GET", "/nothing", None, 200, JSON, {}), "an answer of a path that is not there")
    check(wrong("DELETE", PATH, None, 200, JSON, good), "an answer of a method that is not there")
    check(wrong("POST", "/v1/players/register", {**register, "username": "a"}, 201, JSON, good), "a name too short that was accepted")
    check(wrong("POST", "/v1/players/register", {"username": "ann"}, 201, JSON, good), "a field that was not required after all")


def messages():
    def odd(message):
        documents.faults.clear()
        documents.socket(message)
        return bool(documents.faults)
    check(not odd(EVENT), "an event that is right")
    check(not odd({"type": "PONG", "re": "x"}), "an answer that is right")
    for name in EVENT:
        check(odd({key: value for key, value in EVENT.items() if key != name}), f"an event without {name}")
    check(odd({**EVENT, "more": 1}), "an event with more in it")
    check(odd({"type": "HELLO"}), "a message that nobody told of")
    check(odd({"type": "PONG", "seq": 1}), "an answer that has a number")


def main():
    texts = [subprocess.run([sys.argv[1], name], check=True, stdout=subprocess.PIPE).stdout for name in ("openapi", "asyncapi")]
    openapi, asyncapi = [json.loads(text, object_pairs_hook=once) for text in texts]
    for document in (openapi, asyncapi):
        for schema in document["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)
    documents.learn(openapi, asyncapi)
    answers()
    messages()
    print(f"{checks - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed else 0)


main()
