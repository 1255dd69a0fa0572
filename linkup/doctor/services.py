"""Owns the checks of running services: health, release, clock, schema and routes."""

import asyncio
import subprocess
import time
from collections.abc import Iterable
from importlib.metadata import version

import msgspec
from msgspec import Struct

from linkup.calls import Unreachable, reply, request
from linkup.doctor.seen import BEHIND, TIMEOUT, Seen, Told
from linkup.doctor.verdict import Verdict, failed, passed, skipped, warned
from linkup.installation import owners
from shared.health.report import Recommendation
from shared.health.score import Level, level_of
from shared.routes import ROUTES
from shared.settings import Settings
from shared.settings.addresses import file_of

SKEW = 1.0  # seconds: order is the store's own, but times are shown
TOO_MUCH_SKEW = 60.0  # seconds: as far as a token's times may be off
SCHEMA_TIMEOUT = 10.0
ROUTES_TIMEOUT = 5.0
NOT_FOUND = 404


class Schema(Struct):
    revision: str


def health(name: str, told: Told | None) -> Verdict:
    if told is None:
        return skipped(name)
    if told.status is not None:
        return _of_status(name, told.status)
    if told.answer is None:
        return failed(name, f"does not answer: {told.reason}", f"Start {name}, or see its log.")
    answer, level = told.answer, level_of(told.answer.health_score)
    past = f", {answer.status} within the last minute" if level != answer.status else ""
    value = f"{answer.state}, score {answer.health_score}{past}"
    fix = _first(answer.recommendations) or "See its log."
    if level == "critical" or answer.state != "ready":
        return failed(name, value, fix)
    if level == "warning" or answer.recommendations:
        return warned(name, value, fix)
    return passed(name, value)


def _of_status(name: str, status: Level) -> Verdict:
    """Judge a service that tells no details."""
    if status == "healthy":
        return passed(name, "healthy; it tells the details only at its LINKUP_METRICS_PORT")
    fix = f"Ask {name} for the details with `linkup monitor --url`, at its LINKUP_METRICS_PORT."
    return failed(name, status, fix) if status == "critical" else warned(name, status, fix)


def _first(recommendations: list[Recommendation]) -> str:
    """Return the most important recommendation; `linkup monitor` has room for all."""
    more = len(recommendations) - 1
    said = f" See also `linkup monitor`: {more} more." if more > 0 else ""
    return f"{recommendations[0].advice}{said}" if recommendations else ""


def releases(seen: Seen) -> Verdict:
    ours = version("linkup-messaging")
    found = {name: told.answer.release for name, told in seen.services.items() if told.answer}
    if not found:
        return skipped("releases", f"this command is {ours}; the services need to run")
    others = {name: one for name, one in found.items() if one != ours}
    if others:
        told = ", ".join(f"{name} {one or 'of an earlier release'}" for name, one in others.items())
        return failed(
            "releases", f"{told}; this command {ours}", "Restart all with the same release."
        )
    return passed("releases", f"{ours} everywhere")


def clocks(seen: Seen) -> Verdict:
    """Compare the clock of this machine with those of the services; NATS tells no time."""
    known = [(name, told) for name, told in seen.services.items() if told.answer]
    if not known:
        return skipped("clocks")
    name, told = max(known, key=lambda one: abs(one[1].skew) - one[1].round_trip)
    off = max(0.0, abs(told.skew) - told.round_trip)
    value = f"at most {off:.3f} s apart"
    if off > TOO_MUCH_SKEW:
        return failed("clocks", f"{name} is {told.skew:+.1f} s off", "Synchronise clocks by NTP.")
    if off > SKEW:
        return warned("clocks", f"{name} is {told.skew:+.1f} s off", "Synchronise clocks by NTP.")
    return passed("clocks", value)


async def schema(settings: Settings) -> Verdict:
    """Ask the program of persistence, which knows it whether the service runs or not."""
    try:
        with open(file_of(settings.store_url), "rb"):  # noqa: ASYNC230 - nothing else waits
            pass
    except FileNotFoundError:
        return passed("schema", "there is no store yet: the first start makes it")
    except OSError as error:
        return failed("schema", str(error), "Run this as the user that LinkUp runs as.")
    try:
        status, stdout, stderr = await asyncio.to_thread(_asked, settings)
    except subprocess.TimeoutExpired:
        fix = "See whether the machine is overloaded, or the disk does not respond."
        return failed("schema", f"persistence did not tell it in {SCHEMA_TIMEOUT:.0f} s", fix)
    if status:
        fix = "Start the release that the store belongs to, or restore a backup."
        return failed("schema", stderr or f"persistence ended with {status}", fix)
    return passed("schema", f"{msgspec.json.decode(stdout, type=Schema).revision}, this release's")


def _asked(settings: Settings) -> tuple[int, bytes, str]:
    asked = subprocess.run(
        owners.command("persistence", "schema"),
        env=owners.environment("persistence", settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SCHEMA_TIMEOUT,
        check=False,
    )
    said = asked.stderr.decode(errors="replace").strip().splitlines()
    return asked.returncode, asked.stdout, said[-1] if said else ""


async def routes(seen: Seen) -> Verdict:
    """Check that every route without a parameter exists."""
    url = seen.url("gateway")
    if not url:
        return skipped("routes", "the address of a gateway is not known: pass --url")
    always = [one for one in ROUTES if one.method == "GET" and not one.switches]
    paths = ["/", *(one.path for one in always if "{" not in one.path)]
    try:
        absent = await asyncio.to_thread(_absent, url, paths)
    except Unreachable as error:
        return failed("routes", f"{url}: {error.reason}", "Start a gateway, or pass its --url.")
    if absent:
        fix = f"See that {url} is a gateway of this release, and what is in front of it."
        return failed("routes", f"not found: {', '.join(absent)}", fix)
    return passed("routes", f"{len(paths)} answer at {url}")


def _absent(url: str, paths: Iterable[str]) -> list[str]:
    """Return the paths that the gateway does not know.

    OPTIONS finds them without a token, and without a refusal among the errors of the gateway.
    """
    found, until = [], time.monotonic() + ROUTES_TIMEOUT
    for path in paths:
        if time.monotonic() > until:
            late = TimeoutError(f"no answer from all routes in {ROUTES_TIMEOUT:.0f} s")
            raise Unreachable(url, late)
        if reply(request("OPTIONS", url + path), TIMEOUT).status == NOT_FOUND:
            found.append(path)
    return found


async def checks(seen: Seen) -> list[Verdict]:
    names = dict.fromkeys((*seen.services, "gateway", *BEHIND))
    told = [health(name, seen.services.get(name)) for name in names]
    return [*told, releases(seen), clocks(seen), await routes(seen)]
