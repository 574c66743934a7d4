"""The hosts of the tests: who runs where.

    h1  broker a, store                h3  gateway, lobby actor
    h2  broker b, shard eu-west-1      h4  gateway, shard us-east-1, two matchers
    h5  clients and game servers       h6  nobody: who has no business here
"""

import os

import live as l

REGIONS = ["us-east-1", "eu-west-1"]
BROKERS = {"a": "h1", "b": "h2"}
EDGES = ("h3", "h4")
BUS_PORT = 7600
EDGE_PORT = 8080
KEYS = "/etc/muster/keys"
PEERS = "/etc/muster/peers.yaml"
CONFIG = """regions:
  - name: us-east-1
  - name: eu-west-1
modes:
{modes}
keys:
{key}
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
UNIT = """[Service]
Type=notify
ExecStart={command} --config /etc/muster/muster.yaml {ends}
Restart=always
RestartSec=200ms
RestartPreventExitStatus=64 78
WatchdogSec=10s
[Install]
WantedBy=multi-user.target
"""


class Actor:
    """A program that runs on a host.  name: also of its key."""

    def __init__(self, name, host, role, words, partition=None):
        self.name = name
        self.host = host
        self.role = role
        self.words = words + (f" --partition {partition}" if partition else "")
        self.partition = partition

    @property
    def unit(self):
        return f"muster-{self.role}@{self.name}"


def actors(lab):
    bus = {host: f"tcp://{lab[host].address}:{BUS_PORT}" for host in BROKERS.values()}
    edge = {host: f"muster-gateway --address {lab[host].address} --port {EDGE_PORT}" for host in EDGES}
    return [
        Actor("broker-a", "h1", "broker", f"muster-broker --bind {bus['h1']}"),
        Actor("broker-b", "h2", "broker", f"muster-broker --bind {bus['h2']}"),
        Actor("store", "h1", "store", "muster-actor --kind store --data /var/lib/muster/store --any-filesystem"),
        Actor("eu", "h2", "queue", "muster-actor --kind queue", "queue/eu-west-1"),
        Actor("us", "h4", "queue", "muster-actor --kind queue", "queue/us-east-1"),
        Actor("matcher-1", "h4", "matcher", "muster-actor --kind matcher"),
        Actor("matcher-2", "h4", "matcher", "muster-actor --kind matcher"),
        Actor("lobby", "h3", "lobby", "muster-actor --kind lobby", "lobby/0"),
        Actor("edge-3", "h3", "gateway", edge["h3"]),
        Actor("edge-4", "h4", "gateway", edge["h4"]),
    ]


def doors(lab):
    return [[lab[host].address, EDGE_PORT] for host in EDGES]


async def install(lab):
    """Writes all files, and switches the hosts on: (public keys by actor, options that name the brokers)."""
    for host in lab.hosts.values():
        await host.boot()
    _, text = await lab["h1"].run("muster", "key", "new", "--id", "lab")
    key, entry = text.splitlines()[0].strip(), text.splitlines()[1]
    config = CONFIG.format(modes="".join(MODE.format(name=name) for name in ("duel", "probe")), key=entry)
    for host in lab.hosts.values():
        host.write("/etc/muster/muster.yaml", config)
        host.write("/etc/muster/lab.key", key + "\n", 0o600)
    public = {actor.name: await keygen(lab[actor.host], actor.name) for actor in actors(lab)}
    lab["h1"].write(PEERS, "peers: []\n")
    for actor in actors(lab):
        if actor.role != "broker":
            await admit(lab["h1"], actor, public[actor.name])
    share_peers(lab)
    lab["h1"].write("/var/lib/muster/.keep", "")
    brokers = " ".join(f"--broker tcp://{lab[host].address}:{BUS_PORT} --broker-key {public['broker-' + name]}"
                       for name, host in BROKERS.items())
    for actor in actors(lab):
        write_unit(lab[actor.host], actor, brokers)
    return public, brokers


async def keygen(host, name):
    """Makes a key on a host; its public half."""
    os.makedirs(host.path(KEYS), mode=0o700, exist_ok=True)
    return (await host.run("muster", "keygen", name, "--out", KEYS))[1].strip()


async def admit(host, actor, public):
    """Writes a key into a host's file of peers."""
    limits = ["--partition", actor.partition] if actor.partition else []
    await host.run("muster", "peers", "add", PEERS, actor.name, "--role", actor.role, "--key", public, *limits)


def share_peers(lab):
    """Copies h1's file of peers to the other broker's host."""
    for host in BROKERS.values():
        lab[host].write(PEERS, lab["h1"].read(PEERS))


def write_unit(host, actor, brokers):
    program, _, rest = actor.words.partition(" ")
    ends = f"--peers {PEERS}" if actor.role == "broker" else brokers
    host.write(f"/etc/systemd/system/{actor.unit}.service", UNIT.format(
        command=f"/usr/local/bin/{program} {rest}", ends=f"--key {KEYS}/{actor.name}.key {ends}"))


async def start(lab):
    """Starts every unit, and waits until each says that it is ready."""
    for name in lab.hosts:
        mine = [actor.unit for actor in actors(lab) if actor.host == name]
        if mine:
            await lab[name].run("systemctl", "enable", "--now", "--no-block", *mine)

    async def ready():
        for name in lab.hosts:
            if any(state != "active" for state, _, _ in (await lab[name].units()).values()):
                return False
        return True
    await l.wait_for("all units", ready, l.READY_S)
