"""Five hosts for a minute: one of each kind of fault, and the promise held against what clients saw.

usage: smoke.py BUILD/tools/muster [--seed N]; exit code 77: this machine refuses namespaces, nothing was tested
"""

import os
import sys

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

# pylint: disable=wrong-import-position
import lab
import live as l
import scenarios
import strangers
from session import Session

BOUND_S = 150  # of the whole, whatever happens


async def run(live):
    session = await Session(live).open()
    live.equal(await session.lab.apart(), [], "no folder, socket, process or link is shared")
    await session.healed("nothing", "a round in each region through each gateway")
    await scenarios.takeover(session, "h4", "us-east-1")
    await scenarios.kill_host(session, "h1")
    await scenarios.shard_cut(session)
    await scenarios.cut(session, "h2", "h1", both=False)
    await scenarios.storeless(session)
    await scenarios.kill_broker(session, "broker-a")
    await scenarios.matchers(session)
    await strangers.unlisted_key(session)
    await strangers.stolen_id(session)
    await strangers.endless(session)
    await session.stop()
    session.print_table()


if __name__ == "__main__":
    lab.enter(BOUND_S)
    l.main(run)
