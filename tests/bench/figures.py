"""Owns the figures by which two products are compared: their names, units and targets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from msgspec import Struct

PARTS = ("join", "idle", "quiet", "full", "history")

Turn = Mapping[str, float]  # what one product showed in one turn, by the figure's key
Row = tuple[str, str, str, str, str]


class Figure(Struct, frozen=True, kw_only=True):
    """`at_most`, `at_least`: the ratio to the other product that is aimed at."""

    key: str
    name: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:.2f}"
        return f"≥ {self.at_least:.2f}" if self.at_least is not None else ""

    def met(self, ratio: float) -> bool:
        above = self.at_least is None or ratio >= self.at_least
        return above and (self.at_most is None or ratio <= self.at_most)


FIGURES = (
    Figure(key="full.rate", name="100 pairs, 8 in flight: messages/s", at_least=1.4),
    Figure(key="full.cpu", name="the same: server CPU µs a message", at_most=0.65),
    Figure(key="quiet.cpu", name="200 messages/s: server CPU µs a message", at_most=0.5),
    Figure(key="quiet.ack_p50", name="200 messages/s: ack p50 ms", at_most=0.5),
    Figure(key="quiet.ack_p95", name="200 messages/s: ack p95 ms"),
    Figure(key="quiet.ack_p99", name="200 messages/s: ack p99 ms"),
    Figure(key="quiet.wakes", name="200 messages/s: wakes a message"),
    Figure(key="quiet.polls", name="200 messages/s: returns of epoll a message"),
    Figure(key="idle.kb", name="idle socket: KB of the gateway (PSS)", at_most=0.6),
    Figure(key="idle.wakes", name="no socket: wakes a second"),
    Figure(key="idle.cpu", name="no socket: server CPU ms a second"),
    Figure(key="join.cpu", name="join of a known user, 32 at once: server CPU ms", at_most=0.5),
    Figure(key="join.alone", name="the same, one after another: server CPU ms", at_most=0.5),
    Figure(key="join.first", name="first join of a user, 32 at once: server CPU ms"),
    Figure(key="history.cpu", name="history page of 50: server CPU ms", at_most=0.55),
)


class Compared(Struct, frozen=True, kw_only=True):
    """Medians over the turns. `each`: the medians of the processes, before and now."""

    figure: Figure
    before: float
    now: float
    each: dict[str, tuple[float, float]]

    @property
    def ratio(self) -> float | None:
        return self.now / self.before if self.before else None


def compare(before: Sequence[Turn], now: Sequence[Turn]) -> list[Compared]:
    """Return the figures that both sides have, in the order of FIGURES."""
    return list(_compared(before, now))


def _compared(before: Sequence[Turn], now: Sequence[Turn]) -> Iterator[Compared]:
    for figure in FIGURES:
        old, new = _median(before, figure.key), _median(now, figure.key)
        if old is not None and new is not None:
            yield Compared(figure=figure, before=old, now=new, each=_each(figure.key, before, now))


def _each(key: str, before: Sequence[Turn], now: Sequence[Turn]) -> dict[str, tuple[float, float]]:
    """Return both medians by process: `quiet.cpu/gateway` is the gateway's part of `quiet.cpu`."""
    names = {name: None for turn in (*before, *now) for name in turn if name.startswith(f"{key}/")}
    return {
        name.removeprefix(f"{key}/"): (_median(before, name) or 0.0, _median(now, name) or 0.0)
        for name in names
    }


def _median(turns: Iterable[Turn], key: str) -> float | None:
    found = [turn[key] for turn in turns if key in turn]
    return median(found) if found else None


def rows(compared: Iterable[Compared]) -> Iterator[Row]:
    """Name, before, now, ratio, target; below it the processes of which it is the sum."""
    for one in compared:
        yield (
            one.figure.name,
            plain(one.before),
            plain(one.now),
            f"{one.ratio:.2f}" if one.ratio is not None else "",
            _verdict(one),
        )
        for name, (before, now) in one.each.items():
            ratio = f"{now / before:.2f}" if before else ""
            yield f"  {name}", plain(before), plain(now), ratio, ""


def _verdict(one: Compared) -> str:
    if not one.figure.target or one.ratio is None:
        return ""
    return f"{one.figure.target} {'pass' if one.figure.met(one.ratio) else 'FAIL'}"


def plain(value: float) -> str:
    """Format the value with about three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
