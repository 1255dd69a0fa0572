"""Owns a delivery that is due, with all that was found out about it: a case.

A case has one part, or as a digest one for each thread that it collected.
"""

from msgspec import Struct
from msgspec.structs import replace

from services.notify.ladder.content import Content, DigestContent, MessageContent, NoticeContent
from services.notify.ladder.delivery import DIGEST, NOTICE, Delivery, Key, Outcome
from services.notify.ladder.preferences import Preferences
from services.notify.ladder.step import Facts, ended, next_step
from shared.commands import Preview, Profile, Reached


class Part(Struct, frozen=True, kw_only=True):
    """A thread: its deliveries, at least one, and what is to be shown of it. `newest`: the newest
    message shown, with the latest time of any; None of a notification. `omissions`: as a
    delivery has them."""

    deliveries: tuple[Delivery, ...]
    facts: Facts
    content: MessageContent | NoticeContent | None = None
    newest: Preview | None = None
    omissions: str = ""

    @property
    def last(self) -> Delivery:
        return max(self.deliveries, key=lambda one: one.last_seq)

    @property
    def key(self) -> Key:
        return self.deliveries[0].key

    @property
    def unread(self) -> int:
        return self.content.unread if isinstance(self.content, MessageContent) else 1

    @property
    def notification_id(self) -> str:
        return self.deliveries[0].thread.removeprefix(NOTICE)


class Case(Struct, frozen=True, kw_only=True):
    """`profile`: that of the recipient. `parts`: none for a digest with nothing left to show."""

    delivery: Delivery
    profile: Profile
    preferences: Preferences
    reach: Reached
    parts: tuple[Part, ...]

    @property
    def is_digest(self) -> bool:
        return self.delivery.thread == DIGEST

    def next_step(self, now: int) -> Outcome | None:
        if not self.is_digest:
            return next_step(self.parts[0].facts, self.preferences, now)
        unread = bool(self.parts)
        own = Facts(channel=self.delivery.channel, digest=True, unread=unread, reach=self.reach)
        return next_step(own, self.preferences, now)

    def endings(self) -> list[tuple[tuple[Delivery, ...], Outcome]]:
        """The parts of a digest that there is no need to show, and why."""
        outcomes = [(part.deliveries, ended(part.facts, self.preferences)) for part in self.parts]
        return [(members, outcome) for members, outcome in outcomes if outcome is not None]

    def without(self, endings: list[tuple[tuple[Delivery, ...], Outcome]]) -> "Case":
        gone = [members for members, _ in endings]
        return replace(self, parts=tuple(one for one in self.parts if one.deliveries not in gone))

    def content(self) -> Content:
        """Return the content to show. The case must have parts."""
        shown = [part.content for part in self.parts if part.content is not None]
        if not self.is_digest:
            return shown[0]
        digest = self.preferences.digest
        return DigestContent(
            period="daily" if digest == "off" else digest,  # it may have been switched off since
            conversations=[one for one in shown if isinstance(one, MessageContent)],
            notices=[one for one in shown if isinstance(one, NoticeContent)],
        )
