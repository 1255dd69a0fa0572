"""Owns the processes of docker-compose.yml without containers.

Each has the command, the environment and the health check that compose would give it; only what a
container alone has is put in place: names of hosts, ports, /data.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.contract.compose_file import NATS_CONF, ROOT, Service, image_environment
from tests.support.nats import BINARY
from tests.support.processes import tied
from tests.support.waiting import eventually, within

IN_CONTAINER = "/opt/linkup/"  # where the Dockerfile puts the health check
STOP_SECONDS = 15


class Composed:
    """`ports` of what listens, by service; `statuses` with which they ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports: dict[str, int] = {}
        self.statuses: dict[str, int] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def start(self, name: str, service: Service) -> None:
        """Start a service, and wait until its own health check succeeds."""
        folder = self.folder / name
        folder.mkdir()
        if name == "nats":
            await self._start_broker(folder, service)
        else:
            await self._start_service(name, folder, service)

    async def stop(self, name: str) -> None:
        process = self._processes.pop(name)
        if process.returncode is None:
            process.terminate()
        async with within(STOP_SECONDS):
            self.statuses[name] = await process.wait()

    async def stop_all(self) -> None:
        """The last started first, as compose does."""
        for name in reversed(list(self._processes)):
            await self.stop(name)

    def kill_all(self) -> None:
        for process in self._processes.values():
            if process.returncode is None:
                process.kill()

    def errors(self) -> list[str]:
        """Return the logged lines of all services that are worse than a warning."""
        return [
            line
            for log in self.folder.glob("*/log")
            for line in log.read_text().splitlines()
            if '"level":"error"' in line or "Traceback" in line or "[ERR]" in line
        ]

    async def _start_broker(self, folder: Path, service: Service) -> None:
        (target,) = [volume.split(":")[1] for volume in service["volumes"]]
        config = folder / "nats.conf"
        config.write_text(
            NATS_CONF.read_text()
            .replace("0.0.0.0:4222", "127.0.0.1:-1")
            .replace("127.0.0.1:8222", "127.0.0.1:-1")
        )
        program, *arguments = [str(config) if a == target else a for a in service["command"]]
        assert program == BINARY.name
        await self._spawn(
            "nats",
            (str(BINARY), *arguments, "--ports_file_dir", str(folder)),
            service["environment"],
        )
        ports = folder / f"nats-server_{self._processes['nats'].pid}.ports"
        await self._until(lambda: ports.exists() and ports.read_text().endswith("}"), "nats")
        self.ports["nats"] = int(json.loads(ports.read_text())["nats"][0].rpartition(":")[2])

    async def _start_service(self, name: str, folder: Path, service: Service) -> None:
        program, *arguments = service["command"]
        assert program == "python"
        environment = {
            variable: self._outside(text, folder)
            for variable, text in (image_environment() | service["environment"]).items()
        }
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
            self.ports[name] = int(listener.getsockname()[1])
            environment.pop("LINKUP_METRICS_PORT", None)  # two that run at once would share it
            environment["LINKUP_LISTEN_FD"] = str(listener.fileno())
            await self._spawn(name, (sys.executable, *arguments), environment, (listener.fileno(),))
        program, *arguments = self._health_check(name, service)
        await self._until(lambda: self._succeeds(program, *arguments), name)

    async def _spawn(
        self,
        name: str,
        command: tuple[str, ...],
        environment: dict[str, str],
        descriptors: tuple[int, ...] = (),
    ) -> None:
        with (self.folder / name / "log").open("wb") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                *command,
                env={"PATH": os.environ["PATH"], **environment},
                cwd=self.folder / name,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors,
                preexec_fn=tied(),
            )

    def _outside(self, text: str, folder: Path) -> str:
        return (
            text.replace("nats:4222", f"127.0.0.1:{self.ports['nats']}")
            .replace("/data", str(folder))
            .replace("0.0.0.0", "127.0.0.1")
        )

    def _health_check(self, name: str, service: Service) -> Iterator[str]:
        """Its own command, on the port it has here."""
        _, program, *arguments, port = service["healthcheck"]["test"]
        assert (program, port.isdigit()) == ("python", True)
        yield sys.executable
        for argument in arguments:
            yield argument.replace(IN_CONTAINER, str(ROOT / "deploy") + "/")
        yield str(self.ports[name])

    async def _succeeds(self, *command: str) -> bool:
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *command, stdout=quiet, stderr=quiet, preexec_fn=tied()
        )
        return await process.wait() == 0

    async def _until(self, holds: Callable[[], bool | Awaitable[bool]], name: str) -> None:
        """Fails at once when the process has ended."""

        async def alive_and_holds() -> bool:
            assert self._processes[name].returncode is None, (
                self.folder / name / "log"
            ).read_text()
            found = holds()
            return found if isinstance(found, bool) else await found

        await eventually(alive_and_holds, 20)


@asynccontextmanager
async def composed(services: dict[str, Service], folder: Path) -> AsyncIterator[Composed]:
    """All of them healthy, one after what it depends on; stopped by SIGTERM at the end."""
    stack = Composed(folder)
    try:
        for name, service in services.items():
            assert service.get("depends_on", {}).keys() <= stack.ports.keys()
            await stack.start(name, service)
        yield stack
        await stack.stop_all()
    finally:
        stack.kill_all()
