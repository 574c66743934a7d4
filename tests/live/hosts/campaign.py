"""Every fault that the lab knows, in an order that the seed draws, round after round; the promise is judged at the end.

usage: campaign.py BUILD/tools/muster [--rounds N] [--seed N]; exit code 77: this machine refuses namespaces, nothing was tested
"""

import argparse
import os
import sys

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

# pylint: disable=wrong-import-position
import lab
import live as l
import scenarios
import strangers
from session import Session

BOUND_S = 120  # of the whole, beside that of each round
ROUND_S = 700


def rounds_asked():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_known_args()[0].rounds


async def run(live):
    session = await Session(live).open()
    session.long = scenarios.LONG
    live.equal(await session.lab.apart(), [], "no folder, socket, process or link is shared")
    for _ in range(live.arguments.rounds):
        order = [*scenarios.ALL, *strangers.ALL]
        live.random.shuffle(order)
        for scenario, *arguments in order:
            await scenario(session, *arguments)
    await session.stop()
    session.print_table()
    session.print_sum()


if __name__ == "__main__":
    lab.enter(BOUND_S + ROUND_S * rounds_asked())
    l.main(run, rounds=1)
