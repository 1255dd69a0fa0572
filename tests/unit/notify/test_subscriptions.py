"""Push subscriptions: which are taken, whose they are, and how many."""

import re
import sqlite3
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from services.notify.store import erasure, subscriptions
from services.notify.store.store import open_store
from services.notify.store.subscriptions import MOST, Errand, Subscriptions
from shared.commands import PushKey, PushSubscribe, PushUnsubscribe
from shared.errors import InvalidRequest, Unsupported
from shared.outward.destinations import Rules
from tests.support.receiver import Receiver, bytes_of, text

KEYS = Receiver().keys
POINT = bytes_of(KEYS["p256dh"])


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Subscriptions]:
    ticks = count(1)
    async with open_store(f"sqlite:///{tmp_path}/notify.db") as store:
        yield Subscriptions(store, Rules(), lambda: next(ticks), "the-public-key")


def asked(number: int = 0, user_id: str = "alice", **values: str) -> PushSubscribe:
    endpoint = f"https://push.example/{number}"
    return PushSubscribe(**{"user_id": user_id, "endpoint": endpoint, **KEYS, **values})


async def endpoints(kept: Subscriptions, user_id: str = "alice") -> list[str]:
    devices = await kept.devices(Errand("none", user_id, 1))
    return [one.endpoint.rpartition("/")[2] for one in devices.left]


async def test_s97_the_same_endpoint_again_is_one_subscription(kept: Subscriptions) -> None:
    for _ in range(2):
        assert (await kept.subscribe(asked(1))).subscriptions == 1
    fresh = Receiver().keys
    await kept.subscribe(asked(1, **fresh))
    [device] = (await kept.devices(Errand("none", "alice", 1))).left
    assert {"p256dh": device.p256dh, "auth": device.auth} == fresh


async def test_s97_the_oldest_goes_when_there_are_too_many(kept: Subscriptions) -> None:
    for number in range(MOST):
        await kept.subscribe(asked(number))
    await kept.subscribe(asked(0))  # used again, so it is no longer the oldest
    assert (await kept.subscribe(asked(MOST))).subscriptions == MOST
    assert (await endpoints(kept))[0] == "2"
    assert (await endpoints(kept))[-2:] == ["0", str(MOST)]
    assert (await kept.subscribe(asked(99, "bob"))).subscriptions == 1


async def test_s97_a_browser_is_of_who_signed_in_there_last(kept: Subscriptions) -> None:
    await kept.subscribe(asked(1, "alice"))
    await kept.subscribe(asked(1, "bob"))
    assert (await endpoints(kept, "alice"), await endpoints(kept, "bob")) == ([], ["1"])
    gone = PushUnsubscribe(user_id="alice", endpoint="https://push.example/1")
    await kept.unsubscribe(gone)
    assert await endpoints(kept, "bob") == ["1"]


async def test_s97_unsubscribing_can_be_repeated(kept: Subscriptions) -> None:
    await kept.subscribe(asked(1))
    gone = PushUnsubscribe(user_id="alice", endpoint="https://push.example/1")
    for _ in range(2):
        assert (await kept.unsubscribe(gone)).subscriptions == 0


BAD = {
    "no point": {"p256dh": ""},
    "no base64url": {"p256dh": "!" * 87},
    "a compressed point": {"p256dh": text(bytes([2 + POINT[64] % 2]) + POINT[1:33])},
    "a point beside the curve": {"p256dh": text(POINT[:-1] + bytes([POINT[-1] ^ 1]))},
    "a point without its form": {"p256dh": text(b"\0" + POINT[1:])},
    "the point at infinity": {"p256dh": text(b"\0")},
    "no secret": {"auth": ""},
    "a short secret": {"auth": text(b"x" * 15)},
    "a long secret": {"auth": text(b"x" * 17)},
    "a secret in other letters": {"auth": "é" * 22},
    "a private endpoint": {"endpoint": "https://10.0.0.1/x"},
}


@pytest.mark.parametrize("values", BAD.values(), ids=BAD.keys())
async def test_s97_bad_input_is_refused_by_the_name_of_its_field(
    kept: Subscriptions, values: dict[str, str]
) -> None:
    [name] = values
    field = name if name == "endpoint" else f"keys.{name}"  # of the request to the API
    with pytest.raises(InvalidRequest, match=f"^`{field}` ") as refused:
        await kept.subscribe(asked(1, **values))
    assert refused.value.field == field
    assert await endpoints(kept) == []


async def test_s97_keys_may_have_their_padding(kept: Subscriptions) -> None:
    await kept.subscribe(asked(1, p256dh=KEYS["p256dh"] + "=", auth=KEYS["auth"] + "=="))
    [device] = (await kept.devices(Errand("none", "alice", 1))).left
    assert {"p256dh": device.p256dh, "auth": device.auth} == KEYS


async def test_the_browser_of_who_was_erased_is_not_stored(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/notify.db") as store:
        kept = Subscriptions(store, Rules(), lambda: 1, "the-public-key")
        await store.between(lambda raw: erasure.ask(raw, ["alice"], 1))
        assert (await kept.subscribe(asked(1))).subscriptions == 0
        assert (await kept.subscribe(asked(1, "bob"))).subscriptions == 1


async def test_s97_without_a_key_there_is_no_web_push(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/notify.db") as store:
        off = Subscriptions(store, Rules(), lambda: 0, "")
        assert (await off.key(PushKey())).public_key == ""
        with pytest.raises(Unsupported, match="switched off"):
            await off.subscribe(asked(1))


VERBS = ("INSERT", "SELECT", "UPDATE", "DELETE")
STATEMENTS = {
    name: text
    for name, text in vars(subscriptions).items()
    if name != "ANY" and isinstance(text, str) and text.strip().startswith(VERBS)
}


async def test_no_statement_reads_a_whole_table(tmp_path: Path) -> None:
    assert {"SUBSCRIBE", "DROP_OLDEST", "OUTCOMES", "PRUNE"} <= STATEMENTS.keys()

    def plans(connection: sqlite3.Connection) -> dict[str, str]:
        return {
            name: " ".join(
                row["detail"]
                for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", names(text))
            )
            for name, text in STATEMENTS.items()
        }

    async with open_store(f"sqlite:///{tmp_path}/notify.db") as store:
        for name, plan in (await store.between(plans)).items():
            assert "SCAN" not in plan.replace("SCAN CONSTANT ROW", ""), name


def names(text: str) -> dict[str, int]:
    return dict.fromkeys(re.findall(r":(\w+)", text), 0)
