"""One child of `linkup run`, with tiny programs in its place."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from linkup.run import children
from linkup.run.children import Child, ChildFailed, Plan
from linkup.run.events import Died, Event, Ready, Starting, Stopped
from linkup.run.listeners import listen, port_of
from linkup.run.orphans import leash
from shared.errors import StartError
from tests.support.processes import open_files, runs
from tests.support.waiting import eventually, within

SLEEP = "import signal; signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); " + SLEEP

UNTIL_SEEN = """
import os, time
while not os.path.exists(str(os.getpid())):
    time.sleep(0.01)
raise SystemExit(1)
"""


async def at_once(pid: int) -> tuple[str, int]:
    return "127.0.0.1", 1


async def never(pid: int) -> tuple[str, int]:
    await asyncio.Event().wait()
    raise AssertionError


def python(code: str, **changes: object) -> Plan:
    given = {"name": "child", "probe": at_once, "environment": dict(os.environ), **changes}
    return Plan(command=(sys.executable, "-c", code), **given)  # type: ignore[arg-type]


@asynccontextmanager
async def child(
    plan: Plan, events: list[Event], by_kernel: bool = sys.platform == "linux"
) -> AsyncIterator[Child]:
    async with leash(by_kernel) as tether:
        one = Child(plan, tether, events.append)
        one.start()
        try:
            yield one
        finally:
            await one.stop()


def pids(events: list[Event]) -> list[int]:
    return [event.pid for event in events if isinstance(event, Starting)]


@pytest.mark.parametrize("status", [1, 2, 78])
async def test_a_child_that_gives_up_before_it_was_ready_is_not_started_again(status: int) -> None:
    events: list[Event] = []
    async with child(python(f"raise SystemExit({status})", probe=never), events) as one:
        with pytest.raises(ChildFailed) as failure:
            await one.ready()
    assert failure.value.status == status
    assert len(pids(events)) == 1


async def test_a_child_that_is_killed_before_it_was_ready_is_started_again() -> None:
    events: list[Event] = []
    async with child(python(SLEEP, probe=never), events):
        await eventually(lambda: len(pids(events)) == 1)
        os.kill(pids(events)[0], signal.SIGKILL)
        await eventually(lambda: len(pids(events)) == 2)


async def test_a_child_that_was_ready_is_started_again_whatever_its_status(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
mark = Path({str(tmp_path / "mark")!r})
if not mark.exists():
    mark.touch()
    import signal
    signal.sigtimedwait([], 0.3)
    raise SystemExit(78)
{SLEEP}
"""
    events: list[Event] = []
    async with child(python(code), events) as one:
        await one.ready()
        await eventually(lambda: len(pids(events)) == 2)
    assert [event.status for event in events if isinstance(event, Died)] == [78]


async def test_a_child_that_never_gets_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "START_TIMEOUT", 0.1)
    async with child(python(SLEEP, probe=never), []) as one:
        with pytest.raises(StartError, match="child is not ready"):
            await one.ready()


async def test_a_probe_that_cannot_do_its_work_is_said() -> None:
    async def full(pid: int) -> tuple[str, int]:
        raise OSError(28, "No space left on device")

    async with child(python(SLEEP, probe=full), []) as one:
        with pytest.raises(StartError, match=r"child: .*No space left"):
            await one.ready()


async def test_a_child_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "STOP_TIMEOUT", 0.1)
    reading, writing = os.pipe()
    events: list[Event] = []

    async def deaf(pid: int) -> tuple[str, int]:
        await asyncio.to_thread(os.read, reading, 1)
        return "127.0.0.1", 1

    code = f"import os; os.dup2({writing}, 1); {DEAF}"
    async with child(python(code, probe=deaf, listeners=(writing,)), events) as one:
        await one.ready()
    os.close(reading)
    os.close(writing)
    assert [event.killed for event in events if isinstance(event, Stopped)] == [True]


async def test_a_child_that_ends_when_asked_is_not_killed() -> None:
    events: list[Event] = []
    async with child(python(SLEEP), events) as one:
        await one.ready()
    assert [event.killed for event in events if isinstance(event, Stopped)] == [False]


async def test_a_program_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    program = tmp_path / "program"
    events: list[Event] = []
    plan = Plan(name="child", command=(str(program),), probe=at_once, environment={})
    async with child(plan, events) as one:
        with pytest.raises(ChildFailed):
            await one.ready()
    assert pids(events) == []


@pytest.mark.parametrize(("status", "grows"), [(0, False), (1, True)])
async def test_f_h6_a_clean_end_is_no_crash(
    status: int, grows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only pauses between crashes that follow one another grow."""
    monkeypatch.setattr(children, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(children, "STEADY", 60.0)  # a busy machine takes its time to start one
    monkeypatch.setattr(children, "LONG_LIFE", 60.0)
    events: list[Event] = []
    async with child(python(f"raise SystemExit({status})"), events) as one:
        await one.ready()
        await eventually(lambda: len(deaths(events)) >= 4)
    pauses = [death.restart_in for death in deaths(events)]
    assert (max(pauses) > 0.02) == grows


async def test_f_h6_pauses_forget_after_a_stable_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them ends with a crash, once it is ready."""
    monkeypatch.setattr(children, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(children, "STEADY", 0.0)  # ready at all is ready for long enough

    async def seen(pid: int) -> tuple[str, int]:
        (tmp_path / str(pid)).touch()
        return await at_once(pid)

    events: list[Event] = []
    async with child(python(UNTIL_SEEN, probe=seen, directory=tmp_path), events) as one:
        await one.ready()
        await eventually(lambda: len(deaths(events)) >= 4)
    assert max(death.restart_in for death in deaths(events)) < 0.02


def deaths(events: list[Event]) -> list[Died]:
    return [event for event in events if isinstance(event, Died)]


async def test_the_listening_socket_outlives_the_child() -> None:
    """Whoever connects while it is away waits for the next one."""
    code = """
import os, socket
with socket.socket(fileno=int(os.environ["FD"])) as listener:
    while True:
        listener.accept()[0].sendall(str(os.getpid()).encode())
"""
    with listen("127.0.0.1", 0, "gateway_port") as listener:
        environment = {**os.environ, "FD": str(listener.fileno())}
        plan = python(code, environment=environment, listeners=(listener.fileno(),))
        events: list[Event] = []
        async with child(plan, events) as one:
            first = await who_answers(port_of(listener))
            one.kill()
            await eventually(lambda: any(isinstance(event, Died) for event in events))
            second = await who_answers(port_of(listener))
        assert [first, second] == pids(events)


async def who_answers(port: int) -> int:
    async with within(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = await reader.read(100)
        writer.close()
    return int(answer)


async def test_a_child_has_a_session_of_its_own() -> None:
    """A Ctrl-C at the terminal goes to the foreground's process group: ours alone."""
    events: list[Event] = []
    async with child(python(SLEEP), events) as one:
        await one.ready()
        assert os.getsid(pids(events)[0]) == pids(events)[0]
        assert os.getpgid(pids(events)[0]) != os.getpgid(0)
    assert [event.port for event in events if isinstance(event, Ready)] == [1]


@pytest.mark.parametrize("by_kernel", [True, False], ids=["kernel", "pipe"])
async def test_a_child_dies_with_its_killed_parent(tmp_path: Path, by_kernel: bool) -> None:
    """Both ways, also the one for systems without PR_SET_PDEATHSIG."""
    if by_kernel and sys.platform != "linux":
        pytest.skip("only Linux has PR_SET_PDEATHSIG")
    parent = f"""
import asyncio, os, sys
from linkup.run.children import Child, Plan
from linkup.run.orphans import leash
async def ready(pid): return "", pid
async def main():
    async with leash({by_kernel}) as tether:
        plan = Plan(name="c", command=(sys.executable, "-c", {SLEEP!r}), probe=ready,
                    environment=dict(os.environ))
        child = Child(plan, tether, lambda event: None)
        child.start()
        await child.ready()
        print(child.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", parent), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with within(20):
        pid = int(await process.stdout.readline())
    process.kill()
    await process.wait()
    await eventually(lambda: not runs(pid))


async def test_the_pipe_leash_lets_a_clean_end_be_one() -> None:
    events: list[Event] = []
    async with child(python(SLEEP), events, by_kernel=False) as one:
        await one.ready()
    assert not runs(pids(events)[0])


async def test_a_socket_is_not_left_to_children_it_is_not_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        events: list[Event] = []
        async with child(python(SLEEP), events) as one:
            await one.ready()
            inode = f"socket:[{os.fstat(other.fileno()).st_ino}]"
            assert inode not in open_files(pids(events)[0])
