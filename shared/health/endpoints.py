"""Owns /livez, /readyz and /health of every service.

/livez touches nothing. /readyz is 503 while the service starts, drains or is cut off from what
it needs. /health says why, with the score and what to do; /metrics has the figures. A stranger is
told the bare status, and no metrics.
"""

import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from importlib.metadata import version
from itertools import chain
from math import ceil

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared import clock
from shared.health import exposition
from shared.health.advice import SLOW_MS
from shared.health.counters import Counters
from shared.health.insiders import Admits, anybody
from shared.health.metrics import Metrics
from shared.health.records import Ledger
from shared.health.report import (
    AsyncCheck,
    HealthAnswer,
    Recommendation,
    SocketCheck,
    State,
    category_advice,
    ceilings,
    recommended,
)
from shared.health.report import Check as Check
from shared.health.report import Status as Status
from shared.health.score import Ceiling, Level, Steady, loss, score
from shared.health.sliding import WINDOW, Sliding
from shared.health.taxonomy import Record

RELEASE = version("linkup-messaging")
HOLD = 0.2  # of the window: how long a service stays called as bad as it was


class LiveAnswer(Struct, frozen=True, kw_only=True):
    status: Status
    service: str


class ReadyAnswer(Struct, frozen=True, kw_only=True):
    """The readiness. `failing` lists the failing checks; `output` gives the reasons."""

    status: Status
    service: str
    failing: list[str]
    output: str


class BareAnswer(Struct, frozen=True, kw_only=True):
    """The status. Only operators see more."""

    status: Level


class Health:
    """The health of one process. A failing check makes it unready."""

    def __init__(self, service: str, window: float = WINDOW, metrics: bool = True) -> None:
        """`window` is the number of seconds in which errors count. Without `metrics`, there is no
        /metrics."""
        self.service = service
        self.state: State = "starting"
        self.window = window
        self.counters = Counters()
        self.errors = Ledger(service, window=window)
        self.lag: Callable[[], float] = lambda: 0.0  # of the event loop, in seconds
        self.metrics = Metrics(service, self.counters, metrics)
        self.checks: dict[str, Callable[[], Check]] = {}
        self.figures: dict[str, Callable[[], float]] = {}  # what an operator likes to watch
        self.drain: Callable[[], Awaitable[None]] | None = None
        self.whole: Callable[[], Awaitable[HealthAnswer]] | None = None  # of all services
        self._began = time.monotonic()
        self._operations = Sliding(window)
        self._steady = Steady(HOLD * window)
        if metrics:
            self.metrics.registry.register(exposition.Told(self))

    def operated(self, times: int) -> None:
        """Count handled commands, queries or rows; called once for a batch."""
        self._operations.add(time.monotonic(), times)

    def report(self) -> tuple[Status, dict[str, Check]]:
        results = {name: check() for name, check in self.checks.items()}
        if self.state != "ready":
            results["state"] = Check("fail", f"the service is {self.state}")
        worst = {result.status for result in results.values()}
        return ("fail" if "fail" in worst else "warn" if "warn" in worst else "pass"), results

    def examine(self) -> HealthAnswer:
        """Return the report on this process. It is made from what is known, and waits for
        nothing."""
        readiness, results = self.report()
        checks = results | {"loop": self._loop()}
        low = list(ceilings(self.service, checks))
        counts = self.errors.counts()
        operations = int(self._operations.sum(time.monotonic()))
        points = score(counts, operations, low)
        return HealthAnswer(
            service=self.service,
            timestamp=clock.now(),
            health_score=points,
            status=self._steady.see(points, time.monotonic()),
            state="not ready" if (self.state, readiness) == ("ready", "fail") else self.state,
            checks=checks,
            operations=operations,
            recent_errors_count=ceil(sum(counts.values())),
            errors={category: round(count, 1) for category, count in counts.items() if count},
            error_summary=self.errors.last_hour(),
            async_context_check=self._async_check(),
            websocket_check=SocketCheck(
                connections=int(self.figures.get("sockets", int)()),
                errors=ceil(counts["connection_error"]),
            ),
            recommendations=self._recommend(checks, low, operations),
            figures={name: figure() for name, figure in self._all_figures()},
            window=self.window,
            operations_trend=[int(each) for each in self._operations.trend(time.monotonic())],
            errors_trend=self.errors.trend(),
            hourly_trend=self.errors.hourly_trend(),
            release=RELEASE,
        )

    def _all_figures(self) -> Iterable[tuple[str, Callable[[], float]]]:
        return chain(self.figures.items(), self.metrics.latencies.items())

    def _loop(self) -> Check:
        """Check the delay of the event loop, and name the last blocking call. Passes during the
        start."""
        begun = time.monotonic() - self._began > HOLD * self.window
        lag = round(1000 * self.lag()) if begun else 0
        last = self._async_check().errors[:1]
        return Check("warn" if lag > SLOW_MS else "pass", "".join(last), lag)

    def _async_check(self) -> AsyncCheck:
        count = ceil(self.errors.counts()["async_context_violation"])
        told = [one for one in self.errors.recent() if one.category == "async_context_violation"]
        return AsyncCheck(
            count=count,
            errors=[one.message for one in told[:5]] if count else [],
            has_sync_only_errors=count > 0,
        )

    def _recommend(
        self, checks: dict[str, Check], low: list[Ceiling], operations: int
    ) -> list[Recommendation]:
        """Return the recommendations: the lowest ceiling first, then the errors that cost most."""
        last = {one.category: _said(one) for one in reversed(self.errors.recent())}
        found = list(recommended(checks, low))
        costs = [
            (loss(category, count, operations), category, count)
            for category, count in self.errors.counts().items()
        ]
        for points, category, count in sorted(costs, reverse=True):
            told = last.get(category, "")
            found += category_advice(category, count, points, self.window, told)
        return found

    def routes(self, admits: Admits = anybody) -> list[Route]:
        """Return the routes. `admits` decides who is told more than the bare status."""
        metrics = [Route("/metrics", partial(self._metrics, admits))] if self.metrics.on else []
        return [
            Route("/livez", self._livez),
            Route("/readyz", partial(self._readyz, admits)),
            Route("/health", partial(self._health, admits)),
            Route("/errors", partial(self._errors, admits)),
            *metrics,
        ]

    async def _livez(self, request: Request) -> Response:
        return _json(LiveAnswer(status="pass", service=self.service), 200)

    async def _readyz(self, admits: Admits, request: Request) -> Response:
        status, results = self.report()
        failing = {name: check.output for name, check in results.items() if check.status == "fail"}
        if not admits(request.scope):
            failing = {}
        answer = ReadyAnswer(
            status=status,
            service=self.service,
            failing=list(failing),
            output="; ".join(failing.values()),
        )
        return _json(answer, 503 if status == "fail" else 200)

    async def _health(self, admits: Admits, request: Request) -> Response:
        status, _ = self.report()
        answer = self.examine() if self.whole is None else await self.whole()
        told = answer if admits(request.scope) else BareAnswer(status=answer.status)
        return _json(told, 503 if status == "fail" else 200, "application/json")

    async def _errors(self, admits: Admits, request: Request) -> Response:
        """Answer with the errors in memory, for when the bus is down."""
        if not admits(request.scope):
            raise HTTPException(404)
        return _json(self.errors.recent(), 200, "application/json")

    async def _metrics(self, admits: Admits, request: Request) -> Response:
        if not admits(request.scope):
            raise HTTPException(404)
        return Response(exposition.exposition(self), media_type=exposition.CONTENT_TYPE)


def _said(last: Record) -> str:
    ago = max(0, clock.now() - last.occurred_at) // clock.SECOND
    return f"{ago} s ago: {last.message}"


def _json(body: object, status_code: int, media_type: str = "application/health+json") -> Response:
    return Response(msgspec.json.encode(body), status_code, media_type=media_type)
