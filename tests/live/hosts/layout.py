"""The five hosts of the tests: who runs where.

    h1  broker a, store                h3  gateway, lobby actor
    h2  broker b, shard eu-west-1      h4  gateway, shard us-east-1, two matchers
    h5  clients and game servers
"""

import live as l

REGIONS = ["us-east-1", "eu-west-1"]
BROKERS = {"a": "h1", "b": "h2"}
BUS_PORT = 7600
EDGE_PORT = 8080
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
ExecStart={command} --config /etc/muster/muster.yaml {brokers}
Restart=always
RestartSec=200ms
RestartPreventExitStatus=64 78
WatchdogSec=10s
[Install]
WantedBy=multi-user.target
"""


def units(lab):
    """unit -> (host, command)"""
    return {
        "muster-broker@a": ("h1", f"muster-broker --bind tcp://{lab['h1'].address}:{BUS_PORT}"),
        "muster-broker@b": ("h2", f"muster-broker --bind tcp://{lab['h2'].address}:{BUS_PORT}"),
        "muster-store@store": ("h1", "muster-actor --kind store --data /var/lib/muster/store --any-filesystem"),
        "muster-queue@eu": ("h2", "muster-actor --kind queue --partition queue/eu-west-1"),
        "muster-queue@us": ("h4", "muster-actor --kind queue --partition queue/us-east-1"),
        "muster-matcher@1": ("h4", "muster-actor --kind matcher"),
        "muster-matcher@2": ("h4", "muster-actor --kind matcher"),
        "muster-lobby@0": ("h3", "muster-actor --kind lobby"),
        "muster-gateway@3": ("h3", f"muster-gateway --address {lab['h3'].address} --port {EDGE_PORT}"),
        "muster-gateway@4": ("h4", f"muster-gateway --address {lab['h4'].address} --port {EDGE_PORT}"),
    }


def doors(lab):
    return [[lab[host].address, EDGE_PORT] for host in ("h3", "h4")]


async def install(lab):
    """Writes all files, and switches the hosts on."""
    for host in lab.hosts.values():
        await host.boot()
    _, text = await lab["h1"].run("muster", "key", "new", "--id", "lab")
    key, entry = text.splitlines()[0].strip(), text.splitlines()[1]
    config = CONFIG.format(modes="".join(MODE.format(name=name) for name in ("duel", "probe")), key=entry)
    brokers = " ".join(f"--broker tcp://{lab[host].address}:{BUS_PORT}" for host in BROKERS.values())
    for host in lab.hosts.values():
        host.write("/etc/muster/muster.yaml", config)
        host.write("/etc/muster/lab.key", key + "\n", 0o600)
    lab["h1"].write("/var/lib/muster/.keep", "")
    for unit, (host, command) in units(lab).items():
        program, _, rest = command.partition(" ")
        lab[host].write(f"/etc/systemd/system/{unit}.service", UNIT.format(
            command=f"/usr/local/bin/{program} {rest}", brokers="" if program == "muster-broker" else brokers))


async def start(lab):
    """Starts every unit, and waits until each says that it is ready."""
    for name in lab.hosts:
        mine = [unit for unit, (host, _) in units(lab).items() if host == name]
        if mine:
            await lab[name].run("systemctl", "enable", "--now", "--no-block", *mine)

    async def ready():
        for name in lab.hosts:
            if any(state != "active" for state, _, _ in (await lab[name].units()).values()):
                return False
        return True
    await l.wait_for("all units", ready, l.READY_S)
