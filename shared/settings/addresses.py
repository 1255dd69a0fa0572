"""Owns the settings that contain an address: their form, and what to write instead.

Every function takes the text of a setting and raises ValueError with a sentence for the operator.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

import idna

WEB = {"http": 80, "https": 443}
APPS = frozenset(  # what pages inside apps and extensions have for a scheme
    {"app", "capacitor", "chrome-extension", "ionic", "moz-extension", "tauri"}
)
BUS = frozenset({"nats", "tls", "ws", "wss"})
STORES = frozenset({"s3", "gs", "az", "memory"})
MAX_URL = 2048  # characters of an address that is not a setting
LONGEST_NAME = 253  # characters, as RFC 1035 bounds it
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
CONTACT = re.compile(r"mailto:[!-?A-~]+@[a-zA-Z0-9.-]+")
CONTACT_EXAMPLE = "mailto:admin@example.com or https://example.com"
HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?")


def origin(text: str) -> str:
    """Return the origin as a browser sends it: lower case, Punycode, without the usual port."""
    if text == "*":
        raise ValueError("names every site; write each that may connect, as https://a.example")
    if text.lower() == "null":
        raise ValueError("is what files and sandboxed frames of anybody send; write a site")
    parts = _split(text, "https://app.example.com")
    if parts.scheme not in WEB and parts.scheme not in APPS:
        raise ValueError(f"has the scheme {parts.scheme}; an origin has https or http")
    netloc = _netloc(parts, WEB.get(parts.scheme))
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"is more than an origin; write {parts.scheme}://{netloc}")
    return f"{parts.scheme}://{netloc}"


def page(text: str) -> str:
    """Return the URL of the page, to which paths are added."""
    parts = _split(text, "https://chat.example.com")
    if parts.scheme not in WEB:
        raise ValueError(f"has the scheme {parts.scheme}; write http:// or https://")
    if parts.query or parts.fragment:
        raise ValueError("has a ? or # in it; write the address of the page alone")
    path = quote(parts.path.rstrip("/"), safe=PATH_CHARACTERS)
    return f"{parts.scheme}://{_netloc(parts, WEB[parts.scheme])}{path}"


def tokens(text: str) -> str:
    """Return the URL at which the host app gives the page its tokens."""
    parts = _split(text, "https://app.example.com/linkup/token")
    if parts.scheme not in WEB:
        raise ValueError(f"has the scheme {parts.scheme}; write http:// or https://")
    if parts.fragment:
        raise ValueError("has a # in it; write https://app.example.com/linkup/token")
    rest = quote(urlunsplit(("", "", parts.path, parts.query, "")), safe=URL_CHARACTERS)
    return f"{parts.scheme}://{_netloc(parts, WEB[parts.scheme])}{rest}"


def conversation(text: str) -> str:
    """Return the URL of any conversation: it has a placeholder where that one's id stands."""
    unknown = set(IN_BRACES.findall(text)) - PLACEHOLDERS
    if unknown or not IN_BRACES.search(text) or set("{}") & set(IN_BRACES.sub("", text)):
        raise ValueError(f"must have {{conversation_id}} or {{user_id}} in braces; {CONVERSATION}")
    parts = _split(text, "https://app.example.com/messages/{conversation_id}")
    if parts.scheme not in WEB:
        raise ValueError(f"has the scheme {parts.scheme}; {CONVERSATION}")
    rest = urlunsplit(("", "", *parts[2:]))
    return f"{parts.scheme}://{_netloc(parts, WEB[parts.scheme])}{quote(rest, safe=URL_CHARACTERS)}"


def bus(text: str) -> str:
    """Return the address of one nats-server, or of several separated by commas."""
    servers = [_server(part.strip()) for part in text.split(",") if part.strip()]
    if not servers:
        raise ValueError(f"names no server; {SERVER}")
    return ",".join(servers)


def database(text: str) -> str:
    if not text.startswith("sqlite:///"):
        raise ValueError("is not an SQLite database, and this release supports no other; " + FILE)
    parts = urlsplit(text)
    if parts.query or parts.fragment:
        raise ValueError("has a ? or # in it; in the name of a file write %3F or %23")
    if parts.path in ("/", "/:memory:"):
        raise ValueError("would be gone with the process; " + FILE)
    path = unquote(parts.path)
    if "\0" in path or path.endswith(("/", "/.", "/..")):
        raise ValueError("is not the name of a file; " + FILE)
    return text


def path_of(database_url: str) -> str:
    """Return the path of the file that a URL names, as it is written there."""
    return unquote(database_url.removeprefix("sqlite:///"), errors="surrogateescape")


def file_of(database_url: str) -> str:
    """Return the path of the file that a URL names, wherever links lead."""
    return os.path.realpath(path_of(database_url))


PATH_CHARACTERS = "/%:@!$&'()*+,;=~"  # that stay as they are: RFC 3986, section 3.3
URL_CHARACTERS = PATH_CHARACTERS + "?#[]{}"
IN_BRACES = re.compile(r"\{([^{}]*)\}")
PLACEHOLDERS = frozenset({"conversation_id", "user_id"})
CONVERSATION = "write https://app.example.com/messages/{conversation_id}"
SERVER = "write nats://user:password@host:4222, and special characters of the password as %XX"
FILE = "write sqlite:////directory/name.db, with four slashes"


def files(text: str) -> str:
    """Return the place where attachments lie."""
    parts = urlsplit(text)
    if text.startswith("/"):
        raise ValueError(f"is not a URL; write file://{text}")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("is not an absolute path; write file:///directory")
        if parts.query or parts.fragment:
            raise ValueError("contains ? or #; write %3F or %23 in the name of a directory")
        if "\0" in unquote(parts.path):
            raise ValueError("contains %00, which is not allowed; write file:///directory")
    elif parts.scheme not in STORES or not (parts.netloc or parts.scheme == "memory"):
        raise ValueError(
            "is not a location for files; write file:///directory or s3://bucket/prefix"
        )
    return text


def proxy(text: str) -> str:
    """Return an address or a network; `*` is everybody."""
    try:
        return "*" if text == "*" else str(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ValueError(
            "is not an address; write one as 10.0.0.2, or a network as 10.0.0.0/8"
        ) from None


def host(text: str) -> str:
    """Return a name or an address alone."""
    bare = text.strip("[]") if text.startswith("[") else text
    try:
        return _host(bare)
    except ValueError:
        raise ValueError(
            "is not a host; write a name or an address alone, without scheme and port"
        ) from None


def destination(text: str) -> str:
    """Return a name, an address or a network."""
    try:
        if "/" in text:
            return str(ipaddress.ip_network(text, strict=False))
        return host(text).removesuffix(".")
    except ValueError:
        raise ValueError(
            "is neither a host nor a network; write a name alone, or a network as 10.0.0.0/8"
        ) from None


def contact(text: str) -> str:
    """Return the URL at which a push service reaches the operator."""
    if CONTACT.fullmatch(text):
        return text
    parts = _split(text, CONTACT_EXAMPLE)
    if parts.scheme != "https":
        raise ValueError(f"has the scheme {parts.scheme}; write {CONTACT_EXAMPLE}")
    return text


def secure(example: str, text: str) -> str:
    parts = _split(text, example)
    if parts.scheme != "https" or parts.fragment:
        raise ValueError(f"has another scheme or a #; write {example}")
    return text


def own_name(text: str) -> str:
    """Return a name that requests may ask for, whatever the port; `*`: any."""
    has_port = text.count(":") == 1 or "]:" in text  # else a colon is of an IPv6 address
    name = re.sub(r":[0-9]{1,5}\Z", "", text) if has_port else text
    try:
        return text if text == "*" else host(name).removesuffix(".")
    except ValueError:
        raise ValueError(
            "is not a host; write names or addresses, as chat.example.com or [::1], or *"
        ) from None


FORMS: Mapping[str, Callable[[str], str]] = {
    "host": host,
    "allowed_hosts": own_name,
    "allowed_origins": origin,
    "token_url": tokens,
    "frame_ancestors": origin,
    "avatar_origins": origin,
    "trusted_proxies": proxy,
    "nats_url": bus,
    "attachments_url": files,
    "database_url": database,
    "notify_database_url": database,
    "public_url": page,
    "conversation_url": conversation,
    "jwks_url": partial(secure, "https://id.example.com/jwks.json"),
    "moderation_url": partial(secure, "https://app.example.com/linkup/moderation"),
    "smtp_host": host,
    "vapid_subject": contact,
    "outbound_allowed": destination,
}


def without_password(url: str) -> str:
    """Return a URL to be shown; of several servers only the last, as a password may hold a
    comma."""
    return re.sub(r"\A([a-z+]+://)?.*@", r"\1", url, flags=re.DOTALL)


def _server(text: str) -> str:
    url = text if "://" in text else f"nats://{text}"
    try:
        parts = urlsplit(url)
        _host(parts.hostname or "")
        known = parts.scheme in BUS and parts.port != 0
    except ValueError:
        known = False
    if not known or parts.path not in ("", "/") or re.search(r"[\s?#]", url):
        raise ValueError(f"is not the address of a nats-server; {SERVER}")
    return url


def _split(text: str, example: str) -> SplitResult:
    if re.search(r"\s", text):
        raise ValueError(f"contains a space; write {example} (and a comma between two)")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"is not a URL; write {example}") from None
    if "://" not in text:
        raise ValueError(f"does not begin with http:// or https://; write {example}")
    if not parts.netloc:
        raise ValueError(f"names no host; write {example}")
    if "@" in parts.netloc:
        raise ValueError(f"contains a user name or password; write {example}")
    return parts


def _netloc(parts: SplitResult, usual_port: int | None) -> str:
    try:
        port = parts.port
        if port == 0:
            raise ValueError
    except ValueError:
        raise ValueError("has an invalid port; write one from 1 to 65535") from None
    try:
        name = _host(parts.hostname or "")
    except ValueError:
        raise ValueError(
            f"has the host {parts.hostname}, which is not valid; name one site"
        ) from None
    name = f"[{name}]" if ":" in name else name
    return name if port in (None, usual_port) else f"{name}:{port}"


def _host(text: str) -> str:
    """Return a host in lower case and Punycode, as the browsers have it (UTS 46). Raises
    ValueError."""
    if ":" in text:
        address, _, zone = text.partition("%")
        return str(ipaddress.IPv6Address(address)) + (f"%{zone}" if zone else "")
    name = text.lower() if text.isascii() else idna.encode(text, uts46=True).decode()
    labels = name.removesuffix(".").split(".")
    if not HOST_NAME.fullmatch(name) or not all(0 < len(label) < 64 for label in labels):
        raise ValueError(text)
    if len(name) > LONGEST_NAME:
        raise ValueError(text)
    if NUMBER.fullmatch(labels[-1]):  # to browsers and resolvers it is an address then, or wrong
        return str(ipaddress.IPv4Address(name))
    return name
