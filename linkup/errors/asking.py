"""Owns reading errors: from the store, or from the memory of each service while it is down."""

import asyncio
import urllib.request
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http.client import HTTPException

import msgspec
from msgspec import Struct

from linkup.installation import operator
from linkup.installation.wire import connected
from shared import subjects
from shared.bus import Bus
from shared.commands import (
    ErrorPage,
    ErrorPageAnswer,
    RecentErrors,
    ResolveError,
    encode,
    name_of,
    open_answer,
)
from shared.errors import LinkupError, NotFound, StartError
from shared.health.taxonomy import Record
from shared.settings import Settings

TIMEOUT = 3.0  # seconds
MEMORY_TIMEOUT = 1.0
RECENT = name_of(RecentErrors())
MEMORIES = {"persistence": subjects.query(RECENT), "notify": subjects.notify(RECENT)}


class Told(Struct, frozen=True, kw_only=True):
    """The errors that were found. If `stored`, they are from the store, which has those of all
    services; otherwise from the memory of each service that is not `silent`."""

    stored: bool
    records: list[Record]
    silent: list[str] = []


async def told(settings: Settings, asked: ErrorPage) -> Told:
    """Return the errors. Raises StartError if nothing runs, or nobody answers."""
    known = operator.operator(settings)
    memories: dict[str, list[Record]] = {}
    with suppress(StartError):  # NATS is down
        async with connected(settings) as wire:
            with suppress(LinkupError, msgspec.MsgspecError):
                return Told(stored=True, records=(await _page(wire, asked)).records)
            memories |= await _over_the_bus(wire)
    memories |= await _over_http({k: url for k, url in known.urls.items() if k not in memories})
    if not memories:
        raise StartError(
            "no service tells of its errors: start it, or read its log; `linkup doctor` says more"
        )
    silent = [name for name in {**known.urls, **MEMORIES} if name not in memories]
    return Told(stored=False, records=_matching(asked, memories.values()), silent=silent)


async def resolved(settings: Settings, error_id: str, notes: str) -> Record:
    """Resolve an error, and return it. Raises StartError, which says what to do."""
    asked = ResolveError(error_id=error_id, notes=notes)
    async with connected(settings) as wire:
        try:
            reply = await wire.request(subjects.query(name_of(asked)), encode(asked), TIMEOUT)
            return open_answer(reply, ErrorPageAnswer).records[0]
        except NotFound:
            raise StartError(f"there is no error {error_id}; `linkup errors` lists them") from None
        except LinkupError as error:
            raise StartError(f"nothing was resolved: {error}; see `linkup doctor`") from None


async def _page(wire: Bus, asked: ErrorPage) -> ErrorPageAnswer:
    reply = await wire.request(subjects.query(name_of(asked)), encode(asked), TIMEOUT)
    return open_answer(reply, ErrorPageAnswer)


async def _over_the_bus(wire: Bus) -> dict[str, list[Record]]:
    """Return the errors of the services that answer over the bus."""
    found: dict[str, list[Record]] = {}
    for name, subject in MEMORIES.items():
        with suppress(LinkupError, msgspec.MsgspecError):
            reply = await wire.request(subject, encode(RecentErrors()), MEMORY_TIMEOUT)
            found[name] = open_answer(reply, ErrorPageAnswer).records
    return found


async def _over_http(urls: Mapping[str, str]) -> dict[str, list[Record]]:
    """Return the errors of the services that answer over HTTP, on this machine or at
    LINKUP_METRICS_PORT."""
    asking = [asyncio.to_thread(_fetched, url) for url in urls.values()]
    answers = zip(urls, await asyncio.gather(*asking), strict=True)
    return {name: records for name, records in answers if records is not None}


def _fetched(url: str) -> list[Record] | None:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/errors", timeout=MEMORY_TIMEOUT) as answer:
            return msgspec.json.decode(answer.read(), type=list[Record])
    except (OSError, HTTPException, msgspec.MsgspecError):
        return None


def _matching(asked: ErrorPage, memories: Iterable[list[Record]]) -> list[Record]:
    """Return the records that the store would return for this question."""
    found = [one for records in memories for one in records if _matches(asked, one)]
    return sorted(found, key=lambda one: one.occurred_at, reverse=True)[: asked.limit]


def _matches(asked: ErrorPage, one: Record) -> bool:
    wanted = (
        (asked.error_id, one.id),
        (asked.category, one.category),
        (asked.severity, one.severity),
        (asked.service, one.service),
        (asked.resolved, one.resolved),
    )
    return one.occurred_at >= asked.since and all(want in (None, has) for want, has in wanted)
