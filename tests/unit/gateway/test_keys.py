"""The choice of the key that verifies a token: by kind, by name, and among two secrets."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.utils import base64url_decode

from services.gateway.auth import Authenticator
from services.gateway.auth.keys import public_key
from shared.errors import SettingError, Unauthorized
from shared.settings import Settings

SECRET, FORMER = "s3cret-" * 6, "f0rmer-" * 6
LATER = int(time.time()) + 86_400
ISSUER = "https://id.example"
RSA, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for _ in range(2))
P256, OTHER_P256 = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
P384, K256 = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP256K1())
ED, OTHER_ED = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))


def of_rsa(key: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    return RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | more


def of_curve(key: ec.EllipticCurvePrivateKey, **more: Any) -> dict[str, Any]:
    return ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | more


def of_edwards(key: ed25519.Ed25519PrivateKey, **more: Any) -> dict[str, Any]:
    return OKPAlgorithm.to_jwk(key.public_key(), as_dict=True) | more


PUBLISHED = [of_rsa(RSA, kid="r"), of_curve(P256, kid="e"), of_edwards(ED, kid="o")]
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SIGNERS: dict[str, tuple[Any, str, str]] = {
    "RS256": (RSA, "RS256", "r"),
    "ES256": (P256, "ES256", "e"),
    "EdDSA": (ED, "EdDSA", "o"),
}


def auth(*published: dict[str, Any], **settings: Any) -> Authenticator:
    one = Authenticator(Settings(**{"jwt_secret": SECRET, "jwt_issuer": ISSUER, **settings}))
    found = [public_key(said) for said in published or PUBLISHED]
    one.keys.replace([key for key in found if key is not None])
    return one


def claims(**changed: Any) -> dict[str, Any]:
    """None leaves one out."""
    said = {"sub": "alice", "aud": "linkup", "exp": LATER, "iss": ISSUER} | changed
    return {name: value for name, value in said.items() if value is not None}


def by(key: Any, algorithm: str, kid: str | None = None, /, **changed: Any) -> str:
    header = {} if kid is None else {"kid": kid}
    return jwt.encode(claims(**changed), key, algorithm=algorithm, headers=header)


def part(content: bytes | dict[str, Any]) -> str:
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def by_hand(
    header: bytes | dict[str, Any], content: bytes | None = None, key: bytes = SECRET.encode()
) -> str:
    """Sign a token with an HMAC by hand: PyJWT itself would refuse to make most of these."""
    signed = f"{part(header)}.{part(content or json.dumps(claims()).encode())}"
    return f"{signed}.{part(hmac.new(key, signed.encode(), hashlib.sha256).digest())}"


def by_rsa(header: dict[str, Any], content: dict[str, Any] | None = None) -> str:
    """Sign a token with the published RSA key and any header."""
    said = {"alg": "RS256", "kid": "r", "typ": "JWT"} | header
    signed = f"{part(said)}.{part(content or claims())}"
    method = jwt.get_algorithm_by_name("RS256")
    return f"{signed}.{part(method.sign(signed.encode(), RSA))}"


def hmac_with(key: bytes, **header: Any) -> str:
    return by_hand({"alg": "HS256", "typ": "JWT"} | header, key=key)


def twice(name: str) -> bytes:
    text = json.dumps(claims())
    return text.replace(f'"{name}"', f'"{name}": "mallory", "{name}"', 1).encode()


INNER = by(RSA, "RS256", "r")
NOW = int(time.time())
FORGED = {
    "alg none": f"{part({'alg': 'none'})}.{part(claims())}.",
    "alg none with a kid": f"{part({'alg': 'none', 'kid': 'r'})}.{part(claims())}.",
    "alg as a list": by_rsa({"alg": ["RS256"]}),
    "no alg": by_hand({"typ": "JWT", "kid": "r"}),
    "HS256 with the public key in PEM": hmac_with(PEM),
    "HS256 with the public key in PEM, by its kid": hmac_with(PEM, kid="r"),
    "HS256 with the published JSON": hmac_with(json.dumps(PUBLISHED[0]).encode(), kid="r"),
    "HS256 with the modulus": hmac_with(PUBLISHED[0]["n"].encode(), kid="r"),
    "HS256 with the point of the curve": hmac_with(PUBLISHED[1]["x"].encode(), kid="e"),
    "HS256 with the key of EdDSA": hmac_with(ED.public_key().public_bytes_raw(), kid="o"),
    "HS256 with an empty key": hmac_with(b""),
    "RS256 in the header over an HMAC": by_hand({"alg": "RS256", "kid": "r"}),
    "another RSA key": by(OTHER_RSA, "RS256", "r"),
    "another RSA key without a kid": by(OTHER_RSA, "RS256"),
    "another key of the curve": by(OTHER_P256, "ES256", "e"),
    "another key of EdDSA": by(OTHER_ED, "EdDSA", "o"),
    "ES256 with the kid of EdDSA": by(P256, "ES256", "o"),
    "EdDSA with the kid of ES256": by(ED, "EdDSA", "e"),
    "an unknown kid": by(RSA, "RS256", "x"),
    "a kid of a file": by(RSA, "RS256", "../../../../dev/null"),
    "a kid of SQL": by(RSA, "RS256", "r' OR '1'='1"),
    "an empty kid": by(RSA, "RS256", ""),
    "a kid that is a list": by_rsa({"kid": ["r"]}),
    "PS256 with the key of RS256": by(RSA, "PS256", "r"),
    "RS512 with the key of RS256": by(RSA, "RS512", "r"),
    "the wrong curve": by(P384, "ES384", "e"),
    "another curve of the same size": by(K256, "ES256K", "e"),
    "a critical extension": by_rsa({"crit": ["exp"], "exp": LATER}),
    "an empty list of critical extensions": by_rsa({"crit": []}),
    "b64 false": by_rsa({"b64": False, "crit": ["b64"]}),
    "b64 false, not critical": by_rsa({"b64": False}),
    "the key in the header": hmac_with(b"k" * 32, jwk={"kty": "oct", "k": part(b"k" * 32)}),
    "a public key in the header": jwt.encode(
        claims(), OTHER_RSA, algorithm="RS256", headers={"kid": "x", "jwk": of_rsa(OTHER_RSA)}
    ),
    "jku": jwt.encode(
        claims(), OTHER_RSA, algorithm="RS256", headers={"kid": "r", "jku": "https://evil.example"}
    ),
    "x5u": jwt.encode(
        claims(), OTHER_RSA, algorithm="RS256", headers={"kid": "r", "x5u": "https://evil.example"}
    ),
    "a certificate in the header": jwt.encode(
        claims(), OTHER_RSA, algorithm="RS256", headers={"kid": "r", "x5c": [part(PEM)]}
    ),
    "the wrong aud": by(RSA, "RS256", "r", aud="billing"),
    "no aud": by(RSA, "RS256", "r", aud=None),
    "the wrong iss": by(RSA, "RS256", "r", iss="https://id.example.evil.example"),
    "iss with a slash more": by(RSA, "RS256", "r", iss=f"{ISSUER}/"),
    "iss as a list": by_rsa({}, claims(iss=[ISSUER])),
    "no iss": by(RSA, "RS256", "r", iss=None),
    "a secret's token of another iss": by(SECRET, "HS256", iss="x"),
    "exp a second ago": by(RSA, "RS256", "r", exp=NOW - 1),
    "nbf ahead": by(RSA, "RS256", "r", nbf=LATER),
    "iat ahead": by(RSA, "RS256", "r", iat=LATER),
    "sub twice": by_hand({"alg": "HS256"}, twice("sub")),
    "aud twice": by_hand({"alg": "HS256"}, twice("aud")),
    "alg twice": by_hand(b'{"alg": "none", "alg": "HS256"}'),
    "a token within a token": by_hand({"alg": "HS256", "cty": "JWT"}, INNER.encode()),
    "a token in quotes within a token": by_hand({"alg": "HS256"}, f'"{INNER}"'.encode()),
    "a list for claims": by_hand({"alg": "HS256"}, b"[]"),
    "claims nested deeply": by_hand({"alg": "HS256"}, b'{"a":' * 2000 + b"1" + b"}" * 2000),
    "huge": by(OTHER_RSA, "RS256", "r", name="x" * 1_000_000),
    "the type of a logout": by_rsa({"typ": "logout+jwt"}),
    "the type of an event": by_rsa({"typ": "secevent+jwt"}),
    "a type that is a list": by_rsa({"typ": ["JWT"]}),
    "no signature": INNER.rpartition(".")[0] + ".",
    "half a signature": INNER[:-100],
    "the signature of other claims": by(RSA, "RS256", "r", sub="bob").rpartition(".")[0]
    + "."
    + INNER.rpartition(".")[2],
    "an ES256 signature of zeros": f"{part({'alg': 'ES256', 'kid': 'e'})}.{part(claims())}."
    + part(bytes(64)),
    "an EdDSA signature of zeros": f"{part({'alg': 'EdDSA', 'kid': 'o'})}.{part(claims())}."
    + part(bytes(64)),
    "in the form of JSON": json.dumps({"payload": part(claims()), "signatures": []}),
    "encrypted": ".".join([part({"alg": "dir", "enc": "A256GCM"}), "", part(b"i"), part(b"c"), ""]),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
def test_s3_a_forged_or_confused_token_is_refused_without_saying_why(forged: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        auth().verify(forged)
    assert refused.value.message == "The token is missing, expired or invalid"


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_s3_each_kind_of_key_verifies_its_own_algorithm(algorithm: str) -> None:
    key, name, kid = SIGNERS[algorithm]
    for given in (by(key, name, kid), by(key, name)):
        assert auth().verify(given).user_id == "alice"
    assert auth().verify(by(SECRET, "HS256")).user_id == "alice"


def test_a_token_without_the_name_of_its_key_is_tried_with_all_of_that_kind() -> None:
    one = auth(of_rsa(OTHER_RSA, kid="a"), of_rsa(RSA, kid="b"))
    assert one.verify(by(RSA, "RS256")).user_id == "alice"
    assert one.verify(by(OTHER_RSA, "RS256")).user_id == "alice"


def test_s3_a_key_that_is_gone_verifies_nothing_not_even_what_is_remembered() -> None:
    one, given = auth(), by(RSA, "RS256", "r")
    assert one.verify(given).user_id == "alice"
    one.keys.replace([])
    with pytest.raises(Unauthorized) as refused:
        one.verify(given)
    assert refused.value.why == "key"


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_a_type_of_tokens_that_say_who_somebody_is_is_accepted(kind: str) -> None:
    assert auth().verify(by_rsa({"typ": kind})).user_id == "alice"
    assert auth().verify(by_hand({"alg": "HS256"})).user_id == "alice"


def test_of_two_secrets_both_verify_and_the_first_signs() -> None:
    one = auth(jwt_secret=f"{SECRET}, {FORMER}")
    for secret in (SECRET, FORMER):
        assert one.verify(by(secret, "HS256")).user_id == "alice"
    signed = one.sign("bob", "Bob")
    assert auth().verify(signed).user_id == "bob"
    with pytest.raises(Unauthorized) as refused:
        auth(jwt_secret=FORMER).verify(signed)
    assert refused.value.why == "signature"


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (f"{SECRET},short", "at least 32 bytes"),
        (f"{SECRET},", "at least 32 bytes"),
        (f"{SECRET},{FORMER},{'x' * 32}", "more than two"),
        (f"{SECRET},{PEM.decode()}", "is a certificate"),
        ("", "at least 32 bytes"),
    ],
)
def test_each_of_the_secrets_is_examined_at_the_start(secret: str, said: str) -> None:
    with pytest.raises(SettingError, match=said) as refused:
        auth(jwt_secret=secret)
    assert SECRET not in str(refused.value)


def test_without_a_setting_any_issuer_is_accepted() -> None:
    for issuer in (None, "x", ISSUER):
        assert auth(jwt_issuer="").verify(by(SECRET, "HS256", iss=issuer)).user_id == "alice"


UNUSABLE = {
    "a secret": {"kty": "oct", "k": part(b"k" * 32), "kid": "x"},
    "a secret for HS256": {"kty": "oct", "k": part(b"k" * 32), "alg": "HS256"},
    "another curve": of_curve(P384, kid="x"),
    "another curve of the same size": of_curve(K256, kid="x"),
    "a curve under another name": of_curve(P384) | {"crv": "P-256"},
    "a point off the curve": of_curve(P256) | {"y": of_curve(OTHER_P256)["y"]},
    "RSA of 1024 bits": of_rsa(rsa.generate_private_key(65537, 1024)),
    "RSA of a huge modulus": {"kty": "RSA", "e": "AQAB", "n": part(b"\xff" * 4096)},
    "RSA without a modulus": {"kty": "RSA", "e": "AQAB"},
    "RSA for encryption": of_rsa(RSA, use="enc"),
    "RSA for another operation": of_rsa(RSA) | {"key_ops": ["encrypt"]},
    "RSA for another algorithm": of_rsa(RSA, alg="RS512"),
    "RSA for a secret's algorithm": of_rsa(RSA, alg="HS256"),
    "RSA with its private part": RSAAlgorithm.to_jwk(RSA, as_dict=True),
    "a kid that is a number": of_rsa(RSA, kid=7),
    "a kid too long": of_rsa(RSA, kid="k" * 257),
    "a kind that is a list": of_rsa(RSA, kty=["RSA"]),
    "nothing": {},
}


@pytest.mark.parametrize("said", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_published_key_that_cannot_be_trusted_is_left_out(said: dict[str, Any]) -> None:
    assert public_key(said) is None


def test_a_token_has_a_name_that_another_signature_does_not_change() -> None:
    """A curve's signature, two numbers `r` and `s`, is also valid with the negative `s`."""
    token = by(P256, "ES256", "e")
    signed, _, signature = token.rpartition(".")
    r, s = (int.from_bytes(half) for half in halves(base64url_decode(signature)))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = f"{signed}.{part(r.to_bytes(32) + (order - s).to_bytes(32))}"
    ids = [auth().verify(one).token_id for one in (token, other, by(P256, "ES256", "e", jti="2"))]
    assert ids[0] == ids[1] != ids[2]


def halves(whole: bytes) -> tuple[bytes, bytes]:
    return whole[:32], whole[32:]
