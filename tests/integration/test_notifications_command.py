"""`linkup notifications` and `linkup notify-test` on a running product with a mail server."""

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from linkup.__main__ import main
from tests.integration.notify_support import smtp_server, to_mailbox
from tests.support.peer import peer
from tests.support.stack import UNLIMITED, Stack, run_stack
from tests.support.waiting import eventually


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
        settings = UNLIMITED | to_mailbox(mailbox) | {"notify_email_after": 0}
        async with run_stack(tmp_path, **settings) as stack:
            async with peer(stack, "bob", token=stack.token("bob", email="bob@example.com")):
                pass
            tested = await told(stack, "notify-test", "bob", "--type", "mention")
            assert len(tested["notification_ids"]) == 1
            assert tested["channels"] == ["realtime", "push", "email"]
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
            assert (stats["items"], stats["unread"]) == ({"mention": 1}, {"mention": 1})
            assert "mention" in (await linkup(stack, "notifications", "stats")).output
            done = await told(stack, "notifications", "cleanup", "--days", "1")
            assert done == {"items": 0, "keys": 0, "deliveries": 0}
            assert (await told(stack, "notifications", "digest"))["count"] == 0


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
