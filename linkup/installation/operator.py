"""Owns `operator.json`: the addresses at which a command reaches the running services.

The file holds the operator's credentials for the bus; it is its owner's alone (0600). Elsewhere, as
in containers, LINKUP_NATS_URL with the operator's user takes its place.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from shared.errors import StartError, visible
from shared.settings import Settings, variable

FILE = "operator.json"
NAME = "operator"


class Operator(Struct, frozen=True, kw_only=True):
    """The way to the running services. `urls` has each service's own HTTP port, by its name; it is
    empty where they are not known."""

    nats_url: str
    urls: Mapping[str, str] = {}


def operator(settings: Settings) -> Operator:
    """Return the known addresses of the product. Raises StartError."""
    file = settings.data / FILE
    try:
        left = msgspec.json.decode(file.read_bytes(), type=Operator)
    except FileNotFoundError:
        left = Operator(nats_url="")
    except (OSError, msgspec.MsgspecError) as error:
        raise StartError(f"cannot read {visible(str(file))}: {error}") from None
    nats_url = settings.nats_url or left.nats_url
    if not nats_url:
        raise StartError(
            f"nothing runs with the data in {visible(str(settings.data))}: start `linkup run`, or "
            f"set {variable('data_dir')} or --data-dir to its directory, or {variable('nats_url')} "
            "to the bus"
        )
    return Operator(nats_url=nats_url, urls=left.urls)
