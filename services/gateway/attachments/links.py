"""Owns signed URLs, which allow downloading a file until they expire. Pure except for the clock.

A URL names nobody and holds no secret: an HMAC over what it grants, keyed from a secret that
all gateways share. The first of the secrets signs; a signature with any of them is valid.
"""

import hmac
from collections.abc import Sequence
from urllib.parse import urlencode

from shared.api import Variant
from shared.errors import NotFound

PURPOSE = b"linkup attachment links"  # no signature of this key fits anything else


class Links:
    """`lasting`: seconds."""

    def __init__(self, secrets: Sequence[str], lasting: float) -> None:
        self._keys = [hmac.digest(secret.encode(), PURPOSE, "sha256") for secret in secrets]
        self._lasting = int(lasting)

    def expiry(self, now: float) -> int:
        """In seconds since 1970, at least so long from now as set."""
        return int(now) + 1 + self._lasting

    def url(self, attachment_id: str, variant: Variant, expires: int) -> str:
        """Return a URL without a host: it is valid on every gateway."""
        signature = _signature(self._keys[0], attachment_id, variant, expires)
        query = {"variant": variant, "expires": expires, "signature": signature}
        return f"/v1/attachments/{attachment_id}/content?{urlencode(query)}"

    def check(
        self, attachment_id: str, variant: Variant, expires: int, signature: str, now: float
    ) -> None:
        """Raises NotFound, as for a file that is not there: forged, expired, absent are alike."""
        signed = [_signature(key, attachment_id, variant, expires) for key in self._keys]
        fits = [hmac.compare_digest(one.encode(), signature.encode()) for one in signed]
        if not any(fits) or expires < now:
            raise NotFound("There is no such attachment")


def _signature(key: bytes, attachment_id: str, variant: Variant, expires: int) -> str:
    said = f"{attachment_id}\n{variant}\n{expires}"
    return hmac.digest(key, said.encode(), "sha256").hex()
