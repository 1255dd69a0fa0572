"""docs/deploy.md: its commands on the databases do what it says, its names are the files' names."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from services.persistence.store.migrate import upgrade
from shared.settings import Settings, variable
from tests.contract.compose_file import COMPOSE, PRODUCTION, ROOT, services

DOCS = (ROOT / "docs" / "deploy.md").read_text()
COMMANDS = [
    found.replace('\\"', '"') for found in re.findall(r'python -c "(.*)"$', DOCS, re.MULTILINE)
]


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    await upgrade(f"sqlite:///{tmp_path / 'linkup.db'}")
    with closing(sqlite3.connect(tmp_path / "linkup.db")) as store, store:
        store.execute("INSERT INTO meta VALUES ('epoch', 'old')")
    return tmp_path


def run(command: str, data: Path) -> None:
    subprocess.run([sys.executable, "-c", command.replace("/data/", f"{data}/")], check=True)


def epoch(file: Path) -> str:
    store = sqlite3.connect(file)
    ((value,),) = store.execute("SELECT value FROM meta WHERE key = 'epoch'")
    store.close()
    return str(value)


async def test_a_backup_is_a_store_and_restoring_it_makes_a_new_epoch(data: Path) -> None:
    backup, new_epoch = COMMANDS
    run(backup, data)
    (data / "linkup.db").unlink()
    (data / "backup.db").rename(data / "linkup.db")
    assert epoch(data / "linkup.db") == "old"
    run(new_epoch, data)
    assert re.fullmatch("[0-9a-f]{16}", epoch(data / "linkup.db"))


def test_every_setting_it_names_exists() -> None:
    known = {variable(field) for field in Settings.__struct_fields__}
    assert set(re.findall(r"LINKUP_\w+", DOCS)) <= known


def test_its_env_file_is_all_that_production_needs() -> None:
    made = re.findall(r"\b((?:LINKUP|NATS)_\w+)", DOCS.partition("(umask")[2].partition("```")[0])
    services(dict.fromkeys(made, "f" * 64), COMPOSE, PRODUCTION)
