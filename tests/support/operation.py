"""Owns what becomes of something that a device asks for and that is not a message."""

from tests.support.ledger import Ledger, Write

HARMLESS = {"not_found", "forbidden", "too_large"}  # what somebody else did may come first


class Operation:
    """Something that is not a message: its writes are done, refused, or unknown for ever.

    What is refused `in_group` may have been done before, by who was a member then: a batch that is
    run apart is run again after a crash.
    """

    def __init__(
        self,
        ledger: Ledger,
        *writes: Write,
        read: tuple[str, int] | None = None,
        in_group: bool = False,
    ) -> None:
        self.ledger, self.writes, self.read, self.in_group = ledger, writes, read, in_group

    def done(self, user_id: str) -> None:
        for write in self.writes:
            self.ledger.done(write)
        if self.read is not None:
            self.ledger.read(self.read[0], user_id, self.read[1])

    def refused(self) -> None:
        for write in self.writes:
            write.refused = not self.in_group
