"""Owns the questions to notify about subscriptions to web push, and their answers."""

from msgspec import Struct


class PushKey(Struct, frozen=True, kw_only=True, tag="push_key"):
    """Asks for the public key with which browsers subscribe to web push."""


class PushKeyAnswer(Struct, frozen=True, kw_only=True):
    """The VAPID key (RFC 8292), base64url without padding; "" where web push is switched off."""

    public_key: str


class PushSubscribe(Struct, frozen=True, kw_only=True, tag="push_subscribe"):
    """Keep a browser's push subscription (RFC 8030). The same endpoint again replaces it."""

    user_id: str
    endpoint: str
    p256dh: str
    auth: str


class PushUnsubscribe(Struct, frozen=True, kw_only=True, tag="push_unsubscribe"):
    """Forget a push subscription of this user; without effect if there is none."""

    user_id: str
    endpoint: str


class PushAnswer(Struct, frozen=True, kw_only=True):
    """The number of push subscriptions that the user has now."""

    subscriptions: int
