"""The clients of the lab: runs on a host, plays against gateways of others, and says what it saw.

load.py SETTINGS, a JSON object:
    {"doors": [[host, port], ...], "regions": [name, ...], "key": "FILE of a backend's key" or null, "name": prefix of all
     names, "players": in each region, "lobbies": pairs in each region, "seed": N}

stdout: a line of JSON for each thing that a client saw (history.py), and

    {"kind": "ready"}                                     everybody has registered
    {"kind": "probe", "number", "region", "door", "took"} a full round worked: register, queue, accept, result

stdin: a line "probe N" begins a round in each region through each gateway; the end of stdin ends the load, in order.
"""

import asyncio
import json
import os
import random
import sys
import time

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

# pylint: disable=wrong-import-position
from history import History
from recorded import GameServer, Player, World, shown
from recorded_lobby import LobbyPair

PATIENCE_S = 2.0  # how long an answer may take before another gateway is asked
PROBE_PATIENCE_S = 1.0
PROBE_MODE = "probe"


def say(line):
    print(json.dumps(line), flush=True)


class Load:
    def __init__(self, settings):
        self.settings = settings
        self.random = random.Random(settings["seed"])
        self.key = None
        if settings["key"] is not None:
            with open(settings["key"], encoding="ascii") as file:
                self.key = file.read().strip()
        self.doors = [lambda door=door: tuple(door) for door in settings["doors"]]
        self.history = History(say)
        self.world = World(self.history, self.doors, self.random, self.key, PATIENCE_S)
        self.probes = []

    def name(self, *parts):
        return "-".join([self.settings["name"], *map(str, parts)])

    async def probe_player(self, number, region, door, which):
        """One of the two who make a round."""
        world = World(self.history, [self.doors[door]], self.random, self.key, PROBE_PATIENCE_S)
        player = Player(world, self.name("p", number, region[:2], door, which), region, PROBE_MODE, cancels=0)
        await player.register()
        listener = asyncio.ensure_future(player.listen())
        await player.cycle()
        await player.leave()
        await listener

    async def probe(self, number, region, door):
        begun = time.monotonic()
        await asyncio.gather(*(self.probe_player(number, region, door, which) for which in "ab"))
        say({"kind": "probe", "number": number, "region": region, "door": shown(self.doors[door]), "took": time.monotonic() - begun})

    async def orders(self):
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            number = int(line.split()[1])
            self.probes += [asyncio.ensure_future(self.probe(number, region, door))
                            for region in self.settings["regions"] for door in range(len(self.doors))]
        self.world.stopping = True

    async def run(self):
        tasks = [asyncio.ensure_future(GameServer(self.world, self.name("server", region[:2], i), i).run(region))
                 for region in self.settings["regions"] for i in range(2)]
        players = [Player(self.world, self.name(region[:2], i), region, door=i)
                   for region in self.settings["regions"] for i in range(self.settings["players"])]
        await asyncio.gather(*(player.register() for player in players))
        say({"kind": "ready"})
        tasks += [asyncio.ensure_future(player.run()) for player in players]
        tasks += [asyncio.ensure_future(LobbyPair(self.world, self.name("lob", region[:2], i), region, i).run())
                  for region in self.settings["regions"] for i in range(self.settings["lobbies"])]
        await self.orders()
        for probe in self.probes:
            probe.cancel()
        results = await asyncio.gather(*tasks, *self.probes, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, asyncio.CancelledError):
                raise result


if __name__ == "__main__":
    asyncio.run(Load(json.loads(sys.argv[1])).run())
