"""Owns the checks of settings: keys, names, origins, proxies. They need no running service."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from linkup.doctor.seen import Seen
from linkup.doctor.verdict import Verdict, failed, passed, warned
from linkup.installation.secret import is_made
from shared.settings import Settings, in_force

LEAST_SECRET_BYTES = 32  # RFC 7518, section 3.2
DEMO = ("demo", "change", "secret", "example", "password")  # what keys of examples contain


def is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def settings(seen: Seen) -> Verdict:
    given = in_force(seen.settings)
    usual = in_force(Settings())
    changed = sum(given[name] != usual[name] for name in given)
    return passed("settings", f"valid; {changed} differ from their defaults")


def keys(seen: Seen) -> Verdict:
    """Check the keys of tokens: published ones, a secret that is set, or one that `linkup run`
    made."""
    if seen.settings.jwt_secrets:
        return _secrets(seen.settings.jwt_secrets, seen.settings.jwks_url)
    if not is_made(seen.settings):
        return passed("keys", f"published at {seen.settings.jwks_url}; no secret is needed")
    file = seen.settings.data / "jwt-secret"
    try:
        mode = file.stat().st_mode & 0o777
    except FileNotFoundError:
        return _without_keys(seen)
    except OSError as error:
        fix = "Run this as the user that LinkUp runs as."
        return failed("keys", f"{file}: {error.strerror}", fix)
    if mode & 0o077:
        return failed("keys", f"others may read {file} ({mode:04o})", f"Run chmod 600 {file}.")
    return passed("keys", f"made by `linkup run`, in {file}")


def _without_keys(seen: Seen) -> Verdict:
    published = bool(seen.settings.jwks_url)  # then only the demo login needs a secret
    needed = "LINKUP_JWT_SECRET" if published else "LINKUP_JWKS_URL or LINKUP_JWT_SECRET"
    if seen.where is None:
        by_itself = f"a gateway that you start by itself needs {needed}"
        return passed("keys", f"`linkup run` will make a secret; {by_itself}")
    return warned(
        "keys",
        f"not set: {needed}",
        "Run this with the settings of the services, or let `linkup run` make a secret.",
    )


def _secrets(secrets: Sequence[str], jwks_url: str) -> Verdict:
    length = min(len(secret.encode()) for secret in secrets)
    if length < LEAST_SECRET_BYTES:
        return failed(
            "keys",
            f"LINKUP_JWT_SECRET has {length} bytes",
            f"Set one of at least {LEAST_SECRET_BYTES} random bytes, here and in your app.",
        )
    if any(_looks_demo(secret) for secret in secrets):
        return warned(
            "keys",
            "LINKUP_JWT_SECRET looks like that of an example",
            "Set one of at least 32 random bytes, here and in your app.",
        )
    also = f"; others are published at {jwks_url}" if jwks_url else ""
    return passed("keys", f"LINKUP_JWT_SECRET has {length} bytes{also}")


def _looks_demo(secret: str) -> bool:
    return any(word in secret.lower() for word in DEMO) or len(set(secret)) < 8


def sign_in(seen: Seen) -> Verdict:
    on = seen.settings.dev_login if seen.demo_login is None else seen.demo_login
    if not on:
        return passed("sign-in", _without_login(seen))
    hosts = (seen.settings.host, urlsplit(seen.url("gateway")).hostname or "localhost")
    strange = [host for host in hosts if not is_local(host)]
    if not strange:
        return passed("sign-in", "the demo login is on, for this machine only")
    return failed(
        "sign-in",
        f"anybody who reaches {strange[0]} can sign in as anybody",
        "Set LINKUP_DEV_LOGIN=0.",
    )


def _without_login(seen: Seen) -> str:
    """Say who can sign in. `linkup run` on loopback switches the demo login on unless it is set."""
    runs = seen.where is not None or seen.demo_login is not None
    if not runs and "dev_login" not in seen.chosen and is_local(seen.settings.host):
        return "with tokens of your app, and with `linkup run` also with the demo login"
    return "with tokens of your app only"


def hosts(seen: Seen) -> Verdict:
    chosen = seen.settings.allowed_hosts
    if "*" in chosen or (not chosen and not is_local(seen.settings.host)):
        return warned(
            "hosts",
            "any Host header is accepted",
            "Set LINKUP_ALLOWED_HOSTS to the names of this server.",
        )
    return passed("hosts", ", ".join(chosen) or "the names of this machine and of the page")


def origins(seen: Seen) -> Verdict:
    sites = (*seen.settings.allowed_origins, *seen.settings.frame_ancestors)
    plain = [one for one in (*sites, seen.settings.token_url) if _is_plain(one)]
    if plain:
        return warned(
            "origins",
            f"{', '.join(plain)}: anybody on the way can change a page without https",
            "Name your app with https in LINKUP_ALLOWED_ORIGINS, LINKUP_FRAME_ANCESTORS and "
            "LINKUP_TOKEN_URL.",
        )
    if _is_plain(seen.settings.public_url):
        return warned(
            "origins",
            f"LINKUP_PUBLIC_URL={seen.settings.public_url} is not encrypted",
            "Serve the page by https, and set LINKUP_PUBLIC_URL to that address.",
        )
    return passed("origins", ", ".join(seen.settings.allowed_origins) or "the page's own only")


def _is_plain(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_local(parts.hostname or "")


def proxies(seen: Seen) -> Verdict:
    trusted = seen.settings.trusted_proxies
    if "*" in trusted:
        return warned(
            "proxies",
            "everybody's X-Forwarded-For is trusted, so limits per address can be evaded",
            "Set LINKUP_TRUSTED_PROXIES to the addresses of your proxies.",
        )
    if not trusted and seen.settings.public_url.startswith("https://"):
        return warned(
            "proxies",
            "the page is served by https, but no proxy is trusted: all clients have its address",
            "Set LINKUP_TRUSTED_PROXIES to the address of the proxy in front of the gateway.",
        )
    return passed("proxies", ", ".join(trusted) or "none, and none is needed")


def checks(seen: Seen) -> Iterator[Verdict]:
    for check in (settings, keys, sign_in, hosts, origins, proxies):
        yield check(seen)
