"""Neither messages that were deleted for everyone nor users who were erased leave anything in the
data directory or in a log."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from shared.subjects import direct_conversation_id
from tests.support.peer import Http, http, synced, with_key
from tests.support.stack import KEYS, UNLIMITED, Stack, run_stack
from tests.support.traffic import make_known
from tests.support.waiting import eventually

CANARY = "canary-5f1c7e"


async def test_after_a_deletion_for_everyone_no_file_holds_the_text(tmp_path: Path) -> None:
    async with run_stack(tmp_path) as stack:
        await make_known(stack, ["bob"])
        async with synced(stack, "alice") as alice, synced(stack, "bob") as bob:
            ack = await alice.message("bob", f"{CANARY} one")
            message_id = ack["message_id"]
            await bob.next("message", message_id=message_id)
            edited = {"message_id": message_id, "content": f"{CANARY} two", "client_id": "edit"}
            await alice.send("edit_message", **edited)
            assert (await alice.outcome("edit"))["type"] == "ack"
            assert holding(stack.data_dir) != []
            gone = {"message_id": message_id, "mode": "everyone", "client_id": "gone"}
            await alice.send("delete_message", **gone)
            assert (await alice.outcome("gone"))["type"] == "ack"
    assert holding(stack.data_dir) == []  # the last to close has made a checkpoint
    assert CANARY.encode() not in stack.log.read_bytes()


async def test_after_an_erasure_no_file_holds_anything_of_the_user(tmp_path: Path) -> None:
    """Also when all services are killed meanwhile."""
    settings: dict[str, Any] = {**KEYS, **UNLIMITED, "notify_email_after": 0}
    async with run_stack(tmp_path, **settings) as stack:
        await make_known(stack, ["bob"])
        async with with_key(stack) as host:
            path = "/v1/admin/users/xena"
            profile = {"name": f"{CANARY} Xena", "email": f"{CANARY}@example.com"}
            (await host.request("PUT", path, profile)).raise_for_status()
            await live(stack, host)
            await eventually(lambda: any(name.endswith(".eml") for name in holding(stack.data_dir)))
            assert {"linkup.db-wal", "notify.db-wal"} <= set(holding(stack.data_dir))
            everything = (await host.request("GET", f"{path}/export")).raise_for_status().json()
            check_export(everything)
            async with synced(stack, "xena") as xena:
                assert (await host.request("DELETE", path)).status_code == 202
                with pytest.raises(ConnectionClosed):
                    await xena.next("pong")
            for service in ("persistence", "notify", "gateway"):
                os.kill(stack.pids()[service], signal.SIGKILL)
            await stack.until(lambda: len(stack.told("died")) >= 3)
            await stack.ready()
            await erased(host, path)
            assert holding(stack.data_dir) == []
            assert (await host.request("PUT", path, profile)).status_code == 404
            assert (await host.request("GET", f"{path}/export")).status_code == 404
            assert (await host.request("DELETE", path)).json()["state"] == "erased"
        async with http(stack, "xena") as api:
            assert (await api.get("/v1/conversations")).status_code == 401
        async with http(stack, "bob") as api:
            kept = await api.history(direct_conversation_id("bob", "xena"))
            assert [one["content"] for one in kept] == ["", "", "bob's own"]
            assert [one["seq"] for one in kept] == [1, 2, 3]
        assert holding(stack.data_dir) == []
    assert CANARY.encode() not in stack.log.read_bytes()


async def live(stack: Stack, host: Http) -> None:
    """Leave something of xena's wherever a user can."""
    async with http(stack, "xena") as api:
        sent = {"client_id": "c1", "to": "bob", "content": f"{CANARY} one"}
        (await api.post("/v1/messages", sent)).raise_for_status()
        file = await api.upload(f"{CANARY}.txt", f"{CANARY} in a file".encode() * 100)
        carrying = {"client_id": "c2", "to": "bob", "content": "", "attachments": [file]}
        (await api.post("/v1/messages", carrying)).raise_for_status()
        await api.upload(f"{CANARY} unsent.txt", f"{CANARY} in another file".encode())
        report = {"client_id": "r1", "user_id": "bob", "reason": "spam", "comment": CANARY}
        (await api.post("/v1/reports", report)).raise_for_status()
        group = {"client_id": "g1", "title": f"{CANARY} alone", "members": []}
        (await api.post("/v1/conversations", group)).raise_for_status()
    async with http(stack, "bob") as api:
        sent = {"client_id": "c1", "to": "xena", "content": "bob's own"}
        (await api.post("/v1/messages", sent)).raise_for_status()
    for to, title in (("xena", f"to {CANARY}"), ("bob", f"{CANARY} likes you")):
        told = {"user_id": to, "notification_type": "post_liked", "title": title}
        told |= {"idempotency_key": f"k-{to}", "sender_id": "bob" if to == "xena" else "xena"}
        (await host.post("/v1/admin/notifications", told)).raise_for_status()


def check_export(everything: dict[str, Any]) -> None:
    """It has what `live` has left, also in notify."""
    assert everything["complete"]
    assert everything["profile"]["email"] == f"{CANARY}@example.com"
    assert {one["content"] for one in everything["messages"]} == {f"{CANARY} one", ""}
    assert {one["name"] for one in everything["files"]} == {f"{CANARY}.txt", f"{CANARY} unsent.txt"}
    assert all(one["url"].startswith("/v1/attachments/") for one in everything["files"])
    [notification] = [one for one in everything["notifications"] if one["title"] == f"to {CANARY}"]
    assert notification["sender_id"] == "bob"
    assert everything["preferences"]["digest"] == "off"
    assert everything["deliveries"]
    assert [one["comment"] for one in everything["reports"]] == [CANARY]


async def erased(host: Http, path: str) -> None:
    """Ask until it is so."""
    await eventually(lambda: is_erased(host, path), 60)


async def is_erased(host: Http, path: str) -> bool:
    return (await host.request("DELETE", path)).status_code == 200


def holding(data_dir: Path) -> list[str]:
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    return [path.name for path in files if CANARY.encode() in content(path)]


def content(path: Path) -> bytes:
    """It may be deleted meanwhile."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
