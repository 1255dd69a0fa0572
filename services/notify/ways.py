"""Owns the ways by which deliveries leave: what each channel makes of a case, and its words."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from services.notify.cases import Case
from services.notify.channels.email import Channel as MailServer
from services.notify.channels.letter import Letters
from services.notify.channels.notes import Notes
from services.notify.channels.push import Push
from services.notify.ladder.delivery import Channel, Outcome
from services.notify.subscriptions import Errand

Begin = Callable[[], Awaitable[bool]]


class Words(Struct, frozen=True):
    """For people: what is delivered, and by whom. `counter`: what its counters are named after."""

    one: str
    many: str
    server: str
    counter: str
    of_users: bool = False  # they name the server: that it fails is no fault of ours


class Way(Protocol):
    channel: Channel
    words: Words

    async def send(self, case: Case, begin: Begin) -> Outcome:
        """Awaits `begin` at the point of no return, and goes no further when it says False."""


class ByEmail:
    channel: Channel = "email"
    words = Words("an e-mail", "e-mails", "the mail server", "smtp")

    def __init__(self, server: MailServer, letters: Letters) -> None:
        self._server = server
        self._letters = letters

    async def send(self, case: Case, begin: Begin) -> Outcome:
        name, content = case.delivery.delivery_id, case.content()
        # In a thread: a time zone is read from its file when it is first named.
        letter = await asyncio.to_thread(self._letters.write, name, case.profile, content)
        return await self._server.send(name, letter, begin)


class ByPush:
    channel: Channel = "push"
    words = Words("a push", "pushes", "a push service", "push", of_users=True)

    def __init__(self, push: Push, notes: Notes) -> None:
        self._push = push
        self._notes = notes

    async def send(self, case: Case, begin: Begin) -> Outcome:
        delivery, newest = case.delivery, case.parts[0].newest
        last_seq = max(delivery.last_seq, newest.seq if newest else 0)
        errand = Errand(delivery.delivery_id, delivery.user_id, last_seq)
        note = self._notes.write(delivery.thread, case.content())
        return await self._push.send(errand, note, begin)
