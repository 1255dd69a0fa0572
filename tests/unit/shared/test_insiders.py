"""The details of a service are shown to insiders alone."""

import pytest

from shared.health.insiders import PASSED_ON, is_local

OWN = [(b"host", b"127.0.0.1:8000")]


def asked(address: str | None, *headers: tuple[bytes, bytes], server: str = "127.0.0.1") -> bool:
    client = None if address is None else (address, 40_000)
    scope = {"type": "http", "client": client, "server": (server, 8000), "headers": [*headers]}
    return is_local(scope)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", [b"127.0.0.1", b"localhost:8000", b"[::1]:8000", b"LOCALHOST"])
def test_this_machine_is_told_all(address: str, host: bytes) -> None:
    assert asked(address, (b"host", host))


@pytest.mark.parametrize("host", [b"10.0.0.5:8000", b"localhost:8000"])
def test_this_machine_may_ask_at_its_address_in_the_network(host: bytes) -> None:
    assert asked("10.0.0.5", (b"host", host), server="10.0.0.5")
    assert not asked("10.0.0.6", (b"host", host), server="10.0.0.5")


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
