"""Owns the pauses between retries: a strategy and its numbers, from settings.

Pure: the caller draws the random number. Times are seconds.
"""

from typing import Literal

from msgspec import Struct

Strategy = Literal["exponential", "linear", "fixed"]

SPREAD = 0.2  # the share of a pause that is left to chance: what failed together comes apart


class Retries(Struct, frozen=True, kw_only=True):
    """The maximum number of attempts, and the growth of the pauses between them.

    The pause after the nth failure is `base` times 2ⁿ⁻¹ (exponential), times n (linear) or `base`
    itself (fixed), and never longer than `cap`.
    """

    strategy: Strategy = "exponential"
    attempts: int = 30
    base: float = 60.0
    cap: float = 3600.0

    def pause(self, failures: int, draw: float = 0.0) -> float:
        """Return the seconds to wait after that many failures, 1 or more. `draw`: from 0 to 1,
        shortens the pause by up to SPREAD of it."""
        return min(self.cap, self._planned(failures)) * (1.0 - SPREAD * draw)

    def _planned(self, failures: int) -> float:
        match self.strategy:
            case "exponential":
                return self.base * 2.0 ** min(failures - 1, 64)  # no figure grows without end
            case "linear":
                return self.base * failures
            case "fixed":
                return self.base
