import errno
import os
import stat
from collections import namedtuple
from pathlib import Path

import pytest

from linkup import data_dir
from shared.errors import StartError

Usage = namedtuple("Usage", "total used free")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    data_dir.prepare(tmp_path / "new" / "data")
    assert mode(tmp_path / "new" / "data") == 0o700
    assert list((tmp_path / "new" / "data").iterdir()) == []


def test_an_existing_directory_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    data_dir.prepare(tmp_path)
    assert mode(tmp_path) == 0o750


def test_what_cannot_be_a_directory_names_the_setting_to_change(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"cannot write to .*LINKUP_DATA_DIR"):
        data_dir.prepare(tmp_path / "file" / "data")


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "linkup.data_dir.shutil.disk_usage", lambda path: Usage(2**40, 2**40, 2**20)
    )
    with pytest.raises(StartError, match="is full"):
        data_dir.prepare(tmp_path)


def test_a_disk_that_is_full_at_the_probe_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("linkup.data_dir.os.fsync", fsync)
    with pytest.raises(StartError, match="is full"):
        data_dir.prepare(tmp_path)


def test_the_jwt_secret_is_kept_private_and_long(tmp_path: Path) -> None:
    secret = data_dir.jwt_secret(tmp_path)
    assert data_dir.jwt_secret(tmp_path) == secret
    assert len(secret) >= 32
    assert mode(tmp_path / "jwt-secret") == 0o600


def test_the_lock_names_its_holder_and_is_free_afterwards(tmp_path: Path) -> None:
    refused = pytest.raises(StartError, match=f"pid {os.getpid()}")
    with data_dir.locked(tmp_path), refused, data_dir.locked(tmp_path):
        pass
    with data_dir.locked(tmp_path):
        pass


def test_a_private_file_replaces_one_that_others_could_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("old")
    (tmp_path / "key").chmod(0o644)
    data_dir.write_private(tmp_path / "key", "new")
    assert (tmp_path / "key").read_text() == "new"
    assert mode(tmp_path / "key") == 0o600
