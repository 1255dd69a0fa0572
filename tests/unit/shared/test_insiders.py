"""Who is told more than the bare status."""

import pytest

from shared.insiders import PASSED_ON, is_local

OWN = [(b"host", b"127.0.0.1:8000")]


def asked(address: str | None, *headers: tuple[bytes, bytes]) -> bool:
    client = None if address is None else (address, 40_000)
    return is_local({"type": "http", "client": client, "headers": [*headers]})


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", [b"127.0.0.1", b"localhost:8000", b"[::1]:8000", b"LOCALHOST"])
def test_this_machine_is_told_all(address: str, host: bytes) -> None:
    assert asked(address, (b"host", host))


@pytest.mark.parametrize("address", [None, "10.0.0.7", "192.0.2.1", "2001:db8::1", "testclient"])
def test_another_machine_is_not(address: str | None) -> None:
    assert not asked(address, *OWN)


@pytest.mark.parametrize("name", PASSED_ON)
def test_what_a_proxy_on_this_machine_passes_on_is_a_strangers(name: str) -> None:
    assert not asked("127.0.0.1", *OWN, (name.encode(), b"127.0.0.1"))


@pytest.mark.parametrize("host", [b"chat.example.com", b"evil.example:8000", b"", b"127.0.0.1.nip"])
def test_what_asks_by_another_name_is_a_strangers(host: bytes) -> None:
    assert not asked("127.0.0.1", (b"host", host))
    assert not asked("127.0.0.1")
