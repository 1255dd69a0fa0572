"""Owns the end of the WebSockets whose user is banned or whose token is revoked."""

import logging
from collections.abc import Callable, Iterable

import msgspec

from services.gateway.auth.standings import Standings
from services.gateway.socket.connection import Connection
from shared import commands, subjects
from shared.bus import Bus, Delivery
from shared.commands import HeadsAnswer, Standing, Stands
from shared.health.records import record

logger = logging.getLogger("linkup.gateway.eviction")


class Eviction:
    """Ends the sockets of refused tokens. `of` returns the sockets of a user."""

    def __init__(
        self, bus: Bus, standings: Standings, of: Callable[[str], Iterable[Connection]]
    ) -> None:
        self._bus = bus
        self._standings = standings
        self._of = of

    async def listen(self) -> None:
        """Subscribe to the changes of standings."""
        await self._bus.subscribe(subjects.STANDING, self._on_stands)

    def compared(self, answer: HeadsAnswer, as_of: float) -> None:
        """Take in what the log says of these users, which repairs what got lost on the bus."""
        for user_id in answer.heads:
            self._standings.compared(user_id, answer.standings.get(user_id), as_of)
        for user_id, standing in answer.standings.items():
            self._hold(user_id, standing)

    def _on_stands(self, delivery: Delivery) -> None:
        try:
            told = commands.decode(delivery.payload, Stands)
        except msgspec.MsgspecError:
            logger.error("a standing does not decode")
            record("routing_error", "a standing cannot be decoded")
            return
        self._standings.tell(told.user_id, told.standing, self._standings.clock())
        self._hold(told.user_id, told.standing)

    def _hold(self, user_id: str, standing: Standing) -> None:
        for connection in self._of(user_id):
            connection.hold(standing)
