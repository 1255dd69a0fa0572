"""Owns the bytes of a socket that were read and not parsed yet, and where its frames begin.

One read may bring thousands of frames; they are parsed one by one, as their turn comes.
"""

MASK_BYTES = 4
SIZES = {126: 2, 127: 8}  # how many bytes hold the length (RFC 6455, section 5.2)


class Inbound:
    def __init__(self) -> None:
        self._bytes = bytearray()
        self._left = 0  # of the frame that was taken in part

    def __len__(self) -> int:
        return len(self._bytes)

    def add(self, content: bytes) -> None:
        self._bytes += content

    def clear(self) -> None:
        self._bytes.clear()

    @property
    def begins(self) -> int:
        """The size of the frame that comes next, as its head says; 0: it began before, or its
        head is not whole."""
        return 0 if self._left else _frame_size(self._bytes)

    @property
    def ready(self) -> bool:
        """Whether there is something to take."""
        return bool(self._bytes) and bool(self._left or _frame_size(self._bytes))

    def take(self) -> bytes:
        """The bytes there are of the next frame, to its end at most."""
        size = self._left or _frame_size(self._bytes)
        taken = bytes(self._bytes[:size])
        del self._bytes[: len(taken)]
        self._left = size - len(taken)
        return taken


def _frame_size(start: bytearray) -> int:
    """Of a frame that begins like this, 0 while that is not known."""
    if len(start) < 2:
        return 0
    length, masked = start[1] & 0x7F, start[1] & 0x80
    size = SIZES.get(length, 0)
    if len(start) < 2 + size:
        return 0
    if size:
        length = int.from_bytes(start[2 : 2 + size])
    return 2 + size + (MASK_BYTES if masked else 0) + length
