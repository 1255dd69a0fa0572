"""Owns the operator's keys: two at a time, so that one can take the place of the other."""

import hashlib
import hmac

from shared.errors import SettingError, Unauthorized

LEAST_KEY_BYTES = 32
MOST_KEYS = 2


class AdminKeys:
    """Those of LINKUP_ADMIN_KEY, separated by a comma. Without one nobody is let in.

    Raises SettingError.
    """

    def __init__(self, setting: str) -> None:
        keys = [key.strip() for key in setting.split(",")] if setting else []
        if len(keys) > MOST_KEYS:
            raise SettingError("LINKUP_ADMIN_KEY has more than two keys: leave out the oldest")
        if any(len(key.encode()) < LEAST_KEY_BYTES for key in keys):
            raise SettingError(
                f"LINKUP_ADMIN_KEY needs {LEAST_KEY_BYTES} bytes in each key or more; make one "
                'with: python -c "import secrets; print(secrets.token_hex(32))"'
            )
        self._digests = [_digest(key) for key in keys]

    def include(self, key: str) -> bool:
        """It takes as long whatever the key has in common with ours."""
        given = _digest(key)
        return any([hmac.compare_digest(given, digest) for digest in self._digests])

    def verify(self, key: str | None) -> None:
        """Raises Unauthorized."""
        if not self.include(key or ""):
            refused = Unauthorized("Send `Authorization: Bearer <the operator's key>`")
            refused.why = "admin_key"
            raise refused


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
