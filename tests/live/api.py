"""The API from outside: every call, field, status, code and bound that clients are promised, held against real processes.

Two clusters: one without keys, as `muster dev` is, with short times; one with keys and limits.
"""

import asyncio
import os
import statistics

import api_backfills
import api_client
import api_http
import api_keys
import api_lobbies
import api_matches
import api_nonsense
import api_players
import api_queue
import api_races
import api_rules
import api_socket
import api_tickets
import live as l

PROBES = 30  # calls of each kind
SLOW_MS = 100  # far above what a call takes when the machine does other things, too
MODES = [  # name, teams, team_min, team_max, rated, accept_ms, latency_max_ms
    ("casual", 1, 2, 10, "false", 20000, 250), ("ranked", 2, 1, 1, "true", 20000, 150), ("tournament", 2, 1, 1, "true", 1000, 200),
    ("duel", 2, 1, 1, "true", 20000, 200), ("team_match", 2, 2, 2, "true", 20000, 150), ("squad_battle", 2, 4, 4, "true", 20000, 150),
    ("instant", 2, 1, 1, "true", 0, 0), ("swift", 2, 2, 2, "true", 0, 0)]
MODE = ("  - {{name: {}, teams: {}, team_min: {}, team_max: {}, rated: {}, accept_ms: {}, window_points: 400, window_per_second: 20,\n"
        "     window_max: 2900, latency_max_ms: {}, fill_ms: 500, spill_ms: 0, wait_max_ms: 300000}}\n")
OPEN = "origins: [\"https://game.example\"]\nmodes:\n" + "".join(MODE.format(*mode) for mode in MODES) + """settings:
  lobbies: 2
  cooldown_ms: 60000
  lobby_grace_ms: 300
  server_wait_ms: 100
  server_give_up_ms: 1000
  password_memory_kib: 64
  password_passes: 1
"""
KEYS = """origins: ["https://game.example"]
keys:
{}
settings:
  rate_player_per_hour: 40
"""


def usage(cluster):
    """name -> (CPU seconds, MiB) of its processes."""
    tick, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    found = {}
    for pid, name in cluster.children().items():
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        found[f"{name} {pid}"] = (int(fields[11]) + int(fields[12])) / tick, int(fields[21]) * page / 2**20
    return found


async def idle(cluster, seconds=3):
    """What a cluster costs that does nothing."""
    before = usage(cluster)
    await asyncio.sleep(seconds)
    after = usage(cluster)
    spent = {name: 100 * (after[name][0] - before[name][0]) / seconds for name in after if name in before}
    for name, (_, mib) in sorted(after.items()):
        print(f"      idle {name:24} {spent.get(name, 0):5.1f} % CPU {mib:7.1f} MiB", flush=True)
    print(f"      idle all {sum(spent.values()):5.1f} % CPU", flush=True)


async def latency(api):
    """How long each call takes when it is alone."""
    client, region = api.client.other(), "eu-west-1"
    for i in range(PROBES):
        body = {"username": f"probe-{i:03}", "region": region}
        player = (await client.call("POST", "/v1/players/register", body))["player"]["playerId"]
        await client.call("GET", f"/v1/players/{player}")
        await client.call("PATCH", f"/v1/players/{player}", {"preferences": {"i": i}})
        await client.call("PUT", f"/v1/players/{player}/stats", {"matchResult": "win", "opponentRating": 1200})
        await client.call("POST", "/v1/matchmaking/queue", {"playerId": player, "gameMode": "squad_battle", "region": region})
        await client.call("GET", f"/v1/matchmaking/queue/{player}")
        await client.call("DELETE", f"/v1/matchmaking/queue/{player}")
        lobby = (await client.call("POST", "/v1/lobbies", {"hostPlayerId": player, "gameMode": "casual"}))["lobby"]["lobbyId"]
        await client.call("GET", f"/v1/lobbies/{lobby}")
        await client.call("POST", f"/v1/lobbies/{lobby}/leave", {"playerId": player})
        await client.call("GET", f"/v1/players/{player}/events?since=0")
        await client.call("GET", "/livez")
    medians = {name: statistics.median(seconds) * 1000 for name, seconds in client.times.items()}
    for name, ms in sorted(medians.items()):
        print(f"      alone {name:36} p50 {ms:6.2f} ms", flush=True)
    slowest = max(medians, key=medians.get)
    api.check(medians[slowest] < SLOW_MS, f"every call takes a moment: {slowest} {medians[slowest]:.2f} ms")
    await client.close()


async def keyed(live):
    code, out, err = await live.muster("key", "new", "--id", "shop")
    if code != 0:
        raise l.Failed(f"muster key: {err}")
    key, entry = out.splitlines()[0].strip(), out.splitlines()[1]
    with open(live.path("keys.yaml"), "w", encoding="ascii") as file:
        file.write(KEYS.format(entry))
    with open(live.path("key"), "w", encoding="ascii") as file:
        file.write(key + "\n")
    cluster = await l.Cluster(live, live.path("keyed"), "--bots", "0", "--matchers", "1", "--config", live.path("keys.yaml"),
                              "--key-file", live.path("key")).start()
    client = api_client.Client(cluster.port, key=key)
    await api_keys.run(api_client.Api(live, cluster, client), client)
    await client.close()
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "keys: the cluster ends")
    return client.faults


async def run(live):
    with open(live.path("open.yaml"), "w", encoding="ascii") as file:
        file.write(OPEN)
    cluster = await l.Cluster(live, live.path("data"), "--bots", "0", "--config", live.path("open.yaml")).start()
    client = api_client.Client(cluster.port)
    api = api_client.Api(live, cluster, client)
    await idle(cluster)
    children = sorted(cluster.children().items())
    await latency(api)
    await api_players.run(api)
    other = asyncio.ensure_future(keyed(live))
    await asyncio.gather(api_http.run(api), api_queue.run(api), api_lobbies.run(api), api_socket.run(api))
    await asyncio.gather(api_rules.run(api), api_tickets.run(api), api_backfills.run(api, api_matches.GameServer))
    await api_matches.run(api)
    await api_races.run(api)
    await api_nonsense.run(api)
    client.faults += await other
    faults = "".join("\n" + fault for fault in sorted(set(client.faults))[:20])
    live.check(not client.faults, f"every answer is what all answers are{faults}")
    live.equal(sorted(cluster.children().items()), children, "no process died meanwhile")
    await client.close()
    code, left = await cluster.stop()
    live.equal((code, left), (0, []), "the cluster ends")
    code, out, err = await live.muster("verify", "--data", cluster.data)
    live.check(code == 0, f"muster verify: {out or err}".strip())


l.main(run)
