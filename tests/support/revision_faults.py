"""Owns the faults that concern what happens to a message later, and what is told of a socket."""

import re
from typing import Any, ClassVar

from tests.support.spoiler import Call, Fault, Frame

ABSENT = 2**53 - 1  # what the checks take for an id that no message has
REVISIONS = ("message_updated", "message_deleted", "reaction")


class ForgetsVersions(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [{**frame, "version": 1}] if frame["type"] in REVISIONS else [frame]


class LosesEdits(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [] if frame["type"] == "message_updated" else [frame]


class LosesWhatIsDeletedForMe(Fault):
    """The reader's other devices go on showing it."""

    def down(self, frame: Frame) -> list[Frame]:
        return [] if frame["type"] == "message_deleted" and frame["mode"] == "me" else [frame]


class TellsRevisionsTwice(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [frame, frame] if frame["type"] in REVISIONS else [frame]


class BringsErasedTextBack(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [_restored(frame)]

    def answer(self, call: Call) -> Call:
        return call.but(body=everywhere(call.body, _restored))


class LetsAnybodyRevise(Fault):
    """`forbidden` becomes an ack."""

    def down(self, frame: Frame) -> list[Frame]:
        if frame.get("code") != "forbidden" or "client_id" not in frame:
            return [frame]
        return [{"type": "ack", "client_id": frame["client_id"], "duplicate": False}]


class TellsTheForeignFromTheAbsent(Fault):
    """`forbidden` for a message that is there, `not_found` for one that is not."""

    def __init__(self) -> None:
        self.about: dict[str, list[int]] = {}

    def up(self, frame: Frame) -> list[Frame]:
        if isinstance(frame.get("client_id"), str):
            self.about[frame["client_id"]] = frame.get("message_ids", [frame.get("message_id")])
        return [frame]

    def down(self, frame: Frame) -> list[Frame]:
        named = self.about.get(frame.get("client_id", ""), [None])
        there = named != [None] and ABSENT not in named
        return [{**frame, "code": "forbidden"}] if there and _is_absent(frame) else [frame]


class LeaksThatAMessageExists(Fault):
    def answer(self, call: Call) -> Call:
        there = call.path.startswith("/v1/messages/") and str(ABSENT) not in call.path
        return call.but(status=403) if there and call.status == 404 else call


class ForgetsReactions(Fault):
    def answer(self, call: Call) -> Call:
        return call.but(body=everywhere(call.body, lambda row: _but(row, "reactions")))


class ForgetsWhatAReplyIsTo(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [_but(frame, "reply_to")]


class ReadsOneOfMany(Fault):
    def up(self, frame: Frame) -> list[Frame]:
        if frame.get("type") == "bulk_read_receipt":
            frame["message_ids"] = frame["message_ids"][-1:]
        return [frame]


class DeletesManyOutOfOrder(Fault):
    def answer(self, call: Call) -> Call:
        if call.path != "/v1/messages/delete" or call.status != 200:
            return call
        return call.but(body={"results": call.body["results"][::-1]})


# ------------------------------------------------------------------ one's own view


class LosesConversations(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [] if frame["type"] == "conversation" else [frame]


class BeginsAgainAndAgain(Fault):
    def answer(self, call: Call) -> Call:
        begun = (call.method, call.path) == ("POST", "/v1/conversations")
        return call.but(status=201) if begun and call.status == 200 else call


class MiscountsWhatItHides(Fault):
    def answer(self, call: Call) -> Call:
        if call.path.endswith("/clear") and call.status == 200:
            return call.but(body={**call.body, "count": call.body["count"] + 1})
        return call


class MiscountsTheUnread(Fault):
    def answer(self, call: Call) -> Call:
        if call.path == "/v1/unread" and call.status == 200:
            return call.but(body={**call.body, "unread_count": call.body["unread_count"] + 1})
        return call


class SyncsWithAHole(Fault):
    def answer(self, call: Call) -> Call:
        if call.path == "/v1/sync" and call.status == 200:
            return call.but(body={**call.body, "frames": call.body["frames"][1:]})
        return call


class SyncsFromAnywhere(Fault):
    """No client is ever told to start over."""

    def answer(self, call: Call) -> Call:
        if call.path == "/v1/sync" and call.status == 409:
            nothing = {"epoch": "", "cursor": 0, "frames": [], "has_more": False}
            return call.but(status=200, body=nothing)
        return call


# ------------------------------------------------------------------ a socket


class LosesTyping(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [] if frame["type"] == "typing" else [frame]


class TellsTypistsOfThemselves(Fault):
    """The `typing` frame of one user goes to all users who come next."""

    told: ClassVar[dict[str, Frame]] = {}

    def __init__(self) -> None:
        self.check = ""

    def down(self, frame: Frame) -> list[Frame]:
        if frame["type"] == "welcome":
            self.check = re.sub("-[a-z]+$", "", frame["user_id"])
        if frame["type"] == "typing":
            self.told[self.check] = frame
        if frame["type"] == "message" and self.check in self.told:
            return [self.told[self.check], frame]
        return [frame]


class MistakesWhereASocketStands(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        if frame["type"] == "connection_status":
            frame["cursor"] += 1
        return [frame]


class GoesWithoutAWord(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [] if frame["type"] == "reconnect" else [frame]


class TakesAnyTokenForARefresh(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        if frame.get("code") != "unauthorized" or "client_id" not in frame:
            return [frame]
        return [{"type": "ack", "client_id": frame["client_id"], "duplicate": False}]


def everywhere(value: Any, change: Any) -> Any:
    """`change` applied to every object in a JSON value."""
    if isinstance(value, list):
        return [everywhere(one, change) for one in value]
    if isinstance(value, dict):
        return change({name: everywhere(one, change) for name, one in value.items()})
    return value


def _but(row: Frame, name: str) -> Frame:
    return {field: value for field, value in row.items() if field != name}


def _restored(row: Frame) -> Frame:
    return {**row, "content": "regrets"} if row.get("deleted_at") and "content" in row else row


def _is_absent(frame: Frame) -> bool:
    return bool(frame.get("code") == "not_found")
