"""Owns the keys of web push (VAPID, RFC 8292) as texts: base64url without padding."""

import base64
import re

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_BYTES = 32


def new_key() -> str:
    """Return a new private key."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return encoded(number.to_bytes(KEY_BYTES, "big"))


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Return the key in that form. Raises ValueError, without the text."""
    number = decoded(text)
    if len(number) != KEY_BYTES:
        raise ValueError(f"a private key has {KEY_BYTES} bytes, not {len(number)}")
    return ec.derive_private_key(int.from_bytes(number, "big"), ec.SECP256R1())


def public_key(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the public key as browsers take it: an uncompressed point."""
    return encoded(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes of a key. Raises ValueError, without the text."""
    bare = text.rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", bare) or len(bare) % 4 == 1:
        raise ValueError("it is not base64url")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
