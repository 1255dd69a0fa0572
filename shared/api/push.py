"""Owns the bodies of the routes of web push."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.settings.addresses import MAX_URL

PushEndpoint = Annotated[str, Meta(max_length=MAX_URL)]
PushKeyText = Annotated[str, Meta(max_length=100)]


class PushKeyView(Struct, frozen=True, kw_only=True):
    """The `applicationServerKey` of a subscription, in base64url, or empty if web push is off."""

    public_key: str


class PushKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a browser, in base64url: its public key and its authentication secret."""

    p256dh: PushKeyText
    auth: PushKeyText


class PushSubscribeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The subscription as `PushSubscription.toJSON()` returns it. `expirationTime` is ignored."""

    endpoint: PushEndpoint
    keys: PushKeys
    expirationTime: float | UnsetType | None = UNSET


class PushUnsubscribeRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The subscription to delete, by its endpoint."""

    endpoint: PushEndpoint
