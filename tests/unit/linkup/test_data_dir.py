import errno
import os
import stat
from collections import namedtuple
from pathlib import Path

import pytest

from linkup.run import data_dir
from shared import vapid
from shared.errors import StartError

Usage = namedtuple("Usage", "total used free")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_directory_is_for_its_owner_alone(tmp_path: Path) -> None:
    data_dir.prepare(tmp_path / "new" / "data")
    assert mode(tmp_path / "new" / "data") == 0o700
    assert list((tmp_path / "new" / "data").iterdir()) == []


def before(tmp_path: Path, *names: str) -> None:
    """A directory as the first release left it."""
    tmp_path.chmod(0o755)
    for name in names:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        for one in (file, *file.relative_to(tmp_path).parents):
            (tmp_path / one).chmod(0o644 if one == file else 0o755)


FIRST_RELEASE = (
    *("linkup.db", "linkup.db-wal", "linkup.db-shm", "notify.db", "notify.db.lock", "run.lock"),
    *("persistence.lock", "jwt-secret", "mail/1.eml", "nats/nats-server.log", "attachments/7/a"),
)


def wide(path: Path) -> list[Path]:
    return [one for one in (path, *path.rglob("*")) if mode(one) & 0o077]


def test_f_h10_an_existing_directory_is_closed_to_others_with_all_it_holds(tmp_path: Path) -> None:
    before(tmp_path, *FIRST_RELEASE)
    assert wide(tmp_path)
    assert list(data_dir.shut(tmp_path)) == []
    assert wide(tmp_path) == []
    assert mode(tmp_path) == 0o700


def test_f_h10_a_link_is_closed_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir(mode=0o755)
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    assert list(data_dir.shut(tmp_path / "data")) == []
    assert mode(tmp_path / "disk") == 0o700


def test_f_h10_a_directory_with_files_of_others_keeps_its_mode_and_it_is_said(
    tmp_path: Path,
) -> None:
    """`--data-dir /tmp` must not take it from everybody else."""
    before(tmp_path, *FIRST_RELEASE, "letters/mum.txt")
    (warning,) = data_dir.shut(tmp_path)
    assert "0755" in warning
    assert "chmod 700" in warning
    assert {tmp_path, tmp_path / "letters", tmp_path / "letters/mum.txt"} == set(wide(tmp_path))


def test_f_h10_a_directory_of_another_user_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chmod(self: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    tmp_path.chmod(0o777)
    monkeypatch.setattr("pathlib.Path.chmod", chmod)
    (warning,) = data_dir.shut(tmp_path)
    assert "0777" in warning


def test_f_s2_a_path_too_long_for_the_databases_is_refused_before_anything_is_made(
    tmp_path: Path,
) -> None:
    path = tmp_path.joinpath(*["x" * 100] * 6)
    with pytest.raises(StartError, match=r"too long for SQLite.*LINKUP_DATA_DIR"):
        data_dir.prepare(path)
    assert list(tmp_path.iterdir()) == []


def test_f_s2_what_is_no_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    for name in ("file", "nowhere"):
        with pytest.raises(StartError, match=f"{name} is not a directory.*LINKUP_DATA_DIR"):
            data_dir.prepare(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_f_s22_a_kept_secret_that_is_none_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "jwt-secret").write_bytes(content)
    with pytest.raises(StartError, match=r"jwt-secret contains no secret: restore it"):
        data_dir.jwt_secret(tmp_path)


def test_what_cannot_be_a_directory_names_the_setting_to_change(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match=r"cannot write to .*LINKUP_DATA_DIR"):
        data_dir.prepare(tmp_path / "file" / "data")


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "linkup.run.data_dir.shutil.disk_usage", lambda path: Usage(2**40, 2**40, 2**20)
    )
    with pytest.raises(StartError, match="is full"):
        data_dir.prepare(tmp_path)


def test_a_disk_that_is_full_at_the_probe_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("linkup.run.data_dir.os.fsync", fsync)
    with pytest.raises(StartError, match="is full"):
        data_dir.prepare(tmp_path)


def test_the_jwt_secret_is_kept_private_and_long(tmp_path: Path) -> None:
    secret = data_dir.jwt_secret(tmp_path)
    assert data_dir.jwt_secret(tmp_path) == secret
    assert len(secret) >= 32
    assert mode(tmp_path / "jwt-secret") == 0o600


def test_s97_the_key_of_web_push_is_made_once_and_kept_private(tmp_path: Path) -> None:
    key = data_dir.vapid_key(tmp_path)
    assert data_dir.vapid_key(tmp_path) == key
    assert len(vapid.public_key(vapid.private_key(key))) == 87
    assert mode(tmp_path / "vapid-key") == 0o600


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
