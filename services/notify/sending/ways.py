"""Owns the ways by which deliveries leave: what each channel makes of a case, and its words."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from services.notify.channels.email import Channel as MailServer
from services.notify.channels.letter import Letter, Letters
from services.notify.channels.notes import Notes
from services.notify.channels.push import Push
from services.notify.ladder.cases import Case
from services.notify.ladder.content import Content, DigestContent
from services.notify.ladder.delivery import Channel, Outcome
from services.notify.store.subscriptions import Errand
from shared.commands import Profile

Begin = Callable[[], Awaitable[bool]]

MOST_READ = 256  # a limit: there is no end of locales and time zones


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
        self._read = set[tuple[object, ...]]()

    async def send(self, case: Case, begin: Begin) -> Outcome:
        name = case.delivery.delivery_id
        letter = await self._letter(name, case.profile, case.content())
        return await self._server.send(name, letter, begin)

    async def _letter(self, name: str, profile: Profile, content: Content) -> Letter:
        """Write an e-mail, in a thread if that takes long: as a digest does, and the first use of
        a language or a time zone, which are read from files."""
        needed = profile.locale, profile.time_zone, type(content)
        if needed in self._read and not isinstance(content, DigestContent):
            return self._letters.write(name, profile, content)
        letter = await asyncio.to_thread(self._letters.write, name, profile, content)
        if len(self._read) >= MOST_READ:
            self._read.clear()
        self._read.add(needed)
        return letter


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
