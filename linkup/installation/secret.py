"""Owns the secret that signs tokens here: one that is set, or the one that `linkup run` made."""

from shared.settings import Settings


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Return the secrets, the signing one first; none if there is none to be read."""
    if settings.jwt_secrets:
        return settings.jwt_secrets
    try:
        made = (settings.data / "jwt-secret").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ()
    return (made,) if made else ()
