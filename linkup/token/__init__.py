"""Owns `linkup token`: making the token of a user, and saying what is wrong with a token."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import jwt

from linkup.installation.secret import secrets_of
from linkup.installation.tokens import usual_claims
from linkup.options import config_option, data_dir_option, settings_of
from linkup.token.checking import faults, ignored
from linkup.token.keys import SHARED, Key, keys_of, private_key, verifying
from linkup.token.published import published
from shared.settings import Settings

MOST = 64 * 1024  # characters
key_option = click.option(
    "--key",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file with a key, in place of the secret: RSA, P-256 or Ed25519.",
)


@click.group()
def token() -> None:
    """Make a token, or find out what is wrong with one."""


@token.command()
@click.argument("user_id")
@click.option("--name", help="Name of the user.")
@click.option(
    "--lasting",
    default=900,
    show_default=True,
    type=click.IntRange(1),
    help="Seconds until it expires.",
)
@click.option("--kid", help="Name of the key, as it is published.")
@key_option
@data_dir_option
@config_option
def create(
    user_id: str,
    name: str | None,
    lasting: int,
    kid: str | None,
    file: Path | None,
    data_dir: str | None,
    config: str | None,
) -> None:
    """Sign a token for USER_ID and print it.

    Whoever has the token is the user until it expires. It is signed with LINKUP_JWT_SECRET, or
    the secret that `linkup run` has made in the data directory, unless --key names a private key.
    """
    settings = settings_of(data_dir, config)
    key = private_key(file) if file else _signing(settings)
    claims = usual_claims(user_id, settings.jwt_audience, settings.jwt_issuer, lasting)
    claims |= {"name": name} if name else {}
    headers = {"kid": kid} if kid else None
    signed = jwt.encode(claims, key.value, algorithm=key.algorithm, headers=headers)
    wrong = list(faults(signed, [verifying(key)], settings))
    if wrong:
        raise click.ClickException(wrong[0])
    click.echo(signed)


@token.command()
@key_option
@data_dir_option
@config_option
def check(file: Path | None, data_dir: str | None, config: str | None) -> None:
    """Read a token from standard input and print what is wrong with it.

    It is compared with the settings, and with the key that --key names. Without --key, it is
    compared with the keys published at LINKUP_JWKS_URL, and with LINKUP_JWT_SECRET or the secret
    that `linkup run` has made in the data directory. The exit code is 0 if a gateway with these
    settings accepts the token, and 1 if not. Whether the token was revoked, or its user banned, is
    not checked.
    """
    settings = settings_of(data_dir, config)
    given = sys.stdin.read(MOST).strip()
    wrong = list(faults(given, keys_of(file) if file else _known(settings), settings))
    for fault in wrong:
        click.echo(f"wrong: {fault}")
    if wrong:
        raise click.exceptions.Exit(1)
    claims = jwt.decode(given, options={"verify_signature": False})
    until = datetime.fromtimestamp(claims["exp"], UTC)
    click.echo(f"good: {claims['sub']}, until {until:%Y-%m-%d %H:%M:%S} UTC")
    for why in ignored(claims):
        click.echo(f"note: a claim is ignored: {why}")
    if claims.get("iat") is None:
        click.echo("note: without `iat`, no token of a user is valid after they are disconnected")


def _known(settings: Settings) -> list[Key]:
    return [*_shared(settings), *(published(settings) if settings.jwks_url else ())]


def _shared(settings: Settings) -> list[Key]:
    return [Key(secret, SHARED) for secret in secrets_of(settings)]


def _signing(settings: Settings) -> Key:
    shared = _shared(settings)
    if not shared:
        raise click.UsageError(
            "there is no secret: set LINKUP_JWT_SECRET, or pass the --data-dir of `linkup run`, "
            "or --key"
        )
    return shared[0]
