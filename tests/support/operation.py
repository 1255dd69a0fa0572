"""Owns what becomes of something that a device asks for and that is not a message."""

from tests.support.ledger import Ledger, Write

HARMLESS = {"not_found", "forbidden", "too_large"}  # what somebody else did may come first


class Operation:
    """Something that is not a message: its writes are done, refused, or unknown for ever.

    What is refused in a group may have been done before, by who was a member then: a batch that is
    run apart is run again after a crash. So may be what is refused where somebody blocks.
    """

    def __init__(
        self,
        ledger: Ledger,
        *writes: Write,
        read: tuple[str, int] | None = None,
        place: str = "",
    ) -> None:
        self.ledger, self.writes, self.read, self.place = ledger, writes, read, place
        self.began = ledger.now()

    def done(self, user_id: str) -> None:
        for write in self.writes:
            self.ledger.done(write)
        if self.read is not None:
            self.ledger.read(self.read[0], user_id, self.read[1], self.began)

    def refused(self) -> None:
        known = self.place not in self.ledger.groups and not self.ledger.blocks_of(self.place)
        for write in self.writes:
            write.refused = known
