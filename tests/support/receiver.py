"""Owns a browser's end of web push: its keys, and the decryption by the steps of RFC 8291 and 8188.

It shares nothing with the library that encrypts.
"""

import base64
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Receiver:
    def __init__(self, private: str = "", auth: str = "") -> None:
        number = int.from_bytes(bytes_of(private))
        self._key = (
            ec.derive_private_key(number, ec.SECP256R1())
            if number
            else ec.generate_private_key(ec.SECP256R1())
        )
        self._auth = bytes_of(auth) or os.urandom(16)
        self._point = self._key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )

    @property
    def keys(self) -> dict[str, str]:
        return {"p256dh": text(self._point), "auth": text(self._auth)}

    def decrypt(self, body: bytes) -> bytes:
        """The content of one record. Raises InvalidTag when it is for somebody else."""
        salt, length = body[:16], body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= int.from_bytes(body[16:20])
        other = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        secret = self._key.exchange(ec.ECDH(), other)
        key = derived(secret, self._auth, b"WebPush: info\0" + self._point + sender, 32)
        content_key = derived(key, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derived(key, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(content_key).decrypt(nonce, record, None)
        content, delimiter, padding = padded.rpartition(b"\2")
        assert delimiter == b"\2"
        assert not padding.strip(b"\0")
        return content


def derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)
