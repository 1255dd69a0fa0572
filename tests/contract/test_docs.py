"""The documents are true: links lead somewhere, snippets run, names exist."""

import ast
import asyncio
import re
import sys
import typing
from pathlib import Path

import click
import msgspec
import pytest

from linkup.__main__ import Commands, main
from shared import api
from shared.errors import BY_CODE
from shared.frames import NOTIFICATION_TYPES, ClientFrame, CloseCode, ServerFrame
from shared.routes import ROUTES
from shared.settings import Settings, variable
from tests.support.peer import synced
from tests.support.stack import run_stack

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("clients/*/*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)\)")
SOURCE = re.compile(r"`((?:services|shared|linkup|tests)/[\w/.-]+)`")
TAGS = {
    str(struct.__struct_config__.tag)
    for union in (ClientFrame, ServerFrame)
    for struct in typing.get_args(union)
}
VARIABLE = re.compile(r"LINKUP_[A-Z_]*[A-Z]")
NOT_SETTINGS = {"LINKUP_CONFIG", "LINKUP_REQUIRE_ALL"}


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), f"{document.name}: {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_settings_named_exist(document: Path) -> None:
    known = {variable(field) for field in Settings.__struct_fields__} | NOT_SETTINGS
    for name in VARIABLE.findall(document.read_text(encoding="utf-8")):
        assert name.removesuffix("_FILE") in known, f"{document.name}: {name}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_make_targets_named_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", read("Makefile"), re.MULTILINE))
    named = re.findall(r"`make ([a-z]+)[^`]*`|^make ([a-z]+)", document.read_text(), re.MULTILINE)
    assert {one or other for one, other in named} <= targets


def test_the_protocol_document_lists_every_error() -> None:
    listed = set(
        re.findall(r"^\| `([a-z_]+)` \| (?:✓)? ?\|", read("docs/protocol.md"), re.MULTILINE)
    )
    assert set(BY_CODE) <= listed


def test_the_protocol_document_names_every_frame_and_route() -> None:
    text = read("docs/protocol.md")
    assert [tag for tag in sorted(TAGS) if f"`{tag}`" not in text] == []
    routes = [route for route in ROUTES if route.path.startswith("/v1/")]
    named = {
        re.sub(r"{\w+}", "{id}", call) for call in re.findall(r"`([A-Z]+ /v1/[\w/{}-]+)", text)
    }
    assert [r.name for r in routes if re.sub(r"{\w+}", "{id}", r.name) not in named] == []


ASIDE = re.compile(r"\[\{.*?\}\]|\(.*?\)|[:;].*")  # what a list holds, remarks
AS_ABOVE = {"welcome", "sync_completed", "resync_required", "pong"}  # described before the table


def fields_in(heading: str, column: int) -> dict[str, set[str]]:
    """Return, for each frame in the table below the heading, the fields that the column names."""
    section = read("docs/protocol.md").partition(heading)[2].partition("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| `")]
    return {
        name: set(re.findall(r"`(\w+)`", ASIDE.sub("", cells[column])))
        for cells in rows
        for name in re.findall(r"`(\w+)`", cells[0])
    }


def structs(union: typing.Any) -> dict[str, set[str]]:
    return {str(s.__struct_config__.tag): set(s.__struct_fields__) for s in typing.get_args(union)}


def test_f_t8_the_protocol_document_gives_each_frame_of_a_client_its_fields() -> None:
    told = fields_in("## Frames of a client", 1)
    known = {tag: fields - {"client_id"} for tag, fields in structs(ClientFrame).items()}
    assert {tag: fields - {"client_id"} for tag, fields in told.items()} == {
        tag: fields for tag, fields in known.items() if tag != "hello"
    }


def test_f_t8_the_protocol_document_says_which_frames_may_carry_a_client_id() -> None:
    [sentence] = re.findall(
        r"These may carry a `client_id` too: (.+?)\.\s", read("docs/protocol.md"), re.S
    )
    optional = {tag for tag, fields in structs(ClientFrame).items() if "client_id" in fields}
    assert set(re.findall(r"`(\w+)`", sentence)) == optional - {"message"}


def test_f_t8_the_protocol_document_gives_each_frame_of_the_server_its_fields() -> None:
    told = fields_in("## Frames of the server", 2)
    known = {tag: fields - {"cursor"} for tag, fields in structs(ServerFrame).items()}
    assert set(told) == set(known)
    named = {tag: fields - {"cursor"} for tag, fields in told.items() if tag not in AS_ABOVE}
    assert named == {tag: fields for tag, fields in known.items() if tag not in AS_ABOVE}


def test_f_t8_the_protocol_document_lists_the_close_codes_that_are_sent() -> None:
    section = read("docs/protocol.md").partition("## Close codes")[2].partition("\n## ")[0]
    told = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", section, re.MULTILINE)
            for code in row.split(", ")}  # fmt: skip
    below_us = {
        1001,
        1007,
        1009,
        1011,
    }  # of the WebSocket RFC, said by the server under the gateway
    assert told - below_us == {int(code) for code in CloseCode}


def test_the_protocol_document_shows_a_notification_that_is_taken() -> None:
    shown = re.findall(r"```json\n(.+?)```", read("docs/protocol.md"), re.DOTALL)
    [request] = [text for text in shown if "idempotency_key" in text]
    asked = msgspec.json.decode(request, type=api.AnnounceRequest)
    assert asked.notification_type in NOTIFICATION_TYPES


def test_the_protocol_document_names_every_type_of_notification() -> None:
    assert [
        kind for kind in NOTIFICATION_TYPES if f"`{kind}`" not in read("docs/protocol.md")
    ] == []


def test_f_t8_a_new_epoch_is_made_the_same_way_in_both_documents() -> None:
    """Both name the command that restores a backup; neither asks for a new epoch by hand."""
    assert "linkup restore linkup-backup.tar" in read("docs/operations.md")
    assert "operations.md#backup" in read("docs/deploy.md")
    assert "UPDATE meta" not in read("docs/deploy.md") + read("docs/operations.md")


def test_the_diagrams_of_the_protocol_show_frames_that_exist() -> None:
    shown = set(re.findall(r"--?>>\w+: (\w+) \{", read("docs/protocol.md")))
    assert len(shown) > 10
    assert shown <= TAGS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_named_exist(document: Path) -> None:
    named = set(SOURCE.findall(document.read_text(encoding="utf-8")))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_module_says_first_what_it_owns() -> None:
    """CONTRIBUTING: a file is a noun."""
    silent = [
        path
        for package in ("services", "shared", "linkup")
        for path in (ROOT / package).glob("**/*.py")
        if "versions" not in path.parts and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_the_top_of_the_changelog_is_the_version() -> None:
    version = re.search(r'^version = "(.+)"', read("pyproject.toml"), re.MULTILINE)
    top = re.search(r"^## \[(?!Unreleased)(.+?)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert version is not None
    assert top is not None
    assert top[1] == version[1]


def snippet(path: str) -> str:
    found = re.search(r"```python\n(.+?)```", read(path), re.DOTALL)
    assert found is not None
    return found[1]


def test_both_documents_show_the_same_client() -> None:
    assert snippet("README.md") == snippet("clients/python/README.md")


async def test_the_client_of_the_readme_answers(tmp_path: Path) -> None:
    program = tmp_path / "echo.py"
    async with run_stack(tmp_path) as stack:
        source = snippet("README.md").replace("ws://127.0.0.1:8000/ws", stack.ws_url)
        await asyncio.to_thread(program.write_text, source)
        echo = await asyncio.create_subprocess_exec(
            *(sys.executable, "-u", program),  # a pipe is no terminal: it is killed before a flush
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert echo.stdin is not None
        assert echo.stdout is not None
        echo.stdin.write(stack.token("bot").encode() + b"\n")
        async with synced(stack, "alice") as alice:
            outcome = await alice.message("bot", "anybody there?", "first")
            while outcome["type"] == "error" and outcome["code"] == "not_found":
                await asyncio.sleep(0.05)  # not joined yet
                outcome = await alice.message("bot", "anybody there?", "first")
            answer = await alice.next("message")
            assert answer["content"] == "You said: anybody there?"
            await alice.next("receipt", user_id="bot", read_seq=outcome["seq"])
        echo.kill()
        assert b"stored as number 2" in await echo.stdout.read()
        await echo.wait()


SHELL = re.compile(r"(?:^|[`(\s/])linkup ([a-z][a-z-]*)((?: [^`\n#|;]*)?)", re.MULTILINE)


def test_each_command_and_option_in_the_documents_exists() -> None:
    named = set()
    for document in DOCUMENTS:
        for name, rest in SHELL.findall(document.read_text(encoding="utf-8")):
            named.add(name)
            assert name in Commands.NAMES, f"{document.name}: linkup {name}"
            words = re.sub(r'"[^"]*"', "", rest).split()
            unknown = {word for word in words if word.startswith("--")} - options(name, words)
            assert not unknown, f"{document.name}: linkup {name}{rest}"
    assert named >= {*Commands.NAMES}


def options(name: str, words: list[str]) -> set[str]:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    if isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words[0]]
    return {one for each in command.params for one in (*each.opts, *each.secondary_opts)}
