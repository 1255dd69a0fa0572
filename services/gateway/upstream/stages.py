"""Owns the measurements of a lane, made once for each batch."""

from shared.health.metrics import Metrics

STORE = "store"  # as an operation that is tried again


class Stages:
    """The measurements of all lanes."""

    __slots__ = ("_acked", "_count", "_size", "_waited")

    def __init__(self, metrics: Metrics) -> None:
        self._waited = metrics.observer("linkup_lane_wait_seconds")
        self._size = metrics.observer("linkup_lane_batch_commands")
        self._acked = metrics.observer("linkup_ack_seconds")
        self._count = metrics.counters.add

    def left(self, waited: float, commands: int) -> None:
        """Note that a batch is sent, whose oldest command waited for so many seconds. Less than
        none: nobody waits for any of them, and they were left to wait for company."""
        if waited >= 0:
            self._waited(waited)
        self._size(commands)

    def again(self) -> None:
        """Note that it is sent once more."""
        self._count(f"retries.{STORE}")

    def answered(self, seconds: float, repeated: bool) -> None:
        """Note the answer, so long after its oldest command came. `repeated`: it was sent more than
        once."""
        if seconds >= 0:
            self._acked(seconds)
        if repeated:
            self._count(f"retries_succeeded.{STORE}")
