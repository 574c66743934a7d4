"""The vectors of tests/unit/vectors (vector_file.h has their form), for a live cluster: time goes faster."""

import json
import os
import re
from collections import Counter, defaultdict

FASTER = 5  # times in rule sets and vectors are divided by it
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unit", "vectors")
TIMES = re.compile(r'("(?:waitTimeSeconds|every|forSeconds|fillSeconds)": *)(\d+)')
PAIRS = ("apart", "together", "on")  # keys whose names come two and two


class Expected:
    """A match that must come: when, and what holds of it."""

    def __init__(self, words):
        self.at_s = 0.0
        self.values = {}
        self.names = defaultdict(list)
        for word in words:
            key, _, value = word.partition("=")
            if key == "t":
                self.at_s = int(value) / FASTER
            elif key in ("in", "out") + PAIRS:
                self.names[key].append(value.split(","))
            else:
                self.values[key] = value


class Ticket:
    """One that comes: its name, players, and when."""

    def __init__(self, name, words, details):
        options = dict(word.split("=") for word in words if "=" in word)
        self.name = name
        self.at_s = int(options.get("t", 0)) / FASTER
        self.refused = "refused" in words
        count = int(options.get("players", 1))
        said = json.loads(details) if details else {}
        self.said = said if isinstance(said, list) else [said] * count
        self.names = [name] if count == 1 else [f"{name}.{i + 1}" for i in range(count)]


class Case:
    """A rule set, tickets, and the matches that must come of them."""

    def __init__(self, file, words, rules):
        self.name = f"{file}: {words}"
        self.rules = rules
        self.tickets = []
        self.matches = []
        self.left = None

    def last_s(self):
        """When nothing changes any more: the last ticket has seen the last step."""
        steps = [float(value) for _, value in re.findall(r'("waitTimeSeconds": *)([\d.]+)', self.rules)]
        return max(ticket.at_s for ticket in self.tickets) + max(steps, default=0)

    def add(self, line):
        """Takes a line of the case."""
        kind, _, rest = line.partition(" ")
        if kind == "ticket":
            start = min(rest.find(c) for c in "[{" if c in rest) if "[" in rest or "{" in rest else len(rest)
            name, *words = rest[:start].split()
            options = dict(word.split("=") for word in words if "=" in word)
            names = [f"{name}{i + 1}" for i in range(int(options["n"]))] if "n" in options else [name]
            self.tickets += [Ticket(each, words, rest[start:]) for each in names]
        elif kind == "match":
            self.matches.append(Expected(rest.split()))
        elif kind == "left":
            self.left = int(rest)
        else:
            raise ValueError(f"{self.name}: {line}")


def read(file):
    """All cases of a file, by their words."""
    cases, rules, case = {}, None, None
    with open(os.path.join(FOLDER, file + ".txt"), encoding="utf-8") as lines:
        for line in (line.strip() for line in lines):
            if line == "rules":
                rules, case = [], None
            elif rules is not None and isinstance(rules, list):
                if line == "end":
                    text = "\n".join(rules)
                    rules = TIMES.sub(lambda match: f"{match[1]}{int(match[2]) / FASTER}", text)
                else:
                    rules.append(line)
            elif line.startswith("case "):
                case = cases[line[5:]] = Case(file, line[5:], rules)
            elif line and not line.startswith("#"):
                case.add(line)
    return cases


# What a match of the cluster is, against what was expected.


def team_order(rules):
    """The names of all teams in the document's order, those of a quantity one after the other."""
    document = json.loads(rules)
    shapes = [shape["teams"] for shape in document["shapes"]] if "shapes" in document else [document["teams"]]
    teams = {team["name"]: int(team.get("quantity", 1)) for shape in shapes for team in shape}
    return [[name] if quantity == 1 else [f"{name}_{i + 1}" for i in range(quantity)] for name, quantity in teams.items()]


def wrong_sizes(case, expected, teams):
    sizes = Counter(teams.values())
    if "" in sizes:  # everybody for himself: no teams
        return [len(teams)] != [int(size) for size in expected.split(",")]
    wanted = [int(size) for size in expected.split(",")]
    for like in team_order(case.rules):
        part, wanted = wanted[:len(like)], wanted[len(like):]
        if sorted(part) != sorted(sizes.pop(name, 0) for name in like):
            return True
    return bool(sizes or any(wanted))


def mean_gap(case, attribute, teams):
    """By how much the means of an attribute differ between teams."""
    default = next(a.get("default") for a in json.loads(case.rules)["playerAttributes"] if a["name"] == attribute)
    values = defaultdict(list)
    for ticket in case.tickets:
        for name, said in zip(ticket.names, ticket.said):
            if name in teams:
                values[teams[name]].append(said.get("attributes", {}).get(attribute, default))
    means = [sum(each) / len(each) for each in values.values()]
    return max(means) - min(means)


def faults(case, expected, found):
    """What is wrong with a match.

    found: region, and teams: player's name -> team's name."""
    wrong = []
    teams, by_ticket = found["teams"], {}
    for ticket in case.tickets:
        here = {teams.get(name) for name in ticket.names}
        if None not in here:
            by_ticket[ticket.name] = here
        elif len(here) > 1:
            wrong.append(f"{ticket.name} is torn")
    for name, value in expected.values.items():
        if name == "players" and len(teams) != int(value):
            wrong.append(f"{len(teams)} players")
        elif name == "sizes" and wrong_sizes(case, value, teams):
            wrong.append(f"sizes {dict(Counter(teams.values()))}")
        elif name == "region" and not found["region"].startswith(value):
            wrong.append(f"in {found['region']}")
        elif name == "even" and mean_gap(case, value.split(":")[0], teams) > float(value.split(":")[1]):
            wrong.append("uneven")
    for names in expected.names["in"]:
        wrong += [f"without {name}" for name in names if name not in by_ticket]
    for names in expected.names["out"]:
        wrong += [f"with {name}" for name in names if name in by_ticket]
    for one, other in expected.names["apart"]:
        if by_ticket.get(one) == by_ticket.get(other):
            wrong.append(f"{one} and {other} on the same team")
    for one, other in expected.names["together"]:
        if by_ticket.get(one) != by_ticket.get(other):
            wrong.append(f"{one} and {other} on different teams")
    for team, name in expected.names["on"]:
        if by_ticket.get(name) != {team}:
            wrong.append(f"{name} is on {by_ticket.get(name)}")
    return wrong


def wrong_roles(case, found):
    """What is wrong with the roles of a match: who plays what he cannot, or too many of a kind."""
    roles = json.loads(case.rules).get("roles")
    if roles is None:
        return []
    can = {name: said["attributes"][roles["attribute"]] for ticket in case.tickets
           for name, said in zip(ticket.names, ticket.said)}
    wrong = [f"{name} is {role!r}" for name, role in found["roles"].items() if role not in can[name]]
    counts = Counter((found["teams"][name], role) for name, role in found["roles"].items())
    for team in set(found["teams"].values()):
        for role, quota in roles["quotas"].items():
            low, high = (quota, quota) if isinstance(quota, int) else (quota.get("min", 0), quota.get("max", 8))
            if not low <= counts[team, role] <= high:
                wrong.append(f"{team} has {counts[team, role]} {role}")
    return wrong
