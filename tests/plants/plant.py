"""Owns what a planted bug is, and reads the tables of them.

A table is a text, sorted by rule. Each plant stands in it like this, between empty lines:

    C3 any-text-is-a-repeat: the same client_id with another text gets the first ack
    in services/persistence/decide/batch.py
    - the old text, which stands there exactly once (several lines, if it has to)
    + the new text
    red unit/persistence/test_decide.py::test_c3_the_same_id_with_other_content_is_a_conflict

There may be several `red`: every one of them has to fail.
"""

import re
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HEAD = re.compile(r"([CDR][1-9]\d*) ([a-z0-9-]+): (\S.*)")


@dataclass(frozen=True, slots=True)
class Plant:
    """`red`: node ids below `tests/`."""

    rule: str
    name: str
    wrong: str
    file: str
    old: str
    new: str
    red: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.rule}-{self.name}"


def tables() -> list[Plant]:
    """All that are planted: of the contract, of its defects, of the races."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.txt"))]
    return [_plant(entry) for text in texts for entry in re.split(r"\n{2,}", text.strip("\n"))]


def _plant(entry: str) -> Plant:
    first, *lines = entry.split("\n")
    head = HEAD.fullmatch(first)
    if head is None:
        raise ValueError(f"no rule, name and sentence: {first!r}")
    said: dict[str, list[str]] = {"in": [], "-": [], "+": [], "red": []}
    for line in lines:
        mark, _, text = line.partition(" ")
        if mark not in said:
            raise ValueError(f"{first!r}: {line!r} begins with none of {', '.join(said)}")
        said[mark].append(text)
    [file] = said["in"]
    old, new = "\n".join(said["-"]), "\n".join(said["+"])
    return Plant(head[1], head[2], head[3], file, old, new, tuple(said["red"]))
