"""The documents on deployment and operation: their commands on the data do what they say, and
their names are the files' names."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.gateway.auth import Authenticator
from shared.settings import Settings, load, variable
from tests.contract.compose_file import COMPOSE, PRODUCTION, ROOT, services
from tests.support.stores import lay_out, reading

DOCS = (ROOT / "docs" / "deploy.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
RUN = "docker compose run --rm -T tools "


def commands(text: str, beginning: str) -> list[str]:
    return re.findall(rf"^{re.escape(beginning)}.*$", text, re.MULTILINE)


@pytest.fixture
async def stores(tmp_path: Path) -> Path:
    """The volumes as the container of the tools has them."""
    await lay_out(tmp_path / "stores" / "persistence")
    for name, file in (("notify", "notify.db"), ("gateway", None)):
        (tmp_path / "stores" / name).mkdir()
        if file is not None:
            shutil.move(tmp_path / "stores" / "persistence" / file, tmp_path / "stores" / name)
    return tmp_path / "stores"


def run(command: str, stores: Path) -> None:
    """As in that container, or on this machine, in the folder of the stores."""
    container = services({}, profile="tools")["tools"]["environment"]
    given = {name: text for name, text in container.items() if text}
    in_place = {name: text.replace("/stores", str(stores)) for name, text in given.items()}
    shell = command.removeprefix(RUN).replace("linkup ", f"{sys.executable} -m linkup ", 1)
    subprocess.run(shell, shell=True, check=True, cwd=stores.parent, env={**os.environ, **in_place})


def epoch(stores: Path) -> str:
    with reading(stores / "persistence" / "linkup.db") as store:
        [(value,)] = store.execute("SELECT value FROM meta WHERE key = 'epoch'")
    return str(value)


@pytest.mark.slow
def test_a_backup_by_container_is_restored_with_a_new_epoch(stores: Path) -> None:
    [backup] = commands(DOCS, f"{RUN}linkup backup")
    assert commands(OPERATIONS, f"{RUN}linkup backup") == [backup]
    [restore] = commands(OPERATIONS, f"{RUN}linkup restore")
    subprocess.run(
        [sys.executable, "-c", FIRST_EPOCH, str(stores / "persistence" / "linkup.db")], check=True
    )
    run(backup, stores)
    run(restore, stores)
    assert re.fullmatch("[0-9a-f]{16}", epoch(stores))
    assert sorted(os.listdir(stores.parent)) == ["linkup-backup.tar", "stores"]


FIRST_EPOCH = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as store:
    store.execute("INSERT INTO meta VALUES ('epoch', 'old')")
store.close()
"""


def test_a_backup_without_containers_is_the_same_command() -> None:
    [backup, restore] = commands(OPERATIONS, "linkup backup") + commands(OPERATIONS, "linkup rest")
    in_container = commands(OPERATIONS, f"{RUN}linkup backup")
    in_container += commands(OPERATIONS, f"{RUN}linkup restore")
    assert in_container == [
        f"{RUN}{backup.rpartition(' ')[0]} - > linkup-backup.tar",
        f"{RUN}{restore.rpartition(' ')[0]} - --force < linkup-backup.tar",
    ]


def test_every_setting_it_names_exists() -> None:
    known = {variable(field) for field in Settings.__struct_fields__}
    assert set(re.findall(r"LINKUP_\w+", DOCS)) <= known


def test_its_env_file_is_all_that_production_needs(tmp_path: Path) -> None:
    """The recipe is run; nothing of the demo is left, and no secret is shared with the app."""
    recipe = DOCS.partition("(umask")[2].partition("docker compose up")[0]
    subprocess.run(["sh", "-ec", f"(umask{recipe}"], cwd=tmp_path, check=True)
    made = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines())
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    assert made.pop("COMPOSE_FILE").split(":") == ["docker-compose.yml", "deploy/production.yml"]
    gateway = services(made, COMPOSE, PRODUCTION)["gateway"]["environment"]
    settings = load({name: text for name, text in gateway.items() if text})
    assert not settings.dev_login
    assert not settings.jwt_secret
    Authenticator(settings)
    assert {urlsplit(url).hostname for url in (settings.jwks_url, settings.token_url)} == {
        urlsplit(settings.frame_ancestors[0]).hostname
    }
    assert len(settings.host_key) == len(settings.admin_key) == 64
