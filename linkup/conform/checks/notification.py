"""Checks of notifications: the badge, the list, what is read, and the user's preferences.

A check's users get none, for ids that are reserved have no messages to be told of; so the list
is tried while it is empty.
"""

import json
from typing import Any

from linkup.conform.caller import Caller, good
from linkup.conform.check import checks
from linkup.conform.player import Frame
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect

NOBODYS = "0no1such"
LIST = "/v1/notifications"
PREFERENCES = "/v1/notification-preferences"


async def the_badge_follows_welcome(scene: Scene) -> None:
    """`badge_update` follows `welcome` on all three kinds of WebSockets."""
    alice = await scene.enter("alice")
    for path in ("/ws", "/ws/notifications/", f"/ws/chat/{alice.user_id}/"):
        bob = await scene.enter("bob", path=path)
        badge = await bob.next("badge_update")
        expect(f"the frame on {path}", badge, {"type": "badge_update", "unread_count": 0})


async def the_list_answers_with_the_client_id(scene: Scene) -> None:
    """`get_notifications` is answered by `notifications_list` with the same `client_id`."""
    alice = await scene.enter("alice")
    await alice.send("get_notifications", client_id="g", limit=1, unread_only=True)
    told = await alice.next("notifications_list")
    empty: Frame = {"notifications": [], "next": None, "unread_count": 0}
    expect("the list", told, {"type": "notifications_list", **empty, "client_id": "g"})
    expect("the list over HTTP", good(await (await scene.api("alice")).get(LIST)), empty)


async def reading_all_is_answered(scene: Scene) -> None:
    """`mark_all_read` is answered by `notifications_read`, also if nothing was unread."""
    alice = await scene.enter("alice")
    await alice.send("mark_all_read", client_id="a", notification_type="new_message")
    told = await alice.next("notifications_read", client_id="a")
    expect("what is told", [told["count"], told["unread_count"]], [0, 0])
    expect("the type", told["notification_type"], "new_message")
    answer = good(await (await scene.api("alice")).post(f"{LIST}/read-all", {}))
    expect("the same over HTTP", [answer["count"], answer["unread_count"]], [0, 0])


async def an_unknown_notification_is_not_found(scene: Scene) -> None:
    """A notification that the user does not have is `not_found`, in frames and over HTTP."""
    alice = await scene.enter("alice")
    for kind, field in (
        ("mark_read", "notification_id"),
        ("delivered", "notification_id"),
        ("mark_all_read", "up_to"),
    ):
        await alice.send(kind, client_id=kind, **{field: NOBODYS})
        expect(f"the answer to {kind}", (await alice.next("error"))["code"], "not_found")
    answer = await (await scene.api("alice")).call("POST", f"{LIST}/{NOBODYS}/read")
    expect("the status", answer.status, 404)
    await alice.settled()


async def a_bad_question_names_its_field(scene: Scene) -> None:
    """A bad field of a frame about notifications is `invalid_frame`, and is named."""
    alice = await scene.enter("alice")
    for number, (kind, fields, named) in enumerate(BAD):
        await alice.send(kind, client_id=f"bad-{number}", **fields)
        error = await alice.next("error", client_id=f"bad-{number}")
        expect(f"the answer to {json.dumps(fields)}", error["code"], "invalid_frame")
        demand(named in error["message"], f"a message that names {named}", error)
    api = await scene.api("alice")
    for query in ({"limit": 0}, {"limit": 101}, {"unread_only": "perhaps"}):
        expect(f"the status of {query}", (await api.get(LIST, **query)).status, 400)


BAD: tuple[tuple[str, Frame, str], ...] = (
    ("get_notifications", {"limit": 0}, "limit"),
    ("get_notifications", {"limit": 101}, "limit"),
    ("get_notifications", {"notification_type": "Two Words"}, "notification_type"),
    ("get_notifications", {"offset": 1}, "offset"),
    ("mark_read", {}, "notification_id"),
    ("mark_read", {"notification_id": "x/y"}, "notification_id"),
    ("mark_all_read", {"up_to": 7}, "up_to"),
    (
        "delivered",
        {"notification_id": NOBODYS, "seq": 1, "conversation_id": "d"},
        "notification_id",
    ),
    ("delivered", {"notification_id": NOBODYS, "seq": 1}, "seq"),
)


async def preferences_change_by_the_field(scene: Scene) -> None:
    """Changed preferences are stored, and what is left out stays."""
    api = await scene.api("alice")
    before = good(await api.get(PREFERENCES))
    types = {one["notification_type"]: one for one in before["types"]}
    demand("new_message" in types, "a preference for new_message", before)
    changed = {**types["new_message"], "email": not types["new_message"]["email"]}
    await _put(api, {"types": [changed], "digest": "weekly"})
    night = {"start": "22:30", "end": "06:00"}
    after = await _put(api, {"quiet_hours": night, "time_zone": "Europe/Berlin"})
    types["new_message"] = changed
    wanted: Frame = {"types": list(types.values()), "digest": "weekly", "quiet_hours": night}
    expect("the preferences", after, {**wanted, "time_zone": "Europe/Berlin"})
    after = await _put(api, {"quiet_hours": None, "time_zone": None})
    wanted |= {"quiet_hours": None, "time_zone": None}
    expect("the preferences afterwards", after, wanted)
    expect("the preferences as they are read", good(await api.get(PREFERENCES)), wanted)


async def bad_preferences_change_nothing(scene: Scene) -> None:
    """A bad field of preferences is named, and nothing is changed."""
    api = await scene.api("alice")
    before = good(await api.get(PREFERENCES))
    unknown = {**before["types"][0], "notification_type": "no_such_type"}
    for change, named in (
        ({"types": [unknown]}, "notification_type"),
        ({"quiet_hours": {"start": "24:00", "end": "06:00"}}, "quiet_hours"),
        ({"quiet_hours": {"start": "22:00"}}, "end"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"colour": "red"}, "colour"),
    ):
        body = json.dumps({"digest": "hourly"} | change).encode()
        answer = await api.call("PUT", PREFERENCES, body)
        expect(f"the status of {json.dumps(change)}", answer.status, 400)
        demand(named in answer.json()["detail"], f"a detail that names {named}", answer.json())
    expect("the preferences afterwards", good(await api.get(PREFERENCES)), before)


async def _put(api: Caller, change: Any) -> Any:
    return good(await api.call("PUT", PREFERENCES, json.dumps(change).encode()))


CHECKS = checks(
    "notification",
    "notifications",
    ("", the_badge_follows_welcome),
    ("", the_list_answers_with_the_client_id),
    ("", reading_all_is_answered),
    ("", an_unknown_notification_is_not_found),
    ("", a_bad_question_names_its_field),
    ("", preferences_change_by_the_field),
    ("", bad_preferences_change_nothing),
)
