"""The operator's commands of docs/deploy.md, with the settings of their container."""

import asyncio
import functools
import json
import os
import shlex
import sys
import zipfile
from pathlib import Path

import pytest

from linkup.installation.operator import FILE
from tests.contract.compose_file import ROOT, services
from tests.support.peer import synced
from tests.support.stack import HOST_KEY, KEYS, Stack, run_stack

RUN = "docker compose run --rm -T tools "


def documented() -> list[str]:
    section = (ROOT / "docs" / "deploy.md").read_text().partition("### The commands of the op")[2]
    lines = section.partition("\n###")[0].splitlines()
    return [one.removeprefix(RUN) for one in lines if one.startswith(f"{RUN}linkup")]


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
        async with synced(stack, "ann") as ann:
            number = str((await ann.message("ann", "a note"))["message_id"])
        (stores / "token.txt").write_text(stack.token("ann"))
        (stores / "people.jsonl").write_text('{"user_id": "ann", "name": "Ann B."}\n')
        environment = environment_of(stack, stores)
        replaced = {
            "linkup ": f"{shlex.quote(sys.executable)} -m linkup ",
            "http://gateway:8000": stack.url,
            "http://gateway:9100": stack.url,
            "message 71": f"message {number}",
        }
        said: dict[str, str] = {}
        for line in documented():
            command = functools.reduce(lambda text, one: text.replace(*one), replaced.items(), line)
            process = await asyncio.create_subprocess_shell(
                command, env=environment, cwd=stores, stdout=asyncio.subprocess.PIPE
            )
            stdout, _ = await process.communicate()
            name = line.split()[1]
            said[name] = said.get(name, "") + stdout.decode()
            assert process.returncode == 0 or name in {"doctor", "monitor"}, line
    assert said.keys() == {"message", "errors", "token", "user", "doctor", "monitor"}
    assert "committed" in said["message"]
    assert "ann" in said["user"]
    assert json.loads((stores / "ann.json").read_text())["complete"]
    passed = {line.split()[1] for line in said["doctor"].splitlines() if line.startswith("✓")}
    assert passed >= {"bus", "permissions", "persistence", "notify", "gateway", "routes"}
    assert zipfile.is_zipfile(stores / "bundle.zip")
    assert "gateway" in said["monitor"]
