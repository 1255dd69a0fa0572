"""Owns the pairs of a load run: a sender, a recipient, and the checks of all received frames."""

import asyncio
from array import array

from linkup_client import frames
from linkup_client.backoff import Timing
from linkup_client.lane import Lane, Outcome, Pending

from linkup.load.sockets import LoadSocket
from linkup.load.tally import Tally


class Sender(LoadSocket):
    """Sends numbered messages to one recipient; sends again what is not acknowledged."""

    def __init__(self, user_id: str, to: str, filler: str, window: int, tally: Tally) -> None:
        super().__init__(user_id, tally)
        self.to = to
        self.filler = filler
        self.due: array[float] = array("d")  # when each was meant to leave
        self.seqs: array[int] = array("q")  # what each was acknowledged as, 0 while it is not
        self.shown: set[int] = set()  # own messages that came as frames, before their acks
        self.refill = False
        self._loop = asyncio.get_running_loop()
        self.lane = Lane(self.send_text, self._loop, Timing(), window)

    async def join(self, url: str, token: str) -> frames.Welcome:
        welcome = await super().join(url, token)
        self.lane.connected()
        return welcome

    def submit(self, due: float) -> None:
        number = len(self.due)
        self.due.append(due)
        self.seqs.append(0)
        self.tally.sent += 1
        client_id = f"{self.user_id}.{number}"
        frame = frames.SendMessage(
            client_id=client_id, to=self.to, content=content_of(client_id, self.filler)
        )
        self.lane.submit(Pending(frame, self._ignore))

    def on_frame(self, frame: frames.ServerFrame | frames.Unknown) -> None:
        match frame:
            case frames.Ack():
                self._on_ack(frame)
            case frames.Error():
                self._on_error(frame)
            case frames.Message():
                self._on_own(frame)
            case frames.Unknown(cursor=int(cursor)):
                self.in_feed(cursor)

    def account(self) -> None:
        """Said at the end: whether frames and own acks fill the feed without a gap."""
        if not self.complete:
            self.tally.gap(f"{self.user_id}: {self.counted} of {self.passed} events came")

    def _on_ack(self, ack: frames.Ack) -> None:
        if self.lane.on_ack(ack) is None:
            return
        number = number_of(ack.client_id)
        self.seqs[number] = ack.seq
        tally = self.tally
        tally.acked += 1
        if number not in self.shown:
            self.counted += 1
        now = self._loop.time()
        if tally.measuring:
            tally.ack_seconds.append(now - self.due[number])
        if self.refill:
            self.submit(now)

    def _on_own(self, message: frames.Message) -> None:
        # Read from the log before the ack was there: one place in the feed, told twice.
        number = number_of(message.client_id)
        self.in_feed(message.cursor)
        if number in self.shown or self.seqs[number]:
            self.tally.duplicated += 1
            self.tally.tell(f"{self.user_id}: its own {message.client_id} came after the ack")
        self.shown.add(number)

    def _on_error(self, error: frames.Error) -> None:
        self.tally.errors[error.code] += 1
        if error.client_id is None:
            self.tally.broken.set()
        elif self.lane.on_error(error) is not None:
            self.tally.broken.set()  # refused for good: this load is not what the server takes

    @staticmethod
    def _ignore(outcome: Outcome) -> None:
        """The lane's owner looks at every answer itself."""


class Receiver(LoadSocket):
    """Checks that every message of one sender comes once, in order, unchanged."""

    def __init__(self, sender: Sender, tally: Tally) -> None:
        super().__init__(sender.to, tally)
        self.sender = sender
        self.conversation_id = ""
        self.seq = 0
        self.number = -1
        self.marked_seq = 0
        self.seen = bytearray()  # per number: how often
        self.seq_of: array[int] = array("q")
        self._loop = asyncio.get_running_loop()

    def on_frame(self, frame: frames.ServerFrame | frames.Unknown) -> None:
        match frame:
            case frames.Message():
                self._on_message(frame)
            case frames.Error():
                self.tally.errors[frame.code] += 1
            case frames.Unknown(cursor=int(cursor)):
                self.in_feed(cursor)

    def in_feed(self, cursor: int) -> None:
        if cursor != self.cursor + 1:  # nothing of its own stands in this feed
            self.tally.gap(f"{self.user_id}: cursor {cursor} after {self.cursor}")
        self.cursor = cursor

    def mark(self) -> None:
        """Tell the sender's ticks how far it came; cumulative, once a second is enough."""
        if self.seq > self.marked_seq:
            self.marked_seq = self.seq
            self.send(frames.Delivered(conversation_id=self.conversation_id, seq=self.seq))

    def lost(self) -> int:
        """Acknowledged, but never delivered."""
        self._reserve(len(self.sender.seqs))
        return sum(
            1 for number, seq in enumerate(self.sender.seqs) if seq and not self.seen[number]
        )

    def misplaced(self) -> int:
        """Delivered in another place than the one that was acknowledged."""
        pairs = zip(self.sender.seqs, self.seq_of, strict=False)
        return sum(1 for acked, got in pairs if acked and got and acked != got)

    def _on_message(self, message: frames.Message) -> None:
        self.in_feed(message.cursor)
        number = number_of(message.client_id)
        tally = self.tally
        if message.content != content_of(message.client_id, self.sender.filler):
            tally.corrupted += 1
        self._reserve(number + 1)
        if self.seen[number]:
            tally.duplicated += 1
            tally.tell(f"{self.user_id}: {message.client_id} came again")
            return
        self.seen[number] = 1
        self.seq_of[number] = message.seq
        if message.seq != self.seq + 1 or number != self.number + 1:
            tally.out_of_order += 1
            tally.tell(
                f"{self.user_id}: seq {message.seq}, message {number} "
                f"after seq {self.seq}, message {self.number}"
            )
        self.seq, self.number = message.seq, number
        self.conversation_id = message.conversation_id
        tally.delivered += 1
        if tally.measuring:
            tally.delivery_seconds.append(self._loop.time() - self.sender.due[number])

    def _reserve(self, size: int) -> None:
        missing = size - len(self.seen)
        if missing > 0:
            missing = max(missing, 1024)
            self.seen.extend(bytes(missing))
            self.seq_of.extend([0] * missing)


def content_of(client_id: str, filler: str) -> str:
    """Return a content that differs for every message, is known to whoever receives it, and is as
    long as the filler."""
    return f"{client_id} {filler}"[: len(filler)]


def number_of(client_id: str) -> int:
    return int(client_id.rpartition(".")[2])
