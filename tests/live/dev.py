"""`muster dev --bots`: matches within 10 s, good metrics, a clean end, and a second start that goes on."""

import asyncio
import json
import os
import re

import live as l

BOTS = 20
MATCHES_S = 10  # from ready to the first match


def total(metrics, name):
    """The sum of a metric over all its labels."""
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", metrics, re.M))


async def metrics_of(cluster):
    status, text = await cluster.call("GET", "/metrics")
    return text if status == 200 else ""


async def play(live, cluster, what):
    """Waits for matches that were formed and ended after the start."""
    async def holds():
        metrics = await metrics_of(cluster)
        return metrics if total(metrics, "muster_queue_matches_total") >= 3 else None
    await l.wait_for(f"three matches {what}", holds, MATCHES_S)

    async def ended():
        metrics = await metrics_of(cluster)
        return metrics if total(metrics, "muster_matches_ended_total") >= 3 else None
    metrics = await l.wait_for(f"three results {what}", ended, 4 * MATCHES_S)
    live.check(True, f"matches are made and played {what}")
    return metrics


async def promtool(live, metrics):
    process = await asyncio.create_subprocess_exec(
        "promtool", "check", "metrics", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT)
    out, _ = await process.communicate(metrics.encode())
    live.equal((process.returncode, out.decode()), (0, ""), "promtool finds no fault in the metrics")


async def players(live, cluster):
    """id -> record of all players, from the store of the stopped cluster."""
    code, out, err = await live.muster("dump", "--data", cluster.data, "--table", "player")
    if code != 0:
        raise l.Failed(f"muster dump: {err}")
    records = [json.loads(line)["record"] for line in out.splitlines()]
    return {record["id"]: record for record in records}


async def drains(live, cluster):
    """Each kind of process but the broker is asked to end, ends in order, and is there again."""
    gateway = f"127.0.0.1:{cluster.port}"

    async def instances():
        _, out, _ = await live.muster("status", "--json", "--gateway", gateway, "--wait", "10")
        heard = sorted(json.loads(out)["processes"], key=lambda process: -process["heartbeatAgeMs"])
        return {process["name"]: process["instance"] for process in heard if process["ready"]}

    for name in ["matcher/0", "queue/eu-west-1", "lobby/0", "gateway", "store"]:
        async def there():
            return (await instances()).get(name)
        before = await l.wait_for(name, there)
        code, out, err = await live.muster("drain", "--gateway", gateway, name)
        live.check(code == 0 and before in out, f"muster drain {name}: {err or 'it ends'}".strip())

        async def again():
            return (await instances()).get(name, before) != before
        await l.wait_for(f"another {name}", again)
    async def broker():
        return "broker" in await instances()
    await l.wait_for("the broker", broker)  # the gateway is a new one, and hears it once a second
    code, _, err = await live.muster("drain", "--gateway", gateway, "broker")
    live.check(code == 1 and "nothing to hand over" in err, "a broker cannot be drained")


async def run(live):
    cluster = await l.Cluster(live, live.path("data"), "--bots", str(BOTS)).start()
    print(f"      ready in {cluster.ready_s:.2f} s", flush=True)
    live.check(cluster.ready_s < 5, "it is ready within seconds")
    metrics = await play(live, cluster, "by bots")
    await promtool(live, metrics)
    live.equal(total(metrics, "muster_players_registered_total"), BOTS, "every bot registered")
    kinds = sorted(cluster.children().values())
    live.equal(kinds, sorted(["broker", "store", "lobby/0", "gateway", "bots",
                              "matcher", "matcher", "queue/ap-southeast-1", "queue/eu-west-1", "queue/us-east-1",
                              "queue/us-west-2"]), "these processes run")
    code, out, _ = await live.muster("status", "--gateway", f"127.0.0.1:{cluster.port}")
    live.check(code == 0 and "ready" in out and "duel" in out and "NOBODY" not in out, "muster status shows it")
    code, out, _ = await live.muster("status", "--json", "--gateway", f"127.0.0.1:{cluster.port}")
    kinds = sorted(process["kind"] for process in json.loads(out)["processes"])
    live.equal((code, kinds), (0, ["broker", "gateway", "lobby", "matcher", "matcher"] + 4 * ["queue"] + ["store"]),
               "muster status --json tells every process")
    said = {(process["build"] is None, process["name"] is None) for process in json.loads(out)["processes"]}
    live.equal(said, {(False, False)}, "each says its name and its build")
    code, out, _ = await live.muster("top", "--count", "2", "--interval", "200", "--gateway", f"127.0.0.1:{cluster.port}")
    live.equal((code, out.count("ready"), out.count("per second")), (0, 2, 1), "muster top: two frames, rates in the second")
    await drains(live, cluster)
    code, _, err = await live.muster("dev", "--data", cluster.data, "--port", "0")
    live.check(code == 69 and "another muster dev" in err, "a second muster dev on the same data is refused")
    code, _, err = await live.muster("verify", "--data", cluster.data)
    live.check(code == 69, "muster verify refuses data that is in use")
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "Ctrl-C: exit code 0, no process left")
    code, out, err = await live.muster("verify", "--data", cluster.data)
    live.check(code == 0, f"muster verify: {out or err}".strip())
    before = await players(live, cluster)
    live.check(any(p["rating"] != 1200 for p in before.values()), "ratings have moved")
    live.equal(oct(os.stat(os.path.join(cluster.data, "dev-key")).st_mode & 0o777), "0o600", "the key is the owner's")

    key = cluster.key
    await cluster.start()
    live.equal(cluster.key, key, "a second start has the same key")
    metrics = await play(live, cluster, "after the second start")
    live.equal(total(metrics, "muster_players_registered_total"), 0, "and the same bots")
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "Ctrl-C again")
    after = await players(live, cluster)
    live.equal(sorted(after), sorted(before), "no player was lost or made twice")
    live.check(all(after[i]["wins"] + after[i]["losses"] + after[i]["draws"]
                   >= before[i]["wins"] + before[i]["losses"] + before[i]["draws"] for i in before), "records went on")

    # A supervisor that is killed takes its children with it.
    await cluster.start()
    children = cluster.children()
    cluster.process.kill()
    await cluster.process.wait()
    await l.wait_for("the end of all children", lambda: not [pid for pid in children if l.parent_of(pid) is not None])
    live.check(len(children) >= 10, "kill -9 of muster dev leaves no process")
    code, out, err = await live.muster("verify", "--data", cluster.data)
    live.check(code == 0, f"muster verify after it: {out or err}".strip())

    # What cannot start is given up, instead of being started for ever.
    damaged = live.path("damaged")
    os.makedirs(os.path.join(damaged, "store"))
    with open(os.path.join(damaged, "store", "data.mdb"), "wb") as file:
        file.write(live.random.randbytes(65536))
    code, out, err = await live.muster("dev", "--data", damaged, "--port", "0")
    live.check(code == 1 and "store cannot run" in err and "damaged" in err, "muster dev gives up on a damaged store")
    code, _, err = await live.muster("verify", "--data", damaged)
    live.check(code == 65 and "damaged" in err, "muster verify finds the damage")

    code, _, err = await live.muster("dev", "--host", "0.0.0.0", "--data", live.path("other"))
    live.check(code == 64 and "this machine only" in err, "muster dev refuses other addresses")


l.main(run)
