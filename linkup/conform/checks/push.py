"""Checks of web push: its key, and which subscriptions are taken."""

import json
from typing import Any

from linkup.conform.check import checks
from linkup.conform.scene import Scene
from linkup.conform.verdict import demand, expect
from shared import vapid

SUBSCRIPTIONS = "/v1/push-subscriptions"
ENDPOINT = "https://push.example/conform"
INSIDE = (
    "http://push.example/x",
    "https://user@push.example/x",
    "https://push.example:25/x",
    "https://169.254.169.254/x",
    "https://[::ffff:169.254.169.254]/x",
    "https://metadata.google.internal/x",
)


async def an_endpoint_inside_is_refused(scene: Scene) -> None:
    """An endpoint that is not a public https address is refused, and named."""
    api = await scene.api("alice")
    key = (await api.get("/v1/push-key")).json()["public_key"]
    expect("the length of the key", len(vapid.decoded(key)), 65 if key else 0)
    for endpoint in INSIDE:
        answer = await api.post(SUBSCRIPTIONS, _subscription(endpoint))
        expect(f"the status of {endpoint}", answer.status, 400 if key else 422)
        named = "endpoint" in answer.json()["detail"]
        demand(named or not key, "a detail that names `endpoint`", answer.json())


async def a_subscription_can_be_repeated(scene: Scene) -> None:
    """Subscribing and unsubscribing a browser have the same answer when they are repeated."""
    api = await scene.api("alice")
    key = (await api.get("/v1/push-key")).json()["public_key"]
    asked, gone = _subscription(ENDPOINT), json.dumps({"endpoint": ENDPOINT}).encode()
    for _ in range(2):
        answer = await api.post(SUBSCRIPTIONS, asked)
        expect("the status of subscribing", answer.status, 204 if key else 422)
    for _ in range(2):
        answer = await api.call("DELETE", SUBSCRIPTIONS, gone)
        expect("the status of unsubscribing", answer.status, 204)


def _subscription(endpoint: str) -> dict[str, Any]:
    point = vapid.public_key(vapid.private_key(vapid.new_key()))
    keys = {"p256dh": point, "auth": vapid.encoded(bytes(range(16)))}
    return {"endpoint": endpoint, "expirationTime": None, "keys": keys}


CHECKS = checks(
    "push",
    "notifications",
    ("", an_endpoint_inside_is_refused),
    ("", a_subscription_can_be_repeated),
)
