"""Owns what a bench run says: figures, ratios to the floors, and which targets were met."""

from collections.abc import Mapping

from msgspec import Struct

from linkup.load.report import Report
from tests.bench.calm import CalmFloor
from tests.bench.commit import CommitFloor
from tests.bench.echo import EchoFloor
from tests.bench.figures import plain
from tests.bench.results import Machine
from tests.bench.turn import Found

MESSAGES_PER_SECOND = 8_000
SERVER_CPU_US = 100
ACK_P50_MS = 2.0
DELIVERY_BEHIND_MS = 1.0
TYPING_RATIO = 1.5

Row = tuple[str, str, str, str]  # what, measured, its floor, the ratio


class Bench(Struct, frozen=True, kw_only=True):
    machine: Machine
    full: Report
    steady: Report
    typing: Report
    found: Found  # of a turn: idle, joins, a history page
    echo: EchoFloor
    calm: CalmFloor
    sqlite: CommitFloor

    @property
    def sound(self) -> bool:
        return self.full.sound and self.steady.sound and self.typing.sound


def markdown(bench: Bench) -> str:
    """One table of figures, one of targets."""
    rows = [
        f"LinkUp bench: {bench.machine}; other work took "
        f"{bench.full.others_cpu_share or 0:.0%} of the machine",
        "",
        "| | measured | floor | ratio |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in (*figures(bench), *costs(bench))),
        "",
        "| target | measured | |",
        "|---|---|---|",
        *(
            f"| {name} | {value} | {'pass' if met else 'FAIL'} |"
            for name, value, met in targets(bench)
        ),
    ]
    return "\n".join(rows) + "\n"


def figures(bench: Bench) -> list[Row]:
    """Speed under full load, latency at a fixed rate."""
    full, steady, echo, sqlite = bench.full, bench.steady, bench.echo, bench.sqlite
    typing = bench.typing
    total = full.server_cpu_us_total or 0.0
    ack, delivery = steady.ack.p50_ms or 0.0, steady.delivery.p50_ms or 0.0
    return [
        (
            f"messages/s, {full.pairs} pairs, {full.window} in flight",
            f"{full.messages_per_second:,.0f}",
            f"bare echo {echo.echoes_per_second:,.0f}/s",
            f"{full.messages_per_second / echo.echoes_per_second:.2f}",
        ),
        (
            "messages/s, the same",
            f"{full.messages_per_second:,.0f}",
            f"one commit each {sqlite.commits_per_second:,.0f}/s",
            f"{full.messages_per_second / sqlite.commits_per_second:.2f}",
        ),
        (
            f"server CPU µs/message ({_each(full.server_cpu_us)})",
            f"{total:.0f}",
            f"bare echo {echo.cpu_us:.0f}",
            f"{total / echo.cpu_us:.1f}",
        ),
        (
            f"ack p50 / p99 ms at {steady.rate:g}/s",
            f"{ack:.2f} / {steady.ack.p99_ms or 0:.2f}",
            f"bare commit p50 {sqlite.p50_ms:.2f}",
            f"{ack / sqlite.p50_ms:.1f}",
        ),
        (
            f"delivery p50 / p99 ms at {steady.rate:g}/s",
            f"{delivery:.2f} / {steady.delivery.p99_ms or 0:.2f}",
            f"ack p50 {ack:.2f}",
            f"{delivery / ack:.2f}" if ack else "",
        ),
        (
            f"ack p99 ms at {typing.rate:g}/s beside {typing.typists:,} typists",
            f"{typing.ack.p99_ms or 0:.2f}",
            f"without their typing {typing.quiet_ack.p99_ms or 0:.2f}",
            f"{typing.typing_ratio or 0:.2f}",
        ),
        (
            "generator CPU µs/message",
            f"{full.generator_cpu_us:.0f}",
            f"per echo {echo.generator_cpu_us:.0f}",
            f"{full.generator_cpu_us / echo.generator_cpu_us:.1f}",
        ),
    ]


def costs(bench: Bench) -> list[Row]:
    """Return the costs of a quiet server and of what is no message, beside the bare echo's."""
    steady, calm, found = bench.steady, bench.calm, bench.found
    cpu, woken = sum(steady.server_cpu_us.values()), sum(steady.server_wakes.values())
    return [
        _cost(
            f"server CPU µs/message at {steady.rate:g}/s ({_each(steady.server_cpu_us)})",
            cpu,
            "bare echo",
            calm.cpu_us,
        ),
        _cost(
            f"wakes/message at {steady.rate:g}/s ({_each(steady.server_wakes)})",
            woken,
            "bare echo",
            calm.wakes,
        ),
        _cost("KB of an idle socket, gateway", found["idle.kb"], "bare echo", calm.socket_kb),
        _cost("CPU ms of a join", found["join.cpu"], "bare connect", calm.connect_cpu_ms),
        ("CPU ms of a history page of 50", plain(found["history.cpu"]), "", ""),
        ("wakes a second without a socket", plain(found["idle.wakes"]), "", ""),
    ]


def _cost(name: str, value: float, floor: str, least: float) -> Row:
    return name, plain(value), f"{floor} {plain(least)}", f"{value / least:.1f}" if least else ""


def _each(parts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {plain(part)}" for name, part in parts.items())


def targets(bench: Bench) -> list[tuple[str, str, bool]]:
    full, steady = bench.full, bench.steady
    cpu, ack = full.server_cpu_us_total or 0.0, steady.ack.p50_ms or 0.0
    behind = (steady.delivery.p50_ms or 0.0) - ack
    speed, ratio = full.messages_per_second, bench.typing.typing_ratio or 0.0
    return [
        (
            f"≥ {MESSAGES_PER_SECOND:,} messages/s, durable, acknowledged, delivered",
            f"{speed:,.0f}",
            speed >= MESSAGES_PER_SECOND,
        ),
        (f"server CPU ≤ {SERVER_CPU_US} µs/message", f"{cpu:.0f}", 0 < cpu <= SERVER_CPU_US),
        (
            f"ack p50 < {ACK_P50_MS:g} ms at {steady.rate:g}/s",
            f"{ack:.2f} ms",
            0 < ack < ACK_P50_MS,
        ),
        (
            f"delivery within {DELIVERY_BEHIND_MS:g} ms of the ack",
            f"{behind:.2f} ms",
            behind <= DELIVERY_BEHIND_MS,
        ),
        (
            f"ack p99 beside {bench.typing.typists:,} typists ≤ {TYPING_RATIO:g} times",
            f"{ratio:.2f}",
            0 < ratio <= TYPING_RATIO,
        ),
        ("nothing lost, doubled or out of order", _soundness(bench), bench.sound),
    ]


def _soundness(bench: Bench) -> str:
    sent = bench.full.sent + bench.steady.sent + bench.typing.sent
    return f"{sent:,} messages checked"
