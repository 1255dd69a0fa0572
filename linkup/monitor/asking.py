"""Owns the queries of the monitor to each service: over the bus, or over HTTP if it is down."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from msgspec.structs import replace

from linkup.calls import Unreachable, reply, request
from linkup.installation import operator
from linkup.installation.wire import connected
from shared import clock, subjects
from shared.bus import Bus
from shared.errors import LinkupError, StartError
from shared.health import report
from shared.health.endpoints import BareAnswer
from shared.health.report import HealthAnswer, Recommendation
from shared.health.score import LEVELS
from shared.health.whole import whole
from shared.process import readiness
from shared.settings import Settings

TIMEOUT = 3.0  # seconds: the gateway itself waits for a second for those behind it
SILENT = 1.0  # seconds: of the others, who tell what they know
SUBJECTS = {"persistence": subjects.query("health"), "notify": subjects.notify("health")}
EVERYTHING = "linkup"


async def look(settings: Settings, urls: Sequence[str]) -> HealthAnswer:
    """Return the state of all services. `urls`: gateways to ask in place of those of `linkup run`.

    Raises StartError when nothing answers, or when it is not known where.
    """
    known = _given(settings, urls) if urls else operator.operator(settings)
    by_http = asyncio.gather(*(asyncio.to_thread(_over_http, *one) for one in known.urls.items()))
    by_bus, told = await _over_the_bus(settings, known), await by_http
    behind = {name: one for each in told for name, one in each.services.items() if name in SUBJECTS}
    own = {name: _own(name, each) for name, each in zip(known.urls, told, strict=True)}
    return _together({**behind, **own, **by_bus}, known.urls)


def _given(settings: Settings, urls: Sequence[str]) -> operator.Operator:
    """Return the operator of the gateways at `urls`; `operator.json` may belong to another run."""
    names = ["gateway", *(f"gateway-{number}" for number in range(2, len(urls) + 1))]
    return operator.Operator(nats_url=settings.nats_url, urls=dict(zip(names, urls, strict=True)))


async def _over_the_bus(settings: Settings, known: operator.Operator) -> dict[str, HealthAnswer]:
    """Return the health of the services that answer over the bus."""
    if not known.nats_url:
        return {}
    try:
        async with connected(settings) as wire:
            told = await asyncio.gather(*(_of(wire, subject) for subject in SUBJECTS.values()))
    except StartError:
        return {}  # the bus is down, as the services will say themselves
    answers = zip(SUBJECTS, told, strict=True)
    return {name: one for name, one in answers if one is not None}


async def _of(wire: Bus, subject: str) -> HealthAnswer | None:
    try:
        return await readiness.examine(wire, subject)
    except LinkupError:
        return None


def _over_http(name: str, url: str) -> HealthAnswer:
    """Return the report at that URL. That of a gateway covers the services behind it, and on its
    public port has only a status."""
    try:
        timeout = SILENT if name in SUBJECTS else TIMEOUT
        http, _, told = reply(request("GET", f"{url.rstrip('/')}/health"), timeout)
        return _bare(name, http, told) or msgspec.json.decode(told, type=HealthAnswer)
    except (Unreachable, ValueError, msgspec.MsgspecError) as error:
        return report.unreachable(name, clock.now(), _reason(url, error))


def _bare(name: str, http: int, told: bytes) -> HealthAnswer | None:
    """Return a report with only this status, and with the lowest score that has it. The HTTP status
    says whether the gateway is ready."""
    status = msgspec.json.decode(told, type=BareAnswer).status
    if b"health_score" in told:
        return None
    hint = f"{name} tells no details here: ask it on its own machine, or at LINKUP_METRICS_PORT"
    state = _ready(http == HTTPStatus.OK)
    blank = replace(report.unreachable(name, clock.now(), ""), state=state, status=status)
    points = next(least for least, level in LEVELS if level == status)
    return replace(blank, health_score=points, recommendations=[Recommendation("details", hint)])


def _ready(is_so: bool) -> report.State:
    return "ready" if is_so else "not ready"


def _own(name: str, told: HealthAnswer) -> HealthAnswer:
    return replace(told.services.get(told.service, told), service=name)


def _reason(url: str, error: Exception) -> str:
    return f"{url} does not answer: {getattr(error, 'reason', '') or error or type(error).__name__}"


def _together(told: Mapping[str, HealthAnswer], ports: Mapping[str, str]) -> HealthAnswer:
    """Return the report on all of them. Raises StartError if none answered."""
    if all(one.state == "unreachable" for one in told.values()):
        where = ", ".join(ports.values()) or "the bus"
        raise StartError(f"nothing answers at {where}: start it, or name a gateway with --url")
    silent = {
        name: report.unreachable(name, clock.now(), "it does not answer")
        for name in SUBJECTS
        if name not in told
    }
    first, *others = sorted({**told, **silent}.values(), key=lambda one: one.service)
    state = _ready(all(one.state == "ready" for one in (first, *others)))
    blank = replace(whole(first, *others), service=EVERYTHING, state=state, checks={}, figures={})
    return replace(blank, timestamp=clock.now())
