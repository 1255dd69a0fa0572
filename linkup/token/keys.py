"""Owns the keys that `linkup token` reads, and the algorithm of each."""

from pathlib import Path
from typing import Any

import click
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)
from msgspec import Struct

SHARED = "HS256"


class Key(Struct, frozen=True):
    """A key that signs or verifies. `value` is a secret, or a key of the library."""

    value: Any
    algorithm: str


def private_key(file: Path) -> Key:
    """Raises ClickException."""
    try:
        return _named(load_pem_private_key(file.read_bytes(), None))
    except (ValueError, TypeError, UnsupportedAlgorithm, OSError):
        raise click.ClickException(f"{file} is not a private key without a password") from None


def keys_of(file: Path) -> list[Key]:
    """Return the key that verifies, from the file of a public or a private key. Raises
    ClickException."""
    try:
        return [_named(load_pem_public_key(file.read_bytes()))]
    except (ValueError, UnsupportedAlgorithm, OSError):
        return [verifying(private_key(file))]


def verifying(key: Key) -> Key:
    """Return the key that verifies what this one signs."""
    return key if key.algorithm == SHARED else Key(key.value.public_key(), key.algorithm)


def _named(key: object) -> Key:
    match key:
        case rsa.RSAPrivateKey() | rsa.RSAPublicKey() if key.key_size >= 2048:
            return Key(key, "RS256")
        case ec.EllipticCurvePrivateKey() | ec.EllipticCurvePublicKey():
            if isinstance(key.curve, ec.SECP256R1):
                return Key(key, "ES256")
        case ed25519.Ed25519PrivateKey() | ed25519.Ed25519PublicKey():
            return Key(key, "EdDSA")
    raise click.ClickException("the key is none of RSA (2048 bits or more), P-256 and Ed25519")
