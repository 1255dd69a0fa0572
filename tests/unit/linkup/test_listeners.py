import socket

import pytest

from linkup.run.listeners import bracketed, is_loopback, listen, port_of, reachable
from shared.errors import StartError


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "chat.example", ""])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_a_wildcard_is_reached_over_loopback() -> None:
    assert reachable("0.0.0.0") == "127.0.0.1"
    assert reachable("::") == "::1"
    assert reachable("192.168.1.7") == "192.168.1.7"
    assert bracketed("::1") == "[::1]"


def test_port_0_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0, "gateway_port") as listener:
        assert port_of(listener) > 0
        with socket.create_connection(("127.0.0.1", port_of(listener)), timeout=5):
            pass


def test_a_taken_port_names_the_setting_to_change() -> None:
    with listen("127.0.0.1", 0, "gateway_port") as listener:
        port = port_of(listener)
        with pytest.raises(StartError, match=f"port {port} is taken.*LINKUP_NOTIFY_PORT"):
            listen("127.0.0.1", port, "notify_port")


@pytest.mark.parametrize("host", ["203.0.113.1", "no such host"])
def test_an_address_of_another_machine_names_the_setting_to_change(host: str) -> None:
    with pytest.raises(StartError, match="no address of this machine; set LINKUP_HOST"):
        listen(host, 0, "gateway_port")
