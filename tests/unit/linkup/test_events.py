import json
import signal

import pytest

from linkup.run import events
from linkup.run.events import (
    Died,
    Ready,
    Started,
    Starting,
    Stopped,
    Stopping,
    Warned,
    ending,
    text,
)

STARTED = Started(
    url="http://127.0.0.1:8000",
    pid=1,
    seconds=2.34,
    dev_login=True,
    data_dir="/srv/chat",
    mails="/srv/chat/mail",
)


def shown(event: events.Event) -> str:
    return str(text(event) or "")


def test_what_is_ready_is_shown_with_its_time_and_address() -> None:
    line = shown(Ready(service="notify", pid=7, host="127.0.0.1", port=8002, seconds=0.512))
    assert "notify" in line
    assert "0.51 s" in line
    assert "127.0.0.1:8002" in line


def test_the_start_says_where_to_go_and_how_to_stop() -> None:
    page = shown(STARTED)
    for fact in ("http://127.0.0.1:8000", "alice", "/srv/chat", "/srv/chat/mail", "Ctrl-C"):
        assert fact in page


def test_the_start_promises_no_sign_in_and_no_mail_folder_that_is_not_there() -> None:
    page = shown(
        Started(url="http://h:1", pid=1, seconds=1, dev_login=False, data_dir="/d", mails=None)
    )
    assert "alice" not in page
    assert "SMTP" not in page


def test_a_death_is_one_line_with_the_exit_status() -> None:
    line = shown(Died(service="gateway", pid=7, status=-9, restart_in=0.2))
    assert "\n" not in line
    assert "gateway was killed by SIGKILL" in line
    assert "0.2 s" in line


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "stopped with status 0"),
        (78, "stopped with status 78"),
        (-signal.SIGSEGV, "was killed by SIGSEGV"),
        (-200, "was killed by signal 200"),
    ],
)
def test_an_exit_status_in_words(status: int, words: str) -> None:
    assert ending(status) == words


def test_only_a_child_that_had_to_be_killed_is_mentioned_at_the_stop() -> None:
    assert shown(Stopped(service="notify", pid=7, killed=False)) == ""
    assert "notify" in shown(Stopped(service="notify", pid=7, killed=True))
    assert shown(Starting(service="notify", pid=7)) == ""


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    tell = events.as_json()
    for event in (Starting(service="gateway", pid=7), STARTED, Stopping()):
        tell(event)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in told] == ["starting", "started", "stopping"]
    assert told[0] == {"event": "starting", "service": "gateway", "pid": 7}


def test_f_h10_a_warning_is_also_said_where_people_look(capsys: pytest.CaptureFixture[str]) -> None:
    events.as_json()(Warned(text="the door is open"))
    said = capsys.readouterr()
    assert json.loads(said.out) == {"event": "warning", "text": "the door is open"}
    assert said.err == "linkup: warning: the door is open\n"
    assert "! the door is open" in shown(Warned(text="the door is open"))


def test_text_is_plain_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    tell = events.as_text()
    tell(STARTED)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "http://127.0.0.1:8000" in out


def test_a_terminal_that_is_gone_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, text: str) -> None:
            raise BrokenPipeError

        flush = write

    monkeypatch.setattr("sys.stdout", Gone())
    events.as_json()(Stopping())
