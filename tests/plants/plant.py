"""Owns what a planted bug is, and reads the tables of them.

A table is a text, sorted by rule. Each plant stands in it like this, between empty lines:

    C3 any-text-is-a-repeat: the same client_id with another text gets the first ack
    in services/persistence/decide.py
    - the old text, which stands there exactly once (several lines, if it has to)
    + the new text
    red unit/persistence/test_decide.py::test_c3_the_same_id_with_other_content_is_a_conflict

There may be several `red`: every one of them has to fail. A rule for which no plant makes sense
says why instead: `D39 none: a reason`.
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


@dataclass(frozen=True, slots=True)
class Table:
    """`without`: by rule, why nothing is planted."""

    plants: tuple[Plant, ...]
    without: dict[str, str]


def tables() -> Table:
    """All of them: the contract, its defects, the races."""
    entries = [
        entry
        for path in sorted(HERE.glob("*.txt"))
        for entry in re.split(r"\n{2,}", path.read_text(encoding="utf-8").strip("\n"))
    ]
    plants = tuple(plant(entry) for entry in entries if " none: " not in entry)
    reasons = [head(entry) for entry in entries if " none: " in entry]
    return Table(plants, {rule: reason for rule, _, reason in reasons})


def plant(entry: str) -> Plant:
    first, *lines = entry.split("\n")
    rule, name, wrong = head(first)
    said: dict[str, list[str]] = {"in": [], "-": [], "+": [], "red": []}
    for line in lines:
        mark, _, text = line.partition(" ")
        if mark not in said:
            raise ValueError(f"{rule} {name}: {line!r} begins with none of {', '.join(said)}")
        said[mark].append(text)
    [file] = said["in"]
    old, new = "\n".join(said["-"]), "\n".join(said["+"])
    return Plant(rule, name, wrong, file, old, new, tuple(said["red"]))


def head(entry: str) -> tuple[str, str, str]:
    found = HEAD.fullmatch(entry)
    if found is None:
        raise ValueError(f"no rule, name and sentence: {entry!r}")
    return found[1], found[2], found[3]
