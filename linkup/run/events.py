"""Owns the events of `linkup run`, and their two forms, text and JSON."""

import signal
import sys
from collections.abc import Callable

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.text import Text

import linkup
from linkup.run.listeners import bracketed


class Starting(Struct, frozen=True, kw_only=True, tag_field="event", tag="starting"):
    service: str
    pid: int


class Ready(Struct, frozen=True, kw_only=True, tag_field="event", tag="ready"):
    service: str
    pid: int
    host: str
    port: int
    seconds: float


class Started(Struct, frozen=True, kw_only=True, tag_field="event", tag="started"):
    """Everything is ready. `mails`: the folder they are written to when no SMTP server is set."""

    url: str
    pid: int
    seconds: float
    dev_login: bool
    data_dir: str
    mails: str | None


class Warned(Struct, frozen=True, kw_only=True, tag_field="event", tag="warning"):
    """It runs, but not as its operator is likely to want it."""

    text: str


class Died(Struct, frozen=True, kw_only=True, tag_field="event", tag="died"):
    """A child has died. `status` is its exit status, negative for a signal."""

    service: str
    pid: int
    status: int
    restart_in: float


class Stopping(Struct, frozen=True, kw_only=True, tag_field="event", tag="stopping"):
    pass


class Stopped(Struct, frozen=True, kw_only=True, tag_field="event", tag="stopped"):
    """A child has stopped. If `killed`, it did not end by itself in time."""

    service: str
    pid: int
    killed: bool


Event = Starting | Ready | Started | Warned | Died | Stopping | Stopped
Tell = Callable[[Event], None]


def as_json() -> Tell:
    """Return what prints one JSON object a line, on stdout."""
    encode = msgspec.json.Encoder().encode

    def tell(event: Event) -> None:
        _quietly(lambda: _write(encode(event).decode() + "\n"))
        if isinstance(event, Warned):  # where people look, when a program reads stdout
            _quietly(lambda: click.echo(f"linkup: warning: {event.text}", err=True))

    return tell


def as_text() -> Tell:
    """Return what prints lines for people, on stdout; coloured on a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"LinkUp messaging {linkup.__version__}\n", style="bold")

    def tell(event: Event) -> None:
        lines = text(event)
        if lines is not None:
            _quietly(lambda: console.print(lines))

    return tell


def text(event: Event) -> Text | None:
    """Return the text of an event, or None if it is only for programs."""
    match event:
        case Ready():
            return _ready(event)
        case Started():
            return _started(event)
        case Warned():
            return Text(f"  ! {event.text}\n", style="bold red")
        case Died():
            return _died(event)
        case Stopping():
            return Text("\nStopping; Ctrl-C again stops at once", style="dim")
        case Stopped(killed=True):
            return Text(f"  ! {event.service} did not stop in time and was killed", style="yellow")
        case _:
            return None


def _ready(event: Ready) -> Text:
    return Text.assemble(
        ("  ✓ ", "green"),
        f"{event.service:<12} {event.seconds:5.2f} s  ",
        (f"{bracketed(event.host)}:{event.port}", "dim"),
    )


def _started(event: Started) -> Text:
    page = [event.url]
    if event.dev_login:
        page += ["Sign in as alice, bob or carol, each in another window"]
    facts = [("Page", line) for line in page] + [("Data", event.data_dir)]
    if event.mails is not None:
        facts.append(("Mails", f"{event.mails} (because no SMTP server is set)"))
    facts.append(("Stop", "Ctrl-C"))
    lines = Text(f"\nReady in {event.seconds:.1f} s\n\n", style="bold")
    shown = ""
    for label, fact in facts:
        lines.append(f"  {'' if label == shown else label:<7}{fact}\n", style="not bold")
        shown = label
    return lines


def _died(event: Died) -> Text:
    return Text(
        f"  ! {event.service} {ending(event.status)}; starts again in {event.restart_in:.1f} s",
        style="yellow",
    )


def ending(status: int) -> str:
    """Return the end of a process in words."""
    if status >= 0:
        return f"stopped with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def _write(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _quietly(step: Callable[[], None]) -> None:
    """The terminal, or the reader of the pipe, may be gone: the services go on."""
    try:
        step()
    except (OSError, ValueError):
        return
