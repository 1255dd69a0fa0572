"""Owns the input of all checks: the settings, the connections, and the reports of services."""

import asyncio
import time

import msgspec
from msgspec import Struct

from linkup.calls import Unreachable, reply, request
from linkup.installation.operator import Operator, operator
from linkup.installation.wire import connected
from shared import clock, subjects
from shared.bus import Bus
from shared.commands import ErrorPage, ErrorPageAnswer, encode, open_answer
from shared.errors import LinkupError, StartError
from shared.health.endpoints import BareAnswer
from shared.health.report import HealthAnswer
from shared.health.score import Level
from shared.health.taxonomy import Record
from shared.process import readiness
from shared.settings import Settings

NOT_FOUND = 404
TIMEOUT = 2.5  # seconds: what hangs is to be told within fifteen
BEHIND = {"persistence": subjects.query("health"), "notify": subjects.notify("health")}


class Told(Struct, frozen=True, kw_only=True):
    """The answer of a service, or None and the `reason` why there is none. A gateway of another
    machine may tell only its `status`.

    `skew` is the number of seconds by which its clock is ahead of ours. `round_trip` is the time
    that the answer took, by which `skew` may be wrong.
    """

    answer: HealthAnswer | None = None
    status: Level | None = None
    reason: str = ""
    skew: float = 0.0
    round_trip: float = 0.0


class Seen(Struct, frozen=True, kw_only=True):
    """The input of the checks.

    `where` is None if nothing runs. `services` has the answers by name of service. `errors` has the
    latest stored errors. `demo_login` says whether the running gateway has it; None: no answer.
    `chosen` names the settings that are no defaults.
    """

    settings: Settings
    where: Operator | None
    services: dict[str, Told] = {}
    errors: list[Record] = []
    demo_login: bool | None = None
    chosen: frozenset[str] = frozenset()

    def url(self, service: str) -> str:
        """Return the URL of a service's HTTP port, or an empty text if it is not known."""
        return (self.where.urls.get(service, "") if self.where else "").rstrip("/")


async def look(settings: Settings, url: str = "") -> Seen:
    """Ask all services. `url` names a gateway that was not started by `linkup run`."""
    try:
        where = operator(settings)
    except StartError:
        if not url:
            return Seen(settings=settings, where=None)
        where = Operator(nats_url="")
    if url:
        where = msgspec.structs.replace(where, urls={**where.urls, "gateway": url})
    by_http = asyncio.gather(*(asyncio.to_thread(_by_http, each) for each in where.urls.values()))
    demo_login = asyncio.to_thread(_demo_login, where.urls.get("gateway", ""))
    answers, demo, (behind, errors) = await asyncio.gather(
        by_http, demo_login, _by_bus(settings, where)
    )
    services = {**dict(zip(where.urls, answers, strict=True)), **behind}
    return Seen(settings=settings, where=where, services=services, errors=errors, demo_login=demo)


def _demo_login(gateway: str) -> bool | None:
    """Return whether the gateway has this route. OPTIONS asks without a login."""
    try:
        answer = reply(request("OPTIONS", f"{gateway.rstrip('/')}/v1/dev/login"), TIMEOUT)
    except Unreachable:
        return None
    return answer.status != NOT_FOUND


async def _by_bus(settings: Settings, where: Operator) -> tuple[dict[str, Told], list[Record]]:
    """Return the reports of the services whose port is not known, and the stored errors."""
    if not where.nats_url:
        return {}, []
    names = [name for name in BEHIND if name not in where.urls]
    try:
        async with connected(settings) as wire:
            asked = asyncio.gather(*(_asked(wire, BEHIND[name]) for name in names))
            errors = await _errors(wire)
            return dict(zip(names, await asked, strict=True)), errors
    except StartError:
        return {}, []  # nothing is known of them, as the check of the bus says


async def _errors(wire: Bus) -> list[Record]:
    try:
        asked = encode(ErrorPage())
        answer = await wire.request(subjects.query("errors"), asked, TIMEOUT)
        return open_answer(answer, ErrorPageAnswer).records
    except (LinkupError, msgspec.MsgspecError):
        return []


async def _asked(wire: Bus, subject: str) -> Told:
    began = time.monotonic()
    try:
        return _told(await readiness.examine(wire, subject), time.monotonic() - began)
    except LinkupError as error:
        return Told(reason=str(error))


def _by_http(url: str) -> Told:
    began = time.monotonic()
    try:
        body = reply(request("GET", f"{url.rstrip('/')}/health"), TIMEOUT).body
        return told(body, time.monotonic() - began)
    except (Unreachable, ValueError, msgspec.MsgspecError) as error:
        return Told(reason=f"{url}: {getattr(error, 'reason', '') or error}")


def told(body: bytes, took: float) -> Told:
    """Read what a service answered over HTTP after so many seconds. Raises MsgspecError."""
    if b"health_score" not in body:
        return Told(status=msgspec.json.decode(body, type=BareAnswer).status)
    return _told(msgspec.json.decode(body, type=HealthAnswer), took)


def _told(answer: HealthAnswer, took: float) -> Told:
    answer = answer.services.get(answer.service, answer)  # a gateway tells of all
    skew = (answer.timestamp - clock.now()) / clock.SECOND + took / 2
    return Told(answer=answer, skew=skew, round_trip=took)
