"""What clients saw of a cluster: each attempt of each call with its times and its answer, and each event.

A line is a dict that goes through JSON as it is:

    {"kind": "call", "who", "what", "once", "door", "begun", "ended", "status", "answer", ...}
        what: register, enqueue, cancel, end, create, join, start, read; status 0: no answer came, nobody knows what was done
        once: the Idempotency-Key, the same for all attempts of one call
    {"kind": "event", "who": player id, "at", "event": as it came}
    {"kind": "cycle", "region", "door", "begun", "ended"}: from a new ticket to a result
Times are seconds of the monotonic clock, which all hosts of one machine share.
"""

import time
from collections import defaultdict

DEFINITE = range(200, 500)
DOUBTFUL = (0, 425, 429)


def definite(status):
    """Whether an answer says what was done; else it is asked again."""
    return status in DEFINITE and status not in DOUBTFUL


class History:
    """write: called with each line, or None."""

    def __init__(self, write=None):
        self.lines = []
        self.write = write
        self.cycles = defaultdict(float)  # region -> begin of its newest cycle

    def add(self, line):
        self.lines.append(line)
        if line["kind"] == "cycle":
            self.cycles[line["region"]] = max(self.cycles[line["region"]], line["begun"])
        if self.write is not None:
            self.write(line)

    def call(self, who, what, once, door, begun, status, answer, **more):
        self.add({"kind": "call", "who": who, "what": what, "once": once, "door": door, "begun": begun,
                  "ended": time.monotonic(), "status": status, "answer": answer, **more})

    def event(self, who, event):
        self.add({"kind": "event", "who": who, "at": time.monotonic(), "event": event})

    def cycle(self, region, door, begun):
        self.add({"kind": "cycle", "region": region, "door": door, "begun": begun, "ended": time.monotonic()})

    def calls(self, what):
        return [line for line in self.lines if line["kind"] == "call" and line["what"] == what]

    def acknowledged(self, what):
        """The calls that were answered 2xx."""
        return [line for line in self.calls(what) if 200 <= line["status"] < 300]
