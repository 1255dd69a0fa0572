"""Owns the connection to NATS. No other module imports nats, except `nats_client`.

The wire keeps nothing: no buffering while disconnected, a publish that cannot leave is dropped,
a request that cannot leave fails at once. Whoever waits for a fact re-reads the log.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from shared import subjects
from shared.errors import StartError, Unavailable
from shared.health.defects import unexpected
from shared.health.endpoints import Check
from shared.health.probe import Probe
from shared.health.records import record
from shared.health.taxonomy import Category
from shared.nats_client import NatsClient, errors
from shared.settings.addresses import without_password

logger = logging.getLogger("linkup.bus")

Handler = Callable[["Delivery"], None]

FLUSH_EVERY = 256  # publishes: without a buffer limit nothing else slows a burst down
CONNECT_TIMEOUT = 10.0
FLUSH_TIMEOUT = 5.0
REFUSED = re.compile(r'permissions violation for subscription to "([^"]+)"', re.IGNORECASE)
# After these the client disconnects, which is noted then.
ENDS = (errors.UnexpectedEOF, errors.StaleConnectionError, OSError)
PING_TIMEOUT = 2.0  # below the deadline of what is asked over the bus: the bus is blamed first


@dataclass(slots=True)
class Delivery:
    """One message from the bus, and the way to answer it."""

    subject: str
    payload: bytes
    reply_to: str


class NoResponders(Unavailable):
    """Nobody listens on that subject: said by the broker at once."""


class BusTimeout(Unavailable):
    """The request left; whether it was carried out is unknown."""


class Subscription:
    """Interest in one subject, until it is closed."""

    __slots__ = ("_client", "_number")

    def __init__(self, client: NatsClient, number: int) -> None:
        self._client = client
        self._number = number

    async def close(self) -> None:
        """Hand nothing on that comes from now on."""
        self._client.forget(self._number)


class Bus:
    def __init__(self, client: NatsClient, refused: Collection[str] = ()) -> None:
        """Use a connected client. `refused` has the subjects on which the server does not let us
        listen."""
        self._client = client
        self._refused = refused
        self._unflushed = 0
        self._flush: asyncio.Task[bool] | None = None  # under way
        self._next_flush: asyncio.Task[bool] | None = None
        self.probe = Probe("nats-server", self._ping)
        client.on_read = self.probe.proved

    @property
    def connected(self) -> bool:
        return bool(self._client.is_connected)

    @property
    def max_payload(self) -> int:
        return int(self._client.max_payload)

    @property
    def version(self) -> str:
        """The broker's."""
        known = self._client.connected_server_version
        return f"{known.major}.{known.minor}.{known.patch}"

    def check(self) -> Check:
        if self.connected:
            return self.probe.check()
        return Check("fail", "no connection to nats-server: start it or check LINKUP_NATS_URL")

    def subscriptions(self) -> Check:
        """Check that nats-server has accepted all our subscriptions."""
        if not self._refused:
            return Check("pass")
        return Check("fail", f"nats-server does not deliver {', '.join(sorted(self._refused))}")

    async def _ping(self) -> None:
        """Ask the broker and wait for its answer: the client's own pings take 10 s and more to find
        it frozen."""
        try:
            await self._round_trip(PING_TIMEOUT)
        except (errors.Error, TimeoutError, OSError):
            raise Unavailable("no answer to a ping") from None

    async def _round_trip(self, timeout: float) -> None:
        """Like the client's `flush`, but a cancelled caller does not cancel the ping."""
        if not self.connected:
            raise errors.ConnectionClosedError
        answered = asyncio.get_running_loop().create_future()
        await self._client._send_ping(answered)  # noqa: SLF001 - `flush` makes its own future
        done, _ = await asyncio.wait([answered], timeout=timeout)
        if not done:
            raise TimeoutError

    def post(self, subject: str, payload: bytes) -> None:
        """Hand to the wire, or drop when there is none: the log repairs it.

        All that is said in one turn of the loop leaves in one write.
        """
        try:
            self._client.send(subject, payload)
        except errors.Error as error:
            logger.debug("publish dropped: %s", type(error).__name__)

    async def publish(self, subject: str, payload: bytes) -> None:
        """Like `post`, for many messages: a burst waits for the broker now and then."""
        self.post(subject, payload)
        self._unflushed += 1
        if self._unflushed >= FLUSH_EVERY:
            try:
                await self.flush()
            except Unavailable:
                logger.debug("a burst goes on without the broker")

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        """Raises NoResponders or Unavailable (not carried out), BusTimeout (unknown)."""
        try:
            reply = await self._client.ask(subject, payload, timeout)
        except errors.NoRespondersError:
            _note("routing_error", "nobody answers on the bus", subject)
            raise NoResponders("The service is starting or away") from None
        except (errors.TimeoutError, TimeoutError):
            _note("connection_error", "no answer in time over the bus", subject)
            raise BusTimeout("The service did not answer in time") from None
        except (errors.Error, OSError):
            if self.connected:  # else its loss has been noted
                _note("connection_error", "the bus cannot be reached", subject)
            raise Unavailable("The message bus cannot be reached") from None
        return reply

    async def subscribe(self, subject: str, handler: Handler, *, queue: str = "") -> Subscription:
        """Have the handler called with what comes on a subject, in the turn of the loop that reads
        from the broker: it must only enqueue, within bounds of its own."""

        def deliver(subject: str, payload: bytes, reply_to: str) -> None:
            try:
                handler(Delivery(subject, payload, reply_to))
            except Exception as error:
                logger.exception("a handler failed", extra={"subject": subject})
                unexpected(error, "a handler of the bus failed")

        try:
            number = self._client.listen(subject, deliver, queue)
        except errors.Error:
            raise Unavailable("The message bus cannot be reached") from None
        return Subscription(self._client, number)

    async def flush(self) -> None:
        """Wait until the broker has seen all that was handed over. Raises Unavailable.

        Those who come while one is under way share the next: this one began too early for them.
        """
        if self._next_flush is None:
            self._next_flush = asyncio.create_task(self._flush_after(self._flush))
        if not await asyncio.shield(self._next_flush):
            raise Unavailable("The message bus cannot be reached")

    async def _flush_after(self, previous: "asyncio.Task[bool] | None") -> bool:
        """Return whether the broker answered."""
        if previous is not None:
            await asyncio.wait([previous])
        self._flush, self._next_flush = self._next_flush, None
        self._unflushed = 0
        try:
            await self._round_trip(FLUSH_TIMEOUT)
        except (errors.Error, TimeoutError, OSError):
            return False
        return True


class _Link:
    """Logs what becomes of the connection; a failure that repeats has one line."""

    def __init__(
        self,
        url: str,
        on_reconnect: Callable[[], Awaitable[None]] | None,
        on_fault: Callable[[str], None],
    ) -> None:
        self.shown = without_password(url)
        self.open = False  # until it is closed
        self.lost = True
        self.trouble = ""
        self.refused: set[str] = set()  # subjects that we may not listen on
        self._on_reconnect = on_reconnect
        self._on_fault = on_fault

    async def on_error(self, error: Exception) -> None:
        reason, again = _reason(error), _reason(error) == self.trouble
        self._on_fault(reason)
        self.trouble = reason
        if found := REFUSED.search(reason):
            self.refused.add(found[1])
            logger.error("bus: %s", reason)
            record("routing_error", f"not allowed to listen on {found[1]}", subject=found[1])
        elif self.lost or isinstance(error, ENDS):
            if not again:
                logger.warning("no nats-server at %s: %s", self.shown, reason)
        else:
            logger.warning("bus: %s", reason)
            record("connection_error", "the bus: {error}", error=type(error).__name__)

    async def on_disconnect(self) -> None:
        """Note the loss once: the attempts to reconnect that fail are part of it."""
        self.lost = True
        self.refused.clear()  # all is asked for again
        if self.open:
            logger.warning("disconnected from the bus")
            record("connection_error", "disconnected from the bus")

    async def on_reconnected(self) -> None:
        self.lost, self.trouble = False, ""
        logger.info("connected to the bus again")
        if self._on_reconnect is not None:
            await self._on_reconnect()


@asynccontextmanager
async def connect(
    url: str,
    name: str,
    on_reconnect: Callable[[], Awaitable[None]] | None = None,
    timeout: float = CONNECT_TIMEOUT,
    on_fault: Callable[[str], None] = lambda reason: None,
) -> AsyncIterator[Bus]:
    """Connect for the life of the process. Raises StartError when the broker is not there.
    `on_fault`: called with what the broker says of an error, as of something it does not permit."""

    link = _Link(url, on_reconnect, on_fault)
    client = NatsClient()
    bus = Bus(client, link.refused)
    try:
        async with asyncio.timeout(timeout):  # the client's own first connect: 60 times 2 s
            await client.connect(
                url.split(","),
                name=name,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.25,  # type: ignore[arg-type]  # any number of seconds
                connect_timeout=2,
                ping_interval=5,
                max_outstanding_pings=2,
                drain_timeout=5,
                pending_size=0,  # fail at once while disconnected (R1)
                inbox_prefix=f"_INBOX_{name}".encode(),
                error_cb=link.on_error,
                disconnected_cb=link.on_disconnect,
                reconnected_cb=link.on_reconnected,
            )
    except (TimeoutError, errors.Error, OSError) as error:
        await _quietly(client.close())
        raise StartError(
            f"cannot reach nats-server at {link.shown}: {link.trouble or _reason(error)}; "
            "start it, or set LINKUP_NATS_URL to where it is"
        ) from None
    link.open, link.lost, link.trouble = True, False, ""
    bus.probe.proved()
    probing = asyncio.create_task(bus.probe.run())
    try:
        yield bus
    finally:
        link.open = False
        probing.cancel()
        await asyncio.wait([probing])
        await _quietly(client.close())


async def _quietly(step: Awaitable[Any]) -> None:
    """Closing a connection that is already lost is no error."""
    try:
        await step
    except (errors.Error, OSError):
        logger.debug("closing a lost connection")


def _note(category: Category, what: str, subject: str) -> None:
    """Record an error. A user's subject may be silent, and health has checks of its own."""
    if not subject.startswith(subjects.USERS) and not subject.endswith((".health", ".badges")):
        record(category, f"{what}: {subject}", subject=subject)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
