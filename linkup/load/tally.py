"""Owns the results of a load run, counted while it goes on."""

import asyncio
from array import array
from collections import Counter

MAX_FAULTS = 5


class Tally:
    """The results of all pairs. Latencies are kept only while `measuring`."""

    def __init__(self) -> None:
        self.sent = 0
        self.acked = 0
        self.delivered = 0
        self.duplicated = 0
        self.out_of_order = 0
        self.corrupted = 0
        self.gaps = 0
        self.errors: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.faults: list[str] = []  # the first few in words
        self.measuring = False
        self.ack_seconds: array[float] = array("d")
        self.delivery_seconds: array[float] = array("d")
        self.broken = asyncio.Event()

    def gap(self, words: str) -> None:
        self.gaps += 1
        self.tell(words)

    def tell(self, words: str) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(words)
