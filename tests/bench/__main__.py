"""`python -m tests.bench`: the real stack and its floors, measured in one run.

`--against CHECKOUT`: this product and another checkout's in turns; `--history`: a store of a
million messages beside an empty one; `--only metrics`: what metrics cost; `--only mail`: how fast
e-mails leave; `--only people`: what finding people costs among many; `--only webhooks`: what a
webhook costs; `--write`: all the others and the profile, into docs/benchmarks.md. Exits 1 when a
message was lost, doubled or out of order, 2 when there is nothing to measure; a missed target is
said, not punished: it may be the machine.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from linkup.load.joining import LoadFailed
from tests.bench import (
    against,
    everything,
    history,
    mail,
    metrics,
    page,
    people,
    priority,
    product,
    results,
    webhooks,
    whole,
)
from tests.bench.figures import PARTS
from tests.bench.product import HERE, Unusable
from tests.bench.report import markdown
from tests.bench.subject import QUICK, Extent, Unsound

QUICK_PARTS = ("quiet", "full")
METRICS, MAIL, PEOPLE, WEBHOOKS = "metrics", "mail", "people", "webhooks"  # of this one alone
ALONE = (METRICS, MAIL, PEOPLE, WEBHOOKS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=float, help="of each measurement (10; --against: 6)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    parser.add_argument(
        "--history",
        nargs="?",
        type=int,
        const=history.FULL,
        metavar="MESSAGES",
        help=f"what a past costs: so many messages stored ({history.FULL:,}) beside none",
    )
    parser.add_argument(
        "--write", action="store_true", help="measure everything, write docs/benchmarks.md"
    )
    parser.add_argument(
        "--draw", action="store_true", help="write it again from what was measured last"
    )
    parser.add_argument(
        "--letters", type=int, default=mail.LETTERS, help=f"of --only {MAIL} ({mail.LETTERS:,})"
    )
    two = parser.add_argument_group("two checkouts in turns")
    two.add_argument(
        "--against", type=Path, metavar="CHECKOUT", help="the other one, with its own .venv"
    )
    two.add_argument("--rounds", type=int, help="turns of each (3; --quick: 2)")
    two.add_argument(
        "--only",
        metavar="PART,…",
        help=f"of {','.join(PARTS)} (--quick: {','.join(QUICK_PARTS)}); "
        f"or one of {','.join(ALONE)}",
    )
    two.add_argument("--quick", action="store_true", help="a minute, between two edits")
    asked = parser.parse_args()
    asked.parts = asked.only.split(",") if asked.only else QUICK_PARTS if asked.quick else PARTS
    asked.alone = asked.only in ALONE
    if asked.alone and asked.against is not None:
        parser.error(f"--only {asked.only} compares nothing: leave --against out")
    if asked.alone:
        return asked
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"--only {','.join(sorted(unknown))}: there are {','.join(PARTS)}")
    if asked.against is None and (asked.only or asked.rounds or asked.quick):
        parser.error("--only, --rounds and --quick go with --against CHECKOUT")
    return asked


def _run(asked: argparse.Namespace, folder: Path) -> int:
    plan = _plan(asked) if asked.against is not None else None
    if asked.write or asked.draw:
        return _write(asked, plan, folder)
    if asked.history is not None:
        results.say(f"filling a store with {asked.history:,} messages")
        costs = asyncio.run(history.measure(folder, asked.history))
        results.write(costs, "history", history.markdown(costs), asked.json)
        return 0
    with priority.preferred():
        if asked.alone:
            _alone(asked, folder)
            return 0
        if plan is not None:
            found = asyncio.run(against.measure(plan, folder, results.say))
            results.write(found, "against", against.words(found), asked.json)
            return 0
        with priority.alone(results.say):
            result = asyncio.run(whole.measure(asked.seconds or 10.0, folder, results.say))
    results.write(result, "latest", markdown(result), asked.json)
    return 0 if result.sound else 1


def _alone(asked: argparse.Namespace, folder: Path) -> None:
    if asked.only == MAIL:
        work = asyncio.run(mail.measure(asked.letters, folder, results.say))
        results.write(work, MAIL, mail.words(work), asked.json)
    elif asked.only == PEOPLE:
        found = asyncio.run(people.measure(people.MANY, folder, results.say))
        results.write(found, PEOPLE, people.words(found), asked.json)
    elif asked.only == WEBHOOKS:
        acks = asyncio.run(webhooks.measure(_extent(asked), folder, results.say))
        results.write(acks, WEBHOOKS, webhooks.words(acks), asked.json)
    else:
        cost = asyncio.run(metrics.measure(_extent(asked), folder, results.say))
        results.write(cost, METRICS, metrics.words(cost), asked.json)


def _write(asked: argparse.Namespace, plan: against.Plan | None, folder: Path) -> int:
    if asked.write:
        with priority.preferred():
            everything.measure(asked.history or history.FULL, plan, folder, results.say)
    for path in page.write(everything.last(), HERE):
        results.say(f"wrote {path.relative_to(HERE)}")
    return 0


def _plan(asked: argparse.Namespace) -> against.Plan:
    """Raises Unusable."""
    return against.Plan(
        other=product.checkout(asked.against),
        parts=asked.parts,
        rounds=asked.rounds or (2 if asked.quick else 3),
        extent=_extent(asked),
    )


def _extent(asked: argparse.Namespace) -> Extent:
    extent = QUICK if asked.quick else Extent(seconds=6.0)
    return msgspec.structs.replace(extent, seconds=asked.seconds or extent.seconds)


def main() -> int:
    asked = _arguments()
    with results.folder() as folder:
        try:
            return _run(asked, folder)
        except Unusable as fault:
            results.say(f"error: {fault}")
            return 2
        except (LoadFailed, Unsound) as fault:
            results.say(f"error: {fault}")
            return 1


if __name__ == "__main__":
    sys.exit(main())
