"""Owns docs/benchmarks.md and the lines of the README that sum it up, written from measurements."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench.against import Comparison
from tests.bench.figures import plain, rows
from tests.bench.history import EMPTY, Costs
from tests.bench.plots import Everything, plots
from tests.bench.profile import Profile
from tests.bench.report import costs, figures
from tests.bench.stages import ORDER
from tests.bench.whole import RATE_SECONDS

BLOCK = re.compile(
    r"(<!-- figures: make bench ARGS=--write -->\n).*?(<!-- end of the figures -->)", re.DOTALL
)


RATES = ("messages/s", "ack p50 ms", "p95", "p99", "delivery p50 ms", "CPU µs/message")


def write(found: Everything, root: Path) -> list[Path]:
    """The files that were written."""
    images = root / "docs" / "images"
    drawn = [(images / name, text) for name, text in plots(found).items()]
    readme = (root / "README.md").read_text(encoding="utf-8")
    told = [
        (root / "docs" / "benchmarks.md", page(found)),
        (root / "README.md", BLOCK.sub(lambda old: old[1] + summary(found) + old[2], readme)),
    ]
    for path, text in (*drawn, *told):
        path.write_text(text, encoding="utf-8")
    return [path for path, _ in (*drawn, *told)]


def summary(found: Everything) -> str:
    """For the README."""
    bench, history = found.bench, found.histories[-1]
    full, steady, machine = bench.full, bench.steady, bench.machine
    dearest = max(one.ratio for one in history.costs)
    said = (
        f"The server handles {full.messages_per_second:,.0f} messages a second, each of which is "
        "stored, synced, acknowledged and delivered. A message takes "
        f"{full.server_cpu_us_total or 0:.0f} µs of CPU time in all processes together. "
        f"At {steady.rate:g} messages a second, an ack takes {plain(steady.ack.p50_ms or 0)} ms "
        f"(p50) and {plain(steady.ack.p99_ms or 0)} ms (p99). In a store of {history.stored:,} "
        f"messages every operation takes at most {dearest:.2f} times as long as in a store of 500. "
        f"Measured at commit {machine.commit} on {machine.cpus} cores ({machine.model}), with the "
        "load generator on the same cores."
    )
    return f"""
{textwrap.fill(said, 120)}

![Messages a second](docs/images/benchmarks-throughput.svg)

![Time to the ack at fixed rates](docs/images/benchmarks-latency.svg)

[docs/benchmarks.md](docs/benchmarks.md) compares these figures to those of a bare echo server and
of a bare SQLite loop. It also has the CPU time by stage and the cost on a large store, and
describes how to measure your machine (`make bench`).

"""


def page(found: Everything) -> str:
    bench = found.bench
    return f"""# Benchmarks

Measured at {bench.machine}. Other work used {bench.full.others_cpu_share or 0:.0%} of the CPU time
of the machine at the same time. `make bench ARGS=--write` repeats all measurements and writes
this page; `make bench`
prints the figures of your machine without writing it.

Absolute values do not apply to another machine. Compare the ratio of each figure to its floor.
The floors are a bare echo on the same WebSocket server, and a loop that commits one row at a time
to SQLite, synced. Both run on asyncio, whatever the services run on, so that figures of different
releases can be compared. The
load generator
plays {bench.full.pairs} pairs of users over real sockets and checks every message: none was lost,
doubled or out of order. CPU time is that of all processes of the server, user and system.

The tables come from separate runs, so figures of the same load differ between them. The table of
rates is from a new server, with {RATE_SECONDS:g} s at each rate.
The row with typists is from a run in which {bench.typing.typists:,} more users are connected,
who type half of the time. The sampling for the table of stages adds to the CPU time there.

## Throughput and latency

![Messages a second](images/benchmarks-throughput.svg)

![Time to the ack at fixed rates](images/benchmarks-latency.svg)

{_table(("", "measured", "floor", "ratio"), figures(bench))}

{_table(RATES, _rates(found))}

## A quiet server, sockets, pages

A wake is a voluntary context switch: a thread that slept continues. A join is a WebSocket that
connects and authenticates.

{_table(("", "measured", "floor", "ratio"), costs(bench))}

## Cost by stage

The services are sampled by their own CPU clocks while the load runs; the steps of a transaction are
timed. `make profile` prints this table for your machine.

![CPU time by stage](images/benchmarks-stages.svg)

{_stages(found.profile)}

[Where a message's time goes](message-cost.md) breaks the stages down further, and lists
what was tried to reduce the cost.

## Cost against history

Each operation runs on a store of {EMPTY} messages and on a large one, in turn. One in five messages
belongs to the conversation that is read. `make bench ARGS=--history` prints these tables.

![Cost against history](images/benchmarks-history.svg)

{_history(found.histories[-1])}
{_compared(found.comparison)}"""


def _rates(found: Everything) -> Iterator[tuple[str, ...]]:
    for report in found.sweep:
        ack = report.ack
        yield (
            f"{report.rate:,.0f}",
            *(plain(ms or 0.0) for ms in (ack.p50_ms, ack.p95_ms, ack.p99_ms)),
            plain(report.delivery.p50_ms or 0.0),
            plain(report.server_cpu_us_total or 0.0),
        )


def _stages(profile: Profile) -> str:
    heads = ("stage", *(f"{load.name}: µs" for load in profile.loads))
    told = []
    for service, names in ORDER.items():
        told.append((f"**{service}**", *(plain(load.of(service)) for load in profile.loads)))
        parts = [(name, [load.of(service, name) for load in profile.loads]) for name in names]
        told += [(name, *map(plain, us)) for name, us in parts if len(names) > 1 and any(us)]
    told.append(("**together**", *(plain(load.us) for load in profile.loads)))
    return _table(heads, told)


def _history(found: Costs) -> str:
    head = (
        f"{found.stored:,} messages, {found.in_one_conversation:,} of them in the conversation "
        f"that is read, {found.megabytes:,} MiB; milliseconds in persistence:\n\n"
    )
    told = [
        (one.name, f"{one.empty_p50_ms:.2f}", f"{one.full_p50_ms:.2f}", f"{one.ratio:.2f}")
        for one in found.costs
    ]
    return head + _table(("", "small store, p50", "large store, p50", "ratio"), told)


def _compared(found: Comparison | None) -> str:
    if found is None:
        return ""
    heads = ("", found.other_commit, found.machine.commit, "ratio", "target")
    told = [(name.replace("  ", "· "), *values) for name, *values in rows(found.compared)]
    return f"""
## Against commit {found.other_commit}

Both products ran in turns on the same machine, under the same generator; number of
rounds: {len(found.now)}; each figure is a median. `make bench ARGS="--against CHECKOUT"` compares
with any other checkout.

{_table(heads, told)}
"""


def _table(heads: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    names = list(heads)
    rule = ["---", *(["--:"] * (len(names) - 1))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (names, rule, *lines))
