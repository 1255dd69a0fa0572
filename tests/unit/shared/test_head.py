"""The checks of a request's head."""

import pytest

from shared.http.head import Head, Unfit, judge

HOST = (b"host", b"here")
CHUNKED = (b"transfer-encoding", b"chunked")
MOST = 16 * 1024


def status(
    *fields: tuple[bytes, bytes],
    method: bytes = b"GET",
    target: bytes = b"/",
    version: str = "1.1",
    host: bool = True,
) -> int:
    """The status of the refusal; 0 for what is accepted."""
    try:
        judge(Head(method, target, version, [*([HOST] if host else []), *fields]), MOST)
    except Unfit as refused:
        return refused.status
    return 0


def test_an_ordinary_head_is_accepted() -> None:
    assert status((b"cookie", b"a=1"), target=b"/v1/users?q=%C3%A9") == 0
    assert status((b"content-length", b"2"), method=b"POST") == 0
    assert status(CHUNKED, method=b"POST") == 0
    assert status((b"transfer-encoding", b"Chunked"), method=b"POST") == 0


def test_a_head_names_one_host_unless_it_is_of_http_1_0() -> None:
    assert status(host=False) == 400
    assert status(HOST) == 400
    assert status(host=False, version="1.0") == 0
    assert status(HOST, version="1.0") == 400


@pytest.mark.parametrize("target", [b"/\xc3\xa9", b"/a\tb", b"/a\x0cb", b"/\x7f", b"/\x80"])
def test_an_address_has_only_characters_of_an_address(target: bytes) -> None:
    assert status(target=target) == 400


def test_f_h9_a_body_has_one_length() -> None:
    assert status(CHUNKED, (b"content-length", b"2")) == 400
    assert status(CHUNKED, version="1.0") == 400
    assert status(CHUNKED, CHUNKED) == 501
    assert status((b"transfer-encoding", b"gzip, chunked")) == 501
    assert status((b"transfer-encoding", b"identity")) == 501


def test_f_h3_a_length_has_not_more_digits_than_a_number_can_have() -> None:
    assert status((b"content-length", b"0" * 19 + b"2")) == 0
    assert status((b"content-length", b"0" * 20 + b"2")) == 400


def test_other_versions_and_what_a_proxy_does_are_refused() -> None:
    assert status(version="2.0") == 505
    assert status(version="0.9") == 505
    assert status(method=b"CONNECT", target=b"here:443") == 501


def test_f_h3_a_head_has_limits() -> None:
    assert status(target=b"/" + b"x" * 7999) == 0
    assert status(target=b"/" + b"x" * 8000) == 414
    assert status(*[(b"x", b"1")] * 99) == 0
    assert status(*[(b"x", b"1")] * 100) == 431
    assert status((b"x", b"1" * (MOST // 2))) == 0
    assert status((b"x", b"1" * (MOST // 2 + 300))) == 431
    assert status(*[(b"x", b"1" * 4096)] * 4) == 431
