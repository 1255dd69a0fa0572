"""Owns the warnings of `linkup run` about settings that are valid but unusual."""

from collections.abc import Iterator

from linkup.run.listeners import bracketed, is_loopback, reachable
from shared.settings import Settings


def warnings(settings: Settings) -> Iterator[str]:
    """Yield what an operator is likely to want otherwise. `settings` are as they were set, before
    `linkup run` makes what is missing."""
    local = is_loopback(settings.host)
    if settings.dev_login and not local:
        where = f"{bracketed(settings.host)}:{settings.gateway_port}"
        yield (
            f"anybody who can reach {where} can sign in as any user without a password: "
            "set LINKUP_DEV_LOGIN=0, or LINKUP_HOST=127.0.0.1 to accept only this machine"
        )
    if not (settings.dev_login or settings.jwt_secret or settings.jwks_url):
        why = "" if local else f", because LINKUP_HOST={settings.host} accepts other machines"
        yield (
            f"nobody can sign in yet: the demo login is off{why}. Set LINKUP_JWKS_URL to the "
            "address of the public keys of your app's tokens, or LINKUP_JWT_SECRET to the secret "
            "that signs them, or give your app the secret in the file jwt-secret of the data "
            "directory; for a demo set LINKUP_DEV_LOGIN=1"
        )
    if settings.smtp_host and not settings.public_url and is_loopback(reachable(settings.host)):
        yield (
            "the links in e-mails work only on this machine: set LINKUP_PUBLIC_URL to the "
            "address of the page"
        )
