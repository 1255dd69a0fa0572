"""Authentication refuses forged tokens, tokens that lack claims, and pages of other origins."""

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

from services.gateway.auth import Authenticator, bearer, demo_email
from services.gateway.auth import claims as optional
from services.gateway.auth.form import Decoder
from services.gateway.auth.origin import origin_allowed
from shared import commands, frames
from shared.errors import SettingError, Unauthorized
from shared.health.counters import Counters
from shared.reserved import SYSTEM
from shared.settings import Settings
from tests.unit.gateway.odd_claims import ODD

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


def with_claims(claims: dict[str, Any]) -> str:
    return token(**claims)


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
    "issued in the future": token(iat=LATER),
    "nbf is a text": token(nbf=str(NOW)),
    "nbf is endless": token(nbf=float("inf")),
    "nbf is a list": token(nbf=[NOW]),
    "exp is true": token(exp=True),
    "exp is negative": token(exp=-1),
    "exp is no number": token(exp=float("nan")),
    "header nested deeply": _part(b"[" * 3000) + "." + token().partition(".")[2],
    "sub is a number": token(sub=7),
    "sub is a list": token(sub=["alice"]),
    "sub is empty": token(sub=""),
    "sub too long": token(sub="a" * 129),
    "sub with a slash": token(sub="alice/bob"),
    "sub with a control character": token(sub="alice\n"),
    "sub with half an emoji": token(sub="alice\ud83d"),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_a_forged_token_is_refused_without_saying_why(forged: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        auth().verify(forged)
    assert refused.value.message == "The token is missing, expired or invalid"


def test_d35_nobody_signs_in_as_the_system() -> None:
    """A host app may let its users choose their ids."""
    with pytest.raises(Unauthorized):
        auth().verify(token(sub=SYSTEM))


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


def test_a_token_seen_a_moment_ago_is_not_verified_again(monkeypatch: pytest.MonkeyPatch) -> None:
    one, signed, other = auth(), token(), token(sub="bob")
    identity = one.verify(signed)
    monkeypatch.setattr(Decoder, "decode", None)
    assert one.verify(signed) == identity
    with pytest.raises(TypeError):
        one.verify(other)


def test_a_token_seen_a_moment_ago_expires_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    one, signed = auth(), token(exp=LATER)
    assert one.verify(signed).user_id == "alice"
    monkeypatch.setattr(time, "time", lambda: float(LATER))
    with pytest.raises(Unauthorized) as refused:
        one.verify(signed)
    assert refused.value.why == "expired"


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


NEITHER_TEXT_NOR_NULL: list[Any] = [7, 7.5, True, ["x"], {"x": 1}, float("inf"), 10**400]
SURROGATES = {"email": "a\ud83d@b.example", "tz": "\ud83d", "locale": "\ud83d", "avatar": "\udfff"}


@pytest.mark.parametrize("claim", ODD)
def test_f_s4_an_odd_optional_claim_is_left_out_and_told_once(
    claim: str, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters()
    one = Authenticator(Settings(jwt_secret=SECRET), counters)
    others = {"name": "Alice", "email": "a@example.com"}
    others.pop(claim, None)
    odd = [*ODD[claim], SURROGATES.get(claim, 7), *NEITHER_TEXT_NOR_NULL]
    for value in odd:
        for _ in range(3):
            identity = one.verify(with_claims(others | {claim: value}))
            assert getattr(identity, optional.FIELDS[claim]) is None, value
            assert {name: getattr(identity, name) for name in others} == others
    assert len(caplog.records) == 1
    said = {"user_id": "alice", "claim": claim}
    assert said.items() <= caplog.records[0].__dict__.items()
    assert counters.counts[f"odd_claim_{claim}"] == 3 * len(odd)


def test_f_s4_the_log_is_told_of_no_more_odd_claims_than_it_bears(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = auth()
    for number in range(2 * optional.LINES_PER_MINUTE):
        one.verify(token(sub=f"user-{number}", name=7))
    assert len(caplog.records) == optional.LINES_PER_MINUTE


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("name", "\u202eevil"),  # shown apart, by the page
        ("name", "名" * 1024),
        ("email", '"x"@[192.0.2.1]'),  # whether it can be written to is for notify to say
        ("tz", "America/Argentina/ComodRivadavia"),
        ("locale", "zh-Hant-TW"),
        ("locale", "pt_BR"),
        ("avatar", "https://a.example/a.png?size=96"),
    ],
)
def test_f_s4_what_can_be_used_is_kept_as_it_is(claim: str, value: str) -> None:
    identity = auth().verify(with_claims({claim: value}))
    assert getattr(identity, optional.FIELDS[claim]) == value


@pytest.mark.parametrize("claim", list(optional.FIELDS))
def test_f_s6_null_or_nothing_to_see_says_that_there_is_none(claim: str) -> None:
    field = optional.FIELDS[claim]
    for value in ("null", '""', '" \\u2003"', '"\\u200b\\u00ad"'):
        signed = token().split(".")[0]
        content = f'{{"sub": "alice", "aud": "linkup", "exp": {LATER}, "{claim}": {value}}}'
        assert getattr(auth().verify(by_hand(signed, content)), field) == optional.REMOVED
    assert getattr(auth().verify(token()), field) is None  # says nothing


def by_hand(head: str, content: str) -> str:
    signed = f"{head}.{_part(content.encode())}"
    return f"{signed}.{_part(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_f_s5_a_clock_a_little_ahead_is_no_reason_to_refuse(claim: str) -> None:
    now = time.time()
    for at in (now + 2, int(now) + 55, now - 1e6, -5, 0, 0.5, -1e300):
        assert auth().verify(with_claims({claim: at})).user_id == "alice"
    strict = auth(jwt_leeway=0)
    for one, at in ((auth(), now + 90), (strict, now + 5), (auth(), 1e300), (auth(), 10**400)):
        with pytest.raises(Unauthorized) as refused:
            one.verify(with_claims({claim: at}))
        assert refused.value.why == "not_yet_valid"
    assert auth(jwt_leeway=120).verify(with_claims({claim: now + 90}))


def test_f_s5_a_token_ends_on_time() -> None:
    for at in (NOW - 1, NOW - 30, -5, 0.5):
        with pytest.raises(Unauthorized) as refused:
            auth().verify(token(exp=at))
        assert refused.value.why == "expired"


@pytest.mark.parametrize(
    "exp", [LATER + 0.5, LATER * 1000, 1e300, 10**400], ids=["half", "ms", "huge", "vast"]
)
def test_f_s5_an_end_far_away_is_one_that_a_socket_and_a_ticket_can_bear(exp: float) -> None:
    expires_at = auth().verify(token(exp=exp)).expires_at
    assert NOW < expires_at <= frames.MAX_INT / 1_000_000


@pytest.mark.parametrize("claim", ["iat", "jti", "iss", "nonce"])
@pytest.mark.parametrize("value", ["x", ["x"], {"a": "b"}, True])
def test_f_s4_a_claim_that_nobody_reads_is_no_reason_to_refuse(claim: str, value: Any) -> None:
    assert auth().verify(with_claims({claim: value})).user_id == "alice"


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ("nonsense", "malformed"),
        (token(key="another-key-" * 4), "signature"),
        (token(header={"alg": "none"}), "algorithm"),
        (token(aud="billing"), "audience"),
        (token(exp=NOW - 1), "expired"),
        (token(sub=None), "claims"),
        (token(sub="a/b"), "claims"),
        (token(sub=".."), "claims"),
    ],
)
def test_f_t2_the_log_is_told_why_and_the_client_is_not(forged: str, why: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        auth().verify(forged)
    assert refused.value.why == why
    assert refused.value.message == "The token is missing, expired or invalid"


def test_the_demo_token_is_one_of_ours() -> None:
    identity = auth().verify(auth().sign("bob", "Bob"))
    assert (identity.user_id, identity.name) == ("bob", "Bob")
    assert identity.email == "bob@linkup.example"


def test_a_short_secret_is_refused_in_bytes_not_characters() -> None:
    with pytest.raises(SettingError, match="LINKUP_JWT_SECRET"):
        auth(jwt_secret="x" * 31)
    assert auth(jwt_secret="é" * 16)


@pytest.mark.parametrize(
    "secret", [RSA_PUBLIC.decode(), '{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQ"}']
)
def test_a_key_of_another_kind_is_refused_at_the_start(secret: str) -> None:
    """Each token would be refused later, and nobody would know why."""
    with pytest.raises(SettingError, match="LINKUP_JWT_SECRET is a certificate"):
        auth(jwt_secret=secret)


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


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://chat.example.com", "chat.example.com:443", True),
        ("http://chat.example.com", "Chat.example.com:80", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://localhost:8000", "localhost:8000", True),
        ("http://localhost:8001", "localhost:8000", False),
        ("http://chat.example.com", "chat.example.com:443", False),
        ("https://chat.example.com:443", "chat.example.com:8443", False),
        ("null", "null", False),
    ],
)
def test_f_h8_the_usual_port_of_a_scheme_may_be_said_or_not(
    origin: str, host: str, same: bool
) -> None:
    assert origin_allowed(origin, host, ()) == same


def test_without_a_host_only_the_list_counts() -> None:
    assert not origin_allowed("https://chat.example.com", None, ALLOWED)
    assert not origin_allowed("https://", "", ALLOWED)
