"""Admission: who is let in, and who is closed at a limit (C10)."""

from typing import Any

import pytest

from shared.health.counters import Counters
from shared.http.admission import SPARE, Admission, Guest


class Transport:
    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def admission(most: int = 100, per_address: int = 0, trusted: tuple[str, ...] = ()) -> Admission:
    return Admission(most, per_address, trusted, Counters())


def enter(house: Admission, host: str = "192.0.2.1") -> Guest | None:
    guest = house.enter(host)
    if guest is not None:
        transport: Any = Transport()
        guest.transport = transport
    return guest


def cut_off(guest: Guest | None) -> bool:
    return guest is not None and guest.transport is None


def test_f_h1_who_is_idle_for_longest_makes_room_for_who_comes() -> None:
    house = admission(most=2)
    first, second = enter(house), enter(house)
    assert enter(house) is not None
    assert (cut_off(first), cut_off(second)) == (True, False)


def test_f_h1_who_asks_for_something_or_is_known_stays() -> None:
    house = admission(most=SPARE + 2)
    guests = [enter(house, f"192.0.2.{n}") for n in range(SPARE + 2)]
    for guest in guests:
        assert guest is not None
        house.busy(guest)
    assert enter(house) is None
    answered = guests[5]
    assert answered is not None
    house.idle(answered)
    assert enter(house) is not None
    assert [cut_off(guest) for guest in guests].count(True) == 1
    assert cut_off(answered)


def test_f_h1_an_address_that_has_its_share_makes_room_itself() -> None:
    house = admission(per_address=2)
    other, first, second = enter(house, "192.0.2.9"), enter(house), enter(house)
    assert enter(house) is not None
    assert [cut_off(guest) for guest in (other, first, second)] == [False, True, False]
    assert second is not None
    house.busy(second)
    assert enter(house) is not None  # in the place of the third


@pytest.mark.parametrize(
    ("host", "same"),
    [
        ("2001:db8::1", "2001:db8::2"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth1"),
    ],
)
def test_f_h1_one_machine_is_one_address(host: str, same: str) -> None:
    house = admission(per_address=1)
    first = enter(house, host)
    assert first is not None
    house.busy(first)
    assert enter(house, same) is None


@pytest.mark.parametrize(
    ("trusted", "host"),
    [(("192.0.2.0/24",), "192.0.2.1"), (("*",), "192.0.2.1"), ((), ""), (("::1",), "::1")],
)
def test_f_h1_behind_a_trusted_proxy_are_many(trusted: tuple[str, ...], host: str) -> None:
    house = admission(per_address=1, trusted=trusted)
    for _ in range(3):
        guest = enter(house, host)
        assert guest is not None
        house.busy(guest)


def test_f_h1_sockets_leave_room_for_health_routes() -> None:
    house = admission(most=SPARE + 1)
    first, second = enter(house), enter(house)
    assert first is not None
    assert second is not None
    assert house.know(first)
    assert not house.know(second)
    house.leave(first)
    assert house.know(second)


def test_f_h1_what_leaves_is_forgotten() -> None:
    house = admission(most=3, per_address=3)
    for _ in range(50):
        guests = [enter(house) for _ in range(3)]
        for guest in guests:
            assert guest is not None
            assert not cut_off(guest)
            house.leave(guest)
