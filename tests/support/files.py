"""Owns looking into files that may go away meanwhile."""

from contextlib import suppress
from pathlib import Path


def holding(folder: Path, text: str) -> list[str]:
    """Return the names of the files, at any depth, in which the text can be read."""
    return [path.name for path in folder.rglob("*") if text.encode() in _content(path)]


def _content(path: Path) -> bytes:
    with suppress(FileNotFoundError, IsADirectoryError):
        return path.read_bytes()
    return b""
