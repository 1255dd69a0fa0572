"""`linkup message ID` on a running product with a real mail server."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.integration.notify_support import smtp_server, states, to_mailbox
from tests.support import web
from tests.support.peer import peer, synced
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.traffic import make_known
from tests.support.waiting import eventually

KEY = "the-operators-key-of-at-least-32-bytes"
TEXT = "a text that no operator is shown"


async def linkup(*arguments: object) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "linkup", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return process.returncode, stdout.decode(), stderr.decode()


async def way(stack: Stack, message_id: int) -> dict[str, Any]:
    told = await linkup("message", message_id, "--data-dir", stack.data_dir, "--json")
    assert told[0] == 0, told
    found: dict[str, Any] = json.loads(told[1])
    return found


async def same_over_http(stack: Stack, message_id: int, found: dict[str, Any]) -> None:
    async def asked(token: str, number: int) -> httpx2.Response:
        headers = {"authorization": f"Bearer {token}"}
        async with web.client(base_url=stack.url, headers=headers, timeout=30) as client:
            return await client.get(f"/v1/admin/messages/{number}/timeline")

    assert (await asked(KEY, message_id)).raise_for_status().json() == found
    assert (await asked(stack.token("alice"), message_id)).status_code == 401, "also its sender's"
    assert (await asked(KEY, 10**6)).status_code == 404


@pytest.mark.slow
async def test_s55_the_way_of_a_message_is_told_step_by_step(tmp_path: Path) -> None:
    async with smtp_server() as mailbox:
        mailbox.script["rcpt"] = ["451 greylisted", "550 no such user bob@example.com"]
        settings = UNLIMITED | to_mailbox(mailbox) | {"notify_email_after": 0, "admin_key": KEY}
        async with run_stack(tmp_path, **settings) as stack:
            await make_known(stack, ["alice", "bob", "carol"])
            async with peer(stack, "bob", token=stack.token("bob", email="bob@example.com")):
                pass
            async with synced(stack, "alice") as alice, synced(stack, "carol") as carol:
                to_bob = (await alice.message("bob", TEXT))["message_id"]
                ack = await alice.message("carol", TEXT)
                await carol.send(
                    "mark_chat_read", conversation_id=ack["conversation_id"], up_to=ack["seq"]
                )
                await alice.next("receipt", user_id="carol", read_seq=ack["seq"])
            await eventually(lambda: "failed" in states(stack.data_dir / "notify.db"), 30)
            *stored, email = (await way(stack, to_bob))["steps"]
            assert [one["step"] for one in stored] == ["accepted", "committed"]
            assert (email["user_id"], email["outcome"]) == ("bob", "failed")
            assert (email["reason"], email["attempts"]) == ("smtp_550", 2)
            found = await way(stack, ack["message_id"])
            assert {"accepted", "committed", "delivered", "read"} <= {
                one["step"] for one in found["steps"]
            }
            transaction = found["transaction"]
            assert transaction["waited_ms"] >= 0 < transaction["commit_ms"]
            assert transaction["batches"] >= 1  # others may have been stored with it
            assert transaction["users"] >= 2
            status, text, _ = await linkup("message", to_bob, "--data-dir", stack.data_dir)
            assert status == 0
            assert "email bob failed smtp 550 after 2 failed attempts" in text
            assert TEXT not in text + json.dumps(found)
            assert "example.com" not in text + json.dumps(email)
            missing = await linkup("message", 10**6, "--data-dir", stack.data_dir)
            assert (missing[0], missing[2]) == (1, "linkup: there is no message 1000000\n")
            await same_over_http(stack, to_bob, await way(stack, to_bob))
            await stack.kill("persistence")
            await stack.ready()
            assert (await way(stack, to_bob))["transaction"] is None
