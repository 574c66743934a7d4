"""Pid 1 of a host of the lab: runs systemd's unit files, as far as Muster's units go.

    [Service]  Type=notify|simple  ExecStart  User  EnvironmentFile  Restart=always|on-failure|no  RestartSec  RestartPreventExitStatus
               WatchdogSec  TimeoutStopSec  LimitNOFILE  StateDirectory
    [Install]  enabled units start with the host

and drop-ins, UNIT.service.d/*.conf.  What else stands in [Service] (sandboxing, ...) is what the lab's namespaces stand
for, and is passed over.  NAME@.service is a template: %i is what follows the @, %H the host, %S where state is.  A target stands for
all enabled units.  Orders come over a socket from systemctl.py; each is a
line of words, the answer is text and last a line with the exit code.  Output of a unit goes to /var/log/UNIT.log.
"""

import os
import pwd
import resource
import selectors
import shlex
import signal
import socket
import time

UNITS = ["/etc/systemd/system", "/usr/local/lib/systemd/system"]
ENABLED = UNITS[0] + "/muster.target.wants"
ORDERS = "/run/systemctl.sock"
START_S = 20  # longest wait for READY
STOP_S = 15  # from SIGTERM to SIGKILL, unless the unit says otherwise
TICK_S = 0.05  # between two looks at what is due


def seconds(text):
    """A time of a unit file: seconds, or with ms, s, min behind it."""
    for unit, factor in (("ms", 0.001), ("min", 60), ("s", 1)):
        if text.endswith(unit):
            return float(text[:-len(unit)]) * factor
    return float(text)


def enabled():
    return sorted(os.listdir(ENABLED)) if os.path.isdir(ENABLED) else []


def find_unit(name):
    """The file of a unit, its own or its template's."""
    stem, at, _ = name.partition("@")
    for folder in UNITS:
        for path in (f"{folder}/{name}.service", f"{folder}/{stem}{at}.service"):
            if os.path.exists(path):
                return path
    raise OSError(f"there is no unit {name}")


def read_unit(name):
    """The settings of NAME.service as a dict; raises OSError when there is no such unit."""
    stem, at, instance = name.partition("@")
    files = [find_unit(name)]
    for unit in (stem + at, name):
        for folder in UNITS:
            drops = f"{folder}/{unit}.service.d"
            files += [f"{drops}/{file}" for file in sorted(os.listdir(drops))] if os.path.isdir(drops) else []
    settings = {}
    for path in files:
        with open(path, encoding="utf-8") as file:
            for line in file.read().replace("\\\n", " ").splitlines():
                key, equals, value = line.strip().partition("=")
                if equals and not line.startswith(("#", ";")):
                    for mark, text in (("%i", instance), ("%H", socket.gethostname()), ("%S", "/var/lib")):
                        value = value.replace(mark, text)
                    settings[key.strip()] = value.strip()
    return settings


def read_environment(path):
    """What an EnvironmentFile says; one that begins with - may be missing."""
    if path.startswith("-") and not os.path.exists(path[1:]):
        return {}
    with open(path.lstrip("-"), encoding="utf-8") as file:
        lines = [line.strip().partition("=") for line in file if "=" in line and not line.startswith("#")]
    return {name: value for name, _, value in lines}


class Unit:
    """A service and its process, if it has one."""

    def __init__(self, name):
        self.name = name
        self.settings = read_unit(name)
        self.pid = None
        self.wanted = False  # it is to run
        self.ready = False
        self.alive_s = 0.0  # of the last sign of life
        self.again_s = None  # when to start it again
        self.kill_s = None  # when to end it the hard way
        self.starts = 0
        self.notify = None

    def listen(self):
        path = f"/run/notify.{self.name}"
        if os.path.exists(path):
            os.unlink(path)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.notify.bind(path)
        os.chmod(path, 0o666)

    def start(self):
        self.wanted = True
        if self.pid is not None:
            return
        self.settings = read_unit(self.name)
        environment = dict(os.environ)
        if "EnvironmentFile" in self.settings:
            environment |= read_environment(self.settings["EnvironmentFile"])
        if "StateDirectory" in self.settings:
            self.make_state("/var/lib/" + self.settings["StateDirectory"])
            environment["STATE_DIRECTORY"] = "/var/lib/" + self.settings["StateDirectory"]
        self.ready = self.settings.get("Type", "simple") != "notify"
        self.again_s = self.kill_s = None
        self.alive_s = time.monotonic()
        self.starts += 1
        if not self.ready:
            if self.notify is None:
                self.listen()
            environment["NOTIFY_SOCKET"] = f"/run/notify.{self.name}"
            if "WatchdogSec" in self.settings:
                environment["WATCHDOG_USEC"] = str(int(seconds(self.settings["WatchdogSec"]) * 1e6))
        words = shlex.split(self.settings["ExecStart"])
        self.pid = os.fork()
        if self.pid == 0:
            self.become(words, environment)

    def become(self, words, environment):
        """In the child."""
        try:
            os.setsid()
            log = os.open(f"/var/log/{self.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            if "LimitNOFILE" in self.settings:
                limit = min(int(self.settings["LimitNOFILE"]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            user = self.user()
            if user is not None:
                os.setgroups([])
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
            os.execvpe(words[0], words, environment)
        except OSError as error:
            os.write(2, f"{words[0]}: {error}\n".encode())
        os._exit(203)  # as systemd does

    def make_state(self, path):
        user = self.user()
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o700)
        if user is not None:
            os.chown(path, user.pw_uid, user.pw_gid)
            os.chown(os.path.dirname(path), user.pw_uid, user.pw_gid)

    def user(self):
        """Whom User= names, unless this host has only one."""
        with open("/proc/self/uid_map", encoding="ascii") as file:
            several = int(file.read().split()[2]) > 1
        return pwd.getpwnam(self.settings["User"]) if several and "User" in self.settings else None

    def stop(self):
        self.wanted = False
        self.again_s = None
        if self.pid is not None and self.kill_s is None:
            os.kill(self.pid, signal.SIGTERM)
            self.kill_s = time.monotonic() + seconds(self.settings.get("TimeoutStopSec", str(STOP_S)))

    def ended(self, status):
        code = os.waitstatus_to_exitcode(status)
        with open(f"/var/log/{self.name}.log", "a", encoding="utf-8") as log:
            log.write(f"init: {self.name} ended: {code}\n")
        self.pid = None
        self.ready = False
        restart = self.settings.get("Restart", "no")
        prevented = str(code) in self.settings.get("RestartPreventExitStatus", "").split()
        if self.wanted and not prevented and (restart == "always" or (restart == "on-failure" and code != 0)):
            self.again_s = time.monotonic() + seconds(self.settings.get("RestartSec", "100ms"))

    def tick(self, now):
        """Does what is due."""
        if self.notify is not None:
            try:
                while text := self.notify.recv(4096).decode():
                    self.ready = self.ready or "READY=1" in text
                    self.alive_s = now
            except BlockingIOError:
                pass
        if self.again_s is not None and now >= self.again_s:
            self.start()
        if self.pid is not None and self.kill_s is not None and now >= self.kill_s:
            os.kill(self.pid, signal.SIGKILL)
        watchdog = self.settings.get("WatchdogSec")
        if self.pid is not None and self.ready and watchdog and now > self.alive_s + seconds(watchdog):
            os.kill(self.pid, signal.SIGABRT)

    @property
    def state(self):
        if self.pid is None:
            return "activating" if self.again_s is not None else "failed" if self.wanted else "inactive"
        return "active" if self.ready else "activating"


class Init:
    """All units, and the socket for orders."""

    def __init__(self):
        self.units = {}
        self.waiting = []  # (connection, test, deadline, what): answered when the test holds
        self.selector = selectors.DefaultSelector()
        self.orders = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.orders.bind(ORDERS)
        self.orders.listen(16)
        self.selector.register(self.orders, selectors.EVENT_READ)

    def unit(self, name):
        name = name.removesuffix(".service")
        if name not in self.units:
            self.units[name] = Unit(name)
        return self.units[name]

    def obey(self, connection):
        words = shlex.split(connection.makefile().readline())
        names = [word for word in words[1:] if not word.startswith("-")]
        order = words[0]
        if any(name.endswith(".target") for name in names):
            if order == "enable" and "--now" not in words:
                return self.answer(connection, "", 0)
            order = words[0] = "start" if order == "enable" else order
            names = enabled()
        try:
            units = [self.unit(name) for name in names]
        except OSError as error:
            return self.answer(connection, f"{error}\n", 4)
        if order == "reboot":
            os._exit(0)  # the kernel ends the rest, and whoever switched this host on does so again
        if order == "daemon-reload":
            return self.answer(connection, "", 0)
        if order in ("enable", "disable"):
            os.makedirs(ENABLED, exist_ok=True)
            for unit in units:
                link = f"{ENABLED}/{unit.name}.service"
                if order == "enable" and not os.path.lexists(link):
                    os.symlink(find_unit(unit.name), link)
                elif order == "disable" and os.path.lexists(link):
                    os.unlink(link)
            if "--now" not in words:
                return self.answer(connection, "", 0)
            order = "start" if order == "enable" else "stop"
        if order == "is-active":
            return self.answer(connection, "".join(unit.state + "\n" for unit in units),
                               0 if all(unit.state == "active" for unit in units) else 3)
        if order == "show":
            return self.answer(connection, "".join(f"{unit.name} {unit.state} {unit.pid or 0} {unit.starts}\n"
                                                   for unit in self.units.values()), 0)
        if order in ("kill", "reload"):
            number = signal.SIGHUP if order == "reload" else signal.SIGTERM
            for word in words:
                if word.startswith("--signal="):
                    number = signal.Signals["SIG" + word.removeprefix("--signal=").removeprefix("SIG")]
            for unit in units:
                if unit.pid is not None:
                    os.kill(unit.pid, number)
            return self.answer(connection, "", 0)
        if order not in ("start", "stop", "restart"):
            return self.answer(connection, f"there is no order {order}\n", 1)
        for unit in units:
            if order != "start":
                unit.stop()
        if order == "stop":
            return self.wait(connection, lambda: all(unit.pid is None for unit in units), words)
        if order == "restart":
            pids = [unit.pid for unit in units]

            def again():
                for unit, pid in zip(units, pids):
                    if unit.pid is None or (unit.pid != pid and not unit.wanted):
                        unit.start()
                return all(unit.ready and unit.pid != pid for unit, pid in zip(units, pids))
            return self.wait(connection, again, words)
        for unit in units:
            unit.start()
        return self.wait(connection, lambda: all(unit.ready for unit in units), words)

    def wait(self, connection, holds, words):
        limit = 0 if "--no-block" in words else START_S
        self.waiting.append((connection, holds, time.monotonic() + limit, " ".join(words)))

    @staticmethod
    def answer(connection, text, code):
        try:
            connection.sendall(f"{text}{code}\n".encode())
        except OSError:
            pass
        connection.close()

    def turn(self):
        for key, _ in self.selector.select(TICK_S):
            if key.fileobj is self.orders:
                self.obey(self.orders.accept()[0])
        now = time.monotonic()
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            for unit in self.units.values():
                if unit.pid == pid:
                    unit.ended(status)
        for unit in list(self.units.values()):
            unit.tick(now)
        for waiting in list(self.waiting):
            connection, holds, end, what = waiting
            if holds() or now > end:
                self.waiting.remove(waiting)
                good = holds() or "--no-block" in what
                self.answer(connection, "" if good else f"{what}: not in time\n", 0 if good else 1)


def main():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer)
    init = Init()
    os.set_blocking(reader, False)
    init.selector.register(reader, selectors.EVENT_READ)
    for name in enabled():
        init.unit(name).start()
    while True:
        init.turn()
        try:
            os.read(reader, 4096)
        except BlockingIOError:
            pass


if __name__ == "__main__":
    main()
