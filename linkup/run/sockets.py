"""Owns the listening sockets of a run: one for all gateways, and one for each other service."""

import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from linkup.run import listeners
from linkup.run.listeners import LOOPBACK
from shared.errors import SettingError, StartError
from shared.settings import Settings, variable

Sockets = Mapping[str, Sequence[socket.socket]]  # by the child's name


@contextmanager
def open_sockets(
    settings: Settings, gateways: int, chosen: Collection[str] = ()
) -> Iterator[Sockets]:
    """Open the sockets of all children. Only the gateways' is for others; the rest is loopback,
    whatever `host` says, and on a free port when the usual one is taken: by a second `linkup run`,
    say.

    Several gateways share their port, so each has one more where it alone answers.
    """
    _check_ports(settings, chosen)
    with ExitStack() as stack:

        def own(name: str) -> socket.socket:
            setting = f"{name}_port"
            try:
                listener = listeners.listen(LOOPBACK, getattr(settings, setting), setting)
            except StartError:
                if setting in chosen:
                    raise
                listener = listeners.listen(LOOPBACK, 0, setting)
            return stack.enter_context(listener)

        public = listeners.listen(settings.host, settings.gateway_port, "gateway_port")
        stack.enter_context(public)
        sockets = {name: [own(name)] for name in ("persistence", "notify")}
        sockets["gateway"] = [public]
        for name in gateway_names(gateways) if gateways > 1 else ():
            alone = listeners.listen(LOOPBACK, 0, "gateway_port")
            sockets[name] = [public, stack.enter_context(alone)]
        yield sockets


def _check_ports(settings: Settings, chosen: Collection[str]) -> None:
    """Raises SettingError when two that were asked for are one."""
    taken: dict[int, str] = {}
    for setting in ("gateway_port", "persistence_port", "notify_port"):
        port = getattr(settings, setting)
        if port and (setting in chosen or setting == "gateway_port"):
            if port in taken:
                raise SettingError(
                    f"{variable(taken[port])} and {variable(setting)} are both {port}; "
                    "write another one, or 0 for a free one"
                )
            taken[port] = setting


def page_url(settings: Settings, sockets: Sockets) -> str:
    host = listeners.bracketed(listeners.reachable(settings.host))
    return f"http://{host}:{listeners.port_of(sockets['gateway'][0])}"


def own_urls(sockets: Sockets) -> dict[str, str]:
    """Return the addresses of the children, by name."""
    urls = {}
    for name, (*_, own) in sockets.items():
        host = listeners.bracketed(listeners.reachable(own.getsockname()[0]))
        urls[name] = f"http://{host}:{listeners.port_of(own)}"
    return urls


def gateway_names(count: int) -> list[str]:
    return ["gateway", *(f"gateway-{number}" for number in range(2, count + 1))]


def metrics_port(settings: Settings, name: str) -> int:
    """Return the port of a gateway for operators; each gateway has its own, in sequence."""
    return settings.metrics_port + int(name.partition("-")[2] or 1) - 1


def is_gateway(name: str) -> bool:
    return name.startswith("gateway")
