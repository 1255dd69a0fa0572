"""Owns the plots of docs/benchmarks.md: which figures each of them shows."""

from collections.abc import Sequence

from msgspec import Struct

from linkup.load.report import Report
from tests.bench.against import Comparison
from tests.bench.charts import Bar, bars, curves
from tests.bench.history import EMPTY, Costs
from tests.bench.profile import Profile
from tests.bench.report import Bench
from tests.bench.stages import ORDER

GREY = 7
SHOWN = {  # of the operations, and how they are named beside their curves
    "send": "send",
    "newest page": "newest page",
    "inbox": "inbox",
    "resume": "resume",
    "search, all conversations": "search",
}


class Everything(Struct, frozen=True, kw_only=True):
    """All that is told, measured in one go. `histories`: from the smallest store to the largest."""

    bench: Bench
    sweep: list[Report]
    profile: Profile
    histories: list[Costs]
    comparison: Comparison | None


def plots(found: Everything) -> dict[str, str]:
    """Return each plot by the name of its file."""
    return {
        "benchmarks-throughput.svg": throughput(found.bench, found.comparison),
        "benchmarks-latency.svg": latency(found.sweep),
        "benchmarks-stages.svg": stages(found.profile),
        "benchmarks-history.svg": history(found.histories),
    }


def throughput(bench: Bench, comparison: Comparison | None) -> str:
    full = bench.full
    turns = (
        [one for one in comparison.compared if one.figure.key == "full.rate"] if comparison else []
    )
    rows = [Bar("LinkUp: stored and delivered", (full.messages_per_second,))]
    if comparison is not None and turns:  # of one commit and the other, what was measured alike
        rows = [Bar("LinkUp: stored and delivered", (turns[0].now,))]
        rows.append(Bar(f"the same at commit {comparison.other_commit}", (turns[0].before,), 1))
    rows += [
        Bar("floor: one row a commit, synced", (bench.sqlite.commits_per_second,), GREY),
        Bar("floor: bare echo, nothing stored", (bench.echo.echoes_per_second,), GREY),
    ]
    return bars(f"Messages a second, {full.pairs} pairs, {full.window} in flight each", [""], rows)


def latency(sweep: Sequence[Report]) -> str:
    acks = [report.ack for report in sweep]
    return curves(
        "Time from sending to the ack, which means stored and synced",
        [report.rate for report in sweep],
        {
            "p50": [ack.p50_ms or 0.0 for ack in acks],
            "p95": [ack.p95_ms or 0.0 for ack in acks],
            "p99": [ack.p99_ms or 0.0 for ack in acks],
        },
        "messages a second",
        "ms",
    )


def stages(profile: Profile) -> str:
    rows = []
    for colour, (service, names) in enumerate(ORDER.items()):
        rows.append(Bar(service, _us(profile, service, None), colour))
        if len(names) > 1:
            parts = [Bar(name, _us(profile, service, name), colour, inner=True) for name in names]
            rows += [part for part in parts if any(part.values)]
    columns = [load.name for load in profile.loads]
    return bars("CPU time of a message by stage, µs", columns, rows)


def _us(profile: Profile, service: str, name: str | None) -> tuple[float | None, ...]:
    """Return a stage's CPU time at each load, or None where the stage was not seen."""
    return tuple(load.of(service, name) or None for load in profile.loads)


def history(histories: Sequence[Costs]) -> str:
    series = {
        shown: [1.0, *(_ratio(costs, name) for costs in histories)]
        for name, shown in SHOWN.items()
        if all(any(cost.name == name for cost in costs.costs) for costs in histories)
    }
    return curves(
        "Cost beside that in a store that is all but empty",
        [float(EMPTY), *(float(costs.stored) for costs in histories)],
        series,
        "messages stored",
        "times",
    )


def _ratio(costs: Costs, name: str) -> float:
    return next(cost.ratio for cost in costs.costs if cost.name == name)
