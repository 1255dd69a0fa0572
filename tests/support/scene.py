"""Owns the people and the things that the table of access is played with, and asking as each.

alice and bob share a conversation, alice and carol another, olga and piet one of their own; the
first and the last pair have a group as well. Into a third group of olga's carol came late, and
bob is in it no more. piet blocks bob. nina has a token and was never seen.
"""

import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from shared.subjects import direct_conversation_id, group_conversation_id
from tests.support.matrix import EPOCH, HOME, IT, TEAM, Kind, Verb
from tests.support.peer import Frame, Http, Peer, http, synced
from tests.support.stack import Stack
from tests.support.stores import reading

PAIRS = {
    "alice-bob": ("alice", "bob"),
    "alice-carol": ("alice", "carol"),
    "olga-piet": ("olga", "piet"),
}
HOMES = {"alice": "alice-bob", "bob": "alice-bob", "carol": "alice-carol", "olga": "olga-piet"}
GROUPS = {"team": ("alice", "bob"), "den": ("olga", "piet")}
ACQUAINTED = {"bob": {"alice"}, "carol": {"alice", "olga", "piet"}, "piet": {"olga", "carol"}}
BLOCKS = {"piet": {"bob"}}
UNSEEN = "nina"
ASKERS = (*HOMES, UNSEEN)
# Processes, profiles, who reads the log, and the records of what was refused.
QUIET = {"lanes", "users", "names", "words", "followers", "errors"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
VARYING = {"date", "content-length", "x-request-id"}

Answer = tuple[Any, ...]


@dataclass(frozen=True)
class Thing:
    """`lost`: how it is gone ("erased", or for some "hidden", "cleared"; a file that is "sent" is
    so for another message); `members` may name it."""

    label: str
    kind: Kind
    id: Any
    members: frozenset[str]
    home: str = ""  # the conversation of a message, or where a file would be sent
    lost: str = ""
    lost_for: frozenset[str] = frozenset()
    shut_for: frozenset[str] = frozenset()  # a user blocks them

    def is_open_to(self, user_id: str, verb: Verb) -> bool:
        """Return whether the user may learn by this verb that the thing exists."""
        if self.kind is Kind.USER:
            if user_id in self.shut_for and not verb.regardless:
                return False
            myself = verb.oneself and user_id == self.id
            return verb.strangers or myself or user_id in self.members
        if user_id not in self.members or (verb.at_home and self.home != home_of(user_id)):
            return False
        return user_id not in self.lost_for or self.lost in verb.still


@dataclass
class Scene:
    stack: Stack
    epoch: str
    peers: dict[str, Peer]
    apis: dict[str, Http]
    things: list[Thing] = field(default_factory=list)
    secrets: dict[str, frozenset[str]] = field(default_factory=dict)  # text → who may see it

    def of(self, kind: Kind) -> list[Thing]:
        return [thing for thing in self.things if thing.kind is kind]

    async def ask(self, user_id: str, verb: Verb, thing: Any) -> Answer:
        """Return what the user gets, without ids and times."""
        client_id = secrets.token_hex(6)
        fields = filled(verb.fields, thing, home_of(user_id), self.epoch)
        if verb.is_frame:
            got = await self._by_frame(self.peers[user_id], verb, fields, client_id)
        else:
            got = await self._by_http(self.apis[user_id], verb, fields, client_id)
        self.check_secrets(user_id, json.dumps(got))
        return tuple(without(part, {client_id, thing, str(thing)}) for part in got)

    async def _by_frame(
        self, peer: Peer, verb: Verb, fields: dict[str, Any], client_id: str
    ) -> list[Frame]:
        """The outcome; where there is none, the error that comes before the pong, if one does."""
        if verb.silent:
            mark = len(peer.frames)
            await peer.send(verb.name, **fields)
            await peer.settled()
            return [frame for frame in peer.frames[mark:] if frame["type"] == "error"]
        await peer.send(verb.name, client_id=client_id, **fields)
        return [await peer.outcome(client_id)]

    async def _by_http(
        self, api: Http, verb: Verb, fields: dict[str, Any], client_id: str
    ) -> list[Any]:
        method, path = verb.name.split()
        body, query = fields.pop("body", None), fields.pop("query", {})
        if verb.name in ("POST /v1/messages", "POST /v1/reports"):
            body = {"client_id": client_id, **body}
        for name, value in fields.items():
            path = path.replace("{" + name + "}", quote(str(value), safe=""))
        response = await api.request(method, path, body, **query)
        headers = {k: v for k, v in response.headers.items() if k not in VARYING}
        return [response.status_code, headers, read(response)]

    async def uploaded(self, user_id: str, name: str) -> str:
        """The id of a new file of that user, which no message has."""
        return await self.apis[user_id].upload(name, b"text of a file")

    async def said(
        self, label: str, state: str, writer: str, reader: str, lost_for: set[str] | None = None
    ) -> int:
        """The id of a new message of that conversation, which will be lost for those."""
        place = direct_conversation_id(writer, reader)
        (await self.apis[writer].post("/v1/conversations", {"to": reader})).raise_for_status()
        members = frozenset({writer, reader})
        return await self.wrote(f"{state} of {label}", place, writer, members, lost_for)

    async def wrote(
        self,
        text: str,
        place: str,
        writer: str,
        members: frozenset[str],
        lost_for: set[str] | None = None,
    ) -> int:
        """The id of a new message there; its first word says how it will be lost."""
        client_id = secrets.token_hex(6)
        file_id = await self.uploaded(writer, f"file, {text}")
        sent = {"conversation_id": place, "content": text, "attachments": [file_id]}
        await self.peers[writer].send("message", client_id=client_id, **sent)
        ack = await self.peers[writer].outcome(client_id)
        gone = frozenset(lost_for or ())
        lost = text.split()[0] if gone else ""
        about = (Kind.MESSAGE, ack["message_id"], members, place, lost, gone)
        self.things.append(Thing(text, *about))
        if lost != "erased":  # the sweep takes the file's record away, some time
            self.things.append(file_of(text, file_id, members, place, lost, gone))
        self.secrets[text] = members - gone
        return int(ack["message_id"])

    def check_secrets(self, user_id: str, text: str) -> None:
        leaked = [s for s, may in self.secrets.items() if s in text and user_id not in may]
        assert not leaked, f"{user_id} was told {leaked}"

    def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the store, but those that a first visit or a batch leaves."""
        with reading(self.stack.data_dir / "linkup.db") as db:
            tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            rows = {
                name: db.execute(f'SELECT * FROM "{name}"').fetchall()  # noqa: S608 - our own names
                for (name,) in tables
                if name not in QUIET
            }
        rows["meta"] = [row for row in rows["meta"] if row[0] != "indexed"]
        rows["attachments"] = [row for row in rows["attachments"] if "condemned" not in row]
        rows["heads"] = [row for row in rows["heads"] if row[0] != UNSEEN]
        return rows


def file_of(
    text: str, file_id: str, members: frozenset[str], home: str, lost: str, gone: frozenset[str]
) -> Thing:
    """Return the file of a message: sent for users who see the message, lost for the others."""
    state = (lost, gone) if lost else ("sent", frozenset(ASKERS))
    return Thing(f"file, {text}", Kind.FILE, file_id, members, home, *state)


def home_of(user_id: str) -> str:
    one, other = PAIRS[HOMES[user_id]] if user_id in HOMES else (user_id, "nobody")
    return direct_conversation_id(one, other)


def group_id(label: str) -> str:
    owner = GROUPS[label][0] if label in GROUPS else "olga"
    return group_conversation_id(owner, label)


def filled(value: Any, thing: Any, home: str, epoch: str) -> Any:
    """A row's fields with the thing in its place."""
    match value:
        case dict():
            return {name: filled(inner, thing, home, epoch) for name, inner in value.items()}
        case list():
            return [filled(inner, thing, home, epoch) for inner in value]
    return (
        {IT: thing, HOME: home, TEAM: group_id("team"), EPOCH: epoch}.get(value, value)
        if isinstance(value, str)
        else value
    )


def without(value: Any, ids: set[Any]) -> Any:
    """The same with ids and times blanked, at every depth."""
    match value:
        case dict():
            blanked = {name: without(inner, ids) for name, inner in value.items()}
            # A position in a feed, which may happen to be the number of a message.
            return blanked | {name: value[name] for name in ("cursor",) if name in value}
        case list():
            return [without(inner, ids) for inner in value]
        case str():
            shown = "<id>" if value in ids else TIME.sub("<time>", value)
            for one in ids:
                shown = shown.replace(repr(one), "<id>") if isinstance(one, str) else shown
            return shown
        case int() if value in ids and not isinstance(value, bool):
            return "<id>"
    return value


def read(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except json.JSONDecodeError:
        return response.text


# ------------------------------------------------------------------ setting it


@asynccontextmanager
async def scene(stack: Stack) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as open_:
        everybody = [*HOMES, "piet"]
        peers = {name: await open_.enter_async_context(synced(stack, name)) for name in everybody}
        apis = {n: await open_.enter_async_context(http(stack, n)) for n in (*everybody, UNSEEN)}
        one = Scene(stack, peers["alice"].frames[0]["epoch"], peers, apis)
        await _lose(one)
        for label, (reader, writer) in PAIRS.items():
            await _furnish(one, label, reader, writer)
        for label, (owner, member) in GROUPS.items():
            await _gather(one, label, owner, member)
        await _come_and_go(one)
        for name, members in ACQUAINTED.items():
            shut_for = frozenset(BLOCKS.get(name, ()))
            for other in shut_for:
                answer = await apis[name].post("/v1/blocks", {"user_id": other})
                answer.raise_for_status()
            known = frozenset({name, *members})
            user = Thing(f"user {name}", Kind.USER, name, known, shut_for=shut_for)
            one.things.append(user)
        for peer in peers.values():
            await peer.settled()
        yield one


async def _furnish(scene: Scene, label: str, reader: str, writer: str) -> None:
    members = frozenset({writer, reader})
    place = direct_conversation_id(writer, reader)
    scene.things.append(Thing(label, Kind.CONVERSATION, place, members))
    await scene.said(label, "kept", writer, reader)
    unsent = await scene.uploaded(writer, f"unsent of {label}")
    own = frozenset({writer})
    scene.things.append(Thing(f"unsent of {label}", Kind.FILE, unsent, own, place))
    scene.secrets[f"unsent of {label}"] = own


async def _gather(scene: Scene, label: str, owner: str, member: str) -> None:
    """A group is a conversation, and what only a group can be asked for."""
    title = f"title of {label}"
    body = {"title": title, "members": [member], "client_id": label}
    (await scene.apis[owner].post("/v1/conversations", body)).raise_for_status()
    members = frozenset({owner, member})
    for kind in (Kind.CONVERSATION, Kind.GROUP):
        scene.things.append(Thing(label, kind, group_id(label), members))
    scene.secrets[title] = members


async def _come_and_go(scene: Scene) -> None:
    """Add a member, who does not see earlier messages, and remove one, who sees none any more."""
    place, olga = group_id("club"), scene.apis["olga"]
    body = {"title": "title of club", "members": ["piet", "bob"], "client_id": "club"}
    (await olga.post("/v1/conversations", body)).raise_for_status()
    members = frozenset({"olga", "piet", "carol"})
    for kind in (Kind.CONVERSATION, Kind.GROUP):
        scene.things.append(Thing("club", kind, place, members))
    scene.secrets["title of club"] = members
    await scene.wrote("early of club", place, "olga", members, {"carol"})
    path = f"/v1/conversations/{place}/members"
    (await olga.post(path, {"members": ["carol"]})).raise_for_status()
    (await olga.request("DELETE", f"{path}/bob")).raise_for_status()
    await scene.wrote("late of club", place, "olga", members)


async def _lose(scene: Scene) -> None:
    """Messages that alice hid, bob erased, and alice cleared away."""
    alice, bob = scene.peers["alice"], scene.peers["bob"]
    hidden = await scene.said("alice-bob", "hidden", "bob", "alice", {"alice"})
    await _done(alice, "delete_message", message_id=hidden, mode="me")
    erased = await scene.said("alice-bob", "erased", "bob", "alice", set(ASKERS))
    await _done(bob, "delete_message", message_id=erased, mode="everyone")
    await scene.said("alice-carol", "cleared", "carol", "alice", {"alice"})
    place = direct_conversation_id("alice", "carol")
    (await scene.apis["alice"].post(f"/v1/conversations/{place}/clear", None)).raise_for_status()


async def _done(peer: Peer, kind: str, **fields: Any) -> None:
    client_id = secrets.token_hex(6)
    await peer.send(kind, client_id=client_id, **fields)
    outcome = await peer.outcome(client_id)
    assert outcome["type"] == "ack", outcome
