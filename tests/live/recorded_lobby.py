"""Two recorded players who open a lobby, meet there, start its match, play it, and again."""

import asyncio
import time

from recorded import LOOK_S, Player

START_S = 10  # longest from an open lobby to its start; then it is given up


class LobbyPair:
    def __init__(self, world, name, region, door=0):
        self.world = world
        self.host = Player(world, name + "-host", region, door=door)
        self.guest = Player(world, name + "-guest", region, door=door + 1)

    async def ask_until_started(self, lobby):
        """The guest is ready, and the host starts; as READY is not answered it is said again each time."""
        end = time.monotonic() + START_S
        while time.monotonic() < end and not self.world.stopping:
            await self.guest.ready(lobby)
            status, answer = await self.host.ask("start", "POST", f"/v1/lobbies/{lobby}/start", {"playerId": self.host.id},
                                                 lobby=lobby, members=[self.host.id, self.guest.id])
            if status == 200 or answer["code"] not in ("INSUFFICIENT_PLAYERS", "NO_SERVER_AVAILABLE"):
                return
            await asyncio.sleep(LOOK_S / 10)

    async def free(self, player):
        """Waits until a player is in nothing: reports the match that he is in, leaves the lobby."""
        while not self.world.stopping:
            status, answer = await player.ask("read", "GET", f"/v1/players/{player.id}")
            if status != 200 or answer["player"]["status"] == "IDLE":
                return
            engagement = answer["player"]["engagementId"]
            if engagement.startswith("mch_"):
                await player.look_at_match(engagement)
            elif engagement.startswith("lob_"):
                await player.ask("leave", "POST", f"/v1/lobbies/{engagement}/leave", {"playerId": player.id}, lobby=engagement)
            player.resolved.clear()
            try:
                await asyncio.wait_for(player.resolved.wait(), LOOK_S / 4)
            except asyncio.TimeoutError:
                pass

    async def cycle(self):
        status, answer = await self.host.ask("create", "POST", "/v1/lobbies", {
            "hostPlayerId": self.host.id, "gameMode": self.host.mode, "region": self.host.region, "maxPlayers": 2})
        if status == 201:
            lobby = answer["lobby"]["lobbyId"]
            status, answer = await self.guest.ask("join", "POST", f"/v1/lobbies/{lobby}/join", {"playerId": self.guest.id}, lobby=lobby)
            if status == 200:
                await self.ask_until_started(lobby)
        await self.free(self.host)
        await self.free(self.guest)

    async def run(self):
        players = (self.host, self.guest)
        for player in players:
            await player.register()
        listeners = [asyncio.ensure_future(player.listen()) for player in players]
        try:
            while not self.world.stopping:
                await self.cycle()
        finally:
            for player in players:
                await player.leave()
            await asyncio.gather(*listeners)
