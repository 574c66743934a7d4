"""The scale case of tools/bench: one hot queue, 1 to 8 matchers, as docs/SCALING.md.

Each matcher is held to a small part of a processor, so that a machine with two can show what more of them would do: what
limits is the matchers, and all else has processor left.  The quota is the kernel's (cgroup v2 cpu.max, or v1
cpu.cfs_quota_us); where those may not be written, a limiter stops a matcher (SIGSTOP) that has used its share and lets it
go on (SIGCONT) when it has earned more, every few milliseconds by /proc/PID/stat.

Nobody plays: matches find no server, are dissolved at once, and their tickets wait again with their places kept.  So the
load never ends, and the same tickets are matched by 1, 2, 4 and 8.  The rounds are interleaved and repeated; what counts
is the median of the matches a second, and its ratio from one number of matchers to twice as many.
"""
import asyncio
import json
import os
import pathlib
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
HEAD = HERE / "scale.md"
TABLE = HERE.parent.parent / "docs" / "SCALING.md"
PLOT = TABLE.with_name("scaling.svg")
REGION, MODE = "bench-1", "hot"
COUNTS = (1, 2, 4, 8)
PLAYERS = {"quick": 24000, "full": 32000}
ROUNDS = {"quick": 3, "full": 7}
MEASURE_S = {"quick": 4, "full": 8}
WARM_S = 6  # after the number of matchers has changed: whom an edge kept apart is matched at first
QUOTA = 0.03  # of one processor, each matcher
PERIOD_S = 0.1  # of the quota
LIMIT_S = 0.005  # between two looks of the limiter
CONNECTIONS = 24
POLL_S, TICK_S = 0.05, 0.01  # between two looks at /metrics
START_S, JOIN_S, DRAIN_S = 20, 90, 10
GATE, GATE_MAX = 1.8, 4  # times as many matches a second for twice the matchers, up to so many of them

CONFIG = f"""regions:
  - name: {REGION}
modes:
  - name: {MODE}
    teams: 2
    team_min: 5
    team_max: 5
    rated: false
    accept_ms: 0
    window_points: 2900
    window_per_second: 0
    window_max: 2900
    latency_max_ms: 0
    fill_ms: 0
    spill_ms: 0
    wait_max_ms: 86400000
settings:
  rate_ip_per_minute: 0
  rate_player_per_hour: 0
  connections_max: 20000
  request_budget_ms: 20000
  cooldown_ms: 0
  server_give_up_ms: 200
"""
# Teams of about equal level, and nobody far from anybody: the composer searches, and is what costs.
RULES = {
    "name": MODE, "ruleLanguageVersion": "1.0",
    "playerAttributes": [{"name": "level", "type": "number", "default": 1}],
    "teams": [{"name": name, "minPlayers": 5, "maxPlayers": 5} for name in ("red", "blue")],
    "rules": [
        {"name": "even", "type": "distance", "measurements": ["avg(teams[*].players.attributes[level])"],
         "referenceValue": "avg(flatten(teams[*].players.attributes[level]))", "maxDistance": 0.4},
        {"name": "near", "type": "batchDistance", "batchAttribute": "level", "maxDistance": 3}]}
LEVELS = 100


class Failed(Exception):
    """The benchmark cannot go on."""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


# --- quotas ----------------------------------------------------------------------------------------


class Groups:
    """One control group a matcher, with the kernel's quota."""

    def __init__(self):
        self.base = None
        self.made = []
        for base, name, value in (("/sys/fs/cgroup", "cpu.max", self.max_v2()),
                                  ("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", str(int(QUOTA * PERIOD_S * 1e6)))):
            probe = pathlib.Path(base) / f"muster-bench-{os.getpid()}"
            try:
                probe.mkdir()
                if (probe / name).exists():  # the kernel made it: this is a control group
                    (probe / name).write_text(value)
                    self.base, self.name, self.value = pathlib.Path(base), name, value
            except OSError:
                pass
            if probe.exists():
                probe.rmdir()
            if self.base is not None:
                return

    @staticmethod
    def max_v2():
        return f"{int(QUOTA * PERIOD_S * 1e6)} {int(PERIOD_S * 1e6)}"

    def hold(self, pid):
        group = self.base / f"muster-bench-{os.getpid()}-{pid}"
        group.mkdir()
        self.made.append(group)
        (group / self.name).write_text(self.value)
        (group / "cgroup.procs").write_text(str(pid))

    def close(self):
        for group in self.made:
            try:
                group.rmdir()  # its process has ended
            except OSError:
                pass


class Limiter:
    """Stops whoever has used more than its share, and lets it go on when it has earned more."""

    def __init__(self):
        self.held = {}  # pid -> [when it was first seen, processor time then, whether it is stopped]
        self.lock = threading.Lock()
        self.on = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @staticmethod
    def used_s(pid):
        """Processor time, by the scheduler's own count, which is finer than ticks."""
        return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9

    def hold(self, pid):
        with self.lock:
            self.held[pid] = [time.monotonic(), self.used_s(pid), False]

    def look(self, pid, state):
        now, used = time.monotonic(), self.used_s(pid)
        share = (now - state[0]) * QUOTA + PERIOD_S * QUOTA
        over = used - state[1] > share
        if over != state[2]:
            os.kill(pid, signal.SIGSTOP if over else signal.SIGCONT)
            state[2] = over
        if not over and used - state[1] < share - 2 * PERIOD_S * QUOTA:
            state[0], state[1] = now, used  # what it did not use is lost, as with the kernel's quota

    def run(self):
        while self.on:
            with self.lock:
                for pid, state in list(self.held.items()):
                    try:
                        self.look(pid, state)
                    except (OSError, IndexError):
                        del self.held[pid]  # it has ended
            time.sleep(LIMIT_S)

    def close(self):
        self.on = False
        self.thread.join()


# --- the cluster -----------------------------------------------------------------------------------


class Cluster:
    """One process each of broker, store, shard, lobby actor and gateway; matchers as they are asked for."""

    def __init__(self, build, folder):
        self.build, self.folder = pathlib.Path(build), pathlib.Path(folder)
        self.bus = f"ipc://{folder}/bus"
        self.port, self.admin = free_port(), free_port()
        self.others, self.matchers = {}, []
        (self.folder / "bench.yaml").write_text(CONFIG)
        groups = Groups()
        self.quota = groups if groups.base is not None else Limiter()
        self.how = groups.name if groups.base is not None else "SIGSTOP and SIGCONT"

    def spawn(self, program, *words):
        log = open(self.folder / "log", "ab")
        return subprocess.Popen([str(self.build / program), "--config", str(self.folder / "bench.yaml"), "--log", "warn",
                                 "--die-with-parent", *words], stdout=log, stderr=log)

    def start(self):
        actor = "actors/muster-actor"
        self.others = {
            "broker": self.spawn("broker/muster-broker", "--bind", self.bus),
            "store": self.spawn(actor, "--kind", "store", "--broker", self.bus, "--data", str(self.folder / "data")),
            "queue": self.spawn(actor, "--kind", "queue", "--partition", f"queue/{REGION}", "--broker", self.bus),
            "lobby": self.spawn(actor, "--kind", "lobby", "--broker", self.bus),
            "gateway": self.spawn("gateway/muster-gateway", "--broker", self.bus, "--port", str(self.port),
                                  "--admin-port", str(self.admin))}
        self.wait("the cluster", lambda: self.value("muster_ready", kind="store") == 1 and
                  self.value("muster_queue_tickets") is not None, START_S)

    def wait(self, what, holds, seconds):
        until = time.monotonic() + seconds
        while not holds():
            for name, process in self.others.items():
                if process.poll() is not None:
                    raise Failed(f"{name} has ended")
            if time.monotonic() > until:
                raise Failed(f"waited {seconds} s in vain for {what}")
            time.sleep(POLL_S)

    def metrics(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    def value(self, name, **labels):
        """The sum of the samples of that name with these labels; None: there are none."""
        found = []
        for words, value in re.findall(rf"^{name}\{{(.*)\}} (\S+)$", self.metrics(), re.M):
            if all(f'{key}="{wanted}"' in words for key, wanted in labels.items()):
                found.append(float(value))
        return sum(found) if found else None

    def have(self, count):
        """Starts and drains matchers until there are that many, each with a slice of its own."""
        while len(self.matchers) < count:
            process = self.spawn("actors/muster-actor", "--kind", "matcher", "--broker", self.bus)
            self.quota.hold(process.pid)
            self.matchers.append(process)
        while len(self.matchers) > count:
            last = self.matchers.pop()
            last.terminate()
            last.wait(DRAIN_S)
        begun = time.monotonic()
        self.wait(f"{count} slices", lambda: self.value("muster_queue_slices", mode=MODE) == count, JOIN_S)
        return time.monotonic() - begun

    def cpu_s(self):
        """Processor time of each kind of process."""
        used = {name: Limiter.used_s(process.pid) for name, process in self.others.items()}
        used["matchers"] = sum(Limiter.used_s(process.pid) for process in self.matchers)
        return used

    def close(self):
        for process in [*self.matchers, *self.others.values()]:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        self.quota.close()


# --- the load --------------------------------------------------------------------------------------


async def post(reader, writer, method, path, body):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
    writer.write(head.encode() + b"\r\n\r\n" + text)
    answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(re.search(r"content-length: (\d+)", answer)[1])
    return int(answer.split()[1]), json.loads(await reader.readexactly(length))


async def fill(port, players, seed=1):
    """Registers players and queues each, with a level of its own."""
    numbers = iter(range(players))
    dice = random.Random(seed)

    async def one():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            status, answer = await post(reader, writer, "POST", "/v1/players/register",
                                        {"username": f"bench-{seed}-{number}", "region": REGION})
            if status not in (200, 201):
                raise Failed(f"cannot register: {status} {answer}")
            player = {"playerId": answer["player"]["playerId"], "attributes": {"level": dice.randint(1, LEVELS)},
                      "latencies": {REGION: 20}}
            status, answer = await post(reader, writer, "POST", "/v1/tickets",
                                        {"queues": [MODE], "region": REGION, "players": [player]})
            if status != 201:
                raise Failed(f"cannot queue: {status} {answer}")
        writer.close()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


async def put_rules(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    status, answer = await post(reader, writer, "PUT", f"/v1/rulesets/{MODE}", RULES)
    if status not in (200, 201):
        raise Failed(f"cannot put the rules: {status} {answer}")
    writer.close()


# --- measuring -------------------------------------------------------------------------------------


def measure(cluster, seconds):
    """Matches a second by the shard's own count, which it tells once a second, and processor time."""
    def tick():
        last = cluster.value("muster_queue_matches_total")
        while True:
            now = cluster.value("muster_queue_matches_total")
            if now != last:
                return time.monotonic(), now
            time.sleep(TICK_S)
    begun, before = tick()
    used = cluster.cpu_s()
    time.sleep(seconds)
    ended, after = tick()
    took = ended - begun
    return (after - before) / took, {name: (now - used[name]) / took for name, now in cluster.cpu_s().items()}


def play(build, mode, folder):
    """All rounds.  Returns (rows, how matchers were held)."""
    with tempfile.TemporaryDirectory(prefix="muster-scale-", dir=folder) as own:
        cluster = Cluster(build, own)
        try:
            cluster.start()
            asyncio.run(put_rules(cluster.port))
            asyncio.run(fill(cluster.port, PLAYERS[mode]))
            rows = []
            for number in range(ROUNDS[mode]):
                for count in COUNTS if number % 2 == 0 else COUNTS[::-1]:
                    joined_s = cluster.have(count)
                    time.sleep(WARM_S)
                    rate, used = measure(cluster, MEASURE_S[mode])
                    rows.append({"matchers": count, "rate": rate, "cpu": used, "joined_s": joined_s,
                                 "waiting": cluster.value("muster_queue_tickets"),
                                 "held": used["matchers"] >= 0.9 * QUOTA * count})
                    print(f"round {number + 1}: {count} matchers: {rate:.1f} matches/s", file=sys.stderr, flush=True)
        finally:
            cluster.close()
        verdict = subprocess.run([pathlib.Path(build) / "tools/muster", "verify", "--data", pathlib.Path(own) / "data"],
                                 capture_output=True, text=True, check=False, timeout=120)
        if verdict.returncode != 0:
            raise Failed(f"muster verify: {verdict.stderr}")
        return rows, cluster.how


def summary(rows):
    """By number of matchers: median, least and most matches a second, processor time of each kind; ratios."""
    by = {}
    for count in COUNTS:
        good = [row for row in rows if row["matchers"] == count and row["held"]] or \
               [row for row in rows if row["matchers"] == count]
        rates = [row["rate"] for row in good]
        by[count] = {"median": statistics.median(rates), "least": min(rates), "most": max(rates), "rounds": len(good),
                     "held": all(row["held"] for row in good),
                     "cpu": {name: statistics.median(row["cpu"][name] for row in good) for name in good[0]["cpu"]}}
    for count in COUNTS[1:]:
        by[count]["ratio"] = by[count]["median"] / by[count // 2]["median"]
    return by


def table(by):
    names = [name for name in by[1]["cpu"] if name != "matchers"]
    head = ("matchers", "matches/s", "least", "most", "rounds", "half as many x", "1 x", "processor: matchers", *names)
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for count, one in by.items():
        ratio = f"**{one['ratio']:.2f}**" if "ratio" in one else "-"
        cells = (str(count), f"**{one['median']:.1f}**", f"{one['least']:.1f}", f"{one['most']:.1f}", str(one["rounds"]), ratio,
                 f"{one['median'] / by[1]['median']:.2f}", f"{100 * one['cpu']['matchers']:.1f} %",
                 *(f"{100 * one['cpu'][name]:.1f} %" for name in names))
        yield "| " + " | ".join(cells) + " |"


def plot(program, by):
    lines = ["panel one hot queue|matchers|matches a second", "line in proportion"]
    lines += [f"{count} {count * by[1]['median']:.3f}" for count in COUNTS]
    lines += ["points least and most"]
    lines += [f"{count} {one[which]:.3f}" for count, one in by.items() for which in ("least", "most")]
    lines += ["strong median"] + [f"{count} {one['median']:.3f}" for count, one in by.items()]
    done = subprocess.run([program, "One hot queue, 1 to 8 matchers"], input="\n".join(lines) + "\n", capture_output=True,
                          text=True, check=True, timeout=30)
    PLOT.write_text(done.stdout)


def write(by, how, place):
    head = HEAD.read_text().format(quota=f"{100 * QUOTA:g} %", how=how, players=PLAYERS[place["mode"]],
                                   seconds=MEASURE_S[place["mode"]])
    TABLE.write_text("\n".join([head, f"{place['date']}, commit {place['commit']}, {place['mode']}; {place['machine']}.", "",
                                *table(by), "", f"![One hot queue, 1 to 8 matchers]({PLOT.name})", ""]))


def main(build, mode, folder, place):
    """Measures, writes docs/SCALING.md and its plot.  Returns an exit code: 1 when a doubling to 4 is below the gate."""
    try:
        rows, how = play(build, mode, folder)
    except Failed as failure:
        print(f"bench: scale: {failure}", file=sys.stderr)
        return 1
    by = summary(rows)
    write(by, how, place)
    plot(pathlib.Path(build) / "tests/bench/bench_plot", by)
    print("\n".join(table(by)))
    failed = 0
    for count in COUNTS[1:]:
        verdict = "ok" if by[count]["ratio"] >= GATE else "FAIL" if count <= GATE_MAX else "not met"
        verdict = verdict if by[count]["held"] and by[count // 2]["held"] else "INVALID"
        failed += verdict == "FAIL"
        print(f"{count // 2} to {count} matchers: {by[count]['ratio']:.2f}, wanted >= {GATE}: {verdict}")
    return 1 if failed else 0
