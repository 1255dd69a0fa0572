"""A whole gateway with one fault planted in its wiring: never ready, and it says which."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.gateway import page, start
from services.gateway.app import open_app
from shared import bus, routes, subjects
from shared.health.endpoints import Health
from shared.process.readiness import tell
from shared.route import Route as Listed
from shared.settings import Settings
from tests.support.waiting import eventually

Patch = pytest.MonkeyPatch


async def answer(request: Request) -> Response:
    return Response()


def served_as_well(patch: Patch, route: BaseRoute) -> None:
    listed = page.routes(Settings())
    patch.setattr(page, "routes", lambda settings: [*listed, route])


def listed_as_well(patch: Patch) -> None:
    planted = Listed(method="GET", path="/v1/planted", summary="x", answers=())
    patch.setattr(start, "ROUTES", (*routes.ROUTES, planted))


def unlisted(patch: Patch) -> None:
    served_as_well(patch, Route("/v1/planted", answer))


def twice(patch: Patch) -> None:
    served_as_well(patch, Route("/v1/messages", answer, methods=["POST"]))


def shadowed(patch: Patch) -> None:
    served_as_well(patch, Route("/static/planted", answer))


def overlapping(patch: Patch) -> None:
    patch.setattr(subjects, "PATTERNS", (*subjects.PATTERNS, "linkup.user.*.*"))


FAULTS: list[tuple[Callable[[Patch], None], str, str]] = [
    (listed_as_well, "routes", "the route GET /v1/planted of shared/routes has no endpoint"),
    (unlisted, "routes", "the route GET /v1/planted is not in the table of shared/routes"),
    (twice, "routes", "the route POST /v1/messages is defined twice"),
    (shadowed, "routes", "the route GET /static/planted is never reached: /static comes first"),
    (overlapping, "subjects", "the subjects linkup.user.*.feed and linkup.user.*.* overlap"),
]


@asynccontextmanager
async def persistence(nats_url: str) -> AsyncIterator[None]:
    """As much of it as a gateway asks for: that it is ready."""
    health = Health("persistence")
    health.state = "ready"
    async with bus.connect(nats_url, "persistence") as wire:

        def answer(delivery: bus.Delivery) -> None:
            wire.post(delivery.reply_to, tell(health, delivery.payload))

        await wire.subscribe(subjects.query("health"), answer)
        await wire.flush()
        yield


async def readiness(nats_url: str) -> tuple[int, dict[str, Any]]:
    settings = Settings(nats_url=nats_url, jwt_secret="s" * 32)
    health = Health("gateway")
    async with persistence(nats_url), open_app(settings, health) as app:
        health.state = "ready"
        await eventually(lambda: health.checks["persistence"]().status == "pass")
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            told = await client.get("/readyz")
            return told.status_code, told.json()


async def test_s42_without_a_fault_the_gateway_is_ready(nats_url: str) -> None:
    status, told = await readiness(nats_url)
    assert (status, told["failing"]) == (200, [])


NAMES = [plant.__name__ for plant, _, _ in FAULTS]


@pytest.mark.parametrize(("plant", "check", "words"), FAULTS, ids=NAMES)
async def test_s5_a_fault_in_the_wiring_makes_the_gateway_unready(
    nats_url: str,
    monkeypatch: Patch,
    caplog: pytest.LogCaptureFixture,
    plant: Callable[[Patch], None],
    check: str,
    words: str,
) -> None:
    plant(monkeypatch)
    status, told = await readiness(nats_url)
    assert (status, told["failing"]) == (503, [check])
    assert words in told["output"]
    errors = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.ERROR]
    assert f"{check}: {words}" in errors
