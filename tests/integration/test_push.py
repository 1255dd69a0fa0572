"""Web push to a real HTTPS endpoint, which decrypts what it gets by code of its own."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec

from services.notify.channels.push import TTL, Note, Push, concluded, wait_of
from services.notify.channels.signer import Signer, signer_of
from services.notify.ladder.delivery import Outcome
from services.notify.store.store import Store, open_store
from services.notify.store.subscriptions import Errand, Subscriptions
from shared import vapid
from shared.clock import now
from shared.commands import PushSubscribe
from shared.errors import SettingError, Unavailable
from shared.outward import Outward, open_outward
from shared.outward.destinations import Rules
from shared.settings import Settings
from tests.support.endpoint import Asked, Endpoint, certificate, endpoint
from tests.support.receiver import Receiver, bytes_of
from tests.support.waiting import TIMEOUT_FACTOR, eventually

RULES = Rules(["127.0.0.0/8"])
NOTE = Note(
    title="Bob 👋",
    body="Lunch at noon?",
    url="https://chat.example/chat/bob/",
    tag="conversation-1",
    notification_id="n1",
    priority="normal",
    badge=0,
)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("endpoint")
    certificate(folder)
    return folder


def errand(delivery_id: str = "n1", user_id: str = "alice", last_seq: int = 1) -> Errand:
    return Errand(delivery_id, user_id, last_seq)


class World:
    """One user with one browser, notify's store, and the push service."""

    def __init__(self, store: Store, outward: Outward, there: Endpoint, settings: Settings) -> None:
        self.there = there
        self.browser = Receiver()
        self.settings = settings
        signer = signer_of(settings)
        assert signer is not None
        self.signer: Signer = signer
        self.subscriptions = Subscriptions(store, RULES, now, signer.public_key)
        self.push = Push(
            outward,
            RULES,
            self.subscriptions,
            signer,
            clock=now,
            with_content=settings.push_content == "full",
        )
        self.begun = 0

    async def subscribe(self, path: str = "/alice", browser: Receiver | None = None) -> None:
        keys = (browser or self.browser).keys
        endpoint = self.there.url(path)
        await self.subscriptions.subscribe(
            PushSubscribe(user_id="alice", endpoint=endpoint, **keys)
        )

    async def send(
        self, *acts: str, notification_id: str = "n1", last_seq: int = 1, **values: Any
    ) -> Outcome:
        self.there.script += acts
        note = Note(**{name: getattr(NOTE, name) for name in NOTE.__struct_fields__} | values)
        return await self.push.send(errand(notification_id, last_seq=last_seq), note, self.begin)

    async def begin(self) -> bool:
        self.begun += 1
        return True

    def told(self, asked: Asked) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.browser.decrypt(asked.body))
        return told


@pytest_asyncio.fixture
async def world(
    trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted / "endpoint.pem"))
    settings = Settings(vapid_private_key=vapid.new_key())
    async with (
        endpoint(trusted) as there,
        open_store(f"sqlite:///{tmp_path}/notify.db") as store,
        open_outward(RULES) as outward,
    ):
        world = World(store, outward, there, settings)
        await world.subscribe()
        yield world


def test_the_receiver_decrypts_the_example_of_rfc_8291() -> None:
    receiver = Receiver("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94", "BTBZMqHH6r4Tts7J_aSIgg")
    body = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6"
        "TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulc"
        "y4a-fN"
    )
    assert receiver.decrypt(bytes_of(body)) == b"When I grow up, I want to be a watermelon"


async def test_s97_s74_the_browser_alone_reads_what_was_pushed(world: World) -> None:
    assert await world.send() == Outcome("sent", "http_201")
    [asked] = world.there.asked
    assert (asked.method, asked.path) == ("POST", "/alice")
    assert world.told(asked) == {name: getattr(NOTE, name) for name in NOTE.__struct_fields__}
    with pytest.raises(InvalidTag):
        Receiver().decrypt(asked.body)
    assert b"Lunch" not in asked.body
    assert len(asked.body) <= 4096
    assert world.begun == 1


async def test_s97_a_push_is_kept_for_a_day_and_says_how_urgent_it_is(world: World) -> None:
    for priority in ("low", "normal", "high", "urgent"):
        await world.send(notification_id=priority, priority=priority, tag="conversation-1")
    await world.send(notification_id="other", tag="conversation-2")
    headers = [asked.headers for asked in world.there.asked]
    assert [one["urgency"] for one in headers] == ["low", "normal", "high", "high", "normal"]
    assert {one["ttl"] for one in headers} == {str(TTL)}
    assert TTL > 0
    topics = [one["topic"] for one in headers]
    assert len(set(topics[:4])) == 1
    assert topics[4] != topics[0]
    assert all(len(topic) <= 32 and "conversation" not in topic for topic in topics)
    assert {one["content-encoding"] for one in headers} == {"aes128gcm"}


async def test_s97_the_push_service_sees_who_signed_it(world: World) -> None:
    await world.send()
    scheme, _, parameters = world.there.asked[0].headers["authorization"].partition(" ")
    assert scheme == "vapid"
    parts = dict(part.strip().split("=", 1) for part in parameters.split(","))
    assert parts["k"] == world.signer.public_key
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes_of(parts["k"]))
    origin = world.there.url("")
    claims = jwt.decode(parts["t"], key, algorithms=["ES256"], audience=origin)
    assert claims["sub"] == "mailto:no-reply@linkup.localhost"
    assert 0 < claims["exp"] - time.time() <= 24 * 3600


async def test_s97_where_the_setting_says_so_a_push_has_no_content(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.push, "_with_content", False)
    await world.send()
    told = world.told(world.there.asked[0])
    assert (told["title"], told["body"], told["badge"]) == ("", "", 0)
    assert told["url"] == NOTE.url


async def test_s97_the_longest_text_is_cut_to_what_a_push_service_takes(world: World) -> None:
    await world.send(
        title="\U0001f600" * 200, body="\x01" * 1000, url=f"https://a.example/{'x' * 2000}"
    )
    [asked] = world.there.asked
    assert len(asked.body) <= 4096
    told = world.told(asked)
    assert told["title"].endswith("…")
    assert told["url"] == ""


PATIENCE = 1.0 * TIMEOUT_FACTOR  # seconds for what comes never, and to connect before
OUTCOMES = {
    "201": ("sent", "http_201", 1),
    "202": ("sent", "http_202", 1),
    "404": ("cancelled", "no_subscription", 0),
    "410": ("cancelled", "no_subscription", 0),
    "400": ("failed", "http_400", 1),
    "403": ("failed", "http_403", 1),
    "307 location: https://127.0.0.1/": ("failed", "http_307", 1),
    "413": ("postponed", "http_413", 1),
    "429 retry-after: 7": ("postponed", "http_429", 1),
    "500": ("postponed", "http_500", 1),
    "503": ("postponed", "http_503", 1),
    "hang": ("unknown", "no_answer", 1),
    "drop": ("unknown", "no_answer", 1),
    "slow": ("sent", "http_201", 1),
}


@pytest.mark.parametrize("act", OUTCOMES)
async def test_s97_c8_what_became_of_a_push_and_of_its_subscription(
    world: World, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, reason, subscriptions = OUTCOMES[act]
    timeout = PATIENCE if act in ("hang", "slow") else 20.0
    async with open_outward(RULES, timeout=timeout) as outward:
        with monkeypatch.context() as patch:
            patch.setattr(world.push, "_outward", outward)
            outcome = await world.send(act)
    assert (outcome.kind, outcome.reason) == (kind, reason)
    left = (await world.subscriptions.devices(errand("another"))).left
    assert len(left) == subscriptions
    again = await world.send()
    pushed = len(world.there.asked)
    assert pushed == (2 if kind == "postponed" else 1)
    assert again.kind == ("sent" if kind == "postponed" else kind)


async def test_c8_each_device_is_pushed_to_at_most_once_though_another_fails(world: World) -> None:
    phone = Receiver()
    await world.subscribe("/phone", phone)
    assert (await world.send("201", "503")).kind == "postponed"
    assert (await world.send("503")).kind == "postponed"
    assert await world.send("201") == Outcome("sent", "http_201")
    assert await world.send() == Outcome("sent")
    paths = [asked.path for asked in world.there.asked]
    assert sorted(paths.count(path) for path in ("/alice", "/phone")) == [1, 3]


async def test_c8_what_is_new_is_pushed_to_all_while_one_is_waited_for(world: World) -> None:
    await world.subscribe("/phone", Receiver())
    assert (await world.send("201", "503")).kind == "postponed"
    assert (await world.send("201", "503", last_seq=2)).kind == "postponed"
    assert (await world.send("503", last_seq=2)).kind == "postponed"
    paths = [asked.path for asked in world.there.asked]
    assert sorted(paths.count(path) for path in ("/alice", "/phone")) == [2, 3]


async def test_c8_what_left_before_a_crash_is_not_pushed_again(world: World) -> None:
    """Neither the end of the process nor a disk that fails leads to a second push."""
    world.there.script = ["hang"]
    sending = asyncio.create_task(world.send())
    await eventually(lambda: bool(world.there.asked))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert (await world.send()).kind == "unknown"
    assert len(world.there.asked) == 1


async def test_c8_nothing_leaves_before_the_point_of_no_return_is_stored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> bool:
        return False

    assert await world.push.send(errand(), NOTE, refuse) == Outcome("withdrawn")

    async def fail(*_: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(world.subscriptions, "begin", fail)
        with pytest.raises(Unavailable):
            await world.send()
    assert world.there.asked == []
    assert (await world.send()).kind == "sent"


async def test_s97_who_has_no_browser_is_not_pushed_to(world: World) -> None:
    outcome = await world.push.send(errand(user_id="nobody"), NOTE, world.begin)
    assert outcome == Outcome("cancelled", "no_subscription")
    assert world.begun == 0


async def test_s97_a_browser_that_subscribes_again_meanwhile_is_kept(world: World) -> None:
    world.there.script = ["410"]
    devices = await world.subscriptions.devices(errand())
    await world.subscriptions.begin(errand(), devices.left)
    await world.subscribe()
    await world.subscriptions.settle(errand(), {devices.left[0]: "removed"})
    assert len((await world.subscriptions.devices(errand("n2"))).left) == 1


async def test_s121_a_push_service_that_fails_is_left_alone_and_no_other(world: World) -> None:
    for number in range(5):
        await world.send("503", notification_id=str(number))
    assert world.push.failing() == 1
    asked = len(world.there.asked)
    assert await world.send(notification_id="late") == Outcome("postponed", "service_fails")
    assert len(world.there.asked) == asked
    await world.subscriptions.subscribe(
        PushSubscribe(
            user_id="bob", endpoint=world.there.url("/bob", "127.0.0.2"), **Receiver().keys
        )
    )
    assert (
        await world.push.send(errand(user_id="bob"), NOTE, world.begin)
    ).reason == "not_connected"


async def test_ssrf_an_endpoint_that_is_no_longer_allowed_is_not_asked(
    world: World, trusted: Path
) -> None:
    async with open_outward(Rules()) as outward:
        strict = Push(outward, Rules(), world.subscriptions, world.signer, clock=now)
        outcome = await strict.send(errand(), NOTE, world.begin)
    assert outcome == Outcome("failed", "address_refused")
    assert world.there.connections == 0


def test_what_is_postponed_outweighs_what_is_done_and_sent_outweighs_failed() -> None:
    assert concluded(["sent", "failed"], [], 0) == Outcome("sent")
    assert concluded(["failed", "sending"], [], 0) == Outcome("unknown")
    assert concluded(["removed"], [], 0) == Outcome("cancelled", "no_subscription")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("999999999", 86_400.0),
        (format_datetime(datetime.fromtimestamp(1_000_060, UTC), usegmt=True), 60.0),
        (format_datetime(datetime.fromtimestamp(1_000, UTC), usegmt=True), 0.0),
        ("Mon, 12 Jan 1970 13:46:50 -0000", 10.0),
        ("", 0.0),
        ("-7", 0.0),
        ("soon", 0.0),
        ("²", 0.0),
    ],
)
def test_a_push_service_may_ask_for_a_pause(text: str, seconds: float) -> None:
    assert wait_of(text, 1_000_000.0) == seconds


@pytest.mark.parametrize("key", ["short", "x" * 43 + "!", "A" * 43])
def test_s97_a_setting_that_is_no_key_is_refused_without_being_said(key: str) -> None:
    with pytest.raises(SettingError, match="LINKUP_VAPID_PRIVATE_KEY") as caught:
        signer_of(Settings(vapid_private_key=key))
    assert key not in str(caught.value)


def test_s97_the_contact_of_the_operator_is_the_setting() -> None:
    key = vapid.new_key()
    signer = signer_of(Settings(vapid_private_key=key, vapid_subject="https://example.com/contact"))
    assert signer is not None
    token = signer.authorization("https://push.example").partition("t=")[2].partition(",")[0]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == "https://example.com/contact"
    assert signer_of(Settings()) is None
