"""Hosts that are network namespaces, and the switch between them.

enter() starts the script once more in namespaces of its own and bounds it in time: that is the switch, with a bridge that has
no way out of it, and all that a test starts lives in there.  Nothing is left when it ends, however it ends.  A Host has net,
mount, pid, ipc and uts namespaces, a disk that nobody else sees, and init.py as pid 1.  Root is not needed where the kernel
lets users make namespaces.
"""

import asyncio
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import live as l

HERE = os.path.dirname(os.path.abspath(__file__))
INSIDE = "MUSTER_LAB"  # set in the environment of the script's second start
SKIPPED = 77  # exit code, as meson has it
NETWORK = "10.77.0."
INSTALLED = ["bin", "lib/systemd/system"]  # parts of the prefix that a host gets
USER = 998  # muster, as whom the programs run
NAMESPACES = ["--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
PR_SET_PDEATHSIG = 1
RULES = """
table bridge cuts {
    set pairs { type ipv4_addr . ipv4_addr; }
    chain forward {
        type filter hook forward priority 0; policy accept;
        ip saddr . ip daddr @pairs drop
    }
}
"""


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def one_user():
    """Whether the lab was made without being root."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return int(file.read().split()[2]) == 1


def unshare():
    """The command that makes the switch's namespaces."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, *NAMESPACES, "--mount-proc"]


def why_not():
    """Why there can be no lab here, or None."""
    missing = [tool for tool in ("unshare", "nsenter", "ip", "nft", "tc") if shutil.which(tool) is None]
    if missing:
        return f"there is no {' '.join(missing)}; run tools/install-deps test"
    probe = subprocess.run([*unshare(), "sh", "-c", "ip link add br0 type bridge && nft -f - && unshare --net --pid --mount --fork true"],
                           input=RULES, capture_output=True, text=True, check=False)
    return None if probe.returncode == 0 else f"namespaces are refused: {probe.stderr.strip()}"


def enter(bound_s):
    """Returns within the switch only; elsewhere it runs the script there, for bound_s at most, and exits with its code."""
    if os.environ.get(INSIDE) is not None:
        return
    reason = why_not()
    if reason is not None:
        print(f"SKIP  {os.path.basename(sys.argv[0])} was NOT RUN: {reason}", flush=True)
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="muster-lab-", ignore_cleanup_errors=True) as folder:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        with subprocess.Popen([*unshare(), sys.executable, *sys.argv], preexec_fn=die_with_parent,
                              env={**os.environ, INSIDE: "inside", "TMPDIR": folder}) as process:
            try:
                code = process.wait(bound_s)
            except subprocess.TimeoutExpired:
                print(f"FAIL  took more than {bound_s} s\n0 passed, 1 failed", flush=True)
                code = 1
            finally:
                process.kill()  # the kernel ends all within
    sys.exit(code)


async def tool(*words, text=None, fails=False):
    """Runs a tool in the switch; its stdout.  fails: it may fail."""
    process = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                                                   stderr=asyncio.subprocess.PIPE)
    out, err = await process.communicate((text or "").encode())
    if process.returncode != 0 and not fails:
        raise l.Failed(f"{' '.join(words)}: {err.decode().strip()}")
    return out.decode()


def processes():
    """All of the lab."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


class Host:
    """One machine.  number: the last part of its address; its name is h<number>."""

    def __init__(self, lab, number):
        self.lab = lab
        self.name = f"h{number}"
        self.address = f"{NETWORK}{number}"
        self.disk = os.path.join(lab.folder, self.name)
        self.process = None
        self.pid = None  # of its pid 1, as the switch sees it
        for part in INSTALLED:
            shutil.copytree(os.path.join(lab.installed, part), os.path.join(self.disk, "local", part))
        shutil.copy2(os.path.join(HERE, "systemctl.py"), os.path.join(self.disk, "local/bin/systemctl"))
        os.chmod(os.path.join(self.disk, "local/bin/systemctl"), 0o755)
        shutil.copy2(os.path.join(HERE, "init.py"), os.path.join(self.disk, "local/lib"))

    @property
    def running(self):
        return self.process is not None and self.process.returncode is None

    def path(self, path):
        """Where a file of its disk is."""
        return os.path.join(self.disk, path.lstrip("/"))

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(path), mode)

    @staticmethod
    def give(path):
        """Makes a file of a disk that of the user muster, unless the lab has only one user."""
        if os.geteuid() == 0 and not one_user():
            os.chown(path, USER, USER)

    def read(self, path):
        with open(self.path(path), encoding="utf-8", errors="replace") as file:
            return file.read()

    async def boot(self):
        """Switches it on: what is enabled starts."""
        await tool("ip", "link", "del", self.name, fails=True)  # of its last life, if the kernel did not get to it
        self.process = await asyncio.create_subprocess_exec(
            "unshare", *NAMESPACES, "sh", os.path.join(HERE, "boot.sh"), self.disk, self.name,
            stdin=asyncio.subprocess.PIPE, stderr=open(self.path("console"), "ab"), preexec_fn=die_with_parent)

        def child():
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
                return next(map(int, file.read().split()), None)
        self.pid = await l.wait_for(f"pid 1 of {self.name}", child)
        inside = ("nsenter", f"--net=/proc/{self.pid}/ns/net")
        await tool("ip", "link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", str(self.pid))
        await tool("ip", "link", "set", self.name, "master", "br0", "up")
        await tool(*inside, "ip", "-batch", "-", text=f"link set lo up\naddress add {self.address}/24 dev eth0\nlink set eth0 up\n")
        await self.lab.shape(self)
        self.process.stdin.write(b"go\n")
        self.process.stdin.close()

        async def listens():
            if self.process.returncode is not None:
                raise l.Failed(f"{self.name} does not boot: {self.read('console')}")
            return (await self.run("systemctl", "show", check=False))[0] == 0
        await l.wait_for(f"init of {self.name}", listens)

    def inside(self, *words):
        """The command that runs words on it."""
        return ("nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", "--ipc", "--uts", "--root", "env", "-i",
                "PATH=/usr/local/bin:/usr/sbin:/usr/bin", "HOME=/", "LANG=C.UTF-8", *words)

    async def run(self, *words, text=None, check=True):
        """Runs a command on it: (exit code, stdout and stderr)."""
        process = await asyncio.create_subprocess_exec(*self.inside(*words), stdin=asyncio.subprocess.PIPE,
                                                       stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        out, _ = await process.communicate((text or "").encode())
        if check and process.returncode != 0:
            raise l.Failed(f"{self.name}$ {' '.join(words)}: {process.returncode} {out.decode()}")
        return process.returncode, out.decode()

    async def units(self):
        """Its units: name -> (state, pid as it sees it, starts)."""
        rows = [line.split() for line in (await self.run("systemctl", "show"))[1].splitlines()]
        return {row[0]: (row[1], int(row[2]), int(row[3])) for row in rows}

    async def kill(self):
        """Pulls its plug."""
        os.kill(self.pid, signal.SIGKILL)
        await self.process.wait()
        self.pid = None

    def pause(self):
        """Stops all of its processes, as of a machine that hangs."""
        mine = os.readlink(f"/proc/{self.pid}/ns/pid")
        for pid in processes():
            try:
                if os.readlink(f"/proc/{pid}/ns/pid") == mine:
                    os.kill(pid, signal.SIGSTOP)
            except OSError:
                pass  # it ended

    @staticmethod
    def resume():
        """All go on that were stopped: also every nsenter, which stops itself when what it runs is stopped."""
        for pid in processes():
            try:
                os.kill(pid, signal.SIGCONT)
            except OSError:
                pass  # it ended


def any_filesystem(host):
    """Lets the store of a host use a disk that it would not trust with a power failure: the lab's may be one."""
    unit = "muster-store.service"
    command = next(line for line in host.read(f"local/lib/systemd/system/{unit}").splitlines() if line.startswith("ExecStart="))
    host.write(f"/etc/systemd/system/{unit}.d/lab.conf", f"[Service]\n{command} --any-filesystem\n")


class Lab:
    """The switch and its hosts.  build: the folder with the programs."""

    def __init__(self, folder, build):
        self.folder = folder
        self.build = build
        self.installed = os.path.join(folder, "installed")
        self.hosts = {}
        self.rates = {}  # host name -> rate of its line, if it is slow

    async def open(self, count):
        """Makes the switch and `count` hosts, h1 and so on, which are not switched on yet."""
        await tool("ip", "-batch", "-", text="link set lo up\nlink add br0 type bridge\nlink set br0 up\n")
        await tool("nft", "-f", "-", text=RULES)
        await self.install()
        for number in range(1, count + 1):
            host = Host(self, number)
            self.hosts[host.name] = host
        return self

    async def install(self):
        """Installs the build to a folder, with the configuration where a Debian package has it."""
        prefix = (await tool("meson", "introspect", "--buildoptions", self.build))
        prefix = next(option["value"] for option in json.loads(prefix) if option["name"] == "prefix")
        await tool("meson", "install", "-C", self.build, "--no-rebuild", "--quiet", "--destdir", self.installed)
        self.installed += prefix
        units = os.path.join(self.installed, INSTALLED[1])
        for name in os.listdir(units):
            with open(os.path.join(units, name), "r+", encoding="utf-8") as file:
                text = file.read().replace(f"{prefix}/etc/", "/etc/").replace(f"{prefix}/bin/", "/usr/local/bin/")
                file.seek(0)
                file.truncate()
                file.write(text)

    def __getitem__(self, name):
        return self.hosts[name]

    async def end(self):
        for host in self.hosts.values():
            if host.running:
                await host.kill()

    # --- faults: in the switch, so that hosts do not know ---

    async def cut(self, sender, receiver):
        """Nothing goes from one host to another any more; the other way is another cut."""
        await tool("nft", "add", "element", "bridge", "cuts", "pairs",
                   f"{{ {self[sender].address} . {self[receiver].address} }}")

    async def split(self, one, other):
        """No host of the one list and no host of the other hear each other."""
        for a in one:
            for b in other:
                await self.cut(a, b)
                await self.cut(b, a)

    async def heal(self):
        """All of cut(), split(), unplug() and slow() is over."""
        await tool("nft", "flush", "set", "bridge", "cuts", "pairs")
        self.rates.clear()
        for host in self.hosts.values():
            if host.running:
                await tool("ip", "link", "set", host.name, "up")
                await self.shape(host)

    async def unplug(self, name):
        """The host's line is down."""
        await tool("ip", "link", "set", name, "down")

    async def slow(self, name, rate="1mbit"):
        """The host's line carries that much each way."""
        self.rates[name] = rate
        await self.shape(self[name])

    async def shape(self, host):
        inside = ("nsenter", f"--net=/proc/{host.pid}/ns/net")
        for words in (("tc", "qdisc"), (*inside, "tc", "qdisc")):
            device = "eth0" if words[0] == "nsenter" else host.name
            await tool(*words, "del", "dev", device, "root", fails=True)
            if host.name in self.rates:
                await tool(*words, "add", "dev", device, "root", "tbf", "rate", self.rates[host.name], "burst", "16kb",
                           "latency", "400ms")

    # --- what can be seen ---

    async def carried(self):
        """Bytes that each host's line carried, both ways."""
        rows = json.loads(await tool("ip", "-json", "-statistics", "link"))
        return {row["ifname"]: row["stats64"]["rx"]["bytes"] + row["stats64"]["tx"]["bytes"]
                for row in rows if row["ifname"] in self.hosts}

    async def apart(self):
        """What hosts share and should not, as a list of texts."""
        faults = []
        written = {}
        for name, host in self.hosts.items():
            mounts = (await host.run("cat", "/proc/self/mountinfo"))[1].splitlines()
            for line in mounts:
                fields = line.split()
                kind = fields[fields.index("-") + 1]
                point, options = fields[4], fields[5].split(",")
                if "rw" in options and kind != "proc" and not point.startswith("/dev/"):
                    written.setdefault((fields[2], fields[3]), []).append(f"{name}:{point}")
            await host.run("sh", "-c", "for d in / /etc /run /tmp /var/lib /dev /dev/shm /usr/local; do echo >$d/only-$(hostname); done")
        for (device, root), points in written.items():
            if len({point.partition(":")[0] for point in points}) > 1:
                faults.append(f"{device} {root} is writable at {points}")
        for name, host in self.hosts.items():
            found = (await host.run("find", "/", "/usr/local", "-path", "/usr/[!l]*", "-prune", "-o", "-path", "/usr/l[!o]*", "-prune",
                                    "-o", "-path", "/proc", "-prune", "-o", "-name", "only-h*", "-print"))[1].split()
            faults += [f"{name} sees {path}" for path in found if not path.endswith(f"only-{name}")]
            faults += [] if found else [f"{name} wrote nothing"]
            code, out = await host.run("sh", "-c", "echo >/usr/only", check=False)
            faults += [f"{name} may write into /usr"] if code == 0 else []
            names = {socket for line in (await host.run("cat", "/proc/net/unix"))[1].splitlines()
                     if (socket := line.split()[-1]).startswith("@")}
            faults += [f"{name} has the abstract sockets {names}"] if names else []
            hostname = (await host.run("hostname"))[1].strip()
            faults += [f"{name} calls itself {hostname}"] if hostname != name else []
            one = (await host.run("cat", "/proc/1/comm"))[1].strip()
            faults += [f"pid 1 of {name} is {one}"] if one != "python3" else []
        links = {row["ifname"] for row in json.loads(await tool("ip", "-json", "link"))}
        if links != {"lo", "br0", *self.hosts}:
            faults.append(f"the switch has the links {links}")
        return faults
