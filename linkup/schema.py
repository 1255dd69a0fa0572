"""Owns `linkup schema`: writes the generated documents of the contract, or checks them."""

from pathlib import Path

import click
import msgspec
from click import exceptions

from shared.contract import documents


@click.command(short_help="Write the API documents to docs/.")
@click.option(
    "--check", is_flag=True, help="Write nothing. The exit code is 1 if a document is out of date."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--dir",
    "root",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Root of the repository.",
)
def schema(check: bool, as_json: bool, root: Path) -> None:
    """Write the API documents to docs/: OpenAPI, AsyncAPI and frame schemas."""
    texts = documents()
    stale = [path for path, text in texts.items() if not _is(root / path, text)]
    if not check:
        for path in stale:
            _write(root / path, texts[path])
    states = {path: _state(path in stale, check) for path in texts}
    if as_json:
        click.echo(msgspec.json.encode(states).decode())
    else:
        click.echo("\n".join(f"{state:8}{path}" for path, state in states.items()))
    if check and stale:
        raise exceptions.Exit(1)


def _is(path: Path, text: bytes) -> bool:
    return path.is_file() and path.read_bytes() == text


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def _state(stale: bool, check: bool) -> str:
    if not stale:
        return "current"
    return "stale" if check else "written"
