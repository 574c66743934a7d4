"""What would only seem to work is refused: by the programs when they start, and by the commands."""

import asyncio
import os
import signal
import socket

import live as l


async def ends(live, *words):
    """Runs a program that is to end by itself: (exit code, what it wrote on stderr)."""
    process = await asyncio.create_subprocess_exec(live.arguments.muster, *words, stderr=asyncio.subprocess.PIPE)
    try:
        _, err = await asyncio.wait_for(process.communicate(), l.STOP_S)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        return None, f"muster {' '.join(words)} goes on"
    return process.returncode, err.decode()


async def keygen(live, name):
    code, out, err = await live.muster("keygen", name, "--out", live.folder)
    if code != 0:
        raise l.Failed(f"muster keygen {name}: {err}")
    return out.strip()


async def start_broker(live, *words):
    """A broker that listens; its process, to be killed by the caller."""
    process = await asyncio.create_subprocess_exec(
        live.arguments.muster, "broker", "--die-with-parent", *words, stderr=asyncio.subprocess.PIPE)
    while True:
        line = await asyncio.wait_for(process.stderr.readline(), l.READY_S)
        if not line:
            raise l.Failed(f"muster broker {words} does not start")
        if b'event="listening"' in line:
            return process


async def paths(live):
    """A broker takes no path that is somebody else's."""
    path = live.path("bus")
    words = ("--bind", f"ipc://{path}", "--name", "broker")
    with open(path, "w", encoding="ascii") as file:
        file.write("precious")
    code, err = await ends(live, "broker", *words)
    live.check(code == 69 and "no socket" in err, f"a file is no place to listen: {code} {err}")
    live.check(os.path.isfile(path), "and stays")
    if os.path.exists(path):
        os.remove(path)
    first = await start_broker(live, *words)
    code, err = await ends(live, "broker", *words)
    live.check(code == 69 and "another process listens there" in err, f"nor a path of a broker that runs: {code} {err}")
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(l.STOP_S)
        peer.connect(path)
        live.equal(peer.recv(1), b"\xff", "which goes on serving it")
    first.send_signal(signal.SIGKILL)
    await first.wait()
    live.check(os.path.exists(path), "what a killed broker leaves behind")
    again = await start_broker(live, *words)
    again.send_signal(signal.SIGTERM)
    live.equal(await asyncio.wait_for(again.wait(), l.STOP_S), 0, "is taken over by the next one")


async def keys(live):
    """A broker's key is the one that the file says of it."""
    own, other = await keygen(live, "a"), await keygen(live, "other")
    path = live.path("cluster.yaml")
    with open(live.path("peers.yaml"), "w", encoding="ascii") as file:
        file.write("peers: []\n")
    for key, good in ((other, False), (own, True)):
        with open(path, "w", encoding="ascii") as file:
            file.write(f"cluster:\n  brokers:\n    - {{name: a, endpoint: 'ipc://{live.path('a')}', key: {key}}}\n"
                       f"  keys: {live.folder}\n  peers: {live.path('peers.yaml')}\n")
        if good:
            broker = await start_broker(live, "--config", path, "--name", "a")
            broker.send_signal(signal.SIGTERM)
            live.equal(await asyncio.wait_for(broker.wait(), l.STOP_S), 0, "with the key of the file it starts")
        else:
            code, err = await ends(live, "broker", "--config", path, "--name", "a")
            live.check(code == 78 and own in err and other in err and live.path("a.key") in err,
                       f"a broker whose key is another one says both: {code} {err}")


async def peers(live):
    """muster peers says so when it has no use for what it was given."""
    path, key = live.path("list.yaml"), await keygen(live, "q")
    add = ("--role", "queue", "--key", key)
    code, _, err = await live.muster("peers", "add", live.path("q"), "list.yaml", *add)
    live.check(code == 64 and "the file comes first" in err, f"swapped arguments: {code} {err.strip()}")
    live.check(not os.path.exists(live.path("q")), "make no file")
    live.equal((await live.muster("peers", "add", path, "q", *add))[0], 0, "a list begins")
    with open(path, encoding="ascii") as file:
        before = file.read()
    other = await keygen(live, "q2")
    for words, what in (
            (("rotate", path, "q", "--key", other, "--role", "store"), "--role"),
            (("rotate", path, "q", "--key", other, "--partition", "queue/x"), "--partition"),
            (("revoke", path, "q", "--role", "queue"), "--role"),
            (("list", path, "--key", key), "--key"), (("list", path, "q"), "a NAME")):
        code, _, err = await live.muster("peers", *words)
        live.check(code == 64 and f"{words[0]} takes no such thing: {what}" in err, f"{words[0]} with {what}: {code} {err.strip()}")
    with open(path, encoding="ascii") as file:
        live.equal(file.read(), before, "and nothing is changed")


async def keygens(live):
    """A key that is there stays, and its public half can be had."""
    key = await keygen(live, "twice")
    code, out, err = await live.muster("keygen", "twice", "--out", live.folder)
    live.check(code == 69 and out == "" and "stays" in err and "--print" in err, f"no second key of a name: {code} {err.strip()}")
    code, out, err = await live.muster("keygen", "twice", "--out", live.folder, "--print")
    live.equal((code, out.strip(), err), (0, key, ""), "--print prints the public half of the first")
    code, out, err = await live.muster("keygen", "never", "--out", live.folder, "--print")
    live.check(code == 69 and "No such file" in err and not os.path.exists(live.path("never.key")), f"and makes none: {err.strip()}")


async def gateway(live):
    """Who wants to be reached from elsewhere is told how."""
    code, err = await ends(live, "gateway", "--address", "0.0.0.0", "--port", "0", "--broker", f"ipc://{live.path('none')}")
    live.check(code == 78 and "muster key new" in err, f"a gateway without keys serves its own host: {code} {err.strip()}")


async def checked(live):
    """muster config check says what would not start, and that a file says nothing."""
    path = live.path("checked.yaml")
    with open(path, "w", encoding="ascii") as file:
        file.write("cluster:\n  brokers:\n    - {name: a, endpoint: 'tcp://10.77.0.1:7600'}\n")
    code, out, err = await live.muster("config", "check", path)
    live.check(code == 78 and f"{path}:3: cluster.brokers[0].endpoint" in err and out == "", f"no start, not good: {err.strip()}")
    with open(path, "w", encoding="ascii"):
        pass
    code, out, err = await live.muster("config", "check", path)
    live.check(code == 0 and ": good" in out and "warning: says nothing" in err, f"an empty file is warned of: {err.strip()}")


async def run(live):
    await paths(live)
    await keys(live)
    await peers(live)
    await keygens(live)
    await gateway(live)
    await checked(live)


l.main(run)
