"""Tests for the parser of requests: what it writes of an answer, and what it reads between two."""

import h11

from shared.http.head import Requests

RESPONSE = h11.Response(status_code=200, headers=[("content-length", "4")])


def _asked(method: str = "GET") -> Requests:
    connection = Requests(h11.SERVER)
    connection.receive_data(f"{method} / HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    assert isinstance(connection.next_event(), h11.Request)
    assert isinstance(connection.next_event(), h11.EndOfMessage)
    return connection


def _answer(connection: Requests) -> None:
    connection.send(RESPONSE)
    connection.send(h11.Data(data=b"abcd"))
    connection.send(h11.EndOfMessage())


def test_the_head_of_an_answer_leaves_with_the_beginning_of_its_body() -> None:
    connection = _asked()

    assert connection.send(RESPONSE) == b""
    first = connection.send(h11.Data(data=b"ab"))
    assert first is not None
    assert first.startswith(b"HTTP/1.1 200 ")
    assert first.endswith(b"\r\n\r\nab")
    assert connection.send(h11.Data(data=b"cd")) == b"cd"
    assert connection.send(h11.EndOfMessage()) == b""
    assert connection.status == 200


def test_an_answer_without_a_body_is_its_head() -> None:
    connection = _asked("HEAD")

    connection.send(RESPONSE)
    head = connection.send(h11.EndOfMessage())
    assert head is not None
    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n")


def test_the_head_of_the_next_answer_is_its_own() -> None:
    connection = _asked()
    _answer(connection)
    connection.start_next_cycle()
    connection.receive_data(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    assert isinstance(connection.next_event(), h11.Request)
    assert isinstance(connection.next_event(), h11.EndOfMessage)

    connection.send(h11.Response(status_code=404, headers=[("content-length", "1")]))
    written = connection.send(h11.Data(data=b"!"))
    assert written is not None
    assert written.startswith(b"HTTP/1.1 404 ")
    assert written.count(b"HTTP/1.1") == 1


def test_a_connection_that_ends_writes_nothing() -> None:
    connection = _asked()
    _answer(connection)
    connection.receive_data(b"")
    connection.next_event()

    assert connection.send(h11.ConnectionClosed()) is None


def test_between_two_requests_nothing_is_parsed_and_what_comes_then_is_read() -> None:
    connection = _asked()
    assert connection.next_event() is h11.NEED_DATA
    _answer(connection)
    connection.start_next_cycle()
    assert connection.next_event() is h11.NEED_DATA

    connection.receive_data(b"GET /next HTTP/1.1\r\nHost: he")
    assert connection.next_event() is h11.NEED_DATA
    connection.receive_data(b"re\r\n\r\nGET /third")
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    assert event.target == b"/next"
    assert isinstance(connection.next_event(), h11.EndOfMessage)
    assert connection.next_event() is h11.PAUSED


def test_a_client_that_closes_between_two_requests_is_noticed() -> None:
    connection = _asked()
    _answer(connection)
    connection.start_next_cycle()
    connection.receive_data(b"")
    assert isinstance(connection.next_event(), h11.ConnectionClosed)
