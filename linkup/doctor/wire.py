"""Owns the checks of the bus: that it is reachable, and grants each user its permissions.

Subjects that a user may not use are tried as well, since the broker refuses them before anybody
receives anything. Subjects that a user may use are tried only if nobody acts on them.
"""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import msgspec
from msgspec import Struct

from linkup.doctor.seen import Seen
from linkup.doctor.verdict import Verdict, failed, passed, skipped, warned
from linkup.installation.permissions import PUBLISH, SUBSCRIBE, covers
from shared import bus, subjects
from shared.commands import Readiness, encode
from shared.errors import LinkupError, StartError

OLDEST = (2, 15, 1)  # CVE-2026-27889, CVE-2026-27571
MAX_PAYLOAD_BYTES = 1024 * 1024
CONNECT_TIMEOUT = 3.0
ANSWER_TIMEOUT = 0.3
NOBODY = "linkup--doctor"  # a user of whom nobody has a socket
NOBODYS = [f"linkup.user.{subjects.token(NOBODY)}.{kind}" for kind in ("feed", "live", "ask")]
CONTROL = subjects.control(NOBODY)
TRIED = (
    *(subjects.STORE, subjects.query("health"), subjects.notify("health"), subjects.LOG),
    *("linkup.errors", subjects.STANDING, *NOBODYS, CONTROL, subjects.presence(NOBODY)),
    *("_INBOX.x", "$SYS.REQ.SERVER.PING", "anything", *(f"_INBOX_{user}.x" for user in PUBLISH)),
)
VIOLATION = {"publish": "for publish to", "subscribe": "for subscription to"}
# A service acts on messages to these subjects: none is sent where that would be allowed.
HEARD = (subjects.STORE, "linkup.errors", subjects.STANDING, subjects.presence(NOBODY))


class _User(Struct):
    user: str
    password: str


class _Users(Struct):
    users: list[_User]


class _Config(Struct):
    authorization: _Users


async def reached(seen: Seen) -> Verdict:
    if seen.where is None or not seen.where.nats_url:
        return skipped("bus")
    try:
        async with bus.connect(seen.where.nats_url, "operator", timeout=CONNECT_TIMEOUT) as wire:
            began = time.monotonic()
            await wire.flush()
            took = 1000 * (time.monotonic() - began)
            version, most = wire.version, wire.max_payload
    except (StartError, LinkupError) as error:
        return failed("bus", str(error), "Start nats-server, or `linkup run`, which starts it.")
    value = f"nats-server {version}, {took:.1f} ms there and back"
    if tuple(map(int, version.split("."))) < OLDEST:
        return warned("bus", value, f"Update it to {'.'.join(map(str, OLDEST))} or later.")
    if most < MAX_PAYLOAD_BYTES:
        return failed(
            "bus", f"{value}, max_payload {most}", f"Set max_payload to {MAX_PAYLOAD_BYTES}."
        )
    return passed("bus", value)


async def permissions(seen: Seen) -> Verdict:
    """Check all users if `linkup run` has left their passwords here, and otherwise our own."""
    if seen.where is None or not seen.where.nats_url:
        return skipped("permissions")
    urls = _urls(seen.settings.data, seen.where.nats_url)
    if not urls:
        return skipped("permissions", "the user of LINKUP_NATS_URL is none of ours")
    try:
        found = await asyncio.gather(*(_faults(user, url) for user, url in urls.items()))
    except (StartError, LinkupError) as error:
        return failed("permissions", str(error), "Check the users of nats-server.")
    if wrong := [fault for faults in found for fault in faults]:
        fix = "Give nats-server the permissions of deploy/nats.conf."
        return failed("permissions", "; ".join(wrong), fix)
    return passed("permissions", f"{', '.join(urls)}: {2 * len(TRIED)} subjects tried of each")


def _urls(data: Path, nats_url: str) -> dict[str, str]:
    """Return the URLs with which to connect, by user."""
    parts = urlsplit(nats_url.split(",")[0])
    own = unquote(parts.username or "")
    try:
        text = (data / "nats" / "nats-server.conf").read_bytes()
        known = msgspec.json.decode(text, type=_Config).authorization.users
    except (OSError, msgspec.MsgspecError):
        return {own: nats_url} if own in PUBLISH else {}
    if (own, unquote(parts.password or "")) not in [(one.user, one.password) for one in known]:
        return {own: nats_url} if own in PUBLISH else {}  # another server's
    where = f"{parts.hostname}:{parts.port}"
    return {one.user: f"nats://{one.user}:{quote(one.password)}@{where}" for one in known}


async def _faults(user: str, url: str) -> list[str]:
    """Return what the broker wrongly permits, and what it wrongly refuses."""
    rights = {"publish": PUBLISH[user], "subscribe": SUBSCRIBE[user]}
    tried = await asyncio.gather(*(_refused(user, url, *each) for each in rights.items()))
    return [
        f"{user} {'may' if subject not in refused else 'may not'} {verb} {subject}"
        for (verb, may), refused in zip(rights.items(), tried, strict=True)
        for subject in TRIED
        if any(covers(pattern, subject) for pattern in may) == (subject in refused)
    ]


async def _refused(user: str, url: str, verb: str, may: Iterable[str]) -> set[str]:
    """Return the subjects that the broker refuses."""
    said: list[str] = []
    async with bus.connect(url, user, timeout=CONNECT_TIMEOUT, on_fault=said.append) as wire:
        if verb == "publish":
            heard = [one for one in HEARD if any(covers(pattern, one) for pattern in may)]
            await asyncio.gather(*(_ask(wire, one) for one in TRIED if one not in heard))
        else:
            for subject in TRIED:
                await wire.subscribe(subject, lambda _: None)
        for _ in range(2):  # refusals come before the answer to a ping
            await wire.flush()
    told = [text.lower() for text in said if VIOLATION[verb] in text.lower()]
    return {one for one in TRIED if any(f'"{one.lower()}"' in text for text in told)}


async def _ask(wire: bus.Bus, subject: str) -> None:
    """Publish there as a request, which a service may answer."""
    try:
        await wire.request(subject, encode(Readiness()), ANSWER_TIMEOUT)
    except LinkupError:
        return  # refused, or nobody is there


async def checks(seen: Seen) -> list[Verdict]:
    bus, users = await asyncio.gather(reached(seen), permissions(seen))
    if bus.status == "fail" and users.status == "fail":
        users = skipped("permissions", "nats-server has to be reached first")
    return [bus, users]
