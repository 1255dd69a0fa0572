"""Owns the delivery of a notification to the browsers of a user by web push, and its outcome.

A push is encrypted for its browser (RFC 8291), so that the push service in between cannot read it,
and signed with our key (RFC 8292). Before any push leaves, `begin` and its row have committed; one
that then gets no answer is not repeated.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from py_vapid import VapidException

from services.notify.channels.signer import Signer
from services.notify.ladder.delivery import Outcome
from services.notify.store import subscriptions
from services.notify.store.subscriptions import Errand, Subscription, Subscriptions
from shared.breaker import Breaker
from shared.clock import SECOND
from shared.frames.fields import Priority
from shared.outward import Answer, NotSent, Outward, Unanswered
from shared.outward.destinations import Refused, Rules
from shared.retry import Retries

AT_ONCE = 16  # deliveries: some of the services that users name do not answer
CONNECT_TIMEOUT, TIMEOUT = 5.0, 10.0  # seconds, of a request
TTL = 86_400  # seconds; whoever comes later finds it in the list. 0 would drop it when offline
URGENCY: Mapping[Priority, str] = {
    "low": "low",
    "normal": "normal",
    "high": "high",
    "urgent": "high",
}
MAX_TITLE, MAX_BODY, MAX_URL = 120, 240, 1024  # a push service takes 4,096 bytes in all
ANSWER_BYTES = 4096
LONGEST_WAIT = 86_400.0  # that a push service may ask for
MOST_BREAKERS = 256
SETTLED: tuple[Literal["sent", "unknown", "failed"], ...] = ("sent", "unknown", "failed")
RETRIES = Retries(attempts=8, base=30.0, cap=3600.0)  # for about an hour

Begin = Callable[[], Awaitable[bool]]


class Note(Struct, frozen=True, kw_only=True):
    """The note that the page's service worker shows. A later one with the same `tag` replaces it.

    `notification_id`: empty for messages. `badge`: the number of unread notifications.
    """

    title: str
    body: str
    url: str
    tag: str
    notification_id: str = ""
    priority: Priority = "normal"
    badge: int = 0


class Request(Struct, frozen=True):
    endpoint: str
    origin: str
    body: bytes
    headers: dict[str, str]


class Result(Struct, frozen=True):
    """The result for one device. `worked`: its push service does. `wait`: seconds it asked for."""

    outcome: subscriptions.Outcome
    reason: str
    worked: bool | None = None
    wait: float = 0.0


class Push:
    def __init__(
        self,
        outward: Outward,
        rules: Rules,
        subscriptions: Subscriptions,
        signer: Signer,
        *,
        clock: Callable[[], int],
        with_content: bool = True,
    ) -> None:
        self._outward = outward
        self._rules = rules
        self._subscriptions = subscriptions
        self._signer = signer
        self._clock = clock
        self._with_content = with_content
        self._breakers: dict[str, Breaker] = {}

    async def send(self, errand: Errand, note: Note, begin: Begin) -> Outcome:
        """To each device of the user that has not been pushed to. Awaits `begin` at the point of no
        return, and goes no further when it says False."""
        devices = await self._subscriptions.devices(errand)
        if not devices.left:
            return concluded(devices.outcomes, [], self._clock())
        note = replace(note, badge=devices.badge)
        made = await asyncio.to_thread(self._made, devices.left, note)
        if not await begin():
            return Outcome("withdrawn")
        await self._subscriptions.begin(errand, devices.left)
        results = await asyncio.gather(*map(self._push, made))
        outcomes = zip(devices.left, results, strict=True)
        await self._subscriptions.settle(
            errand, {device: result.outcome for device, result in outcomes}
        )
        return concluded(devices.outcomes, results, self._clock())

    def _made(self, devices: Iterable[Subscription], note: Note) -> list[Request | Result]:
        content = payload(note if self._with_content else replace(note, title="", body=""))
        return [self._request(device, note, content) for device in devices]

    def _request(self, device: Subscription, note: Note, content: bytes) -> Request | Result:
        try:
            origin = str(self._rules.target(device.endpoint).origin())
            authorization = self._signer.authorization(origin)
        except (Refused, VapidException):  # the rules may have changed since it was stored
            return Result("failed", "address_refused")
        headers = {
            "Authorization": authorization,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(TTL),
            "Topic": self._signer.topic(note.tag),
            "Urgency": URGENCY[note.priority],
        }
        return Request(device.endpoint, origin, encrypted(device, content), headers)

    async def _push(self, made: Request | Result) -> Result:
        if isinstance(made, Result):
            return made
        breaker = self._breaker(made.origin)
        if not breaker.room(1):
            return Result("postponed", "service_fails")
        breaker.begin()
        result = await self._asked(made)
        breaker.end(result.worked, result.reason)
        return result

    async def _asked(self, made: Request) -> Result:
        try:
            answer = await self._outward.request(
                "POST",
                made.endpoint,
                body=made.body,
                headers=made.headers,
                answer_bytes=ANSWER_BYTES,
            )
        except Refused:
            return Result("failed", "address_refused")
        except NotSent:
            return Result("postponed", "not_connected", worked=False)
        except Unanswered:
            return Result("unknown", "no_answer", worked=False)
        return judged(answer)

    def failing(self) -> float:
        """The number of push services that are left alone."""
        return sum(breaker.state != "closed" for breaker in self._breakers.values())

    def _breaker(self, origin: str) -> Breaker:
        """Each service has its own: users name them, and one that fails must not stop another."""
        if len(self._breakers) >= MOST_BREAKERS:
            self._breakers = {o: b for o, b in self._breakers.items() if b.state != "closed"}
        if len(self._breakers) >= MOST_BREAKERS:
            self._breakers.clear()
        return self._breakers.setdefault(origin, Breaker("a push service", RETRIES))


def encrypted(device: Subscription, content: bytes) -> bytes:
    """Encrypt for this browser alone (RFC 8291)."""
    from pywebpush import WebPusher  # slow to load, so at the first push

    keys = {"p256dh": device.p256dh, "auth": device.auth}
    body: bytes = WebPusher({"endpoint": device.endpoint, "keys": keys}).encode(content)["body"]
    return body


def payload(note: Note) -> bytes:
    """In UTF-8 short enough for every push service."""
    short = replace(
        note,
        title=_cut(note.title, MAX_TITLE),
        body=_cut(note.body, MAX_BODY),
        url=note.url if len(note.url) <= MAX_URL else "",
    )
    return msgspec.json.encode(short)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def judged(answer: Answer) -> Result:
    """Read the answer of a push service (RFC 8030, section 5)."""
    reason = f"http_{answer.status}"
    match answer.status:
        case 404 | 410:
            return Result("removed", reason, worked=True)
        case 413 | 429:
            wait = wait_of(answer.headers.get("retry-after", ""), time.time())
            return Result("postponed", reason, worked=True, wait=wait)
        case status if 200 <= status < 300:
            return Result("sent", reason, worked=True)
        case status if status >= 500:
            wait = wait_of(answer.headers.get("retry-after", ""), time.time())
            return Result("postponed", reason, worked=False, wait=wait)
        case _:
            return Result("failed", reason, worked=True)


def wait_of(text: str, now: float) -> float:
    """The seconds of a Retry-After (RFC 9110, 10.2.3), which is seconds or a date."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(float(text), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(0.0, until.timestamp() - now), LONGEST_WAIT)


def concluded(earlier: Iterable[str], results: Sequence[Result], now: int) -> Outcome:
    """The outcome of a delivery whose devices had these; what is postponed goes on later."""
    reasons = {"unknown" if outcome == "sending" else outcome: "" for outcome in earlier}
    reasons |= {result.outcome: result.reason for result in results}
    if "postponed" in reasons:
        wait = int(max(result.wait for result in results) * SECOND)
        return Outcome("postponed", reasons["postponed"], due_at=now + wait if wait else 0)
    for kind in SETTLED:
        if kind in reasons:
            return Outcome(kind, reasons[kind])
    return Outcome("cancelled", "no_subscription")
