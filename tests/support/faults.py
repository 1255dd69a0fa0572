"""Owns the faults planted between a client and a sound server: one wrong thing each."""

from typing import Any, ClassVar

from tests.support.revision_faults import everywhere
from tests.support.spoiler import Call, Fault, Frame

UNTOUCHED = ("bad", "size")  # client_ids of frames whose form or size is what matters


class NothingIsSpoiled(Fault):
    """The proxy itself breaks nothing."""


class DropsDuplicateAcks(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [] if frame.get("duplicate") else [frame]


class RepeatsAnEvent(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [frame, frame] if frame["type"] == "message" else [frame]


class SwapsTwoEvents(Fault):
    """The third message of a socket comes behind the next one of its conversation: order between
    two conversations is no promise."""

    count = 0
    held: Frame | None = None

    def down(self, frame: Frame) -> list[Frame]:
        if frame["type"] != "message":
            return [frame]
        self.count += 1
        if self.count == 3:
            self.held = frame
            return []
        if self.held and self.held["conversation_id"] == frame["conversation_id"]:
            held, self.held = self.held, None
            return [frame, held]
        return [frame]


class LosesAnEvent(Fault):
    """The second message of a socket never comes."""

    count = 0

    def down(self, frame: Frame) -> list[Frame]:
        self.count += frame["type"] == "message"
        return [] if frame["type"] == "message" and self.count == 2 else [frame]


class TrimsContent(Fault):
    def up(self, frame: Frame) -> list[Frame]:
        content = frame.get("content")
        if isinstance(content, str) and content.strip() and len(content) < 5000:
            frame["content"] = content.strip()
        return [frame]


class LeavesOutTemporary(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        if frame["type"] == "error":
            frame.pop("temporary")
        return [frame]


class SwallowsErrors(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [] if frame.get("code") == "invalid_frame" else [frame]


class ForgetsWhomAnErrorConcerns(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        if frame.get("code") == "invalid_frame":
            frame.pop("client_id", None)
        return [frame]


class MovesThePongsCursor(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        if frame["type"] == "pong":
            frame["cursor"] += 1
        return [frame]


class AnswersPingsOutOfTurn(Fault):
    """Two pongs change places."""

    held: Frame | None = None

    def down(self, frame: Frame) -> list[Frame]:
        if frame["type"] != "pong" or not isinstance(frame.get("timestamp"), int):
            return [frame]
        if self.held is None and frame["timestamp"] == 3:
            self.held = frame
            return []
        held, self.held = self.held, None
        return [frame, held] if held is not None else [frame]


class PutsACursorIntoAcks(Fault):
    def down(self, frame: Frame) -> list[Frame]:
        return [{**frame, "cursor": 1}] if frame["type"] == "ack" else [frame]


class EchoesOwnMessages(Fault):
    """The sender's socket gets its own message as a frame behind the ack."""

    user_id = ""

    def down(self, frame: Frame) -> list[Frame]:
        self.user_id = frame.get("user_id", self.user_id) if not self.user_id else self.user_id
        if frame["type"] != "ack" or "message_id" not in frame:
            return [frame]
        own = {"type": "message", "sender_id": self.user_id, "content": "echo", "cursor": 0}
        return [frame, {**frame, **own}]


class LetsStrangersListen(Fault):
    """Eve is sent what others were sent before."""

    heard: ClassVar[dict[str, Frame]] = {}

    def __init__(self) -> None:
        self.check, self.role = "", ""

    def down(self, frame: Frame) -> list[Frame]:
        if frame["type"] == "welcome":
            self.check, _, self.role = frame["user_id"].rpartition("-")
        if frame["type"] != "message":
            return [frame]
        other = self.heard.get(self.check)
        if self.role != "eve":
            self.heard[self.check] = frame
        return [other, frame] if self.role == "eve" and other else [frame]


class ClaimsToHaveRecovered(Fault):
    """No resync is ever asked for."""

    def down(self, frame: Frame) -> list[Frame]:
        if frame["type"] == "welcome":
            frame["recovered"] = True
        return [] if frame["type"] == "resync_required" else [frame]


class ResumesFromThePresent(Fault):
    """Whatever cursor comes, only live frames follow."""

    def up(self, frame: Frame) -> list[Frame]:
        if frame.get("type") == "hello":
            frame.pop("cursor", None)
            frame.pop("epoch", None)
        return [frame]


class ReadsBeyondWhatWasSent(Fault):
    """`mark_chat_read` without `up_to` marks all there is."""

    def up(self, frame: Frame) -> list[Frame]:
        if frame.get("type") == "mark_chat_read" and len(str(frame.get("conversation_id"))) <= 64:
            frame.setdefault("up_to", 2**53 - 1)
        return [frame]


class ReadsWhateverIsDelivered(Fault):
    """`delivered` counts as read."""

    def up(self, frame: Frame) -> list[Frame]:
        if frame.get("type") == "delivered" and "notification_id" not in frame:
            place, seq = frame["conversation_id"], frame["seq"]
            read = {"type": "mark_chat_read", "conversation_id": place, "up_to": seq}
            return [read, frame]
        return [frame]


class IgnoresPredecessors(Fault):
    def up(self, frame: Frame) -> list[Frame]:
        if frame.get("type") == "message":
            frame.pop("after", None)
        return [frame]


class KnowsAClientIdPerSocketOnly(Fault):
    """Deduplication ends with the socket."""

    sockets = 0

    def __init__(self) -> None:
        type(self).sockets += 1
        self.suffix = f"|{type(self).sockets}"

    def up(self, frame: Frame) -> list[Frame]:
        for name in ("client_id", "after"):
            value = frame.get(name)
            touched = str(value) not in UNTOUCHED and len(str(value)) < 90  # it has to fit
            if frame.get("type") == "message" and value and touched:
                frame[name] = f"{value}{self.suffix}"
        return [frame]

    def down(self, frame: Frame) -> list[Frame]:
        if isinstance(frame.get("client_id"), str):
            frame["client_id"] = frame["client_id"].partition("|")[0]
        return [frame]

    def answer(self, call: Call) -> Call:
        return call.but(body=everywhere(call.body, _without_suffix))


class LetsForeignPagesIn(Fault):
    def offer(self, headers: dict[str, str], subprotocols: list[str]) -> list[str]:
        headers.pop("origin", None)
        return subprotocols


class OverlooksTheSubprotocol(Fault):
    def offer(self, headers: dict[str, str], subprotocols: list[str]) -> list[str]:
        return []


class ClosesWithout4401(Fault):
    def close(self, code: int) -> int:
        return 1000 if code == 4401 else code


class LetsInWhoLoggedOut(Fault):
    """A token that was revoked reads on over HTTP."""

    def answer(self, call: Call) -> Call:
        out = call.path == "/v1/unread" and call.status == 401
        return call.but(status=200) if out else call


class SaysThatOneIsBlocked(Fault):
    """The first to be refused hears another word than the next."""

    refused = 0

    def down(self, frame: Frame) -> list[Frame]:
        if frame.get("client_id") == "let-me-in":
            self.refused += 1
            return [{**frame, "code": "forbidden"}] if self.refused == 1 else [frame]
        return [frame]


class FilesReportsAgainAndAgain(Fault):
    def answer(self, call: Call) -> Call:
        return call.but(status=201) if call.path == "/v1/reports" and call.status == 200 else call


class ShowsWhateverIsSent(Fault):
    """A file leaves without a word on how to treat it."""

    def answer(self, call: Call) -> Call:
        kept = {k: v for k, v in call.headers.items() if k != "content-disposition"}
        return call.but(headers=kept)


class GivesUrlsToWhoAsks(Fault):
    """A file that may not be seen is there all the same."""

    def answer(self, call: Call) -> Call:
        gone = call.path.startswith("/v1/attachments/") and call.status == 404
        return call.but(status=200, body={"url": "/"}) if gone else call


class LeaksThatAConversationExists(Fault):
    """403 where one may not look, 404 where there is nothing."""

    def answer(self, call: Call) -> Call:
        exists = call.path.startswith("/v1/conversations/") and "no-such" not in call.path
        return call.but(status=403) if exists and call.status == 404 else call


class ShowsAnothersInbox(Fault):
    """Whoever has nobody to talk to sees a conversation of somebody else."""

    known: Any = None

    def answer(self, call: Call) -> Call:
        if (call.method, call.path, call.status) != ("GET", "/v1/conversations", 200):
            return call
        chats = call.body["conversations"]
        self.known = chats[0] if chats else self.known
        return call.but(body={**call.body, "conversations": chats or [self.known]})


class CallsADuplicateCreated(Fault):
    def answer(self, call: Call) -> Call:
        created = call.method == "POST" and call.path == "/v1/messages" and call.status == 200
        return call.but(status=201) if created else call


class SaysPlainJson(Fault):
    def answer(self, call: Call) -> Call:
        if call.status >= 400:
            return call.but(headers={**call.headers, "content-type": "application/json"})
        return call


class LeavesOutRetryAfter(Fault):
    def answer(self, call: Call) -> Call:
        return call.but(headers={k: v for k, v in call.headers.items() if k != "retry-after"})


class TurnsPagesAround(Fault):
    def answer(self, call: Call) -> Call:
        if call.path.endswith("/messages") and call.method == "GET" and call.status == 200:
            return call.but(body={**call.body, "messages": call.body["messages"][::-1]})
        return call


class ForgetsThatThereIsMore(Fault):
    def answer(self, call: Call) -> Call:
        if call.status == 200 and isinstance(call.body, dict) and "has_more" in call.body:
            return call.but(body={**call.body, "has_more": False})
        return call


class CountsASnapshotTooFar(Fault):
    def answer(self, call: Call) -> Call:
        if call.status == 200 and isinstance(call.body, dict) and "cursor" in call.body:
            return call.but(body={**call.body, "cursor": call.body["cursor"] + 1})
        return call


def _without_suffix(row: Frame) -> Frame:
    client_id = row.get("client_id")
    return {**row, "client_id": client_id.partition("|")[0]} if client_id else row
