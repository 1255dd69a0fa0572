"""Owns the HTTP routes for a user: what each is asked, in the order of the protocol.

The answers are the JSON of the protocol, as dictionaries. A change that is not answered may have
been made; ask again to find out, or repeat it: none is made twice.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from linkup_client.http import Http

Json = dict[str, Any]


class Api:
    """The routes over HTTP, with the tokens of the client. All methods raise RequestFailed."""

    def __init__(self, http: Http) -> None:
        self._http = http

    # ---------------------------------------------------------- conversations

    async def conversations(
        self,
        *,
        limit: int | None = None,
        before: int | None = None,
        peer: str | None = None,
        ids: Iterable[str] | None = None,
    ) -> Json:
        """Get the inbox, latest first; or the direct conversation with `peer`; or those with these
        ids. `before`: the `next` of the page before."""
        asked = _query(limit=limit, before=before, peer=peer, ids=_list(ids))
        return await self._ask("GET", f"/v1/conversations{asked}")

    async def conversation(self, conversation_id: str) -> Json:
        return await self._ask("GET", _conversation(conversation_id))

    async def messages(
        self,
        conversation_id: str,
        *,
        before_id: int | None = None,
        after_id: int | None = None,
        limit: int | None = None,
        ids: Iterable[int] | None = None,
    ) -> Json:
        """Get a page of a conversation, oldest first; or its messages with these ids."""
        asked = _query(before_id=before_id, after_id=after_id, limit=limit, ids=_list(ids))
        return await self._ask("GET", _conversation(conversation_id, "messages") + asked)

    async def update(
        self,
        conversation_id: str,
        *,
        archived: bool | None = None,
        muted: bool | None = None,
        title: str | None = None,
    ) -> Json:
        """Archive or mute a conversation, or rename a group. What is left out stays."""
        changes = _given(archived=archived, muted=muted, title=title)
        return await self._ask("PATCH", _conversation(conversation_id), changes)

    async def clear(self, conversation_id: str) -> Json:
        """Hide all present messages of a conversation from this user."""
        return await self._ask("POST", _conversation(conversation_id, "clear"))

    async def unread(self) -> Json:
        """Get how much is unread in all conversations."""
        return await self._ask("GET", "/v1/unread")

    # ---------------------------------------------------------- groups

    async def create_group(self, title: str, members: Iterable[str], *, client_id: str) -> Json:
        """Create a group of this user and others. The same `client_id` gives the same group."""
        group: Json = {"title": title, "members": list(members), "client_id": client_id}
        return await self._ask("POST", "/v1/conversations", group)

    async def members(
        self, conversation_id: str, *, limit: int | None = None, after: str | None = None
    ) -> Json:
        """Get the members of a conversation, by user id."""
        asked = _query(limit=limit, after=after)
        return await self._ask("GET", _conversation(conversation_id, "members") + asked)

    async def add_members(self, conversation_id: str, user_ids: Iterable[str]) -> Json:
        added: Json = {"members": list(user_ids)}
        return await self._ask("POST", _conversation(conversation_id, "members"), added)

    async def remove_member(self, conversation_id: str, user_id: str) -> None:
        """Remove a member from a group. A user who removes themselves leaves."""
        await self._do("DELETE", _conversation(conversation_id, "members", user_id))

    async def set_role(self, conversation_id: str, user_id: str, role: str) -> None:
        """`role`: `owner`, `admin` or `member`."""
        target = _conversation(conversation_id, "members", user_id)
        await self._do("PATCH", target, {"role": role})

    # ---------------------------------------------------------- messages

    async def edit(self, message_id: int, content: str) -> None:
        await self._do("PATCH", f"/v1/messages/{message_id}", {"content": content})

    async def delete(self, message_id: int, mode: str) -> None:
        """`mode`: `me` hides the message from this user, `everyone` erases a message of theirs."""
        await self._do("DELETE", f"/v1/messages/{message_id}{_query(mode=mode)}")

    async def delete_messages(self, message_ids: Iterable[int], mode: str) -> Json:
        """Delete up to a hundred messages. Each has a result of its own."""
        which: Json = {"message_ids": list(message_ids), "mode": mode}
        return await self._ask("POST", "/v1/messages/delete", which)

    async def react(self, message_id: int, emoji: str, *, remove: bool = False) -> None:
        reaction: Json = {"emoji": emoji, "remove": remove}
        await self._do("POST", f"/v1/messages/{message_id}/reactions", reaction)

    async def receipts(
        self, message_id: int, *, limit: int | None = None, after: str | None = None
    ) -> Json:
        """Get who has received and read a message of this user, by user id."""
        asked = _query(limit=limit, after=after)
        return await self._ask("GET", f"/v1/messages/{message_id}/receipts{asked}")

    async def timeline(self, message_id: int) -> Json:
        """Get the steps of a message of this user."""
        return await self._ask("GET", f"/v1/messages/{message_id}/timeline")

    async def search(
        self,
        q: str,
        *,
        conversation_id: str | None = None,
        limit: int | None = None,
        before: int | None = None,
    ) -> Json:
        """Find messages that contain all these words, latest first."""
        asked = _query(q=q, conversation_id=conversation_id, limit=limit, before=before)
        return await self._ask("GET", f"/v1/search{asked}")

    async def attachments(self, ids: Iterable[str]) -> Json:
        """Get the URLs of up to a hundred files, as paths of the server. Those that this user may
        not see are left out."""
        return await self._ask("GET", f"/v1/attachments{_query(ids=_list(ids))}")

    # ---------------------------------------------------------- people

    async def find_users(
        self, q: str, *, limit: int | None = None, after: str | None = None
    ) -> Json:
        """Find the users to whom this user may write, by the beginnings of words of their names.

        A page may be empty although there are more: pass `next` as `after` until it is None.
        """
        return await self._ask("GET", f"/v1/users{_query(q=q, limit=limit, after=after)}")

    async def user(self, user_id: str) -> Json:
        """Get the id, the name and the avatar of a user."""
        return await self._ask("GET", _path("users", user_id))

    async def status(self, user_id: str) -> Json:
        """Get whether a user is online, and when they were last seen."""
        return await self._ask("GET", f"{_path('users', user_id)}/status")

    async def block(self, user_id: str) -> None:
        """Block a user, who can then no longer write to this one."""
        await self._do("POST", "/v1/blocks", {"user_id": user_id})

    async def unblock(self, user_id: str) -> None:
        await self._do("DELETE", _path("blocks", user_id))

    async def blocks(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        user_id: str | None = None,
    ) -> Json:
        """Get whom this user has blocked, by user id; or whether that user is among them."""
        return await self._ask(
            "GET", f"/v1/blocks{_query(limit=limit, after=after, user_id=user_id)}"
        )

    async def report(
        self,
        reason: str,
        *,
        client_id: str,
        user_id: str | None = None,
        message_id: int | None = None,
        comment: str | None = None,
    ) -> Json:
        """Report a user or a message to the operator."""
        about = _given(user_id=user_id, message_id=message_id, comment=comment)
        report: Json = {"reason": reason, "client_id": client_id, **about}
        return await self._ask("POST", "/v1/reports", report)

    # ---------------------------------------------------------- the connection

    async def sync(
        self, *, epoch: str | None = None, cursor: int | None = None, limit: int | None = None
    ) -> Json:
        """Get a page of the feed after a position; without one, the position of its end."""
        return await self._ask("GET", f"/v1/sync{_query(epoch=epoch, cursor=cursor, limit=limit)}")

    async def ticket(self) -> Json:
        """Get a ticket, which opens one WebSocket of this user within 30 seconds."""
        return await self._ask("POST", "/v1/tickets")

    async def _ask(self, method: str, target: str, body: Json | None = None) -> Json:
        return await self._http.ask(method, target, body, Json)

    async def _do(self, method: str, target: str, body: Json | None = None) -> None:
        """Ask what is answered by nothing."""
        await self._http.ask(method, target, body, object)


def _conversation(conversation_id: str, *more: str) -> str:
    return _path("conversations", conversation_id, *more)


def _path(*parts: str) -> str:
    return "/".join(("/v1", *(quote(part, safe="") for part in parts)))


def _list(values: Iterable[object] | None) -> str | None:
    return None if values is None else ",".join(map(str, values))


def _given(**values: object) -> Json:
    return {name: value for name, value in values.items() if value is not None}


def _query(**values: object) -> str:
    given = _given(**values)
    return f"?{urlencode(given)}" if given else ""
