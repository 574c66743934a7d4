"""Holds what a gateway says against what it says of itself: /openapi.json and /asyncapi.json.

Every answer must be one that the document knows: path, method, status, content type, each field,
and each error code; and what is accepted must be allowed.  The live tests' clients hand each
call to http(); faults are gathered here, and live.main() tells of them.
"""

import json
import re

import jsonschema

PROBLEM = "application/problem+json"
FAULTS_MAX = 40  # told of; one mistake makes many

faults = []  # sentences
_openapi = None
_asyncapi = None


class OpenApi:
    """The HTTP API, with a compiled check for each answer."""

    def __init__(self, document):
        self.resolver = jsonschema.RefResolver.from_schema(document)
        self.checks = {}
        self.paths = []
        for pattern, operations in document["paths"].items():
            regex = re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(pattern)))
            self.paths.append((regex, pattern, operations))
        self.paths.sort(key=lambda path: path[1].count("{"))  # /players/register is no /players/{playerId}

    def find(self, path):
        """(pattern, operations) of all that fit a path, the plainest first."""
        return [(pattern, operations) for regex, pattern, operations in self.paths if regex.fullmatch(path)]

    def check(self, schema):
        """What is wrong with a value by a schema: a function that gives None or a sentence."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self.checks:
            validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
            self.checks[key] = lambda value: next((f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator.iter_errors(value)), None)
        return self.checks[key]

    def answer(self, method, path, status, kind, text):
        """What is wrong with an answer, or None."""
        try:
            value = json.loads(text) if text else None
        except ValueError:
            value = None
        problem = {"$ref": "#/components/schemas/Problem"}
        if kind == PROBLEM and isinstance(value, dict) and "traceId" not in value:
            return self.check(problem)(value)  # refused before it was a request
        found = self.find(path)
        wanted = "get" if method == "HEAD" else method.lower()
        operation = next((operations[wanted] for _, operations in found if wanted in operations), None)
        if operation is None:
            allowed = (204, 401, 405, 429) if found else (401, 404, 429)
            if status not in allowed or status == 204 and method != "OPTIONS":
                return "is not in the document"
            return self.check(problem)(value) if text else None
        pattern = next(pattern for pattern, operations in found if wanted in operations)
        response = operation["responses"].get(str(status))
        if response is None:
            return f"has a status that the document does not know for {pattern}"
        content = response["content"].get(kind.split(";")[0].strip())
        if content is None:
            return f"has a content type that the document does not know for {pattern}: {kind}"
        if method == "HEAD" or content["schema"] == {"type": "string"}:
            return None
        if value is None:
            return "is no JSON"
        return self.check(content["schema"])(value)

    def request(self, method, path, body):
        """What is wrong with a body that was accepted, or None."""
        for _, operations in self.find(path):
            content = operations.get(method.lower(), {}).get("requestBody", {}).get("content", {})
            if "application/json" in content:
                return self.check(content["application/json"]["schema"])(without_nulls(body))
        return None


def without_nulls(value):
    """null counts as absent in requests."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


class AsyncApi:
    """The WebSocket: what it may say."""

    def __init__(self, document):
        resolver = jsonschema.RefResolver.from_schema(document)
        self.checks = {}  # (type, whether it is an event) -> validator
        for message in document["components"]["messages"].values():
            schema = resolver.resolve(message["payload"]["$ref"])[1]
            if "type" in schema["properties"]:
                kind = message["name"], "seq" in schema["properties"]
                self.checks[kind] = jsonschema.Draft202012Validator(schema, resolver=resolver)

    def message(self, message):
        """What is wrong with a message of the gateway, or None."""
        check = self.checks.get((message.get("type"), "seq" in message))
        if check is None:
            return "is not in the document"
        return next((f"{list(e.absolute_path)}: {e.message[:200]}" for e in check.iter_errors(message)), None)


def learn(openapi, asyncapi):
    """From now on everything is held against these documents."""
    global _openapi, _asyncapi  # pylint: disable=global-statement
    _openapi, _asyncapi = OpenApi(openapi), AsyncApi(asyncapi)


def known():
    return _openapi is not None


def fault(text):
    if len(faults) < FAULTS_MAX and text not in faults:
        faults.append(text)


def http(method, path, body, status, kind, text):
    """One call.  body: what was sent, as text or None; kind: the answer's Content-Type; text: the answer's body."""
    if _openapi is None:
        return
    path = path.split("?")[0]
    shown = f"{method} {path}: {status} {text[:300]!r}"
    wrong = _openapi.answer(method, path, status, kind or "", text)
    if wrong is not None:
        fault(f"{shown} {wrong}")
    if status // 100 == 2 and body:
        try:
            sent = json.loads(body)
        except ValueError:
            return  # a document that is taken as it is
        wrong = _openapi.request(method, path, sent)
        if wrong is not None:
            fault(f"{shown} was accepted, though {body[:300]!r} {wrong}")


def socket(message):
    """One message that came over a WebSocket, parsed."""
    wrong = _asyncapi.message(message) if _asyncapi is not None else None
    if wrong is not None:
        fault(f"WebSocket: {json.dumps(message)[:300]} {wrong}")
