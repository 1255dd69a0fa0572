"""The findings of `linkup doctor`, check by check, where nothing runs."""

import errno
import json
import os
import socket
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from linkup.__main__ import main
from linkup.doctor import bundle, choices, machine, services, wire
from linkup.doctor.seen import Seen, Told, look
from linkup.doctor.seen import told as told_over_http
from linkup.doctor.verdict import Verdict
from linkup.installation import wire as installed
from linkup.installation.operator import Operator
from linkup.installation.permissions import covers
from shared.health.endpoints import Check, Health
from shared.settings import PREFIX, Settings


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def seen(**chosen: Any) -> Seen:
    return Seen(settings=Settings(**chosen), where=None)


def call(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *map(str, arguments)], env=environment)


CHOSEN: list[tuple[str, dict[str, Any], str]] = [
    ("keys", {"jwt_secret": "x" * 31}, "fail"),
    ("keys", {"jwt_secret": "demo-secret-of-a-compose-file-for-all"}, "warn"),
    ("keys", {"jwt_secret": "a" * 64}, "warn"),
    ("keys", {"jwt_secret": "kJ2-9fQz7_tLw0vXr5uBn8mYc3hDg6sP"}, "pass"),
    ("keys", {"data_dir": "/nowhere"}, "pass"),
    ("keys", {"jwks_url": "https://app.example/keys"}, "pass"),
    ("keys", {"jwks_url": "https://app.example/keys", "dev_login": True}, "pass"),
    ("keys", {"jwks_url": "https://app.example/keys", "jwt_secret": "x" * 31}, "fail"),
    ("sign-in", {"dev_login": True}, "pass"),
    ("sign-in", {"dev_login": True, "host": "0.0.0.0"}, "fail"),
    ("hosts", {"host": "0.0.0.0"}, "warn"),
    ("hosts", {"allowed_hosts": ("*",)}, "warn"),
    ("hosts", {"host": "0.0.0.0", "allowed_hosts": ("chat.example.com",)}, "pass"),
    ("origins", {"allowed_origins": ("http://app.example.com",)}, "warn"),
    ("origins", {"allowed_origins": ("http://localhost:3000", "https://a.example")}, "pass"),
    ("origins", {"public_url": "http://chat.example.com"}, "warn"),
    ("origins", {"token_url": "http://app.example.com/token"}, "warn"),
    ("origins", {"frame_ancestors": ("http://app.example.com",)}, "warn"),
    ("proxies", {"trusted_proxies": ("*",)}, "warn"),
    ("proxies", {"public_url": "https://chat.example.com"}, "warn"),
    (
        "proxies",
        {"public_url": "https://chat.example.com", "trusted_proxies": ("10.0.0.0/8",)},
        "pass",
    ),
]


def test_s86_before_the_first_start_no_secret_is_missing() -> None:
    found = choices.keys(seen(data_dir="/nowhere"))
    assert "`linkup run` will make a secret" in found.value
    runs = msgspec.structs.replace(seen(data_dir="/nowhere"), where=Operator(nats_url="nats://a"))
    assert choices.keys(runs).status == "warn", "the services have one that is not set here"


@pytest.mark.parametrize(("check", "chosen", "status"), CHOSEN)
def test_s86_what_was_chosen_is_judged(check: str, chosen: dict[str, Any], status: str) -> None:
    [found] = [one for one in choices.checks(seen(**chosen)) if one.check == check]
    assert found.status == status
    assert bool(found.fix) == (status != "pass"), "a fix where something is to be fixed"
    assert str(chosen.get("jwt_secret", "\0")) not in found.value + found.fix


@pytest.mark.parametrize(
    ("chosen", "running", "said"),
    [
        (False, True, "the demo login is on, for this machine only"),
        (True, False, "with tokens of your app only"),
    ],
)
def test_s86_the_running_gateway_says_who_can_sign_in(
    chosen: bool, running: bool, said: str
) -> None:
    """`linkup run` switches the demo login on for itself; the settings here do not have it."""
    here = msgspec.structs.replace(seen(dev_login=chosen), demo_login=running)
    assert choices.sign_in(here).value == said


@pytest.mark.parametrize(
    ("host", "chosen", "said"),
    [
        ("127.0.0.1", (), "tokens of your app, and with `linkup run` also with the demo login"),
        ("127.0.0.1", ("dev_login",), "with tokens of your app only"),
        ("0.0.0.0", (), "with tokens of your app only"),
    ],
)
def test_s86_before_a_start_the_demo_login_of_linkup_run_is_said(
    host: str, chosen: tuple[str, ...], said: str
) -> None:
    before = msgspec.structs.replace(seen(host=host), chosen=frozenset(chosen))
    found = choices.sign_in(before)
    assert (found.status, said in found.value) == ("pass", True)


def test_s86_a_demo_login_elsewhere_is_a_failure() -> None:
    elsewhere = Operator(nats_url="", urls={"gateway": "http://chat.example.com:8000/"})
    found = choices.sign_in(msgspec.structs.replace(seen(), where=elsewhere, demo_login=True))
    assert (found.status, "chat.example.com" in found.value) == ("fail", True)


def test_s86_a_bundle_goes_to_stdout_and_the_checks_aside(tmp_path: Path) -> None:
    told = call("--data-dir", tmp_path, "--json", "--bundle", "-")
    with zipfile.ZipFile(BytesIO(told.stdout_bytes)) as bundle:
        assert "checks.json" in bundle.namelist()
    assert "checks" in json.loads(told.stderr)


def test_s86_a_key_that_others_may_read_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "jwt-secret").write_text("kJ2-9fQz7_tLw0vXr5uBn8mYc3hDg6sP\n")
    (tmp_path / "jwt-secret").chmod(0o644)
    assert choices.keys(seen(data_dir=str(tmp_path))).status == "fail"
    (tmp_path / "jwt-secret").chmod(0o600)
    assert choices.keys(seen(data_dir=str(tmp_path))).status == "pass"


@pytest.mark.parametrize(("free", "status"), [(50, "pass"), (9, "warn"), (1, "fail")])
def test_s86_the_disk_is_measured(free: int, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(total=100, used=100 - free, free=free)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    found = machine.disk(seen())
    assert (found.status, found.value.split(" free")[0]) == (status, f"{free} %")


@pytest.mark.parametrize(("took", "status"), [(0.001, "pass"), (0.05, "warn"), (0.5, "fail")])
def test_s86_a_sync_is_measured_and_leaves_nothing(
    took: float, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ms to write and sync" in machine.sync(seen(data_dir=str(tmp_path / "new"))).value
    monkeypatch.setattr(machine, "_sync_seconds", lambda file: took)
    assert machine.sync(seen(data_dir=str(tmp_path))).status == status
    assert list(tmp_path.iterdir()) == []


def test_s86_directory_and_ports_and_files(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert machine.directory(seen(data_dir=str(tmp_path))).fix == f"Run chmod 700 {tmp_path}."
    (tmp_path / "file").touch()
    assert machine.directory(seen(data_dir=str(tmp_path / "file"))).status == "fail"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = {"persistence_port": 0, "notify_port": 0}
        found = machine.ports(seen(gateway_port=port, **free))
        assert (found.status, found.value) == ("fail", f"taken: LINKUP_GATEWAY_PORT={port}")
    assert machine.ports(seen(gateway_port=0, **free)).status == "pass"
    assert machine.files(seen(connections=10**8)).status == "warn"


def test_s86_the_port_of_the_metrics_is_checked_if_it_is_set() -> None:
    others = dict.fromkeys(("gateway_port", "persistence_port", "notify_port"), 0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = machine.ports(seen(metrics_port=port, **others))
    assert (found.status, found.value) == ("fail", f"taken: LINKUP_METRICS_PORT={port}")


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_s86_a_port_is_not_called_taken_where_the_address_is_of_another_machine(host: str) -> None:
    found = machine.ports(seen(host=host))
    assert (found.status, found.value) == (
        "fail",
        f"LINKUP_HOST={host} is no address of this machine",
    )
    assert "LINKUP_HOST" in found.fix


def test_s86_a_port_that_this_user_may_not_open_is_not_called_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_server = socket.create_server

    def server(address: tuple[str, int], **options: Any) -> socket.socket:
        if address[1] == 80:
            raise PermissionError(errno.EACCES, "the words of the system")
        return create_server(address, **options)

    monkeypatch.setattr(socket, "create_server", server)
    found = machine.ports(seen(gateway_port=80))
    assert found.status == "fail"
    assert "LINKUP_GATEWAY_PORT=80: Permission denied" in found.value


@pytest.mark.parametrize("service", ["persistence", "notify"])
def test_s86_a_port_that_linkup_run_would_replace_is_no_failure(
    service: str, tmp_path: Path
) -> None:
    name = f"{service}_port"
    ports = dict.fromkeys(("gateway_port", "persistence_port", "notify_port"), 0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports[name] = taken.getsockname()[1]
        found = machine.ports(seen(**ports))
        set_to = {f"{PREFIX}{each.upper()}": str(port) for each, port in ports.items()}
        checks = json.loads(call("--data-dir", tmp_path / "new", "--json", **set_to).stdout)
    assert found.status == "pass"
    assert f"LINKUP_{name.upper()}={ports[name]}" in found.value
    assert "`linkup run` will select" in found.value
    [chosen] = [one for one in checks["checks"] if one["check"] == "ports"]
    assert (chosen["status"], chosen["value"]) == (
        "fail",
        f"taken: LINKUP_{name.upper()}={ports[name]}",
    )


def told(skew: float = 0.0, release: str | None = None) -> Told:
    answer = Health("notify", metrics=False).examine()
    if release is not None:
        answer = msgspec.structs.replace(answer, release=release)
    return Told(answer=answer, skew=skew, round_trip=0.01)


@pytest.mark.parametrize(("skew", "status"), [(0.5, "pass"), (-3.0, "warn"), (90.0, "fail")])
def test_s86_clocks_are_compared(skew: float, status: str) -> None:
    both = msgspec.structs.replace(seen(), services={"notify": told(skew), "gateway": told()})
    assert services.clocks(both).status == status


def test_s86_another_release_is_named() -> None:
    both = msgspec.structs.replace(
        seen(), services={"notify": told(release="0.1.0"), "gateway": told()}
    )
    assert services.releases(both).status == "fail"
    assert "notify 0.1.0" in services.releases(both).value


def test_s86_a_service_that_is_silent_or_unready_fails() -> None:
    assert services.health("notify", Told(reason="refused")).status == "fail"
    assert services.health("notify", told()).status == "fail", "it is starting"
    assert services.health("notify", None).status == "skip"
    unready = Health("notify")
    unready.state = "ready"
    unready.checks["log"] = lambda: Check("fail", "persistence does not answer")
    found = services.health("notify", Told(answer=unready.examine()))
    assert (found.status, found.value) == ("fail", "not ready, score 70")


@pytest.mark.parametrize(
    ("status", "judged"), [("healthy", "pass"), ("warning", "warn"), ("critical", "fail")]
)
def test_s42_s86_a_gateway_that_tells_only_its_status_is_judged_by_it(
    status: str, judged: str
) -> None:
    """As it does on its public port to other machines, such as the container of the commands."""
    bare = told_over_http(msgspec.json.encode({"status": status}), 0.01)
    found = services.health("gateway", bare)
    assert found.status == judged
    assert "LINKUP_METRICS_PORT" in found.value + found.fix


def test_s86_a_report_over_http_is_the_one_that_was_sent() -> None:
    sent = told().answer
    assert told_over_http(msgspec.json.encode(sent), 0.01).answer == sent
    with pytest.raises(msgspec.MsgspecError):
        told_over_http(b'{"service":"gateway"}', 0.01)


def test_s86_a_service_that_was_ill_a_moment_ago_is_well() -> None:
    healthy = told().answer
    assert healthy is not None
    past = msgspec.structs.replace(
        healthy, state="ready", health_score=100, status="critical", recommendations=[]
    )
    found = services.health("notify", Told(answer=past))
    assert (found.status, found.fix) == ("pass", "")
    assert found.value == "ready, score 100, critical within the last minute"


async def test_s86_without_nats_server_its_users_are_not_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr(installed, "CONNECT_TIMEOUT", 0.2)
    where = Operator(nats_url="nats://operator:of-nobody@127.0.0.1:9")
    gone = msgspec.structs.replace(seen(data_dir=str(tmp_path)), where=where)
    found = await wire.checks(gone)
    assert [(one.check, one.status) for one in found] == [("bus", "fail"), ("permissions", "skip")]
    found = await services.checks(
        await look(Settings(nats_url=where.nats_url, data_dir=str(tmp_path)))
    )
    assert {one.check: one.status for one in found} == dict.fromkeys(
        ("gateway", "persistence", "notify", "releases", "clocks", "routes"), "skip"
    )


async def test_s86_a_program_that_hangs_is_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "linkup.db").touch()
    monkeypatch.setattr(services, "SCHEMA_TIMEOUT", 0.05)
    found = await services.schema(Settings(data_dir=str(tmp_path)))
    assert (found.status, "did not tell it" in found.value) == ("fail", True)


WORDS = st.text("abc", min_size=1, max_size=3)


@given(st.lists(WORDS, min_size=1, max_size=4), st.data())
def test_s86_wildcards_are_the_brokers(tokens: list[str], data: st.DataObject) -> None:
    subject = ".".join(tokens)
    stars = [data.draw(st.sampled_from(["*", token])) for token in tokens]
    assert covers(".".join(stars), subject)
    cut = data.draw(st.integers(0, len(tokens)))
    assert covers(".".join([*stars[:cut], ">"]), subject) == (cut < len(tokens))
    assert not covers(".".join([*stars, "*"]), subject)


def test_s86_without_a_product_it_says_what_needs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(total=100, used=50, free=50)  # this machine may be busy or full
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    monkeypatch.setattr(machine, "_sync_seconds", lambda file: 0.001)
    free = dict.fromkeys(
        ("LINKUP_GATEWAY_PORT", "LINKUP_PERSISTENCE_PORT", "LINKUP_NOTIFY_PORT"), "0"
    )
    result = call("--data-dir", tmp_path / "new", "--json", **free)
    assert result.exit_code == 0
    found = msgspec.json.decode(result.stdout)
    skipped = {one["check"] for one in found["checks"] if one["status"] == "skip"}
    assert skipped == {
        *("bus", "permissions", "gateway", "persistence", "notify", "releases", "clocks", "routes")
    }
    assert found["healthy"]


def test_s86_a_bad_setting_is_a_check_that_fails() -> None:
    result = call("--json", LINKUP_LANES="many")
    assert result.exit_code == 1
    [found] = json.loads(result.stdout)["checks"]
    assert (found["check"], found["status"]) == ("settings", "fail")
    assert "LINKUP_LANES=many" in found["value"]


CANARIES = {
    "jwt_secret": 'zebra-jwt-"quoted"\\-0123456789abcdef',
    "smtp_password": "zebra-smtp-password",
    "smtp_user": "zebra-user",
    "nats_url": "nats://notify:zebra%2Fnats@127.0.0.1:1",
    "smtp_from": "Zebra <zebra@zebra.example>",
}


def test_s86_nothing_secret_is_in_a_bug_report(tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "nats-server.log").write_text("zebra/nats and zebra@zebra.example\n")
    (tmp_path / "admin-key").write_text("zebra-of-the-admin-key\n")
    whole = seen(data_dir=str(tmp_path), **CANARIES)
    said = " ".join(CANARIES.values())
    verdict = Verdict(check="smtp", status="fail", value=said, fix="zebra-of-the-admin-key")
    bundle.write(tmp_path / "report.zip", whole, [verdict])
    with zipfile.ZipFile(tmp_path / "report.zip") as report:
        texts = {name: report.read(name).decode() for name in report.namelist()}
    assert {"checks.json", "settings.json", "versions.json", "health.json"} < texts.keys()
    assert [name for name, text in texts.items() if "ebra" in text.replace("Zebra <", "")] == []
    assert json.loads(texts["settings.json"])["smtp_port"] == 587
