"""The operator's commands of docs/deploy.md, with the settings of their container."""

import asyncio
import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from linkup.installation.operator import FILE
from tests.contract.compose_file import ROOT, services
from tests.support.peer import synced
from tests.support.stack import HOST_KEY, KEYS, Stack, run_stack

RUN = "docker compose run --rm -T tools "


def documented() -> list[list[str]]:
    section = (ROOT / "docs" / "deploy.md").read_text().partition("### The commands of the op")[2]
    lines = section.partition("\n###")[0].splitlines()
    return [shlex.split(one.removeprefix(RUN)) for one in lines if one.startswith(RUN)]


def environment_of(stack: Stack, stores: Path) -> dict[str, str]:
    """As in the container, but for the addresses and the folders, which are those of the stack."""
    told = {"LINKUP_JWT_SECRET": stack.secret, "LINKUP_HOST_KEY": HOST_KEY}
    container = services(told, profile="tools")["tools"]["environment"]
    given = {name: text.replace("/stores", str(stores)) for name, text in container.items() if text}
    given["LINKUP_NATS_URL"] = json.loads((stack.data_dir / FILE).read_text())["nats_url"]
    return {**os.environ, **given}


@pytest.mark.slow
async def test_the_commands_of_the_operator_work_in_their_container(tmp_path: Path) -> None:
    stores = tmp_path / "stores"
    (stores / "persistence").mkdir(parents=True)
    async with run_stack(tmp_path, **KEYS) as stack:
        async with synced(stack, "alice") as alice:
            number = str((await alice.message("alice", "a note"))["message_id"])
        environment = environment_of(stack, stores)
        names = {"http://gateway:8000": stack.url, "http://gateway:9100": stack.url, "71": number}
        said: dict[str, str] = {}
        for program, *arguments in documented():
            assert program == "linkup"
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "linkup", *(names.get(one, one) for one in arguments)),
                env=environment,
                cwd=stores,
                stdout=asyncio.subprocess.PIPE,
            )
            stdout, _ = await process.communicate()
            said[arguments[0]] = stdout.decode()
            assert process.returncode == 0 or arguments[0] in {"doctor", "monitor"}, arguments
    assert said.keys() == {"message", "errors", "token", "user", "doctor", "monitor"}
    assert "committed" in said["message"]
    assert "alice" in said["user"]
    passed = {line.split()[1] for line in said["doctor"].splitlines() if line.startswith("✓")}
    assert passed >= {"bus", "permissions", "persistence", "notify", "gateway", "routes"}
    assert "gateway" in said["monitor"]
