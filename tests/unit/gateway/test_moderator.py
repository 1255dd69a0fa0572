"""The host app is asked about messages before they are stored, in order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from services.gateway.upstream import moderator as moderator_module
from services.gateway.upstream.gate import Gate
from services.gateway.upstream.lanes import Lanes
from services.gateway.upstream.moderator import NO_WORDS, Moderator, Said, Verdict
from shared.commands import (
    Batch,
    Command,
    DeleteMessage,
    EditMessage,
    Refused,
    RejectMessage,
    Result,
    Results,
    Stored,
    StoreMessage,
)
from shared.errors import Rejected
from shared.reserved import CANARIES
from tests.support.waiting import eventually
from tests.unit.gateway.fake_lane import FakeBus

OK = Verdict(True)


class Host:
    """The host app: it rejects what has "bad" in it, and answers when `hold` is set."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.answers = True
        self.slow: set[str] = set()  # the users whose messages it takes long for
        self.hold = asyncio.Event()

    async def judge(self, said: Sequence[Said]) -> Sequence[Verdict] | None:
        self.asked.append([one.content for one in said])
        if said[0].user_id in self.slow:
            await self.hold.wait()
        if not self.answers:
            return None
        return [Verdict(False, "Be  kind.\n") if "bad" in s.content else OK for s in said]


class World:
    def __init__(self, host: Host, lanes: Lanes, bus: FakeBus) -> None:
        self.host = host
        self.lanes = lanes
        self.bus = bus
        self.gate = Gate()
        self.results: dict[str, Result] = {}

    def say(self, content: str, user_id: str = "alice", client_id: str = "") -> None:
        command = StoreMessage(
            user_id=user_id,
            connection_id="s1",
            client_id=client_id or content,
            conversation_id=f"{user_id}-bob",
            content=content,
        )
        self.do(command, content, self.gate)

    def do(self, command: Command, label: str, gate: Gate | None = None) -> None:
        def settle(result: Result) -> None:
            self.results[label] = result

        self.lanes.submit(command, settle, gate)

    def codes(self) -> dict[str, str]:
        return {
            label: one.code if isinstance(one, Refused) else "ok"
            for label, one in self.results.items()
        }

    def stored(self) -> list[str]:
        return [
            one.content
            for batch in self.bus.batches
            for one in batch.commands
            if isinstance(one, StoreMessage)
        ]

    async def until(self, **codes: str) -> None:
        await eventually(lambda: self.codes() == codes)


def store(batch: Batch) -> Results:
    """As the store does, which nothing of this is known to."""
    return Results([_stored(command) for command in batch.commands])


def _stored(command: Command) -> Result:
    if isinstance(command, RejectMessage):
        return Refused.of(Rejected(command.words))
    return Stored(1, "c", 1, 1, False, 1)


@asynccontextmanager
async def world(is_open: bool = True) -> AsyncIterator[World]:
    host, bus = Host(), FakeBus(store)
    moderator = Moderator(host.judge, is_open)
    lanes = Lanes(bus, 2, check=moderator.submit)  # type: ignore[arg-type]  # the part it uses
    async with asyncio.TaskGroup() as tasks:
        moderator.start(tasks)
        running = lanes.start(tasks)
        yield World(host, lanes, bus)
        await moderator.settled()
        for task in running:
            task.cancel()


async def test_the_words_of_the_host_are_the_senders_error() -> None:
    async with world() as w:
        w.say("fine")
        w.say("bad")
        await w.until(fine="ok", bad="rejected")
        refused = w.results["bad"]
        assert isinstance(refused, Refused)
        assert (refused.message, refused.error().temporary) == ("Be kind.", False)
        assert w.stored() == ["fine"]
        assert Verdict(False, " ").words == NO_WORDS
        assert len(Verdict(False, "x" * 999).words) == 300


async def test_c4_a_users_messages_keep_their_order_and_gather_while_one_question_is_open() -> None:
    async with world() as w:
        w.host.slow = {"alice"}
        w.say("1")
        await eventually(lambda: w.host.asked == [["1"]])
        for number in range(2, 6):
            w.say(str(number))
        w.host.hold.set()
        await eventually(lambda: len(w.results) == 5)
        assert w.host.asked == [["1"], ["2", "3", "4", "5"]]
        assert w.stored() == ["1", "2", "3", "4", "5"]


async def test_c10_nobody_waits_for_the_messages_of_another() -> None:
    async with world() as w:
        w.host.slow = {"alice"}
        w.say("hers")
        await eventually(lambda: bool(w.host.asked))
        for number in range(10):  # in both lanes
            w.say(f"{number}", user_id=f"user-{number}")
        await eventually(lambda: len(w.results) == 10)
        assert "hers" not in w.results
        w.host.hold.set()


async def test_what_waits_for_its_question_gathers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits here: a wait for a connection would count as a failure of the host app."""
    monkeypatch.setattr(moderator_module, "QUESTIONS", 2)
    async with world(is_open=False) as w:
        w.host.slow = {"alice", "bob"}
        for user_id in ("alice", "bob", "carol"):
            w.say(user_id, user_id=user_id)
        await eventually(lambda: w.host.asked == [["alice"], ["bob"]])
        w.say("more", user_id="carol")
        w.host.hold.set()
        await w.until(alice="ok", bob="ok", carol="ok", more="ok")
        assert w.host.asked[2:] == [["carol", "more"]]


async def test_what_has_waited_too_long_is_not_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an app that has fallen behind can catch up."""
    monkeypatch.setattr(moderator_module, "QUESTIONS", 1)
    async with world() as w:
        w.host.slow = {"alice"}
        w.say("alice")
        await eventually(lambda: w.host.asked == [["alice"]])
        w.say("carol", user_id="carol")
        monkeypatch.setattr(moderator_module, "DEADLINE", -1.0)
        w.host.hold.set()
        await w.until(alice="unavailable", carol="unavailable")
        assert w.host.asked == [["alice"]]


async def test_without_an_answer_messages_are_sent_if_it_fails_open() -> None:
    async with world(is_open=True) as w:
        w.host.answers = False
        w.say("bad")
        await w.until(bad="ok")


async def test_c4_without_an_answer_they_come_again_in_order_if_it_fails_closed() -> None:
    async with world(is_open=False) as w:
        w.host.answers = False
        w.say("first")
        await w.until(first="unavailable")
        w.host.answers = True
        w.say("second")
        await w.until(first="unavailable", second="out_of_order")
        w.say("first")
        w.say("second")
        await w.until(first="ok", second="ok")
        assert w.stored() == ["first", "second"]


async def test_an_edit_is_asked_about_and_other_commands_are_not() -> None:
    async with world() as w:
        w.do(EditMessage(user_id="alice", message_id=1, content="bad"), "edit")
        w.do(EditMessage(user_id="alice", message_id=1, content="good"), "again")
        w.do(DeleteMessage(user_id="alice", message_id=1, mode="me"), "delete")
        await w.until(edit="rejected", again="ok", delete="ok")
        assert w.host.asked == [["bad", "good"]]


async def test_nobody_is_asked_about_the_canary_or_what_the_host_says_itself() -> None:
    async with world() as w:
        w.say("bad", user_id=CANARIES[0])
        command = StoreMessage(
            user_id="alice", connection_id="", client_id="h", conversation_id="c", content="bad"
        )
        await w.lanes.call(command, Stored, checked=True)
        await w.until(bad="ok")
        assert w.host.asked == []


async def test_c10_who_floods_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moderator_module, "OWN", 2)
    async with world() as w:
        for number in range(4):
            w.say(str(number))
        await w.until(**{"0": "ok", "1": "ok", "2": "overloaded", "3": "overloaded"})
        monkeypatch.setattr(moderator_module, "MOST", 0)
        w.say("4", user_id="carol")
        await eventually(lambda: w.codes().get("4") == "overloaded")
