"""Owns the health report of a service: its form, its ceilings, its recommendations. No I/O."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from shared.health import advice
from shared.health.records import Category
from shared.health.score import Ceiling, Level, level_of

Status = Literal["pass", "warn", "fail"]
State = Literal["starting", "ready", "not ready", "draining", "unreachable"]

# While the bus cannot be reached, these fail or are unknown because of that.
BEHIND_THE_BUS = frozenset({"persistence", "notify", "log", "canary"})
WORTH_NAMING = 1.0  # points: what costs less is in the figures, and nobody has to do anything


class Check(Struct, frozen=True, omit_defaults=True):
    """The result of one check. `output` names the fault and the remedy.

    `observedValue` is the measured value, if there is one.
    """

    status: Status
    output: str = ""
    observed: float | None = msgspec.field(default=None, name="observedValue")


class Recommendation(Struct, frozen=True):
    """A cause that lowers the score, a check or a category of errors, and a remedy.

    In the report on all services, `service` names those that report the cause. `last` is the
    latest error of a category, and how long ago it was.
    """

    cause: str
    advice: str
    service: str = ""
    last: str = ""


class AsyncCheck(Struct, frozen=True, kw_only=True):
    """Blocking calls: their `count` in the last minutes, and the latest five as `errors`."""

    count: int = 0
    errors: list[str] = []
    has_sync_only_errors: bool = False


class SocketCheck(Struct, frozen=True, kw_only=True):
    """The number of open WebSockets, and of those that broke in the last minutes (`errors`)."""

    connections: int = 0
    errors: int = 0


class HealthAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The health of a service. That of a gateway covers all, which are in `services`.

    `state` is `ready` exactly if /readyz of the service answers 200.
    Times are in microseconds. `errors`, `recent_errors_count` and `operations` count the last
    `window` seconds, `error_summary` the last hour. `figures` are current. `operations_trend` and
    `errors_trend` have a number for each sixtieth of the window, the latest last, `hourly_trend`
    the errors of each of the last 24 hours. `release` is the running version.
    """

    service: str
    timestamp: int
    health_score: int
    status: Level
    state: State
    checks: dict[str, Check] = {}
    operations: int
    recent_errors_count: int
    errors: dict[str, float]
    error_summary: dict[str, int]
    async_context_check: AsyncCheck
    websocket_check: SocketCheck
    recommendations: list[Recommendation]
    figures: dict[str, float] = {}
    window: float = 300.0
    operations_trend: list[int] = []
    errors_trend: list[int] = []
    hourly_trend: list[int] = []
    release: str = ""
    services: dict[str, "HealthAnswer"] = {}


def ceilings(service: str, checks: Mapping[str, Check]) -> Iterator[Ceiling]:
    """Yield the ceilings that the checks set for the score. A failing check always has one."""
    for name, check in checks.items():
        ceiling = _ceiling(service, name, check)
        if ceiling is not None:
            yield ceiling


def _ceiling(service: str, name: str, check: Check) -> Ceiling | None:  # noqa: C901 - a case each
    match name, check.status:
        case "loop", _:
            return advice.loop(check.observed or 0.0, check.output)
        case "disk", _:
            return advice.disk(100.0 if check.observed is None else check.observed, check.output)
        case _, "pass" | "warn":
            return None
        case "bus", _:
            return advice.bus(check.output)
        case "store", _:
            return advice.store(check.output)
        case "reader", _:
            return advice.reader(check.output)
        case "canary", _:
            return advice.canary(check.output)
        case "log", _:
            return advice.follower(check.output)
        case "routes" | "subjects" | "subscriptions", _:
            return advice.subscription(name, check.output)
        case "state", _:
            return advice.stopped(service, check.output, check=name)
        case _:
            return advice.stopped(name, check.output)


def recommended(checks: Mapping[str, Check], low: Iterable[Ceiling]) -> Iterator[Recommendation]:
    """Yield what to do about the checks that fail or warn, the lowest ceiling first."""
    known = {ceiling.name for ceiling in low}
    hidden = BEHIND_THE_BUS if "bus" in known else frozenset()
    for one in sorted(low, key=_most):
        if one.name not in hidden:
            yield Recommendation(one.name, one.advice)
    for name, check in checks.items():
        if check.status == "warn" and name not in known | hidden:
            yield Recommendation(name, advice.warning(name, check.output))


def _most(ceiling: Ceiling) -> int:
    return ceiling.most


def unreachable(service: str, now: int, cause: str) -> HealthAnswer:
    """Return the report on a service that does not answer."""
    ceiling = advice.stopped(service, cause)
    return HealthAnswer(
        service=service,
        timestamp=now,
        health_score=ceiling.most,
        status=level_of(ceiling.most),
        state="unreachable",
        operations=0,
        recent_errors_count=0,
        errors={},
        error_summary={},
        async_context_check=AsyncCheck(),
        websocket_check=SocketCheck(),
        recommendations=[Recommendation(service, ceiling.advice)],
    )


def category_advice(
    category: Category, count: float, points: float, window: float, last: str
) -> Iterator[Recommendation]:
    """Yield the recommendation for errors that cost so many points, if that is worth naming."""
    if count and points >= WORTH_NAMING:
        yield Recommendation(category, said(category, count, window, last), last=last)


def said(category: Category, count: float, window: float, last: str) -> str:
    """Return the recommendation for so many errors within so many seconds."""
    seen = advice.Seen(max(1, round(count)), round(window / 60, 2), last)
    return advice.CATEGORY[category](seen)
