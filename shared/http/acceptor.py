"""Owns accepting connections: a few in each turn of the loop, from a long listen queue.

asyncio accepts as many in one turn as its backlog says, and when descriptors run out it tries
that often, with a traceback each.
"""

import asyncio
import socket
from collections.abc import Callable

from shared.http.admission import Admission, Guest

BACKLOG = 4096  # may wait to be accepted; the system may allow less (net.core.somaxconn)
AT_ONCE = 4  # accepted in one turn, at some 0.2 ms each
RETRY = 0.5  # seconds until the next try, when descriptors have run out


class Acceptor:
    """Serves one listening socket, as asyncio's Server does: close, wait_closed."""

    def __init__(
        self,
        listener: socket.socket,
        admission: Admission,
        create_protocol: Callable[[Guest], asyncio.Protocol],
        on_exhausted: Callable[[OSError], None],
    ) -> None:
        self._listener = listener
        self._admission = admission
        self._create_protocol = create_protocol
        self._on_exhausted = on_exhausted
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False
        self._retry: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        listener.listen(BACKLOG)
        self._resume()

    def close(self) -> None:
        """Accept no more. The listening socket itself stays as it is."""
        self._closed = True
        self._loop.remove_reader(self._listener.fileno())
        if self._retry is not None:
            self._retry.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _resume(self) -> None:
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            if self._closed:
                return
            try:
                connection, peer = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            guest = self._admission.enter(str(peer[0]) if isinstance(peer, tuple) else "")
            if guest is None:
                connection.close()
            else:
                task = self._loop.create_task(self._open(connection, guest))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)

    def _pause(self, error: OSError) -> None:
        self._on_exhausted(error)
        self._loop.remove_reader(self._listener.fileno())
        self._retry = self._loop.call_later(RETRY, self._resume)

    async def _open(self, connection: socket.socket, guest: Guest) -> None:
        try:
            connection.setblocking(False)
            await self._loop.connect_accepted_socket(
                lambda: self._create_protocol(guest), connection
            )
        except OSError:  # it is gone already
            self._admission.leave(guest)
            connection.close()
