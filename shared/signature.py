"""Owns the signatures of requests to the host app, by Standard Webhooks."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook as Signer

from shared.clock import SECOND

PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
FORM = f"{PREFIX} and {SECRET_BYTES[0]} to {SECRET_BYTES[-1]} bytes in base64"


def headers(name: str, body: bytes, secrets: Iterable[str], now: int) -> Mapping[str, str]:
    """Return the headers of a request with that id. It is signed with each of the secrets, so that
    a receiver may know either of them."""
    at = datetime.fromtimestamp(now // SECOND, UTC)
    text = body.decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(now // SECOND),
        "webhook-signature": " ".join(Signer(one).sign(name, at, text) for one in secrets),
    }


def is_secret(text: str) -> bool:
    if not text.startswith(PREFIX):
        return False
    try:
        found = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(found) in SECRET_BYTES
