"""`python -m tests.bench.profile`: where the CPU time of a message goes, by stage.

The services are sampled while they run under full load, then at 200 messages a second.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from linkup.load.joining import LoadFailed
from linkup.load.report import Report
from tests.bench import priority, product, results, sampling
from tests.bench.against import aligned
from tests.bench.figures import plain
from tests.bench.product import HERE, Unusable, running
from tests.bench.results import Machine
from tests.bench.sampling import SAMPLED, Samples
from tests.bench.stages import ORDER, TIMED, functions, shares
from tests.bench.subject import EDGES, PAIRS, RATE, WINDOW, Extent, Subject, Unsound


class Stage(Struct, frozen=True, kw_only=True):
    service: str
    name: str
    us: float  # a message


class Load(Struct, frozen=True, kw_only=True):
    name: str
    messages_per_second: float
    stages: list[Stage]
    functions: list[Stage]  # those of ours that cost most, the dearest of a service first
    missing: list[str]  # functions that were to be timed and are not there

    @property
    def us(self) -> float:
        return sum(stage.us for stage in self.stages)

    def of(self, service: str, name: str | None = None) -> float:
        """Return the CPU time of one stage of the service, or of all its stages."""
        return sum(
            stage.us
            for stage in self.stages
            if stage.service == service and name in (None, stage.name)
        )


class Profile(Struct, frozen=True, kw_only=True):
    machine: Machine
    loads: list[Load]


async def measure(seconds: float, folder: Path, say: Callable[[str], None]) -> Profile:
    """Raises LoadFailed, Unsound, Unusable."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        extra = sampling.environment(Path(own), TIMED)
        async with running(product.this(), Path(own), extra) as stack:
            priority.prefer(stack.pids().values())
            subject = Subject(stack, Extent(seconds=seconds + EDGES), say)
            full = f"{PAIRS} pairs, {WINDOW} in flight"
            loads = [
                await _profiled(subject, 0.0, full, Path(own)),
                await _profiled(subject, RATE, f"{RATE:g} messages/s", Path(own)),
            ]
    return Profile(machine=results.machine(), loads=loads)


async def _profiled(subject: Subject, rate: float, name: str, folder: Path) -> Load:
    subject.say(f"sampling: {name}")

    async def sample(seconds: float) -> dict[str, Samples]:
        async with sampling.sampling(subject.pids, folder, HERE) as samples:
            await asyncio.sleep(seconds)
        return samples

    report, samples = await subject.during(rate, sample)
    return _load(name, report, samples)


def _load(name: str, report: Report, samples: dict[str, Samples]) -> Load:
    return Load(
        name=name,
        messages_per_second=report.messages_per_second,
        stages=list(_stages(report.server_cpu_us, samples)),
        functions=list(_functions(report.server_cpu_us, samples)),
        missing=samples["persistence"].missing,
    )


def _stages(cpu_us: dict[str, float], samples: dict[str, Samples]) -> Iterator[Stage]:
    for service, order in ORDER.items():
        whole = cpu_us[service]
        parts = shares(service, samples[service]) if service in samples else {order[0]: 1.0}
        for name, share in parts.items():
            yield Stage(service=service, name=name, us=round(whole * share, 2))


def _functions(cpu_us: dict[str, float], samples: dict[str, Samples]) -> Iterator[Stage]:
    for service, found in samples.items():
        for name, share in functions(found).items():
            yield Stage(service=service, name=name, us=round(cpu_us[service] * share, 2))


def dearest(profile: Profile, count: int) -> str:
    """The functions of each service that cost most, for each load."""
    told = []
    for load in profile.loads:
        told.append(f"\n{load.name}: µs a message, each function with the libraries it calls")
        for service in SAMPLED:
            found = [one for one in load.functions if one.service == service][:count]
            told += [f"  {service}", *(f"    {plain(one.us):>7}  {one.name}" for one in found)]
    return "\n".join(told) + "\n"


def words(profile: Profile) -> str:
    """A table: µs a message and their part of the whole, a load beside the other."""
    loads = profile.loads
    table = [("", *(cell for load in loads for cell in (f"{load.name}: µs", "%")))]
    for service, stages in ORDER.items():
        table.append((service, *_cells(loads, [load.of(service) for load in loads])))
        for name in stages:
            parts = [load.of(service, name) for load in loads]
            if any(parts) and len(stages) > 1:
                table.append((f"  {name}", *_cells(loads, parts)))
    table.append(("together", *_cells(loads, [load.us for load in loads])))
    head = f"CPU time of a message by stage; {profile.machine}\n"
    missing = [f"not found, so not told apart: {one}" for one in loads[0].missing]
    return "\n".join([head, *aligned(table), *missing]) + "\n"


def _cells(loads: Sequence[Load], parts: Sequence[float]) -> Iterator[str]:
    for load, us in zip(loads, parts, strict=True):
        yield plain(us)
        yield f"{us / load.us:.0%}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make profile ARGS=…", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each load (15)")
    parser.add_argument(
        "--functions", type=int, default=0, metavar="N", help="also the N that cost most"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    asked = parser.parse_args()
    try:
        with results.folder() as folder, priority.alone(results.say), priority.preferred():
            found = asyncio.run(measure(asked.seconds, folder, results.say))
    except Unusable as fault:
        results.say(f"error: {fault}")
        return 2
    except (LoadFailed, Unsound) as fault:
        results.say(f"error: {fault}")
        return 1
    said = words(found) + (dearest(found, asked.functions) if asked.functions else "")
    results.write(found, "profile", said, asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
