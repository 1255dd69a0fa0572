"""`linkup token`: what it makes is accepted, and it says what is wrong without saying a secret."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.algorithms import ECAlgorithm

from linkup.__main__ import main
from services.gateway.auth import Authenticator
from services.gateway.auth.keys import public_key
from shared.settings import Settings
from tests.support.endpoint import certificate, endpoint

SECRET = "s3cret-" * 6
NOW = int(time.time())
LATER = NOW + 86_400  # than the whole run lasts
ISSUER = "https://id.example"
KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def call(*arguments: str, given: str | None = None, **settings: str) -> Result:
    environment = {"LINKUP_JWT_SECRET": SECRET, "LINKUP_JWT_ISSUER": ISSUER} | settings
    done = CliRunner().invoke(main, ["token", *arguments], input=given, env=environment)
    assert SECRET not in done.output
    return done


def written(folder: Path, key: Any) -> tuple[Path, Path]:
    private, public = folder / "private.pem", folder / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


def test_a_token_that_is_made_is_accepted() -> None:
    began = int(time.time())
    made = call("create", "alice", "--name", "Alice").stdout.strip()
    identity = Authenticator(Settings(jwt_secret=SECRET, jwt_issuer=ISSUER)).verify(made)
    assert (identity.user_id, identity.name) == ("alice", "Alice")
    assert identity.issued_at is not None
    assert began <= identity.issued_at <= time.time()
    assert identity.expires_at == identity.issued_at + 900
    checked = call("check", given=f"{made}\n")
    assert (checked.exit_code, checked.stdout[:12]) == (0, "good: alice,")


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_private_key_signs_and_its_public_key_verifies(tmp_path: Path, algorithm: str) -> None:
    key = KEYS[algorithm]
    private, public = written(tmp_path, key)
    made = call("create", "alice", "--key", str(private), "--kid", "k").stdout.strip()
    auth = Authenticator(Settings(jwt_secret=SECRET, jwt_issuer=ISSUER))
    method = jwt.get_algorithm_by_name(algorithm)
    found = public_key(method.to_jwk(key.public_key(), as_dict=True) | {"kid": "k"})
    assert found is not None
    auth.keys.replace([found])
    assert auth.verify(made).user_id == "alice"
    for file in (private, public):
        assert call("check", "--key", str(file), given=made).exit_code == 0
    assert "pass --key" in call("check", given=made).stdout


def test_the_secret_that_linkup_run_has_made_is_found_in_its_data_directory(tmp_path: Path) -> None:
    (tmp_path / "jwt-secret").write_text(f"{SECRET}\n")
    none = {"LINKUP_JWT_SECRET": "", "LINKUP_DATA_DIR": str(tmp_path / "nothing")}
    where = ("--data-dir", str(tmp_path))
    made = call("create", "alice", *where, **none).stdout.strip()
    assert Authenticator(Settings(jwt_secret=SECRET, jwt_issuer=ISSUER)).verify(made)
    assert call("check", *where, given=made, **none).exit_code == 0
    for lost in (call("create", "alice", **none), call("check", given=made, **none)):
        assert lost.exit_code
        assert "--data-dir" in lost.output


GOOD: dict[str, Any] = {"sub": "alice", "aud": "linkup", "exp": LATER, "iss": ISSUER}
WRONG = {
    "expired": ({"exp": NOW - 9}, "it expired"),
    "milliseconds": ({"exp": NOW * 1000 * 1000}, "milliseconds"),
    "no end": ({"exp": None}, "`exp` is missing"),
    "another audience": ({"aud": "billing"}, "`aud` is not linkup"),
    "another issuer": ({"iss": "x"}, "`iss` is not https://id.example"),
    "no user": ({"sub": "a/b"}, "`sub`"),
    "not yet": ({"nbf": LATER}, "`nbf`"),
}


@pytest.mark.parametrize(("changed", "words"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_with_a_token_is_said(changed: dict[str, Any], words: str) -> None:
    claims = {name: value for name, value in (GOOD | changed).items() if value is not None}
    checked = call("check", given=jwt.encode(claims, SECRET, algorithm="HS256"))
    assert checked.exit_code == 1
    [line] = checked.stdout.splitlines()
    assert line.startswith("wrong: ")
    assert words in line


def test_a_token_without_iat_is_good_but_noted() -> None:
    for more, lines in (({}, 2), ({"iat": NOW}, 1)):
        checked = call("check", given=jwt.encode(GOOD | more, SECRET, algorithm="HS256"))
        assert checked.exit_code == 0
        assert len(checked.stdout.splitlines()) == lines


def test_claims_that_gateways_ignore_are_noted() -> None:
    odd = {"iat": NOW, "email": "Alice", "avatar": "/a.png", "locale": "de", "name": " ", "tz": 7}
    checked = call("check", given=jwt.encode(GOOD | odd, SECRET, algorithm="HS256"))
    assert checked.exit_code == 0
    notes = [line for line in checked.stdout.splitlines() if "a claim is ignored" in line]
    assert [line.split("$.")[1] for line in notes] == ["email`", "tz`", "avatar`"]


def test_another_key_and_no_token_are_told_apart() -> None:
    other = jwt.encode(GOOD, "0ther-" * 6, algorithm="HS256")
    assert "another key" in call("check", given=other).stdout
    former = call("check", given=other, LINKUP_JWT_SECRET=f"{SECRET},{'0ther-' * 6}")
    assert former.exit_code == 0
    for nonsense in ("", "x", "a.b.c"):
        assert "not a JSON Web Token" in call("check", given=nonsense).stdout


def test_without_a_secret_or_with_a_wrong_file_nothing_is_made(tmp_path: Path) -> None:
    away = {"LINKUP_JWT_SECRET": "", "LINKUP_DATA_DIR": str(tmp_path)}
    assert call("create", "alice", **away).exit_code == 2
    file = tmp_path / "x.pem"
    file.write_text("no key")
    assert "not a private key" in call("create", "alice", "--key", str(file)).stderr
    assert "`sub`" in call("create", "a/b").stderr


async def test_a_token_is_checked_with_the_keys_that_the_app_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path)))
    private, _ = written(tmp_path, KEYS["ES256"])
    made = call("create", "alice", "--key", str(private)).stdout.strip()
    async with endpoint(tmp_path) as there:
        settings = {
            "LINKUP_JWKS_URL": there.url("/keys.json"),
            "LINKUP_OUTBOUND_ALLOWED": "127.0.0.1",
            "LINKUP_JWT_SECRET": "",
        }

        async def checked(published: object) -> Result:
            there.usual, there.content = "200", json.dumps(published).encode()
            return await asyncio.to_thread(call, "check", given=made, **settings)

        ours = ECAlgorithm.to_jwk(KEYS["ES256"].public_key(), as_dict=True)
        other = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), True)
        assert (await checked({"keys": [ours]})).output.startswith("good: alice")
        assert "signed with another key" in (await checked({"keys": [other]})).output
        assert "the answer is no key set" in (await checked([])).output
