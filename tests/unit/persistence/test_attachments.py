"""The record of an upload, in a real SQLite file: who may send it, see it, and delete it."""

import msgspec
import pytest

from services.persistence.decide.attachments import MAX_UNSENT
from services.persistence.decide.messages import content_hash
from services.persistence.decide.state import Limits
from services.persistence.queries import Queries
from services.persistence.store.store import Store
from shared import commands
from shared.commands import (
    Attachment,
    AttachmentRecord,
    ClearConversation,
    CommitAttachment,
    CondemnAttachments,
    Condemned,
    DeleteMessage,
    Done,
    ForgetAttachments,
    History,
    Refused,
    ReserveAttachment,
    Result,
    Snapshot,
    Stored,
    StoreMessage,
    Totals,
)
from shared.errors import NotFound
from shared.subjects import direct_conversation_id
from tests.unit.persistence.log import Log, message
from tests.unit.persistence.reads import feed

AB = direct_conversation_id("alice", "bob")


@pytest.fixture
async def people(log: Log) -> Log:
    await log.people("alice", "bob", "carol")
    return log


async def upload(log: Log, *attachment_ids: str, owner: str = "alice") -> None:
    for one in attachment_ids:
        await log.run(ReserveAttachment(user_id=owner, attachment_id=one, name=f"{one}.txt"))
        [done] = await log.run(
            CommitAttachment(user_id=owner, attachment_id=one, media_type="text/plain", size=3)
        )
        assert done == Done()


def carrying(*attachment_ids: str, client_id: str = "c1", content: str = "") -> StoreMessage:
    told = message("alice", "bob", content, client_id)
    return msgspec.structs.replace(told, attachments=list(attachment_ids))


async def send(log: Log, *attachment_ids: str, client_id: str = "c1") -> Result:
    [result] = await log.run(carrying(*attachment_ids, client_id=client_id))
    return result


def code(result: Result) -> str:
    return result.code if isinstance(result, Refused) else "ok"


async def seen(queries: Queries, attachment_id: str, user_id: str | None) -> bool:
    asked = Attachment(attachment_id=attachment_id, user_id=user_id)
    try:
        answer = await queries.answer(asked)
    except NotFound:
        return False
    return commands.open_answer(answer, AttachmentRecord).attachment_id == attachment_id


async def shown(queries: Queries, user_id: str = "bob") -> list[list[str]]:
    """The ids in each message of the conversation."""
    asked = History(user_id=user_id, conversation_id=AB)
    answer = await queries.answer(asked)
    page = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
    return [[a["attachment_id"] for a in m.get("attachments", [])] for m in page["messages"]]


# ------------------------------------------------------------------ sending


async def test_s17_a_message_carries_its_files_in_order(people: Log, queries: Queries) -> None:
    await upload(people, "b", "a", "c")
    assert code(await send(people, "c", "a", "b")) == "ok"
    assert await shown(queries) == [["c", "a", "b"]]


async def test_c9_only_ones_own_whole_unsent_uploads_are_sent(people: Log) -> None:
    await upload(people, "mine", "sent")
    await upload(people, "theirs", owner="bob")
    await people.run(ReserveAttachment(user_id="alice", attachment_id="begun", name="x"))
    assert code(await send(people, "sent", client_id="first")) == "ok"
    for bad in ("theirs", "begun", "sent", "never"):
        assert code(await send(people, "mine", bad, client_id=f"c-{bad}")) == "not_found"
    assert code(await send(people, "mine")) == "ok"


async def test_two_messages_of_one_transaction_do_not_share_a_file(people: Log) -> None:
    await upload(people, "a")
    results = await people.run(carrying("a", client_id="c1"), carrying("a", client_id="c2"))
    assert [code(result) for result in results] == ["ok", "not_found"]


async def test_c3_the_same_id_with_other_files_is_a_conflict(people: Log) -> None:
    await upload(people, "a", "b")
    first = await send(people, "a")
    again = await send(people, "a")
    assert isinstance(first, Stored)
    assert isinstance(again, Stored)
    assert (again.duplicate, again.message_id) == (True, first.message_id)
    for other in (("b",), (), ("a", "b")):
        assert code(await send(people, *other)) == "client_id_conflict"


def test_c3_a_hash_without_files_is_what_it_was() -> None:
    """Or every message stored before would be a conflict when it comes again."""
    plain, reply = (
        carrying(content="hi"),
        msgspec.structs.replace(carrying(content="hi"), reply_to=7),
    )
    assert content_hash(b"key", plain).hex() == "aae77a8c105757fdb676ae80cc3b896b"
    assert content_hash(b"key", reply).hex() == "0af8f57db39e79790b274ae953b42d9a"
    assert content_hash(b"key", carrying("7", content="hi")) != content_hash(b"key", reply)


async def test_an_upload_of_somebody_else_is_not_committed(people: Log) -> None:
    await people.run(ReserveAttachment(user_id="alice", attachment_id="a", name="x"))
    told = CommitAttachment(user_id="bob", attachment_id="a", media_type="text/plain", size=1)
    [result] = await people.run(told)
    assert code(result) == "not_found"


async def test_c10_unsent_uploads_of_a_user_are_bounded(people: Log) -> None:
    reserve = [
        ReserveAttachment(user_id="alice", attachment_id=f"a{n}", name="x")
        for n in range(MAX_UNSENT + 1)
    ]
    results = [code(result) for result in await people.run(*reserve)]
    assert results == ["ok"] * MAX_UNSENT + ["rate_limited"]
    [other] = await people.run(ReserveAttachment(user_id="bob", attachment_id="b", name="x"))
    assert code(other) == "ok"


# ------------------------------------------------------------------ seeing


async def test_d34_who_sees_the_message_sees_its_file(people: Log, queries: Queries) -> None:
    await upload(people, "a")
    assert [await seen(queries, "a", who) for who in ("alice", "bob", "carol", None)] == [
        *(True, False, False),
        True,
    ]
    await send(people, "a")
    assert [await seen(queries, "a", who) for who in ("alice", "bob", "carol", None)] == [
        *(True, True, False),
        True,
    ]
    await people.run(DeleteMessage(user_id="alice", message_id=1, mode="me"))
    assert [await seen(queries, "a", who) for who in ("alice", "bob")] == [False, True]
    await people.run(ClearConversation(user_id="bob", conversation_id=AB))
    assert not await seen(queries, "a", "bob")


async def test_what_is_not_whole_yet_is_seen_by_nobody(people: Log, queries: Queries) -> None:
    await people.run(ReserveAttachment(user_id="alice", attachment_id="a", name="x"))
    assert not await seen(queries, "a", "alice")
    assert not await seen(queries, "a", None)


async def test_c5_a_replayed_message_has_its_files(people: Log, queries: Queries) -> None:
    await upload(people, "a")
    await send(people, "a")
    [event] = (await feed(queries, "bob", 0)).events
    [attachment] = msgspec.json.decode(event.body)["attachments"]
    assert attachment == {
        "attachment_id": "a",
        "name": "a.txt",
        "media_type": "text/plain",
        "size": 3,
    }


async def test_a_preview_without_words_is_the_name_of_the_file(
    people: Log, queries: Queries
) -> None:
    await upload(people, "a")
    await send(people, "a")
    answer = await queries.answer(Totals(user_id="bob"))
    body = msgspec.json.decode(commands.open_answer(answer, Snapshot).body)
    assert [item["preview"] for item in body["items"]] == ["a.txt"]


# ------------------------------------------------------------------ losing


async def condemned(log: Log) -> list[str]:
    [result] = await log.run(CondemnAttachments())
    assert isinstance(result, Condemned)
    return sorted(result.attachment_ids)


async def test_s66_erasing_a_message_condemns_its_files(people: Log, queries: Queries) -> None:
    await upload(people, "a", "b", "kept")
    await send(people, "a", "b")
    await people.run(DeleteMessage(user_id="alice", message_id=1, mode="everyone"))
    assert await shown(queries) == [[]]
    for who in ("alice", "bob", None):
        assert not await seen(queries, "a", who)
    assert code(await send(people, "a", client_id="c2")) == "not_found"
    assert await condemned(people) == ["a", "b"]
    assert await condemned(people) == ["a", "b"], "until their bytes are gone"
    await people.run(ForgetAttachments(attachment_ids=["a", "b"]))
    assert await condemned(people) == []
    assert await seen(queries, "kept", "alice")


async def test_s66_sent_and_erased_in_one_transaction_is_condemned(people: Log) -> None:
    await upload(people, "a")
    await people.run(carrying("a"), DeleteMessage(user_id="alice", message_id=1, mode="everyone"))
    assert await condemned(people) == ["a"]


async def test_what_a_message_has_is_never_forgotten(people: Log, queries: Queries) -> None:
    await upload(people, "a")
    await send(people, "a")
    await people.run(ForgetAttachments(attachment_ids=["a", "never"]))
    assert await shown(queries) == [["a"]]
    assert await condemned(people) == []


async def test_what_is_unsent_for_too_long_is_condemned(people: Log, store: Store) -> None:
    await upload(people, "sent", "unsent")
    await people.run(ReserveAttachment(user_id="alice", attachment_id="begun", name="x"))
    await send(people, "sent")
    assert await condemned(people) == []
    store._limits = Limits(burst=1, rate=0.0, unsent_for=0.0)  # noqa: SLF001 - a day goes by
    assert await condemned(people) == ["begun", "unsent"]
    store._limits = Limits(burst=1, rate=0.0)  # noqa: SLF001
    assert code(await send(people, "unsent", client_id="late")) == "not_found"
    late = CommitAttachment(user_id="alice", attachment_id="begun", media_type="a/b", size=1)
    assert [code(result) for result in await people.run(late)] == ["not_found"]
