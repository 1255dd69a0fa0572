"""The guide for host apps: its snippets sign tokens that a gateway takes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

from services.gateway.auth import Authenticator
from services.gateway.auth.keys import public_key
from shared.settings import Settings
from tests.support.examples import private_key

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "embed.md").read_text(encoding="utf-8")
FRAME = (ROOT / "examples" / "page.html").read_text(encoding="utf-8")


def snippet(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.+?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def key(tmp_path: Path) -> str:
    return private_key(tmp_path).read_text()


def name_of(token: str, key: str) -> str | None:
    """The name that a gateway reads in it. Raises Unauthorized."""
    auth = Authenticator(Settings(jwt_secret="s" * 32))
    private = load_pem_private_key(key.encode(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    published = public_key({**public, "kid": "host-1"})
    assert published is not None
    auth.keys.replace([published])
    identity = auth.verify(token)
    assert identity.user_id == "alice"
    return identity.name


def test_s3_the_snippet_in_python_signs(key: str) -> None:
    defined: dict[str, object] = {}
    exec(snippet("python"), defined)
    sign = defined["linkup_token"]
    assert callable(sign)
    assert name_of(sign("alice", "Alice É.", key), key) == "Alice É."


def test_s3_the_snippet_in_javascript_signs(key: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node to run it in")
    call = 'console.log(linkupToken("alice", "Alice É.", process.argv[2]));'
    file = tmp_path / "sign.mjs"
    file.write_text(f"{snippet('js')}\n{call}", encoding="utf-8")
    run = subprocess.run([node, file, key], capture_output=True, text=True, check=True)
    assert name_of(run.stdout.strip(), key) == "Alice É."


def test_s3_the_snippet_in_php_signs_the_same_claims() -> None:
    """There is no PHP here: its names are compared."""
    php, python = snippet("php"), snippet("python")
    assert re.findall(r"'(\w+)' =>", php) == re.findall(r'"(\w+)": ', python)[:5]
    for word in ("'linkup'", "'ES256'", "'host-1'", "300"):
        assert word in php


def test_s3_the_frame_of_the_guide_is_that_of_the_examples() -> None:
    [shown] = re.findall(r"addEventListener\(.+?\n *\}\);", snippet("html"), re.DOTALL)
    [used] = re.findall(r"addEventListener\(.+?\n *\}\);", FRAME, re.DOTALL)
    assert re.sub(r"\s+", " ", shown) == re.sub(r"\s+", " ", used)
