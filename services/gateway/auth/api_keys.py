"""Owns the keys of /v1/admin: those of the operator, and those of the host app."""

import hashlib
import hmac

from services.gateway.rates import Rates
from shared.errors import Forbidden, SettingError, Unauthorized
from shared.frames import KeyName
from shared.route import SCOPES, Limit, Route
from shared.settings import Settings, variable

LEAST_KEY_BYTES = 32
MOST_KEYS = 2


class ApiKeys:
    """The keys of LINKUP_ADMIN_KEY and LINKUP_HOST_KEY, up to two each: while one is replaced, the
    old and the new one are valid. Without keys, nobody is let in. Raises SettingError."""

    def __init__(self, settings: Settings, rates: Rates) -> None:
        self._rates = rates
        self._digests: dict[bytes, KeyName] = {}
        for name in SCOPES:
            for digest in _digests(f"{name}_key", getattr(settings, f"{name}_key")):
                if self._digests.setdefault(digest, name) != name:
                    raise SettingError(
                        "LINKUP_ADMIN_KEY and LINKUP_HOST_KEY have a common key; write two keys"
                    )

    def admit(self, key: str | None, route: Route, address: str) -> KeyName:
        """Return the name of the key, which may have no access. Raises Unauthorized and
        RateLimited."""
        name = self.identify(key, route.limit, address)
        if name is None:
            needed = " or ".join(map(variable, route.switches))
            refused = Unauthorized(f"Send `Authorization: Bearer <key>` with a key of {needed}")
            refused.why = "admin_key"
            raise refused
        return name

    def identify(self, key: str | None, limit: Limit | None, address: str) -> KeyName | None:
        """Return the name of the key, or None if it is wrong. Raises RateLimited.

        Requests of each key are counted apart. Wrong keys are counted for their address, which is
        refused, even with a valid key, while it has sent too many.
        """
        self._rates.check("admin", address)
        name = self._named(key or "")
        if name is None:
            self._rates.spend("admin", address)
        elif limit is not None:
            self._rates.spend(limit, f"{name} key, {address}")
        return name

    def _named(self, key: str) -> KeyName | None:
        """Return the name of a key. The comparison takes as long whatever the key has in common
        with a valid one."""
        given = _digest(key)
        same = [one for one in self._digests if hmac.compare_digest(given, one)]
        return self._digests[same[0]] if same else None


def check_scope(name: KeyName, route: Route) -> None:
    """Raises Forbidden if the key of that name has no access to the route."""
    if name not in route.keys:
        raise Forbidden(f"The key of {variable(f'{name}_key')} has no access to this route")


def _digests(setting: str, value: str) -> list[bytes]:
    keys = [key.strip() for key in value.split(",")] if value else []
    if len(keys) > MOST_KEYS:
        raise SettingError(f"{variable(setting)} has more than two keys: leave out the oldest")
    if any(len(key.encode()) < LEAST_KEY_BYTES for key in keys):
        raise SettingError(
            f"{variable(setting)} needs at least {LEAST_KEY_BYTES} bytes in each key; make one "
            'with: python -c "import secrets; print(secrets.token_hex(32))"'
        )
    return [_digest(key) for key in keys]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
