"""`linkup notifications` and `linkup notify-test` on a running product with a mail server."""

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from linkup.__main__ import main
from tests.integration.notify_support import smtp_server, to_mailbox
from tests.support import web
from tests.support.peer import peer
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.traffic import make_known
from tests.support.waiting import eventually

KEY = "the-operators-key-of-at-least-32-bytes"


async def linkup(stack: Stack, *arguments: str) -> Result:
    called = (*arguments, "--data-dir", str(stack.data_dir))
    return await asyncio.to_thread(CliRunner().invoke, main, called)


async def told(stack: Stack, *arguments: str) -> dict[str, Any]:
    result = await linkup(stack, *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


async def test_s76_an_operator_tries_sees_repeats_and_deletes(tmp_path: Path) -> None:
    async with smtp_server() as mailbox:
        mailbox.script["rcpt"] = ["550 no such user"]
        settings = UNLIMITED | to_mailbox(mailbox) | {"notify_email_after": 0, "admin_key": KEY}
        async with run_stack(tmp_path, **settings) as stack:
            async with peer(stack, "bob", token=stack.token("bob", email="bob@example.com")):
                pass
            tested = await told(stack, "notify-test", "bob", "--type", "mention")
            assert len(tested["notification_ids"]) == 1
            assert tested["channels"] == ["realtime", "email"]
            assert list(tested["hindered"]) == ["push"]
            await hindrances(stack)
            await refusals(stack)
            [dead] = await until_dead(stack)
            assert (dead["user_id"], dead["channel"], dead["reason"]) == (
                *("bob", "email"),
                "smtp_550",
            )
            shown = await linkup(stack, "notifications", "dead")
            assert "smtp_550" in shown.output
            again = await told(stack, "notifications", "retry", dead["delivery_id"])
            assert again["delivery_ids"] == [dead["delivery_id"]]
            await eventually(lambda: len(mailbox.accepted) == 1)
            stats = await told(stack, "notifications", "stats")
            assert stats["items"] == {"mention": 1, "system_announcement": 1}
            assert stats["unread"] == stats["items"]
            assert "mention" in (await linkup(stack, "notifications", "stats")).output
            done = await told(stack, "notifications", "cleanup", "--days", "1")
            assert done == {"items": 0, "keys": 0, "deliveries": 0, "dead_letters": 0}
            assert (await told(stack, "notifications", "digest"))["count"] == 0


async def hindrances(stack: Stack) -> None:
    """A user whom no e-mail reaches, and another who is banned and whom nothing reaches."""
    await make_known(stack, ["carol", "dan"])
    shown = await linkup(stack, "notify-test", "carol")
    assert "In the list, and by realtime.\n" in shown.output
    assert "Not by email: the user has no e-mail address.\n" in shown.output
    await ban(stack, "dan")
    for user_id, channel, text in (
        ("carol", "email", "email does not reach carol: the user has no e-mail address"),
        ("carol", "push", "push does not reach carol: no browser of the user is subscribed"),
        ("dan", "realtime", "dan is banned, and gets nothing"),
    ):
        result = await linkup(stack, "notify-test", user_id, "--channel", channel)
        assert (result.exit_code, text in result.output) == (1, True), result.output
    counts = await told(stack, "notifications", "stats")
    assert counts["items"] == {"mention": 1, "system_announcement": 1}


async def ban(stack: Stack, user_id: str) -> None:
    headers = {"authorization": f"Bearer {KEY}"}
    async with web.client(base_url=stack.url, headers=headers, timeout=30) as client:
        (await client.put(f"/v1/admin/users/{user_id}/ban")).raise_for_status()


async def until_dead(stack: Stack) -> list[dict[str, Any]]:
    async def some() -> bool:
        return bool((await told(stack, "notifications", "dead"))["deliveries"])

    await eventually(some)
    found: list[dict[str, Any]] = (await told(stack, "notifications", "dead"))["deliveries"]
    return found


async def refusals(stack: Stack) -> None:
    """One line and an exit code for each thing that cannot be done."""
    for arguments, code, text in (
        (("notify-test", "nobody"), 1, "there is no user nobody"),
        (("notify-test", "bob", "--type", "unheard_of"), 1, "there is no type unheard_of"),
        (("notify-test", "bob", "--type", "post_liked", "--channel", "email"), 1, "switched off"),
        (("notifications", "retry", "nothing"), 1, "0 are due now"),
        (("notifications", "retry"), 2, "name e-mails or pushes"),
        (("notifications", "cleanup", "--days", "0"), 2, "--days"),
    ):
        result = await linkup(stack, *arguments)
        assert (result.exit_code, text in result.output) == (code, True), result.output
