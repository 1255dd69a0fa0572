"""Owns a client without a socket: it sends one message at a time, and asks for its feed."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from shared.subjects import direct_conversation_id
from tests.support.ledger import Ledger
from tests.support.view import Shown, View

Frame = dict[str, Any]
Call = Callable[[str, str, str, Frame | None], Awaitable[tuple[int, Frame]]]
GROUPS_REFUSE = ("not_found", "forbidden")  # who may do a thing changes all the time
TRIES = 5  # of one turn; what is left waits for the next


class Lost(Exception):
    """No answer: the outcome is unknown."""


class Poller:
    """`call(user_id, method, path, body)` gives status and body, or raises Lost."""

    def __init__(self, name: str, user_id: str, epoch: str, ledger: Ledger, call: Call) -> None:
        self.name, self.user_id, self.ledger = name, user_id, ledger
        self.view = View(name, user_id, ledger)
        self.outbox: OrderedDict[str, Frame] = OrderedDict()
        self.order: dict[str, list[str]] = {}
        self.epoch, self.cursor = epoch, 0
        self._call = call
        self._turn = asyncio.Lock()

    def write(self, to: str) -> None:
        place = direct_conversation_id(self.user_id, to)
        self.ledger.members[place] = {self.user_id, to}
        self._write(place, {"to": to})

    def write_in(self, group: str) -> None:
        self._write(group, {"conversation_id": group})

    def _write(self, place: str, address: Frame) -> None:
        client_id = f"{self.name}-message-{sum(map(len, self.order.values()))}"
        body = {**address, "client_id": client_id, "content": f"{client_id} to {place}"}
        self.ledger.send(self.user_id, client_id, place, body["content"], None)
        self.outbox[client_id] = body
        self.order.setdefault(place, []).append(client_id)

    async def turn(self) -> None:
        """Send what waits, in order, then ask for the feed until its end."""
        async with self._turn:
            try:
                await self._send()
                await self._poll()
            except Lost:
                pass

    async def set_view(self, place: str, **settings: bool) -> None:
        await self._try(place, "PATCH", "", settings)

    async def clear(self, place: str) -> None:
        await self._try(place, "POST", "/clear", None)

    async def read(self, place: str, up_to: int) -> None:
        body, began = {"up_to": up_to}, self.ledger.now()
        if await self._try(place, "POST", "/read", body) == 200:
            self.ledger.read(place, self.user_id, up_to, began)

    # ------------------------------------------------------------ blocks

    async def block(self, user_id: str) -> None:
        write = self.ledger.write(self.ledger.blocks, (self.user_id, user_id), True)
        if await self._request("POST", "/v1/blocks", {"user_id": user_id}) == 204:
            self.ledger.done(write)

    async def unblock(self, user_id: str) -> None:
        write = self.ledger.write(self.ledger.blocks, (self.user_id, user_id), False)
        if await self._request("DELETE", f"/v1/blocks/{user_id}", None) == 204:
            self.ledger.done(write)

    # ------------------------------------------------------------ groups

    async def found(self, place: str) -> None:
        """Also again: who has left it meanwhile is told that there is no such group."""
        group = self.ledger.groups[place]
        members = sorted(group.members - {self.user_id})
        body = {"title": group.title, "members": members, "client_id": group.client_id}
        if await self._request("POST", "/v1/conversations", body, GROUPS_REFUSE) in (200, 201):
            for write in group.writes:
                self.ledger.done(write)

    async def add(self, place: str, user_id: str) -> None:
        write = self.ledger.write(self.ledger.seats, (place, user_id), True)
        if await self._try(place, "POST", "/members", {"members": [user_id]}) == 200:
            self.ledger.done(write)

    async def remove(self, place: str, user_id: str) -> None:
        """Oneself, too: that is leaving."""
        write = self.ledger.write(self.ledger.seats, (place, user_id), False)
        if await self._try(place, "DELETE", f"/members/{user_id}", None) == 204:
            self.ledger.done(write)

    async def give_role(self, place: str, user_id: str, role: str) -> None:
        await self._try(place, "PATCH", f"/members/{user_id}", {"role": role})

    async def rename(self, place: str) -> None:
        write = self.ledger.write(self.ledger.titles, place, f"{self.name} {self.ledger.now()}")
        if await self._try(place, "PATCH", "", {"title": write.value}) == 200:
            self.ledger.done(write)

    # ------------------------------------------------------------ inside

    async def _try(self, place: str, method: str, path: str, body: Frame | None) -> int:
        refusals = GROUPS_REFUSE if place in self.ledger.groups else ()
        return await self._request(method, f"/v1/conversations/{place}{path}", body, refusals)

    async def _request(
        self, method: str, path: str, body: Frame | None, refusals: Sequence[str] = ()
    ) -> int:
        try:
            return (await self._answer(method, path, body, refusals))[0]
        except Lost:
            return 0

    async def _answer(
        self, method: str, path: str, body: Frame | None, refusals: Sequence[str] = ()
    ) -> tuple[int, Frame]:
        status, answer = await self._call(self.user_id, method, path, body)
        if status >= 400 and not answer["temporary"] and answer["code"] not in refusals:
            self.ledger.fault(f"{self.name}: {method} {path}: {answer}")
        return status, answer

    async def _send(self) -> None:
        for _ in range(TRIES):
            if not self.outbox:
                return
            client_id, body = next(iter(self.outbox.items()))
            sent = self.ledger.sent[self.user_id, client_id]
            sent.said += 1
            status, answer = await self._call(self.user_id, "POST", "/v1/messages", body)
            if status < 300:
                self._acked(client_id, answer)
            elif answer["temporary"]:
                continue
            elif answer["code"] not in self.ledger.refusals(self.user_id, sent):
                self.ledger.fault(f"{self.name}: {body}: {answer}")
            else:
                sent.refused = True
                del self.outbox[client_id]

    def _acked(self, client_id: str, answer: Frame) -> None:
        self.ledger.acked(self.user_id, answer)
        del self.outbox[client_id]
        content = self.ledger.sent[self.user_id, client_id].content
        place = (answer["message_id"], answer["seq"], self.user_id, client_id)
        message = Shown(*place, content, 1, answer["created_at"])
        self.view.add(answer["conversation_id"], message)

    async def _poll(self) -> None:
        more = True
        while more:
            path = f"/v1/sync?epoch={self.epoch}&cursor={self.cursor}&limit=20"
            status, page = await self._answer("GET", path, None)
            if status != 200:
                return
            for frame in page["frames"]:
                self._take(frame)
            self.epoch, self.cursor, more = page["epoch"], page["cursor"], page["has_more"]

    def _take(self, frame: Frame) -> None:
        if frame["cursor"] <= self.cursor:
            self.ledger.fault(f"C5 {self.name}: {frame['cursor']} after {self.cursor}")
        self.cursor = frame["cursor"]
        self.view.take(frame)
