"""The hosts of the tests: who runs where.

    h1  broker a, store                             h4  gateway, shard us-east-1, matcher; shard eu-west-1 stands by
    h2  broker b, shard eu-west-1;                  h5  clients and game servers; the lobby actor stands by
        shard us-east-1 stands by                   h6  nobody: who has no business here
    h3  gateway, lobby actor, matcher
"""

import os
import shutil

import live as l
from lab import any_filesystem

REGIONS = ["us-east-1", "eu-west-1"]
BROKERS = {"broker-a": "h1", "broker-b": "h2"}
EDGES = {"edge-3": "h3", "edge-4": "h4"}
BUS_PORT = 7600
EDGE_PORT = 8080
ADMIN = "127.0.0.1:9090"
FOLDER = "/etc/muster"
KEYS = FOLDER + "/keys"
PEERS = FOLDER + "/peers.yaml"
BACKEND = FOLDER + "/backend.key"
OPERATOR = FOLDER + "/operator.key"
STORE = "/var/lib/muster/store"
CONFIG = """cluster:
  brokers:
{brokers}
  gateways:
{gateways}
  keys: {keys}
  peers: {peers}
regions:
  - name: us-east-1
  - name: eu-west-1
modes:
{modes}
keys:
{api}
settings:
  cooldown_ms: 200
  cooldown_max_ms: 1000
  lobby_grace_ms: 60000
  request_budget_ms: 800
  password_memory_kib: 64
  password_passes: 1
"""
MODE = """  - name: {name}
    teams: 2
    team_min: 1
    team_max: 1
    rated: true
    accept_ms: 20000
    window_points: 800
    window_per_second: 10
    window_max: 2900
    latency_max_ms: 150
    fill_ms: 0
    spill_ms: 0
    wait_max_ms: 300000
    wait_cost_ms: 0
"""


class Actor:
    """A program that runs on a host.  name: as it calls itself, also of its key."""

    def __init__(self, host, role, instance=None, partition=None):
        self.host = host
        self.role = role
        self.unit = f"muster-{role}" + (f"@{instance}" if instance else "")
        self.name = instance if role in ("broker", "gateway") else f"{host}-{role}" + (f"-{instance}" if instance else "")
        self.partition = partition


def shard(host, region):
    return Actor(host, "queue", region, f"queue/{region}")


ACTORS = [
    *(Actor(host, "broker", name) for name, host in BROKERS.items()),
    Actor("h1", "store"),
    shard("h2", "eu-west-1"), shard("h4", "us-east-1"),
    Actor("h3", "lobby", "0", "lobby/0"),
    Actor("h3", "matcher", "1"), Actor("h4", "matcher", "1"),
    *(Actor(host, "gateway", name) for name, host in EDGES.items()),
]
STANDBYS = [shard("h4", "eu-west-1"), shard("h2", "us-east-1"), Actor("h5", "lobby", "0", "lobby/0")]


def doors(lab):
    return [[lab[host].address, EDGE_PORT] for host in EDGES.values()]


async def install(lab):
    """Switches the hosts on and writes all files: public keys of brokers by name."""
    for host in lab.hosts.values():
        await host.boot()
    api = []
    for path, role in ((BACKEND, "backend"), (OPERATOR, "operator")):
        _, text = await lab["h1"].run("muster", "key", "new", "--id", role, "--role", role)
        secret, entry = text.splitlines()[:2]
        api.append(entry)
        for host in lab.hosts.values():
            host.write(path, secret.strip() + "\n", 0o600)
    public = {actor.name: await keygen(lab[actor.host], actor.name) for actor in ACTORS + STANDBYS}
    config = CONFIG.format(
        brokers="\n".join(f'    - {{name: {name}, endpoint: "tcp://{lab[host].address}:{BUS_PORT}", key: {public[name]}}}'
                          for name, host in BROKERS.items()),
        gateways="\n".join(f'    - {{name: {name}, listen: "{lab[host].address}:{EDGE_PORT}", admin: "{ADMIN}"}}'
                           for name, host in EDGES.items()),
        keys=KEYS, peers=PEERS, modes="".join(MODE.format(name=name) for name in ("duel", "probe")), api="\n".join(api))
    for host in lab.hosts.values():
        host.write(f"{FOLDER}/muster.yaml", config)
    lab["h1"].write(PEERS, "peers: []\n")
    for actor in ACTORS + STANDBYS:
        if actor.role != "broker":
            await admit(lab, actor.name, actor.role, public[actor.name], actor.partition)
    any_filesystem(lab["h1"])
    return {name: public[name] for name in BROKERS}


async def keygen(host, name):
    """Makes a key on a host; its public half."""
    path = host.path(KEYS)
    if not os.path.isdir(path):
        os.makedirs(path)
        host.give(path)
    _, public = await host.run("muster", "keygen", name, "--out", KEYS)
    host.give(os.path.join(path, name + ".key"))
    return public.strip()


async def admit(lab, name, role, public, partition=None):
    """Lists a key with the brokers: in h1's file of peers, which is then copied to the other's."""
    limits = ["--partition", partition] if partition else []
    await lab["h1"].run("muster", "peers", "add", PEERS, name, "--role", role, "--key", public, *limits)
    for host in BROKERS.values():
        if host != "h1":
            shutil.copy2(lab["h1"].path(PEERS), lab[host].path(PEERS) + ".new")
            os.rename(lab[host].path(PEERS) + ".new", lab[host].path(PEERS))


async def start(lab):
    """Starts every unit, owners before those that stand by, and waits until each says that it is ready."""
    for actors in (ACTORS, STANDBYS):
        for name in lab.hosts:
            mine = [actor.unit for actor in actors if actor.host == name]
            if mine:
                await lab[name].run("systemctl", "enable", "--now", "--no-block", *mine)

        async def ready():
            states = [state for host in lab.hosts.values() for state, _, _ in (await host.units()).values()]
            return all(state == "active" for state in states)
        await l.wait_for("all units", ready, l.READY_S)
