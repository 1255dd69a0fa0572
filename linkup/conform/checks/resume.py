"""Checks of coming back: all that was missed is replayed, or a resync is asked for."""

from typing import Any

from linkup.conform.check import checks
from linkup.conform.player import Player
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

FAR = 10**9


async def replays_all_that_was_missed(scene: Scene) -> None:
    """`hello` with epoch and cursor replays the missed events in order."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    epoch, at = _place(bob)
    await scene.leave(bob)
    ids = [(await alice.acked(bob.user_id, f"{n}"))["message_id"] for n in range(8)]
    back = await scene.enter("bob", epoch=epoch, cursor=at)
    expect("recovered", back.frames[0]["recovered"], True)
    expect("the messages", [m["message_id"] for m in back.received("message")], ids)
    expect("the cursors", back.cursors(), list(range(at + 1, at + 9)))
    expect("where it ends", back.frames[-1], {"type": "sync_completed", "cursor": at + 8})


async def replays_from_the_middle(scene: Scene) -> None:
    """A resume replays the events after its cursor and none before it."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    for n in range(6):
        await alice.acked(bob.user_id, f"{n}")
    middle = (await bob.next("message", content="2"))["cursor"]
    await bob.next("message", content="5")
    back = await scene.enter("bob", epoch=bob.frames[0]["epoch"], cursor=middle)
    expect("the messages", [m["content"] for m in back.received("message")], ["3", "4", "5"])


async def replayed_frames_equal_live_ones(scene: Scene) -> None:
    """A replayed frame equals the frame that was sent live."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    epoch, at = _place(bob)
    await alice.acked(bob.user_id, "twice the same")
    live = await bob.next("message")
    back = await scene.enter("bob", epoch=epoch, cursor=at)
    expect("the replayed frame", back.received("message"), [live])


async def nothing_missed_replays_nothing(scene: Scene) -> None:
    """A resume from the latest cursor replays nothing, and `recovered` is true."""
    bob = await scene.enter("bob")
    epoch, at = _place(bob)
    back = await scene.enter("bob", epoch=epoch, cursor=at)
    expect("recovered", back.frames[0]["recovered"], True)
    expect("the frames", [one["type"] for one in back.frames], ["welcome", "sync_completed"])


async def live_goes_on_behind_a_replay(scene: Scene) -> None:
    """Live frames follow the replay without a gap or a repeated frame."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    epoch, at = _place(bob)
    await scene.leave(bob)
    for n in range(5):
        await alice.acked(bob.user_id, f"{n}")
    back = await scene.enter("bob", until="welcome", epoch=epoch, cursor=at)
    for n in range(5, 9):
        await alice.acked(bob.user_id, f"{n}")
    await back.next("message", content="8")
    expect("the cursors", back.cursors(), list(range(at + 1, at + 10)))


async def a_first_hello_starts_at_the_present(scene: Scene) -> None:
    """A `hello` without a cursor replays nothing."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await alice.acked(bob.user_id, "before")
    await bob.next("message")
    fresh = await scene.enter("bob")
    expect("the messages", fresh.received("message"), [])
    expect("the cursor", fresh.frames[0]["cursor"], bob.cursors()[-1])


async def a_cursor_ahead_asks_for_a_resync(scene: Scene) -> None:
    """A cursor after the end of the feed is answered with `resync_required`."""
    bob = await scene.enter("bob")
    await _resync(scene, epoch=bob.frames[0]["epoch"], cursor=FAR)


async def a_foreign_epoch_asks_for_a_resync(scene: Scene) -> None:
    """A cursor of another epoch is answered with `resync_required`."""
    bob = await scene.enter("bob")
    await _resync(scene, epoch="conform-another", cursor=bob.frames[-1]["cursor"])


async def a_negative_cursor_is_refused(scene: Scene) -> None:
    """A `hello` with a negative cursor is `invalid_frame`, and may be sent again."""
    alice = await scene.socket("alice")
    token = await scene.token("alice")
    await alice.send("hello", token=token, epoch="conform", cursor=-1)
    expect("the code", (await alice.next("error"))["code"], "invalid_frame")
    await alice.send("hello", token=token)
    await alice.next("welcome")


async def a_missing_epoch_asks_for_a_resync(scene: Scene) -> None:
    """A cursor without its epoch is answered with `resync_required`."""
    bob = await scene.enter("bob")
    await _resync(scene, cursor=bob.frames[-1]["cursor"])


async def a_resync_goes_on_from_the_snapshot(scene: Scene) -> None:
    """After `resync_required`, live frames follow its cursor, which HTTP returns too."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await alice.acked(bob.user_id, "before")
    await bob.next("message")
    back = await scene.enter("bob", epoch="conform-another", cursor=0)
    told = back.received("resync_required")[0]
    snapshot = await (await scene.api("bob")).inbox()
    found = [snapshot["epoch"], snapshot["cursor"]]
    expect("the snapshot", found, [told["epoch"], told["cursor"]])
    await alice.acked(bob.user_id, "behind")
    expect("the next cursor", (await back.next("message"))["cursor"], told["cursor"] + 1)


async def sync_request_replays_from_a_cursor(scene: Scene) -> None:
    """`sync_request` with a cursor replays the events after it, then `sync_completed`."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    start = bob.frames[-1]["cursor"]
    for n in range(3):
        await alice.acked(bob.user_id, f"{n}")
    await bob.next("message", content="2")
    await bob.send("sync_request", cursor=start + 1)
    done = await bob.next("sync_completed")
    replayed = [m["content"] for m in bob.received("message")][3:]
    expect("the replayed", [*replayed, done["cursor"]], ["1", "2", start + 3])


async def sync_request_without_cursor(scene: Scene) -> None:
    """`sync_request` without a cursor repeats no frame that was sent to the WebSocket."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    await alice.acked(bob.user_id, "seen")
    seen = await bob.next("message")
    await bob.send("sync_request")
    done = await bob.next("sync_completed")
    found = [len(bob.received("message")), done["cursor"]]
    expect("messages and cursor", found, [1, seen["cursor"]])


async def sync_request_from_ahead(scene: Scene) -> None:
    """A `sync_request` after the end of the feed skips no event."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    at = bob.frames[-1]["cursor"]
    await bob.send("sync_request", cursor=FAR)
    while (told := await bob.next())["type"] == "badge_update":
        pass  # no frame of the feed
    if told["type"] == "sync_completed":
        expect("the cursor", told["cursor"], at)
    else:
        expect("the frame", told["type"], "resync_required")
    await alice.acked(bob.user_id, "still here")
    expect("the next cursor", (await bob.next("message"))["cursor"], at + 1)


async def resume_of_the_senders_own(scene: Scene) -> None:
    """A resume also replays the user's own messages, with their client_id."""
    alice, bob = await scene.enter("alice"), await scene.enter("bob")
    epoch, at = _place(alice)
    ack = await alice.acked(bob.user_id, "mine", "mine")
    back = await scene.enter("alice", epoch=epoch, cursor=at)
    own = [(m["client_id"], m["message_id"]) for m in back.received("message")]
    expect("own messages", own, [("mine", ack["message_id"])])


def _place(player: Player) -> tuple[str, int]:
    return player.frames[0]["epoch"], player.frames[-1]["cursor"]


async def _resync(scene: Scene, **hello: Any) -> None:
    back = await scene.enter("bob", until="welcome", **hello)
    expect("recovered", back.frames[0]["recovered"], False)
    told = await back.next("resync_required")
    expect("its cursor", told["cursor"], back.frames[0]["cursor"])
    expect("its epoch", told["epoch"], back.frames[0]["epoch"])
    demand(bool(told["reason"]), "a reason", told)
    expect("where it ends", (await back.next("sync_completed"))["cursor"], told["cursor"])
    await back.settled()
    expect("what was replayed", back.received("message"), [])


CHECKS = checks(
    "resume",
    "resume",
    ("C6", replays_all_that_was_missed),
    ("C6", replays_from_the_middle),
    ("C6", replayed_frames_equal_live_ones),
    ("C6", nothing_missed_replays_nothing),
    ("C6", live_goes_on_behind_a_replay),
    ("C6", a_first_hello_starts_at_the_present),
    ("C6", a_cursor_ahead_asks_for_a_resync),
    ("C6", a_foreign_epoch_asks_for_a_resync),
    ("C6", a_missing_epoch_asks_for_a_resync),
    ("C6", a_negative_cursor_is_refused),
    ("C6", a_resync_goes_on_from_the_snapshot),
    ("C6", sync_request_replays_from_a_cursor),
    ("C6", sync_request_without_cursor),
    ("C6", sync_request_from_ahead),
    ("C6", resume_of_the_senders_own),
)
