"""docs/HOSTS.md, typed as it stands: its tested blocks run here, in the switch, with ssh and scp that reach three hosts of the lab.

usage: page.py BUILD/tools/muster; exit code 77: this machine refuses namespaces, nothing was tested
"""

import asyncio
import os
import re
import sys

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

# pylint: disable=wrong-import-position
import lab as lab_
import live as l

BOUND_S = 150  # of the whole, whatever happens
PAGE_S = 100  # of the page
HOSTS = 3
REBOOT_S = 6.0  # as long as a quick machine needs; longer than it takes to be taken over
PAGE = "docs/HOSTS.md"
# As ssh does it: words become one text for a shell over there.
SSH = """#!/bin/sh
host=$1
shift
exec nsenter --target="$(cat "{folder}/$host.pid")" --mount --net --pid --ipc --uts --root \\
    env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin HOME=/ LANG=C.UTF-8 sh -c "$*"
"""
SCP = """#!/bin/sh
set -eu
case $1 in
*:*) ssh "${1%%:*}" cat "${1#*:}" >"$2" ;;
*) ssh "${2%%:*}" "cat >${2#*:}" <"$1" ;;
esac
"""


async def switch_on(host, folder):
    await host.boot()
    with open(f"{folder}/{host.name}.pid", "w", encoding="ascii") as file:
        file.write(str(host.pid))


async def keep_on(host, folder):
    """A host that rebooted is switched on again, as a machine does it by itself."""
    while True:
        await host.process.wait()
        await asyncio.sleep(REBOOT_S)
        await switch_on(host, folder)


async def run(live):
    root = os.path.dirname(os.path.dirname(os.path.dirname(lab_.HERE)))
    lab = lab_.Lab(live.folder, os.path.dirname(os.path.dirname(os.path.abspath(live.arguments.muster))))
    live.clusters.append(lab)
    await lab.open(HOSTS)
    folder = live.path("bin")
    os.makedirs(folder)
    for name, text in (("ssh", SSH.format(folder=folder)), ("scp", SCP)):
        with open(f"{folder}/{name}", "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(f"{folder}/{name}", 0o755)
    await asyncio.gather(*(switch_on(host, folder) for host in lab.hosts.values()))
    keeping = [asyncio.ensure_future(keep_on(host, folder)) for host in lab.hosts.values()]
    lab_.any_filesystem(lab["h1"])
    page = await asyncio.create_subprocess_exec(
        f"{root}/tools/doctest", PAGE, cwd=root, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, preexec_fn=lab_.die_with_parent,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "MUSTER_DOCTEST_S": str(PAGE_S)})
    out, _ = await page.communicate()
    for task in keeping:
        task.cancel()
    text = out.decode(errors="replace")
    passed, failed = map(int, re.findall(r"^(\d+) passed, (\d+) failed$", text, re.M)[-1])
    live.check(page.returncode == 0 and failed == 0 and passed > 0, f"{PAGE}: {passed} blocks do what they say" if failed == 0 else text)


if __name__ == "__main__":
    lab_.enter(BOUND_S)
    l.main(run)
