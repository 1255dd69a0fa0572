"""Owns the questions about reports to the running services."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from linkup.installation.wire import connected
from shared import api, subjects
from shared.commands import (
    OneReport,
    ReportPage,
    ResolveReport,
    Snapshot,
    encode,
    name_of,
    open_answer,
)
from shared.errors import LinkupError, NotFound, StartError
from shared.settings import Settings

T = TypeVar("T", bound=Struct)

TIMEOUT = 3.0  # seconds


async def page(settings: Settings, asked: ReportPage) -> api.ReportsAnswer:
    """Raises StartError, as all here."""
    return await _told(settings, asked, api.ReportsAnswer)


async def one(settings: Settings, report_id: str) -> api.Report:
    return await _told(settings, OneReport(report_id=report_id), api.Report)


async def resolved(settings: Settings, report_id: str, notes: str) -> api.Report:
    return await _told(settings, ResolveReport(report_id=report_id, notes=notes), api.Report)


async def _told(settings: Settings, asked: Struct, kind: type[T]) -> T:
    async with connected(settings) as wire:
        try:
            reply = await wire.request(subjects.query(name_of(asked)), encode(asked), TIMEOUT)
            return msgspec.json.decode(open_answer(reply, Snapshot).body, type=kind)
        except NotFound:
            raise StartError("there is no such report; `linkup report list` lists them") from None
        except LinkupError as error:
            raise StartError(f"persistence does not answer: {error}; see `linkup doctor`") from None
