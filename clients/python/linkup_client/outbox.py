"""Owns the messages without an ack: limited in number, with a lane for each conversation."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from linkup_client.backoff import Timing
from linkup_client.errors import OutboxFull, OutcomeUnknown, SendFailed
from linkup_client.frames import Ack, Error, Message, SendMessage
from linkup_client.lane import Lane, Outcome, Pending

MAX_MESSAGES = 1_000
MAX_BYTES = 4 * 1024 * 1024
REMEMBERED = 10_000  # own messages that are known again when a resume repeats them


class Outbox:
    """The unacknowledged messages. When it is full, `submit` raises OutboxFull."""

    def __init__(self, transmit: Callable[[bytes], None], timing: Timing) -> None:
        self._transmit = transmit
        self._timing = timing
        self._lanes: dict[str, Lane] = {}
        self._where: dict[str, str] = {}  # client_id → lane
        self._bytes = 0
        self._acked: OrderedDict[str, None] = OrderedDict()
        self._online = False

    def __len__(self) -> int:
        return len(self._where)

    def submit(self, frame: SendMessage) -> asyncio.Future[Ack]:
        """Queue a message, and return the ack to come. Raises OutboxFull, and SendFailed when this
        id is already on its way."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Ack] = loop.create_future()
        pending = Pending(frame, lambda answer: _settle(outcome, answer))
        if frame.client_id in self._where:
            raise SendFailed("client_id_conflict", f"{frame.client_id} is already on its way")
        if len(self) >= MAX_MESSAGES or self._bytes + len(pending.text) > MAX_BYTES:
            raise OutboxFull(f"{len(self)} messages wait for their ack")
        name = f"to {frame.to}" if frame.to is not None else f"in {frame.conversation_id}"
        self._where[frame.client_id] = name
        self._bytes += len(pending.text)
        self._lane(name, loop).submit(pending)
        return outcome

    def on_ack(self, ack: Ack) -> None:
        name = self._where.get(ack.client_id)
        if name is None:
            return  # a second answer to what was sent twice
        self._done(name, self._lanes[name].on_ack(ack), ack)
        self._acked[ack.client_id] = None
        if len(self._acked) > REMEMBERED:
            self._acked.popitem(last=False)

    def on_error(self, error: Error) -> None:
        name = self._where.get(error.client_id or "")
        if name is not None:
            self._done(name, self._lanes[name].on_error(error), error)

    def knows(self, message: Message) -> bool:
        """Return whether this client sent it. The message then also serves as a lost ack."""
        if message.client_id in self._where:
            self.on_ack(
                Ack(
                    client_id=message.client_id,
                    message_id=message.message_id,
                    conversation_id=message.conversation_id,
                    seq=message.seq,
                    created_at=message.created_at,
                    duplicate=True,
                )
            )
        return message.client_id in self._acked

    def connected(self) -> None:
        self._online = True
        for lane in self._lanes.values():
            lane.connected()

    def lost(self) -> None:
        self._online = False
        for lane in self._lanes.values():
            lane.lost()

    def sweep(self, now: float) -> None:
        for lane in self._lanes.values():
            lane.sweep(now)

    def give_up(self, fault: BaseException | None) -> None:
        """Tell everybody who waits: with the fault that ended it, else that nobody knows."""
        self.lost()
        lanes, self._lanes, self._where, self._bytes = self._lanes, {}, {}, 0
        for lane in lanes.values():
            for pending in lane.waiting:
                pending.done(fault or OutcomeUnknown(pending.frame.client_id))

    def _lane(self, name: str, loop: asyncio.AbstractEventLoop) -> Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(self._transmit, loop, self._timing)
            if self._online:
                lane.connected()
        return lane

    def _done(self, name: str, pending: Pending | None, answer: Ack | Error) -> None:
        if pending is None:
            return
        del self._where[pending.frame.client_id]
        self._bytes -= len(pending.text)
        if not self._lanes[name].waiting:
            del self._lanes[name]
        pending.done(answer)


def _settle(outcome: asyncio.Future[Ack], answer: Outcome) -> None:
    if outcome.done():
        return  # whoever waited has gone; the message has not
    match answer:
        case Ack():
            outcome.set_result(answer)
        case Error():
            outcome.set_exception(SendFailed(answer.code, answer.message))
        case _:
            outcome.set_exception(answer)
