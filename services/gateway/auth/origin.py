"""Owns the rule for the Origin of a WebSocket."""

from urllib.parse import urlsplit


def origin_allowed(origin: str | None, host: str | None, allowed: tuple[str, ...]) -> bool:
    """Return whether pages of this origin may connect: the same site, or an allowed one.

    Only browsers send an Origin; a client without one is held by its token alone. `host` is one
    that `Hosts` has let through: else it would say no more than the page does.
    """
    if origin is None or origin in allowed:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:  # an address no browser would send
        return False
    usual_port = {"http": ":80", "https": ":443"}.get(parts.scheme)
    if usual_port is None or not parts.netloc or host is None:
        return False
    return parts.netloc.lower() == host.lower().removesuffix(usual_port)
