"""Owns a command on its way to the store, until it has its result."""

from collections.abc import Callable
from dataclasses import dataclass

from services.gateway.upstream.gate import Gate
from shared import commands
from shared.commands import Command, Refused, RejectMessage, Result, StoreMessage
from shared.errors import OutOfOrder, Overloaded, Unavailable

DEADLINE = 4.0  # seconds; below a client's ack timeout of 5 s

OVERLOADED = Refused.of(
    Overloaded("Too many commands are waiting: try again later", retry_after_ms=1000)
)
UNAVAILABLE = Refused.of(
    Unavailable("The store did not answer: resend the same command", retry_after_ms=500)
)
OUT_OF_ORDER = Refused.of(OutOfOrder("An earlier message must be resent first"))


@dataclass(slots=True)
class Submission:
    """A command on its way. `settle` is called once, with its result."""

    command: Command
    settle: Callable[[Result], None]
    gate: Gate | None = None
    submitted_at: float = 0.0  # by the loop's clock
    encoded: bytes = b""
    finished: bool = False
    words: str = ""  # with which the host app rejects the message

    def __post_init__(self) -> None:
        if self.gate is not None:
            self.gate.enter(self.command)

    def admitted(self) -> bool:
        return self.gate is None or self.gate.admits(self.command)

    def encode(self) -> bytes:
        command = self.command
        if self.words and isinstance(command, StoreMessage):
            command = RejectMessage(user_id=command.user_id, message=command, words=self.words)
        return commands.encode(command)

    def finish(self, result: Result) -> None:
        if self.gate is not None:
            result = self.gate.observe(self.command, result)
        self.finished = True
        self.settle(result)
