"""Who gets in: forged tokens, tokens that say too little, pages of other origins."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.gateway.auth import Authenticator, bearer, demo_email, origin_allowed
from shared import commands
from shared.errors import SettingError, Unauthorized
from shared.settings import Settings

SECRET = "s3cret-" * 6
NOW = int(time.time())
LATER = NOW + 86_400  # than the whole run lasts
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PUBLIC = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def auth(**settings: Any) -> Authenticator:
    return Authenticator(Settings(**{"jwt_secret": SECRET, **settings}))


def token(key: str | bytes = SECRET, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """Signed by hand: PyJWT itself would refuse to make most of these. None leaves a claim out."""
    content = {"sub": "alice", "aud": "linkup", "exp": LATER} | claims
    content = {name: value for name, value in content.items() if value is not None}
    head = {"alg": "HS256", "typ": "JWT"} | (header or {})
    signed = f"{_part(json.dumps(head).encode())}.{_part(json.dumps(content).encode())}"
    key = key.encode() if isinstance(key, str) else key
    signature = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_part(signature)}"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def without_signature() -> str:
    head = _part(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    return f"{head}.{token().split('.')[1]}."


def with_other_claims() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{token(sub='mallory').split('.')[1]}.{signature}"


def by_rsa() -> str:
    claims: dict[str, Any] = {"sub": "alice", "aud": "linkup", "exp": LATER}
    return jwt.encode(claims, RSA_KEY, algorithm="RS256")


FORGED = {
    "not a token": "alice",
    "empty": "",
    "alg none": without_signature(),
    "alg none, signed": token(header={"alg": "none"}),
    "alg in capitals": token(header={"alg": "hs256"}),
    "alg HS512": token(header={"alg": "HS512"}),
    "another key": token(key="another-key-" * 4),
    "empty key": token(key=""),
    "public key as HMAC key": token(key=RSA_PUBLIC),
    "RS256": by_rsa(),
    "key in the header": token(
        key="k" * 32, header={"jwk": {"kty": "oct", "k": _part(b"k" * 32)}, "kid": "../../dev/null"}
    ),
    "unknown critical extension": token(header={"crit": ["linkup"], "linkup": 1}),
    "claims exchanged": with_other_claims(),
    "signature cut off": token()[:-4],
    "expired": token(exp=NOW - 1),
    "exp is a text": token(exp=str(LATER)),
    "exp is endless": token(exp=float("inf")),
    "no exp": token(exp=None),
    "no aud": token(aud=None),
    "no sub": token(sub=None),
    "aud of another app": token(aud="billing"),
    "aud in capitals": token(aud="LinkUp"),
    "not yet valid": token(nbf=LATER),
    "sub is a number": token(sub=7),
    "sub is a list": token(sub=["alice"]),
    "sub is empty": token(sub=""),
    "sub too long": token(sub="a" * 129),
    "sub with a slash": token(sub="alice/bob"),
    "sub with a control character": token(sub="alice\n"),
    "sub with half an emoji": token(sub="alice\ud83d"),
    "name is a number": token(name=7),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused_without_saying_why(forged: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        auth().verify(forged)
    assert refused.value.message == "The token is missing, expired or not valid"


def test_a_token_of_the_host_app_says_who_it_is() -> None:
    claims: dict[str, Any] = {
        "name": "Ålice",
        "email": "a@example.com",
        "tz": "Europe/Berlin",
        "locale": "de",
    }
    identity = auth().verify(token(sub="a" * 128, **claims))
    assert (identity.user_id, identity.expires_at) == ("a" * 128, LATER)
    assert (identity.name, identity.email) == ("Ålice", "a@example.com")
    assert (identity.time_zone, identity.locale, identity.avatar) == ("Europe/Berlin", "de", None)


def test_one_of_several_audiences_is_enough() -> None:
    assert auth().verify(token(aud=["web", "linkup"])).user_id == "alice"


def test_the_audience_is_a_setting() -> None:
    assert auth(jwt_audience="chat").verify(token(aud="chat")).user_id == "alice"
    with pytest.raises(Unauthorized):
        auth(jwt_audience="chat").verify(token())


def test_half_an_emoji_in_a_name_does_not_break_the_wire() -> None:
    """A lane that cannot encode a name would take the whole gateway down with it."""
    identity = auth().verify(token(name="Al\ud83d", avatar="\udfff"))
    told = commands.PutUser(user_id="alice", name=identity.name, avatar=identity.avatar)
    assert commands.decode(commands.encode(told), commands.PutUser).name == "Al?"


def test_the_demo_token_is_one_of_ours() -> None:
    identity = auth().verify(auth().sign("bob", "Bob"))
    assert (identity.user_id, identity.name) == ("bob", "Bob")
    assert identity.email == "bob@linkup.example"


def test_a_short_secret_is_refused_in_bytes_not_characters() -> None:
    with pytest.raises(SettingError, match="LINKUP_JWT_SECRET"):
        auth(jwt_secret="x" * 31)
    assert auth(jwt_secret="é" * 16)


@pytest.mark.parametrize(
    ("user_id", "address"),
    [
        ("Bob", "bob@linkup.example"),
        ("b\n", "demo@linkup.example"),
        ("a b", "demo@linkup.example"),
        ("a@evil.example", "demo@linkup.example"),
    ],
)
def test_a_demo_address_stays_on_the_machine(user_id: str, address: str) -> None:
    assert demo_email(user_id) == address


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Bearer abc", "abc"),
        ("bearer   abc ", "abc"),
        ("Bearer", None),
        ("Bearer  ", None),
        ("Basic abc", None),
        ("Bearerabc", None),
        ("", None),
        (None, None),
    ],
)
def test_the_bearer_header(header: str | None, found: str | None) -> None:
    assert bearer(header) == found


ALLOWED = ("https://app.example.com", "http://localhost:3000")


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://app.example.com.evil.example",  # suffix
        "https://evilapp.example.com",  # prefix
        "https://example.com",  # parent
        "https://x.app.example.com",  # child
        "https://app.example.com:8443",  # port
        "http://app.example.com",  # scheme
        "https://APP.example.com",  # case: browsers send lower case
        "https://app.example.com/",  # an origin has no path
        "https://user@app.example.com",
        "https://app.example.com ",
        "https://chat.example.com:444",  # the host's name with another port
        "file://chat.example.com",
        "//chat.example.com",
        "https://",
        "http://localhost:3001",
        "https://[",  # no URL at all
        "https://[::1",
        "https://\u2100.example.com",
    ],
)
def test_a_page_of_another_origin_opens_no_socket(origin: str) -> None:
    assert not origin_allowed(origin, "chat.example.com", ALLOWED)


@pytest.mark.parametrize(
    "origin", [*ALLOWED, "https://chat.example.com", "http://chat.example.com", None]
)
def test_the_same_site_the_list_and_programs_open_sockets(origin: str | None) -> None:
    assert origin_allowed(origin, "chat.example.com", ALLOWED)


def test_without_a_host_only_the_list_counts() -> None:
    assert not origin_allowed("https://chat.example.com", None, ALLOWED)
    assert not origin_allowed("https://", "", ALLOWED)
