"""Owns the secret that signs tokens here: one that is set, or the one that `linkup run` makes."""

from shared.settings import Settings


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Return the secrets, the signing one first; none if there is none to be read."""
    if settings.jwt_secrets or not is_made(settings):
        return settings.jwt_secrets
    try:
        made = (settings.data / "jwt-secret").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ()
    return (made,) if made else ()


def is_made(settings: Settings) -> bool:
    """Return whether `linkup run` makes a secret if none is set. It makes none where only published
    keys are to count."""
    return settings.dev_login or not settings.jwks_url
