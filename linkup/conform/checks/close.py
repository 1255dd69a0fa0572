"""Checks of close codes, and of what only who owns the server could cause."""

from linkup.conform.check import checks
from linkup.conform.scene import Scene
from linkup.conform.verdict import Skipped, expect

OWNER = "from outside nobody can stop the server; `make prove` in its source does"


async def invalid_utf8_closes_1007(scene: Scene) -> None:
    """A text frame that is not UTF-8 closes the WebSocket with 1007."""
    alice = await scene.enter("alice")
    await alice.send_text(b'{"type":"ping","timestamp":"\xff\xfe"}', as_text=True)
    expect("the close code", await alice.closed(), 1007)


async def above_128_kib_closes_1009(scene: Scene) -> None:
    """A frame above 128 KiB closes the WebSocket with 1009."""
    alice = await scene.enter("alice")
    await alice.send_text('{"type":"ping","timestamp":"' + "x" * 140_000 + '"}')
    expect("the close code", await alice.closed(), 1009)


async def fragments_adding_up_close_1009(scene: Scene) -> None:
    """Fragments of more than 128 KiB in total close the WebSocket with 1009."""
    alice = await scene.enter("alice")
    await alice.send_fragments(["x" * 30_000] * 5)
    expect("the close code", await alice.closed(), 1009)


async def a_goodbye_is_answered(scene: Scene) -> None:
    """The server answers the client's close frame with the same code."""
    alice = await scene.enter("alice")
    await alice.socket.close(1000)
    expect("the close code", await alice.closed(), 1000)


async def a_closed_socket_leaves_the_others(scene: Scene) -> None:
    """When one device disconnects, the user's other devices stay connected."""
    alice, phone = await scene.enter("alice"), await scene.enter("alice")
    phone.socket.transport.abort()
    await alice.acked(alice.user_id, "still here")


async def acks_survive_a_crash(scene: Scene) -> None:
    """Acknowledged messages survive `kill -9` and power loss."""
    raise Skipped(OWNER)


async def order_survives_a_crash(scene: Scene) -> None:
    """The `seq` has no gaps after a crash between two messages."""
    raise Skipped(OWNER)


async def the_feed_survives_a_crash(scene: Scene) -> None:
    """Cursors have no gaps and no repeats after a crash."""
    raise Skipped(OWNER)


async def a_lost_event_is_found_in_15_seconds(scene: Scene) -> None:
    """A live event that is lost inside the server reaches the client within 15 s."""
    raise Skipped("from outside nobody can cut the server's own wire; `make test` does")


async def a_restart_says_when_to_come_back(scene: Scene) -> None:
    """A gateway that stops sends `reconnect {after_ms, reason}` and closes with 1012."""
    raise Skipped(OWNER)


CHECKS = checks(
    "close",
    "close codes",
    ("", invalid_utf8_closes_1007),
    ("C10", above_128_kib_closes_1009),
    ("C10", fragments_adding_up_close_1009),
    ("", a_goodbye_is_answered),
    ("C5", a_closed_socket_leaves_the_others),
    ("C1", acks_survive_a_crash),
    ("C4", order_survives_a_crash),
    ("C5", the_feed_survives_a_crash),
    ("C7", a_lost_event_is_found_in_15_seconds),
    ("", a_restart_says_when_to_come_back),
)
