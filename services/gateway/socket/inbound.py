"""Owns the received bytes of a WebSocket that were not parsed yet, and the beginnings of frames.

One read may bring thousands of frames; they are parsed one by one, as their turn comes.
"""

try:
    from websockets.speedups import apply_mask
except ImportError:  # installed without a compiler, where it has no wheel
    from websockets.utils import apply_mask

MASK_BYTES = 4
SIZES = {126: 2, 127: 8}  # how many bytes hold the length (RFC 6455, section 5.2)
WHOLE_TEXT = 0x81  # the first byte of a message in one frame, without extensions


class Inbound:
    __slots__ = ("_bytes", "_left", "_size")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._left = 0  # of the frame that was taken in part
        self._size = 0  # of the frame that comes next, once that is known

    def __len__(self) -> int:
        return len(self._bytes)

    def add(self, content: bytes) -> None:
        self._bytes += content

    def clear(self) -> None:
        self._bytes.clear()
        self._size = 0

    @property
    def begins(self) -> int:
        """The size of the frame that comes next, as its head says; 0: it began before, or its
        head is not whole."""
        if not self._size and not self._left:
            self._size = _frame_size(self._bytes)
        return self._size

    @property
    def ready(self) -> bool:
        """Return whether a frame is available."""
        return bool(self._bytes) and bool(self._left or self.begins)

    def take(self) -> bytes:
        """Return the bytes there are of the next frame, to its end at most."""
        size = self._left or self.begins
        taken = bytes(self._bytes[:size])
        self._drop(len(taken))
        self._left = size - len(taken)
        return taken

    def take_text(self, most: int) -> bytes | None:
        """Return the content of the next frame, if it is a message of text, all here and no longer
        than that; None: `take` it, for whoever knows all kinds of frames."""
        size, held = self.begins, self._bytes
        if not size or held[0] != WHOLE_TEXT or len(held) < size:
            return None
        start = 2 + SIZES.get(held[1] & 0x7F, 0) + MASK_BYTES
        if not held[1] & 0x80 or size - start > most:
            return None
        content = apply_mask(held[start:size], held[start - MASK_BYTES : start])
        self._drop(size)
        return content

    def _drop(self, size: int) -> None:
        del self._bytes[:size]
        self._size = 0


def _frame_size(start: bytearray) -> int:
    """Return the length of the frame that begins like this, or 0 if it is not known yet."""
    if len(start) < 2:
        return 0
    length, masked = start[1] & 0x7F, start[1] & 0x80
    size = SIZES.get(length, 0)
    if len(start) < 2 + size:
        return 0
    if size:
        length = int.from_bytes(start[2 : 2 + size])
    return 2 + size + (MASK_BYTES if masked else 0) + length
