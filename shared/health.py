"""Owns /livez, /readyz and /health of every service.

/livez touches nothing. /readyz is 503 while the service starts, drains or is cut off from what
it needs. /health says why, in the form of the draft `application/health+json`.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.counters import Counters
from shared.records import Ledger

Status = Literal["pass", "warn", "fail"]
State = Literal["starting", "ready", "draining"]


class Check(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing looked at: its state, and in words what is wrong and what to do.

    `observed`: the figure behind it, where there is one.
    """

    status: Status
    output: str = ""
    observed: int | None = msgspec.field(default=None, name="observedValue")


class LiveAnswer(msgspec.Struct, frozen=True, kw_only=True):
    status: Status
    service: str


class ReadyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`failing`: the checks that fail; `output`: why, in words."""

    status: Status
    service: str
    failing: list[str]
    output: str


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    status: Status
    service: str
    state: State
    checks: dict[str, Check]


class Health:
    """How one process is. A failing check makes it unready."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.state: State = "starting"
        self.counters = Counters()
        self.errors = Ledger(service)
        self.checks: dict[str, Callable[[], Check]] = {}
        self.drain: Callable[[], Awaitable[None]] | None = None

    def report(self) -> tuple[Status, dict[str, Check]]:
        results = {name: check() for name, check in self.checks.items()}
        if self.state != "ready":
            results["state"] = Check("fail", f"the service is {self.state}")
        worst = {result.status for result in results.values()}
        return ("fail" if "fail" in worst else "warn" if "warn" in worst else "pass"), results

    def routes(self) -> list[Route]:
        return [
            Route("/livez", self._livez),
            Route("/readyz", self._readyz),
            Route("/health", self._health),
        ]

    async def _livez(self, request: Request) -> Response:
        return _json(LiveAnswer(status="pass", service=self.service), 200)

    async def _readyz(self, request: Request) -> Response:
        status, results = self.report()
        failing = {name: check.output for name, check in results.items() if check.status == "fail"}
        answer = ReadyAnswer(
            status=status,
            service=self.service,
            failing=list(failing),
            output="; ".join(failing.values()),
        )
        return _json(answer, 503 if status == "fail" else 200)

    async def _health(self, request: Request) -> Response:
        status, results = self.report()
        answer = HealthAnswer(status=status, service=self.service, state=self.state, checks=results)
        return _json(answer, 503 if status == "fail" else 200)


def _json(body: object, status_code: int) -> Response:
    return Response(msgspec.json.encode(body), status_code, media_type="application/health+json")
