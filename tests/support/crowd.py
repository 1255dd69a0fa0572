"""Owns what the people of a run do: everybody's devices, and every action by its name."""

import asyncio
import itertools
import random
from collections.abc import Coroutine
from typing import Any

from tests.support.device import Device, Dial
from tests.support.ledger import Ledger
from tests.support.poller import Call, Poller

NAMES = ("ann", "ben", "cid", "dan")
FRIENDS = 3  # of these write to each other; the last one is met in groups alone
FOUNDERS = (0, 1, 3)  # make one group each
EMOJI = ("\U0001f44d", "\u2764")
KINDS = ("phone", "laptop")
ACTIONS = (
    *("write", "write_poison", "reply", "edit", "hide", "erase", "react", "unreact"),
    *("read_by_id", "read_many", "read_chat", "read_sent", "delivered", "typing", "ping"),
    *("watch", "watch", "unwatch"),
    *("repeat", "resend", "sync", "force_reconnect", "disconnect", "connect"),
    *("post", "poll", "clear", "archive", "bring_back", "mute", "read_by_post"),
    *("found", "add", "add", "remove", "leave", "rename", "promote", "demote"),
    *("write_in_group", "write_in_group", "type_in_group", "post_in_group"),
    *("block", "unblock", "unblock"),
)
BY_HTTP = ("post", "poll", "clear", "archive", "bring_back", "mute", "read_by_post")
TO_GROUPS = ("add", "remove", "leave", "rename", "promote", "demote", "post_in_group")


class Crowd:
    """Four people with a phone, which is eager, a laptop, and a program that polls, each. Nobody
    has heard of them before: their feeds are empty."""

    def __init__(self, epoch: str, dials: list[Dial], call: Call, prefix: str = "") -> None:
        self.ledger = Ledger()
        self.dials = dials
        self.users = [prefix + name for name in NAMES]
        self.devices = [
            Device(f"{user}-{kind}", user, epoch, self.ledger, eager=kind == "phone")
            for user in self.users
            for kind in KINDS
        ]
        self.pollers = [
            Poller(f"{user}-poller", user, epoch, self.ledger, call) for user in self.users
        ]
        self._errands: set[asyncio.Task[None]] = set()

    def connect_all(self) -> None:
        dials = itertools.cycle(self.dials)
        for device in self.devices:
            dial = next(dials)
            if not device.connected:
                device.connect(dial)

    def act(self, action: str, who: int, index: int) -> None:  # noqa: C901 - a case each
        """`index` chooses to whom, or what of all that is shown there."""
        device = self.devices[who % len(self.devices)]
        poller = self.pollers[who % len(self.pollers)]
        if action in ("write", "write_poison", "connect", "typing"):
            self._begin(action, device, index)
        elif action in ("write_in_group", "type_in_group"):
            self._in_group(action, device, index)
        elif action == "found":
            self._found(index)
        elif action in TO_GROUPS:
            self._to_group(action, poller, index)
        elif action in ("block", "unblock"):
            self._keep_away(action, poller, index)
        elif action in BY_HTTP:
            self._by_http(action, poller, index)
        elif action in SIMPLE:
            SIMPLE[action](device)
        elif action == "repeat":
            device.repeat(index)
        elif action in ("watch", "unwatch"):
            some = [user for bit, user in enumerate(self.users) if index + 1 >> bit & 1]
            (device.watch if action == "watch" else device.unwatch)(some or self.users)
        else:
            self._about(action, device, index)

    def bustle(self, chance: random.Random, count: int) -> None:
        """Perform `count` actions of any users; most of them send a message or connect."""
        for _ in range(count):
            action = chance.choice((*ACTIONS, *["write", "connect"] * 5))
            self.act(action, chance.randrange(100), chance.randrange(100))

    def _begin(self, action: str, device: Device, index: int) -> None:
        if action == "connect":
            if not device.connected:
                device.connect(self.dials[index % len(self.dials)])
        elif device.user_id == self.users[FRIENDS]:
            self._in_group("write_in_group", device, index)
        elif action == "write":
            device.write(self.users[index % FRIENDS])
        elif action == "write_poison":
            device.write_poison(self.users[index % FRIENDS])
        else:
            device.typing(self.users[index % FRIENDS])

    def _in_group(self, action: str, device: Device, index: int) -> None:
        """Also where they are no member, or no longer: then it is refused."""
        place = self._group(index)
        if place and action == "write_in_group":
            device.write_in(place)
        elif place:
            device.type_in(place)

    def _group(self, index: int) -> str | None:
        groups = sorted(self.ledger.groups)
        return groups[index % len(groups)] if groups else None

    def _found(self, index: int) -> None:
        """Or make again: `index` says who, and by its bits with whom."""
        founder = FOUNDERS[index % len(FOUNDERS)]
        members = [user for bit, user in enumerate(self.users) if index >> bit & 1]
        user_id = self.users[founder]
        place = self.ledger.found(user_id, f"{user_id}-group", members)
        self._errand(self.pollers[founder].found(place))

    def _to_group(self, action: str, poller: Poller, index: int) -> None:  # noqa: C901 - a case each
        place = self._group(index)
        if place is None:
            return
        user_id = self.users[index // 2 % len(self.users)]
        match action:
            case "add":
                self._errand(poller.add(place, user_id))
            case "remove" if index % 2:
                self._errand(poller.remove(place, user_id))
            case "leave" if index % 2:
                self._errand(poller.remove(place, poller.user_id))
            case "rename":
                self._errand(poller.rename(place))
            case "promote":
                role = ("admin", "owner")[index % 2]
                self._errand(poller.give_role(place, user_id, role))
            case "demote" if index % 2:
                self._errand(poller.give_role(place, user_id, "member"))
            case "post_in_group":
                poller.write_in(place)
                self._errand(poller.turn())

    def _about(self, action: str, device: Device, index: int) -> None:  # noqa: C901 - a case each
        known = device.view.known()
        if not known:
            return
        place, message = known[index % len(known)]
        own = [message for _, message in known if message.sender_id == device.user_id]
        match action:
            case "reply" if place in self.ledger.groups:
                device.write_in(place, message.message_id)
            case "reply":
                others = self.ledger.members[place] - {device.user_id}
                device.write(min(others, default=device.user_id), message.message_id)
            case "edit":
                device.edit(own[index % len(own)] if own else message)
            case "erase" if index % 3 == 0:
                device.erase(own[index % len(own)] if own else message)
            case "hide" if index % 3 == 0:
                device.hide(message)
            case "react" | "unreact":
                device.react(message, EMOJI[index % len(EMOJI)], action == "unreact")
            case "read_by_id":
                device.read_by_id(place, message)
            case "read_many":
                device.read_many(place, [m for where, m in known if where == place][:20])
            case "read_chat":
                device.read_chat(place, message.seq)
            case "read_sent":
                device.read_chat(place, None)
            case "delivered":
                device.delivered(place, message.seq)

    def _by_http(self, action: str, poller: Poller, index: int) -> None:
        if action in ("post", "poll"):
            if action == "post" and poller.user_id != self.users[FRIENDS]:
                poller.write(self.users[index % FRIENDS])
            self._errand(poller.turn())
            return
        known = poller.view.known()
        if not known:
            return
        place, message = known[index % len(known)]
        match action:
            case "clear" if index % 5 == 0:
                self._errand(poller.clear(place))
            case "archive" | "bring_back":
                self._errand(poller.set_view(place, archived=action == "archive"))
            case "mute":
                self._errand(poller.set_view(place, muted=bool(index % 2)))
            case "read_by_post":
                self._errand(poller.read(place, message.seq))

    def _keep_away(self, action: str, poller: Poller, index: int) -> None:
        """Only friends do; who is let back is one who may be blocked."""
        friends = self.users[:FRIENDS]
        other = friends[index % FRIENDS]
        blocked = sorted(other for one, other in self.ledger.blocks if one == poller.user_id)
        if action == "unblock" and blocked:
            self._errand(poller.unblock(blocked[index % len(blocked)]))
        elif action == "block" and poller.user_id in friends and other != poller.user_id:
            self._errand(poller.block(other))

    def _errand(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    def hang_up(self, user_ids: list[str]) -> None:
        for device in self.devices:
            if device.user_id in user_ids:
                device.disconnect()

    async def leave_somewhere(self, user_ids: list[str]) -> None:
        """Each of them leaves one group, if they are in it, which they looked at otherwise before:
        the version of their view must not fall."""
        for index, poller in enumerate(self.pollers):
            place = self._group(index)
            if place and poller.user_id in user_ids:
                for muted in (True, False, True):
                    await poller.set_view(place, muted=muted)
                await poller.remove(place, poller.user_id)

    async def block_somewhere(self, user_ids: list[str]) -> None:
        """Each of them blocks the next friend, unless they take back what they blocked before."""
        friends = self.users[:FRIENDS]
        for user_id in filter(friends.__contains__, user_ids):
            poller = self.pollers[self.users.index(user_id)]
            before = [other for one, other in self.ledger.blocks if one == user_id]
            for other in before:
                await poller.unblock(other)
            if not before:
                await poller.block(friends[(friends.index(user_id) + 1) % FRIENDS])

    def try_what_blocks_bar(self) -> None:
        """Wherever somebody may be blocked, each of the two says something new, and reads."""
        places = {place for place in self.ledger.members if self.ledger.blocks_of(place)}
        for device in self.devices:
            for place in sorted(places & device.view.chats.keys()):
                [other] = self.ledger.members[place] - {device.user_id}
                device.write(other)
                known = [message for where, message in device.view.known() if where == place]
                for message in known[-2:]:
                    device.react(message, EMOJI[0], remove=False)
                    device.read_chat(place, message.seq)
                    if message.sender_id == device.user_id:
                        device.edit(message)

    def watch_everybody(self) -> None:
        """Nobody is told that a block was taken back: who were kept apart are asked for again."""
        for device in self.devices:
            device.watch(set(self.users) - device.watched)
            pairs = (pair for pair in self.ledger.blocks if device.user_id in pair)
            device.watch({user_id for pair in pairs for user_id in pair})

    async def settle(self) -> None:
        """One more round of what every client does by itself: come back, send again, ask."""
        self.connect_all()
        for device in self.devices:
            device.resend()
            device.ping()
        for poller in self.pollers:
            self._errand(poller.turn())
        await asyncio.gather(*self._errands, return_exceptions=False)

    def given_up(self) -> int:
        """Return how many failed messages at most a device does not send again."""
        return max(len(device.given_up) for device in self.devices)

    def everyone(self) -> list[Device | Poller]:
        return [*self.devices, *self.pollers]

    def unsent(self) -> list[str]:
        return [one.name for one in self.everyone() if one.outbox]


SIMPLE = {
    "resend": Device.resend,
    "sync": Device.sync,
    "ping": Device.ping,
    "force_reconnect": Device.reconnect,
    "disconnect": Device.disconnect,
}
