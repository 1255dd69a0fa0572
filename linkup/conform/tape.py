"""Owns the record of the frames and calls of one check, which is shown if the check fails.

Never a token or a ticket.
"""

import re
import time

LINES = 60
WIDTH = 400

_TOKEN = re.compile(r'("(?:token|ticket)": ?)"[^"]*"')


class Tape:
    """The last lines of one check."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lines: list[str] = []

    def sent(self, who: str, text: str | bytes) -> None:
        self._add(f"{who} → {_shown(text)}")

    def received(self, who: str, text: str | bytes) -> None:
        self._add(f"{who} ← {_shown(text)}")

    def lines(self) -> list[str]:
        return self._lines[-LINES:]

    def _add(self, line: str) -> None:
        self._lines.append(f"{time.monotonic() - self._began:6.3f} {line}")
        del self._lines[:-LINES]


def _shown(text: str | bytes) -> str:
    words = text if isinstance(text, str) else f"(binary) {text[:WIDTH]!r}"
    words = _TOKEN.sub(r'\1"…"', words)
    return words if len(words) <= WIDTH else f"{words[:WIDTH]}… ({len(words)} characters)"
