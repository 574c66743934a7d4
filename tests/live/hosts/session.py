"""One run of the lab's cluster: its hosts, its clients, the eye on the switch, and the table of what was done to it."""

import asyncio
import json
import os
import shutil
import time

import lab as lab_
import layout
import live as l
import promise
from history import History

HERE = os.path.dirname(os.path.abspath(__file__))
HOSTS = 6
CLIENTS = "h5"
STRANGER = "h6"
HEAL_S = 5.0  # from the end of a fault to full service, at most
SLOW_S = 1.9  # above which a round is told: as long as a player waits who was not told of something
LOST_MAX = 0.01  # share of packets that may be too fast for the eye; one name of thousands is enough to be found
PROBE_S = 30  # after which a round is given up


class Clients:
    """load.py on h5, and what it says."""

    def __init__(self, session, run):
        self.session = session
        self.run = run
        self.process = None
        self.ready = False
        self.probes = {}  # number -> {(region, door): seconds}
        self.number = 0
        self.reader = None

    async def start(self):
        session = self.session
        settings = {"doors": layout.doors(session.lab), "regions": layout.REGIONS, "key": layout.BACKEND,
                    "name": f"{session.canary}{self.run}", "players": 4, "lobbies": 1, "seed": session.live.arguments.seed + self.run}
        host = session.lab[CLIENTS]
        self.process = await asyncio.create_subprocess_exec(
            *host.inside("/usr/bin/python3", "/usr/local/lib/muster-tests/hosts/load.py", json.dumps(settings)),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=open(session.live.path("log"), "ab"),
            limit=1 << 22, preexec_fn=lab_.die_with_parent)
        self.reader = asyncio.ensure_future(self.read())
        await l.wait_for("the clients", lambda: self.ready or self.process.returncode is not None, l.READY_S)
        if not self.ready:
            raise l.Failed("the clients ended")
        return self

    async def read(self):
        while line := await self.process.stdout.readline():
            try:
                line = json.loads(line)
            except ValueError:
                break  # the host was killed in the middle of it
            if line["kind"] == "ready":
                self.ready = True
            elif line["kind"] == "probe":
                self.probes[line["number"]][line["region"], line["door"]] = line["took"]
            else:
                self.session.history.add(line)

    def begin_probe(self):
        """Begins a round in each region through each gateway; its number."""
        self.number += 1
        self.probes[self.number] = {}
        self.process.stdin.write(f"probe {self.number}\n".encode())
        return self.number

    async def probe(self, regions=tuple(layout.REGIONS), doors=None, seconds=PROBE_S):
        """How long until new rounds in these regions, through these gateways, had a result."""
        number = self.begin_probe()
        wanted = [(region, f"{host}:{port}") for region in regions for host, port in doors or layout.doors(self.session.lab)]
        begun = time.monotonic()
        await l.wait_for(f"rounds {wanted}, of which came {list(self.probes[number])}",
                         lambda: all(pair in self.probes[number] for pair in wanted), seconds)
        return time.monotonic() - begun

    async def stop(self):
        self.process.stdin.close()
        try:
            code = await asyncio.wait_for(self.process.wait(), l.STOP_S)
        except asyncio.TimeoutError:
            raise l.Failed("the clients do not end") from None
        await self.reader
        return code


class Eye:
    """capture.py in the switch."""

    def __init__(self):
        self.process = None

    async def start(self, lab, words):
        self.process = await asyncio.create_subprocess_exec(
            "/usr/bin/python3", os.path.join(HERE, "capture.py"), str(layout.EDGE_PORT), lab[STRANGER].address, *lab.hosts,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, preexec_fn=lab_.die_with_parent)
        self.process.stdin.write("".join(word + "\n" for word in words).encode())
        await self.process.stdin.drain()
        return self

    async def stop(self):
        out, _ = await asyncio.wait_for(self.process.communicate(b""), l.STOP_S)
        return json.loads(out)


class Session:
    def __init__(self, live):
        self.live = live
        self.random = live.random
        self.lab = lab_.Lab(live.folder, os.path.dirname(os.path.dirname(os.path.abspath(live.arguments.muster))))
        live.clusters.append(self.lab)
        self.history = History()
        self.canary = "kestrel" + "".join(self.random.choice("bcdfghjkmnpqrstvwxz") for _ in range(6))
        self.clients = None
        self.eye = None
        self.long = 0.0  # share of faults that last long
        self.runs = 0
        self.more = 0  # actors that were added so far
        self.public = {}  # broker -> its public key
        self.rows = []
        self.quiet = []  # (from, to) of UTC ms in which no match may be made

    async def open(self):
        await self.lab.open(HOSTS)
        for host in (CLIENTS, STRANGER):
            shutil.copytree(os.path.dirname(HERE), self.lab[host].path("local/lib/muster-tests"),
                            ignore=shutil.ignore_patterns("__pycache__"))
        self.public = await layout.install(self.lab)
        self.eye = await Eye().start(self.lab, [self.canary])
        begun = time.monotonic()
        await layout.start(self.lab)
        self.live.check(True, f"{HOSTS} hosts, {len(layout.ACTORS + layout.STANDBYS)} programs: ready in {time.monotonic() - begun:.1f} s")
        await self.play()
        return self

    async def play(self):
        """New clients, after those before have ended or were killed."""
        self.runs += 1
        self.clients = await Clients(self, self.runs).start()

    def row(self, name, text, took, good):
        self.rows.append((name, text, took, good))
        heal = "" if took is None else f", full service in {took:.1f} s"
        self.live.check(good, f"{name}: {text}{heal}")

    async def healed(self, name, text, good=True):
        """Measures how long full service takes from now on, and notes the row."""
        try:
            took = await self.clients.probe()
        except l.Failed as failure:
            self.row(name, f"{text}; {failure}", None, False)
            return
        if took > SLOW_S:
            self.tell_probe(self.clients.number)
        self.row(name, text, took, good and took <= HEAL_S)

    def tell_probe(self, number):
        """Prints what the players of a round did, call by call."""
        name = f"{self.canary}{self.clients.run}-p-{number}-"
        lines = [line for line in self.history.lines if line["kind"] == "call" and line["who"].startswith(name)]
        first = min((line["begun"] for line in lines), default=0.0)
        for line in sorted(lines, key=lambda line: line["begun"]):
            code = (line["answer"] or {}).get("code", "")
            print(f"      {line['begun'] - first:6.2f} s {line['who'].removeprefix(self.canary)} {line['what']} {line['door']} "
                  f"{line['status']} {code} {line['ended'] - line['begun']:.2f} s", flush=True)

    def calls_since(self, begun):
        """Calls that were asked and answered since then, but reads."""
        return [line for line in self.history.lines if line["kind"] == "call" and line["begun"] >= begun and line["what"] != "read"]

    async def stop(self):
        """Ends the clients, and every program in order; the checks that are made of a whole run."""
        self.live.equal(await self.clients.stop(), 0, "the clients end in order")
        seen = await self.eye.stop()
        (edge_bytes, edge), (bus_bytes, bus) = seen["edge"], seen["bus"]
        self.live.check(edge.get(self.canary, 0) > 0, f"the eye sees players' names in {edge_bytes} bytes of plain HTTP: {edge}")
        self.live.check(bus_bytes > 0 and not bus, f"and none in {bus_bytes} bytes of the bus: {bus}")
        self.live.check(seen["lost"] <= LOST_MAX * seen["packets"], f"it missed {seen['lost']} of {seen['packets']} packets")
        for name in reversed(self.lab.hosts):
            units = list(await self.lab[name].units())
            if units:
                await self.lab[name].run("systemctl", "stop", *units)
        store = self.lab["h1"]
        code, out = await store.run("muster", "verify", "--data", layout.STORE, check=False)
        self.live.check(code == 0, f"muster verify: {out}".strip())
        dumps = {}
        for table in promise.TABLES:
            dumps[table] = (await store.run("muster", "dump", "--data", layout.STORE, "--table", table))[1]
        tables = promise.read_tables(dumps)
        for good, text in promise.judge(self.history, tables):
            self.live.check(good, text)
        early = [(match["id"], match["created_ms"]) for match in tables["match"].values()
                 for begin, end in self.quiet if begin <= match["created_ms"] <= end]
        self.live.equal(early, [], f"no match was made in {len(self.quiet)} times when the store was cut off")

    def print_table(self):
        print(f"\n{'scenario':24} {'full service':>12}  verdict  what happened")
        for name, text, took, good in self.rows:
            print(f"{name:24} {'' if took is None else f'{took:10.1f} s':>12}  {'held' if good else 'BROKEN':7}  {text}")
        print(flush=True)

    def print_sum(self):
        """One line for docs/CAMPAIGNS.md."""
        times = sorted(took for _, _, took, _ in self.rows if took is not None)
        print(f"{len(self.rows)} faults, {sum(not good for _, _, _, good in self.rows)} broken; full service after "
              f"{times[len(times) // 2]:.1f} s (median), {times[-1]:.1f} s at most; {len(self.history.acknowledged('enqueue'))} tickets, "
              f"{len(self.history.acknowledged('cancel'))} cancels and {len(self.history.acknowledged('end'))} results acknowledged", flush=True)
