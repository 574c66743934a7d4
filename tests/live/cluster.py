"""A cluster of which every process is started by one file and its name: it serves, and who cannot
find its part in the file is told what to do."""

import asyncio
import json
import os
import signal

import live as l

PARTS = [["broker", "--name", "a"], ["broker", "--name", "b"], ["actor", "--kind", "store", "--any-filesystem"],
         ["actor", "--kind", "queue", "--partition", "queue/eu-west-1"], ["actor", "--kind", "matcher"],
         ["actor", "--kind", "lobby"], ["gateway"]]

FILE = """
regions:
  - name: eu-west-1
settings:
  elo_k: 24
cluster:
  brokers:
    - {{name: a, endpoint: "ipc://{folder}/a"}}
    - {{name: b, endpoint: "ipc://{folder}/b.other", bind: "ipc://{folder}/b"}}
  store: {{data: {folder}/store}}
  gateways:
    - {{name: edge-1, listen: "127.0.0.1:0", admin: "127.0.0.1:0"}}
"""


class Processes:
    """The processes of one file, each with its own log."""

    def __init__(self, live, path):
        self.live = live
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith("MUSTER_")}, "MUSTER_CONFIG": path}
        self.running = []
        self.url = None
        live.clusters.append(self)

    async def start(self, words, **environment):
        log = self.live.path(f"log-{len(self.running)}")
        with open(log, "wb") as file:
            process = await asyncio.create_subprocess_exec(
                self.live.arguments.muster, *words, stderr=file, env={**self.environment, **environment})
        self.running.append((process, log))
        return log

    async def said(self, log, text):
        """Waits for a line of a log; returns what stands behind `text` in it."""
        def holds():
            with open(log, encoding="utf-8") as file:
                for line in file:
                    if text in line:
                        return line.partition(text)[2].strip()
            return None
        return await l.wait_for(f"{text!r} in the log", holds)

    async def refused(self, *words, **environment):
        """Runs what is to end at once: (exit code, stderr)."""
        process = await asyncio.create_subprocess_exec(
            self.live.arguments.muster, *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**self.environment, **environment})
        try:
            _, err = await asyncio.wait_for(process.communicate(), l.STOP_S)
        except asyncio.TimeoutError:
            process.kill()
            raise l.Failed(f"muster {' '.join(words)} goes on") from None
        return process.returncode, err.decode()

    async def call(self, method, path, body=None):
        words = ["curl", "-sS", "--max-time", "20", "-X", method, "-w", "\n%{http_code}", self.url + path]
        if body is not None:
            words += ["-H", "Content-Type: application/json", "--data-binary", json.dumps(body)]
        process = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        text, _, status = out.decode().rpartition("\n")
        return (int(status), text) if process.returncode == 0 else (0, text)

    async def stop(self):
        """SIGTERM to all.  Returns their exit codes."""
        for process, _ in self.running:
            process.send_signal(signal.SIGTERM)
        codes = [await asyncio.wait_for(process.wait(), l.STOP_S) for process, _ in self.running]
        self.running = []
        return codes

    async def end(self):
        for process, _ in self.running:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def serves(live, processes):
    logs = [await processes.start(words) for words in PARTS]
    live.check((await processes.said(logs[0], "endpoint=ipc://")).endswith("/a name=a keys=no"), "broker a listens where the file says")
    live.check((await processes.said(logs[1], "endpoint=ipc://")).endswith("/b name=b keys=no"), "broker b where its bind says")
    listening = dict(word.split("=", 1) for word in (await processes.said(logs[6], 'event="listening" ')).split())
    live.equal((listening["address"], listening["name"]), ("127.0.0.1", "edge-1"), "the only gateway needs no name")
    live.check(listening["admin_port"] != "0", "and has its admin listener")
    processes.url = f"http://127.0.0.1:{listening['port']}"

    async def ready():
        return (await processes.call("GET", "/readyz"))[0] == 200
    await l.wait_for("a ready cluster", ready, l.READY_S)
    status, text = await processes.call("POST", "/v1/players/register", {"username": "ann", "region": "eu-west-1"})
    live.equal(status, 201, f"a player registers: {text}")
    live.check(os.path.exists(live.path("store/data.mdb")), "the store's folder is that of the file")
    host = (await processes.said(logs[3], 'event="ready" ')).rpartition("name=")[2]
    live.check(host.endswith("/queue/eu-west-1"), f"an actor without a name is {host}")
    live.equal(await processes.stop(), [0] * len(PARTS), "SIGTERM ends each with 0")


async def folder_of_the_store(live, processes):
    """STATE_DIRECTORY, of a supervisor, is below the file and the environment."""
    plain = live.path("plain.yaml")
    with open(plain, "w", encoding="utf-8") as file:
        file.write("regions: [{name: eu-west-1}]\n")
    words = ["actor", "--kind", "store", "--any-filesystem", "--broker", "ipc://" + live.path("nobody")]
    def there(name):
        return l.wait_for(f"a store in {name}", lambda: os.path.exists(live.path(f"{name}/data.mdb")))
    await processes.start(words, STATE_DIRECTORY=live.path("wrong"), MUSTER_DATA=live.path("right"))
    await there("right")
    live.check(not os.path.exists(live.path("wrong")), "MUSTER_DATA above STATE_DIRECTORY")
    await processes.start(words + ["--config", plain], STATE_DIRECTORY=live.path("state"))
    await there("state")
    live.check(True, "STATE_DIRECTORY where nothing else names a folder")
    await processes.stop()
    code, err = await processes.refused(*words, "--config", plain)
    live.check(code == 64 and "give --data FOLDER" in err, f"no folder at all: {err.strip()}")


async def two_of_a_name(live, processes):
    """The second pushes the first out, which says how that comes."""
    await processes.start(["broker", "--name", "a"])
    await processes.start(["broker", "--name", "b"])
    await processes.start(["actor", "--kind", "store", "--any-filesystem"])
    words = ["actor", "--kind", "lobby", "--name", "twin"]
    log = await processes.start(words)
    first, _ = processes.running[-1]
    await processes.said(log, 'event="ready" ')
    await processes.start(words)
    said = await processes.said(log, 'event="another owner has taken over" ')
    live.equal(await asyncio.wait_for(first.wait(), l.STOP_S), 75, "the first of a name ends with 75")
    live.check(said.startswith("name=twin said=") and "two living processes of one --name" in said
               and "error=" not in said, f"and says why: {said}")
    processes.running = [each for each in processes.running if each[0] is not first]
    await processes.stop()


async def other_settings(live, processes):
    """Who runs by other settings than the store is named, and a matcher says whose pools it refuses."""
    logs = [await processes.start(words + (["--set", "elo_k=25"] if "queue" in words else [])) for words in PARTS]
    said = await processes.said(logs[4], 'event="another configuration: its pools are refused" ')
    live.check(said.startswith("shard=#"), f"the matcher warns: {said}")
    listening = await processes.said(logs[6], 'event="listening" ')
    port = dict(word.split("=", 1) for word in listening.split())["admin_port"]

    async def named():
        _, out, _ = await live.muster("status", "--gateway", f"127.0.0.1:{port}")
        return [line for line in out.splitlines() if line.startswith("another configuration than the store's: ")]
    lines = await l.wait_for("muster status names it", named)
    live.check(len(lines) == 1 and ": queue " in lines[0], f"muster status: {lines}")
    with open(logs[4], encoding="utf-8") as file:
        live.equal(file.read().count("its pools are refused"), 1, "and warns once")
    await processes.stop()


async def broker_away(live, processes):
    """Who reaches no broker says so, once, and when it has reached it after all."""
    endpoint = "ipc://" + live.path("late")
    words = [["actor", "--kind", "matcher", "--name", "m"], ["gateway", "--name", "edge-1"]]
    logs = [await processes.start(each + ["--broker", endpoint]) for each in words]
    for log in logs:
        said = await processes.said(log, 'level=warn actor=')
        live.check(f'event="broker not reached" broker={endpoint} ' in said, f"warned: {said}")
    await processes.start(["broker", "--bind", endpoint, "--name", "late"])
    for log in logs:
        live.equal(await processes.said(log, 'event="broker reached" '), f"broker={endpoint}", "and told when it is there")
        with open(log, encoding="utf-8") as file:
            live.equal(file.read().count("not reached"), 1, "each once")
    await processes.stop()


async def above_the_file(live, processes, path):
    """What is told by the environment and the command line."""
    environment = {"MUSTER_NAME": "b", "MUSTER_LOG": "info", "MUSTER_BIND": "ipc://" + live.path("c"),
                   "MUSTER_LISTEN": "127.0.0.1:1", "MUSTER_SERVICE_HOST": "10.0.0.1"}
    log = await processes.start(["broker"], **environment)
    live.check((await processes.said(log, "endpoint=ipc://")).endswith("/c name=b keys=no"), "MUSTER_BIND above the file, and MUSTER_LISTEN is the gateways'")
    live.equal(await processes.said(log, 'names='), '"MUSTER_SERVICE_HOST"', "an unknown variable is warned of")
    await processes.stop()
    log = await processes.start(["broker", "--bind", "ipc://" + live.path("d"), "--name", "else"], **environment)
    live.check((await processes.said(log, "endpoint=ipc://")).endswith("/d name=else keys=no"), "--bind above MUSTER_BIND")
    await processes.stop()
    code, out, _ = await live.muster("config", "print", "--config", path, "--origin", "--set", "cooldown_ms=1")
    live.check(code == 0 and f"# {path}:5\n" in out and "# --set cooldown_ms\n" in out, "muster config print --origin")
    again = live.path("printed.yaml")
    with open(again, "w", encoding="utf-8") as file:
        file.write(out)
    code, out, _ = await live.muster("config", "check", path, again)
    hashes = [line.rpartition(" ")[2] for line in out.splitlines()]
    live.check(code == 0 and len(hashes) == 2 and hashes[0] != hashes[1], "both files are good, and differ in a setting")


async def refusals(live, processes, path):
    for words, code, text in [
            (["broker"], 64, "say with --name which of them this is"),
            (["broker", "--name", "z"], 78, "the configuration has no broker z"),
            (["gateway", "--name", "z"], 78, "the configuration has no gateway z"),
            (["gateway", "--config", "muster.absent"], 78, "muster.absent: No such file"),
            (["actor", "--kind", "queue", "--partition", "queue/mars"], 78, "no such region"),
            (["actor", "--kind", "store", "--set", "elo_kk=1"], 78, "--set elo_kk: settings.elo_kk: there is no such "
             "setting; did you mean elo_k"),
            (["actor", "--kind", "stor"], 64, "there is no kind stor")]:
        got, err = await processes.refused(*words)
        live.check(got == code and text in err, f"muster {' '.join(words)}: {err.strip()}")
    code, err = await processes.refused("actor", "--kind", "matcher", MUSTER_HEARTBEATMS="1")
    live.check(code == 78 and "did you mean MUSTER_HEARTBEAT_MS?" in err, f"a variable with a slip: {err.strip()}")
    code, err = await processes.refused("broker", "--name", "a", MUSTER_HEARTBEAT_MS="1")
    live.check(code == 78 and "environment MUSTER_HEARTBEAT_MS: settings.heartbeat_ms: is 1" in err, err.strip())
    wrong = live.path("wrong.yaml")
    with open(wrong, "w", encoding="utf-8") as file:
        file.write("cluster:\n  brokers:\n    - {name: a}\n  store: {data: here}\n")
    code, out, err = await live.muster("config", "check", wrong, path)
    live.check(code == 78 and f"{path}: good" in out and err.count("\n") == 2 and f"{wrong}:3: " in err,
               "muster config check: all faults of the one, and the other is good")


async def run(live):
    path = live.path("cluster.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(FILE.format(folder=live.folder))
    # A broker may be found elsewhere than where it listens; here by a link.
    os.symlink(live.path("b"), live.path("b.other"))
    processes = Processes(live, path)
    await serves(live, processes)
    await folder_of_the_store(live, processes)
    await other_settings(live, processes)
    await broker_away(live, processes)
    await two_of_a_name(live, processes)
    await above_the_file(live, processes, path)
    await refusals(live, processes, path)


l.main(run)
