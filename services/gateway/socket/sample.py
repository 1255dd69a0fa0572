"""Owns the measurement of decoding, for a sample of frames, because reading the clock costs too."""

import time

from services.gateway.socket.scope import View
from shared.frames import ClientFrame
from shared.health.metrics import Metrics

ONE_IN = 64


class Decoder:
    """Decodes what comes by all sockets."""

    __slots__ = ("_count", "_observe")

    def __init__(self, metrics: Metrics) -> None:
        self._observe = metrics.observer("linkup_decode_seconds")
        self._count = 0

    def decode(self, view: View, text: str) -> ClientFrame:
        """Raises InvalidFrame and TooLarge."""
        self._count += 1
        if self._count % ONE_IN:
            return view.decode(text)
        began = time.perf_counter()
        frame = view.decode(text)
        self._observe(time.perf_counter() - began)
        return frame
