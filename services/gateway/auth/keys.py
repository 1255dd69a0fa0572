"""Owns the keys that tokens are verified with: secrets shared with the host app, and public keys.

A key is good for one algorithm, which follows from its own kind. The header of a token only chooses
among the keys, so a public key is never used as a secret, nor a curve in place of another.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jwt
from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_encode

from services.gateway.auth.form import Header
from shared.errors import SettingError

SHARED = "HS256"
BY_KIND: Mapping[tuple[object, object], str] = {  # by `kty` and `crv`
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
RSA_BITS = range(2048, 8193)  # RFC 7518, section 3.3; a longer one costs too much for each token
LEAST_SECRET_BYTES = 32  # RFC 7518, section 3.2
MOST_SECRETS = 2
MAX_KEY_ID = 256  # characters
MAKE_ONE = 'make a secret with: python -c "import secrets; print(secrets.token_hex(32))"'


class UnknownKey(jwt.InvalidTokenError):
    """No key of that name is known; there may be a new one."""


class Keys:
    """The keys in force. `changed` is called when others have taken their place."""

    def __init__(self, secrets: Sequence[str], *, published: bool = False) -> None:
        """Read the keys of the settings. If `published`, there will be public keys, so no secret is
        needed. Raises SettingError."""
        if len(secrets) > MOST_SECRETS:
            raise SettingError("LINKUP_JWT_SECRET has more than two secrets: leave out the oldest")
        if not secrets and not published:
            raise SettingError(
                "nobody could sign in: set LINKUP_JWKS_URL to the address of your app's public "
                f"keys, or LINKUP_JWT_SECRET to a secret of at least {LEAST_SECRET_BYTES} bytes "
                f"that your app shares; {MAKE_ONE}"
            )
        self._secrets = [secret_key(secret) for secret in secrets]
        self._public: Sequence[jwt.PyJWK] = ()
        self.changed: Callable[[], None] = lambda: None

    def replace(self, public: Sequence[jwt.PyJWK]) -> None:
        """Put those public keys in the place of the former ones."""
        self._public = public
        self.changed()

    def fitting(self, header: Header) -> Sequence[jwt.PyJWK]:
        """Return the keys, at least one, that may have signed a token with that header. Raises
        PyJWTError."""
        algorithm, key_id, _ = header
        if algorithm == SHARED and self._secrets:
            return self._secrets
        if algorithm not in BY_KIND.values():
            raise jwt.InvalidAlgorithmError
        fit = [
            key
            for key in self._public
            if key.algorithm_name == algorithm and key_id in (None, key.key_id)
        ]
        if not fit:
            raise UnknownKey
        return fit


class _Accepted(HMACAlgorithm):
    """HMAC with a key that was examined once: PyJWT examines it at each use, which costs more
    than the signature."""

    def prepare_key(self, key: str | bytes) -> bytes:
        return key.encode() if isinstance(key, str) else key


def secret_key(secret: str) -> jwt.PyJWK:
    """Raises SettingError when the secret is too short, or is a key of another kind."""
    if len(secret.encode()) < LEAST_SECRET_BYTES and not secret.startswith("{"):
        raise SettingError(
            f"LINKUP_JWT_SECRET must hold at least {LEAST_SECRET_BYTES} bytes; {MAKE_ONE}"
        )
    if _is_known_to_others(secret):
        raise SettingError(
            "LINKUP_JWT_SECRET is a certificate, a public key or a JWK, which others may know; "
            f"{MAKE_ONE}"
        )
    key = jwt.PyJWK({"kty": "oct", "k": base64url_encode(secret.encode()).decode()}, SHARED)
    key.Algorithm = _Accepted(hashlib.sha256)
    return key


def _is_known_to_others(secret: str) -> bool:
    try:
        HMACAlgorithm(hashlib.sha256).prepare_key(secret)
    except jwt.InvalidKeyError:
        return True
    return secret.startswith("{")  # a JWK, or as much of it as stands before its first comma


def public_key(said: Mapping[str, Any]) -> jwt.PyJWK | None:
    """Return the key of a JSON Web Key, or None if no token may be verified with it: one of another
    kind, for another use, too weak, or one whose private part is published."""
    algorithm = BY_KIND.get((_word(said, "kty"), _word(said, "crv")))
    if algorithm is None or said.get("alg", algorithm) != algorithm or not _is_usable(said):
        return None
    try:
        key = jwt.PyJWK(dict(said), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return key if algorithm != "RS256" or key.key.key_size in RSA_BITS else None


def _is_usable(said: Mapping[str, Any]) -> bool:
    key_id, operations = said.get("kid"), said.get("key_ops", ["verify"])
    return (
        "d" not in said
        and (key_id is None or (isinstance(key_id, str) and len(key_id) <= MAX_KEY_ID))
        and said.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )


def _word(said: Mapping[str, Any], name: str) -> str | None:
    word = said.get(name)
    return word if isinstance(word, str) else None
