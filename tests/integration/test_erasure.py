"""Deleted for everyone: the text is nowhere below the data directory, and in no log."""

from pathlib import Path

from tests.support.peer import synced
from tests.support.stack import run_stack
from tests.support.traffic import make_known

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


def holding(data_dir: Path) -> list[str]:
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    return [path.name for path in files if CANARY.encode() in path.read_bytes()]
