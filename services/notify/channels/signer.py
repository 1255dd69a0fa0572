"""Owns the key that push services know us by (VAPID, RFC 8292), and what is made with it."""

import base64
import hashlib
import time

from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from services.notify.channels.letter import sender
from shared import vapid
from shared.errors import SettingError
from shared.settings import Settings

TOKEN_SECONDS = 12 * 3600  # RFC 8292 allows a day


class Signer:
    """The key that push services know us by. `contact`: where they can reach the operator."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, contact: str) -> None:
        self.public_key = vapid.public_key(key)
        self._key = Vapid02(key, {"no-strict": True})  # the setting was checked already
        self._contact = contact
        number = key.private_numbers().private_value
        self._secret = number.to_bytes(vapid.KEY_BYTES, "big")

    def authorization(self, origin: str) -> str:
        """Raises VapidException for an origin that cannot be signed for."""
        claims = {"aud": origin, "sub": self._contact, "exp": int(time.time()) + TOKEN_SECONDS}
        return str(self._key.sign(claims)["Authorization"])

    def topic(self, tag: str) -> str:
        """The name under which a push service keeps only the latest push, which tells it nothing:
        at most 32 characters of base64url."""
        digest = hashlib.blake2b(tag.encode(), digest_size=24, key=self._secret).digest()
        return base64.urlsafe_b64encode(digest).decode()


def signer_of(settings: Settings) -> Signer | None:
    """None where web push is switched off. Raises SettingError, without the key."""
    if not settings.vapid_private_key:
        return None
    try:
        key = vapid.private_key(settings.vapid_private_key)
    except ValueError:
        raise SettingError(
            "LINKUP_VAPID_PRIVATE_KEY is not a private key; `linkup vapid` makes one"
        ) from None
    contact = settings.vapid_subject or f"mailto:{sender(settings.smtp_from).addr_spec}"
    return Signer(key, contact)
