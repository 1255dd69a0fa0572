"""Tests that the clients can be published: each is packed and installed into an empty project."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import TIMEOUT_FACTOR

ROOT = Path(__file__).parents[2]
PYTHON, WEB = ROOT / "clients" / "python", ROOT / "clients" / "web"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
UV = Path(sys.executable).with_name("uv")
SECONDS = 120

pytestmark = pytest.mark.timeout(2 * SECONDS)


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS * TIMEOUT_FACTOR
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what `python -m build` made."""
    folder = tmp_path_factory.mktemp("dist")
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, PYTHON)
    run(*command, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [wheel] = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def project(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty one, with the client installed."""
    project = tmp_path_factory.mktemp("project")
    run(UV, "venv", "--quiet", "--python", sys.executable, cwd=project)
    _install(wheel, project)
    return project


def test_the_wheel_has_the_client_its_types_and_its_description(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = f"linkup_client-{VERSION}.dist-info"
    modules = {f"linkup_client/{path.name}" for path in (PYTHON / "linkup_client").glob("*.py")}
    assert {name for name in names if not name.startswith(info)} == {
        *modules,
        "linkup_client/py.typed",
    }
    assert f"{info}/licenses/LICENSE" in names
    metadata = _metadata(wheel)
    assert (metadata["Name"], metadata["Version"]) == ("linkup-client", VERSION)
    assert metadata["Requires-Python"] == ">=3.11"
    required = [one for one in metadata.get_all("Requires-Dist", []) if "extra" not in one]
    assert {re.split(r"[<>]", one)[0] for one in required} == {"msgspec", "websockets"}
    description = metadata.get_payload(decode=True)
    assert isinstance(description, bytes)
    assert description.strip() == (PYTHON / "README.md").read_bytes().strip()


def test_the_source_has_its_tests(built: Path) -> None:
    [source] = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "tests/test_promises.py"} <= names
    assert not [name for name in names if "__pycache__" in name]


def test_an_empty_project_gets_the_client_and_its_tests_pass(project: Path) -> None:
    tests = project / "tests"
    shutil.copytree(PYTHON / "tests", tests, ignore=shutil.ignore_patterns("__py*"))
    python = project / ".venv" / "bin" / "python"
    where = run(python, "-c", "import linkup_client as it; print(it.__file__)", cwd=project)
    assert Path(where.strip()).is_relative_to(project)
    assert " passed" in run(python, "-m", "pytest", "-q", tests, cwd=project)


@pytest.mark.slow
def test_its_types_are_seen_in_an_empty_project(project: Path) -> None:
    use = "import linkup_client\n\nreveal_type(linkup_client.Client.send)\n"
    (project / "use.py").write_text(use)
    python = ("--python-executable", project / ".venv" / "bin" / "python")
    told = run(sys.executable, "-m", "mypy", "--strict", *python, "use.py", cwd=project)
    assert "Coroutine[Any, Any, linkup_client.frames.Ack]" in told


@pytest.mark.slow
def test_the_javascript_client_is_a_package_of_its_own(tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("there is no node to pack the JavaScript client with")
    offline = ("--offline", "--no-audit", "--no-fund", "--cache", tmp_path / "cache")
    told = run(npm, "pack", WEB, "--json", *offline, cwd=tmp_path)
    [packed] = _each(json.loads(told))
    modules = {f"sdk/{path.name}" for path in (WEB / "sdk").glob("*.js")}
    files = {"LICENSE", "README.md", "linkup-client.js", "package.json"}
    assert {file["path"] for file in packed["files"]} == modules | files
    assert (packed["name"], packed["version"]) == ("linkup-client", VERSION)
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    run(npm, "install", *offline, tmp_path / packed["filename"], cwd=tmp_path)
    use = 'import { LinkupClient } from "linkup-client"; console.log(typeof LinkupClient);'
    (tmp_path / "use.js").write_text(use)
    assert run(node, "use.js", cwd=tmp_path).strip() == "function"


def _each(told: Any) -> list[Any]:
    """npm 12 tells of packages by name, earlier ones in a list."""
    return list(told.values()) if isinstance(told, dict) else told


def _install(wheel: Path, project: Path) -> None:
    """Install it alone. What it needs is found where these tests run, so no index is asked."""
    pip = (UV, "pip", "install", "--quiet", "--offline", "--no-deps")
    run(*pip, "--python", project / ".venv", wheel, cwd=project)
    [packages] = (project / ".venv").glob("lib/python*/site-packages")
    (packages / "needed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))
