"""One line an event, and nothing in it that was not meant for it."""

import json
import logging
import os
import sys
from collections.abc import Iterator

import pytest

from shared.process import logs
from shared.settings import Settings


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("linkup.test").makeRecord(
        "linkup.test", logging.INFO, __file__, 1, message, args, None, extra=extra
    )
    made.created = 1_700_000_000.25
    return made


def test_an_event_is_one_line_of_json() -> None:
    line = logs.JsonFormatter("gateway").format(record("open %s\n%s", "a", "b", connection="c1"))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250000Z",
        "level": "info",
        "service": "gateway",
        "logger": "linkup.test",
        "message": "open a\nb",
        "connection": "c1",
    }


def test_an_exception_is_in_the_same_line() -> None:
    made = record("it failed")
    try:
        raise ValueError("why")
    except ValueError:
        made.exc_info = sys.exc_info()
    line = logs.JsonFormatter("gateway").format(made)
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: why")
    assert logs.TextFormatter("gateway").format(made).endswith("ValueError: why")


def test_what_json_does_not_know_is_shown_as_text() -> None:
    line = logs.JsonFormatter("gateway").format(record("x", error=ValueError("why"), path=set()))
    assert json.loads(line)["error"] == "why"


def test_f_s2_a_path_that_is_no_text_makes_no_line_fail() -> None:
    path = os.fsdecode(b"/srv/\xff")
    line = logs.JsonFormatter("gateway").format(record("no file %s", path, error=OSError(path)))
    assert line.isascii()
    assert json.loads(line)["message"] == f"no file {path}"


def test_words_on_a_terminal() -> None:
    formatter = logs.TextFormatter("gateway")
    assert formatter.format(record("open", connection="c1")).endswith(
        " gateway: open connection=c1"
    )
    made = record("cut off")
    made.levelno, made.levelname = logging.WARNING, "WARNING"
    assert formatter.format(made).endswith(" gateway: warning: cut off")


@pytest.fixture
def _root_as_before() -> Iterator[None]:
    names = ("", "linkup", "databases")
    before = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers
    yield
    logging.getLogger().handlers = handlers
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("_root_as_before")
@pytest.mark.parametrize(
    ("log_format", "formatter"), [("json", logs.JsonFormatter), ("text", logs.TextFormatter)]
)
def test_no_query_is_ever_logged_with_its_parameters(
    log_format: str, formatter: type[logging.Formatter]
) -> None:
    """The driver's logger writes them at DEBUG: message bodies among them."""
    settings = Settings(log_level="debug", log_format=log_format)  # type: ignore[arg-type]
    logs.set_up("persistence", settings)
    [handler] = logging.getLogger().handlers
    assert isinstance(handler.formatter, formatter)
    assert logging.getLogger("linkup.anything").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger("databases").isEnabledFor(logging.INFO)
    assert not logging.getLogger("sqlalchemy.engine").isEnabledFor(logging.INFO)
    assert not logging.getLogger("aiosqlite").isEnabledFor(logging.DEBUG)
