"""Owns `linkup vapid`: a new key pair for web push."""

import os
from pathlib import Path

import click
import msgspec

from shared import vapid as keys
from shared.errors import StartError


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def vapid(file: Path | None, as_json: bool) -> None:
    """Make a key pair for web push.

    With FILE, writes the private key to a new file that only its owner can read, and prints the
    public key. Without FILE, prints both keys.

    Give the private key to LinkUp by LINKUP_VAPID_PRIVATE_KEY or LINKUP_VAPID_PRIVATE_KEY_FILE, and
    keep it: browsers that subscribed with one key receive nothing that another one has signed.
    `linkup run` makes a key by itself.
    """
    private = keys.new_key()
    made = {"public_key": keys.public_key(keys.private_key(private))}
    if file is None:
        made["private_key"] = private
    else:
        _write(file, private)
        made["file"] = str(file)
    click.echo(msgspec.json.encode(made).decode() if as_json else _text(made))


def _text(made: dict[str, str]) -> str:
    return "\n".join(f"{name.replace('_', ' '):<12} {value}" for name, value in made.items())


def _write(file: Path, private: str) -> None:
    """A file that is there is kept: it may hold the key that browsers know. Raises StartError."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as opened:
            opened.write(private + "\n")
            opened.flush()
            os.fsync(descriptor)
    except FileExistsError:
        raise StartError(f"{file} exists already; name a new file") from None
    except OSError as error:
        raise StartError(f"cannot write to {file}: {error.strerror}") from None
