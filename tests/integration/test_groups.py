"""Groups, through real sockets, processes and files."""

from typing import Any

import pytest

from shared.frames import MAX_MEMBERS
from tests.support import web
from tests.support.peer import Frame, Http, Peer, gather, http, synced
from tests.support.stack import Stack
from tests.support.stores import reading

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def made(api: Http, *members: str, title: str = "Team", **more: Any) -> str:
    """A group of these and of who makes it; its id."""
    body = {"title": title, "members": list(members), **more}
    answer = await api.post("/v1/conversations", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["conversation"]["conversation_id"])


async def say(one: Peer, place: str, content: str, client_id: str) -> Frame:
    await one.send("message", conversation_id=place, content=content, client_id=client_id)
    return await one.outcome(client_id)


async def view(api: Http, place: str) -> Frame:
    answer = await api.get(f"/v1/conversations/{place}")
    found: Frame = answer.raise_for_status().json()["conversation"]
    return found


async def test_s46_a_message_to_a_group_reaches_each_member_once(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "bob") as bob,
        synced(stack, "carol") as carol,
        synced(stack, "eve") as eve,
        http(stack, "alice") as api,
    ):
        place = await made(api, "bob", "carol")
        for one, role in ((alice, "owner"), (bob, "member"), (carol, "member")):
            frame = await one.next("conversation", conversation_id=place)
            assert (frame["change"], frame["kind"], frame["title"]) == ("created", "group", "Team")
            assert frame["members"] == ["alice", "bob", "carol"]
            assert (frame["role"], frame["member_count"]) == (role, 3)
        ack = await say(alice, place, "hello all", "group-1")
        for one in (bob, carol):
            message = await one.next("message", conversation_id=place)
            assert (message["content"], message["seq"]) == ("hello all", ack["seq"])
        answer = await say(carol, place, "hello back", "group-2")
        assert answer["seq"] == ack["seq"] + 1
        await alice.next("message", content="hello back")
        await bob.next("message", content="hello back")
        for one in (alice, bob, carol, eve):
            await one.settled()
            assert [f["content"] for f in one.frames if f["type"] == "message"] == {
                "alice": ["hello back"],
                "bob": ["hello all", "hello back"],
                "carol": ["hello all"],
                "eve": [],
            }[one.user_id]
        refused = await say(eve, place, "let me in", "group-3")
        assert refused["code"] == "not_found"


async def test_c3_a_group_with_a_client_id_is_made_once(stack: Stack) -> None:
    async with http(stack, "alice") as alice, http(stack, "bob") as bob:
        body = {"title": "Once", "members": ["bob"], "client_id": "once"}
        first = await alice.post("/v1/conversations", body)
        again = await alice.post("/v1/conversations", body)
        other = await alice.post("/v1/conversations", body | {"title": "Twice"})
        bobs = await bob.post("/v1/conversations", body | {"members": ["alice"]})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    places = [a.json()["conversation"]["conversation_id"] for a in (first, again, bobs)]
    assert places[0] == places[1] != places[2]
    assert other.json()["code"] == "client_id_conflict"


async def test_s46_receipts_unread_and_the_inbox_work_in_groups(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "bob") as bob,
        http(stack, "alice") as api,
        http(stack, "bob") as bobs,
    ):
        place = await made(api, "bob", "carol", title="Marks")
        ack = await say(alice, place, "read me", "marks-1")
        row = await view(bobs, place)
        assert (row["unread_count"], row["title"], row["member_count"]) == (1, "Marks", 3)
        assert row["last_message"]["content"] == "read me"
        await bob.send("mark_chat_read", conversation_id=place, up_to=ack["seq"], client_id="r-1")
        await bob.outcome("r-1")
        receipt = await alice.next("receipt", conversation_id=place)
        assert (receipt["user_id"], receipt["read_seq"]) == ("bob", ack["seq"])
        async with http(stack, "carol") as carols:
            await carols.post(f"/v1/conversations/{place}/read", {"up_to": ack["seq"]})
            assert (await view(carols, place))["unread_count"] == 0
        assert (await alice.next("receipt", conversation_id=place))["user_id"] == "carol"
        await bob.settled()
        assert "carol" not in [f["user_id"] for f in bob.frames if f["type"] == "receipt"]
        assert (await view(api, place))["peer_read_seq"] == ack["seq"]
        await bobs.patch(f"/v1/conversations/{place}", {"archived": True, "muted": True})
        assert (await bob.next("conversation", change="settings"))["muted"] is True
        await say(alice, place, "wake up", "marks-2")
        row = await view(bobs, place)
        assert (row["archived"], row["muted"], row["unread_count"]) == (False, True, 1)
        cleared = await bobs.post(f"/v1/conversations/{place}/clear", {})
        assert cleared.json()["count"] == 2
        assert await bobs.history(place) == []
        assert len(await api.history(place)) == 2


async def test_s46_who_is_removed_hears_so_last_and_sees_nothing_any_more(stack: Stack) -> None:
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "bob") as bob,
        http(stack, "alice") as api,
        http(stack, "bob") as bobs,
    ):
        start = (await bobs.get("/v1/sync")).json()
        place = await made(api, "bob", "carol", title="Leaving")
        await say(alice, place, "for all of us", "leave-1")
        await bob.next("message", conversation_id=place)
        await bob.send("typing", conversation_id=place, is_typing=True)
        await alice.next("typing", user_id="bob")
        gone = await api.request("DELETE", f"/v1/conversations/{place}/members/bob")
        assert gone.status_code == 204
        last = await bob.next("conversation", change="member_removed")
        assert (last["user_ids"], last["actor_id"]) == (["bob"], "alice")
        assert (last["members"], last["member_count"]) == ([], 0)
        await alice.next("conversation", change="member_removed")
        ack = await say(alice, place, "without bob", "leave-2")
        await alice.send("typing", conversation_id=place, is_typing=True)
        async with http(stack, "carol") as carols:
            await carols.post(f"/v1/conversations/{place}/read", {"up_to": ack["seq"]})
        await alice.next("receipt", conversation_id=place)
        mark = len(alice.frames)
        await bob.send("typing", conversation_id=place, is_typing=False)
        assert (await say(bob, place, "still here?", "leave-3"))["code"] == "not_found"
        await alice.message("bob", "a word in private")  # whatever came before it has come
        await bob.next("message", content="a word in private")
        seen = [f for f in bob.frames if f.get("conversation_id") == place]
        assert seen[-1] == last
        await alice.settled()
        assert [f for f in alice.frames[mark:] if f["type"] == "typing"] == []
        for path in ("", "/messages", "/members"):
            answer = await bobs.get(f"/v1/conversations/{place}{path}")
            absent = await bobs.get(f"/v1/conversations/{place[:-1]}{path}")
            assert (answer.status_code, answer.json()) == (404, absent.json())
        found = await bobs.get("/v1/search", q="all of us", conversation_id=place)
        assert found.status_code == 404
        found = (await bobs.get("/v1/search", q="without")).json()
        assert place not in [m["conversation_id"] for m in found["messages"]]
        inbox = (await bobs.get("/v1/conversations")).json()["conversations"]
        assert place not in [row["conversation_id"] for row in inbox]
        replay = {"epoch": start["epoch"], "cursor": start["cursor"]}
        frames = (await bobs.get("/v1/sync", **replay, limit=100)).json()["frames"]
        about = [f for f in frames if f.get("conversation_id") == place]
        assert [f["change"] for f in about] == ["member_removed"]


async def test_r12_adding_removing_and_sending_at_once_leave_one_truth(stack: Stack) -> None:
    """Two admins fight over carol, who writes all the while; each is decided in its turn."""
    async with (
        synced(stack, "alice") as alice,
        synced(stack, "carol") as carol,
        http(stack, "alice") as api,
        http(stack, "bob") as bobs,
        http(stack, "carol") as carols,
    ):
        place = await made(api, "bob", "carol", title="Race")
        path = f"/v1/conversations/{place}/members"
        assert (await api.patch(f"{path}/bob", {"role": "admin"})).status_code == 204

        async def adds() -> set[int]:
            return {(await api.post(path, {"members": ["carol"]})).status_code for _ in range(12)}

        async def removes() -> set[int]:
            return {(await bobs.request("DELETE", f"{path}/carol")).status_code for _ in range(12)}

        async def writes() -> list[Frame]:
            return [await say(carol, place, f"number {n}", f"race-{n}") for n in range(40)]

        added, removed, outcomes = await gather(adds(), removes(), writes())
        assert added == {200}
        assert removed <= {204, 404}
        assert {f.get("code", "stored") for f in outcomes} <= {"stored", "not_found"}
        assert (await api.post(path, {"members": ["carol"]})).status_code == 200
        acked = [f["seq"] for f in outcomes if f["type"] == "ack"]
        rows = await api.history(place)
        assert [row["seq"] for row in rows] == list(range(1, len(acked) + 1)) == acked
        await api.patch(f"/v1/conversations/{place}", {"title": "Peace"})
        for one in (alice, carol):
            await one.next("conversation", title="Peace")
        heard = [f for f in alice.frames if f.get("conversation_id") == place]
        changes = [f["change"] for f in heard if f["type"] == "conversation"]
        fight = [c for c in changes if c in ("member_added", "member_removed")]
        assert fight == ["member_removed", "member_added"] * (len(fight) // 2)
        assert [f["seq"] for f in heard if f["type"] == "message"] == acked
        own = [f for f in carol.frames if f["type"] == "conversation"]
        own = [f for f in own if f["conversation_id"] == place]
        assert {f["change"] for f in own if not f["member_count"]} <= {"member_removed"}
        newest = max(own, key=lambda f: int(f["version"]))
        assert (newest["title"], newest["member_count"]) == ("Peace", 3)
        seen = {row["seq"] for row in await carols.history(place)}
        assert seen <= set(acked)
        members = (await carols.get(path)).json()["members"]
        assert [(m["user_id"], m["role"]) for m in members] == [
            ("alice", "owner"),
            ("bob", "admin"),
            ("carol", "member"),
        ]


async def test_s46_the_last_owner_who_leaves_hands_over_to_the_oldest(stack: Stack) -> None:
    async with http(stack, "alice") as api, synced(stack, "bob") as bob:
        place = await made(api, "bob", title="Handing over")
        await api.post(f"/v1/conversations/{place}/members", {"members": ["carol"]})
        left = await api.request("DELETE", f"/v1/conversations/{place}/members/alice")
        assert left.status_code == 204
        frame = await bob.next("conversation", conversation_id=place, change="role")
        assert (frame["role"], frame["user_ids"]) == ("owner", ["bob"])
        async with http(stack, "bob") as bobs, http(stack, "carol") as carols:
            renamed = await bobs.patch(f"/v1/conversations/{place}", {"title": "Bob's"})
            assert renamed.json()["conversation"]["title"] == "Bob's"
            refused = await carols.patch(f"/v1/conversations/{place}", {"title": "Carol's"})
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


async def test_d19_a_newcomer_cannot_page_from_what_was_said_before(stack: Stack) -> None:
    """It would tell that the id is there."""
    async with (
        synced(stack, "alice") as alice,
        http(stack, "alice") as api,
        http(stack, "eve") as eves,
    ):
        place = await made(api, "bob")
        before = await say(alice, place, "before eve", "d19-1")
        path = f"/v1/conversations/{place}"
        (await api.post(f"{path}/members", {"members": ["eve"]})).raise_for_status()
        since = await say(alice, place, "since eve", "d19-2")
        for name in ("before_id", "after_id"):
            foreign = await eves.get(f"{path}/messages", **{name: before["message_id"]})
            absent = await eves.get(f"{path}/messages", **{name: 2**53 - 1})
            assert (foreign.status_code, foreign.json()) == (400, absent.json())
            own = await eves.get(f"{path}/messages", **{name: since["message_id"]})
            assert (own.status_code, own.json()["messages"]) == (200, [])


async def test_s46_a_message_to_five_hundred_is_one_transaction(stack: Stack) -> None:
    """All of them have it, whoever listens hears it, and nothing on the way is too large."""
    crowd = [f"crowd-{number}-{'x' * 100}" for number in range(499)]
    async with http(stack, "alice") as api, http(stack, "bob") as bobs:
        await make_all_known(stack, crowd)
        place = await made(api, "bob", *crowd[:400], title="Everybody")
        more = {"members": crowd[400:498]}
        full = await api.post(f"/v1/conversations/{place}/members", more)
        assert full.json()["conversation"]["member_count"] == MAX_MEMBERS
        over = await api.post(f"/v1/conversations/{place}/members", {"members": crowd[498:]})
        assert (over.status_code, over.json()["code"]) == (413, "too_large")
        async with (
            synced(stack, "alice") as alice,
            synced(stack, crowd[0]) as first,
            synced(stack, crowd[497]) as last,
        ):
            before = commits(stack, place)
            ack = await say(alice, place, "\U0001f600" * 5_000, "crowd-1")
            for one in (first, last):
                message = await one.next("message", conversation_id=place)
                assert message["seq"] == ack["seq"]
            rows = commits(stack, place)
            assert len(rows) - len(before) == MAX_MEMBERS
            assert len({at for _, at in rows - before}) == 1, "in one transaction"
            await bobs.post(f"/v1/conversations/{place}/read", {"up_to": ack["seq"]})
            assert (await alice.next("receipt", conversation_id=place))["user_id"] == "bob"
            await api.patch(f"/v1/conversations/{place}", {"title": "All"})
            frame = await last.next("conversation", change="renamed")
            assert (frame["title"], frame["member_count"]) == ("All", MAX_MEMBERS)
            assert "members" not in frame
            await last.settled()
            assert [f for f in last.frames if f["type"] == "receipt"] == []
        found: list[str] = []
        page: Frame = {"next": ""}
        while page["next"] is not None:
            after = {"after": page["next"]} if page["next"] else {}
            answer = await api.get(f"/v1/conversations/{place}/members", limit=100, **after)
            page = answer.json()
            found += [member["user_id"] for member in page["members"]]
        assert len(found) == len(set(found)) == MAX_MEMBERS


async def make_all_known(stack: Stack, user_ids: list[str]) -> None:
    """Make all users known by one request of each, twenty at a time."""
    waiting = iter(user_ids)

    async def some() -> None:
        async with web.client(base_url=stack.url, timeout=30) as client:
            for user_id in waiting:
                api = Http(client, stack.token(user_id))
                (await api.post("/v1/conversations", {"to": user_id})).raise_for_status()

    await gather(*[some() for _ in range(20)])


def commits(stack: Stack, place: str) -> set[tuple[str, int]]:
    """Whose feed tells of a message of that conversation, and when that was stored."""
    with reading(stack.data_dir / "linkup.db") as store:
        rows = store.execute(
            "SELECT f.user_id, f.created_at FROM feed AS f JOIN messages AS m"
            " ON m.message_id = f.message_id WHERE m.conversation_id = ?",
            (place,),
        )
        return set(rows.fetchall())
