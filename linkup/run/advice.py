"""Owns what `linkup run` warns of at start: settings that work, but hardly as they were meant."""

from collections.abc import Iterator

from linkup.run.listeners import bracketed, is_loopback, reachable
from shared.settings import Settings


def warnings(settings: Settings) -> Iterator[str]:
    """`settings`: as they were set, before `linkup run` makes what is missing."""
    local = is_loopback(settings.host)
    if settings.dev_login and not local:
        where = f"{bracketed(settings.host)}:{settings.gateway_port}"
        yield (
            f"whoever reaches {where} can sign in as anybody, without a password: "
            "set LINKUP_DEV_LOGIN=0, or LINKUP_HOST=127.0.0.1 to let nobody else in"
        )
    if not settings.dev_login and not settings.jwt_secret:
        why = "" if local else f", because LINKUP_HOST={settings.host} lets other machines in"
        yield (
            f"nobody can sign in yet: the development login is off{why}. Set LINKUP_JWT_SECRET to "
            "what your app signs its tokens with, or give your app the secret in the file "
            "jwt-secret of the data directory; for a demo set LINKUP_DEV_LOGIN=1"
        )
    if settings.smtp_host and not settings.public_url and is_loopback(reachable(settings.host)):
        yield (
            "the links in e-mails lead to this machine alone: set LINKUP_PUBLIC_URL to the "
            "address of the page"
        )
